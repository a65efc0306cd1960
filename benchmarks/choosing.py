"""Best-of-k on real samples with a scorer of known quality, beside what theory says.

The embedded model answers the bundled grade-school problems 16 times at temperature 1; our grader judges. The scorer
is synthetic: N(d, 1) for a correct response, N(0, 1) for a wrong one. Printed for each d and k: one draw of the scores
with its interval over docs, as `mathtasks choose` prints it; the mean over many draws with its standard error; and the
expectation by numerical integration (benchmarks/theory.py). The last two must agree.

    python benchmarks/choosing.py --stage sft --repeats 16
"""

import argparse
import json
import math
import random
import sys
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.theory import expected_best
from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.choosing.choices import best_of
from lm_eval_mathtasks.choosing.chosen import choose
from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage
from lm_eval_mathtasks.embedded.recipe.evaluation import respond
from lm_eval_mathtasks.embedded.recipe.prompts import FRAMES
from lm_eval_mathtasks.numbers.estimators import powers_of_two
from lm_eval_mathtasks.problems import rows
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.sampling.curves import votes as votes_of

QUALITIES = (0.0, 0.5, 1.0, 2.0, 4.0)
SAMPLE = rows.SAMPLES / "gsm8k.jsonl"


def sample(stage: str, repeats: int, path: Path) -> None:
    """Write a line for each problem with its responses, as `mathtasks choose` reads it."""
    with SAMPLE.open(encoding="utf-8") as lines:
        docs = [json.loads(line) for line in lines]
    model, tokenizer = load_stage(embedded.path(stage))
    prompts = [FRAMES["chat"].ask.format(q=doc["question"]) for doc in docs for _ in range(repeats)]
    responses = respond(model, tokenizer, prompts, sampled=True)
    with path.open("w", encoding="utf-8") as file:
        for i, doc in enumerate(docs):
            own = responses[repeats * i : repeats * (i + 1)]
            file.write(
                json.dumps(
                    {"doc_id": i, "question": doc["question"], "gold": doc["answer"], "responses": own}
                )
            )
            file.write("\n")


def drawn(votes, d: float, rng: random.Random) -> dict[str, list[float]]:
    """Scores of a scorer of quality d."""
    return {v.doc_id: [d * correct + rng.gauss(0, 1) for correct in v.correct] for v in votes}


def table(votes, draws: int) -> list[str]:
    """Markdown rows for every d and k; the last column is the distance from theory in standard errors."""
    ks = powers_of_two(min(v.n for v in votes))
    rows = ["| d | k | one draw | mean of draws | theory | z |", "|---|---|---|---|---|---|"]
    for d in QUALITIES:
        rng = random.Random(f"quality {d}")
        scores = [drawn(votes, d, rng) for _ in range(draws)]
        best = next(c for c in choose(votes, scores[0], ks, "sigmoid").curves if c.label == "best-of-k")
        for k in ks:
            means = [fmean(best_of(v.correct, s[v.doc_id], k) for v in votes) for s in scores]
            error = stdev(means) / math.sqrt(draws)
            expected = fmean(expected_best(v, k, d) for v in votes)
            point = best.at(k)
            z = (fmean(means) - expected) / error if error > 1e-12 else 0.0
            rows.append(
                f"| {d:g} | {k} | {100 * point.value:.1f} [{100 * point.low:.1f}, {100 * point.high:.1f}] "
                f"| {100 * fmean(means):.2f} ± {100 * error:.2f} | {100 * expected:.2f} | {z:+.1f} |"
            )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", choices=embedded.STAGES, default="sft")
    parser.add_argument("--repeats", type=int, default=16)
    parser.add_argument("--draws", type=int, default=200, help="of the scores")
    parser.add_argument(
        "--samples", type=Path, default=Path("out/choosing.jsonl"), help="kept, and used again"
    )
    args = parser.parse_args()
    if not args.samples.exists():
        args.samples.parent.mkdir(parents=True, exist_ok=True)
        sample(args.stage, args.repeats, args.samples)
    run = read_run(args.samples)
    votes = votes_of(run, judge_run(run))
    k = min(v.n for v in votes)
    mean = fmean(sum(v.correct) / v.n for v in votes)
    oracle = fmean(any(v.correct) for v in votes)
    print(f"{len(votes)} docs, {k} responses each: avg@{k} {100 * mean:.2f}, pass@{k} {100 * oracle:.2f}\n")
    print("\n".join(table(votes, args.draws)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
