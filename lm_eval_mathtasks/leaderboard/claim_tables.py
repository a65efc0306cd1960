"""Tables of claims: which to show, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_mathtasks.errors import ClaimError, did_you_mean
from lm_eval_mathtasks.leaderboard.aliases import simplified
from lm_eval_mathtasks.leaderboard.claims import Claim, Claims
from lm_eval_mathtasks.leaderboard.compare import score_of_claim
from lm_eval_mathtasks.runs.records import Protocol
from lm_eval_mathtasks.tables import Cell, Name, Share, Table


@dataclass(frozen=True)
class Filter:
    """Which claims; None leaves a field open. family: part of a model's name. shots and k compare exactly."""

    benchmark: str | None = None
    model: str | None = None
    family: str | None = None
    kind: str | None = None
    min_size: float | None = None
    max_size: float | None = None
    metric: str | None = None
    shots: int | None = None
    cot: bool | None = None
    tools: str | None = None
    k: int | None = None
    reported_by: str | None = None
    every: bool = False

    def keep(self, claims: Claims) -> list[Claim]:
        """Return the claims that fit, by benchmark and score; raises ClaimError for an unknown model or benchmark."""
        names = {m.name for m in claims.models.resolve(self.model)} if self.model else None
        wanted = self._benchmark(claims)
        kept = [c for c in claims.rows if self._fits(c, names, wanted)]
        # Wrong and unpublished numbers come after all others: their place would be a rank.
        return sorted(kept, key=lambda c: (c.benchmark, not c.ranked, -c.score, c.model))

    def _benchmark(self, claims: Claims) -> str | None:
        if self.benchmark is None:
            return None
        found = claims.benchmark_of(self.benchmark)
        if found is None:
            every = f"take one of {', '.join(claims.benchmarks)}"
            fix = did_you_mean(self.benchmark, claims.benchmarks, every, n=3)
            raise ClaimError("a benchmark", repr(self.benchmark), fix)
        return found.name

    def _fits(self, claim: Claim, names: set[str] | None, benchmark: str | None) -> bool:
        exact = (
            (benchmark, claim.benchmark), (self.kind, claim.kind), (self.metric, claim.metric), (self.k, claim.k),
            (self.shots, claim.shots), (self.cot, claim.cot), (self.tools, claim.tools),
            (self.reported_by, claim.reported_by),
        )  # fmt: skip
        size = claim.size_b
        return (
            (self.every or claim.ranked)
            and (names is None or claim.model in names)
            and (self.family is None or simplified(self.family) in simplified(claim.model))
            and all(wanted is None or wanted == actual for wanted, actual in exact)
            and (self.min_size is None or (size is not None and size >= self.min_size))
            and (self.max_size is None or (size is not None and size <= self.max_size))
        )


def search(claims: Claims, words: str) -> list[Claim]:
    """Return the claims whose model, hub id, organisation, benchmark, source or id holds every word."""
    parts = [simplified(word) for word in words.split()]

    def held(c: Claim) -> list[str]:
        texts = (c.model, c.hf_id, c.organisation, c.benchmark, c.source.title, c.id)
        return [simplified(text or "") for text in texts]

    return [c for c in claims.rows if all(any(part in text for text in held(c)) for part in parts)]


# Of the cells that every table of claims has.
CLAIM_COLUMNS = ("model", "size B", "score [95 %]", "metric", "k", "protocol", "by")


def claims_table(title: str, chosen: Sequence[Claim], claims: Claims, *, limit: int = 0) -> Table:
    """Return a table of claims with the interval that the size of the benchmark gives each score; limit 0: of all."""
    rows = [_row(claim, claims) for claim in chosen[: limit or None]]
    notes = ("score intervals are of the benchmark's size; what is not there, the source does not say",)
    columns = ("id", "benchmark", *CLAIM_COLUMNS, "source", "status")
    count = f"{len(rows)} of {len(chosen)} claims, --limit 0 for all" if len(rows) < len(chosen) else ""
    return Table(f"{title}: {count or f'{len(rows)} claims'}", columns, tuple(rows), notes)


def _row(claim: Claim, claims: Claims) -> tuple[Cell, ...]:
    status = doubt_of(claim)
    if status and claim.note:
        status += f": {claim.note}"
    source = f"{claim.source.title}, {claim.locator}"
    return Name(claim.id), claim.benchmark, *claim_cells(claim, claims), source, status or None


def claim_cells(claim: Claim, claims: Claims) -> tuple[Cell, ...]:
    """Return the cells of CLAIM_COLUMNS."""
    score = score_of_claim(claim, claims.benchmarks[claim.benchmark])
    share, protocol = Share(score.value, score.interval), protocol_words(claim) or None
    return claim.model, claim.size_b, share, claim.metric, claim.k, protocol, claim.reported_by


def doubt_of(claim: Claim) -> str:
    """Return why a claim is not ranked, in a word; empty where it is."""
    if claim.status != "ok":
        return claim.status
    return "" if claim.source.published else "unpublished"


def protocol_words(stated: Claim | Protocol) -> str:
    """What a source or a log says about the protocol, in a few words."""

    def yes_or_no(value: bool | None, word: str) -> str | None:
        return None if value is None else word if value else f"no {word}"

    words = [
        None if stated.shots is None else f"{stated.shots}-shot",
        yes_or_no(stated.cot, "CoT"),
        None if stated.tools in (None, "none") else f"tools: {stated.tools}",
        yes_or_no(stated.chat_template, "chat template"),
        None if stated.temperature is None else f"T={stated.temperature:g}",
        None if stated.top_p is None else f"top_p={stated.top_p:g}",
        None if stated.max_tokens is None else f"{stated.max_tokens} tokens",
        stated.grader,
    ]
    return ", ".join(word for word in words if word)
