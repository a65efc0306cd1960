"""How each response of a local model ended, which lm-eval's `hf`, `vllm` and `sglang` know and drop.

They return bare text. Here their responses become `Response`, whose finish reason goes the way of an API model's: to
the scoring hooks, the samples, and from there to every command. Where it is not known of every response of a task
(other local models, encoder and decoder models), the task has no rate `truncated`: a text without a sign of a cut may
still have been cut.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from lm_eval_mathtasks.response import Response

_HF, _VLLM = "lm_eval.models.huggingface", "lm_eval.models.vllm_causallms"
_SGLANG = "lm_eval.models.sglang_causallms"
_POSTPROCESS = "postprocess_generated_text"  # what all call once a response, in the order of a batch


@contextmanager
def endings_told(lm: Any) -> Iterator[None]:
    """Have the responses of `lm` carry their finish reasons, where it is one of lm-eval's models that know them."""
    model = getattr(lm, "lm", lm)  # inside lm-eval's cache
    name = getattr(type(model).generate_until, "__module__", "")
    read = {_HF: _hf_endings, _VLLM: _vllm_endings, _SGLANG: _sglang_endings}.get(name)
    if read is None or (name == _HF and model.backend != "causal"):
        yield
        return
    module, endings = sys.modules[name], deque[str | None]()
    generate, postprocess = model._model_generate, getattr(module, _POSTPROCESS)

    def generating(*positional: Any, **named: Any) -> Any:
        generated = generate(*positional, **named)
        endings.clear()
        endings.extend(read(model, generated, named))
        return generated

    telling = _telling(postprocess, endings)
    with patch.object(model, "_model_generate", generating), patch.object(module, _POSTPROCESS, telling):
        yield


def _telling(postprocess: Callable[..., str], endings: deque[str | None]) -> Callable[..., str]:
    def told(generation: str, stop: Any, think_end_token: str | None) -> str:
        text = postprocess(generation, stop, think_end_token)
        reason = endings.popleft() if endings else None
        # A stop string that lm-eval itself cuts at stands before any limit that was met after it.
        if reason and text != postprocess(generation, None, think_end_token):
            reason = "stop"
        return Response(text, finish_reason=reason)

    return told


def _vllm_endings(_model: Any, generated: Sequence[Any], _named: Mapping[str, Any]) -> list[str | None]:
    return [output.outputs[0].finish_reason for output in generated]


def _sglang_endings(_model: Any, generated: Sequence[Any], _named: Mapping[str, Any]) -> list[str | None]:
    """SGLang's engine says {"type": "length" or "stop", ...}; whatever has another shape is not known."""
    said = [(output.get("meta_info") or {}).get("finish_reason") for output in generated]
    return [reason.get("type") if isinstance(reason, Mapping) else None for reason in said]


def _hf_endings(model: Any, generated: Any, named: Mapping[str, Any]) -> list[str | None]:
    begun = named["context"].shape[1]
    ends = _end_tokens(model, named)
    return [
        _hf_ending(model, row[begun:], ends, named["stop"], named["max_length"] - begun)
        for row in generated.tolist()
    ]


def _end_tokens(model: Any, named: Mapping[str, Any]) -> set[int]:
    """The tokens at which generate() ends a response."""
    config = getattr(model.model, "generation_config", None)
    ends = named.get("eos_token_id", getattr(config, "eos_token_id", None))
    return set(ends) if isinstance(ends, list | tuple) else set() if ends is None else {ends}


def _hf_ending(
    model: Any, tokens: list[int], ends: set[int], stops: Sequence[str], budget: int
) -> str | None:
    """Why a response ended. A row of a batch goes on behind its stop string until all rows are done, and is padded
    behind its end token: it was cut off only if it used the whole budget without either."""
    if ends & set(tokens):
        return "stop"
    text = model.tokenizer.decode(tokens, skip_special_tokens=False)
    stops = [stop for stop in stops if stop]
    # A batch that ends before the budget ends by what its rows hold; lm-eval does not cut at stop strings in thinking.
    if len(tokens) < budget:
        return "stop" if any(stop in text for stop in stops) else None
    if (marker := getattr(model, "think_end_token", None)) is not None:
        marker = model.tokenizer.decode([marker]) if isinstance(marker, int) else marker
        text = text.split(marker)[-1]
    return "stop" if any(stop in text for stop in stops) else "length"


def unknown_cuts(results: Mapping[str, Any]) -> list[str]:
    """Return our tasks without a rate `truncated`, because nobody knows how all of their responses ended.

    Where it is known of some only, the metric is taken out of the results and the samples: the mean of those whose
    ends are known is not that of all.
    """
    unknown = []
    for task, scores in results["results"].items():
        answered = [one for one in results.get("samples", {}).get(task, ()) if "exact_match" in one]
        if "extracted,none" not in scores or (answered and all("truncated" in one for one in answered)):
            continue
        if not answered and "truncated,none" in scores:
            continue
        unknown.append(task)
        for key in ("truncated,none", "truncated_stderr,none"):
            scores.pop(key, None)
        for one in answered:
            if one.pop("truncated", None) is not None:
                one["metrics"] = [name for name in one["metrics"] if name != "truncated"]
    return unknown
