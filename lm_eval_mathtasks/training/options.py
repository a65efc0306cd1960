"""TRL's own options: the keys under `trl:`, checked by name and handed over untouched."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, get_args

from lm_eval_mathtasks.errors import TrainingError, as_error
from lm_eval_mathtasks.training.config import Config, nearest_key

_EXTRA = "run pip install 'lm-eval-mathtasks[train]'"
# What a configuration says elsewhere.
_OURS = {
    "model_name_or_path": "model:",
    "output_dir": "output:",
    "reward_weights": "rewards:",
    "resume_from_checkpoint": "the flag --resume",
    "dataset_name": "data:",
    "datasets": "data:",
}
_CLASSES = {"sft": "SFTConfig", "grpo": "GRPOConfig", "orm": "RewardConfig"}


class Options(NamedTuple):
    """arguments: of the trainer (TRL's SFTConfig, GRPOConfig or RewardConfig; transformers' TrainingArguments for a
    PRM); model: TRL's ModelConfig; given: the keys that the user set."""

    arguments: Any
    model: Any
    given: Mapping[str, Any]


def trl_options(config: Config, weights: list[float] | None = None) -> Options:
    """Return TRL's options with what is under `trl:`; weights: of the rewards.

    Raises TrainingError without the training extra, for a key that TRL does not have, and for values that it refuses.
    """
    with as_error(TrainingError, "TRL and peft", _EXTRA, ImportError):
        import peft  # noqa: F401
        import transformers
        import trl
    name = _CLASSES.get(config.stage)
    kinds = (getattr(trl, name) if name else transformers.TrainingArguments, trl.ModelConfig)
    types = {field.name: field.type for kind in kinds for field in dataclasses.fields(kind) if field.init}
    known = types.keys() - set(_OURS)
    for key in config.trl:
        if key in _OURS:
            fix = "take it out there"
            raise TrainingError(f"{_OURS[key]} for what TRL calls {key}", f"{key} under trl:", fix)
        if key not in known:
            raise TrainingError("keys of TRL under trl:", str(key), nearest_key(str(key), known))
        if not _fits(config.trl[key], types[key]):
            wanted = getattr(types[key], "__name__", str(types[key]))
            raise TrainingError(f"{wanted} for {key} under trl:", repr(config.trl[key]), "correct it")
    set_here = {
        "model_name_or_path": config.model,
        "output_dir": str(config.output),
        **({"reward_weights": weights} if weights is not None else {}),
    }
    parser = trl.TrlParser(kinds)
    parser.error = _refuse
    parser.set_defaults_with_config(**config.trl, **set_here)
    refused = (ValueError, TypeError, ArithmeticError, ImportError)
    with as_error(TrainingError, "settings that TRL accepts", "change it under trl:", *refused):
        arguments, model = parser.parse_args_into_dataclasses(args=[])
    return Options(arguments, model, dict(config.trl))


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of the type of a field of numbers or switches; TRL's parser sees to texts and other fields."""
    kinds = set(get_args(wanted) or (wanted,))
    if isinstance(value, str) or not kinds <= {int, float, bool, type(None)}:
        return True
    return type(value) in kinds or (type(value) is int and float in kinds)


def _refuse(message: str) -> NoReturn:
    """In place of argparse's own error, which prints two hundred options."""
    raise TrainingError("values under trl: of the types that TRL takes", message, "correct it")
