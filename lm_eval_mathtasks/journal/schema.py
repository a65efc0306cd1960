"""The journal's file: its tables, what a row of them is, and how it is opened."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.keys import redact

DEFAULT_PATH = "mathtasks-journal.sqlite"
BUSY_S = 60.0  # how long one process waits for another's commit
BUSY_STEP_S = 0.02
SCHEMA_VERSION = 1

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
    """The Answer in a row of COLUMNS."""
    values = dict(zip(COLUMNS, row, strict=True))
    return Answer(**{k: json.loads(v) if k in JSON_COLUMNS else v for k, v in values.items()})


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
    except (OSError, sqlite3.Error, TypeError) as error:
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
                db.executescript(SCHEMA)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
                db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', ?)", (str(time.time()),))
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_STEP_S)


def unusable(path: str | Path, error: BaseException) -> JournalError:
    """The error for a journal that cannot be read or written."""
    return JournalError(
        "a journal on a disk with room that this user may write",
        f"{type(error).__name__}: {error} at {path}",
        "free some space, or give another place with journal=path",
    )
