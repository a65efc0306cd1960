"""Find the answer in a slot: the stretch of a response where an answer should stand.

It is the value at the head ("18 dollars, because ..."), or the last value of a sentence of words ("that she has 18
eggs left"), or a few words where there is no value at all ("Evelyn").
"""

from __future__ import annotations

import re

from lm_eval_mathtasks.grading.boxes import find_boxes, last_group
from lm_eval_mathtasks.grading.formulas import NUMBER, Formula, formulas, has_value, value_side

Span = tuple[int, int]

# Words that stand between "the answer is" and the answer.
_FILLER = re.compile(
    r"(?:[\s:：*_`>≈\"“”]|\\(?=\")|\b(?:therefore|thus|hence|then|so|simply|just|indeed|also|now|approximately|about"
    r"|roughly|exactly|for sure|definitely|clearly|obviously|given by|equal to|equals|option|choice|letter"
    r"|the number)\b[,:]?)+",
    re.IGNORECASE,
)
# How a value begins: a number with sign and currency; a formula, a command or a bracket; a name with an operator
# behind it; a letter alone; the letter of an option.
_VALUE_HEAD = re.compile(
    r"[-+±−–]?\s?(?:[$€£¥]|\\\$)?\s?[-−]?\.?[0-9]"
    r"|\$|\\{1,2}[a-zA-Z(\[{]|[(\[{][^a-zA-Z]|[(\[{][a-zA-Z0-9\\]{1,12}[),\]}+\-*/^]"
    r"|[a-zA-Z][_0-9]{0,2}(?:\([a-z]\))?\s{0,2}[=^+\-*/<>≤≥≠∈]|[a-zA-Z](?=[\s.,;。，]|\Z)"
    r"|\(?[A-J]\)?(?![\w'’])|[√π∞∅±]"
)
_OPTION_HEAD = re.compile(r"\(?([B-HJ]|A(?!\s[a-z]))\)?(?=[\s.,;:。，]|\Z)(?!\s{0,2}[=<>+\-*/^(\[])")
_SENTENCE_END = re.compile(r"\n|[。！？]|[.!?](?=[\s\"”*_<)\]]|\Z)")
_BREAK = re.compile(r"\n|[。！？]|[.!?]\s")
_CLAUSE = re.compile(
    r"[,;]?\s(?:because|since|which|where|when|whereas|if|as (?:it|the|we|this|required|shown))\b"
    r"|[,;]\s(?:so|but|it|this|that|as|and so|not)\b|\sand (?:the|that|it|he|she|they|we)\b|\s(?:is|are|was|were)\b"
    r"|\s\((?=[a-z]{2})|，|\s#{2,4}",
    re.IGNORECASE,
)
_THERE_ARE = re.compile(
    r"\bthere (?:are|is|were|will be|would be|must be)"
    r"(?: only| exactly| a total of| at (?:most|least)| thus| therefore)*\s\Z",
    re.IGNORECASE,
)
BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_VALUE = re.compile(r"[0-9$\\]")
_REASON = re.compile(r"(?:,|\s)\s?(?:since|because)\b")
_OPERATOR = re.compile(r"\s?[-+*/×÷^x(]\s?[\d$(]")
_COMPLEMENT = re.compile(
    r"\b(?:for|after|than|during|within|d'ici)(?: the| all| these| those)?\s\Z", re.IGNORECASE
)
_OR_ABOUT = re.compile(r",?\s(?:or|which is|i\.e\.)?\s?\(?(?:approximately|about|roughly|≈)\s|\s?≈\s?")
_NAMED = re.compile(r"\s*([a-zA-Z]\w?)\s*=")
_PERCENT_OR_DEGREE = re.compile(r"\s?(?:\\?%|percent\b|pct\b|°|degrees?\b|\^\\circ)")
_WORD = re.compile(r"(?<![\\a-zA-Z])[^\W\d_]{2,}")
_OPENING_TRIM = ' \t\r\n*_`"“”:：>'
_TRIM = _OPENING_TRIM + "，,；;。.！"
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\\(", r"\\)"), (r"\(", r"\)"), (r"\\[", r"\\]"), (r"\[", r"\]"))
_JOINERS = frozenset({"", "and", "or", "和", "或"})
_NOT_ANSWERS = frozenset(
    {"correct", "right", "wrong", "incorrect", "unclear", "unknown", "below", "above", "not", "reasonable"}
    | {"clear", "here", "following"}
)
# A slot longer than this is the start of an explanation, not an answer.
MAX_SLOT = 1_500  # characters
MAX_UNIT_WORDS = 5  # "18 dollars per day in total"
MAX_TEXT_WORDS = 6  # "not enough information is given"


