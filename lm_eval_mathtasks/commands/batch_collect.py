"""The command `mathtasks batch collect`: a batch's output file into the journal. Needs no lm-eval and no openai SDK."""

import argparse
from pathlib import Path

from lm_eval_mathtasks.commands.journal import journal_path
from lm_eval_mathtasks.errors import ModelError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `mathtasks batch collect`."""
    parser.add_argument("output", help="the output file (or error file) of a batch that was written here")
    parser.add_argument("--journal", default=journal_path(), help="the journal the batch was written for")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks batch collect`. Raises ModelError for a file that is not there or not of such a batch."""
    from lm_eval_mathtasks.models.batch_api import batch_collect

    if not Path(args.output).is_file():
        raise ModelError("a batch's output file", f"{args.output}, which does not exist", "check the path")
    for line in batch_collect(args.output, args.journal):
        print(line)
    return 0
