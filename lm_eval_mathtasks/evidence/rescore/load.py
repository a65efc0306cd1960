"""The runs of one unit, each with the lines it was read from; what cannot be read is named and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.rescore.inputs import SAMPLES, Unit, read_results
from lm_eval_mathtasks.runs.completion import with_finish_reasons
from lm_eval_mathtasks.runs.formats import read_seeds, reader_of
from lm_eval_mathtasks.runs.lm_eval_logs import read_samples
from lm_eval_mathtasks.runs.records import Row, Run, check, require_gold
from lm_eval_mathtasks.runs.references import with_gold
from lm_eval_mathtasks.text import safe_name


class Options(NamedTuple):
    """What the user chose. gold, journal: files; metric: which of a log's metrics is its own score; model, task: names
    for runs that have none; fresh: do again what was done."""

    out: str
    graders: tuple[str, ...] = ("ours",)
    gold: str | None = None
    journal: str | None = None
    metric: str | None = None
    model: str | None = None
    task: str | None = None
    fresh: bool = False
    strict: bool = False


class Loaded(NamedTuple):
    """A run, the samples lines its rows stand for (None: not a log of lm-eval), and the results beside them."""

    run: Run
    lines: list[dict[str, Any]] | None
    results: dict[str, Any]


def load(unit: Unit, options: Options, problem: Callable[[str], None]) -> Iterator[Loaded]:
    """Yield the runs of a unit, complete and checked; `problem` is told of each that cannot be read.

    Raises EvidenceError instead where the options are strict.
    """
    parts = _lm_eval_parts(unit, options, problem) if unit.samples else _other_parts(unit, options)
    while True:
        try:
            loaded = next(parts)()
        except StopIteration:
            return
        except EvidenceError as error:
            if options.strict:
                raise
            problem(str(error))
            continue
        yield loaded


Part = Callable[[], Loaded]  # raises EvidenceError


def _lm_eval_parts(unit: Unit, options: Options, problem: Callable[[str], None]) -> Iterator[Part]:
    path = Path(unit.source)
    results = read_results(path)
    if path.exists() and not results:
        problem(f"{path} is not readable JSON: its samples are rescored without names and versions")
    files: dict[str, Path] = {}
    for sample in sorted(map(Path, unit.samples), reverse=True):  # plain before packed
        if match := SAMPLES.match(sample.name):
            files[match["task"]] = sample
    for task, file in sorted(files.items()):
        yield partial(_lm_eval_part, file, path, results, task, options)
    for task in sorted(set(results.get("configs", {})) & set(results.get("results", {})) - set(files)):
        if not set(path.parent.glob(f"samples_{task}_{unit.stamp}.jsonl*")):
            problem(f"{path} has results of {task} and no samples: run again with --log_samples")


def _lm_eval_part(file: Path, path: Path, results: dict[str, Any], task: str, options: Options) -> Loaded:
    run, lines = read_samples(file, path, results, task, options.metric)
    if not all(isinstance(text, str) for line in lines for group in line.get("resps", ()) for text in group):
        raise EvidenceError(
            f"responses of {task} as text in {file}",
            "other things: the task compares likelihoods",
            "rescore tasks that generate",
        )
    if any(row.answers is not None for row in run.rows):
        raise EvidenceError(
            f"responses in {file}",
            "their checksums only: the run was packed without text",
            "rescore the log it was packed from; `mathtasks evidence verify` checks a pack",
        )
    return Loaded(_complete(run, options), lines, results)


def present(row: Row) -> tuple[int, ...]:
    """Which of a doc's responses are there: an API error is not a wrong answer."""
    return () if row.missing else row.there


def _other_parts(unit: Unit, options: Options) -> Iterator[Part]:
    path = Path(unit.source)
    reader = read_seeds if path.is_dir() else reader_of(path)
    runs = iter(reader(path, options.metric))
    while True:
        try:
            run = next(runs)
        except StopIteration:
            return
        except EvidenceError as error:
            yield partial(_unreadable, error)
            return
        yield partial(_other_part, run, options)


def _other_part(run: Run, options: Options) -> Loaded:
    return Loaded(_complete(run, options), None, {})


def _unreadable(error: EvidenceError) -> Loaded:
    raise error


def _complete(run: Run, options: Options) -> Run:
    task = safe_name(run.task or options.task or "unnamed-task")  # it becomes part of a file's name
    run = replace(run, model=run.model or options.model, task=task)
    check(run)
    if options.gold is not None:
        run = with_gold(run, Path(options.gold))
    require_gold(run)
    journal = options.journal or run.journal
    if journal:
        run = with_finish_reasons(run, Path(journal))
    return run
