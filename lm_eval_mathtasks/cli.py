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
from typing import Any, NamedTuple

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.errors import MathtasksError, RunFatal

EXIT_USER_ERROR = 2
EXIT_STOPPED = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Room(NamedTuple):
    """A command that lives in another room: where, the names of its two functions, and what --help says of it."""

    module: str
    arguments: str
    main: str
    text: str


_RUN = "run tasks on a model: every flag of `lm_eval run`, our tasks and models known"
_BATCH = "write a run's requests as an OpenAI batch file: mathtasks batch write FILE, then the flags of run"
_MODELS = "lm_eval_mathtasks.models.commands"
_COMPARE = "lm_eval_mathtasks.leaderboard.compare_command"
ROOMS = {
    "leaderboard": Room(
        "lm_eval_mathtasks.leaderboard.commands",
        "add_arguments",
        "main",
        "published scores: show, search, add, check",
    ),
    "journal": Room(
        _MODELS,
        "add_journal_arguments",
        "journal_main",
        "what an API model answered: show, stats, export as a replay",
    ),
    "batch collect": Room(
        _MODELS, "add_collect_arguments", "collect_main", "take a batch's output file into the journal"
    ),
    "presets": Room(
        "lm_eval_mathtasks.presets.commands",
        "add_presets_arguments",
        "presets_main",
        "published protocols, for run --preset: list, or show one",
    ),
    "compare": Room(
        _COMPARE,
        "add_compare_arguments",
        "compare_main",
        "does a run reproduce a published score, or another run?",
    ),
    "sampling": Room(
        "lm_eval_mathtasks.sampling.commands",
        "add_arguments",
        "main",
        "avg@k, pass@k, maj@k and their kin for every k, with intervals, from a run with repeats",
    ),
    "evidence": Room(
        "lm_eval_mathtasks.evidence.commands",
        "add_arguments",
        "main",
        "a run's logs as evidence: pack them to be committed, verify what is packed",
    ),
    "choose": Room(
        "lm_eval_mathtasks.choosing.commands",
        "add_arguments",
        "main",
        "choose among a run's responses by scores: best-of-n and weighted majority beside vote and oracle",
    ),
    "budgets": Room(
        "lm_eval_mathtasks.sampling.commands",
        "add_budgets_arguments",
        "budgets_main",
        "accuracy at every token budget, from one long run",
    ),
    "rescore": Room(
        "lm_eval_mathtasks.evidence.rescore.command",
        "add_arguments",
        "main",
        "extract and grade stored responses again, without a model",
    ),
    "explain": Room(_COMPARE, "add_explain_arguments", "explain_main", "where a run's missing points went"),
    "report": Room(
        "lm_eval_mathtasks.report.command",
        "add_arguments",
        "main",
        "a page with scores, gaps and every response, or Markdown, CSV, JSON",
    ),
}


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
    if given[:1] == ["run"]:
        from lm_eval_mathtasks.host.run import run

        return run(given[1:])
    if given[:2] == ["batch", "write"]:
        from lm_eval_mathtasks.host.run import write_batch

        return write_batch(given[2:])
    for words in (1, 2):
        if (name := " ".join(given[:words])) in ROOMS:
            return _in_room(name, given[words:])
    args = _parser().parse_args(given)
    return int(args.func(args))


def _in_room(name: str, given: Sequence[str]) -> int:
    room = ROOMS[name]
    module = import_module(room.module)
    parser = argparse.ArgumentParser(prog=f"mathtasks {name}", description=room.text)
    getattr(module, room.arguments)(parser)
    return int(getattr(module, room.main)(parser.parse_args(given)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mathtasks", description="A math evaluation you can trust.")
    parser.add_argument("--version", action="version", version=f"mathtasks {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    commands.add_parser(
        "run", help="run tasks on a model: every flag of `lm_eval run`, our tasks and models known"
    )

    check = commands.add_parser("check", help="load every task: broken YAML, name clashes, missing data")
    check.add_argument(
        "--include_path", type=Path, action="append", default=[], help="a further folder of tasks"
    )
    check.add_argument(
        "--metadata", type=_json_object, default={}, help='as for run, e.g. \'{"data_dir": "..."}\''
    )
    check.set_defaults(func=_check)

    path = commands.add_parser(
        "tasks-path", help='print the folder of the tasks: lm_eval --include_path "$(...)"'
    )
    path.set_defaults(func=_tasks_path)

    model = commands.add_parser("model-path", help="print the folder of the embedded model")
    model.add_argument("stage", nargs="?", choices=STAGES, default="grpo", help="base, sft or grpo (default)")
    model.set_defaults(func=_model_path)

    explain = commands.add_parser("explain-answer", help="the whole path from one response to its verdict")
    explain.add_argument("--gold", required=True, help="the reference answer")
    explain.add_argument("--response", required=True, help="the model's text; - reads it from standard input")
    explain.add_argument("--finish-reason", help='"length" if the token limit cut the response off')
    explain.set_defaults(func=_explain_answer)
    return parser


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'a JSON object such as \'{{"data_dir": "/data"}}\'; got {text!r} ({error})'
        ) from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'a JSON object such as \'{{"data_dir": "/data"}}\'; got {text!r}')
    return value


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
