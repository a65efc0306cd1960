"""Several graders on the same responses: accuracy, agreement, and what they dispute."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TypedDict

from lm_eval_mathtasks.evidence.rescore.judges import OURS

# How the log's own verdicts are called beside the graders.
LOG = "log"
# Responses from which on a grader that accepts none does not fit.
FEWEST = 10

Votes = Mapping[str, Sequence[bool | None]]  # grader -> verdict on each response; None: it gave none


class CrossTable(TypedDict):
    """Counts from which the table of graders is printed.

    docs: how many docs the responses are of; right: responses each grader accepts; silent: those it gave no verdict on
    (they count as not accepted); pairs: for two graders "a|b" how often both accept, only a, only b, neither.
    """

    docs: int
    responses: int
    right: dict[str, int]
    silent: dict[str, int]
    pairs: dict[str, list[int]]


def cross_table(votes: Votes, docs: int) -> CrossTable:
    """Return the counts of several graders on the same responses."""
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


def merged(tables: Sequence[CrossTable]) -> CrossTable:
    """Return the table over several runs, of the graders that all of them have."""
    names = [name for name in tables[0]["right"] if all(name in table["right"] for table in tables)]
    pairs = [f"{a}|{b}" for a, b in combinations(names, 2)]
    counts = {pair: zip(*(table["pairs"][pair] for table in tables), strict=True) for pair in pairs}
    return {
        "docs": sum(table["docs"] for table in tables),
        "responses": sum(table["responses"] for table in tables),
        "right": {name: sum(table["right"][name] for table in tables) for name in names},
        "silent": {name: sum(table["silent"][name] for table in tables) for name in names},
        "pairs": {pair: list(map(sum, own)) for pair, own in counts.items()},
    }


def unfit(table: CrossTable) -> list[str]:
    """Return the peers that accept no response at all, where ours accepts some of many: they look for answers in a form
    that these responses do not have. The log's own verdicts are never left out so."""
    if table["responses"] < FEWEST or not table["right"].get(OURS):
        return []
    return [name for name, right in table["right"].items() if right == 0 and name not in (OURS, LOG)]


def disputed_places(votes: Votes) -> list[int]:
    """Return the places at which two graders differ; no verdict counts as not accepted, and graders that do not fit
    dispute nothing."""
    other = unfit(cross_table(votes, 0))
    votes = {name: given for name, given in votes.items() if name not in other}
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
