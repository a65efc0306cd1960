"""The command `mathtasks evidence`: pack a run's logs, verify what is packed."""

import argparse
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.secrets import KINDS
from lm_eval_mathtasks.tables import print_lines

MEASURED = Path("leaderboards") / "MEASURED.md"  # beside the folder of logs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks evidence`."""
    actions = parser.add_subparsers(dest="action", required=True)
    pack = actions.add_parser("pack", help="write logs/<model>/<task>/<date>/ from a run's logs")
    pack.add_argument("run", type=Path, help="the folder or results_*.json that `mathtasks run` wrote")
    declare(pack, {"-o --out DIR": "folder of packs (default: logs)"}, type=Path, default=Path("logs"))
    pack.add_argument(
        "--text", choices=("full", "responses", "none"), default="full",
        help="for data that may not be redistributed; none: answers, verdicts and hashes only; responses: what the "
        "model wrote as well, without what it quotes of its problem",
    )  # fmt: skip
    declare(pack, {"--command": "the command of the run (default: what its configuration amounts to)"})
    declare(pack, {
        "--weights DIR": "the model's folder, to note its checksums",
        "--journal": "the API model's journal (default: the one the run names)",
    }, type=Path)  # fmt: skip
    declare(pack, {"--max-mb": "largest pack in MB (default 5)"}, type=float, default=5.0)
    finding = f"a finding in the samples that is no secret; kinds: {', '.join(KINDS)}"
    declare(pack, {"--allow KIND:LINE": finding}, action="append", default=[])
    declare(pack, {
        "--redact": "replace secrets, and count them in the manifest",
        "--dry-run": "say what would be written, and write nothing",
    }, action="store_true")  # fmt: skip
    verify = actions.add_parser("verify", help="check every hash, score and verdict of packs")
    verify.add_argument("logs", type=Path, nargs="?", default=Path("logs"), help="a folder of packs, or one")
    texts = "JSON lines (or a folder of them) with the problems and responses that packs were made without"
    declare(verify, {"--data PATH": texts}, type=Path, action="append", default=[])
    page = f"the page to trace to the logs (default: {MEASURED} beside them)"
    declare(verify, {"--measured": page}, type=Path)


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks evidence`; returns the exit status. Raises EvidenceError for what the user can fix."""
    return _pack(args) if args.action == "pack" else _verify(args)


def _pack(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.evidence.pack import Choices, prepare, write

    given = {name: getattr(args, name) for name in Choices._fields}
    choices = Choices(**{**given, "allow": frozenset(map(_allowed, args.allow))})
    packs = prepare(args.run, args.out, choices)
    print_lines(f"{'would write' if args.dry_run else 'writing'} {pack}" for pack in packs)
    if not args.dry_run:
        write(packs)
    return 0


def _allowed(text: str) -> tuple[str, int]:
    kind, _, line = text.rpartition(":")
    if kind not in KINDS or not line.isdigit():
        raise EvidenceError("--allow KIND:LINE", text, f"try e-mail:17; kinds: {', '.join(KINDS)}")
    return kind, int(line)


def _verify(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.evidence.verify import verify

    for place in (args.logs, *args.data, *([args.measured] if args.measured else ())):
        if not place.exists():
            raise EvidenceError("a file or folder that exists", str(place), "check the path")
    beside = args.logs.resolve().parent / MEASURED
    page = args.measured or (beside if beside.exists() and args.logs.resolve().name == "logs" else None)
    *reports, whole = verify(args.logs, data=args.data, measured=page)
    lines = [line for report in reports for line in (str(report), *(f"  {one}" for one in report.findings))]
    lines += map(str, whole.findings)
    wrong = sum(len(report.findings) for report in (*reports, whole))
    responses, again = sum(r.responses for r in reports), sum(r.regraded for r in reports)
    graded = f"{responses} responses, {again} of them graded again"
    lines.append(f"{len(reports)} packs, {graded}, {wrong} findings")
    if again < responses:
        more = "--data PATH names files that hold the problems and responses"
        lines.append(f"the others have no text here: {more}")
    print_lines(lines)
    return int(wrong > 0)
