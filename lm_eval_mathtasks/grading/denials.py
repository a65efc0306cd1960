"""Which values a response does not hold to: denied, doubted, asked for, supposed, or told of what others think."""

import re

from lm_eval_mathtasks.grading.endings import HAS_VALUE, start_of_last
from lm_eval_mathtasks.grading.languages import DENIES
from lm_eval_mathtasks.grading.phrases import CALLED_WRONG, REJECTED

# "So x = 5 is not a solution": the last clause denies, and names no other value behind it.
_NOT = (
    r"(?:(?:is|are|was|were|does|do|did|could|will|would|has|have|had|must|should)(?: not|n't)|can not|can't|won't"
    r"|cannot|never|'s not)"
)
# "x = 1 is rejected", "4 fails": a predicate of one value denies it without a "not".
_FAILS = (
    r"(?:is|'s|was|must be|has to be|can be|should be|turn(?:s|ed) out(?: to be)?|gets?)(?: an?)?(?: \w+ly)? (?=(?:"
    rf"{REJECTED}|wrong|incorrect|false|untrue"
    r"|too (?:large|small|big))\b)|(?=(?:fails|contradicts|violates|leads? (?:to a contradiction|nowhere))\b)"
)
_DENIAL = re.compile(
    rf"\b(?:{_NOT}\b|{_FAILS})(?P<of>(?! be (?:simplified|reduced|factored)| an? extraneous"
    r"| (?:hard|difficult|surprising|needed|necessary)\b)[^,;0-9$\\]*)\Z",
    re.IGNORECASE,
)
# "we cannot conclude that", "I am not sure whether"
_DOUBT = (
    r"(?:(?:\b(?:cannot|can not|never|no way to|unable to|not)|n't)\s(?:\w+\s)?(?:conclud|say|sure|certain|think"
    r"|believ|know|clear|confirm|claim|guarantee|assum|mean|impl|prov|show"
    r"|true|correct|right|possible|follow|hold|happen|the case\b|be\b)\w*(?=\s(?:that|if|whether|it|this|what"
    r"|the (?:final |correct )?(?:answer|value|result|\Z)))"
    r"|\b(?<!\b[iI] )(?:suppos(?:e|ing)|assum(?:e|ing)|imagine|pretend|let(?:'s| us) say)"
    r"(?:\s[a-z]+){0,3}?(?=\s(?:that\s)?the\s?(?:answer\b|\Z))"
    # "her claim of", "it is a myth that"
    r"|\b(?<!\b[iI] )(?<!\b[wW]e )(?<!might )(?<!could )(?<!would )(?<!can )(?<!to )"
    r"(?:claim|guess|belief|myth|assertion|hypothesis|idea|rumou?r|suggestion)s?(?=\s(?:of|that)\s)"
    # but not "doubtless", "there is no doubt" or the Doubtfire family
    r"|\b(?:whether|(?<!\bno )(?<!without )doubt(?:s|ed|ful|ing)?))\s"
)
# "It is wrong to say that", "Someone might think the answer is"
_REFUTED = (
    r"(?:\b(?:wrong|incorrect|false|mistaken|a (?:common )?mistake|an error|a blunder|a slip)"
    r"\s(?:\w+\s)?to\s(?:put down|\w+)"
    r"|\b(?:about|going|tempted|inclined) to (?:conclude|say|answer|write|guess|claim|think)"
    r"|\b(?:wrong|incorrect|false|untrue|impossible|no (?:reason|proof|evidence|guarantee)(?: to \w+)?"
    r"|(?:nothing|nobody) (?:has )?\w+) (?:that|why)|\bno way that|\bfirst (?:guess|thought) (?:is|was)"
    r"|\b(?:i|we) first (?:got|thought|guessed)|\bcommon (?:mistake|error|wrong answer) is"
    r"|\b(?<!\b[iI] )(?<!\b[wW]e )(?:might|may|could)\s(?:\w+\s)?"
    r"(?:think|believe|guess|assume|expect|be tempted to \w+)(?: that)?"
    r"|\b(?<!\b[iI] )(?<!\b[wW]e )would\s(?:\w+\s)?(?:think|say|answer|guess|claim)(?: that)?)\s"
)
# Both search a text in small letters, several times faster than without regard to them.
_DOUBTS = re.compile(
    rf"(?:{_DOUBT}|{_REFUTED}|\bwhose\s|\bif\s"
    r"|\byou(?:['’]ve| have)? (?:wrote|written|said|claimed|think|thought|suggested|got)\s(?:that\s)?"
    # "Alice says the answer is 40"
    r"|\brumou?r has it (?:that )?the "
    r"|(?<!\bit )(?<!\bthis )(?<!\bthat )(?<!\bwhich )(?<!\bcalculator )(?<!\bcode )(?<!\bprogram )"
    r"\b(?:says|claims|thinks|believes|argues)\s(?:that\s)?"
    r"|(?:\A|[.!?\n]\s?)(?:could|can|might|is|would|should)\s"
    r"|\bno(?:t an?)?\s(?:unique|single|definite)\s)(?:\w+\s){0,3}\Z"
)
_REFUTES = re.compile(rf"{_REFUTED}(?:\w+\s){{0,3}}\$?\Z")
# "It would be 8 if the box were full, but it is not": what would be, under a condition that is not met; what the answer
# would have been is none either
_WOULD = re.compile(
    r"\b(?:(?P<had>answer would have been)|(?P<were>Had|Were|If only)|would|may|might|could)\b"
    r"[^.!?;\n]*\Z"
)
_UNREAL_WORDS = ("ould", "may", "might", "Had", "Were", "If only")
# "Had it been acute, it would be 45", "Were n prime, 11 would follow"
_CONDITIONAL = re.compile(r"[^.!?\n]*\b(?:would|could|might)\b")
_UNMET = re.compile(
    r"[^.!?\n]*?[;.]\s(?:[Tt]his|[Tt]hat) (?:condition|assumption|hypothesis|requirement|premise) (?:is|was)"
    r" (?:absent|missing|violated|unmet|false|wrong|not)\b"
    r"|(?:[^.!?\n]|\.(?=\d))*?(?:(?:\.\s)?\b(?:[Bb]ut|[Hh]owever|yet|though)\b|\s?[—–]\s?)[^.!?\n0-9]*"
    r"(?:(?:\b(?:is|are|was|were|do|does|did|ha[sd]|have|am|could)\s?|'[sm] )(?:not|n't)|"
    r"\b(?:can(?:no|')t|never|no longer))\b"
)
# ... or it denies the value behind it: "so there are not 100 girls", "the sum is not $7$". What somebody does not do
# may be counted: "they did not place 80 eggs".
_A_VALUE = (
    r"(?:equal to |exactly |just |even )?(?:\$?[a-z]\s?=\s?)?"
    r"(?:[$€£\\(-]{0,3}|\$?\\[dt]?frac\{)(?:\\boxed\{)?(?=\d)"
)
_NOT_THIS = re.compile(
    rf"\b(?:(?:(?:is|are|was|were)(?:(?: \w+ly)? not|n't)|'s(?: \w+ly)? not) {_A_VALUE}"
    rf"|(?:(?:can|could|must|does|do)(?:not|n't| not)|can't)(?: \w+ly)? "
    r"(?:be (?:assumed|taken|said|shown|proven|concluded) to )?"
    rf"(?:be|equal|have|need|own|get|cost|weigh|earn) {_A_VALUE}"
    r"|(?:(?:is|are|does|do|did)(?: not|n't)|'s not) (?:divisible|possible|a|one|in|within|between|have enough)\b"
    rf"|(?:never \w+|no longer|used to be) {_A_VALUE}"
    r"|(?:contradicts?|violates?|reject|discard|exclude|eliminate|rules? out)\b)"
    r"(?:(?!\b(?:and|but|so|thus|hence|therefore|is|are|was|were|equals|total)\b)(?:[^,;:=0-9]|(?<=\b[a-z] )=))*[0-9]"
    r"(?!.*\b(?:but|rather|instead|so|left with)\b)[^,;=]*\Z"
    r"|\A\W*(?:so |thus |hence |therefore )?,?\s?(?:there (?:is|are) )?no (?:such |other )?(?:[a-z]+ )?"
    r"(?:value|number|integer|solution|pair|choice|way)s?\b(?=.*\d)(?!.*\b(?:other|except|besides|but|so|only)\b)"
    # "I am not sure whether it is 8", "a common mistake is 8"
    rf"|(?:{_DOUBT}|{_REFUTED})(?!.*\b(?:but|so|true|holds|correct|right)\b)[^,;]*\d[^,;]*\Z"
    r"|, (?:which is )?(?:a contradiction|absurd|impossible)\Z"
    # "Answer: not 7"
    rf"|(?:\A|[:>])[\s*]{{0,4}}(?:\w+ly )?not {_A_VALUE}[^,;=]*\Z",
    re.IGNORECASE,
)
# "None of the 2 candidates survives", "Neither x = 2 nor x = 3 works", "Nothing supports 60"
_NOTHING = re.compile(r"\b(?:none|nothing(?! else)|(?<!with )(?:nobody|no one)|neither)\b", re.IGNORECASE)
# ... unless a value is told beside it: "none of them is even, so it is 5"
_TELLS = re.compile(
    r"(?:;|\b(?:is|are|was|were|has|have|had|gets?|equals?|but|so|only|except|leav\w+|thus|therefore|hence|that)\b)[^.]*?[\d$\\]"
)
# "Assume that n = 8.", "Let's try 10."; of what follows from it the value may be the answer
_SUPPOSES = re.compile(
    r"\W*(?:(?:so|now|then|but|next|okay),? )?(?:assum|suppos|imagin|pretend|recall|(?:we )?use the fact"
    r"|(?:consider|try)\b|let(?:'s| us| me) (?:try|say|assume|suppose|guess|consider|take|imagine|test)\b"
    r"|let (?=[$\\a-z]{1,3}\s?=))"
    r"(?!.*(?:[,;:]|\b(?:then|so|thus|therefore|hence|gives?|get|have)\b).*[\d$\\])",
    re.IGNORECASE,
)
# "But wait, that counts the corner twice.": a thought that ends a response without a value of its own
_OBJECTS = re.compile(
    r"\W*(?:(?:but|oh|ah|and),? )?(?:but|however|unfortunately|wait|hold on|hmm+|no(?=[,.!:])|oops|actually"
    r"|scratch that)\b"
    r"(?!.*(?:[\d$\\]|\b(?:right|correct|fine|ok|okay|indeed|still|exact|stands?|check(?:s|ed)?)\b))",
    re.IGNORECASE,
)
# What is said of an answer, and not in one: "I retract my answer of 15", "Anyone who answers 600 has fallen for it".
# It searches a text in small letters.
_TELLS_OF_ANSWERS = re.compile(
    r"(?<!\w)(?:(?:i|we) (?:retract|withdraw|take back|doubt|distrust|disown)\b"
    r"|(?:any(?:one|body) who|whoever|those who|every(?:one|body) who|people|students?|some(?:one|body)|many|most"
    r"|chatgpt"
    r"|the (?:book|key|textbook)|a (?:careless|hasty|naive) \w+) (?:\w+ly |often |may |might |would |will |has |have )*"
    r"(?:answer|say|said|get|got|writ|wrote|claim|guess|think|thought|told|put|list)[a-z]*\b (?:that )?"
    r"(?:(?:it|the answer) (?:is|was) |me )?[$(]*[-−]?\d[\d.,/]*(?![\d.,/])[$)]*(?!\s?[a-z]+s\b)(?!.*\bbut\b)"
    r"|(?:is|was|for|into) (?:an?|the) (?:\w+ )?(?:trap|distractor|red herring|decoy|pitfall|misconception|fallacy)\b"
    r"|the (?:trap|distractor|red herring|decoy|pitfall) (?:here )?(?:is|was)\b|beware\b"
    r"|tempt(?:ing|ed|ation)\b(?!.*\b(?:correct|actual|right|true|but|really)\b.*\d)"
    r"|(?<![.,])\d[\d.,]*[$)]*(?:\s[a-z]+){0,3}\s(?:is|was) (?:also )?(?:wrong|incorrect|false|mistaken)\b(?!.*\d)"
    r"|(?:answer|result) (?:is|must be|should be|will be) an? (?:[a-z-]+ ){0,2}(?:integer|number|digit)"
    r" (?:from|between)\b|for (?:example|instance),? if\b"
    r"|(?:for example|for instance|e\.g\.|such as|say),? [$(]*(?:[a-z]\s?=\s?)?[-−]?\d"
    r"(?!.*\b(?:so|thus|hence|therefore)\b)"
    r"|(?:is|it's) (?:impossible|not possible) to (?!.*\b(?:more|less|fewer|larger|smaller|better) than)"
    r"[^.,;]*\d(?!.*\b(?:so|but|thus|hence|therefore)\b)"
    r"|\A\D*\b(?:before|until|unless) [^,;\d]*\b(?:passes|reaches|exceeds|hits|drops|falls)\b[^,;]*\d[^,;]*\Z"
    r"|answer (?:is|can be|will be|must be) (?:obtained|found|computed|calculated|derived|determined)\b"
    r"(?!.*(?:=|which|so))"
    r"|\A\W*(?:\w*error|exception|traceback)\s?:"
    r"|whose answer\b|you (?:wrote|said|claimed|suggested) (?:that )?(?:the answer|it)\b"
    r"|(?:over|under)estimate\b|\d[\d.,]*[)$]{0,3} (?:is|was) (?:only )?an? (?:upper|lower) bound\b"
    r"|ruled out (?:\w+ )*(?:is|are)\b|profit\b[^.]*\b(?:is|was) (?:in fact |actually |really )?a loss\b"
    r"|(?:price|cost|total|bill)\b[^.\d]*\b(?:is|was) \$?[\d.,]+ off\b)",
)
# ... where values are told of what has none; "The series diverges." is an answer
_HAS_NONE = re.compile(
    r"\b(?:diverges?|does not converge|has no (?:sum|limit|value|maximum|minimum)"
    r"|(?:limit|sum|value|maximum|minimum|integral|derivative) does not exist)\b"
)
# "Only $a + b = 8$ is given.", "case 17 is left open": what is told was given, or stays to be found
_LEFT_OPEN = re.compile(
    r"(?<!\w)(?:only\b(?:(?! of )[^.;])*\b(?:is|are|was|were|number|value|fact|information)"
    r" (?:given|stated|known|told|provided|mentioned)\b(?! (?:to|away|by)\b)"
    r"|cases? [\d, and]*\d (?:is|are|remains?)(?: left| still)? (?:open|to |un\w+)"
    r"|(?:is|are|remains?) (?:unknown|not known|not given|open|unsettled|unclear|unsolved|unanswered)\Z"
    r"|(?:is|was|are|were) (?:\w+ )?(?:worthless|useless|meaningless|unreliable)\b(?!.*\d)"
    # what is left to do: "holds 8 books; multiply by three"
    r"|(?<=[;:—] )(?:(?:now|then|just) )?(?:multiply|divide|add|subtract|double|halve|square|triple)"
    r" (?:it|this|that|by|the|both|them|all|these|to)\b(?!.*(?:=|\bto get|\bgives?|\bis\b|\bwhich))"
    r"|(?:still(?: has| have| needs?)?|remains?|yet) to be [a-z]+"
    r"|(?:all|what)(?: that)? (?:remains|is left)(?: now)? is to\b(?!.*[\d=])"
    # "the whole is double that"
    r"|(?:is|was|are|be) (?:double|twice|half|triple|thrice) (?:that|this|it|of (?:that|it))\Z"
    # "it has the complementary probability"
    r"|(?:has|is|equals) the (?:complementary|opposite|reciprocal) (?!of\b)[a-z]+\Z"
    r"|nothing (?:[a-z]+ ){0,4}(?:allows?|supports?|implies|forces?|justifies|proves?|suggests?|guarantees?) [^,;]*\d"
    rf"|it (?:is|was|turns out(?: to be)?) (?:\w+ly )?(?:{REJECTED})\b(?!.*\d)"
    r"|all (?:that )?(?:I|we) (?:have|know|got)(?: so far)? (?:is|are)\b"
    r"|see (?:page|section|chapter|volume|row|column|line|table|figure|step)\b)"
    r"|=\s?\$?\?\Z",
    re.IGNORECASE,
)
# "How many are left?", "We need to find how many he has.", "Now let's add them.": a task without a result
_TASK = re.compile(
    r"\W*(?:(?:and |so )?(?:if|when)\b.*, )?(?:how (?:many|much|long|far|old|often)\b"
    r"|what(?:'s| is| are| was| will)\b(?!.*\byour?\b))[^?]*\?\Z"
    r"|\W*(?:(?:so|now|next|then|first|second|finally|thus|therefore|but|and|here),? )*"
    r"(?:(?:to|given|if|since|using|knowing|from)\b[^,\n]*, (?:(?:I|we|you) can )?)?"
    r"(?:(?:I|we|you)(?: want| need| have| must|(?:'d| would) like|(?: are|'re) (?:asked|trying|going))(?: to)? "
    r"|(?:I|we)(?:'ll| will| must| should)? (?:now |next |then )?|let(?:'s| us| me(?! know)) (?:\w+ly |now |first )?"
    r"|(?:the|our|my) (?:question|problem|task|goal|aim|objective)(?: is(?: to)?| asks(?: us)?(?: to| for)?) "
    r"|(?=find|determine|calculate|compute))(?:(?:find|determine|calculate|compute|know|figure|work|solve|evaluate|count"
    r"|add|subtract|multiply|divide)\b(?!.*\d)|(?:.* )?how (?:many|much|long)\b)(?!.*[:=])"
    r"|.*\b(?<!what we )(?<!what I )(?<!what you )(?:are|were) asked for\b(?!.*[\d:=])",
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
    r"(?<=[\w$)}])[,;]?\s(?:because|since|as)\s(?!.*\b(?:so|thus|hence|therefore)\b)[^()]*\Z", re.IGNORECASE
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
_MAX_STATED = 30  # characters from "answer" to what is in a box


def denies(text: str) -> bool:
    """Tell whether the last sentence says that its value is not the answer, or only asks whether it is."""
    end = text.rstrip(" \n.!*_")
    start = start_of_last(end)
    sentence = end[start:]
    # "So, because they are not independent, it is not 5" gives the reason first
    reason = _REASON.search(sentence)
    last = (
        sentence[: reason.start()] if reason and HAS_VALUE.search(sentence, 0, reason.start()) else sentence
    )
    # "Could it be 9? No."
    if last.lower() == "no":
        end = end[:-2].rstrip()
        last = end[start_of_last(end) :]
    if DENIES.search(last):
        return True
    if last.endswith("?") and _ASKS.search(last):
        return True
    if _TELLS_OF_ANSWERS.search(sentence.lower()) or _SUPPOSES.match(sentence) or _OBJECTS.match(sentence):
        return True
    if _HAS_NONE.search(sentence) and HAS_VALUE.search(sentence):
        return True
    if _LEFT_OPEN.search(sentence) or _TASK.match(sentence):
        return True
    nothing = _NOTHING.search(last) if re.search(r"\d", last) else None
    if nothing and not _TELLS.search(last, nothing.end()) and not _TELLS.search(last, 0, nothing.start()):
        return True
    return any(
        found and _denied(last[: found.start()], found)
        for found in (_DENIAL.search(last), _NOT_THIS.search(last))
    )


def _denied(subject: str, found: re.Match[str]) -> bool:
    """Tell whether what was found behind a subject denies a value, and does not tell which ones are counted."""
    told = _RELATIVE.search(subject) or _COUNTED.search(subject)
    of = found.groupdict().get("of")
    return not _PERSONS.search(subject) and (
        told is None or (of is not None and _NO_SOLUTION.search(of) is not None)
    )


def doubts(before: str) -> bool:
    """Tell whether a clause up to "the answer is" doubts what that states."""
    return _DOUBTS.search(before.lower()) is not None


def is_unreal(text: str, start: int, stop: int) -> bool:
    """Tell whether `text[start:stop]` is told of what is not the case: "it would be 8, but it is not full", or as
    what somebody may think: "one might be tempted to answer 8".
    """
    if CALLED_WRONG.match(text, stop):
        return True
    answer = text.rfind("nswer", max(0, start - _MAX_STATED), start) if text[start - 1 : start] == "{" else -1
    if answer >= 0 and doubts(text[max(0, answer - _MAX_THOUGHT) : answer - 1]):
        return True
    # a word stands right before what is refuted
    gap = start - 1 - (text[start - 1 : start] == "$")
    refutable = gap > 0 and text[gap].isspace() and text[gap - 1].isalnum()
    near = max(0, start - MAX_BETWEEN)
    before = text[near:start]
    # most texts are done here
    if not refutable and not any(map(before.__contains__, _UNREAL_WORDS)):
        return False
    sentence = near + max(before.rfind("."), before.rfind("!"), before.rfind("?")) + 1
    if refutable and _REFUTES.search(text[max(sentence, start - _MAX_THOUGHT) : start].lower()):
        return True
    line = text.rfind("\n", sentence, start) + 1
    would = _WOULD.search(text, max(sentence, line), start)
    if would is None or would["had"]:
        return would is not None
    were = would["were"] and _CONDITIONAL.match(text, would.end("were"))
    return (were or _UNMET.match(text, stop)) is not None
