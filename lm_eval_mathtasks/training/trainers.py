"""TRL's own trainers, made from a configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.choosing.local import ADAPTER
from lm_eval_mathtasks.errors import TrainingError, as_error
from lm_eval_mathtasks.files import write_fault
from lm_eval_mathtasks.training.completers import sampled_texts
from lm_eval_mathtasks.training.config import Config
from lm_eval_mathtasks.training.groups import Generate
from lm_eval_mathtasks.training.named import Reward
from lm_eval_mathtasks.training.options import Options
from lm_eval_mathtasks.training.prm import encoded, make_prm_trainer
from lm_eval_mathtasks.training.record import rollout_rows
from lm_eval_mathtasks.training.steps import Stepwise

MERGE_FIRST = "`mathtasks train merge` it first"


class Plan(NamedTuple):
    """What a run is made from: the configuration, TRL's options, and the rewards of GRPO."""

    config: Config
    options: Options
    rewards: Sequence[Reward] = ()


def start_tokenizer(config: Config, options: Options) -> Any:
    """The tokenizer of the model at the start, padded on the left; TrainingError where there is none."""
    from transformers import AutoTokenizer

    wanted, revision = f"a model with a tokenizer at {config.model}", options.model.model_revision
    with as_error(TrainingError, wanted, "check the path", OSError, ValueError):
        return AutoTokenizer.from_pretrained(config.model, revision=revision, padding_side="left")


def make_trainer(plan: Plan, rows: list[Any], dev: list[Any], tokenizer: Any) -> Any:
    """The trainer of a stage, not started. rows, dev: rows of the data, of a PRM labelled steps."""
    import trl

    config, arguments = plan.config, plan.options.arguments
    if config.stage in ("orm", "prm") and (Path(config.model) / ADAPTER).is_file():
        got = f"an adapter, {config.model}"
        raise TrainingError(f"a whole model for the stage {config.stage}", got, MERGE_FIRST)
    if config.stage == "prm":
        return _prm(plan, rows, tokenizer)
    evaluated = str(getattr(arguments.eval_strategy, "value", arguments.eval_strategy)) != "no"
    asked = plan.options.model
    # As TRL's own scripts put them together.
    own = {
        "revision": asked.model_revision,
        "attn_implementation": asked.attn_implementation,
        "dtype": asked.dtype,
    }
    arguments.model_init_kwargs = {**own, **(arguments.model_init_kwargs or {})}
    model, peft_config = _start(config, plan.options)
    common = {
        "model": model,
        "args": arguments,
        "train_dataset": _dataset(config, rows),
        "eval_dataset": _dataset(config, dev) if dev and evaluated else None,
        "processing_class": tokenizer,
        "peft_config": peft_config,
    }
    if isinstance(model, str):
        common["quantization_config"] = trl.get_quantization_config(asked)
    else:
        arguments.model_init_kwargs = None
    if config.stage == "grpo":
        return _recording()(**common, reward_funcs=[one.function for one in plan.rewards])
    return {"sft": trl.SFTTrainer, "orm": trl.RewardTrainer}[config.stage](**common)


def _prm(plan: Plan, rows: list[Stepwise], tokenizer: Any) -> Any:
    from transformers import AutoConfig

    shape = AutoConfig.from_pretrained(plan.config.model, revision=plan.options.model.model_revision)
    limit = getattr(shape.get_text_config(), "max_position_embeddings", None)
    items = encoded(rows, tokenizer, plan.config.labels, limit)
    return make_prm_trainer(plan.config.model, plan.options, items, tokenizer)


