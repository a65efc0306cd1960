"""What other harnesses write, in the layouts of their sources: read with their verdicts, or refused by name."""

import json
import struct
import zipfile
import zlib
from dataclasses import replace

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.leaderboard.compare import score_of
from lm_eval_mathtasks.leaderboard.explain import explain
from lm_eval_mathtasks.runs.decoding import shaped_by, steered_by
from lm_eval_mathtasks.runs.judged import judge_run, unlike_repeats
from lm_eval_mathtasks.runs.reading import read_run, read_runs
from lm_eval_mathtasks.runs.shown import shown_by
from tests.runs.logs_of_runs import write_json_lines, write_lm_eval

N = 6
GOLD = [str(10 + i) for i in range(N)]
QUESTIONS = [f"How many are {i} and ten?" for i in range(N)]


def said(i, wrong=0):
    return f"So the answer is \\boxed{{{10 + i + wrong}}}."


def right(run):
    return [j.verdict.correct for j in judge_run(run)]


# --- lines


def test_qwen_math_lines(tmp_path):
    """Qwen2.5-Math's evaluation and its relatives: lists of texts, answers and verdicts."""
    rows = [{"idx": i, "question": QUESTIONS[i], "gt_cot": "...", "gt": GOLD[i], "solution": "long", "answer": GOLD[i],
             "code": [said(i), said(i, 1)], "pred": [GOLD[i], "x"], "report": [None, None], "score": [True, False]}
            for i in range(N)]  # fmt: skip
    run = read_run(
        write_json_lines(tmp_path / "test_qwen-boxed_-1_seed0_t0.7_s0_e-1.jsonl", rows), task="math"
    )
    assert (run.metric, run.protocol.k, run.protocol.metric) == ("score", 2, "avg@k")
    assert [row.score for row in run.rows] == [0.5] * N
    assert right(run) == [True, False] * N
    assert run.rows[3].doc_id == "3"


@pytest.mark.parametrize(
    ("more", "statuses", "cause"),
    [
        ({}, {"gold_unreadable": 3, "correct": 2}, [("gold_unreadable", 3)]),
        ({"answer": "\\text{4:30 p.m.}"}, {"correct": 4, "incorrect": 1}, []),
    ],
)
def test_a_reference_answer_that_its_cleaning_broke_is_no_models_fault(tmp_path, more, statuses, cause):
    """Qwen2.5-Math's cleaning turns "4:30 p.m." into "4:30p..", which nobody can read: what was published stands
    beside it, and where it does not, the responses are not wrong."""
    broken = {"idx": 0, "question": "When do they arrive?", "gt_cot": "It is 4:30 p.m.", "gt": "4:30p..", **more,
              "pred": ["4:30"] * 3, "score": [False] * 3,
              "code": ["At \\boxed{4:30}.", "At \\boxed{4:30 p.m.}.", "At \\boxed{5:30 p.m.}."]}  # fmt: skip
    sound = {"idx": 1, "question": "What is 400 + 20?", "gt_cot": "420", "gt": "420", "pred": ["420"] * 2,
             "score": [True] * 2, "code": ["So \\boxed{420}."] * 2, **({"answer": "420"} if more else {})}  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "math_cot.jsonl", [broken, sound]), task="math")
    explained = explain(run)
    assert {str(status): count for status, count in explained.statuses.items()} == statuses
    assert [(c.key, c.count) for c in explained.causes if c.key == "gold_unreadable"] == cause


def test_lines_of_nobody_have_a_name_that_people_read(tmp_path, capsys):
    """NeMo-Skills' folders name no model."""
    write_json_lines(tmp_path / "gsm8k" / "output-rs0.jsonl", [nemo(i) for i in range(N)])
    assert (
        cli.main(["rescore", str(tmp_path / "gsm8k"), "--graders", "ours", "-o", str(tmp_path / "out")]) == 0
    )
    out = capsys.readouterr().out
    assert "unnamed model" in out
    assert "None" not in out


NEMO = {"predicted_answer": "12", "generation_time": 1.0}


def nemo(i, tokens=900, **more):
    return {"problem": QUESTIONS[i], "expected_answer": GOLD[i], "generation": said(i), "num_generated_tokens": tokens,
            **NEMO, **more}  # fmt: skip


def test_qwen_math_file_names_say_model_task_and_protocol(tmp_path):
    folder = tmp_path / "acme-7B" / "math_eval" / "gsm8k"
    rows = [{"idx": 0, "question": QUESTIONS[0], "gt": GOLD[0], "code": [said(0)], "score": [True]}]
    write_json_lines(folder / "test_qwen25-math-cot_-1_seed0_t0.6_s0_e-1.jsonl", rows)
    write_json_lines(tmp_path / "aime24" / "test_tora_-1_seed0_t0.0_s0_e-1.jsonl", rows)
    asked = {(r.model, r.task): (r.protocol.temperature, r.protocol.tools) for r in read_runs(tmp_path)}
    assert asked == {("acme-7B", "gsm8k"): (0.6, "none"), (None, "aime24"): (0.0, "python")}


def test_nemo_skills_lines_and_their_token_limit(tmp_path):
    """It keeps no finish reason; several responses that end at one round number of tokens were cut there."""
    rows = [nemo(i, 4096 if i < 2 else 700 + i, symbolic_correct=i > 1) for i in range(N)]
    run = read_run(write_json_lines(tmp_path / "output.jsonl", rows), task="math500")
    assert run.metric == "symbolic_correct"
    assert run.protocol.max_tokens == 4096
    assert [row.finish_reason(0) for row in run.rows] == ["length"] * 2 + ["stop"] * 4
    once = read_run(write_json_lines(tmp_path / "one.jsonl", rows[1:]), task="math500")
    assert once.protocol.max_tokens is None
    assert once.rows[0].finish_reason(0) is None


def test_a_folder_of_seeds_is_one_run_with_repeats(tmp_path):
    folder = tmp_path / "eval-results" / "aime24"
    for seed in range(3):
        rows = [nemo(i, is_correct=seed > 0, generation=said(i, seed == 0)) for i in range(N)]
        write_json_lines(folder / f"output-rs{seed}.jsonl", rows)
    run = read_run(tmp_path)
    assert (run.task, run.protocol.k, len(run.rows)) == ("aime24", 3, N)
    assert {round(row.score, 3) for row in run.rows} == {0.667}


@pytest.mark.parametrize(
    ("stated", "doubted"),
    [
        ({"pass@1": {"num_entries": 6, "is_correct": 50.0}}, True),
        ({"pass@1": {"is_correct": 83.3}, "pass@1[avg-of-3]": {"is_correct": 66.67}}, False),
        ({"pass@1": {"judge_correct": 10.0}}, False),
        ([], False),
    ],
)
def test_metrics_beside_the_lines_that_state_another_score_are_a_doubt(tmp_path, stated, doubted):
    for seed in range(3):
        rows = [nemo(i, is_correct=seed > 0) for i in range(N)]
        write_json_lines(tmp_path / "aime24" / f"output-rs{seed}.jsonl", rows)
    (tmp_path / "aime24" / "metrics.json").write_text(json.dumps({"aime24": stated}))
    assert bool(read_run(tmp_path).provenance.settings.get("doubts")) is doubted


