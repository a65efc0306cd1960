"""What a stage learns from, read and checked: rows with prompts, pairs of responses, or labelled steps."""

from __future__ import annotations

from typing import Any

from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.problems.rows import read_rows
from lm_eval_mathtasks.training.config import Config
from lm_eval_mathtasks.training.pairs import pairs_in
from lm_eval_mathtasks.training.steps import read_steps


def material(config: Config, seed: int) -> list[Any]:
    """What a stage learns from: rows with prompts, pairs of responses, or labelled steps."""
    path = config.train
    if not path.exists():
        raise TrainingError(
            "a data file", f"{path}, which does not exist", "`mathtasks train data` writes one"
        )
    if config.stage == "orm":
        return pairs_in(path, config.pairs, seed)
    if config.stage == "prm":
        return read_steps(path, config.paths)
    rows = read_rows(path)
    if not rows:
        raise TrainingError(f"rows in {path}", "an empty file", "write it again")
    if not {"prompt", "messages", "text"} & set(rows[0]):
        got = ", ".join(rows[0])
        raise TrainingError(
            f"a column `prompt` in {path}", got, f"`mathtasks train data --source {path}` makes it"
        )
    for number, row in enumerate(rows, 1):
        for name in ("prompt", "completion", "messages", "text"):
            own, wanted = (
                type(one.get(name)).__name__.replace("NoneType", "nothing") for one in (row, rows[0])
            )
            if own != wanted:
                raise TrainingError(
                    f"a {wanted} as `{name}` in row {number} of {path}, as in the first",
                    own,
                    "write all rows alike",
                )
    return rows
