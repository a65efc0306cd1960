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

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.harness_logs import GOLD, QUESTION, RESULTS, read_lm_eval
from lm_eval_mathtasks.evidence.runs import Protocol, Provenance, Row, Run, first_text, read_json_lines

Reader = Callable[[Path, str | None], Iterator[Run]]
_RESPONSES = ("responses", "response", "prediction", "output", "completion", "generation")
_SHARD = re.compile(r"_\d{1,3}$")  # three digits at most: a longer number is a year
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
    predictions = {_shards(file)[0] for file in path.rglob("predictions/*/*.json")}
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


def read_opencompass(path: Path, _metric: str | None = None) -> Iterator[Run]:
    """Yield the one run of an OpenCompass prediction file; model and dataset are in its path."""
    parts = _shards(path)
    entries: dict[str, Any] = {}
    for part in parts:
        # Every shard counts its docs from 0.
        entries |= {str(len(entries) + place): entry for place, entry in enumerate(_predictions(part))}
    task = _SHARD.sub("", path.stem) if len(parts) > 1 else path.stem
    model = path.parent.name if path.parent.parent.name == "predictions" else None
    verdicts = _opencompass_verdicts(path.with_name(f"{task}.json"))
    rows = tuple(
        Row(
            doc_id=str(key),
            question=_last_human_turn(entry.get("origin_prompt")),
            gold=first_text(entry, ("gold",)),
            responses=tuple(str(t) for t in entry["prediction"])
            if isinstance(entry["prediction"], list)
            else (str(entry["prediction"]),),
            score=verdicts.get(str(key)),
            prompt=json.dumps(entry.get("origin_prompt"), ensure_ascii=False),
        )
        for key, entry in entries.items()
    )
    k = max(len(row.responses) for row in rows)
    protocol = Protocol(k=k, metric="pass@1" if k == 1 else "avg@k")
    graded = "correct" if verdicts else None
    yield Run(model, task, rows, protocol, Provenance("OpenCompass", str(path)), metric=graded)


def _predictions(path: Path) -> list[dict[str, Any]]:
    content = read_json(path)
    entries = list(content.values()) if isinstance(content, dict) else []
    if not entries or not all(isinstance(entry, dict) and "prediction" in entry for entry in entries):
        raise EvidenceError(
            f"OpenCompass predictions in {path}", "another JSON file", "see `mathtasks compare --help`"
        )
    return entries


def _shards(path: Path) -> list[Path]:
    """OpenCompass splits a large dataset into name_0.json, name_1.json, ...: all parts of the one given, in order."""
    if not _SHARD.search(path.stem):
        return [path]
    stem = _SHARD.sub("", path.stem)
    parts = [p for p in path.parent.glob(f"{stem}_*.json") if _SHARD.sub("", p.stem) == stem]
    return sorted(parts, key=lambda p: int(p.stem.rsplit("_", 1)[1]))


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raises EvidenceError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(
            f"a readable {path}", str(error), "the file is damaged: write it again"
        ) from error


def _last_human_turn(prompt: Any) -> str:
    if isinstance(prompt, list):
        turns = [
            turn.get("prompt", "")
            for turn in prompt
            if isinstance(turn, dict) and turn.get("role") == "HUMAN"
        ]
        return str(turns[-1]) if turns else ""
    return str(prompt or "")


def _opencompass_verdicts(path: Path) -> dict[str, float]:
    """The verdicts that OpenCompass's evaluator left beside the predictions, by doc."""
    file = path.parent.parent.parent / "results" / path.parent.name / path.name
    if path.parent.parent.name != "predictions" or not file.exists():
        return {}
    details = read_json(file).get("details", {})
    pairs = details.items() if isinstance(details, dict) else enumerate(details)
    verdicts = {}
    for key, detail in pairs:
        if isinstance(detail, dict) and "correct" in detail:
            mark = detail["correct"]
            verdicts[str(key)] = float(sum(mark) / len(mark) if isinstance(mark, list) else mark)
    return verdicts


def read_lighteval(path: Path, metric: str | None = None) -> Iterator[Run]:
    """Yield the one run of a lighteval details file; a parquet file needs pyarrow (it comes with datasets)."""
    table = _read_parquet(path) if path.suffix == ".parquet" else read_json_lines(path)
    rows = tuple(_lighteval_row(number, line, metric) for number, line in enumerate(table))
    name = re.sub(r"^details_|_\d{4}-\d\d-\d\dT.*$|\.(parquet|jsonl)$", "", path.name)
    k = max((len(row.responses) for row in rows), default=1)
    fields = name.split("|")
    shots = int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else None
    protocol = Protocol(shots=shots, k=k, metric="pass@1" if k == 1 else "avg@k", grader="symbolic")
    model = "/".join(path.parts[path.parts.index("details") + 1 : -2]) if "details" in path.parts else None
    yield Run(model or None, name, rows, protocol, Provenance("lighteval", str(path)), metric=metric)


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise EvidenceError(
            "pyarrow, to read parquet", "it is not installed", "pip install datasets"
        ) from error
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        raise EvidenceError(f"a readable {path}", str(error), "the file is damaged: copy it again") from error
    return rows


def _lighteval_row(number: int, line: Mapping[str, Any], metric: str | None) -> Row:
    doc, answer = _decoded(line.get("doc")), _decoded(line.get("model_response"))
    if isinstance(doc, dict) and isinstance(answer, dict):
        choices, index = doc.get("choices") or [], doc.get("gold_index", 0)
        index = index[0] if isinstance(index, list) else index
        gold = str(choices[index]) if choices else None
        texts, numbers, question = answer.get("text") or [""], line.get("metric"), doc.get("query")
    else:
        gold = first_text({"gold": _decoded(line.get("gold"))}, ("gold",))
        texts, numbers = _decoded(line.get("predictions")) or [""], line.get("metrics")
        question = line.get("example") or line.get("full_prompt")
    found = {k: float(v) for k, v in (_decoded(numbers) or {}).items() if isinstance(v, int | float | bool)}
    score = found.get(metric) if metric else next(iter(found.values()), None)
    return Row(
        str(number), str(question or ""), gold, tuple(str(t) for t in texts), score=score, metrics=found
    )


def _decoded(value: Any) -> Any:
    """Old files hold lists and mappings as JSON text."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value
