"""The sentence that a comparison comes to: one that a person can quote, with its numbers and intervals."""

from collections.abc import Mapping, Sequence

from lm_eval_mathtasks.leaderboard.claims import Claims
from lm_eval_mathtasks.leaderboard.compare import Comparison
from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.leaderboard.instances import Drop, Spread
from lm_eval_mathtasks.leaderboard.paired import Paired, Ranked
from lm_eval_mathtasks.leaderboard.protocol import docs_asked
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import percent, with_interval

NAMED = 3  # causes that a sentence names


def name_of(run: Run) -> str:
    """The model of a run, by the last part of its path."""
    return (run.model or "the unnamed model").rstrip("/").rpartition("/")[2]


def breaking(compared: Comparison) -> str:
    """The names of what makes a comparison none, in one line; empty where nothing does."""
    return ", ".join(part.name for part in compared.reasons if part.effect == "breaks")


def said_of_claim(run: Run, compared: Comparison) -> str:
    """What the comparison with one published score comes to."""
    ours, theirs = compared.ours, compared.theirs
    verdict = compared.verdict
    if compared.outcome == "equivalent":
        verdict = verdict.replace("equivalent", f"equivalent within {percent(compared.margin, 1)} points")
    broken = breaking(compared)
    return (
        f"{name_of(run)} scores {with_interval(ours.value, ours.interval)} on {run.task} ({ours.docs:,} docs), "
        f"{with_interval(compared.delta, compared.interval, signed=True)} points from the "
        f"{percent(theirs.value, 1)} that {compared.claim.source.title} states: {verdict}"
        f"{f' ({broken})' if broken else ''}."
    )


def said_of_no_claim(run: Run, claims: Claims) -> str:
    """Why a run stands beside no published score, and what to do: it is no fault of the run."""
    if claims.benchmark_of(run.task, docs_asked(run)) is None:
        return f"No published score on {run.task}. Compare it with another run, or name the set it is: --benchmark."
    return f"No published score of this model on {run.task}. Compare it with another run, or name the model: --model."


def said_of_pair(paired: Paired) -> str:
    """What two runs on the same docs come to."""
    one, two = (name_of(run) for run in (paired.first, paired.second))
    if one == two:
        one, two = "the first run", "the second run"
    what = "they differ" if paired.significant else "the difference may be noise"
    p = "" if paired.p_value is None else f", p = {paired.p_value:.2g}"
    return (
        f"On {paired.docs:,} common docs of {paired.first.task} {one} scores {percent(paired.scores[0], 1)} and {two} "
        f"{percent(paired.scores[1], 1)}: {what} "
        f"({with_interval(paired.delta, paired.interval, signed=True)} points{p})."
    )


def said_of_spread(run: Run, spread: Spread) -> str:
    """Whether the instances of a run's problems differ."""
    what = "more than by chance" if spread.unstable else "no more than by chance"
    return (
        f"{name_of(run)} scores {with_interval(spread.mean, spread.interval)} on {run.task}, and its "
        f"{spread.instances} instances differ {what}."
    )


def said_of_drop(first: Run, second: Run, drop: Drop) -> str:
    """What two runs come to, of which one draws the problems of the other anew."""
    what = "they differ" if drop.significant else "the difference may be noise"
    return (
        f"On {drop.problems:,} problems of {first.task} and {second.task} the first run scores "
        f"{percent(drop.scores[0], 1)} and the second {percent(drop.scores[1], 1)}: {what} "
        f"({with_interval(drop.delta, drop.interval, signed=True)} points)."
    )


def said_of_ranking(task: str, ranked: Sequence[Ranked]) -> str:
    """Which of several runs is best, and which cannot be told apart from it."""
    best, *others = ranked
    beside = [one.name for one in others if one.group == best.group]
    apart = f"cannot be told apart from {', '.join(beside)}" if beside else "is told apart from all others"
    score = percent(best.score, 1)
    return f"Of {len(ranked)} runs on {task} the best is {best.name} with {score}; it {apart}."


def said_of_baseline(name: str, means: Mapping[str, float]) -> str:
    """How the best of several runs stands to a baseline."""
    path, mean = max(means.items(), key=lambda one: one[1])
    return f"{path} has {mean:.3f} times the scores of {name}, as the harmonic mean over benchmarks."


def said_of_gap(explained: Explanation) -> str:
    """Where the points of a run went."""
    run, score = explained.run, percent(explained.score, 1)
    lost = sorted((cause for cause in explained.causes if cause.fair > 0), key=lambda cause: -cause.fair)
    parts = [
        f'{percent(c.fair, 1)} points by "{c.title}" ({c.count} response{"s" * (c.count > 1)})'
        for c in lost[:NAMED]
    ]
    more = len(lost) - len(parts)
    parts += [f"{percent(sum(c.fair for c in lost[NAMED:]), 1)} by {more} other causes"] if more else []
    accounted = f"its responses account for {', '.join(parts)}"
    went = accounted if parts else "no response was lost to its form or a cut"
    if explained.published is None:
        return f"{name_of(run)} scores {score} on {run.task}; {went}."
    gap = explained.published - explained.score
    where = f"{percent(abs(gap), 1)} points {'below' if gap >= 0 else 'above'} the published score"
    left = ""
    if explained.remaining is not None:
        left = f"; {percent(explained.remaining, 1)} points are not accounted for"
    return f"{name_of(run)} scores {score} on {run.task}, {where}; {went}{left}."
