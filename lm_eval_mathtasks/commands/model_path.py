"""The command `mathtasks model-path`."""

from __future__ import annotations

import argparse

from lm_eval_mathtasks.embedded import STAGES, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks model-path`."""
    parser.add_argument(
        "stage", nargs="?", choices=STAGES, default="grpo", help="base, sft or grpo (default)"
    )


def main(args: argparse.Namespace) -> int:
    """Print the folder of the embedded model."""
    print(path(args.stage))
    return 0
