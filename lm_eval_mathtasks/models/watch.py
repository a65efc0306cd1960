"""Which requests are dead: silent for much longer than answers here ever are, while others are served.

A fixed timeout is either too long (one hanging request holds up the end of a run) or too short (a slow answer is
paid twice). Patience is learned from the answers that came. It never judges a whole server that stalls, nor many
requests at once: many that are silent are a queue, a few are dead.

An answer that comes in one piece is silent all the while, so its floor is high, and one that hangs near the end holds
up the run. So a first attempt may be given up sooner, on a guess: when it has taken half as long again as any answer
before. The next attempt shows whether the guess was right: its answer comes sooner, or it was slow and is paid for
twice. Two guesses may be open at once, one more for each that was right; the first wrong one ends guessing.
"""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from lm_eval_mathtasks.models.client import Flight
from lm_eval_mathtasks.models.faults import Fault

T = TypeVar("T")

TICK_S = 0.2  # between looks
KNOWN = 8  # answers, before patience is learned
FACTOR = 4.0  # times the longest silence among the last answers
KEPT = 200  # answers whose silences are remembered
FLOOR_S = 10.0  # a healthy stream may pause this long
FLOOR_WHOLE_S = 30.0  # an answer that comes in one piece is silent all the while
FLOOR_THINKING_S = 180.0  # hidden reasoning sends nothing for minutes
FEW_SHARE = 0.15  # of the requests may be called dead at once, and two in any case
STALL = 0.5  # of the patience without anything from anybody: the server stalls, nobody is dead
LAST = 8  # silent requests at the end of a run that may be few
TOTAL = 6.0  # times the limit of silence: an answer that takes longer never ends, whatever it sends
HARD = 4.0  # times the patience: dead whatever the others do
GUESS_KNOWN = 50  # answers, before anything is guessed from them
# Times the longest of them: an answer slower than that was in 3 of 100 simulated runs at most.
GUESS_FACTOR = 1.5
GUESS_FLOOR_S = 10.0
# Open at once before any was right; those open when one is wrong are what may be paid for in vain.
GUESSES = 2


class Watch:
    """Runs exchanges and gives up on the dead ones. `limit_s`: silence that ends any request."""

    def __init__(self, limit_s: float, *, reasoning: bool) -> None:
        self.limit_s, self._reasoning = limit_s, reasoning
        self._gaps: dict[bool, deque[float]] = {streamed: deque(maxlen=KEPT) for streamed in (True, False)}
        self._flights: dict[Flight, asyncio.Task[Any]] = {}
        self._dead: set[Flight] = set()
        self._latencies: deque[float] = deque(maxlen=KEPT)
        self._most = self._answers = 0  # in flight at once, and answered so far
        # Guesses that may be made now; a long thought costs too much to try.
        self._guesses = 0 if reasoning else GUESSES
        self._right = True
        self._looked = 0.0

    def patience(self, flight: Flight) -> float:
        """Seconds of silence that this flight is allowed now."""
        gaps = self._gaps[flight.streamed]
        if len(gaps) < KNOWN:
            return self.limit_s
        floor = FLOOR_S if flight.streamed else FLOOR_WHOLE_S
        if self._reasoning and (flight.headed or not flight.streamed):
            floor = FLOOR_THINKING_S
        return min(self.limit_s, max(floor, FACTOR * max(gaps)) * flight.patience)

    async def run(self, flight: Flight, exchange: Coroutine[Any, Any, T]) -> T:
        """The exchange's result; raises Fault("transient", "timeout") if it was given up as dead."""
        task = asyncio.ensure_future(exchange)
        self._flights[flight] = task
        self._most = max(self._most, len(self._flights))
        try:
            result = await asyncio.shield(task)
        except asyncio.CancelledError:
            if flight in self._dead:
                now = time.monotonic()
                said = f"silent for {now - flight.seen:.0f} s, {now - flight.began:.0f} s after it was sent"
                raise Fault("transient", "timeout", said, paid=flight.headed, unsure=True) from None
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
            raise
        else:
            self._gaps[flight.streamed].append(flight.longest_gap)
            self._answers += 1
            self._latencies.append(latency := time.monotonic() - flight.began)
            if flight.doubted:
                self._settle(flight, latency)
            return result
        finally:
            self._flights.pop(flight, None)
            self._dead.discard(flight)

    async def look(self) -> None:
        """Look after the flights until cancelled."""
        self._looked = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            late = now - self._looked - TICK_S
            self._looked = now
            if late > 1.0:  # we were asleep (a stopped process, a closed lid), not they
                for flight in self._flights:
                    flight.seen, flight.began = min(now, flight.seen + late), min(now, flight.began + late)
            self._judge(now)

    def _judge(self, now: float) -> None:
        silent = {f: now - f.seen for f in self._flights if f not in self._dead}
        suspects = [f for f, s in silent.items() if s > self.patience(f)]
        # The last requests of a run are all that is in flight, and no other tells whether the server stalls: few of
        # them are given up, which at worst costs so many answers again.
        ending = len(self._flights) < self._most and len(suspects) <= LAST
        few = self._few(suspects, len(silent) + (self._answers if ending else 0))
        for flight in [f for f in silent if now - f.began > TOTAL * self.limit_s]:
            self._give_up(flight)
        for flight in suspects:
            hard = silent[flight] > min(self.limit_s, HARD * self.patience(flight))
            if hard or (few and not self._stalled(suspects, silent, self.patience(flight))):
                self._give_up(flight)
        self._guess({f: s for f, s in silent.items() if f not in self._dead}, now)

    def _guess(self, silent: dict[Flight, float], now: float) -> None:
        """Give up first attempts that take longer than answers here do, the oldest first."""
        if not self._guesses or len(self._latencies) < GUESS_KNOWN:
            return
        alive = (now - f.began for f in silent if f.streamed and f.headed)
        limit = max(GUESS_FLOOR_S, GUESS_FACTOR * max([*self._latencies, *alive]))
        whole = (f for f in silent if not f.streamed and f.patience == 1.0)
        doubted = [f for f in whole if silent[f] > limit]
        if self._few(doubted, len(silent)) and not self._stalled(doubted, silent, limit):
            for flight in sorted(doubted, key=lambda f: f.began)[: self._guesses]:
                flight.doubted = silent[flight]
                self._guesses -= 1
                self._give_up(flight)

    def _settle(self, flight: Flight, latency: float) -> None:
        """A request that was given up on a guess has its answer: an answer that was slow is slow again."""
        self._right = self._right and latency < flight.doubted
        self._guesses = self._guesses + 2 if self._right else 0

    @staticmethod
    def _few(some: list[Flight], of: int) -> bool:
        """Whether so few of so many are silent that it is no queue."""
        return len(some) <= max(2, int(FEW_SHARE * of))

    @staticmethod
    def _stalled(some: list[Flight], silent: dict[Flight, float], patience: float) -> bool:
        """Whether nothing comes from the others either."""
        others = [s for f, s in silent.items() if f not in some]
        return bool(others) and min(others) > STALL * patience

    def _give_up(self, flight: Flight) -> None:
        self._dead.add(flight)
        self._flights[flight].cancel()

    def abandon(self) -> None:
        """Cancel whatever is still under way."""
        for task in self._flights.values():
            task.cancel()
