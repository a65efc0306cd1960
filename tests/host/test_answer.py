"""What a run prints at its end: the score with its interval and what is not zero, in 80 columns."""

from types import SimpleNamespace

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host import answer


@pytest.mark.parametrize(
    ("scores", "docs", "parts"),
    [
        ({"exact_match,none": 0.5, "no_answer,none": 0.0}, 10, ["50.0 [23.7, 76.3]", "10 docs"]),
        ({"exact_match,none": 1.0}, 1, ["100.0 [20.7, 100.0]", "1 doc"]),
        (
            {"exact_match,none": 0.75, "truncated,none": 31 / 500, "no_answer,none": 2 / 500},
            500,
            ["75.0 [71.0, 78.6]", "500 docs", "31 cut off", "2 no answer"],
        ),
        # the mean is of the two thirds that were answered
        (
            {"exact_match,none": 1.0, "api_error,none": 1 / 3, "unparsable,none": 0.5},
            3,
            ["100.0 [34.2, 100.0]", "3 docs", "1 unreadable", "1 without a response"],
        ),
        # of several responses a doc the interval is of the docs' means, and rates are of responses
        (
            {
                "exact_match,none": 0.5,
                "exact_match_stderr,none": 0.1,
                "pass@2,none": 0.7,
                "truncated,none": 0.25,
            },
            20,
            ["50.0 [30.5, 69.5]", "20 docs", "25.0% cut off"],
        ),
    ],
)
def test_one_line_a_task(scores, docs, parts):
    assert list(answer.score_parts(scores, docs)) == parts


def test_a_long_line_breaks_between_parts(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "44")
    scores = {"exact_match,none": 0.75, "truncated,none": 31 / 500, "no_answer,none": 2 / 500}
    results = {"results": {"math500": scores, "aime": scores}, "n-samples": {"math500": {"effective": 500}}}
    assert answer.answer(SimpleNamespace(results=results, unknown_cuts=["math500"], logs=[])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["math500   75.0 [71.0, 78.6]   500 docs", "          31 cut off   2 no answer"]
    assert all(len(line) <= 44 for line in lines)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """A function that runs the embedded model outside of any checkout, and returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def printed(*more):
        arguments = [
            "run",
            "--model",
            "hf",
            "--model_args",
            f"pretrained={embedded.path('grpo')},dtype=float32",
        ]
        arguments += ["--tasks", "sample-gsm8k", "--limit", "2", "--apply_chat_template", "--device", "cpu"]
        assert main([*arguments, *more]) == 0
        return capfd.readouterr()

    return printed


def test_the_whole_table_is_behind_a_flag_and_git_is_silent(run):
    out, err = run()
    assert "|Version|" not in out
    assert "sample-gsm8k   " in out
    assert "fatal" not in out + err
    assert "|Version|" in run("--table")[0]


def test_a_run_can_end_with_its_page(run, tmp_path):
    out, err = run("--report")
    (page,) = tmp_path.rglob("report_*.html")
    assert "<html" in page.read_text(encoding="utf-8")
    assert page.name in out + err
