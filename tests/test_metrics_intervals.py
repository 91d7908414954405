"""Intervals cover the truth as often as they say, and better than the percentile bootstrap where groups are small."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from sentiment.metrics import intervals
from sentiment.metrics.intervals import Interval, Moments, z_of

Z = z_of(0.95)


def f(*values):
    return np.array(values, dtype=float)


@given(n=st.integers(1, 10**6), share=st.floats(0, 1))
def test_proportions_get_wilsons_interval(n, share):
    events = round(share * n)
    low, high = intervals.of_proportion(f(events), f(n), Z)
    expected = proportion_confint(events, n, method="wilson")
    assert (low[0], high[0]) == pytest.approx(expected, abs=1e-9)
    assert 0 <= low[0] <= events / n <= high[0] <= 1


def test_no_rows_no_interval_and_one_row_no_spread():
    assert np.isnan(intervals.of_proportion(f(0), f(0), Z).low[0])
    assert np.isnan(intervals.of_mean(Moments(f(1), f(3), f(9), f(27)), Z).low[0])
    assert np.isnan(intervals.of_score(f(0), f(0), f(0), low=f(1), high=f(5), z=Z).low[0])


def moments(x):
    return Moments(f(len(x)), f(x.sum()), f((x**2).sum()), f((x**3).sum()))


def test_a_symmetric_sample_gets_students_interval():
    x = np.array([1.0, 2, 3, 4, 5, 6, 7])
    low, high = intervals.of_mean(moments(x), Z)
    assert (low[0], high[0]) == pytest.approx(stats.t.interval(0.95, 6, x.mean(), stats.sem(x)))


def test_equal_values_have_an_interval_of_no_width_in_spite_of_rounding():
    x = np.full(7, 0.1)
    assert intervals.of_mean(moments(x), Z) == (pytest.approx([0.1]), pytest.approx([0.1]))


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=30), st.floats(0.001, 1000))
def test_means_scale_with_their_unit(values, unit):
    x = np.array(values, dtype=float)
    one, other = intervals.of_mean(moments(x), Z), intervals.of_mean(moments(x * unit), Z)
    assert other.low == pytest.approx(one.low * unit, rel=1e-4, abs=1e-6 * unit * (x.max() + 1e-9))


def test_a_ratio_of_constant_denominators_is_a_mean():
    x = np.array([3.0, 1, 4, 1, 5, 9, 2, 6])
    sums = {
        "y": x,
        "x": x**0,
        "yy": x**2,
        "xy": x,
        "xx": x**0,
        "yyy": x**3,
        "xyy": x**2,
        "xxy": x,
        "xxx": x**0,
    }
    ratio = intervals.of_ratio(f(8), {k: f(v.sum()) for k, v in sums.items()}, Z)
    mean = intervals.of_mean(moments(x), Z)
    assert ratio.low == pytest.approx(mean.low)
    assert ratio.high == pytest.approx(mean.high)


def coverage(ends, truth):
    return float(((ends.low <= truth + 1e-12) & (ends.high >= truth - 1e-12)).mean())


def bootstrap(samples, draws, replicates=300):
    """The percentile bootstrap of the rows, for comparison."""
    n = samples.shape[1]
    ends = [
        np.quantile(row[draws.integers(0, n, (replicates, n))].mean(1), [0.025, 0.975])
        for row in samples[:400]
    ]
    return Interval(*np.array(ends).T)


@pytest.mark.parametrize(
    ("sigma", "n", "least"), [(0.5, 30, 0.93), (0.8, 30, 0.92), (0.8, 200, 0.93), (1.0, 100, 0.925)]
)
def test_skewed_means_are_covered_better_than_by_the_bootstrap(sigma, n, least):
    draws = np.random.default_rng(1)
    x = draws.lognormal(0, sigma, (4000, n))
    truth = math.exp(sigma**2 / 2)
    ends = intervals.of_mean(Moments(np.full(4000, float(n)), x.sum(1), (x**2).sum(1), (x**3).sum(1)), Z)
    assert coverage(ends, truth) >= least
    assert coverage(ends, truth) >= coverage(bootstrap(x, draws), truth)


@pytest.mark.parametrize("shares", [(0.6, 0.2), (0.3, 0.3), (0.85, 0.03), (0.1, 0.05)])
@pytest.mark.parametrize("n", [10, 30, 100])
def test_nps_is_covered_in_small_groups_too(shares, n):
    draws = np.random.default_rng(2)
    counts = draws.multinomial(n, [*shares, 1 - sum(shares)], size=4000)
    plus, minus, ones = counts[:, 0].astype(float), counts[:, 1].astype(float), np.ones(4000)
    ends = intervals.of_score(ones * n, plus - minus, plus + minus, low=-ones, high=ones, z=Z)
    assert coverage(ends, shares[0] - shares[1]) >= 0.925
    assert (ends.low >= -1).all()
    assert (ends.high <= 1).all()


def test_differences_of_proportions_are_newcombes():
    a, b = (56, 70), (48, 80)
    first, second = (intervals.of_proportion(f(x), f(n), Z) for x, n in (a, b))
    low, high = intervals.difference(f(a[0] / a[1]), first, f(b[0] / b[1]), second)
    expected = confint_proportions_2indep(b[0], b[1], a[0], a[1], method="newcomb")
    assert (low[0], high[0]) == pytest.approx(expected, abs=2e-3)


@given(st.integers(0, 50), st.integers(0, 50))
def test_a_difference_is_significant_when_its_interval_excludes_zero(x, y):
    def at(z):
        first, second = (intervals.of_proportion(f(v), f(50), z) for v in (x, y))
        return intervals.difference(f(x / 50), first, f(y / 50), second)

    p, ends = intervals.two_sided_p(at)[0], at(Z)
    assert 0 <= p <= 1
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == bool(ends.low[0] > 0 or ends.high[0] < 0)


def test_equal_groups_differ_by_chance_as_often_as_the_level_says():
    draws = np.random.default_rng(3)
    x, y = (draws.binomial(80, 0.3, 2000).astype(float) for _ in range(2))
    n = np.full(2000, 80.0)

    def at(z):
        first, second = intervals.of_proportion(x, n, z), intervals.of_proportion(y, n, z)
        return intervals.difference(x / n, first, y / n, second)

    assert 0.03 < (intervals.two_sided_p(at) < 0.05).mean() < 0.065
