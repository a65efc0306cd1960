"""Requests that another process on the same journal is asking now: its answers are taken when they are there."""

import logging
from collections.abc import Sequence

from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models.payload import Ask
from lm_eval_mathtasks.models.run_report import RunReport

log = logging.getLogger(__name__)

# Between looks into the journal for as many requests at most; for more, longer, so that looking costs little.
POLL_S, AT_A_LOOK = 1.0, 1000


class Others:
    """Requests of this run that others may be asking."""

    def __init__(self, asks: Sequence[Ask], journal: Journal, report: RunReport) -> None:
        self._asks = {ask.key: ask for ask in asks}
        self._journal, self._report = journal, report

    def say(self) -> None:
        """Say that they are waited for."""
        if self._asks:
            said = "another process on %s is asking for %d of the answers; they are taken from there"
            log.warning(said, self._journal.path, len(self._asks))

    def __len__(self) -> int:
        return len(self._asks)

    def left(self) -> list[Ask]:
        """The requests that the others gave up, claimed by this process; those that have been answered are left out."""
        self._take()
        if not self._asks:
            return []
        theirs = self._journal.claim(list(self._asks))
        # One that is nobody's now may have been answered between looking and claiming.
        self._take()
        left = [ask for key, ask in self._asks.items() if key not in theirs]
        for ask in left:
            del self._asks[ask.key]
        return left

    def _take(self) -> None:
        for key in self._journal.answered(list(self._asks)):
            self._report.from_journal += 1
            del self._asks[key]
