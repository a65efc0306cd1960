"""What can still be read of a damaged journal, in a new one: `mathtasks journal salvage`."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.schema import COLUMNS, DAMAGE, answer_of, connect, request_of

_DIGITS = "0123456789abcdef"
# Where a table cannot be read to its end, it is read in parts, and a part that cannot be read in parts of it, so that a
# damaged page costs little more than what is on it: by the numbers of its rows, or by the first digits of its keys.
_DEEPEST = 6  # digits; no more than one row of a million begins like another
_TABLES = ("answers", "requests", "docs", "pending")


def journal_salvage(path: str | Path, out: str | Path) -> Iterator[str]:
    """Copy every readable row of a journal into a new one at `out`; returns lines for a terminal.

    Raises JournalError where `out` is there already, or nothing could be read.
    """
    if Path(out).exists():
        fix = "name another with --out"
        raise JournalError("a new file for what is saved", f"{out}, which is there", fix)
    saved = dict.fromkeys(_TABLES, 0)
    spoilt = 0
    with closing(_open(path)) as old, closing(connect(out, create=True)) as new, new:
        for table in _TABLES:
            columns = _columns(old, table)
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            for row in _readable(old, table, names):
                try:
                    _check(table, dict(zip(columns, row, strict=True)))
                    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
                    saved[table] += new.execute(insert, row).rowcount
                except DAMAGE:
                    spoilt += 1
        new.execute("UPDATE answers SET asked = NULL WHERE asked NOT IN (SELECT id FROM requests)")
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


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    """The columns of a table, fewer in a file of version 1; none where that cannot be read."""
    with suppress(*DAMAGE):
        return [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    return []


def _check(table: str, row: dict[str, Any]) -> None:
    """Raise one of DAMAGE for a row of another form, which a damaged page may hold: it is checked by reading it."""
    if table == "answers":
        answer_of([*map(row.get, COLUMNS), row.get("seed"), None])
    elif table == "requests":
        request_of(row["body"], None)


def _readable(db: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table that can be read, some of them twice."""
    if not names:
        return
    select = f"SELECT {names} FROM {table}"  # noqa: S608  (names of ours)
    try:
        yield from db.execute(select)
    except DAMAGE:
        try:
            (last,) = db.execute(f"SELECT max(rowid) FROM {table}").fetchone()  # noqa: S608
        except DAMAGE:
            # A table without such numbers, or one whose end is damaged.
            yield from _by_digits(db, select, "")
        else:
            yield from _by_numbers(db, select, 0, last or 0)


def _by_numbers(db: sqlite3.Connection, select: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    try:
        yield from db.execute(f"{select} WHERE rowid BETWEEN ? AND ?", (first, last)).fetchall()
    except DAMAGE:
        if first < last:
            middle = (first + last) // 2
            yield from _by_numbers(db, select, first, middle)
            yield from _by_numbers(db, select, middle + 1, last)


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
