"""Greedy accuracy of a model on held-out problems, asked the way the tasks ask."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from lm_eval_mathtasks.training.problems import Problem
from lm_eval_mathtasks.training.prompts import ask
from lm_eval_mathtasks.training.rewards import RIGHT, reward

# Longest worked solution of the generator, tags included, is below this many tokens.
MAX_NEW_TOKENS = 96
BATCH = 50


def respond(model: Any, tokenizer: Any, prompts: Sequence[str], max_new_tokens: int = MAX_NEW_TOKENS) -> list[str]:
    """Greedy responses, one a prompt, without special tokens."""
    import torch

    responses: list[str] = []
    model.eval()
    for start in range(0, len(prompts), BATCH):
        batch = tokenizer(list(prompts[start : start + BATCH]), return_tensors="pt", padding=True)
        with torch.no_grad():
            output = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                do_sample=False,
                max_new_tokens=max_new_tokens,
            )
        tail = output[:, batch["input_ids"].shape[1] :]
        responses += tokenizer.batch_decode(tail, skip_special_tokens=True)
    model.train()
    return responses


def accuracy(model: Any, tokenizer: Any, problems: Sequence[Problem], frame: str, style: str | None = None) -> float:
    """Part of `problems` answered correctly when asked in `frame`, with an instruction if `style` is given."""
    rng = Random(0)
    prompts = [ask(problem, rng, frame=frame, style=style).prompt for problem in problems]
    responses = respond(model, tokenizer, prompts)
    right = [reward(r, p.answer) == RIGHT for r, p in zip(responses, problems, strict=True)]
    return sum(right) / len(right)
