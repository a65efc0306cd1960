"""The stages one after the other, each saved in Hugging Face format."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.embedded.recipe.base import train_base
from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage, save_stage
from lm_eval_mathtasks.embedded.recipe.grpo import train_grpo
from lm_eval_mathtasks.embedded.recipe.hyperparameters import Settings
from lm_eval_mathtasks.embedded.recipe.sft import train_sft
from lm_eval_mathtasks.embedded.recipe.tokenizer import build
from lm_eval_mathtasks.embedded.recipe.trainlog import TrainLog


def train_stages(stages: Sequence[str], out: Path, settings: Settings) -> None:
    """Train `stages` in order; each is saved as `out/<stage>`, the log as `out/training_log.jsonl`.

    DataError if the folder of the stage before the first one is missing.
    """
    import torch

    torch.set_num_threads(1)  # a model this small is slower on several threads
    torch.manual_seed(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    if stages[0] == STAGES[0]:
        model, tokenizer = None, build(settings.seed)
    else:
        model, tokenizer = load_stage(out / STAGES[STAGES.index(stages[0]) - 1])
    for stage in stages:
        log = TrainLog(out / "training_log.jsonl", tokenizer, settings)
        save_stage(_train(stage, model, tokenizer, settings, log), tokenizer, out / stage)
        # As saved: one run of all stages is the same as one run of each.
        model, tokenizer = load_stage(out / stage)


def _train(stage: str, model: Any, tokenizer: Any, settings: Settings, log: TrainLog) -> Any:
    if stage == "base":
        return train_base(tokenizer, settings, log)
    train = {"sft": train_sft, "grpo": train_grpo}[stage]
    with tempfile.TemporaryDirectory() as scratch:
        return train(model, tokenizer, settings, log, Path(scratch))
