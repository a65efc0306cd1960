"""What generate_until returns: a sequence that reads each answer from the journal when it is asked for."""

import copy
import pickle
import shutil
import sqlite3
from contextlib import closing

import pytest

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.queries import answered_keys
from tests.models.api_helpers import answers_of, asks, chat, short
from tests.models.fake_server import FakeServer, error
from tests.models.test_journal_gone import GONE, delete_all, place, replace

__all__ = ["short"]
pytestmark = pytest.mark.usefixtures("short")
PROMPTS = [f"q{i}" for i in range(6)]
SAID = [f"answer to {prompt}" for prompt in PROMPTS]


def answered(path, prompts=PROMPTS, plan=None, **arguments):
    with FakeServer(plan) as server:
        model = chat(server, journal=str(path), **arguments)
        return model, model.generate_until(asks(model, prompts))


def test_it_is_read_as_a_list_is(short):
    _, answers = answered(short / "j.sqlite", [*PROMPTS, "q0"])
    said = [*SAID, "answer to q0"]
    assert len(answers) == 7
    assert answers == said
    assert answers[-2] == "answer to q5"
    assert answers[4:1:-2] == ["answer to q4", "answer to q2"]
    assert "answer to q3" in answers
    assert answers.index("answer to q3") == 3
    assert list(zip(answers, said, strict=True)) == list(zip(said, said, strict=True))
    assert answers != said[:-1]
    assert answers != tuple(said)
    for copied in (copy.deepcopy(answers), pickle.loads(pickle.dumps(answers))):
        assert type(copied) is list
        assert copied == said
        assert copied[0].finish_reason == "stop"
    with pytest.raises(IndexError):
        answers[7]


def test_no_answer_is_kept_in_memory(short):
    _, answers = answered(short / "j.sqlite")
    assert answers[0] is not answers[0]


def test_a_doc_without_an_answer_stands_in_its_place(short):
    def plan(call):
        return (
            error(400, "this prompt is too long", "context_length_exceeded") if call.prompt == "q2" else None
        )

    _, answers = answered(short / "j.sqlite", plan=plan, on_item_error="skip")
    assert [bool(answer.error) for answer in answers] == [prompt == "q2" for prompt in PROMPTS]
    assert answers[2] == ""


@pytest.mark.parametrize("gone", [*GONE, replace])
def test_a_journal_that_goes_after_the_run_is_still_read(short, gone):
    path = place(short)
    _, answers = answered(path)
    gone(path)
    assert answers == SAID


def test_answers_that_another_process_deletes_are_missed(short):
    path = short / "j.sqlite"
    _, answers = answered(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM answers WHERE response = 'answer to q4'")
    assert answers[:4] == SAID[:4]
    with pytest.raises(JournalError, match="with the journal that holds the answers"):
        list(answers)


def test_the_file_is_whole_while_it_is_held_and_alone_afterwards(short):
    path = short / "j.sqlite"
    model, answers = answered(path)
    copied = shutil.copy(path, short / "copy.sqlite")
    keys = [ask.key for ask in model.builder.plan(asks(model, PROMPTS))]
    assert answered_keys(copied, keys) == set(keys)
    del answers
    assert not list(short.glob("j.sqlite-*"))
    delete_all(path)


def test_another_run_goes_on_while_it_is_held(short):
    path = short / "j.sqlite"
    _, first = answered(path)
    with FakeServer() as server:
        assert answers_of(server, ["new"], journal=str(path)) == ["answer to new"]
    assert first == SAID


def test_the_cache_of_lm_eval_takes_it(short):
    CachingLM = pytest.importorskip("lm_eval.api.model").CachingLM
    with FakeServer() as server:
        model = chat(server, journal=str(short / "j.sqlite"))
        requests = asks(model, PROMPTS)
        cached = CachingLM(model, str(short / "cache.db"))
        assert cached.generate_until(requests[:3]) == SAID[:3]
        assert cached.generate_until(requests) == SAID
        assert len(server.calls) == 6
