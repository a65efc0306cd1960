"""The keys of lm-eval's logs that we read or write; all are optional, because logs come from anyone."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import sha256


class Config(TypedDict, total=False):
    """How lm-eval was called."""

    model: str
    model_args: dict[str, object] | str | None
    model_revision: str | None
    limit: float | None
    gen_kwargs: dict[str, object] | None
    batch_size: int | str
    device: str | None
    random_seed: int


class TaskConfig(TypedDict, total=False):
    """The task's YAML as lm-eval understood it."""

    task: str
    output_type: str
    repeats: int
    generation_kwargs: dict[str, Any]
    fewshot_config: dict[str, Any] | None
    metadata: dict[str, Any] | None
    metric_list: list[dict[str, Any]]
    filter_list: list[dict[str, Any]]
    dataset_path: str | None
    dataset_name: str | None
    description: str | None
    gen_prefix: str | None
    dataset_kwargs: dict[str, Any] | None
    custom_dataset: str


# Keyed by task, but for what is of the whole run.
Results = TypedDict(
    "Results",
    {
        "results": dict[str, dict[str, float | str]],
        "samples": dict[str, list[Any]],
        "groups": dict[str, Any],
        "configs": dict[str, TaskConfig],
        "versions": dict[str, float | str],
        "n-shot": dict[str, int],
        "n-samples": dict[str, dict[str, int]],
        "higher_is_better": dict[str, dict[str, bool]],
        "task_hashes": dict[str, str],
        "group_subtasks": dict[str, list[str]],
        "config": Config,
        "date": float,
        "git_hash": str | None,
        "lm_eval_version": str,
        "transformers_version": str,
        "pretty_env_info": str,
        "model_source": str,
        "model_name": str,
        "model_name_sanitized": str,
        "chat_template": str | None,
        "chat_template_sha": str | None,
        "system_instruction": str | None,
        "fewshot_as_multiturn": bool,
        # Ours: of a run, of a rescore, of a pack.
        "mathtasks": dict[str, Any],
        "rescored": dict[str, Any],
        "packed": dict[str, Any],
    },
    total=False,
)


class SampleLine(TypedDict, total=False):
    """A doc under one filter. Its numbers stand beside these keys, under the names that `metrics` lists."""

    doc_id: int | str
    doc: dict[str, Any]
    target: object
    arguments: dict[str, Any] | list[Any]
    resps: list[list[Any]]
    filtered_resps: list[Any]
    filter: str
    metrics: list[str]
    doc_hash: str
    prompt_hash: str
    target_hash: str
    # Ours: of a run, of a rescore, of a pack.
    finish_reasons: list[list[str | None]]
    judged: list[Any]
    logged: dict[str, Any]
    verdicts: list[Any]
    gold_sha256: str
    response_sha256: list[str]
    response_chars: list[int]
    tolerance: float
    other_filters: dict[str, dict[str, Any]]
    redacted: int


# What lm-eval notes of every doc: of the doc itself, of the prompt and of the target.
Hash = Literal["doc_hash", "prompt_hash", "target_hash"]
HASHES: tuple[Hash, ...] = ("doc_hash", "prompt_hash", "target_hash")
# What a results file holds of each task beside its numbers.
OF_TASKS = ("configs", "higher_is_better", "n-samples", "task_hashes", "versions", "n-shot")


# A metric that only our hooks write: the run was graded by our grader.
OURS = "gold_unreadable"


def hashed_together(hashes: Iterable[str | None]) -> str | None:
    """Return one hash over lm-eval's hashes of docs, in their order; None where one is missing."""
    parts = list(hashes)
    return None if None in parts else sha256("".join(map(str, parts)))


def filter_of(line: SampleLine) -> str:
    """Return the filter that a line is of."""
    return str(line.get("filter", "none"))


def number_in(line: SampleLine, name: str) -> float | None:
    """Return a metric of a line; None where it has none, or one that is no finite number."""
    return number_in_cell(cast("dict[str, object]", line).get(name))


def number_in_cell(value: object) -> float | None:
    """Return a finite number, true and false as 1 and 0; None for anything else."""
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def object_in(holder: object, key: str) -> Mapping[str, Any]:
    """Return the object under a key, {} for anything else: logs are written by many hands."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def require_objects(results: Mapping[str, Any], path: Path) -> None:
    """Raise EvidenceError where a results file holds anything but an object for the command, or for a task."""
    parts = {"config": results.get("config")}
    for key in ("results", "configs", "n-samples"):
        of_tasks = results.get(key) or {}
        named = of_tasks.items() if isinstance(of_tasks, dict) else [("", of_tasks)]
        parts |= {f"{key} {task}".strip(): part for task, part in named}
    odd = [(name, part) for name, part in parts.items() if not isinstance(part, dict | None)]
    odd += [
        (f"{name} generation_kwargs", kwargs)
        for name, part in parts.items()
        if isinstance(part, dict) and not isinstance(kwargs := part.get("generation_kwargs"), dict | None)
    ]
    for name, part in odd:
        fix = "take the file as lm-eval wrote it"
        raise EvidenceError(f"an object as {name!r} of {path}", str(part)[:60], fix)
