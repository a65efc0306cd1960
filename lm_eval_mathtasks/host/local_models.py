"""What a model needs before it is loaded: packages, arguments that exist, its files, a device."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import MathtasksError, ModelError
from lm_eval_mathtasks.network import hub_fault
from lm_eval_mathtasks.presets.flags import HF_MODELS
from lm_eval_mathtasks.runs.weights import MODEL_ARGUMENTS

# What a model imports, with the extra of this package that installs it.
_NEEDED = {
    "hf": {"torch": "hf", "transformers": "hf", "accelerate": "hf"},
    "vllm": {"vllm": "vllm"},
    "mathtasks-": {"openai": "api", "tenacity": "api"},
}
EXTRAS = {"gguf": "smollm", **{name: extra for needed in _NEEDED.values() for name, extra in needed.items()}}
# Similarity (difflib) from which an unknown name is taken for a slip of a known one; "data_parallel_rank", which vLLM
# has, is like "data_parallel_size" by 0.83.
_NEAR = 0.85
_DTYPE = re.compile(r"(torch\.)?(auto|half|double|float|bfloat16|float(8|16|32|64)\w*)")  # as torch has them
_OF_A_MODEL = re.compile(r".*\.(json|safetensors|bin|pt|gguf)")  # files that lie in a model's folder
# The arguments that name a folder or a repository of the hub, and the files one of which it holds.
_PLACES = {
    "pretrained": ("config.json",),
    "tokenizer": ("tokenizer_config.json", "tokenizer.json"),
    "peft": ("adapter_config.json",),
    "delta": ("config.json",),
}


def refuse_slips(names: Iterable[str], known: Iterable[str], what: str, error: type[MathtasksError]) -> None:
    """Raise an error for a name that is unknown and very near to a known one: lm-eval would pass it on, unread."""
    known = set(known)
    for name in names:
        if name not in known and (near := get_close_matches(name, known, n=1, cutoff=_NEAR)):
            raise error(f"a known {what}", repr(name), f"did you mean {near[0]}?")


def is_number(value: object, allowed: Callable[[float], bool]) -> bool:
    """Whether a value is a number, or the text of one, that is allowed."""
    try:
        return not isinstance(value, bool) and allowed(float(str(value)))
    except ValueError:
        return False


def check_installed(model: str) -> None:
    """Raise ModelError for a model whose packages are missing; lm-eval imports them after the data is loaded."""
    kind = "mathtasks-" if model.startswith("mathtasks-") else "hf" if model in HF_MODELS else model
    if missing := next((name for name in _NEEDED.get(kind, ()) if find_spec(name) is None), None):
        raise missing_package(missing, f"--model {model}")


def missing_package(name: str, needed_by: str) -> ModelError:
    """The error for a package that is not installed."""
    fix = f"run pip install 'lm-eval-mathtasks[{EXTRAS[name]}]'"
    return ModelError(f"{name}, for {needed_by}", "it is not installed", fix)


def check_local(model: str, model_args: Mapping[str, Any]) -> None:
    """Raise ModelError for arguments of a model of this machine that cannot be meant, or whose files are not there."""
    refuse_slips(model_args, MODEL_ARGUMENTS, "model argument", ModelError)
    if not model_args.get("pretrained"):
        fix = "--model_args pretrained=Qwen/Qwen2.5-Math-1.5B-Instruct"
        raise ModelError(f"pretrained=<a folder or a name on the hub> for --model {model}", "none", fix)
    if model_args.get("gguf_file") and find_spec("gguf") is None:
        raise missing_package("gguf", "gguf_file=...")
    for name, files in _PLACES.items():
        if isinstance(model_args.get(name), str):
            _check_place(name, files, model_args)
    if not _DTYPE.fullmatch(dtype := str(model_args.get("dtype", "auto"))):
        raise ModelError("dtype=auto, bfloat16, float16 or float32", f"dtype={dtype}", "choose one")
    for name in ("max_length", "max_model_len"):
        if name in model_args and not is_number(model_args[name], lambda v: v >= 1 and v % 1 == 0):
            raise ModelError(f"{name}, a number of tokens", f"{name}={model_args[name]}", "leave it out")


def _check_place(name: str, files: tuple[str, ...], model_args: Mapping[str, Any]) -> None:
    given = str(model_args[name])
    place = Path(given).expanduser()
    if not place.exists():
        if given.startswith(("/", "./", "../", "~")) or given.count("/") > 1:
            fix = "check the path"
            raise ModelError("a model folder or a hub name", f"{name}={given}, which does not exist", fix)
        if "cache_dir" not in model_args:
            _check_hub(name, model_args)
    elif place.is_file():
        folder = f"{name}={place.parent}" + (f",gguf_file={place.name}" if place.suffix == ".gguf" else "")
        fix = folder if _OF_A_MODEL.fullmatch(place.name) else "check the path"
        raise ModelError(f"a folder or a name on the hub at {name}=", f"the file {given}", fix)
    elif "gguf_file" not in model_args and not any((place / file).is_file() for file in files):
        packed = next((path.name for path in sorted(place.glob("*.gguf"))), None)
        below = "check the path: a checkpoint may lie in a folder below it"
        fix, got = f"add gguf_file={packed}" if packed else below, f"a folder without {' and '.join(files)}"
        raise ModelError(f"a model at {name}={given}", got, fix)


def _check_hub(argument: str, model_args: Mapping[str, Any]) -> None:
    """A hub that can be asked for the model, where it is not in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name = str(model_args[argument])
    revision = model_args.get("revision") if argument == "pretrained" else None
    file = str(model_args.get("gguf_file") or _PLACES[argument][0])
    subfolder = str(model_args.get("subfolder") or "")
    if not (fault := hub_fault()):
        return
    try:
        there = try_to_load_from_cache(name, f"{subfolder}/{file}".lstrip("/"), revision=revision)
    except HFValidationError as error:
        fault = str(error)
        there = None
    if not isinstance(there, str):
        raise ModelError(
            f"a model at {argument}={name}",
            fault,
            "check the name and the network, set HF_ENDPOINT to a mirror, or name a folder that holds the model",
        )


def check_device(device: str) -> None:
    """Raise ModelError for a device that is not here: lm-eval takes another for it, without a word."""
    import torch

    here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    try:
        wanted = torch.device(device)
        there = (wanted.index or 0) < here.get(wanted.type, sys.maxsize)
    except RuntimeError:
        there = False
    if not there:
        several = (f"{kind}:{n}" for kind, count in here.items() if kind != "cpu" for n in range(count))
        known = [*several, "cpu"]
        fix = f"--device {known[0]}"
        raise ModelError(f"a device of this machine ({', '.join(known)})", f"--device {device}", fix)
