"""What no log of one run has: numbers that contradict each other, and answers that are not all there."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell
from lm_eval_mathtasks.runs.records import Run, told

_ROUNDED = 0.005  # of a score as results state it
# What summaries call the share of right answers.
_ACCURACY = (
    r"(?!num|n_|total|count)(?:\w+_)?(?:accuracy|acc|exact_match(?:_indicator)?|math_equiv\w*|correct)"
)
_MEAN = re.compile("mean")


def doubted(run: Run, *found: Mapping[str, str]) -> Run:
    """Return a run with doubts among its settings, by the part of the protocol that they break."""
    known = run.provenance.settings.get("doubts") or {}
    doubts = {name: words for one in (known, *found) for name, words in one.items()}
    return told(run, settings={**run.provenance.settings, "doubts": doubts}) if doubts else run


def other_score(stated: Iterable[object], scores: Iterable[float | None]) -> dict[str, str]:
    """Return the doubt where all that results state, as fractions, are other scores than the samples have."""
    known, numbers = [score for score in scores if score is not None], _numbers(stated)
    mean = sum(known) / len(known) if known else 0.0
    if not known or not numbers or any(abs(number - mean) <= _ROUNDED for number in numbers):
        return {}
    return {"results": f"{100 * max(numbers):.1f} in the results, {100 * mean:.1f} in the samples"}


def with_results(run: Run, *stated: object) -> Run:
    """Return a run with the doubt of `other_score`; one without verdicts of its own with what results state,
    which is its score, for whoever judges its responses."""
    if all(row.score is None for row in run.rows):
        found = tuple(one for one in _numbers(stated) if 0 <= one <= 1)
        words = ", ".join(f"{100 * one:.1f}" for one in found)
        notes = (f"no verdicts, but a score in the results: {words}",) if found else ()
        return told(run, stated=found, notes=(*run.provenance.notes, *notes))
    return doubted(run, other_score(stated, (row.score for row in run.rows)))


def _numbers(stated: Iterable[object]) -> list[float]:
    return [number for one in stated if (number := number_in_cell(one)) is not None]


def with_summary(path: Path, run: Run, *names: str) -> Run:
    """Return a run with what a summary beside its file states: in percent or as a fraction, under the name of its
    verdict or of an accuracy, and one for each way to count several answers."""
    folder = path if path.is_dir() else path.parent
    found = [file for name in names if (file := folder / name).exists()]
    own, several = re.escape(run.metric or ""), any(len(row.responses) > 1 for row in run.rows)
    known = re.compile(own if several else f"{own}|{_ACCURACY}")
    numbers = (one for file in found for one in _under(known, read_json(file, EvidenceError)))
    return with_results(run, *(number / 100 if number > 1 else number for number in numbers))


def _under(names: re.Pattern[str], content: object) -> Iterator[float]:
    """The numbers that stand under names anywhere in objects, or beside them, as HELM writes its statistics."""
    if isinstance(content, list):
        for one in content:
            yield from _under(names, one)
    for key, value in content.items() if isinstance(content, dict) else ():
        if names.fullmatch(key) and isinstance(value, int | float):
            yield value
        yield from _under(names, value)
    of_helm = content.get("name") if isinstance(content, dict) else None
    if isinstance(of_helm, dict) and names.fullmatch(str(of_helm.get("name"))):
        yield from _under(_MEAN, content)


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
