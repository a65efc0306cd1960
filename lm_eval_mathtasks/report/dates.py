"""Dates as logs state them, and as people read them."""

from contextlib import suppress
from datetime import datetime, timezone


def moment(text: str | None) -> datetime | None:
    """The time that a log states in seconds since 1970, as lm-eval, or in ISO form (UTC, if it names no zone)."""
    for read in (_of_seconds, datetime.fromisoformat):
        with suppress(ValueError, OverflowError, OSError):
            stated = read(text or "")
            return stated if stated.tzinfo else stated.replace(tzinfo=timezone.utc)
    return None


def _of_seconds(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), timezone.utc)


def shown_date(date: str | None) -> str | None:
    """A log's date as people read it, in UTC; as it stands where it is no date."""
    found = moment(date)
    return found.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if found else date
