"""The journal's file: what was asked is held once, and files of the first version are read and gone on with."""

import json
import sqlite3
import zlib
from contextlib import closing

import pytest

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.listing import journal_export, journal_show, journal_stats
from lm_eval_mathtasks.journal.queries import answered_keys, places
from lm_eval_mathtasks.journal.salvage import journal_salvage
from lm_eval_mathtasks.journal.schema import Answer, connect
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.keys import Key
from lm_eval_mathtasks.models.batch_api import batch_collect
from tests.models.api_helpers import asks, chat, short
from tests.models.fake_server import FakeServer

__all__ = ["short"]

# As version 1 wrote it.
FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT);
INSERT INTO meta VALUES ('schema', '1');
CREATE TABLE answers (
  key TEXT PRIMARY KEY, endpoint TEXT, model TEXT, request TEXT, prompt TEXT, response TEXT, reasoning TEXT,
  finish_reason TEXT, usage TEXT, latency_s REAL, attempts INTEGER, served_model TEXT, fingerprint TEXT,
  dropped TEXT, sent_at REAL, finished_at REAL, source TEXT) WITHOUT ROWID;
CREATE TABLE docs (
  key TEXT, task TEXT, doc_id INTEGER, repeat INTEGER, PRIMARY KEY (key, task, doc_id, repeat)) WITHOUT ROWID;
