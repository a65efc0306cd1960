"""The data of the sample browser: a small index of every doc, and the texts in chunks that are read when needed.

All of it is JSON inside `<script type="application/json">`. Where the texts are large they are deflated, which every
browser since 2023 can undo; where that is not enough the middle of the longest responses is left out, and said.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any, NamedTuple

from lm_eval_mathtasks.report.examine import Examined, disputes, graded_by_us, names_of, status_of
from lm_eval_mathtasks.report.status_words import NEVER_CAME, STATUSES
from lm_eval_mathtasks.runs.completion import Answered, answered_by
from lm_eval_mathtasks.runs.judged import Judged, understood
from lm_eval_mathtasks.runs.records import Row

# Characters from which the beginning that all prompts of a run share (shots, a system prompt) is kept once.
WORTH_SHARING = 80


class Asked:
    """Prompts and costs of the runs of a page; a run is found by its name's place and its task.

    leads: beginnings that the prompts of a run share; a prompt is (number of its lead or -1, rest).
    """

    def __init__(self, examined: Sequence[Examined]) -> None:
        self.leads: list[str] = []
        self._lead: dict[tuple[int, str], int] = {}
        self._answers: dict[tuple[int, str], Answered] = {}
        for one in examined:
            place = one.number, one.run.task
            # The characters that all begin with: no path.
            shared = commonprefix([row.prompt or "" for row in one.run.rows])  # noqa: RUF071
            if len(one.run.rows) > 1 and len(shared) >= WORTH_SHARING:
                self._lead[place] = self.leads.index(shared) if shared in self.leads else len(self.leads)
                self.leads += [] if shared in self.leads else [shared]
            if one.run.journal is not None:
                self._answers[place] = answered_by(one.run, one.run.journal)

    def prompt(self, number: int, task: str, row: Row) -> tuple[int, str] | None:
        """The prompt of a row as it was sent: messages as JSON, or a text; None where the log has none."""
        # OpenCompass writes null where it keeps no prompt.
        if row.prompt in (None, "", "null"):
            return None
        lead = self._lead.get((number, task), -1)
        return lead, str(row.prompt)[len(self.leads[lead]) if lead >= 0 else 0 :]

    def took(self, number: int, task: str, row: Row, repeat: int) -> dict[str, object] | None:
        """What a response took: tokens, seconds from sending to the last byte, and what the server says it cost in its
        own currency; None where nothing says so."""
        answers = self._answers.get((number, task))
        found = answers and answers(row, repeat)
        if not found:
            return None
        stated = {name: found.usage.get(name) for name in ("prompt_tokens", "completion_tokens", "cost")}
        return {**stated, "seconds": round(found.latency_s, 2) or None}


CHUNK = 100  # docs that are read together
PLAIN_BYTES = 1_000_000  # texts up to this stay readable in the page's source
MOST_BYTES = 12_000_000  # of texts in the page: with the index and the figures it stays below 15 MB
MOST_RESPONSES = 20_000  # in the page; what is more is in the samples file
CAPS = (None, 16_000, 8_000, 4_000, 2_000, 1_000, 500)  # characters of a response, tried in this order
TITLE = 120  # characters of a question in the list
NO_RESPONSE = {"text": "", "out": None, "span": None, "rule": "none", "pred": None, "form": None,
               "reason": NEVER_CAME, "finish": None, "took": None}  # fmt: skip
DISPUTED, DIFFERS = 1, 2  # bits of a doc's flags


@dataclass(frozen=True)
class Samples:
    """What the browser reads. index: see `_index`; chunks: script texts; packed: whether they are deflated.

    notes: what was left out, in words.
    """

    index: str
    chunks: tuple[str, ...]
    packed: bool
    notes: tuple[str, ...]


class _Item(NamedTuple):
    """A doc in every run of its task: the row and its judgements (None: no response), None in the other runs."""

    task: str
    doc_id: str
    seen: tuple[tuple[Row, list[Judged | None]] | None, ...]

    @property
    def row(self) -> Row:
        return next(one[0] for one in self.seen if one)


def as_script(value: Any) -> str:
    """Return JSON that can stand in a script element: ASCII only, and without what could end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def samples(examined: Sequence[Examined]) -> Samples:
    """Return the browser's data for these runs, small enough for one page."""
    items = list(_items(examined))
    responses = sum(len(one[0].responses) for item in items for one in item.seen if one)
    notes = []
    repeats = max(1, MOST_RESPONSES * max(len(one.run.rows[0].responses) for one in examined) // responses)
    if responses > MOST_RESPONSES:
        items = items[:MOST_RESPONSES]
        notes.append(
            f"The browser has the first {repeats} responses of each of the first {len(items):,} docs; "
            f"all {responses:,} are in the logs, and the figures above count them all."
        )
    asked = Asked(examined)
    parts = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    for cap in CAPS:
        texts = [as_script([_detail(item, cap, repeats, asked) for item in part]) for part in parts]
        packed = sum(map(len, texts)) > PLAIN_BYTES
        if packed:
            texts = [base64.b64encode(zlib.compress(text.encode("ascii"))).decode("ascii") for text in texts]
        if sum(map(len, texts)) <= MOST_BYTES:
            break
    if cap is not None:
        notes.append(f"Responses of more than {cap:,} characters are shown without their middle.")
    index = as_script({**_index(examined, items, repeats), "leads": asked.leads})
    return Samples(index, tuple(texts), packed, tuple(notes))


def _items(examined: Sequence[Examined]) -> Iterator[_Item]:
    """Every doc of every task, in the order of the first run that has it."""
    names = names_of(examined)
    for task in dict.fromkeys(one.run.task for one in examined):
        runs = {one.name: one for one in examined if one.run.task == task}
        for doc_id in dict.fromkeys(row.doc_id for one in runs.values() for row in one.run.rows):
            seen = (
                (one.rows[doc_id], one.by_doc[doc_id]) if one and doc_id in one.rows else None
                for one in map(runs.get, names)
            )
            yield _Item(task, doc_id, tuple(seen))


def _right(judgements: Sequence[Judged | None]) -> float:
    """The share of a doc's responses that our grader calls right."""
    return sum(one is not None and one.verdict.correct for one in judgements) / max(1, len(judgements))


Names = dict[str, int]  # in the order they are first seen


def _number(names: Names, name: str | None) -> int:
    """The number of a name; -1 for none."""
    return -1 if name is None else names.setdefault(name, len(names))


def _index(examined: Sequence[Examined], items: Sequence[_Item], repeats: int) -> dict[str, object]:
    """What lists and filters need. marks[i][r]: status, tier of every response of doc i in run r; null: no such."""
    tasks, tiers, subjects, levels = Names(), Names(), Names(), Names()
    seen = ((None if one is None else one[1][:repeats] for one in item.seen) for item in items)
    marks = [[None if own is None else list(_marks(own, tiers)) for own in one] for one in seen]
    return {
        "runs": names_of(examined),
        "statuses": STATUSES,
        "chunk": CHUNK,
        "doc": [item.doc_id for item in items],
        "task": [_number(tasks, item.task) for item in items],
        "length": [max(len(text) for one in item.seen if one for text in one[0].responses) for item in items],
        "title": [" ".join(item.row.question[: 2 * TITLE].split())[:TITLE] for item in items],
        "subject": [_number(subjects, item.row.subject) for item in items],
        "level": [_number(levels, item.row.level) for item in items],
        "flags": [_flags(item) for item in items],
        "marks": marks,
        "tasks": list(tasks),
        "ours": [all(graded_by_us(one.run) for one in examined if one.run.task == task) for task in tasks],
        "tiers": list(tiers),
        "subjects": list(subjects),
        "levels": list(levels),
    }


def _marks(judgements: Sequence[Judged | None], tiers: Names) -> Iterator[int]:
    for judgement in judgements:
        yield STATUSES.index(status_of(judgement))
        yield _number(tiers, judgement.verdict.tier if judgement else None)


def _flags(item: _Item) -> int:
    there = [one for one in item.seen if one]
    disputed, shares = any(disputes(*one) for one in there), {_right(judged) for _, judged in there}
    return DISPUTED * disputed + DIFFERS * (len(shares) > 1)


def _detail(item: _Item, cap: int | None, repeats: int, asked: Asked) -> dict[str, object]:
    answer = item.row.gold or ""
    return {
        "q": item.row.question,
        "gold": item.row.reference or answer,
        "answer": answer,
        "form": understood(answer),
        "runs": [
            None if one is None else {
                "own": one[0].score,
                "asked": asked.prompt(number, item.task, one[0]),
                "responses": [
                    NO_RESPONSE if judgement is None
                    else _response(one[0], judgement, cap, asked.took(number, item.task, one[0], judgement.repeat))
                    for judgement in one[1][:repeats]
                ],
            }
            for number, one in enumerate(item.seen)
        ],
    }  # fmt: skip


def _response(row: Row, judgement: Judged, cap: int | None, took: object) -> dict[str, object]:
    found, verdict = judgement.extraction, judgement.verdict
    text, span, left_out = _capped(row.responses[judgement.repeat], found.span, cap)
    return {
        "text": text,
        "out": left_out,
        "span": None if span is None else _utf16(text, span),
        "rule": found.rule,
        "pred": found.answer,
        "form": None if found.answer is None else understood(found.answer),
        "reason": verdict.reason,
        "finish": row.finish_reason(judgement.repeat),
        "took": took,
    }


def _capped(
    text: str, span: tuple[int, int] | None, cap: int | None
) -> tuple[str, tuple[int, int] | None, tuple[int, int] | None]:
    """A text without its middle, the span in it, and (where, how many) characters are missing."""
    if cap is None or len(text) <= cap:
        return text, span, None
    head = cap // 3
    missing = len(text) - cap
    short = text[:head] + text[head + missing :]
    if span is not None:
        inside = span[1] > head and span[0] < head + missing
        shift = missing if span[0] >= head + missing else 0
        span = None if inside else (span[0] - shift, span[1] - shift)
    return short, span, (_utf16(short, (head, head))[0], missing)


def _utf16(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """A span counted as JavaScript counts: in UTF-16 units."""
    if text.isascii():
        return span
    start, stop = (len(text[:end].encode("utf-16-le", "surrogatepass")) // 2 for end in span)
    return start, stop
