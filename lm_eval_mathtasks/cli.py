"""The command `mathtasks`: dispatch only. The command `a-b` is commands/a_b.py, and nothing is imported for another."""

import argparse
import errno
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.command_line import Parser
from lm_eval_mathtasks.errors import MathtasksError, RunFatal

EXIT_USER_ERROR = 2
EXIT_STOPPED = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Group(NamedTuple):
    """Commands that are used together: what --help says of each, in its order, and one example."""

    name: str
    example: str
    commands: dict[str, str]


GROUPS = (
    Group("Run", "mathtasks run --model hf --model_args pretrained=MODEL --tasks gsm8k-cot", {
        "run": "run tasks on a model: every flag of `lm_eval run`, our tasks and models known",
        "tasks": "which task? list them, or show one with its prompt",
        "presets": "published protocols, for run --preset: list, or show one",
        "check": "load every task: broken YAML, name clashes, missing data",
        "journal": "what an API model answered: show, stats, export as a replay",
        "batch write": "a run's requests as an OpenAI batch file",
        "batch collect": "take a batch's output file into the journal",
        "tasks-path": 'print the folder of the tasks: lm_eval --include_path "$(mathtasks tasks-path)"',
        "model-path": "print the folder of the embedded model, or of a published one that a package holds",
    }),
    Group("Understand", "mathtasks compare mathtasks-results/MODEL", {
        "compare": "does a run reproduce a published score, or another run?",
        "explain": "where a run's missing points went",
        "explain-answer": "the whole path from one response to its verdict",
        "report": "a page with scores, gaps and every response; or Markdown, CSV, JSON",
        "view": "an index of many runs, each with its page",
        "rescore": "extract and grade stored responses again, without a model",
    }),
    Group("Several answers", "mathtasks sampling mathtasks-results/MODEL", {
        "sampling": "avg@k, pass@k, maj@k and their kin for every k, with intervals, from a run with repeats",
        "budgets": "accuracy at every token budget, from one long run",
        "choose": "best-of-n and weighted majority by scores of the responses, beside vote and oracle",
    }),
    Group("Evidence", "mathtasks evidence pack mathtasks-results/MODEL", {
        "evidence": "a run's logs as evidence: pack them to be committed, verify packs",
    }),
    Group("Board", "mathtasks leaderboard show GSM8K --limit 20", {
        "leaderboard": "published scores: show, search, add, validate; measured: those of logs/",
    }),
    Group("Train", "mathtasks train grpo CONFIG", {
        "train": "a model of your own: data, then sft, grpo, orm or prm with TRL; before and after",
        "shepherd": "labels of steps for a verifier: can a model still reach the answer from there?",
    }),
)  # fmt: skip
COMMANDS = {name: text for group in GROUPS for name, text in group.commands.items()}
LM_EVAL_FLAGS = ("run", "batch write")  # lm-eval's own parser reads them


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status.

    0: all went well; 1: the command found something wrong; 2: the user can fix it, and the message says how; 3: a run
    was stopped by its server (key, quota, model), and what was answered is kept; 130: the user interrupted it.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(given)
    except MathtasksError as error:
        from lm_eval_mathtasks.tables import print_lines

        print_lines(f"mathtasks: {error}".splitlines(), to=sys.stderr)
        return EXIT_STOPPED if isinstance(error, RunFatal) else EXIT_USER_ERROR
    except KeyboardInterrupt:  # a model that keeps a journal has said how to go on
        print("mathtasks: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe went away (`| head`): nothing is wrong
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        room = f"room on the disk{f' for {error.filename}' if error.filename else ''}"
        print(f"mathtasks: Expected {room}, got none. Make room and try again.", file=sys.stderr)
        return EXIT_USER_ERROR


def _dispatch(given: list[str]) -> int:
    if not given:
        _overview().print_help()
        return 0
    words = next((n for n in (1, 2) if " ".join(given[:n]) in COMMANDS), 0)
    if not words:
        if not given[0].startswith("-"):
            near = get_close_matches(given[0], COMMANDS, n=1)
            fix = f"did you mean mathtasks {near[0]}?" if near else "`mathtasks` alone lists them"
            raise MathtasksError("a command", given[0], fix)
        parser = _overview()
        if given[0] not in parser._option_string_actions:
            raise parser.unknown(given[0])
        parser.parse_args(given)
    name, rest = " ".join(given[:words]), given[words:]
    return int(_module(name).main(rest if name in LM_EVAL_FLAGS else parser_of(name).parse_args(rest)))


def _overview() -> Parser:
    """What answers `mathtasks --help`, and whatever names no command."""
    from lm_eval_mathtasks.tables import wrapped_lines

    left = max(map(len, COMMANDS)) + 4
    lines = ["A math evaluation you can trust. Every command has --help."]
    for group in GROUPS:
        lines += ["", f"{group.name}:  {group.example}"]
        lines += wrapped_lines((f"  {name:{left - 2}}{text}" for name, text in group.commands.items()), left)
    plain = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="mathtasks", description="\n".join(lines), formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"mathtasks {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="command", help=argparse.SUPPRESS)
    return parser


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command that is not in LM_EVAL_FLAGS."""
    parser = Parser(prog=f"mathtasks {name}", description=COMMANDS[name])
    _module(name).add_arguments(parser)
    return parser


def _module(name: str) -> ModuleType:
    return import_module("lm_eval_mathtasks.commands." + name.replace(" ", "_").replace("-", "_"))


if __name__ == "__main__":
    sys.exit(main())
