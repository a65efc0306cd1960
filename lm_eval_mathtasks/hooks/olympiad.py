"""OlympiadBench: several answers, units, and a tolerance where the set gives one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.scoring import BOXED, Doc, Format, Scores, same_text, score_doc
from lm_eval_mathtasks.problems.sources import load

if TYPE_CHECKING:
    from datasets import Dataset


def load_olympiadbench(**metadata: Any) -> dict[str, Dataset]:
    """OE_TO_maths_en_COMP: open-ended, text only, mathematics, English, competitions."""
    return load("olympiadbench", metadata)


def docs_olympiadbench(dataset: Dataset) -> Dataset:
    """Rename `final_answer` (a list) to `gold`."""
    return renamed(dataset, "olympiadbench")


def gold_olympiadbench(doc: Doc) -> str:
    """The reference answer; several stand behind each other with commas, in any order."""
    return ", ".join(str(answer) for answer in doc["gold"])


def score_olympiadbench(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`.

    Where the set gives a tolerance (column `error`, absolute), an answer within it counts as the reference answer.
    """
    tolerance = as_tolerance(str(doc.get("error") or ""))
    gold = gold_olympiadbench(doc)
    return score_doc(Format("olympiadbench", BOXED, same_text), doc, gold, results, tolerance=tolerance)
