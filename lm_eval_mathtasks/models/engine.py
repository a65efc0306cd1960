"""The run: a bounded crew of workers takes requests from a queue, each answer is journalled before it is delivered.

tenacity retries what may pass (full jitter, a budget of time per request); the dispatcher decides when anything
leaves; a fault that concerns the whole run stops it at once, and answers under way, which are paid for, are awaited.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.models.capabilities import Capabilities
from lm_eval_mathtasks.models.client import Client, Flight, Reply
from lm_eval_mathtasks.models.dispatch import Dispatcher, Permit, Stopped
from lm_eval_mathtasks.models.faults import RUN_AGAIN, Fault, Refused, Rejected
from lm_eval_mathtasks.models.headers import read_limits
from lm_eval_mathtasks.models.journal import Answer, Journal
from lm_eval_mathtasks.models.money import Purse, TokenMeter
from lm_eval_mathtasks.models.payload import Ask
from lm_eval_mathtasks.models.progress import Progress
from lm_eval_mathtasks.models.run_report import RunReport
from lm_eval_mathtasks.models.settings import Settings
from lm_eval_mathtasks.models.watch import Watch

log = logging.getLogger(__name__)

BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0  # full jitter: a random time up to 0.5, 1, 2, ... 30 s
PAID_TRIES = 3  # an empty message or half an answer is paid for each time
MAX_WAIT_S = 1800.0  # a server that asks for more, or refuses for longer, is asked again tomorrow
REFUSED_AT_FIRST = 20  # requests refused as bad with none answered: it is not the docs, it is the request
SIGNALS = (signal.SIGINT, signal.SIGTERM)

Deliver = Callable[[Ask, Answer | Fault], None]


@dataclass
class Trouble:
    """What one request has been through; times are monotonic seconds."""

    began: float
    waited: float = 0.0  # for a permit: not the request's fault
    attempts: int = 0
    refused: int = 0
    paid: int = 0  # attempts that gave nothing and cost something
    patience: float = 1.0


@dataclass
class Engine:
    """Everything one run needs; `run` once."""

    settings: Settings
    client: Client
    dispatcher: Dispatcher
    capabilities: Capabilities
    journal: Journal
    purse: Purse
    report: RunReport
    progress: Progress
    meter: TokenMeter = field(default_factory=TokenMeter)

    def __post_init__(self) -> None:
        self.watch = Watch(
            self.settings.request_timeout,
            streamed=self.settings.stream,
            reasoning=self.capabilities.reasoning,
        )
        self.stopped: Fault | None = None
        self.signalled: signal.Signals | None = None
        self._stop = asyncio.Event()

    # -- the run

    async def run(self, asks: Iterator[Ask], deliver: Deliver) -> None:
        """Answer all `asks`; `deliver` gets each with its Answer or its Fault, except those left when stopped."""
        began = time.monotonic()
        looking = asyncio.ensure_future(self.watch.look())
        crew = [asyncio.ensure_future(self._work(asks, deliver)) for _ in range(self.settings.num_concurrent)]
        restore = self._catch_signals()
        try:
            await self._join(crew)
        finally:
            restore()
            looking.cancel()
            for worker in crew:
                worker.cancel()
            await asyncio.gather(looking, *crew, return_exceptions=True)
            with suppress(Exception):
                await self.client.close()
            self._account(began)

    async def _join(self, crew: list[asyncio.Future[None]]) -> None:
        """Wait for the crew; once stopped, only as long as draining may take."""
        stopping = asyncio.ensure_future(self._stop.wait())
        everybody = asyncio.gather(*crew)
        await asyncio.wait([everybody, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not everybody.done():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(everybody, self.settings.drain)
        elif everybody.exception():
            raise everybody.exception()  # type: ignore[misc]

    def stop(self, fault: Fault) -> None:
        """Send nothing any more; what is under way is awaited."""
        if self.stopped is None:
            self.stopped = fault
            log.error("stopped: %s. Waiting for %d answers under way.", fault, self.dispatcher.in_flight)
        self._stop.set()
        self.dispatcher.stop()
        self.purse.stop()

    def _catch_signals(self) -> Callable[[], None]:
        """SIGINT and SIGTERM stop the run in order; the second one leaves at once. Returns how to undo this."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        before = {s: signal.getsignal(s) for s in SIGNALS}
        loop = asyncio.get_running_loop()

        def caught(which: signal.Signals) -> None:
            if self.signalled:
                self.watch.abandon()
            self.signalled = which
            self.stop(Fault("run", "signal", f"{which.name} received", RUN_AGAIN))

        try:
            for which in SIGNALS:
                loop.add_signal_handler(which, caught, which)
        except NotImplementedError:  # Windows
            return lambda: None

        def restore() -> None:
            for which, handler in before.items():
                loop.remove_signal_handler(which)
                signal.signal(which, handler)

        return restore

    def _account(self, began: float) -> None:
        self.report.wall_s = time.monotonic() - began
        self.report.refusals = self.dispatcher.refusals
        self.report.dropped = dict(self.capabilities.dropped)
        if self.stopped:
            self.report.stopped = f"{self.stopped}; {self.stopped.fix or RUN_AGAIN}"

    # -- one worker, one request

    async def _work(self, asks: Iterator[Ask], deliver: Deliver) -> None:
        for ask in asks:
            try:
                if self.stopped:
                    return
                outcome = await self._answer(ask)
            except Stopped:
                return
            deliver(ask, outcome)
            self.progress.step(self._cost(ask))

    async def _answer(self, ask: Ask) -> Answer | Fault:
        """The journalled answer, or the journalled Fault of a doc that has none; Stopped if the run must end."""
        trouble = Trouble(time.monotonic())
        try:
            answer = await self._persist(ask, trouble)
            await asyncio.wrap_future(self.journal.put(answer))
            self._count(answer)
            return answer
        except ModelError as error:  # the journal: without it nothing more may be paid
            self.stop(Fault("run", "journal", str(error), error.fix))
            raise Stopped from None
        except Fault as fault:
            with suppress(ModelError):
                await asyncio.wrap_future(
                    self.journal.fail(ask.key, fault.severity, fault.kind, fault.said, trouble.attempts)
                )
            if fault.severity == "run":
                self.stop(fault)
                raise Stopped from None
            self.report.failed[fault.kind] += 1
            if self.report.failed["bad_request"] >= REFUSED_AT_FIRST and not self.report.answered:
                self.stop(Fault("run", "bad_request", f"every request was refused. {fault.said}", RUN_AGAIN))
            return fault

    async def _persist(self, ask: Ask, trouble: Trouble) -> Answer:
        """Try until answered, for as long as the budget of time allows."""
        from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

        def over(_: Any) -> bool:
            spent = time.monotonic() - trouble.began - trouble.waited
            return spent >= self.settings.retry_budget or trouble.paid >= PAID_TRIES

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda e: isinstance(e, Fault) and e.severity == "transient"),
            wait=wait_random_exponential(multiplier=BACKOFF_S, max=BACKOFF_MAX_S),
            stop=over,
            sleep=self._sleep,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._attempt(ask, trouble)
        raise AssertionError("tenacity returns or raises")

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not through the end of the run."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        if self._stop.is_set():
            raise Stopped

    async def _attempt(self, ask: Ask, trouble: Trouble) -> Answer:
        """Send until the server takes it: refusals for a rate, and parameters it will not have, are no attempts."""
        while True:
            asked_at = time.monotonic()
            worst = await self.purse.reserve(self.meter.estimate(ask.prompt_chars), ask.max_tokens)
            usage: dict[str, Any] | None = None
            try:
                permit = await self.dispatcher.permit(
                    self._cost(ask), again=trouble.attempts + trouble.refused > 0
                )
                trouble.waited += time.monotonic() - asked_at
                sent = self._sent(ask)
                try:
                    answer = await self._send(ask, sent, permit, trouble)
                    usage = answer.usage
                    return answer
                except Refused as refused:
                    self._refused(permit, refused, trouble)
                except Rejected as rejected:
                    if not self.capabilities.drop(rejected.parameter, str(rejected.fault), sent):
                        raise rejected.fault from None
                finally:
                    self.dispatcher.done(permit)
            except Fault as fault:
                self.report.faults[fault.kind] += 1
                trouble.paid += fault.paid
                trouble.patience *= 2 if fault.kind == "timeout" else 1
                raise
            finally:
                self.purse.settle(worst, usage)

    def _refused(self, permit: Permit, refused: Refused, trouble: Trouble) -> None:
        """Let the dispatcher pace everybody; raises Fault if it is an accident, or would take too long."""
        wait = refused.refusal.wait_s or 0.0
        trouble.refused += 1
        if wait > MAX_WAIT_S or self.dispatcher.starved_s() > MAX_WAIT_S:
            raise Fault(
                "run",
                "rate",
                f"refused for {max(wait, self.dispatcher.starved_s()):.0f} s. {refused}",
                RUN_AGAIN,
            )
        if not self.dispatcher.refused(permit, refused.refusal):
            raise Fault("transient", "overloaded", str(refused))

    async def _send(self, ask: Ask, sent: Mapping[str, Any], permit: Permit, trouble: Trouble) -> Answer:
        now, sent_at = time.monotonic(), time.time()
        trouble.attempts += 1
        self.report.attempts += 1
        flight = Flight(now, now, patience=trouble.patience)

        def on_headers(headers: Mapping[str, str]) -> None:
            self.dispatcher.admitted(permit, read_limits(headers))

        reply: Reply = await self.watch.run(flight, self.client.exchange(sent, flight, on_headers))
        self.meter.learn(ask.prompt_chars, reply.usage)
        latency = time.monotonic() - now
        return Answer(
            key=ask.key,
            endpoint=self.settings.base_url,
            model=self.settings.model,
            request=ask.payload,
            prompt=ask.prompt,
            response=reply.text,
            reasoning=reply.reasoning or None,
            finish_reason=reply.finish_reason,
            usage=reply.usage or self._estimated(ask, reply),
            latency_s=round(latency, 4),
            attempts=trouble.attempts,
            served_model=reply.served_model,
            fingerprint=reply.fingerprint,
            dropped=dict(self.capabilities.dropped),
            sent_at=sent_at,
            finished_at=sent_at + latency,
        )

    # -- small sums

    def _sent(self, ask: Ask) -> dict[str, Any]:
        """The payload as it goes out now."""
        payload = dict(ask.payload)
        if self.settings.stream:
            payload.update(stream=True, stream_options={"include_usage": True})
        return self.capabilities.apply(payload)

    def _cost(self, ask: Ask) -> float:
        """Tokens the server reserves for a request: its prompt and all it may write."""
        return self.meter.estimate(ask.prompt_chars) + ask.max_tokens

    def _estimated(self, ask: Ask, reply: Reply) -> dict[str, Any]:
        """Usage for a server that reports none, marked as such."""
        written = self.meter.estimate(len(reply.text) + len(reply.reasoning))
        prompt = self.meter.estimate(ask.prompt_chars)
        return {"prompt_tokens": int(prompt), "completion_tokens": int(written), "estimated": True}

    def _count(self, answer: Answer) -> None:
        self.report.answered += 1
        self.report.prompt_tokens += int(answer.usage.get("prompt_tokens") or 0)
        self.report.completion_tokens += int(answer.usage.get("completion_tokens") or 0)
        if self.purse.price:
            self.report.cost = self.purse.cost
