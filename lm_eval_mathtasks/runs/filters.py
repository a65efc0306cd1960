"""Which metric of an lm-eval log, under which filter, is the run's own score, and what such a score is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.lm_eval_schema import OURS, SampleLine, TaskConfig, filter_of, number_in
from lm_eval_mathtasks.runs.score_names import of_several

# Which metric is the score: graded accuracy first, then the patterns from lenient to strict.
_METRICS = ("exact_match", "math_verify", "acc", "accuracy")
_FILTERS = ("none", "all", "flexible-extract", "strict-match", "get-answer")


class Meaning(NamedTuple):
    """What a score is, and of how many answers to each doc; kind: None where the log does not say."""

    kind: str | None
    k: int


def choose_metric(
    available: Collection[tuple[str, str]], wanted: str | None, path: Path, config: TaskConfig
) -> tuple[str | None, str]:
    """Return the metric and filter whose number is the run's own score; None for a log without a known one.

    available: the metrics and filters of the log. A vote over several answers is a score of its own, and taken only
    where there is no other. Raises EvidenceError where `wanted` is not in the log.
    """
    if wanted:
        name, _, filter_name = wanted.partition(",")
        fits = sorted(pair for pair in available if pair[0] == name and filter_name in ("", pair[1]))
        if not fits:
            known = ", ".join(sorted(",".join(pair) for pair in available))
            raise EvidenceError(f"the metric {wanted} in {path}", f"only {known}", "choose one of these")
        return fits[0]

    def order(name: str) -> tuple[bool, int, str]:
        place = _FILTERS.index(name) if name in _FILTERS else len(_FILTERS)
        return _votes(config, name), place, name

    for metric in _METRICS:
        if filters := [pair[1] for pair in available if pair[0] == metric]:
            return metric, min(filters, key=order)
    return None, min((pair[1] for pair in available), default="none")


def metrics_in(lines: Iterable[SampleLine]) -> set[tuple[str, str]]:
    """Return all metrics and filters of the lines: lm-eval writes all docs of one filter, then all of the next."""
    return {(name, filter_of(line)) for line in lines for name in metric_names(line)}


def metric_names(line: SampleLine) -> list[str]:
    """Return which metrics a line has: logs before 0.4.3 do not list them."""
    if (listed := line.get("metrics")) is not None:
        return list(listed)
    return [name for name in _METRICS if number_in(line, name) is not None]


def _steps(config: TaskConfig, filter_name: str) -> list[Mapping[str, object]] | None:
    """What a filter does, None where the log does not say."""
    listed = config.get("filter_list") or ()
    return next((list(one["filter"]) for one in listed if one.get("name") == filter_name), None)


def _votes(config: TaskConfig, filter_name: str) -> bool:
    named = "maj" in filter_name.lower()
    steps = _steps(config, filter_name)
    return named if steps is None else any(step.get("function") == "majority_vote" for step in steps)


def meaning(  # noqa: PLR0913  # what the log says of one score
    config: TaskConfig, metric: str | None, filter_name: str, *, ours: bool, scores: Iterable[float], k: int
) -> Meaning:
    """Return what the score of a task is, read from what the filter does.

    ours: the metrics are those of our hooks, which take the mean over all answers; scores: of the docs, of which
    shares are such a mean too; k: answers to each doc.
    """
    if found := of_several(metric, k):
        return Meaning(*found)
    if k == 1:
        return Meaning("pass@1", 1)
    steps = _steps(config, filter_name)
    taken = next((step["k"] for step in steps or () if step.get("function") == "take_first_k"), k)
    asked = taken if isinstance(taken, int) else k
    if _votes(config, filter_name):
        return Meaning("maj@k", asked)
    if ours or any(0 < score < 1 for score in scores):
        return Meaning("avg@k", asked)
    if steps is not None and any(step.get("function") == "take_first" for step in steps):
        return Meaning("pass@1", 1)
    return Meaning(None, asked)


def written_by_us(available: Iterable[tuple[str, str]]) -> bool:
    """Whether these metrics are those of our hooks."""
    return any(name == OURS for name, _ in available)


def other_filters(lines: Sequence[SampleLine], name: str | None, chosen: str) -> tuple[str, ...]:
    """Return what the same metric says under the filters that were not taken: strict can be far from lenient."""
    values: dict[str, list[float]] = {}
    for line in lines:
        value = number_in(line, name) if name else None
        if value is not None and filter_of(line) != chosen:
            values.setdefault(filter_of(line), []).append(value)
    means = ((f"{name},{other}", sum(v) / len(v)) for other, v in values.items())
    return tuple(
        f"scored by {name},{chosen}; by {key} it is {mean:.2%} (--metric {key})" for key, mean in means
    )
