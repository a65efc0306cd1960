"""README and CONTRIBUTING are generated or tested, never trusted."""

import re
import shlex

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.host.run import parse_run
from tests import docs
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```(?:sh|bash)\n(.*?)```", README, re.S)).replace("\\\n", " ")
COMMANDS = [line for line in SHELL.splitlines() if line.startswith("mathtasks ")]


@pytest.mark.parametrize("page", docs.PARTS, ids=lambda page: page.name)
def test_the_generated_parts_are_current(page):
    assert docs.filled(page) == page.read_text(encoding="utf-8"), "run `make docs`"


def test_every_top_level_entry_has_a_caption():
    tracked = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") or p.name == ".ci"}
    ours = {name for name in tracked if (ROOT / name).is_file() or any((ROOT / name).rglob("[!.]*.*"))}
    assert ours - {"out", "dist", "build", "uv.lock"} <= set(docs.CAPTIONS)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w-]+)`", README))))
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    words = shlex.split(command.split(" #")[0])[1:]
    name = " ".join(words[:2]) if words[0] == "batch" else words[0]
    flags = words[len(name.split()) :]
    if name in cli.LM_EVAL_FLAGS:
        known = {path.stem for path in (ROOT / "tasks").rglob("*.yaml")} | {"mathtasks"}
        tasks = parse_run(flags[name == "batch write" :]).tasks
        assert {name.split("@")[0] for name in ",".join(tasks).split(",")} <= known
    else:
        cli.parser_of(name).parse_args(flags)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in cli.COMMANDS)
    assert max(map(len, shown.splitlines())) <= 110


@pytest.mark.parametrize("name", sorted(set(cli.COMMANDS) - set(cli.LM_EVAL_FLAGS)))
def test_commands_have_help(name, capsys):
    with pytest.raises(SystemExit):
        cli.main([*name.split(), "--help"])
    assert f"mathtasks {name}" in capsys.readouterr().out


def test_there_are_commands_to_test():
    assert len(COMMANDS) >= 5
