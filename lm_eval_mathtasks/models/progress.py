"""The progress bar: rate, use of the limit, time left by whichever limit binds, cost, errors by kind."""

import asyncio
import time
from collections import deque

from lm_eval_mathtasks.models.dispatch import Dispatcher
from lm_eval_mathtasks.models.run_report import RunReport

RECENT_S = 20.0  # over which the rate is measured
DRAW_S = 0.5  # between drawings on a terminal
LOG_S = 30.0  # between lines when nobody watches


class Progress:
    """A bar of `total` requests, `done` of them from the journal."""

    def __init__(self, total: int, done: int, report: RunReport, dispatcher: Dispatcher, shown: bool) -> None:
        import sys

        from tqdm import tqdm  # publishes no types

        watched = sys.stderr.isatty()
        self._every_s = DRAW_S if watched else LOG_S
        self._bar = tqdm(
            total=total, initial=done, unit="req", disable=not shown, mininterval=self._every_s,
            dynamic_ncols=watched, bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{desc}",
        )  # fmt: skip
        self._report, self._dispatcher = report, dispatcher
        self._finished: deque[float] = deque(maxlen=4096)
        self._tokens = 1.0

    def step(self, tokens: float) -> None:
        """One more request is finished; requests reserve `tokens` each."""
        self._finished.append(time.monotonic())
        self._tokens = tokens
        self._bar.update(1)

    async def look(self) -> None:
        """Draw the bar until cancelled, whether anything is finished or not: a run that waits says so."""
        while not self._bar.disable:
            await asyncio.sleep(self._every_s)
            self._bar.set_description_str(self.describe(self._tokens, time.monotonic()))

    def rate(self, now: float) -> float:
        """Requests finished per minute, lately."""
        while self._finished and now - self._finished[0] > RECENT_S:
            self._finished.popleft()
        if len(self._finished) < 2:
            return 0.0
        return 60 * len(self._finished) / max(1.0, now - self._finished[0])

    def describe(self, tokens: float, now: float) -> str:
        """The text behind the counts: " · 156/min of 200 · 10 s left"."""
        rate, allowed = self.rate(now), self._dispatcher.requests_per_minute(tokens)
        parts = [f"{rate:.0f}/min" + (f" of {allowed:.0f}" if allowed else "")]
        left = (self._bar.total or 0) - self._bar.n
        pace = min(rate, allowed) if allowed and rate else rate or allowed
        if pace:
            parts.append(f"{left / pace * 60:.0f} s left")
        paused = self._dispatcher.pause_until - now
        if paused > 1:
            parts.append(f"paused by the server for {paused:.0f} s")
        if self._report.cost:
            parts.append(f"${self._report.cost:.3f}")
        problems = self._report.faults + self._dispatcher.refusals
        parts += [f"{n} {kind}" for kind, n in problems.most_common(3)]
        return "".join(f" · {part}" for part in parts)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
