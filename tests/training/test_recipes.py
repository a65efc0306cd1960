"""Every recipe can be read, its rewards exist, TRL takes its options, and the preflight finds nothing that stops it."""

import json
from itertools import islice

import pytest
import yaml

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.training import preflight
from lm_eval_mathtasks.training.config import read_config
from lm_eval_mathtasks.training.data import Problem, training_rows, write_data
from lm_eval_mathtasks.training.named import named_rewards
from lm_eval_mathtasks.training.options import trl_options
from lm_eval_mathtasks.training.record import USED
from tests.conftest import ROOT

pytest.importorskip("trl")
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning")
RECIPES = sorted((ROOT / "lm_eval_mathtasks/training/recipes").glob("*.yaml"))
CPU = {"use_cpu": True, "bf16": False}


def test_there_are_recipes():
    assert len(RECIPES) == 7


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe(path):
    text = path.read_text(encoding="utf-8")
    config = read_config(path)
    rewards = named_rewards(config.rewards) if config.stage == "grpo" else []
    config = config._replace(trl={**config.trl, **CPU})
    options = trl_options(config, [one.weight for one in rewards] or None)
    found = preflight.of_options(config, options, rewards)
    preflight.refuse(found, ())
    assert not [one for one in found if one.code == "bonus"]
    known = {task.stem for task in (ROOT / "tasks").rglob("*.yaml")}
    assert set(config.evaluate.get("tasks", ())) <= known
    for word in ("# Source:", "Memory", "ried"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 128


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """What each stage reads, of the embedded model's problems."""
    folder = tmp_path_factory.mktemp("recipes")
    problems = [
        Problem(n, one.question, one.answer, "\n".join(one.steps) + f"\n#### {one.answer}")
        for n, one in enumerate({one.question: one for one in islice(stream(3), 64)}.values())
    ]
    found = {}
    for form in ("tags", "boxed"):
        rows = training_rows(problems, form, number=False, messages=True)
        write_data(folder / form, {"train": rows}, {"format": form, "contaminated": []})
        found[form] = folder / form / "train.jsonl"
    right = [one.solution.replace("#### ", r"\boxed{") + "}" for one in problems]
    sampled = [
        {"question": one.question, "gold": one.gold, "response": text}
        for one, text in zip(problems, right, strict=True)
        for text in (text, r"I guess \boxed{-1}")
    ]
    steps = [
        {"question": one.question, "steps": text.split("\n"), "labels": [1.0] * len(text.split("\n"))}
        for one, text in zip(problems, right, strict=True)
    ]
    for name, rows in (("orm", sampled), ("prm", steps)):
        found[name] = folder / f"{name}.jsonl"
        found[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return found


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_passes_its_preflight(path, places, tmp_path, capsys):
    """Its own settings on the embedded model and its problems; only what a CPU lacks is replaced."""
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    given |= {"model": str(embedded.path("sft")), "output": str(tmp_path / "out"), "preflight": {"sample": 0}}
    given["data"] = {"train": str(places[given.get("format") or given["stage"]])}
    given["trl"] |= {**CPU, "dtype": "float32", "gradient_checkpointing": False, "report_to": "none"}
    config = tmp_path / path.name
    config.write_text(yaml.safe_dump(given))
    assert cli.main(["train", given["stage"], str(config), "--preflight"]) == 0
    shown = capsys.readouterr().out
    assert "preflight: nothing that stops the run" in shown
    assert "warning" not in shown
    assert not (tmp_path / "out" / USED).exists()
