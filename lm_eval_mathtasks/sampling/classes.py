"""From a judged run to votes: which responses to a doc gave the same answer, by our grader and without gold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lm_eval_mathtasks.grading import grade
from lm_eval_mathtasks.grading.normalize import clean
from lm_eval_mathtasks.grading.tolerance import TOLERANCE
from lm_eval_mathtasks.numbers.votes import Votes

if TYPE_CHECKING:  # the scoring hooks vote too, without any log
    from lm_eval_mathtasks.runs.judged import Judgement
    from lm_eval_mathtasks.runs.reading import Run


def answer_classes(answers: Iterable[str | None]) -> tuple[int | None, ...]:
    """Return the class of each answer, counted from 0 in the order of appearance; None for no answer.

    An answer joins the first class whose representative, its first answer, is graded equal to it with either of the
    two as the reference (grading is not symmetric where a reference is set with more care than an answer: "340 m"
    answers 340). Equality of answers is not transitive (25, 25% and 0.25), so the order decides in rare cases; it is
    the order of the repeats, hence repeatable. An answer that is too big to check is in a class of its own.
    """
    representatives: list[str] = []
    known: dict[str, int] = {}
    classes: list[int | None] = []
    for answer in answers:
        if answer is None or not answer.strip():
            classes.append(None)
            continue
        text = clean(answer)
        if text not in known:
            known[text] = _class_of(answer, representatives)
        classes.append(known[text])
    return tuple(classes)


def _class_of(answer: str, representatives: list[str]) -> int:
    for index, other in enumerate(representatives):
        if grade(gold=other, pred=answer).correct or grade(gold=answer, pred=other).correct:
            return index
    representatives.append(answer)
    return len(representatives) - 1


def votes(run: Run, judgements: Sequence[Judgement]) -> list[Votes]:
    """Return the votes of every doc of a run that was answered, in the order of its docs.

    judgements: of `judge(run)`. A response that an API error took is not there: it does not count towards n.
    """
    by_doc: dict[str, list[Judgement]] = {row.doc_id: [] for row in run.answered}
    for judgement in judgements:
        if judgement.doc_id in by_doc:
            by_doc[judgement.doc_id].append(judgement)
    return [_votes(doc_id, found) for doc_id, found in by_doc.items() if found]


def _votes(doc_id: str, judgements: Sequence[Judgement]) -> Votes:
    correct = tuple(j.verdict.correct for j in judgements)
    # An answer within a dataset's tolerance votes for the reference answer, as every correct one does then.
    tolerated = any(j.verdict.tier == TOLERANCE for j in judgements)
    right = next((j.extraction.answer for j in judgements if j.verdict.correct), None) if tolerated else None
    answers = (right if right and j.verdict.correct else j.extraction.answer for j in judgements)
    return Votes(doc_id, correct, answer_classes(answers))
