"""The command `mathtasks rescore`: old and new score of each run, the graders side by side, what was wrong."""

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import add_run_options, column_names, find_tokenizer, whole_number
from lm_eval_mathtasks.errors import EvidenceError, did_you_mean
from lm_eval_mathtasks.evidence.rescore import engines
from lm_eval_mathtasks.evidence.rescore.cross import LOG, CrossTable, agreement, merged, unfit
from lm_eval_mathtasks.evidence.rescore.inputs import Found, Options, find_units
from lm_eval_mathtasks.evidence.rescore.judges import OURS
from lm_eval_mathtasks.evidence.rescore.work import RunSummary, Summary
from lm_eval_mathtasks.files import short_path, write_fault
from lm_eval_mathtasks.grading.children import cores
from lm_eval_mathtasks.grading.peers import ADAPTERS
from lm_eval_mathtasks.grading.verdict import Status
from lm_eval_mathtasks.numbers.intervals import wilson
from lm_eval_mathtasks.runs.judged import cut_off_words, status_words
from lm_eval_mathtasks.tables import Cell, Share, Table, print_lines, table_lines

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
    add_run_options(parser)
    tokenizer = "the model's folder: responses of as many tokens as the log allowed were cut off"
    declare(parser, {"--tokenizer DIR": tokenizer})
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
    lines += [f"written: {short_path(path)}" for path in logs[: None if len(logs) <= _LOGS else 1]]
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


_CHARS = 70  # of a gold or an answer
_LISTED = 5


def run_lines(run: RunSummary) -> Iterator[str]:
    """The lines of one run."""
    each = f", {run['k']} responses each" if run["k"] > 1 else ""
    limited = run["docs_of_task"] and run["docs_of_task"] > run["docs"]
    of = f" of {run['docs_of_task']}" if limited else ""
    yield f"{run['model'] or 'unnamed model'} · {run['task']}: {run['docs']}{of} docs{each}"
    answered = run["docs"] - run["missing"]
    if run["interval"] is None:
        yield f"  no score: all {run['missing']} docs were API errors"
        return
    low, high = run["interval"]
    name = "exact_match" if run["k"] == 1 else f"exact_match (mean of {run['k']})"
    score = f"{100 * run['right'] / answered:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
    if run["scored"]:
        old, new = run["old"] / run["scored"], run["new_of_scored"] / run["scored"]
        moved = Share(new - old, signed=True, digits=2)
        yield f"  {run['metric'] or 'the log'} {100 * old:.2f} → {name} {score}: {moved} points"
        changed = f"{run['up']} docs up, {run['down']} down"
        part = "" if run["scored"] == answered else f" (of the {run['scored']} docs that the log scored)"
        yield f"  changed: {changed}{part}"
    else:
        yield f"  {name} {score}; the log has no score of its own"
    yield "  " + status_words({Status(name): count for name, count in run["statuses"].items()})
    yield f"  {cut_off_words(run['cut_off'])}"
    if run["missing"]:
        yield f"  left out: {run['missing']} docs that were never answered (API errors)"
    if run["lost"]:
        yield f"  left out: {run['lost']} responses that never came (API errors)"
    for note in run["notes"]:
        yield f"  note: {note}"
    if run["gaps"]:
        yield f"  doc numbers that are missing in between: {_some(run['gaps'])}"


def _some(names: Sequence[str]) -> str:
    more = f", ... ({len(names)})" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def cross_lines(runs: Sequence[RunSummary]) -> Iterator[str]:
    """The graders side by side over all runs; nothing where only ours was asked."""
    tables = [run["cross"] for run in runs if run["cross"]]
    if not any(set(table["right"]) - {"ours", LOG} for table in tables):
        return
    table = merged(tables)
    total, docs = table["responses"], table["docs"]
    yield f"\ngraders on {total} responses:"
    rows: list[tuple[Cell, ...]] = []
    for name, right in table["right"].items():
        counts = table["pairs"].get(f"ours|{name}")
        both: tuple[Cell, ...] = (None, None, None)
        if counts:
            both = (counts[2], counts[1], Share(agreement(*counts)[0], digits=2))
        score = Share(right / total, wilson(right / total, docs), digits=2)
        rows.append((name, score, *both, table["silent"][name] or None))
    heads = ("grader", "accuracy [95 %]", "only it", "only ours", "agreement", "no verdict")
    yield from table_lines(Table("", heads, tuple(rows)))
    for name in dict.fromkeys(name for one in tables for name in unfit(one)):
        yield f"  {name} accepts no response of a run: it does not fit their form, and disputes none of them"
    if len(table["right"]) > 2:
        yield "agreement in percent (above the diagonal) and Cohen's kappa (below):"
        head, *body = _matrix(table)
        yield from table_lines(Table("", tuple(head), tuple(map(tuple, body))))


def _matrix(table: CrossTable) -> Iterator[list[str]]:
    names = list(table["right"])
    yield ["", *names]
    for row, name in enumerate(names):
        cells = [name]
        for column, other in enumerate(names):
            if row == column:
                cells.append("-")
                continue
            pair = (name, other) if row < column else (other, name)
            share, kappa = agreement(*table["pairs"]["|".join(pair)])
            below = "-" if kappa is None else f"{kappa:.3f}"
            cells.append(f"{100 * share:.2f}" if row < column else below)
        yield cells


def dispute_lines(runs: Sequence[RunSummary], limit: int) -> Iterator[str]:
    """The first disputed responses, and where all of them are."""
    shown = [(run, dispute) for run in runs for dispute in run["first"]][:limit]
    if not shown:
        return
    yield f"\ndisputed: {sum(run['disputed'] for run in runs)} responses, the first {len(shown)}:"
    for run, dispute in shown:
        words = {n: _word(v, dispute["failures"].get(n)) for n, v in dispute["verdicts"].items()}
        verdicts = ", ".join(f"{name} {word}" for name, word in words.items())
        repeat = f" repeat {dispute['repeat']}" if run["k"] > 1 else ""
        yield f"  {run['model'] or 'unnamed model'} · {run['task']} doc {dispute['doc_id']}{repeat}: {verdicts}"
        answer = "nothing" if dispute["answer"] is None else _short(dispute["answer"])
        yield f"    gold {_short(dispute['gold'])}, extracted {answer} (rule {dispute['rule']})"
        yield f"    ours: {dispute['status']}, tier {dispute['tier']}: {dispute['reason']}"


def _word(verdict: bool | None, failure: str | None) -> str:
    if verdict is None:
        return f"no verdict ({failure})"
    return "correct" if verdict else "wrong"


def _short(text: str | None) -> str:
    line = " ".join((text or "").split()).encode("utf-8", "backslashreplace").decode()
    line = repr(line)[1:-1].replace("\\\\", "\\")
    return f"'{line}'" if len(line) <= _CHARS else f"'{line[:_CHARS]}...'"


def version_lines(runs: Sequence[RunSummary]) -> Iterator[str]:
    """Tasks that were run in several versions: their scores are not of one thing."""
    versions: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        versions[run["task"]][str(run["version"])] += 1
    for task, counts in versions.items():
        if len(counts) > 1:
            each = ", ".join(f"{version} in {count} runs" for version, count in sorted(counts.items()))
            yield f"note: {task} comes in {len(counts)} versions ({each}): do not compare their scores"