def test_seeds_of_unlike_length_say_which_docs_lack_which(tmp_path):
    """The second seed lacks a doc in the middle, the third its end: docs without ids are told by their questions."""
    folder = tmp_path / "aime24"
    for seed, docs in enumerate((range(N), (0, 1, 3, 4, 5), (0, 1, 2))):
        rows = [nemo(i, is_correct=i == 3) for i in docs]
        write_json_lines(folder / f"output-rs{seed}.jsonl", rows)
    run = read_run(folder)
    assert [len(row.responses) for row in run.rows] == [3, 3, 2, 2, 2, 2]
    assert [row.score for row in run.rows] == [0, 0, 0, 1, 0, 0]
    assert (
        "of 6 docs some lack repeats: repeat rs1 of 1 (2); repeat rs2 of 3 (3, 4, 5)" in run.provenance.notes
    )
    # As steady as the harmonic mean of 2, 2, 2, 2, 3 and 3 answers.
    assert score_of(replace(run, rows=(replace(run.rows[0], score=0.5), *run.rows[1:]))).k == 2


@pytest.mark.parametrize(
    ("marks", "lines", "docs", "k", "note"),
    [
        ({}, [0, 1, 2, 0, 1, 2], 3, 2, "taken as repeats"),
        ({}, [0, 0, 1, 1, 2, 2], 3, 2, "taken as repeats"),
        ({"id": "own"}, [0, 1, 2, 0, 1, 2], 3, 2, "taken as repeats"),
        ({}, [0, 1, 2, 3, 0, 1, 2], 4, 2, "repeat 1 of 1 (3)"),
        ({}, [0, 1, 2, 3, 4, 5, 0], 7, 1, "1 lines have the question of another line"),
        ({}, [0, 1, 2, 3, 4, 5], 6, 1, None),
    ],
)
def test_lines_of_one_question_are_repeats_or_said(tmp_path, marks, lines, docs, k, note):
    """Two responses to each question are two to each doc, wherever docs are counted."""
    rows = [
        {"question": QUESTIONS[i], "gold": GOLD[i], "response": said(i, n % 2), "correct": n % 2 == 0,
         **({"id": n} if marks else {})}
        for n, i in enumerate(lines)
    ]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "run.jsonl", rows), task="math")
    assert (len(run.rows), run.protocol.k) == (docs, k)
    assert len(judge_run(run)) == len(lines)
    assert any(note in one for one in run.provenance.notes) if note else not run.provenance.notes


def test_the_same_answers_twice_are_one_answer_to_each_doc(tmp_path):
    """A file that was written twice, or greedy repeats."""
    rows = [
        {"question": q, "gold": "1", "response": f"{q} " * 9, "correct": i < 3}
        for i, q in enumerate(QUESTIONS)
    ]
    run = read_run(write_json_lines(tmp_path / "run.jsonl", rows * 2), task="math")
    score = score_of(run)
    assert (len(run.rows), run.protocol.k, score.k, score.draws) == (N, 2, 2, 1)
    assert any("the same text each time: they count as one" in note for note in run.provenance.notes)


@pytest.mark.parametrize(
    ("second", "words"),
    [({"repeat": 0}, "each repeat once of the id 0, got one"), ({"repeat": 1, "question": "4?"}, "got several")],
)  # fmt: skip
def test_repeats_that_contradict_each_other_are_refused(tmp_path, second, words):
    rows = [
        {"id": 0, "question": "3?", "gold": "1", "response": "1", "repeat": 0, **more}
        for more in ({}, second)
    ]
    with pytest.raises(EvidenceError, match=words):
        read_run(write_json_lines(tmp_path / "run.jsonl", rows), task="math")


def test_two_runs_in_one_file_are_no_repeats(tmp_path):
    """40 docs, of which one run has all right and the other half: seen by the verdicts of our grader."""

    def unlike(wrong):
        rows = [
            {"question": f"{q} {d}", "gold": GOLD[i], "response": said(i, again and wrong(i + d)), "correct": True}
            for again in (0, 1) for d in range(7) for i, q in enumerate(QUESTIONS)
        ]  # fmt: skip
        run = read_run(write_json_lines(tmp_path / "run.jsonl", rows), task="math")
        return unlike_repeats(run, judge_run(run))

    assert unlike(lambda n: n % 2) == (0.5, 1.0)
    assert unlike(lambda n: n == 1) is None


def test_a_judgement_in_words_is_a_verdict(tmp_path):
    rows = [nemo(i, judgement=f"Reasoning: fine.\nJudgement: {'Yes' if i else 'No'}") for i in range(N)]
    run = read_run(write_json_lines(tmp_path / "judged.jsonl", rows), task="math")
    assert run.metric == "judgement"
    assert [row.score for row in run.rows] == [0, 1, 1, 1, 1, 1]


def test_graders_that_disagree_must_be_chosen_between(tmp_path):
    rows = [{"question": QUESTIONS[i], "gold": GOLD[i], "target": GOLD[i], "prediction": said(i), "subset": "algebra",
             "harness_extracted_answer": "12", "harness_score": float(i > 3), "qwen_score": float(i > 0)}
            for i in range(N)]  # fmt: skip
    path = write_json_lines(tmp_path / "comparison.jsonl", rows)
    with pytest.raises(EvidenceError, match=r"harness_score \(33.33% right\), qwen_score \(83.33% right\)"):
        read_run(path, task="math")
    assert sum(row.score for row in read_run(path, task="math", metric="qwen_score").rows) == 5
    with pytest.raises(EvidenceError, match="harness_score, qwen_score"):
        read_run(path, task="math", metric="accuracy")


def test_graders_that_agree_need_no_choice(tmp_path):
    rows = [{**nemo(i), "is_correct": i > 1, "correct": i > 1} for i in range(N)]
    assert sum(r.score for r in read_run(write_json_lines(tmp_path / "two.jsonl", rows), task="x").rows) == 4


def test_scores_of_a_reward_model_are_no_verdicts(tmp_path):
    """A float between 0 and 1 for one answer is not right or wrong; it is said that the column is not used."""
    rows = [{**nemo(i), "score": 0.1 * i + 0.05} for i in range(N)]
    run = read_run(write_json_lines(tmp_path / "reward.jsonl", rows), task="math")
    assert not run.scored
    assert run.provenance.notes == ("column `score` is not a verdict for every line, and is not used",)
    many = [{"question": QUESTIONS[i], "answer": GOLD[i], "completions": [said(i), said(i, 1)], "scores": [0.9, -2.5]}
            for i in range(N)]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "best-of-n.jsonl", many), task="math")
    assert (run.protocol.k, run.scored) == (2, False)
    assert right(run) == [True, False] * N


@pytest.mark.parametrize(
    ("column", "responses", "meaning"),
    [
        ("correct", 1, None),
        ("correct", 4, None),
        ("maj_correct", 4, "maj@k"),
        ("majority_vote_correct", 1, "maj@k"),
        ("pass_at_4_correct", 4, "pass@k"),
        ("pass@4_score", 1, "pass@k"),
        ("pass_at_1_score", 1, None),
        ("any_correct", 4, "pass@k"),
        ("major_correct", 1, None),
        ("passage_score", 1, None),
    ],
)
def test_what_one_verdict_on_several_responses_is_the_column_says_or_nobody(
    tmp_path, column, responses, meaning
):
    rows = [{"question": QUESTIONS[i], "gold": GOLD[i], "responses": [said(i)] * responses, column: i > 1}
            for i in range(N)]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows), task="math")
    assert (run.metric, run.protocol.metric) == (column, meaning)
    each = [{**row, "responses": [said(0)] * 2, column: [True, False]} for row in rows]
    if column == "correct":
        assert read_run(write_json_lines(tmp_path / "y.jsonl", each), task="math").protocol.metric == "avg@k"


