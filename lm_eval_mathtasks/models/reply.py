"""What came back for one request: a body, or the chunks of a stream, as one reply; an error is never a response.

A gateway's HTTP 200 may hold an error, and reasoning has three names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lm_eval_mathtasks.models.faults import Fault, Refused, Rejected, classify, error_part
from lm_eval_mathtasks.text import encodable

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")


@dataclass
class Reply:
    """What came back for one request: the text as sent, why it ended, and the server's account of it."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    served_model: str | None = None
    fingerprint: str | None = None
    chosen: bool = False  # a choice was seen at all


@contextmanager
def reading() -> Iterator[None]:
    """What a server sent is understood here: whatever is raised meanwhile is a fault of this one answer. Waiting for
    its bytes is none of it: a broken connection is another fault."""
    try:
        yield
    except (Fault, Refused, Rejected):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise Fault("transient", "malformed", said, paid=True) from None


def parse(data: bytes) -> Any:
    """What JSON in a body or a chunk says; raises Fault if it is none."""
    try:
        return json.loads(data)
    except ValueError:
        start = data[:80].decode("utf-8", "replace")
        raise Fault("transient", "truncated", f"not JSON: {start}", paid=True) from None


def _joined(content: Any) -> str:
    """The text of a content field: a string, or a list of parts of which the texts count."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def absorb(reply: Reply, body: Any, headers: Mapping[str, str], payload: Mapping[str, Any]) -> None:
    """Add a whole body, or one chunk of a stream, to `reply`; raises what an error inside HTTP 200 means."""
    if not isinstance(body, Mapping):
        raise Fault("transient", "malformed", f"not an object: {str(body)[:80]}", paid=True)
    if body.get("error"):
        raise classify(_status_inside(error_part(body)), body, headers, payload)
    reply.served_model = _name(body.get("model")) or reply.served_model
    reply.fingerprint = _name(body.get("system_fingerprint")) or reply.fingerprint
    reply.usage = counts(body.get("usage")) or reply.usage
    choices = body.get("choices")
    if not (isinstance(choices, list) and choices and isinstance(choices[0], Mapping)):
        return
    choice = choices[0]
    message = choice.get("message") or choice.get("delta") or choice
    if not isinstance(message, Mapping):
        raise Fault("transient", "malformed", f"a message that is no object: {str(message)[:80]}", paid=True)
    reply.chosen = True
    reply.text += _joined(message.get("content", message.get("text"))) or _joined(message.get("refusal"))
    reply.reasoning += next((_joined(message[f]) for f in REASONING_FIELDS if message.get(f)), "")
    reply.finish_reason = _name(choice.get("finish_reason")) or reply.finish_reason


def _name(value: Any) -> str | None:
    """A field that should hold a name, as text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def counts(usage: Any) -> dict[str, Any]:
    """Usage as a server reported it, without whatever is no number of tokens."""
    found: dict[str, Any] = {}
    for name, value in usage.items() if isinstance(usage, Mapping) else ():
        if isinstance(value, Mapping):
            found[name] = counts(value)
        elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
            found[name] = value
    return found


def _status_inside(error: Mapping[str, Any]) -> int:
    """The HTTP status that an error inside HTTP 200 would have had."""
    code = error.get("code") or error.get("status")
    if str(code).isdigit() and 400 <= int(str(code)) < 600:
        return int(str(code))
    words = f"{code} {error.get('type')}"
    if "rate_limit" in words:
        return 429
    return 400 if "invalid_request" in words else 500


def finish(reply: Reply) -> Reply:
    """The reply, if it is a response: an error or an empty message never is.

    Empty with finish reason "length" is one: the token limit was spent on thinking, and asking again would be too.
    """
    reply.text, reply.reasoning = encodable(reply.text), encodable(reply.reasoning)
    if not reply.chosen:
        raise Fault("transient", "no_choices", "a body without choices", paid=True)
    usage = reply.usage or None
    if reply.finish_reason == "content_filter":
        raise Fault(
            "item", "content_filter", reply.text or "finish reason content_filter", paid=True, usage=usage
        )
    if reply.finish_reason == "error":
        raise Fault("transient", "server_error", "finish reason error", paid=True, usage=usage)
    if not reply.text.strip() and reply.finish_reason != "length":
        said = f"an empty message, finish reason {reply.finish_reason}"
        raise Fault("transient", "empty", said, paid=True, usage=usage)
    return reply
