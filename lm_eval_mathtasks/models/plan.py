"""What a run would take: requests, tokens, the least time the limits allow, the cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lm_eval_mathtasks.models.headers import MINUTE_S
from lm_eval_mathtasks.models.money import Price, TokenMeter
from lm_eval_mathtasks.models.payload import Ask
from lm_eval_mathtasks.models.settings import Settings


class Planned(SystemExit):
    """The run ends here by intention (dry_run, batch_out), with exit code 0; `lines` said what was planned."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(0)
        self.lines = lines


@dataclass(frozen=True)
class Estimate:
    """Sums over the requests that are not in the journal: prompt tokens, the most that may be written, the least
    seconds that rpm and tpm allow (both buckets full at the start), US dollars at most (None: no price)."""

    total: int
    missing: int
    prompt_tokens: int
    most_written: int
    least_s: float
    most_cost: float | None
    price_source: str | None

    def lines(self) -> Iterator[str]:
        """The estimate for a terminal."""
        yield f"{self.total} requests, {self.total - self.missing} of them in the journal, {self.missing} to ask"
        yield f"about {self.prompt_tokens} prompt tokens, at most {self.most_written} written"
        yield f"the limits given allow it in {self.least_s:.0f} s at the least, and the latency of an answer on top"
        if self.most_cost is None:
            yield "cost: no price is known for this model (give prices=path)"
        else:
            yield f"cost: at most ${self.most_cost:.2f}, half that as a batch ({self.price_source})"


def measure(settings: Settings, price: Price | None, asks: Iterable[Ask], total: int) -> Estimate:
    """The Estimate of `asks`, out of `total` requests."""
    meter = TokenMeter()
    missing = prompt = written = 0
    for ask in asks:
        missing, prompt = missing + 1, prompt + int(meter.estimate(ask.prompt_chars))
        written += ask.max_tokens
    usage = {"prompt_tokens": prompt, "completion_tokens": written}
    # The last request may leave when the bucket, full at the start, has been refilled for all before it.
    waits = [
        max(0.0, needed - limit) / limit * MINUTE_S
        for needed, limit in ((missing, settings.rpm), (prompt + written, settings.tpm))
        if limit
    ]
    cost = price.cost(usage) if price else None
    return Estimate(
        total, missing, prompt, written, max(waits, default=0.0), cost, price.source if price else None
    )


def estimate(settings: Settings, price: Price | None, asks: Iterable[Ask], total: int) -> Iterator[str]:
    """The lines that --dry-run prints."""
    return measure(settings, price, asks, total).lines()
