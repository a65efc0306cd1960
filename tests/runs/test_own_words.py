"""What logs say of their own grades and of their system prompts, wherever that stands; each with an honest twin."""

import json

import pytest

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.decoding import shaped_by, stated_by
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.score_names import grader_named, of_several
from lm_eval_mathtasks.runs.shown import same_each_time, shown_by
from tests.runs.logs_of_runs import write_json_lines
from tests.runs.test_formats import GOLD, QUESTIONS, N, details_file, entry, helm_state, opencompass, said

BRIEF = "Be brief."
TURNS = [{"role": "system", "content": BRIEF}, {"role": "user", "content": QUESTIONS[0]}]


def lines(tmp_path, name="a.jsonl", columns=None, metric=None, **more):
    """A file of lines; a column is what a function makes of a line's number."""
    rows = [
        {"question": QUESTIONS[i], "gold": GOLD[i], "response": said(i),
         **{name: value(i) if callable(value) else value for name, value in more.items()}}
        for i in range(N)
    ]  # fmt: skip
    return read_run(write_json_lines(tmp_path / name, rows), task="t", columns=columns, metric=metric)


def doubts(run):
    return set(run.provenance.settings.get("doubts") or ())


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("maj@8", ("maj@k", 8)),
        ("sc_correct", ("maj@k", 4)),
        ("majority@16", ("maj@k", 16)),
        ("gsm8k_maj8", ("maj@k", 8)),
        ("weighted_vote", ("pass@k", 4)),
        ("pass_at_8", ("pass@k", 8)),
        ("pass8_correct", ("pass@k", 8)),
        ("best_of_8_correct", ("pass@k", 8)),
        ("bo64", ("pass@k", 64)),
        ("oracle_acc", ("pass@k", 4)),
        ("passed_any", ("pass@k", 4)),
        ("pass@1", None),
        ("pass@1:8_samples", None),
        ("pass@k:k=1&n=8", None),
        ("pass", None),
        ("major_correct", None),
        ("prm800k_correct", None),
        ("score", None),
        ("bootstrap_acc", None),
    ],
)
def test_a_name_says_what_a_score_is_of_several_answers(name, meaning):
    assert of_several(name, 4) == meaning


def test_a_name_says_who_judged():
    names = ("llm_judge_correct", "model_graded_qa_score", "strict_correct", "correct", None)
    assert [grader_named(name) for name in names] == ["judge", "judge", "strict", None, None]


def test_a_column_that_is_named_for_a_fact_keeps_its_name(tmp_path):
    run = lines(tmp_path, columns={"verdict": "maj_ok"}, maj_ok=True)
    assert (run.metric, run.protocol.metric) == ("maj_ok", "maj@k")
    run = lines(tmp_path, columns={"verdict": "fine", "response": "text"}, fine=True, text="1", best="yes")
    assert (run.metric, run.protocol.metric, shaped_by(run.provenance.settings)) == (
        "fine",
        None,
        {"best": "yes"},
    )
    run = lines(tmp_path, columns={"response": "best_text"}, best_text="1")
    assert shaped_by(run.provenance.settings) == {"response": "best_text"}
    with pytest.raises(EvidenceError, match="a verdict as `grade` in line 1"):
        lines(tmp_path, columns={"verdict": "grade"}, grade=0.7)
    assert shaped_by(lines(tmp_path, "x_maj8.jsonl").provenance.settings) == {"file": "x_maj8"}


@pytest.mark.parametrize(
    ("grades", "found"),
    [
        ({"score": lambda i: i / 8}, {"scores"}),
        ({"score": 0.5}, {"scores"}),
        ({"f1_score": lambda i: [0, 0.1, 1][i % 3]}, {"scores"}),
        ({"score": lambda i: 1 - 2 * (i % 2)}, set()),
        ({"score": lambda i: i / 8, "correct": True}, set()),
        ({"rm_score": lambda i: i / 8}, set()),
        ({"score": "good"}, set()),
        ({"score": lambda i: None if i else 1}, set()),
    ],
)
def test_partial_credit_is_no_verdict(tmp_path, grades, found):
    assert doubts(lines(tmp_path, **grades)) == found
    assert doubts(lines(tmp_path, metric="none", **grades)) == set()


def test_a_summary_beside_lines_is_held_against_their_verdicts_or_kept_for_ours(tmp_path):
    beside = tmp_path / "a_metrics.json"
    for stated, found in ((30.0, {"results"}), (100.0, set()), (1.0, set())):
        beside.write_text(json.dumps({"num_correct": 3, "acc": stated}))
        assert doubts(lines(tmp_path, correct=True)) == found
    beside.write_text(json.dumps({"all": [{"accuracy": 70, "num_correct": 3}]}))
    assert lines(tmp_path).provenance.stated == (0.7,)
    assert lines(tmp_path, metric="none").provenance.stated == ()
    for damaged in ("[1, null]", '{"name": [1], "accuracy": "n/a"}'):
        beside.write_text(damaged)
        assert lines(tmp_path).provenance.stated == ()


def helm(tmp_path, stats, **request):
    states = [helm_state(i) for i in range(N)]
    for state in states:
        state["request"] |= request
    path = tmp_path / "gsm:model=acme_toy-1" / "scenario_state.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"adapter_spec": {"model": "acme/toy-1"}, "request_states": states}))
    named = [
        {"name": {"name": name, "split": "test"}, "mean": mean, "sum": 9} for name, mean in stats.items()
    ]
    path.with_name("stats.json").write_text(json.dumps(named))
    return read_run(path)


