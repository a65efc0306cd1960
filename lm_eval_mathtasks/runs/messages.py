"""Chat messages as harnesses and servers write them, and the model output that evalscope and Inspect share."""

from collections.abc import Mapping
from typing import Any

from lm_eval_mathtasks.runs import columns
from lm_eval_mathtasks.text import with_thinking

_NESTED = ("model_output", "output", "messages", "scores", "input")
# What the metadata of a sample say of its doc.
_OF_THE_DOC = frozenset({*columns.GOLD, *columns.SUBJECT, *columns.LEVEL})

_TOOLS = ("tool", "function", "ipython")
_USED = "<tool_response></tool_response>\n"


def message_text(value: Any, role: str) -> str:
    """Return the text of a response or a prompt: a text, a message, the last message of a role in a conversation.

    Reasoning that came apart from the text stands before it in <think> tags, open where nothing followed.
    """
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role", role) == role]
        used = role == "assistant" and any(
            isinstance(turn, dict) and turn.get("role") in _TOOLS for turn in value
        )
        # What a tool said is not the model's: only that there was one is kept, as some models write it themselves.
        return (_USED if used else "") + message_text(turns[-1], role) if turns else ""
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


def model_output(line: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prediction of evalscope 1.x or a sample of Inspect, choices with a stop reason each, as a flat line."""
    choices = output.get("choices") or []
    about = line.get("metadata") if isinstance(line.get("metadata"), dict) else {}
    return {
        **{key: value for key, value in (about or {}).items() if key in _OF_THE_DOC},
        **{key: value for key, value in line.items() if key not in _NESTED},
        "model": line.get("model") or output.get("model"),
        "question": message_text(line.get("input") or line.get("messages"), "user"),
        "responses": [message_text(choice, "assistant") for choice in choices] or [""],
        "finish_reasons": [choice.get("stop_reason") for choice in choices],
    }
