"""The command `mathtasks report`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lm_eval_mathtasks.commands.arguments import RUN_HELP, add_claim_options, declare, read_chosen
from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report import exports
from lm_eval_mathtasks.report.eee import every_eval_ever
from lm_eval_mathtasks.report.eval_results import hub_results
from lm_eval_mathtasks.report.examine import Choice, Examined, examine
from lm_eval_mathtasks.runs.reading import Run

DEFAULT_PAGE = "report.html"
EXPORTS: dict[str, Callable[[Sequence[Examined]], str]] = {
    "markdown": exports.markdown,
    "csv": exports.csv_rows,
    "json": exports.json_document,
    "every-eval-ever": every_eval_ever,
    "eval-results": hub_results,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks report`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN_HELP)
    add_claim_options(parser)
    declare(parser, {"--regrade": "score by our grader instead of the run's own"}, action="store_true")
    out = f"where to write (default: {DEFAULT_PAGE} for html, else standard output)"
    declare(parser, {"-o --out --output FILE": out}, dest="output")
    parser.add_argument(
        "--format", choices=("html", *EXPORTS), default="html",
        help="html: one page for people; markdown: for a paper; csv: a row a response; json: for programs; "
        "every-eval-ever: scores in that schema; eval-results: for .eval_results/ of a model's repository on the hub",
    )  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks report`: read, judge and explain the runs, and write what was asked for."""
    runs = [run for path in args.runs for run in _readable(path, args)]
    choice = Choice(args.model, args.claim, args.benchmark, args.mode, args.regrade)
    examined = examine(runs, load_claims(args.leaderboards), choice)
    if args.format == "html":
        return _write(_page(examined), Path(args.output or DEFAULT_PAGE), examined)
    text = EXPORTS[args.format](examined)
    if args.output:
        return _write(text, Path(args.output), examined)
    sys.stdout.write(text)
    return 0


def _readable(path: str, args: argparse.Namespace) -> list[Run]:
    try:
        return read_chosen(path, args)
    except EvidenceError as error:
        if str(path) in str(error):
            raise
        raise EvidenceError(error.wanted, f"{error.got} (in {path})", error.fix) from error


def _page(examined: Sequence[Examined]) -> str:
    try:
        import jinja2  # noqa: F401
    except ImportError as missing:
        raise MathtasksError(
            "jinja2 for a page", str(missing), "run pip install 'lm-eval-mathtasks[report]'"
        ) from missing
    from lm_eval_mathtasks.report.page import page

    return page(examined)


def _write(text: str, path: Path, examined: Sequence[Examined]) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvidenceError(f"a file to write to: {path}", str(error), "name another with -o") from error
    responses = sum(len(one.judgements) for one in examined)
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    print(f"{path}: {len(examined)} runs, {responses:,} responses, {size}", file=sys.stderr)
    return 0
