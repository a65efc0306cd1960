"""The command `mathtasks journal`: what an API model answered. Needs neither lm-eval nor the openai SDK."""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import refuse_unused
from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.journal.listing import journal_export, journal_show, journal_stats
from lm_eval_mathtasks.journal.salvage import journal_salvage
from lm_eval_mathtasks.journal.schema import DEFAULT_PATH

_LINES = 20
_OPTIONS = ("task", "model", "key", "limit", "out")
# What each action does, and which of the options it takes.
_ACTIONS: dict[str, tuple[Callable[..., Iterator[str]], tuple[str, ...]]] = {
    "show": (journal_show, ("task", "model", "key", "limit")),
    "export": (journal_export, ("task", "model")),
    "stats": (journal_stats, ()),
    "salvage": (journal_salvage, ("out",)),
}


def journal_path() -> str:
    """The journal that is meant where no flag names one."""
    return os.environ.get("MATHTASKS_JOURNAL") or DEFAULT_PATH


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `mathtasks journal`."""
    parser.add_argument("action", choices=_ACTIONS)
    text = f"the journal (default: MATHTASKS_JOURNAL or {DEFAULT_PATH})"
    parser.add_argument("file", nargs="?", metavar="FILE", help=text)
    declare(parser, {
        "--journal FILE": "the same",
        "--task": "show, export: only this task's answers",
        "--model": "show, export: only this model's answers",
        "--key": "show: everything about the answer whose key begins so",
        "--out": "salvage: the new journal for what can be read of a damaged one",
    })  # fmt: skip
    parser.add_argument("--limit", type=int, help=f"show: lines at most (default {_LINES})")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks journal`: `export` prints a file that `--model replay` reads. Raises ModelError without a file."""
    lines, used = _ACTIONS[args.action]
    refuse_unused(args, [name for name in _OPTIONS if name not in used], f"journal {args.action}")
    if args.file:
        refuse_unused(args, ("journal",), "a command that is given FILE")
    journal = args.file or args.journal or journal_path()
    if not Path(journal).is_file():
        raise ModelError("a journal", f"{journal}, which does not exist", "name it with --journal")
    if args.action == "salvage" and not args.out:
        raise ModelError("a file for what is saved", "none", "--out NEW")
    if "limit" in used and args.limit is None:
        args.limit = _LINES
    for line in lines(journal, **{name: getattr(args, name) for name in used}):
        print(line)
    return 0
