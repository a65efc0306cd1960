"""Every error this package raises on purpose, by the boundary that was crossed.

MathtasksError
├── TaskError          a task, its YAML or its name
├── DataError          documents: missing, malformed, without gold, wrong checksum
├── ReplayError        a file of responses
├── ModelError         a model behind an API
│   ├── RunFatal         no request can succeed: key, quota, unknown model
│   ├── ItemFatal        this request can never succeed: context length, content filter
│   └── Transient        the same request may succeed later
├── JournalError       the journal of an API model
├── EvidenceError      logs of a run
├── Undefined          a number that does not exist, such as pass@8 of four responses
├── ScoreError         scores of responses, or the verifier that gives them
├── ClaimError         published scores
└── PresetError        published protocols

A message says what was wanted, what was got and how to fix it; `wanted`, `got` and `fix` hold the parts.
"""

from __future__ import annotations


class MathtasksError(Exception):
    """Base of all errors of this package; its text is the three parts in one sentence each."""

    def __init__(self, wanted: str, got: str = "", fix: str = "") -> None:
        self.wanted, self.got, self.fix = wanted, got, fix
        parts = (wanted, f"got {got}" if got else "", f"to fix it: {fix}" if fix else "")
        super().__init__("; ".join(part for part in parts if part))

    def __reduce__(self) -> tuple[type[MathtasksError], tuple[str, str, str]]:
        return type(self), (self.wanted, self.got, self.fix)


class TaskError(MathtasksError):
    """A task is unknown, its YAML is malformed, or its name collides."""


class DataError(MathtasksError):
    """Documents are missing, malformed, without gold, or not the ones they should be."""


class ReplayError(MathtasksError):
    """A file of responses does not match the requests."""


class ModelError(MathtasksError):
    """A model behind an API did not answer."""


class RunFatal(ModelError):
    """No request can succeed: a wrong key, a spent quota, an unknown model."""


class ItemFatal(ModelError):
    """This request can never succeed: too long for the context, refused by a content filter."""


class Transient(ModelError):
    """The same request may succeed later."""


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


class Undefined(MathtasksError):
    """A number that does not exist: pass@8 of four responses."""
