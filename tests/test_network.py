"""No network: said once and at once, and what is in the hub's cache is found all the same."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from lm_eval_mathtasks import network
from lm_eval_mathtasks.problems.sets import known_sets
from tests.problems.fake_hub import FakeHub, files_of_gsm8k

# Binding to this port needs rights, and nothing listens there.
REFUSED = "http://127.0.0.1:1"
PROXIES = [f"{name}_proxy" for name in ("http", "https", "all", "no")]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    network.server_fault.cache_clear()
    yield
    network.server_fault.cache_clear()


@pytest.fixture
def open_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_is_there_and_one_that_is_not(open_port):
    assert network.server_fault(f"http://127.0.0.1:{open_port}/v1") == ""
    assert "refused" in network.server_fault(REFUSED)
    assert network.server_fault("http://[broken") != ""


def test_the_proxy_is_asked_where_there_is_one(open_port, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{open_port}")
    assert network.server_fault("http://no-such-host.invalid/") == ""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "refused" in network.server_fault(REFUSED)


def test_a_name_server_that_is_silent_is_not_waited_for(monkeypatch):
    asked = threading.Event()

    def silent(*_, **__):
        asked.wait()
        raise OSError

    monkeypatch.setattr(socket, "create_connection", silent)
    monkeypatch.setattr(network, "CONNECT_S", 0.01)
    assert "no answer within" in network.server_fault("http://somewhere.invalid")
    asked.set()


def fresh(code, tmp_path, **env):
    """What a fresh process prints, which is not told to stay off the network."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}
    kept.pop("MATHTASKS_DATA_DIR", None)
    env = {**kept, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path), "MATHTASKS_CHECKSUM": "warn", **env}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_hub_that_is_away_is_asked_once_for_all_sets(tmp_path):
    code = """
from lm_eval_mathtasks.problems.sources import load_set
import lm_eval_mathtasks.network as network
asked = []
network.server_fault = lambda url: asked.append(url) or "refused"
for name in ("math500", "gsm8k", "aime24"):
    try:
        load_set(name, {})
    except Exception as error:
        print(type(error).__name__, error)
print(asked)
"""
    said = fresh(code, tmp_path, HF_ENDPOINT=REFUSED)
    assert said.count("NotAtHand Expected the set") == 3
    assert said.count(f"got {REFUSED} cannot be reached (refused)") == 3
    assert said.rstrip().endswith(f"['{REFUSED}']")


def test_a_set_in_the_cache_is_read_without_the_hub(tmp_path):
    rows = [
        {"question": "1 + 1?", "answer": "It is\n#### 2"},
        {"question": "2 + 2?", "answer": "It is\n#### 4"},
    ]
    source = known_sets()["gsm8k"]
    code = "from lm_eval_mathtasks.problems.sources import load_set; print(len(load_set('gsm8k', {})['test']), 'docs')"
    with FakeHub(source.hub, source.revision, files_of_gsm8k(rows, tmp_path)) as hub:
        address = hub.address
        assert fresh(code, tmp_path, HF_ENDPOINT=address).startswith("2 docs")
    assert fresh(code, tmp_path, HF_ENDPOINT=address).startswith("2 docs")


def test_a_model_of_a_hub_that_is_away_is_said_at_once(tmp_path):
    code = """
import sys
from lm_eval_mathtasks.cli import main
words = ["--model", "hf", "--model_args", "pretrained=org/name", "--tasks", "sample-gsm8k", "--device", "cpu"]
print(main(["run", *words]), "torch" in sys.modules)
"""
    said = fresh(code, tmp_path, HF_ENDPOINT=REFUSED)
    assert f"Expected a model at pretrained=org/name, got {REFUSED} cannot be reached" in " ".join(
        said.split()
    )
    assert "2 False" in said
    assert "Traceback" not in said