def test_columns_that_speak_of_weights_are_read_and_others_are_not(tmp_path):
    row = {"question": "?", "gold": "1", "response": "1", "model": "a/b", "quantity": "3", "exploration": "x"}
    plain = read_run(write_json_lines(tmp_path / "x.jsonl", [{**row, "model_path": "a/b"}]), task="math")
    assert plain.provenance.weights is None
    lora = read_run(write_json_lines(tmp_path / "y.jsonl", [{**row, "lora_path": "/ckpt/1"}]), task="math")
    assert lora.provenance.weights.changes == ("lora_path=/ckpt/1",)
    assert not lora.provenance.weights.stated


def test_scores_that_are_no_shares_are_refused(tmp_path):
    log = write_lm_eval(tmp_path, [{"question": "?", "gold": "1"}], ["1"], scores=[100])
    with pytest.raises(EvidenceError, match=r"scores from 0 to 1 .*got 100"):
        read_run(log)


def test_two_columns_of_responses_are_ambiguous(tmp_path):
    rows = [{**nemo(i), "response": "another text"} for i in range(N)]
    with pytest.raises(EvidenceError, match="several that differ: response, generation"):
        read_run(write_json_lines(tmp_path / "two.jsonl", rows), task="math")
    rows = [{**nemo(i), "response": said(i)} for i in range(N)]  # the same text twice is not
    assert all(right(read_run(write_json_lines(tmp_path / "same.jsonl", rows), task="math")))


def test_the_columns_seen_are_named_where_none_is_a_response(tmp_path):
    with pytest.raises(EvidenceError, match=r"line 1 of .*only task_id, text"):
        read_run(write_json_lines(tmp_path / "x.jsonl", [{"task_id": 1, "text": "1"}]))


def test_chat_messages_and_separate_reasoning(tmp_path):
    """Reasoning that a server sent apart stands in <think> again; without an answer after it, it never ended."""
    turns = [{"role": "user", "content": QUESTIONS[0]}]
    rows = [
        {"id": 0, "messages": turns, "gold": "10", "response": {"role": "assistant", "reasoning_content": "hm",
                                                                "content": said(0)}},
        {"id": 1, "messages": turns, "gold": "10", "response": {"reasoning_content": "I wonder", "content": None}},
        {"id": 2, "messages": turns, "gold": "10", "response": [*turns, {"role": "assistant", "content": said(0)}]},
    ]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "chat.jsonl", rows), task="gsm8k")
    assert run.rows[0].responses == (f"<think>\nhm\n</think>\n{said(0)}",)
    assert run.rows[1].responses == ("<think>\nI wonder",)
    assert run.rows[0].question == QUESTIONS[0]
    assert right(run) == [True, False, True]


def test_a_plain_parquet_file_is_read_by_its_columns(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [nemo(i, is_correct=True) for i in range(N)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "train-00000.parquet")
    assert len(read_run(tmp_path / "train-00000.parquet", task="math").rows) == N


@pytest.mark.parametrize("name", ["a.jsonl", "log.json"])
def test_a_folder_of_one_file_is_that_file_and_one_of_several_says_which(tmp_path, name):
    if name == "a.jsonl":
        write_json_lines(tmp_path / name, [nemo(i) for i in range(N)])
    else:
        write_inspect(tmp_path / name, [inspect_sample(i, 1) for i in range(N)])
    (tmp_path / "notes.txt").write_text("x")
    assert [len(run.rows) for run in read_runs(tmp_path)] == [N]
    write_json_lines(tmp_path / "b.jsonl", [nemo(0)])
    with pytest.raises(EvidenceError, match=rf"files that may be one: {name}, b\.jsonl|b\.jsonl, {name}"):
        read_runs(tmp_path)


# --- evalscope and Inspect


def test_evalscope_reviews(tmp_path):
    """1.x: a line for each repeat; group_id is the problem."""
    rows = [
        {"index": 2 * i + k, "input": [{"role": "user", "content": QUESTIONS[i]}], "target": GOLD[i],
         "sample_score": {"sample_id": 2 * i + k, "group_id": f"g{i}",
                          "score": {"value": {"acc": float(k == 0)}, "prediction": said(i, k)}}}
        for i in range(N) for k in range(2)
    ]  # fmt: skip
    write_json_lines(tmp_path / "20260102" / "reviews" / "toy-1" / "aime24_default.jsonl", rows)
    run = read_run(tmp_path)
    assert (run.model, run.task) == ("toy-1", "aime24")
    assert (run.metric, run.protocol.k, len(run.rows)) == ("acc_score", 2, N)
    assert run.rows[1].doc_id == "g1"
    assert run.rows[1].question == QUESTIONS[1]
    assert right(run) == [True, False] * N


def test_evalscope_of_old_and_its_predictions(tmp_path):
    old = [{"index": i, "raw_input": {"question": QUESTIONS[i]}, "model_spec": {"model_id": "toy-1"},
            "choices": [{"message": {"content": said(i)}, "review": {"gold": GOLD[i], "pred": "1", "result": i > 0}}]}
           for i in range(N)]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "reviews" / "toy-1" / "gsm8k_main.jsonl", old))
    assert (run.model, [row.score for row in run.rows]) == ("toy-1", [0, 1, 1, 1, 1, 1])
    new = [{"index": i, "model": "toy-1", "messages": [{"role": "user", "content": QUESTIONS[i]}],
            "model_output": {"choices": [{"message": {"content": [{"type": "reasoning", "reasoning": "hm"},
                                                                  {"type": "text", "text": said(i)}]},
                                          "stop_reason": "max_tokens" if i == 0 else "stop"}]}}
           for i in range(N)]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "p.jsonl", new), task="gsm8k")
    assert [row.finish_reason(0) for row in run.rows] == ["max_tokens"] + ["stop"] * 5
    assert run.rows[0].responses == (f"<think>\nhm\n</think>\n{said(0)}",)


def write_evalscope(folder, model, subsets, bench="math_500", report=True, reviews=True, reason="stop"):
    """A folder of evalscope 1.x: reviews with verdicts, predictions with whole messages, and a report."""
    for name, numbers in subsets.items():
        reviewed = [
            {"index": i, "input": f"**User**: \n{QUESTIONS[i]}", "target": GOLD[i],
             "sample_score": {"sample_id": i, "group_id": i,
                              "score": {"value": {"acc": 1.0}, "prediction": said(i)}}}
            for i in numbers
        ]  # fmt: skip
        predicted = [
            {"index": i, "model": model, "messages": [{"role": "user", "content": QUESTIONS[i]}],
             "metadata": {"solution": f"It is $\\boxed{{{GOLD[i]}}}$.", "question_id": f"q{i}"},
             "model_output": {"choices": [{"message": {"content": said(i), "reasoning_content": "hm"},
                                           "stop_reason": reason}], "error": None}}
            for i in reversed(numbers)
        ]  # fmt: skip
        if reviews:
            write_json_lines(folder / "reviews" / model / f"{bench}_{name}.jsonl", reviewed)
        write_json_lines(folder / "predictions" / model / f"{bench}_{name}.jsonl", predicted)
    if report:
        write_json_lines(folder / "reports" / model / f"{bench}.json", [{"name": f"{model}@{bench}"}])
    return folder


SUBSETS = {"Level 1": (0, 1, 2), "Level 2": (0, 4)}


