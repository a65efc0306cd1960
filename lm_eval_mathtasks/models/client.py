"""One exchange with an OpenAI-compatible server through the openai SDK, read as it arrives.

The SDK's own retries are off: the dispatcher and tenacity decide. The body is read here, not by the SDK, because
a gateway's HTTP 200 may hold an error, a stream may end in the middle, and reasoning has three names.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from lm_eval_mathtasks.keys import Key
from lm_eval_mathtasks.models.faults import Fault, classify, of_transport
from lm_eval_mathtasks.models.reply import Reply, absorb, finish, parse, reading

CONNECT_S = 30.0  # a busy event loop makes a five-second limit fail thousands of connections
IDLE_CONNECTION_S = 30.0  # kept open between requests; gateways close theirs after a minute
LAST_BYTES_S = 1.0  # between the end of an answer and the end of its body
TCP_INFO_BYTES, TCP_INFO_RTT = (
    104,
    68,
)  # of Linux's struct tcp_info, and where its tcpi_rtt (microseconds) stands
TRANSPORT_PACKAGES = {"openai", "httpx", "httpx2", "httpcore", "httpcore2", "h11", "h2", "anyio", "ssl"}

OnSent = Callable[[float | None], None]


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
                streamed = "event-stream" in response.headers.get("content-type", "")
                read = self._read_stream if streamed else self._read_whole
                with reading():
                    on_headers(response.headers)
                reply = await read(response, flight, payload)
                with reading():
                    return finish(reply)
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
        with reading():
            absorb(reply, parse(b"".join(pieces)), response.headers, payload)
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
                with reading():
                    absorb(reply, parse(data), response.headers, payload)
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
