"""What is to be rescored: files, folders and patterns become units, one input file (or one run of lm-eval) each."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.lm_eval_logs import RESULTS
from lm_eval_mathtasks.runs.opencompass import shards
from lm_eval_mathtasks.runs.plain import SEEDS

SAMPLES = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\d[^_]*)\.jsonl(\.gz)?$")
STATE = ".rescore"  # in the output folder: what a killed rescore had finished
DISPUTED = "disputed_"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d.-]*\d")
_ENDINGS = (".jsonl", ".jsonl.gz", ".parquet", ".json", ".eval")


class Unit(NamedTuple):
    """One piece of work.

    source: lm-eval's results file (which may be missing) or another harness's file; samples: the samples files that go
    with lm-eval's results, () for other harnesses; folder: where its output goes, below the output folder; stamp: the
    date in the names of the output; inputs: every file the outcome depends on.
    """

    source: str
    samples: tuple[str, ...]
    folder: str
    stamp: str
    inputs: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(os.path.getsize(path) for path in self.inputs)


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
    _lm_eval_units(files, base, found)
    used = {unit.source for unit in found.units}
    folders = {unit.folder for unit in found.units}
    for file, named in files.items():
        if str(file) in used or SAMPLES.match(file.name):
            continue
        if not named and not _looks_like_a_run(file):
            found.passed_over.append(str(file))
            continue
        inputs = (
            sorted(file.parent.glob(SEEDS)) if not named and file.match(SEEDS) else _opencompass_inputs(file)
        )
        used.update(map(str, inputs))  # the further shards of a dataset, or seeds of a run
        source = file.parent if not named and file.match(SEEDS) else file
        found.units.append(_other_unit(source, inputs, base, folders))
    return found


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


def _lm_eval_units(files: dict[Path, bool], base: Path, found: Found) -> None:
    """Results and samples of one date in one folder are one unit, whichever of the two was named."""
    groups: dict[Path, list[Path]] = {}
    for file in files:
        if match := SAMPLES.match(file.name):
            groups.setdefault(file.with_name(f"results_{match['date']}.json"), []).append(file)
    for file in files:
        match = RESULTS.match(file.name)
        if match and file not in groups and (content := read_results(file)) and "configs" in content:
            groups[file] = sorted(
                s for s in file.parent.glob(f"samples_*_{match['date']}.jsonl*") if SAMPLES.match(s.name)
            )
    for results, samples in groups.items():
        match = RESULTS.match(results.name)
        assert match is not None
        inputs = (results, *samples) if results.exists() else tuple(samples)
        folder = os.path.relpath(results.parent, base)
        found.units.append(_unit(results, tuple(samples), folder, match["date"], inputs))


def read_results(path: Path) -> dict[str, Any]:
    """The content of a results file, {} where there is none or it is not readable JSON."""
    try:
        content = read_json(path, EvidenceError)
    except EvidenceError:
        return {}
    return content if isinstance(content, dict) else {}


def _unit(source: Path, samples: tuple[Path, ...], folder: str, stamp: str, inputs: Iterable[Path]) -> Unit:
    return Unit(str(source), tuple(map(str, samples)), folder, stamp, tuple(map(str, inputs)))


def _other_unit(file: Path, inputs: list[Path], base: Path, taken: set[str]) -> Unit:
    folder = os.path.join(os.path.relpath(file.parent, base), file.name.split(".json")[0])
    if folder in taken:
        folder = os.path.join(os.path.relpath(file.parent, base), file.name)
    taken.add(folder)
    dated = _DATE.search(file.name)
    changed = datetime.fromtimestamp(inputs[0].stat().st_mtime, timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%f")
    return _unit(file, (), os.path.normpath(folder), dated[0] if dated else changed, inputs)


def _looks_like_a_run(file: Path) -> bool:
    """Whether a file that was found in a folder, not named, is to be tried."""
    if file.name.startswith(DISPUTED) or STATE in file.parts:
        return False
    if file.name.endswith(".json"):
        return file.parent.parent.name == "predictions"
    return file.suffix != ".parquet" or file.name.startswith("details_")


def _opencompass_inputs(file: Path) -> list[Path]:
    if file.parent.parent.name != "predictions":
        return [file]
    parts = shards(file)
    task = parts[0].stem.rpartition("_")[0] if len(parts) > 1 else file.stem
    verdicts = file.parents[2] / "results" / file.parent.name / f"{task}.json"
    return [*parts, verdicts] if verdicts.exists() else parts
