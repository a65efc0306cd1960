"""Words of a report: how a status is called, and long lines shortened."""

from __future__ import annotations

from lm_eval_mathtasks.grading.verdict import STATUS_WORDS as VERDICT_WORDS

# By the name of the status; a response that never came has no verdict.
STATUS_WORDS = {**{str(status): words for status, words in VERDICT_WORDS.items()}, "api_error": "no response"}


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters, the last an ellipsis where there were more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
