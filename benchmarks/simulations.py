"""How often `compare` calls what is not equal equivalent, and how often the intervals hold the truth: by simulation.

    python benchmarks/simulations.py [--rounds 10000] [--processes 1]

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
    parser.add_argument("--rounds", type=int, default=10_000, help="of each cell (default 10000)")
    parser.add_argument("--processes", type=int, default=1, help="at once (default 1)")
    args = parser.parse_args()
    n, pairs = args.rounds, [(name, asked) for name in SETS for asked in ASKED]
    with ProcessPoolExecutor(args.processes) as pool:
        at_margin, at_zero = (
            [pool.submit(outcomes, *pair, gap, n, seed) for pair in pairs]
            for seed, gap in enumerate((MARGIN, 0.0))
        )
        held = {name: pool.submit(coverage, name, n) for name in PLANTED}
        columns = ("equivalent, though the gap is the margin", "differs, though there is no gap", "interval holds "
                   "the margin", "interval holds 0")  # fmt: skip
        print(f"| set, docs | answers | {' | '.join(columns)} |\n|---|---|---|---|---|---|")
        for (name, asked), far, near in zip(pairs, at_margin, at_zero, strict=True):
            one, two = far.result(), near.result()
            cells = (one["equivalent"], two["differs"], one["held"], two["held"])
            print(
                f"| {name}, {SETS[name][0]} | {asked} | {' | '.join(cell(count, n) for count in cells)} |",
                flush=True,
            )
        print("\n| cuts | interval holds the loss | the accuracy of all others is nearer |\n|---|---|---|")
        for name, job in held.items():
            found = job.result()
            print(
                f"| {name} | {cell(found['held'], found['rounds'])} | {cell(found['naive'], found['rounds'])} |"
            )


if __name__ == "__main__":
    main()
