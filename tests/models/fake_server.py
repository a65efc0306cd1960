"""A small OpenAI-compatible server with every fault, in a thread of the test's own process.

`FakeServer(plan)` asks `plan(call)` what to do with each request: return None for an ordinary answer, a dict of
overrides for it, or an aiohttp response (an error). `call` is a `Call`; its `nth` counts requests with the same
prompt. Nothing here knows the client under test.
"""

import asyncio
import json
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Call:
    """One request as the server saw it."""

    body: dict
    headers: dict
    prompt: str
    nth: int  # 1 for the first request with this prompt
    serial: int  # 1 for the first request of all
    in_flight: int  # with this one
    query: str = ""
    at: float = field(default_factory=time.monotonic)


def error(status, message="no", code=None, type_="invalid_request_error", param=None, headers=None):
    body = {"error": {"message": message, "type": type_, "code": code, "param": param}}
    return web.json_response(body, status=status, headers=headers)


def gemini(
    *ids,
    wait=None,
    value="15",
    message="You exceeded your current quota, please check your plan and billing details.",
):
    """A 429 as Google's OpenAI-compatible endpoint sends it, in a list."""
    violations = [{"quotaId": name, "quotaValue": value} for name in ids]
    details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}]
    if wait:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": wait})
    return [{"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}]


def raw(text, status=200, content_type="application/json"):
    return web.Response(text=text, status=status, content_type=content_type)


@dataclass
class Endless:
    """An answer that sends `first` and then `more` every `every` seconds (never, where it is empty), without an end;
    `reset`: the connection is torn down instead, after `first`."""

    first: bytes = b""
    more: bytes = b""
    every: float = 0.05
    content_type: str = "text/event-stream"
    reset: bool = False

    async def send(self, request):
        response = web.StreamResponse(headers={"content-type": self.content_type})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            if self.first:
                await response.write(self.first)
            if self.reset:
                sock = request.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                request.transport.abort()
                return response
            while request.transport and not request.transport.is_closing():
                if self.more:
                    await response.write(self.more)
                await asyncio.sleep(self.every)
        except (ConnectionError, OSError):
            pass
        return response


def event(**choice):
    """One chunk of a stream."""
    body = {"id": "x", "choices": [{"index": 0, "finish_reason": None, **choice}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


class FakeServer:
    """Use as a context manager; `url` is the base URL, `calls` all requests in order."""

    def __init__(self, plan=None, latency=0.0, streams=True, headers=None):
        self.plan = plan or (lambda call: None)
        self.latency, self.streams, self.headers = latency, streams, headers or {}
        self.calls, self.answered, self.max_in_flight = [], Counter(), 0
        self._counts, self._in_flight = Counter(), 0

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _serve(self, started):
        async def main():
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            app = web.Application(client_max_size=2**26)
            app.router.add_post("/v1/chat/completions", self._handle)
            app.router.add_post("/v1/completions", self._handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
            await site.start()
            self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
            started.set()
            await self._end.wait()
            await runner.cleanup()

        asyncio.run(main())

    async def _handle(self, request):
        body = await request.json()
        chat = request.path.endswith("chat/completions")
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        self._counts[prompt] += 1
        self._in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self._in_flight)
        call = Call(
            body, dict(request.headers), prompt, self._counts[prompt], len(self.calls) + 1, self._in_flight,
            request.query_string,
        )  # fmt: skip
        self.calls.append(call)
        try:
            decision = self.plan(call)
            if asyncio.iscoroutine(decision):
                decision = await decision
            if decision in ("hang", "reset", "half"):
                return await self._break(request, decision)
            if isinstance(decision, Endless):
                return await decision.send(request)
            if isinstance(decision, web.StreamResponse):
                return decision
            await asyncio.sleep(self.latency)
            return await self._answer(request, body, chat, call, decision or {})
        finally:
            self._in_flight -= 1

    async def _break(self, request, how):
        if how == "hang":
            while request.transport and not request.transport.is_closing():
                await asyncio.sleep(0.05)
            return web.Response(status=500)
        if how == "half":
            return raw('{"id": "x", "choices": [{"index": 0, "mess')
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
        return web.Response(status=500)

    async def _answer(self, request, body, chat, call, change):
        """`change`: text, reasoning, finish_reason, usage, headers, whole (the body itself), cut_stream."""
        text = change.get("text", f"answer to {call.prompt}")
        finish = change.get("finish_reason", "stop")
        usage = change.get("usage", {"prompt_tokens": len(call.prompt), "completion_tokens": 5})
        headers = {**self.headers, **change.get("headers", {})}
        base = {"id": "x", "model": body["model"] + "-served", "system_fingerprint": "fp", "created": 0}
        if "whole" in change:
            return web.json_response(change["whole"], headers=headers)
        extra = {"reasoning_content": change["reasoning"]} if "reasoning" in change else {}
        self.answered[call.prompt] += 1
        if not (body.get("stream") and self.streams):
            content = {"message": {"role": "assistant", "content": text, **extra}} if chat else {"text": text}
            choices = [{"index": 0, "finish_reason": finish, **content}]
            return web.json_response({**base, "choices": choices, "usage": usage}, headers=headers)
        response = web.StreamResponse(headers={**headers, "content-type": "text/event-stream"})
        await response.prepare(request)
        pieces = [text[:3], text[3:]] if text else [text]
        for piece in pieces:
            delta = {"delta": {"content": piece, **extra}} if chat else {"text": piece}
            extra = {}
            await self._event(response, {**base, "choices": [{"index": 0, "finish_reason": None, **delta}]})
        if change.get("cut_stream"):
            request.transport.close()
            return response
        end = {"delta": {}} if chat else {"text": ""}
        await self._event(response, {**base, "choices": [{"index": 0, "finish_reason": finish, **end}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            await self._event(response, {**base, "choices": [], "usage": usage})
        await response.write(b": a comment\n\ndata: [DONE]\n\n")
        await response.write_eof()
        return response

    @staticmethod
    async def _event(response, body):
        await response.write(
            b"data: " + json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n\n"
        )


class Limiter:
    """Continuously refilled requests bucket for a plan: `limit(call)` is None or a 429."""

    def __init__(self, per_minute, burst_s=60.0, headers="full", sentence=True):
        self.limit, self.rate = per_minute, per_minute / 60
        self.capacity = max(1.0, self.rate * burst_s)
        self.level, self.at = self.capacity, time.monotonic()
        self.headers_kind, self.sentence, self.refused = headers, sentence, 0

    def _refill(self):
        now = time.monotonic()
        self.level, self.at = min(self.capacity, self.level + (now - self.at) * self.rate), now

    def headers(self):
        if self.headers_kind != "full":
            return {}
        reset = (self.capacity - self.level) / self.rate
        return {
            "x-ratelimit-limit-requests": str(int(self.limit)),
            "x-ratelimit-remaining-requests": str(int(self.level)),
            "x-ratelimit-reset-requests": f"{int(reset * 1000)}ms",
        }

    def __call__(self, call):
        self._refill()
        if self.level >= 1:
            self.level -= 1
            return {"headers": self.headers()}
        self.refused += 1
        wait = (1 - self.level) / self.rate
        said = f"Rate limit reached for m on requests per min (RPM): Limit {int(self.limit)}, Used 1, Requested 1. "
        said = (
            said + f"Please try again in {int(wait * 1000) + 1}ms." if self.sentence else "Too many requests."
        )
        headers = (
            {**self.headers(), "retry-after-ms": str(int(wait * 1000) + 1)}
            if self.headers_kind == "full"
            else {}
        )
        return error(429, said, "rate_limit_exceeded" if self.sentence else None, "requests", headers=headers)
