"""A preset as arguments of lm-eval's `run`: what the user gives wins, and is named as a deviation from the protocol."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import PresetError
from lm_eval_mathtasks.presets.protocols import Preset, load_preset
from lm_eval_mathtasks.response import LIMIT_NAMES

_SAMPLING = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max_gen_toks"}
# lm-eval's models that load weights on this machine, by their names on a command line.
HF_MODELS = {"hf", "hf-auto", "huggingface"}
LOCAL_MODELS = HF_MODELS | {"vllm", "sglang"}


class Applied(NamedTuple):
    """What a preset adds to the arguments of a run, by lm-eval's names, and where the run departs from the preset."""

    added: dict[str, Any]
    deviations: tuple[str, ...]


def fill_in(arguments: dict[str, Any]) -> None:
    """Take `preset` out of the arguments of a run, add what the preset states, and print what deviates from it.

    arguments: as lm-eval's parser gives them; changed in place. Raises PresetError for an unknown preset, for tasks
    whose protocols differ, and beside `config`.
    """
    name = arguments.pop("preset", None)
    if name is None:
        return
    added, deviations = applied(load_preset(name), arguments)
    print(f"preset {name}: {as_flags(added)}")
    for deviation in deviations:
        print(f"preset {name}: deviates: {deviation}")
    added["metadata"] = {"preset": name, "preset_deviations": list(deviations)}
    for key, value in added.items():
        arguments[key] = {**(arguments.get(key) or {}), **value} if isinstance(value, dict) else value


def as_flags(arguments: Mapping[str, Any]) -> str:
    """Return arguments as they are written on a command line."""
    return shlex.join(flag_words(arguments))


def flag_words(arguments: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line with these arguments; what is None is left out."""
    words: list[str] = []
    for name, value in arguments.items():
        items = [f"{k}={v}" for k, v in value.items()] if isinstance(value, dict) else value
        written = [] if value is True else [",".join(items) if isinstance(items, list) else str(items)]
        words += [] if value is None else [f"--{name}", *written]
    return words


def applied(preset: Preset, given: Mapping[str, Any]) -> Applied:
    """Return what a preset adds to the arguments that the user gave. Only what the sources state is added."""
    if given.get("config"):
        fix = "write the flags out, without --config"
        raise PresetError("one place for settings", "--preset beside --config", fix)
    model = given.get("model") or "hf"
    if model == "replay":
        fix = "leave out --preset"
        raise PresetError("a model that is asked", "--model replay: its responses are there already", fix)
    named = [name.partition("@")[0] for name in given.get("tasks") or ()]
    tasks = [task for name in named for task in preset.tasks_of(name)]
    added: dict[str, Any] = {} if tasks else {"tasks": list(preset.tasks)}
    stated = _stated(preset, tasks or list(preset.tasks))
    deviations = [f"{task} is no task of the preset" for task in tasks if task not in preset.tasks]
    k, repeated = str(stated.get("k", 1)), (name for name in given.get("tasks") or () if "@" in name)
    deviations += [f"{name}, not @{k}" for name in repeated if name.partition("@")[2] not in ("", k)]
    for name, value in _plain(stated).items():
        own = given.get(name)
        if own is None:
            added[name] = value
        elif value is not True and own != value:
            deviations.append(f"--{name} {own}, not {value}")
    if stated.get("chat_template") is False and given.get("apply_chat_template"):
        deviations.append("--apply_chat_template, where the protocol has none")
    unsaid = stated.get("system_instruction") is None and stated.get("chat_template")
    if unsaid and given.get("system_instruction"):
        deviations.append("--system_instruction, where the protocol states none")
    for name, part in (
        ("gen_kwargs", _sampling(stated, given.get("gen_kwargs") or {}, model)),
        ("model_args", _thinking(stated.get("thinking"), given.get("model_args") or {}, model)),
    ):
        added |= {name: part.added} if part.added else {}
        deviations += part.deviations
    return Applied(added, tuple(deviations))


def _stated(preset: Preset, tasks: Sequence[str]) -> dict[str, Any]:
    """What holds for all of these tasks; raises PresetError where they are published with different settings."""
    benchmarks = [preset.tasks[task] for task in tasks if task in preset.tasks]
    settings = [preset.stated(benchmark) for benchmark in benchmarks] or [dict(preset.settings)]
    for benchmark, other in zip(benchmarks, settings, strict=False):
        unlike = [n for n in {**other, **settings[0]} if n != "shots" and other.get(n) != settings[0].get(n)]
        if unlike:
            got = f"{benchmarks[0]} and {benchmark} differ in {', '.join(unlike)}"
            fix = "run them one after the other, each with --tasks"
            raise PresetError(f"tasks of one protocol in {preset.name}", got, fix)
    shots = {s.get("shots") for s in settings}
    # Tasks of different shots keep their own, which are the preset's.
    return settings[0] if len(shots) == 1 else {n: v for n, v in settings[0].items() if n != "shots"}


def _plain(stated: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "apply_chat_template": "chat_template",
        "system_instruction": "system_instruction",
        "num_fewshot": "shots",
    }
    wanted = {name: stated.get(field) for name, field in names.items()}
    wanted["repeats"] = stated["k"] if stated.get("k", 1) > 1 else None
    return {name: value for name, value in wanted.items() if value}


def _sampling(stated: Mapping[str, Any], user: Mapping[str, Any], model: str) -> Applied:
    """Generation settings that the user did not give, and those that differ or that the backend cannot take."""
    wanted = {name: stated[field] for field, name in _SAMPLING.items() if field in stated}
    if "temperature" in wanted:
        wanted = {"do_sample": wanted["temperature"] > 0, **wanted}
        wanted = wanted if wanted["do_sample"] else {k: v for k, v in wanted.items() if k != "temperature"}
    own = {("max_gen_toks" if name in LIMIT_NAMES else name): value for name, value in user.items()}
    deviations = [f"{n}={own[n]}, not {v}" for n, v in wanted.items() if n in own and own[n] != v]
    if "top_k" in wanted and model not in LOCAL_MODELS:
        deviations.append(f"top_k={wanted.pop('top_k')} is not sent: OpenAI's API has no such setting")
    return Applied({name: value for name, value in wanted.items() if name not in own}, tuple(deviations))


def _thinking(on: bool | None, user: Mapping[str, Any], model: str) -> Applied:
    """The templates think unless told not to; lm-eval passes the switch to local models only."""
    own = user.get("enable_thinking")
    if on is not None and own is not None:
        return Applied({}, () if own == on else (f"enable_thinking={own}, not {on}",))
    if on is not False:
        return Applied({}, ())
    if model in LOCAL_MODELS:
        return Applied({"enable_thinking": False}, ())
    return Applied({}, ("thinking cannot be switched off from here: do so at the server",))
