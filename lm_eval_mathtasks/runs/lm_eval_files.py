"""The names of lm-eval's files: which samples and results belong together, and which are the newest."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lm_eval_mathtasks.runs.records import Source

RESULTS = re.compile(r"results_(?P<date>.+)\.json$")
SAMPLES = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\d[^_]*)\.jsonl(\.gz)?$")


class Samples(NamedTuple):
    """A samples file, and what its name says."""

    file: Path
    task: str
    date: str


def samples_among(files: Iterable[Path]) -> list[Samples]:
    """Return the samples files among these."""
    return [Samples(file, m["task"], m["date"]) for file in files if (m := SAMPLES.match(file.name))]


def samples_beside(results: Path) -> list[Samples]:
    """Return the samples files of a results file; all in its folder, where its name has no date."""
    match = RESULTS.match(results.name)
    found = samples_among(sorted(results.parent.glob("samples_*")))
    return [one for one in found if match is None or one.date == match["date"]]


def newest(sources: Iterable[Source]) -> Iterator[Source]:
    """Yield the sources without the samples of a task that a later run beside them has too, and without results that
    have no samples and are not the last in their folder; each says what was left out for it."""
    sources = list(sources)
    samples = [one for source in sources for one in samples_among(source.files)]
    last = {(one.file.parent, one.task): one.date for one in sorted(samples, key=lambda one: one.date)}
    old = {one.file for one in samples if one.date < last[one.file.parent, one.task]}
    results = sorted(source.path for source in sources if RESULTS.match(source.path.name))
    last_results = {path.parent: path for path in results}
    for source in sources:
        kept = {(one.file.parent, one.task) for one in samples_among(source.files) if one.file not in old}
        if kept or last_results.get(source.path.parent, source.path) == source.path:
            before = [
                one.file.name for one in samples if one.file in old and (one.file.parent, one.task) in kept
            ]
            notes = (f"older runs beside it are left out: {', '.join(sorted(before))}",) if before else ()
            files = tuple(file for file in source.files if file not in old)
            yield replace(source, files=files, notes=notes)