def test_what_results_state_of_answers_without_verdicts_is_their_score(tmp_path):
    run = helm(tmp_path / "helm", {"exact_match": 0, "final_number_exact_match": 0.6, "num_prompt_tokens": 1})
    assert run.provenance.stated == (0, 0.6)
    path = opencompass(tmp_path / "oc", [entry(i) for i in range(N)], [])
    assert read_run(path).provenance.stated == (0.5,)
    rows = [{"predictions": [said(i)], "gold": [GOLD[i]], "metrics": {"left": "n/a"}} for i in range(N)]
    out = details_file(tmp_path / "le", rows, {})
    results = next(out.rglob("results_*.json"))
    task = {"lighteval|aime24|0": {"extractive_match": 0.6, "extractive_match_stderr": 0.1}}
    results.write_text(json.dumps({**json.loads(results.read_text()), "results": task}))
    assert read_run(out).provenance.stated == (0.6, 0.1)


def test_a_system_prompt_is_one_wherever_it_stands(tmp_path):
    for name in ("system", "system_prompt", "system_message"):
        for given in ((({name: BRIEF}),), ({}, {name: BRIEF})):
            asked, noted = stated_by(*given)
            assert (asked["system_prompt"], noted) == (True, {"system_instruction": BRIEF})
    assert stated_by({"system_message": ""})[0]["system_prompt"] is None
    run = lines(tmp_path, system=BRIEF)
    assert (run.protocol.system_prompt, run.provenance.settings["system_instruction"]) == (True, BRIEF)
    assert lines(tmp_path, system="").protocol.system_prompt is None
    assert shown_by(helm(tmp_path / "turns", {}, prompt="", messages=TURNS)).system
    assert not shown_by(helm(tmp_path / "turn", {}, prompt="", messages=TURNS[1:])).system


@pytest.mark.parametrize(
    ("given", "system"), [(TURNS, True), (TURNS[1:], False), ("Q: ", False), ([1, 2], False)]
)
def test_the_prompts_of_lighteval_are_read(tmp_path, given, system):
    answer = {"input": given, "text": ["1"]}
    rows = [{"doc": json.dumps({"query": QUESTIONS[0], "choices": ["1"]}), "model_response": json.dumps(answer),
             "metric": json.dumps({"extractive_match": 1.0})}]  # fmt: skip
    assert shown_by(read_run(details_file(tmp_path, rows, {}))).system == system


def test_what_the_body_of_a_batch_says_of_its_request_is_read(tmp_path):
    part = {"type": "message", "content": [{"type": "output_text", "text": "1"}]}
    body = {"model": "toy-1", "instructions": BRIEF, "temperature": 0.5, "max_output_tokens": 9, "output": [part],
            "tools": [], "usage": {"completion_tokens_details": {"accepted_prediction_tokens": 7}}}  # fmt: skip
    rows = [{"custom_id": str(i), "response": {"status_code": 200, "body": body}} for i in range(N)]
    run = read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t")
    asked = run.protocol
    assert (asked.system_prompt, asked.temperature, asked.max_tokens, asked.tools) == (True, 0.5, 9, None)
    assert shaped_by(run.provenance.settings) == {"accepted_prediction_tokens": "7"}


def test_sampling_at_no_stated_temperature_is_said():
    assert shaped_by(stated_by({"do_sample": True})[1]) == {
        "do_sample": "True, at a temperature that the log does not say"
    }
    assert shaped_by(stated_by({"do_sample": True, "temperature": 0.7})[1]) == {}


def test_shorter_answers_are_one_only_if_they_are_on_all_docs(tmp_path):
    def run(name, text):
        rows = [
            {"question": QUESTIONS[i], "id": i, "repeat": k, "response": text(i, k)}
            for i in range(N)
            for k in (0, 1)
        ]
        return read_run(write_json_lines(tmp_path / name, rows), task="t")

    short = "So there are {} of them in the end, which answers it: {}."
    assert same_each_time(run("a.jsonl", lambda i, _: short.format(i, i))) == (N, N)
    assert same_each_time(run("b.jsonl", lambda i, k: short.format(i, k if i else 0))) is None
    assert same_each_time(run("c.jsonl", lambda i, _: str(i))) is None


@pytest.mark.parametrize(("hint", "own"), [("\nHint: {}.", True), ("\nPart {}.", False)])
def test_a_hint_of_a_word_is_a_text_of_its_own(tmp_path, hint, own):
    run = lines(tmp_path, prompt=lambda i: QUESTIONS[i] + hint.format(["add", "count"][i % 2]))
    assert bool(shown_by(run).own) == own


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"split": "test"}, set()),
        ({"split": "train"}, {"split"}),
        ({"pass@4": lambda i: i % 2}, {"pass@4"}),
        ({"top_p": lambda i: 1.0}, set()),
    ],
)
def test_columns_of_the_split_and_of_several_answers(tmp_path, more, named):
    run = lines(tmp_path, **more)
    assert set(shaped_by(run.provenance.settings)) == named
    assert run.provenance.settings.get("split") == more.get("split")
