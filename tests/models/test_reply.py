"""What servers send, byte by byte: bodies and streams of every shape become one reply, or one fault."""

import gzip
import json
import zlib

import pytest

from lm_eval_mathtasks.models.faults import Fault, Refused
from lm_eval_mathtasks.models.reply import Parser
from lm_eval_mathtasks.response import hit_limit

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
@pytest.mark.parametrize("around", ["%s", "\n\n  %s", "%s\n", "\ufeff%s", "%s\n\0\0\0"])
def test_every_form_of_a_body(around, size):
    assert read((around % json.dumps(WHOLE)).encode(), size).text == "4"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("4", "4"),
        ([{"type": "text", "text": "4"}, {"type": "image"}, "2"], "42"),
        (42, "42"),
        ({"type": "text", "text": "4"}, "4"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "4"}], "4"),
        ([{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "4"}], "4"),
    ],
)
def test_content_of_every_type(content, text):
    body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    assert read(json.dumps(body).encode()).text == text


@pytest.mark.parametrize("reason", ["FINISH_REASON_MAX_TOKENS", "FinishReason.MAX_TOKENS", "max_tokens"])
def test_a_finish_reason_under_the_name_of_a_servers_own_code(reason):
    body = {"choices": [{"message": {"content": "4"}, "finish_reason": reason}]}
    assert hit_limit(read(json.dumps(body).encode()).finish_reason)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error_code": 17, "error_msg": "Open api daily request limit reached"}, "quota"),
        ({"error_code": 18, "error_msg": "Open api qps request limit reached"}, None),
        (
            {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
            "quota",
        ),
        ({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, None),
        ({"message": {"role": "assistant", "content": "4"}, "done": True}, "no_choices"),
    ],
)
def test_an_error_under_the_names_of_other_interfaces(body, kind):
    with pytest.raises(Fault if kind else Refused) as caught:
        read(json.dumps(body).encode())
    assert kind is None or caught.value.kind == kind


def test_an_empty_error_of_other_interfaces_beside_an_answer_is_none():
    assert (
        read(json.dumps({**WHOLE, "base_resp": {"status_code": 0, "status_msg": "success"}}).encode()).text
        == "4"
    )


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
        sse(chunk("4", id_="a"), chunk("2", id_="b", finish="stop")),
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
        "two chunks of two",
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


def lines(*bodies):
    return "\n".join(map(json.dumps, bodies)).encode()


CHUNKS = [
    chunk("4"),
    chunk("2"),
    chunk(finish="stop"),
    {"id": "a", "choices": [], "usage": {"completion_tokens": 2}},
]
TEXTS = [{"choices": [{"index": 0, "text": t, "finish_reason": f}]} for t, f in (("4", None), ("2", "stop"))]
BODY = json.dumps({**WHOLE, "choices": [{**WHOLE["choices"][0], "message": {"content": "42"}}]}).encode()

# Replies of 42 that are not as they should be.
READABLE = {
    "lines without data:": lines(*CHUNKS),
    "and their end": lines(*CHUNKS) + b"\n",
    "chunks in a list": json.dumps(CHUNKS).encode(),
    "chunks with nothing between": b"".join(json.dumps(c).encode() for c in CHUNKS),
    "lines of completions": lines(*TEXTS),
    "data: twice": GOOD.replace(b"data: ", b"data: data: "),
    "utf-16": BODY.decode().encode("utf-16"),
    "utf-16 without a mark": BODY.decode().encode("utf-16-be"),
    "utf-32": BODY.decode().encode("utf-32"),
    "a stream in utf-16": GOOD.decode().encode("utf-16"),
    "gzip that nobody names": gzip.compress(BODY),
    "a stream in gzip": gzip.compress(GOOD),
    "the same answer twice": BODY * 2,
    "a list with it": b"[" + BODY + b"]",
    "commas too many": BODY.replace(b"}]", b"},\n]").replace(b'"42"', b'"42",'),
    "a page behind it": BODY + b"\n",
    "an index that is a text": BODY.replace(b'"index": 0', b'"index": "0"'),
    "null as a word": GOOD.replace(b'"finish_reason": null', b'"finish_reason": "null"'),
    "an empty reason": GOOD.replace(b'"finish_reason": null', b'"finish_reason": ""'),
    "no choices at first": sse({"id": "a", "choices": []}, done=False) + GOOD,
    "the end twice": sse(*CHUNKS[:3], chunk(finish="stop"), chunk(finish="stop")),
    "all of it again at the end": sse(*CHUNKS[:2], WHOLE | json.loads(BODY)),
    "a last chunk of another name": sse(*CHUNKS[:3], {**CHUNKS[3], "id": "b"}),
    "an error of nothing": BODY.replace(
        b'{"id"', b'{"error": {"code": 0, "message": ""}, "errors": [], "id"'
    ),
    "a character in two pieces": GOOD.replace(b'"4"', '"\u200b4"'.encode()),
}


