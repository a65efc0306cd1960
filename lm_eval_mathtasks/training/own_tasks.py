"""Tasks over training data: each split asked as it is trained on, to sample from it and to choose a checkpoint."""

from collections.abc import Iterable
from pathlib import Path

from lm_eval_mathtasks.files import write_whole
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.training.prompt_formats import Format, instructions

FOLDER = "tasks"  # beside the data; for --include_path
TAG = "mathtasks-own"  # so that `--tasks mathtasks` does not mean them
# What each is a variant of, and how it is scored.
_BASES = {"tags": "gsm8k/gsm8k-cot-tags.yaml", "boxed": "_boxed.yaml", "hash": "gsm8k/gsm8k-direct.yaml"}


def write_tasks(out: Path, splits: Iterable[str], form: Format, *, number: bool) -> list[str]:
    """Write a task for each split of the data in a folder; return their names: the folder's, a hyphen, the split."""
    import yaml

    names = []
    for split in splits:
        names.append(f"{out.resolve().name}-{split}")
        task = _task(names[-1], out.resolve() / f"{split}.jsonl", form, number=number)
        text = yaml.safe_dump(task, sort_keys=False, allow_unicode=True)
        write_whole(out / FOLDER / f"{names[-1]}.yaml", text)
    return names


def _task(name: str, file: Path, form: Format, *, number: bool) -> dict[str, object]:
    system, instruction = instructions(form, number=number)
    return {
        "include": str(data_folder("tasks").resolve() / _BASES[form]),
        "task": name,
        "tag": TAG,
        "custom_dataset": None,
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(file)}},
        "description": f"{system}\n\n" if system else "",
        "doc_to_text": "{{question}}" + (f"\n{instruction}" if instruction else ""),
        "metadata": {"version": 1.0},
    }
