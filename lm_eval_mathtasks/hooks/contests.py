"""AMC and AIME: contests whose answers are integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.scoring import BOXED, Doc, Format, Scores, same_text, score_doc
from lm_eval_mathtasks.problems.sources import load

if TYPE_CHECKING:
    from datasets import Dataset


def load_amc23(**metadata: Any) -> dict[str, Dataset]:
    """AMC 12 of 2023, both papers: the 40 problems whose answer can be asked for as an integer."""
    return load("amc23", metadata)


def load_aime24(**metadata: Any) -> dict[str, Dataset]:
    """AIME of 2024, both papers."""
    return load("aime24", metadata)


def load_aime25(**metadata: Any) -> dict[str, Dataset]:
    """AIME of 2025, both papers."""
    return load("aime25", metadata)


def docs_amc23(dataset: Dataset) -> Dataset:
    """Rename `answer` to `gold`."""
    return renamed(dataset, "amc23")


def docs_aime24(dataset: Dataset) -> Dataset:
    """Rename `problem` to `question` and `answer` to `gold`."""
    return renamed(dataset, "aime24")


def docs_aime25(dataset: Dataset) -> Dataset:
    """Rename `problem` to `question` and `answer` to `gold`."""
    return renamed(dataset, "aime25")


def gold_integer(doc: Doc) -> str:
    """The reference answer without what a column's type adds: "073" is 73, 27.0 is 27."""
    return str(int(float(doc["gold"])))


def score_amc(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{N}`."""
    return score_doc(Format("amc23", BOXED, same_text), doc, gold_integer(doc), results)


def score_aime(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{N}`; "073" is 73."""
    return score_doc(Format("aime", BOXED, _same_integer_text), doc, gold_integer(doc), results)


def _same_integer_text(gold: str, answer: str) -> bool:
    """String equality but for the leading zeros that AIME's answer sheets have."""
    return same_text(gold, answer.strip(" \n$").lstrip("0") or "0")
