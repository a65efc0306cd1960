"""A preset as flags of lm-eval's `run`: what the user gives wins, and is named as a deviation from the protocol."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import PresetError
from lm_eval_mathtasks.presets.protocols import Preset, load_preset

PRESET = "--preset"
_SHORT = {"-t": "--tasks", "-f": "--num_fewshot", "-a": "--model_args", "-M": "--model", "-m": "--model"}
_SAMPLING = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max_gen_toks"}
_LIMITS = (
    "max_tokens",
    "max_new_tokens",
    "max_completion_tokens",
)  # other names that backends take for max_gen_toks
_LOCAL = ("hf", "hf-auto", "huggingface", "vllm", "sglang")


class Applied(NamedTuple):
    """A command line with a preset's flags, and where it departs from the preset."""

    arguments: list[str]
    deviations: tuple[str, ...]


def with_preset(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of `run` with --preset NAME replaced by its flags; prints what deviates from it.

    Raises PresetError for an unknown preset, for tasks whose protocols differ, and beside --config.
    """
    name, rest = _taken(list(arguments))
    if name is None:
        return rest
    arguments, deviations = flags(load_preset(name), rest)
    print(f"preset {name}: {shlex.join(arguments[len(rest) :])}")
    for deviation in deviations:
        print(f"preset {name}: deviates: {deviation}")
    return arguments


def _taken(words: list[str]) -> tuple[str | None, list[str]]:
    """The preset's name, and the words without it."""
    for place, word in enumerate(words):
        if word == PRESET:
            if place + 1 == len(words) or words[place + 1].startswith("-"):
                raise PresetError(
                    "the name of a preset", f"{PRESET} without one", "`mathtasks presets` lists them"
                )
            return words[place + 1], words[:place] + words[place + 2 :]
        if word.startswith(f"{PRESET}="):
            return word.partition("=")[2], words[:place] + words[place + 1 :]
    return None, words


def given_flags(words: Sequence[str]) -> dict[str, list[str]]:
    """Return what a command line gives, by long flag: ["--num_fewshot", "4"] is {"--num_fewshot": ["4"]}."""
    given: dict[str, list[str]] = {}
    flag = ""
    for word in words:
        name, equals, value = word.partition("=")
        if name.startswith("-") and not name[1:2].isdigit() and name != "-":
            flag = _SHORT.get(name, name)
            given.setdefault(flag, []).extend([value] if equals else [])
        elif flag:
            given[flag].append(word)
    return given


def _pairs(words: Sequence[str]) -> dict[str, str]:
    """`a=1,b=2` or a JSON object, as lm-eval takes them."""
    pairs: dict[str, str] = {}
    for word in words:
        if word.startswith("{"):
            pairs |= {name: str(value) for name, value in json.loads(word).items()}
        else:
            pairs |= dict(part.split("=", 1) for part in word.split(",") if "=" in part)
    return pairs


def flags(preset: Preset, given: Sequence[str]) -> Applied:
    """Return the user's arguments followed by those of the preset that the user did not give.

    given: the arguments without --preset. Only what the sources state becomes a flag.
    """
    user = given_flags(given)
    if "--config" in user:
        raise PresetError(
            "one place for settings", "--preset beside --config", "write the flags out, without --config"
        )
    tasks = [t.partition("@")[0] for words in user.get("--tasks", []) for t in words.split(",") if t]
    added, stated = ([], _stated(preset, tasks)) if tasks else _all_tasks(preset)
    deviations = [f"{task} is no task of the preset" for task in tasks if task not in preset.tasks]
    model = (user.get("--model") or ["hf"])[0]
    if model == "replay":
        raise PresetError(
            "a model that is asked", "--model replay: its responses are there already", "leave out --preset"
        )
    for flag, value in _plain_flags(stated).items():
        if flag not in user:
            added += [flag] if value is True else [flag, str(value)]
        elif value is not True and user[flag][:1] != [str(value)]:
            deviations.append(f"{flag} {' '.join(user[flag]) or 'on'}, not {value}")
    if stated.get("chat_template") is False and "--apply_chat_template" in user:
        deviations.append("--apply_chat_template, where the protocol has none")
    if (
        stated.get("system_instruction") is None
        and stated.get("chat_template")
        and "--system_instruction" in user
    ):
        deviations.append("--system_instruction, where the protocol states none")
    sampling, more = _sampling(stated, _pairs(user.get("--gen_kwargs", [])), model)
    added += ["--gen_kwargs", *(f"{name}={value}" for name, value in sampling.items())] if sampling else []
    deviations += more
    if "thinking" in stated:
        extra, more = _thinking(stated["thinking"], _pairs(user.get("--model_args", [])), model)
        added, deviations = added + extra, deviations + more
    record = json.dumps({"preset": preset.name, "preset_deviations": deviations})
    return Applied([*given, *added, "--metadata", record], tuple(deviations))


def _stated(preset: Preset, tasks: Sequence[str]) -> dict[str, Any]:
    """What holds for all of these tasks; raises PresetError where they are published with different settings."""
    benchmarks = [preset.tasks[task] for task in tasks if task in preset.tasks]
    settings = [preset.stated(benchmark) for benchmark in benchmarks] or [dict(preset.settings)]
    for benchmark, other in zip(benchmarks, settings, strict=False):
        unlike = [n for n in {**other, **settings[0]} if n != "shots" and other.get(n) != settings[0].get(n)]
        if unlike:
            raise PresetError(
                f"tasks of one protocol in {preset.name}",
                f"{benchmarks[0]} and {benchmark} differ in {', '.join(unlike)}",
                "run them one after the other, each with --tasks",
            )
    shots = {s.get("shots") for s in settings}
    # Tasks of different shots keep their own, which are the preset's.
    return settings[0] if len(shots) == 1 else {n: v for n, v in settings[0].items() if n != "shots"}


def _all_tasks(preset: Preset) -> tuple[list[str], dict[str, Any]]:
    """Without --tasks: all tasks of the preset, if one command can run them."""
    tasks = list(preset.tasks)
    return ["--tasks", ",".join(tasks)], _stated(preset, tasks)


def _plain_flags(stated: dict[str, Any]) -> dict[str, Any]:
    flags_of: dict[str, Any] = {}
    if stated.get("chat_template"):
        flags_of["--apply_chat_template"] = True
    if stated.get("system_instruction"):
        flags_of["--system_instruction"] = stated["system_instruction"]
    if stated.get("shots"):
        flags_of["--num_fewshot"] = stated["shots"]
    if stated.get("k", 1) > 1:
        flags_of["--repeats"] = stated["k"]
    return flags_of


def _sampling(stated: dict[str, Any], user: dict[str, str], model: str) -> tuple[dict[str, Any], list[str]]:
    """Generation settings that the user did not give, and those that differ or that the backend cannot take."""
    wanted = {name: stated[field] for field, name in _SAMPLING.items() if field in stated}
    if "temperature" in wanted:
        wanted = {"do_sample": wanted["temperature"] > 0, **wanted}
        wanted = wanted if wanted["do_sample"] else {k: v for k, v in wanted.items() if k != "temperature"}
    own = {("max_gen_toks" if name in _LIMITS else name): value for name, value in user.items()}
    deviations = [
        f"{n}={own[n]}, not {v}" for n, v in wanted.items() if n in own and own[n].lower() != str(v).lower()
    ]
    if "top_k" in wanted and model not in _LOCAL:
        deviations.append(f"top_k={wanted['top_k']} is not sent: OpenAI's API has no such setting")
        wanted.pop("top_k")
    return {name: value for name, value in wanted.items() if name not in own}, deviations


def _thinking(on: bool, user: dict[str, str], model: str) -> tuple[list[str], list[str]]:
    """The templates think unless told not to; lm-eval passes the switch to local models only."""
    if "enable_thinking" in user:
        same = user["enable_thinking"].lower() == str(on).lower()
        return [], [] if same else [f"enable_thinking={user['enable_thinking']}, not {on}"]
    if on:
        return [], []
    if model in _LOCAL:
        return ["--model_args", "enable_thinking=False"], []
    return [], ["thinking cannot be switched off from here: do so at the server"]
