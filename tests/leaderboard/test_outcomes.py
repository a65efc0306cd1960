"""How often an outcome is right: whole runs are simulated on fixed docs, and the same comparison judges them."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from lm_eval_mathtasks.leaderboard.noise import GREEDY, SAMPLED, Noise, assumed_noise
from lm_eval_mathtasks.leaderboard.outcomes import Score, difference_of
from lm_eval_mathtasks.numbers.differences import within_doc_variance
from lm_eval_mathtasks.numbers.intervals import wilson

RUNS = 10_000
MARGIN = 0.02
# benchmark: (docs, accuracy)
SETS = {"GSM8K": (1319, 0.75), "MATH-500": (500, 0.75), "AIME24": (30, 0.5)}


def chances(docs, accuracy, share):
    """The chance of each doc to be answered right: the quantiles of a beta distribution that leaves `share` of p(1-p)
    within a doc."""
    total = share / (1 - share)
    return stats.beta.ppf((np.arange(docs) + 0.5) / docs, total * accuracy, total * (1 - accuracy))


def moved(p, gap):
    """The same docs with a mean that is lower by `gap`: docs that were nearly always right are nearly always wrong, so
    that what is left within a doc stays as it is."""
    p, lost = p.copy(), 0.0
    for doc in np.argsort(-p, kind="stable"):
        if lost + 2 * p[doc] - 1 > gap * len(p):
            break
        lost += 2 * p[doc] - 1
        p[doc] = 1 - p[doc]
    return p - (gap - lost / len(p))


def outcomes(ours, theirs, temperature, *, k=1, runs=RUNS, seed=0):
    """The share of each outcome over simulated pairs of runs. ours, theirs: chances by doc; k: answers of ours."""
    rng, docs = np.random.default_rng(seed), len(ours)
    found = Counter()
    right = rng.binomial(k, np.clip(ours, 0, 1), (runs, docs)) / k
    published = rng.binomial(1, theirs, (runs, docs)).mean(axis=1)
    for shares, other in zip(right, published, strict=True):
        mean = shares.mean()
        own = assumed_noise(temperature, mean)
        if k > 1:
            own = Noise(within_doc_variance(shares.tolist(), k), "measured")
        theirs_noise = own if k > 1 else assumed_noise(temperature, other)
        scores = (
            Score(value, wilson(value, docs), docs, n, "Wilson") for value, n in ((mean, k), (other, 1))
        )
        found[difference_of(*scores, (own, theirs_noise), MARGIN).outcome] += 1 / runs
    return found


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("temperature", "share"), [(0.0, GREEDY), (0.7, SAMPLED)], ids=["greedy", "sampled"])
def test_a_gap_of_the_margin_is_hardly_ever_called_equivalent(name, temperature, share):
    docs, accuracy = SETS[name]
    p = chances(docs, accuracy, share)
    rates = outcomes(moved(p, MARGIN), p, temperature)
    assert rates.get("equivalent", 0) <= 0.055


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("temperature", "share"), [(0.0, GREEDY), (0.7, SAMPLED)], ids=["greedy", "sampled"])
def test_no_gap_is_hardly_ever_called_a_difference(name, temperature, share):
    docs, accuracy = SETS[name]
    p = chances(docs, accuracy, share)
    rates = outcomes(p, p, temperature)
    assert rates.get("differs", 0) <= 0.055


def test_measured_repeats_keep_the_same_rates():
    """The noise is estimated from the repeats of each run, not known."""
    p = chances(500, 0.75, 0.25)
    same = outcomes(p, p, 0.7, k=8, runs=2_000)
    other = outcomes(moved(p, MARGIN), p, 0.7, k=8, runs=2_000)
    assert same.get("differs", 0) <= 0.065
    assert other.get("equivalent", 0) <= 0.065


def test_a_gap_of_five_points_is_seen():
    """75.0 does not reproduce 80.0, whatever 500 docs drawn anew might have done."""
    p = chances(500, 0.80, GREEDY)
    rates = outcomes(moved(p, 0.05), p, 0.0, runs=2_000)
    assert rates.get("equivalent", 0) < 0.001
    assert rates["differs"] > 0.9
