"""Which checkpoint is best, and is it better than chance would make the best of so many?

A checkpoint's figure is the harmonic mean, over benchmarks, of its accuracy divided by the baseline's: it must lose
nowhere. Of K checkpoints that are all as good as the baseline, the best one looks better, by noise alone: of 18 on
AMC23, GSM8K, MATH-500 and OlympiadBench it averages 1.09. That expectation stands beside the choice.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.numbers.intervals import LEVEL, Interval, t_value

RESAMPLES = 2_000  # of the interval: its ends move by less than a tenth of its width
PERMUTATIONS = 1_000  # of the test: a p-value near 0.05 is right to 0.007
SEED = 20_240_000
# benchmark -> doc -> share of right answers
Results = Mapping[str, Mapping[str, float]]


class Standing(NamedTuple):
    """A checkpoint: ratios to the baseline by benchmark, their harmonic mean, its interval over docs."""

    name: str
    ratios: dict[str, float]
    mean: float
    interval: Interval


class Choice(NamedTuple):
    """Checkpoints from best to worst.

    expected: the harmonic mean that the best of as many checkpoints would have, on average, if all were as good as the
    baseline; p_value: how often it would be as high as that of the first one here.
    """

    standings: list[Standing]
    expected: float
    p_value: float

    @property
    def distinguishable(self) -> bool:
        """Whether the best is better than the best of equal ones, at 5 %."""
        return self.p_value < 1 - LEVEL


def choose_checkpoint(baseline: Results, checkpoints: Mapping[str, Results]) -> Choice:
    """Return the checkpoints from best to worst, with the interval of each and what chance would give.

    Raises EvidenceError where docs differ, or the baseline has nothing right on a benchmark.
    """
    tables = {task: _table(task, baseline, checkpoints) for task in baseline}
    if zeros := [task for task, table in tables.items() if not table[:, 0].any()]:
        raise EvidenceError("a baseline above 0", f"0 on {', '.join(zeros)}", "leave that benchmark out")
    standings = []
    for place, name in enumerate(checkpoints, 1):
        ratios = {task: float(own[:, place].mean() / own[:, 0].mean()) for task, own in tables.items()}
        pairs = [table[:, [0, place]] for table in tables.values()]
        mean = float(_harmonic([own.mean(axis=0) for own in pairs]))
        standings.append(Standing(name, ratios, mean, _interval(pairs)))
    standings.sort(key=lambda one: -one.mean)
    null = _best_of_equal(list(tables.values()))
    as_high = sum(value >= standings[0].mean - 1e-12 for value in null)
    return Choice(standings, math.fsum(null) / len(null), (as_high + 1) / (len(null) + 1))


def _table(task: str, baseline: Results, checkpoints: Mapping[str, Results]) -> Any:
    """Shares of right answers, (docs, 1 + checkpoints), the baseline first."""
    import numpy as np

    docs = sorted(baseline[task])
    for name, results in checkpoints.items():
        if task not in results or sorted(results[task]) != docs:
            fix = "run it again"
            raise EvidenceError(f"the same docs of {task} for each checkpoint", f"others for {name}", fix)
    return np.array([[own[task][doc] for own in (baseline, *checkpoints.values())] for doc in docs])


def _harmonic(means: Sequence[Any]) -> Any:
    """The harmonic mean over benchmarks of the ratios, from means of (baseline, checkpoint) a benchmark, (..., 2) to
    (...); 0 where a checkpoint has nothing right, and not finite where the baseline has nothing right."""
    import numpy as np

    base, own = np.moveaxis(np.stack(means), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return len(means) / (base / own).sum(axis=0)


def _interval(pairs: Sequence[Any]) -> Interval:
    """The paired bootstrap over docs, benchmark by benchmark; with the corrections of `differences.paired_bootstrap`:
    Student's tails, and half a doc that only one of both solved where each answered once."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    drawn = []
    for own in pairs:
        values, counts = np.unique(own, axis=0, return_counts=True)
        weights, docs = counts.astype(float), len(own)
        if set(own.ravel().tolist()) <= {0.0, 1.0}:
            values, weights = np.vstack([values, [[1, 0], [0, 1]]]), np.append(weights, [0.5, 0.5])
            docs += 1
        drawn.append(rng.multinomial(docs, weights / weights.sum(), size=RESAMPLES) @ values / docs)
    n = min(len(own) for own in pairs)
    tail = (1 - LEVEL) / 2
    if n > 1:
        tail = NormalDist().cdf(-t_value(n - 1) * math.sqrt(n / (n - 1)))
    values = _harmonic(drawn)
    # Of a few docs, some draws hold only those that the baseline did not solve: they say nothing.
    low, high = np.quantile(values[np.isfinite(values)], [tail, 1 - tail])
    return Interval(float(low), float(high))


def _best_of_equal(tables: Sequence[Any]) -> list[float]:
    """The best harmonic mean when, doc by doc, it is chance which of the models gave which of their answers."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    found = []
    for _ in range(PERMUTATIONS):
        means = np.stack([rng.permuted(table, axis=1).mean(axis=0) for table in tables])
        if means[:, 0].all():
            pairs = np.stack([np.broadcast_to(means[:, :1], means[:, 1:].shape), means[:, 1:]], axis=-1)
            found.append(float(_harmonic(list(pairs)).max()))
    return found
