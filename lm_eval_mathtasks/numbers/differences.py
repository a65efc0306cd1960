"""Differences of scores and tests for them, over a fixed set of problems; intervals: `intervals`.

The formulas and what they are used for: leaderboards/README.md.
Scores are fractions in [0, 1] here, never percent. `level` is the coverage of a two-sided interval.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import NormalDist

from lm_eval_mathtasks.numbers.intervals import (
    LEVEL,
    Interval,
    clustered,
    is_clustered,
    of_mean,
    of_stated_mean,
    t_value,
    wilson,
    z_value,
)

# Those of `intervals` included, which are made for other rooms too.
__all__ = [
    "LEVEL", "Interval", "bootstrap_percentiles", "clustered", "cochran", "holm", "is_clustered", "mcnemar", "of_mean",
    "of_stated_mean", "paired_bootstrap", "sign_flip", "t_value", "wilson", "within_doc_variance", "z_value",
]  # fmt: skip

SPREAD = 8  # standard deviations of a bootstrap distribution that are looked at; outside lies less than 1e-14
# Lattice points between a difference of 0 and 1: enough for any number of repeats that is used.
MOST_STEPS = 1_000


def within_doc_variance(shares: Sequence[float], k: int) -> float:
    """Return the mean over problems of the variance of one answer, from `k` repeats (unbiased).

    `shares[i]` is the share of right answers to problem i; p(1-p) k/(k-1) is unbiased for a Bernoulli variance.
    Raises ValueError where k < 2: one repeat says nothing about the spread of repeats.
    """
    if k < 2 or not shares:
        raise ValueError(f"at least two repeats of at least one problem, got k={k}, {len(shares)} problems")
    return math.fsum(p * (1 - p) for p in shares) * k / (k - 1) / len(shares)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value that flips between two runs are fair (McNemar 1947, binomial form).

    only_first, only_second: problems that only the first, only the second run got right. 1.0 without flips.
    """
    n, least = only_first + only_second, min(only_first, only_second)
    if least < 0:
        raise ValueError(f"counts of problems, got {only_first}, {only_second}")
    # Two symmetric tails; they overlap in the middle, hence the bound.
    tail: int = sum(math.comb(n, i) for i in range(least + 1))
    return min(1.0, float(2 * tail / (1 << n)))


def cochran(right: Sequence[Sequence[bool]]) -> float:
    """Return the p-value that repeats differ by luck alone (Cochran 1950, Biometrika 37; chi-square by Wilson and
    Hilferty's cube root). right: for each problem whether each of the k repeats is; 1.0 where they never differ.

    Raises ValueError for problems with unlike numbers of repeats.
    """
    totals = [sum(column) for column in zip(*right, strict=True)]
    k, rights = len(totals), [sum(row) for row in right]
    luck = k * sum(rights) - sum(one * one for one in rights)
    if k < 2 or luck == 0:
        return 1.0
    q = (k - 1) * (k * sum(one * one for one in totals) - sum(totals) ** 2) / luck
    step = 2 / (9 * (k - 1))
    return 1 - NormalDist().cdf(((q / (k - 1)) ** (1 / 3) - 1 + step) / math.sqrt(step))


def paired_bootstrap(differences: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the bootstrap interval of a mean of per-problem differences, resampling problems (Efron 1979).

    Percentiles of the exact bootstrap distribution (all resamples, none drawn), with two corrections for few problems:
    the tails are those of Student's t (the expanded percentile interval, Hesterberg 2015, section 5.2), and where each
    run answered once, half a problem that only the first and half a problem that only the second solved are added, for
    without them two or three flips in one direction would exclude 0. Raises ValueError without a difference.
    """
    n = len(differences)
    if not n:
        raise ValueError("at least one problem, got none")
    tail = (1 - level) / 2
    if n > 1:
        tail = NormalDist().cdf(-t_value(n - 1, level) * math.sqrt(n / (n - 1)))
    weights: dict[float, float] = dict(Counter(differences))
    if all(difference in (-1, 0, 1) for difference in weights):
        n += 1
        weights = {**weights, 1: weights.get(1, 0) + 0.5, -1: weights.get(-1, 0) + 0.5}
    return bootstrap_percentiles(weights, n, tail)


def bootstrap_percentiles(weights: Mapping[float, float], draws: int, tail: float) -> Interval:
    """Return the two percentiles of the mean of `draws` values that are drawn with these weights.

    The sum lies on a lattice; its distribution is the Fourier transform of the characteristic function of one draw,
    to the power of `draws`, over the lattice points within SPREAD standard deviations.
    """
    import numpy as np

    total = sum(weights.values())
    steps = math.lcm(*(Fraction(v).limit_denominator(MOST_STEPS).denominator for v in weights))
    steps = min(steps, MOST_STEPS)
    chances = [(round(value * steps), weight / total) for value, weight in weights.items()]
    mean = sum(place * chance for place, chance in chances)
    spread = math.sqrt(draws * sum(chance * (place - mean) ** 2 for place, chance in chances))
    width = 2 * math.ceil(SPREAD * spread) + 3
    first = round(draws * mean) - width // 2
    turns = 2j * math.pi * np.arange(width) / width
    waves = sum(chance * np.exp(turns * place) for place, chance in chances) ** draws
    below = np.cumsum(np.fft.fft(waves * np.exp(-turns * first)).real / width)
    low, high = np.searchsorted(below, (tail - 1e-9, 1 - tail - 1e-9)).tolist()
    return Interval((first + low) / steps / draws, (first + high) / steps / draws)


def sign_flip(differences: Sequence[float]) -> float:
    """Return the two-sided p-value that per-problem differences are centred on zero: sum(d) / sqrt(sum(d^2)) is
    standard normal when every sign is a fair coin (the randomisation test, in its normal limit). 1.0 for all zeros."""
    spread = math.sqrt(math.fsum(d * d for d in differences))
    return 1.0 if spread == 0 else 2 * NormalDist().cdf(-abs(math.fsum(differences)) / spread)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
