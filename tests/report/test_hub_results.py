"""The results of a model's repository on the hub: written in its form, and read as claims with their source."""

import json

import pytest
import yaml

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.problems import fingerprints
from tests.leaderboard.situations import KNOWN, SETS, make_log

NAME = "Qwen/Qwen2.5-7B"


@pytest.fixture(autouse=True)
def known_questions(monkeypatch):
    monkeypatch.setattr(fingerprints, "_known", lambda: KNOWN)


def published(folder, *entries):
    folder.mkdir(parents=True)
    (folder / "results.yaml").write_text(yaml.safe_dump(list(entries)))
    return folder


def entry(value, **more):
    return {"dataset": {"id": "openai/gsm8k", "task_id": "gsm8k"}, "value": value, **more}


def compared(log, results, *more):
    assert main(["compare", str(log), "--hub-results", str(results), "--format", "json", *more]) == 0


def rows(capsys, log, results, *more):
    compared(log, results, *more)
    return [row for row in json.loads(capsys.readouterr().out)[0]["rows"] if row["id"].startswith("hub/")]


def test_a_run_is_written_in_the_hubs_form(tmp_path, capsys):
    log = make_log(tmp_path)
    assert main(["report", str(log), "--format", "eval-results"]) == 0
    (found,) = yaml.safe_load(capsys.readouterr().out)
    assert found["dataset"]["id"] == "openai/gsm8k"
    assert (found["dataset"]["task_id"], len(found["dataset"]["revision"])) == ("main", 40)
    assert (found["value"], found["date"]) == (85.37, "2026-01-02T03:04:05Z")
    assert found["notes"].startswith("1319 docs, one answer each, shots 4, temperature 0")


@pytest.mark.parametrize("asked", [SETS["gsm8k"][:100], SETS["gsm8ktrain"]], ids=["a part", "other docs"])
def test_what_is_not_the_set_is_not_written_as_its_score(tmp_path, asked, capsys):
    log = make_log(tmp_path, questions=asked, right=80)
    assert main(["report", str(log), "--format", "eval-results"]) == 2
    assert "all 1319 docs of openai/gsm8k" in " ".join(capsys.readouterr().err.split())


def test_what_we_write_we_read(tmp_path, capsys):
    log, folder = make_log(tmp_path / "log"), tmp_path / "repository" / ".eval_results"
    folder.mkdir(parents=True)
    assert main(["report", str(log), "--format", "eval-results", "-o", str(folder / "ours.yaml")]) == 0
    (row,) = rows(capsys, log, folder.parent, "--model", NAME)
    assert row["outcome"] == "equivalent, with its own verdicts, of the number only"
    assert row["claim"] == pytest.approx(0.8537, abs=1e-4)


def test_results_of_a_repository_are_claims_with_their_source(tmp_path, capsys):
    log = make_log(tmp_path / "log")
    cache = tmp_path / "models--Qwen--Qwen2.5-7B" / "snapshots" / "abc"
    published(
        cache / ".eval_results",
        entry(85.4, notes="no-tools"),
        entry(0.75, source={"url": "https://example.org/a", "name": "A test", "org": "someone"}),
        entry(85.4, notes="majority vote of 8"),
        {"dataset": {"id": "cais/hle", "task_id": "default"}, "value": 20.9},
    )
    found = rows(capsys, log, cache)
    assert [row["outcome"] for row in sorted(found, key=lambda row: row["id"])] == [
        "equivalent, with its own verdicts, of the number only",
        "differs, with its own verdicts, of the number only", "not comparable",
    ]  # fmt: skip
    assert any("A test, .eval_results/results.yaml, entry 2" in row["source"] for row in found)


def test_a_model_that_no_claim_names_has_those_of_its_repository(tmp_path, capsys):
    log = make_log(tmp_path / "log", arguments={"pretrained": "acme/toy-1"})
    cache = tmp_path / "models--acme--toy-1" / "snapshots" / "abc"
    published(cache / ".eval_results", entry(85.4))
    (row,) = rows(capsys, log, cache)
    assert row["outcome"] == "equivalent, with its own verdicts, of the number only"
    # The same results are no claims about another's copy of it.
    other = make_log(tmp_path / "other", arguments={"pretrained": "evil/toy-1"})
    assert rows(capsys, other, cache)[0]["outcome"] == "not comparable"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([entry("good")], "a number from 0 to 100"),
        ([entry(True)], "a number from 0 to 100"),
        ([entry(851.0)], "a number from 0 to 100"),
        ([{"value": 3}], "a data set in entry 1"),
        (["x"], "a data set in entry 1"),
        ([{"dataset": {"id": "cais/hle", "task_id": "default"}, "value": 20.9}], "none in"),
    ],
)
def test_bad_results_are_refused(tmp_path, entries, words, capsys):
    log = make_log(tmp_path / "log")
    folder = published(tmp_path / "models--Qwen--Qwen2.5-7B" / ".eval_results", *entries)
    assert main(["compare", str(log), "--hub-results", str(folder)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_whose_they_are_must_be_known(tmp_path, capsys):
    log = make_log(tmp_path / "log")
    assert (
        main(["compare", str(log), "--hub-results", str(published(tmp_path / ".eval_results", entry(85.4)))])
        == 2
    )
    assert "pass --model OWNER/NAME" in " ".join(capsys.readouterr().err.split()).replace("Pass", "pass")
    assert main(["compare", str(log), "--hub-results", str(tmp_path / "nowhere")]) == 2
