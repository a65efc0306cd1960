"""MATH and MATH-500: data, gold and scores by subject and level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.hooks.scoring import BOXED, FINAL_ANSWER, Doc, Scores, same_text, score_response
from lm_eval_mathtasks.sources import SOURCES, load

if TYPE_CHECKING:
    from datasets import Dataset


def load_math500(**metadata: Any) -> dict[str, Dataset]:
    """MATH-500: the 500 problems of MATH's test set that Lightman et al. (2023) held out."""
    return load("math500", metadata)


def load_sample_math(**metadata: Any) -> dict[str, Dataset]:
    """The bundled competition-style sample."""
    return load("sample-math", metadata)


def docs_math500(dataset: Dataset) -> Dataset:
    """Rename `problem` to `question` and `answer` to `gold`; subject, level and solution stay."""
    return dataset.rename_columns(dict(SOURCES["math500"].rename))


def gold_math500(doc: Doc) -> str:
    """The reference answer, as published."""
    return str(doc["gold"])


def score_math_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`, over all docs and by subject and level."""
    return _by_subject_and_level(
        doc, score_response(gold_math500(doc), results, asked_for=BOXED, same=same_text)
    )


def score_math_fewshot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the exemplars' format, "Final Answer: The final answer is $...$."."""
    return _by_subject_and_level(
        doc, score_response(gold_math500(doc), results, asked_for=FINAL_ANSWER, same=same_text)
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
