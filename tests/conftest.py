"""What every test shares: no network, and the real data where it is at hand."""

import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["HF_HUB_OFFLINE"] = "1"  # set before any test imports a hub client
# pytest loads readline, which puts the size of a terminal into the environment of child processes, behind os.environ:
# the workers of xdist and commands that tests start would break their lines at 80 columns.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
    os.unsetenv(_name)
# A shell's job in the background ignores Ctrl-C, and so would the commands that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parents[1]
# Real test sets and labelled model outputs lie beside the repository, not in it: they may not be redistributed.
SHARED = Path(os.environ.get("MATHTASKS_SHARED", ROOT.parent / "shared"))

# Every run draws the same examples, so that nobody's change fails by chance; `make fuzz` draws new ones. No deadline:
# other work may slow a machine down.
settings.register_profile(
    "same", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("random", settings.get_profile("same"), derandomize=False, max_examples=1000)
settings.load_profile("same")


def shared_path(relative: str) -> Path:
    """Path of a file of real data; skips the test where there is none."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs the real data file {relative} (set MATHTASKS_SHARED to its folder)")
    return path


def read_jsonl(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def shared_rows(relative: str) -> list[dict]:
    return read_jsonl(shared_path(relative))


@pytest.fixture(scope="session")
def index_of_lm_eval():
    """lm-eval's own tasks by name, read once: seconds for its 14,000 files."""
    from lm_eval.tasks import TaskManager

    return TaskManager().task_index


@pytest.fixture(scope="session")
def claims():
    """All published scores, read once: a second for 3,000 of them."""
    from lm_eval_mathtasks.leaderboard.claims import load_claims

    return load_claims()
