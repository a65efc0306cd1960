"""Mistakes in the arguments of a run, each said with the way out before data, packages or weights are loaded.

What lm-eval would ignore or read differently is understood where one meaning is possible, and refused elsewhere: a log
must not state what did not happen.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError, ModelError, TaskError
from lm_eval_mathtasks.files import write_fault
from lm_eval_mathtasks.models.payload import LIMIT_NAMES
from lm_eval_mathtasks.models.settings import DEFAULT_URL, read_settings
from lm_eval_mathtasks.network import hub_fault, server_fault

HF_MODELS = {"hf", "hf-auto", "huggingface"}
LOCAL_MODELS = HF_MODELS | {"vllm", "sglang"}
# What a model imports, with the extra of this package that installs it.
_NEEDED = {
    "hf": {"torch": "hf", "transformers": "hf", "accelerate": "hf"},
    "vllm": {"vllm": "vllm"},
    "mathtasks-": {"openai": "api", "tenacity": "api"},
}
EXTRAS = {package: extra for packages in _NEEDED.values() for package, extra in packages.items()} | {
    "gguf": "smollm"
}
_NEAR = 0.8  # similarity (difflib) from which an unknown name is taken for a slip of a known one
_BUDGET = "max_gen_toks"
_SAMPLING = ("top_p", "top_k", "min_p")
_GENERATION = {*LIMIT_NAMES, *_SAMPLING, "do_sample", "temperature", "until", "seed", "repetition_penalty"}
_MODEL_ARGS = {
    "pretrained", "revision", "dtype", "tokenizer", "max_length", "max_model_len", "trust_remote_code", "peft", "delta",
    "parallelize", "device_map", "attn_implementation", "think_end_token", "enable_thinking", "add_bos_token", "seed",
    "tensor_parallel_size", "data_parallel_size", "gpu_memory_utilization", "load_in_4bit", "load_in_8bit", "backend",
    "subfolder", "max_gen_toks", "enforce_eager", "gguf_file", "max_batch_size", "truncation", "token", "use_cache",
}  # fmt: skip
# A flag's name -> what the user gave, on the command line or in the file of --config.
Value = Callable[[str], Any]


def refuse_mistakes(value: Value, models: Iterable[str]) -> Mapping[str, Any] | None:
    """Raise ModelError or TaskError for arguments that cannot be what the user means.

    models: the names lm-eval knows. Returns the generation arguments as they are understood, None where none are given.
    """
    model, model_args = str(value("model") or "hf"), _mapping(value("model_args"))
    _known_model(model, list(models))
    _check_installed(model)
    _check_docs(value)
    _check_counts(value)
    settings = _generation(value("gen_kwargs"))
    if not model_args.get("dry_run"):
        _check_places(value)
    if "batch_out" in model_args and not model.startswith("mathtasks-"):
        raise ModelError(
            "an API model of ours for a batch file", f"--model {model}", "--model mathtasks-chat"
        )
    if model in LOCAL_MODELS:
        _check_local(model, model_args)
        settings = _sampled_as_said(settings)
    if model.startswith("mathtasks-"):
        _check_api(model_args)
    elif model in ("openai-completions", "openai-chat-completions") and not os.environ.get("OPENAI_API_KEY"):
        raise ModelError("a key in OPENAI_API_KEY", "none", "export it, or ask a server with base_url=")
    elif model in ("local-completions", "local-chat-completions") and model_args.get("base_url"):
        _check_server(str(model_args["base_url"]))
    return settings


def _check_installed(model: str) -> None:
    """The packages of a model, which lm-eval imports after the data is loaded."""
    kind = "mathtasks-" if model.startswith("mathtasks-") else "hf" if model in HF_MODELS else model
    packages = _NEEDED.get(kind, {})
    if missing := next((name for name in packages if find_spec(name) is None), None):
        raise missing_package(missing, f"--model {model}")


def missing_package(name: str, needed_by: str) -> ModelError:
    """The error for a package that is not installed."""
    fix = f"run pip install 'lm-eval-mathtasks[{EXTRAS[name]}]'"
    return ModelError(f"{name}, for {needed_by}", "it is not installed", fix)


def _check_places(value: Value) -> None:
    """A place that can be written to, for the logs and for lm-eval's cache of responses."""
    for flag, wanted in (("output_path", "a folder for the logs"), ("use_cache", "a file for responses")):
        path = Path(str(value(flag) or ""))
        folder = flag == "output_path" and path.suffix != ".json"
        if value(flag) and (fault := write_fault(path, folder=folder)):
            raise EvidenceError(wanted, f"--{flag} {path}, but {fault}", "name another")


