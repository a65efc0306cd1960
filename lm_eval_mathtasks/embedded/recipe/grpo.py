"""Stage three: reinforcement learning with TRL's GRPO, rewarded by our grader."""

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from lm_eval_mathtasks.embedded.recipe.evaluation import MAX_NEW_TOKENS
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.embedded.recipe.hyperparameters import Settings, trainer_options
from lm_eval_mathtasks.embedded.recipe.prompts import STYLES, pose_any
from lm_eval_mathtasks.embedded.recipe.recipe_rewards import graded_reward
from lm_eval_mathtasks.embedded.recipe.trainlog import TrainLog

# The reward sees the answer only: asked for the bare answer, the model would learn to work it out all the same.
# Tags double the length of a response, and a batch takes as long as its longest one.
STYLES_ASKED = {style: weight for style, weight in STYLES.items() if style not in ("direct", "tags")}


def questions(settings: Settings) -> list[dict[str, str]]:
    """{"prompt", "gold"} rows from training problems, one for every group of generations."""
    count = settings.grpo_steps * settings.grpo_rows // settings.grpo_generations
    rng, problems = Random(settings.seed + 3), islice(stream(settings.seed + 3), count)
    return [
        {"prompt": pose_any(problem, rng, STYLES_ASKED).prompt, "gold": problem.answer}
        for problem in problems
    ]


def train_grpo(model: Any, tokenizer: Any, settings: Settings, log: TrainLog, out: Path) -> Any:
    """Reinforce `model` and return it; `out` is a folder for the trainer's own files."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    config = GRPOConfig(
        **trainer_options(settings, out),
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
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=graded_reward,
        args=config,
        train_dataset=Dataset.from_list(questions(settings)),
        processing_class=tokenizer,
        callbacks=[log.callback("grpo")],
    )
    result = trainer.train()
    log.step("grpo", settings.grpo_steps, result.training_loss, trainer.model, last=True)
    return trainer.model
