"""What lm-eval's results and samples say of a run: model, prompt, protocol and where it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from lm_eval_mathtasks.journal.schema import DEFAULT_PATH
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.doubts import fewer_repeats, impossible_count, other_score
from lm_eval_mathtasks.runs.filters import Meaning
from lm_eval_mathtasks.runs.lm_eval_schema import Results, SampleLine, number_in_cell, object_in
from lm_eval_mathtasks.runs.records import GENERATION, Protocol, Provenance
from lm_eval_mathtasks.runs.score_names import grader_named
from lm_eval_mathtasks.runs.shown import turns_of_template
from lm_eval_mathtasks.runs.unheard import unheard
from lm_eval_mathtasks.runs.weights import (
    WITH_ADAPTER,
    Weights,
    adapters_of,
    called_otherwise,
    sizes_in,
    weights_of_log,
)

# Key of a pack's results: how it asked, where the samples no longer say.
PACKED: Literal["packed"] = "packed"
# The model that answers from a file: how those responses were made, its log cannot know.
REPLAY = "replay"
# What libraries write down of the weights that they loaded.
_LOADED = ("model_dtype", "peft_sha", "delta_sha")
# Billions of parameters, and the share of them, by which the size in a name may be off.
_SIZE_B, _SIZE_SHARE = 0.7, 0.35
# The model arguments that name the model.
_NAMES = ("pretrained", "model", "model_id")
_GRADERS = {"strict-match": "strict", "get-answer": "strict", "flexible-extract": "flexible"}
# A template that shows a doc's answer.
_TOLD = re.compile(r"\{\{[^}]*\b(?:answer|gold|target|solution|final_answer)\b")
_STEPS = re.compile(r"step[- ]by[- ]step|chain of thought|show your work", re.IGNORECASE)


def arguments_of(line: SampleLine) -> list[Any]:
    """Return the arguments of a line's first request: [prompt, generation settings]."""
    requests = line.get("arguments")
    if isinstance(requests, dict):
        first: Any = next(iter(requests.values()), {})
        return list(first.values()) if isinstance(first, dict) else list(first)
    return list(requests[0]) if isinstance(requests, list) and requests else []


def _settings(line: SampleLine) -> Mapping[str, Any]:
    """The settings of generation of a line's first request, as it was asked."""
    arguments = arguments_of(line)
    return arguments[1] if len(arguments) > 1 and isinstance(arguments[1], dict) else {}


def _is_chat(line: SampleLine) -> bool:
    return (logged_prompt(line) or "").lstrip().startswith('[{"role"')


def logged_prompt(line: SampleLine) -> str | None:
    """Return the prompt of a line's first request as it was hashed; of a chat model, its messages as JSON."""
    arguments = arguments_of(line)
    prompt = arguments[0] if arguments else None
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else None


def model_arguments(results: Results) -> Mapping[str, object]:
    """Return the --model_args of a run."""
    arguments = results.get("config", {}).get("model_args")
    if isinstance(arguments, str):
        return dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    return arguments if isinstance(arguments, dict) else {}


def model_name(results: Results) -> str | None:
    """The name the command gave, with its adapters: they make another model, which no claim about the base is of."""
    base = _base(results)
    return WITH_ADAPTER.join([base, *adapters_of(model_arguments(results))]) if base else None


def _base(results: Results) -> str | None:
    """The name the command gave; lm-eval's own is a random id where it gave none."""
    arguments = model_arguments(results)
    named = [arguments[key] for key in _NAMES if arguments.get(key)]
    name = named[0] if named else results.get("model_name")
    return str(name) if name else None


