"""Which reader reads which file: every harness has a module of its own here.

Folders: lm-eval's, with results_*.json; OpenCompass's, with predictions/<model>/<dataset>.json; lighteval's, with
details_*; evalscope's, with reviews/<model>/*.jsonl; NeMo-Skills', with output-rs<seed>.jsonl, a repeat each;
Qwen2.5-Math's, with math_eval/<data>/*_seed0_t0.0_s0_e-1.jsonl.
Files: any of these, Inspect's logs (.eval, .json), JSON lines or one JSON list, parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.lighteval import is_lighteval, read_lighteval
from lm_eval_mathtasks.runs.lm_eval_logs import RESULTS, read_lm_eval
from lm_eval_mathtasks.runs.opencompass import read_opencompass, shards
from lm_eval_mathtasks.runs.plain import QWEN, SEEDS, read_plain, read_seeds
from lm_eval_mathtasks.runs.records import Run

Reader = Callable[[Path, str | None], Iterator[Run]]


def find_readers(path: Path) -> Iterator[tuple[Reader, Path]]:
    """Yield a reader for each run file at a path; in a folder, the newest results of lm-eval per model folder.

    Raises EvidenceError where nothing there is a run.
    """
    if path.is_file():
        yield reader_of(path), path
        return
    newest: dict[Path, Path] = {}
    for file in sorted(path.rglob("results_*.json")):
        if _is_lm_eval(file):
            newest[file.parent] = file  # the names end in the date, so the last is the newest
    # The folders that a pattern names may be above the one that was passed.
    above = next((p.parent for p in (path, path.parent) if p.name in ("predictions", "reviews")), path)
    predictions = {shards(f)[0] for f in above.rglob("predictions/*/*.json") if f.is_relative_to(path)}
    patterns = ("details_*.parquet", "details_*.jsonl", "reviews/*/*.jsonl", "*.eval", QWEN)
    found_by = {f for pattern in patterns for f in above.rglob(pattern) if f.is_relative_to(path)}
    others = sorted(found_by | predictions)
    seeded = sorted({file.parent for file in path.rglob(SEEDS)})
    found: list[tuple[Reader, Path]] = [(read_lm_eval, file) for file in newest.values()]
    found += [(reader_of(file), file) for file in others] + [(read_seeds, folder) for folder in seeded]
    if not found:
        raise _nothing(path)
    yield from found


def _nothing(path: Path) -> EvidenceError:
    orphans = sorted(path.rglob("samples_*.jsonl*"))
    plain = sorted(path.rglob("*.json*")) + sorted(path.rglob("*.parquet"))
    wanted, fix = f"the logs of a run in {path}", "pass the folder that --output_path named, or a file"
    if orphans:
        return EvidenceError(wanted, f"samples without results: {orphans[0].name}", fix)
    if plain:
        return EvidenceError(
            wanted,
            f"files that may be one: {', '.join(str(p.relative_to(path)) for p in plain[:5])}",
            "pass the file",
        )
    return EvidenceError(wanted, "no results_*.json, details_*, predictions/ or reviews/", fix)


def _is_lm_eval(path: Path) -> bool:
    return bool(RESULTS.search(path.name)) and '"configs"' in path.read_text(
        encoding="utf-8", errors="replace"
    )


def reader_of(path: Path) -> Reader:
    """Return the reader of a file, from its name and its first keys; raises EvidenceError for none."""
    if path.name.startswith("samples_"):
        raise EvidenceError(
            "the results of a run", f"the samples file {path.name}", "pass the results_*.json beside it"
        )
    if path.name.startswith("details_") or (path.suffix == ".parquet" and is_lighteval(path)):
        return read_lighteval
    if path.suffix != ".json":
        return read_plain
    if path.name.startswith("results"):
        return read_lm_eval
    content = read_json(path, EvidenceError)
    listed = isinstance(content, list) or (
        isinstance(content, dict) and isinstance(content.get("eval"), dict)
    )
    return read_plain if listed else read_opencompass
