"""How often `compare` calls what is not equal equivalent, and how often the intervals hold the truth: by simulation.

    python benchmarks/simulations.py [--runs 50000] [--rounds 10000] [--processes 1]

Prints the tables of leaderboards/README.md: each rate with its interval of 95 % (Wilson), the same numbers every time.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

from lm_eval_mathtasks.numbers.intervals import wilson
from lm_eval_mathtasks.tables import with_interval
from tests.leaderboard.simulated import ASKED, MARGIN, PLANTED, SETS, coverage, outcomes


def cell(count, rounds):
    return with_interval(count / rounds, wilson(count / rounds, rounds), digits=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50_000, help="pairs for each outcome (default 50000)")
    parser.add_argument("--rounds", type=int, default=10_000, help="of each kind of cuts (default 10000)")
    parser.add_argument("--processes", type=int, default=1, help="at once (default 1)")
    args = parser.parse_args()
    n, pairs = args.runs, [(name, asked) for name in SETS for asked in ASKED]
    with ProcessPoolExecutor(args.processes) as pool:
        at_margin, at_zero = (
            [pool.submit(outcomes, *pair, gap, n, seed) for pair in pairs]
            for seed, gap in enumerate((MARGIN, 0.0))
        )
        held = {name: pool.submit(coverage, name, args.rounds) for name in PLANTED}
        columns = ("equivalent, though the gap is the margin", "differs, though there is no gap", "interval holds "
                   "the margin", "interval holds 0")  # fmt: skip
        print(f"| set, docs | answers | {' | '.join(columns)} |\n|---|---|---|---|---|---|")
        for (name, asked), far, near in zip(pairs, at_margin, at_zero, strict=True):
            one, two = far.result(), near.result()
            cells = (one["equivalent"], two["differs"], one["held"], two["held"])
            shown = " | ".join(cell(count, n) for count in cells)
            print(f"| {name}, {SETS[name][0]} | {asked} | {shown} |", flush=True)
        print("\n| cuts | interval holds the loss | the accuracy of all others is nearer |\n|---|---|---|")
        for name, job in held.items():
            found = job.result()
            print(
                f"| {name} | {cell(found['held'], found['rounds'])} | {cell(found['naive'], found['rounds'])} |"
            )


if __name__ == "__main__":
    main()
