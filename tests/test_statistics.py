"""Intervals and tests: against scipy and statsmodels on random inputs, and by simulated coverage."""

import bisect
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from lm_eval_mathtasks.leaderboard import statistics as s

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(count, level):
    hits, n = count
    low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert s.wilson(hits / n, n, level) == pytest.approx((low, high), abs=1e-12)


@given(counts, counts)
def test_newcombe_agrees_with_statsmodels(one, two):
    expected = confint_proportions_2indep(one[0], one[1], two[0], two[1], method="newcomb", compare="diff")
    got = s.newcombe(one[0] / one[1], one[1], two[0] / two[1], two[1])
    assert got == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_agrees_with_statsmodels(b, c):
    expected = 1.0 if b + c == 0 else sm_mcnemar([[0, b], [c, 0]], exact=True).pvalue
    assert s.mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_with_thousands_of_flips_is_finite():
    assert s.mcnemar(2400, 2600) == pytest.approx(stats.binomtest(2400, 5000).pvalue, rel=1e-9)


@settings(deadline=None)
@given(st.integers(1, 3000), st.sampled_from([0.8, 0.95, 0.999]))
def test_student_quantile_agrees_with_scipy(df, level):
    assert s.t_value(df, level) == pytest.approx(stats.t.ppf((1 + level) / 2, df), rel=1e-9)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60))
def test_clustered_interval_agrees_with_scipy(right_of_8):
    values = [r / 8 for r in right_of_8]
    error = stats.sem(values)
    low, high = s.mean_interval(values)
    if error == 0:
        assert low == pytest.approx(high)
    else:
        expected = stats.t.interval(0.95, len(values) - 1, loc=sum(values) / len(values), scale=error)
        assert (low, high) == pytest.approx((max(0, expected[0]), min(1, expected[1])), abs=1e-9)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_agrees_with_statsmodels(p_values):
    assert s.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)


@given(st.lists(st.floats(0.01, 5), min_size=1, max_size=9))
def test_harmonic_mean_agrees_with_scipy(values):
    assert s.harmonic_mean(values) == pytest.approx(stats.hmean(values))


def test_harmonic_mean_of_a_zero_is_zero():
    assert s.harmonic_mean([0.9, 0.0, 1.2]) == 0.0


def test_bootstrap_agrees_with_scipy():
    rng = random.Random(5)
    differences = [rng.choice([-1, 0, 0, 0, 0, 1, 1]) for _ in range(200)]
    theirs = stats.bootstrap(
        (differences,), lambda x, axis: x.mean(axis=axis), method="percentile", n_resamples=10_000, rng=1
    ).confidence_interval
    assert s.paired_bootstrap(differences) == pytest.approx((theirs.low, theirs.high), abs=0.008)


def test_bootstrap_is_repeatable():
    assert s.paired_bootstrap([0, 1, -1, 0, 0.5], seed=3) == s.paired_bootstrap([0, 1, -1, 0, 0.5], seed=3)


@pytest.mark.parametrize(
    ("n", "p"), [(1319, 0.6), (1319, 0.9), (500, 0.31), (500, 0.75), (40, 0.5), (30, 0.43)]
)
def test_wilson_covers_the_truth(n, p):
    """95 % means 93 to 97 % of 10,000 runs at the sizes of our benchmarks."""
    rng = random.Random(n)
    cdf = stats.binom.cdf(range(n + 1), n, p).tolist()
    draws = Counter(_draw(rng, cdf) for _ in range(10_000))
    inside = sum(times for hits, times in draws.items() if p in s.wilson(hits / n, n))
    assert 0.93 <= inside / 10_000 <= 0.97


def _draw(rng, cdf):
    """A draw by inversion: summing n coins 10,000 times would take a minute."""
    return bisect.bisect_left(cdf, rng.random())


