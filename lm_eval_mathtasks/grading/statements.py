r"""Stated answers: "The answer is 18 dollars.", `#### 18`, `<answer>18</answer>`, `A: 18`, "答案是 18".

A pattern finds where the answer should stand, a slot; `slots.slot_value` reads the answer there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from lm_eval_mathtasks.grading.denials import doubts
from lm_eval_mathtasks.grading.formulas import Span, trim
from lm_eval_mathtasks.grading.sentences import MAX_SLOT, listed
from lm_eval_mathtasks.grading.slots import opens_solution, slot_value

_GAP_IS = (
    r"(?:(?:[ \t](?:(?!\bnot\b|n't\b|\bnever\b|cannot|, which\b)[^.:;=\n]){0,60}?)?[ \t*_]{0,4}"
    r"\b(?:is|are|was|be|equals)\b[ \t]{0,4}[:：]?"
    r"|(?: \([^()\n]{1,60}\))?[ \t*_\"]{0,4}(?:=|[:：])|\.\*\*)"
)
# Starting at a literal, with the rest of the word behind it, makes this search twenty times faster.
_ENGLISH = re.compile(
    r"nswer(?! key\b)(?<=(?:(?<![a-zA-Z_])|(?<=final_)|(?<=correct_)|(?<=numeric_))[aA]nswer)(?<!\b[tT]o answer)s?\b"
    r"(?! (?:the|this|that|these|your|any|all|every)\b)"
    rf"{_GAP_IS}"
)
_CAPITALS = re.compile(rf"NSWER(?<=\bANSWER)\b{_GAP_IS}")
_OPTION_IS = re.compile(r"(?:[Cc]orrect|[Rr]ight|[Ff]inal|[Bb]est) (?:option|choice)(?: is\b[:：]?|[:：])")
_CHINESE = re.compile(
    r"(?:故|所以|因此|应|只能|本题)选(?:择|项)?[:：]?|(?:答案|答え|解答)(?:应该|应当)?(?:是|为：?|选|应为|等于|は|:|：)|(?:^|[。，,\s])答[:：]",
    re.MULTILINE,
)
_EUROPEAN = re.compile(
    r"\br[ée]ponse(?: finale)?(?:[^.:=\n]{0,40}?\best\b| ?[:：])"
    r"|\brespuesta(?: final)?(?:(?:(?!\bno\b)[^.:=\n]){0,40}?\bes\b| ?[:：])"
    r"|\bantwort[^.:=\n]{0,20}?(?:\bist\b|\blautet\b|[:：])|\bresposta(?: final)?(?: é| ?[:：])"
    r"|\bответ(?: ?[:：]| (?:—|–|-|равен)\s)",
    re.IGNORECASE,
)
# A pattern is tried only where its keyword stands.
_PATTERNS = (
    (("nswer",), _ENGLISH),
    (("NSWER",), _CAPITALS),
    (("ption is", "hoice is", "ption:", "hoice:"), _OPTION_IS),
    (("答", "选"), _CHINESE),
    (("ponse", "spuesta", "ntwort", "sposta", "твет"), _EUROPEAN),
)
# "The student's answer: 18", and of others where the text says so: "Sam's answer was 18, which is wrong"
_OF_ANOTHER = re.compile(
    r"\b(?:student(?:['’]?s)?|user(?:['’]?s)?|wrong|incorrect|proposed|candidate|submitted|initial|previous|earlier"
    r"|naive|old|former|original|(?P<other>your|(?-i:[A-Z])[a-z]+['’]s))[ _*]a\Z",
    re.IGNORECASE,
)
_OTHERS_WRONG = re.compile(
    r"\b(?:answer (?:is|was) (?:\w+ )?(?:wrong|incorrect|not (?:right|correct))|[Cc]orrect answer:)"
)
_CONDITION = re.compile(
    r"\b(?:for|when|if|otherwise|in case)\b[^,;.\n]{0,60}?,?\s(?:the\s)?(?:final\s)?a?\Z", re.IGNORECASE
)
# Characters of such a word up to the "a"; of a sentence.
_MAX_OF_ANOTHER, MAX_SENTENCE = 16, 200
# A heading or a bold line of its own: the answer follows below it.
_HEADING = re.compile(
    r"[ \t]{0,4}[*_#]{1,4}[ \t]{0,2}(?:the )?(?:final )?(?:answers?|答案)[ \t]{0,2}[*_#]{0,4}[:：]?[*_ \t]{0,4}\n",
    re.IGNORECASE,
)
# "(a) $5$" and "(b) $7$" below it, a paragraph each
_PART_LINES = re.compile(r"\s*(\(?a\)[^\n]+(?:\n+\(?[b-h]\)[^\n]+)+)\s*\Z")
_ANSWER_WORDS = ("nswer", "NSWER", "答案")
_BEFORE_WORD, _BEFORE_A = 21, 4  # characters of the line before one of these, and before "A:"
_A_COLON, _B_BELOW = re.compile(r"A[ \t]?[:：]"), re.compile(r".*\n[ \t]{0,4}B[ \t]?[:：]")
# "\\162" is no value: a dollar sign was lost. GSM8K's calculator "<<3+4=7>>" is none either.
_HASHES = re.compile(r"####[ \t]{0,4}(?=\S)(?!\\\d|<<)")
_NUMBERED_HEADING = re.compile(r"[0-9]{1,2}[.)]\s{1,4}\S")
_MINERVA_END = "I hope it is correct"
_MINERVA_START = re.compile(
    r"final answer(?:[ \t]{0,4}[:：])?(?:(?:[ \t\n]{0,4}the final answer)? is(?: ?[:：])?)?", re.IGNORECASE
)
_TAG = re.compile(
    r"<(?P<slash>[/\\]?)\s?(?i:answer(?:(?<=/answer)s)?|solution|final(?:_answer)?|ans|(?<=/)an[a-z]{2,6}|(?<=\\)an[a-z]{2,6})\s*(?:/?>|\Z)"
)
# "Answer: A", "Answer: B" and so on, a line each, choose none
_LETTER_LINES = re.compile(
    r"(?<![^\n])Answer: (?P<letters>\(?[A-J]\)?(?:[.\s]*\nAnswer: \(?[A-J]\)?)+)[.\s]*\Z"
)
_OPTION = re.compile(r"\(?[A-J]\)?")
_ALSO = re.compile(
    r"\b(?:[Oo]ption |[Cc]hoice )?\(?([A-J])\)? (?:is|are|works|fits|holds)?"
    r" ?(?:also|as well|too)\b(?! (?:wrong|incorrect|false|not))"
)
# What stands behind a key of JSON, {"answer": "42"}
_JSON_VALUE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"{}\[\]]+))')
_HAS_VALUE = re.compile(r"[0-9$\\√π∞]|\A[A-Za-z]\Z|(?<![a-zA-Z])[A-Ja-z](?![a-zA-Z])")
MAX_BEFORE = 80  # characters before "answer is" that may doubt it
MAX_STATEMENTS = 30  # statements looked at from the end; loops of "the answer is" are cheap that way


def minerva_slots(text: str) -> list[Span]:
    """Return the slot of the last "Final Answer: The final answer is ... I hope it is correct"."""
    stop = text.rfind(_MINERVA_END)
    starts = list(_MINERVA_START.finditer(text, max(0, stop - MAX_SLOT), stop)) if stop > 0 else []
    return [(starts[-1].end(), stop)] if starts else []


def tag_slots(text: str) -> list[Span]:
    """Return the slot of the last `<answer>` or `<SOLUTION>` element; a stop string may have eaten its closing tag."""
    tags = list(_TAG.finditer(text))
    for index in range(len(tags) - 1, -1, -1):
        # "<answer>24<answer>"
        opened_twice = (
            0 < index == len(tags) - 1 and not tags[index]["slash"] and not tags[index - 1]["slash"]
        )
        if opened_twice and "\n" not in text[tags[index - 1].end() : tags[index].start()].strip():
            return [(tags[index - 1].end(), tags[index].start())]
        if not tags[index]["slash"]:
            stop = tags[index + 1].start() if index + 1 < len(tags) else len(text)
            return [(tags[index].end(), stop)] if text[tags[index].end() : stop].strip() else []
    return []


def ends_in_tag(text: str) -> bool:
    """Whether the last tag of an answer is an opening one: its answer, or the tag that closes it, was cut off."""
    tags = list(_TAG.finditer(text))
    return bool(tags) and not tags[-1]["slash"]


def hash_slots(text: str) -> list[Span]:
    """Return what stands behind `####`, the last line first; `#### 2. Next step` is a heading, not an answer.

    Nor are the numbers of steps answers: `#### 1`, `#### 2` and so on, each above a text of its own.
    """
    if "####" not in text:
        return []
    found = []
    for match in list(_HASHES.finditer(text))[-MAX_STATEMENTS:]:
        line_end = text.find("\n", match.end())
        line_end = len(text) if line_end < 0 else line_end
        if not _NUMBERED_HEADING.match(text, match.end(), line_end):
            found.append((match.end(), line_end))
    below = [text[end:start].strip("#* \t\n") for (_, end), (start, _) in pairwise([*found, (len(text), 0)])]
    steps = 0
    while steps < len(found) and below[steps] and text[slice(*found[steps])].strip(".: \t") == str(steps + 1):
        steps += 1
    return found[steps if steps > 1 else 0 :][::-1]


class _Slot(NamedTuple):
    start: int
    rule: str
    heading: bool  # the slot is the paragraph below a heading
    doubtful: bool  # "Answer:" may as well be the head of a whole solution in words


def statement_values(text: str) -> Iterator[tuple[str, Span]]:
    """Yield (rule, answer) of statements and `A:` lines, values before words and the last before the first."""
    if "Answer: " in text and (letters := _LETTER_LINES.search(text, max(0, len(text) - MAX_SLOT))):
        yield "statement", letters.span("letters")
    words = []
    for slot in sorted(_slots(text), reverse=True)[:MAX_STATEMENTS]:
        stop = _paragraph_end(text, slot.start) if slot.heading else len(text)
        json = _JSON_VALUE.match(text, slot.start) if text.startswith('":', slot.start - 2) else None
        span = (
            trim(text, *json.span(json.lastindex or 0))
            if json
            else (slot.heading and (_parts(text, slot.start) or listed(text, slot.start, stop)))
            or slot_value(text, slot.start, stop, sentences=slot.heading)
        )
        if span is None or (
            slot.doubtful and opens_solution(text, slot.start, _paragraph_end(text, slot.start))
        ):
            continue
        # "The answer is A. But B is also correct."
        if (
            _OPTION.fullmatch(text, *span)
            and (also := _ALSO.search(text, span[1]))
            and also[1] not in text[slice(*span)]
        ):
            continue
        if _HAS_VALUE.search(text, *span):
            yield slot.rule, span
        else:
            words.append((slot.rule, span))
    yield from words


def _parts(text: str, start: int) -> Span | None:
    found = _PART_LINES.match(text, start)
    return found.span(1) if found else None


def _slots(text: str) -> Iterator[_Slot]:
    for keywords, pattern in _PATTERNS:
        for match in pattern.finditer(text) if any(map(text.__contains__, keywords)) else ():
            before = text[max(0, match.start() - MAX_BEFORE) : match.start()]
            # what doubts stands in the same sentence, which begins right here in most texts
            if (
                doubts(before[before.rfind(". ") + 1 : -len("a")])
                or _of_another(text, before)
                or _conditional(text, match.start())
            ):
                continue
            final = before.lower().endswith("final a")
            yield _Slot(match.end(), "statement", False, match.group()[-1] in ":：" and not final)
    # Searches for literal words, and a look at the line's beginning, are several times faster than for line starts.
    for word in _ANSWER_WORDS:
        at = text.find(word)
        while at >= 0:
            line = _line_start(text, at, _BEFORE_WORD)
            if line is not None and (heading := _HEADING.match(text, line)):
                yield _Slot(heading.end(), "statement", True, False)
            at = text.find(word, at + 1)
    for match in _A_COLON.finditer(text):
        line = _line_start(text, match.start(), _BEFORE_A)
        alone = line is not None and not text[line : match.start()].strip(" \t")
        if alone and not _B_BELOW.match(text, match.end()):
            yield _Slot(match.end(), "a_colon", False, True)


def _of_another(text: str, before: str) -> bool:
    """Is the answer behind these words somebody else's?"""
    found = _OF_ANOTHER.search(before, max(0, len(before) - _MAX_OF_ANOTHER))
    return found is not None and (found["other"] is None or _calls_wrong(text))


