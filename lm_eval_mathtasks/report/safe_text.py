"""Text from models, made harmless to look at: control characters are shown by name, long lines are shortened."""

from __future__ import annotations

import re

STATUS_WORDS = {
    "correct": "correct", "incorrect": "incorrect", "no_answer": "no answer", "truncated": "cut off",
    "unparsable": "unreadable", "over_limit": "too big to check", "gold_unreadable": "reference unreadable",
    "api_error": "no response",
}  # fmt: skip
# Controls but tab and newline, marks that turn the direction of writing, line separators, lone surrogates:
# what they do to a page is not what is in the text. report.js has the same list.
_HIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Return a text with characters that hide or reorder others shown as ⟨U+202E⟩."""
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters, the last an ellipsis where there were more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
