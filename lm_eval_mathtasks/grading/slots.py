"""Find the answer in a slot: the stretch of a response where an answer should stand.

It is the value at the head ("18 dollars, because ..."), or the last value of a sentence of words ("that she has 18
eggs left"), or a few words where there is no value at all ("Evelyn").
"""

import re

from lm_eval_mathtasks.grading.asides import named_items
from lm_eval_mathtasks.grading.boxes import find_boxes, last_group
from lm_eval_mathtasks.grading.denials import denies
from lm_eval_mathtasks.grading.equations import value_side
from lm_eval_mathtasks.grading.formulas import TRIM, Formula, Span, formulas, joins, trim
from lm_eval_mathtasks.grading.option_letters import CONDITIONAL_OPTIONS
from lm_eval_mathtasks.grading.phrases import DENIED_BEHIND, NO_STOP, REJECTED, changes
from lm_eval_mathtasks.grading.remarks import only_names
from lm_eval_mathtasks.grading.sentences import MAX_SLOT, last_value
from lm_eval_mathtasks.grading.told import is_unresolved
from lm_eval_mathtasks.grading.units import parse_unit

# Words that stand between "the answer is" and the answer.
_FILLER = re.compile(
    r"(?:[\s:：*_`>≈\"“”]|\\(?=\")|\b(?:therefore|thus|hence|then|so|simply|just|indeed|also|now|approximately|about"
    r"|roughly|exactly|for sure|definitely|clearly|obviously|given by|equal to|equals|option|choice|letter"
    r"|the number)\b[,:]?)+",
    re.IGNORECASE,
)
# How a value begins: a number with sign and currency; a formula, a command or a bracket; a name with an operator
# behind it; a letter alone; the letter of an option. A sign may stand before each.
_VALUE_HEAD = re.compile(
    r"[-+±−–]?\s?(?:[$€£¥]|\\\$)?\s?[-−]?\.?[0-9]|[-+±−–]?(?:"
    r"\$|\\{1,2}[a-zA-Z(\[{]|[(\[{][^a-zA-Z]|[(\[{][a-zA-Z0-9\\]{1,12}\s?[),\]}+\-−*/^]"
    r"|[a-zA-Z][_0-9]{0,2}(?:\([a-z]\))?\s{0,2}[=^+\-*/<>≤≥≠∈]"
    r"|(?!a [a-z]{2}|I (?!and\b|or\b|only\b)[a-z])[a-zA-Z](?=[\s.,;。，]|\Z)"
    r"|\(?(?:[A-HJ]|I(?! [a-z]))\)?(?![\w'’])|[√π∞∅±])"
)
_OPTION_HEAD = re.compile(
    r"\(?([B-HJ]|A(?!\s(?!(?:or|and) \(?[B-J]\b)[a-z]))\)?(?=[\s.,;:。，]|\Z)"
    r"(?!\s{0,2}(?:[=<>+\-*/^\[]|\((?!or\b|and\b)))"
)
_MORE_OPTIONS = re.compile(
    r"(?:\s?(?:,|;|/|&|,?\s?\(?\b(?:and|or|y|e|o|und|oder|et|ou|и|или)\b|和|或|与|及)\s?(?:(?:and|or|also)\s)*\(?[A-HJ]\)?(?![\w'’]))+"
)
# "6 hours x $4 per hour = $24": of arithmetic with words the right side answers; "2x + y = 3" is an equation.
_ARITHMETIC = re.compile(
    r"(?=[^=\n]*\d)(?:(?!\b(?!x\b)[a-z]\b|\d[a-z]\b)[^=\n])+=\s{0,3}(?=[-−]?[$€£]?\s?\d)(?!.*[=≈])"
)
# "6 times the perimeter, which is 36": what begins as a factor has its value behind "which is".
_FACTOR = re.compile(
    r"[$€£]?[\d.]+(?:(?:/\d+|\s?%)\sof\s(?:(?:the|all|his|her|its|their)\s)?[$€£]?\d"
    r"|\stimes\s(?!\d)|(?:\s[a-z]+){0,2}\s(?:more|less|fewer|[a-z]+er)\sthan\s)"
    r"(?:[^.\n]|\.(?=\d))*?,?\s(?:which|and (?:that|this))\s(?:is|equals|comes to|makes|gives)\b"
)
# In "6! = 720" the mark is a factorial's.
_SENTENCE_END = re.compile(
    rf"\n|[。！？]|(?!(?<=\d!)!|(?<=\d)! ?[=+*/×·-] ?[\d(\\$]){NO_STOP}[.!?](?=[\s\"”*_<)\]]|\Z)"
)
_CLAUSE = re.compile(
    r"[,;]?\s(?:because|since|which|where|when|whereas|if|as (?:it|the|we|this|required|shown))\b"
    r"|[,;]\s(?:so|but|it|this|that|as|and so|not)\b|\sand (?:the|that|it|he|she|they|we)\b|\s(?:is|are|was|were)\b"
    r"|,\s(?:in (?:total|all)|altogether|overall|respectively)\b|，|\s#{2,4}"
    # a remark in brackets, but not "45 (not allowed)"
    r"|\s\((?=[a-z]{2})(?!(?:not (?:allowed|possible|valid|right|correct|sure|certain|enough)"
    rf"|never|wrong|if|unless|(?:no,? )?wait|maybe|{REJECTED})\b)",
    re.IGNORECASE,
)
# "2 and every odd prime below 8"
_AND_SOME = re.compile(
    r"[$(]*[-−]?\d[\d.,/]*[$)]*,?\s(?:and|or|plus)\s(?:every|all|any|each|some|possibly|maybe|perhaps|another|others?|whatever)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(rf"(?:\w+ly )?not |[^\s.,;]+(?:,? which)?{DENIED_BEHIND}")
_CLASS = re.compile(
    r"(?:any(?:thing)?|every(?:thing)?|each(?! of )|all(?! (?:of )?(?:the |these )?\$?\d)|whatever|whichever|no|twice"
    r"|half|double) [a-z]",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"an? (?:[a-z-]+ ){0,2}(?:integer|number|digit) (?:from|between|less|greater|in the)\b", re.IGNORECASE
)
_RECIPE = re.compile(
    r"(?:then )?(?:obtained|found|computed|calculated|derived|determined) (?:by|from|through|using|when)\b"
    r"|(?:please )?(?:see|refer to|look at|(?:as )?(?:shown|given) in)"
    r" (?:the |row|column|line|table|figure|step|page|above)",
    re.IGNORECASE,
)
_COMES_TO = re.compile(r"=|\b(?:which|is|gives|so)\b")
_HAS_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|equals?|gives?|gets?|makes?|will|would|can|could|must|should|needs?|takes?|that|who"
    r"|[a-z]{2,}ed|sold|made|spent|got|left|ran|ate|cost|took|won|paid|bought)\b|[=:,]",
    re.IGNORECASE,
)
_OF_WHAT = {
    "after",
    "before",
    "of",
    "to",
    "from",
    "than",
    "below",
    "above",
    "under",
    "by",
    "following",
    "preceding",
}
MAX_NOUN = 60  # characters
_SOMETHING = re.compile(r"[^\W_]|[√π∞∅]")
# The whole of most slots; the rules below would find the same
_NUMBER_ALONE = re.compile(r"[\s:]*(\$?\d+(?:,\d+)*(?:\.\d+)?)\.?\s*")
_DIGIT, _DIGITS_ON = re.compile(r"\d"), re.compile(r"[\d.,]*(?<![.,])")
BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
# "**A** and **E**"
_AND_BOLD = re.compile(r"\*\*[^*\n]{0,30}\*\*")
_PERCENT_OR_DEGREE = re.compile(r"\s?(?:\\?%|percent\b|pct\b|°|degrees?\b|\^\\circ)")
_TOLD_OF = re.compile(
    r"(?<=[a-z])\s(?:after|by|within|during|over|from|between)\s(?:the |these |those |all )?[$€£]?\d"
)
_RATE = re.compile(r"\s([a-z]+ per (?:square |cubic )?[a-z]+)\b")
# A word is prose, unless it names a command, an environment or a text in a formula ("\x0crac" was "\frac").
WORD = re.compile(r"(?<![\\a-zA-Z\x0c])(?<!\\begin\{)(?<!\\end\{)(?<!\\text\{)[^\W\d_]{2,}")
_NOT_ANSWERS = frozenset(
    {"correct", "right", "wrong", "incorrect", "unclear", "unknown", "below", "above", "not", "reasonable"}
    | {"clear", "here", "following", "too"}
)
MAX_UNIT_WORDS = 5  # "18 dollars per day in total"
MAX_BARE_WORDS = 2  # "Evelyn", "not possible"
MAX_TEXT_WORDS = 6  # "not enough information is given"


