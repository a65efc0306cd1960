"""The runs of one unit, each with the lines it was read from; what cannot be read is named and the rest goes on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.evidence.rescore.inputs import Unit
from lm_eval_mathtasks.runs.completion import ended_by_limit
from lm_eval_mathtasks.runs.lm_eval_logs import Logged, read_lm_eval, read_tasks
from lm_eval_mathtasks.runs.reading import completed, named, require_lines
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, require_gold
from lm_eval_mathtasks.text import safe_name
from lm_eval_mathtasks.token_counts import read_ruler


class Options(NamedTuple):
    """What the user chose. gold, journal: files; tokenizer: of the model, by which a response at the limit of tokens is
    known; metric: which of a log's metrics is its own score; model, task: which runs are meant, and names for those
    that have none; fresh: do again what was done; columns: of lines, as in `Choice`."""

    out: str
    graders: tuple[str, ...] = ("ours",)
    gold: str | None = None
    journal: str | None = None
    tokenizer: str | None = None
    metric: str | None = None
    model: str | None = None
    task: str | None = None
    fresh: bool = False
    strict: bool = False
    columns: tuple[tuple[str, str], ...] = ()


def load_runs(unit: Unit, options: Options, problem: Callable[[str], None]) -> Iterator[Logged]:
    """Yield the runs of a unit, complete and checked; `problem` is told of each that cannot be read.

    Raises EvidenceError instead where the options are strict.
    """
    for one in _read(unit, Choice(options.metric, columns=dict(options.columns))):
        if not _is_meant(one, options):
            continue
        loaded = one if isinstance(one, Refused) else _complete(one, options)
        if isinstance(loaded, Logged):
            yield loaded
        elif options.strict:
            raise loaded.error
        else:
            problem(str(loaded.error))


def _is_meant(one: Logged | Refused, options: Options) -> bool:
    """Whether what was read has the names that were asked for, or none."""
    task, model = (one.task, None) if isinstance(one, Refused) else (one.run.task, one.run.model)
    pairs = ((options.task, task), (options.model, model))
    return all(not given or not own or given == own for given, own in pairs)


def _read(unit: Unit, choice: Choice) -> Iterator[Logged | Refused]:
    try:
        if unit.source.read is read_lm_eval:
            yield from read_tasks(unit.source, choice)
            return
        for run in unit.source.read(unit.source, choice):
            yield Logged(run, None, {}) if isinstance(run, Run) else run
    except EvidenceError as error:
        yield Refused(None, error)


def _complete(one: Logged, options: Options) -> Logged | Refused:
    run = named(one.run, Choice(model=options.model, task=options.task or "unnamed-task"))
    # The task becomes part of a file's name.
    run = replace(run, task=safe_name(run.task))
    try:
        require_lines(run, dict(options.columns))
        if run.withheld:
            got = "their checksums only: the run was packed without text"
            fix = "rescore the log it was packed from; `mathtasks evidence verify` checks a pack"
            raise EvidenceError(f"responses in {run.provenance.path}", got, fix)
        done = completed(run, gold=options.gold, journal=options.journal)
        if isinstance(done, Refused):
            return done
        require_gold(done)
        if options.tokenizer:
            ruler = read_ruler(options.tokenizer, None)
            done = ended_by_limit(done, lambda text: len(ruler.ends(text)))
    except MathtasksError as error:
        return Refused(run.task, error)
    return one._replace(run=done)
