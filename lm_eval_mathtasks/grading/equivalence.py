"""Are two answers the same? Tiers, the cheapest first; each says equal, unequal, or "cannot tell".

tier       what it compares, and what it proves
---------  -------------------------------------------------------------------------------------------------
text       the same cleaned text
number     two exact rational numbers
structure  lists, sets, intervals, matrices, equations, units, words, choices; their parts go through all tiers
numeric    evaluation, which proves that two expressions differ
exact      one normal form, or algebraic numbers closer than different ones can be: proves that they are equal
symbolic   sympy, in a worker process with a deadline: proves that they are equal
"""

import math
import re
from fractions import Fraction

from lm_eval_mathtasks.grading import deadline as workers
from lm_eval_mathtasks.grading.answers import decimal_comma, readings, rounded_side
from lm_eval_mathtasks.grading.ellipsis import has_open_list
from lm_eval_mathtasks.grading.endings import says_unanswerable
from lm_eval_mathtasks.grading.expr import Expr, mul, num
from lm_eval_mathtasks.grading.inequalities import excludes_all
from lm_eval_mathtasks.grading.named_days import compare_dates
from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS, clean
from lm_eval_mathtasks.grading.prose import says_what_is, stated_result
from lm_eval_mathtasks.grading.rounding import is_rounding
from lm_eval_mathtasks.grading.scalars import Outcome
from lm_eval_mathtasks.grading.screen import oversized
from lm_eval_mathtasks.grading.structure import compare_answers
from lm_eval_mathtasks.grading.verdict import Status, Verdict
from lm_eval_mathtasks.grading.words import (
    both_without_answer,
    choice,
    compare_directions,
    compare_durations,
    compare_tallies,
    content_of_choice,
    decided,
    options_marked,
    plain_words,
    words_key,
)

# What compares two answers as they are written; each says None where it has nothing to say.
_WHOLE_TEXTS = (compare_dates, compare_durations, compare_tallies, compare_directions)
# A shorter answer is no sentence that says that there is none.
MIN_REFUSAL = 20  # characters
# Readings tried on each side; only thousands separators and times of day ever give more than one.
MAX_READINGS = 3
_PLAIN = re.compile(r"(-?)(?:\\?\$)?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?")
_NOT_UNDERSTOOD = Outcome(None, "structure", "an ellipsis whose pattern is not known")
_IN_THOUSANDS = re.compile(r"(?:\\\$)?\d[\d.,]*[kK]")
_AND = re.compile(r"(?<![\\a-zA-Z])and(?![a-zA-Z])|\\(?:land|wedge)\b")
_DIGITS = re.compile(r"-?\d+")


