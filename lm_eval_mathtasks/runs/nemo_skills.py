"""NeMo-Skills' folders: <benchmark>/output-rs<seed>.jsonl, the same docs in each file."""

from collections import Counter
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
    """Yield the one run of a folder with a file for each seed, the seeds as repeats.

    A seed that did not end may lack docs in the middle: they are told by their questions, where those are there.
    """
    lines, ids = [], dict[tuple[str, int], str]()
    for path in source.files:
        again = Counter[str]()
        for number, line in enumerate(lines_of(path, choice)):
            asked = (line.question, again[line.question]) if line.question else ("", number)
            again[line.question] += 1
            own = line.id or ids.setdefault(asked, str(len(ids)))
            seed = path.name.removeprefix("output-").partition(".")[0]
            lines.append(line._replace(id=own, repeat=seed, task=line.task or source.path.name))
    yield from runs_of_lines(lines, source.path, choice.metric)