def test_the_subsets_of_an_evalscope_benchmark_are_one_run_a_model(tmp_path):
    """Ids count anew in every subset; how a response ended, and what was thought, is in the predictions."""
    for model in ("toy-1", "toy-2"):
        write_evalscope(tmp_path, model, SUBSETS, reason="max_tokens" if model == "toy-2" else "stop")
    runs = read_runs(tmp_path)
    assert [run.label for run in runs] == ["toy-1 · math_500", "toy-2 · math_500"]
    assert [row.doc_id for row in runs[0].rows] == [
        "Level 1/0",
        "Level 1/1",
        "Level 1/2",
        "Level 2/0",
        "Level 2/4",
    ]
    assert [row.level for row in runs[0].rows] == ["Level 1"] * 3 + ["Level 2"] * 2
    assert runs[0].rows[1].question == QUESTIONS[1]
    assert runs[0].rows[0].responses == (f"<think>\nhm\n</think>\n{said(0)}",)
    assert [run.rows[0].finish_reason(0) for run in runs] == ["stop", "max_tokens"]
    assert all(row.score == 1 for run in runs for row in run.rows)
    assert all(right(runs[0]))
    (one,) = read_runs(tmp_path / "reviews" / "toy-1" / "math_500_Level 2.jsonl")
    assert (one.task, [row.doc_id for row in one.rows]) == ("math_500_Level 2", ["0", "4"])
    assert [run.label for run in read_runs(tmp_path / "reviews" / "toy-2")] == ["toy-2 · math_500"]


@pytest.mark.parametrize(
    ("config", "path", "served", "shots"),
    [
        ("model: /ckpt/sft\n", "/ckpt/sft", False, None),
        ("model: toy\napi_url: http://a/v1\ndataset_args: {math_500: {few_shot_num: 0}}\n", None, True, 0),
        ("model: [", None, False, None),
    ],
)
def test_the_configuration_of_evalscope_says_which_weights(tmp_path, config, path, served, shots):
    write_evalscope(tmp_path, "toy", {"Level 1": [0, 1]})
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "task_config.yaml").write_text(f"{config}")
    run = read_run(tmp_path)
    weights = run.provenance.weights
    assert (weights and weights.path, bool(weights and weights.served)) == (path, served)
    assert run.protocol.shots == shots


def test_evalscope_predictions_without_reviews_are_read(tmp_path):
    """They know the solution and no verdict."""
    write_evalscope(tmp_path, "toy-1", SUBSETS, reviews=False)
    run = read_run(tmp_path)
    assert (run.label, len(run.rows), run.scored) == ("toy-1 · math_500", 5, False)
    assert all(right(run))


def test_evalscope_files_without_a_report_are_runs_by_themselves(tmp_path):
    write_evalscope(tmp_path, "toy-1", SUBSETS, report=False)
    write_evalscope(tmp_path, "toy-1", {"default": (0, 1)}, bench="aime24", report=False)
    assert [run.task for run in read_runs(tmp_path)] == ["aime24", "math_500_Level 1", "math_500_Level 2"]


def test_an_evalscope_request_that_failed_is_no_answer(tmp_path):
    write_evalscope(tmp_path, "toy-1", {"default": (0, 1)}, reviews=False)
    (file,) = (tmp_path / "predictions").rglob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[0]["model_output"] = {"choices": [], "error": "timeout"}
    write_json_lines(file, lines)
    assert [row.missing for row in read_run(tmp_path).rows] == [True, False]


def inspect_sample(i, epoch):
    return {"id": f"s{i}", "epoch": epoch, "input": QUESTIONS[i], "target": GOLD[i],
            "output": {"choices": [{"message": {"role": "assistant", "content": said(i)}, "stop_reason": "stop"}]},
            "scores": {"match": {"value": "C" if i else "I", "answer": GOLD[i]}}}  # fmt: skip


def packed_by_zstd(path):
    """Pack the files of an archive again as Inspect does today: method 93, which zipfile cannot write."""
    import pyarrow

    with zipfile.ZipFile(path) as log:
        texts = {info.filename: log.read(info) for info in log.infolist()}
    with zipfile.ZipFile(path, "w") as log:
        for name, text in texts.items():
            log.writestr(name, pyarrow.compress(text, codec="zstd", asbytes=True))
        infos = log.infolist()
    content = bytearray(path.read_bytes())
    for info in infos:
        text = texts[info.filename]
        facts = struct.pack("<LLL", zlib.crc32(text), info.compress_size, len(text))
        central = content.rindex(b"PK\x01\x02", 0, content.rindex(info.filename.encode()))
        for place, method in ((info.header_offset, 8), (central, 10)):
            content[place + method : place + method + 2] = struct.pack("<H", 93)
            content[place + method + 6 : place + method + 18] = facts
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", ["json", "eval", "zstd.eval"])
def test_inspect_logs(tmp_path, suffix):
    header = {"version": 2, "status": "success", "eval": {"task": "gsm8k", "model": "acme/toy-1"}}
    samples = [inspect_sample(i, epoch) for i in range(N) for epoch in (1, 2)]
    path = tmp_path / f"2026-01-02_gsm8k.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps({**header, "samples": samples}))
    else:
        with zipfile.ZipFile(path, "w") as log:
            log.writestr("header.json", json.dumps(header))
            for sample in samples:
                log.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        if suffix == "zstd.eval":
            packed_by_zstd(path)
    run = read_run(path)
    assert (run.model, run.task, run.metric, run.protocol.k) == ("acme/toy-1", "gsm8k", "match_score", 2)
    assert [row.score for row in run.rows] == [0, 1, 1, 1, 1, 1]
    assert all(right(run))


def test_inspect_logs_that_cannot_be_read(tmp_path):
    started = tmp_path / "started.json"
    started.write_text(json.dumps({"status": "started", "eval": {"task": "gsm8k", "model": "x"}}))
    with pytest.raises(EvidenceError, match="status started"):
        read_run(started)
    broken = tmp_path / "broken.eval"
    broken.write_bytes(b"PK no")
    with pytest.raises(EvidenceError, match="a readable"):
        read_run(broken)
    with zipfile.ZipFile(broken, "w") as log:
        log.writestr("header.json", json.dumps({"eval": {"task": "gsm8k", "model": "x"}}))
    packed_by_zstd(broken)
    content = bytearray(broken.read_bytes())
    assert content.count(b"\x28\xb5\x2f\xfd") == 1  # how zstd begins
    content[content.index(b"\x28\xb5\x2f\xfd") + 12] ^= 0xFF
    broken.write_bytes(content)
    with pytest.raises(EvidenceError, match="a readable"):
        read_run(broken)
    other = tmp_path / "other.json"
    other.write_text('{"some": 1}')
    with pytest.raises(EvidenceError, match="JSON with some"):
        read_run(other)


def test_an_inspect_log_without_samples_is_read_for_its_score(tmp_path):
    """It did end; its samples were not logged, or taken out."""
    path = tmp_path / "log.json"
    scores = [{"name": "match", "metrics": {"accuracy": {"value": 0.75}, "stderr": {"value": 0.1}}}]
    header = {"status": "success", "eval": {"task": "gsm8k", "model": "acme/toy-1", "config": {"epochs": 2}}}
    path.write_text(json.dumps({**header, "results": {"total_samples": 8, "scores": scores}}))
    run = read_run(path, totals=True)
    assert (run.label, run.metric, run.total) == ("acme/toy-1 · gsm8k", "match", (0.75, 4, None))
    with pytest.raises(EvidenceError, match="results only"):
        read_run(path)
    more = [*scores, {"name": "model_graded", "metrics": {"accuracy": {"value": 0.5}}}]
    path.write_text(json.dumps({**header, "results": {"total_samples": 8, "scores": more}}))
    with pytest.raises(EvidenceError, match="match, model_graded"):
        read_run(path, totals=True)
    assert read_run(path, totals=True, metric="model_graded").total.value == 0.5