@pytest.mark.parametrize("size", [1, 3, None])
@pytest.mark.parametrize("name", READABLE)
def test_what_can_be_read_is_an_answer(name, size):
    reply = read(READABLE[name], size)
    assert (reply.text.strip("\u200b"), reply.finish_reason) == ("42", "stop")


@pytest.mark.parametrize("size", [1, None])
@pytest.mark.parametrize(
    ("data", "severity", "said"),
    [
        (lines(*CHUNKS[:2]), "transient", "truncated"),
        (lines(CHUNKS[0]), "transient", "truncated"),
        (json.dumps(CHUNKS[:2]).encode(), "transient", "truncated"),
        (lines(*CHUNKS)[:-30], "transient", "truncated"),
        (BODY + BODY.replace(b"42", b"43"), "item", "2 answers that differ"),
        (BODY[:-20].decode().encode("utf-16"), "transient", "truncated"),
        (gzip.compress(BODY)[:-30], "transient", "truncated"),
        (gzip.compress(BODY)[:20] + b"junk" * 20, "transient", "malformed"),
        (b"[]", "transient", "truncated"),
        (GOOD.replace(b'"stop"', b'"null"'), "transient", "truncated"),
        (b"<!DOCTYPE html><html><head><title>Sign in\x1b[2J</title></head></html>", "transient", "web page.*Sign in"),
        (b'{"a": "' + b'\\"' * 50_000, "transient", "truncated"),
    ],
    ids=["lines cut", "one line", "a list cut", "half a line", "two answers", "half in utf-16", "half in gzip",
         "gzip and junk", "nothing in a list", "no end but in a word", "a page", "quotes without an end"],
)  # fmt: skip
def test_what_cannot_be_read_is_one_clear_fault(data, severity, said, size):
    if size == 1 and len(data) > 10_000:
        size = 1000
    with pytest.raises(Fault, match=said) as caught:
        read(data, size)
    assert caught.value.severity == severity
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("size", [1, 3, None])
@pytest.mark.parametrize("text", ["Ollama is running", "upstream connect error\nreset\n", "error: no healthy upstream",
                                  "<html><body>busy</body></html>"])  # fmt: skip
def test_a_text_is_no_reply_and_half_a_reply_is_no_text(text, size):
    """Only the half is surely paid for."""
    with pytest.raises(Fault, match=f"no_api.*{text[:10]}.*check base_url=") as caught:
        read(text.encode(), size)
    assert (caught.value.severity, caught.value.paid, caught.value.unsure) == ("transient", False, True)
    for half in (b'{"choices": [{"mess', b'"choi', b"data: Internal error\n\n", b"", b"\xce\xb2\xff\xfe\x80"):
        with pytest.raises(Fault, match=r"truncated|malformed") as caught:
            read(half, size)
        assert caught.value.paid


CHARACTERS = "é → 4 😀 \u2028 \u0085 \u0a0d\u0d0a \u200b"


@pytest.mark.parametrize("size", [1, 2, 3, 5, None])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r", None], ids=["lf", "crlf", "cr", "a body"])
def test_a_character_in_pieces_and_one_whose_bytes_are_those_of_a_line_end(end, coding, size):
    """U+0A0D and U+0D0A are written in UTF-16 with the bytes of CR and LF."""
    message = {"choices": [{"index": 0, "message": {"content": CHARACTERS}, "finish_reason": "stop"}]}
    told = [message] if end is None else [chunk(CHARACTERS[:3]), chunk(CHARACTERS[3:]), chunk(finish="stop")]
    written = [json.dumps(one, ensure_ascii=False) for one in told]
    data = written[0] if end is None else "".join(f"data: {one}{end}" for one in written)
    assert read(data.encode(coding), size).text == CHARACTERS


@pytest.mark.parametrize("size", [1, None])
def test_a_character_in_two_chunks(size):
    """A tokenizer may end a piece inside a pair of surrogates; and a byte that a proxy put in is half an answer."""
    halves = sse(chunk("\ud83d"), chunk("\ude00"), chunk(finish="stop"))
    assert read(halves, size).text == "😀"
    torn = json.dumps(chunk("é", finish="stop"), ensure_ascii=False).encode().replace(b"\xa9", b"\r\n\xa9")
    with pytest.raises(Fault, match="truncated"):
        read(b"data: " + torn + b"\n\n", size)


@pytest.mark.parametrize("claimed", ["gzip", "deflate", "br", ""])
def test_a_plain_body_that_is_called_packed_is_read(claimed):
    parser = Parser({"content-encoding": claimed}, {})
    parser.feed(BODY)
    assert parser.end().text == "42"


def bare(body):
    """Deflate without zlib's head and sum."""
    return zlib.compress(body)[2:-4]


