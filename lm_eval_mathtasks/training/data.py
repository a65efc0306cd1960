"""Training problems: read from a pinned split or a file, checked against test sets, asked in a format, written down."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.files import file_sha256, read_json, write_whole
from lm_eval_mathtasks.grading.grade import is_understood
from lm_eval_mathtasks.grading.reference import answer_in, reference_text
from lm_eval_mathtasks.problems.rows import read_rows
from lm_eval_mathtasks.problems.sets import known_sets
from lm_eval_mathtasks.problems.sources import load_set
from lm_eval_mathtasks.rewards import ruling
from lm_eval_mathtasks.runs.columns import GOLD, QUESTION
from lm_eval_mathtasks.training.contamination import Overlap, overlaps
from lm_eval_mathtasks.training.prompt_formats import NUMBER, Format, plain_prompt, prompt, response

TRAIN_SETS = tuple(name for name in known_sets() if "-train" in name)
# The bundled samples are examples of both worlds, and no benchmark.
TEST_SETS = tuple(one.name for one in known_sets().values() if one.name not in TRAIN_SETS and not one.bundled)
MANIFEST = "data.json"  # beside the rows: where they come from, and which test sets they spoil


class Problem(NamedTuple):
    """A training problem. id: its place in the source, from 0; solution: None where the source has answers only."""

    id: int
    question: str
    gold: str
    solution: str | None


class Drawn(NamedTuple):
    """The problems of a source that can be used, shuffled, and in words what was left out."""

    source: str
    checksum: str
    train: list[Problem]
    dev: list[Problem]
    left_out: dict[str, int]


def read_problem_rows(source: str) -> tuple[list[Problem], str]:
    """Return the problems of a train split by name, or of a JSONL or parquet file, and the checksum of what was read.

    Raises DataError for an unknown name, a missing file, or rows without question or reference.
    """
    path = Path(source).expanduser()
    if source in TRAIN_SETS:
        rows, checksum = load_set(source, {})["test"].to_list(), known_sets()[source].checksum
    elif path.is_file():
        rows, checksum = read_rows(path), file_sha256(path)
    else:
        known = ", ".join(TRAIN_SETS)
        raise DataError(f"a train split ({known}) or a file", f"{source}, which is neither", "check the path")
    return [_problem(row, number, source) for number, row in enumerate(rows)], checksum


def draw(source: str, *, count: int | None, dev: int, seed: int) -> Drawn:
    """Return `count` problems to train on (None: all that are left) and `dev` others, each question once.

    Left out, and counted: questions that stand there twice, and references that cannot be understood.
    """
    problems, checksum = read_problem_rows(source)
    known: dict[str, Problem] = {}
    for problem in problems:
        known.setdefault(" ".join(problem.question.split()), problem)
    usable = [problem for problem in known.values() if is_understood(problem.gold)]
    left_out = {
        "the question stands there twice": len(problems) - len(known),
        "the reference cannot be understood": len(known) - len(usable),
    }
    Random(seed).shuffle(usable)
    wanted = dev + (1 if count is None else count)
    if len(usable) < wanted:
        fix = "a smaller --count or --dev"
        raise DataError(f"{wanted} problems in {source}", f"{len(usable)} that can be used", fix)
    train = usable[dev:] if count is None else usable[dev : dev + count]
    return Drawn(source, checksum, train, usable[:dev], {why: n for why, n in left_out.items() if n})


def training_rows(
    problems: Iterable[Problem], form: Format, *, number: bool, messages: bool
) -> list[dict[str, Any]]:
    """Return the rows that TRL trains on: prompt, completion where there is a solution, gold, question and id.

    number: whether the prompt asks for a number; messages: conversations, else plain text. A problem whose own solution
    would earn no reward in the format is left out: it cannot be learned from.
    """
    rows = []
    for problem in problems:
        ask = prompt if messages else plain_prompt
        row: dict[str, Any] = {"prompt": ask(problem.question, form, number=number)}
        if problem.solution is not None:
            text = response(problem.solution, problem.gold, form)
            if ruling(text, problem.gold).kind != "right":
                continue
            row["completion"] = [{"role": "assistant", "content": text}] if messages else f"\n{text}"
        rows.append({**row, "gold": problem.gold, "question": problem.question, "id": problem.id})
    return rows


def only_numbers(problems: Sequence[Problem]) -> bool:
    """Whether every reference is a plain number, so that a prompt may ask for one."""
    return all(NUMBER.fullmatch(problem.gold) for problem in problems)


def questions_at_hand(names: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the questions of the test sets that are at hand, and for the others why they are not."""
    found: dict[str, list[str]] = {}
    absent: dict[str, str] = {}
    for name in names:
        try:
            rows = load_set(name, {})["test"].to_list()
        except DataError as error:
            absent[name] = error.got or error.wanted
        else:
            found[name] = [str(row["question"]) for row in rows]
    return found, absent


