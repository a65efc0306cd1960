"""Verdicts on pairs: every row of cases/equivalence.jsonl, statuses, batches, and the real data."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lm_eval_mathtasks import extract_answer
from lm_eval_mathtasks.grading import Status, Verdict, batch, grade, grade_many, normal_form
from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS
from tests.conftest import ROOT, read_jsonl, shared_rows

CASES = read_jsonl(Path(__file__).parents[1] / "cases" / "equivalence.jsonl")
# For what must be decided: a busy machine may take longer than the second that a user waits.
UNHURRIED_S = 30.0


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_case(case):
    verdict = grade(gold=case["gold"], pred=case["pred"], deadline=UNHURRIED_S)
    assert verdict.status.value == case["status"], (case, verdict)


@pytest.mark.parametrize("digits", ["1" * 60, "1 " * 300, "1st, " * 300, "May " * 300])
def test_long_dates_take_no_time(digits):
    """Read in every way that it can be split, a long number would take longer than anyone waits."""
    assert grade(gold="May 5", pred=f"May {digits}x").status is not Status.CORRECT
    assert grade(gold="x+1", pred=f"{digits}x").status is not Status.CORRECT


def test_every_positive_case_has_a_near_miss_twin():
    by_gold = Counter((c["gold"], c["status"]) for c in CASES)
    assert len(CASES) > 700
    for gold, status in by_gold:
        # nothing is proven wrong by a reference that nobody can read
        twins = ("incorrect", "gold_unreadable") if status == "correct" else ("correct",)
        assert any(by_gold[gold, twin] for twin in twins), f"{gold}: only {status}"
    assert all(c["source"] for c in CASES)
    assert len({c["id"] for c in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("gold", "pred", "status"),
    [
        ("5", None, Status.NO_ANSWER),
        ("5", "", Status.NO_ANSWER),
        ("5", "  \n", Status.NO_ANSWER),
        ("", "5", Status.GOLD_UNREADABLE),
        (None, "5", Status.GOLD_UNREADABLE),
        (None, None, Status.NO_ANSWER),
        ("(((", "5", Status.GOLD_UNREADABLE),
        ("5", r"\frac{1}{", Status.UNPARSABLE),
        ("5", "7 8 9", Status.UNPARSABLE),
        ("5", "x" * (MAX_ANSWER_CHARS + 1), Status.OVER_LIMIT),
        ("5", "9^{9^{9^9}}", Status.OVER_LIMIT),
        ("5", "(10^5)!!", Status.OVER_LIMIT),
        ("5", "6", Status.INCORRECT),
        ("5", "5", Status.CORRECT),
    ],
)
def test_statuses_are_different_facts(gold, pred, status):
    assert grade(gold=gold, pred=pred, deadline=UNHURRIED_S).status is status


def test_a_fault_of_ours_is_no_wrong_answer(monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(sys.modules[grade.__module__], "equivalent", broken)
    verdict = grade(gold="1", pred="2")
    assert verdict.status is Status.OVER_LIMIT
    assert "a bug" in verdict.reason


def test_numbers_are_read_as_their_text():
    assert grade(gold=277, pred="277").correct
    assert grade(gold=27.0, pred="27").correct
    assert grade(gold="277", pred=277).correct
    assert grade(gold=277, pred="278").status is Status.INCORRECT


def test_none_equals_nothing():
    assert not grade(gold="", pred=None).correct
    assert not grade(gold="", pred="").correct


def test_same_text_is_correct_even_where_nothing_reads_it():
    assert grade(gold="$(a \\to b$", pred="(a \\to b").correct


def test_two_thousand_digit_integers_are_compared():
    long = "7" * 3_000
    assert grade(gold=long, pred=long).correct
    assert grade(gold=long, pred=long[:-1] + "8").status is Status.INCORRECT


@pytest.mark.parametrize(
    ("gold", "pred", "tier"),
    [
        ("12", "12.0", "number"),
        (r"\frac12x", r"\frac{1}{2}x", "structure"),
        (r"x \to 0", r"$x \to 0$", "text"),
        ("(x+1)^2", "x^2+2x+1", "exact"),
        (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", "exact"),
        ("1-1/e", "1+1/e", "numeric"),
        (r"\sec^2 y", r"1+\tan^2 y", "symbolic"),
        ("(1,2)", "(2,1)", "number"),
        ("(1,2)", "(1,2,3)", "structure"),
    ],
)
def test_the_verdict_names_the_tier_that_decided(gold, pred, tier):
    assert grade(gold=gold, pred=pred, deadline=UNHURRIED_S).tier == tier


def test_gold_and_prediction_are_not_symmetric_where_the_gold_asks():
    assert grade(gold="(1,3)", pred=r"\{1,3\}").correct
    assert grade(gold="5", pred="x+y=5").correct
    assert not grade(gold="x+y=5", pred="5").correct
    assert grade(gold="5", pred="5 m").correct
    assert not grade(gold="5 m", pred="5").correct  # a variable of the gold is not a unit


def test_grade_many_keeps_order_and_grades_each_pair_once(monkeypatch):
    asked = []

    def counting(*, gold, pred):
        asked.append((gold, pred))
        return Verdict(Status.CORRECT, "", "text")

    monkeypatch.setattr(batch, "grade", counting)
    pairs = [("1", "1"), ("1", "2"), ("1", "1"), ("1", None)] * 50
    assert len(grade_many(iter(pairs))) == len(pairs)
    assert asked == [("1", "1"), ("1", "2"), ("1", None)]


def test_grade_many_with_processes_agrees_with_grade():
    pairs = [(c["gold"], c["pred"]) for c in CASES[::20]] + [("1", None)]
    assert grade_many(pairs, workers=2) == [grade(gold=g, pred=p) for g, p in pairs]


@pytest.mark.parametrize(
    "entry", ["lm_eval_mathtasks.grading.batch.absent", "tests.grading.children_of_tests.serve_deaths"]
)
def test_a_failing_child_loses_no_pair(monkeypatch, entry):
    monkeypatch.setattr(batch, "_ENTRY", entry)
    statuses = [v.status.value for v in grade_many([("1", "1"), ("1", "2"), (None, "2")], workers=2)]
    assert statuses == ["correct", "incorrect", "gold_unreadable"]


def test_grade_many_with_processes_from_several_threads():
    pairs = [(str(k), str(k % 7)) for k in range(20)]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: grade_many(pairs, workers=2), range(3)))
    assert found == [[grade(gold=g, pred=p) for g, p in pairs]] * 3


def test_a_script_without_main_guard_grades_in_processes_and_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from lm_eval_mathtasks.grading import grade_many\n"
        "print('once', [v.correct for v in grade_many([('1', '1'), ('1', '2')], workers=2)])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    out = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=True)
    assert out.stdout == "once [True, False]\n"


def test_the_examples_of_the_readme_hold():
    readme = Path(sys.modules[grade.__module__].__file__).with_name("README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^(grade\(.*\)) +# (\w+)", readme, flags=re.MULTILINE)
    assert len(examples) >= 3
    for call, status in examples:
        arguments = {k.arg: ast.literal_eval(k.value) for k in ast.parse(call, mode="eval").body.keywords}
        assert grade(**arguments, deadline=UNHURRIED_S).status.value == status, call


def test_normal_form_shows_the_readings():
    assert normal_form(r"$\dfrac{1}{2}$") == "\\frac{1}{2}\n  1/2"
    assert "not understood" in normal_form("(((")
    assert "characters" in normal_form("x" * 10**5)


# Real data: every reference answer is understood, and is itself in another spelling.
GOLDS = {
    "data/gsm8k_test.jsonl": (1319, lambda r: r["answer"].split("####")[-1].strip()),
    "data/math500.jsonl": (500, lambda r: r["answer"]),
    "data/math_test.jsonl": (5000, lambda r: extract_answer(r["solution"]).answer),
    "data/amc23.jsonl": (40, lambda r: str(r["answer"])),
    "data/aime24.jsonl": (30, lambda r: str(r["answer"])),
    "data/olympiadbench.jsonl": (675, lambda r: ", ".join(r["final_answer"])),
}


@pytest.mark.parametrize("name", GOLDS)
def test_every_reference_answer_is_understood(name):
    count, gold_of = GOLDS[name]
    golds = [gold_of(row) for row in shared_rows(name)]
    assert len(golds) == count
    for gold in golds:
        assert (
            grade(gold=gold, pred=f"\\boxed{{{gold}}} ".replace(r"\frac", r"\dfrac")).correct or "$" in gold
        ), gold
        assert "not understood" not in normal_form(gold), gold


def test_answers_of_different_problems_are_unequal():
    rows = shared_rows("labelled/pairs_unequal_math500_half.jsonl")
    wrong = [
        r
        for r in rows
        if grade(gold=r["gold"], pred=r["pred"], deadline=UNHURRIED_S).status is not Status.INCORRECT
    ]
    assert len(rows) == 2532
    assert not wrong


def test_adjudicated_real_predictions():
    rows = shared_rows("labelled/pairs_real_math_half.jsonl")
    wrong = [
        r["id"]
        for r in rows
        if grade(gold=r["gold"], pred=r["pred"], deadline=UNHURRIED_S).correct != r["label"]
    ]
    assert not wrong


def test_reported_mistakes_are_judged_right():
    """Kinds of mistakes found on real outputs and in public reports; `right` is null where it is a convention."""
    rows = [row for row in shared_rows("wild/grading.jsonl") if row["right"] is not None]
    assert len(rows) == 102
    wrong = []
    for row in rows:
        answer = row["pred"] if "pred" in row else extract_answer(row["response"]).answer
        if grade(gold=row["gold"], pred=answer).correct is not row["right"]:
            wrong.append(row)
    assert wrong == []
