"""Stored responses judged again by our grader, without a model: what was extracted, by which rule, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.grading import Extraction, Status, Verdict, extract_answer, grade, normal_form
from lm_eval_mathtasks.grading.tolerance import TOLERANCE, within
from lm_eval_mathtasks.runs.records import Row, Run, require_gold

_CACHED_PAIRS = 100_000  # distinct (gold, answer) pairs kept; a pair of strings is a few hundred bytes


class Judgement(NamedTuple):
    """One response judged: the doc's id, which repeat, what was extracted, and the verdict."""

    doc_id: str
    repeat: int
    extraction: Extraction
    verdict: Verdict

    @property
    def over_limit(self) -> bool:
        """Whether the answer was too big to check."""
        return self.verdict.status is Status.OVER_LIMIT


def judge(run: Run) -> list[Judgement]:
    """Return a judgement of every response that is there, in the order of docs and repeats.

    Raises EvidenceError where a doc has no reference answer or the log holds no text.
    """
    if run.withheld:
        raise EvidenceError(
            f"the responses of {run.label}",
            f"a pack without text, {run.provenance.path}",
            "take the responses from where they are published; `mathtasks evidence verify --data` regrades the pack",
        )
    require_gold(run)
    return [judgement for row in run.rows for judgement in _judge_row(row)]


def _judge_row(row: Row) -> Iterator[Judgement]:
    gold = reference_answer(row.gold or "")
    for repeat in row.there:
        finish_reason = row.finish_reason(repeat)
        found, verdict = judge_response(gold, row.responses[repeat], finish_reason, row.tolerance)
        yield Judgement(row.doc_id, repeat, found, verdict)


def judge_response(
    gold: str, response: str, finish_reason: str | None, tolerance: float | None = None
) -> tuple[Extraction, Verdict]:
    """Return what was extracted from one response and its verdict, as the tasks' `score_*` hooks come to it.

    gold: the reference answer itself, see `reference_answer`; tolerance: absolute, that the doc's dataset states.
    Like the hooks, never raises: a defect of the grader is a verdict `unparsable` of tier "error".
    """
    try:
        extraction = extract_answer(response, finish_reason=finish_reason)
        if extraction.answer is None and extraction.truncated:
            verdict = Verdict(Status.TRUNCATED, "the response broke off before its answer", "extraction")
        elif tolerance is not None and within(gold, extraction.answer, tolerance):
            verdict = Verdict(Status.CORRECT, "within the tolerance that the dataset states", TOLERANCE)
        else:
            verdict = _grade(gold, extraction.answer)
    except Exception as error:
        failed = Verdict(Status.UNPARSABLE, f"the grader failed: {type(error).__name__}", "error")
        return Extraction(None, "none"), failed
    return extraction, verdict


@lru_cache(maxsize=_CACHED_PAIRS)
def _grade(gold: str, pred: str | None) -> Verdict:
    return grade(gold=gold, pred=pred)


@lru_cache(maxsize=_CACHED_PAIRS)
def understood(answer: str) -> str:
    """Return how the grader understands an answer: the cleaned text, then a line for each reading of it."""
    return normal_form(answer)


def reference_answer(gold: str) -> str:
    r"""Return the answer inside a reference text: after GSM8K's `####`, in a solution's last box, or the whole text.

    >>> reference_answer("9 * 2 = 18\n#### 18")
    '18'
    >>> reference_answer("\\frac{1}{2}")
    '\\frac{1}{2}'
    """
    if "####" in gold:
        return gold.rsplit("####", 1)[1].strip()
    if "\\boxed" in gold and not gold.strip().startswith("\\boxed"):
        return extract_answer(gold).answer or gold.strip()
    return gold.strip()


def shares(run: Run, judgements: list[Judgement]) -> dict[str, float]:
    """Return for every doc the share of its responses that our grader finds right (of those that are there)."""
    right: dict[str, int] = {row.doc_id: 0 for row in run.rows}
    for judgement in judgements:
        right[judgement.doc_id] += judgement.verdict.correct
    return {row.doc_id: right[row.doc_id] / (len(row.there) or 1) for row in run.rows}


def first_answers(run: Run) -> dict[str, str | None]:
    """Return for every doc the answer of its first response, without grading it."""
    return {
        row.doc_id: row.answers[0]
        if row.answers
        else extract_answer(row.responses[0], finish_reason=row.finish_reason(0)).answer
        for row in run.rows
    }
