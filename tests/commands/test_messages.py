"""Mistakes that people make, each with a message that fits it, and what is no mistake at all."""

import os

import pytest

from lm_eval_mathtasks import cli
from tests.conftest import ROOT
from tests.runs.logs_of_runs import doc, write_lm_eval

DOCS = [doc(i, i) for i in range(30)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = [f"It is \\boxed{{{i}}}." for i in range(30)]
    return write_lm_eval(tmp_path / "run", DOCS, texts, scores=[i < 20 for i in range(30)])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["choose", "run", "--scores", "none.jsonl"], "none.jsonl, which does not exist"),
        (["choose", "run", "--scores", "run"], "run, which is a folder"),
        (["presets", "r1"], "Did you mean deepseek-r1?"),
        (["presets", "zzz"], "`mathtasks presets` lists them"),
        (["report", "no-such-run", "-o", "run"], "a file to write to at run, got run is a folder"),
        (["report", "no-such-run", "-o", "file/x.html"], "a file to write to at file/x.html, got "),
        (["journal", "salvage", "file"], "a file for what is saved, got none. Try --out NEW"),
        (["journal", "salvage", "nowhere"], "a journal, got nowhere, which does not exist"),
        (["journal", "--journal", "nowhere", "stats"], "a journal, got nowhere, which does not exist"),
        (["tasks", "gsm9k"], "Did you mean gsm8k-cot?"),
        (["tasks", "--tag", "none"], "`mathtasks tasks` lists all"),
        (["compare", "run", "--model", "acme/toy-1"], "a model that claims name"),
        (["compare", "run", "--claim", "no/such/claim"], "no/such/claim"),
    ],
)
def test_a_mistake_has_a_message_that_fits(line, said, run, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert cli.main(line) == cli.EXIT_USER_ERROR
    shown = capsys.readouterr().err
    assert shown.startswith("mathtasks: Expected ")
    assert said in shown


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(run, tmp_path, capsys):
    """Before a run is read: the run that is named is none."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    assert cli.main(["report", "no-such-run", "-o", str(locked / "x.html")]) == cli.EXIT_USER_ERROR
    assert "not yours to write to" in capsys.readouterr().err


def test_what_is_no_log_is_not_called_half_a_line(run, tmp_path, capsys):
    (tmp_path / "README.md").write_text("# A title\n")
    (tmp_path / "half.jsonl").write_text('{"gold": "1", "resp')
    assert cli.main(["rescore", "README.md", "-o", "out"]) == 1
    assert "name a file of JSON lines, or its folder" in " ".join(capsys.readouterr().err.split()).replace(
        "Name", "name"
    )
    assert cli.main(["rescore", "half.jsonl", "-o", "out"]) == 1
    assert "alf a line is half a file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["sampling", "budgets"])
def test_what_judges_anew_says_what_it_scored_by(command, run, capsys):
    assert cli.main([command, "run"]) == 0
    assert "scored by our grader\n" in capsys.readouterr().out
    assert cli.main([command, "run", "--metric", "exact_match,none"]) == cli.EXIT_USER_ERROR
    assert "got --metric. Leave that out." in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "explain"])
def test_a_model_that_nobody_published_is_no_error(command, run, capsys):
    assert cli.main([command, "run"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "66." in out
    assert "No published score of this model on gsm8k-cot-zeroshot." in out
    assert "Compare it with another run, or name the model: --model." in out


def test_nor_is_the_bundled_sample(capsys):
    assert cli.main(["compare", str(ROOT / "logs/embedded__sft/sample-gsm8k/2026-11-21T12-00-39")]) == 0
    assert "No published score on sample-gsm8k. Compare it with another run" in " ".join(
        capsys.readouterr().out.split()
    )


def test_ids_of_docs_are_called_so(run, capsys):
    assert cli.main(["explain", "run"]) == 0
    assert "ids of docs" in capsys.readouterr().out
