"""A run that is killed while it scores has lost nothing: every response is on disk, and a replay scores them all."""

import json
import os
import signal
import subprocess
import sys
import time

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host.resume import leftovers
from tests.conftest import read_jsonl

# The run in a process of its own: its model answers at once, its scoring stops at the third doc and waits.
RUN = """
import sys, time
from pathlib import Path
from lm_eval.api.registry import model_registry
from lm_eval.api.task import ConfigurableTask
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host.resume import leftovers
from tests.host.scripted import Scripted

class Model(Scripted):
    def __init__(self, **_):
        super().__init__(lambda doc: f"{doc['question'][:20]} \\ud83d \\\\boxed{{7}}")

scored = []
original = ConfigurableTask.process_results

def process_results(self, doc, results):
    scored.append(doc)
    if len(scored) == 3:
        Path("scoring").touch()
        time.sleep(600)
    return original(self, doc, results)

ConfigurableTask.process_results = process_results
model_registry.register("scripted", target=Model)
words = ["--model", "scripted", "--model_args", "model=s", "--tasks", "sample-gsm8k", "--output_path", "out"]
sys.exit(main(["run", *words]))
"""
WAIT_S = 300  # far more than a start takes on a loaded machine


def test_killed_while_scoring(tmp_path, monkeypatch):
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + WAIT_S
    while not (tmp_path / "scoring").exists():
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < deadline, "the run never came to scoring"
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not list((tmp_path / "out").rglob("results_*")), "it was killed before it wrote a result"
    (kept,) = (tmp_path / "out").rglob("responses_*.jsonl")
    rows = read_jsonl(kept)
    assert [row["doc_id"] for row in rows] == list(range(100))
    monkeypatch.chdir(tmp_path)
    said = (
        f"{kept.relative_to(tmp_path)} holds 100 responses of a run that was not finished: with --resume only"
    )
    assert leftovers("out").startswith(said)
    assert leftovers("elsewhere") == ""
    arguments = ["--model", "replay", "--model_args", f"path={kept},model=s", "--tasks", "sample-gsm8k"]
    assert main(["run", *arguments, "--output_path", "again"]) == 0
    (samples,) = (tmp_path / "again").rglob("samples_*.jsonl")
    again = read_jsonl(samples)
    assert len(again) == 100
    wanted = [row["response"].replace("\ud83d", "\ufffd") for row in rows]
    assert [line["resps"][0][0] for line in again] == wanted
    (results,) = (tmp_path / "again").rglob("results_*.json")
    right = sum(line["target"] == "7" for line in again) / 100
    assert json.loads(results.read_text())["results"]["sample-gsm8k"]["exact_match,none"] == right
