"""A deadline that kills: questions to sympy go to worker processes, and one that takes too long is killed.

The workers are `children.Child`: no signal handler, no alarm, so it works from every thread, under asyncio, and in
daemonic processes. They start on the first question, are reused, belong to the
process that started them (a forked child starts its own) and end with it. The start-up of a worker does not
count against the deadline.
"""

import atexit
import os
import signal
import threading
from enum import Enum

from lm_eval_mathtasks.grading.children import CannotStartError, Child, LostError
from lm_eval_mathtasks.grading.expr import Expr

# Seconds of computing for the symbolic work of one verdict: those that the worker computes, so that no verdict depends
# on what else the machine does. Nine in ten questions that sympy answers at all take under 0.3 s.
DEADLINE_S = 1.0
# A busy machine may take so many times as long by the clock, then the question is given up all the same; where the
# system does not count what a process computes, the clock decides.
COUNTED = hasattr(signal, "setitimer")
PATIENCE = 20.0 if COUNTED else 1.0
# Workers of one process: more threads than this wait for one another.
MAX_WORKERS = 4
# Idle workers to have after one was killed, so that the next question does not wait for an import.
SPARES = 2


class Reply(Enum):
    """EQUAL: proven; UNKNOWN: sympy cannot tell; LATE: killed at the deadline; DIED: out of memory or stack;
    ABSENT: no worker could be started.
    """

    EQUAL = "equal"
    UNKNOWN = "unknown"
    LATE = "late"
    DIED = "died"
    ABSENT = "absent"


class _Pool:
    """The idle workers of this process."""

    def __init__(self) -> None:
        self.idle: list[Child] = []
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(MAX_WORKERS)
        self.broken = False
        self.started = False

    def ask(self, gold: Expr, pred: Expr, seconds: float) -> tuple[Reply, float]:
        with self.places:
            mine = self.take()
            if mine is None:
                return Reply.ABSENT, 0.0
            try:
                mine.wait_until_ready()
                proven, computed = mine.ask((gold, pred, seconds), seconds * PATIENCE).value
            except CannotStartError:
                self.broken = True
                return Reply.ABSENT, 0.0
            except LostError as lost:
                mine.kill()
                self.refill()
                # a worker that dies before the deadline ran out of memory, or of stack
                late = str(lost) == "hung" or (COUNTED and mine.process.returncode == -signal.SIGPROF)
                return Reply.LATE if late else Reply.DIED, seconds
            with self.lock:
                self.idle.append(mine)
            return Reply.EQUAL if proven else Reply.UNKNOWN, computed

    def refill(self, wanted: int = SPARES) -> None:
        """Start workers until so many are idle: they import sympy while we go on. Who kills once, kills again."""
        with self.lock:
            missing = wanted - len(self.idle)
        for _ in range(missing):
            successor = self.take(new=True)
            if successor is not None:
                with self.lock:
                    self.idle.append(successor)

    def take(self, *, new: bool = False) -> Child | None:
        with self.lock:
            while self.idle and not new:
                # the first started: it had most time to import sympy
                candidate = self.idle.pop(0)
                if candidate.process.poll() is None:
                    return candidate
                candidate.close()
            if self.broken:
                return None
            self.started = True
        try:
            return Child("lm_eval_mathtasks.grading.worker.serve_sympy", None, quiet=True)
        except OSError:
            self.broken = True
            return None

    def stop(self) -> None:
        with self.lock:
            workers, self.idle = self.idle, []
        for each in workers:
            each.kill()


_pool = _Pool()
# a forked child must neither use nor wait for its parent's workers
_inherited: list[_Pool] = []


def _after_fork() -> None:
    global _pool  # noqa: PLW0603  one pool a process is the point
    for each in _pool.idle:
        each.close()
    _inherited.append(_pool)
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def stop_workers() -> None:
    """End this process's workers; the next question starts a new one."""
    _pool.stop()


def ask_sympy(a: Expr, b: Expr, seconds: float = DEADLINE_S) -> tuple[Reply, float]:
    """Ask a worker whether a = b; return its reply and the seconds it computed.

    It is killed when it has computed for `seconds`, or after PATIENCE times as long by the clock, both counted from
    when it has the question.
    """
    return _pool.ask(a, b, seconds)


def start_early() -> None:
    """Start this process's first worker, if it has had none, and do not wait for it: a question may come soon."""
    if not _pool.started:
        _pool.refill(1)


def warm_up() -> bool:
    """Start a worker now and wait for it, so that no verdict waits for sympy's import; False if none can be started."""
    with _pool.places:
        mine = _pool.take()
        if mine is None:
            return False
        try:
            mine.wait_until_ready()
        except CannotStartError:
            return False
        with _pool.lock:
            _pool.idle.append(mine)
        return True
