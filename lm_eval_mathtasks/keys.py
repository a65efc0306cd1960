"""Keys: read from the environment only, and taken out of every text that leaves this process.

lm-eval writes model_args into the results file and prints them, so a key given there is published with the score.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lm_eval_mathtasks.errors import ModelError

DEFAULT_ENV = "OPENAI_API_KEY"
REDACTED = "[redacted]"
SHORTEST = (
    6  # characters; a shorter "key" is a placeholder such as "EMPTY", and would blot out ordinary words
)
SECRET_ARGUMENT = re.compile(
    r"(api|auth|access|secret|bearer)[_-]?(key|token)?$|^(token|key|headers?|authorization)$", re.I
)
SECRET_SHAPE = re.compile(r"\b(?:sk|pk|key|gsk|hf|xai)[-_][\w-]{8,}|(?<=Bearer )\S+", re.I)
_known: set[str] = set()


class Key:
    """An API key that does not show itself in a repr or a traceback."""

    def __init__(self, value: str) -> None:
        self._value = value
        if len(value) >= SHORTEST:
            _known.add(value)

    def reveal(self) -> str:
        """The key itself, for the one client that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Key({REDACTED})"


def read_key(env: str = DEFAULT_ENV) -> Key:
    """The key in the variable `env`, or in the file that `env`_FILE names; a placeholder if neither is set, which
    a local server takes and a real one answers with 401."""
    value = os.environ.get(env, "").strip()
    path = os.environ.get(f"{env}_FILE")
    if not value and path:
        try:
            value = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ModelError(
                f"a readable file with the key ({env}_FILE)",
                type(error).__name__,
                f"set {env} or correct the path",
            ) from None
    return Key(value or "none")


def refuse_secrets(arguments: Mapping[str, Any]) -> None:
    """Raise ModelError if a model argument is, or names, a secret; its value is not repeated."""
    for name, value in arguments.items():
        shaped = isinstance(value, str) and SECRET_SHAPE.search(value)
        if (SECRET_ARGUMENT.search(name) and name != "api_key_env") or (shaped and name != "model"):
            raise ModelError(
                "no secret among the model arguments, because lm-eval writes them into the results file",
                f"{name}={REDACTED}",
                f"export {DEFAULT_ENV}=..., or name another variable with api_key_env=",
            )


def check_url(url: str) -> str:
    """`url` as the base of an OpenAI-compatible API; raises ModelError if it holds a password or a query."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise ModelError(
            "a base_url without password or query, because it is written into logs and the journal",
            f"{parts.scheme}://{parts.hostname}{parts.path} with one",
            f"put the key into {DEFAULT_ENV}",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError("base_url=http(s)://host/v1", url, "add the scheme and the host")
    return re.sub(r"/(chat/)?completions/?$", "", url).rstrip("/")


def redact(text: str, shapes: bool = True) -> str:
    """`text` without any key read in this process, and (`shapes`) without anything that looks like one."""
    for value in _known:
        text = text.replace(value, REDACTED)
    return SECRET_SHAPE.sub(REDACTED, text) if shapes else text