def begins_with_value(text: str, start: int, stop: int) -> bool:
    """Tell whether a slot opens with a value, after words like "therefore"."""
    return _VALUE_HEAD.match(text, _after_filler(text, start, stop), stop) is not None


def slot_value(text: str, start: int, stop: int, *, sentences: bool = False) -> Span | None:
    """Return the span of the answer in the slot `text[start:stop]`, or None.

    With `sentences` the slot is a paragraph of its own (a heading stands above it), not one sentence.
    """
    stop = min(stop, start + MAX_SLOT)
    start = _after_filler(text, start, stop)
    if start >= stop:
        return None
    boxes = find_boxes(text[start:stop])
    head = _VALUE_HEAD.match(text, start, stop)
    if boxes and (head or sentences or boxes[0].begin < sentence_end(text, start, stop) - start):
        group = last_group(text[start:stop], boxes)
        return start + group[0].start, start + group[-1].stop
    if head:
        return leading_value(text, start, sentence_end(text, start, stop))
    end = stop if sentences else sentence_end(text, start, stop)
    bold = [match for match in BOLD.finditer(text, start, end) if _VALUE.search(match.group())]
    if bold:
        return slot_value(text, *bold[-1].span(1))
    return last_value(text, start, end) or _short_text(text, start, end)


def last_value(text: str, start: int, stop: int) -> Span | None:
    """Return the span of the last value of `text[start:stop]`, or None: a formula, or a number in words.

    A number after the last formula counts only in a later sentence: in "there are $49$ multiples below 500" the
    writer's value is the formula. What follows "because" in the last sentence is a reason, not a result.
    """
    found = formulas(text, start, stop)
    telling = [formula for formula in found if has_value(text[formula.start : formula.stop])]
    after = telling[-1].end if telling else start
    outside = found[-3:]  # names after the last telling formula
    numbers = [
        match.span()
        for match in NUMBER.finditer(text, after, stop)
        if not any(other.begin <= match.start() < other.end for other in outside)
    ]
    if not telling and not numbers:
        return trim(text, found[-1].start, found[-1].stop) if found else None
    last = numbers[-1][0] if numbers and (not telling or _BREAK.search(text, after, numbers[-1][0])) else None
    sentence = _last_break(text, start, telling[-1].begin if last is None else last)
    reason = _REASON.search(text, sentence, telling[-1].begin if last is None else last)
    if reason and text[sentence : reason.start()].strip():
        result = last_value(text, sentence, reason.start())
        if result:
            return result
    if last is None:
        return _formula_value(text, telling)
    return trim(text, *_result(text, [span for span in numbers if span[0] >= sentence]))


def _last_break(text: str, start: int, stop: int) -> int:
    """Return the start of the sentence or line that `stop` is in."""
    window = max(start, stop - MAX_SLOT)
    return max([window, *(match.end() for match in _BREAK.finditer(text, window, stop))])


def _result(text: str, numbers: list[Span]) -> Span:
    """Return the number that a sentence comes to: the first after its last `=`, unless a sum follows; else the last.

    Of "1/3 or about 0.33" it is the exact one, and of "$64 for 16 glasses" the one without a preposition.
    """
    equals = text.rfind("=", numbers[0][0], numbers[-1][0])
    for position, (begin, end) in enumerate(numbers):
        if begin > equals >= 0:
            return numbers[-1] if _OPERATOR.match(text, end) else (begin, end)
        if position + 1 < len(numbers) and _OR_ABOUT.fullmatch(text, end, numbers[position + 1][0]):
            return begin, end
    for begin, end in reversed(numbers):
        if not _COMPLEMENT.search(text, max(0, begin - 20), begin):
            return begin, end
    return numbers[-1]


