"""What it takes to find all answers in a journal: memory and seconds of a resumed run, beside those of reading them.

    python benchmarks/resume.py [--rows 50000]

Two processes, one after the other: a run that finds every answer in its journal, and one that reads the same rows with
sqlite3 alone. Prints the journal's bytes a row over those of its prompt and response, and the run's peak memory and
time over the reader's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

URL = "http://127.0.0.1:9/v1"  # nobody is asked
PROMPT, RESPONSE = 1000, 2000  # characters


@dataclass
class Request:
    """As much of an lm-eval Instance as a model reads."""

    args: tuple
    task_name: str = "bench"
    doc_id: int = 0
    doc: dict = field(default_factory=dict)


def model_and_requests(rows, journal):
    from lm_eval_mathtasks.models.chat_api import MathtasksChat

    model = MathtasksChat(model="m", base_url=URL, journal=str(journal), progress=False)
    settings = {"max_gen_toks": 512, "do_sample": False, "until": []}
    texts = (f"{n} ".ljust(PROMPT, "p") for n in range(rows))
    prompts = (model.apply_chat_template([{"role": "user", "content": text}]) for text in texts)
    return model, [Request((prompt, settings), doc_id=n) for n, prompt in enumerate(prompts)]


def fill(rows, journal):
    from lm_eval_mathtasks.journal.schema import Answer
    from lm_eval_mathtasks.journal.store import Journal
    from lm_eval_mathtasks.models.payload import prompt_text

    model, requests = model_and_requests(rows, journal)
    kept = Journal(journal)
    for ask in model.builder.plan(requests):
        said = f"{ask.doc_id} ".ljust(RESPONSE, "r")
        usage = {"prompt_tokens": PROMPT // 4, "completion_tokens": RESPONSE // 4}
        done = kept.put(
            Answer(ask.key, URL, "m", ask.payload, prompt_text(ask.payload), said, None, "stop", usage)
        )
    done.result()
    kept.close()


def resumed(rows, journal):
    model, requests = model_and_requests(rows, journal)
    began = time.perf_counter()
    assert len(model.generate_until(requests)) == rows
    return time.perf_counter() - began


def plainly(rows, journal):
    import sqlite3

    began = time.perf_counter()
    read = sqlite3.connect(journal).execute("SELECT key, prompt, response FROM answers").fetchall()
    assert len(read) == rows
    return time.perf_counter() - began


def measured(what, rows, journal):
    """(seconds, peak bytes) of a process of its own."""
    command = [sys.executable, __file__, "--rows", str(rows), "--journal", str(journal), "--what", what]
    done = subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "OPENAI_API_KEY": "none"}
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--journal")
    parser.add_argument("--what", choices=("fill", "resumed", "plainly"))
    args = parser.parse_args()
    if args.what:
        seconds = globals()[args.what](args.rows, args.journal)
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
        return
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "j.sqlite"
        measured("fill", args.rows, journal)
        size = journal.stat().st_size / args.rows
        (seconds, peak), (least_s, least) = (
            measured(what, args.rows, journal) for what in ("resumed", "plainly")
        )
    print(f"journal: {size:.0f} bytes a row, {size / (PROMPT + RESPONSE):.2f} of its prompt and response")
    memory = f"{peak / 1e6:.0f} MB, {peak / least:.2f} of reading"
    print(f"resume of {args.rows}: {memory}; {seconds:.1f} s, {seconds / least_s:.1f} of reading")


if __name__ == "__main__":
    main()
