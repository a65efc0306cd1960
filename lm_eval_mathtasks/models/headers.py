"""What a server says about its limits: rate headers, waiting times, and the sentence in a refusal.

Sources: https://platform.openai.com/docs/guides/rate-limits (x-ratelimit-*, durations such as 6m0s),
https://docs.anthropic.com/en/api/rate-limits (anthropic-ratelimit-*, RFC 3339 instants),
RFC 9110 section 10.2.3 (retry-after: seconds or a date), Azure's retry-after-ms.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

REQUESTS, TOKENS = "requests", "tokens"
MINUTE_S = 60.0
# What "refills" to more than its stated limit is no bucket but a window. Resets may be rounded to whole seconds:
# 5 percent and 1.5 seconds of slack.
WINDOW_SLACK, WINDOW_SLACK_S = 1.05, 1.5
UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h|d)")
# Plain numbers above these are instants since 1970, not durations: 1e9 s is the year 2001, as are 1e12 ms.
EPOCH_S, EPOCH_MS = 1e9, 1e12

LOADING_S = 60.0  # an estimate of a model's loading is believed for so long

# "Please try again in 1m2.5s", "Please retry after 6 seconds", "Please wait 9 seconds before retrying"
TRY_AGAIN = re.compile(
    r"(?:(?:try again|retry)[^.\d]{0,20}?(?:in|after)|please wait(?: for)?|(?:be|expected) available in)\s+"
    r"((?:\d+(?:\.\d+)?\s*(?:milliseconds?|ms|seconds?|minutes?|[smhd])\s*)+)",
    re.I,
)
LIMIT = re.compile(r"\blimit:?\s+(?:of\s+)?(\d[\d,]*)", re.I)
REQUESTED = re.compile(r"\brequested:?\s+([\d,]+)", re.I)
PER_MINUTE = re.compile(r"\b(requests|tokens) per min", re.I)


@dataclass(frozen=True)
class Reading:
    """One bucket as a server reported it: units per minute, units left, seconds until it is full again.

    `windowed`: the name says nothing of minutes, so only "this many more until then" may be believed.
    """

    limit: float | None
    remaining: float | None
    reset_s: float | None
    windowed: bool = False

    @property
    def full(self) -> float | None:
        """What the bucket holds when it is full: what is left and what is refilled until then. A minute's worth,
        or less where the limit is enforced in shorter periods; None if the headers do not say."""
        if self.limit is None or self.remaining is None or self.reset_s is None:
            return None
        return self.remaining + self.reset_s * self.limit / MINUTE_S

    @property
    def is_window(self) -> bool:
        """Nothing is refilled before the reset: a bucket could not hold so much."""
        rate = (self.limit or 0.0) / MINUTE_S
        limit = WINDOW_SLACK * (self.limit or 0.0) + WINDOW_SLACK_S * rate
        return self.full is not None and (self.windowed or self.full > limit)


def parse_duration(text: str) -> float | None:
    """Seconds in "6m0s", "120ms", "1.5s" or "59.7"; None for anything else."""
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,15}(?:\.\d+)?", text):
        return float(text)
    if not text or PART.sub("", text).strip():
        return None
    return sum(float(number) * UNIT_S[unit] for number, unit in PART.findall(text))


def parse_instant(text: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 instant or an HTTP date; None for anything else."""
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, ValueError, OverflowError):
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def parse_reset(text: str | None, server_now: float) -> float | None:
    """Seconds from `server_now` (seconds since 1970) that a reset header of any of these forms means, at least 0."""
    if text is None:
        return None
    seconds = parse_duration(text)
    if seconds is None:
        instant = parse_instant(text)
        return None if instant is None else max(0.0, instant - server_now)
    if seconds >= EPOCH_MS:
        return max(0.0, seconds / 1000 - server_now)
    return max(0.0, seconds - server_now) if seconds >= EPOCH_S else seconds


def server_clock(headers: Mapping[str, str]) -> float:
    """The server's own time: its Date header, so that our clock may be wrong or jump; else ours."""
    date = headers.get("date")
    moment = parse_instant(date) if date else None
    return time.time() if moment is None else moment


def _number(text: str | None) -> float | None:
    # Fifteen digits: more is no number of requests, and would become infinite. What follows may be another part of the
    # header, and no part of a number: 1e400 is not one request a minute.
    found = re.match(r"\s*(\d{1,15}(?:\.\d+)?)\s*(?:$|[,;])", text or "")
    return float(found[1]) if found else None


