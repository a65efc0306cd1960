"""Before and after: the baseline and each checkpoint through `mathtasks run`, chosen on dev, confirmed once on test.

```yaml
evaluate:
  dev: [data-dev]            # tasks to choose by; by default the dev split of the data, if `train data` wrote it
  tasks: [gsm8k-cot-tags]    # tasks to confirm by, once
  baseline: models/my-model  # or the logs of a `mathtasks run`; default: the model the training started from
  checkpoint: checkpoint-40  # this one alone, or `final`, is confirmed: nothing is asked on dev
  model: hf                  # as in `mathtasks run`
  model_args: {dtype: bfloat16}
  gen_kwargs: {max_gen_toks: 1024}
  batch_size: 16
  device: cuda
  limit: 100                 # docs of each task, for a trial
  chat: true                 # default: whether the model has a chat template
```
"""

import gc
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lm_eval_mathtasks.choosing.local import ADAPTER
from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.files import file_sha256, read_json, write_whole
from lm_eval_mathtasks.host.resume import PATTERN, resumable
from lm_eval_mathtasks.leaderboard.paired import Paired, compare_runs, own_shares
from lm_eval_mathtasks.presets.flags import flag_words
from lm_eval_mathtasks.runs.reading import read_runs
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Table
from lm_eval_mathtasks.training.checkpoints import Choice, choose_checkpoint
from lm_eval_mathtasks.training.config import Config, known_keys
from lm_eval_mathtasks.training.data import compared
from lm_eval_mathtasks.training.evaluated import accuracy_table, choice_table, write_csv
from lm_eval_mathtasks.training.interruption import Terminated, sigterm_in_order
from lm_eval_mathtasks.training.own_tasks import FOLDER
from lm_eval_mathtasks.training.running import checkpoints_in

EVALUATED, CHOSEN = "evaluation", "chosen.json"
CSV = "evaluated.csv"
_MODEL = ("config.json", ADAPTER)  # a folder with one of them is a model's
_VLLM_RANKS = (32, 64, 128, 256, 320, 512)  # of those that it takes, above lm-eval's default of 16
_SAYS = Callable[[str], None]


class Model(NamedTuple):
    """What is evaluated. adapter: a LoRA folder on top of `base`."""

    name: str
    base: str
    adapter: str | None = None


class Evaluated(NamedTuple):
    """The choice on dev (None where one model alone is confirmed), the tables to print, and baseline against choice on
    each test task."""

    choice: Choice | None
    tables: list[Table]
    confirmed: list[Paired]


def evaluate_checkpoints(config: Config, say: _SAYS) -> Evaluated:
    """Evaluate the baseline and the checkpoints of a run, choose on dev, and compare the choice on test.

    One model alone is compared on test without a choice: a baseline that solves nothing on dev is no obstacle to it.
    What was evaluated lies in `output/evaluation` and is not evaluated again. Raises TrainingError where there is
    nothing to evaluate, or a test set is in the training data.
    """
    if config.stage not in ("sft", "grpo"):
        scorer = "orm" if config.stage == "orm" else "prm-tokens"
        got = f"one of the stage {config.stage}"
        fix = f"measure it by `mathtasks choose RUN --scorer {scorer}:{config.output}`"
        raise TrainingError("a configuration of the stage sft or grpo, whose models answer", got, fix)
    baseline, *found = models_of(config)
    dev, test = _tasks(config, alone=len(found) == 1)
    _refuse_known(config, [*dev, *test])
    results: dict[str, dict[str, Run]] = {}
    tables: list[Table] = []
    confirmed, choice, best = [], None, found[0]
    # Where one model alone is to be confirmed, no answer to dev is worth its price.
    if len(found) > 1 or not test:
        results = {model.name: _run(config, model, dev, "dev", say) for model in (baseline, *found)}
        shares = {name: {task: own_shares(run) for task, run in own.items()} for name, own in results.items()}
        choice = choose_checkpoint(shares[baseline.name], {model.name: shares[model.name] for model in found})
        best = next(model for model in found if model.name == choice.standings[0].name)
        tables = [accuracy_table(results), choice_table(choice, baseline.name)]
    if test:
        _remember(config, best, say)
        before, after = (_run(config, model, test, "test", say) for model in (baseline, best))
        results = {f"{name} (dev)": own for name, own in results.items()}
        results |= {f"{baseline.name} (test)": before, f"{best.name} (test)": after}
        tables.append(accuracy_table({baseline.name: before, best.name: after}, "on test"))
        confirmed = [compare_runs(after[task], before[task]) for task in before]
    write_csv(config.output / EVALUATED / CSV, results)
    return Evaluated(choice, tables, confirmed)


