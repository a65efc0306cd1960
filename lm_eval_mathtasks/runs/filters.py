"""Which metric of an lm-eval log, under which filter, is the run's own score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.lm_eval_schema import SampleLine, filter_of, number_in

# Which metric is the score: graded accuracy first, then the patterns from lenient to strict.
_METRICS = ("exact_match", "math_verify", "acc", "accuracy")
_FILTERS = ("none", "all", "flexible-extract", "strict-match", "get-answer")


def choose_metric(lines: Sequence[SampleLine], wanted: str | None, path: Path) -> tuple[str | None, str]:
    """Return the metric and filter whose number is the run's own score; None for a log without a known one.

    Raises EvidenceError where `wanted` is not in the log.
    """
    # lm-eval writes all docs of one filter, then all of the next: only all lines name every filter.
    available = {(name, filter_of(line)) for line in lines for name in line.get("metrics", ())}
    if wanted:
        name, _, filter_name = wanted.partition(",")
        fits = sorted(pair for pair in available if pair[0] == name and filter_name in ("", pair[1]))
        if not fits:
            known = ", ".join(sorted(",".join(pair) for pair in available))
            raise EvidenceError(f"the metric {wanted} in {path}", f"only {known}", "choose one of these")
        return fits[0]
    for name in _METRICS:
        filters = [pair[1] for pair in available if pair[0] == name]
        if filters:
            return name, min(
                filters, key=lambda f: (_FILTERS.index(f) if f in _FILTERS else len(_FILTERS), f)
            )
    return None, filter_of(lines[0])


def other_filters(lines: Sequence[SampleLine], name: str | None, chosen: str) -> tuple[str, ...]:
    """Return what the same metric says under the filters that were not taken: strict can be far from lenient."""
    values: dict[str, list[float]] = {}
    for line in lines:
        value = number_in(line, name) if name else None
        if value is not None and filter_of(line) != chosen:
            values.setdefault(filter_of(line), []).append(value)
    return tuple(
        f"scored by {name},{chosen}; by {name},{other} it is {sum(v) / len(v):.2%} (--metric {name},{other})"
        for other, v in values.items()
    )
