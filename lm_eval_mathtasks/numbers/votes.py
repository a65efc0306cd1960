"""The responses to one doc, judged: the input of every sampling metric and of every way of choosing among them."""

from typing import NamedTuple


class Votes(NamedTuple):
    """The n responses to one doc: whether each is correct, and for which answer it votes.

    classes[i] is the index of the graded-equal class of response i's answer (1/2 and 0.5 are one class), None where it
    has no answer. Both have length n, in the order of the repeats.
    """

    doc_id: str
    correct: tuple[bool, ...]
    classes: tuple[int | None, ...]

    @property
    def n(self) -> int:
        """How many responses there are."""
        return len(self.correct)
