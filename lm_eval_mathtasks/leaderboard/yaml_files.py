"""The files under `leaderboards/`: where they are, and YAML that remembers its lines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.package import data_folder

LINE = "__line__"  # key under which every mapping read from YAML keeps its line, counted from 1
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times faster, and optional


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file under `leaderboards/`."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class _LineLoader(_BASE):  # type: ignore[misc]  # the base is chosen at run time
    """A safe loader that notes each mapping's line and refuses a key given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                said, place = f"{key!r} is given twice", key_node.start_mark
                raise yaml.MarkedYAMLError(problem=said, problem_mark=place)
            mapping[key] = self.construct_object(value_node, deep=deep)
        mapping[LINE] = node.start_mark.line + 1
        return mapping


# The stock constructor fills mappings lazily through yield; lines are wanted at once.
_LineLoader.add_constructor(
    yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
    lambda loader, node: loader.construct_mapping(node, deep=True),
)


def leaderboards_dir(path: str | Path | None = None) -> Path:
    """Return the folder of claims: `path`, else the one inside the wheel, else the one of the source tree.

    Raises ClaimError where there is none.
    """
    folder = Path(path) if path else data_folder("leaderboards")
    if (folder / "claims").is_dir():
        return folder
    fix = "install the package again, or pass --leaderboards DIR"
    raise ClaimError("a folder of claims", f"none at {folder}", fix)


def load_yaml(path: Path) -> tuple[Any, list[Problem]]:
    """Return the content of a YAML file and the problems that kept it from being read (content None then)."""
    try:
        # The loader is a subclass of the safe one.
        return yaml.load(path.read_text(encoding="utf-8"), _LineLoader), []  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Problem(path.name, line, f"not readable as YAML: {error.problem}")]
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        return None, [Problem(path.name, 1, f"not readable as YAML: {error}")]


def load_mapping(path: Path) -> dict[Any, Any]:
    """Return a YAML file that maps names to facts; raises ClaimError where it is malformed."""
    content, problems = load_yaml(path)
    if problems or not isinstance(content, dict):
        fix = f"correct {path}"
        raise ClaimError(f"a readable {path.name}", str(problems[0]) if problems else "no mapping", fix)
    content.pop(LINE)
    return content


def load_table(path: Path) -> dict[str, dict[str, Any]]:
    """Return what `load_mapping` does without line numbers."""
    found = load_mapping(path)
    return {str(name): {k: v for k, v in facts.items() if k != LINE} for name, facts in found.items()}
