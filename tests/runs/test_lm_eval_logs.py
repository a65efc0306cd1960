"""lm-eval's logs as people have them: other tasks among ours, groups, samples inside results, results alone, votes."""

import json

import pytest

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.decoding import shaped_by, stated_by
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run, read_runs
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

DOCS = [doc(i, 10 + i) for i in range(4)]
RIGHT = [f"So it is \\boxed{{{10 + i}}}." for i in range(4)]


def results_of(folder):
    return next(folder.glob("results_*"))


def changed(folder, change):
    content = json.loads(results_of(folder).read_text())
    change(content)
    results_of(folder).write_text(json.dumps(content))


def samples_of(folder):
    return {
        file: [json.loads(line) for line in file.read_text().splitlines()]
        for file in folder.glob("samples_*")
    }


def write_group(folder, parts, **given):
    """One results file with several tasks, as lm-eval writes a group."""
    for task, scores in parts.items():
        write_lm_eval(folder, DOCS, RIGHT, scores=scores, task=task, **given)
        content = json.loads(results_of(folder).read_text())
        kept = folder / "kept.json"
        before = json.loads(kept.read_text()) if kept.exists() else content
        for key in ("results", "configs", "versions", "n-shot", "n-samples", "task_hashes"):
            before[key] |= content[key]
        kept.write_text(json.dumps(before))
    kept.rename(results_of(folder))
    return folder


# --- groups


MATH = {"hendrycks_math_algebra": [1, 1, 0, 1], "hendrycks_math_geometry": [0, 0, 0, 1]}


def test_a_group_is_one_run_where_it_is_asked_for(tmp_path):
    log = write_group(tmp_path, MATH)
    assert [run.task for run in read_runs(log)] == list(MATH)
    run = read_run(log, task="hendrycks_math")
    assert (run.task, len(run.rows), sum(row.score for row in run.rows)) == ("hendrycks_math", 8, 4)
    assert [row.doc_id for row in run.rows[3:5]] == ["hendrycks_math_algebra/3", "hendrycks_math_geometry/0"]
    assert run.provenance.docs_of_task == 8
    assert run.provenance.notes == ("pooled from hendrycks_math_algebra, hendrycks_math_geometry",)
    assert all(one.verdict.correct for one in judge_run(run))


def test_a_group_has_the_tasks_that_the_results_list(tmp_path):
    log = write_group(tmp_path, {**MATH, "gsm8k": [1] * 4})
    changed(log, lambda c: c.update(group_subtasks={"all_of_it": ["maths", "gsm8k"], "maths": list(MATH)}))
    assert len(read_run(log, task="all_of_it").rows) == 12
    assert len(read_run(log, task="maths").rows) == 8
    with pytest.raises(EvidenceError, match=r"gsm8k; .*hendrycks_math_algebra"):
        read_runs(log, task="aime")


def test_a_group_without_one_of_its_tasks_is_no_group(tmp_path):
    log = write_group(tmp_path, MATH)
    next(log.glob("samples_*geometry*")).unlink()
    with pytest.raises(EvidenceError, match="results only"):
        read_runs(log, task="hendrycks_math")
    assert [run.task for run in read_runs(log)] == ["hendrycks_math_algebra"]


def test_tasks_scored_by_other_metrics_are_not_pooled(tmp_path):
    log = write_group(tmp_path, MATH)
    for file, lines in samples_of(log).items():
        if "geometry" in file.name:
            write_json_lines(file, [{**line, "metrics": ["acc"], "acc": 1.0} for line in lines])
    with pytest.raises(EvidenceError, match=r"hendrycks_math_algebra by exact_match,none, .* by acc,none"):
        read_runs(log, task="hendrycks_math")


# --- what is no response, what is not there


