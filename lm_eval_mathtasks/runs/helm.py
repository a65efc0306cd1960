"""HELM's scenario_state.json: {adapter_spec, request_states: [{instance, request, result}, ...]}, one a trial.

The reference answer is the text of the reference that is tagged "correct", a solution that ends in "The answer is 18."
in GSM8K's scenario; a trial comes again under its instance's id. A deployment is who served the model, under what name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.doubts import doubted, fewer_repeats, with_summary
from lm_eval_mathtasks.runs.lines import read_line
from lm_eval_mathtasks.runs.lm_eval_schema import object_in
from lm_eval_mathtasks.runs.plain import runs_of_lines
from lm_eval_mathtasks.runs.records import API_ERROR, Choice, Refused, Run, Source, told
from lm_eval_mathtasks.runs.weights import Weights, called_otherwise, weights_of_log

_NAME = "scenario_state.json"
_STATED = re.compile(r".*\bThe answer is (.+?)\.?\s*", re.DOTALL)
# Of the adapter and of a request: what was asked of whom, which the prompts show, how many answers, and how many
# alternatives of a token are listed. Anything else may shape the answers.
_ASKED_WORDS = """
    prompt messages model model_deployment embedding echo_prompt multimodal_prompt num_completions top_k_per_token
    method num_trials num_train_trials sample_train max_eval_instances random
    input_prefix input_suffix output_prefix output_suffix instance_prefix reference_prefix reference_suffix
    eval_splits multi_label image_generation_parameters
"""
_ASKED = frozenset(_ASKED_WORDS.split())


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the source of a scenario state; None if it is none. Arguments as in `lm_eval_logs.source_of`."""
    known = isinstance(content, dict) and "request_states" in content if named else file.name == _NAME
    return Source(read_helm, file, (file,)) if known else None


def read_helm(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the one run of a scenario. Raises EvidenceError where its requests are no generations."""
    path = source.path
    content = read_json(path, EvidenceError)
    states = content.get("request_states") if isinstance(content, dict) else None
    if not isinstance(states, list) or not states:
        raise EvidenceError(f"request_states in {path}", "none", "run the scenario again")
    spec = object_in(content, "adapter_spec")
    if str(spec.get("method", "")).startswith("multiple_choice"):
        fix = "take scenarios that generate text"
        raise EvidenceError(f"generations in {path}", f"the method {spec['method']}", fix)
    plain = [state for state in states if not (state.get("instance") or {}).get("perturbation")]
    left = f"{len(states) - len(plain)} requests of perturbed instances are left out"
    # The folder is called after the scenario and its arguments: "gsm:model=...".
    task = path.parent.name.partition(":")[0]
    lines = [
        read_line({**_flat(state), "model": spec.get("model"), "task": task}, path, number, choice.columns)
        for number, state in enumerate(plain, 1)
    ]
    requests = [object_in(state, "request") for state in plain or states]
    generation = {k: v for one in (spec, requests[0]) for k, v in one.items() if k not in _ASKED}
    # A scenario of the training split, say.
    splits = spec.get("eval_splits")
    others = [name for name in splits if name not in ("test", "valid")] if isinstance(splits, list) else []
    generation["eval_splits"] = others
    asked, settings = stated_by(generation)
    trials = len({state.get("train_trial_index") for state in plain})
    weights = _weights(str(spec.get("model") or ""), (spec, *requests))
    for run in runs_of_lines(lines, path, choice.metric):
        if isinstance(run, Refused):
            yield run
            continue
        notes = (*run.provenance.notes, *([left] if len(plain) < len(states) else []))
        settings |= run.provenance.settings
        stated = told(run, asked, harness="HELM", notes=notes, settings=settings, weights=weights)
        stated = doubted(stated, fewer_repeats(trials, spec.get("num_train_trials")))
        yield with_summary(path, stated, "stats.json")


def _weights(model: str, asked: Sequence[Mapping[str, Any]]) -> Weights:
    """Which weights answered: those of the model, unless a deployment or a request is called otherwise."""
    weights = weights_of_log(model, {})
    others = tuple(
        f"{what}={name}"
        for what in ("model", "model_deployment")
        for name in called_otherwise(model, (one.get(what) for one in asked))
    )
    return replace(weights, changes=(*weights.changes, *others), served=True)


def _flat(state: Mapping[str, Any]) -> dict[str, Any]:
    """A request as a flat line."""
    instance, result = state.get("instance") or {}, state.get("result") or {}
    failed, asked = result.get("success") is False, object_in(state, "request")
    right = [one for one in instance.get("references") or () if "correct" in (one.get("tags") or ())]
    answers = result.get("completions") or []
    return {
        "id": instance.get("id"),
        "repeat": state.get("train_trial_index", 0),
        "question": (instance.get("input") or {}).get("text"),
        "gold": _gold((right[0].get("output") or {}).get("text")) if right else None,
        "responses": [answer.get("text") or "" for answer in answers] or [""],
        "finish_reasons": [API_ERROR]
        if failed
        else [(a.get("finish_reason") or {}).get("reason") for a in answers],
        "prompt": asked.get("messages") or asked.get("prompt"),
    }


def _gold(text: Any) -> Any:
    found = _STATED.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else text
