"""Accuracy against the number of responses to choose from, by every way of choosing."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from lm_eval_mathtasks.choosing.choices import Weighing, best_of, weighted_votes, weights
from lm_eval_mathtasks.numbers.differences import Interval, paired_bootstrap
from lm_eval_mathtasks.numbers.estimators import Votes, majority
from lm_eval_mathtasks.sampling.curves import Curve, Point, curves, score

BEST, WEIGHTED = "best-of-k", "weighted@k"


class Chosen(NamedTuple):
    """What choosing by scores gives.

    curves: oracle (pass@k), majority, best-of-k, weighted majority and the mean, each over the same ks. gains: what
    best-of-n and the weighted majority have over majority at the largest k, with the interval of the paired
    difference. area: how often a correct response outscores a wrong one to the same doc (None: no doc has both).
    noise: the standard error that resampling adds to the weighted majority, at most over the ks.
    """

    curves: tuple[Curve, ...]
    gains: Mapping[str, tuple[float, Interval]]
    area: float | None
    noise: float


def choose(
    votes: Sequence[Votes], scores: Mapping[str, Sequence[float]], ks: Sequence[int], weighing: Weighing
) -> Chosen:
    """Return the curves for responses scored by `scores[doc_id]`, in the order of the votes.

    Raises Undefined for a k beyond the responses of a doc, ScoreError for scores that cannot be weights.
    """
    oracle, majority_curve, mean = curves(votes, ("pass", "maj", "avg"), ks)
    best = [[best_of(v.correct, scores[v.doc_id], k) for v in votes] for k in ks]
    estimates = [weighted_votes(v, weights(scores[v.doc_id], weighing), ks) for v in votes]
    weighted = [[by_doc[i].value for by_doc in estimates] for i in range(len(ks))]
    noise = [math.hypot(*(by_doc[i].error for by_doc in estimates)) / len(votes) for i in range(len(ks))]
    drawn = (oracle, majority_curve, _curve(BEST, ks, best), _curve(WEIGHTED, ks, weighted), mean)
    base = [majority(v)[ks[-1] - 1] for v in votes]
    gains = {BEST: gain(best[-1], base), WEIGHTED: gain(weighted[-1], base)}
    return Chosen(drawn, gains, area(votes, scores), max(noise))


def _curve(label: str, ks: Sequence[int], columns: Sequence[Sequence[float]]) -> Curve:
    # The noise of resampling is independent from doc to doc, so it is in the spread between docs already.
    points = (Point(k, *score(values)) for k, values in zip(ks, columns, strict=True))
    return Curve(label, tuple(points))


def gain(values: Sequence[float], base: Sequence[float]) -> tuple[float, Interval]:
    """Return the mean of what each doc has more than in the base, and the interval of this paired difference."""
    differences = [value - other for value, other in zip(values, base, strict=True)]
    return math.fsum(differences) / len(differences), paired_bootstrap(differences)


def area(votes: Sequence[Votes], scores: Mapping[str, Sequence[float]]) -> float | None:
    """Return the mean of `areas` over docs, None where there is none."""
    found = areas(votes, scores)
    return math.fsum(found) / len(found) if found else None


def areas(votes: Sequence[Votes], scores: Mapping[str, Sequence[float]]) -> list[float]:
    """Return how often a correct response outscores a wrong one to the same doc, ties half, for each doc with both.

    The area under the ROC curve within a doc: 0.5 for a scorer that knows nothing, 1 for one that is never wrong.
    """
    found = []
    for v in votes:
        own = outscored(zip(v.correct, scores[v.doc_id], strict=True))
        found += [] if own is None else [own]
    return found


def outscored(judged: Iterable[tuple[bool, float]]) -> float | None:
    """How often a right response outscores a wrong one, ties half, of (right, score); None unless there are both."""
    sides: tuple[list[float], list[float]] = ([], [])
    for right, value in judged:
        sides[right].append(value)
    wrong, good = sorted(sides[0]), sides[1]
    if not wrong or not good:
        return None
    won = sum(bisect_left(wrong, value) + bisect_right(wrong, value) for value in good) / 2
    return won / (len(good) * len(wrong))


def quality(area: float) -> float:
    """Return the d of a scorer for which a correct response outscores a wrong one with probability `area`.

    d = sqrt(2) Phi^-1(area): the area under the ROC curve of two unit normals. Raises ValueError unless 0 < area < 1.
    """
    return math.sqrt(2) * NormalDist().inv_cdf(area)
