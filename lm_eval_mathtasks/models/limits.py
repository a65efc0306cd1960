"""Two buckets, requests and tokens, refilled as the server refills its own, and corrected by what it reports.

A bucket is charged before a request leaves. Every answer's headers then say what the server's bucket held when it
admitted that request; the median of the last disagreements corrects ours, up or down. The median, because
requests sent together are admitted in any order; both ways, because a level believed too low is lost time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from lm_eval_mathtasks.models.headers import REQUESTS, TOKENS, Reading

MINUTE_S = 60.0
# The server's bucket begins to refill when our first request arrives, ours when it leaves; a later request may
# travel faster. This much time is given away once per run so that none arrives before its turn.
MARGIN_S = 0.12
# A bucket that refills to more than its stated limit is no such bucket but a window. Resets may be rounded to
# whole seconds: 5 percent and 1.5 seconds of slack.
WINDOW_SLACK, WINDOW_SLACK_S = 1.05, 1.5
ERRORS_KEPT = 7  # disagreements whose median is believed: four must agree, about one second at 250 a minute
SHARE_CUT, SHARE_MIN, SHARE_STEP, SHARE_EVERY_S = 0.7, 0.05, 0.1, 3.0  # after a refusal that nothing explains
GUESS_MIN_S, GUESS_MIN_ADMITTED = 2.0, 8  # between two empty buckets, before their distance says the rate
GUESS_FIRST_CUT, GUESS_CUT, GUESS_GROWTH_PER_S = 0.5, 0.7, 0.01
RESET_WATCH_S = 1.0  # before a reset that does not move is called a window
PACE_S = 10.0  # over which our own pace is measured when the first refusal comes


@dataclass(frozen=True)
class Mark:
    """What a bucket held just after a request was charged (units), at `at` (monotonic seconds)."""

    at: float
    level: float
    corrections: float
    spent: float


class Bucket:
    """One continuously refilled limit. `per_minute`: the user's own bound, None if he gave none.

    Units are requests or tokens; times are seconds of a monotonic clock, handed in by the caller.
    """

    def __init__(self, per_minute: float | None, now: float) -> None:
        self.ceiling = per_minute
        self.rate = per_minute / MINUTE_S if per_minute else None
        self.capacity = self.level = per_minute or 0.0
        self.at = now
        self.window_end: float | None = None
        self.window_s = MINUTE_S
        self.share, self.share_at = 1.0, now
        self.spent = self.corrections = 0.0
        self.heard = False  # a server has told its limit
        self.guessed = False  # the rate was inferred from refusals alone
        self.errors: deque[float] = deque(maxlen=ERRORS_KEPT)
        self._reset_seen: tuple[float, float] | None = None
        self._empty_at: float | None = None
        self._admitted = 0
        self._sent: deque[float] = deque(maxlen=4096)

    @property
    def known(self) -> bool:
        """Whether there is a limit to keep to."""
        return self.rate is not None

    def advance(self, now: float) -> None:
        """Refill up to `now`; a clock that went backwards refills nothing."""
        passed, self.at = max(0.0, now - self.at), max(now, self.at)
        if self.rate is None:
            return
        if self.window_end is not None:
            if now >= self.window_end:
                self.level, self.window_end = self.capacity, now + self.window_s
            return
        if self.share < 1 and now - self.share_at >= SHARE_EVERY_S:
            self.share, self.share_at = min(1.0, self.share + SHARE_STEP), now
        if self.guessed:
            self.rate *= 1 + GUESS_GROWTH_PER_S * passed
        self.level = min(self.capacity, self.level + passed * self.rate * self.share)

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` units may be taken; 0: now. A cost above the capacity waits for a full bucket."""
        self.advance(now)
        if self.rate is None:
            return 0.0
        margin = min(MARGIN_S * self.rate, 0.1 * self.capacity) if self.window_end is None else 0.0
        lacking = min(cost + margin, self.capacity) - self.level
        if lacking <= 1e-9:
            return 0.0
        if self.window_end is not None:
            return max(0.0, self.window_end - now)
        return lacking / (self.rate * self.share)

    def take(self, cost: float, now: float) -> Mark:
        """Charge `cost` and remember the level for `observe`."""
        self.advance(now)
        self.spent += cost
        self._sent.append(now)
        if self.rate is not None:
            self.level -= cost
        return Mark(now, self.level, self.corrections, self.spent)

    def correct(self, units: float) -> None:
        """Move the believed level; marks taken before stay comparable."""
        self.level += units
        self.corrections += units

    def set_level(self, level: float) -> None:
        self.correct(level - self.level)
        self.errors.clear()

    # -- what the server reports

    def observe(self, reading: Reading, mark: Mark, now: float, admitted: bool = True) -> None:
        """Take in the headers of one response to the request charged at `mark`."""
        self.advance(now)
        if admitted:
            self._admitted += 1
        if reading.limit and self._learn(reading, mark, now):
            return
        if reading.remaining is None or self.rate is None:
            return
        error = reading.remaining + 0.5 - (mark.level + self.corrections - mark.corrections)
        if self.ceiling and reading.limit and self.ceiling < reading.limit:
            error = min(error, 0.0)  # the user's bound is below the server's: only others' use concerns us
        self.errors.append(error)
        middle = median(self.errors)
        if len(self.errors) == ERRORS_KEPT and abs(middle) > 1:
            self.correct(middle)
            self.errors = deque((e - middle for e in self.errors), ERRORS_KEPT)

    def _learn(self, reading: Reading, mark: Mark, now: float) -> bool:
        """Adopt a stated limit; True if the level was set from it too."""
        limit = min(reading.limit or 0.0, self.ceiling or float("inf"))
        rate = limit / MINUTE_S
        capacity, window = limit, None
        if reading.remaining is not None and reading.reset_s is not None:
            refilled = reading.remaining + reading.reset_s * (reading.limit or 0.0) / MINUTE_S
            slack = WINDOW_SLACK * (reading.limit or 0.0) + WINDOW_SLACK_S * rate
            if reading.windowed or refilled > slack or self.window_end is not None:
                window = mark.at + reading.reset_s
            else:
                capacity = max(1.0, min(limit, refilled))
        first = not self.heard or self.guessed
        changed = self.rate is None or abs(self.rate - rate) > 0.01 * rate
        if not first and not changed:
            self.capacity = max(self.capacity, capacity)
            if (window is None) != (self.window_end is None):
                first = True
        if first or changed:
            self.heard, self.guessed, self.rate, self.capacity = True, False, rate, capacity
        if window is not None:
            self.window_s = (
                max(reading.reset_s or 0.0, 1.0) if first else max(self.window_s, reading.reset_s or 0)
            )
            self.window_end = window
        elif first:
            self.window_end = None
        if (first or changed) and reading.remaining is not None:
            since = 0.0 if window is not None else (now - mark.at) * rate
            level = min(capacity, reading.remaining + since - (self.spent - mark.spent))
            if window is None and self._sent:  # requests sent together are admitted in any order
                level = min(level, capacity - self.spent + (now - self._sent[0]) * rate)
            if self.ceiling and reading.limit and self.ceiling < reading.limit:
                level = min(level, self.ceiling - self.spent + (now - mark.at) * rate)
            self.set_level(level)
        return first or changed

    def learn_capacity(self, reading: Reading) -> None:
        """A refusal also shows how much the bucket can hold."""
        if (
            reading.reset_s is None
            or reading.limit is None
            or self.rate is None
            or self.window_end is not None
        ):
            return
        capacity = (reading.remaining or 0.0) + reading.reset_s * reading.limit / MINUTE_S
        if capacity < 0.9 * self.capacity:
            self.capacity = max(1.0, capacity)

    # -- refusals

    def forgive(self, cost: float) -> None:
        """A request refused by the other bucket was not charged to this one."""
        self.spent -= cost
        if self.rate is not None:
            self.level = min(self.capacity, self.level + cost)

    def refused(
        self, mark: Mark, now: float, *, limit: float | None, need: float, wait_s: float | None
    ) -> bool:
        """The server had less than `need` units. Returns whether the refusal was a surprise.

        A surprise (we knew the limit and believed it held) means bursts are shorter than a minute, or somebody
        else uses the same key: the capacity shrinks to a second's worth, then our share of the rate.
        """
        self.advance(now)
        surprise = self.rate is not None and not self.guessed and mark.at > self.share_at
        if limit and (self.rate is None or self.guessed):
            self.rate, self.capacity, self.guessed = (
                min(limit, self.ceiling or limit) / MINUTE_S,
                limit,
                False,
            )
        if self.rate is None:
            return False
        if surprise:
            small = max(1.0, self.rate, need)
            if not self.heard and self.capacity > small:
                self.capacity = small
            elif now - self.share_at >= 1.0:
                self.share = max(SHARE_MIN, self.share * SHARE_CUT)
            self.share_at = now
        level = min(self.level, need - self.rate * wait_s) if wait_s is not None else min(self.level, 0.0)
        self.set_level(max(level, -self.capacity))
        return surprise

    def watch_reset(self, reading: Reading, now: float) -> None:
        """An instant of reset that stands still while time passes belongs to a window, not to a bucket."""
        if reading.reset_s is None or (reading.remaining or 0.0) >= 1 or self.window_end is not None:
            return
        reset_at = now + reading.reset_s
        seen_at, seen_reset = self._reset_seen or (now, reset_at)
        self._reset_seen = (seen_at, seen_reset)
        passed = now - seen_at
        if passed < RESET_WATCH_S:
            return
        if abs(reset_at - seen_reset) < 0.5 * passed:
            self.window_end, self.window_s = reset_at, MINUTE_S
            self.set_level(0.0)
        self._reset_seen = None

    def guess(self, mark: Mark, now: float) -> None:
        """A refusal without any number. Between two such the bucket was empty at both ends, so what was admitted
        between them, over the time between them, is the rate."""
        self.advance(now)
        if self.rate is not None and not self.guessed:
            return
        if self._empty_at is None:
            recent = [at for at in self._sent if now - at <= PACE_S]
            pace = len(recent) / max(1.0, now - recent[0]) if recent else 1.0
            self.rate, self.capacity, self.guessed = GUESS_FIRST_CUT * pace, float("inf"), True
            self._empty_at, self._admitted = now, 0
        elif mark.at > self._empty_at:
            passed = now - self._empty_at
            if passed >= GUESS_MIN_S and self._admitted >= GUESS_MIN_ADMITTED:
                self.rate = self._admitted / passed
                self._empty_at, self._admitted = now, 0
            elif self.rate is not None and now - self.share_at >= 1.0:
                self.rate, self.share_at = self.rate * GUESS_CUT, now
        self.set_level(min(self.level, 0.0))


class Budget:
    """The requests bucket and the tokens bucket of one key."""

    def __init__(self, rpm: float | None, tpm: float | None, now: float) -> None:
        self.buckets = {REQUESTS: Bucket(rpm, now), TOKENS: Bucket(tpm, now)}

    def wait(self, tokens: float, now: float) -> float:
        """Seconds until a request that reserves `tokens` may leave."""
        return max(self.buckets[REQUESTS].wait(1.0, now), self.buckets[TOKENS].wait(tokens, now))

    def take(self, tokens: float, now: float) -> dict[str, Mark]:
        """Charge one request of `tokens`; the marks belong to its answer's headers."""
        return {
            REQUESTS: self.buckets[REQUESTS].take(1.0, now),
            TOKENS: self.buckets[TOKENS].take(tokens, now),
        }

    def observe(self, readings: dict[str, Reading], marks: dict[str, Mark], now: float) -> None:
        """Take in the headers of an admitted request."""
        for kind, bucket in self.buckets.items():
            bucket.observe(readings.get(kind, Reading(None, None, None)), marks[kind], now)
