"""The command `mathtasks rescore`."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import COLUMNS_HELP, column_names, find_tokenizer, whole_number
from lm_eval_mathtasks.commands.rescore_lines import cross_lines, dispute_lines, run_lines, version_lines
from lm_eval_mathtasks.errors import EvidenceError, did_you_mean
from lm_eval_mathtasks.evidence.rescore import engines
from lm_eval_mathtasks.evidence.rescore.inputs import Found, find_units
from lm_eval_mathtasks.evidence.rescore.judges import OURS
from lm_eval_mathtasks.evidence.rescore.load import Options
from lm_eval_mathtasks.evidence.rescore.work import Summary
from lm_eval_mathtasks.files import short_path, write_fault
from lm_eval_mathtasks.grading.children import cores
from lm_eval_mathtasks.grading.peers import ADAPTERS
from lm_eval_mathtasks.tables import print_lines

EXIT_BAD_INPUT = 1
EXIT_INTERRUPTED = 130
_SHOWN = 3
_NAMED = 5
_LOGS = 20  # results files that are named one by one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks rescore`."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH",
        help="files, folders or quoted patterns: logs of lm-eval, OpenCompass, lighteval, JSON lines; plain or gzip",
    )  # fmt: skip
    declare(parser, {"-o --out DIR": "where to write (default: %(default)s)"}, default="mathtasks-rescored")
    graders = (
        "others beside ours: math-verify, minerva, minerva-boxed, hendrycks, gsm8k-strict, gsm8k-flexible"
    )
    declare(parser, {"--graders A,B": graders}, default=OURS)
    declare(parser, {
        "--gold FILE": "JSON lines with reference answers, for files without",
        "--journal FILE": "JSON lines with response and finish_reason",
        "--tokenizer DIR": "the model's folder: responses of as many tokens as the log allowed were cut off",
        "--metric": "the log's metric that is the old score, for instance exact_match,strict-match",
        "--task NAME": "the task, where there are several (and its name, where a file names none)",
        "--run-model NAME": "the model, where there are several (and its name, where a file names none)",
        "--columns FACT=NAME,...": COLUMNS_HELP,
    })  # fmt: skip
    declare(parser, {"--workers N": "processes (default: all cores)"}, type=whole_number)
    ray = "ray: the files are spread over a Ray cluster (RAY_ADDRESS, or one on this machine)"
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help=ray)
    declare(parser, {
        "--fresh": "do again what an earlier rescore finished",
        "--strict": "stop at the first input that is wrong",
    }, action="store_true")  # fmt: skip
    show = "disputed responses to print (at most 20 of a run)"
    declare(parser, {"--show N": show}, type=int, default=_SHOWN)


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks rescore`: 0 all was rescored, 1 some input was not."""
    if fault := write_fault(Path(args.out), folder=True):
        raise EvidenceError(f"a folder to write to at {args.out}", fault, "name another with -o")
    if inside := [path for path in args.paths if Path(args.out).resolve() == Path(path).resolve()]:
        raise EvidenceError("a folder of its own for -o", f"{inside[0]}, which is rescored", "name another")
    find_tokenizer(args.tokenizer)
    graders = tuple(dict.fromkeys(name.strip() for name in args.graders.split(",") if name.strip()))
    if unknown := [name for name in graders if name not in ADAPTERS]:
        known = ", ".join(ADAPTERS)
        raise EvidenceError(
            f"--graders among {known}", unknown[0], did_you_mean(unknown[0], ADAPTERS, "choose one")
        )
    options = Options(
        out=str(Path(args.out).absolute()),
        graders=graders,
        gold=_file(args.gold, "--gold"),
        journal=_file(args.journal, "--journal"),
        model=args.run_model,
        columns=tuple(column_names(args.columns).items()),
        **{name: getattr(args, name) for name in ("tokenizer", "metric", "task", "fresh", "strict")},
    )
    found = find_units(args.paths, Path(options.out))
    _refuse(found, options)
    try:
        summaries = list(_run(found, options, args))
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here", file=sys.stderr)
        return EXIT_INTERRUPTED
    if not any(summary["runs"] or summary["problems"] for summary in summaries):
        asked = " on ".join(filter(None, (options.model or "any model", options.task)))
        fix = "leave --task and --run-model out to see them"
        raise EvidenceError(f"a run of {asked}", "only others", fix)
    order = {unit.name: place for place, unit in enumerate(found.units)}
    summaries.sort(key=lambda summary: order[summary["source"]])
    return _report(found, summaries, args.show)


def _file(path: str | None, flag: str) -> str | None:
    if path is not None and not Path(path).is_file():
        raise EvidenceError(f"a file for {flag}", f"no file {path}", "check the path")
    return None if path is None else str(Path(path).absolute())


def _refuse(found: Found, options: Options) -> None:
    if found.bad and (options.strict or not found.units):
        path, why = found.bad[0]
        raise EvidenceError("something to rescore", f"{path}: {why}", "check the path; quote patterns")
    if not found.units:
        got = "no results_*.json, samples_*.jsonl, details_*, predictions/ or *.jsonl"
        raise EvidenceError("logs to rescore", got, "pass the folder that --output_path named, or files")


def _run(found: Found, options: Options, args: argparse.Namespace) -> Iterator[Summary]:
    """The units' summaries, under a progress bar where somebody looks."""
    from tqdm import tqdm

    with tqdm(unit=" judgements", disable=None, file=sys.stderr, smoothing=0) as bar:

        def tick(count: int) -> None:
            if count < 0:
                bar.total = (bar.total or 0) - count
                bar.refresh()
            else:
                bar.update(count)

        if args.engine == "ray":
            summaries = engines.run_on_ray(found.units, options, args.workers, tick)
        else:
            summaries = engines.run_local(found.units, options, args.workers or cores(), tick)
        for done, summary in enumerate(summaries, 1):
            bar.set_postfix_str(f"{done} of {len(found.units)} files")
            yield summary


def _report(found: Found, summaries: list[Summary], shown: int) -> int:
    runs = [run for summary in summaries for run in summary["runs"]]
    lines = [line for run in runs for line in run_lines(run)]
    lines += [*cross_lines(runs), *dispute_lines(runs, shown), *version_lines(runs)]
    kept, reused = sum(s["kept"] for s in summaries), sum(s["reused"] for s in summaries)
    if kept:
        lines.append(f"kept from before: {kept} of {len(summaries)} files (--fresh does them again)")
    if reused:
        lines.append(f"continued: {reused} parts were judged before")
    if found.passed_over:
        names = ", ".join(map(short_path, found.passed_over[:_NAMED]))
        lines.append(f"passed over: {len(found.passed_over)} files that are no run: {names}")
    logs = sorted({run["results"] for run in runs})
    lines += [f"log: {short_path(path)}" for path in logs[: None if len(logs) <= _LOGS else 1]]
    if len(logs) > _LOGS:
        lines.append(f"and {len(logs) - 1} more results below {short_path(os.path.commonpath(logs))}")
    print_lines(lines)
    bad = [f"{path}: {why}" for path, why in found.bad] + [p for s in summaries for p in s["problems"]]
    if bad:
        total = sum(run["responses"] for run in runs)
        wrong = "1 input was" if len(bad) == 1 else f"{len(bad)} inputs were"
        done = f"{total} responses of {len(runs)} runs were rescored"
        lines = [*(f"not rescored: {problem}" for problem in bad), f"{wrong} wrong; {done}"]
        print_lines(lines, to=sys.stderr)
    return EXIT_BAD_INPUT if bad else 0
