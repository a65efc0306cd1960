"""What best-of-k should give with a scorer of known quality: normal scores, correct responses d higher on average.

Signal detection theory's forced choice among k (Green and Swets 1966), with c signals instead of one.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from lm_eval_mathtasks.numbers.estimators import Votes

_STEP = 0.02  # the trapezoid rule converges faster than any power of the step for these smooth, vanishing integrands
_REACH = 9.0  # standard deviations; the normal density beyond is below 1e-18


def best_is_correct(correct: int, wrong: int, d: float) -> float:
    """Return the probability that the best-scored of some responses is correct, scores being N(d, 1) and N(0, 1).

    The integral of c phi(x - d) Phi(x - d)^(c-1) Phi(x)^w: one of the c correct ones is at x, all others below.
    d = 0 gives c / (c + w), d to infinity gives 1 if c > 0.
    """
    if not correct or not wrong:
        return float(correct > 0)
    normal = NormalDist()
    total = 0.0
    for i in range(-int(_REACH / _STEP), int(_REACH / _STEP) + 1):
        z = i * _STEP
        total += normal.pdf(z) * normal.cdf(z) ** (correct - 1) * normal.cdf(z + d) ** wrong
    return correct * total * _STEP


def expected_best(votes: Votes, k: int, d: float) -> float:
    """Return the same for a random k-subset of a doc's n responses: the mean over the hypergeometric number of correct
    ones."""
    n, right = votes.n, sum(votes.correct)
    ways = ((c, math.comb(right, c) * math.comb(n - right, k - c)) for c in range(k + 1))
    return sum(count * best_is_correct(c, k - c, d) for c, count in ways if count) / math.comb(n, k)
