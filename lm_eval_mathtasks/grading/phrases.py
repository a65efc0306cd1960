"""What the words beside a value mean: a label, a remark, a bound, a sign, a unit, or a part of the answer."""

import re
from collections.abc import Callable

from lm_eval_mathtasks.grading import languages
from lm_eval_mathtasks.grading.expr import Expr, add, div, mul, neg, num, variables
from lm_eval_mathtasks.grading.numerals import MAGNITUDES, PARTS, in_words
from lm_eval_mathtasks.grading.remarks import COPULAS, FILLERS, only_names, says_nothing
from lm_eval_mathtasks.grading.units import parse_unit

_WORD = re.compile(r"[a-z]+(?:['’]t)?|:")
MAX_OPENING = 60  # characters of the words that an answer opens with
# What bounds the value behind it, the longer phrases first.
_BEFORE = {
    "<=": ("less than or equal to", "fewer than or equal to", "no more than", "not more than", "no greater than",
           "not greater than", "no larger than", "not exceeding", "does not exceed", "at most", "at the most",
           "at the very most", "up to"),
    ">=": ("greater than or equal to", "more than or equal to", "no less than", "not less than", "no fewer than",
           "not fewer than", "no smaller than", "at least", "at the least",
           "at the very least"),
    "<": ("less than", "fewer than", "smaller than", "lower than", "under", "below"),
    ">": ("greater than", "more than", "larger than", "bigger than", "higher than", "over", "above", "exceeds"),
    "!=": ("not equal to", "anything but", "other than", "different from", "rather than", "instead of", "not"),
}  # fmt: skip
_BOUNDS = sorted(
    ((phrase.split(), sign) for sign, phrases in _BEFORE.items() for phrase in phrases),
    key=lambda b: -len(b[0]),
)
BOUND_BEFORE = "|".join(" ".join(words) for words, _ in _BOUNDS)
# What bounds the value before it: "40 or more", "6 and below", "5 at most"
BOUND_BEHIND = (
    r"(?:or|and)\s+(?:(?:some|any)thing\s+|even\s+|any\s+)?(?:more|greater|higher|above|up|over|beyond|longer|older|bigger|larger|later"
    r"|less|fewer|lower|below|under|shorter|younger|smaller|earlier)\b"
    r"|at\s+(?:the\s+)?(?:very\s+)?(?:least|most|latest|earliest)\b|(?:plus|tops)\b"
)
_BEHIND = re.compile(rf"(?<!\w)({BOUND_BEHIND})", re.IGNORECASE)
_UPWARDS = re.compile(
    r"plus|more|greater|higher|above|up|over|beyond|longer|older|bigger|larger|later|least|earliest",
    re.IGNORECASE,
)
# What is said of a value that is none of the answers, as a pattern.
REJECTED = (
    "rejected|discarded|excluded|ruled out|eliminated|extraneous|invalid|impossible|inadmissible|spurious|absurd"
    "|untenable|out of the question"
)
# "(D) is incorrect", "E was never plausible"
DENIED_BEHIND = (
    rf"[)*]{{0,3}} (?:(?:is|are|was|were|(?:can|must) be) (?:\w+ly )?(?:not\b|never\b|wrong|incorrect|false|{REJECTED})"
    r"|never\b)"
)
# "They say that the answer is 42. This is wrong."
CALLED_WRONG = re.compile(
    r"[)*$\"”\]}]{0,3}[.!,;:—]?[\"”]?\s{1,2}(?:but |however,? |yet )?(?:this|that|which|it)(?: is| was|'s) (?:\w+ly )?"
    r"(?:wrong|incorrect|false|mistaken|untrue|not (?:right|correct|true)"
    r"|an? (?:common )?(?:mistake|misprint|typo|misconception|error|trap))\b(?! (?:to|that|if)\b)",
    re.IGNORECASE,
)
# ... or anything else that does not choose it: "(D) looks odd", "B is a distractor"
TOLD_BEHIND = (
    rf"(?:{DENIED_BEHIND}|[)*]{{0,3}} (?:(?:is|was) an? (?!correct|right|valid)"
    r"|(?:seems|looks|sounds|appears) (?:(?!right|correct|plausible|best|to be)"
    r"|[^.;!?\n]*\b(?:but|yet)\b[^.;!?\n]*(?:n't|\b(?:not|wrong|incorrect|false|fails)\b))))"
)
# A dot ends no sentence if it is the last of "0.333...", or behind "Mr". Most characters are none: a look at them comes
# first.
NO_STOP = r"(?=[.!?。！？])(?<!\d\d\d\.\.)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bsq)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)"
# "No, f is not continuous", "Yes, because 3 is odd"; "True, False" is a list, and "No. 5" a number.
YES_OR_NO = re.compile(
    r"(?:\\text\{)?\s*(yes|no|true|false)\b[\s*_]*"
    r"(?:[.!:]\s*|[,;—]\s*(?!(?:provided|if|when|whenever|only|unless|assuming|as long as|but|except|sometimes"
    r"|in some)\b))"
    r"(?!(?:and |or )?(?:yes|no|true|false)\b)"
    r"(?=[a-z]{2}|\$?[a-z](?:\([a-z]\))?\$? (?:is|does|has)\b)"
    r"(?!.*\b(?:it|that)(?:'s| is| was) \W?\d)",
    re.IGNORECASE,
)
# "C. Wait, B also works"
SECOND_THOUGHT = re.compile(
    r"\b(?:wait|actually|sorry|oops|hmm+|also (?:works|fits|holds)|but also|maybe)\b", re.IGNORECASE
)
_BELOW_ZERO = re.compile(r"\bbelow (?:zero|freezing|sea level)", re.IGNORECASE)
# Words beside a bound that say of what it is one, and no more: "x is at least 5", "any number greater than 7"
_SUBJECTS = {
    "is", "are", "be", "must", "it", "the", "a", "an", "any", "some", "number", "numbers", "value", "values",
    "answer", "all", "real",
}  # fmt: skip
_SIGNS = {"minus", "negative"}
# What has parts of its own is never a quantity: words before it are dropped.
_WHOLES = {"group", "union", "matrix", "seq"}
# Behind a variable they say which ones are meant: "n even"
_KINDS = {
    "even", "odd", "prime", "composite", "positive", "negative", "integer", "integers", "rational", "irrational",
}  # fmt: skip
_QUANTIFIERS = {"all", "any", "every", "each", "the", "a", "an"}


