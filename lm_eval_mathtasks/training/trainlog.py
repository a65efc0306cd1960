"""The training log: one JSON line per measurement, written as it is made."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.training.evaluation import accuracy
from lm_eval_mathtasks.training.problems import held_out_set
from lm_eval_mathtasks.training.settings import Settings


class TrainLog:
    """Appends to `path` lines of stage, step, loss, held-out accuracy by frame, and the stage's seconds so far."""

    def __init__(self, path: Path, tokenizer: Any, settings: Settings) -> None:
        self.path, self.tokenizer, self.settings = path, tokenizer, settings
        self._problems = held_out_set(settings.eval_problems, seed=settings.seed)
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def step(self, stage: str, step: int, loss: float | None, model: Any, *, last: bool = False) -> None:
        """Measure and write a line if the step is due (every `eval_every` steps, and the last)."""
        if not (last or step % self.settings.eval_every == 0):
            return
        line = {
            "stage": stage,
            "step": step,
            "loss": None if loss is None else round(loss, 4),
            "accuracy_question": accuracy(model, self.tokenizer, self._problems, "question"),
            "accuracy_chat": accuracy(model, self.tokenizer, self._problems, "chat", "boxed"),
            "cpu_seconds": round(time.process_time() - self._cpu),
            "wall_seconds": round(time.monotonic() - self._wall),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
