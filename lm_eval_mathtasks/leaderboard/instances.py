"""Sets that draw the names and numbers of known problems anew, as GSM-Symbolic does: the spread over the instances,
and the drop from the problems that they were made from."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, median, stdev, variance

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.leaderboard.paired import Shares
from lm_eval_mathtasks.numbers.differences import paired_bootstrap
from lm_eval_mathtasks.numbers.intervals import Interval, of_deviation, of_mean
from lm_eval_mathtasks.runs.records import Run

# The share of a problem's words that stand in what was made from it, in the middle one of all pairs: 82 % in
# GSM-Symbolic P2, and 24 % where its places in GSM8K are off by one.
WORDS_KEPT = 0.5


@dataclass(frozen=True)
class Spread:
    """Accuracy over instances, as fractions. interval: of the mean, over the problems that were drawn anew; deviation:
    the standard deviation between instances, with its interval, and what chance gives; ends: lowest and highest."""

    mean: float
    interval: Interval
    problems: int
    instances: int
    deviation: float
    deviation_interval: Interval
    chance: float
    ends: tuple[float, float]

    @property
    def unstable(self) -> bool:
        """Whether instances differ by more than chance."""
        return self.chance < self.deviation_interval.low


@dataclass(frozen=True)
class Drop:
    """Two runs problem by problem: scores on the problems that both have, and the first's less the second's."""

    scores: tuple[float, float]
    delta: float
    interval: Interval
    problems: int

    @property
    def significant(self) -> bool:
        """Whether the drop is more than noise at 5 %."""
        return 0 not in self.interval


def drawn_anew(run: Run) -> bool:
    """Whether the docs of a run say which problem and which instance each of them is of."""
    return bool(run.rows) and all(row.original and row.instance for row in run.rows)


def spread_of(run: Run, shares: Shares) -> Spread | None:
    """Return mean and spread over the instances; None below two instances of two problems.

    Chance: if the right answers to each problem fell on its instances at random, the variance between instances would
    be the sum of the variances within problems, over the square of their number.
    """
    answered = [(row, shares[row.doc_id]) for row in run.rows if row.doc_id in shares]
    problems = _grouped((row.original or "", share) for row, share in answered)
    instances = [fmean(v) for v in _grouped((row.instance or "", share) for row, share in answered).values()]
    if len(instances) < 2 or len(problems) < 2:
        return None
    means = [fmean(values) for values in problems.values()]
    within = math.fsum(variance(values) for values in problems.values() if len(values) > 1)
    deviation = stdev(instances)
    return Spread(
        mean=fmean(means),
        interval=of_mean(means),
        problems=len(problems),
        instances=len(instances),
        deviation=deviation,
        deviation_interval=of_deviation(deviation, len(instances)),
        chance=math.sqrt(within) / len(problems),
        ends=(min(instances), max(instances)),
    )


def drop_between(first: Run, second: Run, shares: tuple[Shares, Shares]) -> Drop:
    """Compare two runs problem by problem, where at least one of them draws its problems anew.

    Raises EvidenceError where they have no problem in common, or the problems of one are not those of the other.
    """
    one, two = (by_problem(run, of) for run, of in zip((first, second), shares, strict=True))
    common = [problem for problem in one if problem in two]
    if not common or _words_kept(first, second, common) < WORDS_KEPT:
        fix = "compare it with a run of the whole set that its problems were made from"
        got = f"{len(common)} places in common" + ", whose questions have other words" * bool(common)
        raise EvidenceError(f"the problems of {first.task} in {second.task}, by their places", got, fix)
    deltas = [one[problem] - two[problem] for problem in common]
    scores = (fmean([one[p] for p in common]), fmean([two[p] for p in common]))
    return Drop(scores, fmean(deltas), paired_bootstrap(deltas), len(common))


def by_problem(run: Run, shares: Shares) -> dict[str, float]:
    """The share of right answers to each problem, over all of its instances."""
    pairs = ((row.original or row.doc_id, shares[row.doc_id]) for row in run.rows if row.doc_id in shares)
    return {problem: fmean(values) for problem, values in _grouped(pairs).items()}


def _words_kept(first: Run, second: Run, problems: Iterable[str]) -> float:
    """The share of a problem's words in one run that the other's have, in the middle one of these problems."""
    one, two = (
        {row.original or row.doc_id: _words(row.question) for row in run.rows} for run in (first, second)
    )
    kept = (len(one[p] & two[p]) / (min(len(one[p]), len(two[p])) or 1) for p in problems)
    return median(kept)


def _words(question: str) -> set[str]:
    return set(re.findall(r"[a-z]+", question.lower()))


def _grouped(pairs: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
