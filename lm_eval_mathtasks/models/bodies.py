"""What stands in a body: its bytes as UTF-8, whatever its headers say of how they are packed and written, and its JSON.

Gateways pack what they call plain, and call packed what is not. So the bytes are asked: those of gzip begin as no JSON,
text or page does, and the first four of JSON tell UTF-16 and UTF-32 from UTF-8 (RFC 4627, section 3).
"""

import codecs
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from lm_eval_mathtasks.models.faults import READ_CHARS, SAID_CHARS, SAID_IN, Fault, as_said, page_title
from lm_eval_mathtasks.models.headers import read_loading

ACCEPTED = "gzip, deflate"
GZIP, ZLIB = b"\x1f\x8b", b"\x78"
PLAIN = b'{["<:de \r\n\xef'  # what a body begins with that is not packed
EITHER = 32 + zlib.MAX_WBITS  # zlib's number for both
HEAD = 4  # bytes that tell
MAX_COUNT = 1e12  # more are no tokens
# Characters and pieces of a text that show how its stream was cut: no ordinary text comes in such.
TELLING_CHARS, TELLING_PIECES = 10, 6

# Servers that put their JSON together by hand leave line ends in its strings.
_DECODER = json.JSONDecoder(strict=False)
# A comma behind the last of several values, which JSON has not; what stands in a string is left as it is.
_COMMAS = re.compile(rb'("(?:[^"\\]|\\.)*\\?(?:"|\Z))|,(?=\s*[}\]])', re.S)


# Types of parts of a content, and where parts of any type have their text.
_THOUGHT = re.compile(r"reasoning|thinking|redacted", re.I)
_TEXTS = ("text", "value", "thinking", "summary")


class Unpacker:
    """Fed with the pieces of one body; no more than `most` bytes come of one."""

    def __init__(self, headers: Mapping[str, str], most: int) -> None:
        self.told = (headers.get("content-encoding") or "").lower()
        self._most = most
        self._packed = self._plain = b""  # too little to tell
        self._asked = False
        self._unpack = zlib.decompressobj(EITHER)
        self._decode: codecs.IncrementalDecoder | None = None

    def feed(self, piece: bytes, *, last: bool = False) -> bytes:
        """The next bytes, none while too few are here to tell what they are; one that is no text becomes U+FFFD.

        Raises zlib.error for packed ones that are damaged.
        """
        if not self._asked:
            piece = self._packed = self._packed + piece
            if len(piece) < len(GZIP) and not last:
                return b""
            self._asked, likely = True, self.told in ("gzip", "deflate") and piece[:1] not in PLAIN
            self._gzip = piece.startswith(GZIP) or likely
            if not piece.startswith((GZIP, ZLIB)):
                # Many servers leave out what names the format (RFC 9110, section 8.4.1.2).
                self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        if self._gzip:
            piece = self._unpack.decompress(piece, self._most)
            while (rest := self._unpack.unused_data).startswith(GZIP) and len(piece) < self._most:
                # A file of gzip may have several members.
                self._unpack = zlib.decompressobj(EITHER)
                piece += self._unpack.decompress(rest, self._most)
        if self._decode is None:
            piece = self._plain = self._plain + piece
            if len(piece) < HEAD and not last:
                return b""
            self._decode = codecs.getincrementaldecoder(json.detect_encoding(piece))("replace")
        return self._decode.decode(piece, last).encode()


def no_json(data: bytes | bytearray, told: str) -> Fault:
    """What a body means that is no JSON: half an answer, which is paid for; or a page or a text, by which a gateway
    says that what is behind it fails, and another server that it is no such interface. `told`: how it is packed."""
    start = data[:READ_CHARS].decode("utf-8", "replace")
    if told and "\ufffd" in start:
        said = f"a body packed as {as_said(told, SAID_CHARS)}, where {ACCEPTED} was asked for"
        return Fault("transient", "packing", said, paid=True)
    page = page_title(start)
    if page or (start[:1].isalpha() and "\ufffd" not in start):
        said = f"{'a web page' if page else 'text'}, not JSON: {as_said(page or start, SAID_CHARS)}; check base_url="
        return Fault("transient", "no_api", said, unsure=True)
    return Fault("transient", "truncated", f"not JSON: {as_said(start, SAID_CHARS)}", paid=True)


def parse(data: bytes | bytearray, told: str = "") -> list[Any]:
    """The JSON values in a body, as `json_values`; raises Fault if it is none."""
    with suppress(ValueError):
        return json_values(data)
    with suppress(ValueError):
        return json_values(_COMMAS.sub(rb"\1", data))
    raise no_json(data, told)


def json_values(data: bytes | bytearray) -> list[Any]:
    """JSON values that follow each other, as the lines of a stream without `data:` do, or that stand in a list, without
    what a gateway put around each. A text behind them is no part of them.

    Raises ValueError where there is anything else, or nothing.
    """
    text, at = data.decode().strip("\0 \t\r\n"), 0
    values: list[Any] = []
    while at < len(text) and not (values and text[at].isalpha()):
        value, at = _DECODER.raw_decode(text, at)
        values += map(unwrapped, value if isinstance(value, list) else [value])
        while text[at : at + 1].isspace():
            at += 1
    if not values:
        raise ValueError("nothing")
    return values


