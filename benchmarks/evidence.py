"""Makes what lies under logs/ anew, but for the published model: `python benchmarks/evidence.py hf replay` where
PyTorch is installed, then `... vllm api` where vLLM is. Each run is packed with its command; `--out` names another
folder to compare with.

hf, vllm, api   the embedded model after each stage of its training, on the bundled samples, greedy, in float32: in
                process through transformers, in process through vLLM, and our API model against `vllm serve`
replay          published responses of GPT-3, Abel and Rho on GSM8K and MATH-500, scored by our tasks. They lie in
                $MATHTASKS_SHARED/labelled, the test sets in $MATHTASKS_SHARED/data; packed without text
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.problems.rows import DATA_DIR_VARIABLE
from tests.serving import vllm_serve

TASKS = "sample-gsm8k,sample-math"
VLLM = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB; without it vLLM wants nearly all memory of the node
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
# Abel's file holds prompts, not questions.
PROMPT_FRAME = ("Question:\n", "\nAnswer:\nLet's think step by step.\n")
# file of responses -> (dataset in it, task, models)
REPLAYED = {
    "gpt3_gsm8k": (
        "gsm8k",
        "gsm8k-cot-zeroshot",
        [f"gpt3-{size}_{how}" for size in ("6b", "175b") for how in ("finetuning", "verification")],
    ),
    "abel_gsm8k": ("gsm8k", "gsm8k-cot-zeroshot", ["abel-7b", "abel-13b", "abel-70b"]),
    "rho_gsm8k": ("gsm8k", "gsm8k-cot-zeroshot", ["rho-math-1b-v0.1", "rho-math-7b-v0.1"]),
    "rho_math500": ("math500", "math500", ["rho-math-7b-v0.1", "rho-math-1b-interpreter-v0.1"]),
}


def mathtasks(*words, **environment):
    command = [sys.executable, "-m", "lm_eval_mathtasks", *words]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def run_and_pack(place, out, words, shown, pack=(), **environment):
    """Run in an empty folder of logs; `shown` is the command as a reader would type it."""
    shutil.rmtree(place, ignore_errors=True)
    mathtasks("run", *words, "--output_path", str(place), **environment)
    print(
        mathtasks("evidence", "pack", str(place), "--out", str(out), "--command", shown, *pack),
        end="",
        flush=True,
    )


def local(backend, stage, work, out, arguments, more=()):
    words = ["--tasks", TASKS, "--apply_chat_template", *more]
    shown = f"mathtasks run --model {backend} --model_args pretrained=$(mathtasks model-path {stage}),{arguments} "
    words = ["--model", backend, "--model_args", f"pretrained={embedded.path(stage)},{arguments}", *words]
    run_and_pack(work / f"{backend}-{stage}", out, words, shown + shlex.join(words[4:]), **VLLM)


def hf(work, out):
    for stage in embedded.STAGES:
        local("hf", stage, work, out, "dtype=float32", ("--device", "cpu", "--batch_size", "25"))


def vllm(work, out):
    for stage in embedded.STAGES:
        local("vllm", stage, work, out, "dtype=float32,enforce_eager=True,kv_cache_memory_bytes=268435456")


def api(work, out):
    work.mkdir(parents=True, exist_ok=True)
    for stage in embedded.STAGES:
        with vllm_serve(embedded.path(stage), f"embedded:{stage}", work, {**os.environ, **VLLM}) as address:
            journal = work / f"api-{stage}.sqlite"
            journal.unlink(missing_ok=True)
            arguments = f"model=embedded:{stage},base_url={address}/v1,journal={journal}"
            words = ["--model", "mathtasks-chat", "--model_args", arguments, "--tasks", TASKS]
            words += ["--apply_chat_template"]
            serve = f"vllm serve $(mathtasks model-path {stage}) --dtype float32 --served-model-name embedded:{stage}"
            shown = f"{serve} & " + shlex.join(["mathtasks", "run", *words]).replace(
                address, "http://127.0.0.1:8000"
            )
            weights = ["--weights", str(embedded.path(stage))]
            run_and_pack(work / f"api-{stage}", out, words, shown, weights)


def replay(work, out):
    shared = Path(os.environ.get("MATHTASKS_SHARED", "../shared"))
    if not (shared / "labelled").is_dir():
        sys.exit(f"no published responses at {shared}/labelled: set MATHTASKS_SHARED to their folder")
    for file, (dataset, task, models) in REPLAYED.items():
        with (shared / "labelled" / f"responses_{file}.jsonl").open(encoding="utf-8") as lines:
            rows = [row for row in map(json.loads, lines) if row["dataset"] == dataset]
        for model in models:
            path = work / f"{model}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            own = [row for row in rows if row["model"] == model]
            answers = [{"question": question(row["question"]), "response": row["response"]} for row in own]
            path.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
            words = ["--model", "replay", "--model_args", f"path={path},model={model}", "--tasks", task]
            shown = shlex.join(["mathtasks", "run", *words])
            data = {DATA_DIR_VARIABLE: str(shared / "data")}
            run_and_pack(work / f"replay-{model}-{task}", out, words, shown, ["--text", "none"], **data)


def question(text):
    start, end = PROMPT_FRAME
    return text.removeprefix(start).removesuffix(end)


def main():
    paths = {"hf": hf, "vllm": vllm, "api": api, "replay": replay}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", choices=paths)
    parser.add_argument("--out", type=Path, default=Path("logs"))
    parser.add_argument("--work", type=Path, default=Path("out/evidence"), help="logs before they are packed")
    args = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for path in args.paths:
        paths[path](args.work, args.out)


if __name__ == "__main__":
    main()
