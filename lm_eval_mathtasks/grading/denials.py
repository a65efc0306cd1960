"""Which values a response does not hold to: denied, doubted, asked for, supposed, or told of what others think."""

import re

from lm_eval_mathtasks.grading.endings import start_of_last
from lm_eval_mathtasks.grading.phrases import REJECTED

# "So x = 5 is not a solution": the last clause denies, and names no other value behind it.
_NOT = (
    r"(?:(?:is|are|was|were|does|do|did|could|will|would|has|have|had|must|should)(?: not|n't)|can not|can't|won't"
    r"|cannot|never|'s not)"
)
# "x = 1 is rejected", "4 fails": a predicate of one value denies it without a "not".
_FAILS = (
    r"(?:is|was|must be|has to be|can be|should be|turn(?:s|ed) out(?: to be)?|gets?)(?: an?)?(?: \w+ly)? (?=(?:"
    rf"{REJECTED}|wrong|incorrect|false|untrue"
    r"|too (?:large|small|big))\b)|(?=(?:fails|contradicts|violates|leads? to a contradiction)\b)"
)
_DENIAL = re.compile(
    rf"\b(?:{_NOT}\b|{_FAILS})(?P<of>(?! be (?:simplified|reduced|factored)| an? extraneous)[^,;0-9$\\]*)\Z",
    re.IGNORECASE,
)
# "we cannot conclude that", "I am not sure whether"
_DOUBT = (
    r"(?:(?:\b(?:cannot|can not|never|no way to|unable to|not)|n't)\s(?:\w+\s)?(?:conclud|say|sure|certain|think"
    r"|believ|know|clear|confirm|claim|guarantee|assum|mean|impl|prov|show)\w*(?=\s(?:that|if|whether|it|this|what"
    r"|the (?:final |correct )?(?:answer|value|result|\Z)))"
    r"|\b(?<!\bI )(?:suppos(?:e|ing)|assum(?:e|ing)|imagine|pretend|let(?:'s| us) say)"
    r"(?=\s(?:that\s)?the\s?(?:answer\b|\Z))"
    # but not "doubtless", "there is no doubt" or the Doubtfire family
    r"|\b(?:whether|(?<!\bno )(?<!without )doubt(?:s|ed|ful|ing)?))\s"
)
# "It is wrong to say that", "Someone might think the answer is"
_REFUTED = (
    r"(?:\b(?:wrong|incorrect|false|mistaken|a (?:common )?mistake|an error)\s(?:\w+\s)?to\s\w+"
    r"|\bno way that|\bcommon (?:mistake|error|wrong answer) is"
    r"|\b(?<!\bI )(?<!\b[wW]e )(?:might|may|could)\s(?:\w+\s)?"
    r"(?:think|believe|guess|assume|expect|be tempted to \w+)(?: that)?)\s"
)
_DOUBTS = re.compile(
    rf"(?:{_DOUBT}|{_REFUTED}|\bif\s|(?:\A|[.!?\n]\s?)(?:could|can|might|is|would|should)\s)(?:\w+\s){{0,3}}\Z",
    re.IGNORECASE,
)
_REFUTES = re.compile(rf"{_REFUTED}(?:\w+\s){{0,3}}\$?\Z", re.IGNORECASE)
# "It would be 8 if the box were full, but it is not": what would be, under a condition that is not met; what the answer
# would have been is none either
_WOULD = re.compile(r"\b(?:(?P<had>answer would have been)|would|may|might|could)\b[^.!?\n]*\Z")
_UNMET = re.compile(
    r"(?:[^.!?\n]|\.(?=\d))*?(?:\.\s)?\b(?:[Bb]ut|[Hh]owever|yet|though)\b[^.!?\n0-9]*"
    r"(?:(?:\b(?:is|are|was|were|do|does|did|ha[sd]|have|am|could)\s?|'[sm] )(?:not|n't)|"
    r"\b(?:can(?:no|')t|never|no longer))\b"
)
# ... or it denies the value behind it: "so there are not 100 girls", "the sum is not $7$". What somebody does not do
# may be counted: "they did not place 80 eggs".
_A_VALUE = r"(?:equal to |exactly |just )?(?:[$€£\\(-]{0,3}|\$?\\[dt]?frac\{)(?:\\boxed\{)?(?=\d)"
_NOT_THIS = re.compile(
    rf"\b(?:(?:(?:is|are|was|were)(?:(?: \w+ly)? not|n't)|'s(?: \w+ly)? not) {_A_VALUE}"
    rf"|(?:(?:can|could|must|does|do)(?:not|n't| not)|can't) (?:be|equal) {_A_VALUE}"
    r"|(?:(?:is|are|does|do|did)(?: not|n't)|'s not) (?:divisible|possible|a|one|in|within|between|have enough)\b"
    r"|(?:neither|contradicts?|violates?|reject|discard|exclude|eliminate|rule out)\b)"
    r"(?:(?!\b(?:and|but|so|thus|hence|therefore|is|are|was|were|equals|total)\b)(?:[^,;:=0-9]|(?<=\b[a-z] )=))*[0-9]"
    r"(?!.*\b(?:but|rather|instead|so)\b)[^,;=]*\Z"
    r"|\A\W*(?:so |thus |hence |therefore )?,?\s?(?:there (?:is|are) )?no (?:such |other )?(?:[a-z]+ )?"
    r"(?:value|number|integer|solution|pair|choice|way)s?\b(?=.*\d)(?!.*\b(?:other|except|besides|but|so|only)\b)"
    # "I am not sure whether it is 8", "none of the options match 8", "a common mistake is 8"
    rf"|(?:{_DOUBT}|{_REFUTED}|\bnone of the (?:options|choices|answers)\b)(?!.*\b(?:but|so)\b)[^,;]*\d[^,;]*\Z"
    r"|, (?:which is )?(?:a contradiction|absurd|impossible)\Z"
    # "None of 7, 8, 9 works", "Neither x = 2 nor x = 3 works"
    r"|\A\W*(?:(?:so|thus|hence|therefore),? )?(?:none of|neither)\s"
    r"(?:the (?:numbers|values|integers|candidates|cases) |these )?\$?(?:[a-z]\s?=\s?)?\d"
    r"(?!.*(?:;|\b(?:but|so|only|except|is|leav\w+)\b))"
    # "Answer: not 7"
    rf"|(?:\A|[:>])[\s*]{{0,4}}not {_A_VALUE}[^,;=]*\Z",
    re.IGNORECASE,
)
# "Is the answer 8?", but not "How many are left? 8"
_ASKS = re.compile(
    r"(?:\A|[,:;]\s|\b(?:so|but|and|or)\s)\W*(?:is|are|was|were|could|can|does|do|should|would|will)\b.*\d"
    r"|\d[\d.,]*\s?\?\Z",
    re.IGNORECASE,
)
# What follows a denial or a result is why, and neither denies nor answers.
_REASON = re.compile(
    r"(?<=\w)[,;]?\s(?:because|since|as)\s(?!.*\b(?:so|thus|hence|therefore)\b)[^()]*\Z", re.IGNORECASE
)
# "100 girls who are not in the team": a relative clause tells which are counted.
_PERSONS = re.compile(r"\b(?:who|whom|whose)\b[^,;]*\Z", re.IGNORECASE)
_RELATIVE = re.compile(
    r"\b(?!(?:but|and|means?|see|know|conclude|shows?|find|follows|note|so|such|says?|given|tells?|impl\w+|clear|fact|sure)\b)"
    r"\w+ (?:that|which)(?: [a-z]+){0,4} \Z|\b(?:before|until|unless|while|if)\b[^,;]*\Z",
    re.IGNORECASE,
)
# "So 12 of the students do not vote": what is counted is told, unless it is told to be no solution.
_COUNTED = re.compile(
    r"\d%?(?:\$|\\\))? (?:of (?:the |his |her |its |their )?)?"
    r"(?:(?!(?:because|since|that|and|so|if|it|as|but|then|when|is|are)\b)[a-z]+ ){1,4}\Z"
)
_NO_SOLUTION = re.compile(
    r"\b(?:solution|answer\b|root|valid|possible|correct|right|enough|sufficient|allowed|work|fit|satisf|accept|hold)"
)
MAX_BETWEEN, _MAX_THOUGHT = 300, 90  # characters between values and the denied one; of what some may think


