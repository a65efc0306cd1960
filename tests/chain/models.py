"""The docs and the models of the law, and what is true of every response: the table that all commands must agree with.

The docs are ours, a dozen for every set of `problems.sets` that is not bundled, with the references that have once been
read in two ways: solutions with two boxes and with a box in a box, Python code, a formula broken in two, lists, leading
zeros, thousands commas, a tolerance, and answers that nobody can read.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lm_eval_mathtasks.grading.judge import judge
from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.problems.sets import Source, known_sets
from tests.host.scripted import manager

SEED = 11
NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Fact(NamedTuple):
    """What is true of one response. status: of its verdict, or "api_error"; cut_off: surely, likely or None."""

    status: str
    cut_off: str | None = None


NO_RESPONSE = Fact("api_error")
Facts = dict[str, tuple[Fact, ...]]  # by doc id, in the order of the repeats


class Kind(NamedTuple):
    """A kind of response. text: GOLD stands for the reference answer, NEAR for one within the tolerance where there is
    one; fact: what is true of it where the reference answer is a number; error: why there is no response."""

    text: str
    fact: Fact
    finish: str | None = None
    error: str | None = None


RIGHT = Kind(r"Adding both gives \boxed{NEAR}.", Fact("correct"), "stop")
WRONG = Kind(r"Adding both gives \boxed{987654321}.", Fact("incorrect"), "stop")
SILENT = Kind("I do not know how to go on.", Fact("no_answer"), "stop")
EMPTY = Kind("", Fact("no_answer"))
CUT_EMPTY = Kind("", Fact("unfinished", "surely"), "length")
# Its text alone does not tell that it was cut off.
CUT = Kind("First we add 3 and 4, which gives 7. Then we go on.", Fact("unfinished", "surely"), "length")
CUT_AFTER_RIGHT = Kind(r"It is \boxed{NEAR}. To check this, we put", Fact("correct", "surely"), "length")
CUT_AFTER_WRONG = Kind(
    r"It is \boxed{987654321}. To check this, we put", Fact("incorrect", "surely"), "length"
)
CUT_IN_THINKING = Kind("<think>\nLet me add 3 and 4: that is", Fact("unfinished", "surely"), "length")
CUT_IN_FORMULA = Kind(r"So we have $x = \frac{1}{", Fact("unfinished", "likely"))
UNFINISHED_THINKING = Kind("<think>\nLet me add 3 and 4: that is 7.", Fact("unfinished", "surely"))
# The model ended these itself, or at a stop string: no limit cut them, and a larger one would not help.
STOPPED_IN_THINKING = UNFINISHED_THINKING._replace(fact=Fact("no_answer"), finish="stop")
STOPPED_IN_FORMULA = CUT_IN_FORMULA._replace(fact=Fact("no_answer"), finish="stop_sequence")
UNREADABLE = Kind("Line\u2028separator \ud800. \\boxed{@@@}", Fact("unparsable"), "stop")
TOO_BIG = Kind(r"It is \boxed{9^{9^{9^9}}}.", Fact("over_limit"), "stop")
LOST = Kind("", NO_RESPONSE, error="the server never answered")

MIXTURE = (
    RIGHT, WRONG, SILENT, EMPTY, CUT, CUT_AFTER_RIGHT, CUT_AFTER_WRONG, CUT_IN_THINKING, CUT_IN_FORMULA,
    UNFINISHED_THINKING, STOPPED_IN_THINKING, STOPPED_IN_FORMULA, UNREADABLE, TOO_BIG, LOST,
)  # fmt: skip
MODELS: dict[str, tuple[Kind, ...]] = {
    "perfect": (RIGHT._replace(text=r"\boxed{GOLD}", finish=None),),
    "empty": (EMPTY,),
    "cut by finish reason": (
        CUT,
        CUT_AFTER_RIGHT,
        CUT_IN_THINKING,
        CUT_AFTER_WRONG,
        CUT_EMPTY,
    ),
    "cut by text": (CUT_IN_FORMULA, UNFINISHED_THINKING),
    "mixture": MIXTURE,
    "answers and errors": (RIGHT._replace(finish=None), WRONG._replace(finish=None), LOST),
}


class Doc(NamedTuple):
    """A doc of a task as its hooks give it. tolerance: absolute, None where the set states none."""

    doc_id: str
    question: str
    gold: str
    tolerance: float | None


def task_names() -> list[str]:
    """Every task there is: every YAML whose `task` is a name (in a group's it is a list)."""
    found = []
    for path in sorted(data_folder("tasks").rglob("*.yaml")):
        text = path.read_text(encoding="utf-8").replace("!function ", "")
        name = yaml.safe_load(text).get("task")
        found += [name] if isinstance(name, str) else []
    return found


def docs_of(tasks: Sequence[str]) -> dict[str, list[Doc]]:
    """Return the docs of tasks as lm-eval loads them, from wherever MATHTASKS_DATA_DIR says."""
    loaded = manager().load(list(tasks))["tasks"]
    return {
        name: [_doc(loaded[name], i, doc) for i, doc in enumerate(loaded[name].test_docs())] for name in tasks
    }


def _doc(task: Any, number: int, doc: Mapping[str, Any]) -> Doc:
    tolerance = as_tolerance(str(doc.get("error") or ""))
    return Doc(str(number), str(doc["question"]), str(task.doc_to_target(doc)), tolerance)


# --- docs of ours


def write_sets(folder: Path) -> Path:
    """Write a dozen docs of every set that is not bundled, in its original columns; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in known_sets().values():
        if not source.bundled:
            lines = [json.dumps(row) + "\n" for row in _rows(source)]
            (folder / f"{source.name}_{source.split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


NUMBERS = ("18", "7", "-4", "1,200", "35", "600", "13", "2", "64", "90", "1,000,000", "5")
FORMULAS = (
    "18", r"\frac{3}{4}", "(1,2)", r"2\sqrt{3}", "x^2+1", r"\text{even}", "7", "64", "-5", "0", "12", r"3\pi",
)  # fmt: skip
UNREADABLE_GOLD = "]][["


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    """A row for each reference of `_golds`, with every column that hooks and prompts look at."""
    form = re.compile(source.gold_pattern or "(?s).*")
    for number, gold in enumerate(gold for gold in _golds(source.name) if form.fullmatch(str(gold))):
        yield {
            **{column: value for column, value in source.where.items() if column != source.gold},
            **({source.body: "Some numbers are added."} if source.body else {}),
            source.question: f"Problem {number} of {source.name}: which number is meant?",
            source.gold: gold,
            "subject" if source.name == "math500" else "type": ("Algebra", "Geometry")[number % 2],
            "level": f"Level {1 + number % 5}" if source.name == "math" else 1 + number % 5,
            **(_olympiad_columns(gold) if source.name == "olympiadbench" else {}),
            "perturbation_type": ("numerical variation", "critical thinking")[number % 2],
            "instance": number % 3,
            **{"table": "a | b\n1 | 2", "table_title": None, "choices": None},
        }


def _olympiad_columns(gold: list[str]) -> dict[str, Any]:
    tolerance = "0.01" if NUMBER.fullmatch(gold[0]) and len(gold) == 1 else None
    return {"error": tolerance, "is_multiple_answer": len(gold) > 1, "unit": None}


def _golds(name: str) -> list[Any]:
    if name in ("gsm8k", "gsm8k-platinum") or name.startswith("gsm-symbolic"):
        return [f"3 + 4 = 7 #### 7, and so on\n#### {number}" for number in NUMBERS]
    if name == "amc23":
        return [float(number.replace(",", "")) for number in NUMBERS]
    if name in ("aime24", "aime25", "aime26", "beyond-aime"):
        return ["073", "204", "000", "7", "025", "512", "64", "100", "999", "1", "33", "081"]
    if name == "math":
        boxes = [rf"Hence $x=\boxed{{{gold}}}$." for gold in (*FORMULAS, UNREADABLE_GOLD)]
        boxes += [r"So $x=\boxed{-2}$ or $x=\boxed{1}$.", r"So $\boxed{\text{all } x > \fbox{3}}$."]
        return boxes
    if name == "minerva-math":
        return [*FORMULAS, "np.arcsin(10/13)", "x^{2} $ $ +1", "4.5e33", UNREADABLE_GOLD]
    if name == "olympiadbench":
        lists = [["3", "5"], ["3.14"], [r"$\frac{1}{3}$"], ["$2$,$-2$"]]
        return [*lists, *([gold] for gold in FORMULAS), [UNREADABLE_GOLD]]
    return [*FORMULAS, "-2, 1", r"\text{(A)}", UNREADABLE_GOLD]


# --- models and what is true of their responses


class Answers(NamedTuple):
    """What a model says to every doc of every task, as a file for `replay`, and what is true of each response."""

    path: Path
    truth: dict[str, Facts]


def write_answers(path: Path, docs: Mapping[str, Sequence[Doc]], model: str, k: int) -> Answers:
    """Write k responses of a model of `MODELS` to every doc; every kind of it comes once before one comes twice."""
    lines, truth = [], {}
    for task, listed in docs.items():
        drawn, facts = _shuffled(MODELS[model], random.Random(f"{SEED} {task} {model} {k}")), {}
        for doc in listed:
            # One doc of the mixture was never answered at all.
            never = model == "mixture" and k > 1 and doc.doc_id == "2"
            given = [LOST if never else next(drawn) for _ in range(k)]
            facts[doc.doc_id] = tuple(true_of(kind, doc) for kind in given)
            lines += [_line(task, doc, repeat, kind) for repeat, kind in enumerate(given)]
        truth[task] = facts
    path.write_text("".join(lines), encoding="utf-8")
    return Answers(path, truth)


def _shuffled(kinds: Sequence[Kind], chance: random.Random) -> Iterator[Kind]:
    while True:
        yield from chance.sample(kinds, len(kinds))


def text_of(kind: Kind, doc: Doc) -> str:
    near = f"{float(doc.gold) + doc.tolerance / 2:g}" if doc.tolerance else doc.gold
    return kind.text.replace("GOLD", doc.gold).replace("NEAR", near)


def _line(task: str, doc: Doc, repeat: int, kind: Kind) -> str:
    row = {"task": task, "doc_id": int(doc.doc_id), "repeat": repeat, "response": text_of(kind, doc)}
    told = {"finish_reason": kind.finish, "error": kind.error}
    return json.dumps({**row, **{key: value for key, value in told.items() if value}}) + "\n"


def true_of(kind: Kind, doc: Doc) -> Fact:
    """What our judge says of the response with everything in hand: text, reference answer, finish reason, tolerance."""
    if kind.error:
        return NO_RESPONSE
    found = judge(text_of(kind, doc), gold=doc.gold, finish_reason=kind.finish, tolerance=doc.tolerance)
    fact = Fact(str(found.verdict.status), found.cut_off)
    # The judge itself is held to what the response was made for, where no reference answer can make it another.
    assert fact == kind.fact or not NUMBER.fullmatch(doc.gold), (kind, doc)
    return fact
