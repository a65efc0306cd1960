"""A causal LM as a scorer: how probable it finds a response, given the prompt."""

import json
from collections.abc import Sequence
from typing import Any

from lm_eval_mathtasks.choosing.local import Encoded, Local
from lm_eval_mathtasks.choosing.score_files import Score


class LogProbability(Local):
    """The mean log-probability, in nats, of a response's tokens given the prompt; the model need not be its author.

    An empty response is scored by the end token alone.
    """

    of_prompt = True

    def encode(self, question: str, response: str) -> Encoded:
        """Prompt and response; what a place says is the distribution of the token after it."""
        begin, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        before = self.ids(rendered_prompt(self.tokenizer, question)) or [begin or end]
        after = self.ids(response) or [end]
        return Encoded(before + after, list(range(len(before) - 1, len(before) + len(after) - 1)))

    def outputs(self, batch: Sequence[Encoded]) -> list[Any]:
        """The log-probability of each token of each response, (tokens,)."""
        import torch

        found = []
        for one, rows in zip(batch, super().outputs(batch), strict=True):
            following = torch.tensor([one.ids[place + 1] for place in one.places])
            found.append(rows.log_softmax(dim=-1).gather(1, following[:, None])[:, 0].double())
        return found

    def read(self, rows: Any) -> Score:
        """The mean over the tokens."""
        return float(rows.mean())


class SumOfLogProbabilities(LogProbability):
    """The log-probability of the whole response."""

    def read(self, rows: Any) -> Score:
        """The sum over the tokens."""
        return float(rows.sum())


def rendered_prompt(tokenizer: Any, prompt: str) -> str:
    """Return what a model reads of a logged prompt: a text as it is; a conversation (a JSON list) in the tokenizer's
    chat template, or without one line by line."""
    messages = conversation(prompt)
    if messages is None:
        return prompt
    if tokenizer.chat_template:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return "".join(f"{message['content']}\n" for message in messages)


def conversation(prompt: str) -> list[dict[str, str]] | None:
    """Return the messages of a logged conversation, a JSON list of roles and contents; None for any other text."""
    if not prompt.lstrip().startswith("[{"):
        return None
    try:
        messages = json.loads(prompt)
    except json.JSONDecodeError:
        return None
    whole = all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in messages)
    return messages if whole else None
