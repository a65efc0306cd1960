"""The bench of graders: adapters agree on plain items, a hanging grader is killed, the table counts what it says."""

import json

import pytest

from benchmarks import graders
from benchmarks.supervisor import Outcome, Supervised
from lm_eval_mathtasks.grading.peers import ADAPTERS, GSM8K_ONLY, MATH_ONLY, Item

RIGHT = Item("f", "1", gold="18", text="So it is $\\boxed{18}$.\n#### 18", label=True, gsm8k=True)
WRONG = RIGHT._replace(id="2", text="So it is $\\boxed{19}$.\n#### 19", label=False)
BARE = Item("f", "3", gold="\\frac{1}{2}", text="\\frac12", label=True, bare=True)


@pytest.mark.parametrize("name", ["ours", "math-verify", "hendrycks", "gsm8k-strict", "gsm8k-flexible"])
def test_adapters_judge_plain_items(name):
    if name == "math-verify":
        pytest.importorskip("math_verify")
    with Supervised(name) as grader:
        if name not in MATH_ONLY:
            assert grader.judge(RIGHT).verdict is True
        assert grader.judge(WRONG).verdict is False
        if name not in GSM8K_ONLY:
            assert grader.judge(BARE).verdict is True


def test_a_hanging_grader_is_killed_and_replaced():
    slow = RIGHT._replace(text="$ 1 " * 100_000)
    with Supervised("ours", hang_after=0.01) as grader:
        first = grader._process.pid
        assert grader.judge(slow) == Outcome(None, 0.01, "hung")
        grader.hang_after = 60.0
        assert grader._process.pid != first
        assert grader.judge(RIGHT).verdict is True


def test_items_behind_one_that_hangs_are_judged_all_the_same(monkeypatch):
    monkeypatch.setattr("benchmarks.supervisor.BATCH", 3)
    slow = RIGHT._replace(text="$ 1 " * 1_000_000)
    with Supervised("ours", hang_after=1.0) as grader:
        outcomes = list(grader.judge_all([RIGHT, slow, WRONG, BARE, RIGHT]))
    assert [one.verdict for one in outcomes] == [True, None, False, True, True]
    assert [one.trouble for one in outcomes] == ["", "hung", "", "", ""]


def test_a_grader_that_cannot_start_says_so():
    with pytest.raises(RuntimeError, match="cannot be used here: KeyError"):
        Supervised("nobody")


def test_the_table_counts_errors_of_both_kinds_and_troubles():
    outcomes = [
        Outcome(False, 0.001),
        Outcome(True, 0.003),
        Outcome(None, 0.002, "hung"),
        Outcome(None, 0.002, "ValueError"),
    ]
    judged = graders.Judged("f", "g", [RIGHT, WRONG, RIGHT, WRONG], outcomes)
    row = dict(zip(graders.COLUMNS, judged.row(), strict=True))
    assert row == {
        "file": "f", "grader": "g", "items": "4", "accuracy_%": "25.00", "false-": "2", "false+": "1",
        "hung": "1", "raised": "1", "pairs/s": "500", "median_ms": "2.000", "p99_ms": "3.00",
    }  # fmt: skip


def test_the_count_per_part_says_who_decided_and_how_often_wrongly():
    needs_sympy = BARE._replace(gold=r"\sec^2 y", text=r"1+\tan^2 y")
    undecided = BARE._replace(text="9^{9^{9^9}}", label=False)
    items = [RIGHT, WRONG, RIGHT._replace(label=False), needs_sympy, undecided]
    assert graders.deciders(items) == [
        ["rule", "hash", "3", "2", "1", "0", "1"],
        ["rule", "given", "2", "1", "0", "1", "0"],
        ["tier", "number", "3", "2", "1", "0", "1"],
        ["tier", "symbolic", "2", "1", "0", "1", "0"],
    ]


def test_a_sample_is_the_same_every_time_and_leaves_small_files_whole():
    items = [RIGHT._replace(id=str(n), file="big" if n < 90 else "small") for n in range(100)]
    drawn = graders.sample(items, 20)
    assert drawn == graders.sample(items, 20)
    assert [item.id for item in drawn if item.file == "small"] == [str(n) for n in range(90, 100)]
    assert len([item for item in drawn if item.file == "big"]) == 20
    assert len(graders.sample(items, None)) == 100


def test_ratios_compare_the_same_labelled_items():
    ours = [graders.Judged("f", "ours", [RIGHT, WRONG], [Outcome(True, 0.001), Outcome(True, 0.001)])]
    peer = [graders.Judged("f", "math-verify", [RIGHT, WRONG], [Outcome(False, 0.01), Outcome(True, 0.03)])]
    text = "\n".join(graders.ratios({"ours": ours, "math-verify": peer}))
    assert "ours 1, math-verify 2, ratio 2.0" in text
    assert "20.0 times" in text
    assert graders.ratios({"ours": ours}) == []


def test_the_command_end_to_end(tmp_path, monkeypatch, capsys):
    (tmp_path / "labelled").mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(graders, "SHARED", tmp_path)
    monkeypatch.setattr(graders, "reference_items", lambda: [])
    pairs = [{"id": "a", "gold": "2", "pred": "2", "label": True, "style": "bare"}]
    pairs.append({"id": "b", "gold": "2", "pred": "3", "label": True, "style": "bare"})
    lines = "\n".join(map(json.dumps, pairs))
    (tmp_path / "labelled" / "pairs_x.jsonl").write_text(lines)
    out = tmp_path / "wrong.jsonl"
    assert graders.main(["--graders", "ours", "--markdown", "--list-disagreements", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "| pairs_x | ours | 2 | 50.00 | 1 | 0 |" in printed
    assert "| part | name | items | correct | incorrect | neither | wrong |" in printed
    assert "| rule | given | 2 | 1 | 1 | 0 | 1 |" in printed
    assert "| tier | number | 2 | 1 | 1 | 0 | 1 |" in printed
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["b"]


@pytest.mark.parametrize("arguments", [["--graders", "nobody"], ["--files", "no such file"]])
def test_wrong_arguments_are_explained(arguments, tmp_path, monkeypatch, capsys):
    (tmp_path / "labelled").mkdir()
    monkeypatch.setattr(graders, "SHARED", tmp_path)
    monkeypatch.setattr(graders, "reference_items", lambda: [])
    with pytest.raises(SystemExit):
        graders.main(arguments)
    assert arguments[1] in capsys.readouterr().err
    assert set(ADAPTERS) >= GSM8K_ONLY | MATH_ONLY
