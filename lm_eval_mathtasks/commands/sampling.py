"""The command `mathtasks sampling`: avg@k, pass@k, maj@k and more at every k up to the run's responses."""

import argparse
import sys
from collections.abc import Sequence

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import add_run_arguments, read_to_judge, whole_numbers
from lm_eval_mathtasks.commands.curve_tables import BY_OUR_GRADER, ROWS, curve_table, show_curves, titled
from lm_eval_mathtasks.numbers.estimators import Votes, powers_of_two
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.sampling.curves import METRICS, Curve, curves, votes
from lm_eval_mathtasks.tables import Table, print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks sampling`."""
    add_run_arguments(parser)
    names = "comma-separated, from %(default)s (default: all of these), or g-pass- with a threshold of yours"
    declare(parser, {"--metrics": names}, default=",".join(METRICS))
    ks = "comma-separated, or `all`; by default the powers of two up to n, and n"
    declare(parser, {"--k": ks}, type=lambda text: text if text == "all" else whole_numbers(text))
    no_answer = "in maj@k, no answer is an answer like others (wrong)"
    declare(parser, {"--no-answer-votes": no_answer}, action="store_true")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks sampling`: a table and curves for every run at the path."""
    metrics = [name.strip() for name in args.metrics.split(",") if name.strip()]
    ks = None if args.k == "all" else args.k
    runs = []
    for run in read_to_judge(args):
        found = votes(run, judge_run(run))
        drawn = curves(found, metrics, ks, no_answer_votes=args.no_answer_votes)
        _warn_of_short_docs(run, found)
        runs.append((run, drawn, _table(run, found, drawn, every=args.k is not None)))
    show_curves(runs, args.format)
    return 0


def _warn_of_short_docs(run: Run, found: Sequence[Votes]) -> None:
    least, most = min(v.n for v in found), max(v.n for v in found)
    if short := [v.doc_id for v in found if v.n < most]:
        few = f"{run.label}: {len(short)} of {len(found)} docs have fewer than {most} responses (API errors?)"
        print_lines([f"mathtasks: {few}, such as doc {short[0]}; k can go up to {least}"], to=sys.stderr)


def _table(run: Run, found: Sequence[Votes], drawn: Sequence[Curve], *, every: bool) -> Table:
    ks = [point.k for point in drawn[0].points]
    shown = ks if every else [k for k in ks if k in powers_of_two(ks[-1])]
    notes = [ROWS, BY_OUR_GRADER]
    if any(curve.label == "avg@k" for curve in drawn):
        notes.append("avg@k has the interval that k responses a doc would have given")
    notes += run.provenance.notes
    return curve_table(titled(run, found), drawn, shown, notes)
