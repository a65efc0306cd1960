"""What `compare` and `explain` print: tables made of their results."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_mathtasks.leaderboard.by_preset import note_on_preset
from lm_eval_mathtasks.leaderboard.causes import KnownCause, causes_of
from lm_eval_mathtasks.leaderboard.claims import Claim
from lm_eval_mathtasks.leaderboard.compare import Comparison, publishers_first
from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.leaderboard.identity_parts import NOT_CHECKED
from lm_eval_mathtasks.leaderboard.lost_points import CAUSES, Cause
from lm_eval_mathtasks.leaderboard.outcomes import Score
from lm_eval_mathtasks.leaderboard.paired import Paired, Ranked
from lm_eval_mathtasks.leaderboard.protocol import Part
from lm_eval_mathtasks.runs.judged import Judged, cut_off_words, status_words
from lm_eval_mathtasks.runs.records import API_ERROR, Run
from lm_eval_mathtasks.tables import Table, percent, with_interval

FLIPS_SHOWN = 20
_LIMITS = {"OpenCompass": "max_out_len", "lighteval": "max_new_tokens"}
NOTES_SHOWN = 8
_SHOWN = 60  # characters of a system instruction
# Points (as a fraction) that are worth a note.
TELLING = 0.005


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _score(score: Score) -> str:
    answers = "one answer each" if score.k == 1 else f"{score.k} answers each"
    value = with_interval(score.value, score.interval, digits=2)
    return f"{value} ({score.docs} docs, {answers}, {score.kind})"


def _said(part: Part) -> str:
    return f"{part.name}: ours {part.ours}, theirs {part.theirs}"


def comparison_tables(run: Run, compared: Sequence[Comparison], seen: Sequence[str] = ()) -> list[Table]:
    """Return the table of claims against a run, the publisher's own under the nearest protocol first, and below it what
    the outcomes rest on. seen: what the responses show that a reader must know."""
    ordered = publishers_first(compared)
    rows = tuple(
        (
            c.verdict,
            with_interval(c.theirs.value, c.theirs.interval, digits=2),
            with_interval(c.delta, c.interval, signed=True, digits=2),
            "; ".join(_said(p) for p in c.reasons if p.effect == "breaks") or "-",
            "; ".join(_said(p) for p in c.reasons if p.effect == "matters") or "-",
            ", ".join(p.name for p in c.reasons if p.effect == "unknown") or "-",
            f"{c.claim.model}: {c.claim.source.title}, {c.claim.locator}",
            c.claim.id,
        )
        for c in ordered
    )
    columns = (
        "outcome", "claim [95 %]", "ours - claim", "breaks the comparison", "known to matter", "not stated", "source",
        "id",
    )  # fmt: skip
    notes = [
        *note_on_preset(run, [c.claim for c in ordered]),
        *run.provenance.notes,
        *seen,
        *_notes_on_prompt(run),
        *_notes(ordered),
        *_notes_on_graders(run, ordered),
    ]
    return [Table(f"{run.label}: {_score(ordered[0].ours)}", columns, rows, tuple(notes))]


def _notes(ordered: Sequence[Comparison]) -> list[str]:
    first = ordered[0]
    margin = percent(first.margin, 1)
    notes = [
        f"ours - claim, on these docs, which both sides answered: equivalent within {margin} points (--margin); claim "
        "[95 %] is for problems like these",
        f"one more run would move ours by {first.noise[0].source}, the claim by {first.noise[1].source}",
    ]
    if any(p.effect == "unknown" for c in ordered for p in c.parts):
        notes.append(
            "an outcome holds as far as both sides say: what is not stated may differ and cancel out"
        )
    if any(c.number_only for c in ordered):
        notes.append("of the number only: the log or the source does not say how it asked, or in which mode")
    if any(c.by_word for c in ordered):
        weights = next(p for p in first.parts if p.name == "weights")
        notes.append(f"by your word: weights: the log says {weights.ours}, not {weights.theirs}")
    if any(NOT_CHECKED in c.verdict for c in ordered):
        said = next((p.ours for p in first.parts if p.name == "questions"), "of another set")
        notes.append(f"docs not checked: questions: {said}")
    for c in ordered:
        if c.outcome == "no difference seen":
            more = (
                f"{c.difference.repeats} answers to each doc would decide"
                if c.difference.repeats
                else ("no number of our answers would decide: the claim itself is too uncertain")
            )
            notes.append(f"{c.claim.id}: no difference seen, and none ruled out: {more}")
    unsure = [f"{c.claim.id}: {c.claim.status}: {c.claim.note}" for c in ordered if not c.claim.ranked]
    return notes[:NOTES_SHOWN] + unsure


def _notes_on_prompt(run: Run) -> list[str]:
    system = run.provenance.settings.get("system_instruction")
    return (
        [f"asked with a system instruction, {str(system)[:_SHOWN]!r}: claims do not say theirs"]
        if system
        else []
    )


def _notes_on_graders(run: Run, ordered: Sequence[Comparison]) -> list[str]:
    """Where the score of the grader that a claim names stands for the run's own."""
    return [
        f"{c.claim.id} names its grader ({c.claim.grader}): ours is {percent(c.ours.value)}, the log's {c.metric}"
        for c in ordered
        if c.metric != run.metric
    ]


