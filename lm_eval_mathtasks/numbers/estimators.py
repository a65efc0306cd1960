"""What n judged responses to one doc say about k responses: exact expectations over all k-subsets of the n.

Every function is of one doc; a benchmark's score is the mean over its docs. n: responses, c: how many are correct.
Each raises Undefined unless 1 <= k <= n: fewer responses than k say nothing about k. Formulas: README.md.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lm_eval_mathtasks.errors import Undefined


class Votes(NamedTuple):
    """The n responses to one doc: whether each is correct, and for which answer it votes.

    classes[i] is the index of the graded-equal class of response i's answer (1/2 and 0.5 are one class), None where it
    has no answer. Both have length n, in the order of the repeats.
    """

    doc_id: str
    correct: tuple[bool, ...]
    classes: tuple[int | None, ...]

    @property
    def n(self) -> int:
        """How many responses there are."""
        return len(self.correct)


EXACT_UP_TO = 256  # responses a doc: maj@k beyond takes seconds a doc to enumerate
ORDERS = 1_000  # random orders then: a standard error of at most 0.016 a doc
_ROUNDING = 1e-9  # 0.7 * 10 is a little above 7 in binary; its ceiling is still 7


def avg_at_k(n: int, c: int, k: int) -> float:
    """Return the expected share of correct responses among k: c / n for every k."""
    _check(n, c, k)
    return c / n


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the probability that one of k is correct, 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, equation 1)."""
    _check(n, c, k)
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Return the probability that all k are correct, pass^k = C(c, k) / C(n, k) (Yao et al. 2024, tau-bench)."""
    _check(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


def g_pass_at_k(n: int, c: int, k: int, tau: float) -> float:
    """Return the probability that at least ceil(tau k) of k are correct (Liu et al. 2024, equation 3): the tail of a
    hypergeometric distribution. tau is in (0, 1]; 1 gives pass^k, a small one pass@k."""
    _check(n, c, k)
    if not 0 < tau <= 1:
        fix = "take 0.5, 0.75 or 1, the published ones"
        raise Undefined("a threshold tau above 0 and at most 1", str(tau), fix)
    return _at_least(n, c, k, math.ceil(tau * k - _ROUNDING))


def mg_pass_at_k(n: int, c: int, k: int) -> float:
    """Return twice the integral of G-Pass@k over tau from 0.5 to 1 (Liu et al. 2024, equation 5), exactly.

    The published sum equals it for even k; for odd k it leaves out the half step at tau = 0.5, here it counts.
    """
    _check(n, c, k)
    first = (k + 1) // 2  # the step that tau = 0.5 lies in, or ends
    half = 0.5 * _at_least(n, c, k, first) if k % 2 else 0.0
    return 2 / k * (half + math.fsum(_at_least(n, c, k, i) for i in range(first + 1, k + 1)))


def majority(votes: Votes, *, no_answer_votes: bool = False) -> tuple[float, ...]:
    """Return maj@k for k = 1 ... n: how often the answer that most of k responses give is correct.

    Tied classes share the win equally. A response without an answer does not vote, and k responses of which none
    votes are wrong; with no_answer_votes they vote together for an answer that is wrong. A class is worth the share
    of its responses that are correct (0 or 1, unless grading is not transitive).

    Exact up to n = 256: classes are drawn from a multivariate hypergeometric distribution, and the number of subsets
    in which a class wins with t others is a coefficient of a product of polynomials, one factor a class. Polynomials
    are held as big integers (Kronecker substitution): 64 responses take a millisecond, 256 a tenth of a second.
    Beyond that, the mean over 1,000 random orders of the responses, seeded by the doc's id; its noise is independent
    from doc to doc, so an interval over docs contains it.
    """
    n = votes.n
    _check(n, sum(votes.correct), n)
    sizes = Counter(votes.classes)
    silent = 0 if no_answer_votes else sizes.pop(None, 0)
    right = Counter(cls for cls, correct in zip(votes.classes, votes.correct, strict=True) if correct)
    worth = {cls: right[cls] / size for cls, size in sizes.items()}
    if n > EXACT_UP_TO:
        return _resampled(votes, worth)
    totals = [0.0] * (n + 1)
    for cls, size in sizes.items():
        if worth[cls]:
            others = Counter(count for other, count in sizes.items() if other != cls)
            for k, chance in enumerate(_wins(size, others, silent, n)):
                totals[k] += chance * worth[cls]
    return tuple(totals[1:])


def _resampled(votes: Votes, worth: Mapping[int | None, float]) -> tuple[float, ...]:
    """The mean of maj@1 ... maj@n along random orders; classes that are not in `worth` do not vote."""
    rng, drawn = random.Random(f"maj {votes.doc_id}"), list(votes.classes)
    totals = [0.0] * votes.n
    for _ in range(ORDERS):
        rng.shuffle(drawn)
        counts: Counter[int | None] = Counter()
        top, leaders, sum_of_worth = 0, 0, 0.0
        for k, cls in enumerate(drawn):
            if cls in worth:
                counts[cls] += 1
                if counts[cls] > top:
                    top, leaders, sum_of_worth = counts[cls], 1, worth[cls]
                elif counts[cls] == top:
                    leaders, sum_of_worth = leaders + 1, sum_of_worth + worth[cls]
            totals[k] += sum_of_worth / leaders if leaders else 0.0
    return tuple(total / ORDERS for total in totals)


def _wins(size: int, others: Mapping[int, int], silent: int, n: int) -> list[float]:
    """For k = 0 ... n, how often a class of `size` wins, ties shared, against `others` ({size: how many classes}).

    Sums over the winning count `top` and the number t of other classes that tie with it.
    """
    width = n // 8 + 1  # bytes: a coefficient counts subsets, so it is at most 2**n
    place = 8 * width
    by_ties: Counter[int] = Counter()
    for top in range(1, size + 1):
        won = math.comb(size, top) << place * top
        for ties, packed in enumerate(_ties(others, silent, top, place)):
            by_ties[ties] += won * packed
    chances = [0.0] * (n + 1)
    for ties, packed in by_ties.items():
        data = packed.to_bytes(width * (n + 2), "little")
        for k in range(1, n + 1):
            count = int.from_bytes(data[width * k : width * (k + 1)], "little")
            chances[k] += count / (math.comb(n, k) * (ties + 1))
    return chances


def _ties(others: Mapping[int, int], silent: int, top: int, place: int) -> list[int]:
    """Item t: the polynomial whose coefficient of z**k counts the k-subsets of the other responses in which t classes
    have `top` responses and the rest have fewer. z is 2**place."""
    small = silent + sum(size * count for size, count in others.items() if size < top)
    found = [(1 + (1 << place)) ** small]
    for size, count in others.items():
        if size >= top:
            fewer = sum(math.comb(size, x) << place * x for x in range(top))
            equal = math.comb(size, top) << place * top
            group = [math.comb(count, t) * fewer ** (count - t) * equal**t for t in range(count + 1)]
            found = _product(found, group)
    return found


def _product(first: list[int], second: list[int]) -> list[int]:
    product = [0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            product[i + j] += a * b
    return product


def _at_least(n: int, c: int, k: int, least: int) -> float:
    """P(X >= least), X the correct ones among k drawn from n without replacement."""
    chosen = sum(math.comb(c, j) * math.comb(n - c, k - j) for j in range(least, min(c, k) + 1))
    return chosen / math.comb(n, k)


def _check(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise ValueError(f"0 <= c <= n, got c={c}, n={n}")
    if not 1 <= k <= n:
        raise Undefined(f"at least {k} responses a doc", str(n), "sample more, or ask for a smaller k")


def powers_of_two(n: int) -> list[int]:
    """1, 2, 4, ... up to n, and n itself: the k for which tables show a metric."""
    return sorted({n, *(1 << i for i in range(n.bit_length()))})


# What a curve can show: name -> value at k of a doc with n responses, c of them correct. maj@k needs the votes.
BY_COUNT: Mapping[str, Callable[[int, int, int], float]] = {
    "avg": avg_at_k,
    "pass": pass_at_k,
    "pass^": pass_hat_k,
    "g-pass-0.5": lambda n, c, k: g_pass_at_k(n, c, k, 0.5),
    "g-pass-0.75": lambda n, c, k: g_pass_at_k(n, c, k, 0.75),
    "mg-pass": mg_pass_at_k,
}
