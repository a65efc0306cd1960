"""Where the missing points went: a waterfall from a published score to ours, from the stored responses."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.grading.judge import CutOff
from lm_eval_mathtasks.grading.verdict import Status
from lm_eval_mathtasks.leaderboard.symptoms import Symptom, habit, symptom
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.judged import Judged, cut_off, judge_run, shares
from lm_eval_mathtasks.runs.records import Run

EXAMPLES = 5

# cause -> (what to call it, what mends it); the order is the order of the waterfall.
CAUSES: dict[str, tuple[str, str]] = {
    "api_error": (
        "API errors",
        "run the same command again: answered requests are kept, only these are asked",
    ),
    "empty": ("empty responses", "reasoning models: raise max_gen_toks; chat models: --apply_chat_template"),
    "unfinished_thinking": ("unfinished thinking", "--gen_kwargs max_gen_toks={more}, and a context as long"),
    "cut": ("cut off before an answer", "--gen_kwargs max_gen_toks={more}"),
    "doubtful_end": (
        "no final answer, and possibly cut off",
        "look at the ends of these texts; if they were cut: --gen_kwargs max_gen_toks={more}",
    ),
    "loop": (
        "repetition loops",
        "the publisher's sampling (--gen_kwargs temperature=0.6,top_p=0.95), not greedy decoding",
    ),
    "recited": (
        "went on with another question",
        "a stop string before the next question (until), or --apply_chat_template",
    ),
    "language": (
        "wrong language or mixed script",
        "--system_instruction that names the language; --apply_chat_template",
    ),
    "over_limit": (
        "answer too big to check",
        "look at these answers by hand; the grader refuses, it does not guess",
    ),
    "gold_unreadable": (
        "reference answer not understood",
        "nothing that a model can do: look at the reference, and report it",
    ),
    "no_answer": (
        "no answer found",
        "--apply_chat_template for instruct models; a task that asks for a boxed answer",
    ),
    "misgraded": ("right, but the run's grader said wrong", "mathtasks rescore (no model is asked)"),
    "overgraded": ("wrong, but the run's grader said right", "mathtasks rescore (no model is asked)"),
}
_DEFAULT_LIMIT = 2_048  # tokens to try at least
_CHARACTERS = 3  # of a token, in text with formulas
_LONGEST_LIMIT = 32_768  # what reasoning models are published with


@dataclass(frozen=True)
class Cause:
    """One bar of the waterfall. Points are fractions of the score.

    count: responses with this symptom among those that did not score. bound: what they could be worth at most.
    fair: what they are worth at the rate of `rate_from`; `interval` of fair. sure: how many of them are sure, likely,
    possible. tiers: for regraded answers, the tier of the grader that decided.
    """

    key: str
    count: int
    bound: float
    fair: float
    interval: st.Interval
    rate_from: str
    docs: tuple[str, ...]
    sure: Mapping[str, int]
    why: Mapping[str, int]
    mend: str
    tiers: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it."""
        return CAUSES[self.key][0]

    @property
    def examples(self) -> tuple[str, ...]:
        """The ids of a few of its docs."""
        return tuple(dict.fromkeys(self.docs))[:EXAMPLES]


@dataclass(frozen=True)
class Explanation:
    """The waterfall of one run. All points are fractions.

    own: the run's own score (None if it did not grade); regraded: ours. published: the score to be reached, None
    without a claim. remaining: published minus the run's score minus all fair estimates: what is not accounted for.
    wrong: responses that answered, wrongly, and show no cause. cut_off: responses that were cut off, surely and likely,
    also those that had answered before that. found: (doc, repeat, cause, how sure, seen by) of every response that a
    cause holds.
    """

    run: Run
    own: float | None
    regraded: float
    regraded_interval: st.Interval
    published: float | None
    causes: tuple[Cause, ...]
    remaining: float | None
    wrong: int
    responses: int
    cut_off: Mapping[CutOff, int]
    found: tuple[tuple[str, int, str, str, str], ...]

    @property
    def score(self) -> float:
        """The score the waterfall ends at: the run's own, else ours."""
        return self.regraded if self.own is None else self.own

    @property
    def cut_share(self) -> float:
        """The share of responses that were cut off."""
        return sum(self.cut_off.values()) / self.responses

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
    judgements = judge_run(run) if judgements is None else judgements
    ours = shares(run, judgements)
    missing = {row.doc_id for row in run.rows if row.missing}
    judged = [j for j in judgements if j.doc_id not in missing]
    if not judged:
        raise EvidenceError(
            f"a response in {run.label}", f"{len(missing)} API errors", "run the same command again"
        )
    found = _symptoms(run, judged)
    right = sum(j.verdict.correct for j in judged)
    shown = sum(len(group) for group in found.values())
    causes = [_left_out(missing)] if missing else []
    rest = _Rest(len(judged), len(judged) - shown, right, elsewhere, _limits(run))
    causes += [_lost(key, found[key], rest) for key in CAUSES if key in found]
    causes += _graders(run, judged, ours)
    mean = right / len(judged)
    own = sum(row.score or 0.0 for row in run.answered) / len(run.answered) if run.scored else None
    interval = _interval([ours[row.doc_id] for row in run.answered], run)
    named = {(j.doc_id, j.repeat) for group in found.values() for j, _ in group}
    wrong = sum(j.verdict.status is Status.INCORRECT and (j.doc_id, j.repeat) not in named for j in judged)
    listed = [(j.doc_id, j.repeat, key, s.sure, s.why) for key, group in found.items() for j, s in group]
    listed += [
        (doc, 0, c.key, "surely", next(iter(c.why))) for c in causes if c.key not in found for doc in c.docs
    ]
    explained = Explanation(
        run,
        own,
        mean,
        interval,
        None,
        tuple(causes),
        None,
        wrong,
        len(judged),
        cut_off(judged),
        tuple(listed),
    )
    return explained.towards(published)


