"""Is every task sound? lm-eval drops a broken YAML in silence, and its own `validate` looks at names only."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import MathtasksError, NotAtHand, TaskError

# What lm-eval warns of and our tasks mean: our own loader, and accuracies of single subjects beside that of all docs.
_EXPECTED_WARNINGS = (
    ("lm_eval.api.task", "Custom kwargs can be passed"),
    ("lm_eval.evaluator_utils", "No aggregation function defined for metric"),
    ("lm_eval.evaluator_utils", "Metrics were not scored on the same number"),
)
# A task, group or tag with its name or names, as YAML or JSON writes them.
_NAMED = re.compile(
    r"""^[\s-]*["']?(?:task|group|tag)["']?\s*:[ \t]*(.*(?:\n[ \t]*-[ \t]+\S.*)*)""", re.MULTILINE
)
_BETWEEN_NAMES = re.compile(r"[\s,\[\]]+|#.*")


class Problem(NamedTuple):
    """Something wrong with a task: where, what, and whether it stops the task ("error") or not ("warning"). A set that
    was not found stops it too, and is no fault of the task ("missing")."""

    severity: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}"


def yaml_files(folders: Sequence[Path]) -> list[Path]:
    """Every YAML below the folders, as lm-eval looks for them (a `.yml` is never seen: it is listed here too)."""
    found = (path for folder in folders for path in sorted(folder.rglob("*.y*ml")))
    return [path for path in found if path.suffix in (".yaml", ".yml")]


def require_folders(folders: Sequence[Path]) -> None:
    """Raise TaskError for a folder of tasks that is not there: lm-eval would look into it in silence."""
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        fix = "check the path"
        raise TaskError("a folder of tasks", f"--include_path {missing[0]}, which does not exist", fix)


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


def lm_eval_tasks() -> Path:
    """The folder of the installed lm-eval's own tasks. Raises TaskError without one."""
    from importlib.util import find_spec

    spec = find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise TaskError("an installed lm-eval", "none", "run pip install 'lm-eval>=0.4.12'")
    return Path(spec.submodule_search_locations[0]) / "tasks"


@cache
def names_of_lm_eval() -> frozenset[str]:
    """Every task, group and tag of the installed lm-eval, and words that look like one.

    Its 14,000 files are read as text, in a tenth of the time that lm-eval takes to parse them: what is not among these
    is no name of lm-eval's, what is among them may be.
    """
    found: set[str] = set()
    for path in lm_eval_tasks().rglob("*"):
        # What a YAML includes may have any name.
        if ("yaml" in path.name or not path.suffix) and path.is_file():
            for names in _NAMED.findall(path.read_text(encoding="utf-8", errors="replace")):
                # Some names of lm-eval 0.4.12 have a space in them: one of a line alone counts as a whole, too.
                texts = (*_BETWEEN_NAMES.split(names), *names.splitlines())
                found.update(text.strip("\"'- ") for text in texts if text)
    return frozenset(found)


def collisions(ours: Mapping[str, Any]) -> Iterator[Problem]:
    """Names and tags of ours that lm-eval has too: a task would replace lm-eval's, a tag would empty lm-eval's."""
    if not set(ours) & names_of_lm_eval():
        return
    from lm_eval.tasks import TaskManager

    theirs = TaskManager().task_index
    for name in sorted(set(ours) & set(theirs)):
        where = str(ours[name].yaml_path or "tag")
        yield Problem("error", where, f"the name {name!r} is lm-eval's ({theirs[name].yaml_path or 'a tag'})")


def without_expected_warnings() -> None:
    """Have lm-eval not warn, for every task, of what our tasks do on purpose."""
    for logger, text in _EXPECTED_WARNINGS:
        logging.getLogger(logger).addFilter(_unless(text))


def _unless(text: str) -> Callable[[logging.LogRecord], bool]:
    return lambda record: text not in str(record.msg)


def load_problems(names: Sequence[str], manager: Any) -> Iterator[Problem]:
    """Build each task as a run would (hooks, data, prompt of the first doc, declared metrics)."""
    for name in names:
        try:
            task = manager.load([name])["tasks"][name]
            doc = next(iter(task.eval_docs))
            task.fewshot_context(doc, task.config.num_fewshot or 0)
        except MathtasksError as error:
            yield Problem("missing" if isinstance(error, NotAtHand) else "error", name, str(error))
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
    """Return the names of the tasks in the folders, and every problem found."""
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._index import TaskIndex

    require_folders(folders)
    without_expected_warnings()
    problems = list(file_problems(folders))
    manager = TaskManager(include_path=list(folders), include_defaults=False, metadata=metadata or {})
    problems += collisions(TaskIndex.build(list(folders)))
    problems += load_problems(manager.all_subtasks, manager)
    return manager.all_subtasks, problems
