"""The API model where things go wrong in ways that no single request shows: outages, limits that move, signals."""

import asyncio
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from lm_eval_mathtasks.errors import JournalError, ModelError, RunFatal
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models import asking, dispatch, window
from lm_eval_mathtasks.models.dispatch import Dispatcher, Refusal
from lm_eval_mathtasks.models.faults import of_transport
from lm_eval_mathtasks.models.run_report import FAILED, OK, STOPPED
from lm_eval_mathtasks.models.window import CONSENT_NEAR_S, CONSENT_S, CONSENT_TRIPS, Permit, Window
from tests.models.api_helpers import KEY, answered, answers_of, asks, chat, short
from tests.models.fake_server import Endless, FakeServer, Limiter, error, event, gemini, raw

__all__ = ["short"]  # a fixture, found by its name in this module
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("short")


def prompts(n):
    return [f"p{i}" for i in range(n)]


# -- how the window opens


def test_silence_after_a_request_is_consent_to_one_more():
    window = Window(64, 16)
    assert window.allowed(0.0) == 16
    for nth in range(16):
        window.sent(0.002, nth / 1000)
    assert window.opens_in(0.015) == pytest.approx(CONSENT_S - 0.015)
    assert window.allowed(0.9 * CONSENT_S) == 16
    assert window.allowed(CONSENT_S + 0.0071) == 24, "eight were sent long enough ago"
    assert window.allowed(0.9) == 32, "no consent to what was not sent"
    window.sent(None, 0.9)
    assert window.allowed(0.9 + CONSENT_S) == 33


def test_a_refusal_takes_back_the_consent_of_all_that_were_silent_so_far():
    window = Window(64, 16)
    window.allowed(0.0)
    for _ in range(16):
        window.sent(0.002, 0.0)
    window.object(0.9 * CONSENT_S)
    assert window.allowed(0.9) == 16


@pytest.mark.parametrize(
    ("trip_s", "silence_s"), [(0.0001, CONSENT_NEAR_S), (0.002, CONSENT_S), (0.05, CONSENT_TRIPS * 0.05)]
)
def test_silence_is_as_long_as_the_server_is_far(trip_s, silence_s):
    window = Window(64, 16)
    window.allowed(0.0)
    window.sent(trip_s, 0.1)
    window.sent(None, 0.1)  # on a connection that was there
    assert window.allowed(0.1 + 0.9 * silence_s) == 16
    assert window.allowed(0.1 + silence_s) == 18


def test_without_a_measured_round_trip_silence_says_nothing():
    window = Window(64, 16)
    window.allowed(0.0)
    window.sent(None, 0.01)
    assert window.allowed(0.9) == 16


@pytest.mark.parametrize("known", [True, False])
def test_silence_is_no_consent_after_a_refusal_or_with_known_limits(known):
    window = Window(64, 16, silence_consents=not known)
    window.allowed(0.0)
    if not known:
        window.object(0.005)
    window.sent(0.0001, 0.01)
    assert window.allowed(0.9) == 16
    assert window.allowed(1.1) == 32


@pytest.mark.parametrize("refused", [True, False])
def test_who_waits_for_consent_stays_after_a_refusal(refused, monkeypatch):
    """64 want to leave, in simulated time: 16 may, and silence lets as many follow."""
    monkeypatch.setattr(dispatch, "ALONE_S", 0.0)

    async def in_flight():
        now = [0.0]
        dispatcher = Dispatcher(None, None, 64, clock=lambda: now[0])
        everybody = [asyncio.ensure_future(dispatcher.permit(1.0)) for _ in range(64)]
        await asyncio.sleep(0)
        left = [one.result() for one in everybody if one.done()]
        for _ in left:
            dispatcher.sent(0.002)
        now[0] = 0.9 * CONSENT_S
        if refused:
            dispatcher.refused(left[0], Refusal("load"))
        now[0] = 0.9
        dispatcher.done()
        dispatcher.stop()
        await asyncio.gather(*everybody, return_exceptions=True)
        return dispatcher.in_flight

    assert asyncio.run(in_flight()) == (16 if refused else 32)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the round trip of a connection")
