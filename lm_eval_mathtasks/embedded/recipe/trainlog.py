"""The training log: one JSON line per measurement, written as it is made."""

import json
import time
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.embedded.recipe.evaluation import held_out_accuracy
from lm_eval_mathtasks.embedded.recipe.exercises import held_out_set
from lm_eval_mathtasks.embedded.recipe.hyperparameters import Settings


class TrainLog:
    """Appends to `path` lines of stage, step, loss, held-out accuracy by frame, and the stage's seconds so far."""

    def __init__(self, path: Path, tokenizer: Any, settings: Settings) -> None:
        self.path, self.tokenizer, self.settings = path, tokenizer, settings
        self._problems = held_out_set(settings.eval_problems, seed=settings.seed)
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def note(self, stage: str, step: int, **values: float | None) -> None:
        """Write a line of the values given, with the stage's seconds so far."""
        rounded = {name: None if value is None else round(value, 4) for name, value in values.items()}
        line = {
            "stage": stage,
            "step": step,
            **rounded,
            "cpu_seconds": round(time.process_time() - self._cpu),
            "wall_seconds": round(time.monotonic() - self._wall),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def step(self, stage: str, step: int, loss: float | None, model: Any, *, last: bool = False) -> None:
        """Measure accuracy and write a line if the step is due (every `eval_every` steps, and the last)."""
        if last or step % self.settings.eval_every == 0:
            plain = held_out_accuracy(model, self.tokenizer, self._problems, "question")
            chat = held_out_accuracy(model, self.tokenizer, self._problems, "chat")
            self.note(stage, step, loss=loss, accuracy_question=plain, accuracy_chat=chat)

    def callback(self, stage: str) -> Any:
        """A callback for a transformers trainer that notes loss and reward whenever the trainer reports them."""
        from transformers import TrainerCallback

        log = self

        class Note(TrainerCallback):  # type: ignore[misc]
            def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any], **_: Any) -> None:
                if "loss" in logs:
                    reward = {"reward": float(logs["reward"])} if "reward" in logs else {}
                    log.note(stage, state.global_step, loss=float(logs["loss"]), **reward)

        return Note()
