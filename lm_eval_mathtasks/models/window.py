"""How many requests may be in flight: found out by a probe, and by what a server refuses."""

from collections import deque
from dataclasses import dataclass

from lm_eval_mathtasks.models.limits import Mark

PROBE = 16  # requests in flight before anything is known of the server
PROBE_S = 1.0  # without an answer the window doubles this often: long reasoning is silent for minutes
# A limiter refuses within a round trip or two, a model takes far longer. So much silence after a request is consent to
# one more: PROBE requests, no more, are out unconsented. The seconds are for a server that is busy reading the probe;
# one beside us has answered sooner.
CONSENT_TRIPS, CONSENT_S = 8, 0.02
NEAR_TRIP_S, CONSENT_NEAR_S = 0.001, 0.01
# LOADED "overloaded" among the last OUTCOMES are a limit, fewer are single failures.
OUTCOMES, LOADED = 10, 3
SHRINK = 0.8  # of what was served, when refusals go on although the window was cut


@dataclass(eq=False)
class Permit:
    """The right to send one request, and what was believed when it was given."""

    tokens: float
    at: float
    marks: dict[str, Mark]


class Window:
    """How many requests may be in flight: a probe, then all of `ceiling`, less where the server serves fewer.

    `silence_consents`: a request that is not refused at once opens the window by one before its answer is here.
    """

    def __init__(self, ceiling: int, probe: int, silence_consents: bool = True) -> None:
        self.ceiling = ceiling
        self.size = float(min(ceiling, max(1, probe)))
        self.probing = self.size < ceiling
        self.silence_consents = silence_consents
        self._grows_at: float | None = None
        self._consents: deque[float] = deque()  # when the silence after each request sent is consent
        self._trip_s: float | None = None
        self._cut_at = -1.0
        self._in_a_row = 0
        self._outcomes: deque[bool] = deque(maxlen=OUTCOMES)

    def allowed(self, now: float) -> int:
        """The window at `now` (monotonic seconds)."""
        self._grows_at = now + PROBE_S if self._grows_at is None else self._grows_at
        while self._consents and now >= self._consents[0]:
            self._consents.popleft()
            if self.probing:
                self._grow(1)
        while self.probing and now >= self._grows_at:
            self._grow(self.size)
            self._grows_at += PROBE_S
        return int(self.size)

    def opens_in(self, now: float) -> float | None:
        """Seconds until the window opens further by itself; None if it does not."""
        if not self.probing or self._grows_at is None:
            return None
        return max(0.0, min([self._grows_at, *self._consents]) - now)

    def sent(self, trip_s: float | None, now: float) -> None:
        """A request is on the wire; `trip_s`: a round trip, None: not measured with this one."""
        self._trip_s = trip_s or self._trip_s
        if self.probing and self.silence_consents and self._trip_s:
            least = CONSENT_NEAR_S if self._trip_s < NEAR_TRIP_S else CONSENT_S
            silence = min(PROBE_S, max(least, CONSENT_TRIPS * self._trip_s))
            self._consents.append(now + silence)
            self._grows_at = now + silence + PROBE_S

    def object(self, now: float) -> None:
        """The server refused something: silence is no consent here."""
        if self.silence_consents:
            self.silence_consents = False
            self._consents.clear()
            self._grows_at = now + PROBE_S

    def _grow(self, by: float) -> None:
        self.size = min(float(self.ceiling), self.size + by)
        self.probing = self.probing and self.size < self.ceiling

    def admitted(self) -> None:
        """A request was taken: the probe is over, or the window grows by one for each windowful."""
        self._outcomes.append(False)
        self._in_a_row = 0
        self._grow(self.ceiling if self.probing else 1 / self.size)

    def refused(self, permit: Permit, others: int, now: float) -> bool:
        """The server was overloaded with `others` in flight. Returns whether that is a limit of it."""
        self._outcomes.append(True)
        if sum(self._outcomes) < LOADED:
            return False
        self.probing = False
        fresh = permit.at > self._cut_at
        self._in_a_row += fresh
        self.size = max(1.0, min(self.size, others * (SHRINK if self._in_a_row > 1 else 1.0)))
        if fresh:
            self._cut_at = now
        return True
