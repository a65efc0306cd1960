"""What of an answer's text is beside the answer: what it follows from, the condition it holds under, its label."""

import re

from lm_eval_mathtasks.grading.phrases import BOUND_BEHIND
from lm_eval_mathtasks.grading.remarks import MEASURES
from lm_eval_mathtasks.grading.units import is_unit_word
from lm_eval_mathtasks.grading.vocabulary import CONSTANTS, FUNCTIONS, SMALL_WORDS

_TEXT = re.compile(r"(\\text\{[^{}]*\})")
_TEXT_IN = re.compile(r"\\text\{([^{}]*)\}")
# "m - 4 = 19 ⇒ m = 23", "3x = 6, so x = 2"
_IMPLIES = re.compile(
    r"\\(?:implies|iff|Rightarrow|Longrightarrow|Leftrightarrow|Longleftrightarrow|leadsto|therefore|because)(?![a-zA-Z])|=>"
    r"|,?\s*(?:\\text\{\s*|(?<![\w\\]))(?:and\s+)?"
    r"(?:so that|so|thus|hence|therefore|which (?:gives|means|implies)|giving)\b,?\s*\}?"
)
_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|in|approx)\b")
# "5x for all x", "1/m, where m > 0": from these words on it is a condition
_CONDITION = re.compile(
    r"[,;]?\s*(?:\\text\{\s*(?:\(\s*)?(?:and\s+)?|(?<![\w\\])(?:and\s+)?)"
    r"(?:(?:for|if|when|where|with|whenever|provided|such that|as long as)\b"
    r"(?:\s+that\b)?)|[,;]?\s*\\forall(?![a-zA-Z])"
)
_IF = re.compile(r"\b(?:if|when)\b")
_NAME_IN = re.compile(r"[a-zA-Z]")
_QUANTIFIED = re.compile(r"[\s}]*(?:all|any|every|each|some)\b(?![\s}]*\d)|\s*[a-z]\b")
_CLAUSES = re.compile(r"\b(?:for|if|when|where|otherwise|else)\b")
_QUANTIFIER = re.compile(
    r"(?:\s|\\text\{|\}|\b(?:all|any|every|each|some|real|positive|integers?|constants?|numbers?|the|an?(?=\s+[a-z]{2}))\b)*"
)
# "3n - 2 (n ≥ 4)": a relation in brackets at the end
BRACKET_AT_END = re.compile(r"(?<=[\s\d}])\s*\(([^()]*)\)$")
_OTHER_SPELLING = re.compile(r"(?:\\text\{\s*)?or\b\s*\}?\s*(.*)")
_SAME_AGAIN = re.compile(
    r"\s*(?:\\text\{\s*)*(?:i\.e\.|that is|namely|or about|about|approximately|approx\.?|in other words)[\s,}].*"
    r"|\s*(?:=|\\approx).*|\s*(?:\\text\{\s*)?not \}?\s*[$\\]?\d.*"
)
_SAME_AT_END = re.compile(r",?\s*(?:\\text\{\s*|(?<![\w\\]))(?:i\.e\.|that is|in other words)[\s,}].*")
# "3, because 2x = 6", "Since 2x = 6, x = 3"
_BECAUSE = re.compile(r",?\s*(?:\\text\{\s*|(?<![\w\\]))(?:because|since)\b.*")
_IN_REALS = r"\\in\s*(?:\\mathbb\s*\{\s*R\s*\}|\\R)"
# "x < 3, x in R" says nothing of x
_DOMAIN = re.compile(rf"(?<=\S),?\s*(?:\\text\{{\s*(?:for|where|with|and)?\s*\}})?\s*[t-z]\s*{_IN_REALS}$")
# "2^n, n = 0, 1, 2, ...", "kπ (k is an integer)"
_INDEX_RANGE = re.compile(
    r"(?<=\S)(?:[,;]?\s*([a-z])\s*=\s*-?\d+\s*,\s*-?\d+\s*,.*"
    r"|\s*\(\s*[a-z]\s*(?:\\text\{\s*)?(?:is )?(?:an?|any)\b[^()]*\))$"
)
_SINCE = re.compile(
    r"^(?:\\text\{\s*)?(?:since|because|as)\b[^,]*,\s*(?:\\text\{[^{}]*\}\s*)?"
    r"(?:we (?:get|have|find|obtain|see)(?: that)?\s)?(?=\S)",
    re.IGNORECASE,
)
# "all real numbers x with x ≠ 2"
_REALS_WITH = re.compile(
    r"^(?:\\text\{\s*)?(?:the set of )?all real (?:numbers|values)(?: of)?\s*\}?\s*[a-z]?\s*"
    r"(?:\\text\{\s*)?(?:with|such that|where|for which|satisfying)\b\s*\}?\s*(?=.*(?:[<>]|\\(?:ne|le|ge|in)\b))"
)
# "for some constant c", "where k ∈ ℝ is any constant"
_CONSTANT = re.compile(
    r"(?:\\text\{|[\s}]|\b(?:all|any|some|every|an?|arbitrary|real|fixed)\b)*"
    r"(?:(?:constants?|numbers?|reals?|values? of)\s*\}?\s*(?P<a>[a-zA-Z])\s*\}?"
    rf"|(?P<b>[a-zA-Z])\s*(?:{_IN_REALS})?\s*(?:\\text\{{\s*)?is (?:an?|any)\b[\w\s]*\}}?)"
)
_STRICT_RELATION = re.compile(r"[<>]|\\(?:le|ge|ne|in|neq)(?![a-zA-Z])")
# Words that a value stands behind, at the start or behind a comma: "The area is 25", "Minimum: 2, Maximum: 11"
_LEAD = re.compile(
    r"(?:^|(?<=[,;])|(?<=\band\b)|(?<=\bor\b))\s*((?:[A-Za-z][A-Za-z'’-]*(?:\s*[:,]\s*|\.?\s+|(?=[$\\\d])))+)"
    r"(?=[-+\d.$(\[]|\\(?!text|in\b|cup|cap|le\b|ge\b|ne\b))"
)
_COUNTED = re.compile(r"\d[\d./]*(?:\s?\\?%)?[ -](?!or\b|and\b)[a-z]{2}")
# "mean 6 and median 5", "Bob has 9, Alice has 12": each item of a list has a name of its own
_ITEMS = re.compile(r"[,;]\s+(?:and\s+)?|\s+and\s+")
_NAMED_ITEM = re.compile(
    r"(?:the\s+)?(?P<name>(?-i:[A-Z])?[a-z]+)(?:\s+(?:value|of|is|are|was|has|have))*\s*[:=]?\s*"
    r"(?P<value>(?:[-+$(]|\\(?!text))*[\d\\][^=<>]*)",
    re.IGNORECASE,
)
# "Bob = 9" is no product
_NAME = re.compile(r"(?:^|(?<=[,;]))\s*([A-Z][a-z]{2,}|max|min)\s*(?==)")
_BOUND_BEHIND = re.compile(rf"(?<=[\d)}}%\w])\s+({BOUND_BEHIND})|(?<=\d)\s*(\+)$", re.IGNORECASE)
_EQUALS = re.compile(r"(?<![<>!:=\\])=(?!=)")