CREATE TABLE failures (key TEXT, at REAL, severity TEXT, kind TEXT, said TEXT, attempts INTEGER);
CREATE TABLE pending (key TEXT PRIMARY KEY, endpoint TEXT, request TEXT, prompt TEXT) WITHOUT ROWID;
"""


def answer(key="k", *, seed=1, prompt="the prompt", response="5", **more):
    messages = [{"role": "user", "content": prompt}]
    request = {"model": "m", "messages": messages, **({} if seed is None else {"seed": seed})}
    return Answer(key, "http://h/v1", "m", request, prompt, response, usage={"prompt_tokens": 3}, **more)


def first_version(path, answers):
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(FIRST)
        for one in answers:
            row = [json.dumps(v) if isinstance(v, dict) else v for v in vars(one).values()]
            db.execute(f"INSERT INTO answers VALUES ({', '.join('?' * len(row))})", row)
            db.execute("INSERT INTO docs VALUES (?, 't', ?, 0)", (one.key, int(one.key, 16)))


def stored(path, answers):
    journal = Journal(path)
    for future in [journal.put(one) for one in answers]:
        future.result(20)
    journal.close()
    return path


def test_what_was_asked_is_held_once_for_all_samples_of_a_prompt(tmp_path):
    told = [answer(f"{i:x}", seed=i, response=str(i)) for i in range(20)]
    told += [answer("none", seed=None), answer("other", seed=3, prompt="another"), answer("null")]
    told[-1].request["seed"] = None
    path = stored(tmp_path / "j.sqlite", told)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM requests").fetchone() == (2,)
        assert db.execute("SELECT count(*) FROM answers WHERE request IS NOT NULL").fetchone() == (0,)
    assert {place.answer.key: place.answer for place in places(path)} == {one.key: one for one in told}


def test_a_key_is_taken_out_before_a_request_is_packed(tmp_path):
    key = Key("sk-packed-0123456789abcdef").reveal()
    path = stored(tmp_path / "j.sqlite", [answer(prompt=f"my key is {key}")])
    with closing(sqlite3.connect(path)) as db:
        ((body,),) = db.execute("SELECT body FROM requests").fetchall()
    assert key not in zlib.decompress(body).decode()
    (place,) = places(path)
    assert place.answer.prompt == "my key is [redacted]"


def test_a_journal_of_the_first_version_is_read_as_it_is(tmp_path):
    path, told = tmp_path / "old.sqlite", [answer(f"{i:x}", response=f"said {i}") for i in range(30)]
    first_version(path, told)
    before = path.read_bytes()
    assert [place.answer for place in places(path, "t")] == told
    assert answered_keys(path, ["1", "2", "zz"]) == {"1", "2"}
    assert len(list(journal_export(path))) == len(list(journal_show(path, limit=50))) == 30
    assert "30 answers" in next(journal_stats(path))
    assert path.read_bytes() == before


def test_a_journal_of_the_first_version_is_gone_on_with(tmp_path):
    path, told = tmp_path / "old.sqlite", [answer(f"{i:x}", response=f"said {i}") for i in range(30)]
    first_version(path, told)
    again = [answer("1", response="not this"), answer("fff", response="new", seed=None)]
    for _ in range(2):
        stored(path, again)
    found = {place.answer.key: place.answer for place in places(path)}
    assert found == {one.key: one for one in [*told, again[1]]}


def test_a_run_asks_nothing_that_a_journal_of_the_first_version_holds(short):
    """The keys are the same: nothing is paid for twice after an upgrade of this package."""
    with FakeServer() as server:
        model = chat(server)
        planned = model.builder.plan(asks(model, ["a", "b"], repeats=2))
        told = [
            Answer(ask.key, server.url, "m", ask.payload, "p", f"kept {i}") for i, ask in enumerate(planned)
        ]
        with closing(sqlite3.connect(model.settings.journal)) as db, db:
            db.executescript(FIRST)
            for one in told[:-1]:
                row = [json.dumps(v) if isinstance(v, dict) else v for v in vars(one).values()]
                db.execute(f"INSERT INTO answers VALUES ({', '.join('?' * len(row))})", row)
        found = model.generate_until(asks(model, ["a", "b"], repeats=2))
    assert found == ["kept 0", "kept 1", "kept 2", "answer to b"]
    assert len(server.calls) == 1


def test_what_a_batch_asks_is_packed_as_the_rest(tmp_path):
    """And it is held once for all samples, and with the answer that is collected."""
    key = Key("sk-batch-0123456789abcdef").reveal()
    path, told = (
        tmp_path / "j.sqlite",
        [answer(f"{i:x}", seed=i, prompt=f"a prompt, {key}") for i in range(9)],
    )
    journal = Journal(path)
    journal.note_pending((one.key, one.endpoint, one.request, one.prompt) for one in told)
    found = [journal.pending(one.key) for one in told]
    assert [(one.request["seed"], one.prompt) for one in found] == [
        (i, "a prompt, [redacted]") for i in range(9)
    ]
    assert journal.pending("other") is None
    journal.put(told[0]).result(20)
    journal.close()
    assert b"a prompt" not in path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM requests").fetchone() == (1,)


@pytest.mark.parametrize("lost", [True, False])
def test_a_batch_that_was_written_before_is_collected(tmp_path, lost):
    """The answer is paid for: it is taken even where what was asked is lost."""
    path, one = tmp_path / "old.sqlite", answer("k1")
    first_version(path, [])
    with closing(sqlite3.connect(path)) as db, db:
        row = ("k1", one.endpoint, "no packed row" if lost else json.dumps(one.request), one.prompt)
        db.execute("INSERT INTO pending VALUES (?, ?, ?, ?)", row)
    body = {"model": "m", "choices": [{"index": 0, "message": {"content": "5"}, "finish_reason": "stop"}]}
    line = {"custom_id": "k1", "response": {"status_code": 200, "body": body}, "error": None}
    (tmp_path / "out.jsonl").write_text(json.dumps(line) + "\n")
    assert list(batch_collect(tmp_path / "out.jsonl", path)) == [
        f"1 answers collected into {path}, 0 without an answer"
    ]
    (place,) = places(path)
    assert (place.answer.response, place.answer.model, place.answer.request) == (
        "5",
        "m",
        {} if lost else one.request,
    )


def test_a_batch_needs_the_journal_that_it_was_written_for(tmp_path):
    (tmp_path / "out.jsonl").write_text("{}\n")
    with pytest.raises(JournalError, match="an existing journal"):
        list(batch_collect(tmp_path / "out.jsonl", tmp_path / "none.sqlite"))
    assert not (tmp_path / "none.sqlite").exists()


def test_an_answer_outlives_what_was_asked(tmp_path):
    path, out = tmp_path / "j.sqlite", tmp_path / "new.sqlite"
    stored(path, [answer("b", prompt="another"), answer("a")])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE requests SET body = ? WHERE id = 2", (b"no packed text",))
    with pytest.raises(JournalError, match="undamaged"):
        list(places(path))
    assert next(iter(journal_salvage(path, out))).startswith("2 answers saved")
    # What is asked from now on may get the number of what is lost.
    stored(out, [answer("c", prompt="a third")])
    kept = {place.answer.key: place.answer for place in places(out)}
    assert (kept["a"].response, kept["a"].prompt, kept["a"].request) == ("5", "", {})
    assert kept["b"].prompt == "another"


def test_a_damaged_journal_of_the_first_version_is_saved(tmp_path):
    path, out = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    first_version(path, [answer(f"{i:x}", response=f"said {i}") for i in range(300)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE answers SET usage = 'no json' WHERE key = '7'")
    said = list(journal_salvage(path, out))
    assert said[0].startswith("299 answers saved")
    assert said[1].startswith("1 rows were damaged")
    with closing(connect(out)) as db:
        assert db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == ("2",)


def test_a_request_that_would_fill_a_memory_is_damage(tmp_path, monkeypatch):
    from lm_eval_mathtasks.journal import schema

    path = stored(tmp_path / "j.sqlite", [answer(prompt="p" * 10_000)])
    monkeypatch.setattr(schema, "MAX_REQUEST", 1000)
    with pytest.raises(JournalError, match="undamaged"):
        list(places(path))
