"""From a judged run to votes: which responses to a doc gave the same answer, by our grader and without gold."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_mathtasks.grading.classes import answer_classes
from lm_eval_mathtasks.grading.tolerance import TOLERANCE
from lm_eval_mathtasks.numbers.votes import Votes
from lm_eval_mathtasks.runs.judged import Judgement
from lm_eval_mathtasks.runs.records import Run


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
