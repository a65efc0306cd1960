"""How a response ends: cut off, in a loop, or with a sentence in which the writer gives up. None allows a guess."""

import re
from functools import lru_cache
from itertools import pairwise, takewhile

from lm_eval_mathtasks.grading.formulas import open_formula
from lm_eval_mathtasks.grading.languages import REFUSES, REFUSES_ANYWHERE
from lm_eval_mathtasks.grading.phrases import NO_STOP, REJECTED

NEXT_SENTENCE = re.compile(rf"{NO_STOP}[.!?。！？](?:[*_\"”)$]*\s+|\$\$(?=[A-Z])|\Z)|\n+")
# A response that ends in one of these, without a full stop, was cut.
_MIDDLE = re.compile(
    r"(?:\b(?:the|a|an|of|to|and|or|but|for|in|on|at|with|by|from|is|are|was|were|be|that|which|if|then|so|we|he|she|it"
    r"|they|i|you|this|these|those|can|will|would|should|also|as|than|into|between|because|since|while|when|where|have"
    r"|has|had|let|get|find|both|their|his|its|our|your|who|whose|what|how|per|every|some|such|my|about|equals"
    r"|during|thus|therefore|hence|however|plus|minus)|[,:(=+×÷/^{&-](?:\s?(?:\.{3}|…))?|(?<=[\s\d)])\*"
    r"|(?<=[a-z] )\$|gives? us"
    r"|等于|等於|乘以|除以|加上|减去|得到|可得|然后|接下来|所以|因此|因为|如果|那么|[则的为和与将把])\Z"
)
_LONGEST_MIDDLE, _LONGEST_ROWS = 20, 600  # characters
# "5 + 1" alone in the last line, where lines before came to a result
_OPEN_SUM = re.compile(r"=[^\n]*\n(?:[^\n=]*[\s(])?\$?\d[\d.,]* ?[+*×] ?\$?\d[\d.,]*\Z")
# "2. 9 * 3 = 27" and then "3."
_NEXT_ITEM = re.compile(r"(?:\A|\n)\d{1,2}[.)]\s[^\n]+\n+\d{1,2}[.)]\Z")
_NEXT_OPTION = re.compile(r"\n\(?[A-I][).]\s[^\n]+\n+\(?[B-J][).]?\Z")
# "Evaluating at the upper limit $u = 1$" goes on
_CIRCUMSTANCE = re.compile(
    r"(?!.*\b(?:gives?|yields?|is|are|we|get|means?|leads?|leaves?|ha[sd]|have|shows?|makes?|costs?|it)\b)"
    r"[A-Z]\w+ing (?:at|in|into|for|with|by|to|from|over)\b[^,.;:]*"
)
# The beginning of a sentence that cannot end without a value or a full stop.
_BEGUN = re.compile(
    r"(?:however|but|wait,? let|then|next|now|since|because|if|let|similarly|alternatively|to|for|after|from"
    r"|finally|the|this|that|these|[a-z]{3,}ing|each|so|thus|therefore|hence|(?:he|she|they) \w+\Z)\b",
    re.IGNORECASE,
)
# An operator with what may follow it up to the end of a text: numbers, more operators, units.
_REST_OF_ARITHMETIC = re.compile(
    r"(?:(?!\b(?:because|since|as|which|where|when|if|so|and|but|that)\b)[^.,;:!?<(\n*/+×÷^=-]){0,200}[*/+×÷^=-](?=[\s\d$(\\]|\Z)(?:[^.,;:!?\n]|[.,](?=\d)){0,1500}"
)
HAS_VALUE = re.compile(r"[0-9$\\]")
# "The answer cannot be determined" is an answer in itself: it says that there is none. "I cannot tell" is no answer.
_DETERMINE = r"(?:conclud|verif|determin|solv|answer|tell|calculat|find|found|comput|say|know|giv)\w*"
# Here and below: a word boundary before the whole, and not in each branch, makes it several times faster.
_UNANSWERABLE = re.compile(
    rf"(?<!\w)(?:(?:cannot|can't|can not|nothing (?:more |else )?can) be {_DETERMINE}"
    rf"|(?:impossible|not possible|no way) to {_DETERMINE}"
    r"|(?:not|\w+n't|without|lack\w*) (?:(?:given|provided|provide|give|have|contain) )?(?:enough|sufficient) "
    r"(?:info(?:rmation)?|data|details)\b|(?:insufficient|too little) (?:info(?:rmation)?|data)\b"
    r"|(?:information|data)\b[^.\n]{0,30}\b(?:insufficient|(?:not|n't) (?:enough|sufficient)|incomplete|missing)\b"
    r"|(?:problem|question) (?:as (?:stated|given) )?is (?:incomplete|underdetermined)\b"
    r"|[Aa]nswer:?[\s*]*(?:not possible|impossible|undetermined)\b|not (?:uniquely )?determined\b"
    r"|no (?:\w+ )?(?:value|number|answer)s? can be (?:assigned|given|found|determined|named)\b"
    r"|(?:problem|question|text|statement) (?:does not|doesn't|did not|didn't) "
    r"(?:state|specify|say|tell|give|mention|provide|include|indicate)\b)",
    re.IGNORECASE,
)
_PICTURE = "(?:diagram|figure|image|picture)"
_CUT = r"(?:to (?:be|have been) )?(?:incomplete|cut off|cut short|truncated|missing)"
_REFUSAL = re.compile(
    rf"(?<!\w)(?:(?:cannot|can't|can not|could not|couldn't|unable to|not (?:been )?able to"
    r"|(?:do not|don't) know how to)\s+"
    rf"(?:{_DETERMINE}|help|assist)"
    r"|more (?:information|details|data)\b|need to (?:know|tell me)\b"
    r"|(?:please|(?:could|can|would) you(?: please)?)"
    r" (?:provide|share|send|give|upload|attach|clarify|repost|tell me|specify)\b|would have to (?:see|know)\b"
    rf"|(?:problem|question|text|statement|message|table|prompt) (?:seems|appears|is|was) {_CUT}"
    r"|(?:do not|don't) have access\b|I can(?:no|')t (?:help|see|view|draw|open|access)\b"
    r"|I(?:'m| am) not certain\b|not sure\b"
    r"|(?:I|we) (?:could|can)(?: not|n't) (?:show|prove|decide|tell|see|finish)\b|(?:got|am|are|was) stuck\b"
    r"|(?:I|we) g[ia]ve up\b|(?:can(?:no|')t|can not) (?:pick|choose|select) (?:any|one|an?)\b"
    r"|not able to (?:finish|complete)\b"
    r"|(?:is|are) (?:missing from|not (?:given|stated|specified|provided|known) (?:in|by)) the"
    r" (?:problem|question|statement|text|figure)\b"
    r"|I (?:do not|don't) know\b|it(?: is|'s) (?:unclear|not clear)\b|(?:refuse|decline) to\b"
    r"|(?:question|problem|case|minimum|maximum|value|number|bound|answer|existence|it) (?:[a-z]+ ){0,3}remains?"
    r" (?:open|unsettled|undetermined)\b"
    r"|(?:I|we) (?:have|got|see|can (?:give|name)) no (?:\w+ )?(?:value|answer|result|number|solution)\b"
    r"|(?:run|ran|am|are) out of ideas\b|no (?:idea|clue)\b"
    r"|(?:problem|question) is too (?:hard|difficult|complex)(?: for me)?[.!\s]*\Z"
    rf"|need the {_PICTURE}\b|no {_PICTURE} (?:is|was) (?:given|provided|shown|included|attached)\b"
    rf"|{_PICTURE} (?:is missing|(?:is|was|did) not (?:given|provided|shown|included|attached|load))|{REFUSES})"
    rf"|, so no answer\b|{REFUSES_ANYWHERE}",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\b(?:(?:so|thus|but|however|therefore|hence)\b(?!(?: that)? (?:I|we|one|you) (?:can|could))|answer(?= is\b|:))"
    r"[^.\n]*\d",
    re.IGNORECASE,
)
# What makes the sentence behind a refusal an answer all the same: "We cannot measure it. It is 5 by symmetry."
_ANSWERS = re.compile(r"=|\b(?<!there )(?:is|equals|gives?|gets?|use|must be)\b[^.\n]*\d", re.IGNORECASE)
# ... but not what the question gave: "We only know that AC = 12."
_GIVEN = re.compile(
    r"[^.\n]*\bwould (?:be|have)\b|"
    r"(?=[^.\n]*\b(?:[Oo]nly|[Jj]ust|merely|[Aa]ll (?:that|we|I|the))\b)[^.\n]*"
    r"\b(?:given|stated|known|told|know|have|see|gives?|states?|says?|tells?|provided|specified|mention(?:s|ed))\b"
)
# "So there is no solution.", "it is inconsistent, so it has no solutions"
_NO_SOLUTION = re.compile(
    r"(?:\A|(?<=[\s,;]))(?:(?:so|thus|hence|therefore),?\s)?"
    r"(?:(?:there (?:is|are)|it has|we have|the \w+ has)\s)?[*_]{0,2}"
    r"(?P<none>no (?:real |integer |valid )?(?:solutions?|such [^\s\d]+(?: exists?)?)|(?<=is )undefined|does not exist)"
    r"[\s.!*$]*\Z",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"(?!.*\b(?:wrong|incorrect|mistake|disregard|ignore|forget|discard|misread|miscounted|overcounted|redo|redone"
    r"|retract|reason step|your final answer)\b)(?:\s*[(*_#\s]{0,6}"
    r"(?:note|notice|remark|alternatively|in fact|let me know|feel free|i hope|hope (?:this|that)"
    r"|if you|would you|do you|please|more generally|as an extra|challenge)\b|\s*~"
    r"|\s*[(*_#\s]{0,6}(?:(?:let's|let us|let me) (?:quickly )?)?(?:check|verify|verification|double-check)\b"
    r"(?!.*\b(?:so|thus|therefore|hence|answer|only)\b)"
    r"|\s*[(*_#\s]{0,6}(?:confidence|certainty|difficulty|rating|time taken|word count|tokens?)\b[^\n]{0,20}:"
    # a line across the page
    r"|\s*(?:-{3,}|\*{3,})\s*\Z)",
    re.IGNORECASE | re.DOTALL,
)
_BRACKETED_REMARK = re.compile(
    r"\s\((?:(?:note|notice|remark|achieved|attained|recall|these|this|we)\b(?:[^()]|\([^()]*\))*"
    rf"|[^()\n]* (?:is|are|was) (?:{REJECTED})\b[^()\n]*)\)[.$\s]*\Z"
    # what is told beside it: "(the perimeter is 24)", "(circumference: $8\pi$)", "; their sum is 45 as required"
    r"|[\s。]?(?<!\\)[(（](?!(?:so|thus|hence|therefore|that is|i\.?e|which|giving|making|total|in total|or|approx"
    r"|about|answer|final)\b)[^\W\d_]{2,}(?:[^()（）]|\([^()]*\))*(?<!\\)[)）][.$。\s]*\Z"
    r"|[;,]\s(?:their|its|whose|ihre)\s[^;.]*"
    r"\b(?:as (?:required|desired|needed|expected|claimed)|wie verlangt)\b[^;.]*[.$\s]*\Z"
    r"|,\swhich (?:corresponds to|agrees with|matches|is consistent with|fits)\b"
    r"(?!.*(?:\([A-J]\)|\b(?:option|choice)\b))"
    r"[^.;]*[.$\s]*\Z"
    # "; the other root, x = 1, drops out"
    r"|;\s(?:the )?(?:other|second|negative|remaining) (?:candidate|root|solution|value|one)\b[^;]*"
    rf"\b(?:drops? out|zero|negative|fails|not|{REJECTED})\b[^;]*\Z"
    r"|,\swhose (?:end(?:point)?s?|vertices) [^.;]*[.$\s]*\Z"
    # a sentence of its own
    r"|\s\((?:while|whereas|compared?|as opposed|instead|because|since)\s(?:[^()]|\([^()]*\))*\)[.$\s]*\Z"
    # "..., the value r = -3 being excluded by r > 0"
    rf"|,\s(?:with )?(?:the )?[^.,\n]{{1,60}}\bbeing (?:{REJECTED}|not)\b[^\n]*\Z"
    r"|(?<=[.!?$])\s\((?-i:[A-Z])[a-z]*\s(?:[^()]|\([^()]*\))*[.!]\)\s*\Z",
    re.IGNORECASE,
)
# A last sentence that adds nothing to the one before
_NOTE = re.compile(
    r"(?!.*\b(?:so|thus|hence|therefore|answer|only|wrong|incorrect|mistake|must|but|not(?! [a-z]+ing\b)|total)\b)"
    r"(?:(?:note|notice) that(?!.*=)|for (?:example|instance), (?:with|if|for|when)|let me know|feel free"
    r"|(?:check|comprobaci[oó]n|probe|v[ée]rification|проверка)\s?:|(?:检验|验证)[:：])",
    re.IGNORECASE,
)
_END_OF_PROOF = re.compile(r"[\s$]*(?:\\(?:blacksquare|square|Box|qed)|[∎□■✓✔✅])[\s$.]*\Z")
MAX_BRACKETED = 600  # characters
MAX_REMARKS = 3  # closing paragraphs passed over
# One statement repeats another if they share so many characters before their values.
REPEATED = 30
# A period of so many characters that comes so many times at the end is a loop.
MAX_PERIOD, MIN_REPEATS = 250, 5
# Numbers at one distance so many times, or the same so many times, at the end are no list that answers.
MIN_COUNTED, MIN_SAME = 30, 12
_MAX_COUNTED = 400  # characters
_LONGEST_SIGN = 20  # characters of what ends a proof
_SHORT_SENTENCE, _LONGEST_SENTENCE = 250, 700  # characters
_PROBE = 40  # characters by which a repetition is looked for
_SAME_TEXT = 8  # of one text, with and without its remarks, many rules ask how it ends


