"""Labelled steps to train a process verifier on: PRM800K, Math-Shepherd, what `mathtasks shepherd` writes.

- PRM800K (Lightman et al. 2023): question.problem, label.steps[].completions[].{text, rating}; 1 and 0 are good
- Math-Shepherd (Wang et al. 2024): input with " ки" after each step, label with " +" (good) or " -" in its place
- `mathtasks shepherd`, stepwise files: question or prompt, steps or completions, labels (0 to 1, true, false, null)

PRM800K's path takes at each step what the labeller chose, else wrote, else found, and ends with a mistake. With "all",
each other alternative of a step is a row of its own: the steps before it, then the alternative.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.choosing.verifiers import STEP_TAG
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems.rows import read_rows
from lm_eval_mathtasks.training.config import Paths

LUCK = 1 / 8  # a share of right endings that says nothing: what errors that cancel reach


class Stepwise(NamedTuple):
    """A question with steps and their labels, 0 bad to 1 good; None: this step is not learned from."""

    question: str
    steps: tuple[str, ...]
    labels: tuple[float | None, ...]


def read_steps(path: Path, paths: Paths = "one") -> list[Stepwise]:
    """Return the labelled steps of a JSONL or parquet file in one of the known forms.

    paths: of PRM800K, the chosen path alone or every alternative too. Raises DataError naming the row that is none.
    """
    rows = read_rows(path)
    found: list[Stepwise] = []
    for number, row in enumerate(rows, 1):
        made = list(_read(row, paths, f"row {number} of {path}"))
        found += [one for one in made if one.steps and any(label is not None for label in one.labels)]
    if not found:
        fix = "see the forms in lm_eval_mathtasks/training/README.md"
        raise DataError(f"labelled steps in {path}", "none", fix)
    return found


def holds_math_tests(path: Path) -> bool:
    """Whether a file is PRM800K's: it trains on 4,500 problems of MATH's test set, all but those of MATH-500."""
    first = next(iter(read_rows(path)), {})
    return isinstance(first.get("label"), dict) and isinstance(first.get("question"), dict)


def hard(label: float | None) -> float | None:
    """A label as 0 or 1: good is what more than one ending in eight made good, because one may be luck."""
    return None if label is None else float(label > LUCK)


def _read(row: Mapping[str, Any], paths: Paths, place: str) -> Iterable[Stepwise]:
    if isinstance(row.get("label"), dict) and isinstance(row.get("question"), dict):
        return _prm800k(row, paths, place)
    if isinstance(row.get("input"), str) and isinstance(row.get("label"), str):
        return [_math_shepherd(row["input"], row["label"], place)]
    return [_stepwise(row, place)]


def _prm800k(row: Mapping[str, Any], paths: Paths, place: str) -> Iterator[Stepwise]:
    try:
        yield from _labelled_paths(row, paths)
    except (LookupError, TypeError, AttributeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise DataError(f"problem and steps as in PRM800K in {place}", got, "fetch the file again") from error


def _labelled_paths(row: Mapping[str, Any], paths: Paths) -> Iterator[Stepwise]:
    question = row["question"]["problem"]
    before: list[str] = []
    labels: list[float | None] = []
    for step in row["label"].get("steps") or ():
        offered = step.get("completions") or ()
        chosen, written = step.get("chosen_completion"), step.get("human_completion")
        own = offered[chosen] if chosen is not None else written or (offered[0] if offered else None)
        if paths == "all":
            silent = (None,) * len(before)
            others = (one for one in offered if one is not own and one.get("rating") is not None)
            yield from (Stepwise(question, (*before, one["text"]), (*silent, _rated(one))) for one in others)
        if own is None:
            break
        before, labels = [*before, own["text"]], [*labels, _rated(own)]
        if labels[-1] == 0:
            break
    yield Stepwise(question, tuple(before), tuple(labels))


def _rated(completion: Mapping[str, Any]) -> float | None:
    """What the labeller wrote has no rating."""
    return None if completion.get("rating") is None else float(completion["rating"] >= 0)


def _math_shepherd(asked: str, labelled: str, place: str) -> Stepwise:
    """Split at the tags; the question ends where "Step 1:" begins, as in every published row."""
    marked = f" {STEP_TAG}"
    parts = [part.strip("\n") for part in asked.split(marked)]
    texts = [part for part in parts if part.strip()]
    question, begins, first = texts[0].partition("Step 1:") if texts else ("", "", "")
    fix = "is it Math-Shepherd's file?"
    if not begins:
        raise DataError(f"a question and then `Step 1:` in {place}", asked[:60], fix)
    steps, labels, at = (f"Step 1:{first}", *texts[1:]), [], 0
    for step in steps:
        found = labelled.find(step.strip(), at)
        if found < 0:
            raise DataError(f"the text of `input` in `label` of {place}", step[:60], fix)
        at = found + len(step.strip())
        mark = labelled[at : at + 2].strip()
        if mark not in ("+", "-"):
            raise DataError(f"+ or - after each step in {place}", repr(mark), fix)
        labels.append(float(mark == "+"))
    return Stepwise(question.strip(), tuple(step.strip() for step in steps), tuple(labels))


def _stepwise(row: Mapping[str, Any], place: str) -> Stepwise:
    asked = (row.get(name) for name in ("question", "prompt", "problem"))
    question = next((text for text in asked if isinstance(text, str)), "")
    steps = next((row[name] for name in ("steps", "completions") if isinstance(row.get(name), list)), None)
    labels = row.get("labels")
    if not question or steps is None or not isinstance(labels, list) or len(labels) != len(steps):
        got = ", ".join(row) or "an empty row"
        raise DataError(f"a question, steps and as many labels in {place}", got, "see training/README.md")
    return Stepwise(question, tuple(map(str, steps)), tuple(_label(one, place) for one in labels))


def _label(value: Any, place: str) -> float | None:
    if value is None or (isinstance(value, bool | int | float) and 0 <= value <= 1):
        return None if value is None else float(value)
    raise DataError(f"labels from 0 to 1, or null, in {place}", repr(value), "correct it")
