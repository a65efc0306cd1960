"""The figures of the page. Values are fractions here and percent in the drawings; each has a table beside it.

matplotlib's SVG: about 10 kB a figure, no script, themed by the page's own colours; Vega-Lite would add 0.8 MB of
script that needs `unsafe-eval`, Plotly 3 to 4 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.numbers.intervals import Interval
from lm_eval_mathtasks.report.examine import STATUSES, Bin, Group
from lm_eval_mathtasks.report.svg import NARROW, colour, figure, run_colour
from lm_eval_mathtasks.report.words import shortened
from lm_eval_mathtasks.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.34  # inches; with the label above the dots, as on a phone, a row takes more
_ROW_NARROW = 0.52
_AXIS = 0.5  # inches of the scale below
_LABEL = 44  # characters of a label
_WIDE_ENOUGH = 0.045  # of the whole: a part of a bar with room for its number


class Dot(NamedTuple):
    """A score with its interval. tint: the name of a colour; hollow: a claim, not a measurement of ours."""

    label: str
    value: float
    interval: Interval
    tint: str
    hollow: bool = False


def _heights(rows: int) -> tuple[float, float]:
    return rows * _ROW + _AXIS, rows * _ROW_NARROW + _AXIS


def _label_rows(axes: Axes, labels: Sequence[str], narrow: bool) -> None:
    """Write the labels of rows 0, 1, ... (downwards): left of the drawing, or where that is narrow above each row."""
    axes.set_ylim(len(labels) - 0.4, -0.75 if narrow else -0.6)
    if not narrow:
        axes.set_yticks(range(len(labels)), [shortened(visible(text), _LABEL) for text in labels])
        return
    axes.set_yticks([])
    for row, text in enumerate(labels):
        axes.text(
            0, row - 0.26, shortened(visible(text), _LABEL), transform=axes.get_yaxis_transform(),
            va="bottom", fontsize=9,
        )  # fmt: skip


def _percent_axis(axes: Axes, low: float, high: float) -> None:
    pad = max(2.0, 0.06 * (high - low))
    axes.set_xlim(
        max(-pad / 2, low - pad), min(100 + pad / 2, high + pad)
    )  # a dot at 0 or 100 is drawn whole
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter("{x:g} %")
    axes.grid(visible=True, axis="x")


def _dot(axes: Axes, row: float, dot: Dot, size: float = 7) -> None:
    tint = colour(dot.tint)
    low, high = (100 * end for end in dot.interval)
    axes.plot([low, high], [row, row], color=tint, linewidth=2, solid_capstyle="round", alpha=0.55)
    face = colour("paper") if dot.hollow else tint
    axes.plot(
        100 * dot.value, row, "o", markersize=size, color=tint, markerfacecolor=face, markeredgewidth=1.8
    )


def dots(rows: Sequence[Dot], title: str) -> str:
    """Draw scores with their intervals, a row each, the numbers at the right."""
    ends = [100 * end for row in rows for end in row.interval]

    def draw(axes: Axes, narrow: bool) -> None:
        _label_rows(axes, [row.label for row in rows], narrow)
        for place, row in enumerate(rows):
            _dot(axes, place, row)
            axes.text(
                1.02, place, f"{100 * row.value:.1f}", transform=axes.get_yaxis_transform(), va="center",
                fontweight="bold" if not row.hollow else "normal",
            )  # fmt: skip
        _percent_axis(axes, min(ends), max(ends))

    return figure(draw, lambda narrow: _heights(len(rows))[narrow], title)


def groups(by_run: Sequence[Sequence[Group]], labels: Sequence[str], title: str, tints: Sequence[str]) -> str:
    """Draw the accuracy of parts of a benchmark: a row a part, a colour a run (tints, in the runs' order)."""
    ends = [100 * end for parts in by_run for part in parts for end in part.interval]

    def draw(axes: Axes, narrow: bool) -> None:
        _label_rows(axes, labels, narrow)
        step = min(0.22, 0.7 / len(by_run))
        for number, parts in enumerate(by_run):
            for part in parts:
                place = labels.index(part.label) + step * (number - (len(by_run) - 1) / 2)
                _dot(axes, place, Dot("", part.value, part.interval, tints[number]), size=6)
        _percent_axis(axes, min(ends), max(ends))

    return figure(draw, lambda narrow: _heights(len(labels))[narrow], title)


def waterfall(explained: Explanation, title: str) -> str:
    """Draw the way from the published score (or from what mending everything would give) down to the run's."""
    remaining = explained.remaining or 0.0
    steps = [(cause.title, cause.fair, "incorrect") for cause in explained.causes if cause.fair]
    steps += [("not accounted for", remaining, "soft")] if explained.published is not None else []
    top = explained.score + sum(points for _, points, _ in steps)
    first = "all of it mended" if explained.published is None else "published"
    labels = [first, *(label for label, _, _ in steps), "this run"]

    def draw(axes: Axes, narrow: bool) -> None:
        _label_rows(axes, labels, narrow)
        level, seen = 100 * top, [100 * top]
        for row, (_, points, tint) in enumerate(steps, 1):
            below = level - 100 * points
            axes.barh(row, below - level, left=level, height=0.42, color=colour(tint), alpha=0.85)
            axes.plot([level, level], [row - 1, row + 0.21], color=colour("soft"), linewidth=0.8)
            axes.text(1.02, row, f"{-100 * points:+.1f}", transform=axes.get_yaxis_transform(), va="center")
            level = below
            seen.append(level)
        axes.plot([level, level], [len(steps), len(steps) + 1], color=colour("soft"), linewidth=0.8)
        for row, value, hollow in ((0, top, True), (len(steps) + 1, explained.score, False)):
            _dot(axes, row, Dot("", value, Interval(value, value), "c0", hollow))
            axes.text(
                1.02, row, f"{100 * value:.1f}", transform=axes.get_yaxis_transform(), va="center",
                fontweight="bold",
            )  # fmt: skip
        _percent_axis(axes, min(seen), max(seen))

    return figure(draw, lambda narrow: _heights(len(labels))[narrow], title)


def statuses(by_run: Sequence[tuple[str, Mapping[str, int]]], title: str) -> str:
    """Draw what became of the responses of each run, as parts of a whole."""

    def draw(axes: Axes, narrow: bool) -> None:
        _label_rows(axes, [name for name, _ in by_run], narrow)
        for row, (_, counts) in enumerate(by_run):
            whole, left = sum(counts.values()), 0.0
            for status in STATUSES:
                share = counts.get(status, 0) / whole
                axes.barh(
                    row,
                    share,
                    left=left,
                    height=0.46,
                    color=colour(status),
                    edgecolor=colour("paper"),
                    linewidth=1,
                )
                if share > _WIDE_ENOUGH * (2 if narrow else 1):
                    axes.text(
                        left + share / 2, row, str(counts[status]), ha="center", va="center", fontsize=9,
                        color=colour("paper"),
                    )  # fmt: skip
                left += share
        axes.set_xlim(0, 1)
        axes.set_xticks([])

    return figure(draw, lambda narrow: _heights(len(by_run))[narrow] - 0.2, title)


def lengths(bins: Sequence[Bin], title: str) -> str:
    """Draw how many responses of which length are right and wrong."""

    def draw(axes: Axes, narrow: bool) -> None:
        places = range(len(bins))
        right, wrong = [b.right for b in bins], [b.wrong for b in bins]
        axes.bar(places, right, width=0.84, color=colour("correct"))
        axes.bar(places, wrong, width=0.84, bottom=right, color=colour("incorrect"))
        every = max(1, round(len(bins) / (4 if narrow else 8)))
        axes.set_xticks(list(places)[::every], [f"{b.low:,}" for b in bins][::every])
        axes.set_xlabel("characters of the response, from")
        axes.tick_params(axis="y", labelsize=9, labelcolor=colour("soft"))
        axes.locator_params(axis="y", nbins=4, integer=True)
        axes.grid(visible=True, axis="y")

    return figure(draw, lambda narrow: 2.3 if narrow else 2.6, title)


class Curve(NamedTuple):
    """A curve over k, the number of responses to a doc: (k, value, low, high) with fractions."""

    label: str
    points: Sequence[tuple[int, float, float, float]]


def curves(drawn: Sequence[Curve], title: str) -> str:
    """Draw avg@k, pass@k, maj@k, ... over k, each with the band of its interval and its name at its end."""

    def draw(axes: Axes, _narrow: bool) -> None:
        for number, (label, points) in enumerate(drawn):
            ks = [p[0] for p in points]
            axes.fill_between(
                ks, [100 * p[2] for p in points], [100 * p[3] for p in points], color=run_colour(number),
                alpha=0.15, linewidth=0,
            )  # fmt: skip
            axes.plot(
                ks, [100 * p[1] for p in points], "o-", color=run_colour(number), markersize=4, linewidth=2
            )
            axes.annotate(
                shortened(visible(label), 24), (ks[-1], 100 * points[-1][1]), (9, 0), textcoords="offset points",
                va="center", fontsize=9, color=run_colour(number),
            )  # fmt: skip
        every = sorted({p[0] for _, points in drawn for p in points})
        axes.set_xscale("log", base=2)
        axes.set_xticks(every, [str(k) for k in every])
        axes.minorticks_off()
        axes.set_xlabel("responses to each problem, k")
        axes.tick_params(axis="y", labelsize=9, labelcolor=colour("soft"))
        axes.yaxis.set_major_formatter("{x:g} %")
        axes.grid(visible=True, axis="y")

    return figure(draw, lambda narrow: NARROW * 0.8 if narrow else 3.0, title)
