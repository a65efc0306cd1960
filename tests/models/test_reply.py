"""What servers send, byte by byte: bodies and streams of every shape become one reply, or one fault."""

import json

import pytest

from lm_eval_mathtasks.models.faults import Fault, Refused
from lm_eval_mathtasks.models.reply import Parser

WHOLE = {
    "id": "a",
    "model": "m",
    "choices": [{"index": 0, "message": {"content": "4"}, "finish_reason": "stop"}],
}


def chunk(text=None, finish=None, index=0, id_="a", **more):
    delta = {} if text is None else {"content": text}
    return {"id": id_, "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}


def sse(*chunks, end="\n\n", done=True):
    lines = [f"data: {json.dumps(c)}" for c in chunks] + (["data: [DONE]"] if done else [])
    return "".join(line + end for line in lines).encode()


GOOD = sse(
    chunk("4"),
    chunk("2"),
    chunk(finish="stop"),
    {"id": "a", "choices": [], "usage": {"completion_tokens": 2}},
)


def read(data, size=None):
    parser = Parser({}, {})
    for at in range(0, len(data), size or len(data) or 1):
        parser.feed(data[at : at + (size or len(data))])
    return parser.end()


@pytest.mark.parametrize("size", [1, 2, 7, None])
@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\n", b"\r"),
        GOOD.replace(b"\n\n", b"\n"),
        b": OPENROUTER PROCESSING\n\n" * 3 + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"data: ", b"data:"),
        GOOD.replace(b"data: {", b"event: chunk\nid: 1\ndata: {"),
        GOOD.replace(b'"choices": [{', b'"choices":\ndata: [{'),
        GOOD.removesuffix(b"data: [DONE]\n\n"),
        sse(
            chunk("4", index=0),
            chunk("no", index=1),
            chunk("2"),
            chunk(finish="length", index=1),
            chunk(finish="stop"),
        ),
    ],
    ids=[
        "lf",
        "crlf",
        "cr",
        "no blank lines",
        "comments",
        "bom",
        "no space",
        "fields",
        "many lines",
        "no done",
        "two",
    ],
)
def test_every_form_of_a_stream(data, size):
    reply = read(data, size)
    assert (reply.text, reply.finish_reason) == ("42", "stop")


@pytest.mark.parametrize("size", [1, None])
@pytest.mark.parametrize("around", ["%s", "\n\n  %s", "%s\n", "\ufeff%s"])
def test_every_form_of_a_body(around, size):
    assert read((around % json.dumps(WHOLE)).encode(), size).text == "4"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("4", "4"),
        ([{"type": "text", "text": "4"}, {"type": "image"}, "2"], "42"),
        ({"type": "text", "text": "4"}, "4"),
    ],
)
def test_content_of_every_type(content, text):
    body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    assert read(json.dumps(body).encode()).text == text


@pytest.mark.parametrize(
    ("message", "finish", "kind"),
    [
        ({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls", "tool_calls"),
        ({"content": "", "refusal": "I will not."}, "stop", None),
    ],
)
def test_an_empty_message_of_a_kind_is_paid_for_once(message, finish, kind):
    data = json.dumps({"choices": [{"message": message, "finish_reason": finish}]}).encode()
    if kind is None:
        assert read(data).text == "I will not."
        return
    with pytest.raises(Fault) as caught:
        read(data)
    assert (caught.value.severity, caught.value.kind) == ("item", kind)


@pytest.mark.parametrize(
    "data",
    [
        sse(chunk("4"), chunk("2")),
        sse(chunk("4"), done=False),
        sse(chunk("4", id_="a"), chunk("2", id_="b"), chunk(finish="stop", id_="b")),
        b"upstream connect error",
        b"<html>busy</html>",
        b'data: {"half',
        b"",
        b": nothing but comments\n\n",
        json.dumps(
            {"choices": [{"index": 1, "message": {"content": "4"}, "finish_reason": "stop"}]}
        ).encode(),
    ],
    ids=[
        "done but no reason",
        "cut",
        "two answers mixed",
        "text",
        "html",
        "half",
        "empty",
        "comments",
        "another index",
    ],
)
def test_half_and_mixed_answers_are_faults(data):
    with pytest.raises(Fault) as caught:
        read(data)
    assert caught.value.severity == "transient"


def test_errors_inside_a_stream_mean_what_they_say():
    with pytest.raises(Refused):
        read(b'data: {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}\n\n')
    with pytest.raises(Fault, match="server_error"):
        read(b'event: error\ndata: {"message": "upstream died"}\n\n')


def test_when_an_answer_is_whole():
    parser = Parser({}, {})
    parser.feed(sse(chunk("4"), done=False))
    assert not parser.whole
    parser.feed(sse(chunk(finish="stop"), done=False))
    assert parser.whole
    assert not parser.closed
    parser.feed(b"data: [DONE]\n\n")
    assert parser.closed
    half = Parser({}, {})
    half.feed(b'{"a": {"b": 1}')
    assert not half.whole
    half.feed(b"}")
    assert half.whole


def test_only_data_is_progress():
    parser = Parser({}, {})
    for nothing in (
        b": PROCESSING\n\n",
        b"\n\n",
        b"   ",
        sse({"choices": []}, done=False),
        sse(chunk(""), done=False),
    ):
        parser.feed(nothing)
    assert parser.progress == 0
    parser.feed(sse(chunk("four"), done=False))
    assert parser.progress == 4


def test_an_answer_has_a_largest_size(monkeypatch):
    from lm_eval_mathtasks.models import reply

    monkeypatch.setattr(reply, "MAX_BYTES", 1000)
    with pytest.raises(Fault, match="too_long"):
        read(b'{"a": "' + b"x" * 2000, 100)
