"""Answers within a tolerance that a dataset states (OlympiadBench's column `error`, absolute)."""

import re

TOLERANCE = "tolerance"  # the tier of a verdict that a tolerance decided
SLACK = 1.01  # the tolerance itself still counts, whatever the rounding: as OlympiadBench's own judge has it
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_AROUND = re.compile(r"[\s$]|\\?%|\\text\{[^{}]*\}|\^\{?\\circ\}?")


def within(gold: str, answer: str | None, tolerance: float) -> bool:
    """Whether both are plain numbers (but for units) no further apart than the tolerance.

    >>> within("1.25", "$1.249$", 0.001)
    True
    """
    wanted, found = _number(gold), _number(answer or "")
    return wanted is not None and found is not None and abs(found - wanted) <= tolerance * SLACK


def as_tolerance(text: str) -> float | None:
    """The number in a tolerance column, None where it holds none."""
    try:
        return float(text)
    except ValueError:
        return None


def _number(answer: str) -> float | None:
    text = _AROUND.sub("", answer)
    return float(text) if _NUMBER.fullmatch(text) else None
