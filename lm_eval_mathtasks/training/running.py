"""A run of one of TRL's trainers: preflight, what was used, the training itself, and what it leaves."""

import errno
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks.choosing.scorer import Settings
from lm_eval_mathtasks.errors import MathtasksError, TrainingError, as_error
from lm_eval_mathtasks.files import write_fault
from lm_eval_mathtasks.runs.training_curves import CURVE, Curve, training_curves, write_curve
from lm_eval_mathtasks.tables import Table
from lm_eval_mathtasks.training import groups, preflight, record
from lm_eval_mathtasks.training.completers import end_tokens
from lm_eval_mathtasks.training.config import Config
from lm_eval_mathtasks.training.data import TEST_SETS, compared, data_facts
from lm_eval_mathtasks.training.interruption import Terminated, sigterm_in_order
from lm_eval_mathtasks.training.material import material
from lm_eval_mathtasks.training.named import check_calls, named_rewards
from lm_eval_mathtasks.training.options import trl_options
from lm_eval_mathtasks.training.steps import holds_math_tests
from lm_eval_mathtasks.training.trainers import Plan, make_trainer, responder, start_tokenizer

CHECKPOINT = "checkpoint-"
_ROOM = 1 << 20  # bytes: a disk with less is full, whatever a failure to write says
_OF_A_MODEL = ("jinja2", "safetensors")  # whose errors are of a chat template, or of weights
Say = Callable[[str | Table], None]


class Trained(NamedTuple):
    """What a run left: its folder, the steps it made, the seconds it took, its curves, and what a verifier is worth."""

    output: Path
    steps: int
    seconds: float
    curves: list[Curve]
    tables: list[Table]


def train(config: Config, say: Say, *, resume: bool = False, only_preflight: bool = False) -> Trained | None:
    """Check a run, then let TRL's trainer make it; its model, checkpoints and record are in `config.output`.

    say: what people should see, from the main process only. Returns None after a preflight alone. Raises
    TrainingError for what the user can change. KeyboardInterrupt, and SystemExit after SIGTERM, leave the checkpoints
    and the curve so far.
    """
    # Of several processes the first one decides: it is the one that writes.
    checkpoint = _place(config, resume) if resume or os.environ.get("RANK", "0") == "0" else None
    rewards = named_rewards(config.rewards) if config.stage == "grpo" else []
    options = trl_options(config, [one.weight for one in rewards] if rewards else None)
    plan = Plan(config, options, rewards)
    if options.arguments.process_index:
        say = lambda _: None  # noqa: E731
    rows = material(config, options.arguments.seed)
    dev: list[Any] = []
    if config.dev and config.stage in ("sft", "grpo"):
        dev = material(config._replace(train=config.dev), 0)
    if rewards:
        check_calls(rewards, rows[0])
    findings = [*preflight.of_options(config, options, rewards), *_of_data(config)]
    with _clear_errors(config):
        tokenizer = start_tokenizer(config, options)
        findings += preflight.of_rows(config, rows, tokenizer)
        preflight.refuse(findings, config.preflight.allow)
        with as_error(TrainingError, "a run that TRL can make", "change the configuration", ValueError):
            trainer = make_trainer(plan, rows, dev, tokenizer)
        findings += _of_trainer(plan, rows, trainer, say)
    used = _used(plan, findings, checkpoint)
    for finding in findings:
        say(str(finding))
    for resumed in used["resumed"][-1:]:
        for name, change in resumed["changed"].items():
            say(f"goes on with {name} changed: {change}")
    preflight.refuse(findings, config.preflight.allow)
    if only_preflight:
        return None
    if trainer.is_world_process_zero():
        record.write_used(config.output / record.USED, used)
    with _clear_errors(config):
        return _run(config, trainer, checkpoint, say)


