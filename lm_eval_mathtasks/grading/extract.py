"""Find the answer in a response."""

from __future__ import annotations

import re

from lm_eval_mathtasks.grading.verdict import Extraction

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def extract_answer(response: str | None, *, finish_reason: str | None = None) -> Extraction:
    """Return the answer a response gives."""
    found = list(_NUMBER.finditer(response or ""))
    if not found:
        return Extraction(None, "none", truncated=finish_reason == "length")
    return Extraction(found[-1].group(), "last_number", found[-1].span())
