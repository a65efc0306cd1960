"""The two results of judging: an `Extraction` and a `Verdict`."""

from enum import Enum
from typing import NamedTuple


class Status(str, Enum):
    """What a verdict can be. The statuses are different facts: only CORRECT scores."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    NO_ANSWER = "no_answer"
    UNFINISHED = "unfinished"
    UNPARSABLE = "unparsable"
    OVER_LIMIT = "over_limit"
    GOLD_UNREADABLE = "gold_unreadable"

    def __str__(self) -> str:
        return self.value


# What people call each: "cut off" alone also counts responses that had answered before the cut, see `judge.Judgement`.
STATUS_WORDS = {
    Status.CORRECT: "correct",
    Status.INCORRECT: "incorrect",
    Status.NO_ANSWER: "no answer",
    Status.UNFINISHED: "cut off before an answer",
    Status.UNPARSABLE: "unreadable",
    Status.OVER_LIMIT: "too big to check",
    Status.GOLD_UNREADABLE: "reference unreadable",
}


class Extraction(NamedTuple):
    """What a response gave as its answer.

    answer: the answer's text as written (delimiters removed), or None if none was found;
    rule: name of the rule that found it, "none" if none did;
    span: `response[span[0]:span[1]]` is the answer's place in the response, None without an answer;
    truncated: the response was cut off before it could give an answer; never one whose server says that it stopped.
    """

    answer: str | None
    rule: str
    span: tuple[int, int] | None = None
    truncated: bool = False


class Verdict(NamedTuple):
    """Whether an answer equals the reference answer.

    status: see `Status`; reason: one short clause for people; tier: which part of the grader decided.
    """

    status: Status
    reason: str
    tier: str

    @property
    def correct(self) -> bool:
        """True only for `Status.CORRECT`."""
        return self.status is Status.CORRECT
