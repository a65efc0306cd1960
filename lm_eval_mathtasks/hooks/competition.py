"""MATH and MATH-500: data, gold and scores by subject and level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.grading.boxes import find_boxes
from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.scoring import BOXED, FINAL_ANSWER, Doc, Format, Scores, same_text, score_doc
from lm_eval_mathtasks.problems.sources import load

if TYPE_CHECKING:
    from datasets import Dataset


def load_math500(**metadata: Any) -> dict[str, Dataset]:
    """MATH-500: the 500 problems of MATH's test set that Lightman et al. (2023) held out."""
    return load("math500", metadata)


def load_math(**metadata: Any) -> dict[str, Dataset]:
    """MATH's whole test set, the seven subjects one after the other."""
    return load("math", metadata)


def load_sample_math(**metadata: Any) -> dict[str, Dataset]:
    """The bundled competition-style sample."""
    return load("sample-math", metadata)


def docs_math500(dataset: Dataset) -> Dataset:
    """Rename `problem` to `question` and `answer` to `gold`; subject, level and solution stay."""
    return renamed(dataset, "math500")


def docs_math(dataset: Dataset) -> Dataset:
    """Rename `problem` to `question` and `type` to `subject`; level and solution stay."""
    return renamed(dataset, "math")


def gold_math500(doc: Doc) -> str:
    """The reference answer, as published."""
    return str(doc["gold"])


def gold_math(doc: Doc) -> str:
    """The reference answer: the last box of the reference solution, as the authors' code takes it (Hendrycks et al.,
    `last_boxed_only_string`)."""
    solution = str(doc["solution"])
    boxes = [box for box in find_boxes(solution) if box.complete]
    return solution[boxes[-1].start : boxes[-1].stop].strip() if boxes else ""


def score_math_cot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`, over all docs of MATH and by subject and level."""
    return _by_subject_and_level(
        doc, score_doc(Format("math", BOXED, same_text), doc, gold_math(doc), results)
    )


def score_math_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`, over all docs and by subject and level."""
    return _by_subject_and_level(
        doc, score_doc(Format("math", BOXED, same_text), doc, gold_math500(doc), results)
    )


def score_math_fewshot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the exemplars' format, "Final Answer: The final answer is $...$."."""
    return _by_subject_and_level(
        doc, score_doc(Format("math", FINAL_ANSWER, same_text), doc, gold_math500(doc), results)
    )


def subject_key(subject: str) -> str:
    """Metric name of a MATH subject: "Counting & Probability" -> "exact_match_counting_and_probability"."""
    return "exact_match_" + re.sub(r"\W+", "_", subject.replace("&", "and")).strip("_").lower()


def _by_subject_and_level(doc: Doc, scores: Scores) -> Scores:
    if "exact_match" in scores:
        scores[subject_key(doc["subject"])] = scores["exact_match"]
        level = str(doc["level"]).removeprefix("Level ")  # MATH-500 has 4, MATH has "Level 4"
        scores[f"exact_match_level_{level}"] = scores["exact_match"]
    return scores