# once for all the statements of a text
@lru_cache(maxsize=1)
def _calls_wrong(text: str) -> bool:
    return _OTHERS_WRONG.search(text) is not None


def by_cases(text: str) -> bool:
    """Tell whether a text states one answer under one condition and another under another."""
    return "nswer" in text and any(_conditional(text, found.start()) for found in _ENGLISH.finditer(text))


def _conditional(text: str, start: int) -> bool:
    """Is the answer told under one condition, and another under another: "for p = 2 the answer is (C)"?"""
    sentence = max(text.rfind(mark, max(0, start - MAX_SENTENCE), start) for mark in (". ", "\n", "? "))
    told = _CONDITION.search(text, max(0, sentence, start - MAX_BEFORE), start)
    stop = text.find(". ", start, start + MAX_SENTENCE)
    others = text[max(0, sentence) : told.start()] + text[start + len("nswer") : stop] if told else ""
    return "nswer" in others


def _line_start(text: str, position: int, within: int) -> int | None:
    """Return where the line of a position begins; None if that is more than so many characters before it."""
    earliest = max(0, position - within)
    before = text.rfind("\n", max(0, earliest - 1), position)
    return before + 1 if before >= 0 else None if earliest else 0


def _paragraph_end(text: str, start: int) -> int:
    while text[start : start + 1].isspace():
        start += 1
    end = text.find("\n\n", start)
    return len(text) if end < 0 else end
