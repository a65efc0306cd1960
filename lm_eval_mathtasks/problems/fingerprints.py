"""Which known set a question is of: four bytes of a hash for every doc, which give no text away.

They are bundled for sets whose content was at hand (`fingerprints.json`); a question of another set is unknown. One
that stands inside a prompt is found where it fills lines of its own near the end.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.text import letters

FILE = Path(__file__).with_name("fingerprints.json")
# Bytes: by chance one question in 100,000 of other sets is taken for one of these.
_BYTES = 4
# Of a question that stands in a prompt, and of the instructions behind it.
_LINES, _LINES_BEHIND = 12, 4
_LABEL = re.compile(
    r"^\W*(?:question|problem|query|input|instruction|user|human|q)\W{0,3}[:：]\s*", re.IGNORECASE
)


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


def sets_with(question: str) -> frozenset[str]:
    """Return the known sets that have a question, which may stand at the end of a prompt, before instructions."""
    found = (_sets_with(text) for text in (question, *_inside(question)))
    return next(filter(None, found), frozenset())


def _sets_with(text: str) -> frozenset[str]:
    asked = fingerprint_of(text)
    return frozenset(name for name, known in _known().items() if asked in known)


def _inside(prompt: str) -> Iterator[str]:
    """The runs of lines that may be the question of a prompt, those that end last and are longest first: examples that
    stand before it have questions, too."""
    lines = [line for line in prompt.splitlines() if line.strip()]
    for end in range(len(lines), max(0, len(lines) - _LINES_BEHIND - 1), -1):
        for start in range(max(0, end - _LINES), end):
            text = "\n".join(lines[start:end])
            yield from dict.fromkeys((text, _LABEL.sub("", text)))


def known_docs(name: str) -> int | None:
    """Return how many different questions a set has, None where its fingerprints are not here."""
    return len(_known()[name]) if name in _known() else None
