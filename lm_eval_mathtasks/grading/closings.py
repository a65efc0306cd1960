"""What stands behind the sentence that a guessed answer is taken from: nothing, or words that are known to add nothing.

A writer who goes on after a value may take it back in words that nobody has listed, so that only known closing words
leave a guess as it is.
"""

import re

from lm_eval_mathtasks.grading.endings import HAS_VALUE, NEXT_SENTENCE, start_of_last
from lm_eval_mathtasks.grading.remarks import MEASURES
from lm_eval_mathtasks.grading.slots import sentence_end

_CLOSING = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|and|indeed|finally|clearly|now),?\s)*(?:"
    r"(?:I |we )?hope\b|thank|thanks\b|(?:my )?apologies\b|sorry for (?:the|any)\b"
    r"|good luck|great|perfect|nice|keep (?:it|up)|well done|cheers|done\b|q\.?e\.?d"
    r"|let me know|feel free|happy to|<\||□|∎|✓|✅|we round\b"
    r"|(?:let(?:'s| us) |a |to )?(?:check|verify)\b|(?:checking|testing|verification)\b"
    r"|(?:but|however),? (?:wait,? )?(?:this|that|it) is (?:\w+ )?(?:right|correct|exact|fine|enough)\b"
    r"|as (?:required|desired|claimed|wanted|expected|needed|stated|shown|given)\b"
    # "I was asked to use \boxed{}"
    r"|(?!.*\b(?:please|your) )[^.]*\\boxed\{\s*\}"
    r"|(?:this|that|it|these|those|which|everything|both|all|we (?:have|are|check|verify)|there (?:is|are) no other)\b"
    r"|(?:the|our|my) (?:final |correct |desired |required )?(?:answer|result|solution|proof|claim)\b"
    r")(?!.*(?:\b(?:not(?! (?:an extraneous|hard|difficult))|never|no(?! other)|none|but(?! wait)|yet"
    r"|only(?! (?:possible|solution|value|answer|one))|wrong|incorrect"
    r"|false|though|although|cannot|unless|if|mistake\w*|error|trap|guess\w*|assum\w+|suppos\w+|too|less|more"
    r"|contradict\w*|violat\w*|fail\w*|absurd|impossible|problem|question|still|until|maybe|perhaps|might|may|would"
    r"|could|should|need\w*|missing|unknown|exclud\w*|reject\w*|discard\w*|extra|instead|rather|without|unsure|doubt\w*"
    r"|confus\w*|retract\w*|ignor\w+|disregard\w*|forg[eo]t\w*|overcount\w*|undercount\w*|twice|depends?)\b|n't))"
    r"[^\n?]*\Z"
    r"|\W*(?:so |thus |therefore,? )?this is (?:the|our|my) (?:final )?(?:answer|solution|result)"
    r" (?:to|of|for) (?:the|this|our)"
    r" (?:\w+ )?(?:problem|question|equation)[.!*]*\Z"
    # what is offered, or asked of the reader
    r"|\W*(?:would you like|do you (?:want|need|have)|what is your|any (?:other|more|further)|is there anything|shall I"
    r"|want (?:me|to|another|more)\b|should I|need (?:any|more|another|help)|does (?:that|this) (?:make sense|help)"
    r"|(?:is|was) (?:that|this) (?:clear|helpful)|can I help|let me know|feel free|please let me"
    r"|could you (?:please )?rate)\b[^\n]*\Z",
    re.IGNORECASE,
)
# "As you can see, we solved this in 4 steps!"
_CHAT = re.compile(
    r"\W*(?:as you can see,? )?(?:we|I|you)(?:['’]ve| have)? (?:solved|did|done|worked out) (?:this|it|the problem)\b"
    r"[^=]*\Z",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"(?:\\(?:(?:end|begin)\{\w+\*?\}|(?:boxed|fbox)\{\s*\})|\W)*")
