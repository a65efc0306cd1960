"""Which reader reads which file, and the adapters for what other harnesses write.

OpenCompass   predictions/<model>/<dataset>.json: {"0": {origin_prompt, prediction, gold}, ...}; the verdicts, if any,
              in results/<model>/<dataset>.json under `details`.
lighteval     details_<task>_<date>.parquet or .jsonl, new columns (doc, model_response, metric) and old ones
              (full_prompt, predictions, gold, metrics).
JSON lines    (or one JSON list) id or doc_id, question or problem, gold or answer, response (or responses,
              prediction, output); optional repeat, finish_reason, label (true, false or a share), model, dataset
              (or task).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.harness_logs import GOLD, QUESTION, RESULTS, read_lm_eval
from lm_eval_mathtasks.evidence.lighteval import read_lighteval
from lm_eval_mathtasks.evidence.opencompass import read_opencompass, shards
from lm_eval_mathtasks.evidence.records import (
    Protocol,
    Provenance,
    Row,
    Run,
    first_text,
    read_json,
    read_json_lines,
)

Reader = Callable[[Path, str | None], Iterator[Run]]
_RESPONSES = ("responses", "response", "prediction", "output", "completion", "generation")
_LABELS = ("label", "correct", "is_correct", "score")


def find_readers(path: Path) -> Iterator[tuple[Reader, Path]]:
    """Yield a reader for each run file at a path; in a folder, the newest results of lm-eval per model folder.

    Raises EvidenceError where nothing there is a run.
    """
    if path.is_file():
        yield _reader_of(path), path
        return
    newest: dict[Path, Path] = {}
    for file in sorted(path.rglob("results_*.json")):
        if _is_lm_eval(file):
            newest[file.parent] = file  # the names end in the date, so the last is the newest
    predictions = {shards(file)[0] for file in path.rglob("predictions/*/*.json")}
    others = sorted({*path.rglob("details_*.parquet"), *path.rglob("details_*.jsonl"), *predictions})
    found = [(read_lm_eval, file) for file in newest.values()] + [(_reader_of(file), file) for file in others]
    if not found:
        orphans = sorted(path.rglob("samples_*.jsonl*"))
        got = (
            f"samples without results: {orphans[0].name}"
            if orphans
            else "no results_*.json, details_* or predictions/"
        )
        raise EvidenceError(
            f"the logs of a run in {path}", got, "pass the folder that --output_path named, or a file"
        )
    yield from found


def _is_lm_eval(path: Path) -> bool:
    return bool(RESULTS.search(path.name)) and '"configs"' in path.read_text(
        encoding="utf-8", errors="replace"
    )


def _reader_of(path: Path) -> Reader:
    if path.suffix == ".parquet" or path.name.startswith("details_"):
        return read_lighteval
    if path.name.startswith("samples_"):
        raise EvidenceError(
            "the results of a run", f"the samples file {path.name}", "pass the results_*.json beside it"
        )
    if path.suffix != ".json":
        return read_plain
    if path.name.startswith("results"):
        return read_lm_eval
    text = path.read_text(encoding="utf-8", errors="replace")
    return read_plain if text.lstrip().startswith("[") else read_opencompass


def read_plain(path: Path, _metric: str | None = None) -> Iterator[Run]:
    """Yield the runs of a JSON-lines file, one for each model and dataset it names."""
    groups: dict[tuple[str | None, str], list[dict[str, Any]]] = {}
    lines = read_json(path) if path.suffix == ".json" else read_json_lines(path)
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise EvidenceError(f"objects in {path}", "an empty list, or other things", "one object a doc")
    for number, line in enumerate(lines):
        line.setdefault("id", line.get("doc_id", number))
        groups.setdefault((line.get("model"), str(line.get("dataset") or line.get("task") or "")), []).append(
            line
        )
    for (model, task), group in groups.items():
        rows = tuple(_join_repeats(group, path))
        k = max(len(row.responses) for row in rows)
        # One response a doc may be the one that a vote or a verifier chose: then the file does not say.
        protocol = Protocol(k=k, metric=None if k == 1 else "avg@k")
        yield Run(
            model, task, rows, protocol, Provenance("JSON lines", str(path)), metric=_label_of(group[0])
        )


def _label_of(line: Mapping[str, Any]) -> str | None:
    return next((key for key in _LABELS if isinstance(line.get(key), bool | int | float)), None)


def _join_repeats(lines: list[dict[str, Any]], path: Path) -> Iterator[Row]:
    """Lines of one id are repeats if they say which; otherwise the doubled doc is left for the check to name."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, line in enumerate(lines):
        repeated = line.get("repeat", line.get("sample"))
        key = str(line["id"]) if repeated is not None else f"{line['id']}\0{number}"
        groups.setdefault(key, []).append(line)
    for key, group in groups.items():
        group.sort(key=lambda line: line.get("repeat", line.get("sample", 0)))
        texts = [text for line in group for text in _texts(line, path)]
        marks = [float(line[label]) for line in group if (label := _label_of(line))]
        yield Row(
            doc_id=key.split("\0")[0],
            question=first_text(group[0], QUESTION) or "",
            gold=first_text(group[0], ("gold", *GOLD)),
            responses=tuple(texts),
            finish=tuple(line.get("finish_reason") for line in group),
            score=sum(marks) / len(marks) if len(marks) == len(group) else None,
            prompt=first_text(group[0], ("prompt",)),
        )


def _texts(line: Mapping[str, Any], path: Path) -> list[str]:
    for key in _RESPONSES:
        value = line.get(key)
        if isinstance(value, list):
            return [str(text) for text in value]
        if isinstance(value, str):
            return [value]
    if any(key in line for key in _RESPONSES):
        return [""]  # a null response is an empty one
    raise EvidenceError(
        f"a response in every line of {path}", f"only {', '.join(line)}", "name the column `response`"
    )
