"""Mistakes in the arguments of a run, each said with the way out before data, packages or weights are loaded.

What lm-eval would ignore or read differently is understood where one meaning is possible, and refused elsewhere: a log
must not state what did not happen.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError, ModelError, ReplayError, TaskError
from lm_eval_mathtasks.files import write_fault
from lm_eval_mathtasks.host.local_models import check_installed, check_local, is_number, refuse_slips
from lm_eval_mathtasks.journal.schema import is_database
from lm_eval_mathtasks.models.settings import DEFAULT_URL, read_settings
from lm_eval_mathtasks.network import server_fault
from lm_eval_mathtasks.presets.flags import LOCAL_MODELS
from lm_eval_mathtasks.response import LIMIT_NAMES

_BUDGET = "max_gen_toks"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SAMPLING = ("top_p", "top_k", "min_p")
_GENERATION = {*LIMIT_NAMES, *_SAMPLING, "do_sample", "temperature", "until", "seed", "repetition_penalty"}
# A flag's name -> what the user gave, on the command line or in the file of --config.
Value = Callable[[str], Any]


def refuse_mistakes(value: Value, models: Iterable[str]) -> Mapping[str, Any] | None:
    """Raise ModelError or TaskError for arguments that cannot be what the user means.

    models: the names lm-eval knows. Returns the generation arguments as they are understood, None where none are given.
    """
    model, model_args = str(value("model") or "hf"), value("model_args") or {}
    _known_model(model, list(models))
    check_installed(model)
    if value("wandb_args") and find_spec("wandb") is None:
        raise ModelError("wandb, for --wandb_args", "it is not installed", "run pip install wandb")
    _check_docs(value)
    _check_counts(value)
    settings = _generation(value("gen_kwargs"))
    if not model_args.get("dry_run"):
        _check_places(value)
    if "batch_out" in model_args and not model.startswith("mathtasks-"):
        fix = "--model mathtasks-chat"
        raise ModelError("an API model of ours for a batch file", f"--model {model}", fix)
    if model in LOCAL_MODELS:
        check_local(model, model_args)
        settings = _sampled_as_said(settings)
    if model == "replay" and "path" in model_args and not (path := Path(str(model_args["path"]))).is_file():
        fault = "is a folder" if path.exists() else "does not exist"
        raise ReplayError("a file of responses", f"{path}, which {fault}", "correct path=")
    if model.startswith("mathtasks-"):
        _check_api(model_args)
    elif model in ("openai-completions", "openai-chat-completions") and not os.environ.get("OPENAI_API_KEY"):
        raise ModelError("a key in OPENAI_API_KEY", "none", "export it, or ask a server with base_url=")
    elif model in ("local-completions", "local-chat-completions") and model_args.get("base_url"):
        _check_server(str(model_args["base_url"]))
    return settings


def _check_places(value: Value) -> None:
    """A place that can be written to, for the logs and for lm-eval's cache of responses."""
    for flag, wanted in (("output_path", "a folder for the logs"), ("use_cache", "a file for responses")):
        path = Path(str(value(flag) or ""))
        folder = flag == "output_path" and path.suffix != ".json"
        if value(flag) and (fault := write_fault(path, folder=folder)):
            raise EvidenceError(wanted, f"--{flag} {path}, but {fault}", "name another")


def _known_model(model: str, known: list[str]) -> None:
    if model in known:
        return
    if "/" in model:
        fix = f"--model hf --model_args pretrained={model} (or vllm)"
        raise ModelError("a kind of model for --model", model, fix)
    near = get_close_matches(model.lower(), known, n=2)
    also = f"did you mean {' or '.join(near)}? Else " if near and not model.startswith("openai") else ""
    raise ModelError(
        "a kind of model that exists",
        f"--model {model}",
        f"{also}`--model mathtasks-chat` asks OpenAI-compatible servers (--model_args model=NAME,base_url=URL); "
        "hf and vllm load weights (--model_args pretrained=NAME)",
    )


