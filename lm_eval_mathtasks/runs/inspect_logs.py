"""Inspect's logs, as JSON or packed (.eval)."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.messages import model_output

# Inspect's letters.
_GRADES = {"C": 1.0, "I": 0.0, "correct": 1.0, "incorrect": 0.0, "P": 0.5, "N": 0.0}


def is_inspect(content: Any) -> bool:
    """Whether the content of a JSON file is an Inspect log."""
    return isinstance(content, dict) and isinstance(content.get("eval"), dict)


def read_inspect(path: Path) -> list[dict[str, Any]] | None:
    """Return the samples of an Inspect log (.json or .eval) as flat lines; None where the file is no such log.

    Raises EvidenceError for a log that is damaged or without samples.
    """
    header, samples = _packed(path) if path.suffix == ".eval" else _unpacked(path)
    if not header:
        return None
    if not samples:
        raise EvidenceError(
            f"samples in {path}", f"status {header.get('status')}", "log with samples, and let it end"
        )
    about = header["eval"]
    return [
        {**model_output(sample, sample.get("output") or {}), "epoch": sample.get("epoch"),
         "model": about.get("model"), "task": about.get("task"), **_grades(sample)}
        for sample in samples
    ]  # fmt: skip


def _unpacked(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    content = read_json(path, EvidenceError)
    return (content, content.get("samples") or []) if is_inspect(content) else ({}, [])


def _packed(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        with zipfile.ZipFile(path) as log:
            names = sorted(name for name in log.namelist() if name.startswith("samples/"))
            return json.loads(log.read("header.json")), [json.loads(log.read(name)) for name in names]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise EvidenceError(
            f"a readable {path}", str(error), "a run that did not end has no header"
        ) from error


def _grades(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Every scorer's grade as a column of verdicts."""
    grades = {name: (score or {}).get("value") for name, score in (sample.get("scores") or {}).items()}
    return {f"{name}_score": _GRADES.get(v, v) if isinstance(v, str) else v for name, v in grades.items()}
