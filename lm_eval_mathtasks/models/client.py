"""One exchange with an OpenAI-compatible server, read as it arrives, through the HTTP client of the openai SDK.

The SDK says which headers go with it; to have it make each request and its answer would cost more than sending it. The
dispatcher and tenacity decide when to ask again. The body is read here, because a gateway's HTTP 200 may hold an error,
a stream may end in the middle, and reasoning has three names.
"""

import asyncio
import json
import math
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.keys import Key
from lm_eval_mathtasks.models.bodies import ACCEPTED, Unpacker
from lm_eval_mathtasks.models.faults import READ_CHARS, Fault, classify, of_transport
from lm_eval_mathtasks.models.reply import Parser, Reply, understanding

CONNECT_S = 30.0  # a busy event loop makes a five-second limit fail thousands of connections
IDLE_CONNECTION_S = 30.0  # kept open between requests; gateways close theirs after a minute
# Connections of a pool, which looks at each that it has with every request; the square root of all, if that is more.
POOL = 8
LIFE_CHARS = 16  # of an answer, which four tokens are; a slow server writes them in a few seconds
REDIRECTS = 5  # one after the other
RESPONSE = "mathtasks_response"  # the name under which it is noted with its request
KEPT_IDS = 1000  # of the last answers
# Answers, before their ids are believed to be their own, and the share of them that must be.
FEW_IDS, OWN_IDS = 4, 0.8
LAST_BYTES_S = 1.0  # between the end of an answer and the end of its body
ONLY_CHUNK_S = 5.0  # the same, where its first chunk says that it is the last: some servers say so with each
# Bytes of Linux's struct tcp_info, and where its tcpi_rtt (microseconds) stands.
TCP_INFO_BYTES, TCP_INFO_RTT = 104, 68
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
    size: int = 0

    def progress(self, size: int) -> None:
        """The answer has grown to `size` characters. A few do not count: a server may send a byte now and then."""
        if size >= self.size + LIFE_CHARS:
            self.size = size
            self.touch()

    def touch(self) -> None:
        """A sign of life."""
        now = time.monotonic()
        self.longest_gap, self.seen = max(self.longest_gap, now - self.seen), now