def test_the_workers_are_in_flight_before_the_first_answer(monkeypatch):
    """No answer until 32 are in flight: only silence can open the window."""
    monkeypatch.setattr(window, "PROBE_S", 60.0)
    enough = asyncio.Event()

    async def plan(call):
        if call.in_flight >= 32:
            enough.set()
        await enough.wait()

    with FakeServer(plan) as server:
        answered(server, prompts(40), num_concurrent=32)
    assert server.max_in_flight == 32


# -- limits that move, waits of every form


@pytest.mark.parametrize("headers", ["full", "none"])
def test_a_limit_that_changes_in_the_middle(headers):
    limit = Limiter(3000, burst_s=1.0, headers=headers)

    def plan(call):
        if call.serial == 60:
            limit.limit, limit.rate, limit.capacity, limit.level = 900, 15.0, 15.0, 0.0
        return limit(call)

    with FakeServer(plan, latency=0.02) as server:
        model = answered(server, prompts(90), num_concurrent=16)
    assert limit.refused < 150
    assert model.report.exit_code == OK


def test_a_date_in_retry_after_is_honoured():
    def plan(call):
        if call.serial == 1:
            until = formatdate(int(time.time()) + 2, usegmt=True)
            return error(429, "slow down", headers={"retry-after": until})
        return None

    with FakeServer(plan) as server:
        model = answered(server, prompts(24), num_concurrent=4)
    assert (
        sum(call.at < server.calls[0].at + 1.0 for call in server.calls[1:]) <= 7
    )  # those under way already
    assert model.report.exit_code == OK


@pytest.mark.parametrize("kind", ["load", "requests", "tokens", None])
@pytest.mark.parametrize("wait_s", [30.0, None])
def test_a_wait_that_is_named_is_kept_where_nobody_else_is_under_way(kind, wait_s):
    """In simulated time: a lone request that was refused as overloaded was asked again at once."""

    async def left():
        now = [0.0]
        dispatcher = Dispatcher(None, None, 64, clock=lambda: now[0])
        permit = await dispatcher.permit(1.0)
        told = dispatcher.refused(permit, Refusal(kind, wait_s=wait_s))
        dispatcher.done()
        again = asyncio.ensure_future(dispatcher.permit(1.0, again=True))
        seen = []
        for now[0] in (0.1, 29.9, 50.0):
            await asyncio.sleep(0)
            dispatcher.answered()  # looks who may leave
            await asyncio.sleep(0)
            seen.append(again.done())
        dispatcher.stop()
        return told, seen

    told, seen = asyncio.run(left())
    assert told == bool(wait_s or kind != "load")
    assert seen == ([False, False, True] if wait_s else [kind == "load", True, True])


@pytest.mark.parametrize("alone", [True, False])
def test_a_wait_named_to_a_doc_that_alone_fails_holds_up_nobody(alone):
    now = [0.0]
    dispatcher = Dispatcher(None, None, 64, clock=lambda: now[0])
    assert dispatcher.refused(Permit(1.0, 0.0, {}), Refusal("load", wait_s=30.0), alone=alone) is not alone
    assert (dispatcher.pause_until >= 30.0) is not alone


# -- the server is away


