"""Accuracy at every token budget, from one long run: each response cut at N tokens and judged again.

A response that is longer than N is judged as a server would have delivered it at a limit of N: cut, with finish reason
"length". So a guess does not count, an answer that was stated before the cut does, and thinking that was not over by
then has no answer. The curve need not rise: a model may state a right answer and take it back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError, Undefined
from lm_eval_mathtasks.grading.judge import CutOff
from lm_eval_mathtasks.numbers.estimators import powers_of_two
from lm_eval_mathtasks.runs.judged import Judged, cut_off, judge_run, shares
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.sampling.curves import Curve, Point, score
from lm_eval_mathtasks.text import first_part
from lm_eval_mathtasks.token_counts import Ruler

MOST_BUDGETS = 12  # by default: a factor of 2,000 between the smallest and the largest
Place = tuple[str, int]  # of a response: the doc's id, and which repeat


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
    whole = _by_place(judge_run(run))
    if not whole:
        raise EvidenceError(f"responses in {run.label}", "none", "look at the run's errors")
    rows = run.by_id()
    ends = {(doc, repeat): ruler.ends(rows[doc].responses[repeat]) for doc, repeat in whole}
    longest = max(map(len, ends.values()))
    doubling = powers_of_two(max(1, longest))[-MOST_BUDGETS:]
    chosen = doubling if budgets is None else sorted(set(budgets))
    if chosen[0] < 1:
        raise Undefined("budgets of at least one token", str(chosen[0]), "--budgets 256,512")
    points, finished = [], []
    for budget in chosen:
        stops = {place: own[budget - 1] for place, own in ends.items() if len(own) > budget}
        docs = {doc for doc, _ in stops}
        cut = replace(run, rows=tuple(_cut(row, stops) for row in run.rows if row.doc_id in docs))
        again = {place: one for place, one in _by_place(judge_run(cut)).items() if place in stops}
        right = shares(run, {**whole, **again}.values())
        points.append(Point(budget, *score(list(right.values()))))
        ended = sum(place not in stops and one.cut_off is None for place, one in whole.items())
        finished.append(ended / len(whole))
    curve = Curve("accuracy", tuple(points))
    return Budgets(curve, tuple(finished), len(whole), cut_off(list(whole.values())), longest)


def _by_place(judged: Iterable[Judged]) -> dict[Place, Judged]:
    return {(one.doc_id, one.repeat): one for one in judged}


def _cut(row: Row, stops: Mapping[Place, int]) -> Row:
    """A row as a server returns it at that limit. stops: the characters that a response has then, if it is longer."""
    texts = list(row.responses)
    finish = [row.finish_reason(repeat) for repeat in range(len(texts))]
    for repeat, text in enumerate(row.responses):
        if (stop := stops.get((row.doc_id, repeat))) is not None:
            texts[repeat], finish[repeat] = first_part(text, stop), "length"
    return replace(row, responses=tuple(texts), finish=tuple(finish))
