"""Figures drawn by matplotlib, made fit to stand inside a page: its fonts, its colours in light and dark, no ids."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, NARROW = 8.4, 4.0  # inches at 100 dots each: a column of the page, and a phone
_DPI = 100
_TEXT = 10.5  # points; matplotlib's 72 points are an inch, so 14.6 px

# Colours a figure is drawn in, and the variable of page.css that each becomes.
COLOURS = {
    "#0000a0": "var(--ink)", "#0000a1": "var(--soft)", "#0000a2": "var(--line)", "#0000a3": "var(--paper)",
    "#0000b0": "var(--c0)", "#0000b1": "var(--c1)", "#0000b2": "var(--c2)", "#0000b3": "var(--c3)",
    "#0000b4": "var(--c4)", "#0000b5": "var(--c5)",
    "#0000c0": "var(--correct)", "#0000c1": "var(--incorrect)", "#0000c2": "var(--no_answer)",
    "#0000c3": "var(--truncated)", "#0000c4": "var(--unparsable)", "#0000c5": "var(--over_limit)",
    "#0000c6": "var(--gold_unreadable)", "#0000c7": "var(--api_error)",
}  # fmt: skip
_BY_NAME = {variable[6:-1]: colour for colour, variable in COLOURS.items()}
RUN_COLOURS = 6


def colour(name: str) -> str:
    """Return the colour to draw in that becomes the page's variable `--name`."""
    return _BY_NAME[name]


def run_colour(number: int) -> str:
    """Return the colour of the n-th run; after six they come again, and the labels tell them apart."""
    return colour(f"c{number % RUN_COLOURS}")


Draw = Callable[["Axes", bool], None]


def figure(draw: Draw, height: Callable[[bool], float], title: str) -> str:
    """Return two drawings of a figure, for wide and for narrow screens; page.css shows the one that fits.

    draw(axes, narrow) draws; height(narrow) is in inches; title is read out by screen readers.
    """
    return "".join(_drawing(draw, height(narrow), title, narrow) for narrow in (False, True))


def _drawing(draw: Draw, height: float, title: str, narrow: bool) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _style(title + str(narrow)):
        drawing = Figure(figsize=(NARROW if narrow else WIDE, height), dpi=_DPI, layout="constrained")
        FigureCanvasSVG(drawing)
        axes = drawing.subplots()
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)
        draw(axes, narrow)
        out = io.StringIO()
        drawing.savefig(out, format="svg", transparent=True)
    return _inline(out.getvalue(), title, "narrow" if narrow else "wide")


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """salt: the ids inside a drawing are made of it; a shape of a hidden drawing must not stand in for ours."""
    import matplotlib as mpl

    settings = {
        "svg.fonttype": "none", "svg.hashsalt": salt, "text.parse_math": False, "font.size": _TEXT,
        "text.color": colour("ink"), "axes.labelcolor": colour("soft"), "axes.labelsize": _TEXT - 1.5,
        "xtick.color": colour("soft"), "ytick.color": colour("ink"), "xtick.labelsize": _TEXT - 1.5,
        "grid.color": colour("line"), "grid.linewidth": 0.8, "axes.axisbelow": True,
        "xtick.major.size": 0, "ytick.major.size": 0,
    }  # fmt: skip
    with warnings.catch_warnings(), mpl.rc_context(settings):
        # A name may hold letters that the measuring font lacks; the browser's fonts draw the text.
        warnings.filterwarnings("ignore", message=r"(?s)(Glyph|Matplotlib currently does not support)")
        yield


def _inline(svg: str, title: str, kind: str) -> str:
    """Keep the drawing itself: no prologue, metadata, style sheet (it would reach the page), fonts or ids of groups."""
    svg = svg[svg.index("<svg") :]
    for pattern in (r"<metadata>.*?</metadata>", r"<style[^>]*>.*?</style>", r"<!--.*?-->"):
        svg = re.sub(pattern, "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # Text between the tags is a label, perhaps a model's name: it stays as matplotlib escaped it.
    svg = re.sub(r"<[^>]*>", lambda tag: _themed(tag[0]), svg)
    box = re.search(r'viewBox="([^"]*)"', svg)
    body = svg[svg.index(">") + 1 :]
    assert box is not None
    label = html.escape(title, quote=True)
    return (
        f'<svg class="chart {kind}" role="img" aria-label="{label}" viewBox="{box[1]}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
    )


def _themed(tag: str) -> str:
    """A tag with the page's fonts and colours."""
    sizes = re.sub(
        r"font(-family)?: ([\d.]+px )?[^;\"]*", lambda m: f"font-size: {m[2]}" if m[2] else "", tag
    )
    return re.sub(r"#0000[abc]\d", lambda m: COLOURS[m[0]], sizes)
