"""Words right beside a value in running text that make another answer of it: "at least 8", "8 or more", "shy of 8".

They belong to the answer, so that what reads answers can tell what they mean, or say that it does not know.
"""

import re

from lm_eval_mathtasks.grading.formulas import Span
from lm_eval_mathtasks.grading.languages import CHARACTERS, bound_before
from lm_eval_mathtasks.grading.phrases import BOUND_BEHIND
from lm_eval_mathtasks.grading.remarks import MEASURES

_OPENS = r"(?:[$\s]|\\[(\[])*"
# It "adds up to 8" or "went up to 8".
_VERBS = ("add", "adds", "added", "adding", "sum", "sums", "go", "goes", "went", "comes")
_NO_SUM = "".join(rf"(?<!{verb} )" for verb in _VERBS)
_NEGATED = r"(?:(?:can(?:not|'t| not)|must not|(?:is|are|was)(?: not|n't)) (?:be )?|no |not )"
_DEGREE = r"(?:any|anything|far|well|just|only|much|slightly|the|an?|one|two|three|\d+) "
# What changes the value behind it, by the word that stands right before: a comparison, a preposition, or "shy of".
_BEFORE = re.compile(
    rf"(?<![\w'’-])(?P<words>{_NEGATED}?(?:{_DEGREE})*(?:"
    r"(?:more|less|(?!other|rather)[a-z]+er) (?:or equal )?than(?: or equal to)?|at (?:the )?(?:very )?(?:least|most)"
    rf"|{_NO_SUM}up to|(?:close|next|prior|perpendicular|parallel|proportional|opposite|adjacent) to"
    r"(?: one of| that of)?|(?:anything|all|nothing|everything) (?:but|except)"
    r"|(?:somewhere )?between [^\s,;]+ and|(?:somewhere|anywhere|lies|lie|ranges?|varies) from [^\s,;]+ to"
    r"|(?:capped|limited) (?:at|to)|bounded by|(?:differs?|different|distinct) from"
    r"|(?:(?:square|cube) root|(?:absolute|additive|multiplicative) \w+) of"
    r"|(?P<of>[a-z]+) of(?: all| every| the)?|divisible by|divid(?:es|ing)|exceed(?:s|ed|ing)?|approaching|nearing"
    r"|(?:half |twice |thrice |(?:\w+ )?times )?as [a-z]+ as"
    r"|nearly|almost|barely|hardly|scarcely|past|beyond|until|till|before|under|over|above|below|without|except"
    r"|half|twice|double|triple|thrice|minus|negative|possibly|maybe|perhaps|times (?:this|that|these)"
    r"|(?:any\w*|every\w*) from|some ?time after|in the range(?: of| from)?(?: [\d.]+ ?[-–—])?"
    rf"))(?: the| an?| only)?{_OPENS}\Z",
    re.IGNORECASE,
)
# "a total of 8", "each of the 8"
_OF_A_MEASURE = MEASURES | {
    "each", "all", "one", "any", "some", "most", "none", "both", "out", "consists", "consist", "made", "composed",
    "think", "thought", "because", "instead", "lot", "sale", "sales", "gap",
}  # fmt: skip
_CLOSES = r"(?:\$|\\[)\]])?"
_CLOSING = re.compile(_CLOSES)
_NOUN = r"(?:\s(?!(?:is|are|was|were|ha[sd]|have|after|before|by|to|from)\b)[a-z]+)"
_BEHIND = re.compile(
    rf"(?:st|nd|rd|th)\b(?:\s[a-z]+){{0,2}}|{_CLOSES}(?:[{''.join(CHARACTERS)}]"
    r"|\s(?:thousand|million|billion|trillion)\b"
    rf"|{_NOUN}{{0,2}}?\s(?:{BOUND_BEHIND}|or so\b|and (?:then some|counting|change|a bit|more)\b"
    r"|below (?:zero|freezing)\b)|\smax\b"
    r"|\sas (?:an?|the|its|my|our) (?:ceiling|floor|(?:upper |lower )?bound|limit|guess|placeholder|estimate"
    r"|candidate)\b"
    r"|[\s\w,]{0,80}?\splus (?:what|any|some|a |an |the )[a-z]*)",
    re.IGNORECASE,
)
_MAX_BEFORE = 70  # characters


def with_neighbours(text: str, span: Span, start: int) -> Span:
    """Widen the span of a value in `text[start:]` by the words right beside it that change what it says.

    >>> [text[slice(*with_neighbours(text, (k, k + 1), 0))] for text, k in (("sold at least 8", 14), ("has 8 left", 4))]
    ['at least 8', '8']
    """
    begin, end = span
    if "=" in text[begin:end]:
        return span
    before = _BEFORE.search(text, max(start, begin - _MAX_BEFORE), begin)
    foreign = bound_before(text[max(start, begin - _MAX_BEFORE) : begin])
    if foreign:
        begin -= foreign
    elif before and (before["of"] or "").lower() not in _OF_A_MEASURE:
        begin = before.start("words")
    behind = _BEHIND.match(text, end)
    if behind:
        end = behind.end()
    # a formula whose opening is inside now is whole
    inside = text[begin:end]
    closes = _CLOSING.match(text, end)
    if inside.count("$") % 2 and closes and closes[0] == "$":
        end += 1
    return begin, end
