"""What lost responses would have scored: cuts that are not random are planted, and the interval must hold the loss."""

import pytest

from lm_eval_mathtasks.leaderboard.worth import FEWEST, Traits, worth
from tests.leaderboard.simulated import PLANTED, coverage, cut_run


@pytest.mark.parametrize("planted", PLANTED)
def test_the_interval_holds_the_planted_loss(planted):
    """leaderboards/README.md has the rates of more rounds."""
    found = coverage(planted, 300)
    assert found["rounds"] > 290
    assert found["held"] / found["rounds"] >= 0.92
    assert found["naive"] / found["rounds"] < 0.35, "the accuracy of all others is further off"


def test_few_responses_are_no_ground_for_a_model():
    others = [(Traits("1", None, 100), i % 2 == 0) for i in range(FEWEST - 1)]
    found = worth([Traits("5", None, 900)], others, cut=True)
    assert found.rate_from == f"the accuracy of the other {FEWEST - 1} responses"
    assert found.interval.low == 0.0
    assert worth([Traits(None, None, 5)], [], cut=True).interval == (0.0, 1.0)


def test_what_it_rests_on_is_said():
    lost, others, _ = cut_run(1)
    assert worth(lost, others, cut=True).rate_from.endswith("responses of like level, subject and length")
    plain = [(t._replace(level=None, subject=None), right) for t, right in others]
    bare = [t._replace(level=None, subject=None) for t in lost]
    assert worth(bare, plain, cut=True).rate_from.endswith("responses of like length")
