"""A tiny model and two small samples of our own, so that everything can be tried without hub, key or GPU."""

from pathlib import Path

# What the model learned last: a messy corpus, then clean solutions, then the grader's reward.
STAGES = ("base", "sft", "grpo")


def path(stage: str = "grpo") -> Path:
    """Folder of the model after `stage`, for `--model hf --model_args pretrained=...`; ValueError if unknown."""
    if stage not in STAGES:
        raise ValueError(f"Expected a stage of the embedded model ({', '.join(STAGES)}), got {stage!r}")
    return Path(__file__).parent / stage
