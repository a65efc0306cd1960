"""Where the missing points went: a waterfall from a published score to ours, from the stored responses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypedDict

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.grading.judge import CutOff
from lm_eval_mathtasks.grading.verdict import Status
from lm_eval_mathtasks.leaderboard.graded_otherwise import certainties, graded_otherwise
from lm_eval_mathtasks.leaderboard.lost_points import CAUSES, Cause
from lm_eval_mathtasks.leaderboard.symptoms import Symptom, habit, symptom
from lm_eval_mathtasks.leaderboard.worth import Traits, worth
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.judged import Judged, cut_off, judge_run, shares, unlike_repeats
from lm_eval_mathtasks.runs.records import Row, Run

# Their texts would have become longer; how long a loop is says nothing.
_CUT = frozenset({"cut", "unfinished_thinking", "doubtful_end"})
_NOT_SCORED = "the log counts an API error and no score"
_ROUNDED = 5e-5  # of a score: less is not printed
_DEFAULT_LIMIT = 2_048  # tokens to try at least
_CHARACTERS = 3  # of a token, in text with formulas
_LONGEST_LIMIT = 32_768  # what reasoning models are published with


class Seen(TypedDict, total=False):
    """Options of `compare` that the responses decide, by its names."""

    cut_share: float
    by_our_grader: float
    unlike: tuple[float, float] | None


@dataclass(frozen=True)
class Explanation:
    """The waterfall of one run. All points are fractions.

    own: the run's own score (None if it did not grade); regraded: ours. published: the score to be reached, None
    without a claim. remaining: published minus the run's score minus all fair estimates: what is not accounted for.
    wrong: responses that answered, wrongly, and show no cause. statuses: responses by their verdict, those that an API
    error took not among them. cut_off: responses that were cut off, surely and likely, also those that had answered
    before that. found: (doc, repeat, cause, how sure, seen by) of every response that a cause holds. unaffected: the
    share of right answers, by our grader, among the responses that no cause of loss holds; None without any. unlike:
    see `judged.unlike_repeats`.
    """

    run: Run
    own: float | None
    regraded: float
    regraded_interval: st.Interval
    published: float | None
    causes: tuple[Cause, ...]
    remaining: float | None
    wrong: int
    statuses: Mapping[Status, int]
    cut_off: Mapping[CutOff, int]
    found: tuple[tuple[str, int, str, str, str], ...]
    unaffected: float | None = None
    unlike: tuple[float, float] | None = None

    @property
    def score(self) -> float:
        """The score the waterfall ends at: the run's own, else ours."""
        return self.regraded if self.own is None else self.own

    @property
    def cut_share(self) -> float:
        """The share of responses that were cut off."""
        return sum(self.cut_off.values()) / sum(self.statuses.values())

    @property
    def seen(self) -> Seen:
        """What `compare` is told of the responses."""
        return Seen(cut_share=self.cut_share, by_our_grader=self.regraded, unlike=self.unlike)

    @property
    def surplus(self) -> str | None:
        """Why the losses are worth more than the gap, so that the rest of the waterfall has the other sign; None where
        they are not."""
        if self.published is None or self.remaining is None or self.remaining > -_ROUNDED:
            return None
        least = math.fsum(cause.interval.low for cause in self.causes)
        gap = self.published - self.score
        if least <= gap:
            low, high = f"{100 * least:.2f}", f"{100 * (gap - self.remaining):.2f}"
            return f"the losses are estimates: {high} points, but {low} would do, too, and the gap is {100 * gap:.2f}"
        if self.unaffected is None or not self.causes:
            return None
        return (
            f"the losses are more than the gap, for the responses without any cause score {100 * self.unaffected:.2f}: "
            f"more than the published {100 * self.published:.2f} lets expect, whatever was lost"
        )

    def towards(self, published: float | None) -> Explanation:
        """The same waterfall with another score to be reached, as a fraction."""
        fair = sum(cause.fair for cause in self.causes)
        remaining = None if published is None else published - self.score - fair
        return replace(self, published=published, remaining=remaining)