def _weights(results: Results) -> Weights:
    """A replay's arguments are of the file that it answers from, not of the weights. Libraries write down the revision
    that they loaded, whatever they were told."""
    config = results.get("config", {})
    backend, arguments = config.get("model"), model_arguments(results)
    if backend == REPLAY:
        arguments = {}
    elif arguments:
        loaded = {"revision": config.get("model_revision")} | {name: config.get(name) for name in _LOADED}
        arguments = {name: value for name, value in loaded.items() if value} | dict(arguments)
    base = _base(results) or ""
    weights = weights_of_log(base or None, arguments, backend)
    # The tracker of a command, which notes the name in both forms, takes an adapter's for that of the model.
    tracked = (
        [results.get("model_name")] if results.get("model_name_sanitized") and arguments and base else []
    )
    others = called_otherwise(base, tracked)
    sizes, number = sizes_in(base.rpartition("/")[2]), number_in_cell(config.get("model_num_parameters"))
    if (
        number
        and sizes
        and all(abs(number / 1e9 - size) > max(_SIZE_B, _SIZE_SHARE * size) for size in sizes)
    ):
        others += (f"{number / 1e9:.2g} billion parameters",)
    return replace(weights, changes=(*weights.changes, *others))


def _journal(results: Results) -> str | None:
    """The journal of our API models: named in the arguments, or of the usual name in the working directory. A pack
    has taken what it needs from it."""
    if PACKED in results:
        return None
    ours = str(results.get("config", {}).get("model")).startswith("mathtasks-")
    return str(model_arguments(results).get("journal") or DEFAULT_PATH) if ours else None


