"""The command `mathtasks report`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import (
    OF_CLAIMS,
    add_claim_options,
    claim_options,
    read_chosen,
    refuse_unused,
)
from lm_eval_mathtasks.errors import EvidenceError, MathtasksError, as_error
from lm_eval_mathtasks.files import write_fault, write_page
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report import exports
from lm_eval_mathtasks.report.examine import Choice, Examined, examine
from lm_eval_mathtasks.report.shared_scores import every_eval_ever, hub_results
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.runs.training_curves import read_curves
from lm_eval_mathtasks.tables import counted

DEFAULT_PAGE = "report.html"
EXPORTS: dict[str, Callable[[Sequence[Examined]], str]] = {
    "markdown": exports.markdown,
    "csv": exports.csv_rows,
    "json": exports.json_document,
    "every-eval-ever": every_eval_ever,
    "eval-results": hub_results,
}
_WITHOUT_CLAIMS = ("csv", "every-eval-ever", "eval-results")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks report`."""
    add_claim_options(parser, "runs", nargs="+")
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
    page = args.format == "html"
    if args.format in _WITHOUT_CLAIMS:
        refuse_unused(args, OF_CLAIMS, f"--format {args.format}, which holds no claims,")
    place = Path(args.output or DEFAULT_PAGE) if page or args.output else None
    if place is not None and (fault := write_fault(place)):
        raise EvidenceError(f"a file to write to at {place}", fault, "name another with -o")
    runs = [run for path in args.runs for run in _readable(path, args)]
    examined = examine(runs, load_claims(args.leaderboards), Choice(claim_options(args), args.regrade))
    text = _page(examined, args.runs) if page else EXPORTS[args.format](examined)
    if place is not None:
        return _write(text, place, examined)
    sys.stdout.write(text)
    return 0


def _readable(path: str, args: argparse.Namespace) -> list[Run]:
    try:
        return read_chosen(path, args)
    except EvidenceError as error:
        if str(path) in str(error):
            raise
        raise EvidenceError(error.wanted, f"{error.got} (in {path})", error.fix) from error


def require_jinja() -> None:
    """Raise MathtasksError where pages cannot be made."""
    fix = "run pip install 'lm-eval-mathtasks[report]'"
    with as_error(MathtasksError, "jinja2 for a page", fix, ImportError):
        import jinja2  # noqa: F401


def _page(examined: Sequence[Examined], places: Sequence[str]) -> str:
    require_jinja()
    from lm_eval_mathtasks.report.page import page

    folders = [Path(place).resolve() for place in places]
    return page(examined, {folder.name: read_curves(folder) for folder in folders})


def _write(text: str, path: Path, examined: Sequence[Examined]) -> int:
    write_page(path, text, "file")
    responses = sum(len(one.judgements) for one in examined)
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    what = f"{counted(len(examined), 'run')}, {counted(responses, 'response')}"
    print(f"{path}: {what}, {size}", file=sys.stderr)
    return 0
