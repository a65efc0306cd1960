"""Rewards for the right answer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_mathtasks.rewards.rulings import Kind, rulings


def accuracy(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """1 for a finished response whose marked answer is right, else 0; None where the reference cannot be read.

    completions: texts, or conversations (lists of messages); columns: a value a completion, the reference in `gold`,
    `answer` or `solution`. In TRL the columns `verdict`, `reason` and `extracted` go into the record of completions.
    """
    return _paid(completions, columns, {"right": 1.0, "wrong": 0.0, "unreadable": 0.0})


def staged(
    completions: Sequence[Any],
    *,
    right: float = 100.0,
    wrong: float = 0.0,
    unreadable: float = -1.0,
    **columns: Any,
) -> list[float | None]:
    """`right`, `wrong`, or `unreadable` where no marked answer of a finished response could be compared.

    As `accuracy`, with values of one's own: `functools.partial(staged, unreadable=-10.0)` is a later stage. An answer
    that is too big to check is unreadable, so that no model learns to write such answers.
    """
    worth: dict[Kind, float] = {"right": right, "wrong": wrong, "unreadable": unreadable}
    return _paid(completions, columns, worth, "staged_")


async def accuracy_async(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`accuracy`, in a thread: an event loop goes on while answers are compared."""
    return await asyncio.to_thread(accuracy, completions, **columns)


async def staged_async(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`staged`, in a thread: an event loop goes on while answers are compared."""
    return await asyncio.to_thread(staged, completions, **columns)


def _paid(
    completions: Sequence[Any], columns: Mapping[str, Any], worth: Mapping[Kind, float], prefix: str = ""
) -> list[float | None]:
    """What each ruling is worth, None without a reference. Verdicts and reasons go into TRL's record of completions;
    each reward has columns of its own there, because TRL appends to a column that two rewards share."""
    found = rulings(completions, columns)
    if (log_extra := columns.get("log_extra")) is not None:
        log_extra(f"{prefix}verdict", [one.kind for one in found])
        log_extra(f"{prefix}reason", [one.reason for one in found])
        log_extra(f"{prefix}extracted", [one.answer for one in found])
    return [float(worth[one.kind]) if one.kind in worth else None for one in found]
