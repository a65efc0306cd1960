"""How often an outcome is right: whole runs are simulated on fixed docs, and the same comparison judges them.

The rates of leaderboards/README.md are of more rounds (`benchmarks/simulations.py`); here luck may move them further.
"""

import pytest

from tests.leaderboard.simulated import ASKED, MARGIN, SETS, outcomes

ROUNDS = 2_000
# Four standard errors above 5 %, and below 95 %.
LUCK = 4 * (0.05 * 0.95 / ROUNDS) ** 0.5


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", SETS)
def test_a_gap_of_the_margin_is_hardly_ever_called_equivalent(name, asked):
    found = outcomes(name, asked, MARGIN, ROUNDS)
    assert found["equivalent"] / ROUNDS <= 0.05 + LUCK
    assert found["held"] / ROUNDS >= 0.95 - LUCK


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", SETS)
def test_no_gap_is_hardly_ever_called_a_difference(name, asked):
    found = outcomes(name, asked, 0.0, ROUNDS)
    assert found["differs"] / ROUNDS <= 0.05 + LUCK
    assert found["held"] / ROUNDS >= 0.95 - LUCK


def test_a_gap_of_five_points_is_seen():
    """75.0 does not reproduce 80.0, whatever 500 docs drawn anew might have done."""
    found = outcomes("MATH-500", "greedy", 0.05, ROUNDS)
    assert found["equivalent"] < 0.001 * ROUNDS
    assert found["differs"] > 0.9 * ROUNDS
