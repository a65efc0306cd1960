"""Tables: for people on a terminal of any width or as Markdown, for programs as values in CSV or JSON."""

import csv
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TextIO

from lm_eval_mathtasks.numbers.intervals import Interval
from lm_eval_mathtasks.tables.layout import cell_width, grid, in_bold, indented, stack, wrapped
from lm_eval_mathtasks.text import visible

Style = Literal["text", "markdown", "csv", "json"]
# Columns of output that goes to no terminal.
PIPED_WIDTH = 180
# Stands for a blank where no line may end while lines are made: no text that is shown holds it.
GLUE = "\0"
# Digits of a value for programs: what is beyond them is the computer's, not the measurement's.
_DIGITS, _CSV_DIGITS = 10, 6


@dataclass(frozen=True)
class Share:
    """A fraction with its interval: percent for people; for programs the fraction, and both ends beside it."""

    value: float
    interval: Interval | None = None
    signed: bool = False
    digits: int = 1

    def __str__(self) -> str:
        if self.interval is None:
            return percent(self.value, self.digits, signed=self.signed)
        return with_interval(self.value, self.interval, signed=self.signed, digits=self.digits)


class Name(str):
    """A name to be copied: it stands on one line, blanks and all."""


Cell = str | int | float | Share | None


@dataclass(frozen=True)
class Table:
    """A table with a title, notes below it, and at last the sentence that it comes to.

    facts: what the title says, as values for programs, the same for every row.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    sentence: str = ""
    facts: Mapping[str, Cell] = field(default_factory=dict)


def print_tables(tables: Sequence[Table], style: Style = "text") -> None:
    """Print tables to standard output, for people as wide as the terminal is (or COLUMNS says)."""
    if style != "text":
        print(rendered(tables, style), end="")
        return
    width = _width(PIPED_WIDTH)
    bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for table in tables:
        print("\n".join(terminal_lines(table, width, bold=bold)) + "\n")


def table_lines(table: Table) -> list[str]:
    """Return the lines of a table among others that are printed, as wide as the terminal is."""
    return terminal_lines(table, _width(PIPED_WIDTH))


def _width(otherwise: int) -> int:
    """The columns of the terminal, or what COLUMNS says; otherwise: where there is neither."""
    return shutil.get_terminal_size((otherwise, 24)).columns


def print_lines(lines: Iterable[str], *, to: TextIO | None = None, indent: int | None = None) -> None:
    """Print sentences to standard output, or `to`, each wrapped where a terminal (or COLUMNS) says how wide it is.

    indent: see `wrapped_lines`.
    """
    for line in wrapped_lines(lines, indent):
        print(line, file=to)


def wrapped_lines(lines: Iterable[str], indent: int | None = None) -> Iterator[str]:
    """Yield the lines of sentences on the terminal; indent: the spaces before all but the first line of each (by
    default two more than it begins with), which leave what stands before them in the first line as it is. Where GLUE
    stands for a blank, no line ends."""
    width = _width(sys.maxsize)
    for line in lines:
        if cell_width(line) <= width:
            yield line.replace(GLUE, " ")
            continue
        space = len(line) - len(line.lstrip())
        held = space if indent is None else indent
        further = space + 2 if indent is None else indent
        first, *rest = indented(line[held:].strip(), width - held, further - held)
        for before, part in [(line[:held], first), *((" " * held, part) for part in rest)]:
            yield f"{before}{part}".replace(GLUE, " ").rstrip()


def rendered(tables: Sequence[Table], style: Style) -> str:
    """Return tables as Markdown, CSV or JSON.

    CSV leaves titles, notes and sentences out; tables of the same columns are one, others are separated by an empty
    line. JSON is a list of tables, each with its rows as objects.
    """
    if style == "json":
        return json.dumps([_object(table) for table in tables], indent=1, ensure_ascii=False) + "\n"
    if style == "csv":
        return _csv(tables)
    return "\n".join(_markdown(table) for table in tables)


def column_key(column: str) -> str:
    """The name of a column for programs: "ours - claim [95 %]" is "ours_minus_claim"."""
    text = re.sub(r"\s*\[.*\]", "", column).replace(" - ", " minus ")
    return re.sub(r"[^\w@^.]+", "_", text).strip("_").lower()


def _records(table: Table) -> Iterator[dict[str, str | int | float | None]]:
    """The rows for programs, the facts of the table first; a share with an interval becomes three values."""
    ranged = {
        name
        for row in table.rows
        for name, cell in zip(table.columns, row, strict=True)
        if isinstance(cell, Share) and cell.interval is not None
    }
    # What has facts alone, and could have no rows, is one.
    for row in table.rows or (((),) if table.facts and not table.columns else ()):
        record: dict[str, str | int | float | None] = {}
        for name, cell in (*table.facts.items(), *zip(table.columns, row, strict=True)):
            key = column_key(name)
            record[key] = _value(cell.value if isinstance(cell, Share) else cell)
            if name in ranged or (isinstance(cell, Share) and cell.interval is not None):
                low, high = (cell.interval if isinstance(cell, Share) else None) or (None, None)
                record |= {f"{key}_low": _value(low), f"{key}_high": _value(high)}
        yield record


def _value(cell: str | float | None) -> str | int | float | None:
    # A sum of floats is never -0.0: programs print its sign.
    return float(f"{cell:.{_DIGITS}g}") + 0.0 if isinstance(cell, float) else cell


def _object(table: Table) -> dict[str, object]:
    facts = next(_records(Table("", (), ((),), facts=table.facts)))
    rows = list(_records(Table("", table.columns, table.rows)))
    said = {"notes": list(table.notes), "sentence": table.sentence}
    return {"title": table.title, "facts": facts, "rows": rows, **said}


def _csv(tables: Sequence[Table]) -> str:
    out, before = io.StringIO(), None
    writer = csv.writer(out, lineterminator="\n")
    for table in tables:
        records = list(_records(table))
        names = list(records[0]) if records else [column_key(name) for name in (*table.facts, *table.columns)]
        if not names or (not records and before is not None):
            continue
        if names != before:
            out.write("\n" if before is not None else "")
            writer.writerow(names)
        for record in records:
            writer.writerow(f"{v:.{_CSV_DIGITS}g}" if isinstance(v, float) else v for v in record.values())
        before = names
    return out.getvalue()


def _markdown(table: Table) -> str:
    lines = [f"**{table.title}**", ""] if table.title else []
    if table.rows:
        lines += ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
        lines += [
            "| " + " | ".join(for_people(cell).replace("|", "\\|") for cell in row) + " |"
            for row in table.rows
        ]
        lines.append("")
    lines += [f"- {note}" for note in table.notes]
    lines += ["", table.sentence] if table.sentence else []
    return "\n".join(lines) + "\n"


def terminal_lines(table: Table, width: int, *, bold: bool = False) -> list[str]:
    """Return the lines of a table on a terminal of so many columns.

    A grid where it fits with whole words; below NARROW columns a record for each row, if a cell would be higher than
    LINES. No word is ever broken: one that is wider than the terminal can be copied as it is.
    """
    title, sentence = (
        [in_bold(line, bold) for line in wrapped(visible(text), width)]
        for text in (table.title, table.sentence)
    )
    filled = [place for place, own in enumerate(zip(*table.rows, strict=True)) if {*own} - {None, ""}]
    columns = [table.columns[place] for place in filled]
    rows = [[_glued(row[place]) for place in filled] for row in table.rows]
    found = grid(columns, rows, width) if rows else []
    body = stack(columns, rows, width, bold) if found is None else found
    notes = [line for note in table.notes for line in indented(f"• {visible(note)}", width, 2)]
    parts = [part for part in (title, body, notes, sentence) if part]
    lines = [line for number, part in enumerate(parts) for line in ([""] if number else []) + part]
    return [line.replace(GLUE, " ") for line in lines]


def _glued(cell: Cell) -> str:
    text = visible(for_people(cell))
    return text.replace(" ", GLUE) if isinstance(cell, Name) else text


def for_people(cell: Cell) -> str:
    """A cell as people read it."""
    if cell is None:
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def percent(fraction: float, digits: int = 2, *, signed: bool = False) -> str:
    """A fraction as percent, without that word's sign; signed: with a plus before what is not negative."""
    # Rounded first, so that nothing is printed as -0.0.
    return f"{round(100 * fraction, digits) + 0.0:{'+' if signed else ''}.{digits}f}"


def counted(number: int, what: str) -> str:
    """A number of things: "1 run", "2,000 runs"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def with_interval(value: float, interval: Interval, *, signed: bool = False, digits: int = 1) -> str:
    """A fraction and its interval as percent: "75.2 [72.8, 77.4]"; signed for differences."""
    first, low, high = (percent(v, digits, signed=signed) for v in (value, *interval))
    return f"{first} [{low}, {high}]"
