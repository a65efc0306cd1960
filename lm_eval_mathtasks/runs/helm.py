"""HELM's scenario_state.json: {adapter_spec, request_states: [{instance, request, result}, ...]}, one a trial.

The reference answer is the text of the reference that is tagged "correct", a solution that ends in "The answer is 18."
in GSM8K's scenario; a trial comes again under its instance's id. A deployment is who served the model, under what name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.lines import read_line
from lm_eval_mathtasks.runs.plain import runs_of_lines
from lm_eval_mathtasks.runs.records import API_ERROR, Choice, Refused, Run, Source, told
from lm_eval_mathtasks.runs.weights import Weights, weights_of_log

_NAME = "scenario_state.json"
_STATED = re.compile(r".*\bThe answer is (.+?)\.?\s*", re.DOTALL)
# Of a request: what was asked of whom, how many answers, and how many alternatives of a token are listed.
_ASKED = frozenset({
    "prompt", "messages", "model", "model_deployment", "embedding", "echo_prompt", "multimodal_prompt",
    "num_completions", "top_k_per_token",
})  # fmt: skip


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
    spec = content.get("adapter_spec") or {}
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
    of_spec = ("temperature", "max_tokens", "stop_sequences", "instructions", "global_prefix")
    of_request = ((plain or states)[0].get("request") or {}).items()
    generation = {name: spec.get(name) for name in of_spec} | {k: v for k, v in of_request if k not in _ASKED}
    asked, settings = stated_by(generation)
    weights = _weights(str(spec.get("model") or ""), str(spec.get("model_deployment") or ""))
    for run in runs_of_lines(lines, path, choice.metric):
        if isinstance(run, Refused):
            yield run
            continue
        notes = (*run.provenance.notes, *([left] if len(plain) < len(states) else []))
        settings |= run.provenance.settings
        yield told(
            run,
            {**asked, "shots": spec.get("max_train_instances")},
            harness="HELM",
            notes=notes,
            settings=settings,
            weights=weights,
        )


def _weights(model: str, deployment: str) -> Weights:
    """Which weights a deployment serves: those of its model, unless it is called otherwise."""
    weights = weights_of_log(model, {})
    other = deployment.rpartition("/")[2].lower() not in ("", model.rpartition("/")[2].lower())
    changes = (*weights.changes, *([f"model_deployment={deployment}"] if other else []))
    return replace(weights, changes=changes, served=True)


def _flat(state: Mapping[str, Any]) -> dict[str, Any]:
    """A request as a flat line."""
    instance, result = state.get("instance") or {}, state.get("result") or {}
    failed = result.get("success") is False
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
        "prompt": (state.get("request") or {}).get("prompt"),
    }


def _gold(text: Any) -> Any:
    found = _STATED.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else text
