"""Dates as logs state them, and as people read them."""

from datetime import datetime, timezone


def moment(text: str | None) -> datetime | None:
    """The time that a log states in seconds since 1970, as lm-eval, or in ISO form (UTC, if it names no zone)."""
    try:
        return datetime.fromtimestamp(float(text or ""), timezone.utc)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        stated = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return stated if stated.tzinfo else stated.replace(tzinfo=timezone.utc)


def shown_date(date: str | None) -> str | None:
    """A log's date as people read it, in UTC; as it stands where it is no date."""
    found = moment(date)
    return found.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC") if found else date
