"""What writes the endings of `shepherd`: a model on this machine, or a server."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lm_eval_mathtasks.choosing.likelihood import conversation, rendered_prompt
from lm_eval_mathtasks.errors import TrainingError, as_error
from lm_eval_mathtasks.training.shepherd import Ending, Settings, Start


def end_tokens(*named: Any) -> set[int]:
    """The tokens that end a response: the `eos_token_id` of tokenizers and configurations, which may be several."""
    given = (one.eos_token_id for one in named)
    listed = (ends if isinstance(ends, list) else [ends] for ends in given)
    return {token for ends in listed for token in ends if token is not None}


def sampled_texts(
    model: Any, tokenizer: Any, texts: Sequence[str], ends: Collection[int], **options: Any
) -> list[tuple[str, bool]]:
    """Sample a continuation of each text; return it, and whether it has one of these tokens, which end it."""
    import torch

    inputs = tokenizer(
        list(texts), return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False
    )
    given = {name: inputs[name].to(model.device) for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        whole = model.generate(**given, do_sample=True, pad_token_id=tokenizer.pad_token_id, **options)
    rows = whole[:, given["input_ids"].shape[1] :].tolist()
    decoded = tokenizer.batch_decode(rows, skip_special_tokens=True)
    return [(text, bool(set(ends) & set(row))) for text, row in zip(decoded, rows, strict=True)]


class LocalModel:
    """A causal LM through transformers. The endings of a batch are drawn from its seed, whatever was drawn before."""

    def __init__(self, folder: str, device: str, dtype: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.name = folder
        wanted = f"a model and a tokenizer in {folder}"
        with as_error(TrainingError, wanted, "check the path", OSError, ValueError):
            self._tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model = model.to(device).eval()

    def complete(self, starts: Sequence[Start], settings: Settings, seed: int) -> list[list[Ending]]:
        """Sample endings; one that wrote no end token was cut off."""
        import torch

        torch.manual_seed(seed)
        ends = end_tokens(self._model.generation_config, self._tokenizer)
        asked: dict[str, float] = {"temperature": settings.temperature, "top_k": 0, "top_p": 1.0}
        asked |= {"max_new_tokens": settings.max_tokens, "num_return_sequences": settings.rollouts}
        texts = [rendered_prompt(self._tokenizer, start.prompt) + start.written for start in starts]
        found = sampled_texts(self._model, self._tokenizer, texts, ends, **asked)
        made: list[Ending] = [(text, "stop" if ended else "length") for text, ended in found]
        return [made[i : i + settings.rollouts] for i in range(0, len(made), settings.rollouts)]


class ServedModel:
    """A model behind an OpenAI-compatible server (vLLM, SGLang) that goes on with a message that was begun."""

    def __init__(self, base_url: str, model: str | None, workers: int) -> None:
        from lm_eval_mathtasks.choosing.pooling import Server

        if not base_url.startswith(("http://", "https://")):
            raise TrainingError("--base-url http://...", base_url, "http://localhost:8000")
        self._server, self._model, self._workers = Server(base_url), model, workers
        self.name = model or base_url

    def complete(self, starts: Sequence[Start], settings: Settings, seed: int) -> list[list[Ending]]:
        """Ask for the endings of each start at once, as many starts at a time as there are workers."""
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(lambda start: self._one(start, settings, seed), starts))

    def _one(self, start: Start, settings: Settings, seed: int) -> list[Ending]:
        body: dict[str, object] = {
            "n": settings.rollouts,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
            "seed": seed,
            **({"model": self._model} if self._model else {}),
        }
        messages = conversation(start.prompt)
        if messages is None:
            reply = self._server.post("/v1/completions", {**body, "prompt": start.prompt + start.written})
            return _endings(reply, settings.rollouts, lambda choice: choice["text"])
        begun = [*messages, {"role": "assistant", "content": start.written}]
        going_on = {"messages": begun, "add_generation_prompt": False, "continue_final_message": True}
        reply = self._server.post("/v1/chat/completions", {**body, **going_on})
        return _endings(reply, settings.rollouts, lambda choice: choice["message"]["content"] or "")


def _endings(reply: Any, count: int, text: Any) -> list[Ending]:
    try:
        made = [(str(text(choice)), choice.get("finish_reason")) for choice in reply["choices"]]
    except (KeyError, TypeError) as error:
        fix = "is it a server of models?"
        raise TrainingError("choices in the server's answer", str(reply)[:200], fix) from error
    if len(made) != count:
        fix = "does it take the parameter n?"
        raise TrainingError(f"{count} endings from the server", str(len(made)), fix)
    return made
