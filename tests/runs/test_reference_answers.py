"""Which column is the reference answer: found where a harness writes it, and never the model's own answer."""

import json

import pytest

from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.records import both_of
from tests.runs.logs_of_runs import write_json_lines, write_lm_eval

QWEN = {"gt_cot": "...", "report": [None]}


def qwen(idx, gt, answer, said, pred, right):
    return {
        **QWEN,
        "idx": idx,
        "question": f"Question {idx}?",
        "gt": gt,
        "answer": answer,
        "code": [said],
        "pred": [pred],
        "score": [right],
    }


def verdicts(run):
    return [str(one.verdict.status) for one in judge_run(run)]


def golds(tmp_path, rows, **choice):
    return [
        row.gold for row in read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="math", **choice).rows
    ]


def test_an_answer_as_published_wins_over_one_that_cleaning_made_unreadable(tmp_path):
    """Qwen2.5-Math takes units out of its `gt`, and the m of p.m. with them; MMLU's `answer` is a choice's number."""
    rows = [
        qwen(0, "4:30p..", r"\text{4:30 p.m.}", r"So \boxed{4:30\text{ p.m.}}", "4:30p..", True),
        qwen(1, "18", "9 + 9 = 18\n#### 18", r"\boxed{18}", "18", True),
        qwen(2, "B", 1, r"\boxed{B}", "B", True),
        qwen(3, "7", "7", r"\boxed{8}", "8", False),
    ]
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="math")
    assert [row.gold for row in run.rows] == [r"\text{4:30 p.m.}", "18", "B", "7"]
    assert verdicts(run) == ["correct"] * 3 + ["incorrect"]


def test_the_same_columns_where_answer_is_the_models(tmp_path):
    """`answer` is what the model answered, right or wrong: then an unreadable `gt` stays one."""
    rows = [
        qwen(0, "4:30p..", "5:30 p.m.", r"So \boxed{5:30 p.m.}", "5:30 p.m.", False),
        qwen(1, "18", "17", r"\boxed{17}", "17", False),
    ]
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="math")
    assert verdicts(run) == ["gold_unreadable", "incorrect"]


NAMED = ["gold", "gt", "expected_answer", "ground_truth", "correct_answer", "target"]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("own", ["answer", "final_answer", "solution"])
def test_a_named_reference_wins_over_what_may_be_the_models(tmp_path, name, own):
    rows = [{"question": f"q{i}", own: "9", name: str(i), "response": r"\boxed{9}"} for i in range(3)]
    assert golds(tmp_path, rows) == ["0", "1", "2"]
    # Where a doc lacks it, the model's answer does not take its place.
    assert golds(tmp_path, [*rows, {"question": "q3", own: "9", name: None, "response": "9"}])[3] is None


def test_an_answer_that_differs_between_repeats_is_the_models(tmp_path):
    rows = [{"id": i, "question": f"q{i}", "answer": str(i + r), "response": "1", "repeat": r}
            for i in range(3) for r in (0, 1)]  # fmt: skip
    assert golds(tmp_path, rows) == [None] * 3
    for row in rows:
        row["answer"] = str(row["id"])
    assert golds(tmp_path, rows) == ["0", "1", "2"]


def test_a_problem_that_a_data_set_holds_twice_keeps_both_answers(tmp_path):
    rows = [{"question": f"q{max(i, 1)}", "answer": str(i), "response": "1"} for i in range(9)]
    assert golds(tmp_path, rows) == [str(i) for i in range(9)]


def test_an_answer_for_each_response_is_the_models(tmp_path):
    rows = [{"question": f"q{i}", "answer": ["1", "2"], "responses": ["1", "2"]} for i in range(3)]
    assert golds(tmp_path, rows) == [None] * 3
    # OlympiadBench's docs with two answers, among others with one.
    rows[0]["answer"] = ["5"]
    assert golds(tmp_path, rows) == ["5", "1, 2", "1, 2"]


@pytest.mark.parametrize(
    "name", ["pred", "prediction", "predicted_answer", "extracted_answer", "model_answer"]
)
def test_an_answer_that_is_the_prediction_even_where_it_is_wrong(tmp_path, name):
    rows = [
        {"question": f"q{i}", "answer": "4", name: "4", "response": "So 4", "correct": i > 0}
        for i in range(3)
    ]
    assert golds(tmp_path, rows) == [None] * 3
    for row in rows:
        row["correct"] = True
    assert golds(tmp_path, rows) == ["4"] * 3


def test_where_nothing_tells_it_is_said(tmp_path):
    rows = [{"question": f"q{i}", "answer": "4", "pred": "4", "response": "So 4"} for i in range(3)]
    (note,) = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="math").provenance.notes
    assert note.startswith("`answer` is the model's answer on every line")


# --- the same gold in a run and wherever its log is read

TWO_BOXES = r"$x^2=1$ has the solutions $\boxed{-1}$ and $\boxed{1}$."
REFERENCES = [
    (TWO_BOXES, "1"),
    ("np.arcsin(10/13)", r"\arcsin(10/13)"),
    ("5 + 6 = 11\n#### 11", "11"),
    ("27.0", "27.0"),
]


@pytest.mark.parametrize(("reference", "answer"), REFERENCES)
def test_the_answer_of_a_reference_is_taken_once(tmp_path, reference, answer):
    assert both_of(reference) == {"reference": reference, "gold": answer}
    rows = [{"question": "q", "solution": reference, "response": rf"\boxed{{{answer}}}"}]
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="math")
    assert (run.rows[0].reference, run.rows[0].gold) == (reference, answer)
    docs = write_json_lines(tmp_path / "docs.jsonl", [{"problem": "q", "solution": reference}])
    bare = write_json_lines(tmp_path / "bare.jsonl", [{"question": "q", "response": rf"\boxed{{{answer}}}"}])
    assert read_run(bare, task="math", gold=docs).rows[0].gold == answer
    assert verdicts(run) == ["correct"]


def test_the_target_of_a_log_is_its_gold(tmp_path):
    """A data set corrected by the task: what the doc says stays beside it, as published."""
    log = write_lm_eval(tmp_path / "log", [{"question": "q", "gold": "18"}], [r"\boxed{18}"], scores=[1])
    samples = next(log.glob("samples_*"))
    line = json.loads(samples.read_text())
    bare = {key: value for key, value in line.items() if not key.endswith("_hash")}
    write_json_lines(samples, [{**bare, "doc": {"problem": "q", "solution": TWO_BOXES}, "target": "18"}])
    (row,) = read_run(log).rows
    assert (row.reference, row.gold) == (TWO_BOXES, "18")


def test_the_answers_that_a_user_names_win_where_their_questions_are_the_same(tmp_path):
    rows = [
        {"id": i, "question": f"What is the answer to {i}?", "gold": "9", "response": "9"} for i in range(3)
    ]
    log = write_json_lines(tmp_path / "x.jsonl", rows)
    mended = [{"id": i, "question": f"What is the answer to {i}?", "answer": str(9 - i)} for i in range(2)]
    run = read_run(log, gold=write_json_lines(tmp_path / "gold.jsonl", mended))
    assert [row.gold for row in run.rows] == ["9", "8", "9"]
    assert run.provenance.notes == ("1 reference answers are those of gold.jsonl, not the log's",)
    # Another set with the same ids changes nothing, and a note says so.
    other = [{"id": i, "question": f"Something else, {i}?", "answer": "1"} for i in range(3)]
    run = read_run(log, gold=write_json_lines(tmp_path / "other.jsonl", other))
    assert [row.gold for row in run.rows] == ["9"] * 3
    assert "has none of these questions" in run.provenance.notes[0]
