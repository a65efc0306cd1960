"""One request until it is answered: tenacity retries what may pass, the dispatcher says when anything leaves."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.models.blame import FOR_A_RATE, LEAST_ALONE, Blame, Record
from lm_eval_mathtasks.models.capabilities import Capabilities
from lm_eval_mathtasks.models.client import Client, Flight
from lm_eval_mathtasks.models.dispatch import LOAD, MAX_WAIT_S, Dispatcher, Starved, Stopped
from lm_eval_mathtasks.models.faults import RUN_AGAIN, Fault, Refused, Rejected
from lm_eval_mathtasks.models.headers import read_limits
from lm_eval_mathtasks.models.money import Spending, TokenMeter
from lm_eval_mathtasks.models.payload import Ask, Payload, prompt_text
from lm_eval_mathtasks.models.reply import Reply
from lm_eval_mathtasks.models.run_report import RunReport
from lm_eval_mathtasks.models.settings import Settings
from lm_eval_mathtasks.models.watch import Watch
from lm_eval_mathtasks.models.window import PROBE, Permit

log = logging.getLogger(__name__)

BACKOFF_S, BACKOFF_MAX_S = 0.5, 10.0  # full jitter: a random time up to 0.5, 1, 2, ... 10 s
PAID_TRIES = 3  # an empty message or half an answer is paid for each time
# A stream tells early that a connection is dead, and what the server's limits are; but each of its pieces costs a
# third of a millisecond, and there are hundreds in an answer. So answers come whole while all is well: only the first
# probe is streamed, and this many answers after a fault or a refusal.
STREAMED_AFTER = 100
START_S = 60.0  # for a server that has never answered to be reached at all; then its address is wrong
# Refusals that a balancer may send once, and then not again.
STRAY = {"key", "permission", "model", "network", "redirect", "certificate"}
OTHER_INTERFACE = {"no_api", "no_choices", "packing"}
DOWN = {"connection", "server_error", "no_api"}


@dataclass
class History:
    """A request's payload, and what it has been through; times are monotonic seconds."""

    payload: Payload
    began: float
    waited: float = 0.0  # for a permit: not the request's fault
    attempts: int = 0
    refused: int = 0
    not_before: float = 0.0  # a wait that was named to this request alone
    paid: int = 0  # attempts that gave nothing and cost something
    patience: float = 1.0
    doubted: float = 0.0  # see Flight
    stray: bool = False  # a refusal that should end the run was asked again
    record: Record = field(default_factory=Record)