def _run(config: Config, trainer: Any, checkpoint: Path | None, say: Say) -> Trained:
    if config.stage == "grpo" and trainer.is_world_process_zero():
        done = None if checkpoint is None else int(checkpoint.name.removeprefix(CHECKPOINT))
        trainer.rollouts = record.Rollouts(config.output / record.ROLLOUTS, done)
    begun = time.monotonic()
    try:
        with sigterm_in_order():
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except (KeyboardInterrupt, Terminated):
        say(f"interrupted at step {trainer.state.global_step}; {_how_to_go_on(config)}")
        raise
    finally:
        history = trainer.state.log_history
        if trainer.is_world_process_zero() and history:
            write_curve(config.output / CURVE, history)
    if not trainer.state.global_step:
        fix = "num_train_epochs or max_steps above 0, under trl:"
        raise TrainingError("at least one step of training", "none", fix)
    trainer.save_model(str(config.output))
    seconds = time.monotonic() - begun
    tables = _verifier_tables(config, trainer) if trainer.is_world_process_zero() else []
    return Trained(config.output, trainer.state.global_step, seconds, training_curves(history), tables)


def _verifier_tables(config: Config, trainer: Any) -> list[Table]:
    """What the verifier that was trained is worth, on what the configuration names to measure it on."""
    kind = {"orm": "orm", "prm": "prm-tokens"}.get(config.stage)
    if kind is None:
        return []
    from lm_eval_mathtasks.training.verifier_report import on_processbench, on_samples

    settings = Settings(device=str(trainer.args.device), batch=trainer.args.per_device_eval_batch_size)
    spec = f"{kind}:{config.output}"
    tables = [on_samples(spec, config.dev, settings)] if config.dev else []
    return tables + ([on_processbench(spec, config.processbench, settings)] if config.processbench else [])


def _of_trainer(plan: Plan, rows: list[Any], trainer: Any, say: Say) -> Iterable[preflight.Finding]:
    """What only the trainer shows: the tokens it will learn from, the groups it will see."""
    arguments, stage = plan.options.arguments, plan.config.stage
    if stage == "sft":
        labels = trainer.train_dataset["labels"]
        ends = end_tokens(trainer.processing_class, trainer.model.generation_config)
        limit = None if arguments.packing else arguments.max_length
        given = len(labels) if arguments.packing else len(rows)
        return preflight.of_labels(labels, sorted(ends), limit, given)
    if stage in ("orm", "prm"):
        read = "max_length" if stage == "orm" else "the model's context"
        return preflight.of_filtered(len(rows), len(trainer.train_dataset), read)
    say(groups.normalised(plan.rewards, arguments.num_generations, arguments.scale_rewards))
    generate, count = responder(trainer), plan.config.preflight.sample
    if generate is None or not count:
        say("no groups were sampled before the first step")
        return []
    found = groups.sampled_groups(rows[:count], plan.rewards, arguments.num_generations, generate)
    say(f"sampled before the first step: {found.line}")
    return groups.of_groups(found)


def _of_data(config: Config) -> Iterator[preflight.Finding]:
    """What the manifest beside the data says: another format, questions of test sets."""
    if config.stage == "prm" and holds_math_tests(config.train):
        got = "PRM800K's problems hold 4,500 of MATH's test set, all but those of MATH-500"
        yield preflight.Finding("warning", "tests", got, "no score on the full math-cot will mean anything")
    if config.stage not in ("sft", "grpo"):
        return
    about = data_facts(config.train).get("manifest", {})
    if config.format and about.get("format", config.format) != config.format:
        got = f"the data are in the format {about['format']}, the configuration says {config.format}"
        yield preflight.Finding("error", "format", got, "correct one")
    # Questions of test sets that a manifest names were allowed when it was written; others stop the run.
    stops: Literal["error", "warning"] = "warning" if about else "error"
    contaminated, absent = about.get("contaminated", ()), about.get("unchecked", ())
    if not about:
        contaminated, absent = compared(config.train, TEST_SETS)
    for name in contaminated:
        got = f"the training data hold questions of the test set {name}: no score on it will mean anything"
        fix = "`mathtasks train data --source FILE --decontaminate`; or leave the tasks on it out"
        yield preflight.Finding(stops, "tests", got, fix)
    if absent:
        none = len(absent) == len(TEST_SETS)
        sets = "any test set" if none else f"{len(absent)} test sets ({', '.join(absent)})"
        got = f"the training data were not compared with {sets}, not at hand"
        fix = "copies of them in a folder, MATHTASKS_DATA_DIR, and `mathtasks train data`"
        yield preflight.Finding(stops if none else "warning", "tests", got, fix)


