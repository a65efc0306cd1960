"""What `compare` and `explain` print: tables made of their results."""

from collections.abc import Sequence

from lm_eval_mathtasks.leaderboard.causes import KnownCause, causes_of
from lm_eval_mathtasks.leaderboard.claim_notes import notes_below
from lm_eval_mathtasks.leaderboard.claims import Claim
from lm_eval_mathtasks.leaderboard.compare import Comparison, publishers_first
from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.leaderboard.lost_points import CAUSES, Cause
from lm_eval_mathtasks.leaderboard.outcomes import Score
from lm_eval_mathtasks.leaderboard.protocol import Part
from lm_eval_mathtasks.leaderboard.said import said_of_claim, said_of_gap
from lm_eval_mathtasks.runs.judged import Judged, cut_off_words, status_words
from lm_eval_mathtasks.runs.records import API_ERROR, Run
from lm_eval_mathtasks.tables import Cell, Name, Share, Table, percent, with_interval

_LIMITS = {"OpenCompass": "max_out_len", "lighteval": "max_new_tokens"}


def _lost(value: float) -> Share:
    return Share(value, signed=True, digits=2)


def _score(run: Run, score: Score) -> str:
    of_several = run.protocol.metric in ("maj@k", "pass@k") and score.k == 1
    named = str(run.protocol.metric).replace("k", str(run.protocol.k)) if of_several else "one answer each"
    answers = named if score.k == 1 else f"{score.k} answers each"
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
            Share(c.theirs.value, c.theirs.interval, digits=2),
            Share(c.delta, c.interval, signed=True, digits=2),
            "; ".join(_said(p) for p in c.reasons if p.effect == "breaks") or None,
            "; ".join(_said(p) for p in c.reasons if p.effect == "matters") or None,
            ", ".join(p.name for p in c.reasons if p.effect == "unknown") or None,
            f"{c.claim.model}: {c.claim.source.title}, {c.claim.locator}",
            Name(c.claim.id),
        )
        for c in ordered
    )
    columns = (
        "outcome", "claim [95 %]", "ours - claim", "breaks the comparison", "known to matter", "not stated", "source",
        "id",
    )  # fmt: skip
    ours = ordered[0].ours
    said = said_of_claim(run, ordered[0])
    notes = tuple(notes_below(run, ordered, seen))
    return [Table(f"{run.label}: {_score(run, ours)}", columns, rows, notes, said, _facts(run, ours))]


def unclaimed_table(run: Run, score: Score | None, said: str, why: str) -> Table:
    """Return what there is to say of a run that no published score is known for; why: what was looked for."""
    title = run.label if score is None else f"{run.label}: {_score(run, score)}"
    return Table(title, (), (), (why,), said, _facts(run, score))


def _facts(run: Run, score: Score | None = None) -> dict[str, Cell]:
    known: dict[str, Cell] = {"model": run.model, "task": run.task}
    if score is None:
        return known
    return {**known, "ours": Share(score.value, score.interval), "docs": score.docs, "k": score.k}


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
    rows: list[tuple[Cell, ...]] = []
    remains: list[str] = []
    if explained.published is not None and best is not None:
        rows.append(("published score", None, Share(explained.published, digits=2), None, None))
    for cause in explained.causes:
        exact = cause.interval.low == cause.interval.high
        points = Share(-cause.fair, None if exact else cause.interval.turned, signed=True, digits=2)
        most = None if exact else _lost(-cause.bound)
        sure = ", ".join(f"{n} {word}" for word, n in cause.sure.items())
        rows.append((cause.title, cause.count, points, most, sure or None))
    if explained.published is not None and explained.remaining is not None:
        rows.append(_remaining(explained, explained.published, explained.remaining))
        remains += _beside_noise(explained.remaining, best)
    own = f"its own grader ({explained.run.metric or 'verdicts'})"
    grader = "our grader" if explained.own is None else own
    rows.append((f"this run, by {grader}", None, Share(explained.score, digits=2), None, None))
    below = [
        *notes,
        *remains,
        *filter(None, (explained.surplus,)),
        f"by our grader: {with_interval(explained.regraded, explained.regraded_interval)}; "
        f"plainly wrong answers: {explained.wrong} responses",
        f"responses by our grader: {status_words(explained.statuses)}",
        cut_off_words(explained.cut_off),
        *explained.run.provenance.notes,
        *_rates(explained.causes),
    ]
    columns = ("from the published score to this run", "responses", "points [95 %]", "at most", "how sure")
    title, said = f"{explained.run.label}: where the points went", said_of_gap(explained)
    return Table(title, columns, tuple(rows), tuple(below), said, _facts(explained.run))


def notes_on_claim(best: Comparison, others: Sequence[Claim]) -> list[str]:
    """Say what the comparison with the claim came to, and which other claims there are."""
    broken = "; ".join(_said(part) for part in best.reasons if part.effect == "breaks")
    notes = [
        f"published score: {best.claim.source.title}, {best.claim.locator}",
        f"set against {best.claim.id}: {best.verdict}{f' ({broken})' if broken else ''}",
    ]
    if len(others) > 1:
        scores = [claim.score for claim in others]
        notes.append(
            f"the most alike of {len(others)} claims, {min(scores):g} to {max(scores):g}: `mathtasks compare` "
            "lists them, --claim ID takes another"
        )
    return notes


def _remaining(explained: Explanation, published: float, remaining: float) -> tuple[Cell, ...]:
    """The last bar. Its points are the rest of the printed ones, so that the column adds up."""
    more = "the losses above are more than the gap" if explained.causes else "more than the published score"
    said = "not accounted for by the responses" if remaining >= 0 else more
    fair = sum(round(100 * cause.fair, 2) for cause in explained.causes)
    points = round(100 * explained.score, 2) - round(100 * published, 2) + fair
    return f"remaining: {said}", None, _lost(round(points, 2) / 100), None, None


def _beside_noise(remaining: float, best: Comparison | None) -> list[str]:
    """Say whether what is not accounted for is more than the luck of the answers."""
    if best is None:
        return []
    half = best.interval.half_width
    side = "within" if abs(remaining) <= half else "beyond"
    return [f"what remains is {side} the noise of the comparison, ±{percent(half)}"]


def _rates(causes: Sequence[Cause]) -> list[str]:
    """What the points rest on, one line for each rate."""
    titles: dict[str, list[str]] = {}
    for cause in causes:
        if cause.interval.low < cause.interval.high:
            rate = f"estimated at {cause.rate_from} ({percent(cause.fair / cause.bound, 1)} %)"
        else:
            rate = f"exact, for {cause.rate_from}"
        titles.setdefault(rate, []).append(cause.title)
    return [f"points {rate}: {', '.join(named)}" for rate, named in titles.items()]


def _docs(explained: Explanation, judgements: Sequence[Judged]) -> Table:
    """One row for each response that a cause holds, with what our grader made of it."""
    rows_of, judged = explained.run.by_id(), {(j.doc_id, j.repeat): j for j in judgements}
    rows = []
    for doc_id, repeat, cause, sure, why in explained.found:
        judgement, row = judged.get((doc_id, repeat)), rows_of[doc_id]
        answer = (judgement and judgement.extraction.answer) or None
        status = API_ERROR if judgement is None else str(judgement.verdict.status)
        rows.append((doc_id, repeat, CAUSES[cause][0], sure, why, answer, row.gold, row.score, status))
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
    return Table("how to fix it", ("cause", "seen by", "ids of docs", "how to fix it"), tuple(rows), note)


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
