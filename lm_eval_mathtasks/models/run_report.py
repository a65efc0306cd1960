"""What happened in a run of the API model, for the exit status, the table and the log."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

SHOWN = 10  # docs without an answer that are named
OK, FAILED, STOPPED = 0, 1, 3  # exit codes: all answered; some docs without an answer; stopped before the end


@dataclass
class RunReport:
    """Counts of one run. `failed`: docs without an answer, by kind; `missing`: their names; `faults`: failed attempts,
    by kind; `refusals`: requests the server would not take at that moment; `cost` in US dollars, where a price is
    known; `unsure`: attempts that died without an account of their tokens, which may be charged or not."""

    model: str
    journal: str
    asked: int = 0
    from_journal: int = 0
    answered: int = 0
    truncated: int = 0
    attempts: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, str] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    unsure: int = 0
    unsure_tokens: float = 0.0
    unsure_cost: float = 0.0
    price_source: str | None = None
    wall_s: float = 0.0
    stopped: str | None = None

    @property
    def exit_code(self) -> int:
        """0: every doc has an answer; 1: some have none; 3: the run was stopped."""
        return STOPPED if self.stopped else FAILED if self.failed else OK

    @property
    def tokens(self) -> int:
        """Tokens that servers have charged."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def named(self) -> str:
        """The first docs without an answer."""
        more = len(self.missing) - SHOWN
        return ", ".join(self.missing[:SHOWN]) + (f" and {more} more" if more > 0 else "")

    def lines(self) -> Iterator[str]:
        """The report for a terminal."""
        yield (
            f"{self.asked} requests to {self.model}: {self.from_journal} from the journal, {self.answered} answered in "
            f"{self.wall_s:.1f} s with {self.attempts} attempts, {sum(self.failed.values())} without an answer"
        )
        money = f", ${self.cost:.4f} ({self.price_source})" if self.price_source else ""
        yield f"tokens: {self.prompt_tokens} prompt + {self.completion_tokens} written{money}"
        if self.unsure:
            money = f", ${self.unsure_cost:.4f}" if self.price_source else ""
            tokens = f"at most {self.unsure_tokens:.0f} tokens{money}"
            yield f"may be charged too: {self.unsure} attempts that died, {tokens}"
        counted = {"without an answer": self.failed, "faults": self.faults, "refusals": self.refusals}
        for name, counts in counted.items():
            if counts:
                yield f"{name}: " + ", ".join(f"{n} x {kind}" for kind, n in counts.most_common())
        if self.missing:
            yield f"docs without an answer: {self.named}"
        if self.truncated:
            yield f"cut off by the token limit: {self.truncated}"
        for parameter, reason in self.dropped.items():
            yield f"not sent, because the server refuses it: {parameter} ({reason})"
        if self.stopped:
            yield f"stopped before the end: {self.stopped}"
        yield f"journal: {self.journal}"


# Of all runs in this process, oldest first.
run_reports: list[RunReport] = []
