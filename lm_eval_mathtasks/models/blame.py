"""Whose fault a failure is that repeats itself: one doc's, or the server's.

A doc that fails again and again while others are answered is at fault itself where chance would do that to one doc in
ten thousand, by how often first attempts fail here. At the end of a run, where all that are left fail, nobody can be
answered meanwhile; there time tells, in which a server that was down would be up again.
"""

import math
import time
from dataclasses import dataclass

from lm_eval_mathtasks.models.run_report import RunReport

CHANCE, LEAST_ALONE = 1e-4, 5
FOR_A_RATE = 4  # times as many refusals for a rate, which says less than a failure
# Seconds after the last answer; fewer if others were answered since the doc failed first.
END_S, END_SEEN_S = 120.0, 30.0


@dataclass
class Record:
    """Failures of one request, refusals included; `alone`: those since the one before which others were answered."""

    failures: int = 0
    alone: int = 0
    answered: int | None = None  # answers of the run, when it failed last


class Blame:
    """What one run shows; tell it of each attempt."""

    def __init__(self, report: RunReport) -> None:
        self._report = report
        self._firsts = self._firsts_failed = 0  # first attempts
        self._answered_at = time.monotonic()
        self._failing: set[str] = set()  # keys of requests that have failed, and have no answer yet
        self._failed: set[str] = set()  # keys of requests that have failed since the last answer

    def answered(self, record: Record) -> None:
        """A request has its answer."""
        self._firsts += not record.failures
        self._answered_at = time.monotonic()
        self._failed.clear()

    def of_doc(self, record: Record, key: str) -> bool:
        """Whether others were answered while this request was refused, or nobody else has failed since an answer."""
        answered = self._report.answered or self._report.from_journal
        return record.alone > 0 or bool(answered and self._failed <= {key})

    def over(self, key: str) -> None:
        """A request is not asked any more."""
        self._failing.discard(key)

    def failed(self, record: Record, key: str, factor: int = 1) -> bool:
        """A request failed once more; whether it fails by itself. `factor`: how many failures count as one."""
        report, answered = self._report, self._report.answered
        self._firsts += not record.failures
        self._firsts_failed += not record.failures
        record.failures += 1
        record.alone += record.answered is not None and answered > record.answered
        record.answered = answered
        self._failing.add(key)
        self._failed.add(key)
        share = (self._firsts_failed + 1) / (self._firsts + 2)
        if record.alone >= factor * max(LEAST_ALONE, math.ceil(math.log(CHANCE, share))):
            return True
        left = report.asked - report.from_journal - answered - report.failed.total()
        ending = left <= len(self._failing) and (answered or report.from_journal)
        silent = time.monotonic() - self._answered_at
        given = factor * (END_SEEN_S if record.alone else END_S)
        return bool(ending and record.failures >= factor * LEAST_ALONE and silent > given)