@pytest.mark.parametrize("kind", ["multiple_choice", "loglikelihood"])
def test_choices_are_left_out_by_name(tmp_path, kind, caplog):
    """The task says that it compares likelihoods, whatever its log holds in the place of responses."""
    log = write_group(tmp_path, {"mmlu_pro": [1] * 4, "gsm8k": [1] * 4})
    changed(log, lambda c: c["configs"]["mmlu_pro"].update(output_type=kind))
    assert [run.task for run in read_runs(log)] == ["gsm8k"]
    assert "left out: mmlu_pro" in caplog.text
    with pytest.raises(EvidenceError, match="likelihoods"):
        read_runs(log, task="mmlu_pro")


@pytest.mark.parametrize(
    "name", ["results.json", "results_2026-01-02T03-04-05.678901.json", "run_of_mine.json"]
)
def test_samples_inside_the_results_are_read(tmp_path, name):
    """`simple_evaluate` returns them so; the name of the file is the user's."""
    log = write_lm_eval(tmp_path / "log", DOCS, RIGHT, scores=[1, 1, 0, 1])
    before = read_run(log)
    ((file, lines),) = samples_of(log).items()
    file.unlink()
    content = json.loads(results_of(log).read_text())
    results_of(log).unlink()
    (log / name).write_text(json.dumps({**content, "samples": {before.task: lines}}))
    run = read_run(log / name)
    assert (run.rows, run.protocol, run.metric) == (before.rows, before.protocol, before.metric)
    if name.startswith("results"):
        assert read_run(log).rows == before.rows


NUMBERS = {"exact_match,strict-match": 0.25, "exact_match_stderr,strict-match": 0.25,
           "exact_match,flexible-extract": 0.75, "exact_match_stderr,flexible-extract": 0.25}  # fmt: skip


def results_alone(tmp_path, **more):
    log = write_lm_eval(tmp_path, DOCS, RIGHT, task="gsm8k", shots=5)
    next(log.glob("samples_*")).unlink()
    changed(log, lambda c: c["results"]["gsm8k"].update({**NUMBERS, **more}))
    return log


def test_results_alone_say_score_docs_shots_and_model(tmp_path):
    log = results_alone(tmp_path)
    run = read_run(log, totals=True)
    assert (run.model, run.task, run.rows, run.protocol.shots) == ("acme/toy-1", "gsm8k", (), 5)
    assert (run.metric, run.total) == ("exact_match,flexible-extract", (0.75, 4, 0.25))
    assert run.protocol.grader == "flexible"
    assert read_run(log, totals=True, metric="exact_match,strict-match").total.value == 0.25
    with pytest.raises(EvidenceError, match="results only"):
        read_run(log)


def test_the_number_of_docs_follows_from_the_standard_error(tmp_path):
    """An older log notes no number of docs; of right and wrong answers the error is that of a proportion."""
    error = (0.75 * 0.25 / 1318) ** 0.5
    log = results_alone(tmp_path, **{"exact_match_stderr,flexible-extract": error})
    changed(log, lambda c: c.pop("n-samples"))
    assert read_run(log, totals=True).total.docs == 1319
    changed(log, lambda c: c["results"]["gsm8k"].update({"exact_match_stderr,flexible-extract": "N/A"}))
    assert read_run(log, totals=True).total == (0.75, None, None)


def test_of_two_runs_without_samples_the_newer_counts(tmp_path):
    results_alone(tmp_path)
    later = tmp_path / "results_2026-02-02T00-00-00.000000.json"
    later.write_text(results_of(tmp_path).read_text().replace("acme/toy-1", "acme/toy-2"))
    assert [run.model for run in read_runs(tmp_path, totals=True)] == ["acme/toy-2"]


# --- what a score is


def take(k):
    return {"function": "take_first_k", "k": k}


VOTE, ONE = {"function": "majority_vote"}, {"function": "take_first"}
FILTERS = {"score-first": [ONE], "maj@8": [take(8), VOTE, ONE], "maj@64": [VOTE, ONE]}


