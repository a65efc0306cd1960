"""Everything a report says about a run, worked out once: scores, claims, causes, groups, lengths, statuses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks.errors import ClaimError, EvidenceError
from lm_eval_mathtasks.leaderboard.claims import Claims
from lm_eval_mathtasks.leaderboard.compare import Comparison, compare_all, score_of
from lm_eval_mathtasks.leaderboard.explain import Explanation, explain
from lm_eval_mathtasks.leaderboard.outcomes import Score
from lm_eval_mathtasks.leaderboard.paired import Paired, aligned, compare_runs
from lm_eval_mathtasks.leaderboard.said import said_of_no_claim
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.report.labels import labels_of
from lm_eval_mathtasks.runs.judged import Judged, judge_run, shares
from lm_eval_mathtasks.runs.records import API_ERROR, Row, Run
from lm_eval_mathtasks.tables import percent

MOST_BINS = 14  # of a histogram of lengths: more would be narrower than a finger on a phone
OUTLIERS = 0.01  # share of the longest responses that go into the last bin together


class Group(NamedTuple):
    """A part of a run's docs (or responses) and its accuracy, as a fraction with its interval."""

    label: str
    value: float
    interval: st.Interval
    docs: int


class Bin(NamedTuple):
    """Responses of `low` to below `high` characters (`high` None: any longer one): how many, and how many right."""

    low: int
    high: int | None
    right: int
    wrong: int


class Choice(NamedTuple):
    """claims: which to take, and how to compare, as options of `compare_all`; regrade: count by our grader."""

    claims: Mapping[str, Any] = MappingProxyType({})
    regrade: bool = False


@dataclass(frozen=True)
class Examined:
    """One run with all that is known of it. number: of its name among all names, which is its colour. counted: the
    share of right responses by doc that the headline means.

    own: the run's own score, None where it did not grade; ours: by our grader. compared: its claims, the most
    alike first; unclaimed: why there are none.
    """

    name: str
    number: int
    run: Run
    judgements: tuple[Judged, ...]
    counted: dict[str, float]
    own: Score | None
    ours: Score
    headline: Score
    explanation: Explanation
    compared: tuple[Comparison, ...]
    unclaimed: str

    @cached_property
    def rows(self) -> dict[str, Row]:
        """The rows by doc id."""
        return self.run.by_id()

    @cached_property
    def by_doc(self) -> dict[str, list[Judged | None]]:
        """The judgement of each response by doc id, in the order of the repeats; None where an API error took it."""
        found: dict[str, list[Judged | None]] = {
            row.doc_id: [None] * len(row.responses) for row in self.run.rows
        }
        for judgement in self.judgements:
            found[judgement.doc_id][judgement.repeat] = judgement
        return found

    @cached_property
    def statuses(self) -> Counter[str]:
        """How many responses have each status."""
        return Counter(status_of(one) for found in self.by_doc.values() for one in found)

    @property
    def best(self) -> Comparison | None:
        """The comparison with the claim most like it, None without claims."""
        return self.compared[0] if self.compared else None

    @property
    def published(self) -> str | None:
        """That claim, by its score and its source."""
        best = self.best
        return f"{percent(best.theirs.value, 1)}, {best.claim.source.title}" if best else None

    @property
    def graded_again(self) -> bool:
        """Whether our grader gives another score than the run's own."""
        return self.own is not None and abs(self.ours.value - self.own.value) > 1e-9

    @property
    def disputed(self) -> int:
        """Docs that the run's own grader scored otherwise than ours."""
        return sum(disputes(row, self.by_doc[row.doc_id]) for row in self.run.rows)

    def groups(self, by: Literal["subject", "level"]) -> list[Group]:
        """Accuracy by subject or level, in the order of their names; rows without one are left out."""
        values: dict[str, list[float]] = {}
        for row in self.run.answered:
            if label := getattr(row, by):
                values.setdefault(label, []).append(self.counted[row.doc_id])
        return [Group(k, sum(v) / len(v), st.of_mean(v), len(v)) for k, v in sorted(values.items())]


def names_of(examined: Iterable[Examined]) -> list[str]:
    """The names of runs; one model on several tasks is named once."""
    return list(dict.fromkeys(one.name for one in examined))


