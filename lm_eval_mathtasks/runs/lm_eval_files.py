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
    last: dict[tuple[Path, str], str] = {}
    last_results: dict[Path, Path] = {}
    for source in sources:
        for file, task, date in samples_among(source.files):
            last[file.parent, task] = max(date, last.get((file.parent, task), ""))
        if RESULTS.match(source.path.name):
            folder = source.path.parent
            last_results[folder] = max(source.path, last_results.get(folder, source.path))
    everything = [one for source in sources for one in samples_among(source.files)]
    for source in sources:
        own = samples_among(source.files)
        old = {file for file, task, date in own if date < last[file.parent, task]}
        if len(old) < len(own) or last_results.get(source.path.parent, source.path) == source.path:
            kept = {(one.file.parent, one.task) for one in own if one.file not in old}
            before = {
                one.file.name
                for one in everything
                if (one.file.parent, one.task) in kept and one.date < last[one.file.parent, one.task]
            }
            said = (f"older runs beside it are left out: {', '.join(sorted(before))}",) if before else ()
            files = tuple(file for file in source.files if file not in old)
            yield replace(source, files=files, notes=said)
