"""Verifiers through transformers: which text each reads, and where in it the verdict stands.

Both are the model's own convention; choosing/README.md has the sources.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lm_eval_mathtasks.choosing.local import Encoded, Local
from lm_eval_mathtasks.choosing.score_files import Score
from lm_eval_mathtasks.choosing.scorer import Settings, steps

STEP_TAG, GOOD, BAD = "ки", "+", "-"
QWEN_SEPARATOR = "<extra_0>"
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


def _probability(rows: Any, column: int) -> tuple[float, ...]:
    """Softmax over the two columns of each row."""
    values: Iterable[float] = rows.softmax(dim=-1)[:, column].tolist()
    return tuple(values)


def turns(question: str, response: str) -> list[dict[str, str]]:
    """The conversation of a question and its response."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": response}]


class OutcomeModel(Local):
    """A sequence classification: the logit of a single label, else the probability of the last label.

    Reads the conversation of question and response in the tokenizer's chat template, without one the two texts on
    lines of their own.
    """

    model_class = "AutoModelForSequenceClassification"
    labels = 1

    def encode(self, question: str, response: str) -> Encoded:
        """The whole text; its last token bears the score."""
        if self.tokenizer.chat_template:
            ids = self.chat(turns(question, response))
        else:
            ids = self.ids(f"{question}\n{response}", special=True)
        return Encoded(ids, [len(ids) - 1])

    def outputs(self, batch: Sequence[Encoded]) -> list[Any]:
        """One row of logits each, from the token that the model's own class takes, the last that is not padding."""
        import torch

        # Without a padding token the class would read the padding.
        groups = [batch] if self.model.config.pad_token_id is not None else [[one] for one in batch]
        with torch.inference_mode():
            logits = [self.model(**self._padded(group)).logits.float().cpu() for group in groups]
        return list(torch.cat(logits)[:, None])

    def read(self, rows: Any) -> Score:
        """The logit, or the last label's probability."""
        return float(rows[0, 0]) if rows.shape[1] == 1 else float(rows.softmax(dim=-1)[0, -1])


class TokenModel(Local):
    """A token classification with the labels bad and good, read at the separator after each step.

    The text is put together as `stepwise` does.
    """

    model_class = "AutoModelForTokenClassification"
    labels = 2

    def encode(self, question: str, response: str) -> Encoded:
        """The steps, tokenized one by one; a step's score is at the last token of the separator after it."""
        return stepwise(self.ids, self.tokenizer.bos_token_id, question, steps(response, "\n"))

    def read(self, rows: Any) -> Score:
        """The probability of "good" at each step."""
        return _probability(rows, 1)


def stepwise(
    ids: Callable[[str], list[int]], bos: int | None, question: str, parts: Sequence[str]
) -> Encoded:
    """Return what a verifier of steps reads, put together token by token as TRL's PRMTrainer did until 1.13: bos,
    question, then each step and a line break, at whose last token the step's score stands.

    ids: the token ids of a text, without special tokens.
    """
    read = ([] if bos is None else [bos]) + ids(question)
    separator, places = ids("\n"), []
    for part in parts:
        read = read + ids(part) + separator
        places.append(len(read) - 1)
    return Encoded(read, places)


class MathShepherd(Local):
    """A causal LM that was trained to say + or - after the tag at the end of each step."""

    def __init__(self, folder: str, settings: Settings) -> None:
        super().__init__(folder, settings)
        self.tag, self.verdicts = self.one_id(STEP_TAG), [self.one_id(GOOD), self.one_id(BAD)]

    def encode(self, question: str, response: str) -> Encoded:
        """Question and response with a tag after each line."""
        parts = steps(response, "\n")
        return self.marked(self.ids(shepherd_text(question, parts), special=True), self.tag, len(parts))

    def read(self, rows: Any) -> Score:
        """The probability of + against - at each tag."""
        return _probability(rows[:, self.verdicts], 0)


def shepherd_text(question: str, parts: Sequence[str]) -> str:
    """The text that Math-Shepherd's verifier reads."""
    tagged = "\n".join(f"{part} {STEP_TAG}" for part in parts)
    return f"{question} {tagged}"


class QwenModel(Local):
    """Qwen2.5-Math-PRM: a head with two classes, read at a separator token after each paragraph.

    The weights are loaded into a class of our own (`_qwen_class`): no code of the checkpoint is run.
    """

    def __init__(self, folder: str, settings: Settings) -> None:
        super().__init__(folder, settings)
        self.separator = self.one_id(QWEN_SEPARATOR)

    def _class(self) -> Any:
        return _qwen_class()

    def encode(self, question: str, response: str) -> Encoded:
        """The conversation with a separator after each step."""
        parts = steps(response, "\n\n")
        return self.marked(self.chat(qwen_messages(question, parts)), self.separator, len(parts))

    def read(self, rows: Any) -> Score:
        """The probability of the second class, "good", at each separator."""
        return _probability(rows, 1)


def qwen_messages(question: str, parts: Sequence[str]) -> list[dict[str, str]]:
    """The conversation that Qwen2.5-Math-PRM reads."""
    marked = "".join(part + QWEN_SEPARATOR for part in parts)
    return [{"role": "system", "content": QWEN_SYSTEM}, *turns(question, marked)]


def _qwen_class() -> Any:
    """Qwen2 with the two-layer head of Qwen2.5-Math-PRM, under the names that its checkpoints use."""
    from types import SimpleNamespace

    from torch import nn
    from transformers import Qwen2Model, Qwen2PreTrainedModel

    class Qwen2ForProcessRewardModel(Qwen2PreTrainedModel):  # type: ignore[misc]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.model = Qwen2Model(config)
            width = config.hidden_size
            self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))
            self.post_init()

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return SimpleNamespace(logits=self.score(hidden))

    return Qwen2ForProcessRewardModel
