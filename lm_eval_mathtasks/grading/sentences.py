"""The value that a sentence or a text comes to: the last formula, or the number that the last sentence is about."""

import re

from lm_eval_mathtasks.grading.endings import HAS_VALUE
from lm_eval_mathtasks.grading.equations import open_equation, value_side
from lm_eval_mathtasks.grading.formulas import (
    NUMBER,
    Formula,
    Span,
    bare_formula,
    formulas,
    has_value,
    joins,
    trim,
)
from lm_eval_mathtasks.grading.languages import SUBORDINATE
from lm_eval_mathtasks.grading.neighbours import with_neighbours
from lm_eval_mathtasks.grading.numerals import RUN
from lm_eval_mathtasks.grading.phrases import NO_STOP
from lm_eval_mathtasks.grading.told import (
    IS_SAID,
    SINCE,
    beside_comparisons,
    is_unresolved,
    joined_numbers,
    result_of,
)

_LINES = re.compile(
    r"\b(?:are|solutions|roots|values|zeros|answers)\b[^\n]{0,60}:[*_]*\s*\n(\s*(?:[-*•]|\d[.)])(?:[^\n]+\n\s*(?:[-*•]|\d[.)]))+[^\n]+\s*)\Z",
    re.IGNORECASE,
)
_ITEMS = re.compile(r"\s*((?:(?:[-*•]|\d[.)])\s+\$?[^\s$]*(?:\s?=\s?)?[^\s$]+\$?[.,;]?(?:\n|\Z)){2,})\s*")
_LISTED_NAME = re.compile(r"(?:[-*•]|\d[.)])\s+\$?([a-zA-Z]\w?)\s?=")
_CIRCLED = re.compile(r"[\u2460-\u2473](?:(?:[\s,、，和及&]|and|or)*[\u2460-\u2473])*")
_CONTRAST = re.compile(
    r"(?:,\s(?:and )?|\s(?:and|but) )(?:\*{0,2}not\*{0,2}(?: by)?|rather than|instead of)\s\$"
)
# What is told beside a formula that a verb gives: "the remainder is $2$ when $9$ is divided by $7$"
_BESIDE_FORMULA = re.compile(
    r"(?:\swhen|,\s(?:where|each|all|which is (?:about|roughly|approximately)|and (?:they|it|these) do(?:es)?))\s"
    r"(?![^.\n]*(?:,\s(?:so|thus|hence|therefore|and|which|giving)\b|\b(?:is|are|equals|get|have)\s\$))"
)
_GIVES = re.compile(r"\b(?:is|are|was|equals?|sind|ist|sont|est|son|es)\b[^.\n]*\Z")
MAX_GIVING = 60  # characters
# "$\frac12$, not $1$, and the sum is $1$"
_TOLD_AFTER = re.compile(r",\s(?:and|so|but)\s[^.]*\b(?:is|are|was|equals?)\s[$\d]")
_AMONG = re.compile(r"\b(?:among|of|out of|from) (?:the|these|those|all) (?:first )?\Z")
# "It comes to fifty dollars for the 10 items."
_FOR_THE = re.compile(r"\b(?:for|in|from) (?:the|all|these|those|his|her|their) \Z")
# "question 2" and "step 20" name a part of the text.
_REFERENCE = re.compile(
    r"\b(?:question|problem|exercise|step|equation|lemma|theorem|digit)s?\s\(?\Z", re.IGNORECASE
)
# Longer than this is no sentence and no slot, but the start of an explanation.
MAX_SLOT = 1_500  # characters
# Numbers from the end that may be no values, so that a line of nothing else is read in linear time.
MAX_DROPPED = 10
_SENTENCE, _WINDOW = 150, 400  # characters of most last sentences; of nearly all, and some before them
_BREAK = re.compile(rf"\n|[。！？]|{NO_STOP}[.!?]\s")
_THERE_ARE = re.compile(
    r"\bthere (?:are|is|were|will be|would be|must be)"
    r"(?: only| exactly| a total of| at (?:most|least)| thus| therefore)*\s\Z",
    re.IGNORECASE,
)
# Behind "since x > 0, we get" follows a result, but not behind "as 8 x 5 = 40 and 4 x 5 = 20".
_REASON = re.compile(
    rf"(?:,|\s)\s?(?:{SINCE}|because|(?<=, )as(?= \$?\d[^.\n]*=))\b(?![^.\n]*(?:,\s|\band (?!\$?\d[^.\n]*=)))"
    r"|,\sas (?:one|we|you) (?:can )?(?:verif|check|see)\w*\s|,\s(?:während|tandis que|mientras que|while|whereas)\s"
    r"(?![^.\n]*,\s(?:which|so|thus|hence|therefore|giving)\b)"
    r"|,\s(?:i\.e\.|that is),?\s(?=(?:all|every|any|the|she|he|it|they|one)\b)"
    rf"|(?:{SUBORDINATE})(?![^.\n]*,\s(?:so|also|donc|alors|entonces|luego|то)\b)"
    r"|,\s(?:and )?indeed\s"
    r"|,\sas there (?:is|are)\b(?![^.\n]*,\s(?:so|thus|hence|therefore|then|we|it|there|the)\b)"
)
# "..., where $f$ is the polynomial with $f(0) = 1$", "where we count $x = 0$ as well"
_WHERE, _DENOTES = (
    re.compile(r",\swhere\b"),
    re.compile(r",\swhere (?:we\b|[^.\n]{0,20}\b(?:is|are|denotes?)\b)"),
)
# A verb that gives a number behind a formula: "the graph of $y = x^2$ has 2 zeros".
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|equals?|has|have|had|contains?|gives?|gets?|makes?)\s(?:only |exactly |just |about )?\Z"
    r"|\b(?:has|have|had|attains?|reaches|takes)\s(?:an?|the|its)\s(?:[a-z]+ ){1,2}of\s\Z"
    r"|(?<!that )(?<!which )\b(?:has|have|meets?|intersects?|cross|touch)(?:es)?\s(?:in |at )?(?:the )?(?:[a-z]+ )?\Z"
)
_BESIDE = re.compile(
    r"\b(?:for(?: all| any| every| each)?|at|where|when|whenever|if|with|since|let|given|namely|as long as"
    r"|(?:provided|assuming|given)(?: that)?)\s\Z",
    re.IGNORECASE,
)
# "the maximum of $28$ is achieved when $x = -4$"
_ATTAINED = re.compile(r"[^A-Z]*\b(?:achieved|attained|reached|occurs?)\b")
# What belongs to a number behind it: "x > 4", "2 < x < 5", "x = 3 or x = -3"
_RELATED = re.compile(
    r"(?:[-−]?\d[\d.,/]*\s?[<≤]=?\s?(?<![a-zA-Z\\])[a-zA-Z]\s?[<≤]=?|(?<![a-zA-Z\\])[a-zA-Z]\s?(?:[<>]=?|[≤≥≠]))\s?\Z"
    r"|(?<![\w$\\])(?:[a-zA-Z]\s?=\s?[-−]?[\d./√π]+(?:,\s|,?\s(?:and|or)\s))+[a-zA-Z]\s?=\s?\Z"
)
_NAMED = re.compile(r"\s*([a-zA-Z]\w?)\s*=")
# "4, not 5" is 4, and so is "4 mod 12"
_CONTRASTED = re.compile(r"(?:(?:,|\band|\bbut) not|\brather than|\binstead of|\bmod(?:ulo)?)\s\(?\Z")
_CHECK = re.compile(r"\b(?:check|verify|indeed|substitut|plug)", re.IGNORECASE)
_PLAIN_EQUATION = re.compile(
    r"(?<![\w.)])[\d\s.()+*/^nxyz-]{0,60}\d*[nxyz][\d\s.()+*/^-]{0,60}=\s?[$-]{0,2}\Z"
)
# What may stand before a list of values: "the solutions are $1$ and $2$", "So $a = 1$, $b = 2$".
_LIST_BEGINS = re.compile(
    r"(?:\b(?:are|is|either|get|gets|obtain|have|find|gives?|yields?|equals?|so|thus|hence|therefore|then|also|lauten|sind|sont|son"
    r"|solutions|roots|zeros|values)\b,?(?:\s(?:daher|also|somit|therefore|thus|then|hence|donc|alors))?"
    r"|[:>.]|\A|\n)[\s\"“*]*\Z",
    re.IGNORECASE,
)
_SPELLED_LEAD = (
    r"\b(?:is|are|was|were|has|have|had|equals|contains?|gets?|makes?|earns?|needs?|takes?|costs?"
    r"|(?:comes?|amounts?|adds? up) to|(?:gives?|leaves?|yields?)(?: (?:you|us|him|her|them|me|it))?)\s+"
    r"(?:(?:only|exactly|just|about|a total of|therefore|thus|then|hence|now|altogether|in total) )?"
)
_SPELLED = re.compile(
    rf"{_SPELLED_LEAD}(?P<number>(?:(?:negative|minus)\s)?{RUN})(?!\s+of\b)",
    re.IGNORECASE,
)

