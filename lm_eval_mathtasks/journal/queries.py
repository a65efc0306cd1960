"""What a journal is asked: which answers are there, to which docs, how they ended, and what they took."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.journal import schema

_SUMS = """count(*), sum(json_extract(usage, '$.prompt_tokens')), sum(json_extract(usage, '$.completion_tokens')),
avg(latency_s), sum(attempts) - count(*), min(sent_at), max(finished_at)"""
_CHOSEN = "model = :model AND key IN (SELECT key FROM docs WHERE task = :task)"


class Place(NamedTuple):
    """An answer and the doc it is for; None where nothing says so."""

    answer: schema.Answer
    task: str | None
    doc_id: int | None
    repeat: int


class Sums(NamedTuple):
    """What some answers took. extra_attempts: beyond one for each; began, ended: seconds since 1970."""

    answers: int
    prompt_tokens: float | None
    completion_tokens: float | None
    mean_latency_s: float | None
    extra_attempts: int | None
    began: float | None
    ended: float | None


class Server(NamedTuple):
    """The answers of one model at one endpoint; source is live or batch, cut those that the token limit ended."""

    model: str
    endpoint: str
    source: str
    cut: int
    sums: Sums


@contextmanager
def reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A journal open for reading. Raises JournalError for whatever goes wrong with it."""
    with closing(schema.connect(path)) as db:
        try:
            yield db
        except schema.DAMAGE as error:
            raise schema.unusable(path, error, reading=True) from None


class Stored(NamedTuple):
    """As much of an answer as a run needs that finds it: 200,000 whole ones would fill a memory."""

    key: str
    response: str
    finish_reason: str | None


def find(db: sqlite3.Connection, keys: Sequence[str]) -> Iterator[Stored]:
    """Yield the answers to those keys that have been answered. Raises one of DAMAGE for a row of another form."""
    for row in _of_keys(db, "key, response, finish_reason", keys):
        if not isinstance(row[1], str):
            raise ValueError("a row of another form")
        yield Stored(*row)


def keys_answered(db: sqlite3.Connection, keys: Sequence[str]) -> set[str]:
    """Those keys that have been answered: of answers nothing is read."""
    return {key for (key,) in _of_keys(db, "key", sorted(keys))}


def _of_keys(db: sqlite3.Connection, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM answers WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608
    yield from db.execute(query, (json.dumps(list(keys)),))


def latest_answer(path: str | Path, task: str | None, doc_id: int | None) -> schema.Answer | None:
    """The last answer in a journal to this doc, under whatever settings."""
    query = f"""SELECT {schema.ROW} FROM {schema.ROWS} JOIN docs ON docs.key = answers.key WHERE task = ? AND doc_id = ?
    ORDER BY finished_at DESC LIMIT 1"""  # noqa: S608  (column names of ours)
    with reading(path) as db:
        row = db.execute(query, (task or "", -1 if doc_id is None else doc_id)).fetchone()
        return schema.answer_of(row) if row else None


def answered_keys(path: str | Path, keys: Sequence[str]) -> set[str]:
    """Those keys that have been answered in the journal at `path`, without creating one."""
    if not Path(path).exists():
        return set()
    with reading(path) as db:
        return keys_answered(db, keys)


def places(path: str | Path, task: str | None = None, model: str | None = None) -> Iterator[Place]:
    """Every answer, once for each doc it is for: of one task, of one model, or all."""
    query = f"""SELECT {schema.ROW}, task, doc_id, repeat FROM {schema.ROWS} LEFT JOIN docs ON docs.key = answers.key
    WHERE (:task IS NULL OR task = :task) AND (:model IS NULL OR model = :model)
    ORDER BY task, doc_id, repeat, finished_at"""  # noqa: S608  (column names of ours)
    with reading(path) as db:
        for *row, task_name, doc_id, repeat in db.execute(query, {"task": task, "model": model}):
            yield Place(
                schema.answer_of(row), task_name or None, None if doc_id == -1 else doc_id, repeat or 0
            )


class Pending(NamedTuple):
    """A request that was written to a batch."""

    endpoint: str
    request: dict[str, Any]
    prompt: str


def pending(db: sqlite3.Connection, key: str) -> Pending | None:
    """The request of that key, if it was written to a batch. Raises one of DAMAGE."""
    # The column `request` names a row of `requests`, and `prompt` holds the seed; in older rows both are as they are
    # called. An answer outlives a request that is lost.
    query = """SELECT endpoint, request, prompt, body FROM pending LEFT JOIN requests ON requests.key = request
    WHERE pending.key = ?"""
    for url, request, prompt, body in db.execute(query, (key,)):
        if body is not None:
            return Pending(url, *schema.request_of(body, prompt))
        return Pending(url, *((json.loads(request), prompt) if request.startswith("{") else ({}, "")))
    return None


def uncollected(path: str | Path) -> int:
    """How many requests were written to a batch and have no answer yet."""
    with reading(path) as db:
        query = "SELECT count(*) FROM pending WHERE key NOT IN (SELECT key FROM answers)"
        return int(db.execute(query).fetchone()[0])


def servers(path: str | Path) -> list[Server]:
    """The answers of a journal, by model, endpoint and source."""
    query = f"""SELECT model, endpoint, source, sum(coalesce(finish_reason, '') = 'length'), {_SUMS}
    FROM answers GROUP BY model, endpoint, source ORDER BY model"""  # noqa: S608
    with reading(path) as db:
        found = db.execute(query)
        return [Server(model, url, source, cut, Sums(*sums)) for model, url, source, cut, *sums in found]


def failures(path: str | Path) -> list[tuple[str, str, int, str]]:
    """(severity, kind, how many, one of the messages) of the requests without an answer, the most frequent first."""
    query = "SELECT severity, kind, count(*), max(said) FROM failures GROUP BY severity, kind ORDER BY 3 DESC"
    with reading(path) as db:
        return db.execute(query).fetchall()


def journal_statistics(path: Path, task: str, model: str) -> dict[str, object]:
    """Return the counts of one task and model in a journal; seconds, tokens. Raises JournalError for another file."""
    chosen = {"task": task, "model": model}

    def asked(query: str) -> list[tuple[Any, ...]]:
        return db.execute(query, chosen).fetchall()

    with reading(path) as db:
        sums = Sums(*asked(f"SELECT {_SUMS} FROM answers WHERE {_CHOSEN}")[0])  # noqa: S608
        ends = asked(f"""SELECT coalesce(finish_reason, 'unknown'), count(*) FROM answers WHERE {_CHOSEN}
        GROUP BY 1 ORDER BY 1""")  # noqa: S608
        names = asked(f"SELECT DISTINCT served_model, fingerprint FROM answers WHERE {_CHOSEN}")  # noqa: S608
        failed = asked("""SELECT kind, count(*) FROM failures
        WHERE key IN (SELECT key FROM docs WHERE task = :task) GROUP BY kind ORDER BY kind""")
    latency, began, ended = sums.mean_latency_s, sums.began, sums.ended
    return {
        "answers": sums.answers,
        "finish_reasons": dict(ends),
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "mean_latency_s": None if latency is None else round(latency, 3),
        "span_s": None if began is None or ended is None else round(ended - began, 1),
        "extra_attempts": sums.extra_attempts,
        "served_models": sorted({served for served, _ in names if served}),
        "fingerprints": sorted({fingerprint for _, fingerprint in names if fingerprint}),
        "failures": dict(failed),
    }
