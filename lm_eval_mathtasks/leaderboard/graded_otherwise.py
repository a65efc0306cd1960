"""What a run's own grader and ours see differently, and how sure ours is."""

from collections import Counter
from collections.abc import Mapping, Sequence

from lm_eval_mathtasks.grading.extract import MARKED, STATED
from lm_eval_mathtasks.leaderboard.lost_points import CAUSES, Cause
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.judged import Judged
from lm_eval_mathtasks.runs.records import Run

_EXACT_TIERS = frozenset({"text", "number", "exact"})


def graded_otherwise(run: Run, judgements: list[Judged], ours: Mapping[str, float]) -> list[Cause]:
    """What the run's own grader and ours see differently; exact, for both verdicts are known."""
    if not run.scored:
        return []
    gaps = {row.doc_id: ours[row.doc_id] - (row.score or 0.0) for row in run.answered}
    tiers = {j.doc_id: j.verdict.tier for j in judgements}
    sure = certainties(run, judgements)
    # By how many responses of a doc the two differ.
    many = {row.doc_id: max(1, round(abs(gaps[row.doc_id]) * len(row.there))) for row in run.answered}
    sides = {
        "misgraded": [doc for doc, gap in gaps.items() if gap > 0],
        "overgraded": [doc for doc, gap in gaps.items() if gap < 0],
    }
    causes = []
    for key, docs in sides.items():
        points = sum(gaps[doc] for doc in docs) / len(gaps)
        cause = Cause(
            key=key,
            count=sum(many[doc] for doc in docs),
            bound=points,
            fair=points,
            interval=st.Interval(points, points),
            rate_from="both verdicts are known",
            docs=tuple(docs),
            sure=_counted(docs, sure, many),
            why={f"the log's {run.metric or 'verdict'} against our grader": sum(many[doc] for doc in docs)},
            fix=CAUSES[key][1],
            tiers=_counted(docs, tiers, many),
        )
        causes += [cause] if docs else []
    return causes


def _counted(docs: Sequence[str], kinds: Mapping[str, str], many: Mapping[str, int]) -> Counter[str]:
    """How many responses there are of each kind."""
    return Counter(kinds[doc] for doc in docs for _ in range(many[doc]))


def certainties(run: Run, judgements: Sequence[Judged]) -> dict[str, str]:
    """How sure our own verdict on each doc is, the least of its responses: an accusation may be our mistake.

    Surely: an answer that the response marks as final, by text or exact numbers, or an empty response. Likely: another
    that it states, or by the other tiers of the grader. Possibly: an answer that was guessed from the text, or none.
    """
    found: dict[str, int] = {}
    rows = run.by_id()
    for one in judgements:
        rule, tier = one.extraction.rule, one.verdict.tier
        empty = not rows[one.doc_id].responses[one.repeat].strip()
        sure = 0 if empty or (rule in MARKED and tier in _EXACT_TIERS) else 1 if rule in STATED else 2
        found[one.doc_id] = max(sure, found.get(one.doc_id, 0))
    return {doc: ("surely", "likely", "possibly")[sure] for doc, sure in found.items()}
