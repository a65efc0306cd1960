"""Drawings as plain SVG: a few shapes in the fonts and colours of the page, with which they turn dark."""

import html
import math
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec

from lm_eval_mathtasks.text import visible

WIDE, NARROW = 840, 400  # pixels: a column of the page, and a phone
LABEL, SMALL = 14, 12.5  # pixels: letters in ink, and all others
RUN_COLOURS = 6  # after so many runs the colours come again, and the labels tell them apart

Point = tuple[float, float]
P = ParamSpec("P")


class Canvas:
    """One drawing, in pixels from the top left. A tint is the name of a colour in page.css."""

    def __init__(self, narrow: bool, height: float) -> None:
        self.narrow, self.width, self.height = narrow, NARROW if narrow else WIDE, height
        self._shapes: list[str] = []

    def line(self, points: Sequence[Point], tint: str, width: float = 2, opacity: float = 1) -> None:
        """Draw a line through points."""
        self._add("polyline", points=points, fill="none", stroke=f"var(--{tint})", stroke_width=width,
                  stroke_linecap="round", opacity=opacity)  # fmt: skip

    def area(self, points: Sequence[Point], tint: str, opacity: float = 1) -> None:
        """Fill what points enclose."""
        self._add("polygon", points=points, fill=f"var(--{tint})", opacity=opacity)

    def box(self, left: float, right: float, top: float, bottom: float, tint: str) -> None:
        """Fill a rectangle."""
        self.area([(left, top), (right, top), (right, bottom), (left, bottom)], tint)

    def dot(self, at: Point, radius: float, tint: str, hollow: bool = False) -> None:
        """Draw a dot, or a ring."""
        self._add("circle", cx=at[0], cy=at[1], r=radius, fill=f"var(--{'paper' if hollow else tint})",
                  stroke=f"var(--{tint})", stroke_width=1.8)  # fmt: skip

    def text(self, at: Point, text: str, anchor: str, tint: str = "ink", *, bold: bool = False) -> None:
        """Write a text half above and half below y; anchor: start, middle or end, what of it stands at x."""
        size = LABEL - self.narrow if tint == "ink" else SMALL
        self._add("text", visible(text), x=at[0], y=at[1] + 0.36 * size, fill=f"var(--{tint})", font_size=size,
                  text_anchor=anchor, font_weight="bold" if bold else "normal")  # fmt: skip

    def _add(self, tag: str, text: str = "", **attributes: str | float | Sequence[Point]) -> None:
        said = (f' {name.replace("_", "-")}="{_plain(value)}"' for name, value in attributes.items())
        self._shapes.append(f"<{tag}{''.join(said)}>{html.escape(text)}</{tag}>")

    def svg(self, title: str) -> str:
        """Return the drawing; title is read out by screen readers."""
        about = f'class="chart {"narrow" if self.narrow else "wide"}" role="img" aria-label="{html.escape(title)}"'
        return f'<svg {about} viewBox="0 0 {self.width} {self.height}">{"".join(self._shapes)}</svg>'


def figure(draw: Callable[Concatenate[bool, P], Canvas]) -> Callable[Concatenate[str, P], str]:
    """Make draw(narrow, ...) a function of a title and the rest, which draws for wide and for narrow screens: page.css
    shows the drawing that fits."""

    def both(title: str, /, *args: P.args, **named: P.kwargs) -> str:
        return "".join(draw(narrow, *args, **named).svg(visible(title)) for narrow in (False, True))

    return both


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from low to high, with at most so many steps of 1, 2, 5, 10, ... between them."""
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(m * size for m in (1, 2, 5, 10) if m * size * most >= high - low)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _plain(value: str | float | Sequence[Point]) -> str:
    if isinstance(value, int | float):
        return f"{value:.5g}"
    return value if isinstance(value, str) else " ".join(f"{x:.1f},{y:.1f}" for x, y in value)
