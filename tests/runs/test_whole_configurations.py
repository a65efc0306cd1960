"""What the configurations of harnesses say beside the lines: other weights, settings of their own, numbers that
contradict the samples. Each with a twin of which nothing is to be said."""

import json

import pytest
import yaml

from lm_eval_mathtasks.runs.decoding import shaped_by
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.shown import shown_by, turns_of_template
from lm_eval_mathtasks.runs.weights import called_otherwise
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

N = 6
NAME = "acme/toy-7B"


def told(run):
    """What makes the weights others, what shapes the answers, and what contradicts itself."""
    settings, weights = run.provenance.settings, run.provenance.weights
    return weights.changes if weights else (), set(shaped_by(settings)), set(settings.get("doubts") or ())


def lm_eval(tmp_path, config=(), task=(), repeats=1, **results):
    answers = [["1"] * 4 if repeats == 4 else "1"] * N
    folder = write_lm_eval(
        tmp_path, [doc(i, 1) for i in range(N)], answers, scores=[1] * N, model=NAME, shots=4
    )
    (file,) = folder.glob("results_*.json")
    content = json.loads(file.read_text()) | results
    content["config"] |= dict(config)
    content["configs"]["gsm8k-cot-zeroshot"] |= dict(task)
    file.write_text(json.dumps(content))
    return read_run(folder)


NOTHING = ((), set(), set())
TRACKED = {"model_name_sanitized": "x"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"config": {"model_num_parameters": 7_615_616_512, "model_dtype": "torch.bfloat16"}}, NOTHING),
        ({"config": {"model_num_parameters": 494_032_768}}, (("0.49 billion parameters",), set(), set())),
        ({"config": {"model_dtype": "torch.int8"}}, (("model_dtype=torch.int8",), set(), set())),
        ({"config": {"peft_sha": "0f1e"}}, (("peft_sha=0f1e",), set(), set())),
        ({"config": {"gen_kwargs": {"min_p": 0.1}}}, ((), {"min_p"}, set())),
        ({"model_name": NAME, **TRACKED}, NOTHING),
        ({"model_name": "me/lora", **TRACKED}, (("me/lora",), set(), set())),
        ({"task": {"repeats": 4}, "repeats": 4}, NOTHING),
        ({"task": {"repeats": 4}}, ((), set(), {"repeats"})),
        ({"task": {"num_fewshot": 4}}, NOTHING),
        ({"task": {"num_fewshot": 8}}, ((), set(), {"counts"})),
        ({"task": {"test_split": "test", "fewshot_split": "train"}}, NOTHING),
        ({"task": {"test_split": "test", "fewshot_split": "test"}}, ((), {"fewshot_split"}, set())),
    ],
)
def test_what_lm_eval_loaded_and_how_its_task_was_set(tmp_path, given, found):
    assert told(lm_eval(tmp_path, **given)) == found


def inspect(tmp_path, epochs=1, value=1.0, answered=NAME, sample=(), **about):
    samples = [
        {"id": i, "epoch": 1, "input": f"{i} + 1?", "target": "1", "scores": {"match": {"value": "C"}},
         "output": {"model": answered, "choices": [{"message": {"content": "1"}}]}, **dict(sample)}
        for i in range(N)
    ]  # fmt: skip
    header = {"task": "t", "model": f"vllm/{NAME}", "config": {"epochs": epochs}, **about}
    scores = [{"name": "match", "metrics": {"accuracy": {"value": value}}}]
    log = {"status": "success", "eval": header, "samples": samples, "results": {"scores": scores}}
    log |= {name: header.pop(name) for name in ("plan", "stats") if name in header}
    (tmp_path / "log.json").write_text(json.dumps(log))
    return read_run(tmp_path / "log.json")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"model_args": {"tensor_parallel_size": 2, "dtype": "bfloat16", "max_model_len": 4096}}, NOTHING),
        ({"model_args": {"rope_scaling": {"factor": 4}}}, (("rope_scaling={'factor': 4}",), set(), set())),
        ({"model_args": {"tokenizer": NAME}}, NOTHING),
        ({"model_args": {"tokenizer_path": "b/c"}}, (("tokenizer_path=b/c",), set(), set())),
        ({"model_args": {"chat_template": "/own.jinja"}}, ((), {"chat_template"}, set())),
        ({"model_args": {"steps": 9}}, ((), {"steps"}, set())),
        ({"answered": "toy-7B-2026-01-02"}, NOTHING),
        ({"answered": "toy-70B"}, (("toy-70B",), set(), set())),
        ({"plan": {"steps": [{"solver": "generate"}], "finish": None}}, NOTHING),
        ({"plan": {"finish": {"solver": "self_critique"}}}, ((), {"solvers"}, set())),
        ({"task_args": {"fewshot": 10}}, NOTHING),
        ({"task_args": {"with_hints": True}}, ((), {"with_hints"}, set())),
        ({"stats": {"model_usage": {f"vllm/{NAME}": {}}}}, NOTHING),
        ({"stats": {"model_usage": {"a/b": {}}}}, ((), {"models"}, set())),
        ({"sample": {"scores": {"match": {"value": "C", "history": [{}, {}]}}}}, ((), {"edited_scores"}, set())),
        ({"value": 0.7}, ((), set(), {"results"})),
        ({"epochs": 4}, ((), set(), {"repeats"})),
        ({"epochs": "4", "model_args": [1], "plan": None, "stats": [1]}, NOTHING),
    ],
)  # fmt: skip
def test_inspects_header_is_read_as_a_whole(tmp_path, given, found):
    run = inspect(tmp_path, **given)
    assert told(run) == found
    assert run.protocol.shots == given.get("task_args", {}).get("fewshot")


