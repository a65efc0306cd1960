"""How a response ends: cut off, in a loop, or with a sentence that gives no answer. None of these allows a guess."""

import re
from itertools import pairwise, takewhile

from lm_eval_mathtasks.grading.formulas import open_formula
from lm_eval_mathtasks.grading.phrases import NO_STOP, REJECTED

_LAST_SENTENCE = re.compile(rf"{NO_STOP}[.!?。！？](?:[*_\"”)$]*\s+|\$\$(?=[A-Z])|\Z)|\n+")
# A response that ends in one of these, without a full stop, was cut.
_MIDDLE = re.compile(
    r"(?:\b(?:the|a|an|of|to|and|or|but|for|in|on|at|with|by|from|is|are|was|were|be|that|which|if|then|so|we|he|she|it"
    r"|they|i|you|this|these|those|can|will|would|should|also|as|than|into|between|because|since|while|when|where|have"
    r"|has|had|let|get|find|both|their|his|its|our|your|who|whose|what|how|per|every|some|such|my|about|equals"
    r"|during|thus|therefore|hence|however|plus|minus)|[,:(=+×÷/^{&-](?:\s?(?:\.{3}|…))?|(?<!\*)\*"
    r"|(?<=[a-z] )\$|gives? us)\Z"
)
# "5 + 1" alone in the last line, where lines before came to a result
_OPEN_SUM = re.compile(r"=[^\n]*\n(?:[^\n=]*[\s(])?\$?\d[\d.,]* ?[+*×] ?\$?\d[\d.,]*\Z")
# "2. 9 * 3 = 27" and then "3."
_NEXT_ITEM = re.compile(r"(?:\A|\n)\d{1,2}[.)]\s[^\n]+\n+\d{1,2}[.)]\Z")
# The beginning of a sentence that cannot end without a value or a full stop.
_BEGUN = re.compile(
    r"(?:however|but|then|next|now|since|because|if|let|similarly|alternatively|to|for|after|from|finally|the|this|that|these|[a-z]{3,}ing"
    r"|each|so|thus|therefore|hence|(?:he|she|they) \w+\Z)\b",
    re.IGNORECASE,
)
# An operator with what may follow it up to the end of a text: numbers, more operators, units.
_REST_OF_ARITHMETIC = re.compile(
    r"(?:(?!\b(?:because|since|as|which|where|when|if|so|and|but|that)\b)[^.,;:!?<(\n*/+×÷^=-]){0,200}[*/+×÷^=-](?=[\s\d$(\\]|\Z)(?:[^.,;:!?\n]|[.,](?=\d)){0,1500}"
)
HAS_VALUE = re.compile(r"[0-9$\\]")
# "The answer cannot be determined" is an answer in itself: it says that there is none. "I cannot tell" is no answer.
_DETERMINE = r"(?:conclud|verif|determin|solv|answer|tell|calculat|find|found|comput|say|know|giv)\w*"
_UNANSWERABLE = re.compile(
    rf"\b(?:cannot|can't|can not|nothing (?:more |else )?can) be {_DETERMINE}"
    rf"|\b(?:impossible|not possible|no way) to {_DETERMINE}"
    r"|\b(?:not|\w+n't|without|lack\w*) (?:(?:given|provided|provide|give|have|contain) )?(?:enough|sufficient) "
    r"(?:information|data|details)\b|\binsufficient (?:information|data)\b"
    r"|\b(?:problem|question|text|statement) (?:does not|doesn't|did not|didn't) "
    r"(?:state|specify|say|tell|give|mention|provide|include|indicate)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    rf"\b(?:cannot|can't|can not|could not|couldn't|unable to|not able to|(?:do not|don't) know how to)\s+{_DETERMINE}"
    r"|\bmore (?:information|details|data)\b|\bplease provide\b|\bneed to (?:know|tell me)\b"
    r"|\bI can(?:no|')t (?:help|see|view|draw|open|access)\b|\bI(?:'m| am) not (?:sure|certain)\b"
    r"|\bI (?:do not|don't) know\b|\bit(?: is|'s) (?:unclear|not clear)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\b(?:so|thus|but|however|therefore|hence|answer(?= is\b|:))\b[^.\n]*\d", re.IGNORECASE
)
# What makes the sentence behind a refusal an answer all the same: "We cannot measure it. It is 5 by symmetry."
_ANSWERS = re.compile(r"=|\b(?<!there )(?:is|equals|gives?|gets?|use|must be)\b[^.\n]*\d", re.IGNORECASE)
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
_REMARK = re.compile(
    r"\s*[(*_]{0,3}(?:note|notice|remark|alternatively|in fact|let me know|feel free|i hope|hope (?:this|that)|if you|"
    r"would you|do you|please|more generally|as an extra|challenge)\b|\s*~"
    r"|\s*(?:(?:let's|let us|let me) (?:quickly )?)?(?:check|verify|verification|double-check)\b"
    r"(?!.*\b(?:so|thus|therefore|hence|answer|only)\b)",
    re.IGNORECASE,
)
_BRACKETED_REMARK = re.compile(
    r"\s\((?:(?:note|notice|remark|achieved|attained|recall|these|this|we)\b(?:[^()]|\([^()]*\))*"
    rf"|[^()\n]* (?:is|are|was) (?:{REJECTED}))\)[.$\s]*\Z",
    re.IGNORECASE,
)
MAX_BRACKETED = 600  # characters
MAX_REMARKS = 3  # closing paragraphs passed over
# One statement repeats another if they share so many characters before their values.
REPEATED = 30
MAX_BETWEEN, _MAX_THOUGHT = 300, 90  # characters between values and the denied one; of what some may think
# A period of so many characters that comes so many times at the end is a loop.
MAX_PERIOD, MIN_REPEATS = 250, 5
# Numbers at one distance so many times, or the same so many times, at the end are no list that answers.
MIN_COUNTED, MIN_SAME = 30, 12
_MAX_COUNTED = 400  # characters
_PROBE = 40  # characters by which a repetition is looked for


def ends_early(text: str) -> bool:
    """Tell whether a text was cut: inside a formula, or in the middle of a sentence."""
    end = text.rstrip()
    if not end or open_formula(end) is not None:
        return bool(end)
    tail = max(0, len(end) - 200)
    if _MIDDLE.search(end) or _OPEN_SUM.search(end, tail) or _NEXT_ITEM.search(end, tail):
        return True
    # "the option is B" is whole
    if not end[-2:].isalpha():
        return False
    last = end[start_of_last(end) :]
    return _BEGUN.match(last) is not None and not HAS_VALUE.search(last)


def goes_on(text: str, start: int, stop: int) -> bool:
    """Tell whether a text ends within what the value from `start` to `stop` is a part of: 3 * 5 days * ... or a group
    in braces.
    """
    end = text.rstrip()
    opened = stop >= len(end) and (
        text.count("{", start, stop) > text.count("}", start, stop) or (open_formula(end) or -1) >= start
    )
    return opened or _REST_OF_ARITHMETIC.fullmatch(end, stop - 1) is not None


def ends_in_loop(text: str) -> bool:
    """Tell whether a text ends in the same words again and again, or counts on and on."""
    return _repeats(text) or _counts(text)


def _counts(text: str) -> bool:
    listed = text[-_MAX_COUNTED:].replace(",", " ").split()
    numbers = [int(number) for number in takewhile(str.isdecimal, reversed(listed))]
    steps = [after - before for after, before in pairwise(numbers)]
    alike = sum(1 for _ in takewhile(lambda step: step == steps[0], steps))
    return bool(steps) and alike >= (MIN_COUNTED if steps[0] else MIN_SAME)


def _repeats(text: str) -> bool:
    tail = text.rstrip()[-MAX_PERIOD * MIN_REPEATS :]
    before = tail.rfind(tail[-_PROBE:], 0, len(tail) - 1) if len(tail) > 2 * _PROBE else -1
    period = len(tail) - _PROBE - before
    if before < 0 or not 0 < period <= MAX_PERIOD or period * MIN_REPEATS > len(tail):
        return False
    end = tail[-period * MIN_REPEATS :]
    return end == end[:period] * MIN_REPEATS


def repeats_from(text: str, broken: int) -> int | None:
    """Return where the statement began whose repetition, from its value at `broken` on, was cut; None if it is new."""
    tail = text[max(0, broken - REPEATED) :].rstrip()
    before = text.rfind(tail, 0, broken) if broken >= REPEATED else -1
    return None if before < 0 else before + REPEATED


def says_unanswerable(text: str) -> tuple[int, int] | None:
    """Return the span of the sentence that says that there is no answer, if the text ends with one."""
    return _at_end(text, _UNANSWERABLE)


def refuses(text: str) -> bool:
    """Tell whether a text ends with a sentence in which the writer does not give an answer."""
    return _at_end(text, _REFUSAL) is not None


def _at_end(text: str, pattern: re.Pattern[str]) -> tuple[int, int] | None:
    """Return the span of the last or last but one sentence if it holds the pattern and names no value behind it."""
    stop = end = len(text.rstrip())
    for _ in range(2):
        start = start_of_last(text[:end])
        *_, found = None, *pattern.finditer(text, start, end)
        if found and not _GOES_ON.search(text, found.end(), stop) and not _ANSWERS.search(text, end, stop):
            return start, end
        end = len(text[:start].rstrip())
    return None


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


def without_remarks(text: str) -> str:
    """Drop closing paragraphs that do not go on with the solution: notes, other ways, offers of help."""
    text = text.rstrip()
    if bracket := _BRACKETED_REMARK.search(text, max(0, len(text) - MAX_BRACKETED)):
        text = text[: bracket.start()] if HAS_VALUE.search(text, 0, bracket.start()) else text
    for _ in range(MAX_REMARKS):
        break_at = text.rfind("\n\n")
        if break_at < 0 or not _REMARK.match(text, break_at) or not HAS_VALUE.search(text, 0, break_at):
            return text
        text = text[:break_at].rstrip()
    return text


def start_of_last(text: str) -> int:
    """Return where the last sentence of a text begins."""
    first = max(0, len(text) - 1_500)
    return max([first, *(m.end() for m in _LAST_SENTENCE.finditer(text, first) if m.end() < len(text))])
