"""The number that a sentence without formulas is about.

Of "The bakery earned $840 from selling 420 rolls" it is 840, and of "she has 130 minutes left if this month has 31
days" 130: what stands in a later phrase or clause of its own does not answer.
"""

import re
from itertools import pairwise

from lm_eval_mathtasks.grading import languages
from lm_eval_mathtasks.grading.formulas import Span
from lm_eval_mathtasks.grading.units import parse_unit

_OPERATOR = re.compile(r"\s?[-+*/×÷^x(]\s?[\d$(]")
_OR_ABOUT = re.compile(r",?\s(?:or|which is|i\.e\.)?\s?\(?(?:approximately|about|roughly|≈)\s|\s?≈\s?")
IS_SAID = re.compile(
    r"(?:\b(?:is|are|was|were|be|been|equals?|becomes?|totals?|(?:total|profit|loss|gain|average) of)|[=:])\s"
    r"(?:thus |therefore |then |hence )?(?:only |exactly |just |about |a total of )?\Z"
)
# The clause that tells the result starts behind one of these.
_CLAUSE_START = re.compile(
    r"[,;]\s(?:and\s)?(?:so|then|thus|therefore|hence|which(?! (?:now|sits|stands|lies|appears|stood)\b)"
    r"|making|giving|leaving|earning"
    r"|yielding|saving"
    r"|totall?ing|for a total of|he|she|it|they|we|you|I|there)\b"
    r"|\s(?:and|but)\s(?:so|then|thus|therefore|he|she|it|they|we|there|has|have|had|is|are|was|were|gets?|needs?"
    r"|earns?|pays?|spends?|makes?|leaves?)\b|\bmaking\b"
)
_CONCLUDED = re.compile(
    r"[,;]\s(?:and\s)?(?:so(?! on\b)|thus|therefore|hence|making|giving|leaving|earning|yielding|saving|totall?ing"
    r"|for a total of)\b"
)
# "the whole way, which is what was asked for, is 8 km"
_RESUMED = re.compile(r",\s(?:is|are|was|were|equals?|comes to|has|have|gives)\s")
# Of a sentence that opens with its circumstances, "With 12 eggs and 3 cups of flour, Ann bakes 24 rolls", the clause
# starts behind the comma.
_OPENER = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|then|now),?\s)?(?:if|when|after|before|with|without|for|in|of|at|to|by|since|while"
    r"|given|because|out of|on|from|as|during|once|assuming|far from|unlike|contrary to|instead of|rather than)\b"
    r"[^.\n0-9]*[0-9][^.\n]*?,\s(?=(?:he|she|it|they|we|you|I"
    r"|there|the|a|an|his|her|its|their|our|your|each|this|that|all|[A-Z][a-z]+)\b)",
    re.IGNORECASE,
)
SINCE = r"since(?! (?:\d{4}|then|last|his|her|their)\b)"
# ... and it ends before one of these, unless it begins with it.
_SUBORDINATE = re.compile(
    rf"(?:(?<!\band)(?<!\bbut)(?<!\bso)(?<!,)\s(?:if|when|because|{SINCE}|while|where|unless|as long as)"
    r"|,\s(?:where|although|even though|whereas|while|of which|which is (?:what|how|because|the (?:same|sum|product"
    r"|difference) (?:as|of)))"
    r"|,?\s(?:provided|assuming)(?: that)?|,\sas (?:one|we|you|expected|required)"
    r"|,\s(?:i\.e\.,?|that is,))\s"
    r"|,\s(?P<beside>which is (?:about|roughly|approximately|[a-z]+er than|more than|less than)|up|down|having|just"
    r"|each|all|with|\d+ [a-z]+ (?:after|before|later|earlier))\b"
    rf"|，(?:其中|即)|{languages.SUBORDINATE}"
)
_PREPOSITIONS = (
    "from|for|in|into|at|with|by|of|during|than|within|after|per|below|above|d'ici|sur|von(?: den)?"
    "|aus(?: den)?|(?:de|a) l[oa]s|из|за|через"
)
_ATTACHED = re.compile(rf"\b(?:{_PREPOSITIONS}|to|on|between|among|over|under|out of|each|before|that|who)\b")
_COMPLEMENT = re.compile(
    r"\b(?:(?:(?<!up )(?<!left )(?<!takes )(?<!took )(?<!take )(?<!brings )(?<!brought )(?<!bring )"
    rf"(?:{_PREPOSITIONS}))(?: (?:the|all|these|those|first|last|his|her|its|their|our|my))*"
    r"|the|all|these|those)\s\Z",
    re.IGNORECASE,
)
_UNIT_BETWEEN = re.compile(r"\s([a-z]+),?\s(?:and\s)?")
_UNIT_BEHIND = re.compile(r"\s([a-z]+)")
# "With a 20 minute ride she arrives at 5:10"
_CLOCK = re.compile(r"\d{1,2}:\d\d(?!\d)")
_HAPPENS_AT = re.compile(
    r"\b(?:arriv|leav|start|begin|end|finish|depart|meet|open|clos|land|return|pull)\w*\s(?:[a-z]+\s){0,3}at\s\Z"
)
_STANDS_AT = re.compile(r"\b(?:sits|stands|lies|comes in|comes out) (?:at|as)\s\Z|\b(?:comes|amounts) to\s\Z")
_PURPOSE = re.compile(r"\b(?:to|and) (?:have )?[a-z]+ an? (?:[a-z]+ )?total of \Z")
_AIM = re.compile(r"\sto (?:be|have|get|reach|arrive|catch|make|meet)\b")
# "67 berries in total": the last number of a clause, if it is said to be all
_IN_TOTAL = re.compile(
    r"(?:\s[a-z][a-z-]*){0,4}?,?\s(?:in (?:total|all)|total|altogether|overall|combined)\b"
)
_TAKES = re.compile(
    r"\b(?:takes?|took|costs?|needs?|requires?|earns?|earned|pays?|paid|has|have|had|(?:rose|fell) by)\s"
    r"(?:(?:him|her|them|it|us|you|me)\s)?"
    r"(?:only |exactly |a total of )?[$€£]?\Z"
)
_ALTOGETHER = re.compile(r"\b(?:altogether|in total|in all|there (?:are|were))\b", re.IGNORECASE)
MAX_BETWEEN = 25  # characters
# "95 (60 from him, 35 from her)"
_REMARK_OPENS = re.compile(r"\s\((?=[^()]*(?:[a-z]{2}|\d\s?[-+x×*/=]\s?\d))")
_IN_BRACKETS = re.compile(r"\s\([^()]*[a-z]{2}[^()]*\)")
# "the ratio of boys to girls is 4 to 5"
_RATIO = re.compile(
    r"\b(?:ratio|odds|proportion|beat|beats|defeated)\b[^.]*\Z|\b(?:is|are|be|was|were|ended|finished|won|lost)\s\Z|=\s?\Z",
    re.IGNORECASE,
)
# "20 for x = 5"
_CONDITION = re.compile(r"\b(?:for|at|when|with|if|where|given|since)\s[a-zA-Z]\s?=\s?\Z", re.IGNORECASE)
_OF, _TIMES = re.compile(r"\sof\b"), re.compile(r"\stimes\s(?!\d)")
# "3/4 of his money, or $60"
_APPOSED = re.compile(r"[^.;,]*,\s(?:or|i\.e\.,?|that is,?|namely)\s[$€£]?")
# "3 pounds less than 5 times her weight", "10 years past the current age of 162": what is not worked out is no value
_RELATIVE_TO = re.compile(
    r"(?:\s[a-z]+){0,2}\s(?:(?:more|less|[a-z]+er) than (?:[a-z']+ ){0,3}?"
    r"(?:\d[\d.,]*%? (?:times|of)|twice|half|double)\b|past (?:[a-z']+ ){1,4}\d"
    r"|(?:more|less|fewer|[a-z]+er) than"
    r" (?:what|the (?:number|amount|total|value|original|sum|answer))\b)[^,;=.\n]*(?:[.!]|\Z)"
    # "12 times the number of rows, plus one"
    r"|\stimes (?:the|as|his|her|its|their|what|that)\b[^=\d.\n]*\b(?:plus|minus|more|less)\b[^=\d.\n]*(?:[.!*]|\Z)"
)
_CHANCE = re.compile(r"\b(?:probability|chances?|likelihood)\b[^.]*\Z", re.IGNORECASE)
_LISTED = re.compile(r"\)?(?:\s(?P<unit>[a-z]+))?(?:,?\s(?:and|or)\s|,\s)\(?")
_ARE = re.compile(r"(?:(?<!\bthere )\bare|\bis either)\s\(?\Z", re.IGNORECASE)
_SURD = re.compile(r"[√π]|sqrt|pi\b", re.IGNORECASE)
_JOINED_SURD = re.compile(r"\)?\s?[/⁄]\s?\(?|\s?[-−+]\s?")
_JOINED = re.compile(r"⁄|\s?[×·*]\s?|\s[+x]\s")
_WHICH_IS = re.compile(r"\b(?:which|that|this) (?:is|was)(?: only| just| about)?\s[$€£]?\Z")
# "Ann is 14, 3 years older than Bob"
_APPOSITION = re.compile(r"(?:\s[a-z]+)?,\s[$€£]?")
_OF_THEM = re.compile(r"\sof (?:them|these|those)\b")
# "420 rolls in 70 bags, 6 to a bag"
_IN_EACH = re.compile(r"(?:\s[a-z]+)?\s(?:to an?|per|for an?|in each|for each|each|apiece)\b[^,.]*[.!*\s]*\Z")
_SAME_UNIT = re.compile(r"\s([a-z]+), [\d.]+ \1\b")
_COMPARED = re.compile(r"(?:\s\w+)?\s(?:more|less|(?!other|rather)[a-z]+er) than\b")


