"""The journal's file: its tables, what a row of them is, and how it is opened."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal import leases
from lm_eval_mathtasks.keys import redact

DEFAULT_PATH = "mathtasks-journal.sqlite"
BUSY_S = 60.0  # how long one process waits for another's commit
BUSY_STEP_S = 0.02
SCHEMA_VERSION = 1
# What reading a damaged file raises: of the disk, of SQLite, and of values that are not what was written.
DAMAGE = (OSError, sqlite3.Error, ValueError, TypeError, KeyError, OverflowError, RecursionError)
# What writing a value that SQLite does not hold raises.
BAD_ROW = (sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError, OverflowError, UnicodeError)
_CLOSED = re.compile(r"unable to open|readonly|read-only|authoriz", re.IGNORECASE)
_FULL = re.compile(r"disk is full|disk I/O", re.IGNORECASE)
_BUSY = re.compile(r"locked|busy", re.IGNORECASE)

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, endpoint TEXT, model TEXT, request TEXT, prompt TEXT, response TEXT, reasoning TEXT,
  finish_reason TEXT, usage TEXT, latency_s REAL, attempts INTEGER, served_model TEXT, fingerprint TEXT,
  dropped TEXT, sent_at REAL, finished_at REAL, source TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS docs (
  key TEXT, task TEXT, doc_id INTEGER, repeat INTEGER, PRIMARY KEY (key, task, doc_id, repeat)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
  key TEXT, at REAL, severity TEXT, kind TEXT, said TEXT, attempts INTEGER);
CREATE TABLE IF NOT EXISTS pending (key TEXT PRIMARY KEY, endpoint TEXT, request TEXT, prompt TEXT) WITHOUT ROWID;
"""


@dataclass
class Answer:
    """One finished request. `request` is the payload as wanted, `dropped` what the server would not take of it;
    times are seconds since 1970, `latency_s` from sending to the last byte; `source` is live or batch."""

    key: str
    endpoint: str
    model: str
    request: dict[str, Any]
    prompt: str
    response: str
    reasoning: str | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    latency_s: float = 0.0
    attempts: int = 1
    served_model: str | None = None
    fingerprint: str | None = None
    dropped: dict[str, str] = field(default_factory=dict)
    sent_at: float = 0.0
    finished_at: float = 0.0
    source: str = "live"


COLUMNS = tuple(f.name for f in fields(Answer))
JSON_COLUMNS = {"request", "usage", "dropped"}


def row_of(answer: Answer) -> tuple[Any, ...]:
    """The row of COLUMNS that holds an Answer, without any key."""
    raw = ((name, getattr(answer, name)) for name in COLUMNS)  # asdict would copy every message
    row = (json.dumps(value) if name in JSON_COLUMNS else value for name, value in raw)
    return tuple(redact(value, shapes=False) if isinstance(value, str) else value for value in row)


def answer_of(row: Sequence[Any]) -> Answer:
    """The Answer in a row of COLUMNS. Raises ValueError or TypeError where the row is damaged."""
    raw = dict(zip(COLUMNS, row, strict=True))
    values = {k: json.loads(v) if k in JSON_COLUMNS else v for k, v in raw.items()}
    texts, objects = (values[k] for k in ("key", "prompt", "response")), (values[k] for k in JSON_COLUMNS)
    if not all(isinstance(v, str) for v in texts) or not all(isinstance(v, dict) for v in objects):
        raise ValueError("a row of another form")
    return Answer(**values)


def connect(path: str | Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a journal for reading, or with `create` for writing, made if need be. Raises JournalError if it cannot be
    used."""
    path = Path(path)
    if not create and not path.exists():
        raise JournalError("an existing journal", str(path), "give the path that the run printed")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        uri = f"{path.resolve().as_uri()}?mode={'rwc' if create else 'ro'}"
        db = sqlite3.connect(uri, uri=True, timeout=BUSY_S, check_same_thread=False)
        if create:
            _create(db)
        (version,) = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        if int(version) == SCHEMA_VERSION:
            db.execute(f"SELECT {', '.join(COLUMNS)} FROM answers LIMIT 0")  # noqa: S608  (column names of ours)
    except DAMAGE as error:
        raise unusable(path, error) from None
    if int(version) != SCHEMA_VERSION:
        raise JournalError(
            f"a journal of version {SCHEMA_VERSION}", f"version {version} at {path}", "use another path"
        )
    return db


def _create(db: sqlite3.Connection) -> None:
    """Make the tables. SQLite does not wait for another process while it changes the mode of a file, so we do."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")  # a filesystem without shared memory keeps its own mode
            db.execute("PRAGMA synchronous=FULL")
            with db:
                db.executescript(SCHEMA + leases.TABLES)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
                db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', ?)", (str(time.time()),))
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_STEP_S)


def unusable(path: str | Path, error: BaseException, *, reading: bool = False) -> JournalError:
    """The error for a journal that cannot be read (`reading`) or written, by what is wrong with it."""
    said = f"{type(error).__name__}: {error} at {path}"
    if isinstance(error, OSError) or _CLOSED.search(str(error)):
        return JournalError(
            "a journal that this user may open and write", said, "give another with journal=path"
        )
    if isinstance(error, BAD_ROW) and not reading:
        return JournalError("an answer that a journal can hold", said, "report this: the answer is not kept")
    if _FULL.search(str(error)) and not reading:
        fix = "free some space, or give another place with journal=path"
        return JournalError("a journal on a disk with room", said, fix)
    if _BUSY.search(str(error)):
        fix = "wait for the other process, or give another place with journal=path"
        return JournalError("a journal that no other process holds", said, fix)
    fix = f"save what can be read: mathtasks journal salvage --journal {path} --out NEW; then go on with journal=NEW"
    return JournalError("an undamaged journal", said, fix)