@pytest.mark.parametrize(
    ("epochs", "reducer", "meaning"),
    [
        (1, None, (None, 1)),
        (4, None, ("avg@k", 4)),
        (4, "mean", ("avg@k", 4)),
        (4, "mode", ("maj@k", 4)),
        (4, "max", ("pass@k", 4)),
        (4, "pass_at_2", ("pass@k", 4)),
        (4, "own_reducer", (None, 4)),
    ],
)
def test_what_a_score_of_inspect_is_its_reducer_says(tmp_path, epochs, reducer, meaning):
    scores = [{"name": "match", "reducer": reducer, "metrics": {"accuracy": {"value": 0.75}}}]
    about = {"task": "gsm8k", "model": "openai/acme/toy-1", "config": {"epochs": epochs}}
    path = tmp_path / "log.json"
    path.write_text(
        json.dumps({"status": "success", "eval": about, "results": {"total_samples": 8, "scores": scores}})
    )
    run = read_run(path, totals=True)
    assert (run.protocol.metric, run.protocol.k) == meaning
    assert run.provenance.weights.served


def write_inspect(path, samples, **header):
    about = {"task": "gsm8k", "model": "hf/acme/toy-1", "dataset": {"samples": N}}
    path.write_text(json.dumps({"status": "success", "eval": about, "samples": samples, **header}))
    return path


def test_inspect_logs_of_one_scorer_of_old_and_of_grades_with_parts(tmp_path):
    old = [{**inspect_sample(i, 1), "score": {"value": "C" if i else "I"}} for i in range(N)]
    for sample in old:
        del sample["scores"]
    run = read_run(write_inspect(tmp_path / "old.json", old))
    assert [row.score for row in run.rows] == [0, 1, 1, 1, 1, 1]
    parts = [
        {**inspect_sample(i, 1), "scores": {"own": {"value": {"right": 1, "form": 0}}}} for i in range(N)
    ]
    path = write_inspect(tmp_path / "parts.json", parts)
    with pytest.raises(EvidenceError, match=r"own_right_score .*own_form_score"):
        read_run(path)
    assert [row.score for row in read_run(path, metric="own_right_score").rows] == [1] * N


def test_an_inspect_sample_that_failed_is_no_answer_and_a_run_that_did_not_end_says_so(tmp_path):
    samples = [inspect_sample(i, 1) for i in range(N)]
    samples[2] |= {"error": {"message": "timeout"}, "output": {"choices": []}, "scores": {}}
    run = read_run(write_inspect(tmp_path / "log.json", samples[:4], status="started"))
    assert [row.missing for row in run.rows] == [False, False, True, False]
    assert [row.score for row in run.answered] == [0, 1, 1]
    assert run.provenance.notes == ("the run did not end: its status is started",)
    assert run.provenance.docs_of_task == N


def test_an_inspect_score_that_was_reduced_in_two_ways_is_chosen(tmp_path):
    scores = [{"name": "match", "reducer": how, "metrics": {"accuracy": {"value": value}}}
              for how, value in (("mean", 0.5), ("max", 0.9))]  # fmt: skip
    about = {"task": "gsm8k", "model": "hf/acme/toy-1", "config": {"epochs": 4}}
    path = tmp_path / "log.json"
    path.write_text(
        json.dumps({"status": "success", "eval": about, "results": {"total_samples": 8, "scores": scores}})
    )
    with pytest.raises(EvidenceError, match="match/mean, match/max"):
        read_run(path, totals=True)
    best = read_run(path, totals=True, metric="match/max")
    assert (best.total.value, best.protocol.metric) == (0.9, "pass@k")


@pytest.mark.parametrize("samples", [True, False])
def test_inspects_settings_of_generation_are_read(tmp_path, samples):
    """Those of the command outweigh those of the task."""
    path = write_inspect(tmp_path / "log.json", [inspect_sample(i, 1) for i in range(N)] if samples else [])
    log = json.loads(path.read_text())
    log["plan"] = {"config": {"temperature": 0.0, "max_tokens": 64}}
    log["eval"]["model_generate_config"] = {
        "temperature": 0.7,
        "best_of": 4,
        "top_p": None,
        "system_message": "x",
    }
    log["results"] = {
        "total_samples": N,
        "scores": [{"name": "match", "metrics": {"accuracy": {"value": 0.5}}}],
    }
    path.write_text(json.dumps(log))
    (run,) = read_runs(path, totals=True)
    asked = run.protocol
    assert (asked.temperature, asked.max_tokens, asked.top_p, asked.system_prompt) == (0.7, 64, None, True)
    assert steered_by(run.provenance.settings) == "best_of=4"


@pytest.mark.parametrize(
    ("solver", "tools", "named"),
    [
        ("use_tools", "some", True),
        ("react", "some", True),
        ("self_critique", None, True),
        ("generate", None, False),
        ("inspect_ai/chain_of_thought", None, False),
    ],
)
def test_inspects_solvers_say_whether_tools_were_there_and_are_named(tmp_path, solver, tools, named):
    plan = {"steps": [{"solver": solver, "params": {}}], "config": {}}
    path = write_inspect(tmp_path / "log.json", [inspect_sample(i, 1) for i in range(N)], plan=plan)
    run = read_run(path)
    assert (run.protocol.tools, "solvers" in shaped_by(run.provenance.settings)) == (tools, named)


def test_the_models_of_an_inspect_log_are_counted(tmp_path):
    samples = [inspect_sample(i, 1) for i in range(N)]
    for number, sample in enumerate(samples):
        sample["output"]["model"] = "acme/toy-1" if number else ""
    (run,) = read_runs(write_inspect(tmp_path / "one.json", samples))
    assert "doubts" not in run.provenance.settings
    samples[2]["output"]["model"] = "acme/toy-2"
    (run,) = read_runs(write_inspect(tmp_path / "two.json", samples))
    assert run.provenance.settings["doubts"] == {"settings": "answers of 2 models"}


def test_columns_of_a_search_are_read_and_others_are_not(tmp_path):
    rows = [{"question": QUESTIONS[i], "gold": GOLD[i], "response": said(i), "n": 4} for i in range(N)]
    settings = read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t").provenance.settings
    assert steered_by(settings) == ""
    searched = [{**row, "num_beams": 1 + i} for i, row in enumerate(rows)]
    settings = read_run(write_json_lines(tmp_path / "b.jsonl", searched), task="t").provenance.settings
    assert steered_by(settings) == f"num_beams={N}"


def test_a_column_that_has_one_value_is_about_the_run(tmp_path):
    rows = [
        {"question": QUESTIONS[i], "gold": GOLD[i], "response": said(i), "temperature": 0.7, "recipe": "b",
         "level": "1", "seconds": i, "rerun": 0, "system_prompt": "Be brief."}
        for i in range(N)
    ]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t")
    assert (run.protocol.temperature, run.protocol.system_prompt) == (0.7, True)
    assert run.provenance.settings == {"system_instruction": "Be brief.", "column recipe": "b"}
    few = read_run(write_json_lines(tmp_path / "b.jsonl", rows[:2]), task="t")
    assert "column recipe" not in few.provenance.settings
    greedy = [{**row, "temperature": 0, "num_fewshot": 0} for row in rows]
    asked = read_run(write_json_lines(tmp_path / "c.jsonl", greedy), task="t").protocol
    assert (asked.temperature, asked.shots) == (0.0, 0)


