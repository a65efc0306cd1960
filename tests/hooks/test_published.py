"""Real responses with known scores, through `replay` and our tasks: the published accuracy comes out, or why not.

Every doc where our verdict is not the label is listed here, so that a change of the grader shows up as a change of
this list.
"""

import json

import pytest
from lm_eval.evaluator import simple_evaluate

from lm_eval_mathtasks.models.replay import Replay
from lm_eval_mathtasks.text import collapsed
from tests.conftest import SHARED, shared_rows
from tests.host.scripted import manager

PROMPT_FRAME = (
    "Question:\n",
    "\nAnswer:\nLet's think step by step.\n",
)  # Abel's files hold prompts, not questions
FIRST_NUMBER = (
    'the response says "the answer is 90 + 90 = 180"; its publisher read the first number as the answer'
)
LOOP = "the response repeats itself until it is cut off and never answers; the publisher credits a digit in the loop"
LAST_NUMBER = (
    'the response ends "160 red roses by 5 pm" or the like; its publisher read the last number as the answer'
)
COMPOUND = 'the question asks how long; "3 hours and 45 minutes" is the 225 minutes of the gold'

# file, model, dataset, task, docs, published accuracy and ours (percent), docs where we differ from the label and why;
# the accuracies differ by these docs and by labels that were corrected since
SETS = [
    ("gpt3_gsm8k", "gpt3-6b_finetuning", "gsm8k", "gsm8k-cot-zeroshot", 1319, 21.68, 21.68, {}),
    ("gpt3_gsm8k", "gpt3-6b_verification", "gsm8k", "gsm8k-cot-zeroshot", 1319, 39.04, 39.04, {}),
    ("gpt3_gsm8k", "gpt3-175b_finetuning", "gsm8k", "gsm8k-cot-zeroshot", 1319, 34.72, 34.72, {}),
    ("gpt3_gsm8k", "gpt3-175b_verification", "gsm8k", "gsm8k-cot-zeroshot", 1319, 56.25, 56.25, {}),
    ("abel_gsm8k", "abel-7b", "gsm8k", "gsm8k-cot-zeroshot", 1319, 59.74, 59.74, {}),
    ("abel_gsm8k", "abel-13b", "gsm8k", "gsm8k-cot-zeroshot", 1319, 66.41, 66.49, {}),
    ("abel_gsm8k", "abel-70b", "gsm8k", "gsm8k-cot-zeroshot", 1319, 83.62, 83.62, {}),
    ("rho_gsm8k", "rho-math-1b-v0.1", "gsm8k", "gsm8k-cot-zeroshot", 1319, 36.2, 36.01,
     {**dict.fromkeys((16, 908), FIRST_NUMBER), **dict.fromkeys((111, 504), LOOP)}),
    ("rho_gsm8k", "rho-math-7b-v0.1", "gsm8k", "gsm8k-cot-zeroshot", 1319, 66.9, 67.40,
     {**dict.fromkeys((53, 138, 509, 669, 844), FIRST_NUMBER), **dict.fromkeys((181, 760), LAST_NUMBER),
      1218: COMPOUND}),
    ("rho_math500", "rho-math-7b-v0.1", "math500", "math500", 500, 31.0, 33.2, {377: LOOP}),
    ("rho_math500", "rho-math-1b-interpreter-v0.1", "math500", "math500", 500, 40.6, 40.8, {}),
]  # fmt: skip


def question(text):
    start, end = PROMPT_FRAME
    return text.removeprefix(start).removesuffix(end)


@pytest.mark.parametrize(
    ("file", "model", "dataset", "task", "docs", "published", "ours", "differ"),
    SETS,
    ids=[entry[1] for entry in SETS],
)
def test_published(file, model, dataset, task, docs, published, ours, differ, tmp_path):
    everything = shared_rows(f"labelled/responses_{file}.jsonl")
    rows = [row for row in everything if (row["model"], row["dataset"]) == (model, dataset)]
    assert len(rows) == docs
    path = tmp_path / "responses.jsonl"
    lines = [{"question": question(row["question"]), "response": row["response"]} for row in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = simple_evaluate(
        model=Replay(path=str(path)),
        tasks=[task],
        task_manager=manager({"data_dir": str(SHARED / "data")}),
        bootstrap_iters=0,
    )
    labels = {collapsed(question(row["question"])): row["label"] for row in rows}
    wrong = {
        sample["doc_id"]
        for sample in results["samples"][task]
        if bool(sample["exact_match"]) != labels[collapsed(sample["doc"]["question"])]
    }
    assert wrong == set(differ)
    assert round(100 * results["results"][task]["exact_match,none"], 2) == ours
    assert ours == published or differ or any(row["label_kind"] == "derived" for row in rows)
