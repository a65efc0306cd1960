"""The command `mathtasks compare`: a run with published scores, or runs with each other."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import (
    COMPLETE,
    OF_CLAIMS,
    add_claim_options,
    add_result_format,
    claim_options,
    read_chosen,
    refuse_unused,
)
from lm_eval_mathtasks.errors import ClaimError, EvidenceError, sentence
from lm_eval_mathtasks.leaderboard.claim_notes import notes_on_responses
from lm_eval_mathtasks.leaderboard.claims import Claims, load_claims
from lm_eval_mathtasks.leaderboard.compare import compare_all, score_of
from lm_eval_mathtasks.leaderboard.explain import explain
from lm_eval_mathtasks.leaderboard.hub_results import with_hub_results
from lm_eval_mathtasks.leaderboard.instances import by_problem, drawn_anew, drop_between, spread_of
from lm_eval_mathtasks.leaderboard.paired import (
    Shares,
    aligned,
    compare_runs,
    harmonic_ratio,
    own_shares,
    rank,
)
from lm_eval_mathtasks.leaderboard.result_tables import comparison_tables, unclaimed_table
from lm_eval_mathtasks.leaderboard.run_tables import (
    baseline_table,
    drop_tables,
    instances_table,
    paired_tables,
    ranking_table,
)
from lm_eval_mathtasks.leaderboard.said import said_of_no_claim
from lm_eval_mathtasks.runs.judged import first_answers, judge_run, shares
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Table, print_tables

_OF_CLAIMS = (*OF_CLAIMS, "hub_results", "all")
_OF_PAIRS = ("docs", "force")
_MIXED = "both by our grader: only one of the logs holds verdicts of its own"
_OURS = "scored by our grader: the log has no verdict of its own on every doc"
_COPIED = "sampled, and every response is the same text in both: one may be a copy of the other"
_ONE_LOG = "both are one log: nothing is compared with anything"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks compare`."""
    models = "of one RUN that holds several models, these against each other"
    declare(parser, {"--models MODEL": models}, nargs="+")
    add_claim_options(parser, "runs", nargs="+")
    add_result_format(parser)
    declare(parser, {
        "--hub-results PATH": "claims also from a model's repository: the folder with its .eval_results/, or one of "
        "these files",
        "--baseline RUN": "print ratios to this run by benchmark, and their harmonic mean",
    })  # fmt: skip
    declare(parser, {
        "--regrade": "score by our grader instead of the run's own",
        "--force": "compare runs of unlike docs or prompts on common docs",
        "--all": "also claims known to be wrong or unpublished",
    }, action="store_true")  # fmt: skip


def _by_task(path: str, args: argparse.Namespace) -> dict[str, Run]:
    """The runs at a path by their tasks; raises EvidenceError where two runs are of one task."""
    runs = read_chosen(path, args)
    by_task = {run.task: run for run in runs}
    if len(by_task) < len(runs):
        labels = "; ".join(run.label for run in runs)
        fix = "pick a model: RUN#MODEL, or RUN --models MODEL MODEL; or a task: --task"
        raise EvidenceError(f"one run of each task in {path}", labels, fix)
    return by_task


def _graded(run: Run, args: argparse.Namespace, *, regrade: bool) -> tuple[Shares, dict[str, str | None]]:
    """The shares that count and the answers, by doc: the run's own, or ours where it has none or ours are wanted."""
    if run.scored and not (regrade or args.regrade):
        what = f"{run.label}, compared by its own verdicts (--regrade judges anew),"
        refuse_unused(args, ("gold", "journal"), what)
    return _verdicts(run, args, regrade=regrade)


