"""The figures of the page. Values are fractions here and percent in the drawings; each has a table beside it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.numbers.intervals import Interval
from lm_eval_mathtasks.report.examine import Bin, Group
from lm_eval_mathtasks.report.status_words import STATUSES
from lm_eval_mathtasks.report.svg import LABEL, RUN_COLOURS, Canvas, Point, figure, ticks
from lm_eval_mathtasks.runs.training_curves import Curve as Course
from lm_eval_mathtasks.sampling.curves import Curve
from lm_eval_mathtasks.tables import Share, percent

_ROW, _ROW_NARROW = 36, 52  # pixels; where the label is above the dots, as on a phone, a row takes more
_AXIS = 36  # pixels of the scale below
_NUMBER = 60  # pixels of a number at the right
_LETTER = 0.56 * LABEL  # pixels, about: the fonts are the browser's
_LABEL = 44  # letters of a label
_TENTH = 0.001  # of a percent, as a fraction
_WIDE_ENOUGH = 30  # pixels of a part of a bar with room for its number


class Dot(NamedTuple):
    """A score with its interval. tint: the name of a colour; hollow: a claim, not a measurement of ours."""

    label: str
    value: float
    interval: Interval
    tint: str
    hollow: bool = False


class _Rows(Canvas):
    """Rows on a scale, each with its label at the left or, where the drawing is narrow, above it.

    ends: values that the scale, which is in percent then, has to show; None for a scale from 0 to 1 that is not drawn.
    margin: pixels at the right.
    """

    def __init__(
        self, narrow: bool, labels: Sequence[str], ends: Iterable[float] | None, margin: int = 16
    ) -> None:
        self.row = _ROW_NARROW if narrow else _ROW
        super().__init__(narrow, len(labels) * self.row + _AXIS * (ends is not None))
        names = [shortened(label, _LABEL) for label in labels]
        self.right = self.width - margin
        self.left = 8 if narrow else 22 + _LETTER * max(map(len, names))
        shown = [0.0, 1.0] if ends is None else sorted(ends)
        self.low, self.high = (0.0, 1.0) if ends is None else self._around(shown)
        # No score lies below 0 or above 1; only the way through a sum of estimated losses may.
        first, last = 100 * min(0, shown[0]), 100 * max(1, shown[-1])
        for tick in ticks(100 * self.low, 100 * self.high, 7 if narrow else 8) if ends is not None else ():
            if not first <= tick <= last:
                continue
            x, bottom = self.x(tick / 100), self.height - _AXIS
            self.line([(x, 2), (x, bottom + 6)], "line", 0.8)
            self.text((x, bottom + _AXIS / 2), f"{tick:g} %", "middle", "soft")
        for row, name in enumerate(names):
            x, y = (0.0, self.y(row) - 22) if narrow else (self.left - 14, self.y(row))
            self.text((x, y), name, "start" if narrow else "end")

    @staticmethod
    def _around(ends: Sequence[float]) -> tuple[float, float]:
        """From a little below the lowest to a little above the highest, so that a dot at 0 or 1 is drawn whole."""
        more = max(0.02, 0.06 * (ends[-1] - ends[0]))
        return max(-more / 2, ends[0] - more), min(1 + more / 2, ends[-1] + more)

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * (value - self.low) / (self.high - self.low)

    def y(self, row: float) -> float:
        return (row + (0.72 if self.narrow else 0.5)) * self.row

    def score(self, row: float, dot: Dot, radius: float = 4.6) -> None:
        self.line([(self.x(end), self.y(row)) for end in dot.interval], dot.tint, opacity=0.55)
        self.dot((self.x(dot.value), self.y(row)), radius, dot.tint, dot.hollow)

    def bar(self, row: float, low: float, high: float, tint: str) -> None:
        self.box(self.x(low), self.x(high), self.y(row) - 8, self.y(row) + 8, tint)

    def number(self, row: float, text: str, *, bold: bool = True) -> None:
        self.text((self.right + 14, self.y(row)), text, "start", bold=bold)


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters, with an ellipsis where there were more: at the end, or before what stands in
    brackets there, by which runs of one model are told apart."""
    if len(text) <= most:
        return text
    end = text[text.rindex("(") :] if text.endswith(")") and "(" in text else ""
    end = end if len(end) < most // 2 else ""
    return text[: most - 1 - len(end)].rstrip() + "…" + end


