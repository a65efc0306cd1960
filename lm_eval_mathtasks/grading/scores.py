"""Judgements in, numbers out: the metrics of a doc, the same in a run's hooks and wherever its log is read again."""

import logging
from collections.abc import Sequence
from statistics import fmean

from lm_eval_mathtasks.grading.classes import answer_classes
from lm_eval_mathtasks.grading.judge import Judgement
from lm_eval_mathtasks.grading.tolerance import TOLERANCE
from lm_eval_mathtasks.grading.verdict import Status
from lm_eval_mathtasks.numbers.estimators import Votes, majority, pass_at_k, powers_of_two

log = logging.getLogger(__name__)

# The statuses that are neither right nor wrong: each is a rate of its own.
RATES = (Status.NO_ANSWER, Status.UNPARSABLE, Status.OVER_LIMIT, Status.GOLD_UNREADABLE)


def doc_scores(
    judged: Sequence[Judgement],
    *,
    gold: str | None,
    asked: int,
    told: bool,
    strict: Sequence[bool] | None = None,
) -> dict[str, float]:
    """Return the metrics of a doc from the judgements of its responses.

    judged: of the responses that are there, in order; asked: how many were asked for; told: whether each of those that
    are there came with its finish reason. api_error is the share that is missing; the other metrics are of the rest,
    and absent if there is none. Each is 0.0 or 1.0 for one response, and the mean over several: exact_match, graded
    equal; strict_match (only where `strict` says of each response whether its answer is the same text, in the format
    that was asked for); extracted, an answer was found; truncated, the response was cut off, whether or not it had
    answered before that (absent unless told: the rate of those that look cut off would be too low); the rest are
    statuses of verdicts. Of several responses pass@k and maj@k stand beside them, see `repeat_scores`.
    """
    scores = {"api_error": 1 - len(judged) / asked}
    if not judged:
        return scores
    each = [_response_scores(one) for one in judged]
    scores |= {name: fmean(one[name] for one in each) for name in each[0]}
    if told:
        scores["truncated"] = fmean(one.cut_off is not None for one in judged)
    if strict is not None:
        scores["strict_match"] = fmean(strict)
    return {**scores, **repeat_scores([one.correct for one in judged], votes_for(judged, gold), asked)}


def _response_scores(judged: Judgement) -> dict[str, float]:
    return {
        "exact_match": float(judged.correct),
        "extracted": float(judged.extraction.answer is not None),
        **{str(status): float(judged.verdict.status is status) for status in RATES},
    }


def votes_for(judged: Sequence[Judgement], gold: str | None) -> list[str | None]:
    """Return what each response votes for: its answer, and the reference answer where a tolerance made it right."""
    return [gold if one.verdict.tier == TOLERANCE else one.extraction.answer for one in judged]


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
