"""On every doc of the real sets: gold grades gold, and the reference solution, as a response, is graded correct.

Exceptions are listed by doc with their reason: a list that grows, or an entry that is no longer true, fails.
"""

import re

import pytest

from lm_eval_mathtasks import extract_answer, grade, hooks
from tests.conftest import shared_rows

BOTH = "boxes two answers, of which the official gold is the last: mended in tasks/math/_errata.yaml"
# (set, doc): why the reference solution as a response is not graded correct.
SOLUTION_EXCEPTIONS: dict[tuple[str, int], str] = {
    **{("math_test", doc): BOTH for doc in (414, 2549, 2703, 2716, 2912, 4559, 4860)},
}
GOLD_EXCEPTIONS: dict[tuple[str, int], str] = {}


def gsm8k(row):
    return row["answer"].rsplit("####", 1)[-1].strip(), row["answer"]


def bare(gold):
    """Without the dollar signs around formulas; an escaped one is money."""
    return re.sub(r"(?<!\\)\$", "", gold)


def integer(row):
    return hooks.gold({"gold": row["answer"]}), row.get("solution")


# set: (docs, gold and solution of a row)
SETS = {
    "gsm8k_test": (1319, gsm8k),
    "gsm8k_train": (7473, gsm8k),
    "math500": (500, lambda row: (row["answer"], row["solution"])),
    "math_test": (5000, lambda row: (hooks.gold(row), row["solution"])),
    "amc23": (40, integer),
    "aime24": (30, integer),
    "olympiadbench": (675, lambda row: (hooks.gold({"gold": row["final_answer"]}), None)),
}


@pytest.fixture(scope="module", params=SETS)
def rows(request):
    docs, parts = SETS[request.param]
    found = [parts(row) for row in shared_rows(f"data/{request.param}.jsonl")]
    assert len(found) == docs
    return request.param, found


def test_gold_grades_gold(rows):
    name, found = rows
    wrong = {(name, i) for i, (gold, _) in enumerate(found) if not grade(gold=gold, pred=gold).correct}
    assert wrong == {key for key in GOLD_EXCEPTIONS if key[0] == name}


def test_the_reference_solution_is_a_correct_response(rows):
    name, found = rows
    wrong = {
        (name, i)
        for i, (gold, solution) in enumerate(found)
        if solution is not None and not grade(gold=gold, pred=extract_answer(solution).answer).correct
    }
    assert wrong == {key for key in SOLUTION_EXCEPTIONS if key[0] == name}


def test_every_gold_in_a_box_is_a_correct_response(rows):
    """What a model would write: the gold alone in a box, without its dollar signs."""
    name, found = rows
    wrong = {
        (name, i)
        for i, (gold, _) in enumerate(found)
        if not grade(gold=gold, pred=extract_answer(f"So $\\boxed{{{bare(gold)}}}$.").answer).correct
    }
    assert not wrong


def test_several_answers_count_in_any_order_and_only_together():
    """OlympiadBench's docs with several answers: reversed; each in a box; one missing, one too many."""
    reordered, joined, fewer, more = [], [], [], []
    for doc, row in enumerate(shared_rows("data/olympiadbench.jsonl")):
        gold = row["final_answer"][0]
        parts = _parts(bare(gold))
        if len(set(parts)) < 2 or "where" in gold:  # doc 73 states a condition in words
            continue
        boxes = " and ".join(f"$\\boxed{{{part}}}$" for part in parts)
        forms = (
            (reordered, ", ".join(reversed(parts)), True),
            (joined, extract_answer(f"They are {boxes}.").answer, True),
            (fewer, ", ".join(parts[:-1]), False),
            (more, ", ".join([*parts, "98765"]), False),
        )
        for wrong, pred, right in forms:
            if grade(gold=gold, pred=pred).correct is not right:
                wrong.append((doc, pred))
    assert reordered == joined == fewer == more == []


def _parts(answers):
    """Split at the commas that no bracket encloses."""
    parts, depth = [""], 0
    for char in answers:
        depth += (char in "([{") - (char in ")]}")
        parts = [*parts, ""] if char == "," and depth == 0 else [*parts[:-1], parts[-1] + char]
    return [part.strip() for part in parts]
