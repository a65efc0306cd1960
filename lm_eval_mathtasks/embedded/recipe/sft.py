"""Stage two: supervised fine-tuning with TRL on clean solutions, asked the way evaluations ask."""

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from lm_eval_mathtasks.embedded.recipe.base import new_optimizers
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.embedded.recipe.hyperparameters import Settings, trainer_options
from lm_eval_mathtasks.embedded.recipe.prompts import EOS, pose_any
from lm_eval_mathtasks.embedded.recipe.trainlog import TrainLog

# Prompt and solution together stay below this many tokens; longer ones would be cut.
MAX_LENGTH = 256


def examples(settings: Settings) -> list[dict[str, str]]:
    """{"prompt", "completion"} rows from training problems, as many as the steps of the stage need."""
    rng, count = Random(settings.seed + 2), settings.sft_steps * settings.sft_rows
    asks = (pose_any(problem, rng) for problem in islice(stream(settings.seed + 2), count))
    return [{"prompt": a.prompt, "completion": a.response + EOS} for a in asks]


def train_sft(model: Any, tokenizer: Any, settings: Settings, log: TrainLog, out: Path) -> Any:
    """Fine-tune `model` and return it; `out` is a folder for the trainer's own files."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(
        **trainer_options(settings, out),
        per_device_train_batch_size=settings.sft_rows,
        max_steps=settings.sft_steps,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        max_length=MAX_LENGTH,
    )
    muon, _ = new_optimizers(model)  # embeddings and norms stay as they are
    muon.param_groups[0]["lr"] = settings.sft_rate
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(examples(settings)),
        processing_class=tokenizer,
        callbacks=[log.callback("sft")],
        optimizers=(muon, None),
    )
    result = trainer.train()
    log.step("sft", settings.sft_steps, result.training_loss, trainer.model, last=True)
    return trainer.model