def notes_on_responses(explained: Explanation) -> list[str]:
    """Say in a line each what the responses show that a score alone hides: cuts, graders that disagree, and losses that
    cancel out."""
    graded = {c.key: c for c in explained.causes if c.key in ("misgraded", "overgraded")}
    docs = sum(cause.count for cause in graded.values())
    notes = [cut_off_words(explained.cut_off)] if any(explained.cut_off.values()) else []
    notes += [f"the run's own grader and ours disagree on {docs} docs"] if docs else []
    lost = math.fsum(cause.fair for cause in explained.causes if cause.fair > 0)
    gained = -math.fsum(cause.fair for cause in explained.causes if cause.fair < 0)
    if min(lost, gained) >= TELLING:
        notes.append(
            f"two shortfalls cancel out: {_points(-lost)} points lost, {_points(gained)} credited wrongly"
        )
    return [f"{note}: `mathtasks explain` says what that costs" for note in notes]


def paired_tables(paired: Paired, *, every_doc: bool = False, notes: tuple[str, ...] = ()) -> list[Table]:
    """Return what differs in the configuration, then the paired result with its notes, then the flipped docs."""
    difference = with_interval(paired.delta, paired.interval, signed=True)
    result = [
        ("first", paired.first.label, percent(paired.scores[0])),
        ("second", paired.second.label, percent(paired.scores[1])),
        ("first - second", "points, paired bootstrap 95 %", difference),
        ("only first right", "docs", str(paired.only_first)),
        ("only second right", "docs", str(paired.only_second)),
    ]
    if paired.p_value is not None:
        result.append(("McNemar, exact", "p", f"{paired.p_value:.4g}"))
    verdict = "the runs differ" if paired.significant else "the difference may be noise (5 %)"
    flips = tuple(
        (f.doc_id, f"{f.first:g}", f"{f.second:g}", f.first_answer or "-", f.second_answer or "-")
        for f in paired.flips[: None if every_doc else FLIPS_SHOWN]
    )
    more = len(paired.flips) - len(flips)
    flipped = ("doc", "first", "second", "first answered", "second answered")
    rest = (f"and {more} more: --docs lists them all",) if more > 0 else ()
    same = () if paired.changes else ("nothing",)
    changes = "configuration: what the logs state differently"
    return [
        Table(changes, ("what", "first", "second"), paired.changes, same),
        Table(verdict, ("", "", ""), tuple(result), notes),
        Table(f"{len(paired.flips)} flipped docs", flipped, flips, rest),
    ]


