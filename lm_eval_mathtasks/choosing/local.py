"""Models on this machine, through transformers: loading, padding, and reading the outputs at some of the tokens."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.choosing.score_files import Score
from lm_eval_mathtasks.choosing.scorer import Settings
from lm_eval_mathtasks.errors import ScoreError, as_error

ADAPTER = "adapter_config.json"  # a folder with it holds a LoRA adapter, not a whole model


class Encoded(NamedTuple):
    """A response as the model reads it: token ids, and the places (from 0) whose outputs are its scores."""

    ids: list[int]
    places: list[int]


def padded(rows: Iterable[Sequence[float]], value: float) -> Any:
    """Return rows of different lengths as one tensor, filled with a value on the right."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    return pad_sequence(list(map(torch.tensor, rows)), batch_first=True, padding_value=value)


def model_inputs(ids: Sequence[Sequence[int]], pad: int) -> Mapping[str, Any]:
    """Return texts of different lengths as a model takes them. Padded on the right, where no token of a text looks."""
    return {"input_ids": padded(ids, pad), "attention_mask": padded(([1] * len(own) for own in ids), 0)}


class Local:
    """A model and its tokenizer; subclasses say what it reads (`encode`) and what its outputs mean (`read`)."""

    of_prompt = False
    model_class = "AutoModelForCausalLM"
    # How many numbers the head of an adapter gives; None where the model's own head is used.
    labels: int | None = None

    def __init__(self, folder: str, settings: Settings) -> None:
        import torch
        from transformers import AutoTokenizer

        adapter = Path(folder) / ADAPTER
        if not (Path(folder) / "config.json").is_file() and not adapter.is_file():
            got = f"no config.json in {folder}"
            raise ScoreError("a folder with a Hugging Face model or a LoRA adapter", got, "check the path")
        wanted, fix = f"a model and a tokenizer in {folder}", "is the model of this kind, and whole?"
        with as_error(ScoreError, wanted, fix, OSError, ValueError, RuntimeError):
            self.tokenizer = AutoTokenizer.from_pretrained(folder)
            dtype = getattr(torch, settings.dtype)
            model = self._adapted(folder, dtype) if adapter.is_file() else self._whole(folder, dtype)
        self.model = model.to(settings.device).eval()
        self.settings = settings
        self.limit = getattr(model.config, "max_position_embeddings", None)

    def _whole(self, folder: str, dtype: Any, *, elsewhere: Sequence[str] = (), **config: Any) -> Any:
        """The model in a folder. elsewhere: modules whose weights an adapter brings."""
        model, loading = self._class().from_pretrained(
            folder, dtype=dtype, output_loading_info=True, **config
        )
        keys = sorted(loading["missing_keys"])
        missing = [key for key in keys if not any(name in key for name in elsewhere)]
        if missing:
            # transformers would fill them with random numbers and warn.
            got = f"no weights for {', '.join(missing[:3])}"
            raise ScoreError(f"a {type(model).__name__} in {folder}", got, "name another KIND:")
        return model

    def _adapted(self, folder: str, dtype: Any) -> Any:
        """The model that an adapter was trained on, with the adapter and the head it brings merged into it."""
        from peft import PeftConfig, PeftModel

        about = PeftConfig.from_pretrained(folder)
        config = {} if self.labels is None else {"num_labels": self.labels}
        saved = getattr(about, "modules_to_save", None) or ()
        base = self._whole(about.base_model_name_or_path, dtype, elsewhere=saved, **config)
        return PeftModel.from_pretrained(base, folder).merge_and_unload()

    def _class(self) -> Any:
        import transformers

        return getattr(transformers, self.model_class)

    def score(self, question: str, responses: Sequence[str]) -> list[Score]:
        """Return the scores; see `scorer.Scorer`."""
        encoded = [self.encode(question, response) for response in responses]
        for response, one in zip(responses, encoded, strict=True):
            if self.limit is not None and len(one.ids) > self.limit:
                got = f"{len(one.ids)} tokens with the response {response[:40]!r}..."
                fix = "take a verifier with a longer context; cut off, the response would get another's score"
                raise ScoreError(f"at most {self.limit} tokens, the verifier's context", got, fix)
        scores: list[Score] = []
        for start in range(0, len(encoded), self.settings.batch):
            batch = encoded[start : start + self.settings.batch]
            scores += [self.read(rows) for rows in self.outputs(batch)]
        return scores

    def encode(self, question: str, response: str) -> Encoded:
        """What the model reads for one response."""
        raise NotImplementedError

    def read(self, rows: Any) -> Score:
        """The score in the outputs at a text's places, a float32 tensor (places, outputs)."""
        raise NotImplementedError

    def outputs(self, batch: Sequence[Encoded]) -> list[Any]:
        """The outputs at the places of each text."""
        import torch

        places = sorted({place for one in batch for place in one.places})
        inputs = self._padded(batch)
        # The logits of a whole text over a large vocabulary would be gigabytes.
        some = "logits_to_keep" in inspect.signature(self.model.forward).parameters
        if some:
            inputs["logits_to_keep"] = torch.tensor(places, device=self.settings.device)
        with torch.inference_mode():
            logits = self.model(**inputs).logits.float().cpu()
        at = {place: number for number, place in enumerate(places)} if some else range(logits.shape[1])
        return [logits[i, [at[place] for place in one.places]] for i, one in enumerate(batch)]

    def _padded(self, batch: Sequence[Encoded]) -> dict[str, object]:
        inputs = model_inputs([one.ids for one in batch], self.model.config.pad_token_id or 0)
        return {name: tensor.to(self.settings.device) for name, tensor in inputs.items()}

    def chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Token ids of a conversation in the tokenizer's own template."""
        return self.ids(self.tokenizer.apply_chat_template(list(messages), tokenize=False))

    def ids(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of a text; special: with what the tokenizer adds around it."""
        found: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        return found

    def one_id(self, text: str) -> int:
        """The id of a text that must be one token."""
        found = self.ids(text)
        if len(found) != 1 or found[0] == self.tokenizer.unk_token_id:
            fix = "name another KIND:"
            raise ScoreError(f"a verifier whose vocabulary has {text!r} as a token", str(found), fix)
        return found[0]

    def marked(self, ids: list[int], marker: int, count: int) -> Encoded:
        """A text whose places are those of a marker token; ScoreError unless there are `count` of them."""
        places = [place for place, token in enumerate(ids) if token == marker]
        if len(places) != count:
            got = f"{len(places)} step markers for {count} steps"
            fix = "see whether the response holds the marker itself"
            raise ScoreError("a step marker after each step", got, fix)
        return Encoded(ids, places)
