"""What responses that were lost would have scored: by the docs of the same level, subject and length that were not.

Responses that a limit of tokens cut off are not like the rest: they are the long ones, to the hard problems. So the
accuracy of the others is learned as a logistic function of level, subject and the logarithm of the length (ridge
regression, by iteratively reweighted least squares: McCullagh and Nelder 1989, section 2.5), and read off where the
lost ones stand. How long a response would have become that was cut is not known: between its own length and the
longest that a larger limit would allow.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lm_eval_mathtasks.numbers import differences as st

if TYPE_CHECKING:
    import numpy as np

# Of the length of a cut response: at least, as estimated, at most (four times the limit).
STRETCHES = (1.0, 2.0, 4.0)
FEWEST = 30  # responses to learn from
FEWEST_OF_A_KIND = 10  # of one subject, for a term of its own
# Standard deviations of log length below this say nothing about a length four times as large.
NARROWEST = 0.25
RIDGE = 1.0  # a prior standard deviation of 1 in log odds for each standardised term
_ROUNDS = 30
_SETTLED = 1e-9  # in log odds


class Traits(NamedTuple):
    """What accuracy depends on. length: characters of the response, None where it says nothing."""

    level: str | None
    subject: str | None
    length: int | None


class Worth(NamedTuple):
    """The share of lost responses that would have been right, with an interval, and what it rests on."""

    rate: float
    interval: st.Interval
    rate_from: str


class Accuracy:
    """Accuracy by traits, learned from responses that show no symptom."""

    def __init__(self, traits: Sequence[Traits], right: Sequence[bool]) -> None:
        import numpy as np

        self.count = len(traits)
        subjects = Counter(t.subject for t in traits if t.subject)
        self._subjects = sorted(name for name, n in subjects.items() if n >= FEWEST_OF_A_KIND)[1:]
        self._levels = sorted({t.level for t in traits if t.level})
        raw = np.array([self._terms(t, 1.0) for t in traits])
        self._mean, spread = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
        floor = np.full(len(spread), 1e-9)
        floor[0] = NARROWEST
        self._spread = np.maximum(spread, floor)
        design, truth = self._design(raw), np.array(right, dtype=float)
        penalty = np.diag([0.0] + [RIDGE] * raw.shape[1])
        self._weights = np.zeros(design.shape[1])
        for _ in range(_ROUNDS):
            chance = self._chance(design @ self._weights)
            curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + penalty
            step = np.linalg.solve(curvature, design.T @ (truth - chance) - penalty @ self._weights)
            self._weights = self._weights + step
            if np.abs(step).max() < _SETTLED:
                break
        self._covariance = np.linalg.inv(curvature)

    @property
    def words(self) -> str:
        """What it rests on."""
        known = [*(["level"] if self._levels else []), *(["subject"] if self._subjects else []), "length"]
        joined = " and ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)
        return f"{self.count} responses of like {joined}"

    def _terms(self, traits: Traits, stretch: float) -> list[float]:
        length = math.nan if traits.length is None else math.log(max(1.0, traits.length * stretch))
        place = self._levels.index(traits.level) if traits.level in self._levels else math.nan
        level = [place] if self._levels else []
        return [length, *level, *(float(traits.subject == name) for name in self._subjects)]

    def _design(self, raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np

        standard = np.nan_to_num((raw - self._mean) / self._spread)
        return np.column_stack([np.ones(len(raw)), standard])

    @staticmethod
    def _chance(odds: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        import numpy as np

        chance: np.ndarray[Any, Any] = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        return chance

    def of(self, lost: Iterable[Traits], stretch: float, z: float) -> tuple[float, st.Interval]:
        """Return the expected share of these responses that would have been right, and its interval of z standard
        errors: of what was learned, taken in log odds, and of the luck of so many responses."""
        import numpy as np

        design = self._design(np.array([self._terms(traits, stretch) for traits in lost]))
        error = np.sqrt(np.einsum("ij,jk,ik->i", design, self._covariance, design))
        chance = self._chance(design @ self._weights)
        share = float(chance.mean())
        luck = z * math.sqrt((chance * (1 - chance)).sum()) / len(chance)
        ends = (float(self._chance(design @ self._weights + side * z * error).mean()) for side in (-1, 1))
        low, high = (math.hypot(end - share, luck) for end in ends)
        return share, st.Interval(share - low, share + high)


def worth(
    lost: Sequence[Traits], others: Sequence[tuple[Traits, bool]], *, cut: bool, level: float = st.LEVEL
) -> Worth:
    """Return what lost responses would have scored. cut: their lengths are less than they would have become.

    Where fewer than FEWEST others are there to learn from, the rate of all of them counts.
    """
    right = [one for _, one in others]
    if not others:
        return Worth(0.0, st.Interval(0.0, 1.0), "nothing: no other response to judge by")
    if len(others) < FEWEST or len(set(right)) < 2:
        rate = sum(right) / len(right)
        # Both the rate and the luck of the lost responses vary: one over the sum of 1/n is the effective size.
        interval = st.wilson(rate, 1 / (1 / len(lost) + 1 / len(others)), level)
        known = st.Interval(0.0 if cut else interval.low, interval.high)
        return Worth(rate, known, f"the accuracy of the other {len(others)} responses")
    learned = Accuracy([traits for traits, _ in others], right)
    if not cut:
        lost = [traits._replace(length=None) for traits in lost]
    z = st.z_value(level)
    found = [learned.of(lost, stretch, z) for stretch in (STRETCHES if cut else (1.0,))]
    low, high = min(one.low for _, one in found), max(one.high for _, one in found)
    return Worth(found[len(found) // 2][0], st.Interval(max(0.0, low), min(1.0, high)), learned.words)
