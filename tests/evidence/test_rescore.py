"""Stored responses graded again: the numbers, the files, what is wrong with an input, and what a kill leaves."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.commands.rescore import cross_lines
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.rescore import cross, engines
from lm_eval_mathtasks.evidence.rescore.cross import cross_table, disputed_places, unfit
from lm_eval_mathtasks.grading.children import CannotStartError, Children, Done
from lm_eval_mathtasks.response import Response
from lm_eval_mathtasks.runs.reading import read_run, read_runs
from tests.conftest import ROOT, read_jsonl, shared_path
from tests.runs.logs_of_runs import digest, doc, write_json_lines, write_lm_eval

DOCS = [doc(i, 10 + i) for i in range(4)]
RIGHT = [f"So it is \\boxed{{{10 + i}}}." for i in range(4)]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "rescored"


@pytest.fixture
def rescore(out, capsys):
    """Run the command in this process; returns exit status, standard output and standard error."""

    def run(*arguments, workers="1"):
        status = main(["rescore", *map(str, arguments), "-o", str(out), "--workers", workers])
        return (status, *capsys.readouterr())

    return run


def results_of(out, task):
    (file,) = [f for f in out.rglob("results_*.json") if task in json.loads(f.read_text())["results"]]
    return json.loads(file.read_text())


def samples_of(out, task="*"):
    (file,) = out.rglob(f"samples_{task}_*.jsonl")
    return read_jsonl(file)


def contents(out):
    return {
        str(f.relative_to(out)): f.read_bytes() for f in out.rglob("*_*.json*") if ".rescore" not in f.parts
    }


# --- the numbers


RESPONSES = [
    Response("It is \\boxed{10}.", finish_reason="stop"),
    Response("It is \\boxed{10}.", finish_reason="stop"),  # wrong
    Response("", finish_reason="stop"),
    Response("First we see that", finish_reason="length"),  # cut off before an answer
    Response("It is \\boxed{14}. And then", finish_reason="length"),  # cut off after it
    Response("<think>It may be 15, or", finish_reason="stop"),  # unfinished thinking
    Response("It is \\boxed{\\frac{1}{}}.", finish_reason="stop"),
    Response("", error="no answer after 5 attempts"),
]


def test_the_scores_are_those_of_the_tasks_own_hook(tmp_path, rescore, out):
    docs = [doc(i, 10 + i) for i in range(8)]
    scores = [hooks.score_gsm8k_boxed(d, [r]) for d, r in zip(docs, RESPONSES, strict=True)]
    metrics = {
        name: [one.get(name, 0) for one in scores] for name in ("truncated", "api_error", "strict_match")
    }
    log = write_lm_eval(
        tmp_path / "run", docs, RESPONSES, scores=[one.get("exact_match") for one in scores], metrics=metrics
    )
    status, text, _ = rescore(log)
    assert status == 0
    lines = samples_of(out)
    for line, wanted in zip(lines, scores, strict=True):
        assert {name: line[name] for name in line["metrics"]} == {
            name: value
            for name, value in wanted.items()
            if name not in ("strict_match", "exact_match_errata")
        }
    assert {line["judged"][0]["status"] for line in lines if line["judged"]} == {
        "correct", "incorrect", "no_answer", "unfinished", "unparsable",
    }  # fmt: skip
    assert "left out: 1 docs that were never answered" in text
    assert "+0.00 points" in text


def hooked(tmp_path, rescore, out, hook, docs, groups, target=None):
    """Rescore responses as `mathtasks run` logs them; every number that the hook gives must come out again."""
    scores = [hook(d, [list(group)]) for d, group in zip(docs, groups, strict=True)]
    log = write_lm_eval(tmp_path / "run", docs, groups, repeats=len(groups[0]))
    file = next(log.glob("samples_*"))
    lines = read_jsonl(file)
    for line, group, numbers in zip(lines, groups, scores, strict=True):
        line |= {"finish_reasons": [[(r.error and "api_error") or r.finish_reason for r in group]], **numbers}
        line |= {"metrics": list(numbers), "target": target(line["doc"]) if target else line["target"]}
    write_json_lines(file, lines)
    rescore(log)
    left_out = {"strict_match", "exact_match_errata"}
    for line, numbers in zip(samples_of(out), scores, strict=True):
        assert {name: line[name] for name in line["metrics"]} == pytest.approx(
            {name: value for name, value in numbers.items() if name not in left_out}
        )
        assert line["logged"]["strict_match,none"] == numbers["strict_match"]
    return scores


def test_scores_of_repeats_are_those_of_the_hook(tmp_path, rescore, out):
    """pass@k and maj@k among them, and responses that an API error took are left out."""
    said = Response("It is \\boxed{10}.", finish_reason="stop")
    groups = [[said, RESPONSES[1], RESPONSES[4], said], [RESPONSES[1], RESPONSES[7], said, RESPONSES[3]]]
    scores = hooked(tmp_path, rescore, out, hooks.score_gsm8k_boxed, [doc(0, 10), doc(1, 10)], groups)
    assert {"pass@2", "maj@4"} < scores[0].keys()
    assert scores[1]["api_error"] == 0.25


def test_tolerances_of_the_dataset_count_as_in_its_hook(tmp_path, rescore, out):
    docs = [doc(i, 0) | {"gold": ["1.25"], "error": "1e-2"} for i in range(2)]
    groups = [[Response("\\boxed{1.259}"), Response("\\boxed{1.25}")], [Response("\\boxed{1.3}")] * 2]
    scores = hooked(tmp_path, rescore, out, hooks.score_olympiadbench, docs, groups, hooks.gold)
    assert [one["exact_match"] for one in scores] == [1, 0]
    assert samples_of(out)[0]["judged"][0]["tier"] == "tolerance"


def test_the_reference_answer_is_the_tasks_own(tmp_path, rescore, out):
    docs = [doc(0, "073"), doc(1, "27.0")]
    groups = [[Response("\\boxed{73}")], [Response("\\boxed{27}")]]
    hooked(tmp_path, rescore, out, hooks.score_aime, docs, groups, hooks.gold)
    assert [line["judged"][0]["status"] for line in samples_of(out)] == ["correct", "correct"]


def test_means_and_standard_errors_are_lm_evals(tmp_path, rescore, out):
    statistics = pytest.importorskip("lm_eval.api.metrics")
    log = write_lm_eval(tmp_path / "run", DOCS, [*RIGHT[:3], "\\boxed{0}"], scores=[1] * 4)
    rescore(log)
    found = results_of(out, "gsm8k-cot-zeroshot")["results"]["gsm8k-cot-zeroshot"]
    assert found["exact_match,none"] == 0.75
    assert found["exact_match_stderr,none"] == pytest.approx(statistics.mean_stderr([1, 1, 1, 0]))
    rates = (
        "extracted",
        "no_answer",
        "unparsable",
        "over_limit",
        "gold_unreadable",
        "api_error",
    )
    assert {f"{name},none" for name in rates} < found.keys()
    assert "truncated,none" not in found, "the log does not say how a response ended"


def test_repeats_are_averaged(tmp_path, rescore, out):
    texts = [[r, r, "\\boxed{0}"] for r in RIGHT]
    rescore(write_lm_eval(tmp_path / "run", DOCS, texts, scores=[1] * 4, repeats=3))
    assert [line["exact_match"] for line in samples_of(out)] == [pytest.approx(2 / 3)] * 4
    again = read_run(out)
    assert (again.protocol.k, again.rows[0].responses) == (3, tuple(texts[0]))


def test_subjects_and_levels_get_the_new_score(tmp_path, rescore, out):
    metrics = {"exact_match_algebra": [0] * 4, "exact_match_level_3": [1] * 4}
    rescore(write_lm_eval(tmp_path / "run", DOCS, RIGHT, scores=[0] * 4, metrics=metrics, task="math500"))
    found = results_of(out, "math500")["results"]["math500"]
    assert (found["exact_match_algebra,none"], found["exact_match_level_3,none"]) == (1, 1)


def test_the_old_score_the_new_one_and_what_changed(tmp_path, rescore):
    log = write_lm_eval(tmp_path / "run", DOCS, [*RIGHT[:3], "\\boxed{0}"], scores=[0, 1, 1, 1])
    _, text, _ = rescore(log)
    assert "exact_match,none 75.00 → exact_match 75.00 [30.06, 95.44]: +0.00 points" in text
    assert "changed: 1 docs up, 1 down" in text
    assert "correct 3, incorrect 1" in text
    assert "doc 3: ours wrong, log correct" in text
    assert "gold '13', extracted '0' (rule box)" in text


def test_published_outputs_keep_their_score(rescore):
    """Their labels are the published 83.62% of Abel 70B; its 1,319 responses are graded here without them."""
    status, text, _ = rescore(shared_path("labelled/responses_abel_gsm8k.jsonl"))
    assert status == 0
    assert "label 83.62 → exact_match 83.62" in text


# --- the files


def test_lm_evals_own_task_becomes_a_line_a_doc_and_nothing_else_changes(tmp_path, rescore, out):
    scores = {"strict-match": [0, 0, 1, 0], "flexible-extract": [1, 1, 0, 1]}
    log = write_lm_eval(
        tmp_path / "run", DOCS, RIGHT, scores=scores, task="gsm8k", filters=tuple(scores), shots=5
    )
    _, text, _ = rescore(log)
    assert "exact_match,flexible-extract 75.00 → exact_match 100.00" in text
    before = read_jsonl(next(log.glob("samples_*")))[4:]
    for line, old in zip(samples_of(out), before, strict=True):
        kept = ("doc_id", "doc", "target", "arguments", "resps", "doc_hash", "prompt_hash", "target_hash")
        assert {key: line[key] for key in kept} == {key: old[key] for key in kept}
        assert (line["filter"], line["filtered_resps"]) == ("none", line["resps"][0])
    assert samples_of(out)[2]["logged"] == {"exact_match,strict-match": 1, "exact_match,flexible-extract": 0}
    results = results_of(out, "gsm8k")
    assert results["versions"] == {"gsm8k": 1.0}
    assert results["n-shot"] == {"gsm8k": 5}
    assert results["n-samples"] == {"gsm8k": {"original": 4, "effective": 4}}
    hashes = "".join(line[key] for line in before for key in ("doc_hash", "prompt_hash", "target_hash"))
    assert results["task_hashes"] == {"gsm8k": digest(hashes)}
    assert results["model_name"] == "acme/toy-1"
    assert results["rescored"]["logged_metric"] == {"gsm8k": "exact_match,flexible-extract"}


def test_what_is_written_can_be_read_and_rescored_again(tmp_path, rescore, out, capsys):
    rescore(write_lm_eval(tmp_path / "acme__toy-1", DOCS, RIGHT, scores=[0] * 4))
    run = read_run(out)
    assert (run.metric, [row.score for row in run.rows]) == ("exact_match,none", [1] * 4)
    assert (run.model, run.task, run.provenance.task_version) == ("acme/toy-1", "gsm8k-cot-zeroshot", "1.0")
    assert main(["rescore", str(out), "-o", str(tmp_path / "twice"), "--workers", "1"]) == 0
    assert "100.00 → exact_match 100.00" in capsys.readouterr().out


def test_lm_eval_prints_a_table_of_what_is_written(tmp_path, rescore, out):
    utils = pytest.importorskip("lm_eval.utils")
    rescore(write_json_lines(tmp_path / "plain.jsonl", plain_rows()))
    table = utils.make_table(results_of(out, "gsm8k"))
    assert re.search(r"exact_match +\|↑ +\| +1\|± +\| +0\|", table)


HOSTILE = [
    "\ud800 half",
    "line\u2028separator",
    "nul \0",
    "\U0001f600 é",
    "  spaces \r\n\t",
    "\\boxed{1}\x85",
]


def test_responses_are_not_touched(tmp_path, rescore, out):
    rows = [{"id": i, "task": "t", "gold": "1", "response": text} for i, text in enumerate(HOSTILE)]
    path = tmp_path / "hostile.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert rescore(path)[0] == 0
    assert [line["resps"] for line in samples_of(out)] == [[[text]] for text in HOSTILE]
    assert [row.responses for row in read_run(out).rows] == [(text,) for text in HOSTILE]


def plain_rows(**more):
    pairs = zip(DOCS, RIGHT, strict=True)
    return [
        {"task": "gsm8k", "question": d["question"], "gold": d["gold"], "response": r, **more}
        for d, r in pairs
    ]


def write_opencompass(folder):
    entries = {str(i): {"origin_prompt": DOCS[i]["question"], "prediction": RIGHT[i], "gold": DOCS[i]["gold"]}
               for i in range(4)}  # fmt: skip
    path = folder / "predictions" / "toy-1" / "gsm8k.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(entries))
    return path


def write_lighteval(folder):
    rows = [
        {
            "doc": {"query": d["question"], "choices": [d["gold"]], "gold_index": 0},
            "model_response": {"text": [r]},
            "metric": {"em": 1.0},
        }
        for d, r in zip(DOCS, RIGHT, strict=True)
    ]
    return write_json_lines(folder / "details_lighteval|gsm8k|5_2026-01-02T03-04-05.jsonl", rows)


def write_packed(folder):
    path = folder / "answers.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in plain_rows())
    return path


@pytest.mark.parametrize("write", [write_opencompass, write_lighteval, write_packed])
def test_other_harnesses_logs_become_lm_evals(tmp_path, rescore, out, write):
    path = write(tmp_path / "logs") if write is not write_packed else write(tmp_path)
    assert rescore(path)[0] == 0
    run = read_run(out)
    assert [row.score for row in run.rows] == [1] * 4
    assert [row.gold for row in run.rows] == [d["gold"] for d in DOCS]
    assert [row.responses for row in run.rows] == [(text,) for text in RIGHT]
    assert run.protocol.chat_template is None  # nobody said
    line = samples_of(out)[0]
    assert line["doc_hash"] == digest(
        json.dumps(line["doc"], indent=2, ensure_ascii=False)
    )  # as lm-eval makes it


def test_references_come_from_a_file_of_docs(tmp_path, rescore, out):
    rows = [{k: v for k, v in row.items() if k != "gold"} for row in plain_rows()]
    answers = write_json_lines(tmp_path / "answers.jsonl", rows)
    status, _, errors = rescore(answers)
    assert status == 1
    assert "Pass --gold FILE" in errors
    docs = write_json_lines(
        tmp_path / "docs.jsonl", [{"question": d["question"], "answer": d["gold"]} for d in DOCS]
    )
    assert rescore(answers, "--gold", docs)[0] == 0
    assert read_run(out).rows[3].score == 1


def test_folders_patterns_files_and_samples_alone(tmp_path, rescore, out):
    log = write_lm_eval(tmp_path / "logs" / "a", DOCS, RIGHT, scores=[1] * 4)
    write_lm_eval(tmp_path / "logs" / "b", DOCS, RIGHT, scores=[1] * 4, model="acme/toy-2")
    write_json_lines(tmp_path / "logs" / "c.jsonl", plain_rows(model="acme/toy-3"))
    (tmp_path / "logs" / "manifest.json").write_text("{}")
    _, text, _ = rescore(tmp_path / "logs")
    assert {run.model for run in read_runs(out)} == {"acme/toy-1", "acme/toy-2", "acme/toy-3"}
    assert "passed over: 1 files that are no run" in text
    _, text, _ = rescore(tmp_path / "logs" / "*" / "samples_*")
    assert text.count("100.00 → exact_match 100.00") == 2
    next(log.glob("results_*")).unlink()
    _, text, _ = rescore(next(log.glob("samples_*")), "--run-model", "found")
    assert "found · gsm8k-cot-zeroshot: 4 docs" in text


def test_seeds_of_one_run_are_repeats(tmp_path, rescore, out):
    for seed, text in enumerate(("\\boxed{1}", "\\boxed{2}")):
        rows = [{"problem": "?", "expected_answer": "1", "generation": text}] * 2
        write_json_lines(tmp_path / "aime" / f"output-rs{seed}.jsonl", rows)
    assert rescore(tmp_path)[0] == 0
    assert [(line["exact_match"], line["pass@2"]) for line in samples_of(out)] == [(0.5, 1)] * 2


def test_nothing_is_written_outside_the_output_folder(tmp_path, rescore, out):
    """Repeats that are read together are named by their folder; the one that the user gave is above all of them."""
    rows = [{"problem": "?", "expected_answer": "1", "generation": "\\boxed{1}"}]
    folder = write_json_lines(tmp_path / "logs" / "aime" / "output-rs0.jsonl", rows).parent
    write_json_lines(folder / "output-rs1.jsonl", rows)
    assert rescore(folder)[0] == 0
    assert samples_of(out)[0]["exact_match"] == 1
    assert {file.relative_to(tmp_path).parts[0] for file in tmp_path.rglob("*.json*")} == {"logs", out.name}


def test_packs_are_rescored_where_they_hold_text(rescore, out):
    status, text, errors = rescore(
        ROOT / "logs" / "embedded__grpo" / "sample-gsm8k", ROOT / "logs" / "abel-7b"
    )
    assert status == 1
    assert text.count("exact_match,none 36.00 → exact_match 36.00") == 3
    assert errors.count("packed without text") == 1
    runs = read_runs(out)
    assert {(run.protocol.grader, len(run.rows)) for run in runs} == {("symbolic", 100)}
    assert all("verdicts" not in line for file in out.rglob("samples_*") for line in read_jsonl(file))


# --- what is wrong with an input


def cut_gzip(folder):
    path = write_packed(folder)
    path.write_bytes(path.read_bytes()[:-20])
    return path, "answers.jsonl.gz, got Compressed file ended"


def half_a_line(folder):
    path = write_json_lines(folder / "half.jsonl", plain_rows())
    path.write_text(path.read_text()[:-30])
    return path, "line 4 of"


def mixed_versions(folder):
    log = write_lm_eval(folder / "v1", DOCS, RIGHT, scores=[1] * 4)
    other = write_lm_eval(folder / "v2", DOCS, RIGHT, scores=[1] * 4, prompt="Q: {question}", version=2.0)
    next(log.glob("samples_*")).write_text(next(other.glob("samples_*")).read_text())
    return log, "another run or task version"


def a_doc_twice(folder):
    return write_json_lines(folder / "x.jsonl", [*plain_rows(id=7)][:2]), "docs twice"


def a_doc_missing(folder):
    log = write_lm_eval(folder / "short", DOCS, RIGHT, scores=[1] * 4)
    file = next(log.glob("samples_*"))
    lines = [{k: v for k, v in line.items() if not k.endswith("_hash")} for line in read_jsonl(file)[:3]]
    write_json_lines(file, lines)
    return log, "4 docs of gsm8k-cot-zeroshot"


def not_utf8(folder):
    path = folder / "latin.jsonl"
    path.write_bytes('{"gold": "1", "response": "e"}\n{"gold": "1", "response": "é"}\n'.encode("latin-1"))
    return path, "UTF-8 on line 2 of"


def a_number_without_end(folder):
    path = folder / "digits.jsonl"
    path.write_text(f'{{"gold": {"9" * 5000}, "response": "9"}}\n')
    return path, "line 1 of"


def lists_without_end(folder):
    path = folder / "deep.jsonl"
    path.write_text(f'{{"gold": "1", "response": {"[" * 50_000}\n')
    return path, "line 1 of"


def a_link_to_nothing(folder):
    (folder / "link.jsonl").symlink_to(folder / "gone.jsonl")
    return folder / "link.jsonl", "a link to nothing"


def reference_that_is_no_number(folder):
    path = folder / "nan.jsonl"
    path.write_text('{"gold": NaN, "response": "\\\\boxed{1}"}\n')
    return path, "none for 1 docs"


def nothing_in_it(folder):
    path = folder / "empty.jsonl"
    path.touch()
    return path, "an empty file"


def unknown_format(folder):
    path = folder / "notes.txt"
    path.write_text("accuracy was fine\n")
    return path, "a JSON object on line 1"


def results_only(folder):
    log = write_lm_eval(folder / "bare", DOCS, RIGHT, scores=[1] * 4)
    next(log.glob("samples_*")).unlink()
    return next(log.glob("results_*")), "results only"


def broken_results(folder):
    log = write_lm_eval(folder / "broken", DOCS, RIGHT, scores=[1] * 4)
    next(log.glob("results_*")).write_text('{"results": ')
    return log, f"a readable {next(log.glob('results_*'))}"


def nowhere(folder):
    return folder / "nowhere.jsonl", "no such file"


def likelihoods(folder):
    log = write_lm_eval(folder / "choices", DOCS, RIGHT, scores=[1] * 4)
    file = next(log.glob("samples_*"))
    write_json_lines(
        file, [line | {"resps": [[["-1.5", "False"]], [["-2", "True"]]]} for line in read_jsonl(file)]
    )
    return log, "the task compares likelihoods"


def odd_columns(folder):
    return write_json_lines(folder / "details_x.jsonl", [{"doc": 1, "metrics": [1]}]), "details_x.jsonl"


BAD = [cut_gzip, half_a_line, mixed_versions, a_doc_twice, a_doc_missing, not_utf8, nothing_in_it, unknown_format,
       results_only, broken_results, nowhere, likelihoods, odd_columns, a_number_without_end, lists_without_end,
       a_link_to_nothing, reference_that_is_no_number]  # fmt: skip


@pytest.mark.parametrize("make", BAD)
def test_a_bad_input_is_named_and_the_others_are_rescored(tmp_path, rescore, out, make):
    good = write_json_lines(tmp_path / "good.jsonl", plain_rows(model="good"))
    bad, why = make(tmp_path)
    status, text, errors = rescore(good, bad)
    assert status == 1
    assert "not rescored: " in errors
    assert why in errors
    assert "good · gsm8k: 4 docs" in text
    assert "1 input was wrong" in errors


def test_a_mark_at_the_beginning_null_responses_and_long_names(tmp_path, rescore, out):
    rows = plain_rows(model="m" * 300)
    rows[1] = rows[1] | {"response": None}
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + "\n".join(map(json.dumps, rows)).encode())
    status, text, _ = rescore(file)
    assert status == 0
    assert "note: lines without a response (null), counted as no answer: 1" in text
    assert len(results_of(out, "gsm8k")) > 0


def test_of_many_logs_not_all_are_named(tmp_path, rescore):
    for number in range(25):
        write_json_lines(tmp_path / "in" / f"{number}.jsonl", plain_rows(model=f"m{number}"))
    status, text, _ = rescore(tmp_path / "in")
    assert status == 0
    assert text.count("written: ") == 1
    assert "and 24 more results below" in text


@pytest.mark.parametrize("make", [half_a_line, nowhere, mixed_versions])
def test_strict_stops_at_a_bad_input(tmp_path, rescore, make):
    good = write_json_lines(tmp_path / "good.jsonl", plain_rows(model="good"))
    bad, why = make(tmp_path)
    status, _, errors = rescore(good, bad, "--strict")
    assert status == 2
    assert why in errors


def test_two_names_that_are_one_path_are_refused(tmp_path, rescore):
    rows = [{"task": name, "gold": "1", "response": "\\boxed{1}"} for name in ("a/b", "a__b")]
    status, text, errors = rescore(write_json_lines(tmp_path / "x.jsonl", rows))
    assert status == 1
    assert "a__b: 1 docs" in text
    assert "another run there has the same name as a path" in errors


def test_versions_and_gaps_are_named(tmp_path, rescore):
    for version, numbers in ((1.0, (0, 1, 3)), (2.0, (0, 1, 2))):
        log = write_lm_eval(tmp_path / f"v{version}", DOCS[:3], RIGHT[:3], scores=[1] * 3, version=version)
        file = next(log.glob("samples_*"))
        lines = [line | {"doc_id": number} for line, number in zip(read_jsonl(file), numbers, strict=True)]
        write_json_lines(file, lines)
    _, text, _ = rescore(tmp_path)
    assert "note: gsm8k-cot-zeroshot comes in 2 versions (1.0 in 1 runs, 2.0 in 1 runs)" in text
    assert text.count("doc numbers that are missing in between: 2") == 1


def test_nothing_to_rescore(tmp_path, rescore):
    assert rescore(tmp_path)[0] == 2
    status, _, errors = rescore(write_packed(tmp_path), "--gold", tmp_path / "nowhere")
    assert status == 2
    assert "a file for --gold" in errors


# --- engines, and going on after a kill


def write_many(folder, files=2, docs=40):
    for number in range(files):
        rows = [{"id": i, "task": "t", "model": f"m{number}", "gold": str(i), "response": f"\\boxed{{{i % 7}}}"}
                for i in range(docs + number)]  # fmt: skip
        write_json_lines(folder / f"part{number}.jsonl", rows)
    return folder


@pytest.mark.parametrize(("files", "docs"), [(3, 40), (1, 2_500)], ids=["many files", "one large file"])
def test_processes_give_what_one_process_gives(tmp_path, rescore, out, files, docs):
    logs = write_many(tmp_path / "logs", files, docs)
    _, alone, _ = rescore(logs)
    expected = contents(out)
    status, together, _ = rescore(logs, "--fresh", workers="2")
    assert (status, together) == (0, alone)
    assert contents(out) == expected
    assert len(expected) == 2 * files


# A cluster that another test starts would be taken for the machine's own, and end in the middle.
@pytest.mark.xdist_group("ray")
@pytest.mark.slow
def test_ray_gives_what_processes_give(tmp_path, rescore, out):
    pytest.importorskip("ray", reason="needs the extra [scale]")
    logs = write_many(tmp_path / "logs", 3)
    (logs / "broken.jsonl").write_text("{")
    _, text, errors = rescore(logs)
    expected = contents(out)
    ray_out = tmp_path / "on-ray"
    command = [
        sys.executable,
        "-m",
        "lm_eval_mathtasks",
        "rescore",
        str(logs),
        "-o",
        str(ray_out),
        "--engine",
        "ray",
    ]
    # Named, because readline, which pytest loads, tells child processes alone that a terminal has 80 columns.
    here = {**os.environ}
    done = subprocess.run(
        [*command, "--workers", "2"], cwd=ROOT, env=here, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert contents(ray_out) == expected
    assert [line for line in done.stdout.splitlines() if "written:" not in line] == [
        line for line in text.splitlines() if "written:" not in line
    ]
    assert errors in done.stderr


class SlowRay:
    """A stand-in for the package ray on a busy machine: so many local starts fail before one comes in time."""

    def __init__(self, failures):
        self.failures = failures
        self.starts = 0
        self.up = False

    def is_initialized(self):
        return self.up

    def init(self, address, **_):
        if address == "auto":
            raise ConnectionError("no cluster here")
        self.starts += 1
        if self.starts <= self.failures:
            raise Exception("The current node timed out during startup.")
        self.up = True

    def shutdown(self):
        self.up = False


def test_a_cluster_that_starts_too_slowly_is_started_once_more(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    slow = SlowRay(1)
    with engines.cluster(slow, 1):
        assert slow.up
    assert (slow.up, slow.starts) == (False, 2)
    stuck = SlowRay(9)
    wanted = "Expected a Ray cluster on this machine, got The current node timed out"
    with pytest.raises(EvidenceError, match=wanted), engines.cluster(stuck, 1):
        pass
    assert stuck.starts == 2


KILLED = """
import os, signal, sys
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.evidence.rescore.judges import Parts