def _place(config: Config, resume: bool) -> Path | None:
    """The checkpoint to go on from. TrainingError where the folder holds another run, or none to go on with."""
    if fault := write_fault(config.output, folder=True):
        raise TrainingError("a folder to write to as output:", fault, "another output:")
    checkpoints = checkpoints_in(config.output)
    if resume:
        if not checkpoints:
            fix = "begin anew without --resume, in an empty folder"
            raise TrainingError(f"a checkpoint in {config.output}", "none", fix)
        before = record.used_before(config.output / record.USED).get("config", {})
        others = {"stage": config.stage, "model": config.model}
        begun = {name: before[name] for name in others if name in before}
        if record.settings_changed(begun, {name: others[name] for name in begun}):
            got = ", ".join(f"{name}: {others[name]} after {begun[name]}" for name in begun)
            fix = "another output:, or that configuration"
            raise TrainingError(f"the stage and the model that {config.output} was begun with", got, fix)
        return checkpoints[-1]
    if checkpoints or (config.output / record.USED).exists():
        got, fix = "an earlier run", "another output:, or empty the folder"
        if checkpoints:
            got, fix = f"{got} up to {checkpoints[-1].name}", "--resume to go on with it, or another output:"
        raise TrainingError(f"an empty folder {config.output}", got, fix)
    return None


def _used(plan: Plan, findings: Sequence[preflight.Finding], checkpoint: Path | None) -> Mapping[str, Any]:
    config = plan.config
    given = {**config._asdict(), "preflight": config.preflight._asdict()}
    before = record.used_before(config.output / record.USED) if checkpoint else {}
    changed = record.settings_changed(before.get("config", given), given)
    resumed = [{"from": checkpoint.name, "changed": changed}] if checkpoint else []
    return {
        "config": given,
        "resumed": [*before.get("resumed", []), *resumed],
        "data": data_facts(config.train) if config.train.is_file() else {"folder": str(config.train)},
        "preflight": [str(finding) for finding in findings],
        "trl": plan.options.arguments.to_dict(),
        "model": vars(plan.options.model),
    }


@contextmanager
def _clear_errors(config: Config) -> Iterator[None]:
    """What a user can change, as messages: a full disk, a model or package that is missing or broken, a value that a
    package refuses, too little memory. What else fails, a reward of the user's too, keeps its traceback."""
    try:
        yield
    except MathtasksError:
        raise
    except Exception as error:
        if _disk_full(config.output, error):
            fix = f"make room; {_how_to_go_on(config)}"
            raise TrainingError(f"room on the disk of {config.output}", "none", fix) from error
        text = str(error).strip()
        if isinstance(error, ImportError):
            raise TrainingError("what the configuration needs", text, "install it, or change trl:") from error
        refused = isinstance(error, ValueError) or type(error).__module__.startswith(_OF_A_MODEL)
        if refused and _of_a_package(error):
            got = f"a model ({config.model}), data and settings that transformers and TRL can use"
            raise TrainingError(got, text, "correct what it names") from error
        if isinstance(error, OSError):
            got = f"a model and data that can be read ({config.model})"
            raise TrainingError(got, text, "check the paths") from error
        if isinstance(error, RuntimeError) and "out of memory" in text.lower():
            fix = "smaller per_device_train_batch_size or max_completion_length, or load_in_4bit, under trl:"
            raise TrainingError("enough memory of the device", text.split("\n", 1)[0], fix) from error
        raise


def _of_a_package(error: Exception) -> bool:
    """Whether an installed package raised it, and not a reward of the user's, nor this package."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return "site-packages" in Path(last.filename).parts or last.filename.startswith("<")


def _disk_full(folder: Path, error: Exception) -> bool:
    """torch and safetensors say it in words of their own, and torch of a short write only."""
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
        return True
    return folder.exists() and shutil.disk_usage(folder).free < _ROOM


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints that were written to their end, by their steps: the trainer's state is written last."""
    found = (path.parent for path in folder.glob(f"{CHECKPOINT}*/trainer_state.json"))
    return sorted(found, key=lambda path: int(path.name.removeprefix(CHECKPOINT)))


def _how_to_go_on(config: Config) -> str:
    if kept := checkpoints_in(config.output):
        return f"--resume goes on from {kept[-1].name}"
    return "there is no checkpoint yet (save_steps under trl:)"
