"""Which reader reads which file: every harness has a module of its own here.

Folders: lm-eval's, with results_*.json; OpenCompass's, with predictions/<model>/<dataset>.json; lighteval's, with
details_*; evalscope's, with reviews/<model>/*.jsonl; NeMo-Skills', with output-rs<seed>.jsonl, a repeat each;
Qwen2.5-Math's, with math_eval/<data>/*_seed0_t0.0_s0_e-1.jsonl.
Files: any of these, Inspect's logs (.eval, .json), JSON lines or one JSON list, parquet; a folder that holds one alone
stands for it.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs import (
    eee_runs,
    evalscope_runs,
    helm,
    inspect_logs,
    lighteval,
    lm_eval_logs,
    nemo_skills,
    opencompass,
    plain,
    qwen_math,
)
from lm_eval_mathtasks.runs.lm_eval_files import newest
from lm_eval_mathtasks.runs.records import Source

_HARNESSES = (
    lm_eval_logs,
    lighteval,
    opencompass,
    evalscope_runs,
    helm,
    inspect_logs,
    eee_runs,
    qwen_math,
    nemo_skills,
    plain,
)
_SHOWN = 5


def find_sources(path: Path) -> list[Source]:
    """Return what there is to read at a file or in a folder; of lm-eval's runs of a task in one folder, the newest.

    Raises EvidenceError where nothing there is a run.
    """
    if path.is_file():
        return [replace(source_of_named(path), root=path)]
    files = sorted(file for file in path.rglob("*") if file.is_file())
    found = sources_among(files)
    if not found:
        likely = [file for file in files if ".json" in file.name or file.suffix == ".parquet"]
        if len(likely) != 1:
            raise _nothing(path, likely)
        found = [source_of_named(likely[0])]
    return [replace(source, root=path) for source in newest(found)]


def sources_among(files: Iterable[Path]) -> list[Source]:
    """Return what there is to read among the files of a folder, the older runs of a task, too."""
    return joined(source for file in files if (source := source_of(file)))


def source_of(file: Path) -> Source | None:
    """Return what a file found in a folder belongs to; None for one that is no run, or may be anything."""
    return _first_of(file, None, named=False)


def _first_of(file: Path, content: Any, *, named: bool) -> Source | None:
    return next(filter(None, (harness.source_of(file, content, named) for harness in _HARNESSES)), None)


def source_of_named(file: Path) -> Source:
    """Return what a file that the user named belongs to: its content tells where its name does not.

    Raises EvidenceError where it is damaged, or no run.
    """
    content = read_json(file, EvidenceError) if file.suffix == ".json" else None
    found = _first_of(file, content, named=True)
    if found is None:
        keys = ", ".join(list(content)[:_SHOWN]) if isinstance(content, dict) else type(content).__name__
        wanted = (
            f"a run in {file}: lm-eval's results, OpenCompass predictions, an Inspect log or a list of docs"
        )
        raise EvidenceError(wanted, f"JSON with {keys}", "see `mathtasks compare --help`")
    return found


def joined(sources: Iterable[Source]) -> list[Source]:
    """Return each source once, with all the files that were found of it."""
    found: dict[Path, Source] = {}
    for source in sources:
        before = found.get(source.path, source)
        found[source.path] = replace(source, files=tuple(dict.fromkeys((*before.files, *source.files))))
    return list(found.values())


def _nothing(path: Path, likely: list[Path]) -> EvidenceError:
    wanted, fix = f"the logs of a run in {path}", "pass the folder that --output_path named, or a file"
    if plain_files := [str(f.relative_to(path)) for f in likely]:
        fix = "pass the file"
        return EvidenceError(wanted, f"files that may be one: {', '.join(plain_files[:_SHOWN])}", fix)
    return EvidenceError(wanted, "no results_*.json, details_*, predictions/ or reviews/", fix)
