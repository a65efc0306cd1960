"""Verdicts in, numbers out."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence

from lm_eval_mathtasks.grading.classes import answer_classes
from lm_eval_mathtasks.grading.verdict import Extraction, Status, Verdict
from lm_eval_mathtasks.numbers.estimators import majority, pass_at_k, powers_of_two
from lm_eval_mathtasks.numbers.votes import Votes

log = logging.getLogger(__name__)

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


def repeat_scores(
    correct: Sequence[bool], answers: Sequence[str | None], asked: int | None = None
) -> dict[str, float]:
    """Return pass@k and maj@k of a doc's n judged responses for k = 2, 4, 8, ... and `asked` (default: n): the
    expectations over all subsets of k.

    Where API errors left fewer than k of those that were asked for, a doc has none and is not in the mean: n < k is
    undefined. Nor does its n become a k of its own, which would be a mean over the short docs only.
    """
    n = len(correct)
    ks = [k for k in powers_of_two(asked or n)[1:] if k <= n] if n else []
    if not ks:
        return {}
    majorities = majority(Votes("", tuple(correct), _classes(answers)))
    scores = {}
    for k in ks:
        scores[f"pass@{k}"] = pass_at_k(n, sum(correct), k)
        scores[f"maj@{k}"] = majorities[k - 1]
    return scores


def _classes(answers: Sequence[str | None]) -> tuple[int | None, ...]:
    try:
        return answer_classes(answers)
    except Exception:  # no defect of ours may cost a run: it is said, and then equal text is an equal vote
        log.exception("the grader failed on the answers %.200r: they vote by their text", answers)
        texts = list(dict.fromkeys(a for a in answers if a is not None))
        return tuple(None if a is None else texts.index(a) for a in answers)
