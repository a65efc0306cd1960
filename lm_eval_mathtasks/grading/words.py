"""Answers in words, multiple choice and times of day: what is compared of them."""

import re
from collections.abc import Sequence

from lm_eval_mathtasks.grading.exact import same_form
from lm_eval_mathtasks.grading.expr import INFINITY, Expr, mul, num
from lm_eval_mathtasks.grading.inequalities import as_set
from lm_eval_mathtasks.grading.option_letters import passed_over
from lm_eval_mathtasks.grading.phrases import REJECTED, SECOND_THOUGHT
from lm_eval_mathtasks.grading.remarks import DIRECTIONS, opposed
from lm_eval_mathtasks.grading.scalars import Outcome
from lm_eval_mathtasks.grading.units import parse_unit
from lm_eval_mathtasks.grading.verdict import Status, Verdict

_CHOICE = re.compile(r"\(?\s*([A-Za-z])\s*(?:\)|(?=[.:])|$)[.:]?\s*(.*)", re.DOTALL)
_CHOICE_AND_WORD = re.compile(
    r"([A-Z])\s+(?=[A-Z\\])(?!\\(?:ne|in|le|ge|to|cup|cap|pm|cdot|times|approx|equiv)\b)(.+)", re.DOTALL
)
_CHOICE_LAST = re.compile(r"([a-z][a-z ]+) \(([A-J])\)")
_OPTION = re.compile(r"\(?[A-J]\)\s*([^\s,;].*)", re.DOTALL)
_IN_TEXT = re.compile(r"\\text\{([^{}]*)\}")
# A letter marked as an option's: "(B)", "B)", "B.", "B:"
_MARK = re.compile(r"\(\s*([A-J])\s*\)|(?<![\w(])([A-J])(?:[):]|\.(?!\d))")
# ... or by itself: "C D", "A & C"
_LETTERS_ALONE = re.compile(r"[A-J](?: (?:(?:\\?&|\+|/|=|\\(?:wedge|land|lor|vee|cup|cap)) )?[A-J])+")
# "A Answer: B"
_NAMED_OPTION = re.compile(r"\b[Aa]nswer:? \(?([A-J])\b")
_PREDICATE = re.compile(
    rf"(?:is|are|was|were|can|could|may|might|must|would|does|has|seems|looks|fails|contradicts|or none"
    rf"|{REJECTED})\b|\?"
)
_OPTION_WORD = re.compile(
    r"(?:the )?(?:correct |final |right )?(?:option|choice|letter|answer)\b\s*(?:is\b|:)?\s*", re.IGNORECASE
)
# "C, because A and B fail"
_LETTER_BECAUSE = re.compile(r"(\(?[A-J]\)?)[,.;]?\s(?:because|since)\b.*", re.DOTALL)
# "(A) is false, (B) is false, hence the answer is (C)"
_CONCLUDED_OPTION = re.compile(r"[a-z].*\banswer is (\(?[A-J]\)?)[.!]?\Z", re.DOTALL)
# "B is correct, not C", "I choose B"
_SAID_OF_LETTER = re.compile(
    r"(?:(?:I (?:choose|pick)|my answer is|the (?:right|correct) one is) )?(?P<letter>\(?[A-J]\)?)"
    r"(?: only| is (?:the )?(?:correct|right|best|answer)(?: (?:answer|option|choice|one))?(?:, not .*)?)?\.?",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?<![\w'])(?:[B-J]|A(?! [a-z]))(?![\w'])")
