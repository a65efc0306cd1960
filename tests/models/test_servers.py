"""The embedded model behind servers that others wrote: `transformers serve`, and a litellm proxy in front of it.

Run by `make test-servers`, in an environment with both. Greedy decoding in float32 gives the tokens of hf.
"""

import importlib.util
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

from lm_eval_mathtasks.problems import rows, sources
from tests.serving import TASK, command_of, model_path, run, started

pytestmark = pytest.mark.servers
if not importlib.util.find_spec("litellm") or not importlib.util.find_spec("uvicorn"):
    pytest.skip("needs servers: make test-servers", allow_module_level=True)

LIMIT = 20  # docs
ASKED = ("--tasks", TASK, "--limit", str(LIMIT))
KILL_AFTER = 5  # answers


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for logs, and an environment in which the bundled problems stand in for GSM8K's (same columns)."""
    told = {
        rows.DATA_DIR_VARIABLE: str(rows.SAMPLES / "gsm8k.jsonl"),
        sources.CHECKSUM_VARIABLE: "warn",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENAI_API_KEY": "sk-none-of-this-machine-0123",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DISABLE_ADMIN_UI": "True",
    }
    return tmp_path_factory.mktemp("servers"), {**os.environ, **told}


@pytest.fixture(scope="module")
def reference(place):
    return run(place, "hf", "hf", f"pretrained={model_path()},dtype=float32", *ASKED)


@pytest.fixture(scope="module")
def transformers(place):
    """(address, the model's name there)."""
    flags = ("serve", model_path(), "--device", "cpu", "--dtype", "float32")
    with started("transformers", *flags, folder=place[0], env=place[1]) as address:
        yield address, model_path()


@pytest.fixture(scope="module")
def litellm(place, transformers):
    address, model = transformers
    config = place[0] / "litellm.yaml"
    config.write_text(
        "model_list:\n- model_name: embedded\n  litellm_params:\n"
        f"    model: openai/{model}\n    api_base: {address}/v1\n    api_key: none\n"
        "litellm_settings:\n  telemetry: false\n"
    )
    with started("litellm", "--config", str(config), folder=place[0], env=place[1]) as proxy:
        yield proxy, "embedded"


@pytest.fixture(scope="module", params=["transformers", "litellm"])
def server(request):
    return request.getfixturevalue(request.param)


def arguments(server, journal, **more):
    told = {
        "model": server[1],
        "base_url": f"{server[0]}/v1",
        "journal": journal,
        "num_concurrent": 4,
        **more,
    }
    return ",".join(f"{name}={value}" for name, value in told.items())


def test_the_score_is_that_of_hf(place, server, reference, tmp_path):
    found = run(place, tmp_path.name, "mathtasks-chat", arguments(server, tmp_path / "j.sqlite"), *ASKED)
    assert found == reference
    assert len(found[1]) == LIMIT


def answers(journal):
    """{key: when it was answered}."""
    if not journal.exists():
        return {}
    with closing(sqlite3.connect(journal)) as db:
        try:
            return dict(db.execute("SELECT key, finished_at FROM answers"))
        except sqlite3.OperationalError:
            return {}


def test_a_run_killed_in_the_middle_goes_on(place, server, reference, tmp_path):
    journal = tmp_path / "j.sqlite"
    told = arguments(server, journal, num_concurrent=1)
    command = command_of(place, f"{tmp_path.name}-killed", "mathtasks-chat", told, *ASKED)
    process = subprocess.Popen(command, env=place[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(answers(journal)) < KILL_AFTER:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = answers(journal)
    assert KILL_AFTER <= len(kept) < LIMIT
    assert run(place, tmp_path.name, "mathtasks-chat", told, *ASKED) == reference
    after = answers(journal)
    assert len(after) == LIMIT
    assert kept.items() <= after.items()


def test_a_misspelt_model_gets_a_message(place, server, tmp_path):
    told = arguments((server[0], "embeded"), tmp_path / "j.sqlite", retry_budget=5)
    command = command_of(place, tmp_path.name, "mathtasks-chat", told, *ASKED)
    done = subprocess.run(command, env=place[1], capture_output=True, text=True, check=False)
    assert done.returncode in (2, 3)
    assert "embeded" in done.stderr
    assert "Traceback" not in done.stderr