def write_votes(tmp_path, filters=FILTERS, named=None, k=64, **scores):
    """lm-eval's own self-consistency: every answer is in each line, and a filter says what is scored."""
    marks = {name: scores.get(name, [1, 0, 1, 0]) for name in filters}
    texts = [[text] * k for text in RIGHT]
    log = write_lm_eval(
        tmp_path, DOCS, texts, scores=marks, filters=tuple(filters), repeats=k, task="gsm8k_sc"
    )
    listed = [
        {"name": name, "filter": steps} for name, steps in (filters if named is None else named).items()
    ]
    changed(log, lambda c: c["configs"]["gsm8k_sc"].update(filter_list=listed))
    return log


def test_each_filter_of_self_consistency_is_read_for_what_it_is(tmp_path):
    log = write_votes(tmp_path)
    meant = {}
    for name in FILTERS:
        protocol = read_run(log, metric=f"exact_match,{name}").protocol
        meant[name] = protocol.metric, protocol.k
    assert meant == {"score-first": ("pass@1", 1), "maj@8": ("maj@k", 8), "maj@64": ("maj@k", 64)}
    # Left open, the score is the one that is of one answer.
    assert read_run(log).metric == "exact_match,score-first"
    assert len(read_run(log).rows[0].responses) == 64


def test_a_filter_that_the_log_does_not_explain_is_unknown(tmp_path):
    steps = {"mine": [{"function": "my_own_filter"}]}
    run = read_run(write_votes(tmp_path / "a", steps))
    assert (run.protocol.metric, run.protocol.k) == (None, 64)
    assert "the log does not say" in run.provenance.notes[-1]
    # A share of right answers is a mean over all of them.
    assert read_run(write_votes(tmp_path / "b", steps, mine=[1, 0.25, 0, 1])).protocol.metric == "avg@k"
    # Without its steps a vote is known by its name.
    assert read_run(write_votes(tmp_path / "c", {"maj@64": []}, named={})).protocol.metric == "maj@k"


def test_our_metrics_over_subsets_are_named(tmp_path):
    metrics = {"maj@4": [1, 0, 1, 0], "pass@2": [1, 1, 1, 0], "gold_unreadable": [0] * 4}
    log = write_lm_eval(
        tmp_path, DOCS, [[t] * 4 for t in RIGHT], scores=[1] * 4, metrics=metrics, repeats=4, task="mine"
    )
    meant = [read_run(log, metric=name).protocol for name in (None, "maj@4", "pass@2")]
    assert [(p.metric, p.k, p.grader) for p in meant] == [
        ("avg@k", 4, "symbolic"), ("maj@k", 4, "symbolic"), ("pass@k", 2, "symbolic"),
    ]  # fmt: skip


# --- repeats that are none


@pytest.mark.parametrize(
    ("texts", "temperature", "said"),
    [
        ([[text.rjust(120)] * 4 for text in RIGHT], 0.7, True),
        ([[text.rjust(120)] * 4 for text in RIGHT[:3]] + [[f"{i}".rjust(120) for i in range(4)]], 0.7, True),
        (
            [[text.rjust(120)] * 4 for text in RIGHT[:2]] + [[f"{i}".rjust(120) for i in range(4)]] * 2,
            0.7,
            False,
        ),
        ([[text.rjust(120)] * 4 for text in RIGHT], 0.0, False),
        ([[text] * 4 for text in RIGHT], 0.7, False),
    ],
    ids=["all", "most", "half", "greedy", "short answers may be the same"],
)
def test_repeats_that_are_the_same_text_are_said(tmp_path, texts, temperature, said):
    settings = {"do_sample": True, "temperature": temperature, "max_gen_toks": 64}
    log = write_lm_eval(tmp_path, DOCS, texts, scores=[0.5] * 4, repeats=4, settings=settings)
    notes = read_run(log).provenance.notes
    assert any("are the same text each time, at temperature 0.7" in note for note in notes) == said