def _key(words: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(words.lower())]


# What words do to the value behind them.
_OPERATIONS: dict[str, Callable[[Expr], Expr]] = {
    "twice": lambda e: mul(num(2), e),
    "double": lambda e: mul(num(2), e),
    "triple": lambda e: mul(num(3), e),
    "square of": lambda e: Expr("pow", (e, num(2))),
    "cube of": lambda e: Expr("pow", (e, num(3))),
    **dict.fromkeys(
        ("square root of", "positive square root of", "principal square root of"),
        lambda e: Expr("call", (e, num(2)), "sqrt"),
    ),
    "cube root of": lambda e: Expr("call", (e, num(3)), "sqrt"),
    "absolute value of": lambda e: Expr("call", (e,), "abs"),
    "root": lambda e: Expr("call", (e, num(2)), "sqrt"),
    "reciprocal of": lambda e: div(num(1), e),
    "multiplicative inverse of": lambda e: div(num(1), e),
    "opposite of": neg,
    "negative of": neg,
    "additive inverse of": neg,
}
# ... and to the one before them.
_CHANGES: dict[str, Callable[[Expr], Expr]] = {
    "squared": lambda e: Expr("pow", (e, num(2))),
    "cubed": lambda e: Expr("pow", (e, num(3))),
    "factorial": lambda e: Expr("fact", (e,)),
    "doubled": lambda e: mul(num(2), e),
    "tripled": lambda e: mul(num(3), e),
    "halved": lambda e: div(e, num(2)),
}
# "the 8th roots of unity" is not 8
_ORDERS = {"root", "roots", "power", "powers"}
# What words do to the values on both sides of them.
_JOINS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "to": lambda a, b: Expr("ratio", (a, b)),
    "for every": lambda a, b: Expr("ratio", (a, b)),
    "out of": div,
    "in": div,
    "times": mul,
    "multiplied by": mul,
    "divided by": div,
    "over": div,
    "choose": lambda a, b: Expr("call", (a, b), "binom"),
    "plus": add,
    "minus": lambda a, b: add(a, neg(b)),
    "more than": add,
    "greater than": add,
    "less than": lambda a, b: add(b, neg(a)),
    "fewer than": lambda a, b: add(b, neg(a)),
    "to the power of": lambda a, b: Expr("pow", (a, b)),
}


def is_bound(words: str) -> bool:
    """Do words bound the value before them, as "or more" does?"""
    return _BEHIND.search(words) is not None


# Words that alone before a value make another answer of it.
_CHANGING = (
    {" ".join(phrase) for phrase, _ in _BOUNDS}
    | set(_OPERATIONS)
    | _SIGNS
    | {"nearly", "almost", "half of", "half", "close to", "except", "any number except"}
    | {f"{kind} of" for kind in ("multiple", "multiples", "factors", "divisors", "powers")}
)


