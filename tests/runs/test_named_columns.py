"""Lines whose columns the user names, and what a path says that the lines do not."""

import pytest

from lm_eval_mathtasks.commands.arguments import column_names
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.decoding import shaped_by
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run, read_runs
from tests.runs.logs_of_runs import write_json_lines

ROWS = [{"key": f"k{i}", "ask": f"What is {i} + 1?", "truth": str(i + 1), "said": f"\\boxed{{{i + 1}}}", "good": True,
         "response": "a summary", "gold": "0"} for i in range(4)]  # fmt: skip
CHOSEN = {"response": "said", "gold": "truth", "question": "ask", "id": "key", "verdict": "good"}


def test_columns_that_are_named_win_over_those_that_are_known(tmp_path):
    run = read_run(write_json_lines(tmp_path / "x.jsonl", ROWS), task="t", columns=CHOSEN)
    assert [(row.doc_id, row.question, row.gold, row.score) for row in run.rows] == [
        (f"k{i}", f"What is {i} + 1?", str(i + 1), 1.0) for i in range(4)
    ]
    assert all(one.verdict.correct for one in judge_run(run))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"response": "text"}, "a column `text` in line 1 of .*only key, ask"),
        ({"reply": "said"}, "FACT being one of"),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path, chosen, message):
    with pytest.raises(EvidenceError, match=message):
        read_run(write_json_lines(tmp_path / "x.jsonl", ROWS), columns=chosen)


def test_columns_on_the_command_line():
    assert column_names("response=model_generation, gold=answer") == {
        "response": "model_generation",
        "gold": "answer",
    }
    assert column_names(None) == {}
    for wrong in ("response", "response=", "response=a,gold"):
        with pytest.raises(EvidenceError, match="FACT=NAME"):
            column_names(wrong)


def test_the_generation_is_the_response_and_pred_never_is(tmp_path):
    """Graders of Omni-MATH keep both: a response without an answer has an empty `pred`, and is not empty."""
    rows = [{"problem": "p?", "gt": "5", "answer": "5", "model_generation": "I do not know.", "pred": ""},
            {"problem": "q?", "gt": "6", "answer": "6", "model_generation": "So \\boxed{6}.", "pred": "6"}]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="omni")
    assert [row.responses for row in run.rows] == [("I do not know.",), ("So \\boxed{6}.",)]
    bare = [{key: row[key] for key in ("problem", "gt", "pred")} for row in rows]
    path = write_json_lines(tmp_path / "bare.jsonl", bare)
    with pytest.raises(EvidenceError, match=r"only problem, gt, pred\..*--columns response=NAME"):
        read_run(path)
    assert read_run(path, columns={"response": "pred"}).rows[1].responses == ("6",)


def test_a_column_that_may_be_the_answer_alone_is_said(tmp_path):
    rows = [{"question": "p?", "gold": "5", "prediction": "So \\boxed{5}."}]
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="t")
    assert "column `prediction` is taken for the response" in run.provenance.notes[0]


LINE = {
    "idx": 0,
    "question": "q?",
    "gt_cot": "...",
    "gt": "5",
    "code": ["\\boxed{5}"],
    "pred": ["5"],
    "report": [None],
}
FILE = "test_tora_-1_seed0_t0.0_s0_e1319.jsonl"


@pytest.mark.parametrize(
    ("folder", "below", "label"),
    [
        ("llm-agents/tora-70b-v1.0/gsm8k", "", "llm-agents/tora-70b-v1.0 · gsm8k"),
        ("outputs/tora-70b-v1.0/gsm8k", "", "tora-70b-v1.0 · gsm8k"),
        ("mine/gsm8k", "", "mine · gsm8k"),
        # Above what was named, a folder counts where it can only be a model's.
        ("tora-70b-v1.0/gsm8k", "tora-70b-v1.0/gsm8k", "tora-70b-v1.0 · gsm8k"),
        ("mine/gsm8k", "mine/gsm8k", "unnamed model · unnamed task"),
    ],
)
def test_model_and_data_set_are_in_the_path(tmp_path, folder, below, label):
    write_json_lines(tmp_path / folder / FILE, [LINE])
    assert [run.label for run in read_runs(tmp_path / below)] == [label]


@pytest.mark.parametrize(
    ("place", "label"),
    [
        ("outputs/toy-7B/gsm8k/predictions.jsonl", "toy-7B · gsm8k"),
        ("toy-7B/math500/out.jsonl", "toy-7B · math500"),
        ("outputs/gsm8k/out.jsonl", "unnamed model · unnamed task"),
        ("toy-7B/monday/out.jsonl", "unnamed model · unnamed task"),
    ],
)
def test_folders_name_what_lines_do_not(tmp_path, place, label):
    rows = [{"question": row["ask"], "gold": row["truth"], "response": row["said"]} for row in ROWS]
    file = write_json_lines(tmp_path / place, rows)
    assert [run.label for run in read_runs(file)] == [label]
    named = [{**row, "model": "acme/other", "task": "t"} for row in rows]
    assert [run.label for run in read_runs(write_json_lines(file.with_name("b.jsonl"), named))] == [
        "acme/other · t"
    ]


ROLLOUT = {"prompt": "q?", "completion": "\\boxed{5}", "accuracy_reward": 1.0, "advantage": 0.5}
VALIDATION = {"input": "q?", "output": "\\boxed{5}", "gts": "5", "score": 1.0}


@pytest.mark.parametrize("line", [ROLLOUT, VALIDATION], ids=["TRL", "verl"])
def test_rollouts_of_several_training_steps_are_not_one_model(tmp_path, line):
    path = write_json_lines(tmp_path / "x.jsonl", [{**line, "step": step} for step in (10, 20)])
    with pytest.raises(EvidenceError, match="the rollouts of 2 training steps"):
        read_run(path)
    run = read_run(write_json_lines(tmp_path / "y.jsonl", [{**line, "step": 10}]))
    assert (run.rows[0].question, run.rows[0].responses) == ("q?", ("\\boxed{5}",))


def test_another_name_for_the_model_in_the_log_is_named(tmp_path):
    rows = [{**row, "base_model": "acme/toy-7B", "model": "me/toy-tuned"} for row in ROWS]
    chosen = {**CHOSEN, "model": "base_model"}
    (run,) = read_runs(write_json_lines(tmp_path / "x.jsonl", rows), task="t", columns=chosen)
    assert run.model == "acme/toy-7B"
    assert shaped_by(run.provenance.settings)["other_model"] == "me/toy-tuned"
    same = [{**row, "model": "acme/toy-7B"} for row in ROWS]
    (run,) = read_runs(
        write_json_lines(tmp_path / "y.jsonl", same), task="t", columns={**CHOSEN, "model": "model"}
    )
    assert "other_model" not in shaped_by(run.provenance.settings)
