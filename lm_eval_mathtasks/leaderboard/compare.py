"""A run against the claims of its model: is it the same measurement, how large is the difference, what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.aliases import Model
from lm_eval_mathtasks.leaderboard.by_preset import by_preset, mode_of
from lm_eval_mathtasks.leaderboard.claims import Benchmark, Claim, Claims
from lm_eval_mathtasks.leaderboard.protocol import Part, comparable, compare_protocols
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.records import Run

Outcome = Literal["reproduced", "differs", "not comparable", "too small to tell"]
# A comparison that would miss a difference of this many points (as a fraction) decides nothing: the gaps that send
# people looking (wrong template, cut responses, strict extraction) are larger, and MATH-500 can see it.
TELLING = 0.10
POWER = 0.80  # the usual chance of noticing a difference that is there


@dataclass(frozen=True)
class Score:
    """A score with its interval, as fractions. docs: problems; k: answers to each; kind: how the interval was made."""

    value: float
    interval: st.Interval
    docs: int
    k: int
    kind: Literal["Wilson", "clustered"]


@dataclass(frozen=True)
class Comparison:
    """One claim against one run. delta and its interval are ours minus theirs, as fractions.

    needed: docs that would tell a difference of max(|delta|, TELLING) apart, where the outcome is "too small".
    """

    claim: Claim
    ours: Score
    theirs: Score
    parts: tuple[Part, ...]
    delta: float
    interval: st.Interval
    detectable: float
    outcome: Outcome
    needed: int | None = None

    @property
    def reasons(self) -> list[Part]:
        """The parts of the protocol that decide or may explain: breaking ones first, equal ones left out."""
        order = {"breaks": 0, "matters": 1, "unknown": 2}
        return sorted((p for p in self.parts if p.effect in order), key=lambda p: order[p.effect])


def score_of(run: Run, shares: dict[str, float] | None = None) -> Score:
    """Return the score of a run with its interval: Wilson for one answer a doc, clustered by doc for repeats.

    shares: the share of right answers by doc, by default the run's own grading. Raises ClaimError where the run
    was not graded and no shares are given.
    """
    values = [shares[row.doc_id] if shares else row.score for row in run.answered]
    known = [value for value in values if value is not None]
    if not values:
        raise ClaimError("an answered doc", f"only API errors in {run.label}", "run the same command again")
    if len(known) < len(values):
        raise ClaimError("a graded run", f"{len(values) - len(known)} docs without score", "pass --regrade")
    k = max(len(row.responses) for row in run.rows)
    mean = sum(known) / len(known)
    repeats = k > 1 and len(known) > 1
    interval = st.of_mean(known, repeats=repeats)
    return Score(mean, interval, len(known), k, "clustered" if repeats else "Wilson")


def score_of_claim(claim: Claim, benchmark: Benchmark) -> Score:
    """Return a published score with the interval that its benchmark's size gives it."""
    value = claim.score / 100
    k = claim.k or 1 if claim.metric == "avg@k" else 1
    return Score(value, st.wilson(value, benchmark.docs), benchmark.docs, k, "Wilson")


def find_claims(  # noqa: PLR0913  # keyword-only choices
    run: Run,
    claims: Claims,
    *,
    model: str | None = None,
    claim_id: str | None = None,
    benchmark: str | None = None,
    every: bool = False,
) -> tuple[list[Claim], list[Model], Benchmark]:
    """Return the claims a run can be set against, the models its name may mean, and its benchmark.

    model, benchmark: override the run's own names. every: also those known to be wrong or unpublished.
    Raises ClaimError for an unknown model, an unknown benchmark, or where nothing is claimed.
    """
    set_of = claims.benchmark_of(benchmark or run.task, len(run.rows))
    if claim_id is not None:
        claim = claims.by_id(claim_id)
        return [claim], [claims.models[claim.model]], set_of or claims.benchmarks[claim.benchmark]
    if set_of is None:
        known = ", ".join(claims.benchmarks)
        wanted = f"the benchmark of task {benchmark or run.task!r}"
        raise ClaimError(wanted, "no such name", f"--benchmark, one of {known}")
    name = model or run.model
    if not name:
        raise ClaimError("the model of the run", "its log names none", "pass --model NAME")
    models = claims.models.resolve(name)
    names = {m.name for m in models}
    listed = [c for c in claims.rows if c.model in names and (every or c.ranked)]
    found = [c for c in listed if c.benchmark == set_of.name]
    if not found:
        others = sorted({c.benchmark for c in listed})
        got = f"none on {set_of.name}; there are claims on {', '.join(others) or 'nothing'}"
        raise ClaimError(f"claims of {name}", got, "`mathtasks leaderboard add` takes one from its source")
    return found, models, set_of


