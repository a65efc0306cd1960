"""Servers of the embedded model on this machine, and runs that ask them: for the tests that need an environment of
their own."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from tests.conftest import read_jsonl

TASK = "gsm8k-cot-zeroshot"
SERVER_START_S = 300  # vLLM's CPU build answers /health after about a minute on two cores


def model_path():
    return subprocess.check_output(
        [sys.executable, "-m", "lm_eval_mathtasks", "model-path"], text=True
    ).strip()


def command_of(place, name, model, model_args, *more):
    """The command that runs a task into a folder of this name."""
    command = [sys.executable, "-m", "lm_eval_mathtasks", "run", "--model", model, "--model_args", model_args]
    command += ["--apply_chat_template", "--output_path", str(place[0] / name)]
    command += ["--gen_kwargs", "max_gen_toks=256", *more]
    return command + (["--device", "cpu", "--batch_size", "20"] if model == "hf" else [])


def run(place, name, model, model_args, *more):
    """Run a task; return (accuracy, all responses by doc)."""
    folder, env = place
    command = command_of(place, name, model, model_args, *more)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (results,) = (folder / name).rglob("results_*.json")
    (samples,) = (folder / name).rglob("samples_*.jsonl")
    accuracy = json.loads(results.read_text())["results"][TASK]["exact_match,none"]
    texts = {row["doc_id"]: [text.strip() for text in row["resps"][0]] for row in read_jsonl(samples)}
    return accuracy, texts


@contextmanager
def started(program, *flags, folder, env):
    """A server, installed beside this Python, on a free port of this machine; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [os.path.join(os.path.dirname(sys.executable), program), *flags]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / f"{program}.log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_healthy(address, process, folder / f"{program}.log")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def vllm_serve(model, name, folder, env, *flags):
    """`vllm serve` in float32; a context of its address."""
    flags += ("--dtype", "float32", "--enforce-eager", "--served-model-name", name)
    flags += ("--kv-cache-memory-bytes", "268435456")
    return started("vllm", "serve", str(model), *flags, folder=folder, env=env)


def wait_until_healthy(address, process, log):
    deadline = time.monotonic() + SERVER_START_S
    path = "/health/liveliness" if "litellm" in log.name else "/health"
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended:\n{log.read_text()[-3000:]}"
        try:
            with urllib.request.urlopen(address + path, timeout=5):
                return
        except OSError:
            time.sleep(1)
    pytest.fail(f"the server was not healthy after {SERVER_START_S} s:\n{log.read_text()[-3000:]}")
