"""Grade many pairs, in several processes where that pays."""

from collections.abc import Iterable

from lm_eval_mathtasks.grading import children
from lm_eval_mathtasks.grading.grade import grade
from lm_eval_mathtasks.grading.verdict import Verdict

Pair = tuple[str | None, str | None]
# Below this many different pairs starting processes costs more than it saves: a pair takes about 0.1 ms.
MIN_PAIRS_FOR_POOL = 5_000
# Pairs handed to a child at a time: a tenth of a second of work, so that no child waits long for the last one.
SHARE = 1_000

_ENTRY = "lm_eval_mathtasks.grading.batch.serve_pairs"


def serve_pairs() -> None:
    """In a child of `Children`: grade shares of pairs."""
    children.serve(lambda _setup: lambda pairs, _tick: _grade_share(pairs))


def _grade_share(pairs: list[Pair]) -> list[Verdict]:
    return [grade(gold=gold, pred=pred) for gold, pred in pairs]


def _in_processes(shares: list[list[Pair]], workers: int) -> list[list[Verdict]]:
    """Return the verdicts of each share; what no child answered is graded here, so that no pair is lost."""
    try:
        with children.Children(_ENTRY, None, min(workers, len(shares))) as pool:
            found = [done.value for done in pool.map(shares)]
    except (children.CannotStartError, OSError):
        found = [None] * len(shares)
    return [known or _grade_share(share) for share, known in zip(shares, found, strict=True)]


def grade_many(pairs: Iterable[Pair], *, workers: int | None = None) -> list[Verdict]:
    """Grade (gold, pred) pairs, in their order; identical pairs are graded once.

    workers: processes to use; None means one for every processor where there are enough pairs, else none.
    """
    asked = list(pairs)
    different = list(dict.fromkeys(asked))
    if workers is None:
        workers = children.cores() if len(different) >= MIN_PAIRS_FOR_POOL else 1
    size = max(1, min(SHARE, -(-len(different) // workers)))
    shares = [different[start : start + size] for start in range(0, len(different), size)]
    several = workers > 1 and len(shares) > 1
    verdicts = _in_processes(shares, workers) if several else map(_grade_share, shares)
    by_pair = {
        p: v for share, found in zip(shares, verdicts, strict=True) for p, v in zip(share, found, strict=True)
    }
    return [by_pair[pair] for pair in asked]
