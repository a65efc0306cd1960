"""How long until the first prompt: `mathtasks run` against `lm_eval --include_path`, the same task and model.

    python benchmarks/startup.py [--pairs 3]

Prints seconds of whole processes (two docs on the embedded model) and their ratio, run in turn on the same machine.
lm-eval reads all its task files before it looks at ours; `mathtasks run` reads them only if one of them is asked for.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from lm_eval_mathtasks.embedded import path
from lm_eval_mathtasks.package import data_folder

COMMON = ["--model", "hf", "--model_args", f"pretrained={path('grpo')},dtype=float32", "--device", "cpu"]
COMMON += ["--tasks", "sample-gsm8k", "--limit", "2"]


def seconds(module, *more):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", module, "run", *COMMON, *more, "--output_path", folder]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="runs of each, in turn (default 3)")
    pairs = parser.parse_args().pairs
    seconds("lm_eval_mathtasks")  # both sides find a warm file cache
    rows = [
        (seconds("lm_eval_mathtasks"), seconds("lm_eval", "--include_path", str(data_folder("tasks"))))
        for _ in range(pairs)
    ]
    ours, theirs = (statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median(their / our for our, their in rows)
    print(f"mathtasks run {ours:.1f} s, lm_eval {theirs:.1f} s, ratio {ratio:.2f} (medians of {pairs} pairs)")


if __name__ == "__main__":
    main()
