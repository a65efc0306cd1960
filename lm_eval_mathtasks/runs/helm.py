"""HELM's scenario_state.json: {adapter_spec, request_states: [{instance, request, result}, ...]}, one a trial.

The reference answer is the text of the reference that is tagged "correct"; a trial comes again under its instance's id.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.lines import read_line
from lm_eval_mathtasks.runs.plain import runs_of_lines
from lm_eval_mathtasks.runs.records import API_ERROR, Choice, Refused, Run, Source, told

_NAME = "scenario_state.json"


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
    asked = {"shots": spec.get("max_train_instances")}
    asked |= {name: spec.get(name) for name in ("temperature", "max_tokens")}
    for run in runs_of_lines(lines, path, choice.metric):
        if isinstance(run, Refused):
            yield run
            continue
        notes = (*run.provenance.notes, *([left] if len(plain) < len(states) else []))
        yield told(run, asked, harness="HELM", notes=notes)


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
        "gold": (right[0].get("output") or {}).get("text") if right else None,
        "responses": [answer.get("text") or "" for answer in answers] or [""],
        "finish_reasons": [API_ERROR]
        if failed
        else [(a.get("finish_reason") or {}).get("reason") for a in answers],
        "prompt": (state.get("request") or {}).get("prompt"),
    }