@figure
def dots_chart(narrow: bool, rows: Sequence[Dot]) -> Canvas:
    """Draw scores with their intervals, a row each, the numbers at the right."""
    ends = (end for row in rows for end in row.interval)
    drawing = _Rows(narrow, [row.label for row in rows], ends, _NUMBER)
    for place, row in enumerate(rows):
        drawing.score(place, row)
        drawing.number(place, f"{100 * row.value:.1f}", bold=not row.hollow)
    return drawing


@figure
def groups_chart(
    narrow: bool, by_run: Sequence[Sequence[Group]], labels: Sequence[str], tints: Sequence[str]
) -> Canvas:
    """Draw the accuracy of parts of a benchmark: a row a part, a colour a run (tints, in the runs' order)."""
    drawing = _Rows(narrow, labels, (end for parts in by_run for part in parts for end in part.interval))
    step = min(0.2, 0.7 / len(by_run))
    for number, parts in enumerate(by_run):
        for part in parts:
            place = labels.index(part.label) + step * (number - (len(by_run) - 1) / 2)
            drawing.score(place, Dot("", part.value, part.interval, tints[number]), 4)
    return drawing


@figure
def waterfall_chart(narrow: bool, explained: Explanation) -> Canvas:
    """Draw the way from the published score (or from what fixing everything would give) down to the run's."""
    steps = [(cause.title, cause.fair, "incorrect") for cause in explained.causes if cause.fair]
    if explained.published is not None:
        steps.append(("not accounted for", explained.remaining or 0.0, "soft"))
    levels = [explained.score + sum(points for _, points, _ in steps[row:]) for row in range(len(steps) + 1)]
    first = "all of it fixed" if explained.published is None else "published"
    drawing = _Rows(narrow, [first, *(label for label, _, _ in steps), "this run"], levels, _NUMBER)
    # Digits after the point: as many as the smallest step needs so as not to be called 0.
    digits = 1 if all(abs(points) >= _TENTH / 2 for _, points, _ in steps if points) else 2
    for row, level in enumerate(levels):
        drawing.line([(drawing.x(level), drawing.y(row + end)) for end in (0, 1)], "soft", 0.8)
    for row, (_, points, tint) in enumerate(steps, 1):
        drawing.bar(row, levels[row], levels[row - 1], tint)
        drawing.number(row, str(Share(-points, signed=True, digits=digits)), bold=False)
    for row, value, hollow in ((0, levels[0], True), (len(levels), levels[-1], False)):
        drawing.score(row, Dot("", value, Interval(value, value), "c0", hollow))
        drawing.number(row, percent(value, digits))
    return drawing


@figure
def statuses_chart(narrow: bool, by_run: Sequence[tuple[str, Mapping[str, int]]]) -> Canvas:
    """Draw what became of the responses of each run, as parts of a whole."""
    drawing = _Rows(narrow, [name for name, _ in by_run], None)
    for row, (_, counts) in enumerate(by_run):
        whole, left = sum(counts.values()), 0.0
        for status in STATUSES:
            right = left + counts.get(status, 0) / whole
            drawing.bar(row, left, right, status)
            drawing.line([(drawing.x(right), drawing.y(row) + end) for end in (-7, 7)], "paper", 1)
            if drawing.x(right) - drawing.x(left) > _WIDE_ENOUGH:
                middle = (drawing.x((left + right) / 2), drawing.y(row))
                drawing.text(middle, str(counts[status]), "middle", "paper")
            left = right
    return drawing


