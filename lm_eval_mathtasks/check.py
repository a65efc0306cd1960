"""Is every task sound? lm-eval drops a broken YAML in silence, and its own `validate` looks at names only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import MathtasksError


class Problem(NamedTuple):
    """Something wrong with a task: where, what, and whether it stops the task ("error") or not ("warning")."""

    severity: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}"


def yaml_files(folders: Sequence[Path]) -> list[Path]:
    """Every YAML below the folders, as lm-eval looks for them (a `.yml` is never seen: it is listed here too)."""
    return [
        path
        for folder in folders
        for path in sorted(folder.rglob("*.y*ml"))
        if path.suffix in (".yaml", ".yml")
    ]


def file_problems(folders: Sequence[Path]) -> Iterator[Problem]:
    """Problems that make lm-eval overlook a file: unseen suffix, malformed YAML, missing include, doubled name."""
    from lm_eval.tasks._yaml_loader import load_yaml

    names: dict[str, Path] = {}
    for path in yaml_files(folders):
        if path.suffix == ".yml":
            yield Problem("error", str(path), "lm-eval reads *.yaml only; rename it")
            continue
        try:
            config = load_yaml(path, resolve_func=False)
        except Exception as error:  # PyYAML, OS and lm-eval errors alike mean: this file is not a task
            yield Problem("error", str(path), f"cannot be read: {' '.join(str(error).split())}")
            continue
        name = config.get("task") or config.get("group")
        if isinstance(name, str):
            if name in names:
                yield Problem("error", str(path), f"names {name!r}, as {names[name]} does")
            names.setdefault(name, path)


def collisions(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[Problem]:
    """Names and tags of ours that lm-eval has too: a task would replace lm-eval's, a tag would empty lm-eval's."""
    for name in sorted(set(ours) & set(theirs)):
        where = str(ours[name].yaml_path or "tag")
        yield Problem("error", where, f"the name {name!r} is lm-eval's ({theirs[name].yaml_path or 'a tag'})")


def load_problems(names: Sequence[str], manager: Any) -> Iterator[Problem]:
    """Build each task as a run would (hooks, data, prompt of the first doc, declared metrics)."""
    for name in names:
        try:
            task = manager.load([name])["tasks"][name]
            doc = next(iter(task.eval_docs))
            task.fewshot_context(doc, task.config.num_fewshot or 0)
        except MathtasksError as error:
            yield Problem("error", name, str(error))
        except Exception as error:  # whatever lm-eval or a hook raises is the finding
            yield Problem("error", name, f"{type(error).__name__}: {error}")
        else:
            yield from _config_problems(name, task.config)


def _config_problems(name: str, config: Any) -> Iterator[Problem]:
    kwargs = config.generation_kwargs or {}
    if config.output_type == "generate_until" and not {"max_gen_toks", "max_tokens"} & set(kwargs):
        yield Problem("warning", name, "sets no max_gen_toks: many models then stop after 256 tokens")
    if not (isinstance(config.metadata, dict) and "version" in config.metadata):
        yield Problem("warning", name, "has no metadata.version: logs of two versions cannot be told apart")


def check_tasks(
    folders: Sequence[Path], *, metadata: dict[str, Any] | None = None
) -> tuple[list[str], list[Problem]]:
    """Return the names of the tasks in the folders, and every problem found. Loads lm-eval's own index (seconds)."""
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._index import TaskIndex

    problems = list(file_problems(folders))
    manager = TaskManager(include_path=list(folders), include_defaults=False, metadata=metadata or {})
    theirs = TaskManager().task_index
    problems += collisions(TaskIndex.build(list(folders)), theirs)
    problems += load_problems(manager.all_subtasks, manager)
    return manager.all_subtasks, problems
