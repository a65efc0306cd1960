"""The reference answer of a doc, taken once from its reference: the rule lies in `grading`, where rewards reach it."""

import re
from fractions import Fraction

from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS, clean
from lm_eval_mathtasks.grading.reference import answer_in, as_text, reference_text
from lm_eval_mathtasks.text import letters

__all__ = ["answer_in", "as_text", "gold_key", "reference_text"]

_WORDS = re.compile(r"\\(?:text|mbox|mathrm)\w*\{[^{}]*\}(?:\^\{?\d\}?)?")
_FRACTION = re.compile(r"(-?)\\frac(?:\{(\d+)\}|(\d))(?:\{(\d+)\}|(\d+))|(-?\d+)/(\d+)")
_PARTS = re.compile(r"[+-]|\d*\.?\d+|\\pi|\\sqrt")


def gold_key(gold: str) -> str:
    r"""Return what tells a reference answer from others however copies of a set spell it: harnesses rewrite golds
    (units, `x=`, dollars, degrees, the form of a fraction). Numbers and signs count where there are any, else letters.

    >>> gold_key(r"x = \dfrac{1}{2}\text{ cm}"), gold_key("0.50"), gold_key(r"\text{Evelyn}")
    ('1/2', '1/2', 'evelyn')
    """
    text = clean(answer_in(gold)[:MAX_ANSWER_CHARS])
    bare = re.sub(r"[\s,]|\{\}", "", _WORDS.sub("", text).rpartition("=")[2])
    if (ratio := _FRACTION.fullmatch(bare)) and int(ratio[4] or ratio[5] or ratio[7]):
        upper, lower = ratio[2] or ratio[3] or ratio[6], ratio[4] or ratio[5] or ratio[7]
        return (ratio[1] or "") + str(Fraction(int(upper), int(lower)))
    if not re.search(r"\d", bare):
        return letters(re.sub(r"\\[a-zA-Z]+", "", text)) or letters(text)
    parts = _PARTS.findall(bare)
    found = (part if part in "+-" or part[0] == "\\" else str(Fraction(part)) for part in parts)
    return "".join(found).lstrip("+")
