"""What would go wrong without a word, found before the first step: each finding with its reason and what to do.

A finding of severity "error" stops the run unless the configuration allows its code (`preflight: {allow: [code]}`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.rewards.rulings import GOLD_COLUMNS, rulings
from lm_eval_mathtasks.training.config import Code, Config
from lm_eval_mathtasks.training.named import Reward
from lm_eval_mathtasks.training.options import Options

REWARD_HEAD = "score"  # as transformers names the head of a sequence or token classification
LOSSES_WITHOUT_CLIPPING = ("sapo", "vespo")
# A row that is cut teaches to stop in the middle; a few do no harm.
MANY_CUT = 0.05
_FULL_RATE = 1e-5  # below it LoRA hardly moves in as many steps as these recipes take


class Finding(NamedTuple):
    """code: by which a configuration allows it; what: the fact; fix: what to do about it."""

    severity: Literal["error", "warning"]
    code: Code
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity} [{self.code}]: {self.what}. Try: {self.fix}."


def refuse(findings: Iterable[Finding], allowed: Sequence[str]) -> None:
    """Raise TrainingError with every finding that stops the run."""
    if errors := [one for one in findings if one.severity == "error" and one.code not in allowed]:
        raise TrainingError(
            "a run that would learn what it should",
            "\n  ".join(("", *map(str, errors))),
            f"change the configuration, or allow it: preflight: {{allow: [{', '.join(one.code for one in errors)}]}}",
        )


def of_options(config: Config, options: Options, rewards: Sequence[Reward]) -> Iterator[Finding]:
    """What the configuration alone shows."""
    yield from _learning_rate(options)
    yield from _reward_head(config, options)
    if config.stage == "grpo":
        yield from _weights(rewards)
        yield from _epsilon_high(options.arguments)
        yield from _bonus(options.arguments, rewards)
        yield from _form(config, rewards)


def of_rows(config: Config, rows: Sequence[Any], tokenizer: Any) -> Iterator[Finding]:
    """What the rows of the data, which are alike, and the tokenizer show; labelled steps are no conversation."""
    first = rows[0]
    if not isinstance(first, dict):
        return
    if isinstance(first.get("prompt", first.get("messages")), list) and not tokenizer.chat_template:
        got = "the data are conversations, and the model has no chat template"
        fix = "write them as text with `mathtasks train data --prompt text`, or set chat_template_path under trl:"
        yield Finding("error", "template", got, fix)
    if config.stage == "grpo" and tokenizer.eos_token_id is None:
        fix = "set eos_token in the model's tokenizer_config.json"
        yield Finding("error", "eos", "the tokenizer names no token that ends a response", fix)
    told = ("prompt", "completion", "messages", "text", "chosen", "rejected")
    if again := len(rows) - len({json.dumps([row.get(name) for name in told]) for row in rows}):
        got = f"{again} of {len(rows)} rows stand there before, word for word: they weigh as often as they stand there"
        yield Finding("warning", "twice", got, "leave them out, if that is not meant")
    if config.stage == "grpo" and not set(GOLD_COLUMNS) & set(first):
        got = f"the data have no reference answer ({', '.join(GOLD_COLUMNS)}), only {', '.join(first)}"
        fix = "add a column `gold`, or write the data with `mathtasks train data`"
        yield Finding("error", "gold", got, fix)
    elif config.stage == "grpo" and (unread := _without_gold(rows)):
        got = f"{unread} of {len(rows)} rows have no reference answer that can be read: all responses earn the same"
        fix = "correct them, or write the data with `mathtasks train data`, which leaves them out"
        yield Finding("error" if unread == len(rows) else "warning", "gold", got, fix)
    if config.stage == "sft" and not {"completion", "messages", "text"} & set(first):
        fix = "take a source that has solutions (gsm8k-train, math-train), or train with grpo"
        yield Finding("error", "completion", "the data have no worked solutions to learn from", fix)


def of_labels(
    labels: Sequence[Sequence[int]], ends: Sequence[int], limit: int | None, given: int
) -> Iterator[Finding]:
    """What the tokens that are trained on show, after the trainer has prepared them.

    labels: token ids of each row, -100 where nothing is learned; ends: token ids that end a response; limit: tokens a
    row may have; given: how many rows there were before the trainer prepared them.
    """
    trained = [[token for token in row if token != -100] for row in labels]
    cut = sum(limit is not None and len(row) >= limit for row in labels)
    whole = [own for row, own in zip(labels, trained, strict=True) if limit is None or len(row) < limit]
    endless = sum(not set(own) & set(ends) for own in whole if own)
    masked = given - len(labels) + sum(not own for own in trained)
    if endless:
        got = f"{endless} of {len(whole)} rows end without a token that ends a response: the model learns no end"
        fix = "use a chat template that ends the assistant's turn with the end token"
        yield Finding("error" if endless * 2 > len(whole) else "warning", "eos", got, fix)
    if masked:
        got = f"{masked} of {given} rows have nothing to learn from: their prompts are longer than max_length"
        yield _few(masked, given, "masked", got, f"raise max_length (it is {limit})")
    if cut:
        got = f"{cut} of {given} rows are cut off at max_length {limit}: the model would learn to stop there"
        yield _few(cut, given, "truncated", got, "raise max_length, or leave long rows out")


def of_filtered(given: int, kept: int, limit: object) -> Iterator[Finding]:
    """What a trainer that drops long rows in silence has dropped. limit: the tokens a row may have, in words."""
    if lost := given - kept:
        got = f"{lost} of {given} rows are longer than {limit} tokens and were dropped"
        yield _few(lost, given, "truncated", got, "raise max_length, where the trainer has one")


def _few(count: int, given: int, code: Code, got: str, fix: str) -> Finding:
    """A finding that a few rows do not make an error."""
    return Finding("error" if count > MANY_CUT * given else "warning", code, got, fix)


def _without_gold(rows: Sequence[Mapping[str, Any]]) -> int:
    columns = {name: [row.get(name) for row in rows] for name in GOLD_COLUMNS if name in rows[0]}
    return sum(one.kind == "no gold" for one in rulings([""] * len(rows), columns))


def _weights(rewards: Sequence[Reward]) -> Iterator[Finding]:
    """Of ours, what is worse is worth less, penalties too."""
    for one in rewards:
        if one.ours and one.weight < 0:
            got = f"{one.name} has the weight {one.weight:g}: what it rewards would be punished"
            fix = "a weight above 0; the values of no_repetition are negative already"
            yield Finding("error", "weight", got, fix)


def _learning_rate(options: Options) -> Iterator[Finding]:
    rate = options.arguments.learning_rate
    if rate <= 0:
        got = f"at a learning rate of {rate:g} nothing is learned"
        yield Finding("error", "learning_rate", got, "1e-5 or more")
    if options.model.use_peft and "learning_rate" not in options.given and rate <= _FULL_RATE:
        got = f"LoRA with TRL's default learning rate of {rate:g} hardly learns"
        fix = "set learning_rate under trl:; 1e-4 to 2e-4 is usual for LoRA"
        yield Finding("error", "learning_rate", got, fix)


def _reward_head(config: Config, options: Options) -> Iterator[Finding]:
    """`all-linear` leaves the new head out where peft knows the task, and trains it with LoRA where it does not."""
    task, model = {"orm": "SEQ_CLS", "prm": "TOKEN_CLS"}.get(config.stage), options.model
    saved = REWARD_HEAD in (model.lora_modules_to_save or ()) and model.lora_task_type == task
    if task and model.use_peft and not saved:
        got = "the head that gives the score is new and not among the modules to save: LoRA alone leaves it random"
        fix = f"set lora_modules_to_save: [{REWARD_HEAD}] and lora_task_type: {task} under trl:"
        yield Finding("error", "reward_head", got, fix)


def _epsilon_high(arguments: Any) -> Iterator[Finding]:
    """As TRL decides it: old log-probabilities differ from the present ones only where a batch is trained on again
    after a step of the optimizer."""
    high, why = arguments.epsilon_high, ""
    if high is None or high == arguments.epsilon:
        return
    if arguments.loss_type in LOSSES_WITHOUT_CLIPPING:
        why = f"the loss {arguments.loss_type} does not clip"
    elif not arguments.gradient_accumulation_steps % (
        arguments.steps_per_generation * arguments.num_iterations
    ):
        why = "every batch is new to the model, so that the ratio it clips is always 1"
    if why:
        fix = "num_iterations of 2 or more, or steps_per_generation above gradient_accumulation_steps; or leave it out"
        yield Finding("error", "epsilon_high", f"epsilon_high {high:g} has no effect: {why}", fix)


def _bonus(arguments: Any, rewards: Sequence[Reward]) -> Iterator[Finding]:
    bonuses = [one.name for one in rewards if not one.of_correctness and one.weight]
    paid = [one.name for one in rewards if one.of_correctness]
    if bonuses and paid and arguments.scale_rewards == "group":
        got = (
            f"{', '.join(bonuses)} beside {', '.join(paid)} under scale_rewards: group: in a group that is right "
            "throughout the bonus is the whole signal, as strong as the answer is elsewhere"
        )
        yield Finding("warning", "bonus", got, "scale_rewards: none or batch keeps it a bonus")


def _form(config: Config, rewards: Sequence[Reward]) -> Iterator[Finding]:
    wanted = {"tags_format": "tags", "tags_count": "tags", "boxed_format": "boxed"}
    other = [one.name for one in rewards if one.ours and wanted.get(one.name, config.format) != config.format]
    if other and config.format is not None:
        got = f"{', '.join(other)} rewards another format than the prompts ask for ({config.format})"
        yield Finding("error", "format", got, "take the reward out, or write the data in its format")
