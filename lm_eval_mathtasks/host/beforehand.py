"""What is wrong with a run, said before its model is loaded: from the flags alone, then from the tasks' settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ModelError, TaskError
from lm_eval_mathtasks.host.repeats import sampled

# lm-eval's models that load weights from `pretrained=`.
LOCAL_MODELS = frozenset({"hf", "hf-auto", "huggingface", "vllm", "sglang"})


def check_flags(model: str, model_args: Any, *, known: Iterable[str], limit: Any, samples: Any) -> None:
    """Raise ModelError or TaskError for flags that cannot work together, or name nothing.

    model: of --model; model_args: of --model_args, a mapping or None; known: the names of all models; limit,
    samples: as lm-eval parsed them.
    """
    names = set(known)
    if model not in names:
        near = get_close_matches(model, sorted(names), n=2)
        fix = f"did you mean {' or '.join(near)}? " if near else ""
        chat = "an API with the address of OpenAI's is --model mathtasks-chat --model_args model=NAME"
        raise ModelError("a model that lm-eval or mathtasks knows", f"--model {model}", f"{fix}{chat}")
    given = model_args if isinstance(model_args, Mapping) else {}
    if model in LOCAL_MODELS and not given.get("pretrained"):
        raise ModelError(
            f"a model folder or a hub name for --model {model}",
            "no pretrained",
            "add --model_args pretrained=NAME, or the bundled model: "
            '--model_args pretrained="$(mathtasks model-path)"',
        )
    name = str(given.get("pretrained", ""))
    looks_local = name.startswith(("/", "./", "../", "~")) or name.count("/") > 1
    if model in LOCAL_MODELS and looks_local and not Path(name).expanduser().exists():
        # A hub would be asked for it.
        raise ModelError(
            "a model folder or a hub name", f"pretrained={name}, which does not exist", "check the path"
        )
    if limit is not None and float(limit) <= 0:
        raise TaskError("at least one doc to ask for", f"--limit {limit:g}", "--limit 10, or leave it out")
    if limit is not None and samples:
        raise TaskError(
            "--limit or --samples", "both, which choose docs in two ways", "leave one of the two out"
        )


def check_settings(tasks: Iterable[Any], gen_kwargs: Mapping[str, Any]) -> None:
    """Raise TaskError for generation arguments that a local model would ignore while the log states them.

    tasks: loaded tasks of lm-eval; gen_kwargs: of the command line, which go before those of a task.
    """
    for task in tasks:
        own = getattr(task.config, "generation_kwargs", None) or {}
        merged = {**own, **gen_kwargs}
        temperature = gen_kwargs.get("temperature")
        if temperature and float(temperature) > 0 and not sampled(merged):
            raise TaskError(
                f"do_sample=true beside temperature={temperature}",
                f"do_sample={merged.get('do_sample')} for {task.config.task}, which would run greedily",
                f"--gen_kwargs do_sample=true,temperature={temperature}",
            )
