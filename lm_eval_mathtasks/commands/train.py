"""The command `mathtasks train`: data, the trainers, and the measure before and after."""

import argparse
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.command_line import declare
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
    config = "the YAML of the training, with evaluate:"
    evaluate.add_argument("config", type=Path, metavar="CONFIG", help=config)
    merge = actions.add_parser("merge", help="a whole model from a LoRA adapter and its base")
    merge.add_argument("adapter", type=Path, metavar="ADAPTER", help="what `train sft` or `grpo` left")
    merge.add_argument("--out", type=Path, required=True, help="an empty folder")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks train`; returns the exit status."""
    return {"data": _data, "evaluate": _evaluate, "merge": _merge}.get(args.action, _train)(args)


def _add_data(data: argparse.ArgumentParser) -> None:
    from lm_eval_mathtasks.training.data import TEST_SETS, TRAIN_SETS
    from lm_eval_mathtasks.training.prompt_formats import FORMATS

    source = f"{', '.join(TRAIN_SETS)}, or a JSONL or parquet file with question and answer"
    declare(data, {"--source": source}, required=True)
    form = "how the answer is asked for and written"
    declare(data, {"--format": form}, choices=FORMATS, required=True)
    declare(data, {"--count": "problems to train on (default: all)"}, type=whole_number)
    declare(data, {"--dev": "problems kept for choosing (default: %(default)s)"}, type=int, default=DEV)
    declare(data, {"--out": "a folder: train.jsonl, dev.jsonl, data.json"}, type=Path, required=True)
    declare(data, {"--seed": "of the draw (default: %(default)s)"}, type=int, default=0)
    text, prompts = "text: for a base model without a chat template", ("messages", "text")
    declare(data, {"--prompt": text}, choices=prompts, default=prompts[0])
    against = f"test sets to check against (default: all): {', '.join(TEST_SETS)}"
    declare(data, {"--against SET": against}, action="append", choices=TEST_SETS)
    overlap = data.add_mutually_exclusive_group()
    left_out = "leave out what shares its text with a test question"
    declare(overlap, {"--decontaminate": left_out}, action="store_true")
    allow = "train on questions of this test set all the same; its tasks are refused afterwards"
    declare(overlap, {"--allow SET": allow}, action="append", default=[], choices=TEST_SETS)


def _add_stage(stage: argparse.ArgumentParser) -> None:
    recipes = "a YAML; lm_eval_mathtasks/training/recipes has some"
    stage.add_argument("config", type=Path, metavar="CONFIG", help=recipes)
    declare(stage, {
        "--resume": "go on from the last checkpoint in its output",
        "--preflight": "say what would go wrong, and train nothing",
    }, action="store_true")  # fmt: skip


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


def _merge(args: argparse.Namespace) -> int:
    from lm_eval_mathtasks.training.trainers import merge_adapter

    merge_adapter(args.adapter, args.out)
    print(f"{args.out}: {args.adapter} in the model it was trained on")
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
    named = f"--include_path {args.out / FOLDER} --tasks {','.join(tasks)}"
    print(f"  to run them: mathtasks run {named} --model ...")
    for why, count in about["left_out"].items():
        print(f"  left out: {count}, because {why}")
    for name, own in found.items():
        most = f"at most {own[0].cover:.0%}"
        print(f"  warning: {len(own)} questions of {name} share a run of 13 words with them, {most}")
    for name in args.allow:
        if name in tests and not any(one.refused for one in found.get(name, ())):
            print(f"  --allow {name} changed nothing: none of its questions is in the data")
    for name, why in absent.items():
        print(f"  not checked against {name}: {why}")
    return 0
