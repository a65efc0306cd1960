"""Decide whether an answer equals the reference answer: one pair, or many at once."""

from __future__ import annotations

from collections.abc import Iterable

from lm_eval_mathtasks.grading.answers import readings
from lm_eval_mathtasks.grading.deadline import DEADLINE_S
from lm_eval_mathtasks.grading.equivalence import equivalent
from lm_eval_mathtasks.grading.expr import show
from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS, clean
from lm_eval_mathtasks.grading.verdict import Status, Verdict

# Below this many different pairs starting processes costs more than it saves: a pair takes about 0.1 ms.
MIN_PAIRS_FOR_POOL = 5_000


def grade(
    *, gold: str, pred: str | None, deadline: float = DEADLINE_S, second_opinion: bool = False
) -> Verdict:
    """Compare the extracted answer `pred` with the reference answer `gold`, both LaTeX or plain text.

    deadline: seconds for the symbolic tier; when they pass, the status is over_limit, never incorrect.
    second_opinion: ask math-verify, where installed, about what no tier decides. Off, so that a score does
    not depend
        on the packages at hand.
    Never raises for any text, from any thread or process. gold and pred are not symmetric: see the grader's
    README.
    """
    if pred is None or not pred.strip():
        return Verdict(Status.NO_ANSWER, "no answer was found", "extraction")
    if not gold.strip():
        return Verdict(Status.GOLD_UNREADABLE, "the reference answer is empty", "text")
    try:
        verdict = equivalent(gold, pred, deadline)
    except (
        Exception
    ) as error:  # a fault of ours must not end the run of somebody's model, nor count against it
        verdict = Verdict(
            Status.OVER_LIMIT, f"a fault of the grader: {type(error).__name__}: {error}"[:200], "none"
        )
    if second_opinion and verdict.status in {Status.OVER_LIMIT, Status.UNPARSABLE, Status.GOLD_UNREADABLE}:
        from lm_eval_mathtasks.grading.opinion import second_look

        return second_look(gold, pred, verdict)
    return verdict


def _grade_pair(pair: tuple[str, str | None]) -> Verdict:
    return grade(gold=pair[0], pred=pair[1])


def grade_many(pairs: Iterable[tuple[str, str | None]], *, workers: int | None = None) -> list[Verdict]:
    """Grade (gold, pred) pairs, in their order; identical pairs are graded once.

    workers: processes to use; None means one for every processor where there are enough pairs, else none.
    """
    asked = list(pairs)
    different = list(dict.fromkeys(asked))
    if workers is None and len(different) >= MIN_PAIRS_FOR_POOL:
        from lm_eval_mathtasks.grading.children import cores

        workers = cores()
    workers = workers or 1
    if workers <= 1:
        verdicts = dict(zip(different, map(_grade_pair, different), strict=True))
    else:
        from lm_eval_mathtasks.grading.batch import grade_in_processes

        verdicts = grade_in_processes(different, workers)
    return [verdicts[pair] for pair in asked]


def normal_form(text: str) -> str:
    """Return how an answer is understood: the cleaned text and each reading of it, for people who ask why."""
    if len(text) > MAX_ANSWER_CHARS:
        return f"(more than {MAX_ANSWER_CHARS} characters)"
    cleaned = clean(text)
    read = [show(e) for e in readings(cleaned)]
    return "\n".join([cleaned, *(f"  {r}" for r in read or ["not understood"])])
