"""Rewards of training by our grader: named functions with TRL's signature, `(completions, **columns)`.

Pure functions of text, without torch, lm-eval or a network: they can be pickled, and run in threads, event loops,
spawned processes and Ray workers. `rewards.verl` and `rewards.openrlhf` are the same for those trainers.
"""

from lm_eval_mathtasks.rewards.correctness import accuracy, accuracy_async, staged, staged_async
from lm_eval_mathtasks.rewards.formats import boxed_format, tags_count, tags_format
from lm_eval_mathtasks.rewards.rulings import Ruling, ruling
from lm_eval_mathtasks.rewards.style import length_bonus, no_repetition, one_language

__all__ = [
    "Ruling",
    "accuracy",
    "accuracy_async",
    "boxed_format",
    "length_bonus",
    "no_repetition",
    "one_language",
    "ruling",
    "staged",
    "staged_async",
    "tags_count",
    "tags_format",
]
