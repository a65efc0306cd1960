"""Whole runs, simulated: the outcomes of `compare` and the estimates of `explain` where the truth is known.

`test_outcomes.py` and `test_worth.py` hold the rates on few rounds, `benchmarks/simulations.py` prints them on many.
"""

from collections import Counter

import numpy as np
from scipy import stats

from lm_eval_mathtasks.leaderboard.noise import GREEDY, SAMPLED, Noise, assumed_noise
from lm_eval_mathtasks.leaderboard.outcomes import Score, difference_of
from lm_eval_mathtasks.leaderboard.worth import Traits, worth
from lm_eval_mathtasks.numbers.differences import within_doc_variance
from lm_eval_mathtasks.numbers.intervals import wilson

MARGIN = 0.02
# benchmark: (docs, accuracy)
SETS = {"GSM8K": (1319, 0.75), "MATH-500": (500, 0.75), "AIME24": (30, 0.5)}
# how it is asked: (temperature, share of p(1-p) within a doc, answers of ours to each doc)
ASKED = {"greedy": (0.0, GREEDY, 1), "sampled": (0.7, SAMPLED, 1), "8 answers": (0.7, 0.25, 8)}
LEVELS = ("1", "2", "3", "4", "5")
# what is planted: arguments of `cut_run`
PLANTED = {
    "a limit": {},
    "a low limit": {"limit": 2_000},
    "rising with level and length": {"limit": 10**9, "at_random": 0.25},
    "a limit and rising, 1,319 docs": {"docs": 1319, "at_random": 0.1},
}


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


def outcomes(name, asked, gap, rounds, seed=0):
    """How often pairs of runs have each outcome, and ("held") how often the interval holds the true gap.

    name: of SETS; asked: of ASKED; gap: of ours below the published, as a fraction.
    """
    (docs, accuracy), (temperature, share, k) = SETS[name], ASKED[asked]
    theirs = chances(docs, accuracy, share)
    ours = np.clip(moved(theirs, gap) if gap else theirs, 0, 1)
    rng, found = np.random.default_rng(seed), Counter()
    for _ in range(rounds):
        shares = rng.binomial(k, ours) / k
        mean, other = float(shares.mean()), float(rng.binomial(1, theirs).mean())
        if k > 1:
            own = published = Noise(within_doc_variance(shares.tolist(), k), "measured")
        else:
            own, published = assumed_noise(temperature, mean), assumed_noise(temperature, other)
        scores = (
            Score(value, wilson(value, docs), docs, n, "Wilson", n) for value, n in ((mean, k), (other, 1))
        )
        difference = difference_of(*scores, (own, published), MARGIN)
        found[difference.outcome] += 1
        found["held"] += ours.mean() - theirs.mean() in difference.interval
    return found


def cut_run(seed, *, docs=400, limit=3_000, at_random=0.0):
    """Responses to docs of five levels: the harder, the longer and the more often wrong, and longer ones more so.

    Those above the limit are cut there; others with a probability (`at_random` at most) that rises with level and
    length are cut in the middle. Returns the lost, the others, and the share of the lost that would have been right.
    """
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 5, docs)
    subject = rng.integers(0, 4, docs)
    length = np.exp(6.2 + 0.35 * level + rng.normal(0, 0.5, docs))
    odds = 2.6 - 0.5 * level - 0.9 * (np.log(length) - 7) + 0.4 * (subject - 1.5)
    right = rng.random(docs) < 1 / (1 + np.exp(-odds))
    rank = (np.argsort(np.argsort(length)) / docs + level / 4) / 2
    middle = rng.random(docs) < at_random * rank
    cut = (length > limit) | middle
    shown = np.where(length > limit, limit, np.where(middle, length * rng.uniform(0.4, 0.9, docs), length))
    traits = [Traits(LEVELS[lv], f"s{s}", int(n)) for lv, s, n in zip(level, subject, shown, strict=True)]
    lost = [t for t, gone in zip(traits, cut, strict=True) if gone]
    others = [(t, bool(r)) for t, r, gone in zip(traits, right, cut, strict=True) if not gone]
    return lost, others, right[cut].mean() if cut.any() else 0.0


def coverage(planted, rounds):
    """How often the interval holds the planted loss ("held"), and how often the accuracy of all others is nearer to it
    than the estimate ("naive"); "rounds": those in which something was cut. planted: of PLANTED."""
    found = Counter()
    for seed in range(rounds):
        lost, others, truth = cut_run(seed, **PLANTED[planted])
        if not lost:
            continue
        one = worth(lost, others, cut=True)
        rate = sum(right for _, right in others) / len(others)
        found["rounds"] += 1
        found["held"] += one.interval.low <= truth <= one.interval.high
        found["naive"] += abs(rate - truth) < abs(one.rate - truth)
    return found