def models_of(config: Config) -> list[Model]:
    """The baseline, the checkpoints in the order of their steps, and the final model unless it is the last of them."""
    baseline = str(config.evaluate.get("baseline") or config.model)
    folders = checkpoints_in(config.output)
    final = _weights(config.output)
    if final and not (folders and final == _weights(folders[-1])):
        folders.append(config.output)
    if not folders:
        fix = f"mathtasks train {config.stage} first"
        raise TrainingError(f"checkpoints or a model in {config.output}", "none", fix)
    named = {"final" if folder == config.output else folder.name: folder for folder in folders}
    if (only := config.evaluate.get("checkpoint")) is not None:
        known_keys([only], named, f"under evaluate: checkpoint: to be of {config.output} and")
        named = {only: named[only]}
    return [_model(name, folder) for name, folder in (("baseline", Path(baseline)), *named.items())]


def _tasks(config: Config, alone: bool) -> tuple[list[str], list[str]]:
    own = sorted(path.stem for path in (config.train.parent / FOLDER).glob("*.yaml"))
    dev = list(config.evaluate.get("dev") or [name for name in own if name.endswith("-dev")])
    test = list(config.evaluate.get("tasks") or [])
    if not dev and not (alone and test):
        fix = "evaluate: {dev: [gsm8k-cot-tags]}"
        raise TrainingError("tasks to choose a checkpoint by", "neither evaluate: dev: nor a dev split", fix)
    if both := sorted(set(dev) & set(test)):
        fix = "take them out of one list"
        raise TrainingError("other tasks for the choice than to confirm it", ", ".join(both), fix)
    return dev, test


def _refuse_known(config: Config, tasks: Sequence[str]) -> None:
    """TrainingError for a task whose test set is in the training data."""
    from lm_eval_mathtasks.host.tasks import task_manager

    if not config.train.is_file():
        return
    manager = task_manager([name.split("@")[0] for name in tasks], _include(config), {})
    entries = {name: manager.task_index.get(name.split("@")[0]) for name in tasks}
    stated = {name: getattr(entry, "cfg", None) or {} for name, entry in entries.items()}
    sets = {name: (own.get("dataset_kwargs") or {}).get("set") for name, own in stated.items()}
    known = compared(config.train, [own for own in sets.values() if own]).contaminated
    for name, own in sets.items():
        if own in known:
            got = f"training data with questions of {own} ({config.train})"
            fix = "another task; or train on data that was written with --decontaminate"
            raise TrainingError(f"tasks on questions that were not trained on, not {name}", got, fix)


def _include(config: Config) -> str | None:
    folder = config.train.parent / FOLDER
    return str(folder) if folder.is_dir() else None


