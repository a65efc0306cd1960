r"""Boxes: `\boxed{...}`, `\fbox{...}`, `\framebox[...]{...}`, `\boxed 5`, and what models break of them.

Braces are matched by one pass over the text, so that ten thousand unclosed boxes cost no more than one.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from lm_eval_mathtasks.grading.formulas import JOINTS, formulas, leaves_formula_open
from lm_eval_mathtasks.grading.phrases import CALLED_WRONG

# "\x08oxed" is what is left of "\boxed" after a program read "\b" as a backspace.
_BOX = re.compile(
    r"(?:\\{1,2}(?:boxed|fbox|framebox)(?![a-zA-Z])|\x08oxed)[ \n]{0,4}(?:\[[^\]\n]{0,40}\] ?){0,2}"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# Where the content of a box that lost its closing brace, or has no braces, ends at the latest.
_BROKEN_END = re.compile(r"\$|\n|\\\)|\\\]|[.,;](?=\s|\Z)")
_TEXT_COMMAND = re.compile(r"\\(?:text|textrm|mbox|mathrm|textbf)\s{0,4}\{([^{}]{0,20})\}")
# "\boxed{4} (with multiplicity one) and \boxed{-1}"
_IN_BRACKETS = re.compile(r"(?<=[\s$])\((?:with|of) [^()$\n]{0,40}\)")
# Also a row of one sign, which is a rule between things and no mathematics.
_SPACING = re.compile(r"[\s$~&]|\\\\|\\[()\[\],;:! ]|\\q?quad(?![a-z])|([-+=*_~#])\1{2,}|[*_]{2}")
_LABEL = re.compile(r"[A-Za-z](?:_\{?\w{1,3}\}?)?(?:\([a-z]\))?=\Z")
# The letters of two options in one sentence are two answers.
_LETTER_BOX = re.compile(r"\s*(?:\\\w+\s?\{)?\(?[A-J]\)?\}?\s*")
_ONE_SENTENCE = re.compile(r"[^.!?\n]{0,60}")
# "- With repetition: \boxed{B}", "- Without repetition: \boxed{D}"
_CASES = re.compile(
    r"[$.\s]*\n\s*\(?(?:[b-h]|i{2,3}|iv|[2-8])\)\s\$?|[$.\s]*\n\s*[-*•]\s(?:with|without|if|when|case|assuming|for)\b[^\n]{0,50}[:,]\s?\$?",
    re.IGNORECASE,
)
# "If order matters there are \boxed{20} ways; if it does not, there are \boxed{10} ways."
_OTHER_CASE = re.compile(
    r"[^.!?\n]{0,60}[;,]\s(?:and |but )?(?:if|when|otherwise|in the other case)\b[^.!?\n]{0,60}",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"(?<![a-zA-Z\\])([a-z])\s?=\s?\Z")
MAX_UNKNOWN = 6  # characters of an unknown and its sign before a box
_JOINERS = {*JOINTS, *(f",{word}" for word in JOINTS), ",", ";", "&", "、", "，"}
_HOLLOW = re.compile(
    r"(?:[\s.…?_$]|\\phantom\s?\{[^{}]*\}|\\q?quad|\\[ ,;:!]|\\[lc]?dots)*"
    r"|(?:\\text\s?\{\s?)?(?:your |the |final )*answer(?: here)?\s?\}?",
    re.IGNORECASE,
)
# "It is not \boxed{7}.", "\boxed{7}, not \boxed{8}"; but "x cannot be \boxed{2}" answers what x cannot be.
_DENIED = re.compile(
    r"(?:\b(?:it|this|that|(?:answer|solution|result|value)(?: here)?)(?: (?:is not|isn't|can(?:not|'t) be)|'s not)"
    r"|, (?:and |but )?not|\b(?:for example|for instance|e\.g\.,?|such as|in the (?:form|format)(?: of)?"
    r"|\ball (?:real )?(?:numbers|values|integers)[^.\n]{0,20} except|if (?:the|my|your) answer is [^.\n]{0,30}"
    r"|for example[^.]{0,60} write))(?: equal to)? ?(?:\$|\\\()?\s?\Z|(?:\\neq?|≠)\s?\Z",
    re.IGNORECASE,
)
_IS_WRONG = re.compile(
    r"\s?(?:\$|\\\))? (?:is|was) (?:wrong|incorrect|not (?:right|correct|the answer)"
    r"|what (?:you|one|people|many|most|some)(?:['’]d| would| might| may| could| get| think)"
    r"|(?:the|a) (?:trap|distractor))\b"
)
MAX_DENIAL = 80  # characters
# Longer than any real answer (the longest gold of MATH has 159 characters), shorter than a swallowed solution.
MAX_BOX_LENGTH = 4_000  # characters
MAX_BROKEN_LENGTH = 200  # characters of a box without its closing brace
MAX_BOXES = 200  # boxes looked at, from the end; loops write thousands
MAX_JOINER_LENGTH = 60  # characters


class Box(NamedTuple):
    """A box from `begin` to `end`, its content from `start` to `stop`; not `complete` where braces are broken."""

    begin: int
    start: int
    stop: int
    end: int
    complete: bool


# several rules ask for those of the same text
@lru_cache(maxsize=8)
def find_boxes(text: str) -> tuple[Box, ...]:
    """Return the last boxes of `text` that hold something and are not denied, in order, inner boxes in place of the
    outer ones."""
    # every opening holds one of these: most texts are done here
    if "box" not in text and "\x08oxed" not in text:
        return ()
    openings = list(_BOX.finditer(text))[-MAX_BOXES:]
    if not openings:
        return ()
    closing = _matching_braces(text, openings[0].start())
    boxes: list[Box] = []
    for match in openings:
        box = _box(text, match, closing)
        if box is None or _HOLLOW.fullmatch(text[box.start : box.stop]):
            continue
        if _DENIED.search(text, max(0, box.begin - MAX_DENIAL), box.begin):
            continue
        if _IS_WRONG.match(text, box.end) or CALLED_WRONG.match(text, box.end):
            continue
        if boxes and box.end <= boxes[-1].stop:
            boxes.pop()
        boxes.append(box)
    return tuple(boxes)


def last_group(text: str, boxes: Sequence[Box]) -> list[Box]:
    r"""Return the last box with those joined to it: `\boxed{1} and \boxed{2}` is one answer of two parts."""
    group = list(boxes[-1:])
    for box in reversed(boxes[:-1]):
        between = text[box.end : group[0].begin]
        letters = all(_LETTER_BOX.fullmatch(text, b.start, b.stop) for b in (box, group[0]))
        if (
            not _joined(between)
            and not _CASES.fullmatch(between)
            and not _OTHER_CASE.fullmatch(between)
            and not _another_unknown(text, box, group[0])
            and not (letters and _ONE_SENTENCE.fullmatch(between))
        ):
            break
        group.insert(0, box)
    contents = {text[box.start : box.stop] for box in group}
    # side by side, the same box again says nothing new; "\boxed{4} and \boxed{4}" are two answers
    listed = any(_SPACING.sub("", text[a.end : b.begin]) for a, b in pairwise(group))
    return group[-1:] if len(contents) == 1 and not listed else group


def _another_unknown(text: str, left: Box, right: Box) -> bool:
    r"""Do two boxes of one sentence hold two unknowns: "$x=\boxed{3}$, and then $y=\boxed{4}$"?"""
    between = text[left.end : right.begin]
    names = [_UNKNOWN.search(text, max(0, box.begin - MAX_UNKNOWN), box.begin) for box in (left, right)]
    one = _ONE_SENTENCE.fullmatch(between) is not None
    return one and names[0] is not None and names[1] is not None and names[0][1] != names[1][1]


def whole_groups(text: str, start: int, stop: int) -> tuple[int, int]:
    """Widen a span so that it cuts none of its line's groups in braces."""
    if text.count("{", start, stop) != text.count("}", start, stop):
        line_stop = text.find("\n", stop)
        line = text if line_stop < 0 else text[:line_stop]
        for opening, close in _matching_braces(line, text.rfind("\n", 0, start) + 1).items():
            if opening < start <= close < stop:
                start = opening
            elif start <= opening < stop <= close:
                stop = close + 1
    return start, stop


