"""OpenCompass's predictions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.records import Protocol, Provenance, Row, Run, first_text, read_json

_SHARD = re.compile(r"_\d{1,3}$")  # three digits at most: a longer number is a year


def read_opencompass(path: Path, _metric: str | None = None) -> Iterator[Run]:
    """Yield the one run of an OpenCompass prediction file; model and dataset are in its path."""
    parts = shards(path)
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


def shards(path: Path) -> list[Path]:
    """OpenCompass splits a large dataset into name_0.json, name_1.json, ...: all parts of the one given, in order."""
    if not _SHARD.search(path.stem):
        return [path]
    stem = _SHARD.sub("", path.stem)
    parts = [p for p in path.parent.glob(f"{stem}_*.json") if _SHARD.sub("", p.stem) == stem]
    return sorted(parts, key=lambda p: int(p.stem.rsplit("_", 1)[1]))


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
