"""Several runs on one page, and an index of many pages."""

import re

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report.examine import Choice, examine, graded_by_us
from lm_eval_mathtasks.report.exports import markdown
from lm_eval_mathtasks.report.labels import labels_of
from lm_eval_mathtasks.report.overview import MANY, colours, overview
from lm_eval_mathtasks.report.page import page
from lm_eval_mathtasks.report.svg import RUN_COLOURS
from lm_eval_mathtasks.runs.reading import read_runs
from tests.conftest import ROOT
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

DOCS = [doc(i, i) for i in range(20)]
STAGES = [ROOT / "logs" / f"embedded__{stage}" for stage in ("grpo", "sft", "base")]


def run_of(folder, right=12, **how):
    texts = [f"It is \\boxed{{{i if i < right else -1}}}." for i in range(20)]
    (one,) = read_runs(write_lm_eval(folder, DOCS, texts, scores=[i < right for i in range(20)], **how))
    return one


@pytest.fixture(scope="module")
def stages():
    runs = [run for folder in STAGES for run in read_runs(folder)]
    return examine(runs, load_claims(), Choice())


# --- labels


def test_runs_of_one_model_are_called_by_what_differs(stages):
    names = [one.name for one in stages]
    assert names[:6] == 2 * ["embedded:grpo (hf)", "embedded:grpo (vllm)", "embedded:grpo (mathtasks-chat)"]
    assert len(set(names)) == 9


@pytest.mark.parametrize(
    ("how", "labels"),
    [
        ([{"shots": 0}, {"shots": 8}], ["toy-1 (0-shot)", "toy-1 (8-shot)"]),
        ([{"settings": {"max_gen_toks": 512}}, {"settings": {"max_gen_toks": 2048}}],
         ["toy-1 (512 tokens)", "toy-1 (2048 tokens)"]),
        ([{"shots": 0}, {"shots": 8}, {"shots": 8, "chat": True}],
         ["toy-1 (0-shot, no chat template)", "toy-1 (8-shot, no chat template)", "toy-1 (8-shot, chat template)"]),
        ([{}, {"model": "acme/toy-2"}], ["toy-1", "toy-2"]),
        ([{}, {"task": "math500"}], ["toy-1", "toy-1"]),
        ([{}, {}], ["toy-1 (0)", "toy-1 (1)"]),
    ],
)  # fmt: skip
def test_labels_name_the_fewest_facts_that_tell_runs_apart(how, labels, tmp_path):
    runs = [run_of(tmp_path / str(n), **facts) for n, facts in enumerate(how)]
    assert [label.removeprefix("acme/") for label in labels_of(runs)] == labels


def test_the_same_log_twice_has_numbers(tmp_path):
    run = run_of(tmp_path / "a")
    assert labels_of([run, run]) == ["acme/toy-1 (1)", "acme/toy-1 (2)"]


# --- the page


def test_a_table_of_tasks_and_runs_stands_on_top(stages):
    found = overview(stages)
    assert found.tasks == ("sample-gsm8k", "sample-math")
    assert [line.name for line in found.lines] == list(dict.fromkeys(one.name for one in stages))
    best = [line.name for line in found.lines if line.cells[0].best]
    assert best == ["embedded:sft (hf)", "embedded:sft (vllm)", "embedded:sft (mathtasks-chat)"]
    assert found.lines[0].cells[0].score == "36.0"
    assert overview(stages[:1]) is None
    html = page(stages)
    assert "<h1>18 runs compared</h1>" in html
    assert html.count('class="scroll overview"') == 1
    assert 'class="cards"' not in html
    assert "on common docs" in html


def test_the_page_and_the_terminal_agree_on_the_number_of_runs(tmp_path, capsys):
    assert cli.main(["report", *map(str, STAGES), "-o", str(tmp_path / "r.html")]) == 0
    assert "18 runs" in capsys.readouterr().err
    assert "18 runs compared" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_no_two_runs_have_one_colour():
    style = colours(40)
    found = re.findall(r"--c(\d+):(light-dark\([^;]*);", style)
    assert [int(number) for number, _ in found] == list(range(RUN_COLOURS, 40))
    assert len({colour for _, colour in found}) == 40 - RUN_COLOURS
    assert colours(RUN_COLOURS) == ""


