"""A run against the claims of its model: is it the same measurement, how large is the difference, what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.aliases import Model
from lm_eval_mathtasks.leaderboard.by_grader import regraded, scored_as_named
from lm_eval_mathtasks.leaderboard.by_preset import by_preset, mode_of
from lm_eval_mathtasks.leaderboard.claims import Benchmark, Claim, Claims
from lm_eval_mathtasks.leaderboard.identity_parts import (
    NOTHING,
    Said,
    docs_parts,
    rests_on,
    weights_part,
    with_shown,
)
from lm_eval_mathtasks.leaderboard.instances import by_problem, drawn_anew
from lm_eval_mathtasks.leaderboard.noise import Noise, answers_each, draws_of, noise_of_claim, noise_of_run
from lm_eval_mathtasks.leaderboard.outcomes import MARGIN, Difference, Outcome, Score, difference_of
from lm_eval_mathtasks.leaderboard.protocol import (
    Part,
    about_the_number,
    comparable,
    compare_protocols,
    docs_asked,
    lost_share,
    number_alone,
    parts_of_log,
    results_part,
    states_nothing,
    verdicts_part,
)
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.identity import Identity, identity_of
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.runs.weights import WITH_ADAPTER


@dataclass(frozen=True)
class Comparison:
    """One claim against one run: both sides answered the same docs, so only the luck of the answers counts.

    difference: ours minus theirs, with the interval that `noise`, of ours and of theirs, gives it. margin: within which
    two scores are equivalent, as a fraction. number_only: nothing of how it was asked is stated by both sides, or the
    mode is not, so that the outcome is about the number alone. metric: which of the log's is compared.
    """

    claim: Claim
    ours: Score
    theirs: Score
    parts: tuple[Part, ...]
    difference: Difference
    noise: tuple[Noise, Noise]
    margin: float
    number_only: bool
    metric: str | None = None

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
        """The outcome as people read it, with what it rests on that nobody checked."""
        if self.outcome == "not comparable":
            return self.outcome
        return ", ".join((self.outcome, *rests_on(self.parts, number_only=self.number_only)))

    @property
    def reasons(self) -> list[Part]:
        """The parts of the protocol that decide or may explain: breaking ones first, equal ones left out."""
        order = {"breaks": 0, "matters": 1, "unknown": 2}
        return sorted((p for p in self.parts if p.effect in order), key=lambda p: order[p.effect])


def score_of(run: Run, shares: Mapping[str, float] | None = None) -> Score:
    """Return the score of a run with its interval: Wilson for one answer a doc, clustered by doc for repeats, and by
    problem where the docs say which they were drawn from.

    shares: the share of right answers by doc, by default the run's own grading, which may be of fewer answers than its
    log holds: of the first, or of a vote. Raises ClaimError where the run was not graded and no shares are given.
    """
    if run.total is not None:
        value, docs, error = run.total.value, run.total.docs or 0, run.total.error
        k = run.protocol.k if run.protocol.metric == "avg@k" else 1
        interval = st.of_stated_mean(value, error if k > 1 else None, max(1, docs))
        return Score(value, interval, docs, k, "Wilson" if k == 1 else "clustered")
    values = [shares[row.doc_id] if shares else row.score for row in run.answered]
    known = [value for value in values if value is not None]
    if not values:
        raise ClaimError("an answered doc", f"only API errors in {run.label}", "run the same command again")
    if len(known) < len(values):
        raise ClaimError("a graded run", f"{len(values) - len(known)} docs without score", "pass --regrade")
    one = shares is None and run.protocol.metric in ("pass@1", "maj@k", "pass@k")
    k = 1 if one else answers_each(run)
    mean, draws = sum(known) / len(known), 1 if one else draws_of(run, known, k)
    if drawn_anew(run):
        problems = by_problem(run, dict(zip((row.doc_id for row in run.answered), known, strict=True)))
        interval = st.of_mean(list(problems.values()))
        return Score(mean, interval, len(known), k, "clustered by problem", draws)
    kind: Literal["clustered", "Wilson"] = "clustered" if st.is_clustered(known) else "Wilson"
    return Score(mean, st.of_mean(known), len(known), k, kind, draws)


def score_of_claim(claim: Claim, benchmark: Benchmark) -> Score:
    """Return a published score with the interval that its benchmark's size gives it."""
    value = claim.score / 100
    k = claim.k or 1 if claim.metric == "avg@k" else 1
    return Score(value, st.wilson(value, benchmark.docs), benchmark.docs, k, "Wilson", k)


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
    set_of = claims.benchmark_of(benchmark or run.task, docs_asked(run))
    name = model or (run.model or "").partition(WITH_ADAPTER)[0]
    if claim_id is not None:
        claim = claims.by_id(claim_id)
        try:
            models = claims.models.resolve(name) if name else []
        except ClaimError:
            models = []
        return [claim], models, set_of or claims.benchmarks[claim.benchmark]
    if set_of is None:
        known = ", ".join(claims.benchmarks)
        wanted = f"the benchmark of task {benchmark or run.task!r}"
        raise ClaimError(wanted, "no such name", f"--benchmark, one of {known}")
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
    shares: Mapping[str, float] | None = None,
    models: Sequence[Model] = (),
    mode: str | None = None,
    cut_share: float | None = None,
    margin: float = MARGIN,
    flips: float | None = None,
    said: Said = NOTHING,
    identity: Identity | None = None,
    any_grader: bool = True,
    by_our_grader: float | None = None,
    unlike: tuple[float, float] | None = None,
) -> Comparison:
    """Compare a run with one claim: is it the same measurement, on these docs?

    shares: regraded shares by doc, by default the run's own. models: what the run's name may mean. mode, cut_share:
    see `compare_protocols`. margin, flips: as fractions; see `Comparison` and `noise`. said: by the user, of the run.
    identity: of the run, where it is known already. any_grader: whether the score of the grader that a claim names may
    stand for the run's own, if its log holds both. by_our_grader: the score that the stored responses have by it, where
    the run's own counts. unlike: see `judged.unlike_repeats`.
    """
    if shares is not None:
        run = regraded(run, shares)
    elif any_grader:
        run = scored_as_named(run, claim)
    identity = identity or identity_of(run)
    ours, theirs = score_of(run), score_of_claim(claim, benchmark)
    model = next((m for m in models if m.name == claim.model), models[0] if models else None)
    mode = mode or mode_of(run, claim, identity)
    protocols = compare_protocols(run, claim, benchmark, model=model, mode=mode, cut_share=cut_share)
    parts = with_shown(by_preset(run, claim, protocols), run, claim, identity.shown)
    parts.append(weights_part(run, claim, model, said))
    off = lost_share(run, benchmark) + (identity.shown.told / len(run.rows) if run.rows else 0.0)
    if claim.benchmark == benchmark.name:
        of_docs, other = docs_parts(run, identity.docs, benchmark, said, own=shares is None)
        parts, off = [*parts, *of_docs], off + other
    parts += [part for part in parts_of_log(run) if shares is None or part.name != "results"]
    if states_nothing(run):
        parts = [about_the_number(part) for part in parts]
    own = noise_of_run(run, ours.value, ours.draws, flips)
    noise = (own, noise_of_claim(claim, run, own, ours.draws, flips))
    margin = max(margin, _rounding(claim))
    if shares is not None:
        parts += results_part(run, ours.value, margin)
    elif by_our_grader is not None:
        parts += verdicts_part(run, claim, ours.value - by_our_grader, margin)
    if unlike:
        of_repeats = f"from {100 * unlike[0]:.1f} to {100 * unlike[1]:.1f} right: two runs mixed"
        parts.append(Part("repeats", of_repeats, "of one run", "breaks"))
    if docs_asked(run) is None:
        ours = replace(ours, docs=benchmark.docs)
    difference = difference_of(ours, theirs, noise, margin, off=off if comparable(parts) else 0.0)
    if not comparable(parts):
        difference = difference._replace(outcome="not comparable")
    number_only = number_alone(parts)
    return Comparison(claim, ours, theirs, tuple(parts), difference, noise, margin, number_only, run.metric)


