"""Servers that break HTTP or JSON: one such answer costs its own request, and no other doc gets it."""

import gzip
import json
import time
import zlib

import pytest

from lm_eval_mathtasks.errors import RunFatal
from tests.models.api_helpers import answered, answers_of, asks, chat, short
from tests.models.raw_server import RawServer, answer, http

__all__ = ["short"]
pytestmark = pytest.mark.usefixtures("short")
PROMPTS = ["a", "b", "bad", *"cdefgh"]
GOOD = json.dumps(answer("bad")).encode()
TOLD = {"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}]}
# One block of RLE, and bytes as Brotli makes them.
ZSTD, BROTLI = b"\x28\xb5\x2f\xfd\x20\xf0\x83\x07\x00a", b"\x5b\x42\x80\xe5\xb2\xe3\x65\xff\x0a\x98" * 9


def chunked(text):
    """A body in HTTP's chunks of a byte each."""
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in text.encode())
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


# What is sent, and whether it holds the answer.
ODD = {
    "packed": (http(gzip.compress(GOOD), headers="content-encoding: gzip\r\n"), True),
    "packed otherwise than told": (http(b"\x1f\x8b\x08junk", headers="content-encoding: gzip\r\n"), False),
    "packed by zlib, and called gzip": (http(zlib.compress(GOOD), headers="content-encoding: gzip\r\n"), True),
    "plain, and called br": (http(GOOD, headers="content-encoding: br\r\n"), True),
    "packed by zstd": (http(ZSTD, headers="content-encoding: zstd\r\n"), False),
    "packed to fill a memory": (http(zlib.compress(b" " * (1 << 27)), headers="content-encoding: deflate\r\n"), False),
    "nothing": (http(b""), False),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", False),
    "no length": ((b"HTTP/1.0 200 OK\r\n\r\n" + GOOD, False), True),
    "a length that is too long": ((b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n" + GOOD, False), True),
    "a length that is too short": ((b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n" + GOOD, False), False),
    "a chunk that is none": ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\nabc\r\n", False), False),
    "another protocol": ((b"220 mail.example ESMTP\r\n\r\n", False), False),
    "a status of its own": (http("odd", "999 Odd"), False),
    "a status 203": (http(GOOD, "203 Non-Authoritative Information"), True),
    "a status 206 with all of it": (http(GOOD, "206 Partial Content"), True),
    "a status 206 with half of it": (http(GOOD[:40], "206 Partial Content"), False),
    "chunks that end inside a character": (chunked(json.dumps(answer("bad", note="é😀"), ensure_ascii=False)), True),
    "headers without an end": ((b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 200_000, False), False),
    "limits that are no numbers": (
        http(GOOD, headers="x-ratelimit-limit-tokens: 1e400\r\nx-ratelimit-remaining-tokens: nan\r\n"
             "x-ratelimit-limit-requests: -1\r\nx-ratelimit-reset-requests: inf\r\n"), True),
    "a hint before": (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + http(GOOD), True),
    "another protocol from here": (b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n", False),
    "a mark of the order of bytes": (http(b"\xef\xbb\xbf" + GOOD), True),
    "an error that is a number": (http({"error": 5}), False),
    "an error that is nothing": (http(answer("bad", error=None)), True),
    "another interface": (http({"message": {"role": "assistant", "content": "4"}, "done": True}), False),
    "an empty message": (http(TOLD), False),
    "the choices of another answer first": (
        http({"choices": [{"index": 1, "message": {"content": "x"}}, *answer("bad")["choices"]]}), True),
    "given up by its server": (
        http({"choices": [{"index": 0, "message": {"content": "half"}, "finish_reason": "abort"}]}), False),
}  # fmt: skip


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_costs_its_own_request(name, always):
    data, holds = ODD[name]
    with RawServer(lambda prompt, nth: data if prompt == "bad" and (always or nth == 1) else None) as server:
        model = chat(server, num_concurrent=2, stream=False, retry_budget=0.3, on_item_error="skip")
        answers = dict(zip(PROMPTS, model.generate_until(asks(model, PROMPTS)), strict=True))
    assert all(text == f"answer to {prompt}" for prompt, text in answers.items() if prompt != "bad")
    if holds or (not always and not answers["bad"].error):
        assert answers["bad"] == "answer to bad"
    else:
        assert answers["bad"].error
    if holds:
        assert server.calls.count("bad") == 1
    assert sorted(prompt for prompt in server.calls if prompt != "bad") == sorted({*PROMPTS} - {"bad"})


def test_a_byte_that_is_no_text_leaves_the_rest():
    with RawServer(lambda *_: http(GOOD.replace(b"answer", b"ans\xffwer"))) as server:
        assert answers_of(server, ["bad"], stream=False) == ["ans\ufffdwer to bad"]


@pytest.mark.parametrize("named", [True, False])
def test_a_second_answer_to_one_request_is_no_answer_to_the_next(named):
    """Three of sixty docs got the answer of another."""

    def twice(prompt, _):
        one = answer(prompt) if named else answer(prompt, id="x")
        return http(one) + http(answer(f"{prompt}, again") if named else one)

    with RawServer(twice) as server:
        assert answers_of(server, PROMPTS, num_concurrent=2, stream=False) == [
            f"answer to {prompt}" for prompt in PROMPTS
        ]


@pytest.mark.parametrize("own", [True, False])
def test_an_answer_that_comes_again_is_told_by_its_id(own):
    """Only where answers have ids of their own: a server that calls all of them x says nothing by it."""
    late = []

    def plan(prompt, nth):
        if prompt == "g" and nth == 1:
            late.append(prompt)
            return http(answer("a") if own else answer("g", id="x"))
        return http(answer(prompt) if own else answer(prompt, id="x"))

    with RawServer(plan) as server:
        assert answers_of(server, PROMPTS, num_concurrent=1, stream=False) == [
            f"answer to {prompt}" for prompt in PROMPTS
        ]
    assert late
    assert len(server.calls) == len(PROMPTS) + own


@pytest.mark.parametrize(("told", "body"), [("zstd", ZSTD), ("br", BROTLI), ("br, gzip", BROTLI)])
def test_a_server_that_packs_as_nobody_asked_is_told_after_one_doc(told, body):
    with RawServer(lambda *_: http(body, headers=f"content-encoding: {told}\r\n")) as server:
        model = chat(server, num_concurrent=1, stream=False)
        with pytest.raises(
            RunFatal, match=rf"packed as {told}, where gzip, deflate was asked for.* send gzip"
        ):
            model.generate_until(asks(model, PROMPTS))
    assert len(server.calls) == 3


LOADING = {"estimated_time": 0.6}


@pytest.mark.parametrize(
    "sent",
    [
        http({"error": "Model m is currently loading", **LOADING}, "503 Service Unavailable"),
        http({"error": "Model m is currently loading", **LOADING}),
        http({"status": "loading", **LOADING}),
        http({"error": {"message": "warming up, try again in 0.6 seconds"}}, "425 Too Early"),
        http({"error": {"message": "starting"}}, "502 Bad Gateway", "retry-after: 0.6\r\n"),
        http(
            {"error": {"message": "slow down"}},
            "429 X",
            "x-ratelimit-limit-requests: 60000\r\nretry-after: 0.6\r\n",
        ),
    ],
)
def test_a_server_that_says_when_it_will_be_up_is_waited_for(sent):
    """One of them was taken for another interface, and the lone request was asked again too early."""
    up_at, early = [], []

    def plan(prompt, nth):
        if not up_at:
            up_at.append(time.monotonic() + LOADING["estimated_time"])
            return sent
        if time.monotonic() < up_at[0]:
            early.append(prompt)
        return None

    with RawServer(plan) as server:
        assert answers_of(server, PROMPTS, num_concurrent=1, stream=False, on_item_error="skip") == [
            f"answer to {prompt}" for prompt in PROMPTS
        ]
    assert len(server.calls) == len(PROMPTS) + 1
    assert not early


@pytest.mark.parametrize("told", ["soon", None, True, -5, float("nan")])
def test_an_estimate_that_is_none_is_not_waited_for(told):
    sent = http({"error": "loading", "estimated_time": told}, "502 Bad Gateway")
    with RawServer(lambda *_: sent if len(server.calls) == 1 else None) as server:
        answered(server, PROMPTS, num_concurrent=1, stream=False)
