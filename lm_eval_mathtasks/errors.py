"""Every error this package raises on purpose, by the boundary that was crossed.

MathtasksError
├── TaskError          a task, its YAML or its name
├── DataError          documents: missing, malformed, without gold, wrong checksum
│   └── NotAtHand        a set that was not found where it was looked for
├── ReplayError        a file of responses
├── ModelError         a model: its arguments, its files, its key, or its server
│   ├── RunFatal         no request can succeed: key, quota, unknown model
│   └── ItemFatal        this request can never succeed: context length, content filter
├── JournalError       the journal of an API model
├── EvidenceError      logs of a run
├── Undefined          a number that does not exist, such as pass@8 of four responses
├── ScoreError         scores of responses, or the verifier that gives them
├── ClaimError         published scores
├── TrainingError      the configuration, data or model of a training run
└── PresetError        published protocols

A message is sentences: "Expected WANTED, got GOT. FIX." So `wanted` and `got` are nouns ("a file of responses", "no
path"), and `fix` is a sentence that may begin in lower case ("add --model_args path=..."), or an option to try
("--benchmark GSM8K"). A text that is a whole message already goes in as `wanted` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches


class MathtasksError(Exception):
    """Base of all errors of this package; `wanted`, `got` and `fix` hold the parts of its text."""

    def __init__(self, wanted: str, got: str = "", fix: str = "") -> None:
        self.wanted, self.got, self.fix = wanted, got, fix
        if got or fix:
            wanted = sentence(f"Expected {wanted}" + (f", got {got}" if got else ""))
        super().__init__(f"{wanted}{sentence(fix)}".rstrip())

    def __reduce__(self) -> tuple[type[MathtasksError], tuple[str, str, str]]:
        return type(self), (self.wanted, self.got, self.fix)


def sentence(text: str) -> str:
    """Return a text as a sentence, or several, with the white space after it.

    >>> sentence("add it") + sentence("--repeats 8")
    'Add it. Try --repeats 8. '
    >>> sentence("mathtasks train sft") + sentence("the file's columns")
    "Try mathtasks train sft. The file's columns. "
    """
    if not text or text.endswith("\n"):
        return text
    first = text.split(maxsplit=1)[0].rstrip(".,:;?!")
    word = first[:1].isalpha() and first.replace("-", "").replace("'", "").isalpha()
    if not (word or text[0] in "`'\"({[<\\") or first in ("mathtasks", "pip"):
        # A flag, a command, a path or a name is written as it is.
        text = f"Try {text}"
    elif text[0].isalpha():
        text = text[0].upper() + text[1:]
    return f"{text} " if text.endswith((".", "!", "?")) else f"{text}. "


@contextmanager
def as_error(
    error: type[MathtasksError], wanted: str, fix: str, *faults: type[Exception], named: bool = False
) -> Iterator[None]:
    """Raise `error` for a fault of these kinds that is raised within; the first line of its text is what was got, of a
    failed import all of it, because what is to be installed stands on the others. named: all of it behind the name of
    its kind, for faults whose text alone says little, such as that of a KeyError."""
    try:
        yield
    except faults as fault:
        text = str(fault).strip()
        got = " ".join(text.split()) if isinstance(fault, ImportError) else text.partition("\n")[0]
        raise error(wanted, f"{type(fault).__name__}: {fault}" if named else got, fix) from fault


def did_you_mean(word: str, known: Iterable[str], otherwise: str, *, n: int = 1, cutoff: float = 0.6) -> str:
    """What to try instead of an unknown word: at most `n` known ones that are alike (difflib), else `otherwise`."""
    near = get_close_matches(word, list(known), n, cutoff)
    return f"did you mean {', '.join(near)}?" if near else otherwise


class TaskError(MathtasksError):
    """A task is unknown, its YAML is malformed, or its name collides."""


class DataError(MathtasksError):
    """Documents are missing, malformed, without gold, or not the ones they should be."""


class NotAtHand(DataError):
    """A set is at none of the places where it was looked for."""


class ReplayError(MathtasksError):
    """A file of responses does not match the requests."""


class ModelError(MathtasksError):
    """A model cannot be asked, or did not answer: its arguments, its files, its key, or its server."""


class RunFatal(ModelError):
    """No request can succeed: a wrong key, a spent quota, an unknown model."""


class ItemFatal(ModelError):
    """This request can never succeed: too long for the context, refused by a content filter."""


class JournalError(MathtasksError):
    """The journal of an API model is missing, damaged, of another version, or cannot be written."""


class EvidenceError(MathtasksError):
    """The logs of a run are missing, incomplete or contradict themselves."""


class ScoreError(MathtasksError):
    """Scores of responses are missing, malformed or not those of the run, or a verifier cannot give them."""


class PresetError(MathtasksError):
    """A published protocol is unknown, malformed, or cannot be run as asked."""


class ClaimError(MathtasksError):
    """A published score is malformed, without source, or unknown."""


class TrainingError(MathtasksError):
    """A training run is configured wrongly, would not learn what it should, or cannot be started."""


class Undefined(MathtasksError):
    """A number that does not exist: pass@8 of four responses."""
