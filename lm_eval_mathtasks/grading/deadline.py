"""A deadline that kills: questions to sympy go to worker processes, and one that takes too long is killed.

Plain pipes and `Popen.kill` from a timer thread: no signal handler, no alarm, so it works from every thread,
under asyncio, and in daemonic processes. Workers start on the first question, are reused, belong to the
process that started them (a forked child starts its own) and end with it. The start-up of a worker does not
count against the deadline.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import threading
import time
from enum import Enum

from lm_eval_mathtasks.grading import worker
from lm_eval_mathtasks.grading.expr import Expr

# Seconds for the symbolic work of one verdict. Nine in ten questions that sympy answers at all take under 0.3 s.
DEADLINE_S = 1.0
# Seconds for a worker to import sympy on a busy machine; after that this question has no symbolic tier.
START_S = 60.0
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


class _Worker:
    """One child process; used by one thread at a time."""

    def __init__(self) -> None:
        import subprocess

        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(  # noqa: S603  our own interpreter and our own command
            worker.python_command("lm_eval_mathtasks.grading.worker.run_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
            close_fds=True,
        )
        self.ready = False

    def read(self, seconds: float) -> bytes:
        """Return one byte, or nothing if the worker died or was killed after so many seconds."""
        assert self.process.stdout is not None
        timer = threading.Timer(seconds, self.process.kill)
        timer.daemon = True
        timer.start()
        try:
            return self.process.stdout.read(1) or b""
        finally:
            timer.cancel()

    def ask(self, question: tuple[Expr, Expr], seconds: float) -> Reply:
        assert self.process.stdin is not None
        self.wait_until_ready()
        data = pickle.dumps(question)
        message = worker.HEADER.pack(len(data)) + data
        began = time.monotonic()
        try:
            while message:
                message = message[self.process.stdin.write(message) or 0 :]
            answer = self.read(seconds)
        except OSError:
            answer = b""
        if answer:
            return Reply.EQUAL if answer == worker.EQUAL else Reply.UNKNOWN
        # a worker that dies earlier ran out of memory, or of stack
        return Reply.LATE if time.monotonic() - began >= seconds else Reply.DIED

    def wait_until_ready(self) -> None:
        """Wait for sympy's import; raises OSError if it never comes to that."""
        if not self.ready and self.read(START_S) != worker.READY:
            self.kill()
            raise OSError("the worker did not start")
        self.ready = True

    def kill(self) -> None:
        self.process.kill()
        self.close()
        self.process.wait()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class _Pool:
    """The idle workers of this process."""

    def __init__(self) -> None:
        self.idle: list[_Worker] = []
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(MAX_WORKERS)
        self.broken = False

    def ask(self, question: tuple[Expr, Expr], seconds: float) -> Reply:
        with self.places:
            mine = self.take()
            if mine is None:
                return Reply.ABSENT
            try:
                reply = mine.ask(question, seconds)
            except OSError:
                self.broken = True
                return Reply.ABSENT
            if reply in {Reply.LATE, Reply.DIED}:
                mine.kill()
                self.refill()
                return reply
            with self.lock:
                self.idle.append(mine)
            return reply

    def refill(self) -> None:
        """After a kill, start successors: they import sympy while we go on. Who kills once, kills again."""
        with self.lock:
            missing = SPARES - len(self.idle)
        for _ in range(missing):
            successor = self.take(new=True)
            if successor is not None:
                with self.lock:
                    self.idle.append(successor)

    def take(self, *, new: bool = False) -> _Worker | None:
        with self.lock:
            while self.idle and not new:
                # the first started: it had most time to import sympy
                candidate = self.idle.pop(0)
                if candidate.process.poll() is None:
                    return candidate
                candidate.close()
            if self.broken:
                return None
        try:
            return _Worker()
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


def ask_sympy(a: Expr, b: Expr, seconds: float = DEADLINE_S) -> Reply:
    """Ask a worker whether a = b.

    Returns after `seconds` at the latest, counted from when a worker has the question.
    """
    return _pool.ask((a, b), seconds)


def warm_up() -> bool:
    """Start a worker now and wait for it, so that no verdict waits for sympy's import; False if none can be started."""
    with _pool.places:
        mine = _pool.take()
        if mine is None:
            return False
        try:
            mine.wait_until_ready()
        except OSError:
            return False
        with _pool.lock:
            _pool.idle.append(mine)
        return True
