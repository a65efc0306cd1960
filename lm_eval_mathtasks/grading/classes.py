"""Which answers are the same answer, by our grader and without gold: the classes that a majority vote counts."""

from collections.abc import Iterable

from lm_eval_mathtasks.grading.grade import grade
from lm_eval_mathtasks.grading.normalize import clean


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
