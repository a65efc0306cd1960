"""pass@k and maj@k of a doc's judged responses, as the scoring hooks and a rescoring give them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lm_eval_mathtasks.numbers.estimators import majority, pass_at_k, powers_of_two
from lm_eval_mathtasks.numbers.votes import Votes
from lm_eval_mathtasks.sampling.classes import answer_classes

log = logging.getLogger(__name__)


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
