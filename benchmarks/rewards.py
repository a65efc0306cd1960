"""Rewards: do all faces say the same, how long do hostile batches take, and how fast is TRL's own reward beside ours?

python -m benchmarks.rewards LABELLED: responses_*.jsonl (response, gold, label) and pairs_*.jsonl (pred, gold)
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.grading.extract import MARKED
from lm_eval_mathtasks.grading.judge import judge
from lm_eval_mathtasks.rewards import accuracy, accuracy_async
from lm_eval_mathtasks.rewards.openrlhf import reward_func
from lm_eval_mathtasks.rewards.verl import compute_score
from tests.rewards.test_rewards import HOSTILE_BATCH, HOSTILE_GOLD

SAME_FILE = 512  # responses of one file, for TRL's reward and ours


def main(folder: Path) -> None:
    """Print what was found, a line a question."""
    rows = [
        row for file in sorted(folder.glob("*.jsonl")) for row in map(json.loads, file.open(encoding="utf-8"))
    ]
    texts = [row["response"] if "response" in row else rf"So \boxed{{{row['pred']}}}." for row in rows]
    golds = [row["gold"] for row in rows]
    faces(rows, texts, golds)
    hostile()
    for name in ("rho_math500", "abel_gsm8k"):
        beside_trl(name, [row for row in rows if row["source"] == name and "response" in row][:SAME_FILE])


def faces(rows: list[dict[str, Any]], texts: list[str], golds: list[str]) -> None:
    """All faces on all items; nothing unmarked, cut off or labelled wrong may be rewarded."""
    begun = time.perf_counter()
    values = accuracy(texts, gold=golds)
    print(f"{len(rows)} items: {sum(v == 1 for v in values)} rewarded, {time.perf_counter() - begun:.1f} s")
    plain, asked = [0.0 if value is None else value for value in values], ["What? "] * len(texts)
    said = [[{"role": "assistant", "content": text}] for text in texts]
    theirs = reward_func([a + t for a, t in zip(asked, texts, strict=True)], asked, golds)["rewards"].tolist()
    same = {
        "conversations": accuracy(said, answer=golds) == values,
        "async": asyncio.run(accuracy_async(texts, gold=golds)) == values,
        "verl": [compute_score("x", *pair)["score"] for pair in zip(texts, golds, strict=True)] == plain,
        "OpenRLHF": theirs == plain,
    }
    print("the same as the text's face:", same)
    paid = [i for i, value in enumerate(values) if value == 1]
    judged = {i: judge(texts[i], gold=golds[i]) for i in paid}
    bad = [i for i, one in judged.items() if one.cut_off or one.extraction.rule not in MARKED]
    wrong = [i for i in paid if "response" in rows[i] and rows[i].get("label") is False]
    print(f"rewarded though cut off or unmarked: {len(bad)}; though a response labelled wrong: {len(wrong)}")
    cut = accuracy(texts, gold=golds, finish_reason=["length"] * len(texts))
    print(f"rewarded if every one had been cut off: {sum(value == 1 for value in cut)}")


def hostile() -> None:
    """The hostile batch wherever a trainer may call a reward; the first call has to import sympy."""
    ways: dict[str, Callable[[], Any]] = {
        "main thread, first call": _batch,
        "main thread": _batch,
        "a thread": _in_thread,
        "an event loop": lambda: asyncio.run(accuracy_async(HOSTILE_BATCH, gold=HOSTILE_GOLD)),
    }
    found = {name: _timed(call) for name, call in ways.items()}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for call in ("first call", "second call"):
            found[f"a spawned process, {call}"] = pool.submit(_timed, _batch).result()
    if find_spec("ray"):
        import ray

        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
        worker = ray.remote(lambda: [_timed(_batch) for _ in range(2)])
        found["a Ray worker, first call"], found["a Ray worker, second call"] = ray.get(worker.remote())
        ray.shutdown()
    print(f"{len(HOSTILE_BATCH)} hostile texts, load {os.getloadavg()[0]:.1f}:", found)


def beside_trl(name: str, rows: list[dict[str, Any]]) -> None:
    """TRL's accuracy_reward on the same responses, each in a process of its own that compared a formula before."""
    found, warm = {}, [{"response": r"\boxed{\sin^2 x}", "gold": r"1-\cos^2 x", "label": True}]
    for who in ("ours", "TRL"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(_of_one, who, warm).result()
            found[who], off = pool.submit(_of_one, who, rows).result()
        print(f"{name}, {len(rows)} responses, {who}: {found[who]:.2f} s, {off} disagree with their labels")
    print(f"TRL's time over ours: {found['TRL'] / found['ours']:.1f}")


def _of_one(who: str, rows: list[dict[str, Any]]) -> tuple[float, int]:
    """Seconds, and rewards that disagree with labels; TRL wants LaTeX around a reference."""
    from trl.rewards import accuracy_reward

    said = [[{"role": "assistant", "content": row["response"]}] for row in rows]
    golds = [row["gold"] for row in rows]
    begun = time.perf_counter()
    values = (
        accuracy(said, gold=golds)
        if who == "ours"
        else accuracy_reward(said, solution=[f"${g}$" for g in golds])
    )
    seconds = time.perf_counter() - begun
    return seconds, sum(value != float(row["label"]) for value, row in zip(values, rows, strict=True))


def _batch() -> list[float | None]:
    return accuracy(HOSTILE_BATCH, gold=HOSTILE_GOLD)


def _in_thread() -> None:
    thread = threading.Thread(target=_batch)
    thread.start()
    thread.join()


def _timed(call: Callable[[], Any]) -> str:
    """Seconds, and those of CPU in the calling process, which other processes on the machine do not change."""
    begun, worked = time.perf_counter(), time.process_time()
    call()
    return f"{time.perf_counter() - begun:.2f} s ({time.process_time() - worked:.2f} s of CPU)"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
