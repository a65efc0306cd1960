"""Presets: published protocols, one YAML file each, read and checked.

A field that is missing is one that the source does not state; then the task's own setting holds. Every field that is
there must be one that a source `says`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lm_eval_mathtasks.errors import PresetError

FOLDER = Path(__file__).parent
# field -> the types its value may have; `shots`, `max_tokens` and `k` may differ by benchmark.
FIELDS: dict[str, tuple[type, ...]] = {
    "chat_template": (bool,), "system_instruction": (str,), "thinking": (bool,), "temperature": (int, float),
    "top_p": (int, float), "top_k": (int,), "max_tokens": (int,), "k": (int,), "shots": (int,),
}  # fmt: skip
_BY_BENCHMARK = ("shots", "max_tokens", "k")
_ABOUT = {"title": str, "claims": list, "benchmarks": dict, "sources": list}
_OPTIONAL = {"kinds": list, "mode": str, "note": str, "tag": str}
_SOURCE = ("title", "url", "date", "locator", "says")


@dataclass(frozen=True)
class Preset:
    """One published protocol. settings: what holds for all benchmarks; benchmarks: name -> its task and what differs.

    claims: stems of `leaderboards/claims/` whose numbers were measured so; kinds, mode: of which of their models.
    tag: a tag of ours all of whose tasks the preset states.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    benchmarks: Mapping[str, Mapping[str, Any]]
    sources: tuple[Mapping[str, Any], ...]
    claims: tuple[str, ...]
    kinds: tuple[str, ...]
    mode: str | None
    note: str | None
    tag: str | None = None

    @property
    def tasks(self) -> dict[str, str]:
        """The benchmark of each task."""
        return {facts["task"]: benchmark for benchmark, facts in self.benchmarks.items()}

    def tasks_of(self, name: str) -> list[str]:
        """Return the tasks that a name given to `--tasks` stands for: those of the preset's tag, or itself."""
        return list(self.tasks) if name == self.tag else [name]

    def stated(self, benchmark: str) -> dict[str, Any]:
        """Return what the sources state for a benchmark, by field."""
        own = {k: v for k, v in self.benchmarks.get(benchmark, {}).items() if k != "task"}
        return {**self.settings, **own}


def load_preset(name: str) -> Preset:
    """Return a preset by its name; raises PresetError for an unknown one, with near names, or a broken file."""
    path = FOLDER / f"{name}.yaml"
    if name not in names():
        parts = [known for known in names() if name.lower() in known]
        near = (parts or get_close_matches(name, names(), n=3, cutoff=0.4))[:3]
        hint = f"did you mean {', '.join(near)}?" if near else "`mathtasks presets` lists them"
        raise PresetError("the name of a preset", repr(name), hint)
    return read_preset(path)


def names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def read_preset(path: Path) -> Preset:
    """Return the preset of a file; raises PresetError with every problem of it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise PresetError(f"readable YAML in {path.name}", str(error), "correct the line named") from error
    problems = _problems(content) if isinstance(content, dict) else ["no mapping"]
    if problems:
        raise PresetError(f"a valid preset in {path.name}", "; ".join(problems), "see presets/README.md")
    return Preset(
        name=path.stem,
        title=content["title"],
        settings={name: content[name] for name in FIELDS if name in content},
        benchmarks=content["benchmarks"],
        sources=tuple(content["sources"]),
        claims=tuple(content["claims"]),
        kinds=tuple(content.get("kinds", ())),
        mode=content.get("mode"),
        note=content.get("note"),
        tag=content.get("tag"),
    )


def _problems(content: Mapping[str, Any]) -> list[str]:
    known = {**_ABOUT, **_OPTIONAL}
    problems = [f"unknown field {name}" for name in content if name not in known and name not in FIELDS]
    # No claims: a protocol whose published numbers are votes, or chosen by a reward model.
    problems += [f"no {name}" for name in _ABOUT if not content.get(name) and content.get(name) != []]
    problems += [
        f"{k} is no {t.__name__}" for k, t in known.items() if k in content and not isinstance(content[k], t)
    ]
    if problems:
        return problems
    problems += _wrong_values("", content, FIELDS)
    for benchmark, facts in content["benchmarks"].items():
        problems += [] if isinstance(facts.get("task"), str) else [f"{benchmark} without task"]
        fixed = [name for name in facts if name != "task" and name not in _BY_BENCHMARK]
        problems += [f"{benchmark}: {name} cannot differ by benchmark" for name in fixed]
        problems += _wrong_values(f"{benchmark}: ", facts, _BY_BENCHMARK)
    return problems + _sources(content)


def _wrong_values(where: str, facts: Mapping[str, Any], fields: Any) -> list[str]:
    given = {name: facts[name] for name in fields if name in facts}
    # A bool is an int to Python, and would be a strange number of shots.
    kinds = {name: bool if isinstance(value, bool) else type(value) for name, value in given.items()}
    return [f"{where}{name}: {given[name]!r}" for name in given if kinds[name] not in FIELDS[name]]


def _sources(content: Mapping[str, Any]) -> list[str]:
    problems = [
        f"source {number} without {name}"
        for number, source in enumerate(content["sources"], 1)
        for name in _SOURCE
        if source.get(name) is None
    ]
    if problems:
        return problems
    said = {name for source in content["sources"] for name in source["says"]}
    used = {n for n in FIELDS if n in content} | {
        n for b in content["benchmarks"].values() for n in b if n != "task"
    }
    return [f"no source says {name}" for name in sorted(used - said)] + [
        f"{name} is said but not given" for name in sorted(said - used)
    ]
