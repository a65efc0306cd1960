"""What lm-eval's results say of the machine they were made on, taken out; what identifies the model stays.

Only the results file and the command are rewritten so. Samples are never rewritten silently: a secret in them stops
the pack (`secrets.py`).
"""

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from lm_eval_mathtasks.runs.lm_eval_schema import OF_TASKS, Results
from lm_eval_mathtasks.text import safe_name

# An absolute path of two parts at least; a URL's and a fraction's slash follow a word, a colon or another slash.
_PATH = re.compile(
    r"(?<![\w/.:~<>])(?:~|[A-Za-z]:(?=\\)|(?=/))(?:[/\\]+[\w.@+=-]+){2,}/?|(?<![\w/.:>])~/[\w.@+-]+"
)
_EMBEDDED = re.compile(r"(?:[\w.@+~-]*/)*lm_eval_mathtasks/embedded/(base|sft|grpo)\b/?")
_SNAPSHOT = re.compile(r"models--(?P<owner>[\w.-]+?)--(?P<name>[\w.-]+)/snapshots/")
_TASK = re.compile(r"(?:^|/)_?tasks/(?P<file>.+\.ya?ml)$")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+(?=>)")
_HOST = re.compile(r"(?<=://)(?P<host>\[[^\]]+\]|[^\s/:@\"']+)")
# This machine, or a public name.
_MAY_STAY = re.compile(
    r"localhost|127(?:\.\d+){3}|\[::1\]|0\.0\.0\.0"
    r"|(?i:(?:[\w-]+\.)+(?!(?:local|internal|intranet|lan|corp|home|localdomain|svc|private)$)[a-z]{2,})"
)
# The manifest keeps what it says of hardware and packages.
_MACHINE = "pretty_env_info"


def scrubbed_results(results: Results, task: str, count: Counter[str]) -> Results:
    """Return what a results file says of one task, without what it says of the machine; `count` gets what was taken
    out, by kind."""
    kept = {key: value for key, value in results.items() if key != _MACHINE}
    for key in ("results", "groups", *OF_TASKS):
        if isinstance(own := kept.get(key), dict):
            kept[key] = {name: value for name, value in own.items() if name == task}
    kept["group_subtasks"] = {}
    clean: Results = _scrub(kept, count)
    if clean.get("model_name"):
        clean["model_name_sanitized"] = safe_name(clean["model_name"])
    return clean


def _scrub(value: Any, count: Counter[str]) -> Any:
    if isinstance(value, str):
        return scrubbed_text(value, count)
    if isinstance(value, dict):
        return {key: _scrub(inner, count) for key, inner in value.items()}
    return [_scrub(inner, count) for inner in value] if isinstance(value, list) else value


def scrubbed_text(text: str, count: Counter[str]) -> str:
    """Return a setting or command without folders of this machine, private hosts and memory addresses.

    >>> scrubbed_text("pretrained=/data/models/Toy-1,dtype=float32", Counter())
    'pretrained=Toy-1,dtype=float32'
    """

    def replaced(kind: str, shape: re.Pattern[str], new: Any, within: str) -> str:
        def one(match: re.Match[str]) -> str:
            found = new(match)
            if found != match[0]:
                count[kind] += 1
            return str(found)

        return shape.sub(one, within)

    text = replaced("path", _EMBEDDED, lambda m: f"embedded:{m[1]}", text)
    text = replaced("path", _PATH, lambda m: _short(m[0]), text)
    text = replaced("host", _HOST, lambda m: m[0] if _MAY_STAY.fullmatch(m["host"]) else "private-host", text)
    return replaced("address", _ADDRESS, lambda _: "", text)


def _short(path: str) -> str:
    """What of a path says something to others: a task's file, a model of the hub, else the last name."""
    path = path.replace("\\", "/").rstrip("/")
    if found := _TASK.search(path):
        return f"tasks/{found['file']}"
    if found := _SNAPSHOT.search(path):
        return f"{found['owner']}/{found['name']}"
    return PurePosixPath(path).name