_ENDED = re.compile(r"[.!?](?:[\s*_\"”)$\\]|\Z)|\n\n")
# "5 + 8 = 13, but we need the sum to be 14. ✗"
_OBJECTED = re.compile(
    r"[$\\)\]*}]*,?\s(?:but|yet|whereas)\b.*\b(?:need|needs|want|wants|require[sd]?|should|must|expected|supposed|claim\w*)\b"
    r"|[$\\)\]*}]*,?\s(?:but|yet) (?:that|this|it) (?:counts|includes|ignores|forgets|misses|overlooks|assumes|double)",
    re.DOTALL,
)
_LONGEST_MARK = 10  # characters of such a sign and what follows it
_CROSSED_OUT = re.compile(r"[✗✘❌]\W*\Z")
# What is said of a value that a sentence begins with, "8 is too large", "$n = 4$ fails", makes no answer of it ...
_PREDICATE = re.compile(
    r"[$\\)\]*}]*,?\s(?:(?:therefore|thus|also|then|hence|indeed|still|clearly|always|never|itself|alone),?\s)?"
    r"(?:(?:is|was|has|does(?=n't| not)|did(?=n't| not)|can|could|must|may|might|should|would|seems?|looks?|sounds?"
    r"|appears? (?:to|too|un)|fails?|lies|falls?|gives?|leads?|makes?|goes|violates?|contradicts?|exceeds?"
    r"|breaks?)(?:n't|not)?"
    r"|can't)\b"
)
_NOT_SO = (
    r"\b(?:not|no|never|too|only (?:an?|one|part)|wrong|incorrect|false|almost|nearly|fails?|violates?|contradicts?"
    r"|exceeds?)\b|n't"
)
# ... unless it is known to: "8 is the smallest one", "$12 is left".
_AFFIRMS = re.compile(
    rf"\W*(?:(?!{_NOT_SO})[^,;])*?"
    rf"\b(?:the (?:[a-z]+ ){{0,2}}(?:{'|'.join(sorted(MEASURES))})"
    r"|answers?|solutions?|result|values?|total|sum|number|amount|cost|price|[a-z]{3,}est|smaller|larger|greater"
    r"|least|most|minimum|minimal|maximum|maximal|first|last|only|left|remaining|needed|required|desired|correct|right"
    r"|accepted|achieved|attained|reached|possible|valid|final|unique|sought|what we|works?|integer|optimal"
    r"|satisfactory|sense|true|raised|spent|earned|paid|collected|saved|sold|used|donated|given|added|eaten)\b"
    r"|\W*is\W*\Z"
    r"|.*\bis (?:thus |therefore |hence |indeed )?(?:the|our|my) (?:\w+ )?(?:answer|solution|result|minimum|maximum)\b",
)
# The question told again: what was asked for may follow, in another form.
_HOW_MANY = re.compile(r"\bhow (?:many|much|long|old|far)\b")
# What closes the formula that a value stands in, behind its full stop.
_FORMULA_ENDS = re.compile(r"(?:[\s.,;*_\"”)}]|\$|\\[\])]|\\end\{[^{}]*\})*")


def without_closing(text: str) -> str:
    """Return a text without the closing sentences that name no value."""
    text = text.rstrip()
    start = start_of_last(text)
    while start and (
        _CHAT.match(text, start) or (_CLOSING.match(text, start) and not HAS_VALUE.search(text, start))
    ):
        text = text[:start].rstrip()
        start = start_of_last(text)
    return text


def ends_with(text: str, stop: int) -> bool:
    """Does the sentence of a value that ends at `stop` end the text, but for closing words? A question answers nothing.

    >>> ends_with("So it is 8. This completes the proof.", 10), ends_with("I found 8. Something went wrong.", 9)
    (True, False)
    >>> ends_with("So 8 is the smallest one.", 4), ends_with("So 8 is off the line.", 4)
    (True, False)
    """
    closed = _FORMULA_ENDS.match(text, stop)
    end = closed.end() if closed else stop
    if text[end : end + 1] != "?" and not _ENDED.search(text[stop:end]):
        end = sentence_end(text, end, len(text))
    behind = NEXT_SENTENCE.split(text[end:])
    if text[end : end + 1] == "?" and text[stop:end].strip() and not _HOW_MANY.search(text, stop, end):
        return False
    if _OBJECTED.match(text[stop:end]) or _CROSSED_OUT.search(text, max(stop, len(text) - _LONGEST_MARK)):
        return False
    said = _PREDICATE.match(text, stop)
    if said and not _AFFIRMS.match(text[said.start() : end]):
        return False
    return all(
        _NOTHING.fullmatch(sentence) or _CLOSING.match(sentence) or _CHAT.match(sentence)
        for sentence in behind
    )
