"""An answer that is a sentence or a whole solution: its marked or stated result, as of a response."""

import re

from lm_eval_mathtasks.grading.endings import start_of_last
from lm_eval_mathtasks.grading.extract import STATED, extract_answer
from lm_eval_mathtasks.grading.phrases import YES_OR_NO

_TEXT = re.compile(r"\\text(?:rm|bf|it)?\s?\{([^{}]*)\}|\\mbox\s?\{([^{}]*)\}")
# Rows of one column, a step each
_ROWS_BEGIN = re.compile(r"\\begin\s?\{(?:array\}\{[lcr]\}|(?:aligned|align\*?|gathered|split)\})")
_ROWS = re.compile(rf"{_ROWS_BEGIN.pattern}|\\end\s?\{{(?:array|aligned|align\*?|gathered|split)\}}")
_DELIMITER = re.compile(r"\$|\\[(\[]")
_WORD = re.compile(r"(?<![\\a-zA-Z])[A-Za-z]{2,}(?![a-zA-Z{])")
# What stands before the value of a sentence: "the area is 9".
_COPULA = re.compile(
    r"(?:\b(?:is|are|be|equals|gives|get|has|have|was|were|of|only|about|just|yields|make|up)\b|=|:)[\s$\\(*]*\Z"
)
_VALUE = re.compile(r"\$[^$]+\$|\\\(.+?\\\)|(?<![\w.])\d[\d,.]*")
# The word is "LEVEL".
_QUOTED = re.compile(r"[^\"“”]*\b(?:is|are|was|were)\s[\"“]([^\"“”]{1,60})[\"”][.!]?")
# In an answer that is a sentence these words change what its value says: "one of them is 2", "any choice but (B)".
_SAYS_MORE = re.compile(
    r"\b(?:one of|at least|at most|more than one|not|none|neither|nor|never|any|every|either|but|except|unless|would"
    r"|could|might|may"
    r"|maybe|perhaps|possibly|undefined|inconsistent|impossible|cannot|several|many|some|if|wrong|incorrect|false|contradict\w*"
    r"|closest|nearest|almost|nearly|about as|fails?|excluded|rejected|extraneous)\b|n't\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\b(?:insert|fill in|put|write|enter)\b[^.]{0,20}\b(?:answer|number|value|result)\b[^.]{0,15}\bhere\b",
    re.IGNORECASE,
)
# Fewer words than this are no sentence.
MIN_WORDS = 3


# "x + 5 = 9, so 2x = 8 and x = 4": a solution that comes to a result
_SOLVES = re.compile(r"\b(?:total|so|then|thus|hence|therefore)\b", re.IGNORECASE)
_SAYS = re.compile(r"(?:\$|\\\)|\\text\s?\{)[^$\\{}]*\b(?:is|are|equals)\b")
_A_VALUE = re.compile(r"[\d$\\]")


def says_what_is(text: str, *, of_gold: bool = True) -> bool:
    r"""Is the text a sentence with formulas of which one is what another is or equals, or a yes or no with a reason?

    An answer must say a value behind "is": "36 \text{ is an upper bound}" says something else of 36.
    """
    solves = text.count("=") > 1 and _SOLVES.search(text) is not None
    says = _SAYS.search(text)
    told = says is not None and (of_gold or _A_VALUE.search(text, says.end()) is not None)
    return YES_OR_NO.match(text) is not None or (
        (solves or told) and len(_WORD.findall(_TEXT.sub(r" \1 ", text))) >= MIN_WORDS
    )


def stated_result(text: str, *, of_gold: bool) -> str | None:
    """Return the result that a sentence or solution states, None where the text is none or states none.

    A reference answer is not guessed at: its result must be marked or stated, follow "is" or the like, or be the only
    value there is.
    """
    # "[insert final answer here, e.g. 12]"
    if _PLACEHOLDER.search(text):
        return None
    # "$ $" breaks one formula in two
    plain = _as_response(text.replace("$ $", " "))
    if decision := YES_OR_NO.match(plain):
        return decision[1]
    if len(_WORD.findall(plain)) < MIN_WORDS:
        return None
    if quoted := _QUOTED.fullmatch(plain.strip()):
        return quoted[1]
    found = extract_answer(plain)
    # what a reference says behind its result takes nothing back
    while of_gold and found.answer is None and (start := start_of_last(plain.rstrip())):
        plain = plain[:start]
        found = extract_answer(plain)
    if found.answer is None or found.span is None or found.answer.strip() == text.strip():
        return None
    before, values = plain[: found.span[0]], _VALUE.findall(plain)
    if not of_gold and found.rule not in STATED and _SAYS_MORE.search(f"{before} {plain[found.span[1] :]}"):
        return None
    sure = found.rule in STATED or len(values) == 1 or _COPULA.search(before)
    return found.answer if sure or not of_gold else None


def _as_response(text: str) -> str:
    """Write the words of a formula outside and its mathematics in dollars, as a response has them."""
    if not _TEXT.search(text):
        return text
    if _ROWS_BEGIN.search(text):
        text = _ROWS.sub("", text).replace("\\\\", "\n").replace("&", "")
    if first := _DELIMITER.search(text):
        # words before the first formula that has delimiters
        words = _TEXT.sub(lambda m: m[1] or m[2] or "", text[: first.start()])
        return words + text[first.start() :]
    pieces, position = [], 0
    for match in _TEXT.finditer(text):
        pieces += [_formula(text[position : match.start()]), match[1] or match[2] or ""]
        position = match.end()
    return "".join([*pieces, _formula(text[position:])])


def _formula(text: str) -> str:
    """Return mathematics in dollars, with the space and the full stop around it outside."""
    core = re.sub(r"\\[ ,;:!]|\\q?quad(?![a-z])", " ", text)
    inner = core.strip(" .,;\n")
    return core.replace(inner, f"${inner}$", 1) if inner else core
