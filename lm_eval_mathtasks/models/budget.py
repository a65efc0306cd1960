"""The two limits of one key: requests a minute and tokens a minute."""

from lm_eval_mathtasks.models.headers import REQUESTS, TOKENS, Reading
from lm_eval_mathtasks.models.limits import Bucket, Mark


class Budget:
    """The requests bucket and the tokens bucket of one key."""

    def __init__(self, rpm: float | None, tpm: float | None, now: float) -> None:
        self.buckets = {REQUESTS: Bucket(rpm, now), TOKENS: Bucket(tpm, now)}

    def wait(self, tokens: float, now: float) -> float:
        """Seconds until a request that reserves `tokens` may leave."""
        return max(self.buckets[REQUESTS].wait(1.0, now), self.buckets[TOKENS].wait(tokens, now))

    def take(self, tokens: float, now: float) -> dict[str, Mark]:
        """Charge one request of `tokens`; the marks belong to its answer's headers."""
        return {
            REQUESTS: self.buckets[REQUESTS].take(1.0, now),
            TOKENS: self.buckets[TOKENS].take(tokens, now),
        }

    def observe(self, readings: dict[str, Reading], marks: dict[str, Mark], now: float) -> None:
        """Take in the headers of an admitted request."""
        for kind, bucket in self.buckets.items():
            bucket.observe(readings.get(kind, Reading(None, None, None)), marks[kind], now)
