"""Chat messages as harnesses and servers write them, and the model output that evalscope and Inspect share."""

import json
import re
from collections.abc import Mapping
from typing import Any

from lm_eval_mathtasks.runs import columns
from lm_eval_mathtasks.text import with_thinking

_NESTED = ("model_output", "output", "messages", "scores", "input")
# What the metadata of a sample say of its doc.
_OF_THE_DOC = frozenset({*columns.GOLD, *columns.SUBJECT, *columns.LEVEL})

_TOOLS = ("tool", "function", "ipython")
# Parts of an answer in which the server ran a tool itself.
_BY_SERVER = re.compile(r"(?!function|custom)\w+_call|server_tool_use|url_citation|\w+_tool_result")
_USED = "<tool_response></tool_response>\n"


def message_text(value: Any, role: str) -> str:
    """Return the text of a response or a prompt: a text, a message, the last message of a role in a conversation.

    Reasoning that came apart from the text stands before it in <think> tags, open where nothing followed.
    """
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role", role) == role]
        text = message_text(turns[-1], role) if turns else ""
        return text if role != "assistant" else marked(value, text)
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


def marked(turns: Any, text: str) -> str:
    """Return a response, with a mark where a tool had a turn in its conversation, or a part of what a server answered.
    What the tool said is not the model's."""
    parts = [one for one in turns if isinstance(one, dict)] if isinstance(turns, list) else ()
    used = any(one.get("role") in _TOOLS or _BY_SERVER.fullmatch(str(one.get("type"))) for one in parts)
    return f"{_USED}{text}" if used and text and not text.startswith(_USED) else text


def logged_turns(value: Any) -> str | None:
    """Return a prompt as the log has it; of a conversation, the turns up to the model's own answer, as JSON."""
    turns = value if isinstance(value, list) else []
    if not turns or not all(isinstance(turn, dict) and "role" in turn for turn in turns):
        return columns.first_text({"prompt": value}, ("prompt",))
    # The answer, with what the model asked of tools on the way to it, is no part of it.
    end = max((i + 1 for i, turn in enumerate(turns) if turn["role"] == "user"), default=len(turns))
    said = [{"role": turn["role"], "content": message_text(turn, turn["role"])} for turn in turns[:end]]
    return json.dumps(said, ensure_ascii=False)


def model_output(line: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prediction of evalscope 1.x or a sample of Inspect, choices with a stop reason each, as a flat line."""
    choices = output.get("choices") or []
    about = line.get("metadata") if isinstance(line.get("metadata"), dict) else {}
    return {
        **{key: value for key, value in (about or {}).items() if key in _OF_THE_DOC},
        **{key: value for key, value in line.items() if key not in _NESTED},
        "model": line.get("model") or output.get("model"),
        "error": line.get("error") or output.get("error"),
        "question": message_text(line.get("input") or line.get("messages"), "user"),
        "prompt": logged_turns(line.get("messages")),
        "responses": [marked(line.get("messages"), message_text(choice, "assistant")) for choice in choices]
        or [""],
        "finish_reasons": [choice.get("stop_reason") for choice in choices],
    }
