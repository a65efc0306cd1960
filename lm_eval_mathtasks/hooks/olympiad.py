"""OlympiadBench: several answers, units, and a tolerance where the set gives one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.grading import extract_answer
from lm_eval_mathtasks.grading.tolerance import as_tolerance, within
from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.errata import with_errata
from lm_eval_mathtasks.hooks.scoring import BOXED, Doc, Scores, same_text
from lm_eval_mathtasks.problems.sources import load
from lm_eval_mathtasks.response import Response

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
    gold = gold_olympiadbench(doc)
    tolerance = as_tolerance(str(doc.get("error") or ""))
    if tolerance is not None:
        results = [_rounded_off(result, gold, tolerance) for result in results]
    return with_errata("olympiadbench", doc, gold, results, asked_for=BOXED, same=same_text)


def _rounded_off(result: Any, gold: str, tolerance: float) -> Any:
    """A response whose answer is within the tolerance as one that gives the reference answer itself."""
    if isinstance(result, list):
        return [_rounded_off(response, gold, tolerance) for response in result]
    reason = getattr(result, "finish_reason", None)
    found = None if result is None else extract_answer(str(result), finish_reason=reason).answer
    if not within(gold, found, tolerance):
        return result
    return Response(f"\\boxed{{{gold}}}", finish_reason=reason, error=getattr(result, "error", None))
