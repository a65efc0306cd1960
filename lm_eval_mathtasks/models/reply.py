"""What came back for one request: a body, or the chunks of a stream, as one reply; an error is never a response.

A gateway's HTTP 200 may hold an error, reasoning has three names, and neither the content type nor the end of a body
can be relied on. Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from lm_eval_mathtasks.keys import redact
from lm_eval_mathtasks.models import bodies
from lm_eval_mathtasks.models.faults import (
    SAID_CHARS,
    Fault,
    Refused,
    Rejected,
    as_said,
    classify,
    error_part,
    status_inside,
)
from lm_eval_mathtasks.response import BROKEN_OFF, FILTERED, hit_limit
from lm_eval_mathtasks.text import encodable

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
MAX_BYTES = 64 * 2**20  # of one answer; a million tokens of a stream, each in a chunk of its own, are fewer
MAX_TRIES = 100  # to read a body that may be whole: each takes as long as the body is
HABIT = 3  # new starts of one stream are none
CALLED = {"tool_calls", "function_call", "tool_use", "malformed_function_call"}
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")


@dataclass
class Reply:
    """What came back for one request: the text as sent, why it ended, and the server's account of it."""

    text: str = ""
    pieces: list[str] = field(default_factory=list)  # of the text
    reasoning: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    served_model: str | None = None
    fingerprint: str | None = None
    # A choice was seen at all; the model called a tool; the beginning of a body without choices.
    chosen: bool = False
    called: bool = False
    unread: str = ""
    ids: list[str] = field(default_factory=list)  # of its chunks
    # Its last piece of text came without a role; a role came behind such a piece; how often text went on behind that.
    bare: bool = False
    anew: bool = False
    starts: int = 0


@contextmanager
def understanding() -> Iterator[None]:
    """What a server sent is understood here: whatever is raised meanwhile is a fault of this one answer. Waiting for
    its bytes is none of it: a broken connection is another fault."""
    try:
        yield
    except (Fault, Refused, Rejected):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise Fault("transient", "malformed", said, paid=True) from None


