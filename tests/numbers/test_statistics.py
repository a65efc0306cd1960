"""Intervals and tests: against scipy and statsmodels on random inputs, and by simulated coverage."""

import functools
import itertools
import math
import random
from collections import Counter

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from lm_eval_mathtasks.numbers import differences as s
from lm_eval_mathtasks.numbers.intervals import mean_and_error

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(counts, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(count, level):
    hits, n = count
    low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert s.wilson(hits / n, n, level) == pytest.approx((low, high), abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_agrees_with_statsmodels(b, c):
    expected = 1.0 if b + c == 0 else sm_mcnemar([[0, b], [c, 0]], exact=True).pvalue
    assert s.mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 64), st.integers(20, 200), st.integers(0, 2**32))
def test_cochran_agrees_with_the_chi_square_of_its_statistic(k, problems, seed):
    """The cube root is off by little where it matters: at small p-values by a factor of less than ten."""
    chances = numpy.random.default_rng(seed).random((problems, 1))
    right = numpy.random.default_rng(seed + 1).random((problems, k)) < chances - 0.3 * (numpy.arange(k) == 0)
    columns, rows = right.sum(0), right.sum(1)
    luck = k * rows.sum() - (rows**2).sum()
    q = (k - 1) * (k * (columns**2).sum() - columns.sum() ** 2) / luck
    found, expected = s.cochran(right.tolist()), stats.chi2.sf(q, k - 1)
    assert found == pytest.approx(expected, abs=0.01)
    assert expected < 1e-12 or abs(math.log10(max(found, 1e-12) / expected)) < 1 or expected < 1e-8


def test_repeats_that_never_differ_differ_by_nothing():
    assert s.cochran([[True, True], [False, False]]) == 1.0
    assert s.cochran([[True], [False]]) == 1.0
    with pytest.raises(ValueError, match="zip"):
        s.cochran([[True, False], [True]])


def test_mcnemar_with_thousands_of_flips_is_finite():
    assert s.mcnemar(2400, 2600) == pytest.approx(stats.binomtest(2400, 5000).pvalue, rel=1e-9)


@settings(deadline=None)
@given(st.integers(1, 3000), st.sampled_from([0.8, 0.95, 0.999]))
def test_student_quantile_agrees_with_scipy(df, level):
    assert s.t_value(df, level) == pytest.approx(stats.t.ppf((1 + level) / 2, df), rel=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=5, max_size=60))
def test_clustered_interval_is_wilsons_at_the_effective_number_of_problems(right_of_8):
    values = [r / 8 for r in right_of_8]
    n, mean = len(values), sum(values) / len(values)
    deff = n * stats.sem(values) ** 2 / (mean * (1 - mean)) if 0 < mean < 1 else 1.0
    effective = max(n / ((n * deff + 2) / (n + 2)), n - 1) if 0 < mean < 1 else n
    level = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, n - 1))  # the level at which z is this t
    got = s.clustered(values)
    assert got == pytest.approx(
        proportion_confint(mean * effective, effective, 1 - level, "wilson"), abs=1e-6
    )
    assert got.low <= mean <= got.high


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_agrees_with_statsmodels(p_values):
    assert s.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)


@pytest.mark.parametrize(
    "values", [(-1, 0, 0, 0, 0, 1, 1), (-0.5, 0, 0.25, 0.25, 1), (-1 / 3, 0, 2 / 3, 1 / 64)]
)
def test_bootstrap_agrees_with_scipy(values):
    """Theirs draws resamples, ours sums over all of them."""
    rng = random.Random(5)
    differences = rng.choices(values, k=200)
    theirs = stats.bootstrap(
        (differences,), lambda x, axis: x.mean(axis=axis), method="percentile", n_resamples=10_000, rng=1
    ).confidence_interval
    got = s.bootstrap_percentiles(Counter(differences), 200, 0.025)
    assert got == pytest.approx((theirs.low, theirs.high), abs=0.008)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=5), st.sampled_from([0.025, 0.1, 0.3])
)
def test_bootstrap_percentiles_are_those_of_all_resamples(differences, tail):
    n = len(differences)
    means = sorted(sum(resample) / n for resample in itertools.product(differences, repeat=n))

    def at(q):
        return means[max(0, math.ceil(q * len(means) - 1e-6) - 1)]

    assert s.bootstrap_percentiles(Counter(differences), n, tail) == pytest.approx((at(tail), at(1 - tail)))


def test_two_flips_do_not_exclude_zero_and_no_flip_is_no_certainty():
    assert 0 in s.paired_bootstrap([1, 1] + [0] * 28)
    assert s.paired_bootstrap([0] * 30).half_width > 0.05


# --- coverage: 95 % means 93 to 97 % of 10,000 runs

RUNS = 10_000
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


def covered(draws, interval, truth):
    """The share of drawn runs whose interval holds the truth; equal runs are looked at once."""
    counts = Counter(draws)
    return sum(times for run, times in counts.items() if truth in interval(run)) / sum(counts.values())


@pytest.mark.parametrize("n", [200, 272, 500, 1319])
def test_wilson_covers_the_truth(n):
    rng = numpy.random.default_rng(n)
    for p in SHARES:
        hits = rng.binomial(n, p, RUNS).tolist()
        assert 0.93 <= covered(hits, lambda h: s.wilson(h / n, n), p) <= 0.97, p


