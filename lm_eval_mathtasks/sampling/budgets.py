"""Accuracy at every token budget, from one long run: each response cut at N tokens and judged again.

A response that is longer than N is judged as a server would have delivered it at a limit of N: cut, with finish reason
"length". So a guess does not count, an answer that was stated before the cut does, and thinking that was not over by
then has no answer. The curve need not rise: a model may state a right answer and take it back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError, Undefined
from lm_eval_mathtasks.grading.judge import CutOff
from lm_eval_mathtasks.numbers.estimators import powers_of_two
from lm_eval_mathtasks.runs.judged import Judged, cut_off, judge_run
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.sampling.curves import Curve, Point, score
from lm_eval_mathtasks.text import first_part
from lm_eval_mathtasks.token_counts import Ruler

MOST_BUDGETS = 12  # by default: a factor of 2,000 between the smallest and the largest


class Measured(NamedTuple):
    """A response of a run: its doc's place among the rows, text, finish reason, and where its tokens end."""

    doc: int
    text: str
    finish: str | None
    ends: Sequence[int]


class Budgets(NamedTuple):
    """What `at_budgets` found. curve: accuracy over budgets (its k is tokens); finished: by budget, the share of
    responses that had ended by then, which one that the run's own limit cut off never has; cut_off: how many it did;
    longest: in tokens."""

    curve: Curve
    finished: tuple[float, ...]
    responses: int
    cut_off: Mapping[CutOff, int]
    longest: int


def at_budgets(run: Run, ruler: Ruler, budgets: Iterable[int] | None = None) -> Budgets:
    """Return accuracy (avg@n of every doc) with its 95 % interval over docs at each budget, in tokens.

    budgets: by default powers of two and the length of the longest response. Raises Undefined for a
    budget below 1, EvidenceError for a run without responses or without reference answers.
    """
    rows = run.answered
    responses = [
        Measured(doc, row.responses[i], row.finish_reason(i), ruler.ends(row.responses[i]))
        for doc, row in enumerate(rows)
        for i in row.there
    ]
    if not responses:
        raise EvidenceError(f"responses in {run.label}", "none", "look at the run's errors")
    longest = max(len(r.ends) for r in responses)
    doubling = powers_of_two(max(1, longest))[-MOST_BUDGETS:]
    chosen = doubling if budgets is None else sorted(set(budgets))
    if chosen[0] < 1:
        raise Undefined("budgets of at least one token", str(chosen[0]), "--budgets 256,512")
    whole = _judged(run, rows, responses)
    points, finished = [], []
    for budget in chosen:
        short = [len(r.ends) <= budget for r in responses]
        cut = [_cut(r, budget) for r, fits in zip(responses, short, strict=True) if not fits]
        again = iter(_judged(run, rows, cut))
        judged = [w if fits else next(again) for w, fits in zip(whole, short, strict=True)]
        shares = _by_doc(responses, [j.verdict.correct for j in judged], len(rows))
        points.append(Point(budget, *score(shares)))
        ended = [fits and w.cut_off is None for w, fits in zip(whole, short, strict=True)]
        finished.append(sum(ended) / len(ended))
    curve = Curve("accuracy", tuple(points))
    return Budgets(curve, tuple(finished), len(responses), cut_off(whole), longest)


def _cut(response: Measured, budget: int) -> Measured:
    """The first tokens of a response, as a server returns them at that limit."""
    return response._replace(text=first_part(response.text, response.ends[budget - 1]), finish="length")


def _judged(run: Run, rows: Sequence[Row], responses: Sequence[Measured]) -> list[Judged]:
    """Each response judged: as the rows of a run, one response each."""
    single = [
        replace(rows[r.doc], doc_id=str(i), responses=(r.text,), finish=(r.finish,))
        for i, r in enumerate(responses)
    ]
    return judge_run(replace(run, rows=tuple(single)))


def _by_doc(responses: Sequence[Measured], correct: Sequence[bool], docs: int) -> list[float]:
    count = Counter(response.doc for response in responses)
    right = Counter(response.doc for response in compress(responses, correct))
    return [right[doc] / count[doc] for doc in range(docs)]