# ... in a sentence without other values: "The product is negative fifteen."; "this is one way" tells no number.
_SPELLED_AT_END = re.compile(
    rf"{_SPELLED_LEAD}(?!one\s[a-z])(?P<number>(?:(?:negative|minus)\s)?{RUN})(?:\s[a-z]+){{0,2}}[.!*\s]*\Z",
    re.IGNORECASE,
)


def last_value(text: str, start: int, stop: int) -> Span | None:
    """Return the span of the value that `text[start:stop]` comes to, with the words beside it that change what it says;
    None where it comes to none."""
    value = _last_value(text, start, stop)
    return value and with_neighbours(text, value, _last_break(text, start, value[0]))


def _last_value(text: str, start: int, stop: int) -> Span | None:
    """Return the span of that value alone: a formula, or a number in words.

    A number after the last formula counts only in a later sentence, or behind a verb: in "there are $49$ multiples
    below 500" the writer's value is the formula. What follows "because" in the last sentence is a reason, not a result.
    """
    # "$9$ and $21$, not $10$ and $20$"
    contrast = _CONTRAST.search(
        text, _last_break(text, start, max(start, len(text[:stop].rstrip()) - 1)), stop
    )
    if (
        contrast
        and has_value(text[start : contrast.start()])
        and not _TOLD_AFTER.search(text, contrast.end(), stop)
    ):
        stop = contrast.start()
    if (lines := _LINES.search(text, max(start, stop - MAX_SLOT), stop)) and (
        items := listed(text, *lines.span(1))
    ):
        return items
    last = _last_break(text, start, start + len(text[start:stop].rstrip(" .!*\n")))
    in_words = last > start and not HAS_VALUE.search(text, last, stop)
    if in_words and (at_end := _SPELLED_AT_END.search(text[:stop], last)):
        return at_end.span("number")
    found = formulas(text, start, stop)
    telling = [formula for k, formula in enumerate(found) if _tells_something(text, found, k)]
    after = telling[-1].end if telling else start
    unknown = _left_open(text, telling[-1]) if telling else None
    if unknown:
        telling = [formula for formula in telling if _names(text[formula.start : formula.stop], unknown)]
    numbers = _numbers(text, after, stop, found[-3:])
    if not numbers and (between := _told_between(text, telling, stop)):
        return between
    if formula := _drop_pieces(text, start, numbers):
        return trim(text, *value_side(text, *formula))
    circled = [*_CIRCLED.finditer(text, max(start, stop - MAX_SLOT), stop)]
    if circled and circled[-1].start() > max([after, *(end for _, end in numbers)]):
        return circled[-1].span()
    if not telling and not numbers:
        name = trim(text, found[-1].start, found[-1].stop) if found else None
        return _in_words(text, after if unknown else start, stop) or (None if unknown else name)
    if telling and numbers and not _BREAK.search(text, after, numbers[-1][0]):
        led = [k for k, (begin, _) in enumerate(numbers) if _VERB.search(text, max(after, begin - 30), begin)]
        numbers = numbers[led[0] :] if led else []
        if not numbers and (between := _told_between(text, telling, stop)):
            return between
    place = numbers[-1][0] if numbers else telling[-1].begin
    sentence = _last_break(text, start, place)
    reason = _REASON.search(text, sentence, place)
    where = _WHERE.search(text, sentence, place)
    reason = reason or (where if where and _DENOTES.match(text, where.start()) else None)
    ends = [reason.start()] if reason else []
    here = (formula for formula in telling if formula.begin >= sentence)
    if given := next((formula for formula in here if _is_given(text, formula, stop)), None):
        ends.append(given.end)
    if ends and text[sentence : min(ends)].strip():
        result = _last_value(text, sentence, min(ends))
        if result:
            return result
    if not numbers:
        return _formula_value(text, telling, sentence)
    plain = _PLAIN_EQUATION.search(text, max(sentence, numbers[-1][0] - 120), numbers[-1][0])
    if plain and _left_open(text, Formula(plain.start(), plain.start(), numbers[-1][1], numbers[-1][1])):
        return None
    # "there are two such numbers among the 40"
    if (
        len(numbers) == 1
        and (spelled := _in_words(text, sentence, numbers[0][0]))
        and (_AMONG.search(text, 0, numbers[0][0]) or _FOR_THE.search(text, spelled[1], numbers[0][0]))
    ):
        return spelled
    told = joined_numbers(text, [span for span in numbers if span[0] >= sentence])
    begin, end = result_of(text, beside_comparisons(text, told), sentence)
    related = _RELATED.search(text, max(sentence, begin - 60), begin)
    if related and not _BESIDE.search(text, sentence, related.start()):
        begin = related.start()
    return None if is_unresolved(text, end) else trim(text, begin, end)


