"""Reference answers from a file of docs, for a run without: each doc is found by its question, else by its id."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json_lines
from lm_eval_mathtasks.problems.gold import gold_key
from lm_eval_mathtasks.runs.columns import GOLD, ID, QUESTION, first_text
from lm_eval_mathtasks.runs.records import Provenance, Row, Run, both_of
from lm_eval_mathtasks.text import collapsed, letters

_OPENING = 24  # characters by which a question is looked up; the whole of it must then be there
_ENDS = ".?!:。？)$}"  # a question that is only the beginning of a longer one ends otherwise
_STARTS = re.compile(r"^|(?<=[:：.!?。])\s*(?=\S)")  # where a question can begin inside a prompt of one line
_SHORTEST = 20  # letters and digits: a shorter question may stand inside another by chance


def with_gold(run: Run, path: Path) -> Run:
    """Return a run with the reference answers of a file of docs: by question, else by id (perhaps a line's number).

    A doc that has one in the log gets the file's where the file has its question: ids of two sources may be of other
    docs. A note says what that changed. Raises EvidenceError where a doc of the file has no answer, and where a
    response without verdict finds no doc.
    """
    docs = _Docs(path)
    shift = docs.counts_from_one(run.rows)
    found = [docs.find(row, shift) if row.gold is None or row.question else None for row in run.rows]
    pairs = zip(run.rows, found, strict=True)
    rows = tuple(row if answer is None else replace(row, **both_of(answer)) for row, answer in pairs)
    run = replace(run, provenance=_with_note(run, rows, sum(answer is not None for answer in found), path))
    missing = [row for row in rows if row.gold is None]
    if missing and not run.scored:
        got = f"none for {len(missing)} of {len(rows)}, for instance {_named(missing[0])}"
        fix = "give each response its question as in the file, an id of the file, or a line's number from 0"
        raise EvidenceError(f"a doc of {path} for every response of {run.label}", got, fix)
    return replace(run, rows=rows)


def _with_note(run: Run, rows: Sequence[Row], found: int, path: Path) -> Provenance:
    """Where a run comes from, with what a file did to reference answers that its log has."""
    own = sum(row.gold is not None for row in run.rows)
    pairs = ((row.gold, new.gold) for row, new in zip(run.rows, rows, strict=True) if row.gold != new.gold)
    other = sum(None not in (old, new) and gold_key(old or "") != gold_key(new or "") for old, new in pairs)
    notes = []
    if own and not found:
        notes = [f"{path.name} has none of these questions: the log's own reference answers stay"]
    elif other:
        notes = [f"{other} reference answers are those of {path.name}, not the log's"]
    return replace(run.provenance, notes=(*run.provenance.notes, *notes), replaced=other)


def _named(row: Row) -> str:
    asked = " ".join(row.question.split())
    return f"id {row.doc_id}" + (f" ({asked[:60]}...)" if asked else ", which has no question")


class _Docs:
    """The reference answers of a file, by question, by the letters of the question, and by id."""

    def __init__(self, path: Path) -> None:
        docs = read_json_lines(path, EvidenceError)
        self.size = len(docs)
        self.named = any(name in doc for doc in docs for name in ID)
        self.by_question: dict[str, str] = {}
        self.by_id: dict[str, str] = {}
        # None where two docs with other answers have the same letters.
        self.by_letters: dict[str, str | None] = {}
        # Letters of questions that end as questions do, not in the middle.
        self.whole: set[str] = set()
        for position, doc in enumerate(docs):
            answer = first_text(doc, GOLD)
            if answer is None:
                got = f"none on line {position + 1} of {path}"
                raise EvidenceError("a reference answer in every doc", got, "add it")
            self._note(doc, position, answer)
        self.openings: dict[str, list[str]] = {}
        for question in filter(None, self.by_question):
            self.openings.setdefault(question[:_OPENING], []).append(question)

    def _note(self, doc: Mapping[str, Any], position: int, answer: str) -> None:
        for name in ID:
            if isinstance(doc.get(name), str | int):
                self.by_id.setdefault(_plain_id(str(doc[name])), answer)
        if not self.named:
            self.by_id[str(position)] = answer
        asked = first_text(doc, QUESTION) or ""
        self.by_question.setdefault(collapsed(asked), answer)
        key = letters(asked)
        if asked.rstrip().endswith(tuple(_ENDS)):
            self.whole.add(key)
        if self.by_letters.setdefault(key, answer) != answer:
            self.by_letters[key] = None

    def counts_from_one(self, rows: Sequence[Row]) -> int:
        """1 where the responses are numbered 1 to n and the docs have no ids, else 0."""
        numbers = {_plain_id(row.doc_id) for row in rows}
        whole = numbers == {str(i) for i in range(1, self.size + 1)}
        return int(whole and not self.named)

    def find(self, row: Row, shift: int) -> str | None:
        if not row.question:
            number = _plain_id(row.doc_id)
            return self.by_id.get(str(int(number) - shift) if shift else number) or self._numbered(number)
        asked = collapsed(row.question)
        exact = self.by_question.get(asked) or self.by_question.get(_asked_within(asked, self.openings))
        return exact or self._alike(letters(row.question))

    def _numbered(self, doc_id: str) -> str | None:
        """A doc of a file without ids by the number at the end of an id like test-17."""
        number = re.search(r"(\d+)$", doc_id)
        return self.by_id.get(str(int(number[1]))) if number and not self.named else None

    def _alike(self, key: str) -> str | None:
        """A doc by the letters and digits of its question, or by the last question that a prompt holds."""
        if key in self.by_letters:
            return self.by_letters[key]
        whole = ((q, a) for q, a in self.by_letters.items() if len(q) >= _SHORTEST and q in self.whole)
        held = [(key.rfind(q) + len(q), len(q), a) for q, a in whole if q in key]
        return max(held, key=lambda place: place[:2])[2] if held else None


def _plain_id(doc_id: str) -> str:
    """An id without the zeros in front of a number."""
    text = doc_id.strip()
    return str(int(text)) if text.isdecimal() else text


def _asked_within(prompt: str, openings: Mapping[str, list[str]]) -> str:
    """The question of a doc that stands inside a prompt ("Question: ... Answer:"), found by how it begins."""
    for start in _STARTS.finditer(prompt):
        rest = prompt[start.end() :]
        near = openings.get(rest[:_OPENING], ())
        if found := [q for q in near if rest == q or (rest.startswith(q) and q[-1] in _ENDS)]:
            return max(found, key=len)
    return ""
