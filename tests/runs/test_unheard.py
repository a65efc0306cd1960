"""What a log sets under a name that nobody here knows is named; each with twins that are known."""

import json

import pytest

from lm_eval_mathtasks.runs.decoding import shaped_by
from lm_eval_mathtasks.runs.inspect_logs import _asked
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.unheard import unheard
from lm_eval_mathtasks.runs.weights import weights_of_log
from tests.runs.logs_of_runs import doc, write_lm_eval


@pytest.mark.parametrize(
    ("place", "given", "named"),
    [
        ("config", {"device": "cuda:0", "bootstrap_iters": 100, "numpy_seed": 1234}, set()),
        ("config", {"rewrite_prompts": "by gpt-4o"}, {"rewrite_prompts"}),
        (
            "configs",
            {"doc_to_text": "{{question}}", "process_docs": "def f(docs): ...", "tag": ["math"]},
            set(),
        ),
        ("configs", {"use_prompt": "promptsource:*"}, {"use_prompt"}),
        ("configs", {"use_prompt": None, "doc_to_image": None, "unheard_of": False}, set()),
    ],
)
def test_lm_evals_configuration(tmp_path, place, given, named):
    folder = write_lm_eval(tmp_path, [doc(i, 1) for i in range(4)], ["1"] * 4, scores=[1] * 4)
    (file,) = folder.glob("results_*.json")
    content = json.loads(file.read_text())
    (content["config"] if place == "config" else content["configs"]["gsm8k-cot-zeroshot"]).update(given)
    file.write_text(json.dumps(content))
    assert set(shaped_by(read_run(folder).provenance.settings)) == named


@pytest.mark.parametrize(
    ("about", "named"),
    [
        (
            {
                "config": {"epochs": 1, "fail_on_error": True, "log_samples": True},
                "packages": {"inspect_ai": "0.3"},
            },
            set(),
        ),
        ({"config": {"token_limit": 300}}, {"token_limit"}),
        ({"solver_args": {"attempts": 3}}, {"solver_args"}),
    ],
)
def test_inspects_evaluation(about, named):
    assert set(shaped_by(_asked({"eval": {"task": "gsm8k", **about}})[1])) == named


def test_lightevals_task():
    usual = {
        "name": "gsm8k",
        "few_shots_select": "random",
        "stop_sequence": ["Question:"],
        "generation_grammar": None,
    }
    assert not shaped_by(unheard("lighteval", usual))
    assert set(shaped_by(unheard("lighteval", {**usual, "generation_grammar": {"type": "json"}}))) == {
        "generation_grammar"
    }


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("qwen2.5:7b", ("tag=7b",)),
        ("llama3.1:8b-instruct-fp16", ("tag=8b-instruct-fp16",)),
        ("meta-llama/llama-3.1-8b-instruct:free", ("tag=free",)),
        ("Qwen/Qwen2.5-7B", ()),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", ()),
    ],
)
def test_a_tag_behind_a_name_makes_other_weights(name, changes):
    assert weights_of_log(name, {"model": name, "base_url": "http://localhost:11434/v1"}).changes == changes
