"""The reward for verl: `reward.custom_reward_function.path` is this file, and its `name` is compute_score."""

from collections.abc import Mapping
from typing import Any

from lm_eval_mathtasks.rewards.rulings import FINISH_COLUMN, ruling


def compute_score(  # noqa: PLR0913  # verl's signature, and the three values
    data_source: str,  # noqa: ARG001  # one grader for every set
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    right: float = 1.0,
    wrong: float = 0.0,
    unreadable: float = 0.0,
    **_: Any,
) -> dict[str, object]:
    """Return {"score", "acc", "verdict", "reason", "pred"} of one response; the values can be set by `reward_kwargs`.

    ground_truth: a reference answer or solution. extra_info: its `finish_reason`, where there is one, counts. verl
    knows no missing reward: where the reference cannot be read every response scores 0, which teaches nothing.
    """
    found = ruling(solution_str, ground_truth, (extra_info or {}).get(FINISH_COLUMN))
    values = {"right": right, "wrong": wrong, "unreadable": unreadable, "no gold": 0.0}
    return {
        "score": float(values[found.kind]),
        "acc": float(found.kind == "right"),
        "verdict": found.kind,
        "reason": found.reason,
        "pred": found.answer or "",
    }