def line_value(text: str, start: int, stop: int) -> Span | None:
    """Return the answer on a line that is marked as one: the value at its head, after words like "therefore"; the whole
    line where it has no words; a word or two that end the text. A heading is none of these."""
    if alone := _NUMBER_ALONE.fullmatch(text, start, stop):
        return alone.span(1)
    start = _after_filler(text, start, stop)
    if _VALUE_HEAD.match(text, start, stop):
        return leading_value(text, start, stop)
    if opened := _opened_by_words(text, start, last_value(text, start, stop)):
        return opened
    span = trim(text, start, stop)
    if span is None:
        return None
    words = WORD.search(text, *span) is not None
    ends = not text[stop:].strip() and len(text[slice(*span)].split()) <= MAX_BARE_WORDS
    return span if ends or not words else None


def slot_value(text: str, start: int, stop: int, *, sentences: bool = False) -> Span | None:
    """Return the span of the answer in the slot `text[start:stop]`, or None.

    With `sentences` the slot is a paragraph of its own (a heading stands above it), not one sentence.
    """
    stop = min(stop, start + MAX_SLOT)
    if alone := _NUMBER_ALONE.fullmatch(text, start, stop):
        return alone.span(1)
    # "**Answer: Not possible** (we would need 5/2)"
    line = text.rfind("\n", 0, start) + 1
    closed = text.find("**", start, stop)
    if (
        text.count("**", line, start) % 2
        and closed > 0
        and "\n" not in text[start:closed]
        and text[start:closed].strip(" *")
    ):
        stop = closed
    start = _after_filler(text, start, stop)
    # "**Answer:** **15** (I forgot the corners at first.)"
    closed = text.find("**", start, stop) if text.endswith("**", 0, start) else -1
    stop = closed if closed > 0 and not _AND_BOLD.match(text, closed) else stop
    # "the answer is not 7" and "the answer is 7, which is wrong" state nothing
    if start >= stop or _DENIED.match(text, start, stop):
        return None
    # "The answer is obtained by dividing by 6", "Answer: see row 5 of the table"
    if (recipe := _RECIPE.match(text, start, stop)) and not _COMES_TO.search(text, recipe.end(), stop):
        return None
    # "The answer is an integer from 0 to 999" tells the kind of answer that is asked for.
    if _KIND.match(text, start, stop):
        return None
    # "any number whose last digit is 6" is a class of numbers
    if _CLASS.match(text, start, stop):
        return trim(text, start, sentence_end(text, start, stop))
    boxes = find_boxes(text[start:stop])
    head = _VALUE_HEAD.match(text, start, stop)
    if boxes and (head or sentences or boxes[0].begin < sentence_end(text, start, stop) - start):
        group = last_group(text[start:stop], boxes)
        return start + group[0].start, start + group[-1].stop
    if head and (factor := _FACTOR.match(text, start, stop)):
        return slot_value(text, factor.end(), stop)
    if head and is_unresolved(text, _DIGITS_ON.match(text, head.end()).end()):  # type: ignore[union-attr]
        return None
    if head:
        end = sentence_end(text, start, stop)
        # "The answer is 8?" only asks
        return None if text[end : end + 1] == "?" else leading_value(text, start, end)
    end = stop if sentences else sentence_end(text, start, stop)
    if denies(text[start:end]):
        return None
    # "After paying for the jacket Dana is left with **$35.80** of her $100."
    marked = [bold for bold in BOLD.finditer(text, start, end) if _DIGIT.search(bold[1])]
    if len(marked) == 1:
        return slot_value(text, *marked[0].span(1))
    # "mean 6 and median 5"
    whole = trim(text, start, end)
    if whole and named_items(text[slice(*whole)]) != text[slice(*whole)]:
        return whole
    value = last_value(text, start, end)
    return _opened_by_words(text, start, value) or value or _short_text(text, start, end)


