"""What a run would take: requests, tokens, the least time the limits allow, the cost."""

import logging
from collections.abc import Iterator, Sequence

from lm_eval_mathtasks.journal.queries import latest_answer
from lm_eval_mathtasks.models.headers import MINUTE_S
from lm_eval_mathtasks.models.money import Price, TokenMeter
from lm_eval_mathtasks.models.payload import Ask
from lm_eval_mathtasks.models.settings import Settings

log = logging.getLogger(__name__)
PROMPT = ("messages", "prompt")


class Planned(SystemExit):
    """The run ends here by intention (dry_run, batch_out), with exit code 0; `lines` said what was planned."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(0)
        self.lines = lines


def estimate(settings: Settings, price: Price | None, asks: Sequence[Ask], total: int) -> Iterator[str]:
    """The lines that --dry-run prints of `asks`, the requests out of `total` that are not in the journal."""
    meter = TokenMeter()
    prompt = sum(int(meter.estimate(ask.prompt_chars)) for ask in asks)
    written = sum(ask.max_tokens for ask in asks)
    # The last request may leave when the bucket, full at the start, has been refilled for all before it.
    waits = [
        max(0.0, needed - limit) / limit * MINUTE_S
        for needed, limit in ((len(asks), settings.rpm), (prompt + written, settings.tpm))
        if limit
    ]
    yield f"{total} requests, {total - len(asks)} of them in the journal, {len(asks)} to ask"
    yield f"about {prompt} prompt tokens, at most {written} written"
    least = max(waits, default=0.0)
    yield f"the limits given allow it in {least:.0f} s at the least, and the latency of an answer on top"
    if price is None:
        yield "cost: no price is known for this model (give prices=path)"
        return
    most = price.cost({"prompt_tokens": prompt, "completion_tokens": written})
    yield f"cost: at most ${most:.2f}, ${most * price.batch:.2f} as a batch ({price.source})"


def say_settings(ask: Ask, settings: Settings) -> None:
    """Say it if the journal has an answer to this doc that is not used, because it was asked for otherwise."""
    if last := latest_answer(settings.journal, ask.task, ask.doc_id):
        was, now = {**last.request, "base_url": last.endpoint}, {**ask.payload, "base_url": settings.base_url}
        names = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
        said = ("the prompt" if n in PROMPT else f"{n} {was.get(n)!r}, now {now.get(n)!r}" for n in names)
        log.warning("the journal's answers to these docs were asked with other settings: %s", "; ".join(said))
