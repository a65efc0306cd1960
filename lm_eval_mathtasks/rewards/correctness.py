"""Rewards for the right answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval_mathtasks.rewards.rulings import Ruling, rulings


def accuracy(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """1 for a finished response whose marked answer is right, else 0; None where the reference cannot be read.

    completions: texts, or conversations (lists of messages); columns: a value a completion, the reference in `gold`,
    `answer` or `solution`. In TRL the columns `verdict`, `reason` and `extracted` go into the record of completions.
    """
    found = rulings(completions, columns)
    _tell(columns, found, "")
    return [_value(one, right=1.0, wrong=0.0, unreadable=0.0) for one in found]


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
    found = rulings(completions, columns)
    _tell(columns, found, "staged_")
    return [_value(one, right=right, wrong=wrong, unreadable=unreadable) for one in found]


async def accuracy_async(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`accuracy`, in a thread: an event loop goes on while answers are compared."""
    return await asyncio.to_thread(accuracy, completions, **columns)


async def staged_async(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`staged`, in a thread: an event loop goes on while answers are compared."""
    return await asyncio.to_thread(staged, completions, **columns)


def _value(found: Ruling, *, right: float, wrong: float, unreadable: float) -> float | None:
    values = {"right": right, "wrong": wrong, "unreadable": unreadable}
    return float(values[found.kind]) if found.kind in values else None


def _tell(columns: Mapping[str, Any], found: Sequence[Ruling], prefix: str) -> None:
    """Add verdicts and reasons to TRL's record of completions. Each reward has columns of its own: TRL appends to a
    column that two rewards share."""
    log_extra: Callable[[str, list[Any]], None] | None = columns.get("log_extra")
    if log_extra is not None:
        log_extra(f"{prefix}verdict", [one.kind for one in found])
        log_extra(f"{prefix}reason", [one.reason for one in found])
        log_extra(f"{prefix}extracted", [one.answer for one in found])
