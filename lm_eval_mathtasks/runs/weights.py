"""Which weights answered, by all the model arguments of a log: the published ones of a name, or others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Between the names of a model and of an adapter on top of it.
WITH_ADAPTER = " + "
# As Hugging Face, vLLM, SGLang and lm-eval name them.
_ADAPTERS = ("peft", "delta", "adapter", "adapter_path", "lora", "lora_path", "lora_paths", "lora_local_path",
             "lora_modules", "lora_name_or_path")  # fmt: skip
_QUANTISED = ("load_in_4bit", "load_in_8bit", "quantization", "quantization_config", "quantize", "autogptq",
              "gptqmodel", "awq", "bnb_4bit_quant_type")  # fmt: skip
_PARTS = ("gguf_file", "subfolder", "weights_path", "checkpoint", "ckpt_path")
_NOT_SET = ("", "none", "false", "null", "main", "auto", "0")
# A folder of the hub's cache names the repository it holds.
_CACHED = re.compile(r"(?:^|[/\\])models--(?P<owner>[^/\\]+?)--(?P<name>[^/\\]+)(?:[/\\]|$)")
_PATH = re.compile(r"^(?:[/~.\\]|[A-Za-z]:[/\\])|/.*/|\.(?:gguf|safetensors|bin|pt)$")


@dataclass(frozen=True)
class Weights:
    """What a log says of the weights.

    repository: owner and name as on the hub, or the name alone where no owner is given; None where a log names none, or
    a folder of some machine, whose name proves nothing. path: such a folder. changes: what makes them other weights
    than the published ones of that name (an adapter, a quantisation, a revision, one file of several). stated: whether
    the log holds model arguments at all; without any, an adapter would not be seen.
    """

    repository: str | None
    path: str | None
    changes: tuple[str, ...]
    stated: bool

    @property
    def owner(self) -> str | None:
        """Who published them, None where that is not said."""
        return self.repository.partition("/")[0] if self.repository and "/" in self.repository else None


def weights_of_log(name: str | None, arguments: Mapping[str, object]) -> Weights:
    """Return which weights a log names. name: of the model; arguments: lm-eval's --model_args, or another harness's.

    >>> weights_of_log("Qwen/Qwen2.5-7B", {"pretrained": "Qwen/Qwen2.5-7B", "peft": "me/adapter"}).changes
    ('peft=me/adapter',)
    """
    stated = bool(arguments)
    changes = tuple(_changes(arguments))
    if name and (cached := _CACHED.search(name)):
        return Weights(f"{cached['owner']}/{cached['name']}", None, changes, stated)
    if name and _PATH.search(name):
        return Weights(None, name, changes, stated)
    return Weights(name or None, None, changes, stated)


def adapters_of(arguments: Mapping[str, object]) -> list[str]:
    """Return the adapters that model arguments put on top of the weights."""
    return [str(arguments[key]) for key in _ADAPTERS if _is_set(arguments.get(key))]


def _changes(arguments: Mapping[str, object]) -> Iterator[str]:
    for key in (*_ADAPTERS, *_QUANTISED, *_PARTS, "revision"):
        if _is_set(value := arguments.get(key)):
            yield f"{key}={value}"


def _is_set(value: object) -> bool:
    return str("" if value is None else value).strip().lower() not in _NOT_SET and value not in ({}, [])
