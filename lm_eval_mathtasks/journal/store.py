"""Writing a journal: one row per finished request, on the disk before anything else happens with the answer.

SQLite in WAL mode, written by one thread that commits all rows waiting for it at once, so that an event loop never
waits for a disk and fsync is paid per group, not per answer. Several processes may share one file: each
key is asked for by one of them, and the first answer to it stays. Keys and headers are never written.
"""

import logging
import queue
import shutil
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal import queries, schema
from lm_eval_mathtasks.journal.leases import RENEW_S, Owner
from lm_eval_mathtasks.keys import redact

log = logging.getLogger(__name__)

BYTES_PER_TOKEN = 6  # of a stored response and its reasoning, generously
EXPECTED_SHARE = 0.25  # of the token limit that responses use on average, for the estimate of free space

_REQUEST = "INSERT OR IGNORE INTO requests (key, body) VALUES (?, ?)"
_ANSWER = f"""INSERT OR IGNORE INTO answers ({", ".join(schema.STORED)}, asked)
VALUES ({", ".join("?" * len(schema.STORED))}, (SELECT id FROM requests WHERE key = ?))"""  # noqa: S608
_FAILURE = "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?)"
_DOC = "INSERT OR IGNORE INTO docs VALUES (?, ?, ?, ?)"
_PENDING = "INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?)"

# Statements, each with its row, and the promise that they are on the disk.
Statements = tuple[tuple[str, Any], ...]
Waiting = tuple[Statements, Future[None]]


