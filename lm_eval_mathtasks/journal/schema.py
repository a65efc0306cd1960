"""The journal's file: its tables, what a row of them is, and how it is opened."""

import hashlib
import json
import re
import sqlite3
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal import leases
from lm_eval_mathtasks.keys import redact

DEFAULT_PATH = "mathtasks-journal.sqlite"
BUSY_S = 60.0  # how long one process waits for another's commit
BUSY_STEP_S = 0.02
REQUEST_BYTES = 10  # of the hash that tells requests apart
MAX_REQUEST = 2**28  # bytes of a request: a file of others may be packed to fill a memory
SCHEMA_VERSION = 2
# Bytes of a page. An answer takes a few thousand: of SQLite's own pages, of 4,096, each left one half empty.
PAGE = 16384
# What reading a damaged file raises: of the disk, of SQLite, and of values that are not what was written.
DAMAGE = (OSError, sqlite3.Error, ValueError, TypeError, KeyError, OverflowError, RecursionError, zlib.error)
# What writing a value that SQLite does not hold raises.
BAD_ROW = (sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError, OverflowError, UnicodeError)
_BEGINNING = b"SQLite format 3\0"
_CLOSED = re.compile(r"unable to open|readonly|read-only|authoriz", re.IGNORECASE)
_FULL = re.compile(r"disk is full|disk I/O", re.IGNORECASE)
_BUSY = re.compile(r"locked|busy", re.IGNORECASE)

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, endpoint TEXT, model TEXT, request TEXT, prompt TEXT, response TEXT, reasoning TEXT,
  finish_reason TEXT, usage TEXT, latency_s REAL, attempts INTEGER, served_model TEXT, fingerprint TEXT,
  dropped TEXT, sent_at REAL, finished_at REAL, source TEXT, asked INTEGER, seed TEXT);
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, key TEXT UNIQUE, body BLOB);
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
# What was asked stands in a table of its own, once for all samples of a prompt; only their seeds differ. Rows of
# version 1 hold it themselves.
ASKED = ("request", "prompt")
STORED = (*(name for name in COLUMNS if name not in ASKED), "seed")
ROW = f"{', '.join(f'answers.{name}' for name in COLUMNS)}, answers.seed, requests.body"
ROWS = "answers LEFT JOIN requests ON requests.id = answers.asked"
_UPGRADE = ("ALTER TABLE answers ADD COLUMN asked INTEGER", "ALTER TABLE answers ADD COLUMN seed TEXT")
# How a file of version 1 is read where it may not be written.
_AS_NEW = (
    "CREATE TEMP VIEW answers AS SELECT *, NULL AS asked, NULL AS seed FROM main.answers",
    "CREATE TEMP TABLE requests (id INTEGER PRIMARY KEY, key TEXT, body BLOB)",
)


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite's, by how it begins."""
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def packed_request(request: Mapping[str, Any], prompt: str) -> tuple[tuple[str, bytes], str | None]:
    """What holds a request, without any key: the row (key, body) of `requests`, and the seed as JSON."""
    rest = {name: value for name, value in request.items() if name != "seed"}
    asked = redact(json.dumps([rest, prompt]), shapes=False).encode()
    key = hashlib.blake2b(asked, digest_size=REQUEST_BYTES).hexdigest()
    return (key, zlib.compress(asked)), json.dumps(request["seed"]) if "seed" in request else None


def rows_of(answer: Answer) -> tuple[tuple[str, bytes], tuple[Any, ...]]:
    """What holds an Answer, without any key: the row (key, body) of what was asked, and the row of STORED."""
    asked, seed = packed_request(answer.request, answer.prompt)
    # asdict would copy every message.
    raw = ((name, getattr(answer, name)) for name in STORED[:-1])
    row = (json.dumps(value) if name in JSON_COLUMNS else value for name, value in raw)
    kept = (redact(value, shapes=False) if isinstance(value, str) else value for value in row)
    return asked, (*kept, seed)


def request_of(body: bytes, seed: str | None) -> tuple[dict[str, Any], str]:
    """(request, prompt) from a row of `requests`, and the seed of one answer. Raises one of DAMAGE."""
    request, prompt = json.loads(zlib.decompressobj().decompress(body, MAX_REQUEST))
    return {**request, **({} if seed is None else {"seed": json.loads(seed)})}, prompt


def answer_of(row: Sequence[Any]) -> Answer:
    """The Answer in a ROW. Raises one of DAMAGE where the row is damaged."""
    *own, seed, body = row
    raw = dict(zip(COLUMNS, own, strict=True))
    values = {k: json.loads(v) if k in JSON_COLUMNS - {"request"} else v for k, v in raw.items()}
    if body is None:
        # Of version 1; or what was asked is lost, and the answer is not.
        values |= {"request": json.loads(raw["request"] or "{}"), "prompt": raw["prompt"] or ""}
    else:
        values["request"], values["prompt"] = request_of(body, seed)
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
        version = _version(db)
        if version == 1:
            for statement in _AS_NEW:
                db.execute(statement)
        if version <= SCHEMA_VERSION:
            db.execute(f"SELECT {ROW} FROM {ROWS} LIMIT 0")  # noqa: S608  (column names of ours)
    except DAMAGE as error:
        raise unusable(path, error) from None
    if version > SCHEMA_VERSION:
        fix = "use another path"
        raise JournalError(f"a journal of version {SCHEMA_VERSION}", f"version {version} at {path}", fix)
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0])


def _create(db: sqlite3.Connection) -> None:
    """Make the tables. SQLite does not wait for another process while it changes the mode of a file, so we do."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute(f"PRAGMA page_size={PAGE}")
            db.execute("PRAGMA journal_mode=WAL")  # a filesystem without shared memory keeps its own mode
            db.execute("PRAGMA synchronous=FULL")
            with db:
                db.executescript(SCHEMA + leases.TABLES)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
                db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', ?)", (str(time.time()),))
                # This process alone writes now. Nothing is moved: old rows hold what they held.
                if _version(db) == 1:
                    for statement in _UPGRADE:
                        db.execute(statement)
                    db.execute("UPDATE meta SET value = '2' WHERE name = 'schema'")
            # A nearly full disk then has room for answers rather than for empty tables twice.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_STEP_S)


def unusable(path: str | Path, error: BaseException, *, reading: bool = False) -> JournalError:
    """The error for a journal that cannot be read (`reading`) or written, by what is wrong with it."""
    said = f"{type(error).__name__}: {error} at {path}"
    if isinstance(error, OSError) or _CLOSED.search(str(error)):
        fix = "give another with journal=path"
        return JournalError("a journal that this user may open and write", said, fix)
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
