"""What a choice among k of a doc's n responses is worth: the expectation over all k-subsets.

The formulas and their sources: choosing/README.md.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, compress
from typing import Any, Literal, NamedTuple, get_args

from lm_eval_mathtasks.errors import ScoreError, Undefined
from lm_eval_mathtasks.numbers.estimators import Votes

Weighing = Literal["sum", "exp", "sigmoid"]
WEIGHINGS = get_args(Weighing)
EXACT_SUBSETS = 13_000  # per doc and k; 12,870 is 16 choose 8, a few milliseconds
RESAMPLES = 1_000  # drawn orders per doc where there are more subsets
SEED = 20_240_000
_CELLS = 4_000_000  # numbers held at once while resampling; 32 MB
_TIE = 1e-9  # sums that differ by less than this share of the largest are equal: 0.1 + 0.2 ties with 0.3


class Estimate(NamedTuple):
    """An accuracy in [0, 1] and the standard error of the resampling; 0.0 where it is exact."""

    value: float
    error: float = 0.0


def best_of(correct: Sequence[bool], scores: Sequence[float], k: int) -> float:
    """Return the expected accuracy of the best-scored of k responses, over all k-subsets of the n given.

    Responses that tie for the best share the choice equally. With m responses of one score and L below it, the best of
    a random k-subset has that score with probability (C(L+m, k) - C(L, k)) / C(n, k), and each of the m is as likely.
    Raises Undefined unless 1 <= k <= n.
    """
    n = _checked(len(correct), k)
    groups: dict[float, list[bool]] = {}
    for right, score in zip(correct, scores, strict=True):
        groups.setdefault(score, []).append(right)
    below, total = 0, 0.0
    for score in sorted(groups):
        group = groups[score]
        chosen = math.comb(below + len(group), k) - math.comb(below, k)
        total += chosen / math.comb(n, k) * sum(group) / len(group)
        below += len(group)
    return total


def weights(scores: Sequence[float], how: Weighing) -> list[float]:
    """Return what each response's vote counts, at least 0.

    sum: the score itself, which must not be negative (ScoreError). exp: e^score, for log-probabilities and for rewards
    on a logit scale; divided by the largest, which changes no vote. sigmoid: 1 / (1 + e^-score), for a logit of
    "correct".
    """
    if how == "exp":
        top = max(scores)
        return [math.exp(score - top) for score in scores]
    if how == "sigmoid":
        return [0.5 * (1 + math.tanh(score / 2)) for score in scores]
    if min(scores) < 0:
        fix = "--weights exp, or sigmoid for logits"
        raise ScoreError("scores of at least 0 to add up as votes", f"{min(scores):g}", fix)
    return list(scores)


def weighted_votes(votes: Votes, weight: Sequence[float], ks: Sequence[int]) -> list[Estimate]:
    """Return for each k the expected accuracy of the class of answers with the most weight among k of n responses.

    Classes that tie share the choice; a response without an answer does not vote; without any vote nothing is right.
    Exact where a doc has at most EXACT_SUBSETS subsets of k, else from RESAMPLES seeded random orders of the responses.
    Raises Undefined unless 1 <= k <= n.
    """
    for k in ks:
        _checked(votes.n, k)
    right = class_accuracy(votes)
    if not any(right):
        return [Estimate(0.0) for _ in ks]
    table = _weight_table(votes, weight, len(right))
    drawn: list[Estimate] = []
    estimates = []
    for k in ks:
        if math.comb(votes.n, k) <= EXACT_SUBSETS:
            values = _accuracy(_subsets(votes.n, k) @ table, right)
            estimates.append(Estimate(float(values.mean())))
        else:
            drawn = drawn or _resampled(votes, table, right)
            estimates.append(drawn[k - 1])
    return estimates


def class_accuracy(votes: Votes) -> list[float]:
    """Return for each class the share of its responses that are correct: 0 or 1 if equal answers are graded alike."""
    sizes = Counter(votes.classes)
    right = Counter(compress(votes.classes, votes.correct))
    last = max((c for c in sizes if c is not None), default=-1)
    return [right[c] / (sizes[c] or 1) for c in range(last + 1)]


def _checked(n: int, k: int) -> int:
    if not 1 <= k <= n:
        fix = "choose a smaller k"
        raise Undefined("k between 1 and the number of responses", f"k = {k} of n = {n}", fix)
    return n


def _weight_table(votes: Votes, weight: Sequence[float], classes: int) -> Any:
    """Array (n, 2 * classes): the weight each response gives its class, and whether it votes for it at all."""
    import numpy as np

    table = np.zeros((votes.n, 2 * classes))
    for i, answer in enumerate(votes.classes):
        if answer is not None:
            table[i, answer], table[i, classes + answer] = weight[i], 1.0
    return table


def _accuracy(sums: Any, right: Sequence[float]) -> Any:
    """The accuracy of the heaviest class for each row of sums: (..., 2 * classes) to (...)."""
    import numpy as np

    total, count = np.split(sums, 2, axis=-1)
    total = np.where(count > 0.5, total, -1.0)  # a class without a vote cannot win, not even with weight 0
    top = total.max(axis=-1, keepdims=True)
    winners = (total >= top - _TIE * np.abs(top)) & (count > 0.5)
    return (winners * np.asarray(right)).sum(axis=-1) / np.maximum(winners.sum(axis=-1), 1)


@lru_cache(maxsize=64)
def _subsets(n: int, k: int) -> Any:
    """Array (C(n, k), n) of zeros and ones, a row per subset."""
    import numpy as np

    return np.eye(n)[np.array(list(combinations(range(n), k)))].sum(axis=1)


def _resampled(votes: Votes, table: Any, right: Sequence[float]) -> list[Estimate]:
    """Estimates for k = 1 to n: the first k of a random order are a random k-subset."""
    import numpy as np

    seed = [SEED, *votes.doc_id.encode()]  # other docs get other orders, the same doc always the same
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(votes.n), (RESAMPLES, 1)), axis=1)
    parts = np.array_split(orders, max(1, RESAMPLES * table.size // _CELLS))
    values = np.concatenate([_accuracy(table[part].cumsum(axis=1), right) for part in parts])
    errors = values.std(axis=0, ddof=1) / math.sqrt(RESAMPLES)
    return [Estimate(float(v), float(e)) for v, e in zip(values.mean(axis=0), errors, strict=True)]