def _is_given(text: str, formula: Formula, stop: int) -> bool:
    """Does a verb give a formula, behind which follows what is only told beside it?"""
    return (
        _BESIDE_FORMULA.match(text, formula.end, stop) is not None
        and _GIVES.search(text, max(0, formula.begin - MAX_GIVING), formula.begin) is not None
    )


def _numbers(text: str, after: int, stop: int, names: list[Formula]) -> list[Span]:
    """Return the numbers behind the last telling formula that are in none of the formulas behind it. Of a long text
    the last ones will do: more than are ever dropped, with all of the last sentence."""
    for first in (stop - _WINDOW, after):
        begin = _last_break(text, after, first) if first > after else after
        numbers = [
            match.span()
            for match in NUMBER.finditer(text, begin, stop)
            if not _REFERENCE.search(text, max(begin, match.start() - 12), match.start())
            and not any(name.begin <= match.start() < name.end for name in names)
        ]
        if begin == after or (
            len(numbers) > MAX_DROPPED and _last_break(text, after, numbers[-1][0]) > begin
        ):
            break
    return numbers


def listed(text: str, start: int, stop: int) -> Span | None:
    """Return the span of a list that `text[start:stop]` is: a value each line, or one name and a value each."""
    found = _ITEMS.fullmatch(text, start, stop)
    names = [_LISTED_NAME.match(line) for line in found[1].split("\n")] if found else []
    return found.span(1) if found and len({name and name[1] for name in names}) == 1 else None


