"""One dispatcher gives every request its permission to leave: by the buckets, the pause and the window.

Nobody else sleeps for a rate. A refusal pauses everybody, because a slot that one sleeper finds, another has
taken; requests that must be asked again go first, or the tail of the run waits for them.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lm_eval_mathtasks.models.headers import MINUTE_S, REQUESTS, TOKENS, Reading
from lm_eval_mathtasks.models.limits import Bucket
from lm_eval_mathtasks.models.window import PROBE, Permit, Window

LOAD = "load"  # a refusal for too much at once, not for too many a minute
PAUSE_S, PAUSE_MAX_S = 0.5, 30.0  # when a refusal names no time: doubled with each refusal in a row
FAILING = 10  # failures in a row and no answer between: the server is down, and one request tells when it is up again
# The first request goes alone for so long, or until something comes back: what a server says of a wrong key, model or
# parameter it says at once, and an answer takes longer.
ALONE_S = 0.3
FAILING_PAUSE_S = 5.0  # between two such requests, at most
MAX_WAIT_S = 1800.0  # a server that asks for more, or refuses for longer, is asked again tomorrow


@dataclass(frozen=True)
class Refusal:
    """Why a server would not take a request now; `kind` is requests, tokens, load, or None if it does not say."""

    kind: str | None
    limit: float | None = None
    need: float | None = None
    wait_s: float | None = None
    readings: dict[str, Reading] = field(default_factory=dict)


class Stopped(Exception):
    """The run is over: no further request may leave."""


class Starved(Exception):
    """The limits that the server states allow nothing for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Dispatcher:
    """`await permit(tokens)` before sending, then `admitted` or `refused`, then `done`; one event loop only.

    rpm, tpm: the limits of the key as the user knows them.
    """

    def __init__(
        self,
        rpm: float | None,
        tpm: float | None,
        concurrency: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.buckets = {REQUESTS: Bucket(rpm, clock()), TOKENS: Bucket(tpm, clock())}
        rates = [b.rate / cost for b, cost in self._costs(4096) if b.rate]
        # A known limit may be enforced by the second: no more than a second's worth before the first headers.
        self.window = Window(concurrency, int(min([PROBE, *rates])), silence_consents=not rates)
        self.in_flight = 0
        self.refusals: Counter[str] = Counter()
        self.pause_until = clock()
        self.stopped = False
        self._again: deque[tuple[float, asyncio.Future[Permit]]] = deque()
        self._fresh: deque[tuple[float, asyncio.Future[Permit]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._refused_in_a_row = 0
        self._refused_since: float | None = None
        self._alone_until: float | None = None
        self._heard = False  # whether anything came back
        self._failures = 0
        self._failing: set[str] = set()
        self._failing_since: float | None = None

    async def permit(self, tokens: float, again: bool = False) -> Permit:
        """Wait until one request that reserves `tokens` may leave; `again`: it was sent before, so it goes first.

        Raises Stopped once the run is over, Starved if that would take longer than anybody waits.
        """
        if self.stopped:
            raise Stopped
        future: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        (self._again if again else self._fresh).append((tokens, future))
        self._pump()
        return await future

    def stop(self) -> None:
        """Let nobody leave any more; those waiting get Stopped."""
        self.stopped = True
        for queue in (self._again, self._fresh):
            for _, future in queue:
                if not future.done():
                    future.set_exception(Stopped())
            queue.clear()
        if self._timer:
            self._timer.cancel()

    def sent(self, trip_s: float | None) -> None:
        """A request is on the wire; `trip_s`: seconds of a round trip, None: not measured with this one."""
        self.window.sent(trip_s, self.clock())
        self._pump()

    def admitted(self, permit: Permit, readings: dict[str, Reading]) -> None:
        """The server took the request, and said this of its limits."""
        now = self.clock()
        self._refused_since, self._refused_in_a_row, self._heard = None, 0, True
        self.window.admitted()
        for kind, bucket in self.buckets.items():
            bucket.observe(readings.get(kind, Reading(None, None, None)), permit.marks[kind], now)
        self._pump()

    def refused(self, permit: Permit, refusal: Refusal, alone: bool = False) -> bool:
        """The server did not take it. Returns False if that was a single failure rather than a limit.

        A wait that is named is kept by all, but for a single failure of a request that is `alone` in failing.
        """
        now = self.clock()
        self.window.object(now)
        others = self.in_flight - 1
        if refusal.kind == LOAD:
            if not self.window.refused(permit, others, now) and (alone or not refusal.wait_s):
                return False
            explained = others > 0
        else:
            explained = self._refused_by_rate(permit, refusal, now)
        self.refusals[refusal.kind or "unnamed"] += 1
        fresh = permit.at >= self.pause_until
        self._pause(refusal.wait_s, explained, fresh, now)
        return True

    def failed(self, request: str) -> None:
        """A request failed as with a server that is down: then it is asked rarely, one request at a time."""
        now = self.clock()
        self._failures += 1
        self._failing.add(request)
        self._failing_since = now if self._failing_since is None else self._failing_since
        if self.failing:
            pause = min(FAILING_PAUSE_S, PAUSE_S * 2 ** min(10, self._failures - FAILING))
            self.pause_until = max(self.pause_until, now + pause)

    def answered(self) -> None:
        """An answer came: the server is up."""
        self._failures, self._failing_since = 0, None
        self._failing.clear()
        self._pump()

    @property
    def failing(self) -> bool:
        """Whether the server seems to be down."""
        return self._failures >= FAILING

    def failing_s(self) -> float:
        """Seconds for which nothing but failures came, of more than one request: one alone may be at fault itself."""
        since = self._failing_since if len(self._failing) > 1 else None
        return 0.0 if since is None else self.clock() - since

    def _refused_by_rate(self, permit: Permit, refusal: Refusal, now: float) -> bool:
        """Tell the bucket that ran dry; returns whether what we know explains it."""
        buckets = self.buckets
        news = {kind for kind, bucket in buckets.items() if not bucket.known}
        news |= {
            kind for kind, reading in refusal.readings.items() if buckets[kind].learn_refusal(reading, now)
        }
        kind = refusal.kind or self._dry(refusal)
        if kind != TOKENS:
            buckets[TOKENS].forgive(permit.tokens)
        bucket, mark = buckets[kind or REQUESTS], permit.marks[kind or REQUESTS]
        if refusal.limit and not bucket.known:
            bucket.learn(Reading(refusal.limit, None, None), now)
        if not bucket.known:
            bucket.guess(mark, now)
            return False
        need = refusal.need or (permit.tokens if kind == TOKENS else 1.0)
        return not bucket.refused(mark, now, need=need, wait_s=refusal.wait_s, news=kind in news)

    def _dry(self, refusal: Refusal) -> str | None:
        """Which bucket refused, where the refusal does not say: one reported empty, else one that is known."""
        empty = [k for k, r in refusal.readings.items() if r.remaining is not None and r.remaining < 1]
        known = [k for k, bucket in self.buckets.items() if bucket.known]
        return next(iter(empty + known), None)

    def _pause(self, wait_s: float | None, explained: bool, fresh: bool, now: float) -> None:
        """Nobody leaves for `wait_s`, or for a growing time if none was named; jittered if others compete."""
        self._refused_in_a_row += fresh
        self._refused_since = now if self._refused_since is None else self._refused_since
        if wait_s is None and not explained:
            longest = min(PAUSE_MAX_S, PAUSE_S * 2 ** min(10, max(0, self._refused_in_a_row - 1)))
            wait_s = random.uniform(0.2 * longest, longest)
        elif wait_s and not explained:
            wait_s *= random.uniform(1.0, 1.5)
        self.pause_until = max(self.pause_until, now + (wait_s or 0.0))

    def starved_s(self) -> float:
        """Seconds for which the server has refused whatever was sent."""
        return 0.0 if self._refused_since is None else self.clock() - self._refused_since

    def done(self) -> None:
        """A request has left the wire, answered or not."""
        self.in_flight -= 1
        self._heard = True
        self._pump()

    def _pump(self) -> None:
        """Grant all that may leave now, and set the clock for the next."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        delay: float | None = None
        while (self._again or self._fresh) and not self.stopped:
            now = self.clock()
            queue = self._again or self._fresh
            tokens, future = queue[0]
            if future.done():
                queue.popleft()
                continue
            alone = self._alone(now)
            if self.in_flight >= (1 if self.failing or alone else self.window.allowed(now)):
                delay = alone or self.window.opens_in(now)
                break
            starved = max(bucket.wait(cost, now) for bucket, cost in self._costs(tokens))
            delay = max(self.pause_until - now, starved)
            if 0 < delay <= MAX_WAIT_S:
                break
            queue.popleft()
            if delay > 0:
                future.set_exception(Starved(starved))
                continue
            self.in_flight += 1
            marks = [bucket.take(cost, now) for bucket, cost in self._costs(tokens)]
            future.set_result(Permit(tokens, now, dict(zip(self.buckets, marks, strict=True))))
            delay = None
        if delay is not None:
            self._timer = asyncio.get_running_loop().call_later(delay, self._pump)

    def _alone(self, now: float) -> float:
        """Seconds for which the first request still goes alone."""
        if self._heard:
            return 0.0
        if self._alone_until is None:
            self._alone_until = now + ALONE_S
        return max(0.0, self._alone_until - now)

    def requests_per_minute(self, tokens: float) -> float | None:
        """What the known limits allow in the long run for requests that reserve `tokens` each; None: unknown."""
        rates = (b.rate * MINUTE_S / cost for b, cost in self._costs(max(1.0, tokens)) if b.rate)
        return min(rates, default=None)

    def _costs(self, tokens: float) -> Iterator[tuple[Bucket, float]]:
        """Each bucket with what a request that reserves `tokens` takes out of it."""
        return zip(self.buckets.values(), (1.0, tokens), strict=True)