def ranking_table(task: str, ranked: Sequence[Ranked]) -> Table:
    """Return runs from best to worst with their significance groups."""
    rows = tuple((r.group, with_interval(r.score, r.interval), r.name) for r in ranked)
    note = "runs of one letter cannot be told apart from its best (paired tests, Holm's correction, 5 %)"
    return Table(f"{task}: {len(rows)} runs", ("group", "score [95 %]", "run"), rows, (note,))


def baseline_table(
    name: str, base: dict[str, float], rows: Sequence[tuple[str, dict[str, float], dict[str, float], float]]
) -> Table:
    """Return scores and their ratios to a baseline, best harmonic mean first."""
    cells = [
        (path, *(f"{percent(scores[t])} ({ratios[t]:.3f})" for t in base), f"{mean:.4f}")
        for path, scores, ratios, mean in rows
    ]
    first = (f"{name} (baseline)", *(percent(value) for value in base.values()), "1.0000")
    columns = ("run", *base, "harmonic mean of ratios")
    return Table("scores and ratios to the baseline", columns, (first, *cells))


def explanation_tables(
    explained: Explanation,
    best: Comparison | None,
    causes: Sequence[KnownCause],
    judgements: Sequence[Judged] = (),
    notes: Sequence[str] = (),
) -> list[Table]:
    """Return the waterfall, how to fix each cause, and the protocol differences with published examples; with the
    judgements of all responses also every doc of every cause. notes: said first below the waterfall."""
    tables = [_waterfall(explained, best, notes), _fixes(explained)]
    if best is not None:
        tables.append(_protocol(best, causes))
    if judgements:
        tables.append(_docs(explained, judgements))
    return [table for table in tables if table.rows or table.notes]


def _waterfall(explained: Explanation, best: Comparison | None, notes: Sequence[str]) -> Table:
    rows: list[tuple[str, ...]] = []
    if explained.published is not None and best is not None:
        source = f"published: {best.claim.source.title}, {best.claim.locator}"
        rows.append((source, "", percent(explained.published), "", ""))
    for cause in explained.causes:
        sure = ", ".join(f"{n} {word}" for word, n in cause.sure.items())
        rows.append((cause.title, str(cause.count), _points(-cause.fair), _range(cause), sure))
    if explained.published is not None and explained.remaining is not None:
        rows.append(_remaining(explained, explained.published, explained.remaining, best))
    own = f"its own grader ({explained.run.metric or 'verdicts'})"
    grader = "our grader" if explained.own is None else own
    rows.append((f"this run, by {grader}", "", percent(explained.score), "", ""))
    below = [
        *notes,
        *filter(None, (explained.surplus,)),
        f"by our grader: {with_interval(explained.regraded, explained.regraded_interval)}; "
        f"plainly wrong answers: {explained.wrong} responses",
        f"responses by our grader: {status_words(explained.statuses)}",
        cut_off_words(explained.cut_off),
        *explained.run.provenance.notes,
        *_rates(explained.causes),
    ]
    columns = ("from the published score to this run", "responses", "points", "range", "how sure")
    return Table(f"{explained.run.label}: where the points went", columns, tuple(rows), tuple(below))


def notes_on_claim(best: Comparison, others: Sequence[Claim]) -> list[str]:
    """Say what the comparison with the claim came to, and which other claims there are."""
    broken = "; ".join(_said(part) for part in best.reasons if part.effect == "breaks")
    notes = [f"set against {best.claim.id}: {best.verdict}{f' ({broken})' if broken else ''}"]
    if len(others) > 1:
        scores = [claim.score for claim in others]
        notes.append(
            f"the most alike of {len(others)} claims, {min(scores):g} to {max(scores):g}: `mathtasks compare` "
            "lists them, --claim ID takes another"
        )
    return notes