@lru_cache(_SAME_TEXT)
def ends_early(text: str) -> bool:
    """Tell whether a text was cut: inside a formula, or in the middle of a sentence."""
    end = text.rstrip()
    if not end or open_formula(end) is not None:
        return bool(end)
    tail = max(0, len(end) - 200)
    if (
        _MIDDLE.search(end, max(0, len(end) - _LONGEST_MIDDLE))
        or _OPEN_SUM.search(end, tail)
        or _NEXT_ITEM.search(end, tail)
    ):
        return True
    # "(B) is false" and then "(C)"
    if _NEXT_OPTION.search(end, tail):
        return True
    *_, above, row = "", *end[-_LONGEST_ROWS:].split("\n")
    if row.startswith("|") and above.count("|") > row.count("|"):
        return True
    if _CIRCUMSTANCE.fullmatch(end, start_of_last(end)):
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
        text.count("{", start, stop) > text.count("}", start, stop)
        or (text[start] == "$" and open_formula(end) is not None)
    )
    return opened or _REST_OF_ARITHMETIC.fullmatch(end, stop - 1) is not None


def ends_in_loop(text: str) -> bool:
    """Tell whether a text ends in the same words again and again, or counts on and on."""
    return _repeats(text) or _counts(text)


def _counts(text: str) -> bool:
    # so many numbers leave no room for a word: most texts are done here
    end = text[-4 * MIN_SAME :].rstrip(", \n\t")[1 - 2 * MIN_SAME :]
    if not "".join(end.replace(",", " ").split()).isdecimal():
        return False
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


