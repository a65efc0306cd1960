"""Are two sets of sampled answers of one distribution? A permutation test: exact at any size, no expected counts."""

import random
from collections import Counter

PERMUTATIONS = 2_000


def same_distribution(first, second, seed=0):
    """The p-value that the answers of two samplers, {doc: [answer, ...]}, are of one distribution per doc.

    The statistic is chi-square's, summed over docs: (a-b)^2/(a+b) for every answer. Answers are exchangeable within a
    doc if the distribution is one, so the labels are shuffled there.
    """
    assert first.keys() == second.keys()
    rng, observed = random.Random(seed), sum(_distance(first[d], second[d]) for d in first)
    pools = {doc: first[doc] + second[doc] for doc in first}
    as_far = 0
    for _ in range(PERMUTATIONS):
        total = 0.0
        for doc, pool in pools.items():
            rng.shuffle(pool)
            cut = len(first[doc])
            total += _distance(pool[:cut], pool[cut:])
        as_far += total >= observed - 1e-9
    return (as_far + 1) / (PERMUTATIONS + 1)


def _distance(first, second):
    one, two = Counter(first), Counter(second)
    return sum((one[a] - two[a]) ** 2 / (one[a] + two[a]) for a in one | two)
