"""Runs on the same docs: what differs in their configuration, whether the difference is noise, which docs flipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import harmonic_mean

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.leaderboard.protocol import shown
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.problems.gold import gold_key
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.runs.shown import shown_by

# Harnesses spell one in a thousand in a way that makes them another.
FEW_GOLDS = 0.01
_OF_PROVENANCE = {
    "harness": "harness", "harness version": "version", "task version": "task_version", "commit": "commit",
}  # fmt: skip
ALPHA = 0.05  # significance groups; Holm's correction keeps it for all pairs together


@dataclass(frozen=True)
class Flip:
    """A doc that one run got right and the other did not; scores are shares of right answers."""

    doc_id: str
    first: float
    second: float
    first_answer: str | None
    second_answer: str | None


@dataclass(frozen=True)
class Paired:
    """Two runs on the same docs, `docs` of them. delta = first - second, as a fraction; p_value: exact McNemar on docs
    whose score is 0 or 1 in both runs, None with repeats and where docs were drawn from `problems` fewer than they are
    (then the bootstrap interval decides)."""

    first: Run
    second: Run
    scores: tuple[float, float]
    changes: tuple[tuple[str, str, str], ...]
    delta: float
    interval: st.Interval
    p_value: float | None
    only_first: int
    only_second: int
    flips: tuple[Flip, ...]
    docs: int
    problems: int

    @property
    def significant(self) -> bool:
        """Whether the difference is more than noise at 5 %."""
        return self.p_value < ALPHA if self.p_value is not None else 0 not in self.interval


Shares = Mapping[str, float]
Answers = Mapping[str, str | None]


def aligned(first: Run, second: Run) -> Run:
    """Return the second run with the first's doc ids, where the ids differ and the questions are the same.

    Two harnesses number the same docs differently; a question that comes twice in a run cannot be told apart, and
    then nothing is changed.
    """
    if first.by_id().keys() & second.by_id().keys():
        return second
    ids = {" ".join(row.question.split()): row.doc_id for row in first.rows}
    asked = [" ".join(row.question.split()) for row in second.rows]
    if len(ids) < len(first.rows) or len(set(asked)) < len(asked) or not ids.keys() & set(asked):
        return second
    pairs = zip(second.rows, asked, strict=True)
    return replace(second, rows=tuple(replace(row, doc_id=ids.get(text, row.doc_id)) for row, text in pairs))


def own_shares(run: Run) -> dict[str, float]:
    """Return the run's own score by doc; raises EvidenceError where it did not grade."""
    if not run.scored:
        raise EvidenceError(f"a graded run of {run.label}", "docs without score", "pass --regrade")
    return {row.doc_id: float(row.score or 0.0) for row in run.answered}


def compare_runs(
    first: Run,
    second: Run,
    *,
    shares: tuple[Shares, Shares] | None = None,
    answers: tuple[Answers, Answers] = ({}, {}),
    force: bool = False,
) -> Paired:
    """Compare two runs doc by doc.

    shares: right answers by doc, by default the runs' own. answers: extracted answers by doc, for the flips.
    Raises EvidenceError where docs, prompts or task versions differ, unless forced; then the common docs count.
    """
    if not force:
        _refuse_unlike(first, second)
    one, two = shares or (own_shares(first), own_shares(second))
    common = [doc_id for doc_id in one if doc_id in two]
    if not common:
        raise EvidenceError("docs that both runs have", "none in common", "compare runs of one task")
    # Docs that were drawn from one problem are alike: they count as one.
    of = {row.doc_id: row.original or row.doc_id for row in first.rows}
    problems: dict[str, list[float]] = {}
    for d in common:
        problems.setdefault(of.get(d, d), []).append(one[d] - two[d])
    deltas = [one[d] - two[d] for d in common]
    flips = tuple(
        Flip(d, one[d], two[d], answers[0].get(d), answers[1].get(d))
        for d in common
        if (one[d] > 0.5) != (two[d] > 0.5)
    )
    tested = len(problems) == len(common) and all(v in (0, 1) for d in common for v in (one[d], two[d]))
    only_first, only_second = sum(f.first > f.second for f in flips), sum(f.second > f.first for f in flips)
    return Paired(
        first,
        second,
        (sum(one[d] for d in common) / len(common), sum(two[d] for d in common) / len(common)),
        tuple(configuration_changes(first, second)),
        sum(deltas) / len(deltas),
        st.paired_bootstrap([sum(found) / len(found) for found in problems.values()]),
        st.mcnemar(only_first, only_second) if tested else None,
        only_first,
        only_second,
        flips,
        len(common),
        len(problems),
    )