def says_no_solution(text: str) -> tuple[int, int] | None:
    """Return the span of the words at the end of a text that say that there is no solution."""
    found = _NO_SOLUTION.search(text, start_of_last(text.rstrip()))
    return found.span("none") if found else None


def refuses(text: str) -> bool:
    """Tell whether a text ends with a sentence in which the writer does not give an answer."""
    return _at_end(text, _REFUSAL) is not None


def gives_up_behind(text: str, stop: int) -> bool:
    """Tell whether a writer gives no answer behind a letter: "The book says C; I do not know who is right." """
    return _REFUSAL.search(text, stop) is not None


def gives_up(text: str) -> bool:
    """Tell whether a text ends with a sentence that gives no answer, for whatever reason."""
    return refuses(text) or says_unanswerable(text) is not None


def _at_end(text: str, pattern: re.Pattern[str]) -> tuple[int, int] | None:
    """Return the span of the last or last but one sentence if it holds the pattern and names no value behind it."""
    stop = end = len(text.rstrip())
    for _ in range(2):
        start = start_of_last(text[:end])
        *_, found = None, *pattern.finditer(text, start, end)
        answers = _ANSWERS.search(text, end, stop) and not _GIVEN.match(text, end, stop)
        if found and not answers and not _GOES_ON.search(text, found.end(), stop):
            return start, end
        end = len(text[:start].rstrip())
    return None