def unwrapped(value: Any) -> Any:
    """The answer or error that a gateway put under a name of its own ("data", "output", "body"), or into a text."""
    if isinstance(value, str) and value.startswith("{"):
        with suppress(ValueError):
            return unwrapped(_DECODER.decode(value))
    if isinstance(value, Mapping) and not {"choices", "error"} & value.keys():
        inside = (unwrapped(v) if isinstance(v, str) else v for v in value.values())
        for inner in inside:
            if isinstance(inner, Mapping) and {"choices", "error"} & inner.keys():
                return {**value, **inner}
    return value


def choices_in(body: Any) -> list[Mapping[str, Any]]:
    """The choices of a body or chunk; some servers send one as it is, without a list."""
    found = body.get("choices") if isinstance(body, Mapping) else None
    return [c for c in (found if isinstance(found, list) else [found]) if isinstance(c, Mapping)]


def error_in(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The part of a body that holds an error, the body itself or a choice, or None. Some gateways send the fields of an
    error beside an answer, with nothing in them."""
    for part in (body, *choices_in(body)):
        errors = (part.get("error"), part.get("errors"))
        if any(any(error.values()) if isinstance(error, Mapping) else error for error in errors):
            return part
    if isinstance(body.get("choices"), list):
        return None
    parts = [part for part in (body, *body.values()) if isinstance(part, Mapping)]
    named = (part for part in parts if any(isinstance(part.get(name), str) for name in SAID_IN))
    return next(named, body if read_loading(body) else None)


def reason_of(choice: Mapping[str, Any]) -> str | None:
    """The finish reason of a choice; some servers write null as a word until there is one, or how
    their own code calls it."""
    reason = choice.get("finish_reason")
    told = reason if reason is None or isinstance(reason, str) else json.dumps(reason)
    told = re.sub(r"finish_?reason[._]", "", told or "", flags=re.I)
    return None if told.lower() in ("", "null", "none") else told


def end_of(body: Any) -> str | None:
    """The finish reason in a body, if there is one."""
    return next(filter(None, map(reason_of, choices_in(body))), None)


def is_stream(bodies: list[Any]) -> bool:
    """Whether bodies are parts of an answer, and not each a whole one."""
    if any("delta" in choice for body in bodies for choice in choices_in(body)):
        return True
    return len(bodies) > 1 and bool(choices_in(bodies[0])) and end_of(bodies[0]) is None


def one_answer(bodies: list[Any]) -> list[Any]:
    """The parts of one answer, or one whole answer. Raises Fault for two that differ: either may be another doc's, and
    asking again would cost as much again."""
    whole = [choices_in(body) for body in bodies if choices_in(body)]
    if is_stream(bodies) or not whole:
        return bodies
    if any(other != whole[0] for other in whole):
        raise Fault("item", "malformed", f"{len(whole)} answers that differ in one body", paid=True)
    return [body for body in bodies if not choices_in(body)] + [next(filter(choices_in, bodies))]


def content_text(content: Any, thought: bool | None = None) -> str:
    """The text of a content field: a string, a number, a part with a text, or a list of these; of a list only those
    parts that are thinking (True), or those that are none (False)."""
    if isinstance(content, list):
        parts = (part for part in content if thought in (None, _is_thought(part)))
        return "".join(map(content_text, parts))
    if isinstance(content, Mapping):
        return content_text(next((content[name] for name in _TEXTS if name in content), None))
    if isinstance(content, int | float) and not isinstance(content, bool):
        return json.dumps(content)
    return content if isinstance(content, str) else ""


def _is_thought(part: Any) -> bool:
    return isinstance(part, Mapping) and bool(_THOUGHT.match(str(part.get("type"))))


def name_in(value: Any) -> str | None:
    """A field that should hold a name, as text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def counts(usage: Any) -> dict[str, Any]:
    """Usage as a server reported it, without whatever is no number of tokens."""
    found: dict[str, Any] = {}
    for name, value in usage.items() if isinstance(usage, Mapping) else ():
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
            value = int(value)  # noqa: PLW2901
        if isinstance(value, Mapping):
            found[name] = counts(value)
        elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MAX_COUNT:
            found[name] = value
    return found


def said_once(pieces: list[str]) -> str:
    """The text of a stream, also of one whose chunks each say all so far, or that come twice each."""
    grows = len(pieces) > 2 and len(pieces[-1]) >= TELLING_CHARS
    if grows and all(len(one) < len(two) and two.startswith(one) for one, two in pairwise(pieces)):
        return pieces[-1]
    twice = len(set(pieces)) >= TELLING_PIECES and pieces[::2] == pieces[1::2]
    return "".join(pieces[::2] if twice else pieces)
