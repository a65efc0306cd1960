"""Which words beside a value leave it as it is: units, labels, counted nouns and remarks. Others are not dropped."""

import re

from lm_eval_mathtasks.grading import languages
from lm_eval_mathtasks.grading.numerals import in_words
from lm_eval_mathtasks.grading.units import is_unit_word, parse_unit
from lm_eval_mathtasks.grading.vocabulary import COMMON_WORDS, SMALL_WORDS

# "A total of 12" is 12, "a multiple of 12" is not: what may stand before "of", before a value, and behind one.
_MEASURES = {
    "total", "sum", "value", "area", "volume", "perimeter", "circumference", "length", "width", "height", "depth",
    "radius", "diameter", "distance", "speed", "rate", "price", "cost", "amount", "number", "count", "maximum",
    "minimum", "max", "min", "average", "mean", "median", "mode", "range", "probability", "chance", "odds",
    "ratio", "percentage", "slope", "angle", "measure", "degree", "order", "age", "weight", "mass", "time",
    "period", "profit", "loss", "discount", "score", "remainder", "answer", "result", "solution", "base", "side",
    "grade", "mark", "temperature", "capacity", "balance", "salary", "interest", "rent", "income", "tax", "bill",
    "payment", "population", "quantity", "size", "product", "quotient", "difference", "rise", "fall", "increase",
    "decrease", "gain", "point", "page", "room", "level", "floor", "place", "change",
}  # fmt: skip
COPULAS = {"is", "are", "was", "were", "equals", "equal", "becomes", "gives", "has", "have", "had"}
_VERBS = {"get", "gets", "need", "needs", "makes", "leaves", "yields", "contains", "costs"}
FILLERS = {
    "only", "exactly", "just", "so", "thus", "therefore", "hence", "then", "simply", "merely", "precisely", "another",
    "the", "approximately", "about", "around", "roughly", "approx",
}  # fmt: skip
_BEFORE = _MEASURES | COPULAS | _VERBS | FILLERS
# "equal to 5" and "adds up to 5" are 5, "close to 5" is not
_TO = {
    "equal", "equals", "equivalent", "comes", "amounts", "adds", "up", "sums", "rounds", "rounded", "simplifies",
    "reduces", "evaluates", "leads", "corresponds", "amounting", "adding", "reduced", "simplified",
}  # fmt: skip
_NEGATIONS = {
    "not", "never", "neither", "nor", "except", "unless", "without", "cannot", "isn't", "aren't", "but",
    "impossible", "whether", "wrong", "incorrect", "no", "if", "whose",
}  # fmt: skip
# Alone before a value these are no name of it, also with a capital.
_CHANGING = {
    "by", "than", "between", "beyond", "within", "outside", "before", "after", "until", "past", "from", "through",
    "into", "per", "plus", "times", "mod", "modulo", "squared", "half", "inverse", "reciprocal", "nearly", "almost",
    "barely", "every", "each", "first", "as", "maybe", "perhaps", "possibly", "probably", "likely", "since", "multiple",
    "including",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# What is counted is known by its plural, or by what it is made of.
_COUNTED = re.compile(
    r"(?![a-z]+wards)[a-z'-]*[a-rt-z]s|[a-z]+(?:[ae]ss|oss|iss)es|people|(?:[a-z]+-?)?m[ae]n|children|fish|sheep|feet|teeth|mice"
    r"|geese|dice|[a-z-]+-(?:old|sided|digit)|(?!off|out|shy|ish|too|mil)[a-z]{1,3}"
)
_LEADS_REMARK = {
    "in", "per", "of", "for", "at", "on", "each", "every", "a", "an", "th", "st", "nd", "rd", "since", "because",
}  # fmt: skip
# What a noun cannot stand behind any more.
_ENDS_NOUN = {
    "from", "to", "as", "with", "by", "than", "until", "was", "not", "minus", "plus", "below", "above", "under", "over",
    "beyond", "does", "fails", "contradicts", "violates",
}  # fmt: skip
# What changes a value wherever it stands behind its noun; "25 students are not girls" are 25.
_CHANGES_NOUN = _NEGATIONS - {"not"} | {"maximum", "minimum", "max", "tops", "false", "almost", "nearly"}
_SETTLES = {"enough", "right", "correct", "true", "possible", "valid", "allowed", "answer", "it"}
_SHORT = SMALL_WORDS | COMMON_WORDS
_BEHIND = _MEASURES - {"score", "maximum", "minimum", "max", "min"} | {
    "altogether", "overall", "combined", "left", "remaining", "more", "fewer", "less", "extra", "additional",
    "apiece", "respectively", "only", "exactly", "old", "long", "tall", "wide", "high", "deep", "thick",
    "apart", "ago", "later", "earlier", "daily", "weekly", "monthly", "yearly", "annually", "square", "cubic", "many",
    "needed", "required", "sold", "spent", "saved", "earned", "eaten", "exact", "correct", "o'clock", "approximately",
    "approx", "about", "sided", "red", "blue", "green", "yellow", "white", "black", "yen", "won", "baht", "rand",
    "euro",
}  # fmt: skip


def only_names(key: list[str], words: str) -> bool:
    """Do words only name the value behind them, or say nothing about it? key: they in small letters, with their colon.

    >>> only_names(["total", "of"], "Total of"), only_names(["multiple", "of"], "multiple of")
    (True, False)
    >>> only_names(["vendor"], "Vendor"), only_names(["nearly"], "Nearly")
    (True, False)
    """
    last, before = (key or [":"])[-1], key[-2] if len(key) > 1 else ""
    if _NEGATIONS & set(key) or last == ":":
        return not _NEGATIONS & set(key)
    if last in {"of", "to"}:
        return before in (_MEASURES if last == "of" else _TO)
    if (words.istitle() or words.isupper()) and len(key) == 1:
        return last not in _CHANGING
    # "day 5"
    if len(key) == 1 and len(last) > 2 and is_unit_word(last):
        return True
    return last in _BEFORE or (last == "be" and before in {"must", "will", "should"})


def known(words: str) -> bool:
    """Is it known of words beside a value that they make another answer of it? No words are left of "every 24".

    >>> known("multiple of"), known("nearly"), known("vendor"), known("insgesamt")
    (True, True, False, False)
    """
    changing = _NEGATIONS | _CHANGING | _ENDS_NOUN | _SHORT
    return not words or in_words(words) is not None or not changing.isdisjoint(words.split())


def says_nothing(words: str, *, of_one: bool = False) -> bool:
    """Are the words behind a value known to leave it as it is: a unit, a noun that is counted, or a remark?

    A noun is known by its plural, "14 points", or by any form where there is one or less of it, or as a name, "3 Eier".
    What only has the place of a noun, "30 short" or "7 lakh", is not known.

    >>> says_nothing("red apples"), says_nothing("in total"), says_nothing("short"), says_nothing("from 5 on")
    (True, True, False, False)
    >>> says_nothing("apple"), says_nothing("apple", of_one=True)
    (False, True)
    """
    found = _WORD.findall(words)
    if not found or found[0].lower() in _LEADS_REMARK or parse_unit(words):
        return True
    if languages.changes_preceding(words):
        return False
    # "5 apples too many", "5 dollars maximum", "5 dollars is not enough"
    behind = {word.lower() for word in found[1:]}
    if {"too", "ish"} & set(found) or _CHANGES_NOUN & behind or ("not" in behind and _SETTLES & behind):
        return False
    for word in found:
        if word.lower() in _ENDS_NOUN:
            return False
        known = word in _BEHIND or (
            word not in _SHORT
            and (
                is_unit_word(word) or _COUNTED.fullmatch(word) or (of_one and _COUNTED.fullmatch(word + "s"))
            )
        )
        if known or not word.islower() or not word.isascii():
            return True
    return False
