"""Several graders on the same responses: accuracy with interval, agreement, and what they dispute."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

Votes = Mapping[str, Sequence[bool | None]]  # grader -> verdict on each response; None: it gave none


def cross_table(votes: Votes, docs: int) -> dict[str, Any]:
    """Return the counts from which the table is printed, as plain JSON.

    docs: how many docs the responses are of; right: responses each grader accepts; silent: those it gave no verdict on
    (they count as not accepted); pairs: for two graders "a|b" how often both accept, only a, only b, neither.
    """
    pairs = {}
    for a, b in combinations(votes, 2):
        seen = Counter((bool(x), bool(y)) for x, y in zip(votes[a], votes[b], strict=True))
        pairs[f"{a}|{b}"] = [seen[x, y] for x in (True, False) for y in (True, False)]
    return {
        "docs": docs,
        "responses": len(next(iter(votes.values()), ())),
        "right": {name: sum(map(bool, given)) for name, given in votes.items()},
        "silent": {name: sum(vote is None for vote in given) for name, given in votes.items()},
        "pairs": pairs,
    }


def merged(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The table over several runs, of the graders that all of them have."""
    names = [name for name in tables[0]["right"] if all(name in table["right"] for table in tables)]
    return {
        "docs": sum(table["docs"] for table in tables),
        "responses": sum(table["responses"] for table in tables),
        "right": {name: sum(table["right"][name] for table in tables) for name in names},
        "silent": {name: sum(table["silent"][name] for table in tables) for name in names},
        "pairs": {
            f"{a}|{b}": [
                sum(counts) for counts in zip(*(table["pairs"][f"{a}|{b}"] for table in tables), strict=True)
            ]
            for a, b in combinations(names, 2)
        },
    }


def disputed(votes: Votes) -> list[int]:
    """Places at which two graders differ; no verdict counts as not accepted."""
    return [k for k, given in enumerate(zip(*votes.values(), strict=True)) if len(set(map(bool, given))) > 1]


def agreement(both: int, first: int, second: int, neither: int) -> tuple[float, float | None]:
    """Return the share of equal verdicts and Cohen's kappa (Cohen 1960), None where chance alone gives 1.

    >>> agreement(20, 5, 10, 15)
    (0.7, 0.4)
    """
    total = both + first + second + neither
    share = (both + neither) / total
    a, b = (both + first) / total, (both + second) / total
    chance = a * b + (1 - a) * (1 - b)
    return share, None if chance == 1 else round((share - chance) / (1 - chance), 12)


def wilson(right: float, total: int) -> tuple[float, float]:
    """Return the 95% score interval of a share of `total` independent docs (Wilson 1927).

    >>> [round(bound, 4) for bound in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    z2 = 1.959963984540054**2
    share, grown = right / total, total + z2
    middle = (right + z2 / 2) / grown
    half = math.sqrt(z2 * (share * (1 - share) * total + z2 / 4)) / grown
    return max(0.0, middle - half), min(1.0, middle + half)


def interval(shares: Sequence[float]) -> tuple[float, float]:
    """Return the 95% interval of a mean over docs: `wilson` for one verdict a doc, else mean and standard error."""
    mean, docs = sum(shares) / len(shares), len(shares)
    if docs < 2 or all(share in (0, 1) for share in shares):
        return wilson(sum(shares), docs)
    half = 1.96 * math.sqrt(sum((share - mean) ** 2 for share in shares) / (docs - 1) / docs)
    return max(0.0, mean - half), min(1.0, mean + half)