def result_of(text: str, numbers: list[Span], sentence: int) -> Span:
    """Return the number that a sentence comes to: the first after its last `=`, unless a sum follows, or the one that
    its last main clause tells.

    Of "1/3 or about 0.33" it is the exact one, and of "$64 for 16 glasses" the one without a preposition.
    """
    equals = text.rfind("=", numbers[0][0], numbers[-1][0])
    # "3 x 4 = 12 eggs, which sell for $2 each, earning $24": what arithmetic comes to, if nothing is concluded from it
    opened = _OPENER.match(text, sentence, numbers[-1][0])
    computed = equals >= (opened.end() if opened else 0) and not _CONCLUDED.search(
        text, equals, numbers[-1][0]
    )
    told = numbers if computed else _main_clause(text, numbers, sentence)
    equals = text.rfind("=", told[0][0], told[-1][0])
    for k, (begin, end) in enumerate(told):
        if begin > equals >= 0:
            return told[-1] if _OPERATOR.match(text, end) else (begin, end)
        behind = told[k + 1 : k + 3]
        if behind and _OR_ABOUT.fullmatch(text, end, behind[0][0]):
            return begin, end
        # the value of "3/4 of his money" or of "20% of $50" stands behind "or"
        for before, after in pairwise([(begin, end), *behind]) if _is_factor(text, (begin, end)) else ():
            if _APPOSED.fullmatch(text, before[1], after[0]):
                return after
    # "8 rows of 5 stars altogether"
    between = text[told[-2][1] : told[-1][0]] if len(told) > 1 else " and "
    if (" and " in between or not _is_attached(between)) and _IN_TOTAL.match(text, told[-1][1]):
        return told[-1]
    if _ARE.search(text, max(0, told[0][0] - 30), told[0][0]) and _is_list(text, told):
        begin, end = told[0][0], told[-1][1]
        # "(1), (3)"
        bracketed = text[begin - 1] == "(" and text[end : end + 1] == ")"
        return begin - bracketed, end + bracketed
    said = [k for k, (begin, _) in enumerate(told) if _tells(text, begin)]
    if said:
        told = told[said[-1] :]
    else:
        free = [k for k, (begin, _) in enumerate(told) if _is_free(text, begin)]
        # "to be there by 7:20" is a purpose
        aim = _AIM.search(text, told[0][1], told[-1][0]) if not free else None
        told = (
            told[free[0] : free[-1] + 1] if free else [s for s in told if not aim or s[0] < aim.start()][-1:]
        )
    # what is attached to a number by a preposition is no result of its own
    return next((a for a, b in pairwise(told) if _is_attached(text[a[1] : b[0]])), told[-1])


