r"""Formulas in running text: `$...$`, `\(...\)`, `\[...\]`, environments, and the numbers between them.

A dollar sign opens a formula only where the text up to the next one is no prose: "$5 and she has $3" is money.
"""

import re
from typing import NamedTuple

from lm_eval_mathtasks.grading.normalize import LOST_BACKSLASH

Span = tuple[int, int]

# "1,000", "9 500" (groups of three), ".5", "1.5e+06", each with a denominator if there is one; "0.333..." goes on.
_DIGITS = (
    r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d.,]*\d)|\d[\d,]*(?<!,)(?:\.\d{3,}(?:\.{3}|…)|\.\d+)?"
    r"|\.\d+)(?:[eE][-+]?\d{1,3}(?!\w))?(?:/\d+(?:\.\d+)?)?"
)
# the 2 of "36 cm^2"
_NO_POWER = r"(?<![cmk ]m\^)(?<!ft\^)(?<!in\^)(?<!yd\^)(?<!units\^)"
_PART = r"[-−+]?(?:\d+(?:\.\d+)?(?:/\d+)?|∞)"
# A value in prose: a time of day, a point like (3, -4), a fraction or root in LaTeX without dollars, or a number with
# its sign, currency and percent. "3-4" is two numbers, "- 4" has no sign, "x2" is a name.
NUMBER = re.compile(
    # most characters begin none: they are passed over at once
    r"(?=[-−–+$€£¥\\\d.√π∞(\[s])(?:(?<![\w:])\d{1,2}(?::[0-5]\d(?![\d:])(?:\s?[ap]\.?m\b)?|\s?[ap]\.?m\b)"
    rf"|[(\[]\s?{_PART}(?:\s?,\s?{_PART}){{1,9}}\s?[)\]]"
    r"|(?:(?<![\w.])[-−])?\d{0,9}\s?\\(?:[dt]?frac\{[^{}]{1,40}\}\{[^{}]{1,40}\}|sqrt\{[^{}]{1,40}\})"
    r"|(?<![\w.])[-−]?\d{0,9}(?:√\s?(?:\d{1,9}|\(\d[\d/+ -]{0,20}\))|(?:\s?\*\s?)?sqrt\(\d{1,9}\))"
    r"|(?<![\w.])\d{1,4}!(?:(?:\s?[/*×·]\s?(?:\([\d!*×· +-]{1,40}\)|\d{1,4}!?)){1,9}"
    r"|(?=\.|\s?[=,;]|\s+(?:ways|possib|arrange)))"
    rf"|{_NO_POWER}(?<![\w.,\\])[-−–+]?(?:[$€£¥]|\\\$)?[-−]?{_DIGITS}(?:π|\s?pi\b|√\d{{1,9}}|\^[-−]?\d{{1,9}})?(?:\s?\\?%)?"
    rf"|{_NO_POWER}(?<![a-zA-Z0-9_]){_DIGITS}(?:\s?\\?%)?|(?<!\w)[-−+]?[π∞])",
    re.IGNORECASE,
)
_DELIMITER = re.compile(
    r"\\\\(?![()\[\]])|\\\$|\$\$?|\\{1,2}\(|\\{1,2}\)|\\{1,2}\[|\\{1,2}\]"
    r"|\\(?:begin|end)\{(?:align|equation|gather|displaymath|math|eqnarray)\*?\}"
)
_COMMAND = re.compile(r"\\[a-zA-Z]|[\^_]\{?")
_OPEN_CALL = re.compile(r"\s*(?:[A-Za-z]\w{0,2}|\([^()$]*\)\s?)\([^)]*\Z|[\d.]+(?: ?[-+*] ?[\d.]+)+\Z")
_PROSE_WORD = re.compile(
    r"(?<![\\a-zA-Z])(?:[A-Z]?[a-z]{3,}|(?:is|of|to|at|he|we|in|on|an|so|or|by|as|it|if)\b)"
)
_MONEY_TAIL = re.compile(r"(?<=\d)\$(?=[\s.,;:!?)]|\Z)")
TEXT_IN_FORMULA = re.compile(
    r"\\(?:text\w*|mbox|operatorname|mathrm|mathbf|begin|end)\s?\{[^{}]*\}(?:\{[lcr|]{1,20}\})?"
)
_FUNCTIONS = frozenset(
    {"sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "log", "exp", "sqrt", "and"}
    | {"det", "max", "min", "mod", "gcd", "lcm"}
)
SINGLE_NAME = re.compile(r"\\?[a-zA-Z]+(?:_\{?\w+\}?)?(?:\([a-z]\))?|\\math\w+\{[A-Za-z]\}")
# "at $x = 0$, and finally at $x = 4$", "and, by symmetry, $(1, 2)$"
_BETWEEN_ITEMS = re.compile(r"\b(?:by symmetry,?|(?:finally |lastly )?(?:at|by))\s")
JOINTS = {
    "", "and", "or", "as well as", "together with", "along with", "and also", "also", "or its negative",
    "or its opposite", "or its reciprocal", "and its conjugate", "和", "或", "与", "以及",
    "et", "ou", "und", "oder", "sowie", "y", "o", "e", "и", "или",
}  # fmt: skip
_CONSTANTS = {r"\pi", r"\infty", r"\emptyset", r"\varnothing"}
_EMPTY_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{\s*\}")
_OPENING_TRIM = ' \t\r\n*_`"“”:：>'
TRIM = _OPENING_TRIM + "，,；;。.！"
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\\(", r"\\)"), (r"\(", r"\)"), (r"\\[", r"\\]"), (r"\[", r"\]"))
# Mathematics that no delimiter marks, words excluded; braces within braces within braces are not looked into.
_RUN = re.compile(
    r"(?:\\[a-zA-Z]+|\\\{[^{}\n]*\\\}|\{(?:[^{}\n]|\{[^{}\n]*\})*\}|[\d()\[\]^_!|]"
    r"|(?<![a-zA-Z\\])(?![aI] )[a-zA-Z](?![a-zA-Z])"
    r"|(?<=[\w)}\]^_!|])(?: ?[-+*/=<>,.] ?| )(?=[-\w\\({\[|]))+"
)
_FORMATTED = re.compile(
    r"\\(?:boxed|fbox|text\w*|math\w+|mbox|underline)\s?\Z|\\framebox(?:\[[^\]]*\]){0,2}\Z"
)
_TERM_BEFORE = re.compile(r"(?<![\w'’])\d{0,9}[b-hj-z](?:\^\d{1,3})?\s?[-+]\s?\Z")
MAX_INLINE = 1_000  # characters of one formula between dollars; more is two stray dollar signs
MAX_DISPLAY = 8_000  # characters of one displayed formula


class Formula(NamedTuple):
    """A formula's place: delimiters from `begin` to `end`, content from `start` to `stop`."""

    begin: int
    start: int
    stop: int
    end: int


def formulas(text: str, start: int = 0, stop: int | None = None) -> list[Formula]:
    """Return the formulas of `text[start:stop]` in order."""
    return _scan(text, start, len(text) if stop is None else stop)[0]


def open_formula(text: str) -> int | None:
    """Return where the formula begins inside which a text ends (it was cut), None where it ends inside none."""
    opening = _scan(text, max(0, len(text) - MAX_DISPLAY), len(text))[1]
    if opening is None:
        return None
    rest = text[opening.end() :]
    # A dollar with nothing but words and numbers after it, or prose around its commands, is money; not "$g(", "$3 + 5".
    called = _OPEN_CALL.match(rest) is not None
    money = _COMMAND.search(rest) is None or (rest.count("{") <= rest.count("}") and not _may_close(rest))
    is_formula = opening.group()[0] != "$" or called or not money
    return opening.start() if rest.strip() and is_formula else None


def leaves_formula_open(text: str, start: int, stop: int) -> bool:
    """Tell whether a delimiter in `text[start:stop]` opens a formula that does not end there."""
    return _scan(text, start, stop)[1] is not None


def _scan(text: str, start: int, stop: int) -> tuple[list[Formula], re.Match[str] | None]:
    found: list[Formula] = []
    opening: re.Match[str] | None = None
    if text.find("$", start, stop) < 0 and text.find("\\", start, stop) < 0:
        return found, opening
    for match in _DELIMITER.finditer(text, start, stop):
        mark = match.group().lstrip("\\")
        if match.group() in {"\\\\", "\\$"}:
            continue
        if opening is not None and _closes(opening.group().lstrip("\\"), mark):
            formula = Formula(opening.start(), opening.end(), match.start(), match.end())
            if _is_formula(text, formula, mark):
                found.append(formula)
                opening = None
                continue
        # A dollar that cannot close may open, but not in "900$, or"; a bracket always starts anew.
        opening = match if mark[0] in "$([b" and not _MONEY_TAIL.match(text, match.start()) else None
    return found, opening


def has_value(text: str) -> bool:
    """Tell whether a formula says something: more than the name of one unknown."""
    text = text.strip(" \n.,;:")
    is_name = SINGLE_NAME.fullmatch(text) and text not in _CONSTANTS
    return bool(text) and not is_name and not _EMPTY_BOX.fullmatch(text)


def joins(between: str) -> bool:
    """Does the text between two formulas make them one list: a comma, "and", "or"?"""
    return _BETWEEN_ITEMS.sub("", between).strip(" \n,;、*").lower() in JOINTS


def is_prose(text: str) -> bool:
    """Tell whether text between two dollar signs is words ("5 and she has ") rather than a formula."""
    if not _PROSE_WORD.search(text):
        return False
    words = _PROSE_WORD.findall(TEXT_IN_FORMULA.sub("", text))
    loose = text[0].isspace() or text[-1].isspace()
    return bool(loose and words) or sum(word not in _FUNCTIONS for word in words) > 1


def _closes(opened: str, mark: str) -> bool:
    if opened[0] == "b":
        return mark == "end" + opened[5:]
    return mark == {"(": ")", "[": "]"}.get(opened, opened)


def _is_formula(text: str, formula: Formula, mark: str) -> bool:
    length = formula.stop - formula.start
    if mark not in {"$", "$$"}:
        return length <= MAX_DISPLAY
    content = text[formula.start : formula.stop]
    # "$40.00 - $20.00": a dollar sign right before a digit opens (or is money), it does not close.
    money = (
        text[formula.end : formula.end + 1].isdigit()
        and not text[formula.begin - 1 : formula.begin].isdigit()
    )
    return length > 0 and not (mark == "$" and money) and _may_close(content)


def _may_close(content: str) -> bool:
    """Tell whether what follows a dollar sign would be a formula if another one closed it."""
    return len(content) <= MAX_INLINE and "\n\n" not in content and not is_prose(content)


def bare_formula(text: str, line: int, begin: int) -> Span | None:
    r"""Return the formula without delimiters, in the line from `line` on, that the number at `begin` is a piece of.

    None where it is no piece; an empty span where it is one of what is not understood, as in "cm^3".
    """
    inside = text.count("{", line, begin) > text.count("}", line, begin)
    # the content of a box or of a text is no piece
    if inside and _FORMATTED.search(text, line, text.rfind("{", line, begin)):
        return None
    if (
        not inside
        and text[begin - 1 : begin] not in {"^", "_"}
        and not _TERM_BEFORE.search(text, line, begin)
    ):
        return None
    run = next((run for run in _RUN.finditer(text, line) if run.start() <= begin < run.end()), None)
    whole = run and run[0][0] not in "^_)]" and run[0].count("{") == run[0].count("}")
    return run.span() if run and whole else (begin, begin)


def trim(text: str, start: int, stop: int) -> Span | None:
    """Strip spaces, markup and closing punctuation, and one pair of delimiters around the whole."""
    while start < stop and text[start] in _OPENING_TRIM and not LOST_BACKSLASH.match(text, start):
        start += 1
    while start < stop and text[stop - 1] in TRIM:
        # "0.333..." goes on
        if text.endswith("...", start, stop) and text[stop - 6 : stop - 3].isdigit():
            break
        # A backslash before it makes it a command: "\," or "\!".
        if text[stop - 2 : stop - 1] == "\\" and text[stop - 1] != "\n":
            stop -= 1
        stop -= 1
    for opening, closing in _DELIMITERS if start < stop and not text[start].isalnum() else ():
        inside = (start + len(opening), stop - len(closing))
        wrapped = (
            inside[0] < inside[1] and text.startswith(opening, start) and text.startswith(closing, inside[1])
        )
        if wrapped and text.find(opening[0] if opening[0] == "$" else opening, *inside) < 0:
            return trim(text, *inside)
    return (start, stop) if start < stop else None


def stripped(piece: str) -> str:
    r"""Strip white space, but for what a program left of a command: form feed, "rac" was "\frac"."""
    answer = piece.strip()
    start = piece.find(answer) if answer else 0
    return piece[start - 1] + answer if start and LOST_BACKSLASH.match(piece, start - 1) else answer