def _told_between(text: str, telling: list[Formula], stop: int) -> Span | None:
    """The number that a last sentence tells between two formulas: "$f$ has a minimum of 3 at $x = 0$"."""
    if not telling:
        return None
    end = telling[-1].begin
    begin = max(telling[-2].end if len(telling) > 1 else 0, _last_break(text, 0, end))
    beside = _BESIDE.search(text, begin, end)
    conditional = beside and beside[0].strip() in {"when", "if", "where"}
    ends = len(telling) > 1 and not text[telling[-1].end : stop].strip(" .!\n")
    if not beside or not (conditional or ends):
        return None
    numbers = [found.span() for found in NUMBER.finditer(text, begin, end)]
    led = [span for span in numbers if _VERB.search(text, max(begin, span[0] - 30), span[0])]
    return led[-1] if led and not _BREAK.search(text, begin, end) else None


def _in_words(text: str, start: int, stop: int) -> Span | None:
    """The number of a text without digits: "there are three circles"."""
    spelled = list(_SPELLED.finditer(text, max(start, stop - MAX_SLOT), stop))
    return spelled[-1].span("number") if spelled else None


def _last_break(text: str, start: int, stop: int) -> int:
    """Return the start of the sentence or line that `stop` is in."""
    for size in (_SENTENCE, _WINDOW, MAX_SLOT):
        window = max(start, stop - size)
        if ends := [match.end() for match in _BREAK.finditer(text, window, stop)]:
            return ends[-1]
    return window


