"""The API model against a server with every fault: what is answered, what is recorded, what is paid."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from lm_eval_mathtasks.errors import ItemFatal, ModelError, RunFatal
from lm_eval_mathtasks.models import watch
from lm_eval_mathtasks.models.run_report import FAILED, OK, STOPPED
from tests.models.api_helpers import KEY, answered, answers_of, asks, chat, completions, short
from tests.models.fake_server import FakeServer, Limiter, error, raw

__all__ = ["short"]  # a fixture, found by its name in this module
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("short")


def prompts(n):
    return [f"p{i}" for i in range(n)]


# -- what is sent and what comes back


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("make", [chat, completions])
def test_answers_come_back_in_order(make, stream):
    with FakeServer() as server:
        model = make(server, stream=stream)
        responses = model.generate_until(asks(model, prompts(30)))
    assert responses == [f"answer to p{i}" for i in range(30)]
    assert {r.finish_reason for r in responses} == {"stop"}
    assert {r.error for r in responses} == {None}
    assert server.max_in_flight <= 8
    assert model.report.exit_code == OK
    assert (model.report.answered, model.report.completion_tokens) == (30, 150)


def test_what_is_sent():
    with FakeServer() as server:
        model = chat(server)
        model.generate_until(asks(model, ["q"], until=["Q:", "", "\n\n", "c", "d", "e", "Q:"], top_p=0.9))
    body = server.calls[0].body
    assert body["model"] == "m"
    assert body["messages"] == [{"role": "user", "content": "q"}]
    assert (body["max_tokens"], body["temperature"], body["top_p"], body["seed"]) == (64, 0.0, 0.9, 1234)
    assert body["stop"] == ["Q:", "\n\n", "c", "d"]  # four are allowed; all are applied to what comes back
    assert "until" not in body
    assert "do_sample" not in body


def test_stop_strings_that_were_not_sent_are_applied():
    with FakeServer(lambda call: {"text": "4 and END more", "finish_reason": "length"}) as server:
        model = chat(server)
        (response,) = model.generate_until(asks(model, ["q"], until=["a.", "b.", "c.", "d.", "END"]))
    assert response == "4 and "
    assert response.finish_reason == "stop"  # it had ended before the limit


def test_no_silent_limit_of_tokens():
    with FakeServer() as server:
        model = chat(server)
        with pytest.raises(ModelError, match="max_gen_toks"):
            model.generate_until(asks(model, ["q"], max_gen_toks=None))
        assert not server.calls
        model = chat(server, max_gen_toks=77)
        model.generate_until(asks(model, ["q"], max_gen_toks=None))
    assert server.calls[0].body["max_tokens"] == 77


def test_repeats_have_seeds_of_their_own():
    with FakeServer() as server:
        model = chat(server)
        model.generate_until(asks(model, ["a", "b"], repeats=3, do_sample=True, temperature=0.7))
        again = chat(server)
        again.generate_until(asks(again, ["a", "b"], repeats=4, do_sample=True, temperature=0.7))
    seeds = sorted((c.prompt, c.body["seed"]) for c in server.calls)
    assert seeds == [(p, 1234 + i) for p in "ab" for i in range(4)]  # the second run asked only the fourth
    assert again.report.from_journal == 6


def test_truncation_and_thinking():
    def plan(call):
        if call.prompt == "spent":
            return {"text": "", "finish_reason": "length", "reasoning": "hm"}
        return {"text": "<think>Q: not here</think>5 Q: here"}

    with FakeServer(plan) as server:
        model = chat(server, model="o3-mini-2025-01-31", reasoning_effort="low")
        spent, cut = model.generate_until(asks(model, ["spent", "other"], until=["Q:"]))
    assert (spent, spent.finish_reason, spent.error) == ("", "length", None)
    assert cut == "<think>Q: not here</think>5 "
    assert model.report.truncated == 1
    body = server.calls[0].body
    assert body["max_completion_tokens"] == 64
    assert body["reasoning_effort"] == "low"
    assert not {"stop", "temperature", "max_tokens"} & set(body)
    (thoughts,) = sqlite3.connect(model.settings.journal).execute(
        "select reasoning from answers where response = ''"
    )
    assert thoughts == ("hm",)


def test_lone_surrogates_and_line_separators_survive():
    with FakeServer(lambda call: {"text": "a\u2028b\u0085c\ud83d!"}) as server:
        model = chat(server)
        (response,) = model.generate_until(asks(model, ["q"]))
    assert response == "a\u2028b\u0085c\ufffd!"


def test_loglikelihood_is_refused_clearly():
    with FakeServer() as server, pytest.raises(ModelError, match="generat"):
        chat(server).loglikelihood([])


# -- faults


TRANSIENT = {
    "500": lambda: error(500, "The server had an error", type_="server_error"),
    "502 html": lambda: raw("<html>Bad gateway</html>", 502, "text/html"),
    "503": lambda: error(503, "unavailable"),
    "408": lambda: error(408, "timeout"),
    "409": lambda: error(409, "conflict"),
    "reset": lambda: "reset",
    "half": lambda: "half",
    "200 html": lambda: raw("<html>hello</html>"),
    "200 error": lambda: {"whole": {"error": {"message": "upstream failed", "code": 502}}},
    "no choices": lambda: {"whole": {"id": "x", "usage": {}}},
    "empty choices": lambda: {"whole": {"choices": []}},
    "null content": lambda: {"whole": {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}},
    "empty text": lambda: {"text": " \n"},
    "cut stream": lambda: {"cut_stream": True},
    "429": lambda: error(429, "Too many requests"),
    "429 in 200": lambda: {"whole": {"error": {"message": "Rate limit exceeded", "code": 429}}},
}


@pytest.mark.parametrize(("fault", "stream"), [(f, s) for f in TRANSIENT for s in (True, False)])
def test_what_may_pass_is_tried_again(fault, stream):
    with FakeServer(lambda call: TRANSIENT[fault]() if call.nth == 1 else None) as server:
        model = chat(server, stream=stream or fault == "cut stream")
        responses = model.generate_until(asks(model, prompts(4)))
    assert responses == [f"answer to p{i}" for i in range(4)]
    assert all(count == 1 for count in server.answered.values()) or fault in ("cut stream", "empty text")
    assert model.report.exit_code == OK
    assert sum(model.report.faults.values()) + sum(model.report.refusals.values()) == 4


ITEM = {
    "context": (
        lambda: error(400, "maximum context length is 10", "context_length_exceeded"),
        "context_length",
    ),
    "filter 400": (lambda: error(400, "filtered", "content_filter"), "content_filter"),
    "filter 200": (lambda: {"text": "", "finish_reason": "content_filter"}, "content_filter"),
    "too large": (
        lambda: error(429, "Request too large for m: Limit 5, Requested 9", "rate_limit_exceeded"),
        "too_large",
    ),
    "400": (lambda: error(400, "no"), "bad_request"),
    "422": (lambda: error(422, "no"), "bad_request"),
    "always empty": (lambda: {"text": ""}, "empty"),
}


@pytest.mark.parametrize("fault", ITEM)
def test_what_cannot_pass_is_recorded_and_the_run_goes_on(fault):
    make, kind = ITEM[fault]
    with FakeServer(lambda call: make() if call.prompt == "p2" else None) as server:
        model = chat(server, on_item_error="skip")
        responses = model.generate_until(asks(model, prompts(6)))
        assert [r.error is None for r in responses] == [True, True, False, True, True, True]
        assert responses[2] == ""
        assert kind in responses[2].error
        assert model.report.failed == {kind: 1}
        assert model.report.exit_code == FAILED
        strict = chat(server)
        with pytest.raises(ItemFatal, match="1 without one"):
            strict.generate_until(asks(strict, prompts(6)))
        assert strict.report.from_journal == 5
    kinds = sqlite3.connect(model.settings.journal).execute("select distinct kind from failures").fetchall()
    assert kinds == [(kind,)]


RUN = {
    "key": lambda: error(401, "Incorrect API key provided", "invalid_api_key"),
    "permission": lambda: error(403, "no access"),
    "quota": lambda: error(
        429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota"
    ),
    "model": lambda: error(404, "The model m does not exist", "model_not_found"),
    "quota 402": lambda: error(402, "Insufficient Balance"),
}


@pytest.mark.parametrize("kind", RUN)
def test_what_concerns_the_run_stops_it_and_keeps_what_was_answered(kind):
    with FakeServer(lambda call: RUN[kind]() if call.serial > 20 else None) as server:
        model = chat(server, num_concurrent=4)
        with pytest.raises(RunFatal, match="journal"):
            model.generate_until(asks(model, prompts(100)))
        # Two more than those in flight: a refusal after good answers is asked once again, and where that is refused
        # before the others' refusals are read, its place is free for another.
        assert len(server.calls) <= 20 + 4 + 2
        assert model.report.exit_code == STOPPED
        server.plan = lambda call: None
        again = chat(server)
        assert len(again.generate_until(asks(again, prompts(100)))) == 100
    assert again.report.from_journal == 20
    assert max(server.answered.values()) == 1


def test_a_request_that_is_always_refused_stops_the_run():
    with (
        FakeServer(lambda call: error(400, "bad shape")) as server,
        pytest.raises(RunFatal, match="no answer to 3 docs"),
    ):
        answers_of(server, prompts(200))
    assert len(server.calls) < 40


def test_an_error_that_never_passes_uses_up_its_time_not_the_run():
    with FakeServer(lambda call: error(500, "down") if call.prompt == "p1" else None) as server:
        model = chat(server, retry_budget=0.3, on_item_error="skip")
        responses = model.generate_until(asks(model, prompts(5)))
    assert [bool(r) for r in responses] == [True, False, True, True, True]
    assert model.report.failed == {"server_error": 1}


def test_a_parameter_that_is_refused_is_left_out_once(caplog):
    def plan(call):
        if "seed" in call.body:
            return error(400, "Unrecognized request argument supplied: seed")
        if "max_tokens" in call.body:
            said = (
                "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            )
            return error(400, said, "unsupported_parameter", param="max_tokens")
        return None

    with FakeServer(plan) as server:
        model = chat(server, num_concurrent=2)
        responses = model.generate_until(asks(model, prompts(12)))
    assert all(responses)
    assert set(model.report.dropped) == {"seed", "max_tokens"}
    assert len(server.calls) <= 12 + 4
    assert server.calls[-1].body["max_completion_tokens"] == 64
    assert caplog.text.count("the server refuses seed") == 1
    dropped = sqlite3.connect(model.settings.journal).execute("select dropped from answers").fetchall()
    assert any("seed" in json.loads(row) for (row,) in dropped)


@pytest.mark.parametrize("stream", [True, False])
def test_the_dead_are_given_up_and_the_slow_are_not(stream, monkeypatch):
    for floor in ("FLOOR_S", "FLOOR_WHOLE_S"):
        monkeypatch.setattr(watch, floor, 3.0)

    async def plan(call):
        if call.prompt == "p20" and call.nth == 1:
            return "hang"
        await asyncio.sleep(0.02)
        return None

    with FakeServer(plan) as server:
        model = chat(server, num_concurrent=4, stream=stream)
        responses = model.generate_until(asks(model, prompts(60)))
    assert all(responses)
    assert model.report.faults["timeout"] == 1
    assert len(server.calls) == 61


def test_streams_are_read_only_while_the_server_is_new_or_in_trouble():
    with FakeServer(
        lambda call: error(500, "oops") if call.prompt == "p150" and call.nth == 1 else None
    ) as server:
        answered(server, prompts(400), num_concurrent=20)
    streamed = [bool(call.body.get("stream")) for call in server.calls]
    assert streamed[0]
    assert not any(streamed[40:140])
    # A hundred answers after the fault, of which 19 may have been under way.
    assert all(streamed[190:230])
    assert not any(streamed[-50:])


# -- limits


@pytest.mark.parametrize("headers", ["full", "none"])
def test_known_limit_is_kept_without_a_refusal(headers):
    limit = Limiter(1800, burst_s=1.0, headers=headers)
    with FakeServer(limit) as server:
        model = chat(server, rpm=1500, num_concurrent=16)
        if headers == "none":
            limit.capacity = limit.level = 1800
        assert all(model.generate_until(asks(model, prompts(80))))
    assert limit.refused == 0


@pytest.mark.parametrize("sentence", [True, False])
def test_unknown_limit_is_survived(sentence):
    limit = Limiter(1200, burst_s=1.0, headers="none", sentence=sentence)
    with FakeServer(limit) as server:
        model = answered(server, prompts(50), num_concurrent=32)
    assert limit.refused < 150
    assert model.report.exit_code == OK


def test_one_refusal_pauses_everybody():
    def plan(call):
        if call.serial == 10:
            return error(
                429, "Rate limit reached. Please try again in 300ms.", headers={"retry-after-ms": "300"}
            )
        return None

    with FakeServer(plan, latency=0.01) as server:
        answered(server, prompts(24), num_concurrent=4)
    after = [call.at - server.calls[9].at for call in server.calls[10:]]
    assert sum(gap < 0.29 for gap in after) <= 4  # those under way already


def test_a_limit_of_concurrency_is_found():
    def plan(call):
        if call.in_flight > 6:
            return error(
                503, "The engine is currently overloaded, please try again later.", type_="server_error"
            )
        return None

    with FakeServer(plan, latency=0.02) as server:
        model = answered(server, prompts(150), num_concurrent=32)
    assert len(server.calls) < 150 + 250
    assert model.report.exit_code == OK


# -- money


def test_spending_stays_within_its_bound():
    usage = {"prompt_tokens": 10, "completion_tokens": 40}
    with FakeServer(lambda call: {"usage": usage}) as server:
        model = chat(server, max_tokens_total=1000)
        with pytest.raises(RunFatal, match="max_tokens_total"):
            model.generate_until(asks(model, prompts(100)))
    assert 10 <= len(server.calls) <= 20  # never past 1000 tokens
    assert model.report.prompt_tokens + model.report.completion_tokens <= 1000


def test_a_bound_in_money_needs_a_price():
    with FakeServer() as server:
        with pytest.raises(ModelError, match="price"):
            chat(server, max_cost=1.0)
        model = chat(server, model="gpt-4o-mini", max_cost=1.0)
        model.generate_until(asks(model, ["q"]))
    assert model.report.cost == pytest.approx((1 * 0.15 + 5 * 0.60) / 1e6)


def test_dry_run_asks_nothing_and_creates_nothing(capsys, tmp_path):
    with FakeServer() as server, pytest.raises(SystemExit) as ended:
        answers_of(
            server,
            prompts(120),
            model="gpt-4o-mini",
            dry_run=True,
            rpm=60,
            journal=str(tmp_path / "none.sqlite"),
        )
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "120 to ask" in said
    assert "60 s" in said
    assert "$" in said
    assert not server.calls
    assert not (tmp_path / "none.sqlite").exists()


# -- crashes


CLIENT = """
import sys
sys.path.insert(0, {root!r})
from tests.models.api_helpers import asks
from lm_eval_mathtasks.models.chat_api import MathtasksChat
model = MathtasksChat(model="m", base_url={url!r}, journal={journal!r}, num_concurrent=8, progress=False)
model.generate_until(asks(model, [f"p{{i}}" for i in range(80)]))
"""


def start(server, tmp_path):
    code = textwrap.dedent(CLIENT).format(
        root=str(ROOT), url=server.url, journal=str(tmp_path / "crash.sqlite")
    )
    environment = {**os.environ, "OPENAI_API_KEY": KEY}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_run_again(how, tmp_path):
    sent = threading.Event()

    async def plan(call):
        while call.serial > 40 and not sent.is_set():
            await asyncio.sleep(0.01)

    with FakeServer(plan) as server:
        first = start(server, tmp_path)
        while len(server.calls) < 48:
            assert first.poll() is None
            time.sleep(0.01)
        first.send_signal(how)
        sent.set()
        first.communicate(timeout=300)
        assert first.returncode != 0
        answered(server, prompts(80), journal=str(tmp_path / "crash.sqlite"))
    paid_again = sum(server.answered.values()) - 80
    assert len(server.answered) == 80
    assert paid_again <= (8 if how == signal.SIGKILL else 0)


def test_everything_in_the_journal_asks_nothing():
    with FakeServer() as server:
        for _ in range(2):
            answered(server, prompts(5))
        answers_of(server, prompts(5), model="another")
    assert len(server.calls) == 10  # another model is another question


def test_inside_a_running_loop():
    async def notebook(model):
        return model.generate_until(asks(model, prompts(3)))

    with FakeServer() as server:
        assert len(asyncio.run(notebook(chat(server)))) == 3


CHANGED = {
    "model": ({"model": "m2"}, {}, r"model 'm', now 'm2'$"),
    "temperature": ({}, {"do_sample": True, "temperature": 0.7}, r"temperature 0\.0, now 0\.7$"),
    "max tokens": ({}, {"max_gen_toks": 65}, r"max_tokens 64, now 65$"),
    "seed": ({"seed": None}, {}, r"seed 1234, now None$"),
    "stop": ({}, {"until": ["Q:"]}, r"stop None, now \['Q:'\]$"),
    "nothing": ({"num_concurrent": 1, "stream": True, "rpm": 600}, {}, None),
}


@pytest.mark.parametrize("name", CHANGED)
def test_changed_settings_are_asked_anew_and_named(short, caplog, name):
    arguments, generation, said = CHANGED[name]
    with FakeServer() as server:
        first = chat(server)
        assert all(first.generate_until(asks(first, ["a", "b"])))
        model = chat(server, **arguments)
        assert all(model.generate_until(asks(model, ["a", "b"], **generation)))
    found = [r.getMessage() for r in caplog.records if "other settings" in r.getMessage()]
    assert len(server.calls) == (4 if said else 2)
    assert len(found) == (1 if said else 0)
    assert all(re.search(f"other settings: {said}", one) for one in found)


def test_another_prompt_is_named_and_not_repeated(short, caplog):
    with FakeServer() as server:
        model = answered(server, ["a"])
        assert all(model.generate_until(asks(model, ["b"])))
    assert "other settings: the prompt" in caplog.text
