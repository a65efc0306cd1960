"""Settings of generation as a run notes them, and which of them search for an answer or steer it."""

import re
from collections.abc import Mapping

from lm_eval_mathtasks.response import LIMIT_NAMES
from lm_eval_mathtasks.runs.records import GENERATION

# What the protocol of a run states.
_STATED = ("temperature", "do_sample", "top_p", *LIMIT_NAMES)
# In the words of transformers, vLLM, lighteval, Inspect and the servers.
STEERS = re.compile(
    r"num_beams|best_of|n|penalty_alpha|logit_bias|guided_\w+|structured_outputs|bad_words\w*|force\w*"
    r"|grammar|response_(?:format|schema)"
)
_NEUTRAL = ("none", "false", "0", "1", "-1", "", "{}", "[]")


def noted(settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings of generation as a run has them among its own, but for what its protocol states."""
    return {f"{GENERATION}{k}": value for k, value in settings.items() if k not in _STATED}


def generation_of(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of generation among those of a run."""
    return {k.removeprefix(GENERATION): v for k, v in settings.items() if k.startswith(GENERATION)}


def steered_by(generation: Mapping[str, object]) -> str:
    """Return the settings that search for an answer or steer it, "" for none."""
    found = (f"{k}={v}" for k, v in generation.items() if STEERS.fullmatch(k) and not _neutral(v))
    return ", ".join(found)


def _neutral(value: object) -> bool:
    return str(value).lower() in _NEUTRAL