def about_run(  # noqa: PLR0913, PLR0917  # what log and score say
    path: Path, results: Results, task: str, lines: Sequence[SampleLine], score: Meaning,
    scored: tuple[str, Sequence[float]], *, ours: bool, notes: tuple[str, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """Return what results, and samples where there are some, say of a run beside its docs and its score, as arguments
    of `Run`. scored: by which metric and filter, and the scores of the docs; ours: the metrics are of our hooks."""
    line: SampleLine = lines[0] if lines else {}
    about = provenance_of(path, results, task, line)
    metric, _, filter_name = scored[0].partition(",")
    grader = grader_of(results, filter_name, ours=ours) or grader_named(metric)
    settings = {**about.settings, "doubts": doubts_of(results, task, lines, *scored)}
    return {
        "model": model_name(results),
        "task": task,
        "protocol": protocol_of(results, task, line, score, grader),
        "provenance": replace(about, notes=notes, settings=settings),
    }


def protocol_of(
    results: Results, task: str, line: SampleLine, score: Meaning, grader: str | None
) -> Protocol:
    """Return how a task was asked and scored; line: the first of its samples, {} where there are none."""
    if results.get("config", {}).get("model") == REPLAY:
        # One response a doc may be the one that a vote or a verifier chose.
        return Protocol(k=score.k, metric=None if score.k == 1 else score.kind, grader=grader)
    asked, _ = stated_by({**_generation(results, task), **_settings(line)}, model_arguments(results))
    prompt = logged_prompt(line) or ""
    # A rescored log may not say.
    stated = bool(results["chat_template"]) if "chat_template" in results else None
    instruction = (
        results.get("system_instruction") or turns_of_template(prompt, results.get("chat_template"))[0]
    )
    asked["shots"] = results.get("n-shot", {}).get(task)
    if asked["system_prompt"] or instruction or "system_instruction" in results:
        asked["system_prompt"] = bool(asked["system_prompt"] or instruction)
    protocol = Protocol(
        cot=_asks_for_steps(task, prompt, int(results.get("n-shot", {}).get(task) or 0)),
        tools="none",
        chat_template=True if _is_chat(line) else stated,
        metric=score.kind,
        k=score.k,
        grader=grader,
        **asked,
    )
    return replace(protocol, **results.get(PACKED, {}).get("protocol", {}))


def doubts_of(
    results: Results, task: str, lines: Sequence[SampleLine], metric: str, scores: Sequence[float]
) -> dict[str, str]:
    """Return what no run of one protocol has, by its name: samples that were asked in several ways, and another score
    in the results than the samples have."""
    found: dict[str, str] = {}
    # What ends a response may be the doc's own.
    kinds = {
        str((_is_chat(line), sorted((k, str(v)) for k, v in own.items() if k != "until")))
        for line in lines
        if (own := _settings(line))
    }
    if len(kinds) > 1:
        found["settings"] = f"{len(kinds)} kinds in one log: a run that was resumed otherwise"
    numbers = results.get("results", {}).get(task, {})
    stated, error = numbers.get(metric), numbers.get(metric.replace(",", "_stderr,", 1))
    counts = results.get("n-samples", {}).get(task, {})
    if unlike := impossible_count(counts, results.get("config", {}).get("limit"), stated, error):
        found["counts"] = unlike
    config = results.get("configs", {}).get(task, {})
    shots, given = config.get("num_fewshot"), results.get("n-shot", {}).get(task)
    if isinstance(shots, int) and isinstance(given, int) and shots != given:
        found["counts"] = f"{shots} shots in the configuration, {given} in the results"
    if not lines and _TOLD.search(str(config.get("doc_to_text"))):
        found["prompt"] = "its template holds the answer"
    there = max((len(texts) for line in lines if (texts := _texts(line))), default=None)
    return (
        found | other_score([stated], scores) | (fewer_repeats(there, config.get("repeats")) if there else {})
    )


def _texts(line: SampleLine) -> list[Any]:
    return [text for group in line.get("resps", ()) for text in group]


def _generation(results: Results, task: str) -> Mapping[str, object]:
    """The settings of generation, as the task's configuration has them after --gen_kwargs, and these."""
    of_task = results.get("configs", {}).get(task, {}).get("generation_kwargs", {}) or {}
    return {**object_in(results.get("config"), "gen_kwargs"), **of_task}


def grader_of(results: Results, filter_name: str, *, ours: bool) -> str | None:
    """Return the kind of grader that scored a task under a filter, None where the log does not say."""
    return "symbolic" if ours or "rescored" in results else _GRADERS.get(filter_name)


def _asks_for_steps(task: str, prompt: str, shots: int) -> bool | None:
    """Whether the prompt asks for reasoning, or shows it; None where neither name nor words tell."""
    if "direct" in task or "no_cot" in task:
        return False
    shown = shots > 0 and "####" in prompt  # GSM8K's own solutions are worked solutions
    return True if "cot" in task or shown or _STEPS.search(prompt) else None


def provenance_of(path: Path, results: Results, task: str, line: SampleLine) -> Provenance:
    """Return where a run of a task comes from; line: as for `protocol_of`."""
    docs = results.get("n-samples", {}).get(task, {}).get("original")
    config = results.get("config", {})
    given = model_arguments(results).items()
    arguments = {k: v for k, v in given if k not in _NAMES}
    _, settings = stated_by({**_generation(results, task), **_settings(line)}, arguments)
    task_config: Mapping[str, Any] = results.get("configs", {}).get(task, {})
    about, examples = task_config.get("metadata") or {}, task_config.get("fewshot_split")
    shots = results.get("n-shot", {}).get(task)
    system, begun = turns_of_template(logged_prompt(line) or "", results.get("chat_template"))
    version = results.get("versions", {}).get(task)
    return Provenance(
        harness="lm-eval",
        path=str(path),
        version=results.get("lm_eval_version"),
        task_version=None if version is None else str(version),
        date=str(results.get("date")) if results.get("date") else None,
        commit=results.get("git_hash"),
        docs_of_task=docs if isinstance(docs, int) else None,
        journal=_journal(results),
        weights=_weights(results),
        settings={
            "backend": config.get("model"),
            **{name: config.get(name) for name in ("limit", "gen_kwargs", "batch_size")},
            "fewshot_as_multiturn": results.get("fewshot_as_multiturn", config.get("fewshot_as_multiturn")),
            "transformers": results.get("transformers_version"),
            "seed": config.get("random_seed"),
            "system_instruction": results.get("system_instruction") or system,
            "chat_template_sha": results.get("chat_template_sha"),
            **settings,
            **unheard("config", config),
            **unheard("task", task_config),
            f"{GENERATION}prefix": task_config.get("gen_prefix") or begun,
            f"{GENERATION}description": task_config.get("description"),
            "split": (split := task_config.get("test_split")),
            f"{GENERATION}fewshot_split": examples if split and examples == split and shots else None,
            **{name: about[name] for name in ("preset", "preset_deviations") if about.get(name)},
        },
    )