def _tells(text: str, begin: int) -> bool:
    """Does a verb give the number at `begin`? The one of a purpose, "to have saved a total of 60", is none."""
    window = max(0, begin - 40)
    if _CLOCK.match(text, begin) and _HAPPENS_AT.search(text, window, begin):
        return True
    said = IS_SAID.search(text, window, begin) or _STANDS_AT.search(text, window, begin)
    return bool(said) and not _PURPOSE.search(text, window, begin)


def _gives(text: str, begin: int) -> bool:
    """Does a verb give the number at `begin`, or does somebody have, need or pay so much?"""
    return _tells(text, begin) or _TAKES.search(text, max(0, begin - 40), begin) is not None


def _is_attached(between: str) -> bool:
    return ";" not in between and _ATTACHED.search(between) is not None


def _is_free(text: str, begin: int) -> bool:
    """Is the number at `begin` no complement, as the one of "with 12 eggs" is?"""
    return _COMPLEMENT.search(text, max(0, begin - 20), begin) is None


def _is_list(text: str, numbers: list[Span]) -> bool:
    """Are they "3, 4 and 5" or "3 cm and 4 cm", all of one unit?"""
    joints = [_LISTED.fullmatch(text, a[1], b[0]) for a, b in pairwise(numbers)]
    units = {joint and joint["unit"] for joint in joints}
    behind = _UNIT_BEHIND.match(text, numbers[-1][1])
    return all(joints) and (units == {None} or (behind is not None and units == {behind[1]}))