class Client:
    """Sends payloads to `base_url`. `connections`: how many there may be at once; nobody waits for one. `on_sent`:
    called when a request is on the wire, with the seconds of a round trip if it made a connection for it, else None."""

    def __init__(self, *, base_url: str, key: Key, chat: bool, connections: int, on_sent: OnSent) -> None:
        import openai

        size = max(POOL, math.isqrt(connections))
        limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
            max_connections=size, max_keepalive_connections=size, keepalive_expiry=IDLE_CONNECTION_S
        )
        # Silence is judged by the watch, which knows how long answers take here; only connecting has a clock.
        timeout = openai.Timeout(None, connect=CONNECT_S)
        url = urlsplit(base_url)
        version = dict(parse_qsl(url.query))
        with _told_proxy():
            sdk = openai.AsyncOpenAI(
                base_url=url._replace(query="").geturl(),
                api_key=key.reveal(),
                # Azure asks for the version of its interface in every URL, and for the key under a name of its own.
                default_headers={"api-key": key.reveal()} if version else None,
                max_retries=0,
            )
            told = {**sdk.auth_headers, **sdk.default_headers}
            headers = {name: value for name, value in told.items() if isinstance(value, str)}
            headers["accept-encoding"] = ACCEPTED
            self._pools = [
                openai.DefaultAsyncHttpxClient(
                    limits=limits, timeout=timeout, params=version, headers=headers
                )
                for _ in range(-(-connections // size))
            ]
        self._size, self._used = size, [0] * len(self._pools)
        self._url = f"{str(sdk.base_url).rstrip('/')}/{'chat/' if chat else ''}completions"
        self._on_sent = on_sent
        self._answers = 0
        self._ids: dict[str, None] = {}  # of the last answers

    async def close(self) -> None:
        """Close the connections."""
        for pool in self._pools:
            await pool.aclose()

    async def exchange(
        self, payload: Mapping[str, Any], flight: Flight, on_headers: Callable[[Mapping[str, str]], None]
    ) -> Reply:
        """Send `payload` and read its answer; `on_headers` is called when the server has taken it.

        Raises Fault, Refused or Rejected (see `faults`).
        """
        known: dict[str, Any] = {}
        known["trace"] = _tracer(self._on_sent, known)
        # The first that has room: where few are under way, few connections are kept.
        roomy = (i for i, n in enumerate(self._used) if n < self._size)
        at = next(roomy, self._used.index(min(self._used)))
        self._used[at] += 1
        try:
            url = self._url
            for _ in range(REDIRECTS):
                async with self._pools[at].stream(
                    "POST",
                    url,
                    content=json.dumps(payload).encode(),
                    extensions=known,
                    follow_redirects=False,
                ) as response:
                    flight.headed = True
                    flight.touch()
                    if response.has_redirect_location:
                        url = _elsewhere(response)
                        continue
                    known[RESPONSE] = response
                    if not response.is_success:
                        raise classify(response.status_code, await _said(response), response.headers, payload)
                    with understanding():
                        on_headers(response.headers)
                    reply = await _read(response, flight, payload)
                self._require_new(reply)
                return reply
            raise Fault("run", "redirect", "a loop of redirects", "correct base_url=")
        except Exception as error:
            if _of_the_connection(error):
                raise of_transport(error) from None
            raise
        finally:
            self._used[at] -= 1

    def _require_new(self, reply: Reply) -> None:
        """Raise Fault for an answer that came before: a server or proxy sent it twice, to this request the second time.
        Servers that give their answers no names of their own tell nothing by one that comes again."""
        if not reply.ids:
            return
        name = reply.ids[0]
        self._answers += 1
        again = name in self._ids
        self._ids[name] = None
        if again and self._answers >= FEW_IDS and len(self._ids) > OWN_IDS * min(self._answers, KEPT_IDS):
            said = f"an answer to another request, which came before (id {name})"
            raise Fault("transient", "malformed", said, paid=True)
        if len(self._ids) > KEPT_IDS:
            del self._ids[next(iter(self._ids))]


@contextmanager
def _told_proxy() -> Iterator[None]:
    """A client is made here, which reads the proxies of the environment. Raises ModelError for one that it cannot use:
    the text of its own error may hold a password."""
    try:
        yield
    except (ImportError, ValueError) as error:
        wanted = "a proxy of the environment that the HTTP client can use (http://host:port)"
        fix = "pip install socksio, if it is one of SOCKS; else correct HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        raise ModelError(wanted, type(error).__name__, fix) from None


def _elsewhere(response: Any) -> str:
    """Where a redirect leads. Raises Fault for another server: the key and the prompts are for this one alone."""
    here = response.url
    there = here.join(response.headers["location"])
    if (there.scheme, there.host, there.port) not in (
        (here.scheme, here.host, here.port),
        ("https", here.host, None),
    ):
        said = f"HTTP {response.status_code} to another server, {there}"
        raise Fault("run", "redirect", said, "name it with base_url=, if it is the one you mean")
    return str(there)


def _end_if_unread(response: Any) -> None:
    """Let a connection end on which more has come than the answer: it would be taken for the next one's answer.

    httpcore keeps such bytes and does not show them, so this looks into it, and does nothing where there is nothing to
    see. It is to be called before the connection is given back: then others take it.
    """
    connection = response.stream
    for name in ("_stream", "_httpcore_stream", "_stream", "_connection"):
        connection = getattr(connection, name, None)
    state = getattr(connection, "_h11_state", None)
    if state is not None and state.trailing_data[0]:
        state.send_failed()


def _of_the_connection(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".", 1)[0] in TRANSPORT_PACKAGES


def _tracer(on_sent: OnSent, known: dict[str, Any]) -> Callable[[str, Any], Awaitable[None]]:
    """What httpx is to call with each step of one request, so that `on_sent` hears of two of them; `known`: what is
    noted with the request."""
    trip: float | None = None

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        nonlocal trip
        if event.endswith("connect_tcp.complete"):
            trip = _round_trip(info["return_value"].get_extra_info("socket"))
        elif event.endswith("send_request_body.complete"):
            on_sent(trip)
        elif event.endswith("response_closed.started") and RESPONSE in known:
            _end_if_unread(known.pop(RESPONSE))

    return trace


def _round_trip(connection: Any) -> float | None:
    """Seconds that the kernel measured when it connected (Linux's tcpi_rtt); None if it does not tell. Our own clock
    would measure how busy this process is."""
    with suppress(AttributeError, OSError, struct.error):
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        (microseconds,) = struct.unpack_from("I", told, TCP_INFO_RTT)
        return float(microseconds) / 1e6 or None
    return None


async def _said(response: Any) -> Any:
    """The body of an error, as JSON if it is: its beginning, however long it is."""
    unpacker, data = Unpacker(response.headers, READ_CHARS), b""
    with understanding():
        async for piece in response.aiter_raw():
            data += unpacker.feed(piece)
            if len(data) > READ_CHARS:
                break
        data += unpacker.feed(b"", last=True)
    with suppress(ValueError, RecursionError):
        return json.loads(data)
    return data.decode()


async def _read(response: Any, flight: Flight, payload: Mapping[str, Any]) -> Reply:
    """The answer, as soon as it is whole: what a server does with the connection afterwards is no part of it."""
    parser = Parser(response.headers, payload)
    pieces = response.aiter_raw().__aiter__()
    whole_at: float | None = None
    with suppress(StopAsyncIteration):
        while True:
            coming = anext(pieces)
            if parser.whole:
                # The usage comes after the last piece of text, and a body read to its very end leaves a connection
                # that can be used again.
                whole_at = whole_at or time.monotonic()
                left = whole_at + (LAST_BYTES_S if parser.sure else ONLY_CHUNK_S) - time.monotonic()
                try:
                    piece = await asyncio.wait_for(coming, max(0.0, left))
                except Exception as error:
                    # However the connection ends: the answer is whole.
                    if isinstance(error, asyncio.TimeoutError) or _of_the_connection(error):
                        break
                    raise
            else:
                whole_at, piece = None, await coming
            parser.feed(piece)
            flight.progress(parser.progress)
    flight.touch()
    return parser.end()
