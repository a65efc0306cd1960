"""A run read back: `read_runs(path)` takes every format of `formats` and returns `Run`s, one model on one task each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.completion import with_finish_reasons
from lm_eval_mathtasks.runs.lines import NO_VERDICT
from lm_eval_mathtasks.runs.plain import read_plain, read_seeds
from lm_eval_mathtasks.runs.records import (
    API_ERROR,
    Protocol,
    Provenance,
    Row,
    Run,
    check,
)
from lm_eval_mathtasks.runs.references import with_gold
from lm_eval_mathtasks.runs.registry import find_readers

__all__ = [
    "API_ERROR", "NO_VERDICT", "Protocol", "Provenance", "Row", "Run", "check",
    "read_run", "read_runs",
]  # fmt: skip


def read_runs(  # noqa: PLR0913  # keyword-only choices
    path: str | Path,
    *,
    model: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    gold: str | Path | None = None,
    journal: str | Path | None = None,
) -> list[Run]:
    """Return every run found at `path`, a file or a folder.

    model, task: keep only runs of this name, or name a run whose file does not. metric: which metric of the log
    counts as the run's own score ("exact_match,flexible-extract"; NO_VERDICT where it does not matter). gold: JSON
    lines with the reference answers, where the run's file has none. journal: our API model's journal, or JSON lines
    {response, finish_reason}; by default the one that the log names, if it is still there.
    Raises EvidenceError for anything missing, doubled, truncated or contradictory.
    """
    target = Path(path)
    if not target.exists():
        raise EvidenceError("the logs of a run", f"no such file or folder: {path}", "check the path")
    plain, own = (read_plain, read_seeds), None if metric == NO_VERDICT else metric
    runs = [
        run
        for reader, file in find_readers(target)
        for run in reader(file, metric if reader in plain else own)
    ]
    runs = [_named(run, model, task) for run in runs]
    chosen = [r for r in runs if (model is None or r.model == model) and (task is None or r.task == task)]
    if not chosen:
        found = "; ".join(sorted(run.label for run in runs)) or "no run"
        raise EvidenceError(
            f"a run of {model or 'any model'} on {task or 'any task'} at {path}", found, "name one"
        )
    if gold is not None:
        chosen = [with_gold(run, Path(gold)) for run in chosen]
    if journal is not None:
        chosen = [with_finish_reasons(run, Path(journal)) for run in chosen]
    else:
        chosen = [with_finish_reasons(run, Path(run.journal)) if run.journal else run for run in chosen]
    for run in chosen:
        check(run)
    return chosen


def read_run(path: str | Path, **choice: Any) -> Run:
    """Return the one run at `path`; arguments as `read_runs`. Raises EvidenceError where there are several."""
    runs = read_runs(path, **choice)
    if len(runs) > 1:
        names = "; ".join(run.label for run in runs)
        raise EvidenceError(
            "one run", f"{len(runs)} at {path}: {names}", "name it with --task or --run-model"
        )
    return runs[0]


def _named(run: Run, model: str | None, task: str | None) -> Run:
    """A file that names neither model nor task takes the names given."""
    return replace(run, model=run.model or model, task=run.task or task or "unnamed task")
