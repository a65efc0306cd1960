"""Curves over k or over tokens as tables, for people and for programs, and as a line of characters."""

from collections.abc import Sequence

from lm_eval_mathtasks.commands.arguments import COMPLETE
from lm_eval_mathtasks.numbers.estimators import Votes
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.sampling.curves import Curve, Point
from lm_eval_mathtasks.tables import Cell, Share, Style, Table, print_tables
from lm_eval_mathtasks.tables.layout import bars

# Which verdicts count, for the commands that judge every response.
BY_OUR_GRADER = "scored by our grader"
ROWS = "percent [95 % interval over docs]; each row is the mean over all subsets of k responses"


def titled(run: Run, found: Sequence[Votes]) -> str:
    """The title of a table: the run, its docs, and how many responses each has."""
    least, most = min(v.n for v in found), max(v.n for v in found)
    each = str(least) if least == most else f"{least} to {most}"
    return f"{run.label}: {len(found)} docs, {each} responses each"


def long_table(run: Run, drawn: Sequence[Curve]) -> Table:
    """Return a line a point, in fractions: for programs."""
    columns = ("model", "task", "metric", "k", "value", "low", "high")
    rows = tuple((run.model, run.task, curve.label, *point) for curve in drawn for point in curve.points)
    return Table("", columns, rows)


def curve_table(title: str, drawn: Sequence[Curve], ks: Sequence[int], notes: Sequence[str]) -> Table:
    """Return a row for each k, a column for each curve: for people."""
    rows: tuple[tuple[Cell, ...], ...] = tuple((k, *(cell(curve.at(k)) for curve in drawn)) for k in ks)
    return Table(title, ("k", *(curve.label for curve in drawn)), rows, tuple(notes))


def cell(point: Point) -> Share:
    """A point of a curve in a table."""
    return Share(point.value, point.interval)


def show_curves(runs: Sequence[tuple[Run, Sequence[Curve], Table]], style: Style, unit: str = "k") -> None:
    """Print the curves of runs: their tables and, on a terminal, drawings for people; for programs a line a point."""
    if style in COMPLETE:
        print_tables([long_table(run, drawn) for run, drawn, _ in runs], style)
        return
    for _, drawn, table in runs:
        print_tables([table], style)
        if style == "text" and len(drawn[0].points) > 2:
            print("\n".join(sketch(drawn, unit)) + "\n")


def sketch(drawn: Sequence[Curve], unit: str) -> list[str]:
    """A line of block characters for each curve, all on one scale, at most 64 wide: every n-th point is shown."""
    values = [point.value for curve in drawn for point in curve.points]
    low, high = min(values), max(values)
    width = max(len(curve.label) for curve in drawn)
    lines = []
    for curve in drawn:
        own = [point.value for point in curve.points]
        row = bars(own, low, high)
        lines.append(f"{curve.label:{width}} {row} {100 * own[0]:.1f} → {100 * own[-1]:.1f}")
    lines.append(f"{'':{width}} {unit} = {drawn[0].points[0].k} to {drawn[0].points[-1].k}; "
                 f"the scale goes from {100 * low:.1f} to {100 * high:.1f}")  # fmt: skip
    return lines
