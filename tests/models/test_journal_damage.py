"""A journal that cannot be written, or is damaged: the error says so, and what can be read is saved."""

import random
import sqlite3
from contextlib import closing

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.listing import journal_export, journal_show, journal_stats
from lm_eval_mathtasks.journal.queries import answered_keys, journal_statistics, pending, reading
from lm_eval_mathtasks.journal.salvage import journal_salvage
from lm_eval_mathtasks.journal.schema import PAGE, Answer
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models.payload import digest

KEYS = [digest(i) for i in range(300)]
TEXT = "A response of some length, so that a page holds a few of them. " * 12


def answer(key, **more):
    return Answer(key, "http://h/v1", "m", {"model": "m"}, "the prompt", f"{key} {TEXT}", **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("journal") / "whole.sqlite"
    journal = Journal(path)
    for future in [journal.put(answer(key, usage={"prompt_tokens": 3})) for key in KEYS]:
        future.result(20)
    journal.note_docs((key, "t", i, 0) for i, key in enumerate(KEYS))
    journal.fail(KEYS[0], "transient", "server_error", "HTTP 500", 2).result(20)
    journal.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode=DELETE")
    return path.read_bytes()


def damaged(data, seed):
    """Bytes overwritten, pages of zeros, a file cut off: what a disk does."""
    rng, data = random.Random(seed), bytearray(data)
    kind = seed % 5
    if kind == 0:
        return bytes(data[: rng.randrange(1, len(data))])
    for _ in range(1 if kind == 1 else 20):
        at = rng.randrange(100 if kind < 4 else 0, len(data) - 4096)
        size = 4096 if kind == 2 else rng.randrange(1, 200)
        data[at : at + size] = bytes(size) if kind == 2 else rng.randbytes(size)
    return bytes(data)


def everything(path):
    """All that is ever asked of a journal; each part may fail on its own."""
    yield lambda: list(journal_show(path, limit=10**6))
    yield lambda: list(journal_show(path, key=KEYS[7]))
    yield lambda: list(journal_export(path))
    yield lambda: list(journal_stats(path))
    yield lambda: journal_statistics(path, "t", "m")
    yield lambda: written(path)
    yield lambda: answered_keys(path, KEYS)


def written(path):
    with reading(path) as db:
        return [pending(db, key) for key in KEYS]


@pytest.mark.parametrize("seed", range(50))
def test_damage_is_named_and_never_a_raw_exception(whole, tmp_path, seed):
    path = tmp_path / "j.sqlite"
    path.write_bytes(damaged(whole, seed))
    said = []
    for ask in everything(path):
        try:
            ask()
        except JournalError as error:
            said.append(str(error))
    assert not [text for text in said if "some space" in text]


@pytest.mark.parametrize("seed", range(0, 50, 3))
def test_what_can_be_read_of_a_damaged_journal_is_saved(whole, tmp_path, seed):
    path, out = tmp_path / "j.sqlite", tmp_path / "new.sqlite"
    path.write_bytes(damaged(whole, seed))
    try:
        said = list(journal_salvage(path, out))
    except JournalError as error:
        said = [str(error)]
    if not out.exists():
        assert ".recover" in said[0]
        return
    saved = answered_keys(out, KEYS)
    assert said[0].startswith(f"{len(saved)} answers saved")
    # A byte inside a text is no damage that SQLite can see; keys and forms are those that were written.
    assert set(saved) <= set(KEYS)
    if seed % 5 == 1:
        assert len(saved) > 0.9 * len(KEYS)


def test_a_damaged_page_in_the_middle_costs_little(whole, tmp_path):
    path, out = tmp_path / "j.sqlite", tmp_path / "new.sqlite"
    at = whole.index(f"{KEYS[150]} {TEXT}".encode()) // PAGE * PAGE
    path.write_bytes(whole[:at] + bytes(PAGE) + whole[at + PAGE :])
    with pytest.raises(JournalError, match=r"undamaged journal.*journal salvage"):
        list(journal_export(path))
    assert main(["journal", "salvage", "--journal", str(path), "--out", str(out)]) == 0
    assert len(KEYS) > len(answered_keys(out, KEYS)) > 0.9 * len(KEYS)
    with pytest.raises(JournalError, match="which is there"):
        list(journal_salvage(path, out))


def test_one_row_that_cannot_be_stored_takes_no_other_with_it(tmp_path):
    journal = Journal(tmp_path / "j.sqlite")
    bad = [answer(KEYS[3], finish_reason=object()), answer(KEYS[4], attempts=10**30),
           answer(KEYS[5], served_model="\ud800")]  # fmt: skip
    futures = [journal.put(one) for one in (answer(KEYS[0]), *bad, answer(KEYS[1]))]
    for future in futures[1:-1]:
        with pytest.raises(JournalError, match="an answer that a journal can hold"):
            future.result(10)
    assert futures[0].result(10) is futures[-1].result(10) is None
    assert {one.key for one in journal.find(KEYS)} == {KEYS[0], KEYS[1]}
    journal.close()