@pytest.mark.parametrize(
    ("settings", "temperature", "own"),
    [
        ({"do_sample": False}, 0.0, {}),
        ({"do_sample": False, "temperature": 0.0}, 0.0, {}),
        ({"do_sample": True, "temperature": 0.7}, 0.7, {}),
        ({"do_sample": False, "temperature": 0.7}, None, {"do_sample": "False beside temperature=0.7"}),
    ],
)
def test_a_temperature_beside_no_sampling_says_neither(settings, temperature, own):
    asked, noted = stated_by(settings)
    assert asked["temperature"] == temperature
    assert shaped_by(noted) == own


# --- which weights


NAME = "Qwen/Qwen2.5-7B-Instruct"


@pytest.mark.parametrize(
    ("arguments", "repository", "path", "changes"),
    [
        (f"pretrained={NAME},dtype=bfloat16", NAME, None, ()),
        ({"pretrained": NAME, "peft": "me/lora"}, NAME, None, ("peft=me/lora",)),
        ({"pretrained": NAME, "lora_local_path": "/a/b"}, NAME, None, ("lora_local_path=/a/b",)),
        ({"pretrained": NAME, "delta": "me/delta"}, NAME, None, ("delta=me/delta",)),
        (f"pretrained={NAME},load_in_4bit=True", NAME, None, ("load_in_4bit=True",)),
        (f"pretrained={NAME},load_in_4bit=False,revision=main,quantization=None", NAME, None, ()),
        (f"pretrained={NAME},quantization=awq", NAME, None, ("quantization=awq",)),
        (f"pretrained={NAME},revision=step-1000", NAME, None, ("revision=step-1000",)),
        ({"pretrained": NAME, "gguf_file": "x-Q2_K.gguf"}, NAME, None, ("gguf_file=x-Q2_K.gguf",)),
        ("pretrained=someuser/Qwen2.5-7B-Instruct", "someuser/Qwen2.5-7B-Instruct", None, ()),
        ("pretrained=/ckpt/grpo/Qwen2.5-7B-Instruct", None, "/ckpt/grpo/Qwen2.5-7B-Instruct", ()),
        ("pretrained=./Qwen2.5-7B-Instruct", None, "./Qwen2.5-7B-Instruct", ()),
        (
            "pretrained=/cache/models--evil--Qwen2.5-7B-Instruct/snapshots/abc",
            "evil/Qwen2.5-7B-Instruct", None, ("revision=abc",),
        ),
        ("model=gpt-4o,base_url=http://localhost", "gpt-4o", None, ()),
        ("pretrained=Qwen2.5-7B-Instruct", None, "Qwen2.5-7B-Instruct", ()),
        ("pretrained=models--evil--Qwen2.5-7B-Instruct", "evil/Qwen2.5-7B-Instruct", None, ()),
        ("pretrained=/c/models--Qwen--Qwen2.5-7B-Instruct/snapshots/0a1b2c3", NAME, None, ("revision=0a1b2c3",)),
        ("pretrained=/c/models--Qwen--Qwen2.5-7B-Instruct", NAME, None, ()),
        (f"pretrained={NAME}@main", NAME, None, ()),
        (f"pretrained={NAME}@step-1", NAME, None, ("revision=step-1",)),
        (f"pretrained={NAME}/", None, f"{NAME}/", ()),
        (f"model={NAME}/,base_url=http://localhost", NAME, None, ()),
        (
            "pretrained=/c/models--Qwen--Qwen2.5-7B-Instruct/snapshots/abc/step-9",
            None, "/c/models--Qwen--Qwen2.5-7B-Instruct/snapshots/abc/step-9", (),
        ),
        (f"pretrained={NAME},tokenizer={NAME}", NAME, None, ()),
        (f"pretrained={NAME},tokenizer=me/other", NAME, None, ("tokenizer=me/other",)),
        (f"model={NAME},base_url=http://localhost,tokenizer=me/other", NAME, None, ()),
        (f"pretrained={NAME},dtype=int8", NAME, None, ("dtype=int8",)),
        (f"pretrained={NAME},load_format=dummy", NAME, None, ("load_format=dummy",)),
        (f"pretrained={NAME},steer_path=/a.pt", NAME, None, ("steer_path=/a.pt",)),
        (f"pretrained={NAME},gpu_memory_utilization=0.9,tensor_parallel_size=2,seed=3", NAME, None, ()),
    ],
)  # fmt: skip
def test_all_model_arguments_say_which_weights(tmp_path, arguments, repository, path, changes):
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4)
    changed(log, lambda c: c["config"].update(model_args=arguments))
    weights = read_run(log).provenance.weights
    assert (weights.repository, weights.path, weights.changes) == (repository, path, changes)
    assert weights.stated
    assert weights.owner == (repository.partition("/")[0] if repository and "/" in repository else None)


