"""One exchange with an OpenAI-compatible server through the openai SDK, read as it arrives.

The SDK's own retries are off: the dispatcher and tenacity decide. The body is read here, not by the SDK, because
a gateway's HTTP 200 may hold an error, a stream may end in the middle, and reasoning has three names.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lm_eval_mathtasks.keys import Key
from lm_eval_mathtasks.models.faults import Fault, classify, error_part, of_transport
from lm_eval_mathtasks.text import encodable

CONNECT_S = 30.0  # a busy event loop makes a five-second limit fail thousands of connections
IDLE_CONNECTION_S = 30.0  # kept open between requests; gateways close theirs after a minute
LAST_BYTES_S = 1.0  # between the end of an answer and the end of its body
REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
# Bytes of Linux's struct tcp_info, and where its tcpi_rtt (microseconds) stands.
TCP_INFO_BYTES, TCP_INFO_RTT = 104, 68
TRANSPORT_PACKAGES = {"openai", "httpx", "httpx2", "httpcore", "httpcore2", "h11", "h2", "anyio", "ssl"}

OnSent = Callable[[float | None], None]


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


@dataclass(eq=False)
class Flight:
    """One exchange under way; times are monotonic seconds. `headed`: the headers are here; `doubted`: the silence
    after which the request was given up on a guess, in this flight or an earlier one."""

    began: float
    seen: float
    headed: bool = False
    streamed: bool = True
    longest_gap: float = 0.0
    patience: float = 1.0  # a factor: doubled for each time this request was given up as dead
    doubted: float = 0.0

    def touch(self) -> None:
        """Something arrived."""
        now = time.monotonic()
        self.longest_gap, self.seen = max(self.longest_gap, now - self.seen), now


class Client:
    """Sends payloads to `base_url`. `connections`: the size of the pool; nobody waits for one. `on_sent`: called when
    a request is on the wire, with the seconds of a round trip if it made a connection for it, else None."""

    def __init__(self, *, base_url: str, key: Key, chat: bool, connections: int, on_sent: OnSent) -> None:
        import openai

        async def trace(request: Any) -> None:
            request.extensions["trace"] = _tracer(on_sent)

        limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_CONNECTION_S,
        )
        # Silence is judged by the watch, which knows how long answers take here; only connecting has a clock.
        timeout = openai.Timeout(None, connect=CONNECT_S)
        self._status_error = openai.APIStatusError
        self._sdk = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key.reveal(),
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAsyncHttpxClient(
                limits=limits, timeout=timeout, event_hooks={"request": [trace]}
            ),
        )
        self._chat = chat

    async def close(self) -> None:
        """Close the connections."""
        await self._sdk.close()

    async def exchange(
        self, payload: Mapping[str, Any], flight: Flight, on_headers: Callable[[Mapping[str, str]], None]
    ) -> Reply:
        """Send `payload` and read its answer; `on_headers` is called when the server has taken it.

        Raises Fault, Refused or Rejected (see `faults`).
        """
        # The whole payload goes as extra_body: the SDK would walk through every message to check its type.
        if self._chat:
            create = partial(self._sdk.chat.completions.with_streaming_response.create, messages=[])
        else:
            create = partial(self._sdk.completions.with_streaming_response.create, prompt="")
        try:
            async with create(model=payload["model"], extra_body=dict(payload)) as response:
                flight.headed = True
                flight.touch()
                on_headers(response.headers)
                streamed = "event-stream" in response.headers.get("content-type", "")
                read = self._read_stream if streamed else self._read_whole
                return finish(await read(response, flight, payload))
        except self._status_error as error:
            raise classify(error.status_code, error.body, error.response.headers, payload) from None
        except OSError as error:
            raise of_transport(error) from None
        except Exception as error:
            if type(error).__module__.split(".", 1)[0] in TRANSPORT_PACKAGES:
                raise of_transport(error) from None
            raise

    async def _read_whole(self, response: Any, flight: Flight, payload: Mapping[str, Any]) -> Reply:
        pieces = []
        async for piece in response.iter_bytes():
            flight.touch()
            pieces.append(piece)
        reply = Reply()
        absorb(reply, _parse(b"".join(pieces)), response.headers, payload)
        return reply

    async def _read_stream(self, response: Any, flight: Flight, payload: Mapping[str, Any]) -> Reply:
        reply = Reply()
        lines = _lines(response, flight)
        async for line in lines:
            if not line.startswith(b"data:"):
                continue  # comments that keep the connection alive, event names
            data = line[5:].strip()
            if data == b"[DONE]":
                # A body read to its very end leaves a connection that can be used again.
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(_exhaust(lines), LAST_BYTES_S)
                return reply
            if data:
                absorb(reply, _parse(data), response.headers, payload)
        if reply.finish_reason is None:
            raise Fault("transient", "truncated", "the stream ended in the middle", paid=True)
        return reply


def _tracer(on_sent: OnSent) -> Callable[[str, Any], Awaitable[None]]:
    """What httpx is to call with each step of one request, so that `on_sent` hears of two of them."""
    trip: float | None = None

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        nonlocal trip
        if event.endswith("connect_tcp.complete"):
            trip = _round_trip(info["return_value"].get_extra_info("socket"))
        elif event.endswith("send_request_body.complete"):
            on_sent(trip)

    return trace


def _round_trip(connection: Any) -> float | None:
    """Seconds that the kernel measured when it connected (Linux's tcpi_rtt); None if it does not tell. Our own clock
    would measure how busy this process is."""
    with suppress(AttributeError, OSError, struct.error):
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        (microseconds,) = struct.unpack_from("I", told, TCP_INFO_RTT)
        return float(microseconds) / 1e6 or None
    return None


async def _lines(response: Any, flight: Flight) -> AsyncIterator[bytes]:
    """Lines of a stream of bytes. The SDK's own also split at U+2028 and U+0085, which stand in texts."""
    rest = b""
    async for piece in response.iter_bytes():
        flight.touch()
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
    if rest:
        yield rest


async def _exhaust(lines: AsyncIterator[bytes]) -> None:
    async for _ in lines:
        pass


def _parse(data: bytes) -> Any:
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
    reply.served_model = body.get("model") or reply.served_model
    reply.fingerprint = body.get("system_fingerprint") or reply.fingerprint
    if isinstance(body.get("usage"), Mapping):
        reply.usage = dict(body["usage"])
    choices = body.get("choices")
    if not (isinstance(choices, list) and choices and isinstance(choices[0], Mapping)):
        return
    choice = choices[0]
    message = choice.get("message") or choice.get("delta") or choice
    reply.chosen = True
    reply.text += _joined(message.get("content", message.get("text"))) or _joined(message.get("refusal"))
    reply.reasoning += next((_joined(message[f]) for f in REASONING_FIELDS if message.get(f)), "")
    reply.finish_reason = choice.get("finish_reason") or reply.finish_reason


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
