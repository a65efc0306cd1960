"""Real responses with known scores, through `replay` and our tasks: the published accuracy comes out, or why not.

Every doc where our verdict is not the label is listed here, so that a change of the grader shows up as a change of
this list.
"""

import json

import pytest

from lm_eval_mathtasks import sources
from lm_eval_mathtasks.check import tasks_path
from tests.conftest import SHARED, shared_rows

pytest_plugins: list[str] = []
PROMPT_FRAME = ("Question:\n", "\nAnswer:\nLet's think step by step.\n")  # Abel's files hold the prompt, not the question

# file, model, dataset, task, docs, published accuracy (percent), docs where we differ from the label
SETS = [
    ("gpt3_gsm8k", "gpt3-6b_finetuning", "gsm8k", "gsm8k-cot-zeroshot", 1319, 21.68, {}),
    ("gpt3_gsm8k", "gpt3-6b_verification", "gsm8k", "gsm8k-cot-zeroshot", 1319, 39.04, {}),
    ("gpt3_gsm8k", "gpt3-175b_finetuning", "gsm8k", "gsm8k-cot-zeroshot", 1319, 34.72, {}),
    ("gpt3_gsm8k", "gpt3-175b_verification", "gsm8k", "gsm8k-cot-zeroshot", 1319, 56.25, {}),
    ("abel_gsm8k", "abel-7b", "gsm8k", "gsm8k-cot-zeroshot", 1319, 59.74, {}),
    ("abel_gsm8k", "abel-13b", "gsm8k", "gsm8k-cot-zeroshot", 1319, 66.41, {}),
    ("abel_gsm8k", "abel-70b", "gsm8k", "gsm8k-cot-zeroshot", 1319, 83.62, {}),
    ("rho_gsm8k", "rho-math-1b-v0.1", "gsm8k", "gsm8k-cot-zeroshot", 1319, 36.2, {}),
    ("rho_gsm8k", "rho-math-7b-v0.1", "gsm8k", "gsm8k-cot-zeroshot", 1319, 66.9, {}),
    ("rho_math500", "rho-math-7b-v0.1", "math500", "math500", 500, 31.0, {}),
    ("rho_math500", "rho-math-1b-interpreter-v0.1", "math500", "math500", 500, 40.6, {}),
]


def question(text):
    start, end = PROMPT_FRAME
    return text.removeprefix(start).removesuffix(end)


@pytest.mark.parametrize(("file", "model", "dataset", "task", "docs", "published", "differ"), SETS, ids=lambda v: None)
def test_published(file, model, dataset, task, docs, published, differ, tmp_path):
    from lm_eval.evaluator import simple_evaluate

    from lm_eval_mathtasks.models.replay import Replay
    from tests.scripted import manager

    rows = [r for r in shared_rows(f"labelled/responses_{file}.jsonl") if (r["model"], r["dataset"]) == (model, dataset)]
    assert len(rows) == docs
    path = tmp_path / "responses.jsonl"
    path.write_text(
        "".join(json.dumps({"question": question(r["question"]), "response": r["response"]}) + "\n" for r in rows)
    )
    results = simple_evaluate(
        model=Replay(path=str(path)),
        tasks=[task],
        task_manager=manager({"data_dir": str(SHARED / "data")}),
        bootstrap_iters=0,
    )
    labels = {normal(question(r["question"])): r["label"] for r in rows}
    verdicts = {s["doc_id"]: (bool(s["exact_match"]), labels[normal(s["doc"]["question"])]) for s in results["samples"][task]}
    wrong = {doc: ours for doc, (ours, label) in verdicts.items() if ours != label}
    print(model, "ours", 100 * results["results"][task]["exact_match,none"], "published", published, wrong)
    assert wrong == differ