def without_asides(text: str) -> tuple[str, str]:
    """Return (answer, condition): what a cleaned text answers, and the relation that it says to hold it under.

    >>> without_asides(r"2x=6 \\Rightarrow x=3")
    ('x=3', '')
    >>> without_asides("3n-2 (n>4)")
    ('3n-2', 'n>4')
    """
    text = _behind_implication(text)
    text = _INDEX_RANGE.sub("", text)
    text = _DOMAIN.sub("", text) if text.endswith(("}", "R")) else text
    text = _SINCE.sub("", text, count=1)
    text = _REALS_WITH.sub("", text, count=1)
    for aside in (_SAME_AT_END, _BECAUSE):
        same = aside.search(text)
        if same and _depth(text[: same.start()]) == 0:
            text = text[: same.start()].strip() or text
    bracket = BRACKET_AT_END.search(text)
    if bracket and text[: bracket.start()].strip():
        inside, before = bracket[1].strip(), text[: bracket.start()]
        if other := _OTHER_SPELLING.fullmatch(inside):
            if other[1].strip() == before.strip():
                return before, ""
            return rf"{before} \text{{or}} {other[1]}", ""
        if _SAME_AGAIN.fullmatch(inside):
            return before, ""
        if _STRICT_RELATION.search(inside) and "," not in inside:
            return before, inside
    for match in _CONDITION.finditer(text):
        before = text[: match.start()]
        rest = text[match.end() :]
        # "yes if n is even" is no yes, and "5 with an error of 1" no 5
        told = _RELATION.search(rest)
        if _IF.search(match[0]):
            whole = told is not None and "\\begin" not in text
        else:
            whole = any((told, _NAME_IN.search(before), _QUANTIFIED.match(rest)))
        if before.strip() and whole and _depth(before) == 0 and not _CLAUSES.search(rest):
            if constant := _CONSTANT.fullmatch(rest.strip(" .")):
                return before.rstrip(" ,;"), rf"{constant['a'] or constant['b']} \in \mathbb{{R}}"
            condition = _QUANTIFIER.sub("", rest, count=1).strip(" .}")
            condition = re.sub(r"\s*(?:\\text\{\s*is not\s*\}|\bis not\b)\s*", r" \\ne ", condition)
            return before.rstrip(" ,;"), condition if _RELATION.search(condition) else ""
    return text, ""