# The text of an option may name the others: "(E) Both (A) and (C)"
_ABOUT_OTHERS = re.compile(r"\W*(?:both|neither|either|all|none|only|not)\b", re.IGNORECASE)
_ROMAN = r"(?:i{1,3}|iv|v)"
_ONLY = re.compile(rf"^(?:only )?({_ROMAN}(?:(?:,? and|,) {_ROMAN})*)(?: only)?$")
# A duration as clocks show it, which is no ratio: "9:15 minutes"
_DURATION = re.compile(r"(\d{1,3}):(\d\d)(?::(\d\d))? ?(h|m|s)(?:ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)?\.?")
# What has no solution
_SUBJECT = re.compile(
    r"^(?:the |this |that )?(?:given )?(?:system|equations?|inequality|problem)(?: of equations)? (?:has|have) "
    r"|^(?:the |this )?(?:function|series|sequence|matrix|graph|relation|expression|fraction|quotient|slope) "
    r"(?:is|are) "
    r"|^(?:the |this )?(?:series|sequence|integral|limit) (?=(?:con|di)verges)"
)
# "undefined because 1/2 is outside the domain"
_DECIDED = re.compile(
    r"\s*(?:\\text\s?\{\s*)?(neither) [a-z]+ nor [a-z]+[\s}.]*|"
    r"\s*(?:\\text\s?\{\s*)?(undefined|no (?:real |integer |such )?(?:solutions?|numbers?|values?)|does not exist|dne"
    r"|none|impossible"
    r"|infinite|infinitely many(?: solutions)?|undetermined|indeterminate|unknown|inconsistent)\b[\s,;:.—-]*"
    r"(?:because|since|as|unless|until|without)\b.*"
    r"|\s*(?:\\text\s?\{\s*)?(none of (?:these|them|the (?:above|options|choices|answers)))\s*[;,.—:-].*"
    r"|\s*(?:\\text\s?\{\s*)?(no (?:real |integer )?solutions?|undefined|none|impossible)\s*\}?\s*\(.*\)\s*\}?\s*"
    r"|.*\b(?:so|thus|hence|therefore),?"
    r" (?:it has|there (?:is|are|exists?)|we have) (no (?:real |integer )?solutions?)\W*",
    re.IGNORECASE | re.DOTALL,
)
# "Quadrant III", "the third quadrant"
_QUADRANT = re.compile(r"(?:the )?(?:quadrant (iv|i{1,3}|[1-4])|(first|second|third|fourth|[1-4]) quadrant)")
_PLACES = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "first": 1, "second": 2, "third": 3, "fourth": 4}
_TALLY = re.compile(r"(\d+)\s?(?::|-|\bto\b)\s?(\d+)")
_SCORE, _ODDS = re.compile(r"\bscores?\b", re.IGNORECASE), re.compile(r"\bodds\b", re.IGNORECASE)
MAX_DIRECTED = 60  # characters of an answer that such a word decides
_MEANS_NOTHING = {
    "nosolution", "nosolutions", "nosolutionexists", "norealsolution", "norealsolutions", "norealroots",
    "none", "emptyset", "nosuchnumber", "inconsistent",
    "无解", "無解", "没有解", "无实数解", "解なし", "keinelösung", "sinsolución", "nohaysolución", "pasdesolution",
    "aucunesolution", "impossible", "notpossible",
}  # fmt: skip
_MEANS_UNDEFINED = {"undefined", "isundefined", "doesnotexist", "dne"}
_MEANS_INFINITE = {"infinity", "infinite", "infinitelymany", "infinitelymanysolutions"}
_MEANS_INTEGERS = {"allintegers", "integers", "theintegers", "setofintegers", "thesetofintegers"}
_MEANS_ALL = {"allrealnumbers", "allreals", "allreal", "realnumbers", "therealnumbers", "setofallrealnumbers"}


def plain_words(text: str) -> str:
    r"""Return the text without \text{...} around its words, and without braces that then remain."""
    return " ".join((_IN_TEXT.sub(r"\1", text) if "\\text" in text else text).split())


def _unexplained(text: str) -> str:
    """The words of an option without its reason."""
    plain = plain_words(text)
    if concluded := _CONCLUDED_OPTION.search(plain):
        return concluded[1]
    said = _SAID_OF_LETTER.fullmatch(_OPTION_WORD.sub("", plain) if _OPTION_WORD.match(plain) else plain)
    if said and said["letter"].strip("()").isupper():
        return said["letter"]
    return _LETTER_BECAUSE.sub(r"\1", plain) if plain[:1] in "(ABCDEFGHIJ" else plain


def decided(text: str) -> str:
    """Return the decision of "no solution because 3 is excluded", any other text as it is."""
    found = _DECIDED.fullmatch(text)
    return next(filter(None, found.groups())) if found else text


def words_key(text: str) -> str:
    """Return what is compared of answers in words: letters and digits, no case, articles, ordinal endings."""
    plain = plain_words(text).lower()
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", plain)
    plain = _SUBJECT.sub("", plain)
    # "not a prime"
    plain = re.sub(r"(?<=[a-z] )(?:an?|the|(?:that|which) (?:are|is)) (?=[a-z]{2})", "", plain)
    # "I and III only", "only II"
    plain = _ONLY.sub(r"\1", plain)
    if quadrant := _QUADRANT.fullmatch(plain):
        place = quadrant[1] or quadrant[2]
        return f"quadrant{_PLACES.get(place, place)}"
    plain = re.sub(r"^(?:(?:there (?:is|are|exists?)|an?|the|limit|it|on)\s+)+", "", plain)
    # neither punctuation nor blanks: "A, C, F" is ACF, "no-solution" is nosolution
    return "".join(c for c in plain if c.isalnum())


