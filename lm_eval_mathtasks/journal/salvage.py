"""What can still be read of a damaged journal, in a new one: `mathtasks journal salvage`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.schema import COLUMNS, DAMAGE, answer_of, connect, row_of

_DIGITS = "0123456789abcdef"
# Where a table cannot be read to its end, it is read by the first digits of its keys, and a part that cannot be read by
# its sixteen parts, so that a damaged page costs little more than what is on it.
_DEEPEST = 6  # digits; no more than one row of a million begins like another
_TABLES = {
    "answers": COLUMNS,
    "docs": ("key", "task", "doc_id", "repeat"),
    "pending": ("key", "endpoint", "request", "prompt"),
}


def journal_salvage(path: str | Path, out: str | Path) -> Iterator[str]:
    """Copy every readable row of a journal into a new one at `out`; returns lines for a terminal.

    Raises JournalError where `out` is there already, or nothing could be read.
    """
    if Path(out).exists():
        raise JournalError(
            "a new file for what is saved", f"{out}, which is there", "name another with --out"
        )
    saved = dict.fromkeys(_TABLES, 0)
    spoilt = 0
    with closing(_open(path)) as old, closing(connect(out, create=True)) as new, new:
        for table, columns in _TABLES.items():
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            for row in _readable(old, f"SELECT {names} FROM {table}"):  # noqa: S608  (names of ours)
                try:
                    # An answer is checked by reading it: a damaged page may hold a row of another form.
                    values = row_of(answer_of(row)) if table == "answers" else row
                    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
                    saved[table] += new.execute(insert, values).rowcount
                except DAMAGE:
                    spoilt += 1
    if not any(saved.values()):
        Path(out).unlink()
        fix = "try `sqlite3 FILE .recover`, which reads a file without its index"
        raise JournalError("a journal of which something can be read", str(path), fix)
    yield f"{saved['answers']} answers saved in {out}, with {saved['docs']} docs that they are for"
    if spoilt:
        yield f"{spoilt} rows were damaged and are left out"
    yield f"go on with journal={out}: what is missing is asked again"


def _open(path: str | Path) -> sqlite3.Connection:
    """A connection without any check of what is in the file."""
    if not Path(path).is_file():
        raise JournalError("an existing journal", str(path), "give the path that the run printed")
    return sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)


def _readable(db: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table that can be read, some of them twice."""
    try:
        yield from db.execute(select)
    except DAMAGE:
        yield from _by_digits(db, select, "")


def _by_digits(db: sqlite3.Connection, select: str, prefix: str) -> Iterator[tuple[Any, ...]]:
    unreadable = []
    for digit in _DIGITS:
        first = prefix + digit
        try:
            found = db.execute(f"{select} WHERE key >= ? AND key < ?", (first, first + "g")).fetchall()
        except DAMAGE:
            unreadable.append(first)
        else:
            yield from found
    # Sixteen parts of which none can be read are below one damaged page: going on would be millions of questions.
    if len(prefix) + 1 < _DEEPEST and (not prefix or len(unreadable) < len(_DIGITS)):
        for first in unreadable:
            yield from _by_digits(db, select, first)
