"""A server that sends whatever bytes it is told to: what aiohttp would not let a test send."""

import asyncio
import json
import threading

SLOW_S = 0.1


def answer(prompt, **more):
    """An ordinary body, with an id of its own."""
    message = {"index": 0, "finish_reason": "stop", "message": {"content": f"answer to {prompt}"}}
    return {
        "id": f"id of {prompt}",
        "choices": [message],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        **more,
    }


def http(body, status="200 OK", headers=""):
    """A whole response; `headers`: lines, each with its end."""
    body = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode("latin-1") + body


class RawServer:
    """Use as a context manager. `plan(prompt, nth)`: the bytes for the nth request with this prompt, None for an
    ordinary answer; with a False after them the connection is closed. In a list they are sent one by one, slowly."""

    def __init__(self, plan):
        self.plan, self.calls = plan, []

    async def _client(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
                length = next(int(line.split(b":")[1]) for line in head if line.startswith(b"content-length"))
                prompt = json.loads(await reader.readexactly(length))["messages"][-1]["content"]
                self.calls.append(prompt)
                planned = self.plan(prompt, self.calls.count(prompt)) or http(answer(prompt))
                data, stays = planned if isinstance(planned, tuple) else (planned, True)
                for piece in data if isinstance(data, list) else [data]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(SLOW_S if isinstance(data, list) else 0)
                if not stays:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def __enter__(self):
        started = threading.Event()

        async def main():
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            server = await asyncio.start_server(self._client, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            started.set()
            await self._end.wait()
            server.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
