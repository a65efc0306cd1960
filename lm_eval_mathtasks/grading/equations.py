"""Equations in formulas: which stay whole as an answer, and of which a side is the answer."""

import re

from lm_eval_mathtasks.grading.formulas import SINGLE_NAME, TEXT_IN_FORMULA

_LONE_LETTER = re.compile(r"(?<![\\a-zA-Z])[a-z](?![a-zA-Z])")
# What gives a letter a meaning of its own: a sum over k, a label as P(x > 3), f(2) or an angle.
_BOUND_NAMES = re.compile(r"\\(?:[dt]?binom|sum|prod|int|lim|max|min|mathbb|angle|overline)(?![a-z])")
# ... and the sign of multiplication in "6 x 8".
_NO_UNKNOWN = re.compile(
    r"(?<![a-zA-Z])[A-Zf-hpq](?:\^\{-1\}|')?\s?(?:\\left)?\([^()]*\)|(?:(?<=\d)\s?|(?<!\S))x\s?(?=\$?\d)"
)
_UNKNOWN = re.compile(r"(?<![\\a-zA-Z])[a-z](?:_\{?\w+\}?)?(?![a-zA-Z])")
_PRODUCT = re.compile(r"[a-z]{2,3}")
_CONSTANT = re.compile(r"[-−]?\d+(?:\.\d+)?")
_ENVIRONMENT = re.compile(r"\s*\\begin\{(?:align|equation|gather|eqnarray|aligned|split)\*?\}")
_SPACE = r"(?:\s|\\q?quad(?![a-z])|\\[,;: ])*"
# A name, f(x), f^{-1}(x) or \cos(\pi), and a value whose brackets may hold commas.
_IN_BRACKETS = r"\((?:[^()=]|\([^()=]*\))*\)"
_NAME = rf"(?:[a-zA-Z]|\\[a-zA-Z]+)(?:_\w|_\{{\w\}})?(?:\^\{{-1\}}|')?(?:\s?(?:\\left)?{_IN_BRACKETS})?"
_ASSIGNED = rf"{_SPACE}\$?{_NAME}\s?=(?:[^=,;()]|{_IN_BRACKETS})+?"
_AND = r"(?:\\text\s?\{\s*(?:and|or)\s*\}|(?<![a-z])(?:and|or)\b)"
_ASSIGNMENTS = re.compile(rf"{_ASSIGNED}(?:(?:[,;](?:{_SPACE}{_AND})?|{_AND}){_ASSIGNED})+")
_IMPLIES = re.compile(r"\\implies|\\iff|\\(?:Long)?[Rr]ightarrow|\\Longrightarrow|⇒|⟹|\\equiv")
# "5!=120" is an equation, "x != 5" is none.
_EQUALS_OR_BRACE = re.compile(r"(?<![<>:\\])(?<!\s!)=(?!=)|[{}]")
_ALIGNMENT = re.compile(r"(?:[\s&~]|\\[,;:! ]|\\q?quad(?![a-z])|\\text\{\s*\})*")
_SOMETHING = re.compile(r"[^\s\\]")


def value_side(text: str, start: int, stop: int, *, stated: bool = False) -> tuple[int, int]:
    r"""Narrow a formula to the answer it ends in: its last line, and there what stands right of the last `=`.

    Equations that may be the answer themselves stay whole: `x = 5`, `y = 2x + 3`, `4x - 5y = 50`, `x^2 - 7 = 0`; where
    a sentence says that it is the answer (`stated`), also `y^2 = 6x`.
    """
    opening = _ENVIRONMENT.match(text, start, stop)
    if opening:
        start, stop = opening.end(), max(opening.end(), text.rfind("\\end{", start, stop))
    stop = start + len(text[start:stop].rstrip(" \n.,;\\"))
    line = max(text.rfind("\\\\", start, stop), text.rfind("\n", start, stop))
    if line >= start and _SOMETHING.search(text, line + 1, stop) and "\\begin{" not in text[start:stop]:
        start = line + (2 if text[line] == "\\" else 1)
    implied = list(_IMPLIES.finditer(text, start, stop))
    if implied and text[implied[-1].end() : stop].strip(" \n&.,"):
        start = implied[-1].end()
    start = _after_spaces(text, start, stop)
    equals = _equals(text, start, stop)
    # "x = 3, y = 5" is a list
    if len(equals) > 1 and _ASSIGNMENTS.fullmatch(text, start, stop):
        return start, stop
    if not equals or not text[equals[-1] + 1 : stop].strip(" \n&.,"):
        return start, stop
    left, right = text[start : equals[0]].strip(" \n&"), text[equals[-1] + 1 : stop].strip(" \n&.,")
    if len(equals) == 1 and "&" not in text[start:stop] and _may_be_asked(left, right, stated=stated):
        return start, stop
    # "18 = x", but not "2A = ab"
    product = _PRODUCT.fullmatch(right) and re.search(r"[a-zA-Z]", left)
    if len(equals) == 1 and SINGLE_NAME.fullmatch(right) and left and not product:
        return start, start + len(text[start : equals[0]].rstrip(" \n&"))
    return _after_spaces(text, equals[-1] + 1, stop), stop


def _equals(text: str, start: int, stop: int) -> list[int]:
    r"""Return the signs of equality outside braces: that of `\sum_{k=1}^{5} k` divides nothing."""
    found, depth = [], 0
    for match in _EQUALS_OR_BRACE.finditer(text, start, stop):
        if match.group() == "=":
            found += [] if depth else [match.start()]
        else:
            depth = max(0, depth + (1 if match.group() == "{" else -1))
    return found


def open_equation(text: str) -> str | None:
    """Return the unknown of an equation in one that is not solved, `x + 37 = 0`, or None.

    `x = 37`, `12 + 25 = 37`, `f(2) = 3` and the equation of a curve state a value, or are one.
    """
    equals = _equals(text, 0, len(text))
    left, right = (text[: equals[0]].strip(" \n&"), text[equals[0] + 1 :]) if len(equals) == 1 else ("", "")
    if not left or SINGLE_NAME.fullmatch(left) or _BOUND_NAMES.search(left):
        return None
    # twice, for f(f(3))
    left, right = (
        _NO_UNKNOWN.sub(" ", _NO_UNKNOWN.sub(" ", TEXT_IN_FORMULA.sub("", side))) for side in (left, right)
    )
    unknowns = set(_UNKNOWN.findall(left))
    return unknowns.pop() if len(unknowns) == 1 and not _UNKNOWN.search(right) else None


def _may_be_asked(left: str, right: str, *, stated: bool) -> bool:
    """Tell whether an equation as a whole may be the answer: a name is given a value, or names are related."""
    if SINGLE_NAME.fullmatch(left):
        return True
    # An equation in one unknown that is set to zero does not answer zero.
    if right == "0" and open_equation(f"{left}=0"):
        return True
    # A curve or an inverse function, but not "18 = x".
    if stated and left and not SINGLE_NAME.fullmatch(right):
        return len(set(_LONE_LETTER.findall(TEXT_IN_FORMULA.sub("", f"{left} {right}")))) > 1
    return _CONSTANT.fullmatch(right) is not None and len(set(_LONE_LETTER.findall(left))) > 1


def _after_spaces(text: str, start: int, stop: int) -> int:
    spaces = _ALIGNMENT.match(text, start, stop)
    return spaces.end() if spaces else start
