"""Choosing among responses: expectations against brute force over all subsets, curves against theory."""

import math
import random
from itertools import combinations
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import theory
from lm_eval_mathtasks.choosing import choices
from lm_eval_mathtasks.choosing.choices import best_of, weighted_votes, weights
from lm_eval_mathtasks.choosing.chosen import area, choose, quality
from lm_eval_mathtasks.errors import ScoreError, Undefined
from lm_eval_mathtasks.numbers.estimators import Votes, majority, pass_at_k


@st.composite
def scored(draw):
    """A doc with up to seven responses; few distinct scores, so that ties are common."""
    n = draw(st.integers(1, 7))
    classes = draw(st.lists(st.sampled_from([None, 0, 1, 2]), min_size=n, max_size=n))
    right = draw(st.sampled_from([0, 1, 2]))
    scores = draw(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0]), min_size=n, max_size=n))
    return Votes("d", tuple(c == right for c in classes), tuple(classes)), scores


def best_by_hand(votes, scores, subset):
    top = max(scores[i] for i in subset)
    return fmean(votes.correct[i] for i in subset if scores[i] == top)


def weighted_by_hand(votes, scores, subset):
    """With whole numbers as weights, so that equal sums are equal."""
    sums = {}
    for i in subset:
        if votes.classes[i] is not None:
            sums[votes.classes[i]] = sums.get(votes.classes[i], 0) + round(10 * scores[i])
    winners = [c for c, total in sums.items() if total == max(sums.values())]
    right = {votes.classes[i] for i in range(votes.n) if votes.correct[i]}
    return fmean(c in right for c in winners) if winners else 0.0


@settings(max_examples=80, deadline=None)
@given(scored())
def test_best_of_k_is_the_mean_over_all_subsets(case):
    votes, scores = case
    for k in range(1, votes.n + 1):
        by_hand = fmean(best_by_hand(votes, scores, s) for s in combinations(range(votes.n), k))
        assert best_of(votes.correct, scores, k) == pytest.approx(by_hand)


@settings(max_examples=80, deadline=None)
@given(scored())
def test_weighted_majority_is_the_mean_over_all_subsets(case):
    votes, scores = case
    ks = range(1, votes.n + 1)
    for k, estimate in zip(ks, weighted_votes(votes, scores, ks), strict=True):
        by_hand = fmean(weighted_by_hand(votes, scores, s) for s in combinations(range(votes.n), k))
        assert estimate.value == pytest.approx(by_hand)
        assert estimate.error == 0.0


@settings(max_examples=40, deadline=None)
@given(scored())
def test_equal_weights_are_the_plain_majority(case):
    votes, _ = case
    ks = range(1, votes.n + 1)
    values = [e.value for e in weighted_votes(votes, [0.3] * votes.n, ks)]
    assert values == pytest.approx(list(majority(votes)))


@settings(max_examples=40, deadline=None)
@given(scored())
def test_scores_that_know_the_truth_reach_the_oracle(case):
    votes, _ = case
    for k in range(1, votes.n + 1):
        oracle = pass_at_k(votes.n, sum(votes.correct), k)
        assert best_of(votes.correct, [float(c) for c in votes.correct], k) == pytest.approx(oracle)


def many(n=20):
    rng = random.Random(3)
    classes = tuple(rng.choice([None, 0, 0, 1, 1, 1, 2]) for _ in range(n))
    return Votes("d", tuple(c == 0 for c in classes), classes), [rng.random() for _ in range(n)]


def test_resampling_agrees_with_enumeration_within_its_error(monkeypatch):
    votes, scores = many()
    ks = (3, 5)
    exact = weighted_votes(votes, scores, ks)
    assert exact[1].error > 0  # 15,504 subsets
    monkeypatch.setattr(choices, "EXACT_SUBSETS", 20_000)
    exact = weighted_votes(votes, scores, ks)
    monkeypatch.setattr(choices, "EXACT_SUBSETS", 0)
    drawn = weighted_votes(votes, scores, ks)
    assert drawn == weighted_votes(votes, scores, ks)
    for one, other in zip(exact, drawn, strict=True):
        assert one.error == 0.0
        assert 0 < other.error < 0.02
        assert abs(one.value - other.value) < 4 * other.error


