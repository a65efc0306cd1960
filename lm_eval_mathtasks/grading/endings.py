"""How a response ends: cut off, in a loop, or with a sentence that gives no answer. None of these allows a guess."""

import re

from lm_eval_mathtasks.grading.formulas import ends_in_formula

_LAST_SENTENCE = re.compile(r"[.!?。！？](?:[*_\"”)]*\s+|\Z)|\n+")
# A response that ends in one of these, without a full stop, was cut.
_MIDDLE = re.compile(
    r"(?:\b(?:the|a|an|of|to|and|or|but|for|in|on|at|with|by|from|is|are|was|were|be|that|which|if|then|so|we|he|she|it"
    r"|they|i|you|this|these|those|can|will|would|should|also|as|than|into|between|because|since|while|when|where|have"
    r"|has|had|let|get|find|both|their|his|its|our|your)|[,:(=+×÷/^-]|(?<!\*)\*)\Z"
)
# The beginning of a sentence that cannot end without a value or a full stop.
_BEGUN = re.compile(
    r"(?:however|but|then|next|now|since|because|if|let|similarly|alternatively|to|for)\b", re.IGNORECASE
)
# An operator with what may follow it up to the end of a text: numbers, more operators, units.
_REST_OF_ARITHMETIC = re.compile(
    r"(?:(?!\b(?:because|since|as|which|where|when|if|so|and|but|that)\b)[^.,;:!?<(\n*/+×÷^=-]){0,200}[*/+×÷^=-](?=[\s\d$(\\]|\Z)(?:[^.,;:!?\n]|[.,](?=\d)){0,1500}"
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
_NOT = r"(?:(?:is|are|was|were|does|do|did|can|could|will|would|has|have|had)(?: not|n't)|cannot|never)"
_DENIAL = re.compile(rf"\b{_NOT}\b(?P<of>[^,;0-9$\\]*)\Z", re.IGNORECASE)
# ... or it denies the value behind it: "so there are not 100 girls", "the sum is not $7$".
_NOT_THIS = re.compile(
    r"\b(?:(?:is|are|was|were)(?: not|n't)|(?:can|could|must|does|do)(?:not|n't| not) (?:be|equal))"
    r"(?: equal to| exactly| just)? [$€£\\(-]{0,3}\d(?!.*\b(?:but|rather|instead|so)\b)[^,;]*\Z",
    re.IGNORECASE,
)
# "100 girls who are not in the team": a relative clause tells which are counted.
_PERSONS = re.compile(r"\b(?:who|whom|whose)\b[^,;]*\Z", re.IGNORECASE)
_RELATIVE = re.compile(r"(?<![,;])\s(?:that|which)(?: [a-z]+ly)? \Z", re.IGNORECASE)
# "So 12 of the students do not vote": what is counted is told, unless it is told to be no solution.
_COUNTED = re.compile(
    r"\d%?(?:\$|\\\))? (?:of (?:the |his |her |its |their )?)?"
    r"(?:(?!(?:because|since|that|and|so|if|it|as|but|then|when|is|are)\b)[a-z]+ ){1,4}\Z"
)
_NO_SOLUTION = re.compile(
    r"\b(?:solution|answer|root|valid|possible|correct|right|enough|sufficient|allowed|work|fit|satisf|accept|hold)"
)
# One statement repeats another if they share so many characters before their values.
REPEATED = 30
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


def goes_on(text: str, position: int) -> bool:
    """Tell whether a text ends within arithmetic that the value before `position` is a part of: 3 * 5 days * ..."""
    return _REST_OF_ARITHMETIC.fullmatch(text.rstrip(), position - 1) is not None


def ends_in_loop(text: str) -> bool:
    """Tell whether a text ends in the same words again and again."""
    tail = text.rstrip()[-MAX_PERIOD * MIN_REPEATS :]
    before = tail.rfind(tail[-_PROBE:], 0, len(tail) - 1) if len(tail) > 2 * _PROBE else -1
    period = len(tail) - _PROBE - before
    if before < 0 or not 0 < period <= MAX_PERIOD or period * MIN_REPEATS > len(tail):
        return False
    end = tail[-period * MIN_REPEATS :]
    return end == end[:period] * MIN_REPEATS


def repeats_from(text: str, broken: int) -> int | None:
    """Return where the statement began whose repetition, from its value at `broken` on, was cut; None if it is new."""
    tail = text[max(0, broken - REPEATED) :].rstrip()
    before = text.rfind(tail, 0, broken) if broken >= REPEATED else -1
    return None if before < 0 else before + REPEATED


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
    last = end[_start_of_last(end) :]
    denial = _DENIAL.search(last)
    if denial is None:
        denied = _NOT_THIS.search(last)
        return denied is not None and not _RELATIVE.search(last[: denied.start()])
    subject = last[: denial.start()]
    if _PERSONS.search(subject):
        return False
    told = _RELATIVE.search(subject) or _COUNTED.search(subject)
    return told is None or _NO_SOLUTION.search(denial["of"]) is not None


def _start_of_last(text: str) -> int:
    """Return where the last sentence of a text begins."""
    starts = [
        m.end() for m in _LAST_SENTENCE.finditer(text, max(0, len(text) - 1_500)) if m.end() < len(text)
    ]
    return starts[-1] if starts else max(0, len(text) - 1_500)
