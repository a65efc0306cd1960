"""Verdicts in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lm_eval_mathtasks.grading.verdict import Extraction, Status, Verdict

# The statuses that are neither right nor wrong: each is a rate of its own.
RATES = (Status.NO_ANSWER, Status.UNPARSABLE, Status.OVER_LIMIT, Status.GOLD_UNREADABLE)


def response_scores(
    extraction: Extraction, verdict: Verdict, *, same_text: bool, cut_off: bool
) -> dict[str, float]:
    """The metrics of one judged response, each 0.0 or 1.0; their means over docs are the accuracy and the rates.

    exact_match: graded equal; strict_match (`same_text`): the same text, in the format that was asked for;
    extracted: an answer was found; truncated: the token limit cut the response off (`cut_off`) or its thinking never
    ended, whether or not an answer was found before that; the rest: the verdict has that status.
    """
    return {
        "exact_match": float(verdict.correct),
        "strict_match": float(same_text),
        "extracted": float(extraction.answer is not None),
        "truncated": float(cut_off or verdict.status is Status.TRUNCATED),
        **{str(status): float(verdict.status is status) for status in RATES},
    }


def mean(values: Iterable[float]) -> float:
    """The mean of one or more numbers."""
    found = list(values)
    return math.fsum(found) / len(found)