@pytest.mark.parametrize(
    ("backend", "changes"),
    [("hf", ()), ("vllm", ()), ("dummy", ("--model dummy",)), ("hf-steered", ("--model hf-steered",)),
     ("openvino", ("--model openvino",)), ("local-chat-completions", ())],
)  # fmt: skip
def test_models_of_lm_eval_that_do_not_take_the_weights_as_they_are(tmp_path, backend, changes):
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4)
    changed(log, lambda c: c["config"].update(model=backend, model_args={"pretrained": NAME}))
    assert read_run(log).provenance.weights.changes == changes


def test_model_arguments_are_settings_but_for_secrets(tmp_path):
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4)
    changed(
        log, lambda c: c["config"].update(model_args={"pretrained": NAME, "peft": "x", "api_key": "k" * 20})
    )
    changed(log, lambda c: c.update(system_instruction="Be brief.", chat_template_sha="abc"))
    settings = read_run(log).provenance.settings
    assert {k: v for k, v in settings.items() if k.startswith("model argument")} == {
        "model argument peft": "x"
    }
    assert (settings["system_instruction"], settings["chat_template_sha"]) == ("Be brief.", "abc")
    assert read_run(log).protocol.system_prompt is True


def test_samples_of_before_they_listed_their_metrics(tmp_path):
    """lm-eval 0.4.0 to 0.4.2: no list of metrics, no filter, no hashes, arguments as a list."""
    write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1, 1, 0, 1], task="gsm8k")
    ((file, lines),) = samples_of(tmp_path).items()
    for line in lines:
        for key in ("metrics", "filter", "doc_hash", "prompt_hash", "target_hash"):
            line.pop(key, None)
        line["arguments"] = [list(line["arguments"]["gen_args_0"].values())]
    write_json_lines(file, lines)
    run = read_run(tmp_path)
    assert ([row.score for row in run.rows], run.metric) == ([1, 1, 0, 1], "exact_match,none")
    assert run.rows[0].prompt


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda c: c.update(config=7), "'config'"),
        (lambda c: c.update({"n-samples": {"gsm8k-cot-zeroshot": 5}}), "'n-samples gsm8k-cot-zeroshot'"),
        (lambda c: c["configs"]["gsm8k-cot-zeroshot"].update(generation_kwargs=["a"]), "generation_kwargs'"),
        (lambda c: c["configs"].update({"gsm8k-cot-zeroshot": "yaml"}), "'configs gsm8k-cot-zeroshot'"),
    ],
)
def test_results_that_hold_no_objects_are_refused_by_their_key(tmp_path, change, name):
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4)
    changed(log, change)
    with pytest.raises(EvidenceError, match=f"an object as .*{name}"):
        read_run(log, strict=True)


def test_null_for_an_object_is_none(tmp_path):
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4)
    changed(log, lambda c: c["configs"]["gsm8k-cot-zeroshot"].update(generation_kwargs=None))
    assert read_run(log).protocol.max_tokens == 512


def test_results_of_lm_eval_before_four_are_refused_by_name(tmp_path):
    old = tmp_path / "out.json"
    old.write_text(json.dumps({"results": {"gsm8k": {"acc": 0.5}}, "versions": {"gsm8k": 0}, "config": {}}))
    with pytest.raises(EvidenceError, match=r"before 0\.4"):
        read_runs(old)