@dataclass
class Asker:
    """What it takes to ask, within one event loop; `stopping` is set when the run ends."""

    settings: Settings
    client: Client
    dispatcher: Dispatcher
    capabilities: Capabilities
    spending: Spending
    report: RunReport
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    meter: TokenMeter = field(default_factory=TokenMeter)
    since_fault: int = STREAMED_AFTER  # answers since the last fault or refusal
    reached: bool = False  # whether the server has said anything at all
    # Since when a refusal that would end the run is in doubt: that of another request ends it, an answer to one sent
    # later shows that it was about its own request.
    stray: float | None = None
    said: set[str] = field(default_factory=set)  # kinds of failures that were told

    def __post_init__(self) -> None:
        self.blame = Blame(self.report)
        self.watch = Watch(self.settings.request_timeout, reasoning=self.capabilities.reasoning)

    async def answer(self, ask: Ask, history: History) -> Answer:
        """The answer to `ask`, not journalled yet, for as long as its budget of time allows.

        Raises Fault if there is none, Stopped when the run is over.
        """
        from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

        def over(_: Any) -> bool:
            budget = self.settings.retry_budget
            spent = time.monotonic() - history.began - history.waited
            return spent >= (budget if self.reached else min(budget, START_S)) or history.paid >= PAID_TRIES

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda e: isinstance(e, Fault) and e.severity == "transient"),
            wait=wait_random_exponential(multiplier=BACKOFF_S, max=BACKOFF_MAX_S),
            stop=over,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, ask, history)
        finally:
            self.blame.over(ask.key)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not through the end of the run; no time, or less, is no sleep."""
        if seconds <= 0:
            return
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        if self.stopping.is_set():
            raise Stopped

    async def _attempt(self, ask: Ask, history: History) -> Answer:
        """Send until the server takes it: refusals for a rate, and parameters it will not have, are no attempts."""
        while True:
            asked_at = time.monotonic()
            await self._sleep(history.not_before - asked_at)
            worst = await self.spending.reserve(self.meter.estimate(ask.prompt_chars), ask.max_tokens)
            usage: Mapping[str, Any] | None = None
            unsure = False
            try:
                # First of all, but for one that fails so often that it would hold up the others.
                again = history.record.failures < LEAST_ALONE and history.attempts + history.refused > 0
                permit = await self.dispatcher.permit(self.cost(ask), again=again)
                # Waiting for a server that is down is not waiting for its rate.
                history.waited += 0.0 if self.dispatcher.failing else time.monotonic() - asked_at
                sent, unsure, sent_at = self._sent(history.payload), True, time.monotonic()
                try:
                    answer = await self._send(ask, sent, permit, history)
                    usage, self.since_fault = answer.usage, self.since_fault + 1
                    self.dispatcher.answered()
                    self.stray = None if sent_at > (self.stray or 0.0) else self.stray
                    self.blame.answered(history.record)
                    return answer
                except Fault as fault:
                    alone = self.blame.failed(history.record, ask.key)
                    meant = self._doubted(fault, history, ask.key)
                    if alone and meant.severity == "transient":
                        meant = self._set_aside(meant, history)
                    if meant.severity == "run":
                        # Before the place of this request is given to another.
                        self.dispatcher.stop()
                    raise meant from None
                except Refused as refused:
                    unsure = False
                    self._refused(permit, refused, history, ask.key)
                except Rejected as rejected:
                    unsure = False
                    if not self.capabilities.drop(rejected.parameter, str(rejected.fault), sent):
                        raise rejected.fault from None
                finally:
                    self.dispatcher.done()
            except Starved as starved:
                said = f"the limits that the server states allow nothing for {starved.seconds:.0f} s"
                raise Fault("run", "rate", said, RUN_AGAIN) from None
            except Fault as fault:
                self._failed(fault)
                history.paid += fault.paid
                usage, unsure = fault.usage, fault.unsure
                history.patience *= 2 if fault.kind == "timeout" else 1
                raise
            finally:
                self.spending.settle(worst, usage, unsure=unsure)

    def _failed(self, fault: Fault) -> None:
        """Count a failed attempt; the first one of a server that cannot be reached is said at once."""
        self.since_fault = 0
        self.report.faults[fault.kind] += 1
        self.reached = self.reached or fault.kind not in ("connection", "timeout")
        if fault.severity == "transient":
            said = fault if self.reached else f"no connection to {self.settings.base_url} yet ({fault.said})"
            self._say_once(fault.kind, f"{said}; trying on")

    def _say_once(self, kind: str, said: str) -> None:
        """Say the first failure of a kind at once: later ones are counted, and a count does not say what is wrong."""
        if kind not in self.said:
            self.said.add(kind)
            log.warning("%s", said)

    def _doubted(self, fault: Fault, history: History, key: str) -> Fault:
        """What a failure means here: for this request, for all, or for now."""
        answered = self.report.answered
        if fault.kind in STRAY and fault.severity == "run" and answered and (not self.stray or history.stray):
            # A server that answered before and refuses once is asked once more; then it may be this request.
            again, history.stray, self.stray = history.stray, True, time.monotonic()
            return fault.reaching("item" if again else "transient")
        tried = history.attempts - history.refused >= PAID_TRIES
        # Journalled answers are of the same address.
        proven = answered or self.report.from_journal
        if fault.kind in OTHER_INTERFACE and tried and not proven:
            return fault.reaching("run")
        if fault.kind == "no_api" and proven:
            lone = tried and history.record.alone >= PAID_TRIES - 1
            fault = fault.reaching("item" if lone else "transient")
        # One that failed while others were answered says nothing of the server.
        if fault.kind in DOWN and not history.record.alone:
            self.dispatcher.failed(key)
            down_s = self.dispatcher.failing_s()
            if self.reached and self.dispatcher.failing and down_s > self.settings.retry_budget:
                said = f"nothing but failures for {down_s:.3g} s. {fault.said}"
                return Fault("run", fault.kind, said, RUN_AGAIN)
        return fault

    @staticmethod
    def _set_aside(fault: Fault, history: History) -> Fault:
        """The failure of a doc that is not asked again in this run."""
        said = f"failed {history.record.failures} times, and other docs were answered. {fault.said}"
        return replace(fault, severity="item", said=said)

    def _refused(self, permit: Permit, refused: Refused, history: History, key: str) -> None:
        """Let the dispatcher pace everybody; raises Fault if it is a single failure, or would take too long."""
        wait = refused.refusal.wait_s or 0.0
        kind = "overloaded" if refused.refusal.kind == LOAD else "rate"
        starved_s = self.dispatcher.starved_s()
        history.refused += 1
        self.since_fault, self.reached = 0, True
        self._say_once(f"refused {refused.refusal.kind}", f"the server refuses for now: {refused}")
        if wait > MAX_WAIT_S or (starved_s > MAX_WAIT_S and not self.blame.of_doc(history.record, key)):
            raise Fault("run", "rate", f"refused for {max(wait, starved_s):.0f} s. {refused}", RUN_AGAIN)
        alone = self.blame.failed(history.record, key, 1 if kind == "overloaded" else FOR_A_RATE)
        limit = self.dispatcher.refused(permit, refused.refusal, alone=history.record.alone > 0)
        if alone or starved_s > MAX_WAIT_S:
            raise self._set_aside(Fault("item", kind, str(refused)), history)
        if not limit:
            history.not_before = time.monotonic() + wait
            raise Fault("transient", kind, str(refused))

    async def _send(self, ask: Ask, sent: Mapping[str, Any], permit: Permit, history: History) -> Answer:
        now, sent_at = time.monotonic(), time.time()
        history.attempts += 1
        self.report.attempts += 1
        streamed, patience, doubted = bool(sent.get("stream")), history.patience, history.doubted
        flight = Flight(now, now, streamed=streamed, patience=patience, doubted=doubted)

        def on_headers(headers: Mapping[str, str]) -> None:
            self.reached = True
            self.dispatcher.admitted(permit, read_limits(headers))

        try:
            reply: Reply = await self.watch.run(flight, self.client.exchange(sent, flight, on_headers))
        finally:
            history.doubted = flight.doubted
        self.meter.learn(ask.prompt_chars, reply.usage)
        latency = time.monotonic() - now
        return Answer(
            key=ask.key, endpoint=self.settings.base_url, model=self.settings.model, request=history.payload,
            prompt=prompt_text(history.payload), response=reply.text, reasoning=reply.reasoning or None,
            finish_reason=reply.finish_reason, usage=reply.usage or self._estimated(ask, reply),
            latency_s=round(latency, 4), attempts=history.attempts, served_model=reply.served_model,
            fingerprint=reply.fingerprint, dropped=dict(self.capabilities.dropped), sent_at=sent_at,
            finished_at=sent_at + latency,
        )  # fmt: skip

    def _sent(self, payload: Payload) -> Payload:
        """The payload as it goes out now."""
        streaming = {"stream": True, "stream_options": {"include_usage": True}} if self._streams() else {}
        return self.capabilities.apply({**payload, **streaming})

    def _streams(self) -> bool:
        """Whether the next request is to be streamed."""
        if self.settings.stream is not None:
            return self.settings.stream
        probe = self.dispatcher.window.probing and self.dispatcher.in_flight <= PROBE
        return probe or self.since_fault < STREAMED_AFTER

    def cost(self, ask: Ask) -> float:
        """Tokens the server reserves for a request: its prompt and all it may write."""
        return self.meter.estimate(ask.prompt_chars) + ask.max_tokens

    def _estimated(self, ask: Ask, reply: Reply) -> dict[str, Any]:
        """Usage for a server that reports none, marked as such."""
        written = self.meter.estimate(len(reply.text) + len(reply.reasoning))
        prompt = self.meter.estimate(ask.prompt_chars)
        return {"prompt_tokens": int(prompt), "completion_tokens": int(written), "estimated": True}
