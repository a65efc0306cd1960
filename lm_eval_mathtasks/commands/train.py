"""The command `mathtasks train`: data, the trainers, and the measure before and after."""

import argparse
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.commands.arguments import whole_number
from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.files import write_fault
from lm_eval_mathtasks.tables import Table, print_tables

_STAGES = {
    "sft": "fine-tune on worked solutions",
    "grpo": "reinforce by the rewards of the grader",
    "orm": "a verifier of responses, from pairs of them",
    "prm": "a verifier of steps, from labelled ones",
}
DEV = 500  # problems kept apart: a standard error of 2 points


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks train`."""
    actions = parser.add_subparsers(dest="action", required=True)
    _add_data(actions.add_parser("data", help="problems in a format, checked against the test sets"))
    for stage, text in _STAGES.items():
        _add_stage(actions.add_parser(stage, help=text))
    evaluate = actions.add_parser("evaluate", help="baseline and checkpoints: choose on dev, confirm on test")
    evaluate.add_argument(
        "config", type=Path, metavar="CONFIG", help="the YAML of the training, with evaluate:"
    )


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks train`; returns the exit status."""
    return {"data": _data, "evaluate": _evaluate}.get(args.action, _train)(args)


def _add_data(data: argparse.ArgumentParser) -> None:
    from lm_eval_mathtasks.training.data import TEST_SETS, TRAIN_SETS
    from lm_eval_mathtasks.training.prompt_formats import FORMATS

    data.add_argument(
        "--source",
        required=True,
        help=f"{', '.join(TRAIN_SETS)}, or a JSONL or parquet file with question and answer",
    )
    data.add_argument(
        "--format", choices=FORMATS, required=True, help="how the answer is asked for and written"
    )
    data.add_argument("--count", type=whole_number, help="problems to train on (default: all)")
    data.add_argument(
        "--dev", type=int, default=DEV, help="problems kept for choosing (default: %(default)s)"
    )
    data.add_argument("--out", type=Path, required=True, help="a folder: train.jsonl, dev.jsonl, data.json")
    data.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
    data.add_argument(
        "--prompt",
        choices=("messages", "text"),
        default="messages",
        help="text: for a base model without a chat template",
    )
    data.add_argument(
        "--against",
        action="append",
        metavar="SET",
        choices=TEST_SETS,
        help=f"test sets to check against (default: all): {', '.join(TEST_SETS)}",
    )
    overlap = data.add_mutually_exclusive_group()
    overlap.add_argument(
        "--decontaminate", action="store_true", help="leave out what shares its text with a test question"
    )
    overlap.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="SET",
        choices=TEST_SETS,
        help="train on questions of this test set all the same; its tasks are refused afterwards",
    )


def _add_stage(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "config", type=Path, metavar="CONFIG", help="a YAML; lm_eval_mathtasks/training/recipes has some"
    )
    stage.add_argument("--resume", action="store_true", help="go on from the last checkpoint in its output")
    stage.add_argument("--preflight", action="store_true", help="say what would go wrong, and train nothing")


def _train(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.training.config import read_config
    from lm_eval_mathtasks.training.running import train

    config = read_config(args.config, args.action)
    done = train(config, _say, resume=args.resume, only_preflight=args.preflight)
    if done is None:
        print("preflight: nothing that stops the run")
        return 0
    print(f"{done.output}: {done.steps} steps in {done.seconds:.0f} s")
    for curve in done.curves:
        print(f"  {curve.line}")
    print_tables(done.tables)
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.leaderboard.run_tables import paired_tables
    from lm_eval_mathtasks.training.config import read_config
    from lm_eval_mathtasks.training.selection import CSV, EVALUATED, evaluate_checkpoints

    config = read_config(args.config)
    found = evaluate_checkpoints(config, _say)
    print_tables(found.tables)
    for paired in found.confirmed:
        print_tables(paired_tables(paired, every_doc=False))
    print(f"every response: {config.output / EVALUATED / CSV}")
    return 0


def _say(what: str | Table) -> None:
    if isinstance(what, str):
        print(what, flush=True)
    else:
        print_tables([what])


def _data(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.training import data
    from lm_eval_mathtasks.training.own_tasks import FOLDER, write_tasks

    if args.dev < 0:
        raise TrainingError("a --dev of 0 or more", str(args.dev), "--dev 0 keeps none")
    if fault := write_fault(args.out, folder=True):
        raise TrainingError("a folder to write to as --out", fault, "name another")
    drawn = data.draw(args.source, count=args.count, dev=args.dev, seed=args.seed)
    against = args.against or data.TEST_SETS
    if beside := [name for name in args.allow if name not in against]:
        raise TrainingError("--allow of sets that --against names", ", ".join(beside), "leave that out")
    tests, absent = data.questions_at_hand(against)
    removed = 0
    if args.decontaminate:
        drawn, removed = data.decontaminated(drawn, tests)
    found = data.check_contamination(drawn, tests, args.allow)
    number = data.only_numbers([*drawn.train, *drawn.dev])
    messages = args.prompt == "messages"
    rows = {
        split: data.training_rows(problems, args.format, number=number, messages=messages)
        for split, problems in (("train", drawn.train), ("dev", drawn.dev))
        if problems
    }
    left_out = {
        **drawn.left_out,
        "it shares its text with a test question": removed,
        "its own solution would not be rewarded": len(drawn.train + drawn.dev) - sum(map(len, rows.values())),
    }
    about: dict[str, Any] = {
        "source": drawn.source,
        "source_checksum": drawn.checksum,
        "format": args.format,
        "prompt": args.prompt,
        "seed": args.seed,
        "rows": {split: len(own) for split, own in rows.items()},
        "left_out": {why: count for why, count in left_out.items() if count},
        "overlaps": {name: [(one.doc, round(one.cover, 3)) for one in own] for name, own in found.items()},
        "contaminated": [name for name, own in found.items() if any(one.refused for one in own)],
        "unchecked": absent,
    }
    data.write_data(args.out, rows, about)
    tasks = write_tasks(args.out, rows, args.format, number=number)
    worked = sum("completion" in row for row in rows["train"])
    print(f"{args.out}: " + ", ".join(f"{split} {len(own)}" for split, own in rows.items()))
    print(f"  {worked} of {len(rows['train'])} training rows have a worked solution, which `train sft` needs")
    print(
        f"  to run them: mathtasks run --include_path {args.out / FOLDER} --tasks {','.join(tasks)} --model ..."
    )
    for why, count in about["left_out"].items():
        print(f"  left out: {count}, because {why}")
    for name, own in found.items():
        worst = own[0]
        print(
            f"  warning: {len(own)} questions of {name} share a run of 13 words with them, at most {worst.cover:.0%}"
        )
    for name in args.allow:
        if name in tests and not any(one.refused for one in found.get(name, ())):
            print(f"  --allow {name} changed nothing: none of its questions is in the data")
    for name, why in absent.items():
        print(f"  not checked against {name}: {why}")
    return 0
