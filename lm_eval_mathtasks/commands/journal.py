"""The command `mathtasks journal`: what an API model answered. Needs neither lm-eval nor the openai SDK."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import refuse_unused
from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.journal.schema import DEFAULT_PATH

_LINES = 20
_USED = {
    "show": ("task", "model", "key", "limit"),
    "export": ("task", "model"),
    "stats": (),
    "salvage": ("out",),
}


def journal_path() -> str:
    """The journal that is meant where no flag names one."""
    return os.environ.get("MATHTASKS_JOURNAL") or DEFAULT_PATH


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `mathtasks journal`."""
    parser.add_argument("action", choices=("show", "export", "stats", "salvage"))
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
    from lm_eval_mathtasks.journal.listing import journal_export, journal_show, journal_stats
    from lm_eval_mathtasks.journal.salvage import journal_salvage

    unused = [name for name in ("task", "model", "key", "limit", "out") if name not in _USED[args.action]]
    refuse_unused(args, unused, f"journal {args.action}")
    if args.file:
        refuse_unused(args, ("journal",), "a command that is given FILE")
    journal = args.file or args.journal or journal_path()
    if not Path(journal).is_file():
        raise ModelError("a journal", f"{journal}, which does not exist", "name it with --journal")
    lines: Iterator[str]
    if args.action == "salvage":
        if not args.out:
            raise ModelError("a file for what is saved", "none", "--out NEW")
        lines = journal_salvage(journal, args.out)
    elif args.action == "show":
        lines = journal_show(
            journal,
            task=args.task,
            model=args.model,
            key=args.key,
            limit=_LINES if args.limit is None else args.limit,
        )
    elif args.action == "export":
        lines = journal_export(journal, task=args.task, model=args.model)
    else:
        lines = journal_stats(journal)
    for line in lines:
        print(line)
    return 0
