"""Files of Qwen2.5-Math's evaluation and its relatives (ToRA).

They lie in <model>/<data>/ or <model>/math_eval/<data>/, as <split>_<prompt>_<n>_seed<s>_t<T>_s<start>_e<end>.jsonl.
The names of files and folders say what the lines do not: model, data set, prompt and temperature.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.runs.plain import SIZED, lines_of, runs_of_lines
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, Source, told

_NAME = re.compile(r"_(?P<prompt>[\w.-]+)_-?\d+_seed\d+_t(?P<temperature>[\d.]+)_s-?\d+_e-?\d+$")
_NO_OWNER = re.compile(r"(out|outputs?|results?|logs?|eval|evaluation|data)", re.IGNORECASE)


def source_of(file: Path, _content: Any, _named: bool) -> Source | None:
    """Return the source of a file with such a name; None for others. Arguments as in `lm_eval_logs.source_of`."""
    known = file.suffix == ".jsonl" and _NAME.search(file.stem)
    return Source(read_qwen_math, file, (file,)) if known else None


def read_qwen_math(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the runs of a file, by the names in its path."""
    path = source.path
    asked = _NAME.search(path.stem)
    assert asked is not None
    model, task = _names(path, source.root)
    read = lines_of(path, choice)
    lines = [one._replace(model=one.model or model, task=one.task or task or "") for one in read]
    stated: dict[str, object] = {"temperature": float(asked["temperature"])}
    if "cot" in asked["prompt"]:
        stated |= {"cot": True, "tools": "none"}
    elif re.search("tora|tool|pal", asked["prompt"]):
        stated |= {"tools": "python"}
    for run in runs_of_lines(lines, path, choice.metric):
        yield run if isinstance(run, Refused) else told(run, stated)


def _names(path: Path, root: Path | None) -> tuple[str | None, str | None]:
    """The model and the data set that the folders are called after: those below what the user named, and above it where
    a name can only be a model's."""
    whole = path.resolve().parent
    if whole.parent.name == "math_eval":
        return whole.parents[1].name, whole.name
    below = path.parent.relative_to(root).parts if root and root != path and path.is_relative_to(root) else ()
    if len(below) >= 2:
        owner = below[-3] if len(below) > 2 and not _NO_OWNER.fullmatch(below[-3]) else None
        return f"{owner}/{below[-2]}" if owner else below[-2], below[-1]
    model = whole.parent.name if SIZED.search(whole.parent.name) else None
    return model, whole.name if below or model else None