write = Parts.write

def write_two(self, grader, number, part):
    write(self, grader, number, part)
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)

Parts.write = write_two
main(["rescore", *sys.argv[1:], "--workers", "1"])
"""


def test_a_killed_rescore_goes_on_where_it_was(tmp_path, rescore, out):
    rows = [{"id": i, "task": "t", "gold": f"\\frac{{{i}}}{{x+{i}}}", "response": f"\\boxed{{1-\\frac{{x}}{{x+{i}}}}}"}
            for i in range(1, 1_501)]  # fmt: skip
    path = write_json_lines(tmp_path / "hard.jsonl", rows)
    victim = [sys.executable, "-c", KILLED, str(path), "-o", str(out)]
    assert subprocess.run(victim, cwd=ROOT, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert len(list(out.rglob("ours-*.json"))) == 2
    assert not list(out.rglob("results_*"))
    status, text, _ = rescore(path)
    assert status == 0
    assert "continued: 2 parts were judged before" in text
    assert f"{len(rows)} docs" in text
    assert [line["exact_match"] for line in samples_of(out)] == [1] * len(rows)
    assert not list(out.rglob("ours-*.json"))


def test_what_is_finished_is_not_done_again(tmp_path, rescore, out):
    logs = write_many(tmp_path / "logs")
    first = rescore(logs)[1]
    marked = next(out.rglob("samples_*"))
    marked.write_text("kept")
    _, second, _ = rescore(logs)
    assert second == first.replace(
        "written:", "kept from before: 2 of 2 files (--fresh does them again)\nwritten:", 1
    )
    assert marked.read_text() == "kept"
    for file in logs.iterdir():  # another content is another input
        date = file.stat().st_mtime_ns
        file.write_text(file.read_text().replace("boxed{1}", "boxed{2}"))
        os.utime(file, ns=(date, date))
    assert "kept" not in rescore(logs)[1]
    assert len(marked.read_text().splitlines()) >= 40
    assert "kept" in rescore(logs)[1]
    assert "kept" not in rescore(logs, "--fresh")[1]


# --- several graders


def test_graders_side_by_side(tmp_path, rescore, out):
    pytest.importorskip("math_verify")
    rows = [row | {"label": True} for row in plain_rows()]
    rows[2]["response"] = "The answer is \\boxed{99}."
    rows[3] |= {"gold": "\\text{(B)}", "response": "\\boxed{B}", "label": False}
    path = write_json_lines(tmp_path / "a.jsonl", rows)
    _, text, _ = rescore(path, "--graders", "ours,math-verify", "--show", "1")
    assert "graders on 4 responses:" in text
    assert re.search(r"ours +75.00 +\[30.06, 95.44\]", text)
    assert re.search(r"log +75.00 +\[30.06, 95.44\] +1 +1 +50.00", text)
    assert "disputed: 2 responses, the first 1:" in text
    lines = read_jsonl(next(out.rglob("disputed_*")))
    assert [line["doc_id"] for line in lines] == ["2", "3"]
    assert lines[0]["verdicts"] == {"ours": False, "math-verify": False, "log": True}
    assert (lines[1]["gold"], lines[1]["answer"], lines[1]["status"]) == ("\\text{(B)}", "B", "correct")


def test_a_grader_that_accepts_nothing_does_not_fit_and_disputes_nothing():
    """Hendrycks' rule reads the last box: without any box it would dispute every right answer."""
    half = [True, False] * 10
    votes = {"ours": half, "hendrycks": [False] * 20, "log": [*half[:-1], True]}
    table = cross_table(votes, 20)
    assert unfit(table) == ["hendrycks"]
    assert disputed_places(votes) == [19]
    assert any("hendrycks accepts no response of a run" in line for line in cross_lines([{"cross": table}]))
    # Few responses, an all-wrong model and the log's own verdicts are no sign of that.
    assert unfit(cross_table({"ours": [True] * 9, "hendrycks": [False] * 9}, 9)) == []
    assert unfit(cross_table({"ours": [False] * 20, "hendrycks": [False] * 20}, 20)) == []
    assert unfit(cross_table({"ours": half, "log": [False] * 20}, 20)) == []