def refuse_absent_device(device: object) -> None:
    """Raise ModelError for a device that is not here: lm-eval takes another for it, without a word."""
    import torch

    try:
        wanted = torch.device(str(device))
    except RuntimeError:
        wanted = None
    here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if wanted is None or (wanted.index or 0) >= here.get(wanted.type, sys.maxsize):
        several = [f"{kind}:{n}" for kind, count in here.items() if kind != "cpu" for n in range(count)]
        known = ", ".join(("cpu", *several))
        raise ModelError(
            f"a device of this machine ({known})",
            f"--device {device}",
            f"--device {several[0] if several else 'cpu'}",
        )


def _mapping(given: Any) -> Mapping[str, Any]:
    return dict(given) if isinstance(given, Mapping) else {}


def refuse_slips(names: Iterable[str], known: Iterable[str], what: str, error: type[MathtasksError]) -> None:
    """Raise an error for a name that is unknown and very near to a known one: lm-eval would pass it on, unread."""
    known = set(known)
    for name in names:
        if name not in known and (near := get_close_matches(name, known, n=1, cutoff=_NEAR)):
            raise error(f"a known {what}", repr(name), f"did you mean {near[0]}?")


def _known_model(model: str, known: list[str]) -> None:
    if model in known:
        return
    if "/" in model:
        raise ModelError(
            "a kind of model for --model", model, f"--model hf --model_args pretrained={model} (or vllm)"
        )
    near = get_close_matches(model, known, n=2)
    also = f"did you mean {' or '.join(near)}? Else " if near and not model.startswith("openai") else ""
    raise ModelError(
        "a kind of model that exists",
        f"--model {model}",
        f"{also}--model mathtasks-chat asks OpenAI-compatible servers (--model_args model=NAME,base_url=URL); "
        "hf and vllm load weights (--model_args pretrained=NAME)",
    )


def _check_docs(value: Value) -> None:
    limit, samples = value("limit"), value("samples")
    if limit is not None and samples is not None:
        raise TaskError("--limit or --samples", "both", "drop --limit: --samples names the docs to ask")
    if limit is not None and (float(limit) <= 0 or (float(limit) > 1 and float(limit) % 1)):
        raise TaskError(
            "--limit with a number of docs of at least 1, or a share below 1",
            f"--limit {float(limit):g}",
            "--limit 10",
        )
    if samples is not None and not isinstance(samples, Mapping) and not Path(str(samples)).is_file():
        raise TaskError(
            "docs by task, such as --samples '{\"math500\": [0, 1]}', or a file of that",
            str(samples),
            "correct it",
        )


def _check_counts(value: Value) -> None:
    shots, size = value("num_fewshot"), value("batch_size")
    if shots is not None and int(shots) < 0:
        raise TaskError("a number of shots of at least 0", f"--num_fewshot {shots}", "leave it out")
    if size is not None and not str(size).startswith("auto") and not (str(size).isdigit() and int(size) > 0):
        raise ModelError("--batch_size with a number of at least 1, or auto", str(size), "--batch_size auto")