def _interval(values: list[float], run: Run) -> st.Interval:
    return st.of_mean(values, repeats=any(len(row.responses) > 1 for row in run.rows))


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


def _left_out(missing: set[str]) -> Cause:
    """Docs that failed for an API error and are not in the score: no points lost, and none gained."""
    nothing, count = st.Interval(0.0, 0.0), len(missing)
    why = {"the log counts an API error and no score": count}
    docs, mend = tuple(sorted(missing)), CAUSES["api_error"][1]
    return Cause(
        "api_error", count, 0.0, 0.0, nothing, "left out of the score", docs, {"surely": count}, why, mend
    )


class _Rest(NamedTuple):
    """What a cause is weighed against: all responses, those without any symptom, how many of these were right, the
    same docs in another run, and the run's token limit with a larger one to try."""

    total: int
    healthy: int
    right: int
    elsewhere: Mapping[str, float] | None
    limits: tuple[int | None, int]


def _lost(key: str, group: list[Found], rest: _Rest) -> Cause:
    """A cause whose responses never gave a gradable answer: what they would have scored can only be estimated."""
    docs = [judgement.doc_id for judgement, _ in group]
    count, bound = len(group), len(group) / rest.total
    if rest.elsewhere is not None and all(doc in rest.elsewhere for doc in docs):
        rate, rate_from = sum(rest.elsewhere[doc] for doc in docs) / count, "these docs in the other run"
        interval = st.wilson(min(1.0, max(0.0, rate)), count).scaled(bound)
    elif rest.healthy:
        rate, rate_from = rest.right / rest.healthy, f"the accuracy of the other {rest.healthy} responses"
        # Both the rate and the luck of these responses vary: one over the sum of 1/n is the effective size.
        interval = st.wilson(rate, 1 / (1 / count + 1 / rest.healthy)).scaled(bound)
    else:
        rate, rate_from = 0.0, "nothing: no other response to judge by"
        interval = st.Interval(0.0, bound)
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
        mend=_mend(key, rest),
    )


def _mend(key: str, rest: _Rest) -> str:
    limit, larger = rest.limits
    mend = CAUSES[key][1]
    if "{more}" in mend and limit is not None and limit >= larger:
        return f"not more tokens, {limit} is a large limit: the publisher's sampling, and a look at the ends"
    return mend.format(more=larger)


def _limits(run: Run) -> tuple[int | None, int]:
    """The token limit that the log states, and one to try: four times that, or four times the longest response."""
    stated = run.protocol.max_tokens
    longest = max((len(text) for row in run.rows for text in row.responses), default=0)
    guess = 1 << max(0, math.ceil(math.log2(max(1, 4 * longest / _CHARACTERS))))
    larger = max(_DEFAULT_LIMIT, guess) if stated is None else 4 * stated
    return stated, min(larger, _LONGEST_LIMIT)


def _graders(run: Run, judgements: list[Judged], ours: Mapping[str, float]) -> list[Cause]:
    """What the run's own grader and ours see differently; exact, for both verdicts are known."""
    if not run.scored:
        return []
    gaps = {row.doc_id: ours[row.doc_id] - (row.score or 0.0) for row in run.answered}
    tiers = {j.doc_id: j.verdict.tier for j in judgements}
    sides = {
        "misgraded": [doc for doc, gap in gaps.items() if gap > 0],
        "overgraded": [doc for doc, gap in gaps.items() if gap < 0],
    }
    causes = []
    for key, docs in sides.items():
        points = sum(gaps[doc] for doc in docs) / len(gaps)
        cause = Cause(
            key=key,
            count=len(docs),
            bound=points,
            fair=points,
            interval=st.Interval(points, points),
            rate_from="both verdicts are known",
            docs=tuple(docs),
            sure={"surely": len(docs)},
            why={f"the log's {run.metric or 'verdict'} against our grader": len(docs)},
            mend=CAUSES[key][1],
            tiers=Counter(tiers[doc] for doc in docs),
        )
        causes += [cause] if docs else []
    return causes