@pytest.mark.parametrize("n", [30, 40])
def test_wilson_covers_small_sets_as_well_as_counts_allow(n):
    """At 30 problems a score has 31 values: no interval is exact at every share: 92 to 98.5 %, 95 on average."""
    rng = numpy.random.default_rng(n)
    shares = [i / 100 for i in range(5, 96)]
    rates = [covered(rng.binomial(n, p, RUNS).tolist(), lambda h: s.wilson(h / n, n), p) for p in shares]
    assert min(rates) >= 0.92
    assert max(rates) <= 0.985
    assert 0.94 <= sum(rates) / len(rates) <= 0.96


@pytest.mark.parametrize(
    ("docs", "k", "p"),
    [
        (30, 4, 0.3),
        (30, 8, 0.1),
        (30, 8, 0.5),
        (30, 64, 0.7),
        (40, 8, 0.9),
        (40, 4, 0.2),
        (200, 8, 0.05),
        (200, 2, 0.95),
    ],
)
def test_clustered_interval_covers_the_truth(docs, k, p):
    """Problems of very different difficulty are drawn, and k answers to each: the interval is about the population."""
    rng = numpy.random.default_rng(docs * k)
    chances = rng.beta(
        p, 1 - p, (RUNS, docs)
    )  # U-shaped: most problems are nearly always or nearly never solved
    values = (rng.binomial(k, chances) / k).tolist()
    rate = sum(p in s.clustered(run) for run in values) / RUNS
    assert 0.93 <= rate <= 0.97


def test_clustered_interval_is_short_where_thirty_problems_hold_too_few_right_answers():
    """5 % of 30 problems is one or two problems: what the README says of this corner, held here."""
    rng = numpy.random.default_rng(0)
    values = (rng.binomial(8, rng.beta(0.05, 0.95, (RUNS, 30))) / 8).tolist()
    assert 0.86 <= sum(0.05 in s.clustered(run) for run in values) / RUNS <= 0.97


@pytest.mark.parametrize(
    ("n", "only_first", "only_second"),
    [(30, 0.2, 0.1), (30, 0.3, 0.3), (40, 0.3, 0.1), (200, 0.05, 0.02), (200, 0.1, 0.1), (500, 0.02, 0.01)],
)
def test_bootstrap_covers_the_truth(n, only_first, only_second):
    rng = numpy.random.default_rng(n)
    flips = rng.multinomial(n, [only_first, only_second, 1 - only_first - only_second], RUNS).tolist()
    interval = functools.cache(lambda f: s.paired_bootstrap([1] * f[0] + [-1] * f[1] + [0] * f[2]))
    assert 0.93 <= covered(map(tuple, flips), interval, only_first - only_second) <= 0.97


def test_bootstrap_never_covers_less_where_flips_are_rare():
    """Below five flips no interval can be exact; ours then holds the truth more often, not less often."""
    rng = numpy.random.default_rng(8)
    flips = rng.multinomial(30, [0.05, 0.02, 0.93], RUNS).tolist()
    interval = functools.cache(lambda f: s.paired_bootstrap([1] * f[0] + [-1] * f[1] + [0] * f[2]))
    assert covered(map(tuple, flips), interval, 0.03) >= 0.95


def test_bootstrap_covers_the_truth_with_repeats():
    """Two runs with 2 answers each to 40 problems; the first is better at each."""
    rng = numpy.random.default_rng(9)
    base = rng.beta(1, 1, (RUNS, 40)) * 0.8
    differences = (rng.binomial(2, base + 0.1) - rng.binomial(2, base)).tolist()
    interval = functools.cache(lambda run: s.paired_bootstrap([d / 2 for d in run]))
    assert 0.93 <= covered((tuple(sorted(run)) for run in differences), interval, 0.1) <= 0.97


def test_variance_within_problems_is_unbiased():
    rng = numpy.random.default_rng(2)
    chances = numpy.array([0.02, 0.1, 0.4, 0.8, 0.99, 1.0])
    shares = rng.binomial(4, chances, (RUNS, 6)) / 4
    found = [s.within_doc_variance(run, 4) for run in shares.tolist()]
    assert numpy.mean(found) == pytest.approx((chances * (1 - chances)).mean(), rel=0.03)


@settings(deadline=None)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=80))
def test_sign_flip_is_the_z_test_of_random_signs(differences):
    spread = math.sqrt(sum(d * d for d in differences))
    expected = 1.0 if spread == 0 else 2 * stats.norm.sf(abs(sum(differences)) / spread)
    assert s.sign_flip(differences) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: s.wilson(0.5, 0),
        lambda: s.wilson(1.2, 10),
        lambda: s.clustered([0.5]),
        lambda: s.paired_bootstrap([]),
        lambda: s.mcnemar(-1, 2),
        lambda: s.within_doc_variance([0.5], 1),
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


@pytest.mark.parametrize("values", [[0.0, 1.0] * 20 + [1.0], [0.0, 0.5, 1.0] * 10, [1.0] * 30, [0.25, 0.75]])
def test_a_mean_and_its_stated_error_have_the_interval_of_the_values(values):
    """Commands that have the docs and those that have a line of results say the same."""
    mean, error = mean_and_error(values)
    assert s.of_stated_mean(mean, error, len(values)) == pytest.approx(s.of_mean(values))
