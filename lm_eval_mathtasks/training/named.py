"""The rewards that a configuration names: ours, or a function of the user's by its dotted path."""

import functools
import importlib
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lm_eval_mathtasks import rewards
from lm_eval_mathtasks.errors import TrainingError, as_error
from lm_eval_mathtasks.training.config import nearest_key

OURS = tuple(name for name in rewards.__all__ if name not in ("Ruling", "ruling"))
CORRECTNESS = ("accuracy", "staged")  # and their asynchronous forms: what is paid for the answer itself
# What TRL hands to a reward beside the columns of the data.
_HANDED_OVER = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")
_KEPT_BACK = ("prompt", "completion")
# The least and the most that one of ours can give, as far as it has no parameters.
RANGES = {
    "tags_format": (0.0, 1.0),
    "tags_count": (-1.0, 1.0),
    "boxed_format": (0.0, 1.0),
    "length_bonus": (0.0, 1.0),
    "no_repetition": (-1.0, 0.0),
    "one_language": (0.0, 1.0),
}


class Reward(NamedTuple):
    """A reward of a run: its name (the function's own), the function with its parameters, its weight; ours: whether
    this package knows what it gives."""

    name: str
    function: Callable[..., Any]
    weight: float
    parameters: Mapping[str, Any]
    ours: bool

    @property
    def of_correctness(self) -> bool:
        """Whether it pays for the right answer, so that what stands beside it is a bonus."""
        return self.ours and self.name.removesuffix("_async") in CORRECTNESS


def named_rewards(given: Mapping[str, Any]) -> list[Reward]:
    """Return the rewards under `rewards:` of a configuration, in its order.

    Raises TrainingError for a name that is no reward, a parameter that it does not have, a weight that is no number.
    """
    if not given:
        raise TrainingError("rewards: with at least one reward", "none", "rewards: {accuracy: 1.0}")
    found = [_reward(str(name), value) for name, value in given.items()]
    if not any(one.weight for one in found):
        raise TrainingError("a reward with a weight other than 0", "none", "a weight of 1.0 is usual")
    return found


def check_calls(rewards: Sequence[Reward], columns: Iterable[str]) -> None:
    """Raise TrainingError for a reward that cannot be called as TRL's trainer calls it on data with these columns."""
    given = dict.fromkeys((*_HANDED_OVER, *(name for name in columns if name not in _KEPT_BACK)))
    for one in rewards:
        wanted = f"a reward (completions, **columns) that TRL can call on these data, for {one.name}"
        fix = "a function of that form; rewards/README.md has the faces of other trainers"
        with as_error(TrainingError, wanted, fix, TypeError, ValueError):
            inspect.signature(one.function).bind(**given)


def _reward(name: str, value: Any) -> Reward:
    options = dict(value) if isinstance(value, dict) else {"weight": value}
    weight = options.pop("weight", 1.0)
    if not _is_number(weight):
        raise TrainingError(f"a number as the weight of the reward {name}", repr(weight), f"`{name}: 1.0`")
    function = _function(name)
    wanted = f"a function (completions, **columns) at {name}"
    with as_error(TrainingError, wanted, "name one", TypeError, ValueError):
        parameters = inspect.signature(function).parameters.values()
    taken = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    for option, own in options.items():
        if option not in taken:
            fix = nearest_key(str(option), ["weight", *taken])
            raise TrainingError(f"a parameter of the reward {name}", str(option), fix)
        if _is_number(taken[option]) and not _is_number(own):
            raise TrainingError(f"a number as {option} of the reward {name}", repr(own), "correct it")
    bound = functools.partial(function, **options) if options else function
    short = name.rpartition(".")[2]
    ours = short in OURS and function is getattr(rewards, short)
    return Reward(short, bound, float(weight), options, ours)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.rpartition(".")
    if not module:
        if name not in OURS:
            fix = nearest_key(name, OURS)
            raise TrainingError("the name of a reward, or a dotted path to one", name, fix)
        found: Callable[..., Any] = getattr(rewards, name)
        return found
    # As `trl grpo` does it: a module beside the configuration counts.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    wanted, fix = f"a function at the path {name}", "is its package installed?"
    with as_error(TrainingError, wanted, fix, ImportError, AttributeError):
        return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]