def is_unresolved(text: str, end: int) -> bool:
    """Does the number before `end` only relate what is asked to something else, as in "3 less than 5 times her age"?"""
    return _RELATIVE_TO.match(text, end) is not None


def joined_numbers(text: str, numbers: list[Span]) -> list[Span]:
    """Join what is one quantity: "√2/2", "12 1/2", and "2 hours and 15 minutes", the second in a smaller unit."""
    joined = numbers[:1]
    for (before, end), (begin, stop) in pairwise(numbers):
        between, behind = _UNIT_BETWEEN.fullmatch(text, end, begin), _UNIT_BEHIND.match(text, stop)
        units = [parse_unit(match[1]) for match in (between, behind) if match]
        larger, smaller = units if len(units) == 2 else (None, None)
        if larger and smaller and larger.dimension == smaller.dimension and larger.factor > smaller.factor:
            assert behind is not None
            joined[-1] = (joined[-1][0], behind.end())
        elif _is_one(text, (before, end), (begin, stop)):
            bracketed = text[end] == ")" and text[joined[-1][0] - 1] == "("
            joined[-1] = (joined[-1][0] - bracketed, stop)
        else:
            joined.append((begin, stop))
    return joined


def _is_one(text: str, left: Span, right: Span) -> bool:
    """Are two numbers one value, as in 3·10^8, 3:4, 28 + 3, 12 1/2, √2/2, 3 + √2, "a ratio of 4 to 5", or 1 in 6?"""
    between = text[left[1] : right[0]]
    if _JOINED.fullmatch(between) or (between == " " and "/" in text[slice(*right)]):
        return True
    # "red : blue : green = 8:12:15"
    if between == ":" and text[left[0] - 1 : left[0]] == ":":
        return text[left[0] - 2 : left[0] - 1].isdigit()
    if between in {" to ", ":", " : "}:
        return _RATIO.search(text, max(0, left[0] - 100), left[0]) is not None
    if between in {" out of ", " in "}:
        return (
            text[slice(*left)].isdigit() and _CHANCE.search(text, max(0, left[0] - 100), left[0]) is not None
        )
    return bool(_JOINED_SURD.fullmatch(between) and _SURD.search(text, left[0], right[1]))


