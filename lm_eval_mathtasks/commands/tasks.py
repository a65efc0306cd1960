"""The command `mathtasks tasks`: which task to run. Loads no data and nothing of lm-eval."""

import argparse

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import STYLES
from lm_eval_mathtasks.errors import TaskError, did_you_mean
from lm_eval_mathtasks.leaderboard.claims import Claims, load_claims
from lm_eval_mathtasks.leaderboard.protocol import fitting
from lm_eval_mathtasks.problems.catalogue import OurTask, our_tasks
from lm_eval_mathtasks.runs.records import Protocol
from lm_eval_mathtasks.tables import Cell, Name, Table, counted, print_tables

_NEAR = 0.5  # similarity (difflib) of what is taken for a slip of a name
_COLUMNS = ("task", "for", "shots", "docs", "tokens", "claims")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks tasks`."""
    words = "a task to show whole, or words to search for"
    parser.add_argument("words", nargs="*", metavar="WORD", help=words)
    declare(parser, {"--for": "tasks with exemplars, or without"}, dest="model", choices=("base", "instruct"))
    declare(parser, {"--tag": "tasks of a tag, for instance mathtasks-core"})
    parser.add_argument("--format", choices=STYLES, default="text")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks tasks`. Raises TaskError where no task fits."""
    asked = (task for task in our_tasks() if args.model in (None, task.model))
    chosen = [task for task in asked if args.tag is None or args.tag in task.tags]
    named = [task for task in chosen if task.name in args.words]
    found = named or [task for task in chosen if all(word.lower() in _searched(task) for word in args.words)]
    missing = [word for word in args.words if named and word not in {task.name for task in named}]
    if not found or missing:
        words, known = " ".join(missing or args.words), (task.name for task in our_tasks())
        fix = did_you_mean(words, known, "`mathtasks tasks` lists all", n=3, cutoff=_NEAR)
        raise TaskError("a task", words or "filters that none fits", fix)
    claims = load_claims()
    tables = [_whole(task, claims) for task in named] or [_listing(found, claims)]
    print_tables(tables, args.format)
    return 0


def _searched(task: OurTask) -> str:
    return " ".join((task.name, task.family, task.about, task.data.name, *task.tags)).lower()


def _cells(task: OurTask, claims: Claims) -> tuple[Cell, ...]:
    return (
        Name(task.name), task.model, task.shots, task.data.docs, task.tokens,
        claims_in_words(task, claims),
    )  # fmt: skip


def claims_in_words(task: OurTask, claims: Claims) -> str:
    """How many published scores a plain run of a task can be set beside: "GSM8K: 417 of 885"."""
    benchmark = claims.benchmark_of(task.name, task.data.docs)
    if benchmark is None or benchmark.docs != task.data.docs:
        return "none"
    there = [claim for claim in claims.rows if claim.ranked and claim.benchmark == benchmark.name]
    asked = Protocol(task.shots, "direct" not in task.name, "none", metric="pass@1", grader="symbolic")
    return f"{benchmark.name}: {len(fitting(there, asked))} of {len(there)}" if there else "none"


def _listing(tasks: list[OurTask], claims: Claims) -> Table:
    return Table(
        counted(len(tasks), "task"),
        _COLUMNS,
        tuple(_cells(task, claims) for task in tasks),
        (
            "for: base models are shown exemplars (shots); instruct and reasoning models are told what to do, with "
            "--apply_chat_template",
            "tokens: for a response; reasoning models need more, --gen_kwargs max_gen_toks=32768",
            "claims: published scores of the benchmark, and how many state nothing that a plain run contradicts",
            "`mathtasks tasks NAME` shows one with its prompt; `mathtasks check` loads them all",
        ),
    )


def _whole(task: OurTask, claims: Claims) -> Table:
    source = task.data
    place = "bundled with this package" if source.bundled else source.published_at
    template = "" if task.shots else " --apply_chat_template"
    return Table(
        "",
        (*_COLUMNS, "about", "prompt", "data", "licence", "tags", "version", "readme", "run"),
        ((
            *_cells(task, claims), task.about, task.prompt, place, source.licence, ", ".join(task.tags),
            task.version, f"tasks/{task.family}/README.md",
            f"mathtasks run --tasks {task.name} --model hf --model_args pretrained=...{template}",
        ),),
    )  # fmt: skip
