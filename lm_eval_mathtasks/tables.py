"""Tables for people: on the terminal (rich, if installed), as Markdown, as CSV."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from lm_eval_mathtasks.numbers.intervals import Interval

Style = Literal["text", "markdown", "csv", "json"]
PIPED_WIDTH = 180  # columns where no terminal says its own: rich's 80 would fold every cell


@dataclass(frozen=True)
class Table:
    """A table with a title, and notes below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def print_tables(tables: Sequence[Table], style: Style = "text") -> None:
    """Print tables to standard output."""
    if style == "text" and _rich(tables):
        return
    print(rendered(tables, style), end="")


def rendered(tables: Sequence[Table], style: Style) -> str:
    """Return tables as text; CSV leaves titles and notes out and separates tables by an empty line."""
    if style == "json":
        return json.dumps([asdict(table) for table in tables], indent=1, ensure_ascii=False) + "\n"
    return "\n".join(_csv(t) if style == "csv" else _markdown(t) for t in tables)


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return out.getvalue()


def _markdown(table: Table) -> str:
    lines = [f"**{table.title}**", ""]
    if table.rows:
        lines += ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
        lines.append("")
    lines += [f"- {note}" for note in table.notes]
    return "\n".join(lines) + "\n"


def _rich(tables: Sequence[Table]) -> bool:
    """Print by rich; False where it is not installed."""
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text
    except ImportError:
        return False
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=PIPED_WIDTH)
    for table in tables:
        console.print(Text(table.title, style="bold"))
        if table.rows:
            grid = RichTable(box=box.SIMPLE, pad_edge=False)
            for column in table.columns:
                grid.add_column(column, overflow="fold")  # an id cut off by "..." cannot be copied
            for row in table.rows:
                grid.add_row(*(Text(cell) for cell in row))
            console.print(grid)
        for note in table.notes:
            console.print(Text("• " + note))
        console.print()
    return True


def percent(fraction: float, digits: int = 2) -> str:
    """A fraction as percent, without the sign."""
    return f"{100 * fraction:.{digits}f}"


def with_interval(value: float, interval: Interval, *, signed: bool = False, digits: int = 1) -> str:
    """A fraction and its interval as percent: "75.2 [72.8, 77.4]"; signed for differences."""
    sign = "+" if signed else ""
    numbers = [f"{100 * v:{sign}.{digits}f}" for v in (value, interval.low, interval.high)]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def given(value: object) -> str:
    """A fact of a source, empty where it does not say."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