def check_contamination(
    drawn: Drawn, tests: dict[str, list[str]], allowed: Sequence[str]
) -> dict[str, list[Overlap]]:
    """Return the overlaps of what was drawn, training and dev, with each test set.

    Raises DataError where a set that is not `allowed` has a question in the training data, whole or by half.
    """
    found = overlaps((problem.question for problem in (*drawn.train, *drawn.dev)), tests)
    for name, own in found.items():
        refused = [one for one in own if one.refused]
        if refused and name not in allowed:
            raise DataError(
                f"training data without questions of the test set {name}",
                f"{len(refused)} of its {len(tests[name])} questions, the first {refused[0].question[:80]!r}",
                f"--decontaminate leaves those rows out; --allow {name} keeps them, and `train evaluate` will refuse "
                f"the tasks on {name}",
            )
    return found


class Compared(NamedTuple):
    """contaminated: test sets of which a training file holds a question, whole or by half; absent: sets that it was not
    compared with, and why."""

    contaminated: list[str]
    absent: dict[str, str]


def compared(path: Path, names: Sequence[str]) -> Compared:
    """Compare a training file with test sets: by the manifest beside it, or now where that compared nothing."""
    about = data_facts(path).get("manifest")
    if about is None:
        known, left = [], list(names)
    else:
        known = [name for name in names if name in about.get("contaminated", ())]
        left = [name for name in names if name in about.get("unchecked", ())]
    tests, absent = questions_at_hand(left)
    found = overlaps((text for row in read_rows(path) for text in _asked(row)), tests) if tests else {}
    return Compared(known + [name for name, own in found.items() if any(one.refused for one in own)], absent)


def decontaminated(drawn: Drawn, tests: dict[str, list[str]]) -> tuple[Drawn, int]:
    """Return what was drawn without the problems that are a test question, whole or by half, and how many these are."""
    found = overlaps((problem.question for problem in (*drawn.train, *drawn.dev)), tests)
    spoilt = {row for own in found.values() for one in own for row in one.rows}
    train = [problem for row, problem in enumerate(drawn.train) if row not in spoilt]
    dev = [problem for row, problem in enumerate(drawn.dev, len(drawn.train)) if row not in spoilt]
    return drawn._replace(train=train, dev=dev), len(spoilt)


def write_data(
    out: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], about: Mapping[str, object]
) -> None:
    """Write `<split>.jsonl` for each split and the manifest, each whole or not at all."""
    checksums = {}
    for split, own in rows.items():
        path = out / f"{split}.jsonl"
        write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in own))
        checksums[path.name] = file_sha256(path)
    manifest = {"version": __version__, **about, "sha256": checksums}
    write_whole(out / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def data_facts(path: Path) -> Mapping[str, Any]:
    """The checksum of a data file, and what the manifest beside it says, where it is of this file."""
    facts: dict[str, Any] = {"file": str(path), "sha256": file_sha256(path)}
    manifest = path.parent / MANIFEST
    if manifest.is_file():
        about = read_json(manifest, DataError)
        if about.get("sha256", {}).get(path.name) == facts["sha256"]:
            facts["manifest"] = about
    return facts


def _asked(row: Mapping[str, Any]) -> list[str]:
    """The texts of a row of training data that may be a question: of its columns, or what its prompt says."""
    prompt = row.get("prompt", row.get("messages", row.get("text")))
    turns = prompt if isinstance(prompt, list) else [prompt]
    said = [turn.get("content") if isinstance(turn, dict) else turn for turn in turns]
    return [text for text in (*(row.get(name) for name in QUESTION), *said) if isinstance(text, str)]


def _problem(row: Mapping[str, Any], number: int, place: str) -> Problem:
    question = next((row[name] for name in QUESTION if isinstance(row.get(name), str)), None)
    reference = next((row[name] for name in GOLD if row.get(name) is not None), None)
    if not question or reference is None or isinstance(reference, bool):
        missing, names = ("a question", QUESTION) if not question else ("a reference answer", GOLD)
        raise DataError(
            f"{missing} in row {number + 1} of {place}, in one of the columns {', '.join(list(names)[:8])}",
            ", ".join(row) or "an empty row",
            "rename the column of your data that holds it",
        )
    text = next((str(row[name]) for name in ("solution", "answer", "gold") if row.get(name)), "")
    gold = answer_in(reference)
    worked = text if text and answer_in(text) != reference_text(text).strip() else None
    return Problem(number, question, gold, worked)