class Parser:
    """One answer, fed as it arrives. progress: characters of the answer so far, so that comments and blank lines are
    none; whole: nothing of the answer is missing, though its body may go on; closed: the server says that it is over;
    sure: it is not the first chunk that says so, as all chunks of some servers do.

    `feed` and `end` raise Fault, Refused or Rejected (see `faults`).
    """

    def __init__(self, headers: Mapping[str, str], payload: Mapping[str, Any]) -> None:
        self.progress, self.whole, self.closed, self.sure = 0, False, False, True
        self._headers, self._payload, self._reply = headers, payload, Reply()
        self._size = 0
        # The beginning, as long as it may be either; then the whole of a JSON body, or the last line of a stream.
        self._rest = bytearray()
        self._tries = 0
        self._streamed: bool | None = None
        self._bodies: list[Any] = []
        self._unpacker = bodies.Unpacker(headers, MAX_BYTES + 1)
        self._data, self._event, self._text = b"", b"", b""
        self._seen = self._goes_on = False

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Take in the next bytes."""
        with understanding():
            piece = self._unpacker.feed(piece, last=last)
            self._size += len(piece)
            if self._size > MAX_BYTES:
                raise Fault("item", "too_long", f"more than {MAX_BYTES} bytes", paid=True)
            self._rest += piece
            if self._streamed is None:
                # Blank lines keep a connection alive for as long as a server likes.
                self._rest = self._rest.lstrip()
                if not self._rest:
                    return
                self._streamed = not self._rest.startswith((b"{", b"[", b"<", b'"'))
            if self._streamed:
                if b"\n" in piece or b"\r" in piece or self._rest[-1 - len(piece) : -len(piece)] == b"\r":
                    self._read_lines()
                self.progress = len(self._reply.text) + len(self._reply.reasoning) + self.whole
            else:
                self.progress += len(piece.strip())
                self._read_body(piece)

    def _read_body(self, piece: bytes) -> None:
        """A body may be over before its connection is: it is when it can be read."""
        if not self.whole and piece.rstrip()[-1:] in (b"}", b"]") and self._tries < MAX_TRIES:
            self._tries += 1
            with suppress(ValueError, RecursionError):
                self._bodies = bodies.json_values(self._rest)
                self.whole = not bodies.is_stream(self._bodies) or any(map(bodies.end_of, self._bodies))
        elif piece.strip():
            self._bodies = []

    def _read_lines(self) -> None:
        # The last piece may be half a line, and a carriage return at its end half a line's end.
        *lines, rest = _LINE_END.split(self._rest)
        self._rest = bytearray(rest)
        for line in lines:
            self._read_line(bytes(line))

    def _read_line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._event = value.strip()
        elif name == b"data" and not self.closed:
            self._seen = True
            # A gateway may put its own name before that of the server behind it.
            while value.lstrip().startswith(b"data:"):
                value = value.lstrip().removeprefix(b"data:")
            self.closed = value.strip(b' "[]').upper() == b"DONE"
            self._data += value.removeprefix(b" ") + b"\n"
            if not self.closed:
                self._flush(last=False)
        elif not line.strip():
            self._flush(last=True)
            self._event = b""
        elif name not in (b"", b"data", b"id", b"retry"):
            self._text = self._text or line

    def _flush(self, *, last: bool) -> None:
        """Take the data so far as a chunk: one may stand on several lines, and many servers write no blank ones."""
        data = self._data.strip()
        if self.closed or not data:
            self._data = b""
            return
        reply = self._reply
        ended, before = reply.finish_reason is not None, len(reply.text) + len(reply.reasoning)
        try:
            body = bodies.unwrapped(json.loads(data, strict=False))
        except ValueError:
            if last and not ended:
                said = f"a chunk that is no JSON: {as_said(data.decode('utf-8', 'replace'), SAID_CHARS)}"
                raise Fault("transient", "truncated", said, paid=True) from None
            self._data = b"" if last else self._data
            return
        self._data = b""
        if self._event == b"error" and isinstance(body, Mapping) and not body.get("error"):
            body = {"error": body}
        if ended and self.sure and reply.text:
            # An error of the gateway behind a whole answer, or all of it again, is no part of it.
            known = body if isinstance(body, Mapping) else {}
            body = {name: known[name] for name in ("id", "usage") if name in known}
        absorb(reply, body, self._headers, self._payload)
        grown = len(reply.text) + len(reply.reasoning) > before
        self._goes_on = self._goes_on or (ended and grown)
        if not ended and reply.finish_reason is not None:
            self.sure = not grown or before > 0
        self.whole = reply.finish_reason is not None and not self._goes_on

    def end(self) -> Reply:
        """The reply, at the end of the body or once it is whole."""
        self.feed(b"", last=True)
        with understanding():
            if self._streamed:
                self._read_line(bytes(self._rest))
                self._flush(last=True)
                if not self._seen:
                    raise bodies.no_json(self._text, self._unpacker.told)
            else:
                parts = bodies.one_answer(self._bodies or bodies.parse(self._rest, self._unpacker.told))
                for body in parts:
                    absorb(self._reply, body, self._headers, self._payload)
                if not bodies.is_stream(parts):
                    return finish(self._reply)
            if self._reply.finish_reason is None:
                raise Fault("transient", "truncated", "the stream ended in the middle", paid=True)
            return finish(self._reply)


def absorb(reply: Reply, body: Any, headers: Mapping[str, str], payload: Mapping[str, Any]) -> None:
    """Add a whole body, or one chunk of a stream, to `reply`; raises what an error inside HTTP 200 means."""
    if not isinstance(body, Mapping):
        raise Fault("transient", "malformed", f"not an object: {as_said(str(body), SAID_CHARS)}", paid=True)
    choices = bodies.choices_in(body)
    if (inside := bodies.error_in(body)) is not None:
        meant = classify(
            status_inside(error_part(inside)), inside, headers, payload, "an error with HTTP 200"
        )
        if reply.text and isinstance(meant, Fault):
            # What came before is paid for.
            meant = replace(meant, paid=True, usage=reply.usage)
        raise meant
    if not choices:
        reply.unread = reply.unread or as_said(json.dumps(body), SAID_CHARS)
    reply.served_model = bodies.name_in(body.get("model")) or reply.served_model
    reply.fingerprint = bodies.name_in(body.get("system_fingerprint")) or reply.fingerprint
    reply.usage = bodies.counts(body.get("usage")) or reply.usage
    choice = next((c for c in choices if str(c.get("index") or 0) == "0"), None)
    if choice is None:
        return
    id_ = bodies.name_in(body.get("id"))
    reply.ids += [id_] if id_ else []
    message: Any = choice.get("message") or choice.get("delta") or choice
    message = {"content": message} if isinstance(message, str) else message
    if not isinstance(message, Mapping):
        said = f"a message that is no object: {as_said(str(message), SAID_CHARS)}"
        raise Fault("transient", "malformed", said, paid=True)
    reply.chosen = True
    reply.called = reply.called or bool(message.get("tool_calls") or message.get("function_call"))
    content = message.get("content", message.get("text"))
    said = bodies.content_text(content, thought=False) or bodies.content_text(message.get("refusal"))
    if "message" in choice and said.startswith(reply.text):
        # A whole message after its pieces says all of them again; some servers call the pieces messages.
        reply.text, reply.pieces = "", []
    reply.anew = reply.anew or bool(reply.bare and message.get("role") and "delta" in choice)
    if said:
        reply.bare, reply.starts, reply.anew = not message.get("role"), reply.starts + reply.anew, False
    reply.text += said
    reply.pieces += [said] if said else []
    thoughts = bodies.content_text(content, thought=True) if isinstance(content, list) else ""
    reply.reasoning += next(
        (bodies.content_text(message[f]) for f in REASONING_FIELDS if message.get(f)), thoughts
    )
    reply.finish_reason = reply.finish_reason or bodies.reason_of(choice)


def _kept(text: str) -> str:
    return redact(encodable(text), shapes=False)


def finish(reply: Reply) -> Reply:
    """The reply, if it is a response: an error or an empty message never is.

    Empty with finish reason "length" is one, or with thinking: the tokens were spent on that, and would be again.
    """
    # Here, and so the same in the journal, the samples and the scoring: a server may repeat the key in an answer.
    reply.text, reply.reasoning = _kept(bodies.said_once(reply.pieces)), _kept(reply.reasoning)
    reply.finish_reason = reply.finish_reason and _kept(reply.finish_reason)
    if not reply.chosen:
        raise Fault("transient", "no_choices", f"a body without choices: {reply.unread}", paid=True)
    # Some servers give each chunk a name of its own.
    if len(set(reply.ids)) > 1 and not len(set(reply.ids)) == len(reply.ids) > 2:
        raise Fault("transient", "malformed", "the chunks of two answers in one stream", paid=True)
    # The role is said at the start, in every piece, or by some servers now and then.
    if 0 < reply.starts < HABIT:
        raise Fault("transient", "malformed", "a stream that began anew in the middle", paid=True)
    usage = reply.usage or None
    reason = (reply.finish_reason or "").lower()
    said = f"finish reason {reply.finish_reason}"
    empty = not reply.text.strip()
    if reason in FILTERED or (empty and reason == "refusal"):
        raise Fault("item", "content_filter", reply.text or said, paid=True, usage=usage)
    if reason in BROKEN_OFF:
        raise Fault("transient", "server_error", said, paid=True, usage=usage)
    if empty and (reply.called or reason in CALLED):
        said = "the model called a tool instead of answering"
        raise Fault("item", "tool_calls", said, paid=True, usage=usage)
    if empty and not reply.reasoning.strip() and not hit_limit(reply.finish_reason):
        said = f"an empty message, finish reason {reply.finish_reason}"
        raise Fault("transient", "empty", said, paid=True, usage=usage)
    return reply
