"""Responses from a file: every key, and everything that can be wrong with the file."""

import copy
import json
import pickle
from types import SimpleNamespace

import pytest

from lm_eval_mathtasks.errors import ReplayError
from lm_eval_mathtasks.models.replay import Replay
from lm_eval_mathtasks.response import Response

QUESTIONS = ["How  many\napples?", "How many pears?"]


def requests(repeats=1, task="toy"):
    made = [
        SimpleNamespace(doc={"question": q}, doc_id=i, task_name=task, args=(q, {}))
        for i, q in enumerate(QUESTIONS)
    ]
    return [request for request in made for _ in range(repeats)]


def replay(tmp_path, *rows):
    path = tmp_path / "responses.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return Replay(path=str(path))


@pytest.mark.parametrize(
    "keys",
    [
        [{"question": "How many apples? "}, {"question": QUESTIONS[1]}],
        [{"doc_id": 0}, {"doc_id": 1}],
        [{"doc_id": 0, "task": "toy"}, {"doc_id": 1, "task": "toy"}],
        [{"problem": "How many apples?"}, {"doc_id": 1}],
    ],
)
def test_keys(tmp_path, keys):
    model = replay(tmp_path, {**keys[1], "response": "B"}, {**keys[0], "response": "A"})
    assert model.generate_until(requests()) == ["A", "B"]


def test_a_task_named_in_the_file_goes_before_one_that_is_not(tmp_path):
    rows = [{"doc_id": i, "response": "any"} for i in (0, 1)] + [
        {"doc_id": 1, "task": "toy", "response": "toy's"}
    ]
    assert replay(tmp_path, *rows).generate_until(requests()) == ["any", "toy's"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"doc_id": 0, "responses": ["a", "b"]}, {"doc_id": 1, "responses": ["c", "d"]}],
        [{"doc_id": i % 2, "response": r} for i, r in enumerate("acbd")],
        [
            {"doc_id": i, "repeat": k, "response": r}
            for i, k, r in [(1, 1, "d"), (0, 1, "b"), (0, 0, "a"), (1, 0, "c")]
        ],
    ],
)
def test_repeats(tmp_path, rows):
    assert replay(tmp_path, *rows).generate_until(requests(2)) == ["a", "b", "c", "d"]


def test_how_a_response_ended_is_handed_on(tmp_path):
    rows = [
        {"doc_id": 0, "response": "so", "finish_reason": "length"},
        {"doc_id": 1, "response": None, "error": "refused"},
    ]
    first, second = replay(tmp_path, *rows).generate_until(requests())
    assert (first, first.finish_reason, first.error) == ("so", "length", None)
    assert (second, second.error) == ("", "refused")


def test_a_null_response_is_missing_and_an_empty_one_is_the_models(tmp_path):
    rows = [{"doc_id": 0, "response": None}, {"doc_id": 1, "response": ""}]
    first, second = replay(tmp_path, *rows).generate_until(requests())
    assert first.error
    assert second.error is None


def test_a_lone_surrogate_is_replaced_and_said(tmp_path, caplog):
    model = replay(tmp_path, '{"doc_id": 0, "response": "a\\ud83d"}', {"doc_id": 1, "response": "ok"})
    assert model.generate_until(requests()) == ["a\ufffd", "ok"]
    assert "1 responses held characters" in caplog.text


def test_missing_and_doubled_docs_are_named(tmp_path):
    model = replay(tmp_path, {"doc_id": 1, "response": "x"}, {"doc_id": 1, "response": "y"})
    with pytest.raises(ReplayError) as caught:
        model.generate_until(requests())
    assert "toy doc 0 ('How  many\\napples?') has 0 of 1" in str(caught.value)
    assert "toy doc 1 ('How many pears?') has 2 of 1" in str(caught.value)


def test_responses_nobody_asked_for_are_counted(tmp_path, caplog):
    model = replay(tmp_path, *({"doc_id": i, "response": "x"} for i in range(5)))
    model.generate_until(requests())
    assert "3 docs of the file were not asked for" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"doc_id": 0, "resp', r"line 2 of .*, got '\{\"doc_id\": 0, \"resp'"),
        ("[]", r"line 2 of .*, got list '\[\]'"),
        ('{"doc_id": 0}', "line 2"),
        ('{"id_of_doc": 0, "response": "x"}', "neither key"),
        ('{"doc_id": 0, "response": 17}', "a response of type int"),
        ('{"question": "  ", "response": "x"}', "neither key"),
    ],
)
def test_malformed_lines(tmp_path, line, message):
    with pytest.raises(ReplayError, match=message):
        replay(tmp_path, {"doc_id": 0, "response": "x"}, line)


def test_no_path_no_file_no_lines(tmp_path):
    with pytest.raises(ReplayError, match=r"path=responses\.jsonl"):
        Replay()
    with pytest.raises(ReplayError, match="does not exist"):
        Replay(path=str(tmp_path / "none.jsonl"))
    with pytest.raises(ReplayError, match="an empty file"):
        replay(tmp_path)


def test_likelihoods_are_refused(tmp_path):
    model = replay(tmp_path, {"doc_id": 0, "response": "x"})
    for method in (model.loglikelihood, model.loglikelihood_rolling):
        with pytest.raises(ReplayError, match="likelihoods"):
            method(requests())


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_response_keeps_how_it_ended(again):
    """lm-eval's caches and other processes get copies of it."""
    one = again(Response("cut", finish_reason="length", error="no"))
    assert (one, type(one), one.finish_reason, one.error) == ("cut", Response, "length", "no")