def test_a_request_that_failed_is_no_answer_and_a_tools_turn_is_seen(tmp_path):
    talk = [{"role": "user", "content": QUESTIONS[0]}, {"role": "assistant", "content": "I ask."},
            {"role": "tool", "content": "10"}, {"role": "assistant", "content": said(0)}]  # fmt: skip
    rows = [{"id": 0, "gold": GOLD[0], "response": talk, "messages": talk}]
    rows += [{"id": 1, "gold": GOLD[1], "response": "", "error": "timeout", "question": QUESTIONS[1]}]
    run = read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t")
    assert [row.missing for row in run.rows] == [False, True]
    assert (run.rows[0].question, json.loads(run.rows[0].prompt)) == (QUESTIONS[0], talk[:1])
    assert shown_by(run).with_tools == 1


# --- HELM and batches


def helm_state(i, trial=0):
    return {"instance": {"input": {"text": QUESTIONS[i]}, "id": f"id{i}",
                         "references": [{"output": {"text": "0"}, "tags": []},
                                        {"output": {"text": GOLD[i]}, "tags": ["correct"]}]},
            "train_trial_index": trial, "request": {"prompt": f"Q: {QUESTIONS[i]}"},
            "result": {"completions": [{"text": said(i, trial), "finish_reason": {"reason": "length"}}]}}  # fmt: skip


def test_helm_scenario_states(tmp_path):
    spec = {"model": "acme/toy-1", "temperature": 0.0, "max_tokens": 400, "max_train_instances": 5}
    states = [helm_state(i, trial) for trial in range(2) for i in range(N)]
    path = tmp_path / "runs" / "gsm:model=acme_toy-1" / "scenario_state.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"adapter_spec": spec, "request_states": states}))
    run = read_run(tmp_path)
    assert (run.label, run.protocol.k, run.protocol.shots) == ("acme/toy-1 · gsm", 2, 5)
    assert (run.protocol.temperature, run.protocol.max_tokens) == (0.0, 400)
    assert (run.rows[0].doc_id, run.rows[0].gold, run.rows[0].finish) == ("id0", "10", ("length", "length"))
    assert right(run) == [True, False] * N
    states[1]["result"] = {"success": False, "error": "timeout", "completions": []}
    path.write_text(json.dumps({"adapter_spec": spec, "request_states": states[:N]}))
    assert [row.missing for row in read_run(tmp_path).rows] == [i == 1 for i in range(N)]
    path.write_text(
        json.dumps({"adapter_spec": {"method": "multiple_choice_joint"}, "request_states": states})
    )
    with pytest.raises(EvidenceError, match="the method multiple_choice_joint"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("deployment", "changes"),
    [
        ("huggingface/toy-1", ()),
        (None, ()),
        ("own/toy-1-lora", ("model_deployment=own/toy-1-lora",)),
    ],
)
def test_helm_says_who_served_what_and_how(tmp_path, deployment, changes):
    """References end in words as GSM8K's scenario has them, and a stop string may stand within an answer."""
    states = [helm_state(i) for i in range(N)]
    for i, state in enumerate(states):
        state["request"] |= {
            "stop_sequences": ["\n\n"],
            "top_p": 1,
            "num_completions": 1,
            "top_k_per_token": 3,
        }
        state["instance"]["references"][1]["output"]["text"] = f"Of 7 and 3.\nThe answer is {GOLD[i]}."
    spec = {"model": "acme/toy-1", "model_deployment": deployment}
    path = tmp_path / "gsm:" / "scenario_state.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"adapter_spec": spec, "request_states": states}))
    run = read_run(path)
    assert [row.gold for row in run.rows] == GOLD
    assert (run.provenance.weights.changes, run.provenance.weights.served) == (changes, True)
    assert shaped_by(run.provenance.settings) == {"stop_sequences": ["\n\n"]}


def test_helms_perturbed_instances_are_left_out(tmp_path):
    states = [helm_state(i) for i in range(N)]
    typos = [json.loads(json.dumps(state)) for state in states]
    for state in typos:
        state["instance"] |= {"perturbation": {"name": "typos"}, "input": {"text": "Hwo many?"}}
    path = tmp_path / "gsm:" / "scenario_state.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"adapter_spec": {"model": "a/b"}, "request_states": [*states, *typos]}))
    run = read_run(path)
    assert len(run.rows) == N
    assert run.provenance.notes == (f"{N} requests of perturbed instances are left out",)


def test_outputs_of_a_batch(tmp_path):
    """Which doc a request was of, its name says; one that failed is no answer."""
    rows = [{"id": f"r{i}", "custom_id": str(i), "error": None,
             "response": {"status_code": 200, "body": {"model": "toy-1", "choices": [
                 {"message": {"role": "assistant", "content": said(i)}, "finish_reason": "stop"}]}}}
            for i in range(N)]  # fmt: skip
    rows[2] |= {"response": None, "error": {"message": "too long"}}
    asked = [{"question": QUESTIONS[i], "answer": GOLD[i]} for i in range(N)]
    docs = write_json_lines(tmp_path / "docs.jsonl", asked)
    run = read_run(write_json_lines(tmp_path / "output.jsonl", rows), task="t", gold=docs)
    assert (run.model, len(run.rows)) == ("toy-1", N)
    assert [row.missing for row in run.rows] == [i == 2 for i in range(N)]
    assert run.rows[1].responses == (said(1),)
    assert right(run) == [True] * (N - 1)


def test_outputs_of_other_batches(tmp_path):
    """OpenAI's responses, one cut at its limit, and Anthropic's messages, one of which failed."""
    said_so = {"type": "message", "content": [{"type": "output_text", "text": said(0)}]}
    body = {"model": "toy-1", "output": [{"type": "reasoning", "summary": []}, said_so]}
    cut = {**body, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    rows = [
        {"custom_id": str(i), "response": {"status_code": 200, "body": one}}
        for i, one in enumerate((body, cut))
    ]
    run = read_run(write_json_lines(tmp_path / "responses.jsonl", rows), task="t")
    assert [(row.responses, row.finish) for row in run.rows] == [
        ((said(0),), (None,)),
        ((said(0),), ("length",)),
    ]
    message = {"model": "toy-1", "content": [{"type": "text", "text": said(0)}], "stop_reason": "end_turn"}
    rows = [{"custom_id": "0", "result": {"type": "succeeded", "message": message}},
            {"custom_id": "1", "result": {"type": "errored", "error": {"type": "invalid_request"}}}]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "messages.jsonl", rows), task="t")
    assert (run.model, run.rows[0].responses) == ("toy-1", (said(0),))
    assert [row.missing for row in run.rows] == [False, True]


# --- OpenCompass


def opencompass(tmp_path, entries, details=None, name="math500"):
    path = tmp_path / "predictions" / "toy-1" / f"{name}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({str(k): entry for k, entry in enumerate(entries)}))
    if details is not None:
        verdicts = tmp_path / "results" / "toy-1" / f"{name}.json"
        verdicts.parent.mkdir(parents=True)
        verdicts.write_text(json.dumps({"accuracy": 50.0, "details": details}))
    return path


def entry(i, wrong=0):
    return {
        "origin_prompt": [{"role": "HUMAN", "prompt": QUESTIONS[i]}],
        "prediction": said(i, wrong),
        "gold": GOLD[i],
    }


