"""`mathtasks run`: lm-eval's own `run`, with what it lacks put right from outside, all of it in this folder.

- Our models and tasks are known; lm-eval's 14,000 YAMLs are read only if a requested task is not ours.
- Responses are written to disk as they come, and stay there until results and samples are safely written.
- Samples with characters that no file can hold are written with U+FFFD in their place, not lost; a run whose logs are
  missing or short of docs fails, where lm-eval prints a warning and exits with 0.
- A key in --model_args is refused, because lm-eval writes model_args into the results.

Every change is a replaced name in lm-eval, put back when the run ends; flags, tasks and results are lm-eval's.
"""

import argparse
import logging
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lm_eval_mathtasks import models
from lm_eval_mathtasks.check import without_expected_warnings
from lm_eval_mathtasks.command_line import Parser
from lm_eval_mathtasks.errors import MathtasksError, ModelError, TaskError
from lm_eval_mathtasks.host.answer import answer, commit_of_folder, logged_results, say, without_table
from lm_eval_mathtasks.host.context import checked
from lm_eval_mathtasks.host.finish import endings_told, unknown_cuts
from lm_eval_mathtasks.host.keeper import Keeper, log_file, note_finish_reasons, writable
from lm_eval_mathtasks.host.local_models import EXTRAS, missing_package
from lm_eval_mathtasks.host.mistakes import refuse_mistakes
from lm_eval_mathtasks.host.own_flags import OUTPUT_PATH, add_own_flags, fill_from_config
from lm_eval_mathtasks.host.repeats import Repeats, named_repeats, require_sampling
from lm_eval_mathtasks.host.resume import NEWEST, leftovers, resumable
from lm_eval_mathtasks.host.tasks import requested, task_manager
from lm_eval_mathtasks.keys import refuse_secrets
from lm_eval_mathtasks.models.payload import with_one_limit
from lm_eval_mathtasks.models.run_report import run_reports
from lm_eval_mathtasks.package import STAMP, checkout
from lm_eval_mathtasks.presets.flags import HF_MODELS, LOCAL_MODELS, fill_in
from lm_eval_mathtasks.tables import print_lines

log = logging.getLogger(__name__)


def run(arguments: Sequence[str], report: Callable[[Path], object] = print) -> int:
    """Run lm-eval with these arguments of its `run` command; return the exit status.

    report: called with the results file at the end of a run with --report.

    0: all went well; 1: the run ended but some docs have no response. Raises MathtasksError for what the user can
    fix, and for whatever lm-eval raises before the first request; what it raises later passes through, after a line
    that says where the responses are.
    """
    from lm_eval.api.registry import model_registry
    from lm_eval.utils import setup_logging

    setup_logging()
    without_expected_warnings()
    args = parse_run(arguments)
    models.register()
    refuse_secrets(args.model_args or {})
    if (gen_kwargs := refuse_mistakes(vars(args).get, model_registry)) is not None:
        args.gen_kwargs = gen_kwargs
    repeats, keeper, earlier = take_repeats(args), Keeper(take_resume(args)), len(run_reports)
    commit, changed = checkout()
    command = shlex.join(["mathtasks", "run", *arguments])
    keeper.stamp = {"command": command, "commit": commit, "dirty": changed}
    wanted = argparse.Namespace(table=args.__dict__.pop("table"), report=args.__dict__.pop("report"))
    quiet = nullcontext() if wanted.table or getattr(args, "show_config", False) else without_table()
    with quiet, _changed_host(args, keeper, repeats):
        try:
            args.func(args)
            keeper.require_complete()
        except BaseException as error:
            journals = {one.journal for one in run_reports[earlier:] if one.answered or one.from_journal}
            keeper.say_where(journals)
            package = str(getattr(error, "name", "")).split(".")[0]
            if isinstance(error, ModuleNotFoundError) and package in EXTRAS:
                raise missing_package(package, "this model") from error
            keeper.raise_full(error, journals)
            if isinstance(error, Exception) and not isinstance(error, MathtasksError) and not keeper.begun:
                raise _cannot_begin(error) from error
            raise
    keeper.finish()
    status = max([answer(keeper), *map(say, run_reports[earlier:])])
    if wanted.report and (path := logged_results(keeper)):
        report(path)
    return status


def _cannot_begin(error: Exception) -> ModelError:
    """What lm-eval and the libraries of models and data refuse before anything is asked, with errors of any kind."""
    log.debug("the run did not begin", exc_info=True)
    reason = next(iter(str(error).strip().splitlines()), "")
    fix = "correct the flags; LMEVAL_LOG_LEVEL=DEBUG shows where it failed"
    return ModelError("a run that can begin", f"{type(error).__name__}: {reason}".rstrip(": ."), fix)