def model_of(examined: Sequence[Examined]) -> str:
    """The one model that a file is about; raises EvidenceError for several."""
    models = names_of(examined)
    if len(models) > 1:
        fix = "name one of them, or choose it with --run-model"
        raise EvidenceError("one model, and one run of each task", ", ".join(models), fix)
    return models[0]


def status_of(judgement: Judged | None) -> str:
    """What became of a response: its verdict, unless it was never given."""
    return API_ERROR if judgement is None else str(judgement.verdict.status)


def graded_by_us(run: Run) -> bool:
    """Whether the run's own grader is ours."""
    return any(row.graded_by_us for row in run.rows[:1])


def disputes(row: Row, judgements: Sequence[Judged | None]) -> bool:
    """Whether the run's own grader scored a doc otherwise than ours."""
    ours = [judgement.verdict.correct for judgement in judgements if judgement is not None]
    if not ours or row.score is None:
        return False
    return not math.isclose(row.score, sum(ours) / len(ours), abs_tol=1e-6)


def examine(runs: Sequence[Run], claims: Claims, choice: Choice) -> list[Examined]:
    """Judge and explain runs, and set each against its claims; runs of one task get the first one's doc ids.

    Raises EvidenceError where a doc has no reference answer, and ClaimError where a claim that was asked for is none.
    """
    first: dict[str, Run] = {}
    alike = [aligned(first.setdefault(run.task, run), run) for run in runs]
    names = labels_of(alike)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [
        _examined(run, (name, numbers[name]), claims, choice) for run, name in zip(alike, names, strict=True)
    ]


def _examined(run: Run, named: tuple[str, int], claims: Claims, choice: Choice) -> Examined:
    judgements = judge_run(run)
    right = shares(run, judgements)
    own = score_of(run) if run.scored else None
    ours = score_of(run, right)
    by_ours = own is None or choice.regrade
    headline = ours if by_ours or own is None else own
    counted = right if by_ours else {row.doc_id: float(row.score or 0.0) for row in run.answered}
    explanation = explain(run, judgements=judgements)
    compared, unclaimed = _claims_of(run, claims, choice, right if by_ours else None, explanation)
    published = compared[0].theirs.value if compared else None
    run = replace(run, model=named[0])  # what a report says of it: no folder of anybody's disk
    explanation = replace(explanation.towards(published), run=run)
    return Examined(
        *named, run, tuple(judgements), counted, own, ours, headline, explanation, compared, unclaimed
    )


def _claims_of(
    run: Run, claims: Claims, choice: Choice, regraded: dict[str, float] | None, seen: Explanation
) -> tuple[tuple[Comparison, ...], str]:
    """The run set against its claims, the one most like it first, or why there are none. regraded: the shares that
    count, None where the run's own do."""
    try:
        compared = compare_all(run, claims, shares=regraded, **choice.claims, **seen.seen)
    except ClaimError:
        if any(map(choice.claims.get, ("model", "claim_id", "benchmark"))):
            raise
        return (), said_of_no_claim(run, claims)
    return tuple(compared), ""


def lengths(examined: Examined) -> list[Bin]:
    """Return how many responses of which length, in characters, are right and wrong; bins of equal, round width."""
    measured = [
        (len(examined.rows[j.doc_id].responses[j.repeat]), j.verdict.correct) for j in examined.judgements
    ] or [(0, False)]
    ordered = sorted(length for length, _ in measured)
    longest = ordered[min(len(ordered) - 1, int((1 - OUTLIERS) * len(ordered)))]
    width = _round_width(longest)
    last = longest // width
    counts = Counter((min(length // width, last), right) for length, right in measured)
    return [
        Bin(i * width, None if i == last else (i + 1) * width, counts[i, True], counts[i, False])
        for i in range(last + 1)
    ]


def _round_width(longest: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... characters that makes at most MOST_BINS bins."""
    widths: Iterable[int] = (m * 10**e for e in range(12) for m in (1, 2, 5))
    return next(w for w in widths if longest // w < MOST_BINS)


def pairs(examined: Sequence[Examined]) -> Iterator[Paired]:
    """Yield every later run of a task against the first: what differs, and whether that is more than noise."""
    first: dict[str, Examined] = {}
    for one in examined:
        base = first.setdefault(one.run.task, one)
        if base is not one and base.counted.keys() & one.counted.keys():
            yield compare_runs(base.run, one.run, shares=(base.counted, one.counted), force=True)