def choice(text: str) -> tuple[str, str] | None:
    """Return (letter, rest) of a multiple-choice answer: "(C)", "C.", "(D) Alina"; None if it is none."""
    plain = _OPTION_WORD.sub("", _unexplained(text), count=1)
    match = _CHOICE.fullmatch(plain) or _CHOICE_AND_WORD.fullmatch(plain)
    # "none of the above (E)"
    if not match and (last := _CHOICE_LAST.fullmatch(plain)):
        return None if passed_over(plain, last.end(1) + 1) else (last[2], last[1])
    # "(A) is not correct" tells of the option
    told = match and _PREDICATE.match(match[2])
    return (match.group(1).upper(), match.group(2).strip()) if match and not told else None


def content_of_choice(text: str) -> str | None:
    """Return what stands behind an option letter in brackets, "42" of "(C) 42", or None."""
    match = _OPTION.fullmatch(plain_words(text))
    return match.group(1) if match and len(options_marked(text)) < 2 else None


def options_marked(text: str) -> list[str]:
    """Return the letters that an answer marks as options, each once: two of "(A) 3 or (B) 4", one of "(E) Both (A)
    and (C)"."""
    plain = _unexplained(text)
    if _LETTERS_ALONE.fullmatch(plain):
        return list(dict.fromkeys(re.findall("[A-J]", plain)))
    if SECOND_THOUGHT.search(plain):
        return list(dict.fromkeys(_LETTER.findall(plain)))
    named = dict.fromkeys(_NAMED_OPTION.findall(f"answer {plain}"))
    if len(named) > 1:
        return list(named)
    marks = list(_MARK.finditer(plain))
    if marks and _ABOUT_OTHERS.match(plain, marks[0].end()):
        marks = marks[:1]
    return list(dict.fromkeys(mark[1] or mark[2] for mark in marks))


def _hours(clock: Expr) -> set[int]:
    """The hours of the day that a time may mean: both for 4:30, one for 4:30 p.m. and 16:30."""
    hour, half = int(clock.name.split(" ")[0]), clock.name.split(" ")[3]
    if half not in {"", "o"}:
        return {hour % 12 + (12 if half == "p" else 0)}
    return {hour % 12, hour % 12 + 12} if 1 <= hour <= 12 else {hour % 24}


def both_without_answer(gold: str, pred: str) -> bool:
    """Does the gold say that there is no answer, and the prediction, in its own words, too?"""
    if not gold[:1].isalpha() and not gold.startswith(r"\text"):
        return False
    said = _NO_ANSWER.fullmatch(plain_words(gold)) and not re.match(r"\W*\d", pred)
    return bool(said and _CANNOT_TELL.search(plain_words(pred)))


def compare_durations(gold: str, pred: str) -> Verdict | None:
    """Compare two durations as clocks show them, in the same unit; None for other answers.

    >>> str(compare_durations("9:15 minutes", "3:05 minutes").status)
    'incorrect'
    """
    ours, theirs = (
        found.groups("0") if (found := _DURATION.fullmatch(side)) else None for side in (pred, gold)
    )
    if ours is None or theirs is None or ours[-1] != theirs[-1]:
        return None
    same = [int(part) for part in ours[:-1]] == [int(part) for part in theirs[:-1]]
    status, reason = (Status.CORRECT, "the same duration") if same else (Status.INCORRECT, "another duration")
    return Verdict(status, reason, "structure")


def compare_directions(gold: str, pred: str) -> Verdict | None:
    """Refuse a loss for a profit, and 5 km north for 5 km south; None for other answers.

    >>> str(compare_directions("increase of 8%", "decrease of 8%").status)
    'incorrect'
    """
    if max(len(gold), len(pred)) > MAX_DIRECTED or not opposed(gold, pred, DIRECTIONS):
        return None
    # a profit of -5 is a loss
    if "-" in gold + pred:
        return Verdict(Status.OVER_LIMIT, "opposite words and a sign", "structure")
    return Verdict(Status.INCORRECT, "the words say the opposite", "structure")


def compare_tallies(gold: str, pred: str) -> Verdict | None:
    """Compare two scores, which do not cancel, or odds with what is none; None for other answers."""
    told = f"{gold} {pred}".lower()
    # most texts are done here
    if "score" not in told and "odds" not in told:
        return None
    ours, theirs = _TALLY.search(pred), _TALLY.search(gold)
    if ours and theirs and _SCORE.search(f"{gold} {pred}"):
        same = ours.groups() == theirs.groups()
        status, reason = (Status.CORRECT, "the same score") if same else (Status.INCORRECT, "another score")
        return Verdict(status, reason, "structure")
    if _ODDS.search(f"{gold} {pred}") and bool(ours) != bool(theirs):
        return Verdict(Status.OVER_LIMIT, "odds beside what may be a probability", "structure")
    return None


