"""Presets: published protocols, one YAML file each; the tests check that they are sound.

A field that is missing is one that the source does not state; then the task's own setting holds. Every field that is
there must be one that a source `says`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lm_eval_mathtasks.errors import PresetError

FOLDER = Path(__file__).parent
# What a protocol may state; `shots`, `max_tokens` and `k` may differ by benchmark.
FIELDS = (
    "chat_template", "system_instruction", "thinking", "temperature", "top_p", "top_k", "max_tokens", "k", "shots",
)  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """One published protocol. settings: what holds for all benchmarks; benchmarks: name -> its task and what differs.

    claims: stems of `leaderboards/claims/` whose numbers were measured so; kinds, mode: of which of their models.
    tag: a tag of ours all of whose tasks the preset states.
    """

    name: str
    settings: Mapping[str, Any]
    title: str
    benchmarks: Mapping[str, Mapping[str, Any]]
    sources: Sequence[Mapping[str, Any]]
    claims: Sequence[str]
    kinds: Sequence[str] = ()
    mode: str | None = None
    note: str | None = None
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


@cache
def load_preset(name: str) -> Preset:
    """Return a preset by its name; raises PresetError for an unknown one, with near names."""
    if name not in names():
        parts = [known for known in names() if name.lower() in known]
        near = (parts or get_close_matches(name, names(), n=3, cutoff=0.4))[:3]
        hint = f"did you mean {', '.join(near)}?" if near else "`mathtasks presets` lists them"
        raise PresetError("the name of a preset", repr(name), hint)
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = {field: content.pop(field) for field in FIELDS if field in content}
    return Preset(name, settings, **content)


def names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))
