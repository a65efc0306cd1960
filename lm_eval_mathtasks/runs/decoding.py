"""Settings of generation as a run notes them: which search for an answer or steer it, and which may shape it."""

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypedDict

from lm_eval_mathtasks.keys import SECRET_ARGUMENT
from lm_eval_mathtasks.response import LIMIT_NAMES
from lm_eval_mathtasks.runs.records import COLUMN, GENERATION, MODEL_ARGUMENT
from lm_eval_mathtasks.runs.weights import LEAVE_ANSWERS, OF_WEIGHTS, SHAPE_ANSWERS

_SHOTS = ("shots", "n_shot", "num_shots", "num_fewshot", "few_shot_num", "fewshot", "max_train_instances")
# As harnesses and scripts call a system prompt.
SYSTEM = ("system_prompt", "system_instruction", "system_message", "system")
# How many answers to each doc were asked for.
SEVERAL = ("num_return_sequences", "num_choices", "num_outputs")
# What the protocol of a run states.
STATED = ("temperature", "do_sample", "top_p", *LIMIT_NAMES, *_SHOTS)
# Model arguments that may cut a response before its own limit.
_WINDOWS = ("max_length", "max_model_len", "max_model_length", "max_seq_len", "context_length")
# In the words of transformers, vLLM, SGLang, lighteval, Inspect and the servers.
STEERS = re.compile(
    r"num_beams|best_of|n|penalty_alpha|logit_bias|guided_\w+|structur\w+|bad_words\w*|force\w*"
    r"|grammar|regex|ebnf|json_(?:schema|object)|response_(?:format|schema)"
)
# The luck of an answer, and how it is computed and sent. Any other setting may shape the answers.
_LEAVES = re.compile(
    rf"\w*seed|{'|'.join(SEVERAL)}|(?:pad|eos|bos)_token\w*|skip_special_tokens|spaces_between\w*"
    r"|use_cache|batch\w*|stream\w*|\w*timeout|max_(?:retries|connections)|(?:top_|prompt_)?log_?probs|echo|user"
    r"|(?:return|output)_\w+|detokenize|renormalize_logits|early_stopping|service_tier|store"
)
# What ends an answer leaves it as it is if it is a special token or the label of another question or turn; a line's
# end, a dot or a word may stand within the answer, and cut it.
_ENDS = re.compile(r"until|end_str|stop(?:_(?:sequences?|strings?|words|seqs|token_ids))?")
_NEXT_TURN = re.compile(r"<\S+|\[/?\w+\]|\d+|(?!.*(?:answer|solution|step))\W*\w[\w ]*[:：]", re.IGNORECASE)
_NEUTRAL = ("none", "false", "0", "1", "-1", "0.0", "1.0", "", "{}", "[]")
# Model arguments that say whether it thinks, and nothing else: the mode is a part of its own.
_THINKS = re.compile(
    r"\W*(?:enable_)?think(?:ing)?\W+(?:true|false|on|off|enabled|disabled)\W*", re.IGNORECASE
)


class Asked(TypedDict):
    """What settings of generation say of a protocol; None where they do not."""

    shots: int | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    system_prompt: bool | None


def within_window(limit: int | None, arguments: Mapping[str, object]) -> int | None:
    """Return a limit of tokens, or what the window that the arguments of a model state leaves, if that is less."""
    windows = (arguments.get(name) for name in _WINDOWS)
    limits = [int(str(one)) for one in (limit, *windows) if str(one).isdecimal()]
    return min(limits) if limit and limits else limit


def stated_by(
    settings: Mapping[str, Any], arguments: Mapping[str, object] = MappingProxyType({})
) -> tuple[Asked, dict[str, object]]:
    """Return what settings of generation say of the protocol of a run, whatever harness wrote them, and what these and
    the arguments of its model are among its own settings."""
    numbers = {name: number for name in STATED if (number := _number(settings.get(name))) is not None}
    limit = next((int(numbers[name]) for name in LIMIT_NAMES if numbers.get(name)), None)
    warm, sampling = numbers.get("temperature"), str(settings.get("do_sample")).lower()
    greedy, sampled = sampling == "false", sampling == "true"
    # Which of the two wins depends on the backend and its version: lm-eval's hf is greedy, its servers and older vLLM
    # sample.
    unclear = greedy and bool(warm)
    system = next(filter(None, (one.get(name) for one in (settings, arguments) for name in SYSTEM)), None)
    asked: Asked = {
        "shots": next((int(numbers[name]) for name in _SHOTS if name in numbers), None),
        "temperature": None if unclear else 0.0 if greedy else warm,
        "top_p": numbers.get("top_p"),
        "max_tokens": within_window(limit, arguments),
        "system_prompt": True if system else None,
    }
    given = {
        f"{MODEL_ARGUMENT}{k}": str(v)
        for k, v in arguments.items()
        if k not in SYSTEM and not SECRET_ARGUMENT.search(k)
    }
    noted = {f"{GENERATION}{k}": value for k, value in settings.items() if k not in (*STATED, *SYSTEM)}
    if unclear:
        noted[f"{GENERATION}do_sample"] = f"False beside temperature={warm:g}"
    elif sampled and warm is None:
        noted[f"{GENERATION}do_sample"] = "True, at a temperature that the log does not say"
    return asked, {**given, **noted, **({"system_instruction": str(system)} if system else {})}


def _number(value: object) -> float | None:
    """A finite number, also one that is written as text; None for anything else."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def steered_by(settings: Mapping[str, object]) -> str:
    """Return the settings of a run that search for an answer or steer it, "" for none."""
    given = (*_set(settings, GENERATION), *_set(settings, MODEL_ARGUMENT))
    return ", ".join(f"{k}={v}" for k, v in given if STEERS.fullmatch(k))


def shaped_by(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of a run, of generation or of its model, that may shape the answers: all that are set and not
    known to leave them as they are."""
    arguments = _set(settings, MODEL_ARGUMENT)
    of_model = {k: v for k, v in arguments if _shapes(k.lower()) and not _THINKS.fullmatch(str(v))}
    generation = _set(settings, GENERATION)
    asked = {k: v for k, v in generation if not (STEERS.fullmatch(k) or _leaves(k, v))}
    columns = {k: v for k, v in _set(settings, COLUMN) if not k.endswith("seed")}
    return {**of_model, **asked, **columns}


def _shapes(argument: str) -> bool:
    """Whether an argument of a model is not known to leave the answers as they are, nor a matter of the weights."""
    known = argument in LEAVE_ANSWERS or OF_WEIGHTS.search(argument) or STEERS.fullmatch(argument)
    return argument not in STATED and (argument in SHAPE_ANSWERS or not known)


def _leaves(name: str, value: object) -> bool:
    """Whether a setting of generation is known to leave the answers as they are."""
    if not _ENDS.fullmatch(name):
        return _LEAVES.fullmatch(name) is not None
    ends = value if isinstance(value, list | tuple) else [value]
    return all(_NEXT_TURN.fullmatch(str(end).strip()) for end in ends)


def _set(settings: Mapping[str, object], kind: str) -> Iterator[tuple[str, object]]:
    """The settings of one kind among those of a run, as far as they are set. kind: what their names begin with."""
    for name, value in settings.items():
        what = name.removeprefix(kind)
        if what != name and not _neutral(what, value):
            yield what, value


def _neutral(name: str, value: object) -> bool:
    """Whether a value sets nothing: 1 does of no setting but top_k."""
    return str(value).lower() in _NEUTRAL and (name, value) != ("top_k", 1)
