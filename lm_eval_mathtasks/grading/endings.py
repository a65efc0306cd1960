"""How a response ends: cut off, in a loop, or with a sentence that gives no answer. None of these allows a guess."""

from __future__ import annotations

import re

from lm_eval_mathtasks.grading.formulas import ends_in_formula

_LAST_SENTENCE = re.compile(r"[.!?。！？](?:[*_\"”)]*\s+|\Z)|\n+")
# A response that ends in one of these, without a full stop, was cut.
_MIDDLE = re.compile(
    r"(?:\b(?:the|a|an|of|to|and|or|but|for|in|on|at|with|by|from|is|are|was|were|be|that|which|if|then|so|we|he|she|it"
    r"|they|i|you|this|these|those|can|will|would|should|also|as|than|into|between|because|since|while|when|where|have"
    r"|has|had|let|get|find|both|their|his|its|our|your)|[,:(=+×÷])\Z"
)
# The beginning of a sentence that cannot end without a value or a full stop.
_BEGUN = re.compile(
    r"(?:however|but|then|next|now|since|because|if|let|similarly|alternatively|to|for)\b", re.IGNORECASE
)
_HAS_VALUE = re.compile(r"[0-9$\\]")
# "The answer cannot be determined" is an answer in itself: it says that there is none. "I cannot tell" is no answer.
_DETERMINE = r"(?:determin|solv|answer|tell|calculat|find|found|comput|say|know)\w*"
_UNANSWERABLE = re.compile(
    rf"\b(?:cannot|can't|can not) be {_DETERMINE}|\b(?:impossible|not possible|no way) to {_DETERMINE}"
    r"|\b(?:not enough|insufficient) information\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    rf"\b(?:cannot|can't|can not|unable to)\s+{_DETERMINE}|\bmore information\b|\bplease provide\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\b(?:so|thus|but|however|therefore|hence|answer)\b[^.\n]*\d", re.IGNORECASE)
# "So x = 5 is not a solution": the last clause denies, and names no other value behind it.
_DENIAL = re.compile(
    r"\b(?:(?:is|are|was|were|does|do|did|can|could|will|would)(?: not|n't)|cannot|never)\b[^,;0-9$\\]*\Z",
    re.IGNORECASE,
)
# A period of so many characters that comes so many times at the end is a loop.
MAX_PERIOD, MIN_REPEATS = 250, 5
_PROBE = 40  # characters by which a repetition is looked for


def ends_early(text: str) -> bool:
    """Tell whether a text was cut: inside a formula, or in the middle of a sentence."""
    end = text.rstrip()
    if not end or ends_in_formula(end):
        return bool(end)
    if _MIDDLE.search(end):
        return True
    if not end[-1].isalpha():
        return False
    last = end[_start_of_last(end) :]
    return _BEGUN.match(last) is not None and not _HAS_VALUE.search(last)


def ends_in_loop(text: str) -> bool:
    """Tell whether a text ends in the same words again and again."""
    tail = text.rstrip()[-MAX_PERIOD * MIN_REPEATS :]
    before = tail.rfind(tail[-_PROBE:], 0, len(tail) - 1) if len(tail) > 2 * _PROBE else -1
    period = len(tail) - _PROBE - before
    if before < 0 or not 0 < period <= MAX_PERIOD or period * MIN_REPEATS > len(tail):
        return False
    end = tail[-period * MIN_REPEATS :]
    return end == end[:period] * MIN_REPEATS


def says_unanswerable(text: str) -> tuple[int, int] | None:
    """Return the span of the sentence that says that there is no answer, if the text ends with one."""
    return _at_end(text, _UNANSWERABLE)


def refuses(text: str) -> bool:
    """Tell whether a text ends with a sentence in which the writer does not give an answer."""
    return _at_end(text, _REFUSAL) is not None


def _at_end(text: str, pattern: re.Pattern[str]) -> tuple[int, int] | None:
    """Return the span of the last or last but one sentence if it holds the pattern and names no value behind it."""
    end = len(text.rstrip())
    for _ in range(2):
        start = _start_of_last(text[:end])
        found = pattern.search(text, start, end)
        if found and not _GOES_ON.search(text, found.end(), end):
            return start, end
        end = len(text[:start].rstrip())
    return None


def denies(text: str) -> bool:
    """Tell whether the last sentence says that its value is not the answer."""
    end = text.rstrip(" \n.!*_")
    return _DENIAL.search(end[_start_of_last(end) :]) is not None


def _start_of_last(text: str) -> int:
    """Return where the last sentence of a text begins."""
    starts = [
        m.end() for m in _LAST_SENTENCE.finditer(text, max(0, len(text) - 1_500)) if m.end() < len(text)
    ]
    return starts[-1] if starts else max(0, len(text) - 1_500)
