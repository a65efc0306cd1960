"""Is a response right? The reward of reinforcement learning and the accuracy in the logs, both by our own grader.

Unlike `lm_eval_mathtasks.rewards`, it takes unmarked answers as well: the recipe also asks for "The answer is ...".
"""

from collections.abc import Sequence
from typing import Any

from lm_eval_mathtasks.grading import Status, extract_answer, grade

# A wrong answer is better than none: without the difference a model that babbles learns nothing.
RIGHT, WRONG, NO_ANSWER = 1.0, 0.0, -1.0


def reward(response: str, gold: str) -> float:
    """RIGHT, WRONG or NO_ANSWER for one response to a problem whose reference answer is `gold`."""
    verdict = grade(gold=gold, pred=extract_answer(response).answer)
    if verdict.correct:
        return RIGHT
    return WRONG if verdict.status is Status.INCORRECT else NO_ANSWER


def graded_reward(completions: Sequence[str], gold: Sequence[str], **_: Any) -> list[float]:
    """`reward` for a batch, in the shape TRL's GRPOTrainer calls: one gold a completion, other columns ignored."""
    return [reward(response, answer) for response, answer in zip(completions, gold, strict=True)]
