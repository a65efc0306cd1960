"""The symbolic tier ends on time, from every kind of thread and process, and leaves nothing behind."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from lm_eval_mathtasks.grading import Status, deadline, grade
from lm_eval_mathtasks.grading.deadline import Reply, ask_sympy, stop_workers, warm_up
from lm_eval_mathtasks.grading.latex import read_latex
from tests.conftest import ROOT

# The deadline leaves room for a machine that does other work.
NEEDS_SYMPY = {"gold": r"\sec^2 y", "pred": r"1 + \tan^2 y", "deadline": 60.0}


def slow_question():
    """Sympy takes minutes for this; it is not screened because nothing in it is large."""
    parts = [rf"\sin^{k} (x + {k} y) \cos^{{{k + 1}}} (y - {k} z)" for k in range(5, 14)]
    return read_latex(" + ".join(parts)), read_latex("x")


def test_a_question_is_answered_and_the_worker_reused():
    assert warm_up()
    before = [w.process.pid for w in deadline._pool.idle]
    assert ask_sympy(read_latex(r"\sin^2 x + \cos^2 x"), read_latex("1"))[0] is Reply.EQUAL
    assert [w.process.pid for w in deadline._pool.idle] == before


def test_what_sympy_cannot_tell_is_unknown():
    assert ask_sympy(read_latex(r"\sin x"), read_latex("x"))[0] is Reply.UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "patience", "ended_by"), [(0.3, 400.0, signal.SIGPROF), (100.0, 0.003, signal.SIGKILL)]
)
def test_the_deadline_kills_and_the_next_question_is_answered(monkeypatch, seconds, patience, ended_by):
    """By what the worker computes, and in the end by the clock."""
    monkeypatch.setattr(deadline, "PATIENCE", patience)
    warm_up()
    asked = deadline._pool.idle[0].process
    assert ask_sympy(*slow_question(), seconds)[0] is Reply.LATE
    assert asked.returncode == -ended_by
    monkeypatch.undo()
    assert ask_sympy(read_latex(r"\sin^2 x + \cos^2 x"), read_latex("1"))[0] is Reply.EQUAL


def test_a_verdict_does_not_depend_on_what_else_the_machine_does():
    """A worker that has to wait longer than its deadline still answers, and only what it computed is counted."""
    warm_up()
    asked = deadline._pool.idle[0].process
    asked.send_signal(signal.SIGSTOP)
    threading.Timer(1.5, asked.send_signal, [signal.SIGCONT]).start()
    began = time.monotonic()
    reply, computed = ask_sympy(read_latex(r"\sin^2 x + \cos^2 x"), read_latex("1"), 1.0)
    assert reply is Reply.EQUAL
    assert time.monotonic() - began > 1.4
    assert 0 < computed < 1


def test_a_late_verdict_is_over_limit():
    gold, _ = (r"\sin^9(x+y)\cos^8(y-z) + \sin^7(x+2y)\cos^9(y-3z) + \sin^8(z+5x)", "")
    verdict = grade(gold=gold, pred=gold.replace("x+y", "y+x") + r" + \sin^2 x + \cos^2 x - 1", deadline=0.01)
    assert verdict.status in {Status.OVER_LIMIT, Status.CORRECT}
    assert verdict.status is not Status.INCORRECT


def test_from_threads():
    warm_up()
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(grade(**NEEDS_SYMPY))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [v.status for v in seen] == [Status.CORRECT] * 6


def test_under_asyncio():
    async def main():
        return await asyncio.gather(*(asyncio.to_thread(grade, **NEEDS_SYMPY) for _ in range(3)))

    assert all(v.correct for v in asyncio.run(main()))
    assert asyncio.run(_direct()).correct


async def _direct():
    return grade(**NEEDS_SYMPY)


def _child(queue):
    queue.put((grade(**NEEDS_SYMPY).status.value, [w.process.pid for w in deadline._pool.idle]))
    stop_workers()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("daemon", [False, True])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_in_a_child_process(method, daemon):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    warm_up()
    mine = {w.process.pid for w in deadline._pool.idle}
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,), daemon=daemon)
    child.start()
    status, workers = queue.get(timeout=300)
    child.join(300)
    assert status == "correct"
    assert workers
    assert not mine & set(workers), "a forked child must not use its parent's workers"
    assert grade(**NEEDS_SYMPY).correct


def test_a_script_without_main_guard_runs_once_and_leaves_no_worker(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            r"""
            from lm_eval_mathtasks.grading import deadline, grade
            print("once", grade(gold=r"\sec^2 y", pred=r"1 + \tan^2 y", deadline=60).status)
            print(deadline._pool.idle[0].process.pid)
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=True,
    )
    first, pid = result.stdout.split("\n")[:2]
    assert first == "once correct"
    assert result.stdout.count("once") == 1
    with contextlib.suppress(ProcessLookupError):
        for _ in range(600):
            os.kill(int(pid), 0)
            time.sleep(0.1)
        pytest.fail("the worker lives on after its program ended")


def test_without_workers_nothing_is_decided_and_it_says_so(monkeypatch):
    def refuse(self, *setup, **options):
        raise OSError("no processes here")

    monkeypatch.setattr(deadline, "_pool", deadline._Pool())
    monkeypatch.setattr(deadline.Child, "__init__", refuse)
    verdict = grade(**NEEDS_SYMPY)
    assert verdict.status is Status.OVER_LIMIT
    assert "no worker process" in verdict.reason
    assert grade(gold="2", pred=r"\sqrt4").correct


def test_no_signal_is_handled_or_set_but_by_the_worker_for_itself():
    grading = ROOT / "lm_eval_mathtasks" / "grading"
    for path in grading.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "signal.signal" not in text, path
        assert "SIGALRM" not in text, path
        assert path.name == "worker.py" or "signal.setitimer" not in text, path


def test_importing_the_grader_loads_nothing_heavy():
    heavy = ("sympy", "mpmath", "torch")
    code = f"import sys, lm_eval_mathtasks.grading; print(*[m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert out.stdout.strip() == ""