def test_opencompass_repeats_come_block_by_block(tmp_path):
    """num_repeats asks the whole set n times over; the details hold a list of verdicts for each problem."""
    entries = [entry(i, k) for k in range(3) for i in range(N)]
    details = [
        {"example_abbr": f"x_{i}", "pred": ["a"] * 3, "correct": [True, False, False]} for i in range(N)
    ]
    run = read_run(path := opencompass(tmp_path, entries, details))
    assert read_runs(path.parent) == read_runs(path.parent.parent) == read_runs(tmp_path) == [run]
    assert (run.protocol.k, len(run.rows)) == (3, N)
    assert run.rows[2].responses == (said(2), said(2, 1), said(2, 2))
    assert {round(row.score, 3) for row in run.rows} == {0.333}
    assert run.protocol.metric == "avg@k"
    one = [{**mark, "correct": [True]} for mark in details]
    assert read_run(opencompass(tmp_path / "one", entries, one)).protocol.metric is None


def test_opencompass_details_by_doc(tmp_path):
    details = {
        "type": "GEN",
        **{str(i): {"prompt": "p", "predictions": "a", "correct": [i > 0]} for i in range(N)},
    }
    run = read_run(opencompass(tmp_path, [entry(i) for i in range(N)], details))
    assert [row.score for row in run.rows] == [0, 1, 1, 1, 1, 1]


OF_A_HUB = "abbr='toy-1', path='acme/toy-1', type='opencompass.models.HuggingFacewithChatTemplate'"


@pytest.mark.parametrize(
    ("model", "changes", "served", "heat"),
    [
        (f"dict({OF_A_HUB}, max_out_len=64, generation_kwargs=dict(do_sample=False))", (), False, 0.0),
        (f"dict({OF_A_HUB}, peft_path='/x/lora')", ("peft_path=/x/lora",), False, None),
        (f"dict({OF_A_HUB}, model_kwargs=dict(load_in_4bit=True))", ("load_in_4bit=True",), False, None),
        ("dict(abbr='toy-1', path='acme/toy-1', temperature=0.7, type='opencompass.models.OpenAI')", (), True, 0.7),
    ],
)  # fmt: skip
def test_opencompass_says_in_its_configuration_which_weights_and_how(tmp_path, model, changes, served, heat):
    opencompass(tmp_path, [entry(i) for i in range(N)])
    config = tmp_path / "configs" / "20260102_030405_1.py"
    config.parent.mkdir()
    config.write_text(
        f"datasets=[]\nmodels=[\n    dict(abbr='other', path='x/y'),\n    {model},\n]\nwork_dir='.'\n"
    )
    run = read_run(tmp_path)
    weights = run.provenance.weights
    assert (weights.repository, weights.changes, weights.served) == ("acme/toy-1", changes, served)
    assert run.protocol.temperature == heat
    assert run.protocol.max_tokens == (64 if "max_out_len" in model else None)


@pytest.mark.parametrize(
    ("data_set", "shots", "named"),
    [
        ("infer_cfg=dict(retriever=dict(fix_id_list=[0, 1, 2], type='x.FixKRetriever'))", 3, set()),
        ("infer_cfg=dict(retriever=dict(type='x.ZeroRetriever'))", None, set()),
        ("eval_cfg=dict(evaluator=dict(type='x.GenericLLMEvaluator'))", None, {"evaluator"}),
        ("eval_cfg=dict(evaluator=dict(type='x.MATHVerifyEvaluator'))", None, set()),
    ],
)
def test_opencompass_says_of_a_data_set_how_many_examples_and_who_graded(tmp_path, data_set, shots, named):
    opencompass(tmp_path, [entry(i) for i in range(N)])
    config = tmp_path / "configs" / "20260102_030405_1.py"
    config.parent.mkdir()
    name = read_run(tmp_path).task
    config.write_text(f"datasets=[dict(abbr={name!r}, {data_set})]\nmodels=[dict({OF_A_HUB})]\n")
    run = read_run(tmp_path)
    assert run.protocol.shots == shots
    assert set(shaped_by(run.provenance.settings)) == named


@pytest.mark.parametrize(
    "config", ["models=[", "models=[dict(abbr=name())]", "models=open('x')", "import os"]
)
def test_a_configuration_that_is_no_literal_is_not_run(tmp_path, config):
    opencompass(tmp_path, [entry(i) for i in range(N)])
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "a.py").write_text(config)
    assert read_run(tmp_path).provenance.weights is None


def test_opencompass_verdicts_that_skip_docs_are_not_used(tmp_path):
    """Its MATH evaluator leaves out docs whose reference it cannot parse: verdict 4 may then be of doc 5."""
    run = read_run(opencompass(tmp_path, [entry(i) for i in range(N)], [{"correct": True}] * (N - 1)))
    assert not run.scored
    assert run.provenance.notes[0] == "results/ has 5 verdicts for 6 docs: they are not used"


# --- lighteval


def details_file(tmp_path, rows, settings, name="lighteval|aime24|0"):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    date = "2026-01-02T03-04-05.678"
    path = tmp_path / "out" / "details" / "acme" / "toy-1" / date / f"details_{name}_{date}.parquet"
    path.parent.mkdir(parents=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    results = tmp_path / "out" / "results" / "acme" / "toy-1" / f"results_{date}.json"
    results.parent.mkdir(parents=True)
    results.write_text(
        json.dumps({"config_general": {"model_name": "acme/toy-1", "lighteval_sha": "abc", **settings}})
    )
    return tmp_path / "out"


def test_lighteval_of_old_with_settings_and_cut_responses(tmp_path):
    """Up to 0.9: token ids are kept, and as many of them as the limit mean that the response was cut."""
    rows = [{"example": QUESTIONS[i], "full_prompt": f"<user>{QUESTIONS[i]}", "predictions": [said(i), said(i, 1)],
             "gold": [GOLD[i]], "cont_tokens": [[1] * (8 if i == 0 else 5), [1] * 5],
             "metrics": {"math_pass@1:1_samples": 1.0, "math_pass@1:2_samples": 0.5}} for i in range(N)]  # fmt: skip
    settings = {"generation_parameters": {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 8}}
    run = read_run(details_file(tmp_path, rows, settings))
    assert (run.model, run.metric, run.provenance.commit) == ("acme/toy-1", "math_pass@1:2_samples", "abc")
    assert (run.protocol.temperature, run.protocol.max_tokens, run.protocol.k) == (0.6, 8, 2)
    assert run.rows[0].finish == ("length", "stop")
    assert run.rows[0].question == QUESTIONS[0]
    assert {row.score for row in run.rows} == {0.5}


def test_lighteval_of_today_nested_and_as_text(tmp_path):
    """Since 0.10: doc, model_response, metric; where a table cannot hold them, every cell is a Python literal."""
    rows = [{"doc": {"query": QUESTIONS[i], "choices": [GOLD[i]], "gold_index": [0]},
             "model_response": {"text": [said(i)], "output_tokens": [[1, 2]]},
             "metric": {"extractive_match": 1.0, "length": 10}} for i in range(N)]  # fmt: skip
    settings = {
        "model_config": {"generation_parameters": {"max_new_tokens": 32768, "grammar": {"type": "regex"}}}
    }
    run = read_run(details_file(tmp_path / "nested", rows, settings))
    assert (run.metric, run.protocol.max_tokens) == ("extractive_match", 32768)
    assert steered_by(run.provenance.settings) == "grammar={'type': 'regex'}"
    as_text = [{key: str(value) for key, value in row.items()} for row in rows]
    again = read_run(details_file(tmp_path / "text", as_text, settings))
    assert again.rows == run.rows


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("math_pass@1:4_samples", ("avg@k", 4)),
        ("math_pass@1:1_samples", ("pass@1", 1)),
        ("maj@4", ("maj@k", 4)),
        ("pass@k:k=1&n=4", ("avg@k", 4)),
        ("pass@k:k=4&n=4", ("pass@k", 4)),
        ("G-Pass@4_0.5:n=4", ("pass@k", 4)),
        ("extractive_match", (None, 4)),
    ],
)
def test_what_a_score_of_lighteval_is_stands_in_its_name(tmp_path, name, meaning):
    rows = [
        {"predictions": [said(i)] * 4, "gold": [GOLD[i]], "metrics": {name: 1.0, "other": 0.0}}
        for i in range(N)
    ]
    run = read_run(details_file(tmp_path, rows, {}), metric=name)
    assert (run.protocol.metric, run.protocol.k) == meaning


