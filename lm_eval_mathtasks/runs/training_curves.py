"""The curves of a training run: reward, accuracy and loss over its steps, as its trainer logged them."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.tables.layout import bars

CURVE = "curve.csv"
_DRAWN = {
    "reward": "reward",
    "rewards/accuracy/mean": "accuracy",
    "mean_token_accuracy": "token accuracy",
    "accuracy": "pairs in order",
    "loss": "loss",
}


def write_curve(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the trainer's log, a line a logged step, with every number that it logged."""
    rows = [entry for entry in history if "loss" in entry or any(key.startswith("eval_") for key in entry)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


class Curve(NamedTuple):
    """A number that the trainer logged, over the steps."""

    label: str
    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def line(self) -> str:
        """The curve in block characters, from its least to its most; every n-th point where it has more than 64."""
        drawn = bars(self.values, min(self.values), max(self.values))
        return f"{self.label:14} {drawn} {self.values[0]:.3f} → {self.values[-1]:.3f}, step {self.steps[-1]}"


def training_curves(history: Sequence[Mapping[str, Any]]) -> list[Curve]:
    """Reward and accuracy over the steps that were logged, and the loss."""
    drawn = []
    for name, label in _DRAWN.items():
        logged = [(e.get("step"), e.get(name)) for e in history]
        found = [(int(n), float(v)) for n, v in logged if n not in (None, "") and v not in (None, "")]
        found = [(step, value) for step, value in found if math.isfinite(value)]
        if found:
            drawn.append(Curve(label, *zip(*found, strict=True)))
    return drawn


def read_curves(folder: Path) -> list[Curve]:
    """The curves of the training run whose output a folder is; none where it is no such folder."""
    path = folder / CURVE
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        try:
            return training_curves(list(csv.DictReader(file)))
        except (ValueError, csv.Error) as error:
            fix = "take the file away, or train again"
            raise EvidenceError(f"numbers in {path}", str(error), fix) from None
