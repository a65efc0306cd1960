"""The notes below a comparison: what its outcomes rest on, and what the responses show that a score alone hides."""

import math
from collections.abc import Iterator, Sequence

from lm_eval_mathtasks.leaderboard.by_preset import note_on_preset
from lm_eval_mathtasks.leaderboard.compare import Comparison
from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.leaderboard.identity_parts import (
    BY_NAME,
    BY_WORD,
    GOLDS_NOT_CHECKED,
    NOT_CHECKED,
    NUMBER_ONLY,
)
from lm_eval_mathtasks.numbers.intervals import wilson
from lm_eval_mathtasks.runs.decoding import shaped_by
from lm_eval_mathtasks.runs.judged import cut_off_words
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Share, percent, with_interval

NOTES_SHOWN = 8
_SHOWN = 60  # characters of a system instruction
# Points (as a fraction) that are worth a note.
TELLING = 0.005


def notes_below(run: Run, ordered: Sequence[Comparison], seen: Sequence[str]) -> list[str]:
    """Return the notes below the table of claims, in the order of the table. seen: what the responses show."""
    return [
        *note_on_preset(run, [c.claim for c in ordered]),
        *run.provenance.notes,
        *seen,
        *_notes_on_prompt(run),
        *_notes(ordered),
        *_notes_on_graders(run, ordered),
    ]


def _notes(ordered: Sequence[Comparison]) -> list[str]:
    first = ordered[0]
    margin = percent(first.margin, 1)
    notes = [
        f"ours - claim is about these docs, where equivalent would mean within {margin} points (--margin); claim "
        "[95 %] is about problems like these",
        f"the luck of the answers: of ours {first.noise[0].source}; of the claim {first.noise[1].source}",
    ]
    if any(p.effect == "unknown" for c in ordered for p in c.parts):
        notes.append(
            "an outcome holds as far as both sides say: what is not stated may differ and cancel out"
        )
    if any(c.number_only for c in ordered):
        notes.append(f"{NUMBER_ONLY}: the log or the source does not say how it asked, or in which mode")
    notes += dict.fromkeys(note for c in ordered for note in _unchecked(c))
    for c in ordered:
        if c.outcome == "no difference seen":
            more = f"{c.difference.repeats} answers to each doc would decide"
            none = "no number of our answers would decide: the claim itself is too uncertain"
            more = more if c.difference.repeats else none
            notes.append(f"{c.claim.id}: no difference seen, and none ruled out: {more}")
    unsure = [f"{c.claim.id}: {c.claim.status}: {c.claim.note}" for c in ordered if not c.claim.ranked]
    return notes[:NOTES_SHOWN] + unsure


def _unchecked(compared: Comparison) -> Iterator[str]:
    """What a verdict rests on that nobody checked, each as the log has it."""
    parts = {part.name: part for part in compared.parts}
    weights = parts["weights"]
    if BY_WORD in compared.verdict:
        yield f"{BY_WORD}: weights: the log says {weights.ours}, not {weights.theirs}"
    if BY_NAME in compared.verdict:
        yield f"{BY_NAME}: the log says {weights.ours}; --model says that they are the claim's"
    if (golds := parts.get("references")) and golds.effect == "matters":
        yield f"reference answers: {golds.ours}: the interval is wider by as many docs"
    for words, name in ((NOT_CHECKED, "questions"), (GOLDS_NOT_CHECKED, "references")):
        if words in compared.verdict:
            yield f"{words}: {name}: {parts[name].ours if name in parts else 'of another set'}"


def _notes_on_prompt(run: Run) -> list[str]:
    """How it was asked, as far as claims do not say theirs."""
    settings = run.provenance.settings
    system = str(settings.get("system_instruction") or "")[:_SHOWN]
    asked = [f"a system instruction, {system!r}"] if system else []
    asked += [f"{name}={str(value)[:_SHOWN]}" for name, value in shaped_by(settings).items()]
    return [f"asked with {', '.join(asked)}: claims do not say theirs"] if asked else []


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
    docs = sum(len(cause.docs) for cause in explained.causes if cause.key in ("misgraded", "overgraded"))
    notes = [cut_off_words(explained.cut_off)] if any(explained.cut_off.values()) else []
    notes += [f"the run's own grader and ours disagree on {docs} docs"] if docs else []
    notes += _same_answer(explained.run)
    lost = math.fsum(cause.fair for cause in explained.causes if cause.fair > 0)
    gained = -math.fsum(cause.fair for cause in explained.causes if cause.fair < 0)
    if min(lost, gained) >= TELLING:
        points = [Share(value, signed=True, digits=2) for value in (-lost, gained)]
        notes.append(f"two shortfalls cancel out: {points[0]} points lost, {points[1]} credited wrongly")
    return [f"{note}: `mathtasks explain` says what that costs" for note in notes]


def _same_answer(run: Run) -> list[str]:
    """Say that several docs with unlike reference answers have one response, an error that was taken for one, say: as
    many as are worth a note if they are wrong, and what share of all that is."""
    docs: dict[str, list[str | None]] = {}
    for row in run.answered:
        docs.setdefault(row.responses[0].strip(), []).append(row.gold)
    asked = len(run.answered)
    often = [(len(golds), text) for text, golds in docs.items() if len(set(golds)) > 1]
    notes = []
    for count, text in sorted(often, reverse=True)[:3]:
        if count >= TELLING * asked:
            share = with_interval(count / asked, wilson(count / asked, asked))
            said = repr(text[:_SHOWN]) if text else "nothing"
            notes.append(f"{count} docs ({share} %) have one and the same response, {said}")
    return notes
