"""Studies of minutes stand outside the default run: `pytest -m slow tests/training` asks for them."""

import pytest


def pytest_collection_modifyitems(config, items):
    if "slow" in config.option.markexpr:
        return
    skip = pytest.mark.skip(reason="minutes of training: pytest -m slow tests/training")
    for item in items:
        if item.path.name == "test_study.py":
            item.add_marker(skip)
