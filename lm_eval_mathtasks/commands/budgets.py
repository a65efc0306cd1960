"""The command `mathtasks budgets`: accuracy at every token budget, from one long run."""

import argparse

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import (
    add_run_arguments,
    find_tokenizer,
    read_to_judge,
    whole_numbers,
)
from lm_eval_mathtasks.commands.curve_tables import BY_OUR_GRADER, cell, show_curves
from lm_eval_mathtasks.runs.judged import cut_off_words
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.sampling.budgets import Budgets, at_budgets
from lm_eval_mathtasks.tables import Share, Table
from lm_eval_mathtasks.token_counts import Ruler, read_ruler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks budgets`."""
    add_run_arguments(parser)
    declare(parser, {"--budgets N,N,...": "in tokens; by default powers of two"}, type=whole_numbers)
    declare(parser, {
        "--tokenizer NAME": "a folder with tokenizer.json, a hub name, or `chars` (4 characters a token); by default "
        "the one in the model's folder, if that is here, else `chars`",
    })  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks budgets`: accuracy over token budgets for every run at the path."""
    runs = []
    find_tokenizer(args.tokenizer)
    for run in read_to_judge(args):
        ruler = read_ruler(args.tokenizer, run.model)
        found = at_budgets(run, ruler, args.budgets)
        runs.append((run, [found.curve], _budget_table(run, found, ruler)))
    show_curves(runs, args.format, "tokens")
    return 0


def _budget_table(run: Run, found: Budgets, ruler: Ruler) -> Table:
    rows = tuple(
        (point.k, Share(share), cell(point))
        for point, share in zip(found.curve.points, found.finished, strict=True)
    )
    notes = [
        f"tokens by {ruler.name}; the longest of {found.responses} responses has {found.longest}",
        "percent [95 % interval over docs]; a longer response is cut there and judged again",
        BY_OUR_GRADER,
        f"the run as it is, {cut_off_words(found.cut_off)}: beyond its own limit nothing is known",
    ]
    return Table(
        f"{run.label}: {len(run.answered)} docs", ("tokens", "finished", "accuracy"), rows, tuple(notes)
    )
