"""Lines of evalscope: reviews of both versions, and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lm_eval_mathtasks.runs.messages import message_text, model_output

# Before the question, where the input is Markdown.
_USER = "**User**:"


def flattened(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line with its nested facts at the top, where it is of a kind we know; else as it is."""
    if isinstance(line.get("sample_score"), dict):
        return _evalscope_review(line)
    if isinstance(line.get("model_output"), dict):
        return model_output(line, line["model_output"])
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
        "question": message_text(line.get("input"), "user").removeprefix(_USER).strip(),
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
