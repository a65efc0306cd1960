"""Which words beside a value leave it as it is: units, labels, counted nouns and remarks. Others are not dropped."""

import re
from collections.abc import Sequence

from lm_eval_mathtasks.grading import languages
from lm_eval_mathtasks.grading.numerals import MAGNITUDES, in_words
from lm_eval_mathtasks.grading.units import is_unit_word, parse_unit
from lm_eval_mathtasks.grading.vocabulary import COMMON_WORDS, SMALL_WORDS

# "A total of 12" is 12, "a multiple of 12" is not: what may stand before "of", before a value, and behind one.
MEASURES = {
    "total", "sum", "value", "area", "volume", "perimeter", "circumference", "length", "width", "height", "depth",
    "radius", "diameter", "distance", "speed", "rate", "price", "cost", "amount", "number", "count", "maximum",
    "minimum", "max", "min", "average", "mean", "median", "mode", "range", "probability", "chance", "odds",
    "ratio", "percentage", "slope", "angle", "measure", "degree", "order", "age", "weight", "mass", "time",
    "period", "profit", "loss", "discount", "score", "remainder", "answer", "result", "solution", "base", "side",
    "center", "centre", "vertex", "focus", "midpoint", "coordinates", "domain", "intercept", "grade", "mark",
    "temperature", "capacity", "balance", "salary", "interest", "rent", "income", "tax", "bill",
    "lifespan", "duration", "budget", "surplus", "deficit", "fee", "wage", "debt", "tip", "savings", "revenue",
    "earnings",
    "worth", "pace", "dose", "payment", "population", "quantity", "size", "product", "quotient", "difference", "rise",
    "fall", "increase",
    "decrease", "gain", "point", "page", "room", "level", "floor", "place", "change",
}  # fmt: skip
COPULAS = {"is", "are", "was", "were", "equals", "equal", "becomes", "gives", "has", "have", "had"}
_VERBS = {"get", "gets", "need", "needs", "makes", "leaves", "yields", "contains", "costs"}
FILLERS = {
    "only", "exactly", "just", "so", "thus", "therefore", "hence", "then", "simply", "merely", "precisely", "another",
    "the", "approximately", "about", "around", "roughly", "approx",
}  # fmt: skip
_BEFORE = MEASURES | COPULAS | _VERBS | FILLERS
_GOVERNING = {"of", "to", "than", "from", "by", "under", "over", "double", "triple", "twice", "half"}
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
# ... and before "of".
_CHANGING_OF = {
    "multiples", "factor", "factors", "divisor", "divisors", "power", "powers", "square", "cube", "root", "opposite",
    "short", "shy",
    "upwards", "excess", "kind", "third", "quarter", "fifth", "tenth", "thirds", "quarters", "percent", "logarithm",
    "factorial", "complement",
}  # fmt: skip
_OF_DIGITS = {
    "digit", "digits", "digital", "cross", "alternating", "prime", "factor", "factors", "divisor", "divisors",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# What is counted is known by its plural, or by what it is made of.
_COUNTED = re.compile(
    r"(?![a-z]+wards)(?![a-z]+us\b)[a-z'-]*[a-rt-z]s|[a-z]+(?:[ae]ss|oss|iss)es|people|(?:[a-z]+-?)?m[ae]n|children|fish|sheep|feet|teeth|mice"
    r"|geese|dice|[a-z-]+-(?:old|sided|digit)|(?!off|out|shy|ish|too|mil|etc)[a-z]{1,3}"
)
# "5 (taking the positive root)" says how it was got.
_EXPLAINS = re.compile(
    r"\s*\((?:taking|using|rejecting|discarding|since|because|rounded|rounding)\b[^()]*\)\s*"
)
# Words of which one says the opposite of the other; the first few wherever they stand, the others beside a number.
DIRECTIONS = [
    ({"profit", "gain", "surplus"}, {"loss", "deficit"}),
    ({"increase", "rise", "increased", "growth"}, {"decrease", "drop", "fall", "decline", "decreased", "reduction"}),
    ({"north"}, {"south"}), ({"east"}, {"west"}), ({"clockwise"}, {"counterclockwise", "anticlockwise"}),
    ({"favor", "favour"}, {"against"}),
]  # fmt: skip
OPPOSITES = [
    *DIRECTIONS,
    ({"more", "above", "up", "over"}, {"less", "fewer", "below", "down", "under"}), ({"left"}, {"right"}),
    ({"before", "earlier", "early", "ago"}, {"after", "later", "late"}), ({"won", "win", "wins"}, {"lost", "losses"}),
    (
        {"faster", "taller", "longer", "older", "heavier", "larger"},
        {"slower", "shorter", "younger", "lighter", "smaller"},
    ),
]  # fmt: skip
_OPPOSED = {word for pair in OPPOSITES for words in pair for word in words}
# What opens a remark: "per day", "of the planks", "for each child", "away from home".
_PREPOSITIONS = {"in", "of", "for", "at", "on", "with", "since", "because", "after"}
_EACH = {"per", "a", "an", "each", "every"} | languages.LINKS
_DETERMINERS = {
    "the", "his", "her", "its", "their", "our", "my", "your", "this", "them", "these", "those", "us", "it",
}  # fmt: skip
# What changes a value wherever it stands behind it, and what no noun stands behind.
_CHANGES = _NEGATIONS - {"not"} | {
    "maximum", "minimum", "max", "min", "most", "least", "best", "worst", "tops", "false", "almost", "nearly", "too",
    "ish", "rest", "case", "limit", "base", "as", "by", "than", "until", "was", "minus", "plus", "below", "above",
    "under", "over", "beyond", "does", "fails", "undefined", "contradicts", "violates", "perhaps", "always", "versus",
    "besides",
}  # fmt: skip
_BARE_THINGS = MEASURES | {"all", "home", "school", "work", "order", "cash"}
_BEHIND_A_NOUN = {"and", "away", "squared", "cubed", "remain"}
_ARE = {"is", "are", "were"}
_RIGHT = {"the", "answer", "solution", "result", "correct", "right", "true", "it", "possible", "valid"}
MAX_ADJECTIVES = 3
_SHORT = SMALL_WORDS | COMMON_WORDS
_NO_NOUNS = (_SHORT | _PREPOSITIONS | _ARE | _DETERMINERS | _EACH | _BEHIND_A_NOUN) - {"day"}
_BEHIND = MEASURES - {"score", "maximum", "minimum", "max", "min"} | {
    "altogether", "overall", "combined", "left", "remaining", "more", "fewer", "extra", "additional",
    "apiece", "respectively", "only", "exactly", "old", "long", "tall", "wide", "high", "deep", "thick",
    "apart", "ago", "later", "earlier", "daily", "weekly", "monthly", "yearly", "annually", "square", "cubic", "many",
    "needed", "required", "sold", "spent", "saved", "earned", "eaten", "exact", "correct", "o'clock", "approximately",
    "approx", "about", "sided", "red", "blue", "green", "yellow", "white", "black", "yen", "won", "baht", "rand",
    "euro", "binary",
} | languages.REMARKS  # fmt: skip


def opposed(left: str, right: str, opposites: Sequence[tuple[set[str], set[str]]] = OPPOSITES) -> bool:
    """Do the words of two quantities say the opposite of each other, as "loss" and "profit" do?"""
    a = set(re.findall("[a-z]+", left.lower()))
    # most texts are done here
    if a.isdisjoint(_OPPOSED):
        return False
    b = set(re.findall("[a-z]+", right.lower()))
    return any((a & one and b & other) or (a & other and b & one) for one, other in opposites)


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
    # "twice Ben's age of 9"
    if len(key) > 1 and not {"twice", "double", "triple", "thrice", "half"}.isdisjoint(key):
        return False
    # "none of the 3", "double the 3", but "all of the 3"
    if last == "the" and before in _GOVERNING:
        return key[-3:-2] in (["all"], ["each"]) or only_names(key[:-1], "")
    # "the digit sum of 18", "the alternating sum of 123"
    if last == "of" and not _OF_DIGITS.isdisjoint(key):
        return False
    if last in {"of", "for", "to"}:
        return before in (_TO if last == "to" else MEASURES)
    # "at least one of them is 9"
    if last in COPULAS and ({"least", "most"} & set(key) or "one of" in " ".join(key)):
        return False
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
    changing = _NEGATIONS | _CHANGING | _CHANGES | _SHORT
    *before, last = words.split() or [""]
    # "lifespan of" may name the value
    told = before[-1:] if last == "of" and before and before[-1] not in _CHANGING_OF else [*before, last]
    return not words or in_words(words) is not None or not changing.isdisjoint(told)


def says_nothing(words: str, *, of_one: bool = False) -> bool:
    """Are the words behind a value all known to leave it as it is: a unit, a noun that is counted, or a remark?

    A noun is known by its plural, "14 points", or by any form where there is one or less of it, or as a name, "3 Eier".
    What only has the place of a noun, "30 short" or "7 lakh", is not known, nor behind one: "30 apples short".

    >>> says_nothing("red apples"), says_nothing("in total"), says_nothing("short"), says_nothing("from 5 on")
    (True, True, False, False)
    >>> says_nothing("apple"), says_nothing("apple", of_one=True)
    (False, True)
    >>> says_nothing("apples for the party"), says_nothing("apples in theory"), says_nothing("apples more than before")
    (True, False, False)
    """
    if _EXPLAINS.match(words):
        return True
    found = _WORD.findall(words.replace("left over", "left"))
    lower = [word.lower() for word in found]
    if not found or parse_unit(words):
        return True
    if languages.changes_preceding(words) or not MAGNITUDES.keys().isdisjoint(
        word.rstrip("s") for word in lower
    ):
        return False
    # "30-odd apples", "5 odd numbers"; "4 max"
    if lower[0] == "odd" or _CHANGES & set(lower):
        return lower in (["odd", "numbers"], ["max"])
    k, named = 0, False
    while 0 <= k < len(found):
        word, before = lower[k], lower[k - 1]
        if (end := _noun(found, k, of_one=of_one)) > k:
            k, named = end, True
        elif word in _BEHIND or (named and word in _BEHIND_A_NOUN):
            k += 1
        elif word in _PREPOSITIONS | _EACH or (before, word) in {("away", "from"), ("ways", "to")}:
            k = _thing(found, k + 1, whatever=word in _EACH or (named and word in {"of", "to"}))
        else:
            # "25 students are not girls", "30 dollars is correct"
            rest = found[k + 1 + (found[k + 1 : k + 2] == ["not"]) :]
            counted = named and word != "is" and _BEHIND.issuperset(rest[_noun(rest, 0, of_one=False) :])
            return word in _ARE and (_RIGHT.issuperset(found[k + 1 :]) or counted)
    return k > 0


def _noun(found: list[str], k: int, *, of_one: bool) -> int:
    """Return the end of the noun, with the adjectives before it, that begins with a word; its start if none does."""
    for end, word in enumerate(found[k : k + MAX_ADJECTIVES + 1], k + 1):
        if not word.islower() or not word.isascii():
            return end
        if word in _NO_NOUNS:
            break
        if is_unit_word(word) or _COUNTED.fullmatch(word) or (of_one and _COUNTED.fullmatch(word + "s")):
            return end
    return k


def _thing(found: list[str], k: int, *, whatever: bool) -> int:
    """Return the end of what stands behind a preposition, "the big box", "total", "children"; -1 if it is not known.

    What has an article is a thing, whatever it is.
    """
    start = k
    while k < len(found) and found[k].lower() in _DETERMINERS | _EACH:
        k += 1
    if not whatever and k == start:
        end = _noun(found, k, of_one=False)
        return end if end > k else k + 1 if not _BARE_THINGS.isdisjoint(found[k : k + 1]) else -1
    while k < len(found) and found[k].lower() not in _PREPOSITIONS | _ARE:
        k += 1
    return k
