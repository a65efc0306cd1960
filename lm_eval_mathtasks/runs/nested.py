"""Lines that hold their facts in nested objects: chat messages, evalscope's reviews, Inspect's samples."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.records import read_json
from lm_eval_mathtasks.text import with_thinking

_GRADES = {"C": 1.0, "I": 0.0, "correct": 1.0, "incorrect": 0.0, "P": 0.5, "N": 0.0}  # Inspect's letters


def message_text(value: Any, role: str) -> str:
    """Return the text of a response or a prompt: a text, a message, the last message of a role in a conversation.

    Reasoning that came apart from the text stands before it in <think> tags, open where nothing followed.
    """
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role", role) == role]
        return message_text(turns[-1], role) if turns else ""
    if not isinstance(value, dict):
        return "" if value is None else str(value)
    if "message" in value:
        return message_text(value["message"], role)
    content = value.get("content", value.get("text"))
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    text = "".join(str(p.get("text") or "") for p in parts if isinstance(p, dict))
    thought = "".join(str(p.get("reasoning") or "") for p in parts if isinstance(p, dict))
    thought = thought or str(value.get("reasoning_content") or value.get("reasoning") or "")
    return with_thinking(thought, text)


def flattened(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line with its nested facts at the top, where it is of a kind we know; else as it is."""
    if isinstance(line.get("sample_score"), dict):
        return _evalscope_review(line)
    if isinstance(line.get("model_output"), dict):
        return _model_output(line, line["model_output"])
    if isinstance(line.get("choices"), list) and any(
        "review" in c for c in line["choices"] if isinstance(c, dict)
    ):
        return _old_evalscope_review(line)
    return dict(line)


def _evalscope_review(line: Mapping[str, Any]) -> dict[str, Any]:
    """evalscope 1.x, reviews/<model>/<benchmark>_<subset>.jsonl."""
    outer = line["sample_score"]
    score = outer.get("score") or {}
    values = {f"{k}_score": v for k, v in (score.get("value") or {}).items()}
    group, sample = outer.get("group_id"), outer.get("sample_id", line.get("index"))
    return {
        "id": sample if group is None else group,
        "repeat": None if group in (None, sample) else sample,
        "question": message_text(line.get("input"), "user"),
        "gold": line.get("target"),
        "response": score.get("prediction") or "",
        **values,
    }


def _old_evalscope_review(line: Mapping[str, Any]) -> dict[str, Any]:
    """evalscope 0.x: one choice a response, each with its review."""
    reviews = [choice.get("review") or {} for choice in line["choices"]]
    asked = line.get("raw_input") or {}
    return {
        "id": line.get("index"),
        "question": asked.get("question") or asked.get("problem") or "",
        "gold": reviews[0].get("gold"),
        "responses": [message_text(choice, "assistant") for choice in line["choices"]],
        "correct": [review.get("result") for review in reviews],
        "model": (line.get("model_spec") or {}).get("model_id"),
    }


def _model_output(line: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """A prediction of evalscope 1.x or a sample of Inspect: choices with a stop reason each."""
    choices = output.get("choices") or []
    return {
        **{
            k: v
            for k, v in line.items()
            if k not in ("model_output", "output", "messages", "scores", "input")
        },
        "model": line.get("model") or output.get("model"),
        "question": message_text(line.get("input") or line.get("messages"), "user"),
        "responses": [message_text(choice, "assistant") for choice in choices] or [""],
        "finish_reasons": [choice.get("stop_reason") for choice in choices],
    }


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
        {**_model_output(sample, sample.get("output") or {}), "epoch": sample.get("epoch"),
         "model": about.get("model"), "task": about.get("task"), **_grades(sample)}
        for sample in samples
    ]  # fmt: skip


def _unpacked(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    content = read_json(path)
    known = isinstance(content, dict) and isinstance(content.get("eval"), dict)
    return (content, content.get("samples") or []) if known else ({}, [])


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
