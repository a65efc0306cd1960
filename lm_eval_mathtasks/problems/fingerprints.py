"""Which known set a question is of, and whether a reference answer is the published one: four bytes of a hash for every
question and one for its answer, which give no text away.

They are bundled for sets whose content was at hand (`fingerprints.json`); a question of another set is unknown. One
that stands inside a prompt is found where it fills lines of its own near the end.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.problems.gold import gold_key
from lm_eval_mathtasks.text import letters

FILE = Path(__file__).with_name("fingerprints.json")
# Bytes: by chance one question in 100,000 of other sets is taken for one of these.
_BYTES = 4
# Another answer has the same byte once in so many times: what is seen to differ is that much less than what differs.
ANSWERS_TOLD_APART = 256
# Of a question that stands in a prompt, and of the instructions behind it.
_LINES, _LINES_BEHIND = 12, 4
_LABEL = re.compile(
    r"^\W*(?:question|problem|query|input|instruction|user|human|q)\W{0,3}[:：]\s*", re.IGNORECASE
)


class Recognised(NamedTuple):
    """The known sets that have a question, and those of them in which the reference answer is the one that was asked
    about; None where none was."""

    sets: frozenset[str]
    same_gold: frozenset[str] | None


def fingerprint_of(question: str) -> bytes:
    """Return the fingerprint of a question; see `text.letters`: copies that spell it otherwise have the same."""
    return bytes.fromhex(sha256(letters(question))[: 2 * _BYTES])


def _of_answer(asked: bytes, gold: str) -> int:
    """The byte of an answer: of the doc, so that equal answers of a set differ by it."""
    return int(sha256(asked + gold_key(gold).encode())[:2], 16)


def packed(docs: Iterable[tuple[str, str]]) -> str:
    """Return the fingerprints of a set's (question, gold) as the file holds them: sorted, so that they say nothing of
    an order."""
    asked = ((fingerprint_of(question), gold) for question, gold in docs)
    entries = {one + bytes([_of_answer(one, gold)]) for one, gold in asked}
    return base64.b64encode(b"".join(sorted(entries))).decode()


def unpacked(text: str) -> Mapping[bytes, bytes]:
    """Return the bytes of the answers by question: of one that a set has twice there may be two."""
    data, found = base64.b64decode(text), dict[bytes, bytes]()
    for start in range(0, len(data), _BYTES + 1):
        asked, answer = data[start : start + _BYTES], data[start + _BYTES : start + _BYTES + 1]
        found[asked] = found.get(asked, b"") + answer
    return found


@lru_cache(maxsize=1)
def _known() -> Mapping[str, Mapping[bytes, bytes]]:
    stored: Mapping[str, str] = json.loads(FILE.read_text(encoding="ascii"))
    return {name: unpacked(text) for name, text in stored.items()}


def recognised(question: str, gold: str | None = None, *, whole: bool = False) -> Recognised:
    """Return which known sets have a question, which may stand at the end of a prompt, before instructions; and which
    of them publish this reference answer. whole: the text is the question, and nothing else."""
    for text in (question, *(() if whole else _inside(question))):
        asked = fingerprint_of(text)
        if sets := frozenset(name for name, known in _known().items() if asked in known):
            if gold is None:
                return Recognised(sets, None)
            answer = _of_answer(asked, gold)
            return Recognised(sets, frozenset(name for name in sets if answer in _known()[name][asked]))
    return Recognised(frozenset(), None if gold is None else frozenset())


def _inside(prompt: str) -> Iterator[str]:
    """The runs of lines that may be the question of a prompt, those that end last and are longest first: examples that
    stand before it have questions, too."""
    lines = [line for line in prompt.splitlines() if line.strip()]
    for end in range(len(lines), max(0, len(lines) - _LINES_BEHIND - 1), -1):
        for start in range(max(0, end - _LINES), end):
            text = "\n".join(lines[start:end])
            yield from dict.fromkeys((text, _LABEL.sub("", text)))


def known_docs() -> Mapping[str, int]:
    """Return how many different questions each known set has."""
    return {name: len(known) for name, known in _known().items()}
