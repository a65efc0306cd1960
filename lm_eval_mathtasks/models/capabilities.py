"""What a model accepts: an exact table by family, and what its server has refused since."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from lm_eval_mathtasks.models.payload import Payload

log = logging.getLogger(__name__)

DATE = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4})$")
# A request makes no sense without these, so a refusal of one is not answered by dropping it.
ESSENTIAL = {"model", "messages", "prompt"}
MAX_STOPS = 4  # https://platform.openai.com/docs/api-reference/chat/create: "Up to 4 sequences"
TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")


@cache
def _families() -> dict[str, dict[str, Any]]:
    """The families of capabilities.yaml by the names of their models."""
    file = resources.files("lm_eval_mathtasks.models").joinpath("capabilities.yaml")
    families = yaml.safe_load(file.read_text(encoding="utf-8"))["families"]
    return {name.lower(): family for family in families for name in family["names"]}


def family_of(model: str) -> dict[str, Any]:
    """The family whose names hold `model` exactly, a provider's prefix and a date apart; {} if none does."""
    name = model.rsplit("/", 1)[-1].lower()
    return _families().get(name) or _families().get(DATE.sub("", name)) or {}


@dataclass
class Capabilities:
    """What may be sent to one model; `dropped` grows when its server refuses a parameter."""

    reasoning: bool = False
    token_limit: str = "max_tokens"  # noqa: S105  (a parameter's name, no password)
    unsupported: frozenset[str] = frozenset()
    dropped: dict[str, str] = field(default_factory=dict)  # parameter -> why

    @classmethod
    def of(cls, model: str, *, chat: bool = True, reasoning: bool | None = None) -> Capabilities:
        """The table's entry for `model`; `reasoning` overrules whether it thinks."""
        family = family_of(model) if chat else {}
        thinks = bool(family.get("reasoning")) if reasoning is None else reasoning
        unsupported = frozenset(family.get("unsupported", ())) if thinks else frozenset()
        unsupported |= {"stop"} if thinks else set()
        return cls(thinks, family.get("token_limit", "max_tokens"), unsupported)

    def apply(self, payload: Payload) -> Payload:
        """`payload` (which names its token limit max_tokens) as this model's server takes it."""
        sent = {k: v for k, v in payload.items() if k not in self.unsupported and k not in self.dropped}
        if "stream" not in sent:
            sent.pop("stream_options", None)
        if "stop" in sent:
            sent["stop"] = sent["stop"][:MAX_STOPS]
        if "max_tokens" in payload:
            sent.pop("max_tokens", None)
            sent[self.token_limit] = payload["max_tokens"]
        return sent

    def drop(self, parameter: str, reason: str, sent: Payload) -> bool:
        """The server refused `parameter` of the request `sent`: leave it out from now on, and say so once.

        A refused token limit changes its name instead. Returns False if nothing can be left out.
        """
        if parameter in ESSENTIAL or (parameter not in sent and parameter not in self.dropped):
            return False
        if parameter in TOKEN_LIMITS:
            if parameter != self.token_limit:
                return True  # renamed meanwhile
            other = TOKEN_LIMITS[1 - TOKEN_LIMITS.index(parameter)]
            if other in self.dropped:
                return False
            self.token_limit, self.dropped[parameter] = other, reason
            log.warning("the server refuses %s; sending %s instead (%s)", parameter, other, reason)
        elif parameter not in self.dropped:
            self.dropped[parameter] = reason
            said = "the server refuses %s=%r; leaving it out (%s)"
            log.warning(said, parameter, sent.get(parameter), reason)
        return True