@pytest.fixture
def deaf_port():
    """A port that nobody else is given, and where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_an_address_where_nobody_is_ends_the_run_with_that_address(monkeypatch, caplog, deaf_port):
    monkeypatch.setattr(asking, "START_S", 0.3)
    url = f"http://127.0.0.1:{deaf_port}/v1"
    with FakeServer() as server:
        model = chat(server, base_url=url)
    with pytest.raises(RunFatal, match=f"base_url={url}"):
        model.generate_until(asks(model, prompts(100)))
    assert caplog.text.count("no connection to") == 1
    assert model.report.exit_code == STOPPED
    assert model.report.unsure == 0, "nothing ever left"


def test_a_proxy_is_named_where_nothing_comes_through_it(monkeypatch, deaf_port):
    monkeypatch.setattr(asking, "START_S", 0.3)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{deaf_port}")
    monkeypatch.setenv("NO_PROXY", "")
    with FakeServer() as server:
        model = chat(server, base_url="http://api.example.test/v1")
    with pytest.raises(RunFatal, match="the proxy that the environment names"):
        model.generate_until(asks(model, prompts(3)))


@pytest.mark.parametrize("proxy", ["ftp://user:secret@127.0.0.1:9", "socks5://user:secret@127.0.0.1:9"])
def test_a_proxy_of_another_kind_is_an_error_without_its_password(monkeypatch, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with FakeServer() as server:
        model = chat(server, base_url="http://api.example.test/v1")
    with pytest.raises(ModelError, match="Expected a proxy of the environment") as failure:
        model.generate_until(asks(model, prompts(3)))
    assert "secret" not in str(failure.value)


def test_a_certificate_that_nobody_signed_is_told_at_once():
    error = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")
    fault = of_transport(error)
    assert (fault.severity, fault.kind) == ("run", "certificate")
    assert "SSL_CERT_FILE" in fault.fix


def test_a_server_that_is_away_for_a_while_costs_no_doc():
    away = []

    def plan(call):
        if call.serial == 20:
            away.append(time.monotonic() + 0.5)
        return "reset" if away and time.monotonic() < away[0] else None

    with FakeServer(plan) as server:
        model = answered(server, prompts(60))
    assert model.report.exit_code == OK
    assert max(server.answered.values()) == 1


def test_an_outage_stops_the_run_instead_of_failing_doc_after_doc():
    with FakeServer(lambda call: error(500, "down") if call.serial > 20 else None) as server:
        model = chat(server, retry_budget=0.2)
        with pytest.raises(RunFatal, match="nothing but failures for"):
            model.generate_until(asks(model, prompts(400)))
        assert sum(model.report.failed.values()) < 40
        server.plan = lambda call: None
        again = answered(server, prompts(400))
    assert again.report.from_journal == 20


def test_docs_that_all_fail_end_a_first_run_but_not_a_later_one():
    def plan(call):
        return error(400, "too long", "context_length_exceeded") if call.prompt != "p0" else None

    with FakeServer(plan) as server:
        with pytest.raises(RunFatal, match="Lower max_gen_toks"):
            answers_of(server, prompts(60)[1:])
        answers_of(server, ["p0"], on_item_error="skip")
        later = chat(server, on_item_error="skip")
        responses = later.generate_until(asks(later, prompts(60)))
    assert sum(bool(r) for r in responses) == 1
    assert later.report.failed == {"context_length": 59}
    assert later.report.exit_code == FAILED


PAGES = {
    "a page": "<html><title>Log in</title></html>",
    "a text": "Log in, please",
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_instead_of_an_api_is_found_out(page):
    """Three tries of one request, no more than one request waiting for each worker."""
    with (
        FakeServer(lambda call: raw(PAGES[page], content_type="text/html")) as server,
        pytest.raises(RunFatal, match=r"not JSON: Log in.*base_url=") as stopped,
    ):
        answers_of(server, prompts(200))
    assert "Correct base_url=" in str(stopped.value)
    assert max(call.nth for call in server.calls) == 3
    assert len(server.calls) <= 3 * 8


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("resumed", [True, False])
def test_a_page_of_a_server_that_answers_is_an_outage(page, resumed):
    """A gateway writes one while what is behind it restarts, with status 200: no doc is lost by it."""
    with FakeServer() as server:
        answers_of(server, ["p0"], num_concurrent=2)
        server.plan = lambda call: raw(PAGES[page]) if (3 if resumed else 9) < call.serial < 24 else None
        model = chat(server, num_concurrent=2)
        answers = model.generate_until(asks(model, prompts(20)))
    assert answers == [f"answer to {prompt}" for prompt in prompts(20)]
    assert max(call.nth for call in server.calls) > 3
    assert model.report.exit_code == OK


# -- responses that are none


def test_a_tool_call_is_no_answer():
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "t", "type": "function"}]}
    whole = {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}
    with FakeServer(lambda call: {"whole": whole} if call.prompt == "p1" else None) as server:
        model = chat(server, on_item_error="skip")
        responses = model.generate_until(asks(model, prompts(3)))
    assert responses[1].error == "tool_calls: the model called a tool instead of answering"
    assert model.report.failed == {"tool_calls": 1}
    # Asking the same again would be paid for, and answered in the same way.
    assert [call.prompt for call in server.calls].count("p1") == 1


def test_two_docs_with_one_prompt_are_two_requests_once():
    with FakeServer(lambda call: {"text": f"answer {call.nth}"}) as server:
        for _ in range(2):
            model = chat(server, num_concurrent=1)
            assert model.generate_until(asks(model, ["same", "other", "same"])) == [
                "answer 1",
                "answer 1",
                "answer 2",
            ]
    assert len(server.calls) == 3


# -- what may have been paid


def test_attempts_that_died_are_shown_as_perhaps_charged():
    def plan(call):
        if call.nth == 1 and call.prompt == "p1":
            return "reset"
        if call.nth == 1 and call.prompt == "p2":
            return {"text": "", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
        return error(500, "no") if call.nth == 1 and call.prompt == "p3" else None

    with FakeServer(plan) as server:
        model = answered(server, prompts(4), model="gpt-4o-mini", stream=False)
    report = model.report
    assert report.unsure == 1, "the reset; the empty message said what it cost, a 500 costs nothing"
    assert report.completion_tokens == 4 * 5 + 4
    assert 64 < report.unsure_tokens < 64 + 30
    assert report.unsure_cost > report.cost / 4
    (line,) = [line for line in report.lines() if "may be charged" in line]
    assert "1 attempts that died" in line
    assert "$" in line


def test_the_bound_counts_what_may_have_been_paid():
    with FakeServer(lambda call: "reset" if call.nth == 1 else None) as server:
        model = chat(server, max_tokens_total=1000, num_concurrent=1)
        with pytest.raises(RunFatal, match="attempts that died without an account"):
            model.generate_until(asks(model, prompts(40)))
    assert sum(server.answered.values()) * 7 + model.report.unsure * 64 <= 1000


def test_a_budget_of_tokens_smaller_than_one_request_is_an_error_before_the_first():
    with FakeServer() as server, pytest.raises(ModelError, match="Lower max_gen_toks"):
        answers_of(server, ["q"], tpm=50)
    assert not server.calls


# -- stopping


class Heard(logging.Handler):
    """Sets `event` when the engine says that it stopped."""

    def __init__(self):
        super().__init__()
        self.event, self.said = threading.Event(), []

    def emit(self, record):
        self.said.append(record.getMessage())
        self.event.set()


def test_a_stop_is_said_before_the_answers_under_way_are_here_and_none_of_them_is_lost():
    heard = Heard()

    async def plan(call):
        if call.serial == 13:
            return error(429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota")
        if call.serial > 8:
            while not heard.event.is_set():
                await asyncio.sleep(0.01)
        return None

    logger = logging.getLogger("lm_eval_mathtasks.models.engine")
    logger.addHandler(heard)
    try:
        with FakeServer(plan) as server:
            with pytest.raises(RunFatal, match="Add credit"):
                answers_of(server, prompts(100), num_concurrent=5)
            assert len(server.calls) == 13
            server.plan = lambda call: None
            again = chat(server)
            again.generate_until(asks(again, prompts(100)))
    finally:
        logger.removeHandler(heard)
    assert "Add credit" in heard.said[0]
    assert "4 answers under way" in heard.said[1]
    assert again.report.from_journal == 12
    assert max(server.answered.values()) == 1


INTERRUPTED = """
import sys
sys.path.insert(0, {root!r})
from tests.models.api_helpers import asks
from lm_eval_mathtasks.models.chat_api import MathtasksChat
model = MathtasksChat(model="m", base_url={url!r}, journal={journal!r}, num_concurrent=4, progress=False)
model.generate_until(asks(model, [f"p{{i}}" for i in range(8)]))
"""


def test_the_second_interrupt_leaves_at_once(tmp_path):
    with FakeServer(lambda call: "hang" if call.serial > 4 else None) as server:
        code = textwrap.dedent(INTERRUPTED).format(
            root=str(ROOT), url=server.url, journal=str(tmp_path / "j.sqlite")
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, "OPENAI_API_KEY": KEY}, stderr=subprocess.PIPE, text=True
        )  # fmt: skip
        while len(server.calls) < 8:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        while "4 answers under way" not in process.stderr.readline():
            assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)  # it waits for what is paid for
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert process.returncode != 0
    (kept,) = sqlite3.connect(tmp_path / "j.sqlite").execute("select count(*) from answers").fetchone()
    assert kept == 4


# -- journals of others


def test_a_journal_that_another_process_is_just_creating_is_waited_for(tmp_path):
    path = tmp_path / "shared.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("create table first (x)")
    other.execute("begin immediate")  # SQLite does not wait for this one when it changes a file's mode
    threading.Timer(0.2, other.execute, ["commit"]).start()
    journal = Journal(path)
    assert not list(journal.find(["k"]))
    journal.close()
    other.close()


@pytest.mark.parametrize("kind", ["newer", "not ours", "no database"])
def test_a_journal_that_cannot_be_read_is_an_error_before_the_first_request(kind, tmp_path):
    path = tmp_path / "other.sqlite"
    if kind == "no database":
        path.write_text(json.dumps({"no": "database"}) * 100)
    else:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("create table meta (name text primary key, value text)")
            if kind == "newer":
                db.execute("insert into meta values ('schema', '99')")
            else:
                db.execute("create table answers (id integer)")
    with FakeServer() as server, pytest.raises(JournalError, match="journal"):
        answers_of(server, ["q"], journal=str(path))
    assert not server.calls


def test_a_quota_of_a_minute_is_waited_for(short):
    """Google words a limit of a minute like an empty account: taken for one, it ended the run."""
    busy = gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", wait="0.05s", value="6000")
    plan = {2: web.json_response(busy, status=429), 3: web.json_response(busy, status=429)}
    with FakeServer(lambda call: plan.get(call.serial)) as server:
        model = chat(server, num_concurrent=1)
        assert all(model.generate_until(asks(model, ["a", "b", "c"])))
    assert model.report.refusals.total() == 2
    assert max(server.answered.values()) == 1


DEEP = "[" * 10_000 + "]" * 10_000
MALFORMED = {
    "usage is text": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": "n/a"},
    "tokens are text": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": "n/a", "completion_tokens": None}},
    "tokens are no number": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}],
                             "usage": {"prompt_tokens": float("nan"), "completion_tokens": float("inf")}},
    "details are text": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": "none"}},
    "message is a list": {"choices": [{"message": ["4"], "finish_reason": "stop"}]},
    "message is a number": {"choices": [{"message": 4, "finish_reason": "stop"}]},
    "finish reason is a list": {"choices": [{"message": {"content": "4"}, "finish_reason": ["stop"]}]},
    "model is an object": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "model": {"a": 1}},
    "deep": raw('{"choices": ' + DEEP + "}"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("priced", [True, False])
def test_a_malformed_answer_costs_its_own_request_and_nothing_else(short, name, priced):
    prices = short / "prices.yaml"
    prices.write_text("checked: 2026-01-01\nsource: me\nbatch: 1\nmodels: {m: {input: 1, output: 2}}\n")
    body = MALFORMED[name]

    def plan(call):
        if call.prompt != "bad":
            return {}
        return raw(body.text) if isinstance(body, web.Response) else raw(json.dumps(body))

    with FakeServer(plan, latency=0.05) as server:
        model = chat(
            server, on_item_error="skip", stream=False, **({"prices": str(prices)} if priced else {})
        )
        prompts = ["a", "bad", *"cdefgh"]
        answers = model.generate_until(asks(model, prompts))
    assert [a for a, p in zip(answers, prompts, strict=True) if p != "bad"] == [
        f"answer to {p}" for p in prompts if p != "bad"
    ]
    assert answers[1] == "4" or answers[1].error
    assert max(server.answered.values()) == 1
    assert model.report.stopped is None


@pytest.mark.parametrize("stream", [True, False])
def test_a_connection_that_breaks_inside_an_answer_is_no_malformed_answer(short, stream):
    """It is unsure whether it is charged, and it is tried again for as long as a server that is down."""
    first = event(delta={"content": "4"}) if stream else b'{"choices": [{"message": {"cont'
    kind = "text/event-stream" if stream else "application/json"
    breaks = Endless(first, content_type=kind, reset=True)
    with FakeServer(lambda call: breaks if call.nth <= 5 else {}) as server:
        model = chat(server, stream=stream)
        assert model.generate_until(asks(model, ["a"])) == ["answer to a"]
    assert model.report.faults == {"connection": 5}
    assert model.report.unsure == 5


BODY = json.dumps(
    {"choices": [{"index": 0, "message": {"content": "late"}, "finish_reason": "stop"}]}
).encode()
NEVER_ENDING = {
    "comments": Endless(more=b": OPENROUTER PROCESSING\n\n"),
    "blank lines": Endless(more=b"\n", content_type="application/json"),
    "empty chunks": Endless(more=event(delta={"content": ""})),
    "a stream that stops": Endless(event(delta={"content": "four"})),
    "a body that stops": Endless(b'{"choices": [{"mess', content_type="application/json"),
}


@pytest.mark.parametrize("name", NEVER_ENDING)
def test_what_keeps_a_connection_alive_is_no_answer(short, name):
    """One such request in forty held a run for ever."""
    with FakeServer(
        lambda call: NEVER_ENDING[name] if call.prompt == "q7" and call.nth < 2 else {}
    ) as server:
        model = chat(server, request_timeout=1.0)
        began = time.monotonic()
        answers = model.generate_until(asks(model, [f"q{i}" for i in range(40)]))
    assert answers == [f"answer to q{i}" for i in range(40)]
    assert model.report.faults == {"timeout": 1}
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_drips_for_ever_is_given_up(short, monkeypatch, stream):
    """Faster than silence would be noticed, and so for ever: its time is bounded, whatever it sends."""
    monkeypatch.setattr("lm_eval_mathtasks.models.watch.TOTAL", 2.0)
    more = event(delta={"content": "four more words, and "}) if stream else b"a few more words, and "
    kind = "text/event-stream" if stream else "application/json"
    drip = Endless(b"" if stream else b'{"a": "', more=more, content_type=kind)
    with FakeServer(lambda call: drip if call.prompt == "a" and call.nth < 2 else {}) as server:
        model = chat(server, request_timeout=1.0)
        assert model.generate_until(asks(model, ["a", "b"])) == ["answer to a", "answer to b"]
    assert model.report.faults == {"timeout": 1}


WHOLE_AT_ONCE = {
    "no done": Endless(event(delta={"content": "late"}) + event(delta={}, finish_reason="stop")),
    "no done, and comments": Endless(
        event(delta={"content": "late"}) + event(delta={}, finish_reason="stop"), more=b": hm\n\n"
    ),
    "a body without an end": Endless(BODY, content_type="application/json"),
    "a body and blank lines": Endless(BODY, more=b" \n", content_type="application/json"),
    "a stream called text": Endless(
        event(delta={"content": "late"}, finish_reason="stop"), content_type="text/plain"
    ),
    "a body called a stream": Endless(BODY, content_type="text/event-stream"),
}


@pytest.mark.parametrize("name", WHOLE_AT_ONCE)
def test_an_answer_that_is_whole_is_taken_though_its_connection_stays_open(short, name):
    """It was waited for as long as for a silent one, and then paid for again."""
    with FakeServer(lambda call: WHOLE_AT_ONCE[name]) as server:
        model = chat(server, request_timeout=30.0)
        began = time.monotonic()
        assert model.generate_until(asks(model, ["a", "b", "c"])) == ["late"] * 3
        assert time.monotonic() - began < 20
        assert len(server.calls) == 3


def test_a_mistake_of_ours_ends_the_run_after_what_is_under_way(short, monkeypatch):
    """Whatever is raised where it should not be: answers that are paid for are awaited and kept."""
    from lm_eval_mathtasks.models.engine import Engine

    monkeypatch.setattr(dispatch, "ALONE_S", 0.0)
    right = Engine._answer

    async def wrong(engine, ask):
        if ask.doc_id == 3:
            await asyncio.sleep(0.05)
            raise ZeroDivisionError("a mistake of ours")
        return await right(engine, ask)

    monkeypatch.setattr(Engine, "_answer", wrong)
    with FakeServer(latency=0.4) as server:
        with pytest.raises(ZeroDivisionError):
            answers_of(server, list("abcdefgh"))
        monkeypatch.setattr(Engine, "_answer", right)
        again = answered(server, list("abcdefgh"))
    assert again.report.from_journal == 7
    assert max(server.answered.values()) == 1
