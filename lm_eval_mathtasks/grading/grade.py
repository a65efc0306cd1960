"""Decide whether an answer equals the reference answer: one pair; many at once: `batch.py`."""

from lm_eval_mathtasks.grading.answers import readings
from lm_eval_mathtasks.grading.deadline import DEADLINE_S
from lm_eval_mathtasks.grading.equivalence import equivalent, read_answer
from lm_eval_mathtasks.grading.expr import show_expr
from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS, clean
from lm_eval_mathtasks.grading.verdict import Status, Verdict


def grade(*, gold: str | float | None, pred: str | float | None, deadline: float = DEADLINE_S) -> Verdict:
    """Compare the extracted answer `pred` with the reference answer `gold`, both LaTeX or plain text, or numbers.

    deadline: seconds for the symbolic tier; when they pass, the status is over_limit, never incorrect. Never raises for
    any text, from any thread or process. gold and pred are not symmetric: see the grader's README.
    """
    # the hub has answers as integers
    gold, pred = (None if side is None else str(side) for side in (gold, pred))
    if pred is None or not pred.strip():
        return Verdict(Status.NO_ANSWER, "no answer was found", "extraction")
    if gold is None or not gold.strip():
        return Verdict(Status.GOLD_UNREADABLE, "the reference answer is empty", "text")
    try:
        return equivalent(gold, pred, deadline)
    # a fault of ours must not end the run of somebody's model, nor count against it
    except Exception as error:
        reason = f"a fault of the grader: {type(error).__name__}: {error}"[:200]
        return Verdict(Status.OVER_LIMIT, reason, "none")


def is_understood(gold: str | None) -> bool:
    """Whether a reference answer can be read at all: one that cannot must neither reward nor punish anybody.

    >>> is_understood("18"), is_understood(""), is_understood("7 \\\\frac{")
    (True, False, False)
    """
    cleaned = clean(gold) if gold and len(gold) <= MAX_ANSWER_CHARS else ""
    return bool(gold and cleaned) and bool(read_answer(gold or "", cleaned, of_gold=True)[1])


def normal_form(text: str) -> str:
    """Return how an answer is understood: the cleaned text and each reading of it, for people who ask why."""
    if len(text) > MAX_ANSWER_CHARS:
        return f"(more than {MAX_ANSWER_CHARS} characters)"
    cleaned = clean(text)
    read = [show_expr(e) for e in readings(cleaned)]
    return "\n".join([cleaned, *(f"  {r}" for r in read or ["not understood"])])