@pytest.mark.parametrize(("docs", "k"), [(30, 8), (100, 4)])
def test_clustered_interval_covers_the_truth(docs, k):
    """Problems of different difficulty are drawn, and k answers to each: the interval is about the population."""
    rng = random.Random(docs)
    cdf = {p: stats.binom.cdf(range(k + 1), k, p).tolist() for p in (0.05, 0.3, 0.5, 0.7, 0.95)}
    truth = sum(cdf) / len(cdf)
    t = s.t_value(docs - 1)
    inside = 0
    for run in range(10_000):
        values = [_draw(rng, cdf[p]) / k for p in rng.choices(list(cdf), k=docs)]
        if run < 50:
            inside += truth in s.mean_interval(values)
        else:  # the same formula without 10,000 bisections for the quantile
            mean, error = s._mean_and_error(values)
            inside += abs(mean - truth) <= t * error
    assert 0.93 <= inside / 10_000 <= 0.97


def test_newcombe_covers_the_truth():
    rng = random.Random(1)
    n, p1, p2 = 500, 0.72, 0.66
    one, two = (stats.binom.cdf(range(n + 1), n, p).tolist() for p in (p1, p2))
    inside = sum(p1 - p2 in s.newcombe(_draw(rng, one) / n, n, _draw(rng, two) / n, n) for _ in range(10_000))
    assert 0.93 <= inside / 10_000 <= 0.97


def test_same_docs_interval_covers_a_rerun():
    """Two runs with 8 and 4 repeats of the same 30 problems differ by answers only; treating problems as random
    would make the interval several times too wide."""
    rng = random.Random(2)
    chances = [0.02, 0.1, 0.4, 0.8, 0.99, 1.0] * 5
    cdf = {(p, k): stats.binom.cdf(range(k + 1), k, p).tolist() for p in set(chances) for k in (8, 4)}
    inside = widths = 0
    for _ in range(10_000):
        ours = [_draw(rng, cdf[p, 8]) / 8 for p in chances]
        theirs = [_draw(rng, cdf[p, 4]) / 4 for p in chances]
        delta = (sum(ours) - sum(theirs)) / 30
        interval = s.same_docs(delta, s.within_doc_variance(ours, 8), 30, (8, 4))
        inside += 0 in interval
        widths += interval.half_width
    assert 0.93 <= inside / 10_000 <= 0.97
    assert widths / 10_000 < s.newcombe(0.55, 30, 0.55, 30).half_width / 2


def test_bootstrap_covers_the_truth():
    rng = random.Random(3)
    inside = 0
    for run in range(1000):
        differences = rng.choices([-1, 0, 1], weights=[1, 6, 3], k=100)
        inside += 0.2 in s.paired_bootstrap(differences, resamples=250, seed=run)
    assert 0.93 <= inside / 1000 <= 0.97


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=80))
def test_sign_flip_is_the_z_test_of_random_signs(differences):
    spread = math.sqrt(sum(d * d for d in differences))
    expected = 1.0 if spread == 0 else 2 * stats.norm.sf(abs(sum(differences)) / spread)
    assert s.sign_flip(differences) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("p1", "p2"), [(0.75, 0.83), (0.4, 0.5), (0.05, 0.2)])
def test_required_n_has_the_power_it_promises(p1, p2):
    n = s.required_n(p1, p2)
    rng = random.Random(n)
    one, two = (stats.binom.cdf(range(n + 1), n, p).tolist() for p in (p1, p2))
    told = 0
    for _ in range(4000):
        a, b = _draw(rng, one), _draw(rng, two)
        pooled = (a + b) / (2 * n)
        told += abs(a - b) / n > s.z_value() * math.sqrt(2 * pooled * (1 - pooled) / n)
    assert 0.77 <= told / 4000 <= 0.83


@pytest.mark.parametrize(
    "call",
    [
        lambda: s.wilson(0.5, 0),
        lambda: s.wilson(1.2, 10),
        lambda: s.mean_interval([0.5]),
        lambda: s.paired_bootstrap([]),
        lambda: s.required_n(0.5, 0.5),
        lambda: s.mcnemar(-1, 2),
        lambda: s.within_doc_variance([0.5], 1),
        lambda: s.harmonic_mean([]),
        lambda: s.t_value(0),
    ],
)
def test_undefined_is_an_error(call):
    with pytest.raises(ValueError, match="got"):
        call()


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_extreme_shares_stay_inside(p):
    low, high = s.wilson(p, 30)
    assert 0 <= low <= p <= high <= 1
