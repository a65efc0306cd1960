"""The command `mathtasks explain`: where a run's missing points went."""

import argparse

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import (
    COMPLETE,
    add_claim_options,
    add_result_format,
    claim_options,
    read_chosen,
)
from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.causes import load_causes
from lm_eval_mathtasks.leaderboard.claims import Claims, load_claims
from lm_eval_mathtasks.leaderboard.compare import Comparison, find_claims, nearest
from lm_eval_mathtasks.leaderboard.explain import Explanation, explain
from lm_eval_mathtasks.leaderboard.paired import Shares, aligned
from lm_eval_mathtasks.leaderboard.result_tables import explanation_tables, notes_on_claim
from lm_eval_mathtasks.leaderboard.said import said_of_no_claim
from lm_eval_mathtasks.runs.judged import judge_run, shares
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Table, print_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks explain`."""
    add_claim_options(parser)
    add_result_format(parser)
    declare(parser, {"--against RUN": "a run on the same docs: lost docs are worth what they scored there"})


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks explain`: a waterfall for every run at the path."""
    claims, causes = load_claims(args.leaderboards), load_causes(args.leaderboards)
    tables: list[Table] = []
    for run in read_chosen(args.run, args):
        judgements = judge_run(run)
        explanation = explain(run, elsewhere=_elsewhere(run, args), judgements=judgements)
        counted = None if run.scored else shares(run, judgements)
        best, notes = _to_reach(run, claims, explanation, counted, args)
        explanation = explanation.towards(None if best is None else best.claim.score / 100)
        listed = judgements if args.docs or args.format in COMPLETE else ()
        tables += explanation_tables(explanation, best, causes, listed, notes)
    print_tables(tables, args.format)
    return 0


def _to_reach(
    run: Run, claims: Claims, explained: Explanation, counted: Shares | None, args: argparse.Namespace
) -> tuple[Comparison | None, list[str]]:
    """The claim at the top of the waterfall and what to know of it; a waterfall needs none that was not asked for."""
    options = claim_options(args)
    try:
        best = nearest(run, claims, shares=counted, **options, **explained.seen)
    except ClaimError:
        if args.claim or args.model or args.benchmark:
            raise
        return None, [said_of_no_claim(run, claims)]
    choice = {name: options[name] for name in ("model", "claim_id", "benchmark")}
    return best, notes_on_claim(best, find_claims(run, claims, **choice)[0])


def _elsewhere(run: Run, args: argparse.Namespace) -> dict[str, float] | None:
    if not args.against:
        return None
    own = argparse.Namespace(
        **{**vars(args), "run_model": None, "task": None, "metric": None, "journal": None}
    )
    others = read_chosen(args.against, own, judged_anew=True)
    other = aligned(run, next((other for other in others if other.task == run.task), others[0]))
    return shares(other, judge_run(other))