def configuration_changes(first: Run, second: Run) -> list[tuple[str, str, str]]:
    """Return (what, first, second) for everything that the two logs state differently."""
    pairs = [
        (f.name, getattr(first.protocol, f.name), getattr(second.protocol, f.name))
        for f in fields(first.protocol)
    ]
    pairs += [
        ("model", first.model, second.model),
        ("task", first.task, second.task),
        ("metric of the log", first.metric, second.metric),
        ("weights", _changes(first), _changes(second)),
        *(
            (words, getattr(first.provenance, name), getattr(second.provenance, name))
            for words, name in _OF_PROVENANCE.items()
        ),
    ]
    golds = other_golds(first, second)
    pairs += [("reference answers", "", f"{golds} others")] if golds else []
    unhashed = [pair for pair in _both(first, second) if None in (pair[0].prompt_hash, pair[1].prompt_hash)]
    prompts = sum(one.prompt != two.prompt for one, two in unhashed if one.prompt and two.prompt)
    pairs += [("prompts", "", f"{prompts} others")] if prompts else []
    seen = zip(_seen(first).items(), _seen(second).values(), strict=True)
    pairs += [(name, one, two) for (name, one), two in seen]
    ours, theirs = first.provenance.settings, second.provenance.settings
    pairs += [(key, ours.get(key), theirs.get(key)) for key in dict.fromkeys((*ours, *theirs))]
    return [(name, shown(a), shown(b)) for name, a, b in pairs if a != b]


def _changes(run: Run) -> str:
    """What makes the weights of a run others than the published ones of its name."""
    return ", ".join(run.provenance.weights.changes) if run.provenance.weights else ""


def _both(first: Run, second: Run) -> list[tuple[Row, Row]]:
    theirs = second.by_id()
    return [(row, theirs[row.doc_id]) for row in first.rows if row.doc_id in theirs]


def _seen(run: Run) -> dict[str, object]:
    """What prompts and responses show of how a run was asked, whatever its log states."""
    found = shown_by(run)
    return {
        "thinking in the responses": found.thinks,
        "outputs of tools in the responses": bool(found.with_tools),
        "examples in the prompts": found.examples,
        "system message in the prompts": found.system,
    }


def other_golds(first: Run, second: Run) -> int:
    """How many docs have another reference answer in the second run."""
    pairs = ((one.gold, two.gold) for one, two in _both(first, second))
    return sum(
        one != two and gold_key(one) != gold_key(two)
        for one, two in pairs
        if one is not None and two is not None
    )


def _refuse_unlike(first: Run, second: Run) -> None:
    versions = first.provenance.task_version, second.provenance.task_version
    if first.task == second.task and None not in versions and versions[0] != versions[1]:
        raise _unlike("one version of the task", f"versions {versions[0]} and {versions[1]} of {first.task}")
    ours, theirs = first.by_id(), second.by_id()
    _refuse(sorted(ours.keys() ^ theirs.keys()), "docs", "in only one run")
    _refuse([d for d in ours if _other_doc(ours[d], theirs[d])], "docs", "with another text")
    golds = other_golds(first, second)
    if golds > FEW_GOLDS * len(ours):
        raise _unlike("the same reference answers", f"{golds} of {len(ours)} docs with another one")
    hashes = {d: (ours[d].prompt_hash, theirs[d].prompt_hash) for d in ours}
    prompts = [d for d, pair in hashes.items() if None not in pair and pair[0] != pair[1]]
    _refuse(prompts, "prompts", "with another prompt")


