"""Reference answers that are known to be wrong or contested: a second score beside the official one.

`tasks/<family>/_errata.yaml` lists them, each with a source that a reader can open. An entry with a `gold` corrects
the answer; one without leaves the doc out, because nobody can be right. `exact_match` stays what the publisher's
answers give; `exact_match_errata` is the same accuracy with these entries applied. An entry holds wherever its question
is asked: sets quote each other, and what is right does not depend on the set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.text import collapsed

# Hexadecimal digits of SHA-256: enough to tell a million questions apart.
FINGERPRINT_DIGITS = 16


@dataclass(frozen=True)
class Erratum:
    """A known error. question: its fingerprint; kind: wrong, contested, incomplete or unanswerable; gold: the right
    answer, None where there is none; doc: its place in the published file, from 0, where that is known."""

    question: str
    kind: str
    why: str
    source: str
    gold: str | None = None
    doc: int | None = None


def fingerprint(question: str) -> str:
    """What a question is known by in any copy: its normalised text, hashed, so that no text is stored."""
    return sha256(collapsed(question))[:FINGERPRINT_DIGITS]


def errata(family: str) -> Mapping[str, Erratum]:
    """The known errors of a family by fingerprint, none where it has no file."""
    import yaml

    path = data_folder("tasks") / family / "_errata.yaml"
    if not path.exists():
        return {}
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["errata"]
    return {entry["question"]: Erratum(**entry) for entry in entries}


def erratum_of(question: str) -> Erratum | None:
    """The known error of a question's reference answer, None where none is known."""
    return all_errata().get(fingerprint(question))


@cache
def all_errata() -> Mapping[str, Erratum]:
    """The known errors of every family by fingerprint."""
    families = (path.parent.name for path in sorted(data_folder("tasks").glob("*/_errata.yaml")))
    return {question: erratum for family in families for question, erratum in errata(family).items()}
