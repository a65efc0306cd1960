"""A run over the right questions that was graded by other reference answers is another measurement."""

import json
from dataclasses import replace

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.leaderboard.benchmarks import read_benchmarks
from lm_eval_mathtasks.leaderboard.identity_parts import NOTHING, docs_parts
from lm_eval_mathtasks.leaderboard.paired import compare_runs
from lm_eval_mathtasks.leaderboard.yaml_files import leaderboards_dir
from lm_eval_mathtasks.problems import fingerprints
from lm_eval_mathtasks.problems.fingerprints import known_docs, packed, unpacked
from lm_eval_mathtasks.problems.sets import known_sets
from lm_eval_mathtasks.runs.identity import identity_of
from lm_eval_mathtasks.runs.reading import read_run
from tests.conftest import shared_path
from tests.leaderboard.situations import GOLD, KNOWN, NAME, SETS
from tests.runs.logs_of_runs import write_json_lines

RIGHT = 1126
QUESTIONS = SETS["gsm8k"]


@pytest.fixture
def ours(monkeypatch):
    """Our own questions stand for those of the sets."""
    monkeypatch.setattr(fingerprints, "_known", lambda: KNOWN)


def plain(path, golds=None, questions=QUESTIONS):
    """A file of responses with verdicts; golds: of the first docs, where they are not the published ones."""
    golds = [*(golds or []), *[GOLD] * (len(questions) - len(golds or []))]
    rows = [
        {
            "question": q,
            "gold": gold,
            "response": "1",
            "correct": i < RIGHT,
            "model": NAME,
            "dataset": "gsm8k",
        }
        for i, (q, gold) in enumerate(zip(questions, golds, strict=True))
    ]
    return write_json_lines(path, rows)


def first_row(capsys, *words):
    assert main(["compare", *map(str, words), "--claim", "qwen2.5/GSM8K/Qwen2.5-7B", "--format", "json"]) == 0
    table = json.loads(capsys.readouterr().out)[0]
    return table["rows"][0], table["notes"]


def test_edited_answers_are_named_and_break_the_comparison(tmp_path, capsys, ours):
    row, _ = first_row(capsys, plain(tmp_path / "x.jsonl", ["7"] * 30))
    assert row["outcome"] == "not comparable"
    assert "references: ours 30 are not the published ones" in row["breaks_the_comparison"]


def test_a_few_edited_answers_are_said_and_widen_the_interval(tmp_path, capsys, ours):
    whole, _ = first_row(capsys, plain(tmp_path / "x.jsonl"))
    row, notes = first_row(capsys, plain(tmp_path / "y.jsonl", ["7"] * 10))
    assert row["outcome"].startswith("no difference seen")
    assert any("10 are not the published ones: the interval is wider" in note for note in notes)
    wider = row["ours_minus_claim_high"] - whole["ours_minus_claim_high"]
    # One edit in 256 is not seen.
    assert wider == pytest.approx(10 / 1319 * 256 / 255)


def test_published_answers_of_a_file_do_not_hide_those_that_gave_the_verdicts(tmp_path, capsys, ours):
    """`--gold` mends what the notes are made of, not the verdicts of the log: --regrade does."""
    run, gold = plain(tmp_path / "x.jsonl", ["7"] * 30), plain(tmp_path / "gold.jsonl")
    row, _ = first_row(capsys, run, "--gold", gold)
    assert row["outcome"] == "not comparable"
    assert "30 that --gold replaced" in row["breaks_the_comparison"]
    row, _ = first_row(capsys, run, "--gold", gold, "--regrade")
    assert "references" not in (row["breaks_the_comparison"] or "")
    spelled = plain(tmp_path / "other.jsonl", ["#### 1", "1.0"] * 100)
    row, _ = first_row(capsys, run := plain(tmp_path / "y.jsonl"), "--gold", spelled)
    assert row["outcome"].startswith("equivalent")


