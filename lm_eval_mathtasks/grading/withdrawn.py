"""What a writer withdraws: an answer taken back, and one of two values that is denied."""

import re

from lm_eval_mathtasks.grading.denials import MAX_BETWEEN
from lm_eval_mathtasks.grading.endings import HAS_VALUE, start_of_last

# "x = 5 or x = -2", "the roots are 5 and -2": what is left of two values of which one is denied
_EITHER = re.compile(
    r"(?:(?<![\w\\])(?P<name>[a-zA-Z]\w?)\s?=\s?|\b(?:are|either)\s\$?)(?P<a>[^\s,;$=]+)\$?,?\s(?:or|and)\s"
    r"\$?(?:(?P=name)\s?=\s?)?(?P<b>[^\s,;$=]*[^\s,;$=.])"
)
_NAMED_VALUE = re.compile(
    r"(?:(?<![\w\\])(?P<name>[a-zA-Z]\w?)\s?=\s?|(?<=[\s$]))(?P<value>[-−]?[\d\\][^\s,;$=]*)"
)
# "Wait, that's wrong": what was said before is taken back.
_TAKES_BACK = re.compile(
    r"(?<![a-z])(?:wait|oops|hmm+|hold on|actually|sorry|correction|edit|no,)[^.?!\n]{0,60}"
    r"(?:\b(?:that|this|it|i|we|\$?\d[\d.,]*\$?|my [a-z]+|(?:the|an) (?:above|previous|last|answer)[a-z ]{0,20}?)\s?"
    r"(?:is|was|'s|’s|made|am|'m|did|used|took|read|had|put|applied)\b[^.?!\n]{0,20}\b"
    r"(?:wrong|incorrect|not (?:right|correct)|mistake|error|mistaken)|\b(?:mixed up"
    r"|mis(?:read|counted|copied|calculated|took|interpreted)))\b[^.?!\n,:;]{0,60}(?:[.!\n,:;]|\Z)"
    r"|\bcorrection\*{0,2}:|\b(?:the )?corrected (?=answer|value|result|solution)"
    r"|\b(?:there (?:must be|is) (?:an?|some) (?:mistake|error)|something (?:is|went|must (?:be|have gone)) wrong"
    r"|(?:this|that|it|which) (?:can ?not|can't) be (?:right|correct))\b[^.\n]*"
    r"|\b(?:I|we) (?:haven't|didn't) (?:work|solv|verif|check|finish)\w*[^.\n]*"
    r"|\b(?:I|we) (?:do not|don't) see how\b[^.\n]*|\b(?:two |given )?conditions contradict\b[^.\n]*"
    r"|\bboth (?=\(?[A-J]\)? and \(?[A-J]\)? (?:are|is) (?:also )?correct)"
    r"|\b(?:disregard|ignore|forget|discard) (?:the |my |that |what )?(?:above|previous|earlier|last|answer"
    r"|I said)\b[^.\n]*"
    r"|(?<![\w,] )\b(?:no, (?:that|this)(?:'s| is| was)|no,? wait|wait,? no|scratch that|oops(?=,)"
    r"|hold on(?!.{0,40}\b(?:check|verify)))\b(?=[^\n]*[\d$\\])",
    re.IGNORECASE,
)
# One of these is in whatever takes something back.
_BACK_WORDS = (
    "wrong", "orrect", "mis", "error", " right", "cratch that", "ops,", "old on", "No, th", "ait", "mixed up",
    "isregard",
    "gnore ", "orget ", "aven't ", "idn't ", " see how", "ontradict",
)  # fmt: skip
_UPHELD = re.compile(r"\b(?:right|correct|fine|ok|okay|indeed|after all|still|stands?)\b", re.IGNORECASE)


def left_over(text: str) -> tuple[int, int] | None:
    """Return the other of two values where the last sentence denies one: 5 of "x = 5 or x = -2, but x = -2 fails"."""
    end = text.rstrip(" \n.!*_")
    start = start_of_last(end)
    denied = list(_NAMED_VALUE.finditer(end, start))
    either = list(_EITHER.finditer(end, max(0, start - MAX_BETWEEN), denied[-1].start())) if denied else []
    if not either or denied[-1]["name"] != either[-1]["name"]:
        return None
    left = [place for place in "ab" if either[-1][place] != denied[-1]["value"]]
    return either[-1].span(left[0]) if len(left) == 1 else None


def taken_back(text: str) -> int:
    """Return where the text begins that a writer holds to, behind the last "Wait, that's wrong"; 0 where none is."""
    # most texts are done here
    if not any(map(text.__contains__, _BACK_WORDS)):
        return 0
    found = list(_TAKES_BACK.finditer(text))
    rest = text[found[-1].end() :] if found else ""
    if found and found[-1][0].startswith("both"):
        return found[-1].end()
    return found[-1].end() if found and (HAS_VALUE.search(rest) or not _UPHELD.search(rest)) else 0
