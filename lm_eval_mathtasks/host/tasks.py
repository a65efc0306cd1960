"""Which tasks a run can ask for: ours at once, lm-eval's own only when one of them is meant."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.check import file_problems, names_of_lm_eval, require_folders
from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.package import data_folder

_GLOB = re.compile(r"[*?\[]")


def task_manager(tasks: Any, include_path: Any, metadata: dict[str, Any]) -> Any:
    """lm-eval's TaskManager over our tasks, the user's --include_path, and lm-eval's own tasks if one is asked for.

    tasks: of --tasks, a list or a comma-separated string; include_path: a folder, a list of them or None; metadata:
    as lm-eval hands it to tasks. Raises TaskError for a name nobody has, with names that are near, and the files that
    could not be read.
    """
    from lm_eval.tasks.manager import TaskManager

    extra = include_path if isinstance(include_path, list) else [include_path] if include_path else []
    folders = list(dict.fromkeys(Path(p).expanduser().resolve() for p in [data_folder("tasks"), *extra]))
    require_folders(folders)
    names = requested(tasks)
    ours = TaskManager(include_path=list(folders), include_defaults=False, metadata=metadata)
    others = [name for name in names if name not in ours.task_index and not _is_path(name, len(names) > 1)]
    if not others:
        return ours
    # What no file of lm-eval's names is refused before lm-eval parses them all.
    pool = {*ours.task_index, *names_of_lm_eval()}
    if not (unknown := [name for name in others if not fnmatch.filter(pool, name)]):
        everything = TaskManager(include_path=list(folders), metadata=metadata)
        unknown = [name for name in others if not everything.match_tasks([name])]
    if unknown:
        raise _unknown_tasks(unknown, ours.task_index, pool, folders)
    return everything


def requested(tasks: Any) -> list[str]:
    """The names in --tasks: a list of comma-separated names, one such string, or None."""
    given = [tasks] if isinstance(tasks, str) else tasks or []
    return [name.strip() for item in given for name in str(item).split(",") if name.strip()]


def _is_path(name: str, several: bool) -> bool:
    """Whether a name is that of a task's file, or of a folder of them, which stands alone. Raises TaskError for one
    without tasks, or whose files cannot be read."""
    path = Path(name)
    if _GLOB.search(name) or not (path.is_dir() or name.endswith(".yaml") or "/" in name):
        return False
    if not (path.is_file() or any(path.glob("*.yaml"))):
        raise TaskError("a task's YAML, or a folder of them", f"{name}, which holds none", "check the path")
    if several and path.is_dir():
        raise TaskError("one folder of tasks", f"{name} among others", "name the YAML files in it")
    folder = path if path.is_dir() else path.parent
    broken = [one for one in file_problems([folder]) if path.is_dir() or Path(one.where) == path]
    if unread := [str(one) for one in broken if one.what.startswith("cannot be read")]:
        raise TaskError(f"tasks in {name}", "; ".join(unread), "correct the file")
    return True


def _unknown_tasks(
    unknown: Iterable[str], ours: Iterable[str], known: Iterable[str], folders: Sequence[Path]
) -> TaskError:
    pairs = ((name, pool) for name in unknown for pool in (ours, known))
    near = dict.fromkeys(near for name, pool in pairs for near in get_close_matches(name.lower(), pool, n=3))
    broken = [str(problem) for problem in file_problems(folders)]
    got = ", ".join(map(repr, unknown)) + (f"; unreadable files: {'; '.join(broken)}" if broken else "")
    fix = (f"did you mean {', '.join(near)}? " if near else "") + "`mathtasks tasks` lists ours"
    return TaskError("tasks that exist", got, fix)
