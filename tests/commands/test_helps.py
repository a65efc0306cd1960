"""What --help says: ours first, then lm-eval's; what is required; an example that the command takes."""

import re
import shlex
import subprocess
import sys

import pytest

from lm_eval_mathtasks.cli import COMMANDS, GROUPS, main
from lm_eval_mathtasks.host.run import parse_run
from lm_eval_mathtasks.tables.layout import cell_width

OWN = ["--preset", "--dry-run", "--report", "--table", "--graders", "--repeats", "--resume"]


def helped(capsys, monkeypatch, *words):
    """What a command says of itself on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    try:
        status = main([*words, "--help"])
    except SystemExit as error:
        status = error.code
    assert status == 0
    return capsys.readouterr().out


def example(said):
    """The first command of the examples, as words."""
    lines = said.partition("example")[2].partition("\n")[2].replace("\\\n", " ").splitlines()
    return shlex.split(lines[0], comments=True)


def test_run_says_what_is_ours_before_what_is_lm_evals(capsys, monkeypatch):
    said = helped(capsys, monkeypatch, "run")
    places = [
        said.index(words)
        for words in ("gsm8k-cot", "mathtasks-chat", *OWN, "--tasks <task>", "--num_fewshot")
    ]
    assert said.startswith("usage: mathtasks run")
    assert max(places[:-2]) < min(places[-2:])
    assert "lm-eval ls" not in said
    assert parse_run(example(said)[2:]).tasks == ["gsm8k-cot", "math500-fewshot"]


def test_every_own_flag_of_run_is_among_them(capsys, monkeypatch):
    import argparse

    from lm_eval._cli.run import Run

    plain = argparse.ArgumentParser()
    commands = plain.add_subparsers()
    Run.create(commands)
    flags = set(re.findall(r"^  (--[\w-]+)", helped(capsys, monkeypatch, "run"), re.M))
    assert flags - {*commands.choices["run"]._option_string_actions} == {*OWN}


def test_batch_write_says_what_it_needs(capsys, monkeypatch):
    said = helped(capsys, monkeypatch, "batch", "write")
    assert said.index("required:") < said.index("optional:") < said.index("example:")
    assert parse_run(example(said)[4:]).tasks == ["math500"]


def test_leaderboard_add_says_what_it_needs(capsys, monkeypatch, tmp_path):
    said = helped(capsys, monkeypatch, "leaderboard", "add")
    needed = said[said.index("required:") : said.index("about the source:")]
    assert set(re.findall(r"--([\w-]+)", needed)) == {
        "title",
        "url",
        "benchmark",
        "metric",
        "locator",
        "model",
        "score",
    }
    (tmp_path / "claims").mkdir()
    (tmp_path / "models.yaml").write_text("Toy: {organisation: Acme, kind: base}\n")
    (tmp_path / "benchmarks.yaml").write_text('GSM8K: {docs: 1319, tasks: "gsm8k-cot"}\n')
    words = [*example(said)[1:], "--yes", "--leaderboards", str(tmp_path)]
    assert main(words) == 0, capsys.readouterr().err
    assert "Acme-Math-7B" in "".join(path.read_text() for path in (tmp_path / "claims").iterdir())


@pytest.mark.parametrize("words", [["run"], ["batch", "write"], ["leaderboard", "add"]])
def test_it_fits_80_columns(words, capsys, monkeypatch):
    ours = helped(capsys, monkeypatch, *words).partition("lm-eval: ")[0].splitlines()
    assert not [line for line in ours if cell_width(line) > 80 and not line.startswith("usage")]


def test_the_overview_has_groups_with_an_example_each(capsys, monkeypatch):
    said = helped(capsys, monkeypatch)
    assert [line.partition(":")[0] for line in said.splitlines() if re.match(r"[A-Z][a-z ]+:  ", line)] == [
        "Run", "Understand", "Several answers", "Evidence", "Board", "Train",
    ]  # fmt: skip
    for group in GROUPS:
        words = group.example.split()
        assert words[0] == "mathtasks"
        assert words[1] in group.commands
    assert not [line for line in said.splitlines() if cell_width(line) > 80]


# What a command that loads neither a model nor data has no use for.
HEAVY = {"numpy", "scipy", "pandas", "datasets", "torch", "transformers", "lm_eval", "openai", "sympy"}


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["tasks"], ["tasks", "math500"], ["batch", "write", "--help"]]
)
def test_nothing_heavy_is_loaded(words):
    code = (
        "import sys; from lm_eval_mathtasks.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "print('loaded', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    assert not loaded & HEAVY
    if words in ([], ["--help"]):
        assert not loaded & {"yaml", "pydantic"}
        assert all(name in done.stdout for name in COMMANDS)