def _formula_value(text: str, telling: list[Formula], sentence: int) -> Span | None:
    """Return the value of the last formula, or of the one that "there are" announces in its clause, or of a list."""
    last = telling[-1]
    # "the least value is $4$ for $x = 1$"
    k = len(telling) - 1
    while k and joins(text[telling[k - 1].end : telling[k].begin]):
        k -= 1
    if k and telling[k - 1].begin >= sentence and _BESIDE.search(text, telling[k - 1].end, telling[k].begin):
        is_said = IS_SAID.search(
            text, max(0, telling[k - 1].begin - 30), telling[k - 1].begin
        ) or _ATTAINED.match(text, telling[k - 1].end, telling[k].begin)
        last, telling = (telling[k - 1], telling[:k]) if is_said else (last, telling)
    # "$> 11$"
    if text[last.start : last.stop].lstrip()[:1] in {"<", ">"}:
        return last.start, last.stop
    for formula in reversed(telling):
        between = text[formula.end : last.begin]
        if len(between) > MAX_SLOT or "," in between or _BREAK.search(between):
            break
        if _THERE_ARE.search(text, max(0, formula.begin - 60), formula.begin):
            last = formula
            break
    first = last
    if last is telling[-1]:
        for formula in reversed(telling[:-1]):
            between = text[formula.end : first.begin]
            same = {(name := _NAMED.match(text, f.start, f.stop)) and name[1][0] for f in (formula, first)}
            apart = "\n" in between and (
                between.strip() not in {"and", "or"} or len(same) > 1 or None in same
            )
            if open_equation(text[formula.start : formula.stop]) or apart or not joins(between):
                break
            first = formula
    if first is not last and first.end != last.begin:
        left, right = (_NAMED.match(text, formula.start, formula.stop) for formula in telling[-2:])
        two_values = left and right and left[1] == right[1]
        # "$x = 27$, $y = 9$, and $x + y = 36$" comes to 36
        equations = all("=" in text[formula.start : formula.stop] for formula in telling[-2:])
        if equations and bool(left) != bool(right):
            return trim(text, *value_side(text, last.start, last.stop))
        if two_values or _LIST_BEGINS.search(text, max(0, first.begin - 30), first.begin):
            return first.begin, last.end
    return trim(text, *value_side(text, last.start, last.stop))


def _tells_something(text: str, found: list[Formula], k: int) -> bool:
    """Does a formula say something? A name does in a list with values, "$1$, $-1$, $i$ and $-i$"."""
    if has_value(text[found[k].start : found[k].stop]):
        return True
    beside = found[max(0, k - 1) : k + 2]
    return len(beside) == 3 and all(
        joins(text[a.end : b.begin]) and has_value(text[c.start : c.stop])
        for a, b, c in ((*beside[:2], beside[0]), (*beside[1:], beside[2]))
    )


def _names(content: str, unknown: str) -> bool:
    """Does a formula give an unknown its value?"""
    named = _NAMED.match(content)
    return named is not None and named[1] == unknown


def _left_open(text: str, formula: Formula) -> str | None:
    """The unknown of an equation that ends a text and is not solved before, `x + 37 = 0`.

    "The area is $s^2 = 49$" says what it comes to, and $2x = 20$ does behind $x = 10$, unless it is a check.
    """
    said = IS_SAID.search(text, max(0, formula.begin - 30), formula.begin)
    if said and not said.group().startswith(":"):
        return None
    unknown = open_equation(text[formula.start : formula.stop])
    given = unknown and re.search(
        rf"(?<!\w){re.escape(unknown)}\s?=\s?[-−$(\\]*[\da-z]", text[: formula.begin]
    )
    return None if given and not _CHECK.search(text, given.end(), formula.begin) else unknown


def _drop_pieces(text: str, start: int, numbers: list[Span]) -> Span | None:
    r"""Drop the last numbers that are no values, "not 5" and the 3 of "cm^3"; return the formula that the last is in.

    That is one without delimiters, as `\binom{5}{2}`, `3x^2` or `{1, 2, 3}`.
    """
    for begin, _ in numbers[-MAX_DROPPED:][::-1]:
        formula = bare_formula(text, max(start, text.rfind("\n", start, begin)), begin)
        if formula and formula[0] < formula[1]:
            return formula
        if not formula and not _CONTRASTED.search(text, max(0, begin - 20), begin):
            break
        numbers.pop()
    return None
