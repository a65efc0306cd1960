"""A journal that is deleted or replaced while a run writes it: that is said, and no answer is paid twice."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lm_eval_mathtasks.errors import JournalError, RunFatal
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
from tests.models.api_helpers import answered, answers_of, asks, chat, short
from tests.models.fake_server import FakeServer

__all__ = ["short"]
pytestmark = pytest.mark.usefixtures("short")
PROMPTS = [f"q{i}" for i in range(12)]
OTHER = "another journal"


def delete(path):
    path.unlink()


def delete_all(path):
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def delete_folder(path):
    shutil.rmtree(path.parent)


def move(path):
    path.rename(path.with_name("moved.sqlite"))


def replace(path):
    delete_all(path)
    path.write_text(OTHER)


GONE = [delete, delete_all, delete_folder, move]


def place(short):
    (short / "folder").mkdir()
    return short / "folder" / "j.sqlite"


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("at", [6, 12])
def test_a_journal_that_is_deleted_is_written_again(short, caplog, gone, at):
    path = place(short)
    with FakeServer(lambda call: gone(path) if call.serial == at else None) as server:
        assert answers_of(server, PROMPTS, num_concurrent=1, journal=str(path)) == [
            f"answer to {p}" for p in PROMPTS
        ]
        (said,) = [r.getMessage() for r in caplog.records if "deleted or replaced" in r.getMessage()]
        assert said.endswith(f"written to {path}")
        again = chat(server, journal=str(path))
        assert again.generate_until(asks(again, PROMPTS)) == [f"answer to {p}" for p in PROMPTS]
    assert again.report.from_journal == len(PROMPTS)
    assert len(server.calls) == len(PROMPTS)


def test_what_replaced_a_journal_is_left_alone(short, caplog):
    path = place(short)
    with FakeServer(lambda call: replace(path) if call.serial == 6 else None) as server:
        model = answered(server, PROMPTS, num_concurrent=1, journal=str(path))
        assert path.read_text() == OTHER
        (new,) = path.parent.glob("j-*.sqlite")
        assert f"go on with journal={new}" in caplog.text
        assert model.report.journal == str(new)
        answered(server, PROMPTS, journal=str(new))
    assert len(server.calls) == len(PROMPTS)


def test_where_no_new_file_can_be_made_the_run_stops_and_says_so(short, monkeypatch):
    path = place(short)

    def gone(call):
        if call.serial == 6:
            delete_folder(path)
            path.parent.write_text("a file")
            monkeypatch.setattr("tempfile.gettempdir", lambda: str(path))

    with (
        FakeServer(gone) as server,
        pytest.raises(RunFatal, match=r"a journal that stays where it is, got none at"),
    ):
        answers_of(server, PROMPTS, num_concurrent=1, journal=str(path))
    assert len(server.calls) == 6


def test_a_journal_that_stays_is_not_copied(short, caplog):
    path = place(short)
    path.with_name("link.sqlite").symlink_to(path)
    with FakeServer() as server:
        answered(server, PROMPTS, journal=str(path.with_name("link.sqlite")))
    assert "deleted" not in caplog.text
    assert {one.name for one in path.parent.glob("*")} <= {"link.sqlite", "j.sqlite"}


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_row_that_the_lost_file_refuses_is_in_the_new_one(tmp_path, mode):
    """Without a log of its own SQLite notices by itself, and calls the file read-only."""
    path = tmp_path / "j.sqlite"
    journal = Journal(path)
    journal._reader.close()
    assert journal._writer.execute(f"PRAGMA journal_mode={mode}").fetchall() == [(mode.lower(),)]
    journal._reader = sqlite3.connect(path, check_same_thread=False)
    journal.put(Answer("a", "u", "m", {}, "p", "first")).result(20)
    delete_all(path)
    journal.put(Answer("b", "u", "m", {}, "p", "second")).result(20)
    journal.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT key, response FROM answers").fetchall() == [("a", "first"), ("b", "second")]


def test_one_deleted_before_it_is_closed_is_there_afterwards(tmp_path):
    path = Path(tmp_path / "j.sqlite")
    journal = Journal(path)
    journal.put(Answer("a", "u", "m", {}, "p", "first")).result(20)
    delete_all(path)
    journal.close()
    other = Journal(path)
    assert other.answered(["a"]) == {"a"}
    other.close()
    with pytest.raises(JournalError):
        Journal(tmp_path / "j.sqlite" / "k")
