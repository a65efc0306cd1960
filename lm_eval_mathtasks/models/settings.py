"""The model arguments, checked once: every name known, every value sensible, no secret among them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.journal.schema import DEFAULT_PATH
from lm_eval_mathtasks.keys import DEFAULT_ENV, check_url, refuse_secrets
from lm_eval_mathtasks.models.foreign import without_foreign

DEFAULT_URL = "https://api.openai.com/v1"
# Rate times latency is about 16 for 250 requests a minute of 4 seconds; four times that leaves room for bursts,
# and is what a SIGKILL can cost at most.
DEFAULT_CONCURRENCY = 64
DEFAULT_SEED = 1234  # lm-eval's
NAME_BYTES, SHOWN_CHARS = 200, 40
MOST_CONCURRENT = 10_000  # more than a server or this process can bear
REQUEST_TIMEOUT_S = 600.0  # of silence, whatever other answers took; the openai SDK's default
RETRY_BUDGET_S = 600.0  # a request may fail for this long, waiting for a rate not counted
DRAIN_S = 60.0  # for answers under way after a run is stopped: they are paid for


def _says(default: Any, about: str) -> Any:
    """A field of Settings, with what its README says of it."""
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Settings:
    """Everything the model arguments may say; times are seconds. The README of this room has the table of them."""

    model: str = field(metadata={"about": "the model's name, as its server knows it"})
    base_url: str = _says(
        DEFAULT_URL, "where the interface is, else OPENAI_BASE_URL; a query may name its version (Azure)"
    )
    api_key_env: str = _says(
        DEFAULT_ENV, "the variable with the key; or, named with `_FILE` after it, with a file of it"
    )
    num_concurrent: int = _says(DEFAULT_CONCURRENCY, "requests under way at once, at most")
    rpm: float | None = _says(None, "limit of requests a minute, if known")
    tpm: float | None = _says(None, "limit of tokens a minute, if known")
    max_gen_toks: int | None = _says(None, "tokens of a response, where the task names no limit")
    seed: int | None = _says(DEFAULT_SEED, "of the first repeat; none sends no seed")
    stream: bool | None = _says(
        None, "whether answers are read as they are written; none: while the server is new or has just failed"
    )
    reasoning: bool | None = _says(None, "whether the model thinks; overrules the table of capabilities")
    reasoning_effort: str | None = _says(None, "sent as it is")
    enable_thinking: bool | None = _says(None, "what the server tells the model's chat template")
    on_item_error: str = _says(
        "fail",
        "docs without an answer end the run after all others are answered (fail), or count as api_error (skip)",
    )
    journal: str = _says(
        DEFAULT_PATH, "the file of what was asked, answered and paid; else MATHTASKS_JOURNAL"
    )
    prices: str | None = _says(None, "a file of prices, in the form of prices.yaml")
    max_cost: float | None = _says(None, "US dollars that this run may cost")
    max_tokens_total: int | None = _says(None, "tokens that this run may take")
    request_timeout: float = _says(REQUEST_TIMEOUT_S, "seconds of silence that end any request")
    retry_budget: float = _says(
        RETRY_BUDGET_S, "seconds for which one request may fail; waiting for a rate is none"
    )
    drain: float = _says(DRAIN_S, "seconds for answers under way when a run is stopped")
    progress: bool = _says(True, "whether a bar is shown")
    dry_run: bool = _says(False, "say what would be asked, and ask nothing")
    batch_out: str | None = _says(None, "write an OpenAI batch to this file, and ask nothing")


def _convert(name: str, kind: str, value: Any) -> Any:
    """`value`, as lm-eval's parser or YAML gave it, as the type that Settings declares."""
    optional = "None" in kind
    if value is None or (isinstance(value, str) and value.lower() in ("none", "auto", "")):
        if optional:
            return None
        raise ModelError(f"a value for {name}", "none", f"leave {name}= out for its default")
    base = kind.split(" ", 1)[0]
    try:
        if base == "bool":
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if base == "int" and int(float(value)) != float(value):
            raise ValueError
        return {"str": str, "int": lambda v: int(float(v)), "float": float}[base](value)  # type: ignore[operator]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{name}=<{base}>", repr(value), f"correct {name} in the model arguments") from None


def read_settings(arguments: Mapping[str, Any]) -> Settings:
    """Settings from model arguments; raises ModelError for an unknown name, a bad value or a secret."""
    refuse_secrets(arguments)
    given = without_foreign(arguments)
    if "pretrained" in given:
        given.setdefault("model", given.pop("pretrained"))
    # A class is written as such, a union as in the code.
    kinds = {f.name: f.type.__name__ if isinstance(f.type, type) else str(f.type) for f in fields(Settings)}
    unknown = sorted(set(given) - set(kinds))
    if unknown:
        near = dict.fromkeys(near for name in unknown for near in get_close_matches(name, kinds, n=1))
        fix = f"did you mean {', '.join(near)}? " if near else ""
        raise ModelError("known model arguments", ", ".join(unknown), f"{fix}Use some of: {', '.join(kinds)}")
    if not given.get("model"):
        raise ModelError("model=<name> among the model arguments", "none", "name the model to ask")
    given.setdefault("base_url", os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL)
    given.setdefault("journal", os.environ.get("MATHTASKS_JOURNAL") or DEFAULT_PATH)
    values = {name: _convert(name, kinds[name], value) for name, value in given.items()}
    values["base_url"] = check_url(values["base_url"])
    settings = Settings(**values)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    name = settings.model
    if not name.isprintable() or not name.strip(" .") or len(name.encode()) > NAME_BYTES:
        # lm-eval names the folder of its logs so.
        raise ModelError(
            f"a model's name of at most {NAME_BYTES} bytes that can be printed and is no folder such as ..",
            ascii(name[:SHOWN_CHARS]),
            "correct model= in the model arguments",
        )
    if settings.num_concurrent > MOST_CONCURRENT:
        raise ModelError(
            f"num_concurrent of at most {MOST_CONCURRENT}", str(settings.num_concurrent), "lower it"
        )
    if settings.on_item_error not in ("fail", "skip"):
        raise ModelError("on_item_error=fail or skip", settings.on_item_error, "choose one")
    for name in ("num_concurrent", "rpm", "tpm", "max_gen_toks", "max_cost", "max_tokens_total",
                 "request_timeout", "retry_budget"):  # fmt: skip
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise ModelError(f"{name} above 0", str(value), f"leave {name}= out for no bound")


def require_tokens(settings: Settings, longest: int) -> None:
    """Raise ModelError if a request that may write `longest` tokens can never pass tpm."""
    if settings.tpm is not None and longest > settings.tpm:
        wanted = f"tpm of at least {longest}, which one request reserves for its response"
        raise ModelError(wanted, f"tpm={settings.tpm:.0f}", "lower max_gen_toks, or correct tpm")
