"""Command-line arguments that several commands take: which runs of a log are meant, which claims, whole numbers."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.network import hub_fault
from lm_eval_mathtasks.runs.columns import FACTS
from lm_eval_mathtasks.runs.reading import read_runs
from lm_eval_mathtasks.runs.records import NO_VERDICT, Run
from lm_eval_mathtasks.tables import Style

FORMATS = "a results_*.json or its folder, OpenCompass predictions, lighteval details, JSON lines"
STYLES = get_args(Style)
COMPLETE = ("csv", "json")  # formats for programs: nothing is left out for length
# What concerns published scores, and nothing else.
OF_CLAIMS = ("claim", "model", "benchmark", "mode", "leaderboards", "margin", "flips")
RUN_HELP = f"{FORMATS}; FILE#MODEL is one model of a file"


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Declare which runs of a log a command takes, and what it reads beside the log."""
    columns = "which column of lines holds what, for instance response=generation; FACT is "
    declare(parser, {
        "--task": "the task, where a log holds several (and its name, where it names none)",
        "--run-model --model-name NAME": "the model, where a log holds several (and its name, where it names none)",
        "--metric": "the log's metric that counts, for instance exact_match,flexible-extract",
        "--gold FILE": "JSON lines with reference answers, for files without",
        "--columns FACT=NAME,...": columns + ", ".join(FACTS),
        "--journal FILE": "how each response ended: an API model's journal, or JSON lines with response and "
        "finish_reason",
    })  # fmt: skip


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which run is meant, and how its table is printed."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    add_run_options(parser)
    parser.add_argument("--format", choices=STYLES, default="text")


def add_claim_options(parser: argparse.ArgumentParser, runs: str = "run", **how: Any) -> None:
    """Declare which runs, and which claims, a command takes. how: of the runs, as argparse takes it."""
    parser.add_argument(runs, metavar="RUN", help=RUN_HELP, **how)
    add_run_options(parser)
    declare(parser, {
        "--claim ID": "one claim, as `mathtasks leaderboard search` prints it",
        "--model NAME": "the model whose claims to take, by default the run's own",
        "--benchmark NAME": "the benchmark, where the task's name does not say",
        "--mode": "thinking mode or effort that was run, for instance non-thinking",
        "--leaderboards DIR": "folder of claims (default: the package's own)",
    })  # fmt: skip
    declare(parser, {
        "--margin POINTS": "scores within so many points are equivalent (default 2)",
        "--flips PERCENT": "share of docs whose verdict you expect to differ between two runs (default: measured from "
        "repeats, else assumed)",
    }, type=percent_as_share)  # fmt: skip


def add_result_format(parser: argparse.ArgumentParser) -> None:
    """Declare how `compare` and `explain` print."""
    parser.add_argument("--format", choices=STYLES, default="text")
    declare(parser, {"--docs": "list every doc that flipped or was lost, with answers"}, action="store_true")


def refuse_unused(args: argparse.Namespace, names: Sequence[str], what: str) -> None:
    """Raise EvidenceError where one of these options was given, which `what` (in words) has no use for: whoever gave it
    would take it for obeyed."""
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(args, name) not in (None, False)]
    if given:
        raise EvidenceError(f"options that {what} uses", ", ".join(given), "leave that out")


def read_to_judge(args: argparse.Namespace) -> list[Run]:
    """Return the runs that `add_run_arguments` chooses, for a command that judges every response by our grader: columns
    of verdicts that disagree are no obstacle, and none can be chosen."""
    refuse_unused(args, ["metric"], "a command that judges every response by our grader")
    return read_chosen(args.run, args, judged_anew=True)


def read_chosen(
    path: str, args: argparse.Namespace, *, judged_anew: bool = False, totals: bool = False
) -> list[Run]:
    """Return the runs at a path, or FILE#MODEL, that the options of `add_run_options` choose.

    judged_anew: the runs' own verdicts do not matter. totals: also runs whose log holds their score alone.
    """
    file, _, model = (path, "", "") if Path(path).exists() else path.rpartition("#")
    return read_runs(
        file or path,
        model=model or args.run_model,
        task=args.task,
        metric=args.metric or (NO_VERDICT if judged_anew else None),
        gold=args.gold,
        journal=args.journal,
        totals=totals,
        columns=column_names(args.columns),
    )


def column_names(text: str | None) -> dict[str, str]:
    """Read FACT=NAME,...: which columns of a file of lines hold what; raises EvidenceError for anything else."""
    parts = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    if any(not equals or not name.strip() for _, equals, name in parts):
        fix = "for instance response=generation,gold=answer"
        raise EvidenceError("--columns FACT=NAME,...", str(text), fix)
    return {fact.strip(): name.strip() for fact, _, name in parts}


def find_tokenizer(name: str | None) -> None:
    """Have what reads a tokenizer of the hub look into the hub's cache alone, where the hub cannot be reached: it would
    ask for a minute."""
    if name not in (None, "chars") and not Path(str(name)).exists():
        hub_fault()


def percent_as_share(text: str) -> float:
    """Read a number of percent or points from 0 to 100; returns a fraction."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 100, got {text!r}")
    return value / 100


def claim_options(args: argparse.Namespace) -> Mapping[str, Any]:
    """Return what `add_claim_options` declares, as `compare_all` takes it; margin and flips only where given."""
    noise = {name: value for name in ("margin", "flips") if (value := getattr(args, name)) is not None}
    named = {"model": args.model, "claim_id": args.claim, "benchmark": args.benchmark, "mode": args.mode}
    return {**named, "any_grader": not args.metric, **noise}


def whole_number(text: str) -> int:
    """Read a whole number above 0."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def whole_numbers(text: str) -> list[int]:
    """Read whole numbers above 0, separated by commas; returns each once, ascending."""
    try:
        return sorted({whole_number(part) for part in text.split(",")})
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"expected whole numbers above 0 such as 1,4,16, got {text!r}"
        ) from None
