"""What a trained verifier is worth: on held-out samples beside vote and oracle, and on ProcessBench."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import harmonic_mean
from typing import NamedTuple

from lm_eval_mathtasks.choosing.chosen import BEST, WEIGHTED, areas, choose, gain, outscored
from lm_eval_mathtasks.choosing.kept_scores import score_run
from lm_eval_mathtasks.choosing.score_files import numbers_of
from lm_eval_mathtasks.choosing.scorer import Scorer, Settings
from lm_eval_mathtasks.choosing.scorers import make_scorer
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.numbers.differences import paired_bootstrap
from lm_eval_mathtasks.numbers.estimators import Votes, majority
from lm_eval_mathtasks.numbers.intervals import wilson
from lm_eval_mathtasks.problems.rows import read_rows
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.sampling.curves import Point, score
from lm_eval_mathtasks.sampling.curves import votes as votes_of
from lm_eval_mathtasks.tables import Table, with_interval
from lm_eval_mathtasks.training.pairs import sampled_run

_TITLES = {"avg@k": "mean (avg@{n})", "pass@k": "oracle (pass@{n})", "maj@k": "majority (maj@{n})"}
ERROR_BELOW = 0.5  # a step whose probability of "good" is below it is called wrong


def on_samples(spec: str, path: Path, settings: Settings) -> Table:
    """Return the accuracy of choosing among sampled responses by a verifier, beside vote, oracle and mean.

    spec: KIND:FOLDER as for `mathtasks choose`. Always there: how well it tells right from wrong within a doc, and over
    all responses, which a verifier that only knows which docs are hard does as well.
    """
    run = sampled_run(path)
    judged = judge_run(run)
    votes = votes_of(run, judged)
    scored = score_run(run, make_scorer(spec, settings), spec)
    numbers = numbers_of(scored, judged, "min")
    n = min(v.n for v in votes)
    chosen = choose(votes, numbers, [n], "exp" if spec.startswith("orm") else "sum")
    points = {curve.label: curve.at(n) for curve in chosen.curves}
    rows = [
        (_TITLES.get(name, name.replace("k", str(n))).format(n=n), with_interval(point.value, point.interval))
        for name, point in points.items()
    ]
    distinct = [best_distinct(v, numbers[v.doc_id]) for v in votes]
    found = Point(n, *score(distinct))
    title = f"best of the distinct answers among {max(v.n for v in votes)}"
    rows.insert(-1, (title, with_interval(found.value, found.interval)))
    base = [majority(v)[v.n - 1] for v in votes]
    gains = {f"best-of-{n}": chosen.gains[BEST], f"weighted@{n}": chosen.gains[WEIGHTED]}
    gains["distinct"] = gain(distinct, base)
    gained = "; ".join(f"{name} {with_interval(*own, signed=True)}" for name, own in gains.items())
    notes = (
        f"{len(votes)} docs of {run.label}; percent [95 % interval over docs]; scores: {spec}",
        _areas(votes, numbers),
        f"against majority, in points [paired over docs]: {gained}",
    )
    return Table("What choosing by the verifier gives", ("choice", "accuracy"), tuple(rows), notes)


def best_distinct(votes: Votes, scores: Sequence[float]) -> float:
    """The accuracy of the answer whose responses have the highest mean score; answers that tie share the choice.

    Of single responses, the best of many draws a wrong answer with a lucky score; a right one that many gave has one.
    """
    by_answer: dict[int, list[int]] = {}
    for place, answer in enumerate(votes.classes):
        if answer is not None:
            by_answer.setdefault(answer, []).append(place)
    if not by_answer:
        return 0.0
    means = {answer: math.fsum(scores[i] for i in own) / len(own) for answer, own in by_answer.items()}
    best = [by_answer[answer] for answer, mean in means.items() if mean == max(means.values())]
    right = [sum(votes.correct[i] for i in own) / len(own) for own in best]
    return math.fsum(right) / len(right)


def overall_area(votes: Sequence[Votes], scores: Mapping[str, Sequence[float]]) -> float | None:
    """How often a right response outscores a wrong one, of whatever docs the two are; ties half."""
    return outscored(pair for one in votes for pair in zip(one.correct, scores[one.doc_id], strict=True))


class FirstErrors(NamedTuple):
    """ProcessBench (Zheng et al. 2024): rows whose first wrong step was found, and rows rightly called whole."""

    subset: str
    found: int
    erroneous: int
    passed: int
    whole: int

    @property
    def f1(self) -> float:
        """The harmonic mean of both accuracies; 0 where one of them is, NaN without rows of a kind."""
        if not self.erroneous or not self.whole:
            return math.nan
        return harmonic_mean([self.found / self.erroneous, self.passed / self.whole])


def on_processbench(spec: str, files: Sequence[Path], settings: Settings) -> Table:
    """Return F1 of the first wrong step by subset, a file each with question, steps and label (-1: none is wrong)."""
    scorer = make_scorer(spec, settings)
    found = [first_errors(file, scorer) for file in files]
    rows = tuple(
        (one.subset, f"{100 * one.f1:.1f}", _share(one.found, one.erroneous), _share(one.passed, one.whole))
        for one in found
    )
    mean = sum(one.f1 for one in found) / len(found)
    notes = (f"mean F1 {100 * mean:.1f}; a step below {ERROR_BELOW} is called wrong; scores: {spec}",)
    columns = ("subset", "F1", "first wrong step found", "whole solutions passed")
    return Table("ProcessBench", columns, rows, notes)


def first_errors(file: Path, scorer: Scorer) -> FirstErrors:
    """Count the rows of one subset that a verifier of steps judges as labelled."""
    counts = {True: [0, 0], False: [0, 0]}
    for number, row in enumerate(read_rows(file), 1):
        steps, label = row.get("steps"), row.get("label")
        if not (isinstance(steps, list) and isinstance(label, int) and isinstance(row.get("question"), str)):
            fix = "ProcessBench has question, steps and label"
            raise DataError(f"a row of ProcessBench in line {number} of {file}", ", ".join(row), fix)
        # A step is a line of the verifier's text: its own line breaks would be steps of their own.
        text = "\n".join(" ".join(str(step).split()) or "." for step in steps)
        (values,) = scorer.score(row["question"], [text])
        by_step = values if isinstance(values, tuple) else (values,)
        wrong = [i for i, value in enumerate(by_step) if value < ERROR_BELOW]
        own = counts[label >= 0]
        own[1] += 1
        own[0] += (wrong[0] if wrong else -1) == label
    return FirstErrors(file.name.split(".")[0], *counts[True], *counts[False])


def _areas(votes: Sequence[Votes], numbers: Mapping[str, Sequence[float]]) -> str:
    within, overall = areas(votes, numbers), overall_area(votes, numbers)
    if not within:
        return "no doc has both a right and a wrong response: there is nothing to tell apart"
    mean = math.fsum(within) / len(within)
    return (
        f"within a doc a right response outscores a wrong one in {with_interval(mean, paired_bootstrap(within))} % "
        f"of pairs ({len(within)} docs with both); over all responses in {100 * (overall or 0):.1f} %"
    )


def _share(count: int, of: int) -> str:
    return with_interval(count / of, wilson(count / of, of)) + f" of {of}" if of else "none"
