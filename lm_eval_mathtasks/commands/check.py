"""The command `mathtasks check`: load every task, and say what is wrong with it."""

import argparse
import json
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.tables import print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks check`."""
    declare(parser, {"--include_path": "a further folder of tasks"}, type=Path, action="append", default=[])
    missing = "exit with 1 where the data of a task is not at hand"
    declare(parser, {"--need-data": missing}, action="store_true")
    metadata = 'as for run, e.g. \'{"data_dir": "..."}\''
    declare(parser, {"--metadata": metadata}, type=_json_object, default={})


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks check`: 1 if a task has an error, or, with --need-data, if its data is not at hand."""
    from lm_eval_mathtasks.check import check_tasks

    names, problems = check_tasks([data_folder("tasks"), *args.include_path], metadata=args.metadata)
    missing = [problem for problem in problems if problem.severity == "missing"]
    errors = sum(problem.severity == "error" for problem in problems)
    lines = [str(problem) for problem in problems if problem not in missing]
    if missing:
        absent = ", ".join(p.where for p in missing)
        lines += [
            f"data not at hand for {len(missing)} tasks, which is no fault of theirs: {absent}",
            f"the first of them: {missing[0].what}",
        ]
    stopped = {p.where for p in problems if p.severity != "warning"}
    loaded = f"{len({*names} - stopped)} of {len(names)} tasks load"
    print_lines([*lines, f"{loaded}, {errors} errors, {len(problems) - errors - len(missing)} warnings"])
    return int(errors + args.need_data * len(missing) > 0)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    raise argparse.ArgumentTypeError(
        f'expected a JSON object such as \'{{"data_dir": "/data"}}\', got {text!r}'
    )
