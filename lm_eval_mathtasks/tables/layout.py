"""Lines of text as wide as a terminal: words wrapped, cells side by side, records one below the other."""

import unicodedata
from collections.abc import Iterator, Sequence

# Columns below which the cells of a table have so many lines at most: where it needs more, it is shown as records.
NARROW, LINES = 120, 3
_GAP = "  "
_BLOCKS = "▁▂▃▄▅▆▇█"
BARS = 64  # columns of a row of bars


def indented(text: str, width: int, indent: int) -> list[str]:
    """Return a text in lines of at most so many columns, all but the first with so many spaces before them."""
    first, *rest = wrapped(text, width - indent) or [""]
    return [first, *(" " * indent + line for line in rest)]


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most so many columns, broken between words only."""
    lines: list[str] = []
    for word in text.split():
        if lines and cell_width(lines[-1]) + 1 + cell_width(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def cell_width(text: str) -> int:
    """The columns that a terminal takes for a text: two for a wide character, none for one that is put on another."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str] | None:
    """Return the rows side by side with a head and a rule; None where they do not fit."""
    cells = list(zip(columns, *rows, strict=True))
    least = [max(cell_width(word) for cell in own for word in cell.split() or [""]) for own in cells]
    widths = [max(map(cell_width, own)) for own in cells]
    room = width - len(_GAP) * (len(columns) - 1)
    while sum(widths) > room:
        spare = [has - needs for has, needs in zip(widths, least, strict=True)]
        if not any(spare):
            return None
        widths[max((n for n, more in enumerate(spare) if more), key=lambda n: widths[n])] -= 1
    placed = ((cell, own) for row in rows for cell, own in zip(row, widths, strict=True))
    if width < NARROW and any(len(wrapped(cell, own)) > LINES for cell, own in placed):
        return None
    rule = _GAP.join("─" * own for own in widths)
    lines = [*_row(columns, widths), rule] if any(columns) else []
    return [*lines, *(line for row in rows for line in _row(row, widths))]


def _row(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    parts = [wrapped(cell, own) for cell, own in zip(row, widths, strict=True)]
    for number in range(max(map(len, parts))):
        line = [part[number] if number < len(part) else "" for part in parts]
        cells = zip(line, widths, strict=True)
        yield _GAP.join(cell + " " * (own - cell_width(cell)) for cell, own in cells).rstrip()


def stack(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, bold: bool) -> list[str]:
    """Return a record for each row: its first cell, below it the others with their names, but for empty ones."""
    left = max(map(cell_width, columns[1:]), default=0)
    # A heading of several words would hide what it stands before.
    heading = "" if " " in columns[0] or not columns[0] else f"{columns[0]} "
    lines: list[str] = []
    for row in rows:
        lines += [in_bold(line, bold) for line in wrapped(heading + row[0], width)]
        for name, cell in zip(columns[1:], row[1:], strict=True):
            if cell in ("", "-"):
                continue
            parts = wrapped(cell, width - left - 2 * len(_GAP))
            if max(map(cell_width, parts)) > width - left - 2 * len(_GAP):
                # A word that needs the whole line: the name stands above it.
                lines += [_GAP + name, *(2 * _GAP + line for line in wrapped(cell, width - 2 * len(_GAP)))]
                continue
            names = [name + " " * (left - cell_width(name)), *[" " * left] * (len(parts) - 1)]
            lines += [f"{_GAP}{first}{_GAP}{part}" for first, part in zip(names, parts, strict=True)]
        lines.append("")
    return lines[:-1]


def bars(values: Sequence[float], low: float, high: float) -> str:
    """A row of numbers as block characters on a scale from low to high; every n-th where there are more than BARS."""
    shown = values[:: -(-len(values) // BARS)]
    return "".join(_BLOCKS[round((v - low) / ((high - low) or 1) * (len(_BLOCKS) - 1))] for v in shown)


def in_bold(line: str, bold: bool) -> str:
    """A line in bold type, if that is wanted."""
    return f"\033[1m{line}\033[0m" if bold else line
