"""The reward for OpenRLHF: `--remote_rm_url` is this file, `--label_key` the column of the reference answers."""

from collections.abc import Sequence
from typing import Any

from lm_eval_mathtasks.rewards.rulings import ruling


def reward_func(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
) -> dict[str, object]:
    """Return {"rewards", "scores", "extra_logs"}, float tensors of one value a query: 1 right, 0 not.

    queries: prompt and response in one text; labels: reference answers or solutions. Where one cannot be read the
    reward is 0 for every response, as it is where a query does not hold its prompt: an answer in an example of the
    prompt is none of the model's. extra_logs: the share of right, and of unreadable, responses.
    """
    import torch

    # A token that begins a text may stand before the prompt.
    found = [
        ruling(query.partition(prompt)[2] if prompt else query, label)
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]
    right = torch.tensor([float(one.kind == "right") for one in found])
    unreadable = torch.tensor([float(one.kind == "unreadable") for one in found])
    return {
        "rewards": right,
        "scores": right,
        "extra_logs": {"accuracy": right, "unreadable": unreadable},
    }
