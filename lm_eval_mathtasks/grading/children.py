"""Work in other processes. Plain `python -c` children: a program without a `__main__`
guard is not run again, no thread is forked, and a child that hangs or dies costs one task, not the work.

A child reads a setup and then tasks from its standard input, all pickled, and answers each on its standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

# Seconds for a child to import what it needs on a busy machine.
START_S = 120.0
# Tasks handed out ahead of the one whose answer is awaited, per child.
_AHEAD = 4

Tick = Callable[[int], None]
Handler = Callable[[Any, Tick], Any]


class Done(NamedTuple):
    """What became of a task: its value, or `trouble`: "hung", "died", or the error it raised."""

    value: Any
    trouble: str = ""


class CannotStartError(RuntimeError):
    """A child could not be set up; the text is its error."""


class LostError(Exception):
    """The child went away during a task; the text is what happened: "hung" or "died"."""


def _python_command(entry: str) -> list[str]:
    """Return the command that runs `entry` ("module.function") of this package in a fresh interpreter.

    `-c` and not the program's own file: a script without a `__main__` guard is not run again.
    """
    module, _, function = entry.rpartition(".")
    code = f"import sys, json; sys.path[:] = json.loads(sys.argv[1]); from {module} import {function}; {function}()"
    return [sys.executable, "-c", code, json.dumps([p or os.getcwd() for p in sys.path])]


class Child:
    """One process that runs `entry`; used by one thread at a time, and not before it is ready.

    quiet: what it writes on its standard error is dropped. Raises OSError where no process can be started.
    """

    def __init__(self, entry: str, setup: Any, *, quiet: bool = False) -> None:
        import subprocess

        self.process = subprocess.Popen(  # noqa: S603  our own interpreter and our own command
            _python_command(entry),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            # Ctrl-C is for the parent, which kills us
            start_new_session=True,
        )
        self.ready = False
        self.send(setup)

    def wait_until_ready(self) -> None:
        """Wait until the child has imported what it needs. Raises CannotStartError if it never comes to that."""
        if not self.ready:
            kind, text = self.receive(START_S)
            if kind != "ready":
                self.kill()
                raise CannotStartError(text)
        self.ready = True

    def send(self, message: Any) -> None:
        """Write a message. Raises OSError where the child is gone."""
        assert self.process.stdin is not None
        pickle.dump(message, self.process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
        self.process.stdin.flush()

    def receive(self, seconds: float | None) -> tuple[str, Any]:
        """Return the next message; after so many seconds the child is killed and the message is "lost"."""
        assert self.process.stdout is not None
        late = threading.Event()
        timer = None if seconds is None else threading.Timer(seconds, self._kill_late, [late])
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            kind, value = pickle.load(self.process.stdout)  # noqa: S301  our own child wrote it
            return str(kind), value
        except (EOFError, OSError, pickle.UnpicklingError):
            return "lost", "hung" if late.is_set() else "died"
        finally:
            if timer is not None:
                timer.cancel()

    def _kill_late(self, late: threading.Event) -> None:
        late.set()
        self.process.kill()

    def ask(self, task: Any, hang_after: float | None, tick: Tick = lambda _: None) -> Done:
        """Return what became of a task. Raises LostError if the child hangs or dies."""
        try:
            self.send(task)
        except OSError as error:
            raise LostError("died") from error
        while True:
            kind, value = self.receive(hang_after)
            if kind == "tick":
                tick(value)
            elif kind == "lost":
                raise LostError(value)
            else:
                return Done(value) if kind == "done" else Done(None, value)

    def kill(self) -> None:
        """End the process."""
        self.process.kill()
        self.close()
        self.process.wait()

    def close(self) -> None:
        """Close this process's ends of the pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Children:
    """Processes that all run `entry` ("package.module.function", which calls `serve`). Use as a context manager.

    setup: what their handler is made from; hang_after: seconds of silence after which a task is given up and its child
    replaced, None for no limit. Raises CannotStartError where a child cannot be set up.
    """

    def __init__(self, entry: str, setup: Any, count: int, *, hang_after: float | None = None) -> None:
        self._entry, self._setup, self._hang_after = entry, setup, hang_after
        self._count, self._closed = count, False
        self._all: set[Child] = set()
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(count)
        try:
            for child in self._threads.map(lambda _: self._start(), range(count)):
                self._idle.put(child)
        except BaseException:
            self.close()
            raise

    def _start(self) -> Child:
        child = Child(self._entry, self._setup)
        child.wait_until_ready()
        self._all.add(child)
        return child

    def map(self, tasks: Iterable[Any], tick: Tick = lambda _: None) -> Iterator[Done]:
        """Yield what became of each task, in their order; tick: called from threads with the counts children send."""
        waiting: deque[Any] = deque()
        for task in tasks:
            waiting.append(self._threads.submit(self._do, task, tick))
            if len(waiting) > _AHEAD * self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _do(self, task: Any, tick: Tick) -> Done:
        child = self._idle.get()
        try:
            return child.ask(task, self._hang_after, tick)
        except LostError as lost:
            child.kill()
            self._all.discard(child)
            if not self._closed:
                child = self._start()
            return Done(None, str(lost))
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """Kill the children."""
        self._closed = True
        for child in list(self._all):
            child.process.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in list(self._all):
            child.kill()

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: it may hang in a task, and nobody would kill it then."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def serve(make: Callable[[Any], Handler]) -> None:
    """In the child: make the handler from the setup, then answer tasks until the input ends.

    The handler gets a task and a function that reports progress. What it raises is its answer, as text.
    """
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    # whoever prints must not print into the answers
    os.dup2(nowhere, 1)

    def say(kind: str, value: Any) -> None:
        pickle.dump((kind, value), answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()

    # the parent is gone, or done
    with contextlib.suppress(BrokenPipeError, EOFError):
        try:
            handler = make(pickle.load(questions))  # noqa: S301  our own parent wrote it
        except Exception as error:
            say("problem", f"{type(error).__name__}: {error}")
            return
        say("ready", "")
        while True:
            task = pickle.load(questions)  # noqa: S301
            try:
                answer = ("done", handler(task, lambda count: say("tick", count)))
            except Exception as error:
                answer = ("raised", f"{type(error).__name__}: {error}")
            say(*answer)