def _generation(given: Any) -> Mapping[str, Any] | None:
    """The generation arguments, checked; their limit of tokens has one name already."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise TaskError("--gen_kwargs name=value,...", str(given), "--gen_kwargs max_gen_toks=2048")
    settings = dict(given)
    refuse_slips(settings, _GENERATION, "generation argument", TaskError)
    limits = {
        _BUDGET: (lambda v: v >= 1 and v % 1 == 0, "a whole number of at least 1"),
        "temperature": (lambda v: v >= 0, "a number of at least 0"),
        "top_p": (lambda v: 0 < v <= 1, "a number above 0, at most 1"),
        "min_p": (lambda v: 0 <= v <= 1, "a number from 0 to 1"),
    }
    for name, (allowed, wanted) in limits.items():
        if name in settings and not _holds(settings[name], allowed):
            raise TaskError(f"{name}, {wanted}", f"{name}={settings[name]}", "correct it in --gen_kwargs")
    if str(settings.get("do_sample", "true")).lower() not in ("true", "false"):
        raise TaskError("do_sample=true or false", f"do_sample={settings['do_sample']}", "choose one")
    return settings


def _holds(value: Any, allowed: Callable[[float], bool]) -> bool:
    try:
        return not isinstance(value, bool) and allowed(float(value))
    except (TypeError, ValueError):
        return False


def _sampled_as_said(settings: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Local models sample only with do_sample, which our tasks set to false: a temperature alone would be ignored, and
    logged."""
    if not settings:
        return settings
    temperature = float(settings.get("temperature", 0))
    greedy = "do_sample" in settings and str(settings["do_sample"]).lower() == "false"
    if temperature > 0 and greedy:
        raise TaskError(
            "one way of decoding",
            f"do_sample=false,temperature={temperature:g}",
            "do_sample=true samples; temperature=0 decodes greedily",
        )
    named = [name for name in _SAMPLING if settings.get(name) is not None]
    if named and (greedy or (temperature == 0 and "do_sample" not in settings)):
        raise TaskError(
            f"sampling, because {named[0]} is given",
            "greedy decoding, which does not read it",
            "add do_sample=true,temperature=... to --gen_kwargs, or leave it out",
        )
    if temperature > 0 and "do_sample" not in settings:
        print(f"temperature={temperature:g} is read as do_sample=true,temperature={temperature:g}")
        return {**settings, "do_sample": True}
    return settings


def _check_local(model: str, model_args: Mapping[str, Any]) -> None:
    refuse_slips(model_args, _MODEL_ARGS, "model argument", ModelError)
    if not model_args.get("pretrained"):
        raise ModelError(
            f"pretrained=<a folder or a name on the hub> for --model {model}",
            "none",
            "--model_args pretrained=Qwen/Qwen2.5-Math-1.5B-Instruct",
        )
    folder = Path(str(model_args["pretrained"])).expanduser()
    if model_args.get("gguf_file") and find_spec("gguf") is None:
        raise missing_package("gguf", "gguf_file=...")
    if not folder.exists() and "cache_dir" not in model_args:
        _check_hub(model_args)
    if folder.is_dir() and not (folder / "config.json").is_file() and "gguf_file" not in model_args:
        packed = next((path.name for path in sorted(folder.glob("*.gguf"))), None)
        raise ModelError(
            f"a model at pretrained={model_args['pretrained']}",
            "a folder without config.json",
            f"add gguf_file={packed}"
            if packed
            else "check the path: a checkpoint may lie in a folder below it",
        )
    for name in ("max_length", "max_model_len"):
        if name in model_args and not _holds(model_args[name], lambda v: v >= 1 and v % 1 == 0):
            raise ModelError(f"{name}, a number of tokens", f"{name}={model_args[name]}", "leave it out")


def _check_hub(model_args: Mapping[str, Any]) -> None:
    """A hub that can be asked for the model, where it is not in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name, revision = str(model_args["pretrained"]), model_args.get("revision")
    file = str(model_args.get("gguf_file") or "config.json")
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
            f"a model at pretrained={name}",
            fault,
            "check the name and the network, set HF_ENDPOINT to a mirror, or name a folder that holds the model",
        )


def _check_api(model_args: Mapping[str, Any]) -> None:
    """A key for OpenAI and a server that is there, where something must be asked: a journal may answer everything."""
    settings = read_settings(model_args)
    if settings.dry_run or settings.batch_out or Path(settings.journal).exists():
        return
    if fault := write_fault(Path(settings.journal)):
        raise ModelError(
            f"a place for the journal at {settings.journal}", fault, "name another with journal=..."
        )
    if settings.base_url == DEFAULT_URL and not os.environ.get(settings.api_key_env):
        raise ModelError(
            f"a key in {settings.api_key_env}, because base_url is {DEFAULT_URL}",
            "none",
            "export it; or ask another server: --model_args base_url=http://localhost:8000/v1; or --dry-run",
        )
    _check_server(settings.base_url)


def _check_server(url: str) -> None:
    if fault := server_fault(url):
        raise ModelError(f"a server at {url}", fault, "start it, or correct base_url=... in --model_args")
