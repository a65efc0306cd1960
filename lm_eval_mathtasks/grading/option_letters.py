"""Which option of several a text chooses by its letter."""

import re
from collections.abc import Iterator

from lm_eval_mathtasks.grading.formulas import Span
from lm_eval_mathtasks.grading.phrases import SECOND_THOUGHT, TOLD_BEHIND

_LETTER_FIRST = re.compile(
    r"[(\[*]{0,3}(?!A ?: ?not\b)([A-J])(?!\)?, \(?[A-J]\)?, )"
    r"(?:[)\].:,*。，、](?!\W{0,3}(?:is|can|fails|and|or|follows|holds|gives|has|does|must)\b)"
    r"|\s?\Z|(?=[\u4e00-\u9fff]))"
)
_LETTER = (
    r"(?<![\w'’])\(?(?:[B-HJ]|A(?! ?: ?not\b|\s(?!is\b|and\b|or\b|as well\b)[a-z])|I{1,3}(?=,| and| or)|II|III|IV)\)?"
    rf"(?![\w'’?])(?!{TOLD_BEHIND})"
)
_AND_OR = (
    r"(?:(?:, and|, or| and| or| as well as|,|;)\s|/"
    r"|\s?(?:或者?|または|和|与|、)\s?|\s(?:oder|ou|o|или|und|et|y|и)\s)"
)
_LETTERS = re.compile(rf"{_LETTER}(?:{_AND_OR}{_LETTER})*")
# "C, although D is tempting"
_CONCEDES = re.compile(r"\b(?:although|(?:even )?though|even if|whereas)\b[^.,;!?\n]*", re.IGNORECASE)
# "Is D possible?"
_ASKED = re.compile(r"(?:\A|(?<=[.!?\n]))\s*(?:[Ii]s|[Aa]re|(?:[Cc]|[Ww])ould|[Cc]an|[Dd]oes)\b[^.!?\n]*\?")
# What stands before an option that is not chosen: "rule out D", "Most students pick B", "all except (B)"
_PASSED_OVER = re.compile(
    r"(?:(?:\b(?:(?:can)?not|never)|n't)(?: (?:be|pick|choose|select|go with))?"
    r"|\b(?:first guess (?:is|was)|ruled? out|eliminat\w+|exclud\w+|reject\w*|discard\w*|without|neither|nor|instead of"
    r"|rather than|sauf|opposite of|(?:wrong|incorrect) (?:answer|choice|option)(?: is)?"
    r"|(?:(?:most|many|some|careless|hasty) \w+|people|students) (?:\w+ly |would |may |might |will |often )*"
    r"(?:pick|choose|select|answer|guess|say|think)s?"
    r"|(?P<but>except(?: for)?|other than|apart from|aside from|besides|save(?: for)?"
    r"|(?:all|any\w*|every\w*|no|none|nothing)(?: (?:of )?(?:the )?(?:options?|choices?|answers?|them))? but)))"
    r"(?: (?!(?:so|thus|leav\w+|hence|therefore|and|then|but)\b)[a-z]+){0,3}?,?"
    r"(?: the)?(?: option| choice| answer)? ?\Z",
    re.IGNORECASE,
)
# ... unless it is the one that is left: "none but (B)", "all except (B) are wrong"
_NONE_ELSE = re.compile(
    r"\b(?:no|none|nothing|fails?|wrong|incorrect|false|eliminated|impossible)\b", re.IGNORECASE
)
# "(A) if n is even, or (B) if n is odd": two, each under its condition
CONDITIONAL_OPTIONS = re.compile(
    r"(?<![\w'’])\(?[A-J]\)?,? (?:if|when|for|unless|provided|assuming)\b[^\n]*?(?:[,;]|\b(?:or|and|else|otherwise|is))"
    r" \(?(?:[B-HJ]|A(?! (?!if\b|when\b|for\b|otherwise\b)[a-z]))(?:\)|(?= (?:if|when|for|otherwise)\b)|[.,]?\Z)"
)
# "[x] A  [ ] B"
_TICKED = re.compile(
    r"(?:\[[xX✓✔]\]|[☑✅])\s*\(?(?P<item>[A-J])\b|\|\s*\(?(?P<row>[A-J])\)?\s*\|[^|\n]*[✓✔✅]"
)
_NONE_RIGHT = re.compile(
    r"\b[Nn]one of the (?:\w+ )?(?:options|choices|answers)\b[^.]{0,30}\b(?:correct|right|match|fit|work)"
    r"|\b(?:matches|equals|fits|is) none of the (?:options|choices|answers)\b"
)
_NEXT_LETTER = re.compile(r"\n\s{0,3}[(*]{0,3}B[).:]")
_MAX_BEFORE = 60  # characters before a letter that may pass it over, and behind it


def passed_over(text: str, letter: int) -> bool:
    """Do the words before an option's letter say that it is not the one that is chosen?"""
    found = _PASSED_OVER.search(text, max(0, letter - _MAX_BEFORE), letter)
    sentence = slice(max(0, text.rfind(".", 0, letter)), letter + _MAX_BEFORE)
    return found is not None and not (found["but"] and _NONE_ELSE.search(text[sentence]))


def chosen(text: str, tail: int) -> Iterator[Span]:
    """Yield the letter that a text opens with, and the last that it chooses behind `tail`; of options under conditions
    all that is said of them."""
    if ticked := list(_TICKED.finditer(text, tail)):
        yield ticked[0].start(ticked[0].lastgroup or 0), ticked[-1].end(ticked[-1].lastgroup or 0)
        return
    if _NONE_RIGHT.search(text, tail):
        return
    text = _CONCEDES.sub(lambda m: " " * len(m[0]), text)
    text = _ASKED.sub(lambda m: " " * len(m[0]), text) if "?" in text else text
    if told := CONDITIONAL_OPTIONS.search(text, tail):
        yield told.span()
        return
    first = _LETTER_FIRST.match(text, len(text) - len(text.lstrip()))
    # "A. True", "B. False" and so on tell of each
    told_in_turn = first and _NEXT_LETTER.search(text, first.end())
    if first and not told_in_turn and not SECOND_THOUGHT.search(text):
        yield first.span(1)
    for letters in reversed(list(_LETTERS.finditer(text, tail))):
        if not passed_over(text, letters.start()):
            yield letters.span()
            return