def test_an_unknown_grader_is_refused_with_the_known_ones(tmp_path, rescore):
    status, _, errors = rescore(write_packed(tmp_path), "--graders", "ours,nobody")
    assert status == 2
    assert "math-verify, minerva" in errors


def test_what_is_not_installed_is_named_with_its_extra(tmp_path, rescore, monkeypatch):
    path = write_packed(tmp_path)
    (tmp_path / "math_verify.py").write_text("raise ImportError('none here')")
    monkeypatch.syspath_prepend(tmp_path)
    status, _, errors = rescore(path, "--graders", "math-verify")
    assert status == 2
    assert "Run pip install 'lm-eval-mathtasks[math-verify]'" in errors
    monkeypatch.setitem(sys.modules, "ray", None)
    status, _, errors = rescore(path, "--engine", "ray")
    assert status == 2
    assert "Run pip install 'lm-eval-mathtasks[scale]'" in errors


def test_agreement():
    """Figures worked out by hand from the formulas of Cohen (1960)."""
    assert cross.agreement(20, 5, 10, 15) == (0.7, pytest.approx(0.4))
    assert cross.agreement(5, 0, 0, 0) == (1, None)


# --- processes that hang or die


def test_a_child_that_dies_hangs_or_raises_costs_one_task():
    entry = "tests.grading.children_of_tests.serve_moods"
    with Children(entry, "set up", 2, hang_after=1.0) as pool:
        ticks = []
        done = list(pool.map(["fine", "die", "fine", "hang", "raise", "print", "fine"], ticks.append))
    good = Done("fine after set up")
    assert done == [good, Done(None, "died"), good, Done(None, "hung"), Done(None, "ValueError: in a mood"),
                    Done("print after set up"), good]  # fmt: skip
    assert ticks == [1] * 4


def test_a_child_that_cannot_be_set_up_says_why():
    with pytest.raises(CannotStartError, match="KeyError"):
        Children("tests.grading.children_of_tests.serve_moods", None, 1)