def beside_comparisons(text: str, numbers: list[Span]) -> list[Span]:
    """Leave out "5 miles more than 40" and "60% of 50" behind "which is", or a comma behind another number, and a
    remark in brackets."""
    unconditional = [n for n in numbers if not _CONDITION.search(text, max(0, n[0] - 20), n[0])]
    numbers = unconditional or numbers
    # "120 minutes, 30 of them downhill"
    parts = [n for n in numbers[1:] if _OF_THEM.match(text, n[1]) and text[: n[0]].endswith((", ", "and "))]
    numbers = [n for n in numbers if n not in parts]
    if len(numbers) > 1 and text[: numbers[-1][0]].endswith(", ") and _IN_EACH.match(text, numbers[-1][1]):
        numbers = numbers[:-1]
    for k in range(len(numbers) - 1, 0, -1):
        begin, end = numbers[k]
        compared = _COMPARED.match(text, end)
        relates = compared or _is_factor(text, (begin, end))
        if (
            compared
            and _APPOSITION.fullmatch(text, numbers[k - 1][1], begin)
            and (_tells(text, numbers[k - 1][0]) or _SAME_UNIT.match(text, numbers[k - 1][1]))
        ) or (relates and _WHICH_IS.search(text, max(0, begin - 20), begin)):
            than = k + 1 < len(numbers) and "," not in text[end : numbers[k + 1][0]]
            numbers = numbers[:k] + numbers[k + 1 + than :]
    # "Ann (15 minutes) and Ben (20 minutes) run for 35 minutes"
    inside = [
        found.span()
        for found in _IN_BRACKETS.finditer(text, max(0, numbers[0][0] - MAX_BETWEEN), numbers[-1][0])
    ]
    numbers = [n for n in numbers if not any(a < n[0] < b for a, b in inside)] or numbers
    remark = _REMARK_OPENS.search(text, numbers[0][1], numbers[-1][0])
    # it stands behind the number it is about
    if remark and remark.start() - max(n[1] for n in numbers if n[1] <= remark.start()) > MAX_BETWEEN:
        remark = None
    closed = text.find(")", remark.end()) if remark else -1
    return [span for span in numbers if not remark or not remark.start() < span[0] < closed]


def _is_factor(text: str, number: Span) -> bool:
    """Is it one as in "60% of 50", "3/4 of them" or "4 times her age"?"""
    part = text[number[1] - 1] == "%" or "/" in text[slice(*number)]
    return bool((part and _OF.match(text, number[1])) or _TIMES.match(text, number[1]))


def _main_clause(text: str, numbers: list[Span], sentence: int) -> list[Span]:
    """Keep the numbers of the last main clause that has any."""
    later = numbers
    # what stands before a colon is a heading
    colon = text.rfind(":", sentence, numbers[-1][0])
    if colon >= 0 and not text[colon + 1].isdigit():
        parts = [span for span in numbers if span[0] > colon]
        # "There are 12 altogether: 5 red and 7 blue", "The way takes 50 min: 20 min by bus and 30 min on foot"
        before = [span for span in numbers if span[1] <= colon]
        told = before and _gives(text, before[-1][0])
        whole = (
            (told or _ALTOGETHER.search(text, sentence, colon))
            and len(parts) > 1
            and "=" not in text[colon : parts[-1][0]]
            and not _CONCLUDED.search(text, colon, parts[-1][0])
        )
        later = numbers = (numbers[: -len(parts)] if whole else []) or parts
    for match in _SUBORDINATE.finditer(text, sentence, numbers[-1][0]):
        kept = [span for span in numbers if span[1] <= match.start()]
        # "9 doors, of which the last stays open, so 8 are shut"
        concluded = _CONCLUDED.search(text, match.end(), numbers[-1][0]) or _RESUMED.search(
            text, match.end(), numbers[-1][0]
        )
        # what is told beside a result, and not before it
        if (match["beside"] or match[0].startswith((", i.e.", ", that is"))) and not (
            kept and _gives(text, kept[-1][0]) and not _is_factor(text, kept[-1])
        ):
            continue
        goes_on = concluded and any(_is_free(text, begin) for begin, _ in numbers if begin >= concluded.end())
        if kept and not goes_on and text[sentence : match.start()].strip():
            later = kept
            break
    opened = _OPENER.match(text, sentence, later[-1][0])
    later = [span for span in later if not opened or span[0] >= opened.end()] or later
    for match in reversed(list(_CLAUSE_START.finditer(text, sentence, later[-1][0]))):
        kept = [span for span in later if span[0] >= match.start()]
        if kept:
            return kept
    return later
