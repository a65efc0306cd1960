"""Run a grader in a process of its own, which is killed and replaced when it hangs."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from lm_eval_mathtasks.grading.peers import ADAPTERS, Item

# math-verify's own limit is 5 s for each of two parses and one comparison; whoever takes longer hangs.
HANG_AFTER = 20.0  # seconds
START_WITHIN = 120.0  # seconds to import a grader on a busy machine
BATCH = 100  # items handed out at once


class Outcome(NamedTuple):
    """What a grader did with one item: its verdict (None: it raised or hung), its time, and what went wrong."""

    verdict: bool | None
    seconds: float
    trouble: str = ""


class Supervised:
    """A grader by name, which is never waited for longer than the hang limit. Use as a context manager."""

    def __init__(self, name: str, hang_after: float = HANG_AFTER) -> None:
        self.name, self.hang_after = name, hang_after
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(self.name, theirs))
        self._process.start()
        theirs.close()
        if not self._pipe.poll(START_WITHIN):
            self.close()
            raise RuntimeError(f"the grader {self.name} did not start within {START_WITHIN} s")
        problem = self._pipe.recv()
        if problem:
            self.close()
            raise RuntimeError(f"the grader {self.name} cannot be used here: {problem}")

    def judge(self, item: Item) -> Outcome:
        """Judge one item."""
        (outcome,) = self.judge_all([item])
        return outcome

    def judge_all(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Yield the outcome of each item; a worker that hangs or dies on one is replaced.

        The worker is handed many at once: one that waits for its next item is timed while it wakes up, which made ours
        a sixth slower and others, who take longer for an item, hardly.
        """
        judged = sent = 0
        while judged < len(items):
            try:
                if judged == sent:
                    sent = min(len(items), judged + BATCH)
                    self._pipe.send(items[judged:sent])
                outcome = self._pipe.recv() if self._pipe.poll(self.hang_after) else None
                trouble = "hung"
            except (EOFError, OSError):
                outcome, trouble = None, "died"
            judged += 1
            if outcome is None:
                self.close()
                self._start()
                sent = judged
            yield outcome or Outcome(None, self.hang_after, trouble)

    def close(self) -> None:
        """Kill the worker."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Supervised:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _serve(name: str, pipe: Connection) -> None:
    # Graders report their timeouts by logging and the version of their parser by print, at every call.
    logging.disable(logging.CRITICAL)
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (for as long as this process lives)
    try:
        grader = ADAPTERS[name]()
        pipe.send("")
    except Exception as error:  # a grader that is not installed is reported, not raised
        pipe.send(f"{type(error).__name__}: {error}")
        return
    while True:
        try:
            items = pipe.recv()
        except EOFError:
            return
        for item in items:
            began = time.perf_counter()
            try:
                verdict, trouble = grader(item), ""
            except Exception as error:  # a peer that raises on an answer has not judged it
                verdict, trouble = None, type(error).__name__
            pipe.send(Outcome(verdict, time.perf_counter() - began, trouble))