def test_a_log_without_answers_is_not_checked_and_says_so(tmp_path, capsys, ours):
    rows = [json.loads(line) for line in plain(tmp_path / "x.jsonl").read_text().splitlines()]
    for row in rows:
        del row["gold"]
    row, notes = first_row(capsys, write_json_lines(tmp_path / "y.jsonl", rows))
    assert row["outcome"].endswith("reference answers not checked")
    assert "reference answers not checked: references: not in the log" in notes


def test_two_runs_with_other_answers_are_refused_unless_forced(tmp_path, ours):
    first, second = read_run(plain(tmp_path / "a.jsonl")), read_run(plain(tmp_path / "b.jsonl", ["7"] * 20))
    with pytest.raises(EvidenceError, match="20 of 1319 docs with another one"):
        compare_runs(first, second)
    forced = compare_runs(first, second, force=True)
    assert ("reference answers", "", "20 others") in forced.changes
    spelled = read_run(plain(tmp_path / "c.jsonl", ["\\boxed{1}", "1.0", "x = 1"] * 20))
    assert not [change for change in compare_runs(first, spelled).changes if change[0] == "reference answers"]


def test_a_few_docs_replaced_by_others_that_are_there_twice_widen_the_interval(tmp_path, capsys, ours):
    row, _ = first_row(capsys, plain(tmp_path / "x.jsonl"))
    twice = [*QUESTIONS[:-12], *QUESTIONS[:12]]
    rows = [
        json.loads(line) for line in plain(tmp_path / "y.jsonl", questions=twice).read_text().splitlines()
    ]
    for number, one in enumerate(rows):
        one["id"] = number
    wider, _ = first_row(capsys, write_json_lines(tmp_path / "z.jsonl", rows))
    name = "ours_minus_claim"
    assert wider[f"{name}_high"] - row[f"{name}_high"] == pytest.approx(12 / 1319)


def test_each_known_set_belongs_to_one_benchmark_or_none(tmp_path):
    """By the names that harnesses give them: HMMT-Feb-2025 is hmmt-feb25 here."""
    benchmarks, _ = read_benchmarks(leaderboards_dir() / "benchmarks.yaml")
    row = read_run(plain(tmp_path / "x.jsonl"))
    owners = {}
    for benchmark in benchmarks.values():
        docs = replace(identity_of(row).docs, asked=3, with_question=3, different=())
        parts, _ = docs_parts(row, docs, benchmark, NOTHING, own=True)
        assert parts[0].name == "questions"
        for name in known_docs():
            if benchmark.tasks.fullmatch(name) and known_docs()[name] <= 1.01 * benchmark.docs:
                owners.setdefault(name, []).append(benchmark.name)
    assert all(len(found) == 1 for name, found in owners.items() if name != "asdiv"), owners
    assert owners["hmmt-feb25"] == ["HMMT-Feb-2025"]
    assert set(known_docs()) - owners.keys() == {
        name for name in known_docs() if name.startswith("sample-") or "-train" in name
    }


def test_the_published_answers_of_real_sets_are_known_in_real_logs(tmp_path):
    """Verdicts, golds and questions as four projects published them: none is taken for edited."""
    for name, folder in (("gsm8k", "gpt3_gsm8k"), ("gsm8k", "rho_gsm8k"), ("math500", "rho_math500")):
        path = shared_path(f"labelled/responses_{folder}.jsonl")
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        one = [row for row in rows if row["model"] == rows[0]["model"]]
        docs = identity_of(read_run(write_json_lines(tmp_path / f"{folder}.jsonl", one))).docs
        assert docs.with_gold(name) == known_sets()[name].docs
        assert docs.other_golds(name) == 0


def test_fingerprints_say_nothing_of_an_order():
    docs = [("What?", "1"), ("Which?", "2"), ("What?", "3")]
    assert packed(docs) == packed(docs[::-1])
    assert sorted(map(len, unpacked(packed(docs)).values())) == [1, 2]
