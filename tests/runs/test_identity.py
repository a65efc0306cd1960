"""What a run is of: its docs against the known sets, its prompt as far as the log says, its weights."""

import json

import pytest

from lm_eval_mathtasks.problems.errata import erratum_of
from lm_eval_mathtasks.problems.rows import SAMPLES, read_rows
from lm_eval_mathtasks.runs.identity import identity_of
from lm_eval_mathtasks.runs.reading import read_run
from tests.conftest import shared_path, shared_rows
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

SAMPLE = [row["question"] for row in read_rows(SAMPLES / "gsm8k.jsonl")]


def run_on(tmp_path, questions):
    docs = [doc(i, i, question) for i, question in enumerate(questions)]
    return read_run(write_lm_eval(tmp_path, docs, ["x"] * len(docs), scores=[1] * len(docs)))


def test_docs_are_checked_against_the_known_sets(tmp_path):
    docs = identity_of(run_on(tmp_path / "a", SAMPLE)).docs
    assert (docs.asked, docs.with_question, docs.known[0]) == (100, 100, ("sample-gsm8k", 100))
    assert docs.all_of("sample-gsm8k") is True
    assert docs.all_of("gsm8k") is False
    mixed = identity_of(run_on(tmp_path / "b", [*SAMPLE[:50], "What else?"])).docs
    assert mixed.all_of("sample-gsm8k") is False


def test_gsm8k_train_is_not_gsm8k(tmp_path):
    train = [row["question"] for row in read_rows(shared_path("data/gsm8k_train.jsonl"))[:1319]]
    docs = identity_of(run_on(tmp_path, train)).docs
    assert (docs.all_of("gsm8k"), docs.all_of("gsm8k-train")) == (False, True)


def test_docs_that_no_set_knows_are_not_checked(tmp_path):
    """A set of one's own, or a log without questions: unknown is unknown."""
    assert identity_of(run_on(tmp_path / "a", ["What is 1 + 1?", "What else?"])).docs.all_of("gsm8k") is None
    bare = write_json_lines(tmp_path / "x.jsonl", [{"id": i, "gold": "1", "response": "1"} for i in range(3)])
    docs = identity_of(read_run(bare)).docs
    assert (docs.asked, docs.with_question, docs.all_of("gsm8k")) == (3, 0, None)


@pytest.mark.parametrize(
    "prompt",
    [
        "Question: {}\nAnswer:",
        "Q: {}\nA: Let's think step by step.\n",
        "Solve this.\n\nProblem:\n{}\n\nPlease reason step by step.\nBox the answer.",
        "Question: Is 1 + 1 two?\nAnswer: Yes.\n\nQuestion: {}\nAnswer:",
    ],
)
def test_a_question_inside_a_prompt_is_found(tmp_path, prompt):
    prompts = [prompt.format(question) for question in SAMPLE]
    assert identity_of(run_on(tmp_path, prompts)).docs.all_of("sample-gsm8k") is True


def test_the_examples_of_a_prompt_are_not_its_question(tmp_path):
    """What was asked stands last: a known question among the examples proves nothing."""
    prompts = [
        f"Question: {question}\nAnswer: 3\n\n" * 3 + f"Question: What is {i} + 1?\n\nThink about it,\nwell,\n"
        "in steps,\nand box the answer.\nAnswer:"
        for i, question in enumerate(SAMPLE)
    ]
    assert identity_of(run_on(tmp_path, prompts)).docs.all_of("sample-gsm8k") is None


def test_one_doc_asked_again_is_one_doc(tmp_path):
    docs = identity_of(run_on(tmp_path, SAMPLE[:10] * 10)).docs
    assert (docs.asked, len(docs.different), docs.of("sample-gsm8k")) == (100, 10, 10)
    assert docs.all_of("sample-gsm8k") is False


def test_a_prompt_is_known_as_far_as_the_log_says(tmp_path):
    log = write_lm_eval(tmp_path, [doc(0, 0)], ["x"], scores=[1])
    results = next(log.glob("results_*"))
    content = json.loads(results.read_text())
    arguments = {"pretrained": "Qwen/Qwen3-8B", "enable_thinking": False, "peft": "me/lora"}
    content |= {"system_instruction": "Be brief.", "chat_template_sha": "abc"}
    content["config"]["model_args"] = arguments
    results.write_text(json.dumps(content))
    identity = identity_of(read_run(log))
    assert identity.prompt == identity_of(read_run(log)).prompt
    assert (identity.prompt.system, identity.prompt.template) == ("Be brief.", "abc")
    assert identity.prompt.thinking == ("enable_thinking=False",)
    assert identity.weights.changes == ("peft=me/lora",)
    results.write_text(json.dumps({**content, "system_instruction": None}))
    assert identity_of(read_run(log)).prompt.system == ""
    del content["system_instruction"]
    results.write_text(json.dumps(content))
    assert identity_of(read_run(log)).prompt.system is None
    bare = write_json_lines(tmp_path / "x.jsonl", [{"id": 0, "gold": "1", "response": "1"}])
    plain = identity_of(read_run(bare))
    assert (plain.weights, plain.prompt.system, plain.prompt.thinking) == (None, None, ())


def test_reference_answers_are_checked_where_the_log_has_them(tmp_path):
    """Edited ones, all, and those of the list of known errors; a subset and another order change nothing."""
    published = [(row["question"], row["answer"]) for row in read_rows(SAMPLES / "gsm8k.jsonl")]

    def other(rows):
        docs = [doc(i, gold, question) for i, (question, gold) in enumerate(rows)]
        run = read_run(write_lm_eval(tmp_path / str(len(list(tmp_path.iterdir()))), docs, ["x"] * len(docs)))
        of = identity_of(run).docs
        return of.with_gold("sample-gsm8k"), of.other_golds("sample-gsm8k"), of.corrected

    assert other(published) == (100, 0, 0)
    assert other(published[::-1][:40]) == (40, 0, 0)
    assert other([(q, "#### 1234567") for q, _ in published[:3]] + published[3:]) == (100, 3, 0)
    assert other([(q, "1234567") for q, _ in published])[1] >= 97


def test_a_corrected_reference_answer_is_told_from_an_edited_one(tmp_path):
    rows = shared_rows("data/gsm8k_test.jsonl")
    known = [
        (row["question"], row["answer"]) for row in rows if (e := erratum_of(row["question"])) and e.gold
    ]
    assert known
    docs = [doc(i, erratum_of(question).gold, question) for i, (question, _) in enumerate(known)]
    of = identity_of(read_run(write_lm_eval(tmp_path, docs, ["x"] * len(docs)))).docs
    assert of.corrected == len(known) >= of.other_golds("gsm8k") > 0
    assert of.with_gold("gsm8k") == len(known)


def test_without_reference_answers_nothing_is_known_of_them(tmp_path):
    rows = [{"question": question, "response": "1", "correct": True} for question in SAMPLE]
    of = identity_of(read_run(write_json_lines(tmp_path / "x.jsonl", rows))).docs
    assert (of.of("sample-gsm8k"), of.with_gold("sample-gsm8k"), of.other_golds("sample-gsm8k")) == (
        100,
        0,
        0,
    )
