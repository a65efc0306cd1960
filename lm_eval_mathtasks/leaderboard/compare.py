"""A run against the claims of its model: is it the same measurement, how large is the difference, what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.aliases import Model
from lm_eval_mathtasks.leaderboard.by_preset import by_preset, mode_of
from lm_eval_mathtasks.leaderboard.claims import Benchmark, Claim, Claims
from lm_eval_mathtasks.leaderboard.noise import Noise, noise_of_claim, noise_of_run
from lm_eval_mathtasks.leaderboard.outcomes import MARGIN, Difference, Outcome, Score, difference_of
from lm_eval_mathtasks.leaderboard.protocol import Part, comparable, compare_protocols, states_nothing
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.records import Run


@dataclass(frozen=True)
class Comparison:
    """One claim against one run: both sides answered the same docs, so only the luck of the answers counts.

    difference: ours minus theirs, with the interval that `noise`, of ours and of theirs, gives it. margin: within which
    two scores are equivalent, as a fraction. number_only: the run states nothing of its protocol, so that the outcome
    is about the number alone. repeats: answers to each doc that would decide, where no difference is seen; None where
    no number of ours would.
    """

    claim: Claim
    ours: Score
    theirs: Score
    parts: tuple[Part, ...]
    difference: Difference
    noise: tuple[Noise, Noise]
    margin: float
    number_only: bool

    @property
    def delta(self) -> float:
        """Ours minus theirs, as a fraction."""
        return self.difference.delta

    @property
    def interval(self) -> st.Interval:
        """Of the difference, 95 %."""
        return self.difference.interval

    @property
    def outcome(self) -> Outcome:
        """What the comparison comes to."""
        return self.difference.outcome

    @property
    def verdict(self) -> str:
        """The outcome as people read it."""
        about = ", of the number only" if self.number_only and self.outcome != "not comparable" else ""
        return self.outcome + about

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
    margin: float = MARGIN,
    flips: float | None = None,
) -> Comparison:
    """Compare a run with one claim: is it the same measurement, on these docs?

    shares: regraded shares by doc, by default the run's own. models: what the run's name may mean. mode, cut_share:
    see `compare_protocols`. margin, flips: as fractions; see `Comparison` and `noise`.
    """
    ours, theirs = score_of(run, shares), score_of_claim(claim, benchmark)
    model = next((m for m in models if m.name == claim.model), models[0] if models else None)
    mode = mode or mode_of(run, claim)
    protocols = compare_protocols(run, claim, benchmark, model=model, mode=mode, cut_share=cut_share)
    parts = tuple(by_preset(run, claim, protocols))
    values = [shares[row.doc_id] if shares else row.score or 0.0 for row in run.answered]
    own = noise_of_run(run, values, ours.k, flips)
    noise = (own, noise_of_claim(claim, run, own, ours.k, flips))
    margin = max(margin, _rounding(claim))
    difference = difference_of(ours, theirs, noise, margin)
    outcome = difference.outcome if comparable(list(parts)) else "not comparable"
    if outcome == "differs" and any(part.name == "mode" and part.effect == "unknown" for part in parts):
        # A model that thinks and one that does not are two measurements: the gap may be that.
        parts = tuple(part._replace(effect="breaks") if part.name == "mode" else part for part in parts)
        outcome = "not comparable"
    difference = difference._replace(outcome=outcome)
    return Comparison(claim, ours, theirs, parts, difference, noise, margin, states_nothing(run))


def _rounding(claim: Claim) -> float:
    """Half a unit of the last digit that a claim prints, as a fraction."""
    digits = len(f"{claim.score:.4f}".rstrip("0").partition(".")[2])
    return 0.005 / float(10**digits)


def nearest(  # noqa: PLR0913  # keyword-only choices
    run: Run,
    claims: Claims,
    *,
    shares: dict[str, float] | None = None,
    mode: str | None = None,
    margin: float = MARGIN,
    flips: float | None = None,
    **choice: Any,
) -> Comparison:
    """Return the comparison with the claim most like the run, see `likeness`. choice: as for `find_claims`, which says
    what it raises."""
    found, models, benchmark = find_claims(run, claims, **choice)
    compared = [
        compare(run, claim, benchmark, shares=shares, models=models, mode=mode, margin=margin, flips=flips)
        for claim in found
    ]
    return min(compared, key=likeness)


def likeness(compared: Comparison) -> tuple[bool, bool, int, int, int, str]:
    """Sort key: comparable, the vendor's own, few parts that break the comparison, few that differ, few unknown.

    One answer against the mean of several is no difference here: both estimate the same share.
    """
    effects = [part.effect for part in compared.parts]
    return (
        "breaks" in effects,
        compared.claim.reported_by != "vendor",
        effects.count("breaks"),
        sum(part.effect == "matters" and part.name != "metric" for part in compared.parts),
        effects.count("unknown"),
        compared.claim.id,
    )
