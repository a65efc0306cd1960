"""What a server says about its limits, in every form that is known."""

import time

import pytest

from lm_eval_mathtasks.models.headers import (
    Reading,
    parse_duration,
    parse_reset,
    read_limits,
    read_sentence,
    read_wait,
)

NOON = 1_763_726_400.0  # 2025-11-21T12:00:00Z
NOON_DATE = "Fri, 21 Nov 2025 12:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360), ("120ms", 0.12), ("1.5s", 1.5), ("59.7", 59.7), ("1h2m3s", 3723), ("8.64s", 8.64), ("1d", 86400),
     ("0s", 0), ("2m59.56s", 179.56), ("17µs", 17e-6), ("", None), ("soon", None), ("5 apples", None), ("-3", None)],
)  # fmt: skip
def test_durations(text, seconds):
    assert parse_duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("2025-11-21T12:00:07Z", 7), ("2025-11-21T13:00:07+01:00", 7), ("Fri, 21 Nov 2025 12:00:09 GMT", 9),
     (str(int(NOON + 11)), 11), (str(int((NOON + 13) * 1000)), 13), ("2025-11-21T11:59:00Z", 0), ("later", None)],
)  # fmt: skip
def test_resets_are_durations_or_instants(text, seconds):
    assert parse_reset(text, NOON) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("part", ["9" * 26 + " Jan 2024 00:00:00 GMT", "1 Jan 2024 00:00:00 -2400000000000"])
def test_a_date_beyond_every_clock_says_nothing(part):
    """It raised, and one such header ended the run."""
    assert read_wait({"retry-after": f"Mon, {part}"}) is None
    assert read_limits({"date": f"Mon, {part}"}) == {}


def test_instants_are_read_by_the_servers_clock_not_ours(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)  # our clock is half a century slow
    assert read_wait({"Retry-After": "Fri, 21 Nov 2025 12:00:20 GMT", "Date": NOON_DATE}) == 20
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2025-11-21T12:00:02Z",
        "Date": NOON_DATE,
    }
    assert read_limits(headers) == {"requests": Reading(50, 49, 2.0)}


def test_openai_and_generic_names():
    headers = {
        "X-RateLimit-Limit-Requests": "500", "x-ratelimit-remaining-requests": "498",
        "x-ratelimit-reset-requests": "240ms", "x-ratelimit-limit-tokens": "30000",
        "x-ratelimit-remaining-tokens": "29000", "x-ratelimit-reset-tokens": "2s",
    }  # fmt: skip
    assert read_limits(headers) == {"requests": Reading(500, 498, 0.24), "tokens": Reading(30000, 29000, 2.0)}
    generic = {"ratelimit-limit": "10, 10;w=1", "ratelimit-remaining": "3", "ratelimit-reset": "1"}
    assert read_limits(generic) == {"requests": Reading(10, 3, 1.0, windowed=True)}
    assert read_limits({"content-type": "text/html", "x-ratelimit-reset-requests": "1s"}) == {}


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after-ms": "240", "retry-after": "1"}, "", 0.24),
        ({"retry-after": "1"}, "Please try again in 240ms.", 0.24),
        ({"retry-after": "7"}, "", 7),
        ({}, "Please try again in 1m2.5s. Visit our site", 62.5),
        ({}, "Please retry after 6 seconds.", 6),
        ({}, "try again in 60ms", 0.06),
        ({}, "Please wait 9 seconds before retrying.", 9),
        ({}, "Request was throttled. Expected available in 1 second.", 1),
        ({}, "No worker was available after 30 seconds", None),
        ({}, "gave up on a wait of 600 seconds", None),
        ({"x-ratelimit-reset-requests": "3s"}, "", 3),
        ({"x-ratelimit-reset-requests": "60s", "x-ratelimit-limit-requests": "500"}, "", None),
        ({}, "Too many requests", None),
        ({}, "The year 2025 will try your patience", None),
    ],
)
def test_how_long_a_refusal_asks_to_wait(headers, message, seconds):
    assert read_wait(headers, message) == (None if seconds is None else pytest.approx(seconds))


def test_the_sentence_of_a_refusal():
    said = "Rate limit reached for m on tokens per min (TPM): Limit 30,000, Used 29000, Requested 2100."
    assert read_sentence(said) == ("tokens", 30000, 2100)
    assert read_sentence("on requests per day (RPD): Limit 200, Used 200, Requested 1") == (None, None, 1)
    said = "This request would exceed your organization's rate limit of 40,000 input tokens per minute."
    assert read_sentence(said) == ("tokens", 40000, None)
    assert read_sentence("the rate limit of your plan allows 3 tokens per minute") == ("tokens", None, None)
    assert read_sentence("slow down") == (None, None, None)


@pytest.mark.parametrize("text", ["9" * 400, "1e999", "-5", "nan", "inf", "²", "", " ", "9" * 400 + "s"])
def test_a_header_that_is_no_sensible_number_says_nothing_infinite(text):
    headers = {f"x-ratelimit-{field}-requests": text for field in ("limit", "remaining", "reset")}
    for reading in read_limits({**headers, "retry-after": text}).values():
        assert all(v is None or v < 1e16 for v in (reading.limit, reading.remaining, reading.reset_s))
    assert (read_wait({"retry-after": text, "retry-after-ms": text}) or 0) < 1e16