def _run(config: Config, model: Model, tasks: Sequence[str], part: str, say: _SAYS) -> dict[str, Run]:
    """The runs of a model by task; asked of lm-eval unless their logs are there."""
    if (logs := Path(model.base)).exists() and not any((logs / name).is_file() for name in _MODEL):
        there = {own.task: own for own in read_runs(logs)}
        wanted = [name.split("@")[0] for name in tasks]
        if lacking := [name for name in wanted if name not in there]:
            got = f"nothing of {', '.join(lacking)}"
            raise TrainingError(
                f"a model, or logs of its answers to these tasks, in {logs}", got, "`mathtasks run` them"
            )
        return {name: there[name] for name in wanted}
    out = config.output / EVALUATED / model.name / part
    words, asked = run_arguments(config, model, tasks, out), out.with_name(f"{part}-asked.json")
    done = any(out.rglob("results_*.json"))
    before = read_json(asked, TrainingError) if asked.is_file() else words
    if done and before != words:
        got = " ".join(word for word in words if word not in before) or "fewer flags"
        fix = f"remove {out} and {asked.name}, and it is evaluated anew"
        raise TrainingError(f"the settings that {out} was evaluated with", got, fix)
    if not done:
        from lm_eval_mathtasks.host.run import run

        say(f"evaluating {model.name} on {', '.join(tasks)}")
        write_whole(asked, json.dumps(words))
        kept = resumable(str(config.evaluate.get("model", "hf"))) and any(out.rglob(PATTERN))
        try:
            with sigterm_in_order():
                missing = run([*words, "--resume"] if kept else words)
        except (KeyboardInterrupt, Terminated):
            say("interrupted: the same command goes on from the responses that are kept")
            raise
        if missing:
            raise TrainingError(f"a response to every doc by {model.name}", "some are missing", f"see {out}")
        # The next model needs the memory of this one.
        gc.collect()
    return {own.task: own for own in read_runs(out)}


def run_arguments(config: Config, model: Model, tasks: Sequence[str], out: Path) -> list[str]:
    """The command line of `mathtasks run` for a model."""
    given = config.evaluate
    settings = {"pretrained": model.base, **(given.get("model_args") or {})}
    kind = str(given.get("model", "hf"))
    if model.adapter and kind == "hf":
        settings["peft"] = model.adapter
    elif model.adapter:
        settings = {**_rank_for_vllm(Path(model.adapter)), **settings, "lora_local_path": model.adapter}
    chat = given["chat"] if given.get("chat") is not None else _has_template(model)
    return flag_words({
        "model": kind,
        "model_args": settings,
        "tasks": list(tasks),
        "output_path": out,
        "include_path": _include(config),
        "gen_kwargs": given.get("gen_kwargs") or None,
        **{name: given.get(name) for name in ("batch_size", "device", "limit")},
        "apply_chat_template": True if chat else None,
    })  # fmt: skip


def _rank_for_vllm(adapter: Path) -> dict[str, int]:
    """The rank that vLLM must keep memory for, the least of its own that holds the adapter; nothing where 16 do."""
    about = read_json(adapter / ADAPTER, TrainingError)
    rank = max([about.get("r") or 0, *(about.get("rank_pattern") or {}).values()])
    return {"max_lora_rank": next((own for own in _VLLM_RANKS if own >= rank), rank)} if rank > 16 else {}


def _has_template(model: Model) -> bool:
    from transformers import AutoTokenizer

    return bool(AutoTokenizer.from_pretrained(model.adapter or model.base).chat_template)


def _model(name: str, folder: Path) -> Model:
    about = folder / ADAPTER
    if about.is_file():
        base = read_json(about, TrainingError)["base_model_name_or_path"]
        return Model(name, str(base), str(folder))
    return Model(name, str(folder))


def _weights(folder: Path) -> list[str]:
    """Checksums of the weights in a folder."""
    files = [*folder.glob("adapter_model.safetensors"), *folder.glob("model*.safetensors")]
    return [file_sha256(path) for path in sorted(files)]


def _remember(config: Config, best: Model, say: _SAYS) -> None:
    """Note which checkpoint is confirmed; a second one has been chosen with the test in sight, and that is said."""
    path = config.output / EVALUATED / CHOSEN
    chosen = read_json(path, TrainingError)["confirmed"] if path.is_file() else []
    if chosen and best.name not in chosen:
        once = "a confirmation is one only the first time"
        say(f"the test was looked at before, for {', '.join(chosen)}: {once}")
    if best.name not in chosen:
        write_whole(path, json.dumps({"confirmed": [*chosen, best.name]}) + "\n")
