"""Two buckets, requests and tokens, refilled as the server refills its own and corrected by what it reports.

A bucket is charged before a request leaves. Every answer's headers then say what the server's bucket held
when it admitted that request; the median of the last disagreements corrects ours. It does so both ways, because
a level believed too low is lost time; and only by what the order of arrival cannot explain, because requests sent
together are admitted in any order. What is missing again and again goes to somebody else who uses the same key.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

from lm_eval_mathtasks.models.headers import MINUTE_S, Reading

# The server's bucket begins to refill when our first request arrives, ours when it leaves; making the first
# connection takes this long. The time is given away once per run, so that no request arrives before its turn.
MARGIN_S, MARGIN_SHARE = 0.25, 0.25  # of seconds' worth; at most this share of what the bucket holds
# A bucket of one request is full just when the next one arrives, or a little later: so much longer is waited for it.
BRIM_S, BRIM_SHARE = 0.05, 0.025
WINDOW_STILL_S = 1.0  # an instant of reset that has not moved for so long belongs to a window
ERRORS_KEPT = 7  # disagreements whose median is believed: four must agree, a second at 250 a minute
ORDER_S = 0.1  # requests sent within this time of each other may arrive in any order
OTHERS_GAIN, OTHERS_LEAST = 0.5, 0.05  # how fast others' use is learned; less than this share is noise
OTHERS_KEPT_PER_S = 0.95  # what was learned of others fades: they may have finished while we were silent
OURS_LEAST = 0.25  # of the rate, whatever others seem to use
REACTION_S = 1.5  # how old what we know of others' use may be: so much of it is kept in reserve
SHARE_CUT, SHARE_MIN, SHARE_STEP, SHARE_EVERY_S = 0.7, 0.05, 0.1, 3.0  # after a refusal that nothing explains
GUESS_MIN_S, GUESS_MIN_ADMITTED = 2.0, 8  # between two empty buckets, before their distance says the rate
GUESS_FIRST_CUT, GUESS_CUT, GUESS_LEAST = 0.5, 0.7, 0.05  # the last in requests a second
# A guess grows by this, and as much more for each 5 s without a refusal.
GUESS_GROWTH_PER_S, GUESS_FASTER_S = 0.02, 5.0
CUT_EVERY_S = 1.0  # refusals of requests that were under way together are one refusal
PACE_S, SENT_KEPT = 10.0, 1024  # over which our own pace is measured when the first refusal comes


@dataclass(frozen=True)
class Mark:
    """What a bucket held just after a request was charged (units), at `at` (monotonic seconds)."""

    at: float
    level: float
    spent: float


class Bucket:
    """One limit. `per_minute`: the user's own bound, None if he gave none.

    Units are requests or tokens; times are seconds of a monotonic clock, handed in by the caller.
    """

    def __init__(self, per_minute: float | None, now: float) -> None:
        self.ceiling = per_minute
        self.rate = per_minute / MINUTE_S if per_minute else None
        self.capacity = self.level = per_minute or 0.0
        self.at = now
        # Nothing is refilled before, and everything at that instant.
        self.window_end: float | None = None
        self.window_s = MINUTE_S
        self.share, self.cut_at = 1.0, now - CUT_EVERY_S
        self.others = 0.0  # units a second that somebody else uses
        self.spent = 0.0
        self.heard = False  # a server has told its limit
        self.shaped = False  # and how much the bucket holds
        self.guessed = False  # the rate was inferred from refusals alone
        self._errors: deque[float] = deque(maxlen=ERRORS_KEPT)
        self._believed_at = now - CUT_EVERY_S  # since when the level is only added up
        self._still: tuple[float, float] | None = None  # (seen at, instant of reset)
        self._empty_at: float | None = None
        self._admitted = 0
        self._sent: deque[tuple[float, float]] = deque(maxlen=SENT_KEPT)  # (at, spent then)

    @property
    def known(self) -> bool:
        """Whether the limit was told, by the user or a server."""
        return self.rate is not None and not self.guessed

    def advance(self, now: float) -> None:
        """Refill up to `now`; a clock that went backwards refills nothing."""
        passed, self.at = max(0.0, now - self.at), max(now, self.at)
        if self.rate is None:
            return
        if self.window_end is not None:
            if now >= self.window_end:
                self.level, self.window_end = self.capacity, now + self.window_s
            return
        self.others *= OTHERS_KEPT_PER_S**passed
        if self.share < 1:
            self.share = min(1.0, self.share + SHARE_STEP * passed / SHARE_EVERY_S)
        if self.guessed:
            calm = now - max(self._empty_at or now, self.cut_at)
            self.rate *= 1 + GUESS_GROWTH_PER_S * passed * (1 + calm / GUESS_FASTER_S)
        self.level = min(self.capacity + self._brim(), self.level + passed * self._pace())

    def _brim(self) -> float:
        """Units that a full bucket is let run over."""
        return min(BRIM_S * (self.rate or 0.0), BRIM_SHARE * self.capacity)

    def _others(self) -> float:
        """Units a second that others use, as far as it is more than noise."""
        return self.others if self.rate and self.others > OTHERS_LEAST * self.rate else 0.0

    def _pace(self) -> float:
        """Units a second that are refilled for us; never nothing, whatever others use."""
        ours = (self.rate or 0.0) * self.share
        return max(ours - self._others(), OURS_LEAST * ours)

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` units may be taken; 0: now. More than the bucket holds waits for a full one."""
        self.advance(now)
        if self.rate is None:
            return 0.0
        if self.window_end is not None:
            return 0.0 if self.level >= min(cost, self.capacity) else max(0.0, self.window_end - now)
        margin = min(MARGIN_S * self.rate + REACTION_S * self._others(), MARGIN_SHARE * self.capacity)
        lacking = min(cost + margin, self.capacity + self._brim()) - self.level
        return 0.0 if lacking <= 1e-9 else lacking / self._pace()

    def take(self, cost: float, now: float) -> Mark:
        """Charge `cost`, and remember the level for `observe`."""
        self.advance(now)
        self.spent += cost
        self._sent.append((now, self.spent))
        if self.rate is not None:
            left = min(self.level, self.capacity) - cost
            # More than the bucket holds empties it: the server counts less, or would not take the request.
            self.level = left if cost <= self.capacity else max(0.0, left)
        return Mark(now, self.level, self.spent)

    def forgive(self, cost: float) -> None:
        """A request refused by the other bucket was not charged to this one."""
        self.spent -= cost
        if self.rate is not None:
            self.level = min(self.capacity, self.level + cost)

    def _set_level(self, level: float, now: float) -> None:
        """Believe another level. What was believed before, and the reports about it, count no more; a server's
        bucket is never below empty, so ours is not either."""
        self.level, self._believed_at = max(0.0, level), now
        self._errors.clear()

    # -- what a server reports

    def observe(self, reading: Reading, mark: Mark, now: float) -> None:
        """Take in the headers of one answer, to the request charged at `mark`."""
        self.advance(now)
        self._admitted += self._empty_at is None or mark.at > self._empty_at
        if self.learn(reading, mark.at) and reading.remaining is not None:
            self._adopt(reading, mark, now)
        elif reading.remaining is not None and self.rate is not None and mark.at > self._believed_at:
            error = self._unexplained(reading.remaining + 0.5 - mark.level, mark)
            self._disagree(min(error, 0.0) if self._bounded(reading) else error, now)

    def _unexplained(self, error: float, mark: Mark) -> float:
        """The part of a disagreement that no order of arrival explains: had all those sent shortly before come
        after it, or all those sent shortly after come before it."""
        first = last = mark.spent
        for sent_at, spent in reversed(self._sent):
            if sent_at < mark.at - ORDER_S:
                break
            if sent_at <= mark.at + ORDER_S:
                first, last = spent, max(last, spent)
        return max(0.0, error - (mark.spent - first)) if error > 0 else min(0.0, error + last - mark.spent)

    def _bounded(self, reading: Reading) -> bool:
        """The user's bound is below the server's: then only less than expected concerns us."""
        return self.ceiling is not None and self.ceiling < (reading.limit or 0.0)

    def learn(self, reading: Reading, at: float) -> bool:
        """Adopt the limit that a response to a request sent `at` states; True if it was news.

        What is left and the time until full tell how much the bucket holds: a minute's worth, or less where
        the limit is enforced in shorter periods. More than the limit means a window that ends at that time.
        """
        if not reading.limit:
            return False
        limit = min(reading.limit, self.ceiling or reading.limit)
        rate, shaped = limit / MINUTE_S, reading.full is not None
        window = self.window_end is not None or reading.is_window
        capacity = limit if window or reading.full is None else max(1.0, min(limit, reading.full))
        self.shaped = self.shaped or shaped
        news = not self.heard or self.rate is None or abs(self.rate - rate) > 0.01 * rate
        news = news or window != (self.window_end is not None)
        if news:
            self.heard, self.guessed, self.rate, self.capacity = True, False, rate, capacity
        elif shaped:
            self.capacity = max(self.capacity, capacity)
        if window and reading.reset_s is not None:
            self.window_end = at + reading.reset_s
            # A window without a name may be a second long; one of so many "a minute" is a minute at least.
            known_s = 1.0 if reading.windowed and news else self.window_s
            self.window_s = max(known_s, reading.reset_s)
        return news

    def _adopt(self, reading: Reading, mark: Mark, now: float) -> None:
        """Set the level by the first report. Requests sent together are admitted in any order, and when is not
        known: no refill since is assumed, and all that was sent may have been admitted. Later reports correct."""
        level = (reading.remaining or 0.0) - (self.spent - mark.spent)
        if self.window_end is None:
            level = min(level, self.capacity - self.spent) if self.spent < self.capacity else level
        if self._bounded(reading) and self.ceiling:
            level = min(level, self.ceiling - self.spent)
        self._set_level(level, now)

    def _disagree(self, error: float, now: float) -> None:
        """The server held `error` units more than was believed when it admitted a request."""
        self._errors.append(error)
        middle = median(self._errors)
        if len(self._errors) < ERRORS_KEPT or abs(middle) <= 1 or self.rate is None:
            return
        passed = max(REACTION_S, now - self._believed_at)
        self._set_level(self.level + middle, now)
        self.others = min(self.rate, max(0.0, self.others - OTHERS_GAIN * middle / passed))

    # -- refusals

    def refused(
        self, mark: Mark, now: float, *, need: float, wait_s: float | None, news: bool = False
    ) -> bool:
        """The server had less than `need` units of a known limit (`news`: known from this refusal). Returns
        whether that came as a surprise.

        Then bursts are shorter than a minute (the capacity shrinks to a second's worth), or somebody else uses
        the same key (our share of the rate shrinks), once for all requests that were under way together.
        """
        self.advance(now)
        if self.rate is None:
            return False
        surprise = mark.at > self.cut_at and not news
        if news:
            self.cut_at = now
        elif surprise and now - self.cut_at >= CUT_EVERY_S:
            self.cut_at = now
            small = max(1.0, self.rate, need)
            if not self.shaped and self.capacity > small:
                self.capacity = small
            else:
                self.share = max(SHARE_MIN, self.share * SHARE_CUT)
        self._set_level(min(self.level, need - self.rate * wait_s if wait_s is not None else 0.0), now)
        return surprise

    def learn_refusal(self, reading: Reading, now: float) -> bool:
        """Take in the headers of a refusal: how much the bucket holds, or that it is a window. True if that was
        news. An instant of reset that stands still while time passes belongs to a window.
        """
        news = self.learn(Reading(reading.limit, None, None), now)
        if news:
            self._set_level(reading.remaining or 0.0, now)
        if (
            reading.reset_s is None
            or reading.limit is None
            or self.rate is None
            or self.window_end is not None
        ):
            return news
        self.shaped = True
        full = (reading.remaining or 0.0) + reading.reset_s * reading.limit / MINUTE_S
        if full < 0.9 * self.capacity:
            self.capacity, news = max(1.0, full), True
        seen_at, instant = self._still or (now, now + reading.reset_s)
        self._still = (seen_at, instant)
        if now - seen_at >= WINDOW_STILL_S and (reading.remaining or 0.0) < 1:
            self._still = None
            if abs(now + reading.reset_s - instant) < 0.5 * (now - seen_at):
                self.window_end, self.capacity = instant, min(reading.limit, self.ceiling or reading.limit)
                self._set_level(0.0, now)
                return True
        return news

    def guess(self, mark: Mark, now: float) -> None:
        """A refusal without any number. Between two such the bucket was empty at both ends, so what was
        admitted between them, over the time between them, is the rate."""
        self.advance(now)
        if self.rate is None or self._empty_at is None:
            recent = [at for at, _ in self._sent if now - at <= PACE_S]
            pace = len(recent) / max(1.0, now - recent[0]) if recent else 1.0
            self.rate, self.capacity, self.guessed = GUESS_FIRST_CUT * pace, float("inf"), True
            self._empty_at, self._admitted = now, 0
        elif mark.at > self._empty_at:
            passed = now - self._empty_at
            if passed >= GUESS_MIN_S and self._admitted >= GUESS_MIN_ADMITTED:
                self.rate = (self._admitted + 1) / passed
                self._empty_at, self._admitted = now, 0
            elif now - self.cut_at >= CUT_EVERY_S:
                self.rate, self.cut_at = max(GUESS_LEAST, self.rate * GUESS_CUT), now
        self._set_level(0.0, now)
