"""What a writer withdraws: an answer taken back, and one of two values that is denied."""

import re
from collections.abc import Iterator

from lm_eval_mathtasks.grading.denials import MAX_BETWEEN
from lm_eval_mathtasks.grading.endings import HAS_VALUE, start_of_last
from lm_eval_mathtasks.grading.phrases import REJECTED

# "x = 5 or x = -2", "the roots are 5 and -2": what is left of two values of which one is denied
_EITHER = re.compile(
    r"(?:(?<![\w\\])(?P<name>[a-zA-Z]\w?)\s?=\s?|\b(?:are|either)\s\$?)(?P<a>[^\s,;$=]+)\$?,?\s(?:or|and)\s"
    r"\$?(?:(?P=name)\s?=\s?)?(?P<b>[^\s,;$=]*[^\s,;$=.])"
)
_NAMED_VALUE = re.compile(
    r"(?:(?<![\w\\])(?P<name>[a-zA-Z]\w?)\s?=\s?|(?<=[\s$]))(?P<value>[-−]?[\d\\][^\s,;$=]*)"
)
# "Wait, that's wrong": what was said before is taken back. Each pattern searches a text in small letters, and only
# where one of the words before it stands: most texts have none, and one pattern for all takes several times as long.
_TAKES_BACK = tuple(
    (words, re.compile(pattern))
    for words, pattern in (
        (
            ("wrong", "orrect", "mis", "error", "not right", "mixed up"),
            r"(?<![a-z])(?:wait|oops|hmm+|hold on|actually|sorry|correction|edit|no,)[^.?!\n]{0,60}"
            r"(?:\b(?:that|this|it|i|we|\$?\d[\d.,]*\$?|my [a-z]+"
            r"|(?:the|an) (?:above|previous|last|answer)[a-z ]{0,20}?)\s?"
            r"(?:is|was|'s|’s|made|am|'m|did|used|took|read|had|put|applied)\b[^.?!\n]{0,20}\b"
            r"(?:wrong|incorrect|not (?:right|correct)|mistake|error|mistaken)"
            r"|\b(?:mixed up|mis(?:read|counted|copied|calculated|took|interpreted))\b)"
            r"[^.?!\n,:;]{0,60}(?:[.!\n,:;]|\Z)",
        ),
        (
            ("wrong", "mis", "error"),
            r"\b(?:there (?:must be|is) (?:an?|some) (?:mistake|error)"
            r"|something (?:is|went|must (?:be|have gone)) wrong)\b[^.\n]*",
        ),
        (
            ("orrect",),
            r"\bcorrection\*{0,2}:|\b(?:the )?corrected (?=answer|value|result|solution)"
            r"|\bboth(?= \(?[a-j]\)? and \(?[a-j]\)? (?:are|is) (?:also )?correct)"
            r"|(?<![a-z])\(?[a-j]\)? and \(?[a-j]\)? are both (?:also |equally )?(?:correct|right)[^.\n]*\.?",
        ),
        (
            ("orrect ", "actual ", "right ", "real ", "revised "),
            r"(?<![a-z])(?:wait|oops|hmm+|hold on|actually|sorry|correction|edit|no),[^\n]{0,120}?[.!:;]\s"
            r"(?=(?:so |hence |thus |then )?the (?:correct|actual|right|real|revised) "
            r"(?:answer|value|result|total|count|number) (?:is|should be|must be|would be)\b)",
        ),
        (
            ("retract", "withdraw"),
            r"\bi (?:must |have to )?(?:retract|withdraw) (?:the|my|that|this|it)\b[^.\n]*",
        ),
        (
            ("counts ", "redoing "),
            r"\b(?:that|this) (?:double|over|under)[- ]?counts [^.\n]*|\bredoing the [a-z]+\b[^,.\n]*",
        ),
        (
            ("take ",),
            r"\b(?:don't|do not) take (?:that|this|it) as (?:my|the|an) answer\b[^.\n]*",
        ),
        (
            ("back",),
            r"\bi (?:(?:must|have to|will|'ll) )?take (?:that|this|it|everything|my [a-z]+|what i [a-z]+)"
            r" back\b[^.\n]*",
        ),
        (
            ("be right", "orrect"),
            r"\b(?:this|that|it|which) (?:can ?not|can't) be (?:right|correct)\b[^.\n]*",
        ),
        (
            ("haven't ", "didn't ", "see how", "contradict"),
            r"\b(?:i|we) (?:(?:haven't|didn't) (?:work|solv|verif|check|finish)\w*|(?:do not|don't) see how\b)[^.\n]*"
            r"|\b(?:two |given )?conditions contradict\b[^.\n]*",
        ),
        (
            ("regard ", "ignore ", "forget ", "discard "),
            r"\b(?:disregard|ignore|forget|discard) (?:the |my |that |this |what |all |everything )?"
            r"(?:above|previous|earlier|last|answer|box|i said|i wrote|line|step|calculation|attempt)\b[^.\n]*",
        ),
        (
            ("no, ", "wait", "scratch that", "oops,", "hold on"),
            r"(?<![\w,] )\b(?:no, (?:that|this)(?:'s| is| was)|no,? wait|wait,? no|scratch that|oops(?=,)"
            r"|hold on(?!.{0,40}\b(?:check|verify)))\b(?=[^\n]*[\d$\\])"
            r"|(?<=[.!?]\s)(?:no,? wait|wait,? no)(?=\W*(?:(?:the|so)\W*)?\Z)",
        ),
    )
)
_BACK_WORDS = tuple({word: None for words, _ in _TAKES_BACK for word in words})
# "So 15 is out", "$n = 4$ fails"
_REJECTED = re.compile(
    rf"[)$*\\]*\s(?:(?:is|was|must be|gets?) (?:\w+ly |also )?(?:out\b|wrong|incorrect|{REJECTED}|not (?:the|a|our)"
    r" (?:answer|solution|result)|not (?:right|correct|valid|possible))|fails\b"
    r"|(?:does|do)(?:n't| not) (?:work|satisfy|fit)|can(?:not|'t) be (?:right|correct|the answer))",
    re.IGNORECASE,
)
_LONGEST_VALUE = 20  # characters
_MAX_TAKING = 100  # characters of what takes back a value, before that value
_UPHELD = re.compile(
    r"\b(?:(?<!the )right|correct|fine|ok|okay|indeed|after all|still|stands?)\b", re.IGNORECASE
)


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


