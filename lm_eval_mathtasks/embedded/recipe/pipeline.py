"""The stages one after the other, each saved in Hugging Face format.

After the base stage: supervised fine-tuning on clean solutions, asked the way evaluations ask; then reinforcement
learning (GRPO), rewarded by our grader. Both with TRL's trainers.
"""

import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.embedded.recipe.base import new_optimizers, train_base
from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage, save_stage
from lm_eval_mathtasks.embedded.recipe.evaluation import MAX_NEW_TOKENS, graded_reward
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.embedded.recipe.hyperparameters import Settings
from lm_eval_mathtasks.embedded.recipe.prompts import EOS, STYLES, pose_any
from lm_eval_mathtasks.embedded.recipe.tokenizer import build
from lm_eval_mathtasks.embedded.recipe.trainlog import TrainLog

# Prompt and solution of the second stage together stay below this many tokens; longer ones would be cut.
MAX_LENGTH = 256
# The reward sees the answer only: asked for the bare answer, the model would learn to work it out all the same.
# Tags double the length of a response, and a batch takes as long as its longest one.
STYLES_ASKED = {style: weight for style, weight in STYLES.items() if style not in ("direct", "tags")}


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
    with tempfile.TemporaryDirectory() as scratch:
        own = {"model": model, "processing_class": tokenizer, "callbacks": [log.callback(stage)]}
        trainer = {"sft": _sft, "grpo": _grpo}[stage](own, settings, scratch)
        result = trainer.train()
    log.step(stage, trainer.args.max_steps, result.training_loss, trainer.model, last=True)
    return trainer.model


def _options(settings: Settings, out: str) -> Mapping[str, Any]:
    """What both trainers are told: one CPU, float32, no checkpoints, no reports, no bars; out: for their own files."""
    return {
        "output_dir": out,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": settings.seed,
    }


def examples(settings: Settings) -> list[dict[str, str]]:
    """{"prompt", "completion"} rows from training problems, as many as the steps of the second stage need."""
    rng, count = Random(settings.seed + 2), settings.sft_steps * settings.sft_rows
    asks = (pose_any(problem, rng) for problem in islice(stream(settings.seed + 2), count))
    return [{"prompt": a.prompt, "completion": a.response + EOS} for a in asks]


def _sft(own: Mapping[str, Any], settings: Settings, out: str) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(
        **_options(settings, out),
        per_device_train_batch_size=settings.sft_rows,
        max_steps=settings.sft_steps,
        lr_scheduler_type="cosine",
        warmup_steps=20,
        max_length=MAX_LENGTH,
    )
    muon, _ = new_optimizers(own["model"])  # embeddings and norms stay as they are
    muon.param_groups[0]["lr"] = settings.sft_rate
    rows = Dataset.from_list(examples(settings))
    return SFTTrainer(args=config, train_dataset=rows, optimizers=(muon, None), **own)


def questions(settings: Settings) -> list[dict[str, str]]:
    """{"prompt", "gold"} rows from training problems, one for every group of generations of the third stage."""
    count = settings.grpo_steps * settings.grpo_rows // settings.grpo_generations
    rng, problems = Random(settings.seed + 3), islice(stream(settings.seed + 3), count)
    return [{"prompt": pose_any(one, rng, STYLES_ASKED).prompt, "gold": one.answer} for one in problems]


def _grpo(own: Mapping[str, Any], settings: Settings, out: str) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    config = GRPOConfig(
        **_options(settings, out),
        per_device_train_batch_size=settings.grpo_rows,
        num_generations=settings.grpo_generations,
        max_completion_length=MAX_NEW_TOKENS,
        temperature=1.0,
        beta=0.0,
        max_steps=settings.grpo_steps,
        learning_rate=settings.grpo_rate,
        lr_scheduler_type="linear",
        warmup_steps=5,
    )
    rows = Dataset.from_list(questions(settings))
    return GRPOTrainer(args=config, train_dataset=rows, reward_funcs=graded_reward, **own)