def _opened_by_words(text: str, start: int, value: Span | None) -> Span | None:
    """Return a value with the words that its slot opens with where they change it: "at most 7" is no 7."""
    opened = value and (
        value[0] == start or changes(text[start : value[0]]) or _named(text[start : value[0]])
    )
    return trim(text, start, value[1]) if value and opened else None


def _named(words: str) -> bool:
    """Do words make a noun of a value, "the next prime after 7", which is not the value?

    >>> _named("the next prime after "), _named("the number of ways is "), _named("a total of ")
    (True, False, False)
    """
    key = re.findall(r"[a-z]+", words.lower())
    is_noun = key[:1] in (["the"], ["a"], ["an"]) and key[-1] in _OF_WHAT and not _HAS_VERB.search(words)
    return is_noun and len(words) < MAX_NOUN and not only_names(key, words.strip())


def opens_solution(text: str, start: int, stop: int) -> bool:
    """Tell whether a slot ("Answer:") is the head of a whole solution in words, its first sentence no answer."""
    start = _after_filler(text, start, stop)
    if _VALUE_HEAD.match(text, start, stop):
        return False
    end = sentence_end(text, start, min(stop, start + MAX_SLOT))
    return bool(text[end + 1 : stop].strip(TRIM))


def sentence_end(text: str, start: int, stop: int) -> int:
    """Return the end of the sentence that starts at `start`: dots in formulas and numbers do not end it."""
    inside = formulas(text, start, stop)
    index = 0
    for match in _SENTENCE_END.finditer(text, start, stop):
        while index < len(inside) and inside[index].end <= match.start():
            index += 1
        in_formula = index < len(inside) and inside[index].begin <= match.start()
        if not in_formula and text[start : match.start()].strip(TRIM):
            return match.start()
    return stop


