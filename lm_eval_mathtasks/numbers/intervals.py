"""The intervals of a score: a share of right answers, one or several to each problem, in plain Python.

The formulas and what they are used for: leaderboards/README.md. Scores are fractions in [0, 1], never percent. `level`
is the coverage of a two-sided interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95
_ROUNDING = 1e-6  # of a standard error as logs state it
DEFF_PRIOR = 2.0  # by simulation: more is too wide for hard sets of 30, none is too short


class Interval(NamedTuple):
    """A confidence interval; `low <= high`, in the unit of the scores it was made from."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance of the ends."""
        return (self.high - self.low) / 2

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def scaled(self, factor: float) -> Interval:
        """The interval in another unit, for instance percent."""
        return Interval(self.low * factor, self.high * factor)

    @property
    def turned(self) -> Interval:
        """The interval of the negative value."""
        return Interval(0.0 - self.high, 0.0 - self.low)  # -0.0 would be printed with its sign


def z_value(level: float = LEVEL) -> float:
    """Return the normal quantile of a two-sided interval (1.96 for 0.95)."""
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(p: float, n: float, level: float = LEVEL) -> Interval:
    """Return the score interval of a share `p` of `n` problems (Wilson 1927, equation for the two roots).

    `p * n` need not be an integer: a published percentage is rounded. Raises ValueError unless n > 0 and 0 <= p <= 1.
    """
    if n <= 0 or not 0 <= p <= 1:
        raise ValueError(f"a share of n > 0 problems, got p={p}, n={n}")
    return _score_interval(p, n, z_value(level))


def _score_interval(p: float, n: float, z: float) -> Interval:
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At p = 0 and 1 the limit is exactly p; rounding must not push it past.
    return Interval(min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def clustered(values: Sequence[float], level: float = LEVEL, *, extra: float = 0.0) -> Interval:
    """Return the interval of a score with repeats, each value the share of right answers to one problem.

    Wilson's interval at the effective number of problems n / deff, with Student's t instead of z (Franco, Little, Louis
    and Slud 2019, J. Surv. Stat. Methodol. 7): where nearly all or nearly no answers are right, mean +- t s/sqrt(n) is
    far too short. deff, the variance between problems over p(1-p), is pulled towards 1 as if by DEFF_PRIOR problems.
    extra: a further variance of the mean, besides that of the values.
    Raises ValueError below two problems.
    """
    return _clustered(*mean_and_error(values), len(values), level, extra)


def _clustered(mean: float, error: float, n: int, level: float, extra: float) -> Interval:
    whole = mean * (1 - mean)
    deff = 1.0 if whole <= 0 else (n * n * (error**2 + extra) / whole + DEFF_PRIOR) / (n + DEFF_PRIOR)
    # Repeats cannot say less than one answer each.
    return _score_interval(mean, n / min(deff, n / (n - 1)), t_value(n - 1, level))


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error: the sample standard deviation over the root of n.

    Raises ValueError below two values.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"at least two problems, got {n}")
    mean = math.fsum(values) / n
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    return mean, math.sqrt(variance / n)


def of_mean(values: Sequence[float], *, extra: float = 0.0) -> Interval:
    """Return the interval of the mean over problems: `clustered` where a value is a share of several answers, else, for
    each problem is right or wrong as a whole, `wilson`. Every command takes it from here, by the values alone.

    extra: as for `clustered`. One problem has the interval of one answer. Raises ValueError without a problem.
    """
    if is_clustered(values):
        return clustered(values, extra=extra)
    return wilson(min(1.0, math.fsum(values) / (len(values) or 1)), len(values))


def is_clustered(values: Sequence[float]) -> bool:
    """Whether several problems are right in part."""
    return len(values) > 1 and any(0 < value < 1 for value in values)


def of_stated_mean(mean: float, error: float | None, n: int) -> Interval:
    """Return what `of_mean` does where only the mean of n problems and its standard error are known (None: not even
    that): problems that are right or wrong as a whole have the largest error that there is for their mean.

    Raises ValueError without a problem.
    """
    if error is None or n < 2 or error**2 * (n - 1) >= mean * (1 - mean) * (1 - _ROUNDING):
        return wilson(mean, n)
    return _clustered(mean, error, n, LEVEL, 0.0)


def of_deviation(deviation: float, n: int, level: float = LEVEL) -> Interval:
    """Return the interval of a standard deviation that was estimated from `n` values that are about normal.

    From the quantiles of chi-square in the approximation of Wilson and Hilferty (1931). Raises ValueError where n < 2.
    """
    if n < 2:
        raise ValueError(f"at least two values, got {n}")
    part, z = 2 / (9 * (n - 1)), z_value(level)
    low, high = (max(0.0, 1 - part + sign * z * math.sqrt(part)) ** 3 for sign in (-1, 1))
    return Interval(deviation / math.sqrt(high), deviation / math.sqrt(low) if low else math.inf)


@lru_cache(maxsize=256)
def t_value(df: int, level: float = LEVEL) -> float:
    """Return Student's two-sided quantile, by bisection on its distribution function."""
    if df < 1:
        raise ValueError(f"at least one degree of freedom, got {df}")
    low, high = 0.0, 1.0
    while _t_inside(high, df) < level:
        high *= 2
    for _ in range(80):  # halves the bracket to below one unit in the last place
        middle = (low + high) / 2
        low, high = (middle, high) if _t_inside(middle, df) < level else (low, middle)
    return (low + high) / 2


def _t_inside(t: float, df: int) -> float:
    """P(|T| <= t), from the finite sums for integer df (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    theta = math.atan(t / math.sqrt(df))
    cos2 = math.cos(theta) ** 2
    if df % 2 == 0:
        term = total = 1.0
        for i in range(1, df // 2):
            term *= cos2 * (2 * i - 1) / (2 * i)
            total += term
        return math.sin(theta) * total
    if df == 1:
        return 2 * theta / math.pi
    term = total = math.cos(theta)
    for i in range(1, (df - 1) // 2):
        term *= cos2 * (2 * i) / (2 * i + 1)
        total += term
    return 2 / math.pi * (theta + math.sin(theta) * total)
