"""The journal: one row per finished request, on the disk before anything else happens with the answer.

SQLite in WAL mode, written by one thread that commits all rows waiting for it at once, so that an event loop never
waits for a disk and fsync is paid per group, not per answer. Several processes may share one file: the first answer
to a key stays. Keys and headers are never written.
"""

from __future__ import annotations

import json
import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.keys import redact

DEFAULT_PATH = "mathtasks-journal.sqlite"
BUSY_S = 60.0  # how long one process waits for another's commit
BUSY_STEP_S = 0.02
KEYS_AT_ONCE = 500  # SQLite allows 999 variables in older builds
BYTES_PER_TOKEN = 6  # of a stored response and its reasoning, generously
EXPECTED_SHARE = 0.25  # of the token limit that responses use on average, for the estimate of free space
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
_INSERT = f"INSERT OR IGNORE INTO answers ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_FAILURE = "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?)"
_DOC = "INSERT OR IGNORE INTO docs VALUES (?, ?, ?, ?)"
_PENDING = "INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?)"


def _values(answer: Answer) -> tuple[Any, ...]:
    raw = ((name, getattr(answer, name)) for name in COLUMNS)  # asdict would copy every message
    row = (json.dumps(value) if name in JSON_COLUMNS else value for name, value in raw)
    return tuple(redact(value, shapes=False) if isinstance(value, str) else value for value in row)


def answer_of(row: Sequence[Any]) -> Answer:
    """The Answer in a row of COLUMNS."""
    values = dict(zip(COLUMNS, row, strict=True))
    return Answer(**{k: json.loads(v) if k in JSON_COLUMNS else v for k, v in values.items()})


def connect(path: str | Path, *, create: bool = False) -> sqlite3.Connection:
    """Open a journal; without `create` it must exist. Raises ModelError if it cannot be used."""
    path = Path(path)
    if not create and not path.exists():
        raise ModelError("an existing journal", str(path), "give the path that the run printed")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False)
        if create:
            _create(db)
        (version,) = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        if int(version) == SCHEMA_VERSION:
            db.execute(f"SELECT {', '.join(COLUMNS)} FROM answers LIMIT 0")  # noqa: S608  (column names of ours)
    except (OSError, sqlite3.Error, TypeError) as error:
        raise unusable(path, error) from None
    if int(version) != SCHEMA_VERSION:
        raise ModelError(
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


def unusable(path: str | Path, error: BaseException) -> ModelError:
    """The error for a journal that cannot be read or written."""
    return ModelError(
        "a journal on a disk with room that this user may write",
        f"{type(error).__name__}: {error} at {path}",
        "free some space, or give another place with journal=path",
    )


def find(db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Answer]:
    """{key: Answer} of those keys that have been answered."""
    found: dict[str, Answer] = {}
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = db.execute(f"SELECT {', '.join(COLUMNS)} FROM answers WHERE key IN ({marks})", some)  # noqa: S608
        found.update((answer.key, answer) for answer in map(answer_of, rows))
    return found


def stored(path: str | Path, keys: Sequence[str]) -> dict[str, Answer]:
    """What `find` finds in the journal at `path`, without creating one."""
    if not Path(path).exists():
        return {}
    with closing(connect(path)) as db:
        return find(db, keys)


class Journal:
    """A journal open for writing by this process. `put` and `fail` return at once with a Future that is done when
    the row is on the disk, and that raises ModelError if it never will be."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._reader = connect(path, create=True)
        self._writer = connect(path, create=True)
        self._queue: queue.SimpleQueue[tuple[str, Any, Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def require_space(self, requests: int, max_tokens: int) -> None:
        """Raise ModelError unless the disk has room for that many responses, before anything is paid."""
        needed = int(requests * (4096 + max_tokens * BYTES_PER_TOKEN * EXPECTED_SHARE))
        free = shutil.disk_usage(self.path.parent).free
        if free < needed:
            raise ModelError(
                f"about {needed / 1e6:.0f} MB for the journal",
                f"{free / 1e6:.0f} MB free at {self.path.parent}",
                "free some space, or give another place with journal=path",
            )

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """{key: Answer} of those keys that have been answered."""
        return find(self._reader, keys)

    def put(self, answer: Answer) -> Future[None]:
        """Store an answer; the first one to a key stays."""
        return self._submit(_INSERT, _values(answer))

    def fail(self, key: str, severity: str, kind: str, said: str, attempts: int) -> Future[None]:
        """Store why a request has no answer."""
        return self._submit(_FAILURE, (key, time.time(), severity, kind, redact(said), attempts))

    def note_docs(self, docs: Iterable[tuple[str, str | None, int | None, int]]) -> None:
        """Store which docs the keys are for: rows of (key, task, doc_id, repeat)."""
        self._many(_DOC, ((key, task or "", -1 if doc is None else doc, n) for key, task, doc, n in docs))

    def note_pending(self, rows: Iterable[tuple[str, str, dict[str, Any], str]]) -> None:
        """Store what a batch file asks: rows of (key, endpoint, request, prompt)."""
        self._many(_PENDING, ((key, url, json.dumps(request), prompt) for key, url, request, prompt in rows))

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            with self._reader:
                self._reader.executemany(statement, rows)
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None

    def close(self) -> None:
        """Write what waits, and close; harmless twice."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
            self._reader.close()
            self._writer.close()

    def _submit(self, statement: str, row: tuple[Any, ...]) -> Future[None]:
        future: Future[None] = Future()
        self._queue.put((statement, row, future))
        return future

    def _write(self) -> None:
        """The writer's thread: one commit for all rows that wait."""
        while (first := self._queue.get()) is not None:
            group, last = [first], False
            while not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    last = True
                    break
                group.append(item)
            failure: ModelError | None = None
            try:
                with self._writer:
                    for statement, row, _ in group:
                        self._writer.execute(statement, row)
            except sqlite3.Error as error:
                failure = unusable(self.path, error)
            for _, _, future in group:
                future.set_exception(failure) if failure else future.set_result(None)
            if last:
                return
