"""Answers that stand one a line."""

import re

_ITEM = re.compile(r"(?:(?:[-*•]|\d[.)])\s+)(\S.*)|(-?\d[\d./]*)")
_NAMED_LINE = re.compile(r"\$?\s*([A-Za-z](?:_\{?\w+\}?)?(?:\([a-z]\))?)\s*=")


def list_of_lines(text: str) -> str:
    """Return a text of several lines as a list: an equation a line, each for another name, or a number or item a line.

    >>> list_of_lines("- 3\\n- 5")
    '3, 5'
    """
    lines = [line.strip() for line in text.split("\n") if line.strip(" $,;")]
    items = [item for line in lines if (item := _ITEM.fullmatch(line))]
    if len(items) == len(lines) and len({item.lastindex for item in items}) == 1:
        lines = [item[item.lastindex or 0] for item in items]
    elif len({name[1] if (name := _NAMED_LINE.match(line)) else "" for line in lines}) < len(lines):
        return text
    return text if len(lines) < 2 or "\\begin" in text else ", ".join(line.rstrip(" ,;") for line in lines)
