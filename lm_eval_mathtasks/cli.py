"""The command `mathtasks`: dispatch only, every command's logic lives in its own room.

A command of another room declares its flags there (`ROOMS`), so that nothing of it is imported for the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.errors import MathtasksError, RunFatal

EXIT_USER_ERROR = 2
EXIT_STOPPED = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Room(NamedTuple):
    """A command: what --help says of it, the module it lives in, and the names of its two functions there."""

    text: str
    module: str
    arguments: str = "add_arguments"
    main: str = "main"


_COMPARE, _MODELS, _SAMPLING = "commands.compare", "commands.journal", "commands.sampling"
_RUN, _BATCH = "run", "batch write"  # all their flags are lm-eval's
# In the order of --help.
ROOMS = {
    _RUN: Room("run tasks on a model: every flag of `lm_eval run`, our tasks and models known", "host.run"),
    "presets": Room("published protocols, for run --preset: list, or show one", "commands.presets"),
    "check": Room("load every task: broken YAML, name clashes, missing data", "cli", "_check_arguments", "_check"),
    "compare": Room("does a run reproduce a published score, or another run?", _COMPARE,
                    "add_compare_arguments", "compare_main"),
    "explain": Room("where a run's missing points went", _COMPARE, "add_explain_arguments", "explain_main"),
    "explain-answer": Room("the whole path from one response to its verdict", "cli",
                           "_explain_answer_arguments", "_explain_answer"),
    "report": Room("a page with scores, gaps and every response; or Markdown, CSV, JSON", "commands.report"),
    "sampling": Room("avg@k, pass@k, maj@k and their kin for every k, with intervals, from a run with repeats",
                     _SAMPLING),
    "budgets": Room("accuracy at every token budget, from one long run", _SAMPLING,
                    "add_budgets_arguments", "budgets_main"),
    "choose": Room("best-of-n and weighted majority by scores of the responses, beside vote and oracle",
                   "commands.choose"),
    "train": Room("train a model of your own: data, sft, grpo, orm, prm with TRL; before and after", "commands.train"),
    "rescore": Room("extract and grade stored responses again, without a model", "commands.rescore"),
    "evidence": Room("a run's logs as evidence: pack them to be committed, verify packs", "commands.evidence"),
    "leaderboard": Room("published scores: show, search, add, validate; measured: those of logs/",
                        "commands.leaderboard"),
    "journal": Room("what an API model answered: show, stats, export as a replay", _MODELS,
                    "add_journal_arguments", "journal_main"),
    _BATCH: Room("a run's requests as an OpenAI batch file: batch write FILE, then the flags of run", "host.run"),
    "batch collect": Room("take a batch's output file into the journal", _MODELS,
                          "add_collect_arguments", "collect_main"),
    "tasks-path": Room('print the folder of the tasks: lm_eval --include_path "$(mathtasks tasks-path)"', "cli",
                       "_no_arguments", "_tasks_path"),
    "model-path": Room("print the folder of the embedded model", "cli", "_model_path_arguments", "_model_path"),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status.

    0: all went well; 1: the command found something wrong; 2: the user can mend it, and the message says how; 3: a run
    was stopped by its server (key, quota, model), and what was answered is kept; 130: the user interrupted it.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(given)
    except MathtasksError as error:
        print(f"mathtasks: {error}", file=sys.stderr)
        return EXIT_STOPPED if isinstance(error, RunFatal) else EXIT_USER_ERROR
    except KeyboardInterrupt:  # a model that keeps a journal has said how to go on
        print("mathtasks: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away (`| head`): nothing is wrong
        return 0


def _dispatch(given: list[str]) -> int:
    words = next((n for n in (1, 2) if " ".join(given[:n]) in ROOMS), 0)
    name, rest = " ".join(given[:words]), given[words:]
    if name in (_RUN, _BATCH):
        from lm_eval_mathtasks.host.run import run, write_batch

        return run(rest) if name == _RUN else write_batch(rest)
    if not name:
        _overview().parse_args(given)
    return int(getattr(_module(name), ROOMS[name].main)(parser_of(name).parse_args(rest)))


def _overview() -> argparse.ArgumentParser:
    """What answers `mathtasks --help`, and whatever names no command."""
    width = max(map(len, ROOMS))
    parser = argparse.ArgumentParser(
        prog="mathtasks",
        description="A math evaluation you can trust.\n\ncommands (each has --help):\n"
        + "\n".join(f"  {name:{width}}  {room.text}" for name, room in ROOMS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mathtasks {__version__}")
    parser.add_argument("command", choices=ROOMS, metavar="command", help="one of those above")
    return parser


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command but `run` and `batch write`, whose flags are lm-eval's."""
    parser = argparse.ArgumentParser(prog=f"mathtasks {name}", description=ROOMS[name].text)
    getattr(_module(name), ROOMS[name].arguments)(parser)
    return parser


def _module(name: str) -> ModuleType:
    return import_module(f"lm_eval_mathtasks.{ROOMS[name].module}")


def _no_arguments(_: argparse.ArgumentParser) -> None:
    pass


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--include_path", type=Path, action="append", default=[], help="a further folder of tasks"
    )
    parser.add_argument(
        "--metadata", type=_json_object, default={}, help='as for run, e.g. \'{"data_dir": "..."}\''
    )


def _model_path_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "stage", nargs="?", choices=STAGES, default="grpo", help="base, sft or grpo (default)"
    )


def _explain_answer_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gold", required=True, help="the reference answer")
    parser.add_argument("--response", required=True, help="the model's text; - reads it from standard input")
    parser.add_argument("--finish-reason", help='"length" if the token limit cut the response off')


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    raise argparse.ArgumentTypeError(f'a JSON object such as \'{{"data_dir": "/data"}}\'; got {text!r}')


def _check(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.check import check, tasks_path

    names, problems = check([tasks_path(), *args.include_path], metadata=args.metadata)
    for problem in problems:
        print(problem)
    errors = sum(problem.severity == "error" for problem in problems)
    print(f"{len(names)} tasks: {', '.join(names)}\n{errors} errors, {len(problems) - errors} warnings")
    return int(errors > 0)


def _tasks_path(_: argparse.Namespace) -> int:
    from lm_eval_mathtasks.check import tasks_path

    print(tasks_path())
    return 0


def _model_path(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.embedded import path

    print(path(args.stage))
    return 0


def _explain_answer(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.grading.explain import explain_answer

    response = sys.stdin.read() if args.response == "-" else args.response
    print(explain_answer(gold=args.gold, response=response, finish_reason=args.finish_reason))
    return 0


if __name__ == "__main__":
    sys.exit(main())
