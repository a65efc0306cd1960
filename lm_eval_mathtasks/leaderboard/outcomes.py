"""What two scores on the same docs come to: equivalent, different, or neither."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from lm_eval_mathtasks.leaderboard.noise import Noise
from lm_eval_mathtasks.numbers import differences as st

Outcome = Literal["equivalent", "differs", "no difference seen", "not comparable"]
# Scores closer than this are the same measurement for the purposes of a table; as a fraction. `--margin` sets another.
MARGIN = 0.02
# Two one-sided tests at 5 % are an interval of 90 % (Schuirmann 1987).
EQUIVALENCE_LEVEL = 0.90
MOST_REPEATS = 1_000  # more answers to each doc than this are no advice


@dataclass(frozen=True)
class Score:
    """A score with its interval, as fractions. docs: problems; k: answers to each, of which it is the mean; kind: how
    the interval was made; draws: how many answers to each it is as steady as."""

    value: float
    interval: st.Interval
    docs: int
    k: int
    kind: Literal["Wilson", "clustered", "clustered by problem"]
    draws: int = 1


class Difference(NamedTuple):
    """Two scores on the same docs. delta, and its interval (95 %), are first minus second, as fractions. repeats: see
    `Comparison`."""

    delta: float
    interval: st.Interval
    outcome: Outcome
    repeats: int | None = None


def difference_of(
    ours: Score, theirs: Score, noise: tuple[Noise, Noise], margin: float, *, off: float = 0.0
) -> Difference:
    """Return what two scores on the same docs come to: equivalent, where the interval of 90 % lies within the margin;
    different, where that of 95 % excludes 0 and reaches beyond the margin; else no difference is seen.

    off: the share of docs that are not the same, or were not graded by the same answers; it widens every interval.
    """
    delta, spread = ours.value - theirs.value, _spread(noise, ours, theirs, off)
    outcome, repeats = _outcome(delta, spread, margin), None
    if outcome == "no difference seen":
        more = (replace(ours, draws=2**i) for i in range(MOST_REPEATS.bit_length()) if 2**i > ours.draws)
        outcomes = ((one.draws, _outcome(delta, _spread(noise, one, theirs, off), margin)) for one in more)
        repeats = next((k for k, other in outcomes if other != outcome), None)
    return Difference(delta, spread.around(delta, st.LEVEL), outcome, repeats)


class _Spread(NamedTuple):
    """How far a difference on the same docs moves by luck. error: its standard error; step: between two values that it
    can take, half of which corrects for continuity (30 problems have 31 scores, and no normal curve); off: how far it
    may be off for docs that are not the same."""

    error: float
    step: float
    off: float

    def around(self, delta: float, level: float) -> st.Interval:
        """The interval of a difference."""
        half = st.z_value(level) * self.error + self.step / 2 + self.off
        return st.Interval(delta - half, delta + half)


def _spread(noise: tuple[Noise, Noise], ours: Score, theirs: Score, off: float) -> _Spread:
    """Variances of the answers alone: (v/k + v'/k') / n."""
    variance = (noise[0].variance / ours.draws + noise[1].variance / theirs.draws) / max(1, ours.docs)
    return _Spread(math.sqrt(variance), 1 / (max(1, ours.docs) * max(ours.draws, theirs.draws)), off)


def _outcome(delta: float, spread: _Spread, margin: float) -> Outcome:
    inner, outer = spread.around(delta, EQUIVALENCE_LEVEL), spread.around(delta, st.LEVEL)
    if -margin <= inner.low and inner.high <= margin:
        return "equivalent"
    reaches = outer.low < -margin or outer.high > margin
    return "differs" if 0 not in outer and reaches else "no difference seen"