def parse_run(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse lm-eval's `run` flags and our --preset; logs are on unless the user turned them elsewhere."""
    from lm_eval._cli.run import Run

    parser = Parser(prog="mathtasks")
    commands = parser.add_subparsers(dest="command")
    Run.create(commands)
    add_own_flags(commands.choices["run"])
    try:
        args = parser.parse_args(["run", *arguments])
        fill_from_config(args)
    except ValueError:
        # lm-eval repeats what it could not read, which may hold a key.
        wanted = "name=value,name=value, or JSON, for --model_args, --gen_kwargs and --metadata"
        raise ModelError(wanted, "neither", "correct the brackets; JSON has double quotes") from None
    fill_in(vars(args))
    if vars(args).pop("dry_run"):
        if not str(args.model).startswith("mathtasks-"):
            fix = "it costs nothing to run"
            raise ModelError("an API model of ours for --dry-run", f"--model {args.model or 'hf'}", fix)
        args.model_args = {**(args.model_args or {}), "dry_run": True}
    if graders := vars(args).pop("graders"):
        args.metadata = {**(args.metadata or {}), "graders": graders.split(",")}
    args.tasks = requested(args.tasks)
    if not args.tasks:
        raise TaskError("tasks to run", "no --tasks", "try --tasks gsm8k-cot; `mathtasks tasks` lists ours")
    if args.gen_kwargs is not None:
        args.gen_kwargs = with_one_limit(args.gen_kwargs)
    args.output_path = at_home(args.output_path or OUTPUT_PATH)
    if args.model_args is not None:
        args.model_args = {name: at_home(value) for name, value in args.model_args.items()}
    args.log_samples = True
    if isinstance(args.samples, dict):
        # lm-eval takes docs in their order but numbers them in the order given.
        args.samples = {task: sorted(set(docs)) for task, docs in args.samples.items()}
    return args


def at_home(value: Any) -> Any:
    """A value with ~ as the user's folder, which shells leave as it is behind a `=`."""
    return os.path.expanduser(value) if isinstance(value, str) and value.startswith("~") else value


def take_repeats(args: argparse.Namespace) -> Repeats:
    """Take --repeats and the `@k` of task names out of the arguments, which lm-eval does not know."""
    every = args.__dict__.pop("repeats", None)
    if every is not None and every < 1:
        raise TaskError("a number of repeats of at least 1", f"--repeats {every}", "--repeats 8")
    args.tasks, named = named_repeats(args.tasks)
    if args.cache_requests and (every or named):
        got = "--cache_requests, whose requests know no repeats"
        raise TaskError("requests built for this run", got, "leave it out")
    return Repeats(every, named)


def take_resume(args: argparse.Namespace) -> str | None:
    """Take --resume out of the arguments. Raises ModelError for a model that has other means, or no such file."""
    wanted: str | None = args.__dict__.pop("resume", None)
    model = str(args.model or "hf")
    if not wanted and resumable(model):
        print_lines(filter(None, [leftovers(str(args.output_path))]))
    if wanted and not resumable(model):
        fix = "leave it out: replay asks nothing, and an API model's journal resumes by itself"
        raise ModelError("a model whose run can be resumed from a file", f"--resume with {model}", fix)
    if wanted and wanted != NEWEST and not Path(wanted).is_file():
        raise ModelError("a file of responses", f"--resume {wanted}, which does not exist", "check the path")
    return wanted


@contextmanager
def _changed_host(args: argparse.Namespace, keeper: Keeper, repeats: Repeats) -> Iterator[None]:
    import lm_eval
    import lm_eval.evaluator
    import lm_eval.loggers
    import lm_eval.tasks

    original_evaluate, generates = lm_eval.evaluator.evaluate, args.model != "replay"

    def evaluate(*positional: Any, **named: Any) -> Any:
        for task in named["task_dict"]["tasks"].values() if generates else ():
            require_sampling(task)
        keeper.watch(named["lm"])
        with endings_told(named["lm"]):
            results = original_evaluate(*positional, **named)
        if results:  # None where another process writes the logs
            keeper.unknown_cuts = unknown_cuts(results)
        return results

    def manager(include_path: Any = None, metadata: Any = None, **_: Any) -> Any:
        made = task_manager(args.tasks, include_path, metadata or {})
        repeats.install(made, args.tasks, (args.gen_kwargs or {}) if generates else None)
        return made

    name = str(args.model or "hf")
    device = (args.model_args or {}).get("device") or vars(args).get("device")
    named = str(device) if device and name in HF_MODELS else None
    simple = checked(lm_eval.evaluator.simple_evaluate, name in LOCAL_MODELS, named)
    changes = (
        (lm_eval, "simple_evaluate", simple),
        (lm_eval.evaluator, "get_git_commit_hash", commit_of_folder),
        (lm_eval.tasks, "TaskManager", manager),
        (lm_eval.loggers, "EvaluationTracker", _tracker_class(keeper)),
        (lm_eval.evaluator, "evaluate", evaluate),
    )
    with ExitStack() as stack:
        for module, name, value in changes:
            stack.enter_context(patch.object(module, name, value))
        yield


def _tracker_class(keeper: Keeper) -> type:
    from lm_eval.loggers import EvaluationTracker

    class Tracker(EvaluationTracker):  # type: ignore[misc]  # lm-eval publishes no types
        """lm-eval's tracker, whose files are looked at after it says that it has written them."""

        def __init__(self, *positional: Any, **named: Any) -> None:
            super().__init__(*positional, **named)
            keeper.tracker = self

        def save_results_aggregated(
            self, results: dict[str, Any], samples: dict[str, Any] | None = None
        ) -> None:
            results[STAMP] = keeper.stamp
            super().save_results_aggregated(results, samples)
            keeper.results = results
            if self.output_path:
                keeper.saved(log_file(self, "results", ".json"), results)

        def save_results_samples(self, task_name: str, samples: list[dict[str, Any]]) -> None:
            clean = [writable(note_finish_reasons(sample)) for sample in samples]
            # lm-eval puts two more copies of each answer into what it writes: into copies, one at a time.
            super().save_results_samples(task_name, ({**sample} for sample in clean))
            if self.output_path:
                keeper.saved(log_file(self, f"samples_{task_name}", ".jsonl"), clean)
                keeper.logged[task_name].update(sample["doc_id"] for sample in clean)

    return Tracker
