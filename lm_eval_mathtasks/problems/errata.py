"""Reference answers that are known to be wrong or contested: a second score beside the official one.

`tasks/<family>/_errata.yaml` lists them, each with a source that a reader can open. An entry with a `gold` corrects
the answer; one without leaves the doc out, because nobody can be right. `exact_match` stays what the publisher's
answers give; `exact_match_errata` is the same accuracy with these entries applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.text import collapsed

KINDS = ("wrong", "contested", "incomplete", "unanswerable")
FINGERPRINT_DIGITS = 16  # hexadecimal, of SHA-256: enough to tell a few thousand questions apart


@dataclass(frozen=True)
class Erratum:
    """A known error. question: fingerprint of the question; gold: the right answer, None where there is none; doc: its
    place in the published file, from 0, where that is known."""

    question: str
    kind: str
    why: str
    source: str
    gold: str | None = None
    doc: int | None = None


def fingerprint(question: str) -> str:
    """What a question is known by in any copy: its normalised text, hashed, so that no text is stored."""
    return hashlib.sha256(collapsed(question).encode()).hexdigest()[:FINGERPRINT_DIGITS]


@cache
def errata(family: str) -> Mapping[str, Erratum]:
    """The known errors of a family by fingerprint, none where it has no file.

    Raises DataError for an entry that is malformed or has no source.
    """
    import yaml

    path = _folder() / family / "_errata.yaml"
    if not path.exists():
        return {}
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["errata"]
    known = [_erratum(path, number, entry) for number, entry in enumerate(entries, start=1)]
    return {erratum.question: erratum for erratum in known}


def erratum_of(family: str, question: str) -> Erratum | None:
    """The known error of a question in a family, None where none is known."""
    return errata(family).get(fingerprint(question))


def _erratum(path: Path, number: int, entry: dict[str, Any]) -> Erratum:
    try:
        erratum = Erratum(**entry)
    except TypeError as error:
        raise DataError(
            f"question, kind, why, source, perhaps gold and doc in entry {number} of {path}",
            str(error),
            "mend it",
        ) from None
    if erratum.kind not in KINDS or not erratum.source.startswith("https://"):
        raise DataError(
            f"a kind of {', '.join(KINDS)} and a source to open in entry {number} of {path}",
            f"{erratum.kind!r}, {erratum.source!r}",
            "mend it",
        )
    return erratum


def _folder() -> Path:
    """The folder of the families: inside an installed package, else at the top of the source tree."""
    package = Path(__file__).parents[1]
    installed = package / "_tasks"
    return installed if installed.is_dir() else package.parent / "tasks"