def _rounding(claim: Claim) -> float:
    """Half a unit of the last digit that a claim prints, as a fraction."""
    digits = len(f"{claim.score:.4f}".rstrip("0").partition(".")[2])
    return 0.005 / float(10**digits)


def compare_all(  # noqa: PLR0913  # keyword-only choices
    run: Run,
    claims: Claims,
    *,
    model: str | None = None,
    claim_id: str | None = None,
    benchmark: str | None = None,
    every: bool = False,
    **options: Any,
) -> list[Comparison]:
    """Return the comparisons with all claims that a run can be set against, the most alike first, see `likeness`.

    model, claim_id, benchmark, every: as for `find_claims`, which says what it raises; the first and the third are the
    user's word, too. options: as for `compare`.
    """
    found, models, set_of = find_claims(
        run, claims, model=model, claim_id=claim_id, benchmark=benchmark, every=every
    )
    said, identity = Said(model is not None, benchmark is not None), identity_of(run)
    compared = (
        compare(run, claim, set_of, models=models, said=said, identity=identity, **options) for claim in found
    )
    return sorted(compared, key=likeness)


def nearest(run: Run, claims: Claims, **options: Any) -> Comparison:
    """Return the comparison with the claim most like the run. options: as for `compare_all`."""
    return compare_all(run, claims, **options)[0]


def publishers_first(compared: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons as a table shows them: the publisher's own under the nearest protocol, then the most alike."""
    ordered = sorted(compared, key=likeness)
    own = [one for one in ordered if one.claim.reported_by == "vendor"][:1]
    return own + [one for one in ordered if one not in own]


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
