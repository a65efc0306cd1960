"""From a judged run to votes: which responses to a doc gave the same answer, by our grader and without gold."""

from collections.abc import Sequence

from lm_eval_mathtasks.grading.classes import answer_classes
from lm_eval_mathtasks.grading.scores import votes_for
from lm_eval_mathtasks.numbers.votes import Votes
from lm_eval_mathtasks.runs.judged import Judged
from lm_eval_mathtasks.runs.records import Run


def votes(run: Run, judgements: Sequence[Judged]) -> list[Votes]:
    """Return the votes of every doc of a run that was answered, in the order of its docs.

    judgements: of `judge_run(run)`. A response that an API error took is not there: it does not count towards n.
    """
    by_doc: dict[str, list[Judged]] = {row.doc_id: [] for row in run.answered}
    for judgement in judgements:
        by_doc[judgement.doc_id].append(judgement)
    return [_votes(row.doc_id, row.gold, by_doc[row.doc_id]) for row in run.answered]


def _votes(doc_id: str, gold: str | None, judgements: Sequence[Judged]) -> Votes:
    votes = votes_for([one.judgement for one in judgements], gold)
    return Votes(doc_id, tuple(one.verdict.correct for one in judgements), answer_classes(votes))
