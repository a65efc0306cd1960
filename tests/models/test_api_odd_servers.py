"""Faults of real servers and gateways, each by a server of its own: what is lost, paid, waited for and said."""

import json
import re
import time

import pytest

from lm_eval_mathtasks.errors import RunFatal
from lm_eval_mathtasks.models import client
from tests.models.api_helpers import answers_of, asks, chat, short
from tests.models.raw_server import RawServer, answer, http

__all__ = ["short"]
pytestmark = pytest.mark.usefixtures("short")
PROMPTS = ["a", "b", "bad", *"cdefgh"]
SAID = "answer to bad"
GOOD = answer("bad")
TEXT = json.dumps(GOOD)


def error(message, status, **more):
    return http({"error": {"message": message, **more}}, f"{status} X")


def chunk(text=None, finish=None, **more):
    delta = {} if text is None else {"content": text}
    return {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def event(body):
    return b"data: " + (body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\n\n"


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def stream(*chunks, done=b"[DONE]"):
    return HEAD + b"".join(map(event, [*chunks, done])), False


def ending(finish, text="half of it"):
    return http({"choices": [{"index": 0, "message": {"content": text}, "finish_reason": finish}]})


def with_message(**message):
    return {**GOOD, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


MESSAGES = [chunk(t, f) for t, f in (("answer", None), (" to", None), (" bad", "stop"))]
for one in MESSAGES:
    one["choices"][0]["message"] = one["choices"][0].pop("delta")
PAGE = "<html><head><title>Attention Required!</title></head><body>you have been blocked</body></html>"

# What holds the answer, whatever is around it: it is taken, and paid for once.
READ = {
    "JSON in a JSON text": http(json.dumps(TEXT)),
    "JSON in the body of a lambda": http({"statusCode": 200, "headers": {}, "body": TEXT}),
    "in data, beside a message": http({"code": 0, "message": "ok", "data": GOOD}),
    "in output": http({"output": {"choices": GOOD["choices"]}, "usage": {"input_tokens": 1}, "request_id": "r"}),
    "a choice without a list": http({**GOOD, "choices": GOOD["choices"][0]}),
    "a text in a value": http(with_message(content=[{"type": "text", "text": {"value": SAID}}])),
    "a log behind it": http(TEXT + "\nINFO: done in 3 s"),
    "a count of 400 digits": http(TEXT.replace('"completion_tokens": 2', '"completion_tokens": ' + "9" * 400)),
    "a length, and chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(TEXT), TEXT.encode()),
    "DONE without brackets": stream(chunk(SAID), chunk(finish="stop"), done=b"DONE"),
    "an error behind it": stream(chunk(SAID), chunk(finish="stop"), {"error": {"message": "stream closed"}}),
    "all of it behind it": stream(chunk("answer"), chunk(" to bad"), chunk(finish="stop"), chunk(SAID, "stop")),
    "each chunk says that it is the last": stream(*(chunk(t, "stop") for t in ("answer", " to", " bad"))),
    "each chunk says so, slowly": (
        [HEAD, *(event(chunk(t, "stop")) for t in ("answer", " to", " bad")), event(b"[DONE]")], False),
    "each chunk says all so far": stream(*map(chunk, ("answer", "answer to", SAID)), chunk(finish="stop")),
    "pieces called messages": stream(*MESSAGES),
    "chunks with names of their own": stream(
        {**chunk("answer"), "id": "1"}, {**chunk(" to bad"), "id": "2"}, {**chunk(finish="stop"), "id": "3"}),
    "a message that is a text": http({**GOOD, "choices": [{"index": 0, "finish_reason": "stop", "message": SAID}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_an_answer_is_taken_whatever_is_around_it(name, monkeypatch):
    monkeypatch.setattr(client, "LAST_BYTES_S", 0.01)
    with RawServer(lambda prompt, _: READ[name] if prompt == "bad" else None) as server:
        assert answers_of(server, PROMPTS, num_concurrent=2, stream=False) == [
            f"answer to {prompt}" for prompt in PROMPTS
        ]
    assert sorted(server.calls) == sorted(PROMPTS)


# One doc of many, always: its error, and how often it was asked.
GIVEN_UP = {
    "too long, with status 500": (error("context length exceeded: 9000", 500), "context_length", 1),
    "too long, in a stream": (stream({"error": "maximum context length is 4096 tokens"}), "context_length", 1),
    "a header that is none": (
        b"HTTP/1.1 200 OK\r\nx bad header\r\ncontent-length: %d\r\n\r\n%s" % (len(TEXT), TEXT.encode()), "no HTTP", 3),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n123456", "no HTTP", 3),
    "DeepSeek has no room": (ending("insufficient_system_resource"), "server_error", None),
    "Zhipu's filter": (ending("sensitive"), "content_filter", 1),
    "Gemini's filter": (ending("RECITATION"), "content_filter", 1),
    "Bedrock's filter": (ending("guardrail_intervened"), "content_filter", 1),
    "Anthropic's filter": (ending("refusal", ""), "content_filter", 1),
    "Gemini's tool call": (ending("MALFORMED_FUNCTION_CALL", ""), "tool_calls", 1),
    "a firewall's page": (http(PAGE, "403 Forbidden"), "permission.*Attention Required!", 2),
    "a guard's refusal": (error("blocked by policy 7", 403), "permission.*policy 7", 2),
    "a page each time": (http(PAGE), "no_api.*Attention Required!", None),
    "a word of Python": (http(str(GOOD)), "truncated", 3),
    "an error that is an object": (error({"a": ["b"]}, 400), "bad_request", 1),
    "an error in an error": (error({"message": "no, 'x' is too long", "type": "t"}, 400), "400: no, 'x' is", 1),
    "an error of megabytes": (error("x" * 3_000_000, 400), "bad_request", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEN_UP)
def test_one_doc_that_a_server_will_not_answer_costs_no_other(name):
    data, said, tries = GIVEN_UP[name]
    with RawServer(lambda prompt, _: data if prompt == "bad" else None) as server:
        model = chat(server, num_concurrent=2, stream=False, retry_budget=1, on_item_error="skip")
        answers = dict(zip(PROMPTS, model.generate_until(asks(model, PROMPTS)), strict=True))
    failed = answers.pop("bad")
    assert answers == {prompt: f"answer to {prompt}" for prompt in answers}
    assert failed == ""
    assert re.search(said, failed.error)
    assert len(failed.error) < 500
    assert tries is None or server.calls.count("bad") == tries


# The third to fifth request of a run: asked again until it passes, and nothing is lost.
PASSES = {
    "a limit in Chinese": error("您的账户已达到速率限制，请您控制请求频率", 429, code="1302"),
    "a limit with a status of its own": error("rate limit exceeded, slow down", 430),
    "a limit with status 403": error("API rate limit exceeded for this address", 403),
    "a limit with a code of its own, in 200": http(
        {"code": "449", "msg": "You exceeded your current rate limit"}
    ),
    "a limit in data": http({"code": 0, "data": {"error": {"message": "rate limit", "code": 429}}}),
    "a wait of less than nothing": http({"error": {}}, "429 X", "retry-after: -1\r\n"),
    "a wait of nothing": http({"error": {}}, "429 X", "retry-after: 0\r\n"),
    "a gateway's 404": http("404 page not found", "404 Not Found"),
    "a gateway's page": http(PAGE),
    "an error without a word": http(b"", "500 X"),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_passes_loses_nothing(name):
    count = 0

    def plan(*_):
        nonlocal count
        count += 1
        return PASSES[name] if 3 <= count <= 5 else None

    with RawServer(plan) as server:
        assert answers_of(server, PROMPTS, num_concurrent=1, stream=False) == [
            f"answer to {prompt}" for prompt in PROMPTS
        ]
    assert len(server.calls) == len(PROMPTS) + 3


# A day from now: the suite may come to it long after this module was read.
LATER = str(int((time.time() + 86400) * 1000))
LIMITS = "x-ratelimit-limit-requests: 500\r\nx-ratelimit-remaining-requests: 0\r\n"
STOPS = {
    "an empty account in Chinese": (error("余额不足或无可用资源包,请充值。", 429, code="1113"), "余额不足.*credit"),
    "an account in arrears": (error("Access denied", 400, code="Arrearage"), r"quota.*credit"),
    "a day's limit, in the body": (
        http({"error": {"message": "free-models-per-day", "code": 429, "metadata": {"headers": {
            "X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": LATER}}}}, "429 X"),
        r"allow nothing for \d{5} s"),
    "a limit for years": (http(answer("a"), headers=f"{LIMITS}x-ratelimit-reset-requests: 26280h\r\n"),
                          r"allow nothing for 9\d+ s"),
    "a proxy": (http("<html><title>Proxy Login</title></html>", "407 X"), "Proxy Login.*Sign in"),
    "a network's page": (http("<html><title>Guest Login</title></html>", "511 X"), "Guest Login.*Sign in"),
    "a model of the past": (error("The model m has been retired", 410), "retired.*Correct model="),
    "an address for TLS": (http("<html><title>400 plain HTTP</title></html>", "400 X"), "plain HTTP.*base_url="),
    "another server": (http("404 page not found", "404 X"), "page not found.*base_url="),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPS)
def test_what_no_waiting_helps_stops_at_once(name):
    data, said = STOPS[name]
    with RawServer(lambda *_: data) as server, pytest.raises(RunFatal, match=said):
        answers_of(server, PROMPTS, num_concurrent=2, stream=False)
    assert len(server.calls) <= 2


OTHERS = {
    "Anthropic's": {
        "type": "message",
        "content": [{"type": "text", "text": SAID}],
        "stop_reason": "end_turn",
    },
    "Ollama's": {"model": "m", "message": {"role": "assistant", "content": SAID}, "done": True},
    "Gemini's": {"candidates": [{"content": {"parts": [{"text": SAID}]}, "finishReason": "STOP"}]},
    "a state": {"status": "ok"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_interface_is_told_after_three_tries(name):
    """Of no doc more, and not after twenty docs: each may be paid for."""
    with (
        RawServer(lambda *_: http(OTHERS[name])) as server,
        pytest.raises(RunFatal, match=r"without choices.*Correct base_url="),
    ):
        answers_of(server, PROMPTS, num_concurrent=1, stream=False)
    assert server.calls == ["a"] * 3


@pytest.mark.parametrize("later", [True, False])
def test_a_key_that_is_revoked_ends_the_run_and_one_refused_doc_does_not(later):
    """Two refusals of one request are about it; then the next request tells."""

    def plan(prompt, _):
        return error("no", 401) if prompt == "bad" or (later and prompt in "cdefgh") else None

    with RawServer(plan) as server:
        model = chat(server, num_concurrent=1, stream=False, on_item_error="skip")
        if later:
            with pytest.raises(RunFatal, match="key"):
                model.generate_until(asks(model, PROMPTS))
            assert server.calls == ["a", "b", "bad", "bad", "c"]
        else:
            answers = model.generate_until(asks(model, PROMPTS))
            assert [bool(text) for text in answers] == [prompt != "bad" for prompt in PROMPTS]