def _check_docs(value: Value) -> None:
    limit, samples = value("limit"), value("samples")
    if limit is not None and samples is not None:
        raise TaskError("--limit or --samples", "both", "drop --limit: --samples names the docs to ask")
    if limit is not None and (float(limit) <= 0 or (float(limit) > 1 and float(limit) % 1)):
        got = f"--limit {float(limit):g}"
        raise TaskError("--limit with a number of docs of at least 1, or a share below 1", got, "--limit 10")
    if samples is not None and not isinstance(samples, Mapping) and not Path(str(samples)).is_file():
        wanted = "docs by task, such as --samples '{\"math500\": [0, 1]}', or a file of that"
        raise TaskError(wanted, str(samples), "correct it")


def _check_counts(value: Value) -> None:
    shots, size, level = value("num_fewshot"), value("batch_size"), value("verbosity")
    if level is not None and level not in _LEVELS:
        raise TaskError(f"--verbosity with one of {', '.join(_LEVELS)}", str(level), "leave it out")
    if shots is not None and int(shots) < 0:
        raise TaskError("a number of shots of at least 0", f"--num_fewshot {shots}", "leave it out")
    if size is not None and not re.fullmatch(r"auto(:[\d.]+)?|0*[1-9]\d*", str(size)):
        raise ModelError("--batch_size with a number of at least 1, or auto", str(size), "--batch_size auto")


def _generation(settings: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The generation arguments, checked; their limit of tokens has one name already."""
    if settings is None:
        return None
    refuse_slips(settings, _GENERATION, "generation argument", TaskError)
    limits = {
        _BUDGET: (lambda v: v >= 1 and v % 1 == 0, "a whole number of at least 1"),
        "temperature": (lambda v: v >= 0, "a number of at least 0"),
        "top_p": (lambda v: 0 < v <= 1, "a number above 0, at most 1"),
        "min_p": (lambda v: 0 <= v <= 1, "a number from 0 to 1"),
    }
    for name, (allowed, wanted) in limits.items():
        if name in settings and not is_number(settings[name], allowed):
            raise TaskError(f"{name}, {wanted}", f"{name}={settings[name]}", "correct it in --gen_kwargs")
    if str(settings.get("do_sample", "true")).lower() not in ("true", "false"):
        raise TaskError("do_sample=true or false", f"do_sample={settings['do_sample']}", "choose one")
    return settings


def _sampled_as_said(settings: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Local models sample only with do_sample, which our tasks set to false: a temperature alone would be ignored, and
    logged."""
    if not settings:
        return settings
    temperature = float(settings.get("temperature", 0))
    greedy = "do_sample" in settings and str(settings["do_sample"]).lower() == "false"
    if temperature > 0 and greedy:
        fix = "do_sample=true samples; temperature=0 decodes greedily"
        raise TaskError("one way of decoding", f"do_sample=false,temperature={temperature:g}", fix)
    named = [name for name in _SAMPLING if settings.get(name) is not None]
    if named and (greedy or (temperature == 0 and "do_sample" not in settings)):
        got = "greedy decoding, which does not read it"
        fix = "add do_sample=true,temperature=... to --gen_kwargs, or leave it out"
        raise TaskError(f"sampling, because {named[0]} is given", got, fix)
    if temperature > 0 and "do_sample" not in settings:
        print(f"temperature={temperature:g} is read as do_sample=true,temperature={temperature:g}")
        return {**settings, "do_sample": True}
    return settings


def _check_api(model_args: Mapping[str, Any]) -> None:
    """A key for OpenAI and a server that is there, where something must be asked: a journal may answer everything."""
    settings = read_settings(model_args)
    journal = Path(settings.journal)
    other = journal.is_file() and journal.stat().st_size and not is_database(journal)
    if fault := "another kind of file" if other else write_fault(journal):
        fix = "name another with journal=..."
        raise ModelError(f"a journal, or a place for one, at {journal}", fault, fix)
    if settings.dry_run or settings.batch_out or journal.exists():
        return
    key = settings.api_key_env
    if settings.base_url == DEFAULT_URL and not os.environ.get(key):
        near = get_close_matches(key, os.environ, n=1, cutoff=0.8)
        got = f"one in {near[0]}" if near else "none"
        fix = "export it; or ask another server: --model_args base_url=http://localhost:8000/v1; or --dry-run"
        raise ModelError(f"a key in {key}, because base_url is {DEFAULT_URL}", got, fix)
    _check_server(settings.base_url)


def _check_server(url: str) -> None:
    if fault := server_fault(url):
        raise ModelError(f"a server at {url}", fault, "start it, or correct base_url=... in --model_args")