class Symbolic:
    """The symbolic tier for one verdict: all its questions share one deadline."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def __call__(self, gold: Expr, pred: Expr) -> Outcome:
        """Ask sympy whether two scalars are equal."""
        too_large = oversized(gold) or oversized(pred) or ("no time left" if self.left <= 0 else None)
        if too_large:
            return Outcome(None, "symbolic", too_large)
        reply, computed = workers.ask_sympy(gold, pred, self.left)
        self.left -= computed
        if reply is workers.Reply.EQUAL:
            return Outcome(True, "symbolic", "sympy simplifies the difference to 0")
        reason = {
            workers.Reply.LATE: "not decided before the deadline",
            workers.Reply.DIED: "the worker ran out of memory",
            workers.Reply.ABSENT: "no worker process could be started",
        }.get(reply, "neither proven equal nor proven different")
        return Outcome(None, "symbolic", reason)


def plain_number(text: str) -> int | Fraction | None:
    """Return the number that a text is, None for any other text, whatever it may mean."""
    match = _PLAIN.fullmatch(text)
    if not match:
        return None
    sign, whole, decimals = match.groups()
    # an int is made ten times as fast, and most answers are one
    number = sign + whole.replace(",", "")
    return Fraction(number + decimals) if decimals else int(number)


def _both_plain(gold: str, pred: str) -> Verdict | None:
    """Two integers or decimals that are equal, or integers that differ: no parsing, no rounding rule."""
    if len(gold) > MAX_ANSWER_CHARS or len(pred) > MAX_ANSWER_CHARS:
        return None
    g, p = plain_number(gold), plain_number(pred)
    if g is None or p is None:
        return None
    if g == p:
        return Verdict(Status.CORRECT, "the same number", "number")
    if "." not in gold + pred:
        return Verdict(Status.INCORRECT, "different numbers", "number")
    return None


def _too_long(gold: str, pred: str) -> Verdict | None:
    if max(len(gold), len(pred)) <= MAX_ANSWER_CHARS:
        return None
    if gold.strip() == pred.strip():
        return Verdict(Status.CORRECT, "the same text", "text")
    if _DIGITS.fullmatch(gold.strip()) and _DIGITS.fullmatch(pred.strip()):
        return Verdict(Status.INCORRECT, "different integers", "number")
    return Verdict(Status.OVER_LIMIT, f"an answer of more than {MAX_ANSWER_CHARS} characters", "text")


def _by_choice(gold: str, pred: str) -> Verdict | None:
    """Multiple choice: the gold is a letter, perhaps with its text; the prediction a letter, or that text."""
    g = choice(gold)
    if (
        g is None
        or len(options_marked(gold)) > 1
        or not re.match(r"[^a-z]*[A-Z]", gold.replace(r"\text", ""))
    ):
        return None
    p = choice(pred)
    if len(options_marked(pred)) > 1:
        return Verdict(Status.INCORRECT, "one option is asked for, several are given", "structure")
    if p is not None and (not g[1] or len(pred) < 4 or p[1]):
        same = g[0] == p[0]
        if same or g[1] or p[1] or gold.strip("(). ") != g[0]:
            return Verdict(
                Status.CORRECT if same else Status.INCORRECT, "choices compared by letter", "structure"
            )
    if g[1] and words_key(g[1]) == words_key(pred):
        return Verdict(Status.CORRECT, "the text of the choice", "structure")
    return None


def equivalent(gold: str, pred: str, seconds: float) -> Verdict:
    """Return the verdict on two non-empty answers; `seconds` bounds the symbolic tier."""
    quick = _both_plain(gold.strip(), pred.strip()) or _too_long(gold, pred)
    if quick:
        return quick
    gold, pred = decided(gold), decided(pred)
    raw_gold, raw_pred = gold, pred
    gold, pred = clean(gold), clean(pred)
    if gold == pred and gold:
        return Verdict(Status.CORRECT, "the same text", "text")
    if says_what_is(raw_gold) and _squeezed(gold) == _squeezed(pred):
        return Verdict(Status.CORRECT, "the same text but for spacing", "text")
    quick = _both_plain(gold, pred) or _by_choice(gold, pred)
    if quick:
        return quick
    plain = plain_words(gold), plain_words(pred)
    if timed := next(filter(None, (compare(*plain) for compare in _WHOLE_TEXTS)), None):
        return timed
    if both_without_answer(gold, pred):
        return Verdict(Status.CORRECT, "both say that there is no answer", "structure")
    # "(C) 42" answers 42 here: if the gold were a letter, it would have been compared as one
    pred = content_of_choice(pred) or pred
    gold, golds = read_answer(raw_gold, gold, of_gold=True)
    pred, preds = read_answer(raw_pred, pred, of_gold=False)
    if not (golds and preds) and _squeezed(gold) == _squeezed(pred) and words_key(gold) == words_key(pred):
        return Verdict(Status.CORRECT, "the same text but for spacing", "text")
    if not golds:
        return Verdict(Status.GOLD_UNREADABLE, "the reference answer is not understood", "structure")
    if not preds:
        return Verdict(Status.UNPARSABLE, "the answer is not understood", "structure")
    return _by_readings(golds, preds, gold, pred, seconds)


def read_answer(raw: str, cleaned: str, *, of_gold: bool) -> tuple[str, tuple[Expr, ...]]:
    """Return (cleaned answer, readings) of an answer; of a sentence those of the result that it states."""
    # "The problem only says that AC = 12, so AB cannot be determined." is no 12
    if len(cleaned) > MIN_REFUSAL and says_unanswerable(raw):
        return cleaned, (Expr("text", name=cleaned),)
    is_sentence = says_what_is(raw, of_gold=of_gold)
    found = () if is_sentence else readings(cleaned)
    result = None if found else stated_result(raw, of_gold=of_gold)
    if result is not None:
        stated = clean(result)
        found = readings(stated)
        cleaned = stated if found else cleaned
    return cleaned, (found or (readings(cleaned) if is_sentence else ()))[:MAX_READINGS]


def _squeezed(text: str) -> str:
    """Leave spaces out, but for those that part two numbers: "5 4" is not 54."""
    return re.sub(r"(?<!\d)\s|\s(?!\d)", "", text)


def _in_lowest_terms(e: Expr) -> bool:
    return e.op != "ratio" or math.gcd(*(int(a.value) for a in e.args if a.op == "num")) == 1


def _by_readings(
    golds: tuple[Expr, ...], preds: tuple[Expr, ...], gold: str, pred: str, seconds: float
) -> Verdict:
    ask = Symbolic(seconds)
    if "." in gold and (comma := decimal_comma(pred)) is not None:
        preds = (*preds, comma)
    if _IN_THOUSANDS.fullmatch(pred):
        preds = (*preds[: "$" not in pred], *(mul(num(1000), p) for p in readings(pred[:-1].strip())))
    rounded = rounded_side(pred) if golds[0].op == "num" else None
    if rounded is not None and is_rounding(preds[0], rounded):
        preds = (*preds, rounded)
    # two times of day are no ratios, and a ratio is given in lowest terms: 11:11 is a time
    if golds[0].op == "clock" and (preds[0].op == "clock" or not _in_lowest_terms(golds[-1])):
        golds, preds = golds[:1], preds[:1]
    outcomes = []
    for g in golds:
        for p in preds:
            unknown = g != p and (has_open_list(g) or has_open_list(p))
            outcome = _NOT_UNDERSTOOD if unknown else compare_answers(g, p, ask)
            # "x < -1 and x > 3" may be meant as two rays, and says that there is none
            if outcome.equal and excludes_all(p) and _AND.search(pred) and not _AND.search(gold):
                outcome = Outcome(None, "structure", "not known whether 'and' joins or excludes")
            if outcome.equal:
                return Verdict(Status.CORRECT, outcome.reason, outcome.tier)
            outcomes.append(outcome)
    undecided = [o for o in outcomes if o.equal is None]
    if undecided:
        return Verdict(Status.OVER_LIMIT, undecided[0].reason, undecided[0].tier)
    return Verdict(Status.INCORRECT, outcomes[0].reason, outcomes[0].tier)
