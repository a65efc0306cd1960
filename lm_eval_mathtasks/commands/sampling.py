"""The commands `mathtasks sampling` (every number of responses up to the run's) and `mathtasks budgets` (of tokens)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lm_eval_mathtasks.commands.arguments import RUN_HELP, add_run_options, read_chosen, whole_numbers
from lm_eval_mathtasks.numbers.estimators import powers_of_two
from lm_eval_mathtasks.numbers.votes import Votes
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import Run
from lm_eval_mathtasks.sampling.ballots import votes
from lm_eval_mathtasks.sampling.budgets import Budgets, at_budgets
from lm_eval_mathtasks.sampling.curves import METRICS, Curve, Point, curves
from lm_eval_mathtasks.sampling.tokens import Ruler, read_ruler
from lm_eval_mathtasks.tables import Table, show, with_interval

_BARS = "▁▂▃▄▅▆▇█"
ROWS = "percent [95 % interval over docs]; each row is the mean over all subsets of k responses"
_WIDTH = 64  # columns of a drawn curve


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which run is meant, and how its table is printed."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    add_run_options(parser)
    parser.add_argument("--format", choices=("text", "markdown", "csv"), default="text")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks sampling`."""
    add_run_arguments(parser)
    parser.add_argument(
        "--metrics",
        default=",".join(METRICS),
        help="comma-separated, from %(default)s (default: all of these), or g-pass- with a threshold of yours",
    )
    parser.add_argument(
        "--k", type=_ks, help="comma-separated, or `all`; by default the powers of two up to n, and n"
    )
    parser.add_argument(
        "--no-answer-votes", action="store_true", help="in maj@k, no answer is an answer like others (wrong)"
    )


def _ks(text: str) -> list[int] | str:
    return text if text == "all" else whole_numbers(text)


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks sampling`: a table and curves for every run at the path."""
    metrics = [name.strip() for name in args.metrics.split(",") if name.strip()]
    ks = None if args.k == "all" else args.k
    for run in read_chosen(args.run, args, judged_anew=True):
        found = votes(run, judge_run(run))
        drawn = curves(found, metrics, ks, no_answer_votes=args.no_answer_votes)
        _warn_of_short_docs(run, found)
        if args.format == "csv":
            show([long_table(run, drawn)], "csv")
            continue
        show([_table(run, found, drawn, every=args.k is not None)], args.format)
        if args.format == "text" and len(drawn[0].points) > 2:
            print("\n".join(sketch(drawn)) + "\n")
    return 0


def _warn_of_short_docs(run: Run, found: Sequence[Votes]) -> None:
    least, most = min(v.n for v in found), max(v.n for v in found)
    if short := [v.doc_id for v in found if v.n < most]:
        print(
            f"mathtasks: {run.label}: {len(short)} of {len(found)} docs have fewer than {most} responses "
            f"(API errors?), such as doc {short[0]}; k can go up to {least}",
            file=sys.stderr,
        )


def titled(run: Run, found: Sequence[Votes]) -> str:
    """The title of a table: the run, its docs, and how many responses each has."""
    least, most = min(v.n for v in found), max(v.n for v in found)
    each = str(least) if least == most else f"{least} to {most}"
    return f"{run.label}: {len(found)} docs, {each} responses each"


def long_table(run: Run, drawn: Sequence[Curve]) -> Table:
    """Return a line a point, in fractions: for programs."""
    columns = ("model", "task", "metric", "k", "value", "low", "high")
    rows = tuple(
        (run.model or "", run.task, curve.label, *(f"{number:.6g}" for number in point))
        for curve in drawn
        for point in curve.points
    )
    return Table("", columns, rows)


def _table(run: Run, found: Sequence[Votes], drawn: Sequence[Curve], *, every: bool) -> Table:
    ks = [point.k for point in drawn[0].points]
    rows = tuple(
        (str(k), *(cell(curve.at(k)) for curve in drawn)) for k in ks if every or k in powers_of_two(ks[-1])
    )
    notes = [ROWS]
    if any(curve.label == "avg@k" for curve in drawn):
        notes.append("avg@k has the interval that k responses a doc would have given")
    notes += run.provenance.notes
    return Table(titled(run, found), ("k", *(curve.label for curve in drawn)), rows, tuple(notes))


def cell(point: Point) -> str:
    """A point of a curve in a table, in percent."""
    return with_interval(point.value, point.interval)


def add_budgets_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks budgets`."""
    add_run_arguments(parser)
    parser.add_argument(
        "--budgets", type=whole_numbers, metavar="N,N,...", help="in tokens; by default powers of two"
    )
    parser.add_argument(
        "--tokenizer",
        metavar="NAME",
        help="a folder with tokenizer.json, a hub name, or `chars` (4 characters a token); by default the one in the "
        "model's folder, if that is here, else `chars`",
    )


def budgets_main(args: argparse.Namespace) -> int:
    """Run `mathtasks budgets`: accuracy over token budgets for every run at the path."""
    for run in read_chosen(args.run, args, judged_anew=True):
        ruler = read_ruler(args.tokenizer, run.model)
        found = at_budgets(run, ruler, args.budgets)
        if args.format == "csv":
            show([long_table(run, [found.curve])], "csv")
            continue
        show([_budget_table(run, found, ruler)], args.format)
        if args.format == "text" and len(found.curve.points) > 2:
            print("\n".join(sketch([found.curve], "tokens")) + "\n")
    return 0


def _budget_table(run: Run, found: Budgets, ruler: Ruler) -> Table:
    rows = tuple(
        (str(point.k), f"{100 * share:.1f}", cell(point))
        for point, share in zip(found.curve.points, found.finished, strict=True)
    )
    notes = [
        f"tokens by {ruler.name}; the longest of {found.responses} responses has {found.longest}",
        "percent [95 % interval over docs]; a longer response is cut there and judged again",
    ]
    if found.cut_by_run:
        notes.append(
            f"{found.cut_by_run} responses were cut by the run's own limit: beyond it nothing is known"
        )
    return Table(
        f"{run.label}: {len(run.answered)} docs", ("tokens", "finished", "accuracy"), rows, tuple(notes)
    )


def sketch(drawn: Sequence[Curve], unit: str = "k") -> list[str]:
    """A line of block characters for each curve, all on one scale, at most 64 wide: every n-th point is shown."""
    values = [point.value for curve in drawn for point in curve.points]
    low, high = min(values), max(values)
    width = max(len(curve.label) for curve in drawn)
    lines = []
    for curve in drawn:
        points = curve.points[:: -(-len(curve.points) // _WIDTH)]
        bars = "".join(_BARS[round((p.value - low) / ((high - low) or 1) * (len(_BARS) - 1))] for p in points)
        first, last = curve.points[0], curve.points[-1]
        lines.append(f"{curve.label:{width}} {bars} {100 * first.value:.1f} → {100 * last.value:.1f}")
    lines.append(f"{'':{width}} {unit} = {drawn[0].points[0].k} to {drawn[0].points[-1].k}; "
                 f"the scale goes from {100 * low:.1f} to {100 * high:.1f}")  # fmt: skip
    return lines
