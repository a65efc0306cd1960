"""What every command prints, on a terminal of 80 and of 200 columns, and as values."""

import csv
import io
import json
import os
import re

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.tables.layout import cell_width
from tests.conftest import ROOT
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

DOCS = [doc(i, i) for i in range(40)]
GRPO = ROOT / "logs/embedded__grpo/sample-gsm8k/2026-11-21T12-00-46"
SFT = ROOT / "logs/embedded__sft/sample-gsm8k/2026-11-21T12-00-39"
# Each by its first word; A, B, R: two runs of 40 docs and one with four responses each.
COMMANDS = [
    "presets",
    "presets deepseek-r1",
    "tasks",
    "tasks math500 gsm8k-cot",
    "tasks --for base",
    "check",
    "compare A",
    "compare A B",
    "compare A B A",
    "compare A --baseline B",
    f"compare {GRPO}",
    "explain A",
    "explain A --docs",
    "explain-answer --gold 1/2 --response 'It is \\boxed{0.5}, as was to be shown.'",
    "report A B",
    "report A B --format markdown",
    "view A",
    "sampling R",
    "budgets R --tokenizer chars",
    "choose R --scores scores.jsonl",
    "rescore A B --graders ours,minerva,hendrycks -o rescored --workers 1",
    f"evidence verify {GRPO}",
    "evidence pack A -o packs --dry-run",
    "leaderboard show GSM8K",
    "leaderboard show AIME24 --all --long",
    "leaderboard search qwen2.5 instruct",
    "leaderboard validate",
    "journal stats --journal none.sqlite",
    "tasks-path",
    "model-path",
]
WITH_VALUES = [
    line for line in COMMANDS if line.split()[0] in ("compare", "explain", "sampling", "budgets", "choose")
]
WITH_VALUES += ["leaderboard show GSM8K", "leaderboard search qwen2.5 instruct"]
# They train, ask a model, or print what lm-eval does.
ELSEWHERE = {"run", "batch write", "batch collect", "train", "shepherd"}
# A path, a name, a command to be copied.
UNBROKEN = re.compile(r"\s*(\S+|--\S+ .*|id .*|.*\\.*)")


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, last, model in (
        ("A", 31, "Qwen/Qwen2.5-7B-Instruct"),
        ("B", 25, "acme/a-model-with-a-long-name-7B-it"),
    ):
        texts = [f"So it is \\boxed{{{i if i < last else i + 1}}}." if i % 9 else "" for i in range(40)]
        scores = [float(i < last and i % 9 > 0) for i in range(40)]
        write_lm_eval(folder / name, DOCS, texts, scores=scores, task="gsm8k-cot", model=model, shots=8)
    several = [[f"It is \\boxed{{{i + (i * r) % 3}}}." for r in range(4)] for i in range(40)]
    write_lm_eval(folder / "R", DOCS, several, repeats=4, task="math500")
    write_json_lines(
        folder / "scores.jsonl", [{"doc_id": i, "scores": [0.1, 0.4, 0.2, 0.3]} for i in range(40)]
    )
    return folder


def call(line, folder, monkeypatch, columns):
    """Run a command in a folder, as a terminal of so many columns would."""
    import shlex

    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", str(columns))
    return cli.main(shlex.split(line))


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("line", COMMANDS)
def test_no_line_is_wider_than_the_terminal(line, columns, there, monkeypatch, capsys):
    call(line, there, monkeypatch, columns)
    said = capsys.readouterr().out
    too_wide = [one for one in said.splitlines() if cell_width(one) > columns and not UNBROKEN.fullmatch(one)]
    assert not too_wide or "--format markdown" in line, too_wide
    assert "-0.0 " not in said
    assert "-0.00 " not in said


def test_every_command_is_among_them():
    named = {" ".join(line.split()[:1]) for line in COMMANDS}
    assert set(cli.COMMANDS) == named | ELSEWHERE
    assert os.path.isdir(SFT)


@pytest.mark.parametrize("line", WITH_VALUES)
def test_for_programs_every_number_is_a_number(line, there, monkeypatch, capsys):
    assert call(f"{line} --format json", there, monkeypatch, 80) == 0
    tables = json.loads(capsys.readouterr().out)
    values = [value for table in tables for row in (*table["rows"], table["facts"]) for value in row.values()]
    texts = [value for value in values if isinstance(value, str)]
    assert any(isinstance(value, float) for value in values)
    assert not [
        text for text in texts if re.search(r"^[-+]?\d+\.\d+(e-\d+)?$|\d \[[-+]?\d|^\d+ [a-z]+, \d", text)
    ]
    assert call(f"{line} --format csv", there, monkeypatch, 80) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) > 1
    assert not [cell for row in rows for cell in row if re.search(r"\d \[[-+]?\d", cell)]


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("compare")])
def test_a_comparison_ends_with_one_sentence(line, there, monkeypatch, capsys):
    assert call(line, there, monkeypatch, 80) == 0
    last = " ".join(capsys.readouterr().out.rstrip().rpartition("\n\n")[2].split())
    assert last.endswith(".")
    assert len(last.split()) > 5
    assert not last.startswith("•")


def test_the_id_of_a_claim_can_be_copied_at_80_columns(there, monkeypatch, capsys):
    assert call("leaderboard show GSM8K --limit 0 --format json", there, monkeypatch, 80) == 0
    ids = [row["id"] for row in json.loads(capsys.readouterr().out)[0]["rows"]]
    assert any(" " in name for name in ids)
    assert call("leaderboard show GSM8K --long --limit 0", there, monkeypatch, 80) == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(ids) <= {line.strip().removeprefix("id").strip() for line in lines}
