"""On every doc of the real sets: gold grades gold, and the reference solution, as a response, is graded correct.

Exceptions are listed by doc with their reason: a list that grows, or an entry that is no longer true, fails.
"""

import pytest

from lm_eval_mathtasks import extract_answer, grade
from tests.conftest import shared_rows

# (set, doc): why the reference solution as a response is not graded correct.
SOLUTION_EXCEPTIONS: dict[tuple[str, int], str] = {}
GOLD_EXCEPTIONS: dict[tuple[str, int], str] = {}


def gsm8k(row):
    return row["answer"].rsplit("####", 1)[-1].strip(), row["answer"]


def boxed(row):
    """MATH's full test set has no answer column: the gold is what our own extraction finds in the solution."""
    return extract_answer(row["solution"]).answer, row["solution"]


# set: (docs, gold and solution of a row)
SETS = {
    "gsm8k_test": (1319, gsm8k),
    "gsm8k_train": (7473, gsm8k),
    "math500": (500, lambda row: (row["answer"], row["solution"])),
    "math_test": (5000, boxed),
    "amc23": (40, lambda row: (str(row["answer"]), None)),
    "aime24": (30, lambda row: (str(row["answer"]), row["solution"])),
    "olympiadbench": (675, lambda row: (row["final_answer"][0], None)),
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
