"""README and CONTRIBUTING are generated or tested, never trusted."""

import json
import re

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.leaderboard.claims import load_claims
from tests import docs
from tests.conftest import ROOT

READMES = sorted(
    path
    for path in ROOT.rglob("README.md")
    if not {".venv", "out", "build", "dist"} & {*path.relative_to(ROOT).parts}
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_WORDS = 1_400  # of the first page


@pytest.mark.parametrize("page", docs.PARTS, ids=lambda page: page.name)
def test_the_generated_parts_are_current(page):
    assert docs.filled(page) == page.read_text(encoding="utf-8"), "run `make docs`"


def test_every_top_level_entry_has_a_caption():
    tracked = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") or p.name == ".ci"}
    ours = {name for name in tracked if (ROOT / name).is_file() or any((ROOT / name).rglob("[!.]*.*"))}
    assert ours - {"out", "dist", "build", "uv.lock"} <= set(docs.CAPTIONS)


LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
LINKS = sorted(
    {
        (page.parent / link).resolve()
        for page in READMES
        for link in LINK.findall(page.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: str(link.relative_to(ROOT)))
def test_links_lead_somewhere(link):
    assert link.exists()


def test_the_tasks_to_choose_from_exist():
    table = README[README.index("## Which task?") : README.index("## Run")]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "`" in line]
    named = {name.partition("@")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert len(named) > 10
    assert named <= {path.stem for path in (ROOT / "tasks").rglob("*.yaml")}


def test_what_is_said_of_the_picture_is_in_its_pack():
    picture = pytest.importorskip("benchmarks.report_picture")
    (results,) = (ROOT / picture.PACK).glob("results_*.json")
    scores = json.loads(results.read_text(encoding="utf-8"))["results"]["gsm8k-cot-zeroshot"]
    cut, claimed = scores["truncated,none"] * 1319, load_claims().by_id(picture.CLAIM).score
    said = f"{100 * scores['exact_match,none']:.2f} where others publish {claimed}, with {cut:.0f} of 1,319"
    assert said in " ".join(README.split())


def test_the_first_page_is_short():
    assert len(README.split()) <= MOST_WORDS


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w-]+)`", README))))
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


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