def denies(text: str) -> bool:
    """Tell whether the last sentence says that its value is not the answer, or only asks whether it is."""
    end = text.rstrip(" \n.!*_")
    last = _REASON.sub("", end[start_of_last(end) :])
    # "Could it be 9? No."
    if last.lower() == "no":
        end = end[:-2].rstrip()
        last = end[start_of_last(end) :]
    if last.endswith("?") and _ASKS.search(last):
        return True
    denial = _DENIAL.search(last)
    found = denial or _NOT_THIS.search(last)
    subject = last[: found.start()] if found else ""
    if found is None or _PERSONS.search(subject):
        return False
    told = _RELATIVE.search(subject) or _COUNTED.search(subject)
    return told is None or (denial is not None and _NO_SOLUTION.search(denial["of"]) is not None)


def doubts(before: str) -> bool:
    """Tell whether a clause up to "the answer is" doubts what that states."""
    return _DOUBTS.search(before) is not None


def is_unreal(text: str, start: int, stop: int) -> bool:
    """Tell whether `text[start:stop]` is told of what is not the case: "it would be 8, but it is not full", or as
    what somebody may think: "one might be tempted to answer 8".
    """
    if _REFUTES.search(text, max(0, start - _MAX_THOUGHT), start):
        return True
    would = _WOULD.search(text, max(0, start - MAX_BETWEEN), start)
    return would is not None and (would["had"] or _UNMET.match(text, stop)) is not None
