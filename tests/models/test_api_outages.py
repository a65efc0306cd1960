"""Servers that fail for a while, refuse once, or say nothing: what is asked of them meanwhile, and what is said."""

import asyncio
import os
import signal
import threading
import time

import pytest
from aiohttp import web

from lm_eval_mathtasks.errors import RunFatal
from lm_eval_mathtasks.models import asking, dispatch
from tests.models.api_helpers import answered, answers_of, asks, chat, short  # noqa: F401  (a fixture)
from tests.models.fake_server import FakeServer, error, raw

pytestmark = pytest.mark.usefixtures("short")
PROMPTS = [f"q{i}" for i in range(40)]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_fails_for_a_while_is_probed_and_not_hammered(status, monkeypatch):
    """A failing server was asked 361 times in 20 s; whether it is up again, one request tells."""

    monkeypatch.setattr(asking, "BACKOFF_S", 0.1)
    monkeypatch.setattr(asking, "BACKOFF_MAX_S", 0.3)
    monkeypatch.setattr(dispatch, "PAUSE_S", 0.2)
    monkeypatch.setattr(dispatch, "PAUSE_MAX_S", 0.4)
    monkeypatch.setattr(dispatch, "FAILING_PAUSE_S", 0.4)
    up_at = time.monotonic() + 3
    with FakeServer(lambda call: error(status, "boom") if time.monotonic() < up_at else {}) as server:
        answered(server, PROMPTS)
        ended = time.monotonic()
    assert len(server.calls) - len(PROMPTS) < 45
    assert max(server.answered.values()) == 1
    assert ended - up_at < 5


def test_a_server_that_only_fails_ends_the_run_in_its_time():
    with FakeServer(lambda call: error(500, "boom")) as server:
        model = chat(server, retry_budget=1.0)
        began = time.monotonic()
        with pytest.raises(RunFatal, match="boom"):
            model.generate_until(asks(model, PROMPTS))
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_stray_refusal_after_good_answers_is_asked_again_once(status):
    with FakeServer(
        lambda call: error(status, "no") if call.prompt == "q20" and call.nth == 1 else {}
    ) as server:
        model = answered(server, PROMPTS, num_concurrent=2)
    assert model.report.stopped is None


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_stays_ends_the_run(status):
    with (
        FakeServer(lambda call: error(status, "no") if call.serial > 20 else {}) as server,
        pytest.raises(RunFatal),
    ):
        answers_of(server, PROMPTS, num_concurrent=2)
    assert len(server.calls) <= 20 + 4


@pytest.mark.parametrize("latency", [0.0, 0.1])
@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_wrong_key_or_model_is_told_once(status, latency, monkeypatch):
    """All forty went out: the first refusal stops the rest."""
    monkeypatch.setattr(dispatch, "ALONE_S", 60.0)  # whatever else the machine does

    async def refuse(call):
        await asyncio.sleep(latency)
        return error(status, "no")

    with FakeServer(refuse) as server, pytest.raises(RunFatal):
        answers_of(server, PROMPTS, num_concurrent=40)
    assert len(server.calls) <= 2


def test_an_answer_that_takes_long_holds_nobody_up():
    with FakeServer(latency=1.5) as server:
        answered(server, PROMPTS[:10], num_concurrent=40)
        assert server.max_in_flight == 10


@pytest.mark.parametrize("status", [424, 499])
def test_a_status_that_may_pass_is_tried_again(status):
    with FakeServer(lambda call: error(status, "later") if call.nth == 1 else {}) as server:
        model = chat(server)
        assert all(model.generate_until(asks(model, ["a", "b"])))


def redirect(to, status=307):
    return web.Response(status=status, headers={"Location": to})


def test_a_redirect_loop_ends_at_once():
    with (
        FakeServer(lambda call: redirect("/v1/chat/completions")) as server,
        pytest.raises(RunFatal, match="redirect"),
    ):
        answers_of(server, ["a"])
    assert len(server.calls) < 100


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_server_is_followed_with_what_is_asked(status):
    """With 301 and 302 it was asked for a page, and what came back was taken for the answer."""
    with FakeServer(
        lambda call: None if call.query else redirect("/v1/chat/completions?x=1", status)
    ) as server:
        model = chat(server)
        assert model.generate_until(asks(model, ["a", "b"])) == ["answer to a", "answer to b"]


@pytest.mark.parametrize("query", ["", "?api-version=2026-01-01"])
def test_no_key_and_no_prompt_follows_a_redirect_to_another_server(query, monkeypatch):
    """Azure's name of the key was left among the headers."""
    monkeypatch.setattr(dispatch, "ALONE_S", 60.0)
    with (
        FakeServer() as other,
        FakeServer(lambda call: redirect(f"{other.url}/chat/completions")) as server,
        pytest.raises(RunFatal, match=r"to another server.*base_url="),
    ):
        answers_of(server, PROMPTS, base_url=server.url + query)
    assert not other.calls
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "said", ["Streaming is not supported for this model", "stream_options is not allowed"]
)
def test_a_server_that_cannot_stream_is_asked_without(said):
    with FakeServer(lambda call: error(400, said) if call.body.get("stream") else None) as server:
        answered(server, PROMPTS, num_concurrent=40)
    assert "stream_options" not in server.calls[-1].body
    assert max(server.answered.values()) == 1


def test_a_parameter_by_which_a_server_fails_is_left_out():
    said = "TypeError: create() got an unexpected keyword argument 'seed'"
    with FakeServer(lambda call: error(500, said) if "seed" in call.body else None) as server:
        model = answered(server, PROMPTS)
    assert list(model.report.dropped) == ["seed"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: error(500, "the upstream is gone"), "the upstream is gone"),
        (lambda: raw('{"error": {"message": "backend restarting", "code": 502}}'), "backend restarting"),
        (lambda: raw('{"object": "odd", "note": "in maintenance"}'), "in maintenance"),
    ],
)
def test_the_first_failure_of_each_kind_is_said_at_once(answer, said, caplog):
    with FakeServer(lambda call: answer() if call.nth == 1 else {}) as server:
        model = chat(server)
        assert all(model.generate_until(asks(model, ["a", "b", "c"])))
    warned = [r.getMessage() for r in caplog.records if said in r.getMessage()]
    assert len(warned) == 1


def test_a_limit_in_words_of_its_own_is_a_limit():
    body = '{"code": 1302, "msg": "API rate limit reached, slow down"}'
    with FakeServer(lambda call: raw(body) if call.nth == 1 else {}) as server:
        model = chat(server)
        assert all(model.generate_until(asks(model, ["a", "b"])))
    assert model.report.refusals.total() == 2


def test_a_server_that_answers_nothing_is_said_and_what_to_check(monkeypatch, caplog):
    from lm_eval_mathtasks.models import engine

    monkeypatch.setattr(engine, "SILENT_S", 0.3)
    with FakeServer(latency=1.0) as server:
        model = chat(server)
        model.generate_until(asks(model, ["a"]))
    said = [r.getMessage() for r in caplog.records if "has not answered" in r.getMessage()]
    assert len(said) == 1
    assert "model=m" in said[0]
    assert "base_url" in said[0]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_a_lost_terminal_ends_the_run_in_order():
    def hang_up(call):
        if call.serial == 5:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGHUP)).start()

    with FakeServer(hang_up, latency=0.3) as server:
        with pytest.raises(SystemExit) as caught:
            answers_of(server, PROMPTS, num_concurrent=5)
        assert caught.value.code == 128 + signal.SIGHUP
        again = answered(server, PROMPTS)
    assert again.report.from_journal >= 5
    assert max(server.answered.values()) == 1