def leading_value(text: str, start: int, stop: int) -> Span | None:
    """Return the value that `text[start:stop]` begins with: up to a new clause, with a few words of its unit."""
    if told := CONDITIONAL_OPTIONS.match(text, start, stop):
        return told.span()
    option = _OPTION_HEAD.match(text, start, stop)
    # "(B), (D)" are two options, "(B) 5" is one with its text
    more = _MORE_OPTIONS.match(text, option.end(), stop) if option else None
    if option and (
        more or text[option.end() - 1] != ")" or not _VALUE_HEAD.match(text, option.end() + 1, stop)
    ):
        return option.start(), more.end() if more else option.end()
    if _AND_SOME.match(text, start, stop):
        return trim(text, start, stop)
    clause = _CLAUSE.search(text, start + 1, stop)
    found = formulas(text, start, stop)
    if clause and not any(formula.begin <= clause.start() < formula.end for formula in found):
        stop = clause.start()
        found = formulas(text, start, stop)
    if len(found) == 1 and found[0].begin == start and not text[found[0].end : stop].strip(TRIM):
        return trim(text, *value_side(text, found[0].start, found[0].stop, stated=True))
    if found and found[0].begin == start:
        return trim(text, start, _joined_formulas(text, found, stop))
    if not found and text[start] not in "([" and (sum_of := _ARITHMETIC.match(text, start, stop)):
        start = sum_of.end()
    word = WORD.search(text, start, stop)
    if word is None:
        span = trim(text, start, stop)
        return span if span and _SOMETHING.search(text, *span) else None
    # "40 litres remain after 20 days"
    told_of = _TOLD_OF.search(text, word.start(), stop)
    stop = told_of.start() if told_of else stop
    tail = text[word.start() : stop]
    if len(tail.split()) > MAX_UNIT_WORDS and text[start : word.start()].strip(TRIM):
        stop = word.start()
    return trim(text, start, stop)


def _joined_formulas(text: str, found: list[Formula], stop: int) -> int:
    """Return where an answer of several formulas ends: "$1$ or $2$", "$28$ percent"."""
    end = found[0].end
    for formula in found[1:]:
        if not joins(text[end : formula.begin]):
            break
        end = formula.end
    sign = _PERCENT_OR_DEGREE.match(text, end, stop)
    # "$60$ feet per second"
    unit = _RATE.match(text, end, stop)
    return sign.end() if sign else unit.end() if unit and parse_unit(unit[1]) else end


def _short_text(text: str, start: int, stop: int) -> Span | None:
    span = trim(text, start, stop)
    words = text[slice(*span)].split() if span else []
    if not 0 < len(words) <= MAX_TEXT_WORDS or words[0].lower().strip(TRIM) in _NOT_ANSWERS:
        return None
    return span


def _after_filler(text: str, start: int, stop: int) -> int:
    filler = _FILLER.match(text, start, stop)
    return filler.end() if filler else start