def members(body):
    """Gzip in two parts."""
    return gzip.compress(body[:30]) + gzip.compress(body[30:])


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare, members])
def test_a_packed_body_is_read(pack):
    parser = Parser({"content-encoding": "deflate" if pack in (zlib.compress, bare) else "gzip"}, {})
    for piece in pack(BODY):
        parser.feed(bytes([piece]))
    assert parser.end().text == "42"


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "reasoning_content": "hm"},
        {"content": None, "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ],
)
def test_thinking_without_an_answer_is_a_response_and_paid_for_once(message):
    body = {
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"completion_tokens": "7", "x": "n/a"},
    }
    reply = read(json.dumps(body).encode())
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("", "hm", "stop")
    assert reply.usage == {"completion_tokens": 7}


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS", "max_tokens", "model_length"])
def test_an_empty_message_that_a_limit_cut_off_is_a_response(reason):
    body = {"choices": [{"message": {"content": ""}, "finish_reason": reason}]}
    assert read(json.dumps(body).encode()).finish_reason == reason


def test_an_error_behind_a_beginning_is_paid_for():
    error = {"error": {"message": "boom", "type": "server_error"}}
    with pytest.raises(Fault, match="server_error") as caught:
        read(sse(CHUNKS[0], error))
    assert caught.value.paid


def test_an_error_of_a_choice_is_no_answer():
    body = json.loads(BODY)
    body["choices"][0]["error"] = {"code": 502, "message": "the provider failed"}
    with pytest.raises(Fault, match="server_error") as caught:
        read(json.dumps(body).encode())
    assert caught.value.said == "an error with HTTP 200: the provider failed"


def test_a_comma_in_a_text_stays():
    body = json.dumps({"choices": [{"message": {"content": "f(x,) \\"}, "finish_reason": "stop"}], "x": [1]})
    assert read(body.replace("[1]", "[1,]").encode()).text == "f(x,) \\"


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


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["so", "so 1", "so 1 and", "so 1 and 2"], "so 1 and 2"),
        (["1", "10", "100"], "110100"),
        (["the", "the answer", "the answer is", " 4"], "thethe answerthe answer is 4"),
        ([one for t in ("a", " b", " c", " d", " e", " f") for one in (t, t)], "a b c d e f"),
        (["1", "1", "2", "2", "3", "3"], "112233"),
        ([" ha"] * 12, " ha" * 12),
        (["0", "0", "0", "0"], "0000"),
    ],
)
def test_how_a_stream_is_cut_is_told_only_where_it_is_sure(pieces, text):
    assert read(sse(*map(chunk, pieces), chunk(finish="stop"))).text == text


def roled(text, role="assistant", finish=None, **more):
    made = chunk(text, finish, **more)
    made["choices"][0]["delta"]["role"] = role
    return made


@pytest.mark.parametrize("start", [[roled("")], [roled(None)], [roled("4")], [roled(""), chunk("")]])
def test_a_stream_that_begins_anew_is_no_answer(start):
    again = [*start, chunk("2"), chunk(finish="stop")]
    with pytest.raises(Fault, match="began anew") as caught:
        read(sse(roled(""), chunk("4"), chunk("1"), *again))
    assert (caught.value.severity, caught.value.paid) == ("transient", True)


@pytest.mark.parametrize(
    "chunks",
    [
        [roled(""), chunk("4"), chunk("2"), chunk(finish="stop")],
        [roled("4"), roled("2"), roled("", finish="stop")],
        [roled("4"), chunk("2"), roled("", finish="stop")],
        [chunk("4"), chunk("2"), roled(""), chunk(finish="stop")],
        [roled(None), chunk(), roled(""), chunk("4"), chunk("2"), chunk(finish="stop")],
        [roled("4", role=None), chunk("2"), roled("", role=None), chunk(finish="stop")],
        [chunk("4"), chunk("2", finish="stop"), roled(""), chunk("")],
        [chunk(t) if i % 2 else roled(t) for i, t in enumerate(["4", "", "", "2", "", ""])] + [chunk(finish="stop")],
    ],
    ids=["once", "in every piece", "in first and last", "in the last", "before any text", "null", "behind the end",
         "with nothing"],
)  # fmt: skip
def test_a_role_that_comes_more_often_is_no_new_start(chunks):
    assert read(sse(*chunks)).text == "42"


def test_a_role_now_and_then_is_a_habit():
    pieces = [roled("a") if n % 3 == 0 else chunk("b") for n in range(12)]
    assert read(sse(*pieces, chunk(finish="stop"))).text == "abb" * 4


def test_thinking_may_have_a_role_and_the_answer_behind_it_another():
    think = {
        "id": "a",
        "choices": [{"index": 0, "delta": {"reasoning_content": "so"}, "finish_reason": None}],
    }
    reply = read(sse(roled(None), think, think, roled(""), chunk("42"), chunk(finish="stop")))
    assert (reply.text, reply.reasoning) == ("42", "soso")


def test_the_first_chunk_that_says_that_it_is_the_last_may_not_be():
    parser = Parser({}, {})
    parser.feed(sse(chunk("4", finish="stop"), done=False))
    assert (parser.whole, parser.sure) == (True, False)
    parser.feed(sse(chunk("2", finish="stop"), done=False))
    assert not parser.whole
    parser.feed(sse())
    assert parser.closed
    assert parser.end().text == "42"
