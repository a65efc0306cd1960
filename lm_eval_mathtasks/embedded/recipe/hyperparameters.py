"""How large and how long: every number of a training run in one place."""

from typing import NamedTuple


class Settings(NamedTuple):
    """A run of the three stages; the defaults made the embedded model in about 25 minutes of one CPU core."""

    seed: int = 0
    hidden: int = 128
    layers: int = 4
    base_steps: int = 600
    base_rows: int = 16
    base_length: int = 256
    base_rate: float = 3e-3
    matrix_rate: float = 0.02
    sft_steps: int = 300
    sft_rows: int = 48
    sft_rate: float = 0.01
    grpo_steps: int = 150
    grpo_rows: int = 128
    grpo_generations: int = 8
    grpo_rate: float = 1e-4
    eval_problems: int = 100
    eval_every: int = 150


# Seconds instead of minutes: the whole path for tests, not a model worth asking.
TINY = Settings(
    hidden=32,
    layers=1,
    base_steps=6,
    base_rows=4,
    base_length=64,
    sft_steps=3,
    sft_rows=4,
    grpo_steps=2,
    grpo_rows=4,
    grpo_generations=2,
    eval_problems=2,
    eval_every=1000,
)