def told_wrong(text: str, start: int, stop: int) -> bool:
    """Tell whether a text says behind a value that this value is none: "Could it be 15? ... So 15 is out."

    >>> told_wrong("Try 15. Then 15 is out.", 4, 6), told_wrong("Try 15. Then 15 is odd.", 4, 6)
    (True, False)
    """
    value, behind = text[start:stop].strip(), text[stop : stop + MAX_BETWEEN]
    return len(value) <= _LONGEST_VALUE and any(
        _REJECTED.match(behind, at + len(value)) and not behind[at - 1 : at].isalnum()
        for at in _places_of(value, behind)
    )


def _places_of(value: str, text: str) -> Iterator[int]:
    at = text.find(value) if value else -1
    while at >= 0:
        yield at
        at = text.find(value, at + 1)


def taken_back(text: str, start: int) -> int:
    """Return where the last "Wait, that's wrong" ends that takes back what stands at `start`; 0 where none does."""
    near = max(0, start - _MAX_TAKING)
    small = text[near:].lower()
    # a letter may become two, and places must stay
    small = small if len(small) == len(text) - near else text[near:]
    held = {word for word in _BACK_WORDS if word in small}
    if not held:
        return 0
    found = [
        match for words, takes in _TAKES_BACK if not held.isdisjoint(words) for match in takes.finditer(small)
    ]
    last = max(found, key=re.Match.end, default=None)
    if last is None or near + last.end() <= start:
        return 0
    rest = small[last.end() :]
    holds = "both" in last[0] or HAS_VALUE.search(rest) or not _UPHELD.search(rest)
    return near + last.end() if holds else 0