def _matching_braces(text: str, start: int) -> dict[int, int]:
    stack, closing = [], {}
    for match in _BRACE.finditer(text, start):
        brace = match.group()
        if brace == "{":
            stack.append(match.start())
        elif brace == "}" and stack:
            closing[stack.pop()] = match.start()
    return closing


def _box(text: str, match: re.Match[str], closing: dict[int, int]) -> Box | None:
    start = match.end()
    braced = text.startswith("{", start)
    if braced:
        close = closing.get(start)
        if (
            close is not None
            and close - start <= MAX_BOX_LENGTH
            and _is_whole(text, match.start(), start, close)
        ):
            return Box(match.start(), start + 1, close, close + 1, True)
        start += 1
    end = _BROKEN_END.search(text, start, start + MAX_BROKEN_LENGTH)
    stop = end.start() if end else min(len(text), start + MAX_BROKEN_LENGTH)
    # `\boxed 5$` has no braces to break; it ends where its formula does.
    complete = not braced and end is not None and end.group() in {"$", "\\)", "\\]"}
    return Box(match.start(), start, stop, stop, complete) if start < stop else None


def _is_whole(text: str, begin: int, start: int, close: int) -> bool:
    """Does a brace close the box that opened before it, and not something later?

    A box in a formula ends before a blank line, as the formula does. One that runs over it is a passage: it stands
    outside formulas and holds whole ones, the first of them before or right behind the blank line.
    """
    blank = text.find("\n\n", start, close)
    if blank < 0:
        return True
    paragraph = max(text.rfind("\n\n", 0, begin) + 1, begin - MAX_BOX_LENGTH)
    in_words = formulas(text, start + 1, blank) or text[blank:close].lstrip().startswith(("$$", r"\["))
    opened = leaves_formula_open(text, paragraph, begin) or leaves_formula_open(text, start + 1, close)
    return bool(in_words) and not opened


def _joined(between: str) -> bool:
    if len(between) > MAX_JOINER_LENGTH:
        return False
    between = _IN_BRACKETS.sub(" ", between)
    words = _SPACING.sub("", _TEXT_COMMAND.sub(r" \1 ", between)).lower()
    if not words:
        return "\n" not in between
    return _LABEL.sub("", words) in _JOINERS
