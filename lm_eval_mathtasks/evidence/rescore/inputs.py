"""What is to be rescored: files, folders and patterns become units, one input file (or one run of lm-eval) each, and
units become runs, each with the lines it was read from; what cannot be read is named and the rest goes on."""

import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.runs.completion import ended_by_limit
from lm_eval_mathtasks.runs.lm_eval_files import RESULTS
from lm_eval_mathtasks.runs.lm_eval_logs import Logged, read_lm_eval, read_tasks
from lm_eval_mathtasks.runs.plain import loose
from lm_eval_mathtasks.runs.reading import completed, named, require_lines
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, Source, require_gold
from lm_eval_mathtasks.runs.registry import joined, source_of, source_of_named
from lm_eval_mathtasks.text import safe_name
from lm_eval_mathtasks.token_counts import read_ruler

# In the output folder: what a killed rescore had finished.
STATE = ".rescore"
DISPUTED = "disputed_"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d.-]*\d")
_ENDINGS = (".jsonl", ".jsonl.gz", ".parquet", ".json", ".eval")


class Unit(NamedTuple):
    """One piece of work. folder: where its output goes, below the output folder; stamp: the date in its names."""

    source: Source
    folder: str
    stamp: str

    @property
    def name(self) -> str:
        """The path of its results, or of its file."""
        return str(self.source.path)

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(path.stat().st_size for path in self.source.files)


@dataclass
class Found:
    """The units; `bad`: what cannot be one, with the reason; `passed_over`: files of a folder that are no run."""

    units: list[Unit] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def find_units(paths: Sequence[str], out: Path) -> Found:
    """Return what there is to rescore at files, folders and glob patterns; nothing below `out` is taken for input."""
    found = Found()
    places = [Path(place) for path in paths for place in _expanded(path, found)]
    if not places:
        return found
    base = Path(os.path.commonpath([p.absolute() if p.is_dir() else p.absolute().parent for p in places]))
    files: dict[Path, bool] = {}  # and whether the user named it, in the order found
    for place in places:
        if not place.exists():
            found.bad.append((str(place), "a link to nothing"))
            continue
        for file in _files_below(place, out.absolute()) if place.is_dir() else [place.absolute()]:
            files[file] = files.get(file, False) or not place.is_dir()
    sources = joined(source for file, named in files.items() if (source := _source(file, named, found)))
    used = {file for source in sources for file in source.files}
    found.passed_over = [str(file) for file, named in files.items() if not named and file not in used]
    folders: set[str] = set()
    found.units = [_unit(source, base, folders) for source in sources]
    return found


def _source(file: Path, named: bool, found: Found) -> Source | None:
    try:
        if named:
            return source_of_named(file)
        return None if file.name.startswith(DISPUTED) else source_of(file) or loose(file)
    except EvidenceError as error:
        found.bad.append((str(file), str(error)))
        return None


def _expanded(path: str, found: Found) -> list[str]:
    if os.path.exists(path):
        return [path]
    matches = sorted(glob.glob(path, recursive=True))
    if not matches:
        found.bad.append((path, "no such file or folder, and no file matches it as a pattern"))
    return matches


def _files_below(folder: Path, out: Path) -> Iterator[Path]:
    for file in sorted(folder.absolute().rglob("*")):
        ours = file.is_relative_to(out) or STATE in file.relative_to(folder.absolute()).parts
        if file.is_file() and not ours and file.name.endswith(_ENDINGS):
            yield file


def _unit(source: Source, base: Path, taken: set[str]) -> Unit:
    # Repeats that are read together are named by their folder, which may be the one that the user gave.
    place = "." if source.path == base else os.path.relpath(source.path.parent, base)
    if source.read is read_lm_eval:
        dated = RESULTS.match(source.path.name)
        return Unit(source, place, dated["date"] if dated else _changed(source.files[0]))
    folder = os.path.join(place, source.path.name.split(".json")[0])
    if folder in taken:
        folder = os.path.join(place, source.path.name)
    taken.add(folder)
    named = _DATE.search(source.path.name)
    return Unit(source, os.path.normpath(folder), named[0] if named else _changed(source.files[0]))


def _changed(file: Path) -> str:
    """When a file was written, as lm-eval writes a date into a name."""
    return datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%f")


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
