"""A run's sampling metrics at every k, each with its interval over docs, from the votes of its judged responses.

Formulas and their sources: README.md.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from lm_eval_mathtasks.errors import Undefined
from lm_eval_mathtasks.grading.classes import answer_classes
from lm_eval_mathtasks.grading.scores import votes_for
from lm_eval_mathtasks.numbers.differences import within_doc_variance
from lm_eval_mathtasks.numbers.estimators import BY_COUNT, Votes, g_pass_at_k, majority
from lm_eval_mathtasks.numbers.intervals import Interval, of_mean
from lm_eval_mathtasks.runs.judged import Judged, by_doc
from lm_eval_mathtasks.runs.records import Run

METRICS = ("avg", "pass", "pass^", "maj", "g-pass-0.5", "g-pass-0.75", "mg-pass")
_THRESHOLD = "g-pass-"
_LABELS = {"pass^": "pass^k", "mg-pass": "mG-Pass@k"}
_NAMED_DOCS = 5  # how many docs an error names before it says "..."


class Point(NamedTuple):
    """A curve's value at k responses, with its 95 % interval, as fractions."""

    k: int
    value: float
    low: float
    high: float

    @property
    def interval(self) -> Interval:
        """From `low` to `high`."""
        return Interval(self.low, self.high)


class Curve(NamedTuple):
    """A metric over k ("pass@k"); the points in the order of k."""

    label: str
    points: tuple[Point, ...]

    def at(self, k: int) -> Point:
        """The point at k; raises KeyError where there is none."""
        return {point.k: point for point in self.points}[k]


def label(metric: str) -> str:
    """The name of a metric in tables: "g-pass-0.5" is "G-Pass@k_0.5"."""
    if metric.startswith(_THRESHOLD):
        return f"G-Pass@k_{metric.removeprefix(_THRESHOLD)}"
    return _LABELS.get(metric, f"{metric}@k")


def curves(
    votes: Sequence[Votes],
    metrics: Iterable[str] = METRICS,
    ks: Iterable[int] | None = None,
    *,
    no_answer_votes: bool = False,
) -> list[Curve]:
    """Return a curve for each metric that is asked for: of METRICS, or "g-pass-" with another threshold.

    ks: by default 1 ... n, n the fewest responses that any doc has. Raises Undefined where a doc has fewer than k
    responses, naming it, and for an unknown metric.
    """
    if not votes:
        raise Undefined("docs with responses", "none", "look at the run's errors")
    chosen = sorted(set(ks)) if ks is not None else range(1, min(v.n for v in votes) + 1)
    require(votes, max(chosen))
    return [_curve(votes, metric, chosen, no_answer_votes) for metric in metrics]


def require(votes: Iterable[Votes], k: int) -> None:
    """Raise Undefined, naming docs, unless each has at least k responses."""
    short = [v for v in votes if v.n < k]
    if short:
        named = ", ".join(f"doc {v.doc_id} has {v.n}" for v in short[:_NAMED_DOCS])
        got = f"{len(short)} docs with fewer ({named}{', ...' if len(short) > _NAMED_DOCS else ''})"
        fix = f"ask for k up to {min(v.n for v in short)}, or run with --repeats {k}"
        raise Undefined(f"at least {k} responses to every doc", got, fix)


def _curve(votes: Sequence[Votes], metric: str, ks: Sequence[int], no_answer_votes: bool) -> Curve:
    by_count = _by_count(metric)
    if by_count is None:
        by_doc = [majority(v, no_answer_votes=no_answer_votes) for v in votes]
        columns = [[shares[k - 1] for shares in by_doc] for k in ks]
    else:
        columns = [[by_count(v.n, sum(v.correct), k) for v in votes] for k in ks]
    points = []
    for k, values in zip(ks, columns, strict=True):
        extra = _fewer_repeats(votes, k) if metric == "avg" else 0.0
        points.append(Point(k, *score(values, extra=extra)))
    return Curve(label(metric), tuple(points))


def _by_count(metric: str) -> Callable[[int, int, int], float] | None:
    """The metric of n responses of which c are correct, at k; None for maj, which asks what was answered."""
    if metric == "maj" or metric in BY_COUNT:
        return BY_COUNT.get(metric)
    try:
        tau = float(metric.removeprefix(_THRESHOLD) if metric.startswith(_THRESHOLD) else "")
    except ValueError:
        known = f"choose from {', '.join(METRICS)}; {_THRESHOLD}0.25 is the one with this threshold"
        raise Undefined("a known metric", repr(metric), known) from None
    return lambda n, c, k: g_pass_at_k(n, c, k, tau)


def score(values: Sequence[float], *, extra: float = 0.0) -> tuple[float, float, float]:
    """Return the mean of values over docs with the ends of its 95 % interval, that of `compare`: docs are the clusters
    (Miller 2024, arXiv:2411.00640), whatever was computed from each doc's responses. extra: a further variance of the
    mean. One doc has the interval of one answer.
    """
    p = min(1.0, max(0.0, math.fsum(values) / len(values)))
    return p, *of_mean(values, extra=extra)


def _fewer_repeats(votes: Sequence[Votes], k: int) -> float:
    """What the variance of avg@k has more than that of avg@n: the mean within-doc variance, (1/k - 1/n) of it."""
    several = [(v.n, within_doc_variance([sum(v.correct) / v.n], v.n)) for v in votes if v.n > 1]
    return math.fsum(within * (1 / k - 1 / n) for n, within in several) / len(votes) ** 2


def votes(run: Run, judgements: Sequence[Judged]) -> list[Votes]:
    """Return the votes of every doc of a run that was answered, in the order of its docs.

    judgements: of `judge_run(run)`. A response that an API error took is not there: it does not count towards n.
    """
    judged = by_doc(judgements)
    return [_votes(row.doc_id, row.gold, judged.get(row.doc_id, [])) for row in run.answered]


def _votes(doc_id: str, gold: str | None, judgements: Sequence[Judged]) -> Votes:
    votes = votes_for([one.judgement for one in judgements], gold)
    return Votes(doc_id, tuple(one.verdict.correct for one in judgements), answer_classes(votes))
