"""GSM8K and GSM8K-Platinum: data, gold and scores of the prompts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.grading.scores import mean
from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.scoring import (
    ANY_RULE,
    BOXED,
    SOLUTION_TAG,
    THE_ANSWER_IS,
    Doc,
    Format,
    Scores,
    answered,
    same_number_text,
    score_doc,
)
from lm_eval_mathtasks.problems.sources import load

if TYPE_CHECKING:
    from datasets import Dataset

_THINKING = re.compile(r"<start_working_out>.+?<end_working_out>", re.S)
_SOLUTION = re.compile(r"<SOLUTION>.+?</SOLUTION>", re.S)


def load_gsm8k(**metadata: Any) -> dict[str, Dataset]:
    """GSM8K's test set."""
    return load("gsm8k", metadata)


def load_gsm8k_platinum(**metadata: Any) -> dict[str, Dataset]:
    """GSM8K's test set as Vendrow et al. (2025) revised it."""
    return load("gsm8k-platinum", metadata)


def load_sample_gsm8k(**metadata: Any) -> dict[str, Dataset]:
    """The bundled grade-school sample."""
    return load("sample-gsm8k", metadata)


def docs_gsm8k(dataset: Dataset) -> Dataset:
    """Rename `answer` (solution and `#### N`) to `gold`."""
    return renamed(dataset, "gsm8k")


def gold_gsm8k(doc: Doc) -> str:
    """The reference answer: what follows the last `####` of the reference solution."""
    return str(doc["gold"]).rsplit("####", 1)[-1].strip()


def score_gsm8k_cot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a few-shot response, which ends "The answer is N."."""
    return score_doc(Format("gsm8k", THE_ANSWER_IS, same_number_text), doc, gold_gsm8k(doc), results)


def score_gsm8k_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{N}`."""
    return score_doc(Format("gsm8k", BOXED, same_number_text), doc, gold_gsm8k(doc), results)


def score_gsm8k_direct(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for a number and nothing else."""
    return score_doc(Format("gsm8k", ANY_RULE, same_number_text), doc, gold_gsm8k(doc), results)


def score_gsm8k_tags(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the tags format, with the share of responses that hold each of its two parts."""
    scores = score_doc(Format("gsm8k", SOLUTION_TAG, same_number_text), doc, gold_gsm8k(doc), results)
    if texts := [str(response) for response in answered(results)]:
        scores["thinking_proportion"] = mean(bool(_THINKING.search(text)) for text in texts)
        scores["answer_proportion"] = mean(bool(_SOLUTION.search(text)) for text in texts)
    return scores