def _remaining(
    explained: Explanation, published: float, remaining: float, best: Comparison | None
) -> tuple[str, ...]:
    """The last bar. Its points are the rest of the printed ones, so that the column adds up."""
    unexplained, too_much = "not accounted for by the responses", "the losses above are more than the gap"
    said = unexplained if remaining >= 0 else too_much
    fair = sum(round(100 * cause.fair, 2) for cause in explained.causes)
    points = round(100 * explained.score, 2) - round(100 * published, 2) + fair
    noise = ""
    if best is not None:
        side = "within" if abs(remaining) <= best.interval.half_width else "beyond"
        noise = f"{side} the noise of the comparison, ±{percent(best.interval.half_width)}"
    return f"remaining: {said}", "", f"{round(points, 2) + 0.0:+.2f}", noise, ""


def _rates(causes: Sequence[Cause]) -> list[str]:
    """What the fair estimates rest on, one line for each rate."""
    titles: dict[str, list[str]] = {}
    for cause in causes:
        if cause.interval.low < cause.interval.high:
            rate = f"{cause.rate_from} ({percent(cause.fair / cause.bound, 1)} %)"
            titles.setdefault(rate, []).append(cause.title)
    return [f"fair estimate at {rate}: {', '.join(named)}" for rate, named in titles.items()]


def _range(cause: Cause) -> str:
    if cause.interval.low == cause.interval.high:
        return f"exact: {cause.rate_from}"
    fair = with_interval(-cause.fair, cause.interval.turned, signed=True, digits=2)
    return f"at most {_points(-cause.bound)}, fair {fair}"


def _docs(explained: Explanation, judgements: Sequence[Judged]) -> Table:
    """One row for each response that a cause holds, with what our grader made of it."""
    rows_of, judged = explained.run.by_id(), {(j.doc_id, j.repeat): j for j in judgements}
    rows = []
    for doc_id, repeat, cause, sure, why in explained.found:
        judgement, row = judged.get((doc_id, repeat)), rows_of[doc_id]
        own = "-" if row.score is None else f"{row.score:g}"
        answer = (judgement and judgement.extraction.answer) or "-"
        status = API_ERROR if judgement is None else str(judgement.verdict.status)
        rows.append((doc_id, str(repeat), CAUSES[cause][0], sure, why, answer, row.gold or "", own, status))
    columns = ("doc", "repeat", "cause", "how sure", "seen by", "answer", "reference", "its grader", "ours")
    return Table(f"{len(rows)} responses that a cause holds", columns, tuple(rows))


def _fixes(explained: Explanation) -> Table:
    rows = []
    for cause in explained.causes:
        why = "; ".join(f"{reason} ({n})" for reason, n in cause.why.items())
        tiers = ", ".join(f"{tier} {n}" for tier, n in cause.tiers.items())
        docs = cause.examples
        more = len(set(cause.docs)) - len(docs)
        shown = ", ".join(docs) + (f" and {more} more" if more else "")
        rows.append((cause.title, why + (f"; tiers: {tiers}" if tiers else ""), shown, cause.fix))
    harness = explained.run.provenance.harness
    flags = f"; {harness} calls the token limit {_LIMITS[harness]}" if harness in _LIMITS else ""
    said = f"flags are those of `mathtasks run` and lm-eval{flags}"
    note = (said,) if harness != "lm-eval" and rows else ()
    return Table("how to fix it", ("cause", "seen by", "docs", "how to fix it"), tuple(rows), note)


def _protocol(best: Comparison, causes: Sequence[KnownCause]) -> Table:
    rows = []
    # What neither side states explains nothing where nothing is left to explain.
    parts = [p for p in best.parts if p.effect != "unknown" or best.outcome != "equivalent"]
    for part, cause in causes_of(parts, list(causes)):
        example = cause.examples[0]
        scores = " against ".join(f"{score:g}" for score in example.scores)
        differs = f"{example.differs}; {', '.join(example.files)}"
        size = f"{example.model}, {example.benchmark}: {scores} ({differs})"
        rows.append((part.effect, _said(part), cause.title, size, cause.fix))
    columns = ("effect", "what differs", "cause", "published example of its size", "how to fix it")
    return Table("differences of protocol, which the responses cannot show", columns, tuple(rows))
