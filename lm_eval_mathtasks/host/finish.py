"""How a response of a local model ended, which lm-eval knows for a moment and then drops.

lm-eval's `hf`, `vllm` and `sglang` make a batch with `_model_generate` and hand each text, in the order of the batch,
to `postprocess_generated_text`, which cuts it at the stop strings. So the reasons of a batch are noted as it comes, and
each text leaves as a `Response` with its own. Whatever does not fit this (another backend, another number of texts)
leaves as a plain string, whose end is unknown.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lm_eval_mathtasks.response import Response, hit_limit

_STOPPED, _LIMIT = "stop", "length"
_GENERATE, _POSTPROCESS = "_model_generate", "postprocess_generated_text"


@contextmanager
def finish_reasons_kept(lm: Any) -> Iterator[None]:
    """Have `lm.generate_until` return Responses that know how they ended, where its backend lets that be seen."""
    model = getattr(lm, "lm", lm)  # inside lm-eval's cache
    reasons_of, module = _reader(model), _defining(model)
    if reasons_of is None or module is None:
        yield
        return
    waiting: deque[str | None] = deque()
    generate, postprocess = getattr(model, _GENERATE), getattr(module, _POSTPROCESS)

    def noted(*positional: Any, **named: Any) -> Any:
        outputs = generate(*positional, **named)
        waiting.clear()
        waiting.extend(reasons_of(outputs, named))
        return outputs

    def told(generation: str, stop: Any, think_end_token: str | None) -> str:
        text = postprocess(generation, stop, think_end_token)
        reason = waiting.popleft() if waiting else None
        visible = generation.rsplit(think_end_token, maxsplit=1)[-1] if think_end_token else generation
        if hit_limit(reason) and any(term in visible for term in _terms(stop)):
            # What the limit cut off came after the stop string, and is no part of the response.
            reason = _STOPPED
        return Response(text, finish_reason=reason) if reason else str(text)

    setattr(model, _GENERATE, noted)
    setattr(module, _POSTPROCESS, told)
    try:
        yield
    finally:
        delattr(model, _GENERATE)
        setattr(module, _POSTPROCESS, postprocess)


def _defining(model: Any) -> Any:
    """The module whose `generate_until` the model runs, if it cuts texts as this file expects."""
    for kind in type(model).__mro__:
        if "generate_until" in vars(kind):
            module = sys.modules.get(kind.__module__)
            return module if hasattr(module, _POSTPROCESS) else None
    return None


def _reader(model: Any) -> Callable[[Any, Mapping[str, Any]], Iterable[str | None]] | None:
    """How to read the reasons out of what `_model_generate` returns, by lm-eval's class."""
    names = {kind.__name__ for kind in type(model).__mro__}
    if not hasattr(model, _GENERATE):
        return None
    if "HFLM" in names:
        return lambda outputs, named: hf_reasons(model, outputs, named)
    if "VLLM" in names:
        return lambda outputs, _: [output.outputs[0].finish_reason for output in outputs]
    if "SGLangLM" in names:
        return lambda outputs, _: [_sglang_reason(output) for output in outputs]
    return None


def hf_reasons(model: Any, outputs: Any, named: Mapping[str, Any]) -> list[str | None]:
    """The reason of each row of a batch of lm-eval's hf: a row that holds no end of text ran until its tokens were
    spent. Stop strings are looked for later, in the text.

    outputs: token ids, [batch, prompt + new], or [batch, 1 + new] of an encoder and decoder; named: the arguments of
    `_model_generate`.
    """
    context = named.get("context")
    causal = getattr(model, "backend", "causal") == "causal"
    # A decoder begins with a token of its own, which may be the end of text.
    start = 1
    if causal:
        if context is None:
            return [None] * len(outputs)
        start = context.shape[1]
    ends = hf_ends(model, named)
    return [_STOPPED if ends & set(row[start:]) else _LIMIT for row in outputs.tolist()]


def hf_ends(model: Any, named: Mapping[str, Any]) -> set[int]:
    """The tokens that end a response: those that generation stops at, and stop strings that are a special token, which
    no decoded text shows."""
    tokenizer = model.tokenizer
    config = getattr(model.model, "generation_config", None)
    ends = {model.eot_token_id, *_ids(named.get("eos_token_id", getattr(config, "eos_token_id", None)))}
    special = set(tokenizer.all_special_tokens)
    ends |= {tokenizer.convert_tokens_to_ids(term) for term in _terms(named.get("stop")) if term in special}
    return ends - {None}


def _sglang_reason(output: Any) -> str | None:
    reason = (output.get("meta_info") or {}).get("finish_reason")
    return reason.get("type") if isinstance(reason, dict) else reason


def _ids(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _terms(stop: Any) -> list[str]:
    return [term for term in ([stop] if isinstance(stop, str) else stop or []) if term]
