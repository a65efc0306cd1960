"""Lines that hold their facts in nested objects, made flat: evalscope's reviews of both versions, batch outputs."""

from collections.abc import Mapping
from typing import Any

from lm_eval_mathtasks.runs.lm_eval_schema import object_in
from lm_eval_mathtasks.runs.messages import marked, message_text, model_output
from lm_eval_mathtasks.runs.records import API_ERROR

# Before the question, where the input is Markdown.
_USER = "**User**:"
# What the body of a response says of its request.
_ECHOED = {
    "model": "model", "temperature": "temperature", "top_p": "top_p", "max_output_tokens": "max_tokens",
    "instructions": "system_prompt", "tools": "tools",
}  # fmt: skip


def flattened(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line with its nested facts at the top, where it is of a kind we know; else as it is."""
    if isinstance(line.get("sample_score"), dict):
        return _evalscope_review(line)
    if "custom_id" in line and line.keys() & {"response", "error", "result"}:
        return _batch_output(line)
    if isinstance(line.get("model_output"), dict):
        return model_output(line, line["model_output"])
    choices = line["choices"] if isinstance(line.get("choices"), list) else ()
    reviewed = any("review" in one for one in choices if isinstance(one, dict))
    return _old_evalscope_review(line) if reviewed else dict(line)


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


def _batch_output(line: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's, vLLM's and Anthropic's batches: a line a request, answered by the body of a response or by an error."""
    response = line.get("response") if isinstance(line.get("response"), dict) else line.get("result")
    body = object_in(response, "body") or object_in(response, "message")
    answers = [] if line.get("error") else _answers(body)
    usage = object_in(object_in(body, "usage"), "completion_tokens_details")
    return {
        "id": line["custom_id"],
        **{ours: body[name] for name, ours in _ECHOED.items() if body.get(name) is not None},
        "accepted_prediction_tokens": usage.get("accepted_prediction_tokens"),
        "responses": [text for text, _ in answers] or [""],
        "finish_reasons": [reason for _, reason in answers] or [API_ERROR],
    }


def _answers(body: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """What a server answered, and how each answer ended: chat completions, OpenAI's responses, Anthropic's message."""
    if isinstance(body.get("choices"), list):
        said = [one for one in body["choices"] if isinstance(one, dict)]
        texts = (
            marked(object_in(one, "message").get("annotations"), message_text(one, "assistant"))
            for one in said
        )
        return list(zip(texts, (one.get("finish_reason") for one in said), strict=True))
    if isinstance(body.get("output"), list):
        said = [part for part in body["output"] if isinstance(part, dict) and part.get("type") == "message"]
        cut = "max_output_tokens" in str((body.get("incomplete_details") or {}).get("reason"))
        texts = (marked(body["output"], message_text(part, "assistant")) for part in said[-1:])
        return [(text, "length" if cut else None) for text in texts]
    text = marked(body.get("content"), message_text(body, "assistant"))
    return [(text, body.get("stop_reason"))] if body.get("content") else []


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
