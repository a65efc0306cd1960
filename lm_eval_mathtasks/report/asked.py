"""What was sent for each response, and what it took, as far as a run's log and journal say."""

from collections.abc import Sequence
from os.path import commonprefix
from typing import TypedDict

from lm_eval_mathtasks.report.examine import Examined
from lm_eval_mathtasks.runs.completion import Answered, answered_by
from lm_eval_mathtasks.runs.records import Row

# Characters from which the beginning that all prompts of a run share (shots, a system prompt) is kept once.
WORTH_SHARING = 80


class Took(TypedDict):
    """Tokens, seconds from sending to the last byte, and what the server says it cost in its own currency."""

    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    cost: float | None


class Asked:
    """Prompts and costs of the runs of a page; a run is found by its name's place and its task.

    leads: beginnings that the prompts of a run share; a prompt is (number of its lead or -1, rest).
    """

    def __init__(self, examined: Sequence[Examined]) -> None:
        self.leads: list[str] = []
        self._lead: dict[tuple[int, str], int] = {}
        self._answers: dict[tuple[int, str], Answered] = {}
        for one in examined:
            place = one.number, one.run.task
            # The characters that all begin with: no path.
            shared = commonprefix([row.prompt or "" for row in one.run.rows])  # noqa: RUF071
            if len(one.run.rows) > 1 and len(shared) >= WORTH_SHARING:
                self._lead[place] = self.leads.index(shared) if shared in self.leads else len(self.leads)
                self.leads += [] if shared in self.leads else [shared]
            if one.run.journal is not None:
                self._answers[place] = answered_by(one.run, one.run.journal)

    def prompt(self, number: int, task: str, row: Row) -> tuple[int, str] | None:
        """The prompt of a row as it was sent: messages as JSON, or a text; None where the log has none."""
        # OpenCompass writes null where it keeps no prompt.
        if row.prompt in (None, "", "null"):
            return None
        lead = self._lead.get((number, task), -1)
        return lead, str(row.prompt)[len(self.leads[lead]) if lead >= 0 else 0 :]

    def took(self, number: int, task: str, row: Row, repeat: int) -> Took | None:
        """What a response took; None where nothing says so."""
        answers = self._answers.get((number, task))
        found = answers and answers(row, repeat)
        if not found:
            return None
        usage = found.usage
        return Took(
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            seconds=round(found.latency_s, 2) or None,
            cost=usage.get("cost"),
        )
