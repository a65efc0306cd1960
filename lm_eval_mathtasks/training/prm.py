"""A process verifier by token classification on transformers' Trainer: TRL's PRMTrainer is gone (trl#7133).

The text is put together as `mathtasks choose --scorer prm-tokens:` reads it; the loss is taken at the line break after
each step that has a label. A soft label is the target probability of "good".
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypedDict

from lm_eval_mathtasks.choosing.local import model_inputs, padded
from lm_eval_mathtasks.choosing.verifiers import stepwise
from lm_eval_mathtasks.training.config import Labels
from lm_eval_mathtasks.training.options import Options
from lm_eval_mathtasks.training.steps import Stepwise, hard

BAD, GOOD = 0, 1  # the classes, as `choose` reads them
SILENT = -1.0  # of a token at which nothing is learned


class TokenRow(TypedDict):
    """A row as the trainer takes it; labels: the target at each token, SILENT where nothing is learned."""

    input_ids: list[int]
    labels: list[float]


def encoded(rows: Sequence[Stepwise], tokenizer: Any, labels: Labels, limit: int | None) -> list[TokenRow]:
    """Return the rows that the model can read."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    made = []
    for row in rows:
        read = stepwise(ids, tokenizer.bos_token_id, row.question, row.steps)
        if limit is not None and len(read.ids) > limit:
            continue
        targets = [SILENT] * len(read.ids)
        for place, label in zip(read.places, row.labels, strict=True):
            if label is not None:
                targets[place] = label if labels == "soft" else float(hard(label) or 0)
        made.append(TokenRow(input_ids=read.ids, labels=targets))
    return made


def make_prm_trainer(model_name: str, options: Options, rows: list[TokenRow], tokenizer: Any) -> Any:
    """The trainer, not started, of a token classification with the labels bad and good."""
    from datasets import Dataset
    from transformers import AutoModelForTokenClassification

    arguments, choices = options.arguments, options.model
    model = AutoModelForTokenClassification.from_pretrained(
        model_name,
        revision=choices.model_revision,
        attn_implementation=choices.attn_implementation,
        dtype=choices.dtype or "auto",
        num_labels=2,
        id2label={BAD: "bad", GOOD: "good"},
        label2id={"bad": BAD, "good": GOOD},
    )
    if choices.use_peft:
        import trl
        from peft import get_peft_model

        model = get_peft_model(model, trl.get_peft_config(choices))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    # The labels are of our own making: nothing of a row may be dropped.
    arguments.remove_unused_columns = False
    return _trainer_class()(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        data_collator=partial(_together, pad=tokenizer.pad_token_id),
        processing_class=tokenizer,
    )


def _together(rows: Sequence[TokenRow], pad: int) -> dict[str, object]:
    inputs = model_inputs([row["input_ids"] for row in rows], pad)
    return {**inputs, "labels": padded((row["labels"] for row in rows), SILENT)}


def _trainer_class() -> Any:
    from transformers import Trainer

    class StepTrainer(Trainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            labels = inputs.pop("labels")
            output = model(**inputs)
            told = labels > SILENT / 2
            logs = output.logits.float().log_softmax(-1)[told]
            good = labels[told]
            loss = -(good * logs[:, GOOD] + (1 - good) * logs[:, BAD]).mean()
            return (loss, output) if return_outputs else loss

    return StepTrainer