class _Columns(Canvas):
    """Columns side by side, or points at their places, on a scale at the left; what they are is said below.

    scale: from, to, and what stands behind each number; None for counts, which are whole numbers.
    """

    def __init__(
        self, narrow: bool, scale: tuple[float, float, str | None], columns: int, below: str, end: int = 12
    ) -> None:
        super().__init__(narrow, 270)
        self.low, self.high, unit = scale
        self.left, self.bottom = 56, self.height - 52
        self.column = (self.width - end - self.left) / columns
        for tick in ticks(self.low, self.high, 6):
            if unit is not None or tick == round(tick):
                self.line([(self.left, self.y(tick)), (self.width - end, self.y(tick))], "line", 0.8)
                self.text((self.left - 10, self.y(tick)), f"{tick:,g}{unit or ''}", "end", "soft")
        self.text(((self.left + self.width - end) / 2, self.height - 9), below, "middle", "soft")

    def x(self, column: float) -> float:
        return self.left + self.column * column

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - 10) * (value - self.low) / (self.high - self.low)

    def name(self, column: int, text: str) -> None:
        self.text((self.x(column + 0.5), self.bottom + 18), text, "middle", "soft")


@figure
def lengths_chart(narrow: bool, bins: Sequence[Bin]) -> Canvas:
    """Draw how many responses of which length are right and wrong."""
    most = max(one.right + one.wrong for one in bins)
    drawing = _Columns(narrow, (0, most, None), len(bins), "characters of the response, from")
    every = max(1, round(len(bins) / (4 if narrow else 8)))
    for column, one in enumerate(bins):
        left, right = drawing.x(column + 0.08), drawing.x(column + 0.92)
        for low, high, tint in ((0, one.right, "correct"), (one.right, one.right + one.wrong, "incorrect")):
            drawing.box(left, right, drawing.y(high), drawing.y(low), tint)
        if column % every == 0:
            drawing.name(column, f"{one.low:,}")
    return drawing


@figure
def curves_chart(narrow: bool, drawn: Sequence[Curve]) -> Canvas:
    """Draw avg@k, pass@k, maj@k, ... over k, each with the band of its interval and its name at its end."""
    ks = sorted({point.k for curve in drawn for point in curve.points})
    ends = [100 * end for curve in drawn for point in curve.points for end in (point.low, point.high)]
    scale = (min(ends) - 1, max(ends) + 1, " %")
    drawing = _Columns(narrow, scale, len(ks), "responses to each problem, k", 70)

    def at(k: int, value: float) -> Point:
        return drawing.x(ks.index(k) + 0.5), drawing.y(100 * value)

    for column, k in enumerate(ks):
        drawing.name(column, str(k))
    lowest = 0.0  # of the names so far: none is written over another
    for number, curve in sorted(enumerate(drawn), key=lambda one: -one[1].points[-1].value):
        tint, middle = f"c{number % RUN_COLOURS}", [at(p.k, p.value) for p in curve.points]
        above, below = [at(p.k, p.high) for p in curve.points], [at(p.k, p.low) for p in curve.points]
        drawing.area([*above, *reversed(below)], tint, 0.15)
        drawing.line(middle, tint)
        for point in middle:
            drawing.dot(point, 3, tint)
        lowest = max(middle[-1][1], lowest + LABEL)
        drawing.text((middle[-1][0] + 12, lowest), shortened(curve.label, 24), "start", tint)
    return drawing


@figure
def course_chart(narrow: bool, course: Course) -> Canvas:
    """Draw what a trainer logged over its steps."""
    low, high = min(course.values), max(course.values)
    room = 0.05 * (high - low or abs(high) or 1)
    drawing = _Columns(narrow, (low - room, high + room, ""), 1, "step")
    first, last = course.steps[0], course.steps[-1]

    def at(step: float) -> float:
        """Where between the first and the last step, with room at both ends."""
        return drawing.x(0.02 + 0.96 * (step - first) / (last - first or 1))

    for step in ticks(first, last, 5) if last > first else [first]:
        drawing.text((at(step), drawing.bottom + 18), f"{step:g}", "middle", "soft")
    points = [(at(step), drawing.y(value)) for step, value in zip(course.steps, course.values, strict=True)]
    drawing.line(points, "c0")
    for point in (points[0], points[-1]):
        drawing.dot(point, 3, "c0")
    return drawing
