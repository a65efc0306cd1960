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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.models.keys import redact
from lm_eval_mathtasks.models.payload import delivered

DEFAULT_PATH = "mathtasks-journal.sqlite"
BUSY_S = 60.0  # how long one process waits for another's commit
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
    row = {k: json.dumps(v) if k in JSON_COLUMNS else v for k, v in asdict(answer).items()}
    return tuple(redact(v, shapes=False) if isinstance(v, str) else v for v in row.values())


def _answer(row: Sequence[Any]) -> Answer:
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
            db.execute("PRAGMA journal_mode=WAL")  # a filesystem without shared memory keeps its own mode
            db.execute("PRAGMA synchronous=FULL")
            with db:
                db.executescript(SCHEMA)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
                db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', ?)", (str(time.time()),))
        (version,) = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    except (OSError, sqlite3.Error, TypeError) as error:
        raise unusable(path, error) from None
    if int(version) != SCHEMA_VERSION:
        raise ModelError(
            f"a journal of version {SCHEMA_VERSION}", f"version {version} at {path}", "use another path"
        )
    return db


def unusable(path: str | Path, error: BaseException) -> ModelError:
    """The error for a journal that cannot be read or written."""
    return ModelError(
        "a journal on a disk with room that this user may write",
        f"{type(error).__name__}: {error} at {path}",
        "free some space, or give another place with journal=path",
    )


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
        found: dict[str, Answer] = {}
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._reader.execute(
                f"SELECT {', '.join(COLUMNS)} FROM answers WHERE key IN ({marks})", some
            )  # noqa: S608
            found.update((answer.key, answer) for answer in map(_answer, rows))
        return found

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


# -- reading a journal (`mathtasks journal show|export|stats`)

_ROWS = f"""SELECT {", ".join("a." + c for c in COLUMNS)}, d.task, d.doc_id, d.repeat
FROM answers a LEFT JOIN docs d ON d.key = a.key
WHERE (:task IS NULL OR d.task = :task) AND (:model IS NULL OR a.model = :model)
ORDER BY d.task, d.doc_id, d.repeat, a.finished_at"""  # noqa: S608  (column names of ours)


def _rows(
    path: str | Path, task: str | None, model: str | None
) -> Iterator[tuple[Answer, str | None, int | None, int]]:
    with closing(connect(path)) as db:
        for row in db.execute(_ROWS, {"task": task, "model": model}):
            task_name, doc_id, repeat = row[len(COLUMNS) :]
            yield (
                _answer(row[: len(COLUMNS)]),
                task_name or None,
                None if doc_id == -1 else doc_id,
                repeat or 0,
            )


def journal_show(
    path: str | Path,
    *,
    task: str | None = None,
    model: str | None = None,
    key: str | None = None,
    limit: int = 20,
) -> Iterator[str]:
    """Lines for a terminal: one per answer, or everything about the one whose key begins with `key`."""
    shown = 0
    for answer, task_name, doc_id, repeat in _rows(path, task, model):
        if key is not None:
            if answer.key.startswith(key):
                yield json.dumps(asdict(answer), indent=2, ensure_ascii=False)
                return
            continue
        if shown >= limit:
            yield f"... (only the first {limit}; raise limit, or name a task or a key)"
            return
        shown += 1
        tail = " ".join(answer.response.split())[-60:]
        where = f"{task_name or '-'} doc {'-' if doc_id is None else doc_id} #{repeat}"
        tokens = answer.usage.get("completion_tokens", "?")
        yield f"{answer.key[:12]}  {where}  {answer.finish_reason or '?'}  {tokens} tokens  ...{tail}"
    if key is not None:
        raise ModelError("a key in the journal", key, "`mathtasks journal show` lists them")


def journal_export(path: str | Path, *, task: str | None = None, model: str | None = None) -> Iterator[str]:
    """JSON lines that the replay model reads: one per answered doc and repeat."""
    for answer, task_name, doc_id, repeat in _rows(path, task, model):
        response, finish_reason = delivered(answer.response, answer.finish_reason, answer.request)
        row = {
            "task": task_name, "doc_id": doc_id, "repeat": repeat, "prompt": answer.prompt,
            "response": response, "finish_reason": finish_reason, "reasoning": answer.reasoning,
            "model": answer.model, "served_model": answer.served_model, "key": answer.key, "usage": answer.usage,
        }  # fmt: skip
        yield json.dumps(row, ensure_ascii=False)


_STATS = """SELECT model, endpoint, source, count(*), sum(coalesce(finish_reason, '') = 'length'),
sum(json_extract(usage, '$.prompt_tokens')), sum(json_extract(usage, '$.completion_tokens')),
avg(latency_s), sum(attempts) - count(*), min(sent_at), max(finished_at)
FROM answers GROUP BY model, endpoint, source ORDER BY model"""


def journal_stats(path: str | Path) -> Iterator[str]:
    """Lines for a terminal: answers, tokens and failures per model."""
    with closing(connect(path)) as db:
        for model, url, source, n, cut, prompt, written, latency, extra, begin, end in db.execute(_STATS):
            day = "%Y-%m-%d %H:%M"
            yield f"{model} at {url} ({source}): {n} answers, {cut} cut off by the token limit"
            yield f"  tokens {prompt or 0:.0f} + {written or 0:.0f}, mean latency {latency:.2f} s, {extra} extra attempts"
            yield f"  {time.strftime(day, time.localtime(begin))} to {time.strftime(day, time.localtime(end))}"
        for severity, kind, n, last in db.execute(
            "SELECT severity, kind, count(*), max(said) FROM failures GROUP BY severity, kind ORDER BY 3 DESC"
        ):
            yield f"failures: {n} x {kind} ({severity}); such as: {last}"
        (pending,) = db.execute(
            "SELECT count(*) FROM pending WHERE key NOT IN (SELECT key FROM answers)"
        ).fetchone()
        if pending:
            yield f"written to a batch and not collected yet: {pending}"
