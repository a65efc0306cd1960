"""The command `mathtasks choose`: what choosing among a run's responses by scores gives, beside vote and oracle."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lm_eval_mathtasks.choosing.choices import WEIGHINGS, Weighing
from lm_eval_mathtasks.choosing.chosen import BEST, WEIGHTED, Chosen, choose, quality
from lm_eval_mathtasks.choosing.kept_scores import score_run
from lm_eval_mathtasks.choosing.score_files import (
    AGGREGATES,
    Aggregate,
    Scores,
    has_steps,
    numbers_of,
    read_scores,
)
from lm_eval_mathtasks.choosing.scorer import Settings
from lm_eval_mathtasks.choosing.scorers import KINDS, make_scorer, on_a_server
from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import (
    COMPLETE,
    add_run_arguments,
    read_to_judge,
    refuse_unused,
    whole_number,
    whole_numbers,
)
from lm_eval_mathtasks.commands.curve_tables import ROWS, curve_table, long_table, titled
from lm_eval_mathtasks.errors import EvidenceError, ScoreError
from lm_eval_mathtasks.numbers.estimators import powers_of_two
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.sampling.curves import require
from lm_eval_mathtasks.sampling.curves import votes as votes_of
from lm_eval_mathtasks.tables import print_tables, with_interval

DEFAULT_AGGREGATE: Aggregate = "min"  # Math-Shepherd's own (Wang et al. 2024, section 3.4)
_VERDICTS = "verdicts: our grader's on every response, with or without --regrade; the log's own are not used"
_OF_SCORERS = ("save_scores", "scorer_model", "device", "dtype", "batch_size")
_NAMES = {"pass@k": "oracle (pass@k)", "avg@k": "mean (avg@k)"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks choose`."""
    add_run_arguments(parser)
    source = parser.add_mutually_exclusive_group()
    kinds = "; ".join(f"{name}: {text}" for name, (_, text) in KINDS.items())
    declare(source, {
        "--scores FILE": "JSON lines with a score for every response (default: RUN itself)",
        "--scorer KIND:PATH": f"score now; PATH: a folder, or a vLLM server. {kinds}",
    })  # fmt: skip
    steps = f"one score from those of the steps (default: {DEFAULT_AGGREGATE})"
    parser.add_argument("--aggregate", choices=AGGREGATES, help=steps)
    counts = "its score, e^score, or 1 / (1 + e^-score) (default: sum if no score is negative, else exp)"
    parser.add_argument("--weights", choices=WEIGHINGS, help=f"what a vote counts: {counts}")
    declare(parser, {
        "--score-column NAME": "the column of scores, where a file has several",
        "--save-scores FILE": "keep scores as they come; the same command resumes",
        "--scorer-model NAME": "the verifier's name on its server",
    })  # fmt: skip
    ks = "comma-separated; by default the powers of two up to n, and n"
    declare(parser, {"--k": ks}, type=whole_numbers)
    regrade = "judge by our grader, as always here: a vote needs a verdict on every response"
    declare(parser, {"--regrade": regrade}, action="store_true")
    plain = Settings()
    declare(parser, {"--device": f"of a local scorer (default: {plain.device})"})
    dtype = f"of a local scorer (default: {plain.dtype})"
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), help=dtype)
    batch = f"responses that a scorer takes at once (default: {plain.batch})"
    declare(parser, {"--batch-size": batch}, type=whole_number)


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks choose`."""
    run = _the_run(args)
    judgements = judge_run(run)
    votes = votes_of(run, judgements)
    ks = args.k or powers_of_two(min(v.n for v in votes))
    require(votes, max(ks))  # before a scorer is at work for hours
    scores, source = _scores(run, args)
    if not has_steps(scores):
        refuse_unused(args, ("aggregate",), "one score for each response")
    how: Aggregate = args.aggregate or DEFAULT_AGGREGATE
    numbers = numbers_of(scores, judgements, how)
    weighing: Weighing = args.weights or ("exp" if any(min(own) < 0 for own in numbers.values()) else "sum")
    chosen = choose(votes, numbers, ks, weighing)
    if args.format in COMPLETE:
        print_tables([long_table(run, chosen.curves)], args.format)
        return 0
    of_steps = f"; of the steps, their {how}" if has_steps(scores) else ""
    notes = (f"scores: {source}{of_steps}", _VERDICTS, *_notes(chosen, ks, weighing), *run.provenance.notes)
    drawn = [curve._replace(label=_NAMES.get(curve.label, curve.label)) for curve in chosen.curves]
    print_tables([curve_table(titled(run, votes), drawn, ks, notes)], args.format)
    return 0


def _the_run(args: argparse.Namespace) -> Run:
    runs = read_to_judge(args)
    if len(runs) > 1:
        got = f"{len(runs)}: {'; '.join(run.label for run in runs)}"
        raise EvidenceError("one run to choose in", got, "name it with --task or --run-model")
    return runs[0]


def _scores(run: Run, args: argparse.Namespace) -> tuple[Scores, str]:
    """The scores, and where they come from in words."""
    if args.scorer:
        refuse_unused(args, ("score_column",), "a scorer")
        if on_a_server(args.scorer):
            refuse_unused(args, ("device", "dtype"), "a scorer on a server")
        else:
            refuse_unused(args, ("scorer_model",), "a scorer in a folder")
        given = (args.device, args.dtype, args.batch_size, args.scorer_model)
        chosen = zip(Settings._fields, given, strict=True)
        settings = Settings(**{name: value for name, value in chosen if value is not None})
        kept = Path(args.save_scores) if args.save_scores else None
        return score_run(run, make_scorer(args.scorer, settings), args.scorer, kept), args.scorer
    refuse_unused(args, _OF_SCORERS, "a file of scores (no --scorer)")
    path = args.scores or args.run
    if not Path(path).is_file():
        got = f"{path}, which {'is a folder' if Path(path).exists() else 'does not exist'}"
        fix = "name one with --scores, or --scorer KIND:PATH"
        raise ScoreError("a file of scores to choose by", got, fix)
    return read_scores(path, run, args.score_column), path


def _notes(chosen: Chosen, ks: Sequence[int], weighing: Weighing) -> list[str]:
    gains = "; ".join(
        f"{label.replace('k', str(ks[-1]))} {with_interval(*chosen.gains[label], signed=True)}"
        for label in (BEST, WEIGHTED)
    )
    notes = [
        ROWS,
        f"against maj@{ks[-1]}, in points [paired over docs]: {gains}",
        f"a vote in weighted@k counts {_WEIGHTS[weighing]}",
    ]
    if chosen.noise:
        error = f"a standard error of {100 * chosen.noise:.2f}"
        notes.append(f"weighted@k is resampled where subsets are many: {error}")
    if chosen.area is None:
        told = "no doc has both a correct and a wrong response: the scores have nothing to tell apart"
    else:
        d = f", as a normal scorer with d = {quality(chosen.area):.2f}" if 0 < chosen.area < 1 else ""
        told = (
            f"within a doc a correct response outscores a wrong one in {100 * chosen.area:.1f} % of pairs{d}"
        )
    return [*notes, told]


_WEIGHTS = {"sum": "its score", "exp": "e^score", "sigmoid": "1 / (1 + e^-score)"}