@pytest.mark.parametrize("k", [0, 3])
def test_k_beyond_the_responses_is_undefined(k):
    votes = Votes("d", (True, False), (0, 1))
    with pytest.raises(Undefined, match="k = "):
        best_of(votes.correct, [0.0, 1.0], k)
    with pytest.raises(Undefined, match="k = "):
        weighted_votes(votes, [0.0, 1.0], [k])


def test_weights_of_log_probabilities_do_not_vanish():
    assert weights([-2000.0, -2000.0 + math.log(2)], "exp") == pytest.approx([0.5, 1.0])
    assert weights([0.0, -800.0, 800.0], "sigmoid") == pytest.approx([0.5, 0.0, 1.0])
    assert weights([0.0, 2.5], "sum") == [0.0, 2.5]
    with pytest.raises(ScoreError, match="at least 0"):
        weights([0.5, -0.1], "sum")


def test_weight_zero_still_votes_and_silence_does_not():
    silent_first = Votes("d", (False, True), (None, 0))
    assert weighted_votes(silent_first, [9.0, 0.0], [1, 2]) == [(0.5, 0.0), (1.0, 0.0)]


def test_a_few_values_of_theory():
    assert theory.best_is_correct(1, 1, 1.3) == pytest.approx(0.5 * math.erfc(-1.3 / 2))  # Phi(d / sqrt 2)
    assert theory.best_is_correct(3, 5, 0.0) == pytest.approx(3 / 8)
    assert theory.best_is_correct(1, 7, 40.0) == pytest.approx(1)
    assert theory.best_is_correct(0, 4, 2.0) == 0.0
    assert theory.best_is_correct(4, 0, 2.0) == 1.0
    assert quality(0.5 * math.erfc(-0.5)) == pytest.approx(1)


def synthetic(docs=60, n=16):
    rng = random.Random(11)
    found = []
    for doc in range(docs):
        p = rng.betavariate(0.6, 0.9)
        classes = tuple(0 if rng.random() < p else rng.randint(1, 3) for _ in range(n))
        found.append(Votes(str(doc), tuple(c == 0 for c in classes), classes))
    return found


def noisy(votes, d, rng):
    return {v.doc_id: [d * c + rng.gauss(0, 1) for c in v.correct] for v in votes}


@pytest.mark.parametrize("d", [0.0, 1.0, 2.5])
def test_a_scorer_of_known_quality_gives_the_curve_that_theory_says(d):
    votes, rng, draws = synthetic(40), random.Random(5), 40
    scores = [noisy(votes, d, rng) for _ in range(draws)]
    for k in (1, 2, 4, 8, 16):
        expected = fmean(theory.expected_best(v, k, d) for v in votes)
        means = [fmean(best_of(v.correct, s[v.doc_id], k) for v in votes) for s in scores]
        assert abs(fmean(means) - expected) <= 4 * stdev(means) / math.sqrt(draws) + 1e-12
    area_of_theory = 0.5 * math.erfc(-d / 2)
    assert fmean(area(votes, s) for s in scores) == pytest.approx(area_of_theory, abs=0.01)


def test_the_ends_of_theory_are_the_mean_and_the_oracle():
    for v in synthetic(docs=10):
        right = sum(v.correct)
        for k in (1, 3, 16):
            assert theory.expected_best(v, k, 0.0) == pytest.approx(right / v.n)
            assert theory.expected_best(v, k, 60.0) == pytest.approx(pass_at_k(v.n, right, k))


def test_curves_hold_all_ways_with_intervals():
    votes = synthetic()
    scores = noisy(votes, 2.0, random.Random(1))
    chosen = choose(votes, scores, [1, 4, 16], "sigmoid")
    labels = [curve.label for curve in chosen.curves]
    assert labels == ["pass@k", "maj@k", "best-of-k", "weighted@k", "avg@k"]
    oracle, vote, best, weighted, mean = (curve.at(16).value for curve in chosen.curves)
    assert mean < vote < weighted < best <= oracle
    for curve in chosen.curves:
        assert curve.at(1).value == pytest.approx(mean)
        assert all(p.low < p.value < p.high for p in curve.points)
    gain, interval = chosen.gains["best-of-k"]
    assert gain == pytest.approx(best - vote)
    assert interval.low < gain < interval.high
    assert chosen.noise == 0.0


def test_area_needs_both_kinds_of_responses():
    assert area([Votes("a", (True, True), (0, 0))], {"a": [1.0, 2.0]}) is None
    assert area([Votes("a", (True, False, False), (0, 1, 1))], {"a": [1.0, 1.0, 0.0]}) == 0.75
