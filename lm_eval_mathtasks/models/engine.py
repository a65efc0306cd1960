"""The run: a bounded number of workers takes requests from a queue; an answer is journalled.

A fault that concerns the whole run stops it at once; answers under way, which are paid for, are awaited.
"""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

from lm_eval_mathtasks.errors import JournalError, sentence
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models.asking import Asker, History
from lm_eval_mathtasks.models.dispatch import Stopped
from lm_eval_mathtasks.models.faults import RUN_AGAIN, Fault
from lm_eval_mathtasks.models.others import AT_A_LOOK, POLL_S, Others
from lm_eval_mathtasks.models.payload import Ask
from lm_eval_mathtasks.models.progress import Progress

log = logging.getLogger(__name__)

IN_A_ROW = 20  # docs without an answer, and none with one between: it is not the docs
# So many suffice where all are refused in the same words, by a server that has answered nothing.
SAME_IN_A_ROW = 3
DRAINING = (
    "nothing more is sent; waiting at most %.0f s (drain=) for the %d answers under way, which are paid for"
)
OUTAGE = {"connection", "timeout", "server_error", "no_api", "overloaded"}
# SIGHUP: the terminal is gone. Windows has none, and nohup has it ignored.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
SILENT_S = 30.0  # without any answer, before that is said