def _behind_implication(text: str) -> str:
    """What stands behind the last sign of implication, if the text before it holds a relation or nothing."""
    for match in reversed(list(_IMPLIES.finditer(text))):
        before, after = text[: match.start()].strip(), text[match.end() :].strip(" ,:")
        if after and _depth(before) == 0 and (not before or _RELATION.search(before)):
            return after
    return text


def _depth(text: str) -> int:
    """How many brackets a text leaves open; a half-open interval counts as closed."""
    plain = text.replace(r"\{", "(").replace(r"\}", ")")
    return sum(plain.count(c) for c in "([{") - sum(plain.count(c) for c in ")]}")


def wrap_words(text: str) -> str:
    r"""Return a text with the words that values stand under, or that bound a value, in \text{}, as the reader wants."""
    parts = _TEXT.split(named_items(text))
    for k in range(0, len(parts), 2):
        parts[k] = (
            _LEAD.sub(_wrapped, parts[k]) if k == 0 or parts[k].lstrip()[:1] in {",", ";"} else parts[k]
        )
        parts[k] = _NAME.sub(lambda m: rf"\text{{{m[1]}}}", parts[k])
        parts[k] = _BOUND_BEHIND.sub(lambda m: rf" \text{{{m[1] or 'or more'}}}", parts[k])
    return "".join(parts)


def named_items(text: str) -> str:
    """Return a list of values with names, each behind its name and a colon; any other text as it is."""
    items = [_NAMED_ITEM.fullmatch(item.strip()) for item in _ITEMS.split(_TEXT_IN.sub(r"\1", text))]
    found = [item for item in items if item and (item["name"].lower() in MEASURES or item["name"].istitle())]
    if (
        len(found) < 2
        or len(found) < len(items)
        or len({item["name"].lower() for item in found}) < len(found)
    ):
        return text
    return ", ".join(rf"\text{{{item['name']}:}} {item['value']}" for item in found)


def _wrapped(match: re.Match[str]) -> str:
    lead = match[1]
    words = re.findall(r"[A-Za-z'’-]+", lead)
    if words[0].lower() in {"and", "or", "with", "where"}:
        return match[0]
    if len(words) == 1 == len(words[0]) and (":" in lead or lead == words[0]):
        return match[0]
    known = [
        w
        for w in words
        if len(w.strip("'’-")) > 2 or w.lower() in SMALL_WORDS | {"a", "rs", "id"} or is_unit_word(w)
    ]
    # "a 15-year-old" has an article, "a 15" a variable
    if len(words) == 1 and words[0].lower() in {"a", "an"} and _COUNTED.match(match.string, match.end()):
        return ""
    if not known or any(w in FUNCTIONS - {"min", "max"} or w in CONSTANTS for w in words):
        return match[0]
    if words[0] in {"min", "max"} and ":" not in lead and match.start(1) == 0:
        return match[0]
    return match[0].replace(lead, rf"\text{{{lead.strip()}}} ")


def behind_label(text: str) -> str:
    """Return what stands behind the last sign of equality outside brackets, of a text whose label is not understood."""
    for match in reversed(list(_EQUALS.finditer(text))):
        if _depth(text[: match.start()]) == 0 and text[match.end() :].strip():
            return text[match.end() :].strip()
    return ""
