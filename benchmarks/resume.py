"""What a large journal takes: bytes of a row, and memory and seconds of a run that goes on with it.

    python benchmarks/resume.py [--rows 50000] [--prompt 200] [--run]

Processes of their own, one after the other: one that makes the requests and nothing else; a run that finds all answers
but one in its journal, and asks a server on this machine for that; one that reads the same rows with sqlite3 alone;
with --run, one that finds none and asks the server of instant.py for all.
Memory is the peak when the answers have come, and when all are held as texts besides, as lm-eval's `evaluate` holds
them. Ours is the first less that of the process that only makes lm-eval's requests.
Seconds are of the processor, because other work may be going on, but for those before the first request leaves.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

URL = "http://127.0.0.1:{}/v1"
PORT = 8399
RESPONSE = 2000  # characters
ASKED = []  # when
WORDS = """so the sum of two roots is $x=12$ hence we get $\\frac{3}{4}$ and then for each $n$ there are $2n-1$ ways
left that add up to it""".split()  # noqa: SIM905


@dataclass
class Request:
    """As much of an lm-eval Instance as a model reads."""

    args: tuple
    task_name: str = "bench"
    doc_id: int = 0
    doc: dict = field(default_factory=dict)


def text_of(number, characters):
    """Words in an order of its own: as much as they are alike, packing saves."""
    chosen, said = random.Random(number), [f"{number}:"]
    said += chosen.choices(WORDS, k=characters // 4)
    return " ".join(said).ljust(characters)[:characters]


def model_and_requests(rows, journal, prompt, url=None):
    from lm_eval_mathtasks.models.chat_api import MathtasksChat

    model = MathtasksChat(model="m", base_url=url or URL.format(PORT), journal=str(journal), progress=False)
    settings = {"max_gen_toks": 512, "do_sample": False, "until": []}
    texts = (text_of(n, prompt) for n in range(rows))
    prompts = (model.apply_chat_template([{"role": "user", "content": text}]) for text in texts)
    return model, [Request((prompt, settings), doc_id=n) for n, prompt in enumerate(prompts)]


def fill(rows, journal, prompt):
    from lm_eval_mathtasks.journal.schema import Answer
    from lm_eval_mathtasks.journal.store import Journal
    from lm_eval_mathtasks.models.payload import prompt_text

    model, requests = model_and_requests(rows - 1, journal, prompt)
    kept = Journal(journal)
    for ask in model.builder.plan(requests):
        said = text_of(-ask.doc_id, RESPONSE)
        usage = {"prompt_tokens": prompt // 4, "completion_tokens": RESPONSE // 4}
        url, text = model.settings.base_url, prompt_text(ask.payload)
        done = kept.put(Answer(ask.key, url, "m", ask.payload, text, said, None, "stop", usage))
        if ask.doc_id % 1000 == 0:
            done.result()
    done.result()
    kept.note_docs((ask.key, ask.task, ask.doc_id, ask.repeat) for ask in model.builder.plan(requests))
    kept.close()
    return {}


def only_requests(rows, journal, prompt):
    model_and_requests(rows, journal, prompt)
    return {}


class Answering(BaseHTTPRequestHandler):
    """Answers anything."""

    def do_POST(self):
        ASKED.append(time.perf_counter())
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"content": "4"}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def resumed(rows, journal, prompt):
    server = HTTPServer(("127.0.0.1", PORT), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return asked(rows, journal, prompt)


def ran(rows, journal, prompt):
    command = [sys.executable, Path(__file__).with_name("instant.py"), "--what", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        return asked(rows, f"{journal}-run", prompt, f"http://127.0.0.1:{int(server.stdout.readline())}/v1")
    finally:
        server.terminate()


def asked(rows, journal, prompt, url=None):
    """What it takes to have all answers, and then to hold them."""
    model, requests = model_and_requests(rows, journal, prompt, url)
    began, used = time.perf_counter(), time.process_time()
    answers = model.generate_until(requests)
    assert len(answers) == rows
    taken = {
        "cpu_s": time.process_time() - used,
        "first_s": ASKED[0] - began if ASKED else 0.0,
        "alone_mb": peak_mb(),
    }
    held = list(answers)
    return {**taken, "answers_mb": (sys.getsizeof(held) + sum(map(sys.getsizeof, held))) / 1e6}


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def plainly(rows, journal, _):
    import sqlite3

    used = time.process_time()
    read = sqlite3.connect(journal).execute("SELECT key, response FROM answers").fetchall()
    assert len(read) >= rows - 1
    return {"cpu_s": time.process_time() - used}


def measured(what, o, journal):
    """What a process of its own measured, and its peak memory."""
    command = [sys.executable, __file__, "--rows", str(o.rows), "--prompt", str(o.prompt)]
    command += ["--journal", str(journal), "--what", what]
    environment = {**os.environ, "OPENAI_API_KEY": "none", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--prompt", type=int, default=200, help="characters of a prompt (default 200)")
    parser.add_argument(
        "--run", action="store_true", help="measure a run of all as well, which takes minutes"
    )
    parser.add_argument("--journal")
    parser.add_argument("--what", choices=("fill", "only_requests", "resumed", "ran", "plainly"))
    o = parser.parse_args()
    if o.what:
        told = globals()[o.what](o.rows, o.journal, o.prompt)
        print(json.dumps({**told, "mb": peak_mb()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "j.sqlite"
        filled = measured("fill", o, journal)
        size = journal.stat().st_size / o.rows
        made, resume, read = (measured(what, o, journal) for what in ("only_requests", "resumed", "plainly"))
        runs = {"resume": resume, **({"run": measured("ran", o, journal)} if o.run else {})}
    print(
        f"journal: {size:.0f} bytes a row of {o.prompt} + {RESPONSE} characters; writing it: {filled['mb']:.0f} MB"
    )
    print(f"resume of {o.rows}: {resume['first_s']:.1f} s before the first request")
    for name, run in runs.items():
        print(
            f"{name}: {run['cpu_s']:.1f} s of a processor; {run['alone_mb']:.0f} MB at its peak, lm-eval's requests "
            f"alone {made['mb']:.0f}, ours {run['alone_mb'] - made['mb']:.0f}; with all answers held "
            f"{run['mb']:.0f}, as texts {run['answers_mb']:.0f}"
        )
    print(
        f"reading the answers with sqlite3 alone: {read['mb']:.0f} MB, {read['cpu_s']:.1f} s of a processor"
    )


if __name__ == "__main__":
    main()