def compare(  # noqa: PLR0913  # keyword-only choices
    run: Run,
    claim: Claim,
    benchmark: Benchmark,
    *,
    shares: dict[str, float] | None = None,
    models: Sequence[Model] = (),
    mode: str | None = None,
    cut_share: float | None = None,
) -> Comparison:
    """Compare a run with one claim.

    shares: regraded shares by doc, by default the run's own. models: what the run's name may mean. mode, cut_share:
    see `compare_protocols`.
    """
    ours, theirs = score_of(run, shares), score_of_claim(claim, benchmark)
    model = next((m for m in models if m.name == claim.model), models[0] if models else None)
    mode = mode or mode_of(run, claim)
    parts = tuple(
        by_preset(
            run, claim, compare_protocols(run, claim, benchmark, model=model, mode=mode, cut_share=cut_share)
        )
    )
    delta = ours.value - theirs.value
    interval = _difference(run, ours, theirs, shares)
    # Half-widths are 1.96 standard errors; a difference is noticed with the wanted power at 1.96 + 0.84 of them.
    detectable = interval.half_width * (st.z_value() + st.z_value(2 * POWER - 1)) / st.z_value()
    outcome = _outcome(parts, interval, detectable)
    needed = _needed(ours, theirs, delta) if outcome == "too small to tell" else None
    return Comparison(claim, ours, theirs, parts, delta, interval, detectable, outcome, needed)


def nearest(
    run: Run,
    claims: Claims,
    *,
    shares: dict[str, float] | None = None,
    mode: str | None = None,
    **choice: Any,
) -> Comparison:
    """Return the comparison with the claim most like the run, see `likeness`. choice: as for `find_claims`, which says
    what it raises."""
    found, models, benchmark = find_claims(run, claims, **choice)
    compared = [compare(run, claim, benchmark, shares=shares, models=models, mode=mode) for claim in found]
    return min(compared, key=likeness)


def likeness(compared: Comparison) -> tuple[int, int, int, bool, str]:
    """Sort key: few parts that break the comparison, few that differ, few that are unknown, the vendor's.

    One answer against the mean of several is no difference here: both estimate the same share.
    """
    effects = [part.effect for part in compared.parts]
    vendor = compared.claim.reported_by == "vendor"
    return (
        effects.count("breaks"),
        sum(part.effect == "matters" and part.name != "metric" for part in compared.parts),
        effects.count("unknown"),
        not vendor,
        compared.claim.id,
    )


def _difference(run: Run, ours: Score, theirs: Score, shares: dict[str, float] | None) -> st.Interval:
    """Both sides saw the same problems, so only the spread of answers counts; where one answer a doc hides it, the
    spread of a coin as biased as the score bounds it from above, which is Newcombe's interval."""
    delta = ours.value - theirs.value
    if ours.k > 1 and ours.docs == theirs.docs:
        values = [shares[row.doc_id] if shares else row.score or 0.0 for row in run.answered]
        variance = st.within_doc_variance(values, ours.k)
        if variance > 0:
            return st.same_docs(delta, variance, ours.docs, (ours.k, theirs.k))
    return st.newcombe(ours.value, ours.docs, theirs.value, theirs.docs)


def _outcome(parts: tuple[Part, ...], interval: st.Interval, detectable: float) -> Outcome:
    if not comparable(list(parts)):
        return "not comparable"
    if 0 not in interval:
        return "differs"
    return "reproduced" if detectable <= TELLING else "too small to tell"


def _needed(ours: Score, theirs: Score, delta: float) -> int:
    gap = max(abs(delta), TELLING)
    middle = min(max((ours.value + theirs.value) / 2, gap / 2), 1 - gap / 2)
    return st.required_n(middle - gap / 2, middle + gap / 2, power=POWER)
