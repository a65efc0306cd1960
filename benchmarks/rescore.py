"""What rescoring costs, and how that compares with math-verify: `python benchmarks/rescore.py`.

45,000 responses are made by repeating the labelled ones (`MATHTASKS_SHARED`, else `../shared`), in files of one model
each, and `mathtasks rescore` is run on them as a user would: start-up, reading, judging and writing all count. Repeats
are not new work: a (gold, answer) pair is graded once per process and then remembered, as it is in life, where many
responses to one problem give one answer. So the same is done with the distinct responses alone, and the two graders
are also compared on a sample without any memory: extraction and comparison, one response after the other, in turns.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SHARED = Path(os.environ.get("MATHTASKS_SHARED", ROOT.parent / "shared"))
SEED = 20240229
PEER, PEER_CPU = "math-verify", "math-verify, processor"
BLOCK = 25  # responses that a grader judges before the other has its turn


class Cost(NamedTuple):
    """What one rescore took: seconds of wall clock and of processor, over all its processes."""

    wall: float
    cpu: float

    def line(self, name: str, responses: int) -> str:
        million = 1e6 / responses
        return (
            f"| {name} | {responses} | {self.wall:.1f} | {self.cpu:.1f} | {responses / self.wall:.0f} | "
            f"{self.cpu * million:.0f} | {self.wall * million:.0f} |"
        )


def labelled() -> list[dict]:
    files = sorted((SHARED / "labelled").glob("responses_*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.open(encoding="utf-8")]
    return [
        {key: row[key] for key in ("id", "dataset", "model", "question", "gold", "response")} for row in rows
    ]


def write_files(folder: Path, rows: list[dict], count: int) -> None:
    """Write `count` responses, a file per model, dataset and copy."""
    groups: dict[str, list[str]] = {}
    for number in range(count):
        copy, place = divmod(number, len(rows))
        row = rows[place]
        name = f"{row['model']}_{row['dataset']}_{copy}.jsonl"
        groups.setdefault(name, []).append(json.dumps(row, ensure_ascii=False) + "\n")
    folder.mkdir(parents=True)
    for name, lines in groups.items():
        (folder / name).write_text("".join(lines), encoding="utf-8")


def run_command(logs: Path, out: Path, *flags: str) -> Cost:
    """Run the command; its processor time is summed over every process that inherits a mark from it.

    Ray's workers are nobody's children, so the usual count of the operating system would miss them. A process is looked
    at every 50 ms: what it does after the last look is not counted.
    """
    mark = f"MATHTASKS_BENCH={uuid.uuid4()}"
    command = [sys.executable, "-m", "lm_eval_mathtasks", "rescore", str(logs), "-o", str(out), *flags]
    environment = {**os.environ, **dict([mark.split("=")])}
    began, seconds, others = time.perf_counter(), {}, set()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=environment) as process:
        while process.poll() is None:
            look(mark, seconds, others)
            time.sleep(0.05)
        wall = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"mathtasks rescore ended with {process.returncode}")
    return Cost(wall, sum(seconds.values()))


def look(mark: str, seconds: dict[str, float], others: set[str]) -> None:
    """Note the processor time of each marked process; `others`: those known to have no mark."""
    for place in Path("/proc").glob("[0-9]*"):
        if place.name in others:
            continue
        try:
            if place.name not in seconds and mark.encode() not in (place / "environ").read_bytes():
                if (
                    time.time() - place.stat().st_mtime > 1
                ):  # a process that just began may not have its mark yet
                    others.add(place.name)
                continue
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended, or is not ours to look at
            continue
        seconds[place.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def side_by_side(rows: list[dict]) -> dict[str, list[float]]:
    """Seconds of each judgement by each grader, without memory, in one process, in turns of `BLOCK`.

    "math-verify, processor": the same judgements in processor time, for comparison with that of the command.
    """
    from lm_eval_mathtasks.grading import extract_answer, grade
    from lm_eval_mathtasks.grading.deadline import stop_workers, warm_up
    from lm_eval_mathtasks.grading.peers import ADAPTERS, Item
    from lm_eval_mathtasks.problems.gold import answer_in

    logging.disable(logging.CRITICAL)  # math-verify reports its timeouts by logging
    peer = ADAPTERS[PEER]()

    def ours(row: dict) -> None:
        grade(gold=answer_in(row["gold"]), pred=extract_answer(row["response"]).answer)

    def theirs(row: dict) -> None:
        peer(Item("", "", gold=answer_in(row["gold"]), text=row["response"]))

    graders: dict[str, Callable[[dict], None]] = {"ours": ours, PEER: theirs}
    warm_up()
    for judge in graders.values():
        judge(rows[0])
    times: dict[str, list[float]] = {name: [] for name in (*graders, PEER_CPU)}
    for start in range(0, len(rows), BLOCK):
        for name, judge in graders.items():
            for row in rows[start : start + BLOCK]:
                began, busy = time.perf_counter(), time.process_time()
                judge(row)
                times[name].append(time.perf_counter() - began)
                if name == PEER:
                    times[PEER_CPU].append(time.process_time() - busy)
    stop_workers()
    return times


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--responses", type=int, default=45_000)
    parser.add_argument(
        "--sample", type=int, default=1_500, help="responses on which the graders are compared"
    )
    parser.add_argument("--workers", default="2")
    parser.add_argument("--ray", action="store_true", help="also on a Ray of this machine")
    options = parser.parse_args(arguments)
    rows = labelled()
    if not rows:
        parser.error(f"no labelled/responses_*.jsonl in {SHARED} (set MATHTASKS_SHARED to its folder)")
    print("| what | responses | wall s | CPU s | a second | CPU s per million | wall s per million |")
    print("|---|---|---|---|---|---|---|")
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_files(place / "all", rows, options.responses)
        write_files(place / "distinct", rows, min(len(rows), options.responses))
        runs = [("all", ()), ("distinct", ())] + [("all", ("--engine", "ray"))] * options.ray
        for name, flags in runs:
            title = f"{name}{', on Ray' if flags else ''}, {options.workers} processes"
            size = options.responses if name == "all" else min(len(rows), options.responses)
            cost = run_command(place / name, place / "out" / title, "--workers", options.workers, *flags)
            costs[title] = (cost, size)
            print(cost.line(title, size), flush=True)
    times = side_by_side(random.Random(SEED).sample(rows, min(options.sample, len(rows))))
    report(rows, times, *next(iter(costs.values())), workers=int(options.workers))
    return 0


def report(rows: list[dict], times: dict[str, list[float]], cost: Cost, size: int, *, workers: int) -> None:
    from lm_eval_mathtasks.grading import extract_answer
    from lm_eval_mathtasks.problems.gold import answer_in

    pairs = {(answer_in(row["gold"]), extract_answer(row["response"]).answer) for row in rows}
    mean = {name: statistics.mean(each) for name, each in times.items()}
    print(f"\n{len(rows)} responses are distinct, and {len(pairs)} (gold, answer) pairs")
    for name, each in times.items():
        print(
            f"{name}: mean {1000 * mean[name]:.3f} ms, median {1000 * statistics.median(each):.3f} ms "
            f"a response, alone and without memory ({len(each)} responses)"
        )
    print(f"ratio, judging only, without memory: {mean[PEER] / mean['ours']:.1f}")
    print(f"{PEER} in one process on all {size}: {mean[PEER] * size:.0f} s (scaled from the sample)")
    print(
        f"ratio to the whole command on {workers} processes, wall clock: {mean[PEER] * size / cost.wall:.1f}"
    )
    print(f"ratio to the whole command, processor time: {mean[PEER_CPU] * size / cost.cpu:.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
