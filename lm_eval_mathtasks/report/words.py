"""Words of a report: how a status is called, and long lines shortened."""

from __future__ import annotations

STATUS_WORDS = {
    "correct": "correct", "incorrect": "incorrect", "no_answer": "no answer", "truncated": "cut off",
    "unparsable": "unreadable", "over_limit": "too big to check", "gold_unreadable": "reference unreadable",
    "api_error": "no response",
}  # fmt: skip


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters, the last an ellipsis where there were more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
