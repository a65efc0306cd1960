"""The command `mathtasks view`: an index of many runs, each with its report."""

import argparse
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.report import require_jinja
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report.examine import Choice
from lm_eval_mathtasks.tables import counted, print_lines

DEFAULT = "mathtasks-view"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks view`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder of logs, as deep as they are")
    out = "where to write (default: %(default)s)"
    declare(parser, {"-o --out DIR": out}, type=Path, default=Path(DEFAULT))
    declare(parser, {"--leaderboards DIR": "folder of claims (default: the package's own)"})
    declare(parser, {"--regrade": "score by our grader instead of the run's own"}, action="store_true")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks view`: only reports whose logs changed since are written anew."""
    require_jinja()
    from lm_eval_mathtasks.report.index_page import write_view

    found = write_view(args.folder, args.out, load_claims(args.leaderboards), Choice(regrade=args.regrade))
    runs, pages = sum(len(log["runs"]) for log in found.logs), sum(bool(log["page"]) for log in found.logs)
    there = f"{counted(runs, 'run')}, {counted(pages, 'report')}"
    lines = [f"{found.file}: {there}, {found.anew} of them written anew"]
    if problems := [log["problem"] for log in found.logs if log["problem"]]:
        lines.append(f"not shown, see the page: {len(problems)} logs; the first: {problems[0]}")
    print_lines(lines)
    return 0
