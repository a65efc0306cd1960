"""The judgement of a response, the same everywhere: what it answered, whether that is right, whether it was cut off."""

import logging
from functools import lru_cache
from typing import Literal, NamedTuple

from lm_eval_mathtasks.grading.extract import extract_answer
from lm_eval_mathtasks.grading.grade import grade
from lm_eval_mathtasks.grading.tolerance import TOLERANCE, within
from lm_eval_mathtasks.grading.verdict import Extraction, Status, Verdict
from lm_eval_mathtasks.response import hit_limit
from lm_eval_mathtasks.text import thinking

# "surely": the server says so, or thinking began and never ended; "likely": the text alone breaks off. Where
# the server says that the response ended by itself, the text is not asked.
CutOff = Literal["surely", "likely"]
_CACHED_PAIRS = 100_000  # distinct (gold, answer) pairs kept; a pair of strings is a few hundred bytes

log = logging.getLogger(__name__)


class Judgement(NamedTuple):
    """What is known of one response.

    cut_off: how certain it is that the response broke off, None where nothing says so. A response may be cut off and
    right (it had stated its answer); one with the status `unfinished` is always cut off.
    """

    extraction: Extraction
    verdict: Verdict
    cut_off: CutOff | None = None

    @property
    def correct(self) -> bool:
        """Whether the answer is the reference answer."""
        return self.verdict.correct


def judge(
    response: str | None,
    *,
    gold: str | None,
    finish_reason: str | None = None,
    tolerance: float | None = None,
) -> Judgement:
    """Judge one response.

    gold: the reference answer itself (`problems.gold.answer_in` takes it from a reference). finish_reason: as the
    server names it, None where unknown. tolerance: absolute, where the data set states one: a number within it is
    right. Never raises: a defect of the grader is a verdict `unparsable` of tier "error", so that no run is lost.
    """
    try:
        extraction = extract_answer(response, finish_reason=finish_reason)
        cut_off = _cut_off(response or "", extraction, finish_reason)
        return Judgement(extraction, _verdict(extraction, gold, tolerance), cut_off)
    except Exception as error:
        log.exception("the grader failed on gold %r, response %.200r: counted as unparsable", gold, response)
        failed = Verdict(Status.UNPARSABLE, f"the grader failed: {type(error).__name__}", "error")
        return Judgement(Extraction(None, "none"), failed, "surely" if hit_limit(finish_reason) else None)


def judge_again(judgement: Judgement, *, gold: str | None, tolerance: float | None = None) -> Judgement:
    """Judge what was extracted by another reference answer; the response is not looked at again."""
    return judgement._replace(verdict=_verdict(judgement.extraction, gold, tolerance))


def _verdict(extraction: Extraction, gold: str | None, tolerance: float | None) -> Verdict:
    if extraction.answer is None and extraction.truncated:
        return Verdict(Status.UNFINISHED, "the response broke off before its answer", "extraction")
    if tolerance is not None and within(gold or "", extraction.answer, tolerance):
        return Verdict(Status.CORRECT, "within the tolerance that the dataset states", TOLERANCE)
    return _graded(gold, extraction.answer)


@lru_cache(maxsize=_CACHED_PAIRS)
def _graded(gold: str | None, pred: str | None) -> Verdict:
    return grade(gold=gold, pred=pred)


def _cut_off(response: str, extraction: Extraction, finish_reason: str | None) -> CutOff | None:
    if hit_limit(finish_reason):
        return "surely"
    if not extraction.truncated:
        return None
    return "surely" if thinking(response).unfinished else "likely"