def explain(
    run: Run,
    *,
    published: float | None = None,
    elsewhere: Mapping[str, float] | None = None,
    judgements: list[Judged] | None = None,
) -> Explanation:
    """Explain a run from its stored responses.

    published: the score to be reached, as a fraction. elsewhere: what the same docs scored in another run, by id;
    then the fair estimate of a cause is what its docs scored there. judgements: as `judge_run` gives them.
    Raises EvidenceError where a doc has no reference answer, or where no doc was answered.
    """
    judged = judge_run(run) if judgements is None else judgements
    lost = [(row.doc_id, repeat) for row in run.rows for repeat in row.lost]
    if not judged:
        fix = "run the same command again"
        raise EvidenceError(f"a response in {run.label}", f"{len(lost)} API errors", fix)
    ours, found = shares(run, judged), _symptoms(run, judged)
    weight = {row.doc_id: 1 / (len(ours) * len(row.there)) for row in run.answered}
    graders = graded_otherwise(run, judged, ours)
    named = {(j.doc_id, j.repeat) for group in found.values() for j, _ in group}
    rows = run.by_id()
    others = [
        (_traits(rows[j.doc_id], j), j.verdict.correct) for j in judged if (j.doc_id, j.repeat) not in named
    ]
    rest = _Rest(weight, rows, others, elsewhere, _limits(run))
    listed = [(j.doc_id, j.repeat, key, s.sure, s.why) for key, group in found.items() for j, s in group]
    listed += [(*place, "api_error", "surely", _NOT_SCORED) for place in lost]
    sure = certainties(run, judged)
    listed += [(doc, 0, c.key, sure[doc], next(iter(c.why))) for c in graders for doc in c.docs]
    explained = Explanation(
        run=run,
        own=sum(row.score or 0.0 for row in run.answered) / len(ours) if run.scored else None,
        regraded=math.fsum(ours.values()) / len(ours),
        regraded_interval=st.of_mean(list(ours.values())),
        published=None,
        causes=(
            *([_left_out(lost)] if lost else ()),
            *(_lost(key, found[key], rest) for key in CAUSES if key in found),
            *graders,
        ),
        remaining=None,
        wrong=sum(j.verdict.status is Status.INCORRECT and (j.doc_id, j.repeat) not in named for j in judged),
        statuses=Counter(j.verdict.status for j in judged),
        cut_off=cut_off(judged),
        found=tuple(listed),
        unaffected=sum(right for _, right in others) / len(others) if others else None,
        unlike=unlike_repeats(run, judged),
    )
    return explained.towards(published)


def _traits(row: Row, judged: Judged) -> Traits:
    return Traits(row.level, row.subject, len(row.responses[judged.repeat]))


Found = tuple[Judged, Symptom]


def _symptoms(run: Run, judgements: list[Judged]) -> dict[str, list[Found]]:
    """Every response that did not score and that shows a cause, by cause; each counts once.

    Where only the run's own grader found a doc right, nothing was lost: that is for `overgraded` to say.
    """
    rows, usual = run.by_id(), habit(run, judgements)
    found: dict[str, list[Found]] = {}
    for judgement in judgements:
        if judgement.verdict.correct or rows[judgement.doc_id].score == 1.0:
            continue
        if (seen := symptom(rows[judgement.doc_id], judgement, usual)) is not None:
            found.setdefault(seen.cause, []).append((judgement, seen))
    return found


def _left_out(lost: list[tuple[str, int]]) -> Cause:
    """Responses that an API error took and that are not in the score: no points lost, and none gained."""
    nothing, count = st.Interval(0.0, 0.0), len(lost)
    docs, fix = tuple(doc_id for doc_id, _ in lost), CAUSES["api_error"][1]
    sure, why = {"surely": count}, {_NOT_SCORED: count}
    return Cause("api_error", count, 0.0, 0.0, nothing, "left out of the score", docs, sure, why, fix)


class _Rest(NamedTuple):
    """What a cause is weighed against: what a response to each doc is worth, the rows by id, what those without any
    symptom scored, the same docs in another run, and the run's token limit with a larger one to try."""

    weight: Mapping[str, float]
    rows: Mapping[str, Row]
    others: Sequence[tuple[Traits, bool]]
    elsewhere: Mapping[str, float] | None
    limits: tuple[int | None, int]


def _lost(key: str, group: list[Found], rest: _Rest) -> Cause:
    """A cause whose responses never gave a gradable answer: what they would have scored can only be estimated."""
    docs = [judgement.doc_id for judgement, _ in group]
    count, bound = len(group), math.fsum(rest.weight[doc] for doc in docs)
    if rest.elsewhere is not None and all(doc in rest.elsewhere for doc in docs):
        rate, rate_from = sum(rest.elsewhere[doc] for doc in docs) / count, "these docs in the other run"
        interval = st.wilson(min(1.0, max(0.0, rate)), count).scaled(bound)
    else:
        lost = [_traits(rest.rows[judged.doc_id], judged) for judged, _ in group]
        rate, share, rate_from = worth(lost, rest.others, cut=key in _CUT)
        interval = share.scaled(bound)
    return Cause(
        key=key,
        count=count,
        bound=bound,
        fair=rate * bound,
        interval=interval,
        rate_from=rate_from,
        docs=tuple(docs),
        sure=Counter(seen.sure for _, seen in group),
        why=Counter(seen.why for _, seen in group),
        fix=_fix(key, rest),
    )


def _fix(key: str, rest: _Rest) -> str:
    limit, larger = rest.limits
    fix = CAUSES[key][1]
    if "{more}" in fix and limit is not None and limit >= larger:
        return f"not more tokens, {limit} is a large limit: the publisher's sampling, and a look at the ends"
    return fix.format(more=larger)


def _limits(run: Run) -> tuple[int | None, int]:
    """The token limit that the log states, and one to try: four times that, or four times the longest response."""
    stated = run.protocol.max_tokens
    longest = max((len(text) for row in run.rows for text in row.responses), default=0)
    guess = 1 << max(0, math.ceil(math.log2(max(1, 4 * longest / _CHARACTERS))))
    larger = max(_DEFAULT_LIMIT, guess) if stated is None else 4 * stated
    return stated, min(larger, _LONGEST_LIMIT)