def changes(words: str) -> bool:
    """Do the words that an answer opens with change what the value behind them says, as "at most" and "half of" do?

    >>> changes("at most "), changes("the number is less than "), changes("a total of "), changes("he sold at most ")
    (True, True, False, False)
    """
    key = _key(words) if len(words) <= MAX_OPENING else []
    while key and (key[0] in _SUBJECTS or len(key[0]) == 1):
        key = key[1:]
    return " ".join(key) in _CHANGING or languages.changes_following(words)


def under(words: str, value: Expr) -> Expr:
    """Return what words and the value behind them answer: "the area is 5", "at most 9", "minus 4", "multiples of 7"."""
    key = _key(words)
    if (key and key[-1] in _SIGNS and only_names(key[:-1], "")) or words.strip() in languages.SIGNS:
        return neg(value)
    if languages.changes_following(words):
        return Expr("worded", (value,), words.strip())
    # "(in square metres) 9"
    if key[:1] == ["in"] and parse_unit(" ".join(key[1:])):
        return Expr("unit", (value,), " ".join(key[1:]))
    if operation := _OPERATIONS.get(" ".join(key).removeprefix("the ")):
        return operation(value)
    for phrase, sign in _BOUNDS:
        if key[-len(phrase) :] == phrase:
            rest = key[: -len(phrase)]
            if all(word in _SUBJECTS or len(word) == 1 for word in rest):
                return Expr("rel", (Expr("text"), value), sign)
            return _worded(key, value)
    # "even n" is no remark on n, "the slope is m" is one
    named = not key or key[-1] == ":" or key[-1] in COPULAS or key[-1] in FILLERS
    if not only_names(key, words) or (variables(value) and not named):
        return _worded(key, value)
    if value.op in _WHOLES:
        return value
    if key[-1:] == [":"]:
        return Expr("rel", (Expr("text", name=words.strip(" :")), value), "=")
    # "Tom 5, Ann 3"
    return Expr("unit", (value,), words) if words.istitle() else value


def beside(value: Expr, words: str) -> Expr:
    """Return what a value and the words behind it answer: "25 cm", "40 or more", "2 thirds", "14 points"."""
    # "40 or more", "40 apples or more"
    if bound := _BEHIND.search(words):
        what = words[: bound.start()]
        bounded = beside(value, what) if what.strip() else value
        return Expr("rel", (Expr("text"), bounded), ">=" if _UPWARDS.search(bound[1]) else "<=")
    key = _key(words)
    if value.op in _WHOLES:
        return value if says_nothing(words) else _worded(key, value)
    # "length: 6 cm", "at least 6 cm"
    if value.op == "rel":
        return value._replace(args=(*value.args[:-1], beside(value.args[-1], words)))
    first = key[0] if key else ""
    if first in PARTS and first.endswith("s"):
        return beside(div(value, num(PARTS[first])), " ".join(key[1:]))
    # "25 tens" are 250
    if first.endswith("s") and (
        size := MAGNITUDES.get(first[:-1]) or in_words(first[:-1]) or in_words(first[:-2])
    ):
        return beside(mul(num(size), value), " ".join(key[1:]))
    if change := _CHANGES.get(first):
        return change(value)
    if _BELOW_ZERO.search(words):
        return neg(value)
    # "the 8th Fibonacci number" is not 8 either
    placed = first == "th" and (_ORDERS & set(key) or (len(key) > 2 and key[-1] in {"number", "term"}))
    if (variables(value) and _KINDS & set(key)) or placed:
        return _worded(key, value)
    spelled = in_words(words.strip(" ()"))
    if spelled is not None and value.op == "num":
        return value if spelled == value.value else _worded(key, value)
    return Expr("unit", (value,), words)


def _worded(key: list[str], value: Expr) -> Expr:
    """A value that stands under words which are part of the answer; it equals the same words with the same value."""
    while key and key[0] in _QUANTIFIERS:
        key = key[1:]
    # "integers that are divisible by 7"
    return Expr("worded", (value,), re.sub(r"\b(?:that|which) (?:are|is) ", "", " ".join(key)))


def between(left: Expr, words: str, right: Callable[[], Expr]) -> Expr | None:
    """Return what two values with words between them are: "3 out of 10" a fraction, "half of 8" a product, "3 to 5" a
    ratio, "5 more than 3" a sum. The second value is read only where the words say so.
    """
    key = _key(words)
    join = _JOINS.get(" ".join(key)) or (div if key[-2:] == ["out", "of"] else None)
    is_part = left.op in {"pct", "div"} or (left.op == "num" and 0 < left.value < 1)
    if key == ["of"] and is_part:
        join = mul
    return join(left, right()) if join else None