def evalscope(tmp_path, score=1.0, **config):
    review = {
        "sample_score": {"score": {"value": {"acc": 1.0}, "prediction": "1"}, "group_id": 0},
        "target": "1",
    }
    rows = [{**review, "index": i, "input": f"{i} + 1?", "sample_score": {**review["sample_score"], "group_id": i}}
            for i in range(N)]  # fmt: skip
    write_json_lines(tmp_path / "reviews" / "toy" / "gsm8k_main.jsonl", rows)
    write_json_lines(tmp_path / "reports" / "toy" / "gsm8k.json", [{"score": score}])
    write_json_lines(tmp_path / "configs" / "c.yaml", [])
    given = {"model": NAME, "eval_type": "llm_ckpt", "seed": 42, "chat_template": None, **config}
    (tmp_path / "configs" / "c.yaml").write_text(yaml.safe_dump(given))
    return read_run(tmp_path)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"model_args": {"revision": "master", "precision": "torch.float16"}}, NOTHING),
        ({"model_args": {"load_format": "dummy"}}, (("load_format=dummy",), set(), set())),
        ({"chat_template": "{{ x }}"}, ((), {"chat_template"}, set())),
        ({"eval_type": "mock_llm"}, ((), {"eval_type"}, set())),
        ({"judge_strategy": "auto", "judge_model_args": {"model_id": "gpt-4o"}}, NOTHING),
        (
            {"judge_strategy": "llm", "judge_model_args": {"model_id": "gpt-4o"}},
            ((), {"judge_strategy"}, set()),
        ),
        ({"repeats": 1}, NOTHING),
        ({"repeats": 4}, ((), set(), {"repeats"})),
        ({"score": 0.7}, ((), set(), {"results"})),
        ({"model_args": "revision=master", "dataset_args": ["gsm8k"], "score": "n/a"}, NOTHING),
    ],
)
def test_evalscopes_configuration_is_read_as_a_whole(tmp_path, given, found):
    assert told(evalscope(tmp_path, **given)) == found


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"usage": {"completion_tokens": 9}, "metadata": {"level": "3", "subject": "x"}}, NOTHING),
        ({"config": {"adapter": "/lora"}}, (("adapter=/lora",), set(), set())),
        ({"calls": [{"name": "python"}]}, ((), {"name"}, set())),
        ({"mode": "ensemble"}, ((), {"mode"}, set())),
        ({"correct": None, "sympy_correct": True}, NOTHING),
        ({"correct": None, "reranked_correct": True}, ((), {"verdicts"}, set())),
    ],
)
def test_objects_in_a_line_and_the_names_of_verdicts_are_read(tmp_path, more, found):
    rows = [
        {"question": f"{i} + 1?", "gold": "1", "response": "1", "correct": True, **more} for i in range(N)
    ]
    assert told(read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t")) == found


def test_attempts_that_are_not_all_there_may_be_the_last_ones(tmp_path):
    rows = [
        {"question": f"{i} + 1?", "gold": "1", "response": "1", "attempt": 1, "retries": 0} for i in range(N)
    ]
    assert told(read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t")) == NOTHING
    rows[2] |= {"attempt": 3, "retries": 2}
    found = told(read_run(write_json_lines(tmp_path / "b.jsonl", rows), task="t"))
    assert found == ((), {"retries"}, {"repeats"})


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("<｜tool▁outputs▁begin｜>3<｜tool▁outputs▁end｜>So 3.", 1),
        ("Thought: add.\nAction: add[1, 2]\nObservation: 3\nSo 3.", 1),
        ("<tool_response>3</tool_response>So 3.", 1),
        ("Observation: hens only grow. So 3.", 0),
        ("The tool results in 3.", 0),
    ],
)
def test_outputs_of_tools_are_told_from_prose(tmp_path, text, used):
    rows = [{"question": f"{i} + 1?", "gold": "3", "response": text} for i in range(N)]
    assert shown_by(read_run(write_json_lines(tmp_path / "a.jsonl", rows), task="t")).with_tools == used * N


QWEN = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n1 + 2?<|im_end|>\n<|im_start|>assistant\n{}"
LLAMA = (
    "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
    "{}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n1 + 2?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{}"
)


@pytest.mark.parametrize("shape", [QWEN, LLAMA])
def test_a_rendered_prompt_shows_a_system_message_and_a_begun_answer(shape):
    template = "{{ 'Cutting Knowledge Date: December 2023\\n' }}{{ 'You are a helpful assistant.' }}"
    assert turns_of_template(shape.format("You are a helpful assistant.", ""), template) == (None, None)
    system, begun = turns_of_template(
        shape.format("You are a helpful assistant.\nBe brief.", "Let me see:"), template
    )
    assert system.endswith("Be brief.")
    assert begun == "Let me see:"
    assert turns_of_template("Question: 1 + 2?\nAnswer:", None) == (None, None)


def test_the_name_of_a_version_is_that_of_its_model():
    assert (
        called_otherwise("acme/toy", ["toy", "me__toy", "toy-latest", "toy-001", "toy-20260102", None]) == ()
    )
    assert called_otherwise("acme/toy", ["toy-AWQ", "toy-mini"]) == ("toy-AWQ", "toy-mini")
