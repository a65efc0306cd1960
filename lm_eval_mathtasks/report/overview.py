"""Several runs at a glance: a table of tasks and runs, what stands in the place of cards, and a colour for each run."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from lm_eval_mathtasks.leaderboard.claim_tables import protocol_words
from lm_eval_mathtasks.leaderboard.paired import Paired
from lm_eval_mathtasks.report.examine import Examined
from lm_eval_mathtasks.report.svg import RUN_COLOURS
from lm_eval_mathtasks.tables import Cell, Share, Table, percent

# Runs of a task whose cards and figures can still be read one below the other; more stand in a table and are opened.
MANY = 4
_GOLDEN = 137.508  # degrees: each further hue falls into the largest gap that the earlier ones leave
# Lightness on light and on dark paper; the colours of page.css lie between.
_DEPTHS = ((0.38, 0.9), (0.64, 0.64))


class Standing(NamedTuple):
    """The score of a run on a task as the table shows it. best: of several runs, none scores higher on that task."""

    score: str
    interval: str
    best: bool


class Line(NamedTuple):
    """A run in the table: its name, its colour, and its score on each task, None where it was not run."""

    name: str
    tint: str
    cells: tuple[Standing | None, ...]


class Overview(NamedTuple):
    """Tasks as columns, runs as lines."""

    tasks: tuple[str, ...]
    lines: tuple[Line, ...]


def overview(examined: Sequence[Examined]) -> Overview | None:
    """Return the table on top of a page; None for a page of one run."""
    if len(examined) < 2:
        return None
    tasks = tuple(dict.fromkeys(one.run.task for one in examined))
    by_place = {(one.name, one.run.task): one for one in examined}
    values = {task: [one.headline.value for one in examined if one.run.task == task] for task in tasks}
    # Of one run there is no best.
    most = {task: max(found) if len(found) > 1 else math.inf for task, found in values.items()}
    lines = []
    for name in dict.fromkeys(one.name for one in examined):
        found = [by_place.get((name, task)) for task in tasks]
        tint = next(tint_of(one) for one in found if one)
        cells = tuple(_cell(one, most[one.run.task]) if one else None for one in found)
        lines.append(Line(name, tint, cells))
    return Overview(tasks, tuple(lines))


def _cell(one: Examined, most: float) -> Standing:
    score = one.headline
    ends = f"{percent(score.interval.low, 1)} to {percent(score.interval.high, 1)}"
    return Standing(percent(score.value, 1), ends, score.value >= most)


def tint_of(one: Examined) -> str:
    """The name of a run's colour in the page's style."""
    return f"c{one.number}"


def colours(count: int) -> str:
    """Return the style of so many runs' colours, no two alike: page.css has the first ones, these follow."""
    more = range(RUN_COLOURS, count)
    if not more:
        return ""
    hues = [(number, (_GOLDEN * number) % 360, _DEPTHS[number % len(_DEPTHS)]) for number in more]
    named = "".join(
        f"--c{number}:light-dark(oklch({light} .14 {hue:.0f}),oklch({dark} .11 {hue:.0f}));"
        for number, hue, (light, dark) in hues
    )
    return f":root{{{named}}}" + "".join(f".c{number}{{--tint:var(--c{number})}}" for number in more)


def runs_table(examined: Sequence[Examined], *, alone: bool = False) -> Table:
    """Return what the cards of runs say, a row a run. alone: without a page around it, so with task and protocol."""
    rows: list[dict[str, Cell]] = []
    for one in examined:
        score, source = one.headline, one.run.provenance
        asked = (protocol_words(one.run.protocol), one.run.metric, source.harness, source.version)
        rows.append({
            "run": one.name,
            "task": one.run.task if alone else None,
            "score [95 %]": Share(score.value, score.interval),
            "by our grader [95 %]": Share(one.ours.value, one.ours.interval) if one.graded_again else None,
            "docs": score.docs,
            "responses each": score.k,
            "interval": score.kind,
            "cut off %": Share(one.explanation.cut_share),
            "graders disagree": one.disputed or None,
            "published": one.published,
            "outcome": one.best.verdict if one.best else None,
            "protocol": ", ".join(filter(None, asked)) if alone else None,
        })  # fmt: skip
    columns = tuple(name for name in rows[0] if any(row[name] is not None for row in rows))
    return Table("Scores" if alone else "", columns, tuple(tuple(map(row.get, columns)) for row in rows))


def pairs_table(paired: Sequence[Paired]) -> Table:
    """Return every run beside the first one of its task, on the docs that both have."""
    rows = tuple(
        (pair.second.label, pair.first.label, Share(-pair.delta, pair.interval.turned, signed=True),
         pair.docs, pair.only_second, pair.only_first, "" if pair.p_value is None else f"{pair.p_value:.2g}",
         "differ" if pair.significant else "may be noise")
        for pair in paired
    )  # fmt: skip
    columns = (
        "run", "against", "points [95 %, paired bootstrap]", "on common docs", "only it right", "only the other",
        "McNemar p", "the runs",
    )  # fmt: skip
    return Table("", columns, rows)
