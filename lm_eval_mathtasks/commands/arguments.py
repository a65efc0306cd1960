"""Command-line arguments that several commands take: which runs of a log are meant, which claims, whole numbers."""

from __future__ import annotations

import argparse
from pathlib import Path

from lm_eval_mathtasks.runs.reading import NO_VERDICT, Run, read_runs

FORMATS = "a results_*.json or its folder, OpenCompass predictions, lighteval details, JSON lines"
COMPLETE = ("csv", "json")  # formats for programs: nothing is left out for length
RUN_HELP = f"{FORMATS}; FILE#MODEL is one model of a file"


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Declare which runs of a log a command takes, and what it reads beside the log."""
    parser.add_argument(
        "--task", help="the task, where a log holds several (and its name, where it names none)"
    )
    parser.add_argument(
        "--run-model",
        "--model-name",
        metavar="NAME",
        help="the model, where a log holds several (and its name, where it names none)",
    )
    parser.add_argument(
        "--metric", help="the log's metric that counts, for instance exact_match,flexible-extract"
    )
    parser.add_argument("--gold", metavar="FILE", help="JSON lines with reference answers, for files without")
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="how each response ended: an API model's journal, or JSON lines with response and finish_reason",
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which run is meant, and how its table is printed."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    add_run_options(parser)
    parser.add_argument("--format", choices=("text", "markdown", "csv"), default="text")


def add_claim_options(parser: argparse.ArgumentParser) -> None:
    """Declare which runs of a log, and which claims, a command takes."""
    add_run_options(parser)
    parser.add_argument(
        "--claim", metavar="ID", help="one claim, as `mathtasks leaderboard search` prints it"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="the model whose claims to take, by default the run's own"
    )
    parser.add_argument(
        "--benchmark", metavar="NAME", help="the benchmark, where the task's name does not say"
    )
    parser.add_argument("--mode", help="thinking mode or effort that was run, for instance non-thinking")
    parser.add_argument("--leaderboards", metavar="DIR", help="folder of claims (default: the package's own)")


def add_result_format(parser: argparse.ArgumentParser) -> None:
    """Declare how `compare` and `explain` print."""
    parser.add_argument("--format", choices=("text", "markdown", "csv", "json"), default="text")
    parser.add_argument(
        "--docs", action="store_true", help="list every doc that flipped or was lost, with answers"
    )


def read_chosen(path: str, args: argparse.Namespace, *, judged_anew: bool = False) -> list[Run]:
    """Return the runs at a path, or FILE#MODEL, that the options of `add_run_options` choose.

    judged_anew: the runs' own verdicts do not matter, and columns of them that disagree are no obstacle.
    """
    file, _, model = (path, "", "") if Path(path).exists() else path.rpartition("#")
    return read_runs(
        file or path,
        model=model or args.run_model,
        task=args.task,
        metric=args.metric or (NO_VERDICT if judged_anew else None),
        gold=args.gold,
        journal=args.journal,
    )


def whole_number(text: str) -> int:
    """Read a whole number above 0."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number above 0; got {text!r}")
    return int(text)


def whole_numbers(text: str) -> list[int]:
    """Read whole numbers above 0, separated by commas; returns each once, ascending."""
    try:
        return sorted({whole_number(part) for part in text.split(",")})
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"whole numbers above 0 such as 1,4,16; got {text!r}") from None
