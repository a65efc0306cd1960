"""Every recipe can be read, its rewards exist, TRL takes its options, and the preflight finds nothing that stops it."""

import pytest

from lm_eval_mathtasks.training import preflight
from lm_eval_mathtasks.training.config import read_config
from lm_eval_mathtasks.training.named import named_rewards
from lm_eval_mathtasks.training.options import trl_options
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
