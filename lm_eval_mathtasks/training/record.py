"""The record of a run: every rollout as a row of a CSV, and what was used."""

import csv
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.files import write_whole
from lm_eval_mathtasks.package import installed_version
from lm_eval_mathtasks.runs.messages import message_text

ROLLOUTS, USED = "rollouts.csv", "used.yaml"
_PACKAGES = ("trl", "transformers", "peft", "torch", "accelerate", "datasets", "vllm")
_FIRST = ("step", "mode", "prompt", "response", "extracted", "verdict", "reason")


class Rollouts:
    """A CSV that grows by every rollout. Where a run goes on, rows of steps that will be made again are taken out."""

    def __init__(self, path: Path, resumed_from: int | None = None) -> None:
        self.path = path
        self._columns: list[str] | None = None
        if resumed_from is not None and path.exists():
            self._keep(resumed_from)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows of one kind; the first ones decide the columns."""
        rows = list(rows)
        if not rows:
            return
        if self._columns is None:
            self._columns = [*_FIRST, *(name for name in rows[0] if name not in _FIRST)]
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write(rows, "a")

    def _write(self, rows: Sequence[Mapping[str, Any]], mode: str) -> None:
        with self.path.open(mode, newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.DictWriter(file, self._columns or (), extrasaction="ignore")
            if not file.tell():
                writer.writeheader()
            writer.writerows(rows)

    def _keep(self, step: int) -> None:
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            self._columns = list(reader.fieldnames or ())
            kept = [row for row in reader if (row.get("step") or "").isdecimal() and int(row["step"]) < step]
        self._write(kept, "w")


def rollout_rows(logs: Mapping[str, Any], count: int, step: int, mode: str) -> list[dict[str, object]]:
    """Rows of the last `count` rollouts in the logs of TRL's GRPOTrainer."""
    told = {
        "prompt": map(said, logs["prompt"]),
        "response": map(said, logs["completion"]),
        **logs["extra"],
        **logs["rewards"],
        "advantage": logs["advantages"],
    }
    columns = {name: list(values)[-count:] for name, values in told.items()}
    lines = zip(*columns.values(), strict=True)
    return [{"step": step, "mode": mode, **dict(zip(columns, line, strict=True))} for line in lines]


def said(value: Any) -> str:
    """A prompt or completion as one text: of a conversation, what its messages say."""
    if isinstance(value, str):
        return value
    return "\n\n".join(filter(None, (message_text(turn, str(turn.get("role"))) for turn in value)))


def write_used(path: Path, facts: Mapping[str, Any]) -> None:
    """Write what a run was made with, as YAML: the configuration, TRL's options in full, versions, checksums."""
    import yaml

    found = {name: version for name in _PACKAGES if (version := installed_version(name))}
    versions = {"python": platform.python_version(), **found}
    content = {"mathtasks": __version__, "versions": versions, **_plain(facts)}
    write_whole(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def used_before(path: Path) -> Mapping[str, Any]:
    """What `write_used` wrote; {} where there is nothing, or nothing that can be read."""
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def settings_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """What differs between two configurations: name, with a dot below a key, -> "old -> new"."""
    old, new = _leaves(before), _leaves(_plain(now))
    return {
        name: f"{old.get(name, 'not set')} -> {new.get(name, 'not set')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    }


def _leaves(value: Mapping[str, Any], under: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, own in value.items():
        found |= _leaves(own, f"{under}{key}.") if isinstance(own, Mapping) else {f"{under}{key}": own}
    return found


def _plain(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Facts as YAML can hold them: what JSON does not know becomes text."""
    plain: Mapping[str, Any] = json.loads(json.dumps(facts, default=str))
    return plain
