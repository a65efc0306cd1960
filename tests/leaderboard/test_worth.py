"""What lost responses would have scored: cuts that are not random are planted, and the interval must hold the loss."""

import numpy as np
import pytest

from lm_eval_mathtasks.leaderboard.worth import FEWEST, Traits, worth

LEVELS = ("1", "2", "3", "4", "5")


def simulated(seed, *, docs=400, limit=3_000, at_random=0.0):
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


@pytest.mark.parametrize(
    "planted",
    [{}, {"limit": 2_000}, {"limit": 10**9, "at_random": 0.25}, {"docs": 1319, "at_random": 0.1}],
    ids=["limit", "low limit", "rising with level and length", "both"],
)
def test_the_interval_holds_the_planted_loss(planted):
    covered, rounds, naive = 0, 300, 0
    for seed in range(rounds):
        lost, others, truth = simulated(seed, **planted)
        if not lost:
            covered += 1
            continue
        found = worth(lost, others, cut=True)
        covered += found.interval.low <= truth <= found.interval.high
        rate = sum(right for _, right in others) / len(others)
        naive += abs(rate - truth) < abs(found.rate - truth)
    assert covered / rounds >= 0.92
    assert naive / rounds < 0.35, "the accuracy of all others is further off"


def test_few_responses_are_no_ground_for_a_model():
    others = [(Traits("1", None, 100), i % 2 == 0) for i in range(FEWEST - 1)]
    found = worth([Traits("5", None, 900)], others, cut=True)
    assert found.rate_from == f"the accuracy of the other {FEWEST - 1} responses"
    assert found.interval.low == 0.0
    assert worth([Traits(None, None, 5)], [], cut=True).interval == (0.0, 1.0)


def test_what_it_rests_on_is_said():
    lost, others, _ = simulated(1)
    assert worth(lost, others, cut=True).rate_from.endswith("responses of like level, subject and length")
    plain = [(t._replace(level=None, subject=None), right) for t, right in others]
    bare = [t._replace(level=None, subject=None) for t in lost]
    assert worth(bare, plain, cut=True).rate_from.endswith("responses of like length")
