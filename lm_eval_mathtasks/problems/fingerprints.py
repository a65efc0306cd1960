"""Which known set a question is of: four bytes of a hash for every doc, which give no text away.

They are bundled for sets whose content was at hand (`fingerprints.json`); a question of another set is unknown, and so
is one that stands inside a longer prompt.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.text import letters

FILE = Path(__file__).with_name("fingerprints.json")
# Bytes: by chance one question in 100,000 of other sets is taken for one of these.
_BYTES = 4


def fingerprint_of(question: str) -> bytes:
    """Return the fingerprint of a question; copies that differ in case, space and punctuation have the same."""
    return bytes.fromhex(sha256(letters(question))[: 2 * _BYTES])


def packed(questions: Iterable[str]) -> str:
    """Return the fingerprints of a set as the file holds them: sorted, so that they say nothing of an order."""
    return base64.b64encode(b"".join(sorted({fingerprint_of(question) for question in questions}))).decode()


@lru_cache(maxsize=1)
def _known() -> Mapping[str, frozenset[bytes]]:
    stored: Mapping[str, str] = json.loads(FILE.read_text(encoding="ascii"))
    return {name: frozenset(_split(base64.b64decode(text))) for name, text in stored.items()}


def _split(data: bytes) -> Iterable[bytes]:
    return (data[start : start + _BYTES] for start in range(0, len(data), _BYTES))


def sets_of(questions: Iterable[str]) -> dict[str, int]:
    """Return how many of the questions each known set has; sets that have none are left out."""
    asked = [fingerprint_of(question) for question in questions]
    counts = {name: sum(one in known for one in asked) for name, known in _known().items()}
    return {name: count for name, count in counts.items() if count}
