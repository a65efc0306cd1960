"""The board: claims by what was counted, one line for each model and protocol, and their scores against their sizes."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from lm_eval_mathtasks.leaderboard.claim_tables import CLAIM_COLUMNS, claim_cells, doubt_of, protocol_words
from lm_eval_mathtasks.leaderboard.claims import Claim, Claims
from lm_eval_mathtasks.tables import Cell, Name, Share, Table, counted

# A vote, or a choice by a model, is another quantity than the accuracy of an answer: one list would rank them above it.
_COUNTED = {
    "pass@1": "one answer, or the mean of several",
    "avg@k": "one answer, or the mean of several",
    "maj@k": "the vote of several answers",
    "rm@k": "one of several answers, chosen by a model",
    "best-of-n": "one of several answers, chosen by a model",
}
_DOUBTFUL = "known to be wrong, or not published"
_COLUMNS = (
    *CLAIM_COLUMNS, "published", "months old", "claims", "least", "most", "source", "remark", "id",
)  # fmt: skip
NOTES = (
    "a line is a model and a protocol; of several claims the publisher's own is shown, else the newest, and least and "
    "most are over all of them",
    "score intervals are of the benchmark's size; what is not there, the source does not say",
)
BRIEFLY = (
    "of several claims of a model and protocol the publisher's own is shown, else the newest",
    "months since it was published; score intervals are of the benchmark's size; what is not there, the source does "
    "not say",
    "--long shows sources, remarks and ids",
)
_IN_BRIEF = ("score [95 %]", "metric", "months", "model, size, who reports it: protocol")
_MARKS = {"base": "b", "instruct": "i", "reasoning": "r"}
PLOT_COLUMNS, PLOT_LINES = 60, 16  # characters of a plot, without its axes: it fits into 80 columns


class Line(NamedTuple):
    """Claims of one model under one protocol: the one that is shown, and all of them."""

    shown: Claim
    claims: tuple[Claim, ...]


def what_was_counted(claim: Claim) -> str:
    """What a score is the share of, and with tools or without: scores of one kind can be ranked."""
    tools = "" if claim.tools in (None, "none") else ", with tools"
    return _COUNTED[claim.metric] + tools if claim.ranked else _DOUBTFUL


def board_lines(chosen: Sequence[Claim]) -> dict[tuple[str, str], list[Line]]:
    """Return the lines of each benchmark and of what was counted there, the best first.

    Of several claims of one model under one protocol the publisher's own is shown, then the newest.
    """
    found: dict[tuple[str, str], dict[tuple[str, ...], list[Claim]]] = defaultdict(lambda: defaultdict(list))
    for claim in chosen:
        protocol = (claim.model, claim.metric, str(claim.k), protocol_words(claim), claim.status)
        found[claim.benchmark, what_was_counted(claim)][protocol].append(claim)
    best = {
        group: sorted(map(_line, lines.values()), key=lambda line: (-line.shown.score, line.shown.model))
        for group, lines in found.items()
    }
    # What is not ranked stands below all that is.
    return dict(sorted(best.items(), key=lambda item: (item[0][0], item[0][1] == _DOUBTFUL, item[0][1])))


def _line(claims: Sequence[Claim]) -> Line:
    by_date = sorted(claims, key=lambda claim: claim.source.date or "", reverse=True)
    return Line(min(by_date, key=lambda claim: claim.reported_by != "vendor"), tuple(claims))


def months_old(published: str | None, today: date) -> int | None:
    """Months since a date of year, month or day; a year alone counts from its end, so that no claim looks older."""
    if published is None:
        return None
    year, _, rest = published.partition("-")
    return max(0, (today.year - int(year)) * 12 + today.month - int(rest[:2] or 12))


def board_tables(chosen: Sequence[Claim], claims: Claims, *, limit: int, today: date) -> list[Table]:
    """Return a table for each benchmark and what was counted; limit: lines in each, 0 for all."""
    return [_table(group, lines, claims, limit, today) for group, lines in board_lines(chosen).items()]


def _table(group: tuple[str, str], lines: Sequence[Line], claims: Claims, limit: int, today: date) -> Table:
    benchmark, what = group
    rows = tuple(_row(line, claims, today) for line in lines[: limit or None])
    part = f"{len(rows)} of {len(lines)} lines, --limit 0 for all"
    count = part if len(rows) < len(lines) else counted(len(rows), "line")
    about = claims.benchmarks[benchmark].note
    notes = (*([f"{benchmark}: {about}"] if about else []), *NOTES)
    facts: Mapping[str, Cell] = {"benchmark": benchmark, "counted": what}
    return Table(f"{benchmark}: {what}: {count}", _COLUMNS, rows, notes, facts=facts)


def in_brief(table: Table) -> Table:
    """Return what fits into a line or two of a terminal, in columns of its own, without what BRIEFLY says of all."""
    doubtful = table.facts["counted"] == _DOUBTFUL
    rows = tuple(_brief(dict(zip(table.columns, row, strict=True)), doubtful) for row in table.rows)
    notes = tuple(note for note in table.notes if note not in NOTES)
    return replace(table, columns=_IN_BRIEF, rows=rows, notes=notes)


def _brief(row: Mapping[str, Cell], doubtful: bool) -> tuple[Cell, ...]:
    metric = str(row["metric"]) if row["k"] is None else re.sub(r"[kn]$", str(row["k"]), str(row["metric"]))
    size = f"{row['size B']:g} B" if row["size B"] else None
    others = "by others" if row["by"] == "third-party" else None
    doubt = str(row["remark"]).partition(":")[0] if doubtful else None
    model = ", ".join(str(word) for word in (row["model"], size, others, doubt) if word)
    # what stands in brackets explains the name of a grader
    protocol = re.sub(r" \([^()]*\)", "", f": {row['protocol']}") if row["protocol"] else ""
    return Name(row["score [95 %]"]), metric, row["months old"], model + protocol


def _row(line: Line, claims: Claims, today: date) -> tuple[Cell, ...]:
    claim = line.shown
    several = len(line.claims) > 1
    return (
        *claim_cells(claim, claims),
        claim.source.date,
        months_old(claim.source.date, today),
        len(line.claims),
        Share(min(c.score for c in line.claims) / 100) if several else None,
        Share(max(c.score for c in line.claims) / 100) if several else None,
        f"{claim.source.title}, {claim.locator}",
        ": ".join(word for word in (doubt_of(claim), claim.note) if word) or None,
        Name(claim.id),
    )


def plot_lines(lines: Sequence[Line]) -> list[str]:
    """Return score against size as lines of characters: b base, i instruct, r reasoning, * models of several kinds.

    The axis of sizes is logarithmic. Models whose size is not known are counted below the plot.
    """
    sized = [(line.shown.size_b, line.shown) for line in lines if line.shown.size_b]
    if not sized:
        return [f"no size is known of these {len(lines)} models"]
    logs = [math.log10(size) for size, _ in sized]
    low, high = min(logs), max(*logs, min(logs) + 0.01)
    grid = [[" "] * PLOT_COLUMNS for _ in range(PLOT_LINES)]
    for at, (_, claim) in zip(logs, sized, strict=True):
        column = round((at - low) / (high - low) * (PLOT_COLUMNS - 1))
        row = round((100 - claim.score) / 100 * (PLOT_LINES - 1))
        mark = _MARKS[claim.kind]
        grid[row][column] = mark if grid[row][column] in (" ", mark) else "*"
    steps = {0: "100", (PLOT_LINES - 1) // 2: " 50", PLOT_LINES - 1: "  0"}
    drawn = [f"{steps.get(n, ''):>4} |{''.join(row)}".rstrip() for n, row in enumerate(grid)]
    least, most = (f"{10**end:,.4g} B" for end in (low, high))
    unknown = len(lines) - len(sized)
    about = "b base, i instruct, r reasoning, * several kinds; sizes on a logarithmic scale"
    return [
        *drawn,
        "     +" + "-" * PLOT_COLUMNS,
        "      " + least + most.rjust(PLOT_COLUMNS - len(least)),
        about + (f"; no size known: {unknown}" if unknown else ""),
    ]