def _verdicts(run: Run, args: argparse.Namespace, *, regrade: bool) -> tuple[Shares, dict[str, str | None]]:
    if run.scored and not (regrade or args.regrade):
        return own_shares(run), {}
    judgements = judge_run(run)
    return shares(run, judgements), {j.doc_id: j.extraction.answer for j in judgements if j.repeat == 0}


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks compare`: one run with claims, two with each other, several ranked, or ratios to a baseline."""
    if args.models:
        if (count := len(args.runs)) > 1:
            raise EvidenceError("one RUN for --models", str(count), "for several files write FILE#MODEL")
        args.runs = [f"{args.runs[0]}#{model}" for model in args.models]
    if args.baseline:
        refuse_unused(args, (*_OF_CLAIMS, *_OF_PAIRS), "the comparison with a baseline")
        tables = _against_baseline(args)
    elif len(args.runs) == 1:
        refuse_unused(args, _OF_PAIRS, "the comparison of one run with claims")
        tables = _all_with_claims(read_chosen(args.runs[0], args, totals=True), args)
    elif len(args.runs) == 2:
        refuse_unused(args, _OF_CLAIMS, "the comparison of two runs")
        tables = [table for pair in _pairs(args) for table in _two(*pair, args)]
    else:
        refuse_unused(args, (*_OF_CLAIMS, *_OF_PAIRS), "the ranking of several runs")
        tables = _ranking(args)
    print_tables(tables, args.format)
    return 0


def _all_with_claims(runs: list[Run], args: argparse.Namespace) -> list[Table]:
    """Every run of a log beside its claims. A run without any is no error, unless claims were asked for by name."""
    claims = load_claims(args.leaderboards)
    asked = args.model or args.claim or args.benchmark or args.hub_results
    if args.hub_results:
        claims = with_hub_results(claims, args.hub_results, args.model)
    tables: list[Table] = []
    without: list[tuple[Run, ClaimError]] = []
    for run in runs:
        try:
            tables += _with_claims(run, claims, args)
        except ClaimError as error:
            without.append((run, error))
    if asked and not tables:
        raise without[0][1]
    tables += [_without_claims(run, claims, error, args) for run, error in without]
    return [*tables, *_of_instances(runs, args)]


def _of_instances(runs: Iterable[Run], args: argparse.Namespace) -> list[Table]:
    """How much the instances differ of each run whose problems are drawn anew."""
    new = [run for run in runs if drawn_anew(run)]
    drawn = ((run, spread_of(run, _verdicts(run, args, regrade=False)[0])) for run in new)
    return [instances_table(run, spread) for run, spread in drawn if spread]


def _readable(run: Run) -> bool:
    """Whether our grader can judge every response of a run."""
    return bool(run.rows) and not run.withheld and all(row.gold is not None for row in run.rows)


def _by_its_own(run: Run, args: argparse.Namespace) -> bool:
    return run.total is not None or (run.scored and not args.regrade)


def _without_claims(run: Run, claims: Claims, error: ClaimError, args: argparse.Namespace) -> Table:
    score = None
    if _by_its_own(run, args) or _readable(run):
        score = score_of(run, None if _by_its_own(run, args) else shares(run, judge_run(run)))
    return unclaimed_table(
        run, score, said_of_no_claim(run, claims), sentence(error.fix or str(error)).rstrip()
    )


def _with_claims(run: Run, claims: Claims, args: argparse.Namespace) -> list[Table]:
    judged, own = judge_run(run) if _readable(run) else None, _by_its_own(run, args)
    explained = None if judged is None else explain(run, judgements=judged)
    compared = compare_all(
        run,
        claims,
        every=args.all,
        shares=None if own else shares(run, judged or judge_run(run)),
        **claim_options(args),
        **(explained.seen if explained else {}),
    )
    graded = () if own or args.regrade else (_OURS,)
    return comparison_tables(run, compared, (*graded, *(notes_on_responses(explained) if explained else ())))


def _pairs(args: argparse.Namespace) -> list[tuple[Run, Run]]:
    first, second = (_by_task(path, args) for path in args.runs)
    if len(first) == len(second) == 1:
        return [(next(iter(first.values())), next(iter(second.values())))]
    pairs = [(run, second[task]) for task, run in first.items() if task in second]
    if not pairs:
        tasks = "; ".join(sorted(first.keys() | second.keys()))
        raise EvidenceError("a task that both have", f"only {tasks}", "name it with --task")
    return pairs


def _two(first: Run, second: Run, args: argparse.Namespace) -> list[Table]:
    mixed = first.scored != second.scored
    if first.task != second.task and (drawn_anew(first) or drawn_anew(second)):
        of_both = (_graded(first, args, regrade=mixed)[0], _graded(second, args, regrade=mixed)[0])
        tables = drop_tables(first, second, drop_between(first, second, of_both))
        return [*_of_instances((first, second), args), *tables]
    second = aligned(first, second)
    one, two = (_graded(run, args, regrade=mixed) for run in (first, second))
    answers = (one[1] or first_answers(first), two[1] or first_answers(second))
    paired = compare_runs(first, second, shares=(one[0], two[0]), answers=answers, force=args.force)
    every = args.docs or args.format in COMPLETE
    notes: tuple[str, ...] = (_MIXED,) if mixed and not args.regrade else ()
    if len({(Path(run.provenance.path).resolve(), run.label) for run in (first, second)}) == 1:
        notes += (_ONE_LOG,)
    elif first.protocol.temperature and [row.responses for row in first.rows] == [
        row.responses for row in second.rows
    ]:
        notes += (_COPIED,)
    return paired_tables(paired, every_doc=every, notes=notes)


def _ranking(args: argparse.Namespace) -> list[Table]:
    by_task: dict[str, list[tuple[str, Run]]] = {}
    for path in args.runs:
        for run in read_chosen(path, args):
            name = f"{run.model or 'unnamed'} ({Path(path).name})"
            by_task.setdefault(run.task, []).append((name, run))
    tables = []
    for task, named in by_task.items():
        mixed = len({run.scored for _, run in named}) > 1  # one grader for all
        same = [(name, aligned(named[0][1], run)) for name, run in named]
        runs = [(name, by_problem(run, _graded(run, args, regrade=mixed)[0])) for name, run in same]
        tables += [ranking_table(task, rank(runs))] if len(runs) > 1 else []
    return tables


def _against_baseline(args: argparse.Namespace) -> list[Table]:
    base = _means(args.baseline, args)
    scored = ((path, _means(path, args)) for path in args.runs)
    rows = [(path, scores, *harmonic_ratio(scores, base)) for path, scores in scored]
    return [baseline_table(args.baseline, base, sorted(rows, key=lambda row: -row[3]))]


def _means(path: str, args: argparse.Namespace) -> dict[str, float]:
    runs = _by_task(path, args).items()
    return {task: fmean(_graded(run, args, regrade=False)[0].values()) for task, run in runs}
