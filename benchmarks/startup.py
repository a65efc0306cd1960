"""How long until something happens: our commands against plain lm-eval's, each a whole process, in turn.

    python benchmarks/startup.py [--rounds 3]

Prints medians of seconds and, of each round, the ratio to lm-eval's command of the same kind: other work on the machine
slows both down. lm-eval parses all its 14,000 task files before it looks at ours; `mathtasks run` does so only if one
of them is asked for. lm-eval has no dry run: its run of two docs on the embedded model stands beside ours.
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

SAMPLE = ["--tasks", "sample-gsm8k", "--limit", "2"]
HF = [
    "run",
    "--model",
    "hf",
    "--model_args",
    f"pretrained={path('grpo')},dtype=float32",
    "--device",
    "cpu",
    *SAMPLE,
]
API = [
    "run",
    "--model",
    "mathtasks-chat",
    "--model_args",
    "model=gpt-4o-mini",
    "--apply_chat_template",
    *SAMPLE,
]
OURS = {
    "mathtasks --help": ["--help"],
    "mathtasks tasks": ["tasks"],
    "mathtasks run --dry-run": [*API, "--dry-run"],
    "mathtasks run": HF,
}
THEIRS = {
    "lm_eval --help": ["--help"],
    "lm_eval ls tasks": ["ls", "tasks"],
    "lm_eval run": [*HF, "--include_path", str(data_folder("tasks"))],
}
BESIDE = dict(zip(OURS, ["lm_eval --help", "lm_eval ls tasks", "lm_eval run", "lm_eval run"], strict=True))


def seconds(module, words):
    with tempfile.TemporaryDirectory() as folder:
        out = ["--output_path", folder] if words[0] == "run" and "--dry-run" not in words else []
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", module, *words, *out],
            check=True, capture_output=True, cwd=folder, env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turn (default 3)")
    rounds = parser.parse_args().rounds
    seconds("lm_eval_mathtasks", HF)  # all find a warm file cache
    took = [
        {name: seconds("lm_eval_mathtasks", words) for name, words in OURS.items()}
        | {name: seconds("lm_eval", words) for name, words in THEIRS.items()}
        for _ in range(rounds)
    ]
    for name, other in BESIDE.items():
        ours, theirs = (statistics.median(one[key] for one in took) for key in (name, other))
        ratio = statistics.median(one[other] / one[name] for one in took)
        print(f"{name:24} {ours:6.2f} s   {other:17} {theirs:6.2f} s   ratio {ratio:5.1f}")


if __name__ == "__main__":
    main()
