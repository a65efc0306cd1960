"""Accuracy of a model on held-out problems and sample files, asked the way the tasks ask.

`python -m lm_eval_mathtasks.embedded.recipe.evaluation DIR FILE...` prints one table row for each stage in DIR.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage
from lm_eval_mathtasks.embedded.recipe.exercises import Problem, held_out_set
from lm_eval_mathtasks.embedded.recipe.prompts import pose
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.files import read_json_lines
from lm_eval_mathtasks.grading import Status, extract_answer, grade

# A wrong answer is better than none: without the difference a model that babbles learns nothing.
RIGHT, WRONG, NO_ANSWER = 1.0, 0.0, -1.0


def reward(response: str, gold: str) -> float:
    """RIGHT, WRONG or NO_ANSWER for one response to a problem whose reference answer is `gold`.

    Unlike `lm_eval_mathtasks.rewards`, it takes unmarked answers as well: the recipe also asks for "The answer is ...".
    """
    verdict = grade(gold=gold, pred=extract_answer(response).answer)
    if verdict.correct:
        return RIGHT
    return WRONG if verdict.status is Status.INCORRECT else NO_ANSWER


def graded_reward(completions: Sequence[str], gold: Sequence[str], **_: Any) -> list[float]:
    """`reward` for a batch, in the shape TRL's GRPOTrainer calls: one gold a completion, other columns ignored."""
    return [reward(response, answer) for response, answer in zip(completions, gold, strict=True)]


# Longest worked solution of the generator, tags included, is below this many tokens.
MAX_NEW_TOKENS = 96
BATCH = 50


def respond(model: Any, tokenizer: Any, prompts: Sequence[str], *, sampled: bool = False) -> list[str]:
    """Responses, one a prompt, without special tokens: greedy, or sampled at temperature 1 from a fixed seed."""
    import torch

    if sampled:
        torch.manual_seed(0)
    responses: list[str] = []
    model.eval()
    for start in range(0, len(prompts), BATCH):
        batch = tokenizer(list(prompts[start : start + BATCH]), return_tensors="pt", padding=True)
        with torch.no_grad():
            output = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                do_sample=sampled,
                top_k=0,
                max_new_tokens=MAX_NEW_TOKENS,
            )
        tail = output[:, batch["input_ids"].shape[1] :]
        responses += tokenizer.batch_decode(tail, skip_special_tokens=True)
    model.train()
    return responses


def held_out_accuracy(
    model: Any, tokenizer: Any, problems: Sequence[Problem], frame: str, *, sampled: bool = False
) -> float:
    """Part of `problems` answered correctly when asked in `frame`; in a chat with an instruction to box the answer."""
    rng, style = Random(0), "boxed" if frame == "chat" else None
    prompts = [pose(problem, rng, frame=frame, style=style).prompt for problem in problems]
    responses = respond(model, tokenizer, prompts, sampled=sampled)
    right = [reward(r, p.answer) == RIGHT for r, p in zip(responses, problems, strict=True)]
    return sum(right) / len(right)


def read_problems(path: Path) -> list[Problem]:
    """Problems of a JSONL file in GSM8K's or MATH-500's columns; they have no kind, steps or key."""
    rows = read_json_lines(path, DataError)
    asked = [row.get("question") or row["problem"] for row in rows]
    answers = [row["answer"].rpartition("#### ")[2] for row in rows]
    return [Problem("", q, (), a, "") for q, a in zip(asked, answers, strict=True)]


def table(models: Path, files: Sequence[Path], count: int) -> list[str]:
    """Markdown rows: each stage, its accuracy on `count` held-out problems in three ways, and on each file."""
    held_out = held_out_set(count, seed=1)
    ways = ["held-out, plain", "held-out, chat", "the same, sampled"]
    columns = ["stage", *ways, *(file.stem for file in files)]
    rows = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for stage in STAGES:
        model, tokenizer = load_stage(models / stage)
        frames = [("question", False), ("chat", False), ("chat", True)]
        found = [held_out_accuracy(model, tokenizer, held_out, f, sampled=drawn) for f, drawn in frames]
        found += [held_out_accuracy(model, tokenizer, read_problems(f), "chat") for f in files]
        rows.append(f"| {stage} | " + " | ".join(f"{100 * part:.1f}" for part in found) + " |")
    return rows


if __name__ == "__main__":
    print("\n".join(table(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]], count=1000)))