def without_remarks(text: str) -> str:
    """Drop closing paragraphs that do not go on with the solution: notes, other ways, offers of help."""
    text = text.rstrip()
    proven = _END_OF_PROOF.search(text, max(0, len(text) - _LONGEST_SIGN))
    text = text[: proven.start()] if proven else text
    if bracket := _BRACKETED_REMARK.search(text, max(0, len(text) - MAX_BRACKETED)):
        text = text[: bracket.start()] if HAS_VALUE.search(text, 0, bracket.start()) else text
    last = start_of_last(text)
    if _NOTE.match(text, last) and HAS_VALUE.search(text, start_of_last(text[:last].rstrip()), last):
        text = text[:last].rstrip()
    for _ in range(MAX_REMARKS):
        break_at = text.rfind("\n\n")
        if break_at < 0 or not _REMARK.match(text, break_at) or not HAS_VALUE.search(text, 0, break_at):
            return text
        text = text[:break_at].rstrip()
    return text


@lru_cache(_SAME_TEXT)
def start_of_last(text: str) -> int:
    """Return where the last sentence of a text begins, or where its last characters do."""
    # most sentences are short
    for first in (len(text) - _SHORT_SENTENCE, len(text) - _LONGEST_SENTENCE):
        found = [m.end() for m in NEXT_SENTENCE.finditer(text, max(0, first)) if m.end() < len(text)]
        if found:
            return found[-1]
    return max(0, first)