def _dataset(config: Config, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows with the columns that the stage's trainer reads; to a reward of GRPO every column goes."""
    from datasets import Dataset

    columns = {"sft": ("prompt", "completion", "messages", "text"), "orm": ("prompt", "chosen", "rejected")}
    wanted = columns.get(config.stage, tuple(rows[0]))
    alike = f"columns of one type each in {config.train}"
    # Arrow's errors are both.
    with as_error(TrainingError, alike, "write all rows alike", TypeError, ValueError):
        return Dataset.from_list([{name: row[name] for name in wanted if name in row} for row in rows])


def responder(trainer: Any) -> Generate | None:
    """What samples from the model of a GRPO trainer as its training will; None where the model cannot simply be asked:
    sharded over processes, or served by vLLM."""
    arguments = trainer.args
    if arguments.use_vllm or trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
        return None

    def generate(prompts: Sequence[Any], count: int) -> list[tuple[str, bool]]:
        import torch

        texts = [_as_text(trainer, prompt) for prompt in prompts for _ in range(count)]
        asked, ends = (trainer.model, trainer.processing_class), trainer.eos_token_ids
        options = {name: getattr(arguments, name) for name in ("temperature", "top_p", "top_k")}
        options["max_new_tokens"] = arguments.max_completion_length
        batch, found = max(1, arguments.per_device_train_batch_size), []
        was_training = trainer.model.training
        trainer.model.eval()
        # The training itself shall draw what it would have drawn without this sample.
        with torch.random.fork_rng():
            torch.manual_seed(arguments.seed)
            for start in range(0, len(texts), batch):
                found += sampled_texts(
                    *asked, texts[start : start + batch], ends, eos_token_id=ends, **options
                )
        trainer.model.train(was_training)
        return found

    return generate


def _as_text(trainer: Any, prompt: Any) -> str:
    """A prompt as the model reads it; a text gets the token that begins a text, if the tokenizer writes one."""
    tokenizer = trainer.processing_class
    if isinstance(prompt, str):
        return str(tokenizer.decode(tokenizer(prompt)["input_ids"]))
    kwargs = trainer.args.chat_template_kwargs or {}
    return str(tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True, **kwargs))


def _start(config: Config, options: Options) -> tuple[Any, Any]:
    """The model to start from, and the configuration of a new adapter. The folder of an adapter is gone on with where
    LoRA is asked for, and merged into its model where it is not."""
    import trl

    if not (Path(config.model) / ADAPTER).is_file():
        return config.model, trl.get_peft_config(options.model)
    model = _adapted(config.model, is_trainable=options.model.use_peft, dtype=options.model.dtype)
    if not options.model.use_peft:
        # peft left nothing of it to be trained.
        model = model.merge_and_unload().requires_grad_(requires_grad=True)
    return model, None


def _adapted(folder: str, **options: Any) -> Any:
    """A model with the adapter in a folder; TrainingError for an adapter of an adapter."""
    from peft import AutoPeftModelForCausalLM, PeftConfig

    base = PeftConfig.from_pretrained(folder).base_model_name_or_path
    if (Path(base or "") / ADAPTER).is_file():
        raise TrainingError("an adapter of a whole model", f"one of the adapter {base}", MERGE_FIRST)
    return AutoPeftModelForCausalLM.from_pretrained(folder, **options)


def merge_adapter(adapter: Path, out: Path) -> None:
    """Write the whole model that a LoRA adapter makes of its base, summed in float32, in the precision of the base.

    Raises TrainingError for a folder without an adapter of a language model, and for an `out` that is in use.
    """
    if not (adapter / ADAPTER).is_file():
        raise TrainingError("a folder with an adapter", f"no {ADAPTER} in {adapter}", "check the path")
    if fault := write_fault(out, folder=True):
        raise TrainingError("a folder to write to as --out", fault, "name another")
    if out.exists() and any(out.iterdir()):
        raise TrainingError("an empty folder as --out", f"files in {out}", "name another")
    import torch
    from transformers import AutoConfig, AutoTokenizer

    wanted = "an adapter of a language model and its base"
    with as_error(TrainingError, wanted, "check the paths", OSError, ValueError):
        model = _adapted(str(adapter), dtype=torch.float32)
        precision = AutoConfig.from_pretrained(model.peft_config["default"].base_model_name_or_path).dtype
        tokenizer = AutoTokenizer.from_pretrained(adapter)
    tokenizer.save_pretrained(out)
    # The weights last: a folder that was left half written cannot be loaded.
    model.merge_and_unload().to(precision or torch.float32).save_pretrained(out)


def _recording() -> Any:
    """TRL's GRPOTrainer, which keeps the rollouts of one batch only, with every one of them handed on."""
    import trl

    class RecordingGRPOTrainer(trl.GRPOTrainer):  # type: ignore[misc]
        rollouts: Any = None

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            made = super()._generate_and_score_completions(inputs)
            if self.rollouts is not None:
                count = len(inputs) * self.accelerator.num_processes
                mode = "train" if self.model.training else "eval"
                self.rollouts.add(rollout_rows(self._logs, count, self.state.global_step, mode))
            return made

    return RecordingGRPOTrainer