def _formula_value(text: str, telling: list[Formula]) -> Span | None:
    """Return the value of the last formula, or of the one that "there are" announces in its clause, or of a pair."""
    last = telling[-1]
    for formula in reversed(telling):
        between = text[formula.end : last.begin]
        if len(between) > MAX_SLOT or "," in between or _BREAK.search(between):
            break
        if _THERE_ARE.search(text, max(0, formula.begin - 60), formula.begin):
            last = formula
            break
    if len(telling) > 1 and last is telling[-1]:
        left, right = (_NAMED.match(text, formula.start, formula.stop) for formula in telling[-2:])
        joined = text[telling[-2].end : last.begin].strip().strip(",").strip() in {"and", "or"}
        if left and right and joined and left[1] == right[1]:
            return telling[-2].begin, last.end
    return trim(text, *value_side(text, last.start, last.stop))


def trim(text: str, start: int, stop: int) -> Span | None:
    """Strip spaces, markup and closing punctuation, and one pair of delimiters around the whole."""
    while start < stop and text[start] in _OPENING_TRIM:
        start += 1
    while start < stop and text[stop - 1] in _TRIM:
        # A backslash before it makes it a command: "\," or "\!".
        if text[stop - 2 : stop - 1] == "\\" and text[stop - 1] != "\n":
            stop -= 1
        stop -= 1
    for opening, closing in _DELIMITERS:
        inside = (start + len(opening), stop - len(closing))
        wrapped = (
            inside[0] < inside[1] and text.startswith(opening, start) and text.startswith(closing, inside[1])
        )
        if wrapped and text.find(opening[0] if opening[0] == "$" else opening, *inside) < 0:
            return trim(text, *inside)
    return (start, stop) if start < stop else None


def opens_solution(text: str, start: int, stop: int) -> bool:
    """Tell whether a slot ("Answer:") is the head of a whole solution in words, its first sentence no answer."""
    start = _after_filler(text, start, stop)
    if _VALUE_HEAD.match(text, start, stop):
        return False
    end = sentence_end(text, start, min(stop, start + MAX_SLOT))
    return bool(text[end + 1 : stop].strip(_TRIM))


def sentence_end(text: str, start: int, stop: int) -> int:
    """Return the end of the sentence that starts at `start`: dots in formulas and numbers do not end it."""
    inside = formulas(text, start, stop)
    index = 0
    for match in _SENTENCE_END.finditer(text, start, stop):
        while index < len(inside) and inside[index].end <= match.start():
            index += 1
        in_formula = index < len(inside) and inside[index].begin <= match.start()
        if not in_formula and text[start : match.start()].strip(_TRIM):
            return match.start()
    return stop


def leading_value(text: str, start: int, stop: int) -> Span | None:
    """Return the value that `text[start:stop]` begins with: up to a new clause, with a few words of its unit."""
    option = _OPTION_HEAD.match(text, start, stop)
    if option and (text[option.end() - 1] != ")" or not _VALUE_HEAD.match(text, option.end() + 1, stop)):
        return option.span()
    clause = _CLAUSE.search(text, start + 1, stop)
    found = formulas(text, start, stop)
    if clause and not any(formula.begin <= clause.start() < formula.end for formula in found):
        stop = clause.start()
        found = formulas(text, start, stop)
    if len(found) == 1 and found[0].begin == start and not text[found[0].end : stop].strip(_TRIM):
        return trim(text, *value_side(text, found[0].start, found[0].stop))
    if found and found[0].begin == start:
        return trim(text, start, _joined_formulas(text, found, stop))
    word = _WORD.search(text, start, stop)
    if word is None:
        return trim(text, start, stop)
    tail = text[word.start() : stop]
    if len(tail.split()) > MAX_UNIT_WORDS and text[start : word.start()].strip(_TRIM):
        stop = word.start()
    return trim(text, start, stop)


def _joined_formulas(text: str, found: list[Formula], stop: int) -> int:
    """Return where an answer of several formulas ends: "$1$ or $2$", "$28$ percent"."""
    end = found[0].end
    for formula in found[1:]:
        if text[end : formula.begin].strip().strip(",;、").strip() not in _JOINERS:
            break
        end = formula.end
    sign = _PERCENT_OR_DEGREE.match(text, end, stop)
    return sign.end() if sign else end


def _short_text(text: str, start: int, stop: int) -> Span | None:
    span = trim(text, start, stop)
    words = text[slice(*span)].split() if span else []
    if not 0 < len(words) <= MAX_TEXT_WORDS or words[0].lower().strip(_TRIM) in _NOT_ANSWERS:
        return None
    return span


def _after_filler(text: str, start: int, stop: int) -> int:
    filler = _FILLER.match(text, start, stop)
    return filler.end() if filler else start
