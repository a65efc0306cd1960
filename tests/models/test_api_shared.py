"""Two processes with the same prompts on one journal pay for each prompt once, whatever becomes of one of them."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lm_eval_mathtasks.journal.leases import LEASE_S
from lm_eval_mathtasks.journal.store import Journal
from tests.models.api_helpers import KEY, asks, chat, short
from tests.models.fake_server import FakeServer, error

__all__ = ["short"]
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("short")
PROMPTS = [f"q{i}" for i in range(30)]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr("lm_eval_mathtasks.models.engine.POLL_S", 0.05)


def in_a_thread(model, prompts):
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(model.generate_until(asks(model, prompts))))
    thread.start()
    return thread, outcome


def test_two_runs_at_once_pay_each_prompt_once():
    with FakeServer(latency=0.05) as server:
        first, second = chat(server, num_concurrent=4), chat(server, num_concurrent=4)
        thread, outcome = in_a_thread(first, PROMPTS)
        answers = second.generate_until(asks(second, [*PROMPTS[10:], "own"]))
        thread.join()
    assert outcome == [[f"answer to {p}" for p in PROMPTS]]
    assert answers == [f"answer to {p}" for p in [*PROMPTS[10:], "own"]]
    assert set(server.answered.values()) == {1}
    assert first.report.answered + second.report.answered == 31


def test_what_one_run_gives_up_the_other_asks():
    gone = threading.Event()

    def plan(call):
        if call.serial == 8:
            gone.set()
        return error(401, "no") if gone.is_set() and call.headers["Authorization"].endswith("first") else {}

    with FakeServer(plan, latency=0.05) as server:
        os.environ["FIRST"] = f"{KEY}-first"
        first, second = chat(server, num_concurrent=2, api_key_env="FIRST"), chat(server, num_concurrent=2)

        def stop():
            with pytest.raises(Exception, match="key"):
                first.generate_until(asks(first, PROMPTS))

        thread = threading.Thread(target=stop)
        thread.start()
        while not server.calls:
            time.sleep(0.01)
        assert second.generate_until(asks(second, PROMPTS)) == [f"answer to {p}" for p in PROMPTS]
        thread.join()
    assert set(server.answered.values()) == {1}
    assert first.report.stopped == "key"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_process_loses_its_claims_at_once():
    program = (
        "import sys; from tests.models.api_helpers import asks, chat\n"
        "class Server: url = sys.argv[1]\n"
        "model = chat(Server, num_concurrent=2)\n"
        "model.generate_until(asks(model, [f'q{i}' for i in range(30)]))\n"
    )
    with FakeServer(latency=0.2) as server:
        process = subprocess.Popen([sys.executable, "-c", program, server.url], cwd=ROOT)
        while len(server.calls) < 6:
            time.sleep(0.02)
            assert process.poll() is None
        process.kill()
        process.wait()
        model = chat(server)
        began = time.monotonic()
        assert model.generate_until(asks(model, PROMPTS)) == [f"answer to {p}" for p in PROMPTS]
        assert time.monotonic() - began < LEASE_S / 2
    assert model.report.from_journal >= 1
    assert sum(n - 1 for n in server.answered.values()) <= 2, "only what was under way is asked again"


def test_a_claim_ends_with_its_lease_and_with_its_journal(short):
    path = short / "j.sqlite"
    first, second = Journal(path), Journal(path)
    assert first.claim(["a", "b"]) == set()
    assert first.claim(["b", "c"]) == set(), "one's own"
    assert second.claim(["a", "d"]) == {"a"}
    with sqlite3.connect(path) as db:
        db.execute("UPDATE owners SET until = ? WHERE owner = ?", (time.time() - 1, first._owner.name))
    assert second.claim(["a"]) == set(), "a process that was stopped for long"
    third = Journal(path)
    assert third.claim(["a", "d"]) == {"a", "d"}
    second.close()
    assert third.claim(["a", "d"]) == set()
    third.close()
    first.close()


def test_a_living_process_keeps_its_claims(short, monkeypatch):
    monkeypatch.setattr("lm_eval_mathtasks.journal.store.RENEW_S", 0.05)
    monkeypatch.setattr("lm_eval_mathtasks.journal.leases.LEASE_S", 0.5)
    first, second = Journal(short / "j.sqlite"), Journal(short / "j.sqlite")
    first.claim(["a"])
    time.sleep(1.0)
    assert second.claim(["a"]) == {"a"}
    first.close()
    second.close()