def compare_clocks(gold: Expr, pred: Expr) -> Outcome:
    """Compare times of day; "a.m." or "p.m." counts where both sides say it."""
    if gold.op == "unit" and pred.name.split(" ")[3] in {"", "0"}:
        # 2:30 may say how long: 2 hours and 30 minutes
        unit, clock = parse_unit(gold.name), [int(part) for part in pred.name.split(" ")[:3]]
        seconds = num(3600 * clock[0] + 60 * clock[1] + clock[2])
        if unit and unit.dimension == "time" and same_form(mul(num(unit.factor), gold.args[0]), seconds):
            return Outcome(True, "structure", "the same time, as hours and minutes")
    if gold.op != pred.op:
        return Outcome(False, "structure", "one is a time of day, the other is not")
    g, p = gold.name.split(" "), pred.name.split(" ")
    same = g[1:3] == p[1:3] and (
        bool(_hours(gold) & _hours(pred))
        if g[3] or p[3] or int(max(g[0], p[0], key=int)) > 12
        else g[0] == p[0]
    )
    return Outcome(same, "structure", "the same time of day" if same else "different times of day")


# A gold that says there is no answer takes every way to say so.
_NO_ANSWER = re.compile(
    r"(?:none|n/?a|unknown|undetermined|indeterminate|insufficient(?: \w+)?|not enough information"
    r"|(?:it )?cannot be determined.*|no answer)",
    re.IGNORECASE,
)
_CANNOT_TELL = re.compile(
    r"(?<!\w)(?:(?:can(?:no|')?t|can not|cannot|not possible to|impossible to|unable to)\s+(?:be\s+)?"
    r"(?:determin|calculat|answer|find|found|comput|solv|tell|know|say|deduc|infer)"
    r"|(?:not enough|insufficient|isn't enough|aren't enough|missing|lack of|lacks)\b"
    r"|(?:not|n't) (?:give|have|state|specify|say|tell|provide|mention)\b|unknown\b"
    r"|unanswerable\b|undetermined\b"
    r"|not (?:given|specified|stated|known|provided|mentioned|determinable|answerable)\b|indeterminate\b"
    r"|no answer\b|none\b|n/?a\b)",
    re.IGNORECASE,
)
# "Any odd number of participants" is "odd"
_EVERY = re.compile(r"^(?:any|all|every|each)\s+", re.IGNORECASE)
_NUMBERS_AT_END = re.compile(
    r"(?<=\w)\s+(?:positive |natural |whole )?(?:number|integer|value)s?(?:\s+of\s+[\w ]+)?$", re.IGNORECASE
)


def _words_of(e: Expr) -> str | None:
    """The key of an answer in words; also of a set that has a name."""
    if e.op == "text":
        key = words_key(e.name)
        for meaning in (_MEANS_NOTHING, _MEANS_UNDEFINED, _MEANS_ALL, _MEANS_INTEGERS, _MEANS_INFINITE):
            if key in meaning:
                return min(meaning)
        return words_key(_NUMBERS_AT_END.sub("", _EVERY.sub("", plain_words(e.name)))) or key
    if e.op == "group" and e.name == "{}" and not e.args:
        return min(_MEANS_NOTHING)
    if e == Expr("const", name="Z"):
        return min(_MEANS_INTEGERS)
    if e == INFINITY:
        return min(_MEANS_INFINITE)
    if as_set(e) == as_set(Expr("const", name="R")):
        return min(_MEANS_ALL)
    # "x in the empty set"
    if e.op == "rel" and e.name == "in" and e.args[0].op == "var":
        return _words_of(e.args[1])
    if e.op == "seq":
        return "".join(_words_of(a) or "?" for a in e.args)
    if e.op in {"var", "const"}:
        return words_key(e.name)
    if e.op == "mul":
        return "".join(_words_of(a) or "?" for a in e.args)
    return None


def compare_words(gold: Expr, pred: Expr) -> Outcome:
    """Compare answers of which at least one is in words."""
    g, p = _words_of(gold), _words_of(pred)
    letters = [e for e in (gold, pred) if e.op == "seq" and all(len(_words_of(a) or "") == 1 for a in e.args)]
    # of several options the order means nothing
    if letters and g and p and sorted(g) == sorted(p):
        return Outcome(True, "structure", "the same options")
    if g is not None and g == p:
        return Outcome(True, "structure", "the same words")
    return Outcome(False, "structure", "different words")


def things_counted(items: Sequence[Expr]) -> list[str]:
    """Return what is counted, in words that are no unit: two things in "12 eggs a dozen times"."""
    return [words_key(e.name) for e in items if e.op == "unit" and not parse_unit(e.name)]


def by_words(gold: Sequence[Expr], items: Sequence[Expr]) -> list[Expr] | None:
    """Return "5 blue, 3 red" in the order of "3 red and 5 blue", None where the words are not the same."""
    names, given = things_counted(gold), things_counted(items)
    if len(set(names)) < len(gold) or sorted(names) != sorted(given):
        return None
    return [items[given.index(name)] for name in names]
