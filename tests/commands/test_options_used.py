"""No option is ignored in silence: it changes what a command prints, or is refused.

Every option of the commands that read runs stands in a table; one that is added must be added here, with what shows it.
"""

import json

import pytest

from lm_eval_mathtasks import cli
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

N = 12
# What every command has, and options that only name where to write or how.
OUTPUT = {"--help", "--format", "--out", "--output"}
# option: what to give it, besides which the command line is the same.
OF_RUNS = {
    "--task": ["math500"],
    "--run-model": ["other"],
    "--metric": ["exact_match,lenient"],
    "--gold": ["gold.jsonl"],
    "--columns": ["response=text"],
    "--journal": ["ends.jsonl"],
}
OF_CLAIMS = {
    "--claim": ["qwen2.5/GSM8K/Qwen2.5-7B"],
    "--model": ["Qwen2.5-72B"],
    "--benchmark": ["GSM-Plus"],
    "--mode": ["thinking"],
    "--leaderboards": ["nowhere"],
    "--margin": ["40"],
    "--flips": ["40"],
}
OF_COMPARE = {
    **OF_RUNS, **OF_CLAIMS, "--hub-results": ["nowhere"], "--regrade": [], "--all": [], "--models": ["other", "more"],
    "--baseline": ["other"], "--docs": [], "--force": [],
}  # fmt: skip
# command: its line, and its options.
COMMANDS = {
    "sampling": (
        ["sampling", "run", "--task", "gsm8k-cot"],
        {**OF_RUNS, "--metrics": ["pass@k"], "--k": ["2"], "--no-answer-votes": []},
    ),
    "budgets": (
        ["budgets", "run", "--task", "gsm8k-cot"],
        {**OF_RUNS, "--budgets": ["1,2"], "--tokenizer": ["nowhere"]},
    ),
    "explain": (
        ["explain", "run", "--task", "gsm8k-cot"],
        {**OF_RUNS, **OF_CLAIMS, "--docs": [], "--against": ["other"]},
    ),
    "report": (
        ["report", "run", "--task", "gsm8k-cot", "--format", "json"],
        {**OF_RUNS, **OF_CLAIMS, "--regrade": []},
    ),
    "compare": (["compare", "run", "--task", "gsm8k-cot"], OF_COMPARE),
    "compare two": (["compare", "run", "other", "--task", "gsm8k-cot"], OF_COMPARE),
    "compare three": (["compare", "run", "other", "third", "--task", "gsm8k-cot"], OF_COMPARE),
}
CASES = [(name, option) for name, (_, options) in COMMANDS.items() for option in options]
# What the fixture cannot show: a run's weights by name change nothing that `sampling` or a pair of runs prints.
SAME = {("compare two", "--force")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs of two tasks with two filters, one with a line that was cut, one of no answer, and one graded wrongly."""
    place = tmp_path_factory.mktemp("runs")
    docs = [doc(i, i) for i in range(N)]
    for folder, right in (("run", 8), ("other", 6), ("third", 4)):
        for task in ("gsm8k-cot", "math500"):
            texts = [[f"So \\boxed{{{i if i < right else -1}}}.", f"It is \\boxed{{{i}}}."] for i in range(N)]
            texts[-1] = ["It is not", "\\boxed{1"]
            texts[-2] = ["I do not know.", "Nor do I."]
            marks = {"strict": [i < right for i in range(N)], "lenient": [i < right + 1 for i in range(N)]}
            write_lm_eval(
                place / folder, docs, texts, scores=marks, filters=("strict", "lenient"), task=task, repeats=2,
                model="Qwen/Qwen2.5-7B", stamp=f"2026-01-02T03-04-0{len(task)}.0"[:27],
            )  # fmt: skip
    write_json_lines(place / "gold.jsonl", [{**one, "gold": "7"} for one in docs])
    ends = [
        {"response": "It is not", "finish_reason": "length"},
        {"response": "\\boxed{1", "finish_reason": "length"},
    ]
    write_json_lines(place / "ends.jsonl", ends)
    return place


def said(line, capsys):
    status = cli.main(line)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.mark.parametrize(("name", "option"), CASES)
def test_an_option_shows_or_is_refused(name, option, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    line, options = COMMANDS[name]
    if option == "--task":
        line = line[: line.index("--task")] + line[line.index("--task") + 2 :]
    without = said(line, capsys)
    assert without[0] == 0
    found = said([*line, option, *options[option]], capsys)
    assert found != without


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_stands_in_the_table(name):
    line, options = COMMANDS[name]
    declared = {
        option
        for action in cli.parser_of(line[0])._actions
        for option in action.option_strings[:1] + action.option_strings[1:2]
        if option.startswith("--") and option != "--model-name"
    }
    assert declared - OUTPUT == set(options)
