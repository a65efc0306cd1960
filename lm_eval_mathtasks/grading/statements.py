r"""Stated answers: "The answer is 18 dollars.", `#### 18`, `<answer>18</answer>`, `A: 18`, "答案是 18".

A statement has a slot, the place where the answer should stand. `slot_value` finds the answer in it: the value at its
head ("18 dollars, because ..."), or the last value of a sentence of words ("that she has 18 eggs left"), or a few
words where there is no value at all ("Evelyn").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lm_eval_mathtasks.grading.boxes import find_boxes, last_group
from lm_eval_mathtasks.grading.formulas import NUMBER, Formula, formulas, has_value, value_side

Span = tuple[int, int]

_GAP_IS = (
    r"(?:(?:[ \t][^.:;=\n]{0,60}?)?[ \t*_]{0,4}\b(?:is|are|was|be|equals)\b[ \t]{0,4}[:：]?|[ \t*_]{0,4}(?:=|[:：]))"
)
# Starting at a literal, with the rest of the word behind it, makes this search twenty times faster.
ENGLISH = re.compile(
    rf"nswer(?<=\b[aA]nswer)(?<!\b[tT]o answer)s?\b(?! (?:the|this|that|these|your|any|all|every)\b){_GAP_IS}"
)
CAPITALS = re.compile(rf"NSWER(?<=\bANSWER)\b{_GAP_IS}")
OPTION_IS = re.compile(r"(?:[Cc]orrect|[Rr]ight) (?:option|choice) is\b[:：]?")
CHINESE = re.compile(
    r"(?:答案|答え|解答)(?:应该|应当)?(?:是|为：?|选|应为|等于|は|:|：)|(?:^|[。，,\s])答[:：]", re.MULTILINE
)
EUROPEAN = re.compile(
    r"\br[ée]ponse(?: finale)?(?:[^.:=\n]{0,40}?\best\b| ?[:：])|\brespuesta(?: final)?(?:[^.:=\n]{0,40}?\bes\b| ?[:：])"
    r"|\bantwort[^.:=\n]{0,20}?(?:\bist\b|\blautet\b|[:：])|\bresposta(?: final)?(?: é| ?[:：])|\bответ ?[:：]",
    re.IGNORECASE,
)
_KEYWORDS = (("nswer", ENGLISH), ("NSWER", CAPITALS), ("ption is", OPTION_IS), ("hoice is", OPTION_IS),
             ("答", CHINESE), ("解", CHINESE), ("ponse", EUROPEAN), ("spuesta", EUROPEAN), ("ntwort", EUROPEAN),
             ("sposta", EUROPEAN), ("твет", EUROPEAN))  # fmt: skip
# A heading or a bold line of its own: the answer follows below it.
ANSWER_HEADING = re.compile(
    r"^[ \t]{0,4}[*_#]{1,4}[ \t]{0,2}(?:the )?(?:final )?(?:answer|答案)[ \t]{0,2}[*_#]{0,4}[:：]?[*_ \t]{0,4}\n",
    re.IGNORECASE | re.MULTILINE,
)
A_COLON = re.compile(r"^[ \t]{0,4}A[ \t]?[:：](?!.*\n[ \t]{0,4}B[ \t]?[:：])", re.MULTILINE)
HASHES = re.compile(r"####[ \t]{0,4}(?=\S)")
MINERVA_END = "I hope it is correct"
_MINERVA_START = re.compile(
    r"final answer(?:[ \t]{0,4}[:：])?(?:[ \t\n]{0,4}the final answer is(?: ?[:：])?)?", re.IGNORECASE
)

_FILLER = re.compile(
    r"(?:[\s:：*_`>\"“”]|\\(?=\")|\b(?:therefore|thus|hence|then|so|simply|just|indeed|also|now|approximately|about|roughly|"
    r"exactly|for sure|definitely|clearly|obviously|given by|equal to|equals|option|choice|letter|the number)\b[,:]?)+",
    re.IGNORECASE,
)
_VALUE_HEAD = re.compile(
    r"[-+±−–]?\s?(?:[$€£¥]|\\\$)?\s?[-−]?\.?[0-9]|\$|\\{1,2}[a-zA-Z(\[{]|[(\[{][^a-zA-Z]|[(\[{][a-zA-Z0-9\\]{1,12}[),\]}+\-*/^]"
    r"|[a-zA-Z][_0-9]{0,2}(?:\([a-z]\))?\s{0,2}[=^+\-*/<>≤≥≠∈]|[a-zA-Z](?=[\s.,;。，]|\Z)|\(?[A-J]\)?(?![\w'’])|[√π∞∅±]"
)
_THERE_ARE = re.compile(
    r"\bthere (?:are|is|were|will be|would be|must be)(?: only| exactly| a total of| at (?:most|least)| thus| therefore)*\s\Z",
    re.IGNORECASE,
)
_OPTION_HEAD = re.compile(r"\(?([B-HJ]|A(?!\s[a-z]))\)?(?=[\s.,;:。，]|\Z)(?!\s{0,2}[=<>+\-*/^(\[])")
_SENTENCE_END = re.compile(r"\n|[。！？]|[.!?](?=[\s\"”*_<)\]]|\Z)")
_CLAUSE = re.compile(
    r"[,;]?\s(?:because|since|which|where|when|whereas|if|as (?:it|the|we|this|required|shown))\b|[,;]\s(?:so|but|it|this|that|as|and so|not)\b"
    r"|，|\s#{2,4}",
    re.IGNORECASE,
)
_NUMBERED_HEADING = re.compile(r"[0-9]{1,2}[.)]\s{1,4}\S")
_HAS_VALUE = re.compile(r"[0-9$\\√π∞]|\A[A-Za-z]\Z|(?<![a-zA-Z])[A-Ja-z](?![a-zA-Z])")
_WORD = re.compile(r"(?<![\\a-zA-Z])[^\W\d_]{2,}")
_TRIM = ' \t\r\n*_`"“”:：,，;；。.!！>'
_NOT_ANSWERS = frozenset(
    "correct right wrong incorrect unclear unknown below above not reasonable clear here following".split()
)
# A slot longer than this is the start of an explanation, not an answer.
MAX_SLOT = 1_500  # characters
MAX_UNIT_WORDS = 5  # "18 dollars per day in total"
MAX_TEXT_WORDS = 6  # "not enough information is given"
MAX_STATEMENTS = 30  # statements looked at from the end; loops of "the answer is" are cheap that way


def slot_value(text: str, start: int, stop: int, *, sentences: bool = False) -> Span | None:
    """Return the span of the answer in the slot `text[start:stop]`, or None.

    With `sentences` the slot is a paragraph of its own (a heading stands above it), not one sentence.
    """
    stop = min(stop, start + MAX_SLOT)
    filler = _FILLER.match(text, start, stop)
    start = filler.end() if filler else start
    if start >= stop:
        return None
    boxes = find_boxes(text[start:stop])
    head = _VALUE_HEAD.match(text, start, stop)
    if boxes and (head or sentences or boxes[0].begin < _sentence_end(text, start, stop) - start):
        group = last_group(text[start:stop], boxes)
        return start + group[0].start, start + group[-1].stop
    if head:
        return _leading_value(text, start, _sentence_end(text, start, stop))
    end = stop if sentences else _sentence_end(text, start, stop)
    return last_value(text, start, end) or _short_text(text, start, end)


def last_value(text: str, start: int, stop: int) -> Span | None:
    """Return the span of the last value of `text[start:stop]`, or None: a formula, or a number in words.

    A number after the last formula counts only in a later sentence: in "there are $49$ multiples below 500" the
    writer's value is the formula. "There are" names the value itself, whatever follows it.
    """
    found = formulas(text, start, stop)
    telling = [formula for formula in found if has_value(text[formula.start : formula.stop])]
    formula = telling[-1] if telling else None
    numbers = []
    for match in NUMBER.finditer(text, formula.end if formula else start, stop):
        if not any(other.begin <= match.start() < other.end for other in found[-3:]):
            numbers.append(match)
    if numbers and (formula is None or _apart(text, formula.end, numbers[-1].start())):
        return trim(text, *numbers[-1].span())
    if formula is None:
        return trim(text, found[-1].start, found[-1].stop) if found else None
    for other in reversed(telling):
        if _THERE_ARE.search(text, max(0, other.begin - 60), other.begin):
            formula = formula if "," in text[other.end : formula.begin] or _apart(text, other.end, formula.begin) else other
            break
    return trim(text, *value_side(text, formula.start, formula.stop))


def _apart(text: str, start: int, stop: int) -> bool:
    """Tell whether a sentence or a line ends between two places."""
    return re.compile(r"\n|[。！？]|[.!?]\s").search(text, start, stop) is not None


def trim(text: str, start: int, stop: int) -> Span | None:
    """Strip spaces, markup and closing punctuation, and one pair of delimiters around the whole."""
    while start < stop and text[start] in ' \t\r\n*_`"“”:：>':
        start += 1
    while start < stop and text[stop - 1] in _TRIM:
        # A backslash before it makes it a command: "\," or "\!".
        if text[stop - 2 : stop - 1] == "\\" and text[stop - 1] != "\n":
            stop -= 1
        stop -= 1
    for opening, closing in (
        ("$$", "$$"),
        ("$", "$"),
        ("\\\\(", "\\\\)"),
        ("\\(", "\\)"),
        ("\\\\[", "\\\\]"),
        ("\\[", "\\]"),
    ):
        inside = (start + len(opening), stop - len(closing))
        if inside[0] < inside[1] and text.startswith(opening, start) and text.startswith(closing, inside[1]):
            if text.find(opening[0] if opening[0] == "$" else opening, *inside) < 0:
                return trim(text, *inside)
    return (start, stop) if start < stop else None


def minerva_slots(text: str) -> list[Span]:
    """Return the slot of the last "Final Answer: The final answer is ... I hope it is correct"."""
    stop = text.rfind(MINERVA_END)
    starts = list(_MINERVA_START.finditer(text, max(0, stop - MAX_SLOT), stop)) if stop > 0 else []
    return [(starts[-1].end(), stop)] if starts else []


def tag_slots(text: str) -> list[Span]:
    """Return the slot of the last `<answer>` or `<SOLUTION>` element; a stop string may have eaten its closing tag."""
    tags = (
        list(re.finditer(r"<(/?)(?:answer|solution|final_answer)>", text, re.IGNORECASE))
        if "<" in text
        else []
    )
    for index in range(len(tags) - 1, -1, -1):
        if not tags[index].group(1):
            stop = tags[index + 1].start() if index + 1 < len(tags) else len(text)
            return [(tags[index].end(), stop)] if text[tags[index].end() : stop].strip() else []
    return []


def hash_values(text: str) -> list[Span]:
    """Return the answers of `#### 18` lines, the last first; `#### 2. Next step` is a heading, not an answer."""
    found = []
    for match in list(HASHES.finditer(text))[-MAX_STATEMENTS:][::-1]:
        line_end = text.find("\n", match.end())
        line_end = len(text) if line_end < 0 else line_end
        if _NUMBERED_HEADING.match(text, match.end(), line_end) or not _VALUE_HEAD.match(
            text, match.end(), line_end
        ):
            continue
        span = _leading_value(text, match.end(), line_end)
        if span:
            found.append(span)
    return found


class _Slot(NamedTuple):
    start: int
    rule: str
    heading: bool  # the slot is the paragraph below a heading
    doubtful: bool  # "Answer:" may as well be the head of a whole solution in words


def statement_values(text: str) -> Iterator[tuple[str, Span]]:
    """Yield (rule, answer) of statements and `A:` lines, values before words and the last before the first."""
    words = []
    for slot in sorted(_slots(text), reverse=True)[:MAX_STATEMENTS]:
        stop = _paragraph_end(text, slot.start) if slot.heading else len(text)
        span = slot_value(text, slot.start, stop, sentences=slot.heading)
        if span is None or (slot.doubtful and _opens_solution(text, slot.start)):
            continue
        if _HAS_VALUE.search(text, *span):
            yield slot.rule, span
        else:
            words.append((slot.rule, span))
    yield from words


def _slots(text: str) -> Iterator[_Slot]:
    for pattern in {pattern for keyword, pattern in _KEYWORDS if keyword in text}:
        for match in pattern.finditer(text):
            final = text[max(0, match.start() - 8) : match.start()].lower().endswith("final a")
            yield _Slot(match.end(), "statement", False, match.group()[-1] in ":：" and not final)
    for match in ANSWER_HEADING.finditer(text):
        yield _Slot(match.end(), "statement", True, False)
    for match in A_COLON.finditer(text):
        yield _Slot(match.end(), "a_colon", False, True)


def _paragraph_end(text: str, start: int) -> int:
    while text[start : start + 1].isspace():
        start += 1
    end = text.find("\n\n", start)
    return len(text) if end < 0 else end


def _opens_solution(text: str, start: int) -> bool:
    """Tell whether "Answer:" stands before a whole solution in words, so that its first sentence is no answer."""
    filler = _FILLER.match(text, start)
    start = filler.end() if filler else start
    if _VALUE_HEAD.match(text, start):
        return False
    rest = text[
        _sentence_end(text, start, min(len(text), start + MAX_SLOT)) + 1 : _paragraph_end(text, start)
    ]
    return bool(rest.strip(_TRIM))


def _sentence_end(text: str, start: int, stop: int) -> int:
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


def _leading_value(text: str, start: int, stop: int) -> Span | None:
    option = _OPTION_HEAD.match(text, start, stop)
    if option:
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
        if text[end : formula.begin].strip().strip(",;、").strip() not in {"", "and", "or", "和", "或"}:
            break
        end = formula.end
    sign = re.compile(r"\s?(?:\\?%|percent\b|pct\b|°|degrees?\b|\^\\circ)").match(text, end, stop)
    return sign.end() if sign else end


def _short_text(text: str, start: int, stop: int) -> Span | None:
    span = trim(text, start, stop)
    words = text[slice(*span)].split() if span else []
    if not 0 < len(words) <= MAX_TEXT_WORDS or words[0].lower().strip(_TRIM) in _NOT_ANSWERS:
        return None
    return span