class Journal:
    """A journal open for writing by this process. `put` and `fail` return at once with a Future that is done when
    the row is on the disk, and that raises JournalError if it never will be."""

    def __init__(self, path: str | Path) -> None:
        self._open(Path(path))
        self._owner = Owner()
        self._claimed, self._renewed = False, time.monotonic()
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def _open(self, path: Path) -> None:
        reader, writer = schema.connect(path, create=True), schema.connect(path, create=True)
        self.path, self._reader, self._writer = path, reader, writer
        self._file = self._there()
        if self._file != self._there():
            # A file system that numbers its files anew at each look.
            self._file = None

    def _there(self) -> tuple[int, int] | None:
        """Which file stands at the path; None: none."""
        with suppress(FileNotFoundError, NotADirectoryError):
            found = self.path.stat()
            return found.st_dev, found.st_ino
        return None

    def _keep_whole(self) -> bool:
        """Write everything to a new file where the journal was deleted or replaced (True): what is open lives on unseen
        until it is closed. Raises JournalError if there is no place for it."""
        if self._file is None or self._there() == self._file:
            return False
        lost, aside = self.path, f"{self.path.stem}-{uuid.uuid4().hex[:8]}{self.path.suffix}"
        for place in (lost, lost.with_name(aside), Path(tempfile.gettempdir(), aside)):
            if place.exists():
                continue
            with suppress(OSError, JournalError, sqlite3.Error):
                place.parent.mkdir(parents=True, exist_ok=True)
                for end in ("-wal", "-shm"):
                    Path(f"{place}{end}").unlink(missing_ok=True)
                with closing(sqlite3.connect(place)) as new:
                    self._writer.backup(new)
                self._open(place)
                said = "the journal %s was deleted or replaced while it was in use; all of it was written to %s%s"
                log.error(said, lost, place, "" if place == lost else f": go on with journal={place}")
                return True
        raise JournalError(
            "a journal that stays where it is", f"none at {lost}", "give another with journal=path"
        )

    def require_space(self, requests: int, max_tokens: int) -> None:
        """Raise JournalError unless the disk has room for that many responses, before anything is paid."""
        needed = int(requests * (4096 + max_tokens * BYTES_PER_TOKEN * EXPECTED_SHARE))
        free = shutil.disk_usage(self.path.parent).free
        if free < needed:
            got = f"{free / 1e6:.0f} MB free at {self.path.parent}"
            fix = "free some space, or give another place with journal=path"
            raise JournalError(f"about {needed / 1e6:.0f} MB for the journal", got, fix)

    def find(self, keys: Sequence[str]) -> Iterator[queries.Stored]:
        """Yield the answers to those keys that have been answered."""
        with self._usable(reading=True):
            yield from queries.find(self._reader, keys)

    def answered(self, keys: Sequence[str]) -> set[str]:
        """Those keys that have been answered."""
        with self._usable(reading=True):
            return queries.keys_answered(self._reader, keys)

    def claim(self, keys: Sequence[str]) -> set[str]:
        """Claim the right to ask for `keys`, until this journal is closed; return those that another process asks for
        now."""
        with self._usable():
            theirs = self._owner.claim(self._reader, keys)
        self._claimed = True
        return theirs

    def put(self, answer: schema.Answer) -> Future[None]:
        """Store an answer; the first one to a key stays."""
        asked, row = schema.rows_of(answer)
        return self._submit((_REQUEST, asked), (_ANSWER, (*row, asked[0])))

    def fail(self, key: str, severity: str, kind: str, said: str, attempts: int) -> Future[None]:
        """Store why a request has no answer."""
        return self._submit((_FAILURE, (key, time.time(), severity, kind, redact(said), attempts)))

    def note_docs(self, docs: Iterable[tuple[str, str | None, int | None, int]]) -> None:
        """Store which docs the keys are for: rows of (key, task, doc_id, repeat)."""
        rows = ((key, task or "", -1 if doc is None else doc, n) for key, task, doc, n in docs)
        # In the order of the table: 200,000 in any other would write each of its pages thousands of times.
        with self._usable(), self._reader as db:
            db.executemany(_DOC, sorted(rows))

    def note_pending(self, rows: Iterable[tuple[str, str, Mapping[str, Any], str]]) -> None:
        """Store what a batch file asks: rows of (key, endpoint, request, prompt)."""
        with self._usable(), self._reader as db:
            for key, url, request, prompt in rows:
                asked, seed = schema.packed_request(request, prompt)
                db.execute(_REQUEST, asked)
                db.execute(_PENDING, (key, url, asked[0], seed))

    def pending(self, key: str) -> queries.Pending | None:
        """The request of that key, if it was written to a batch."""
        with self._usable(reading=True):
            return queries.pending(self._reader, key)

    @contextmanager
    def _usable(self, *, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except schema.DAMAGE as error:
            raise schema.unusable(self.path, error, reading=reading) from None

    def close(self, *, read_on: bool = False) -> None:
        """Write what waits, and close; harmless twice. read_on: answers can still be read, until it is closed again."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
            try:
                self._keep_whole()
            except JournalError as error:
                log.error("%s", error)
            if self._claimed:
                self._owner.release(self._reader)
            # The last who closes the file does this, and a reader may hold it open for long.
            with suppress(sqlite3.Error):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._writer.close()
        if not read_on:
            self._reader.close()

    def _submit(self, *statements: tuple[str, Any]) -> Future[None]:
        future: Future[None] = Future()
        self._queue.put((statements, future))
        return future

    def _next(self) -> Waiting | None:
        """What waits to be written; while nothing does, others are told that this process is alive."""
        while True:
            with suppress(queue.Empty):
                return self._queue.get(timeout=RENEW_S)
            self._renew()

    def _renew(self) -> None:
        self._renewed = time.monotonic()
        if self._claimed:
            self._owner.renew(self._writer)
        with suppress(JournalError):
            self._keep_whole()

    def _write(self) -> None:
        """The writer's thread: one commit for all rows that wait."""
        while (first := self._next()) is not None:
            if time.monotonic() - self._renewed > RENEW_S:
                self._renew()
            group: list[Waiting | None] = [first]
            while not self._queue.empty():
                group.append(self._queue.get())
            self._store([one for one in group if one is not None])
            if None in group:
                return

    def _store(self, group: list[Waiting]) -> None:
        """Commit rows together, or one by one where one of them cannot be stored: it must not take the others along."""
        failure: JournalError | None = None
        try:
            with self._writer:
                for statements, _ in group:
                    for statement, row in statements:
                        self._writer.execute(statement, row)
        except Exception as error:
            if isinstance(error, schema.BAD_ROW) and len(group) > 1:
                for one in group:
                    self._store([one])
                return
            failure = schema.unusable(self.path, error)
        try:
            if self._keep_whole() and failure:
                self._store(group)
                return
        except JournalError as error:
            failure = error
        for _, future in group:
            future.set_exception(failure) if failure else future.set_result(None)
