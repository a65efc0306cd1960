"""What no log of one run has: numbers that contradict each other, and answers that are not all there."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell
from lm_eval_mathtasks.runs.records import Run, told

_ROUNDED = 0.005  # of a score as results state it


def doubted(run: Run, *found: Mapping[str, str]) -> Run:
    """Return a run with doubts among its settings, by the part of the protocol that they break."""
    known = run.provenance.settings.get("doubts") or {}
    doubts = {name: words for one in (known, *found) for name, words in one.items()}
    return told(run, settings={**run.provenance.settings, "doubts": doubts}) if doubts else run


def other_score(stated: object, scores: Iterable[float | None]) -> dict[str, str]:
    """Return the doubt where results state another score, as a fraction, than the samples have."""
    known, number = [score for score in scores if score is not None], number_in_cell(stated)
    if number is None or not known or abs(number - sum(known) / len(known)) <= _ROUNDED:
        return {}
    mean = 100 * sum(known) / len(known)
    return {"results": f"{100 * number:.1f} in the results, {mean:.1f} in the samples"}


def other_metrics(path: Path, run: Run) -> dict[str, str]:
    """Return the doubt where a metrics.json beside lines, as NeMo-Skills writes it, has other scores of their verdict
    than they have: in percent, under the verdict's name, and one for each way to count several answers."""
    beside = (path if path.is_dir() else path.parent) / "metrics.json"
    stated = (
        list(_under(run.metric, read_json(beside, EvidenceError))) if run.metric and beside.exists() else []
    )
    found = [other_score(number / 100, (row.score for row in run.rows)) for number in stated]
    return found[0] if found and all(found) else {}


def _under(name: str, content: object) -> Iterator[float]:
    """The numbers that stand under a name anywhere in objects."""
    for key, value in content.items() if isinstance(content, dict) else ():
        if key == name and isinstance(value, int | float):
            yield value
        yield from _under(name, value)


def fewer_repeats(there: int, asked: object) -> dict[str, str]:
    """Return the doubt where a log has fewer answers to each doc than were asked for: they may be the best."""
    if (number := number_in_cell(asked)) is None or number <= there:
        return {}
    return {"repeats": f"{there} in the log, {number:g} asked for"}


def impossible_count(counts: Mapping[str, Any], limit: Any, score: Any, error: Any) -> str | None:
    """Return what the number of docs that results state contradicts in them, None for nothing: a limit; a standard
    error that is larger than any scores from 0 to 1 with that mean leave to so many docs."""
    docs, original = counts.get("effective"), counts.get("original")
    if not isinstance(docs, int):
        return None
    if isinstance(limit, int | float) and limit > 0:
        most = limit if limit >= 1 else math.ceil(limit * original) if isinstance(original, int) else docs
        if docs > most:
            return f"{docs} docs under a limit of {limit:g}"
    if (
        isinstance(error, int | float)
        and isinstance(score, int | float)
        and docs > 1
        and math.isfinite(error)
    ):
        largest = math.sqrt(max(0.0, score * (1 - score)) / (docs - 1))
        if error > largest * (1 + _ROUNDED) + _ROUNDED**2:
            return f"{docs} docs, and a standard error of fewer"
    return None