def test_few_runs_have_cards(tmp_path):
    runs = [run_of(tmp_path / str(n), shots=n) for n in range(MANY)]
    assert page(examine(runs, load_claims(), Choice())).count('<div class="card ') == MANY


def test_our_own_grader_is_called_ours(stages, tmp_path):
    assert all(graded_by_us(one.run) for one in stages)
    assert "the run&#39;s own grader." not in page(stages[:2])
    assert "our grader when it ran" in page(stages[:2])
    theirs = run_of(tmp_path / "x")
    assert not graded_by_us(theirs)
    assert "the run&#39;s own grader" in page(examine([theirs], load_claims(), Choice()))


def test_markdown_never_prints_minus_zero(stages):
    assert not re.search(r"-0\.0+(?!\d)", markdown(stages))


def test_a_model_that_nobody_published_is_said_to_be_so(tmp_path):
    html = page(examine([run_of(tmp_path / "x")], load_claims(), Choice()))
    assert "No published score of this model on gsm8k-cot-zeroshot. Compare it with another run" in html


# --- the index


def test_the_index_links_a_report_for_every_log_and_writes_anew_what_changed(tmp_path, capsys):
    logs, out = tmp_path / "logs", tmp_path / "view"
    run_of(logs / "a"), run_of(logs / "b", model="acme/toy-2", task="math500")
    write_json_lines(logs / "c" / "predictions.jsonl", [{"question": "?", "response": "1"}])
    assert cli.main(["view", str(logs), "-o", str(out)]) == 0
    assert "2 runs, 2 reports, 2 of them written anew" in capsys.readouterr().out
    index = (out / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^"]+\.html)">acme/toy-\d</a>', index)
    assert len(set(links)) == 2
    assert all("<h1>acme/toy-" in (out / link).read_text(encoding="utf-8") for link in links)
    assert "60.0 [38.7, 78.1]" in index
    assert cli.main(["view", str(logs), "-o", str(out)]) == 0
    assert "2 reports, 0 of them" in capsys.readouterr().out
    run_of(logs / "b", right=20, model="acme/toy-2", task="math500")
    (out / links[0]).unlink()
    assert cli.main(["view", str(logs), "-o", str(out)]) == 0
    assert re.search(r"2 reports, [12] of them written anew", capsys.readouterr().out)
    assert "100.0 [83.9, 100.0]" in (out / "index.html").read_text(encoding="utf-8")


def test_the_index_has_every_run_of_a_folder_not_the_newest_alone(tmp_path, capsys):
    logs = tmp_path / "logs"
    texts = ["It is \\boxed{0}."] * 20
    for stamp in ("2026-01-02T03-04-05.678901", "2026-02-02T03-04-05.678901"):
        write_lm_eval(logs / "toy", DOCS, texts, scores=[i == 0 for i in range(20)], stamp=stamp)
    assert cli.main(["view", str(logs), "-o", str(tmp_path / "view")]) == 0
    assert "2 runs, 2 reports" in capsys.readouterr().out


def test_the_index_says_what_it_cannot_show(tmp_path, capsys):
    pack = next((ROOT / "logs" / "abel-7b").rglob("results_*.json")).parent
    assert cli.main(["view", str(pack), "-o", str(tmp_path)]) == 0
    assert "not shown, see the page: 1 logs" in capsys.readouterr().out
    assert "a pack without text" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_folder_that_is_not_there_is_a_message(tmp_path, capsys):
    assert cli.main(["view", str(tmp_path / "none"), "-o", str(tmp_path)]) == cli.EXIT_USER_ERROR
    assert "no such file or folder" in capsys.readouterr().err