def _families() -> Iterator[tuple[str, str, bool]]:
    """(bucket, header name with {} for limit, remaining or reset; windowed?), the most specific first."""
    for kind in (REQUESTS, TOKENS):
        yield kind, f"x-ratelimit-{{}}-{kind}", False
        yield kind, f"anthropic-ratelimit-{kind}-{{}}", False
    yield REQUESTS, "x-ratelimit-{}", True
    yield REQUESTS, "ratelimit-{}", True


def read_limits(headers: Mapping[str, str]) -> dict[str, Reading]:
    """{"requests" | "tokens": Reading} of what the headers of a response say; header names in any case."""
    headers = {name.lower(): value for name, value in headers.items()}
    found: dict[str, Reading] = {}
    now = server_clock(headers)
    for kind, name, windowed in _families():
        limit, remaining = (_number(headers.get(name.format(field))) for field in ("limit", "remaining"))
        reset = parse_reset(headers.get(name.format("reset")), now)
        if kind not in found and not (limit is None and remaining is None):
            found[kind] = Reading(limit, remaining, reset, windowed)
    return found


def read_loading(body: Any) -> dict[str, str]:
    """The header that says when a model will be loaded, as Hugging Face's servers estimate it (`estimated_time`)."""
    told = body.get("estimated_time") if isinstance(body, Mapping) and "choices" not in body else None
    known = isinstance(told, int | float) and not isinstance(told, bool) and told >= 0
    return {"retry-after": str(min(told, LOADING_S))} if known else {}  # type: ignore[type-var]


def read_behind(error: Mapping[str, Any]) -> dict[str, str]:
    """The headers of the server behind a proxy, as OpenRouter repeats them in its error."""
    told = error.get("metadata")
    found = told.get("headers") if isinstance(told, Mapping) else None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, Mapping) else {}


def _spoken_wait(message: str) -> float | None:
    found = TRY_AGAIN.search(message)
    if not found:
        return None
    words = re.sub(r"milliseconds?", "ms", found[1].lower())
    return parse_duration(re.sub(r"minutes?", "m", re.sub(r"seconds?", "s", words)))


def read_wait(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds a refusal asks to wait, the finest statement first; None if it does not say.

    x-ratelimit-reset-* counts only where no limit is stated beside it: next to a limit it is the time until
    the bucket is *full*, which `limits.Bucket` knows how to read.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    spoken = _spoken_wait(message)
    if spoken is not None:
        return spoken
    now = server_clock(headers)
    after = parse_reset(headers.get("retry-after"), now)
    if after is not None:
        return after
    resets = [
        parse_reset(headers.get(name.format("reset")), now)
        for _, name, _ in _families()
        if name.format("limit") not in headers
    ]
    return max((reset for reset in resets if reset is not None), default=None)


class Quota(NamedTuple):
    """What the details of Google's 429 say. by_minute: a limit of a minute was passed; kind, limit: of that one, else
    the kind of any; wait_s: until it may be asked again."""

    by_minute: bool = False
    kind: str | None = None
    limit: float | None = None
    wait_s: float | None = None


def read_quota(error: Mapping[str, Any]) -> Quota:
    """Read an error's `details`: QuotaFailure names the limits by ids such as ...RequestsPerMinute..., RetryInfo the
    time. Source: https://cloud.google.com/apis/design/errors#error_details"""
    details = error.get("details")
    parts = [part for part in details if isinstance(part, Mapping)] if isinstance(details, list) else []
    waits = [parse_duration(str(part["retryDelay"])) for part in parts if part.get("retryDelay")]
    lists = [part["violations"] for part in parts if isinstance(part.get("violations"), list)]
    found = [one for violations in lists for one in violations if isinstance(one, Mapping)]
    minutes = [one for one in found if "PerMinute" in str(one.get("quotaId"))]
    named = next(iter(minutes or found), None)
    wait = next((seconds for seconds in waits if seconds is not None), None)
    if named is None:
        return Quota(wait_s=wait)
    kind = TOKENS if "Token" in str(named.get("quotaId")) else REQUESTS
    return Quota(bool(minutes), kind, _number(str(named.get("quotaValue"))) if minutes else None, wait)


def read_sentence(message: str) -> tuple[str | None, float | None, float | None]:
    """(bucket, its limit per minute, units this request needed) as a refusal's sentence names them, else None.

    >>> read_sentence("Rate limit reached on tokens per min (TPM): Limit 10000, Used 9500, Requested 1000.")
    ('tokens', 10000.0, 1000.0)
    """
    per_minute, limit, requested = (told.search(message) for told in (PER_MINUTE, LIMIT, REQUESTED))
    kind = per_minute[1].lower() if per_minute else None
    number = [float(found[1].replace(",", "")) if found else None for found in (limit, requested)]
    return kind, number[0] if kind else None, number[1]
