"""A run read back: `read_runs(path)` takes every format of `registry` and returns `Run`s, a model on a task each."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.runs.completion import with_finish_reasons
from lm_eval_mathtasks.runs.records import OF_OTHERS, WITH_SAMPLES, Choice, Refused, Run, Source, check, told
from lm_eval_mathtasks.runs.references import with_gold
from lm_eval_mathtasks.runs.registry import find_sources
from lm_eval_mathtasks.runs.shown import same_each_time
from lm_eval_mathtasks.runs.weights import weights_of_log

# Whose readers look for nothing by the names of columns.
_OF_ONE_SHAPE = ("lm-eval", "lighteval", "OpenCompass", "Every Eval Ever")

log = logging.getLogger(__name__)


def read_runs(  # noqa: PLR0913  # keyword-only choices
    path: str | Path,
    *,
    model: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    gold: str | Path | None = None,
    journal: str | Path | None = None,
    strict: bool = False,
    totals: bool = False,
    columns: Mapping[str, str] | None = None,
) -> list[Run]:
    """Return every run found at `path`, a file or a folder.

    model, task: keep only runs of this name, or name a run whose file does not. metric: which metric of the log
    counts as the run's own score ("exact_match,flexible-extract"; NO_VERDICT where it does not matter). gold: JSON
    lines with the reference answers, where the run's file has none. journal: our API model's journal, or JSON lines
    {response, finish_reason}; by default the one that the log names, if it is still there. strict: what cannot be read
    is an error even where other runs can; else it is left out with a warning, unless it was asked for. totals: also
    runs whose log holds their score alone, and no docs. columns: what holds a fact in a file of lines, as in `Choice`.
    Raises EvidenceError for anything missing, doubled, truncated or contradictory.
    """
    target, choice = Path(path), Choice(metric, model, task, columns or {})
    if not target.exists():
        raise EvidenceError("the logs of a run", f"no such file or folder: {path}", "check the path")
    read = [one for source in find_sources(target) for one in read_source(source, choice)]
    meant = [one for one in read if isinstance(one, Run) and _is_meant(one, choice)]
    done = [completed(run, gold=gold, journal=journal, totals=totals) for run in meant]
    refused = [one for one in (*read, *done) if isinstance(one, Refused) and task in (None, one.task)]
    runs = [run for run in done if isinstance(run, Run)]
    if refused and (strict or not runs):
        raise refused[0].error
    for task_of, error in refused:
        log.warning("left out: %s%s", f"{task_of}: " if task_of else "", error)
    if not runs:
        labels = {run.label if isinstance(run, Run) else run.task or "something unreadable" for run in read}
        wanted = f"a run of {model or 'any model'} on {task or 'any task'} at {path}"
        raise EvidenceError(wanted, "; ".join(sorted(labels)) or "no run", "name one")
    return runs


def read_run(path: str | Path, **choice: Any) -> Run:
    """Return the one run at `path`; arguments as `read_runs`. Raises EvidenceError where there are several."""
    runs = read_runs(path, **choice)
    if len(runs) > 1:
        names = "; ".join(run.label for run in runs)
        fix = "name it with --task or --run-model"
        raise EvidenceError("one run", f"{len(runs)} at {path}: {names}", fix)
    return runs[0]


def read_source(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the runs of a source, by the chosen names where it has none, and what is no run."""
    try:
        for one in source.read(source, choice):
            if isinstance(one, Refused):
                yield one._replace(task=one.task or choice.task)
            else:
                require_lines(one, choice.columns)
                # What results state counts, unless the user goes by our grader alone.
                stated = one.provenance.stated if choice.metric == choice.own_metric else ()
                notes = (*source.notes, *one.provenance.notes)
                yield told(named(one, choice), notes=notes, stated=stated)
    except EvidenceError as error:
        yield Refused(choice.task, error)


def require_lines(run: Run, columns: Mapping[str, str]) -> None:
    """Raise EvidenceError where columns are named for a log whose shape is known."""
    if columns and run.provenance.harness in _OF_ONE_SHAPE:
        got = f"a log of {run.provenance.harness}, whose shape is known"
        raise EvidenceError("a file of lines for --columns", got, "leave --columns out")


def named(run: Run, choice: Choice) -> Run:
    """Return a run with the chosen names where its file has none."""
    if run.model is None and choice.model:
        weights = replace(weights_of_log(choice.model, {}), by_user=True)
        run = replace(run, model=choice.model, provenance=replace(run.provenance, weights=weights))
    return replace(run, task=run.task or choice.task or "unnamed task")


def _is_meant(run: Run, choice: Choice) -> bool:
    return choice.model in (None, run.model) and choice.task in (None, run.task)


def completed(
    run: Run | Refused,
    *,
    gold: str | Path | None = None,
    journal: str | Path | None = None,
    totals: bool = False,
) -> Run | Refused:
    """Return a run with the references and finish reasons that its log lacks, checked; what is no run stays that.

    totals: whether a run without docs, of which the log holds the score alone, is one.
    """
    if isinstance(run, Refused):
        return run
    try:
        check(run)
        if not run.rows:
            if totals:
                return run
            fix = WITH_SAMPLES if run.provenance.harness == "lm-eval" else OF_OTHERS
            raise EvidenceError(f"samples of {run.task} beside {run.provenance.path}", "results only", fix)
        if gold is not None:
            run = with_gold(run, Path(gold))
        if ends := journal or run.journal:
            run = with_finish_reasons(run, Path(ends))
    except MathtasksError as error:
        return Refused(run.task, error)
    return with_note_on_repeats(run)


def with_note_on_repeats(run: Run) -> Run:
    """Return a run with its `note_on_repeats`, if there is one."""
    note = note_on_repeats(run)
    if note is None:
        return run
    return replace(run, provenance=replace(run.provenance, notes=(*run.provenance.notes, note)))


def note_on_repeats(run: Run) -> str | None:
    """Say that repeats are the same text on most docs, unless they are said to be greedy: a server may ignore
    temperature and seed, and then k answers are one. None where they are not."""
    found, heat = same_each_time(run), run.protocol.temperature
    if found is None or heat == 0:
        return None
    why = "they count as one" if heat is None else "whoever answered ignored temperature and seed"
    at = "" if heat is None else f", at temperature {heat:g}"
    return f"the answers to {found[0]} of {found[1]} docs are the same text each time{at}: {why}"
