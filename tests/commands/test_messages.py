"""Mistakes that people make, each with a message that fits it, and what is no mistake at all."""

import os

import pytest

from lm_eval_mathtasks import cli
from tests.conftest import ROOT
from tests.runs.logs_of_runs import doc, write_lm_eval

DOCS = [doc(i, i) for i in range(30)]


LINE = '{"id": 1, "question": "café", "gold": "1", "response": "\\\\boxed{1}"}\n'
FILES = {
    "a folder/r.jsonl": LINE, "a folder/s.jsonl": LINE,
    "empty.json": "", "empty.jsonl": "", "latin.jsonl": LINE, "rows.csv": "id,gold\n1,1\n",
    "quotes.jsonl": "{'id': 1}\n", "silent.jsonl": '{"id": 1, "question": "q", "gold": "1"}\n',
}  # fmt: skip


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
        (["report"], "RUN for `mathtasks report`, got none"),
        (["report", "run", "--format", "CSV"], "got CSV. Did you mean csv?"),
        (["report", "run", "--fromat", "csv"], "Did you mean --format?"),
        (["report", "run", "--format"], "a value for --format, got none. Try --format html."),
        (["report", "a", "folder"], "no such file or folder: a."),
        (["report", "a folder"], "a folder, got files that may be one: r.jsonl, s.jsonl"),
        (["report", "empty"], "the logs of a run in empty, got no results_*.json"),
        (["report", "empty.json"], "a readable empty.json, got an empty file"),
        (["report", "empty.jsonl"], "lines in empty.jsonl, got an empty file"),
        (["report", "latin.jsonl"], "UTF-8 on line 1 of latin.jsonl"),
        (["report", "quotes.jsonl"], "a JSON object on line 1 of quotes.jsonl"),
        (["report", "silent.jsonl"], "a response in line 1 of silent.jsonl, got only id, question, gold"),
        (["report", "rows.csv"], "JSON lines or parquet in rows.csv, got a csv file"),
        (["report", "run", "-o", "/proc/x.html"], "a file to write to at /proc/x.html, got /proc"),
        (["rescore", "run", "-o", "file"], "a folder to write to at file, got file is a file"),
        (["rescore", "run", "--gold", "none.jsonl"], "a file for --gold, got no file none.jsonl"),
        (["compare", "run", "--gold", "none.jsonl"], "a readable none.jsonl, got [Errno 2]"),
        (["compare", "run", "--columns", "response"], "--columns FACT=NAME,..., got response"),
        (["sampling", "run", "--k", "64"], "at least 64 responses to every doc"),
        (["budgets", "run", "--tokenizer", "no/such/tokenizer"], "a tokenizer at no/such/tokenizer"),
        (["leaderboard", "show", "GSM9K"], "Did you mean GSM8K"),
        (["leaderboard", "shw"], "Did you mean show?"),
        (["evidence", "verify", "empty"], "packs to verify, got no manifest.json"),
        (["train", "grpo", "empty"], "a configuration, got empty: Is a directory"),
        (["train", "gpro", "x"], "Did you mean grpo?"),
        (
            ["leaderboard", "validate", "x"],
            "no further argument of `mathtasks leaderboard validate`, got 'x'",
        ),
        (["evidence", "verify", "--stric"], "flags of `mathtasks evidence verify`, got --stric"),
        (["train", "sft", "a", "b"], "no further argument of `mathtasks train sft`, got 'b'"),
        (["run", "api_key=sk-planted"], "no further argument of `mathtasks run`, got 'api_key'."),
        (["tasks", "math500", "nosuch"], "Expected a task, got nosuch."),
        (["tasks", "--for", "instructed"], "Did you mean instruct?"),
        (["leaderboard", "measured", "--logs", "nowhere"], "a folder of logs for --logs, got nowhere"),
        (["rescore", "run", "-o", "run"], "a folder of its own for -o, got run, which is rescored"),
        (["rescore", "run", "--graders", "ours,mathverify"], "Did you mean math-verify?"),
        (["rescore", "run", "--engine", "spark"], "--engine, one of local, ray, got spark"),
        (["rescore", "nowhere"], "no file matches it as a pattern"),
        (
            ["report", "run", "run", "--format", "eval-results"],
            "one run of each task, got acme/toy-1 (1), acme/toy-1 (2)",
        ),
        (["view", "empty"], "the logs of a run in empty"),
        (["journal"], "one of show, export, stats, salvage for `mathtasks journal`, got none"),
        (["train"], "one of data, "),
        (["--verson"], "flags of `mathtasks`, got --verson. Did you mean --version?"),
        (["--", "run"], "flags of `mathtasks`, got --"),
        (["compare", "run", "--margin", "two"], "a number from 0 to 100 for --margin, got 'two'"),
        (["compare", "run/*.nothing"], "no such file or folder: run/*.nothing"),
        (["explain", "run", "run"], "no further argument of `mathtasks explain`, got 'run'"),
        (["explain-answer", "--response", "5"], "--gold for `mathtasks explain-answer`, got none"),
        (["sampling", "run", "--k", "0"], "whole numbers above 0 such as 1,4,16 for --k, got '0'"),
        (["choose", "run", "--scorer", "nosuch"], "a scorer KIND:PATH, got nosuch"),
        (["choose", "run", "--scorer", "orm:nowhere"], "no config.json in nowhere"),
        (["evidence", "pack", "nowhere"], "no such file or folder: nowhere"),
        (["check", "nosuch"], "no further argument of `mathtasks check`, got 'nosuch'"),
        (["check", "--metadata", "x"], "a JSON object such as"),
        (["model-path", "grpoo"], "Did you mean grpo?"),
        (["train", "evaluate", "file"], "keys and values in file, got str"),
        (
            ["shepherd", "--samples", "nowhere", "--model", "x", "--out", "y"],
            "no such file or folder: nowhere",
        ),
        (["batch", "write"], "a file to write, got nothing"),
        (["tasks-path", "x"], "no further argument of `mathtasks tasks-path`, got 'x'"),
        (["batch", "collect", "none.jsonl"], "a batch's output file, got none.jsonl, which does not exist"),
        (["xyzzy"], "a command, got xyzzy"),
    ],
)
def test_a_mistake_has_a_message_that_fits(line, said, run, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "empty").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
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


@pytest.mark.parametrize(
    "text", [LINE.replace("\n", "\r\n"), "\ufeff" + LINE, LINE.replace("café", "x" * 3_000_000)]
)
def test_ends_of_lines_a_mark_at_the_start_and_a_long_line_are_no_mistake(
    text, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.jsonl").write_bytes(text.encode())
    assert cli.main(["report", "r.jsonl", "--format", "csv"]) == 0
    assert ",correct," in capsys.readouterr().out


def test_a_disk_without_room_for_a_report_is_said(run, capsys):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    assert cli.main(["report", "run", "-o", "/dev/full"]) == cli.EXIT_USER_ERROR
    assert "room to write /dev/full, got [Errno 28] No space left on device" in capsys.readouterr().err
