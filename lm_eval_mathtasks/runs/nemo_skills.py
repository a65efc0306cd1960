"""NeMo-Skills' folders: <benchmark>/output-rs<seed>.jsonl, the same docs in each file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.runs.plain import lines_of, runs_of_lines
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, Source

SEEDS = "output-rs*.jsonl"


def source_of(file: Path, _content: Any, named: bool) -> Source | None:
    """Return the source of all seeds of a run, where a folder was named; None if it is none. Arguments as in
    `lm_eval_logs.source_of`."""
    if named or not file.match(SEEDS):
        return None
    return Source(read_seeds, file.parent, tuple(sorted(file.parent.glob(SEEDS))))


def read_seeds(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the one run of a folder with a file for each seed, the seeds as repeats."""
    lines = [
        line._replace(id=line.id or str(number), repeat=seed, task=line.task or source.path.name)
        for seed, path in enumerate(source.files)
        for number, line in enumerate(lines_of(path, choice))
    ]
    yield from runs_of_lines(lines, source.path, choice.metric)