def _refuse(docs: Sequence[str], what: str, why: str) -> None:
    if docs:
        raise _unlike(f"the same {what}", f"{len(docs)} docs {why}, for instance {', '.join(docs[:5])}")


def _unlike(wanted: str, got: str) -> EvidenceError:
    return EvidenceError(wanted, got, "pass --force to compare the docs that both have")


def _other_doc(one: Row, two: Row) -> bool:
    if one.doc_hash and two.doc_hash:
        return one.doc_hash != two.doc_hash
    return bool(one.question and two.question) and one.question.split() != two.question.split()


@dataclass(frozen=True)
class Ranked:
    """One run in a ranking. group: runs of one letter cannot be told apart from its best."""

    name: str
    score: float
    interval: st.Interval
    group: str


def rank(runs: Sequence[tuple[str, Shares]]) -> list[Ranked]:
    """Return runs on the same docs from best to worst, in significance groups.

    The best run opens group A; a run joins while McNemar (0/1 scores) or the paired bootstrap does not tell it from
    the group's first, all tests corrected together by Holm; otherwise it opens the next group.
    Raises EvidenceError where the runs have different docs.
    """
    if any(shares.keys() != runs[0][1].keys() for _, shares in runs):
        raise EvidenceError("runs over the same docs", "runs over different docs", "rank runs of one task")
    ordered = sorted(runs, key=lambda run: -sum(run[1].values()))
    pairs = [(i, j) for i in range(len(ordered)) for j in range(i + 1, len(ordered))]
    adjusted = dict(
        zip(pairs, st.holm([_p_value(ordered[i][1], ordered[j][1]) for i, j in pairs]), strict=True)
    )
    ranked, leader, group = [], 0, 0
    for place, (name, shares) in enumerate(ordered):
        if place and adjusted[leader, place] < ALPHA:
            leader, group = place, group + 1
        values = list(shares.values())
        mean = sum(values) / len(values)
        interval = st.of_mean(values)
        ranked.append(Ranked(name, mean, interval, _letter(group)))
    return ranked


def _letter(group: int) -> str:
    return chr(ord("A") + group) if group < 26 else f"G{group}"


def _p_value(one: Shares, two: Shares) -> float:
    """McNemar where all scores are 0 or 1, else a sign-flip z test of the paired differences."""
    deltas = [one[d] - two[d] for d in one]
    if all(delta in (-1, 0, 1) for delta in deltas):
        return st.mcnemar(deltas.count(1), deltas.count(-1))
    return st.sign_flip(deltas)


def harmonic_ratio(
    scores: Mapping[str, float], baseline: Mapping[str, float]
) -> tuple[dict[str, float], float]:
    """Return the ratios of scores to a baseline's by benchmark, and their harmonic mean.

    The mean that punishes a benchmark that got worse: how a checkpoint is chosen that must lose nowhere.
    Raises EvidenceError where benchmarks differ or the baseline has a 0.
    """
    if scores.keys() != baseline.keys():
        odd = ", ".join(sorted(scores.keys() ^ baseline.keys()))
        got, fix = f"only one side has {odd}", "add or leave out runs"
        raise EvidenceError("the same benchmarks on both sides", got, fix)
    if zeros := [name for name, value in baseline.items() if value == 0]:
        raise EvidenceError("a baseline above 0", f"0 on {', '.join(zeros)}", "leave that benchmark out")
    ratios = {name: scores[name] / baseline[name] for name in scores}
    return ratios, harmonic_mean(list(ratios.values()))
