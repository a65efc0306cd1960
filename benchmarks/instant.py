"""Requests a second of one processor, from a server that answers at once: what a client itself costs.

    python benchmarks/instant.py [--n 3000]

Our model (with its journal), the openai SDK alone and aiohttp alone, each in a process of its own, one after the
other: as many rounds of all of them as wanted, because other work slows all alike. Prints a Markdown table.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resume import RESPONSE, Request, text_of

CONCURRENCY = 64
PEERS = ("mathtasks", "sdk", "aiohttp")
PROMPT = 200  # characters


def reply(number):
    message = {"role": "assistant", "content": text_of(number % 100, RESPONSE), "refusal": None}
    usage = {"prompt_tokens": 50, "completion_tokens": 500, "total_tokens": 550}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
    }
    data = json.dumps({**body, "usage": usage}).encode()
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data) + data
    )


async def serve():
    """Answers whatever comes; prints its port."""
    number = 0

    async def client(reader, writer):
        nonlocal number
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
                number += 1
                writer.write(reply(number))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def mathtasks(url, n):
    from lm_eval_mathtasks.models.chat_api import MathtasksChat

    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "j.sqlite")
        model = MathtasksChat(
            model="m", base_url=url, journal=journal, progress=False, num_concurrent=CONCURRENCY
        )
        settings = {"max_gen_toks": 512, "do_sample": False, "until": []}
        prompts = (
            model.apply_chat_template([{"role": "user", "content": text_of(i, PROMPT)}]) for i in range(n)
        )
        asked = [Request((prompt, settings), doc_id=i) for i, prompt in enumerate(prompts)]
        return timed(lambda: len(model.generate_until(asked)), n)


def at_once(one, n):
    """Run `one(i)` for all, so many at a time."""

    async def worker(numbers):
        return [await one(i) for i in numbers]

    async def main():
        numbers = iter(range(n))
        return sum(map(len, await asyncio.gather(*(worker(numbers) for _ in range(CONCURRENCY)))))

    return main()


def sdk(url, n):
    import openai

    async def main():
        client = openai.AsyncOpenAI(base_url=url, max_retries=10)

        async def one(i):
            made = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": text_of(i, PROMPT)}], max_tokens=512,
                temperature=0, seed=1234,
            )  # fmt: skip
            return made.choices[0].message.content

        return await at_once(one, n)

    return timed(lambda: asyncio.run(main()), n)


def aiohttp(url, n):
    import aiohttp

    async def main():
        async with aiohttp.ClientSession() as session:

            async def one(i):
                asked = {"model": "m", "messages": [{"role": "user", "content": text_of(i, PROMPT)}]}
                async with session.post(f"{url}/chat/completions", json=asked) as response:
                    return (await response.json())["choices"][0]["message"]["content"]

            return await at_once(one, n)

    return timed(lambda: asyncio.run(main()), n)


def timed(ask, n):
    """Requests a second of processor time, with what is imported once imported before."""
    import openai.resources.chat  # noqa: F401

    used = time.process_time()
    assert ask() == n
    return n / (time.process_time() - used)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--what", choices=(*PEERS, "serve"))
    parser.add_argument("--url")
    o = parser.parse_args()
    if o.what == "serve":
        return asyncio.run(serve())
    if o.what:
        return print(globals()[o.what](o.url, o.n))
    command = [sys.executable, __file__, "--n", str(o.n), "--what"]
    environment = {**os.environ, "OPENAI_API_KEY": "none", "PYTHONPATH": str(Path(__file__).parents[1])}
    server = subprocess.Popen([*command, "serve"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        found = {peer: [] for peer in o.peers}
        for peer in o.peers * o.rounds:
            done = subprocess.run(
                [*command, peer, "--url", url], env=environment, check=True, capture_output=True, text=True
            )
            found[peer].append(float(done.stdout.split()[-1]))
    finally:
        server.terminate()
    print("| client | requests a second of one processor | beside the SDK |\n|---|---|---|")
    least = statistics.median(found.get("sdk", [float("nan")]))
    for peer, rates in found.items():
        rate = statistics.median(rates)
        print(f"| {peer} | {rate:.0f} ({min(rates):.0f} to {max(rates):.0f}) | {rate / least:.2f} |")
    return None


if __name__ == "__main__":
    main()