def test_lighteval_says_which_weights(tmp_path):
    rows = [
        {"predictions": [said(i)], "gold": [GOLD[i]], "metrics": {"extractive_match": 1.0}} for i in range(N)
    ]
    config = {"model_config": {"adapter_weights": True, "base_model": "a/b", "tensor_parallel_size": 2}}
    weights = read_run(details_file(tmp_path, rows, config)).provenance.weights
    assert weights.changes == ("adapter_weights=True", "base_model=a/b")


def test_lighteval_says_how_its_model_was_set(tmp_path):
    rows = [
        {"predictions": [said(i)], "gold": [GOLD[i]], "metrics": {"extractive_match": 1.0}} for i in range(N)
    ]
    config = {"max_model_length": 512, "system_prompt": "Be brief.", "use_chat_template": True,
              "generation_parameters": {"max_new_tokens": 2048, "top_k": 20, "stop_tokens": ["."]}}  # fmt: skip
    run = read_run(details_file(tmp_path, rows, {"model_config": config}))
    assert run.protocol.max_tokens == 512
    assert shaped_by(run.provenance.settings) == {"top_k": 20, "stop_tokens": ["."]}
    assert (run.protocol.system_prompt, run.provenance.settings["system_instruction"]) == (True, "Be brief.")


def test_lighteval_metrics_of_unknown_meaning_must_be_chosen_between(tmp_path):
    rows = [
        {"predictions": [said(i)], "gold": [GOLD[i]], "metrics": {"left": 1.0, "other": 0.0}}
        for i in range(N)
    ]
    out = details_file(tmp_path, rows, {})
    with pytest.raises(EvidenceError, match="left, other"):
        read_run(out)
    assert read_run(out, metric="other").rows[0].score == 0
    with pytest.raises(EvidenceError, match="only left, other"):
        read_run(out, metric="third")


# --- OpenCompass's results with details


def write_details(path, **more):
    turns = [{"role": "HUMAN", "prompt": QUESTIONS[i]} for i in range(N)]
    details = {str(i): {"prompt": [turns[i]], "origin_prediction": said(i, i == 2), "predictions": str(10 + i),
                        "references": GOLD[i], "correct": i != 2} for i in range(N)}  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"accuracy": 83.33, "details": {"type": "GEN", **details}, **more}))
    return path


@pytest.mark.parametrize("place", ["results/toy-1/gsm8k.json", "export.json"])
def test_opencompass_results_with_details_are_a_run(tmp_path, place):
    path = write_details(tmp_path / place)
    run = read_run(path, task="gsm8k")
    assert run.model == ("toy-1" if "results" in place else None)
    assert run.rows[1].question == QUESTIONS[1]
    assert [row.score for row in run.rows] == [1, 1, 0, 1, 1, 1]
    assert right(run) == [i != 2 for i in range(N)]
    assert run.rows[2].responses == (said(2, True),)


def test_opencompass_details_count_where_there_are_no_predictions(tmp_path):
    write_details(tmp_path / "results" / "toy-1" / "gsm8k.json")
    assert [run.label for run in read_runs(tmp_path)] == ["toy-1 · gsm8k"]
    entries = {str(i): {"origin_prompt": QUESTIONS[i], "prediction": "x", "gold": GOLD[i]} for i in range(N)}
    predictions = tmp_path / "predictions" / "toy-1" / "gsm8k_0.json"
    predictions.parent.mkdir(parents=True)
    predictions.write_text(json.dumps(entries))
    (run,) = read_runs(tmp_path)
    assert run.rows[0].responses == ("x",)


def test_opencompass_results_without_text_are_refused(tmp_path):
    path = tmp_path / "results" / "toy-1" / "mmlu.json"
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps({"accuracy": 50, "details": {"type": "PPL", "0": {"BPB": 1, "correct": True}}})
    )
    with pytest.raises(EvidenceError, match="a task that compares likelihoods"):
        read_run(path)
    path.write_text(json.dumps({"accuracy": 50}))
    with pytest.raises(EvidenceError, match="details without"):
        read_run(path)


# --- Every Eval Ever


def eee(tmp_path, **result):
    stated = {
        "evaluation_name": "gsm8k",
        "source_data": {"dataset_name": "gsm8k", "source_type": "hf_dataset"},
        "metric_config": {"metric_id": "accuracy", "max_score": 1, "lower_is_better": False},
        "score_details": {"score": 0.8537, "uncertainty": {"num_samples": 1319}},
        "generation_config": {"generation_args": {"temperature": 0.0, "max_tokens": 512}},
    }
    document = {
        "schema_version": "0.3.0",
        "model_info": {"name": "Qwen2.5-7B", "id": "Qwen/Qwen2.5-7B"},
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "evaluation_results": [stated | result],
    }
    path = tmp_path / "eee.json"
    path.write_text(json.dumps(document))
    return path


def test_every_eval_ever_is_read_for_its_scores(tmp_path):
    run = read_run(eee(tmp_path), totals=True)
    assert (run.model, run.task, run.total.value, run.total.docs) == (
        "Qwen/Qwen2.5-7B",
        "gsm8k",
        0.8537,
        1319,
    )
    assert (run.protocol.temperature, run.protocol.max_tokens, run.metric) == (0.0, 512, "accuracy")
    percent = eee(tmp_path, score_details={"score": 85.37}, metric_config={"max_score": 100.0})
    assert read_run(percent, totals=True).total.value == pytest.approx(0.8537)
    with pytest.raises(EvidenceError, match="results only"):
        read_run(eee(tmp_path))


def test_every_eval_ever_says_what_its_score_is_and_how_it_was_asked(tmp_path):
    several = eee(tmp_path, metric_config={"metric_id": "pass@8", "max_score": 1})
    assert read_run(several, totals=True).protocol.metric == "pass@k"
    asked = {"temperature": "0.7", "max_tokens": 512, "agentic_eval_config": {"available_tools": ["python"]}}
    run = read_run(eee(tmp_path, generation_config={"generation_args": asked}), totals=True)
    assert (run.protocol.temperature, run.protocol.max_tokens) == (0.7, 512)
    assert shaped_by(run.provenance.settings).keys() == {"agentic_eval_config"}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"metric_config": {"max_score": 1, "lower_is_better": True}}, "more is better"),
        ({"score_details": {"score": "good"}}, "a number as the score"),
        ({"score_details": {"score": 85.37}, "metric_config": {}}, "State max_score"),
        ({"score_details": {"score": 1200.0}, "metric_config": {"max_score": 2000}}, "an accuracy"),
        ({"score_details": None}, "a number as the score"),
    ],
)
def test_a_score_that_is_no_accuracy_is_refused(tmp_path, result, words):
    with pytest.raises(EvidenceError, match=words):
        read_run(eee(tmp_path, **result), totals=True)