@dataclass(kw_only=True)
class Engine(Asker):
    """Everything one run needs; build it inside the event loop, `run` it once."""

    journal: Journal
    progress: Progress

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stopped: Fault | None = None
        self.faults: dict[str, Fault] = {}
        self.defect: Exception | None = None
        self.signalled: signal.Signals | None = None
        self._in_a_row = 0

    # -- the run

    async def run(self, asks: Iterator[Ask], others: Others) -> None:
        """Answer all `asks`, and what `others` give up, into the journal; `faults` holds those without an answer, by
        key, but for those left when stopped."""
        began = time.monotonic()
        looking = asyncio.gather(self.watch.look(), self.progress.look(), self._say_silence())
        restore = self._catch_signals()
        try:
            await self._work_all(asks)
            while others and not self.stopped:
                try:
                    left = others.left()
                except JournalError as error:
                    self.stop(Fault("run", "journal", error.got, error.fix, wanted=error.wanted))
                    break
                await self._work_all(iter(left))
                if others:
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(
                            self.stopping.wait(), POLL_S * max(1.0, len(others) / AT_A_LOOK)
                        )
        finally:
            restore()
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            with suppress(Exception):
                await self.client.close()
            self._account(began)
        if self.defect:
            raise self.defect

    async def _work_all(self, asks: Iterator[Ask]) -> None:
        workers = [asyncio.create_task(self._work(asks)) for _ in range(self.settings.num_concurrent)]
        try:
            await self._join(workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _say_silence(self) -> None:
        """Say it if no answer has come for a while: a misspelt model may hang instead of being refused."""
        await asyncio.sleep(SILENT_S)
        if self.report.attempts and not self.report.answered:
            check = f"check model={self.settings.model} and base_url=, and whether it is still loading"
            log.warning("%s has not answered anything in %.0f s; %s", self.settings.base_url, SILENT_S, check)

    async def _join(self, workers: list[asyncio.Task[None]]) -> None:
        """Wait for the workers; once stopped, only as long as draining may take."""
        stopping = asyncio.create_task(self.stopping.wait())
        working: set[asyncio.Task[Any]] = set(workers)
        while working and not self.stopping.is_set():
            done, _ = await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            working -= done
        stopping.cancel()
        if working:
            _, late = await asyncio.wait(working, timeout=self.settings.drain)
            if late:
                log.error("gave up waiting for %d answers under way", self.dispatcher.in_flight)

    def stop(self, fault: Fault) -> None:
        """Send nothing any more; what is under way is awaited."""
        if self.stopped is None:
            self.stopped = fault
            said = sentence(f"stopped ({fault.kind}): {fault.said}")
            log.error("%s", said + sentence(fault.fix or RUN_AGAIN))
            if self.dispatcher.in_flight:
                log.error(DRAINING, self.settings.drain, self.dispatcher.in_flight)
        self.stopping.set()
        self.dispatcher.stop()
        self.spending.stop()

    def _catch_signals(self) -> Callable[[], None]:
        """A signal stops the run in order; the second one leaves at once. Returns how to undo this."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        before = {s: old for s in SIGNALS if (old := signal.getsignal(s)) != signal.SIG_IGN}
        loop = asyncio.get_running_loop()

        def caught(which: signal.Signals) -> None:
            if self.signalled:
                self.watch.abandon()
            self.signalled = which
            self.stop(Fault("run", "signal", f"{which.name} received", RUN_AGAIN))

        try:
            for which in before:
                loop.add_signal_handler(which, caught, which)
        except NotImplementedError:  # Windows
            return lambda: None

        def restore() -> None:
            for which, handler in before.items():
                loop.remove_signal_handler(which)
                signal.signal(which, handler)

        return restore

    def _account(self, began: float) -> None:
        self.report.wall_s, self.report.journal = time.monotonic() - began, str(self.journal.path)
        self.report.refusals = self.dispatcher.refusals
        self.report.dropped = dict(self.capabilities.dropped)
        if self.stopped:
            self.report.stopped = self.stopped.kind

    # -- one worker, one request

    async def _work(self, asks: Iterator[Ask]) -> None:
        for ask in asks:
            try:
                if self.stopped:
                    return
                await self._answer(ask)
                self.progress.step(self.cost(ask))
            except Stopped:
                return
            except Exception as error:
                # A defect of this package ends the run, but loses nothing that is paid for.
                self.defect = self.defect or error
                self.stop(Fault("run", "defect", f"{type(error).__name__}: {error}", RUN_AGAIN))
                return

    async def _answer(self, ask: Ask) -> None:
        """Journal the answer, or the Fault of a doc that has none; Stopped if the run must end."""
        history = History(ask.payload, time.monotonic())
        try:
            answer = await self.answer(ask, history)
            await asyncio.wrap_future(self.journal.put(answer))
            self.report.answered += 1
            self._in_a_row = 0
        except JournalError as error:  # the journal: without it nothing more may be paid
            self.stop(Fault("run", "journal", error.got, error.fix, wanted=error.wanted))
            raise Stopped from None
        except Fault as fault:
            with suppress(JournalError):
                failed = ask.key, fault.severity, fault.kind, fault.said, history.attempts
                await asyncio.wrap_future(self.journal.fail(*failed))
            if fault.severity == "run":
                self.stop(fault)
                raise Stopped from None
            self.report.failed[fault.kind] += 1
            self.report.missing.append(f"{ask.task} doc {ask.doc_id}")
            self._judge(fault)
            self.faults[ask.key] = fault

    def _judge(self, fault: Fault) -> None:
        """Stop if `fault`, which left one more doc without an answer, is not about that doc.

        A first run of docs that all fail is; so is a server that has answered nobody for all the time that docs are
        given. Docs that failed in an earlier run may fail again, all of them.
        """
        self._in_a_row += 1
        first_run = not self.report.answered and not self.report.from_journal
        alike = fault.kind == "bad_request" and {f.said for f in self.faults.values()} <= {fault.said}
        most = SAME_IN_A_ROW if alike else IN_A_ROW
        if not self.reached:
            named = ", and the proxy that the environment names (NO_PROXY=host for none)"
            proxy = named if getproxies() else ""
            where = f"check base_url={self.settings.base_url} and whether its server is up{proxy}"
            self.stop(Fault("run", "unreachable", fault.said, where))
        elif self._in_a_row >= most and (first_run or fault.kind in OUTAGE):
            said = f"no answer to {self._in_a_row} docs in a row. {fault.said}"
            fix = f"{fault.fix or 'correct what the server complains of'}, then {RUN_AGAIN}"
            self.stop(Fault("run", fault.kind, said, RUN_AGAIN if fault.severity == "transient" else fix))
