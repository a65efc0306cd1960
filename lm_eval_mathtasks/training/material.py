"""What a stage learns from, read and checked: rows with prompts, pairs of responses, or labelled steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.problems.rows import read_rows
from lm_eval_mathtasks.training.config import Config
from lm_eval_mathtasks.training.pairs import pairs_in
from lm_eval_mathtasks.training.steps import read_steps

_LEARNED = ("prompt", "completion", "messages", "text")


def material(config: Config, seed: int) -> list[Any]:
    """What a stage learns from: rows with prompts, pairs of responses, or labelled steps."""
    path = config.train
    if not path.exists():
        fix = "`mathtasks train data` writes one"
        raise TrainingError("a data file", f"{path}, which does not exist", fix)
    if config.stage == "orm":
        return pairs_in(path, config.pairs, seed)
    if config.stage == "prm":
        return read_steps(path, config.paths)
    rows = read_rows(path)
    if not rows:
        raise TrainingError(f"rows in {path}", "an empty file", "write it again")
    # Rewards are given what a trainer says under these names.
    taken = ("prompts", "completions") if config.stage == "grpo" else ()
    learned = ("prompt",) if config.stage == "grpo" else _LEARNED
    if not set(learned) & set(rows[0]) or set(taken) & set(rows[0]):
        without = f", and none called {' or '.join(taken)}," if set(taken) & set(rows[0]) else ""
        fix = f"`mathtasks train data --source {path}` makes it"
        raise TrainingError(f"a column `prompt`{without} in {path}", ", ".join(rows[0]), fix)
    for number, row in enumerate(rows, 1):
        _check(row, rows[0], learned, f"row {number} of {path}")
    return rows


def _check(row: Mapping[str, Any], first: Mapping[str, Any], learned: Sequence[str], place: str) -> None:
    """TrainingError for a row that is written otherwise than the first, or that says nothing to learn from."""
    for name in _LEARNED:
        own, wanted = (type(one.get(name)).__name__.replace("NoneType", "nothing") for one in (row, first))
        if own != wanted:
            fix = "write all rows alike"
            raise TrainingError(f"a {wanted} as `{name}` in {place}, as in the first", own, fix)
        if name in learned and name in row and not _says_something(row[name]):
            fix = "leave the row out, or write it again"
            wanted = f"a text, or messages with role and content, as `{name}` in {place}"
            raise TrainingError(wanted, repr(row[name])[:80], fix)
    prompt, completion = row.get("prompt"), row.get("completion")
    if "completion" in learned and None not in (prompt, completion) and type(prompt) is not type(completion):
        got = f"a {type(prompt).__name__} and a {type(completion).__name__}"
        fix = "write both alike"
        raise TrainingError(f"`prompt` and `completion` as two texts or two lists in {place}", got, fix)


def _says_something(value: Any) -> bool:
    """Whether it is a text, or a conversation whose last message has a content."""
    if isinstance(value, str):
        return bool(value.strip())
    turns = value if isinstance(value, list) else []
    if not turns or not all(
        isinstance(turn, dict) and isinstance(turn.get("role"), str) and "content" in turn for turn in turns
    ):
        return False
    content = turns[-1]["content"]
    return bool(content.strip() if isinstance(content, str) else content or turns[-1].get("tool_calls"))
