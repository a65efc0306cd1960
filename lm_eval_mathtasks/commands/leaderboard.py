"""The command `mathtasks leaderboard`: show, search, validate, add, measured."""

import argparse
import sys
from datetime import date
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import STYLES, refuse_unused
from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard import add
from lm_eval_mathtasks.leaderboard.aliases import KINDS
from lm_eval_mathtasks.leaderboard.board import BRIEFLY, board_lines, board_tables, in_brief, plot_lines
from lm_eval_mathtasks.leaderboard.claim_checks import check_claims
from lm_eval_mathtasks.leaderboard.claim_tables import Filter, claims_table, search
from lm_eval_mathtasks.leaderboard.claims import load_claims, read_claims
from lm_eval_mathtasks.leaderboard.measured import FILE, measured_page
from lm_eval_mathtasks.leaderboard.yaml_files import leaderboards_dir
from lm_eval_mathtasks.tables import print_lines, print_tables

_CHOICES = {
    "--kind": KINDS,
    "--metric": ("pass@1", "avg@k", "maj@k", "rm@k", "best-of-n"),
    "--tools": ("none", "python", "calculator", "some"),
    "--reported-by": ("vendor", "third-party"),
}

_ROWS = 40

_EXAMPLE = """\
example:
  mathtasks leaderboard add --title "Acme report" --url https://acme.example \\
      --benchmark GSM8K --metric pass@1 --shots 8 --locator "Table 3" \\
      --model Acme-Math-7B --score 84.2 --organisation Acme --kind instruct
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks leaderboard`."""
    actions = parser.add_subparsers(dest="action", required=True)
    shown = actions.add_parser("show", help="published scores by what was counted, best first")
    _add_filters(shown)
    found = actions.add_parser("search", help="claims whose model, source or id holds all these words")
    found.add_argument("words", nargs="+")
    for command in (shown, found):
        declare(command, {"--limit": f"rows to print, 0 for all (default {_ROWS})"}, type=_count)
        command.add_argument("--format", choices=STYLES, default="text")
    actions.add_parser("validate", help="check every file of claims; all problems at once")
    added = actions.add_parser(
        "add",
        help="add a claim from its source; asks for what no flag gives",
        usage="mathtasks leaderboard add [--FIELD VALUE ...] [--yes]",
        description="Write a published score into the file of its source. In a terminal it\n"
        "asks for what no flag gives; an empty answer: the source does not say.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    required = added.add_argument_group("required")
    for title, fields in {
        "about the source": add.SOURCE,
        "how it was measured, where the source says": add.TABLE,
        "about the score": add.ROW,
        "about a model that no claim names yet": add.MODEL,
    }.items():
        optional = added.add_argument_group(title)
        for name, text in fields.items():
            group = required if name in add.REQUIRED else optional
            flag = "--" + name.replace("_", "-")
            group.add_argument(flag, dest="field_" + name, metavar=name.upper(), help=text)
    declare(added, {"--yes": "never ask; a missing required field is an error"}, action="store_true")
    measured = actions.add_parser("measured", help=f"write {FILE} from logs/")
    declare(measured, {"--logs": "folder of logs (default: logs)"}, default="logs")
    declare(measured, {"--check": "write nothing; exit 1 if the page is out of date"}, action="store_true")
    for command in actions.choices.values():
        declare(command, {"--leaderboards DIR": "folder of claims (default: the package's own)"})


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a count of rows, got {text!r}")
    return int(text)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("benchmark", nargs="?", help="GSM8K, MATH-500, MATH, AIME24, ... or a task's name")
    declare(parser, {
        "--model": "hub id, API name or paper name",
        "--family": "part of a model's name, for instance qwen2.5",
    })  # fmt: skip
    declare(parser, {
        "--min-size B": "billions of parameters at least",
        "--max-size B": "billions of parameters at most",
    }, type=float)  # fmt: skip
    declare(parser, {"--k": "samples per problem", "--shots": "examples in the prompt"}, type=int)
    for flag, values in _CHOICES.items():
        parser.add_argument(flag, choices=values)
    declare(parser, {"--plot": "draw score against size instead of the tables"}, action="store_true")
    declare(parser, {"--long": "with sources, remarks and ids"}, action="store_true")
    parser.add_argument("--cot", action=argparse.BooleanOptionalAction, default=None)
    every = "also numbers known to be wrong or unpublished"
    declare(parser, {"--all": every}, action="store_true", dest="every")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks leaderboard`; returns the exit status. Raises ClaimError for what the user can fix."""
    actions = {"show": _show, "search": _search, "validate": _validate, "add": _add, "measured": _measured}
    return actions[args.action](args)


def _show(args: argparse.Namespace) -> int:
    claims = load_claims(args.leaderboards)
    fields = Filter.__dataclass_fields__
    chosen = Filter(**{name: getattr(args, name) for name in fields}).keep(claims)
    if not chosen:
        print("no claim fits; leave a filter out")
        return 1
    if args.plot and args.format != "text":
        raise ClaimError("--plot with --format text", f"--format {args.format}", "leave one of them out")
    if args.format != "text":
        refuse_unused(args, ("long",), f"--format {args.format}, which has sources, remarks and ids,")
    if not args.plot:
        tables = board_tables(chosen, claims, limit=_limit(args), today=date.today())
        brief = args.format == "text" and not args.long
        print_tables([in_brief(table) for table in tables] if brief else tables, args.format)
        if brief:
            print_lines((f"• {note}" for note in BRIEFLY), indent=2)
        return 0
    refuse_unused(args, ("limit", "long"), "--plot, which draws every claim,")
    for (benchmark, counted), lines in board_lines(chosen).items():
        print_lines((f"{benchmark}: {counted}: score against size", *plot_lines(lines), ""), indent=0)
    return 0


def _limit(args: argparse.Namespace) -> int:
    return _ROWS if args.limit is None else int(args.limit)


def _search(args: argparse.Namespace) -> int:
    claims = load_claims(args.leaderboards)
    words = " ".join(args.words)
    chosen = search(claims, words)
    if not chosen:
        print_lines([f"nothing holds {words!r}; {claims.models.suggestion(words)}"])
        return 1
    print_tables([claims_table(words, chosen, claims, limit=_limit(args))], args.format)
    return 0


def _validate(args: argparse.Namespace) -> int:
    claims, problems = read_claims(args.leaderboards)
    problems += check_claims(claims, date.today())
    print_lines(map(str, problems))
    sources = len({claim.file for claim in claims.rows})
    there = f"{len(claims.rows)} claims of {sources} sources"
    print(f"{there}, {len(claims.models)} models, {len(problems)} problems")
    return 1 if problems else 0


def _add(args: argparse.Namespace) -> int:
    folder = leaderboards_dir(args.leaderboards)
    if folder.name.startswith("_"):
        fix = "--leaderboards DIR"
        raise ClaimError("a checkout of the repository", f"an installed package, {folder}", fix)
    given = {
        name.removeprefix("field_"): add.parse_field(name.removeprefix("field_"), text)
        for name, text in vars(args).items()
        if name.startswith("field_") and text is not None
    }
    fields = given if args.yes or not sys.stdin.isatty() else add.ask_for_fields(given, input)
    path = add.add_claim(folder, fields)
    print(f"written to {path}; look at it, then `mathtasks leaderboard validate`")
    return 0


def _measured(args: argparse.Namespace) -> int:
    if not any(Path(args.logs).rglob("results_*")):
        raise ClaimError("a folder of logs for --logs", f"{args.logs}, which holds none", "check the path")
    claims = load_claims(args.leaderboards)
    path = claims.folder / FILE
    page = measured_page(Path(args.logs), claims)
    if not args.check:
        path.write_text(page, encoding="utf-8")
        print(f"written to {path}")
        return 0
    if path.exists() and path.read_text(encoding="utf-8") == page:
        return 0
    print(f"{path} is not what {args.logs} says; `mathtasks leaderboard measured` writes it")
    return 1
