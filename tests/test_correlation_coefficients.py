"""The measures of agreement: against scipy and scikit-learn, and where the truth is planted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sentiment.correlation import coefficients as c
from sentiment.correlation.bootstrap import Resampling, clusters, figures
from sentiment.correlation.groups import reliability
from sentiment.correlation.polyserial import polyserial
from sentiment.correlation.rank_links import rank_correlation, rank_correlation_within

pairs = st.integers(3, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-3, 3), min_size=n, max_size=n),
        st.lists(st.integers(1, 5), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)


def varied(x, y, weights):
    a, b = np.repeat(x, weights), np.repeat(y, weights)
    return a, b, len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0


@settings(deadline=None, max_examples=150)
@given(pairs)
def test_weighted_coefficients_are_those_of_the_rows_repeated(drawn):
    x, y = (np.array(v, dtype=float) for v in drawn[:2])
    weights = np.array(drawn[2])
    a, b, defined = varied(x, y, weights)
    by_x, by_y, w = c.sort(x), c.sort(y), weights[None, :].astype(float)
    found = [c.spearman(by_x, by_y, w)[0], c.kendall(by_x, by_y, w)[0], c.pearson(x, y, w)[0]]
    if not defined:
        assert np.isnan(found).all()
        return
    wanted = [
        stats.spearmanr(a, b).statistic,
        stats.kendalltau(a, b).statistic,
        stats.pearsonr(a, b).statistic,
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_kendall_of_two_measured_variables_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 60))
    w = rng.integers(0, 3, size=(2, 60)).astype(float)
    found = c.kendall(c.sort(x), c.sort(y), w)
    for tau, row in zip(found, w.astype(int), strict=True):
        assert tau == pytest.approx(stats.kendalltau(np.repeat(x, row), np.repeat(y, row)).statistic)


@settings(deadline=None, max_examples=100)
@given(pairs)
def test_kappa_and_auc_are_scikit_learns_and_keep_their_bounds(drawn):
    from sklearn.metrics import cohen_kappa_score, roc_auc_score

    x, y = np.clip(np.array(drawn[0]) + 2.0, 1, 5), np.array(drawn[1], dtype=float)
    weights = np.array(drawn[2])
    w = weights[None, :].astype(float)
    a, b = np.repeat(x, weights), np.repeat(y, weights)
    kappa, auc = c.kappa(x, y, w)[0], c.auc(c.sort(x), y >= 4, w)[0]
    if not np.isnan(kappa):
        assert -1 <= kappa <= 1
        assert kappa == pytest.approx(
            cohen_kappa_score(a.astype(int), b.astype(int), labels=[1, 2, 3, 4, 5], weights="quadratic"),
            abs=1e-9,
        )
    if len(a) and 0 < (b >= 4).mean() < 1:
        assert auc == pytest.approx(roc_auc_score(b >= 4, a), abs=1e-9)
    else:
        assert np.isnan(auc)


@settings(deadline=None, max_examples=60)
@given(pairs, st.randoms(use_true_random=False))
def test_order_of_rows_and_rising_scales_do_not_matter(drawn, random):
    x, y = (np.array(v, dtype=float) for v in drawn[:2])
    one = np.ones((1, len(x)))
    order = list(range(len(x)))
    random.shuffle(order)

    def all_of(x, y):
        by_x, by_y = c.sort(x), c.sort(y)
        return [
            c.spearman(by_x, by_y, one)[0],
            c.kendall(by_x, by_y, one)[0],
            c.auc(by_x, y >= np.median(y), one)[0],
        ]

    np.testing.assert_allclose(all_of(x, y), all_of(x[order], y[order]), atol=1e-12)
    np.testing.assert_allclose(all_of(x, y), all_of(np.exp(x) * 7 - 3, y * 2 + 1), atol=1e-12)


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.3, 0.6, 0.9])
def test_polyserial_finds_the_planted_correlation_that_pearson_attenuates(rho):
    rng = np.random.default_rng(5)
    x, e = rng.normal(size=(2, 20_000))
    y = np.digitize(rho * x + np.sqrt(1 - rho**2) * e, [-1.5, -1.0, 0.2, 0.9]).astype(float)
    one = np.ones((1, len(x)))
    found = polyserial(3 * x + 10, c.sort(y), one)[0]
    assert found == pytest.approx(rho, abs=0.015)
    if rho:
        assert abs(c.pearson(x, y, one)[0]) < abs(found)
    few_steps = polyserial(x, c.sort(y), one, steps=3)[0]
    assert few_steps == pytest.approx(found, abs=1e-3)


def test_polyserial_of_what_does_not_vary_is_not_defined():
    x = np.arange(10.0)
    assert np.isnan(polyserial(x, c.sort(np.ones(10)), np.ones((1, 10)))[0])
    assert np.isnan(polyserial(np.ones(10), c.sort(x), np.ones((1, 10)))[0])
    assert polyserial(x, c.sort(x), np.ones((1, 10)))[0] > 0.99


def clustered(rng, n_customers, calls_each, rho):
    """Calls of customers who are alike in what is not explained."""
    who = np.repeat(np.arange(n_customers), calls_each)
    shared, own = rng.normal(size=(2, n_customers))[:, who], rng.normal(size=(2, len(who)))
    x, e = 0.8 * shared + 0.6 * own
    return x, rho * x + np.sqrt(1 - rho**2) * e, who


def test_intervals_hold_the_truth_as_often_as_they_say_though_customers_call_again():
    """200 draws: a 95 % interval misses 10 of them on average, 20 with a chance below 1 in 500."""
    rng, missed, naive_missed = np.random.default_rng(1), 0, 0
    truth = 6 / np.pi * np.arcsin(0.5 / 2)
    for seed in range(200):
        x, y, who = clustered(rng, 40, 4, 0.5)
        by_x, by_y = c.sort(x), c.sort(y)
        rho = {"rho": lambda w, a=by_x, b=by_y: c.spearman(a, b, w)}
        options = Resampling(resamples=300, seed=seed)
        found = figures(rho, who, options)["rho"]
        missed += not found.low <= truth <= found.high
        naive = figures(rho, np.arange(len(x)), options)["rho"]
        naive_missed += not naive.low <= truth <= naive.high
    assert missed <= 20
    assert naive_missed > 30


def test_a_customer_without_an_id_is_one_of_their_own():
    assert clusters(np.array(["a", None, "a", None], dtype=object)).tolist() == [0, 1, 0, 2]


def test_the_same_seed_gives_the_same_interval_and_few_customers_give_none():
    x = np.arange(30.0)
    mean = {"m": lambda w: c.mean(x, w)}
    one, two = (figures(mean, np.arange(30), Resampling(resamples=100, seed=s))["m"] for s in (3, 3))
    assert one == two
    assert one.low < 14.5 < one.high
    assert (one.n, one.n_customers) == (30, 30)
    few = figures(mean, np.repeat(np.arange(5), 6), Resampling())["m"]
    assert (few.value, few.low) == (14.5, None)
    assert few.reason == "no interval: fewer than 10 customers"


def test_rank_links_are_spearmans_with_clustered_intervals():
    rng, missed = np.random.default_rng(2), 0
    truth = 6 / np.pi * np.arcsin(0.4 / 2)
    for _ in range(200):
        x, y, who = clustered(rng, 60, 3, 0.4)
        x, y = np.round(x, 1), np.round(y, 1)
        found = rank_correlation(x, y, who)
        assert found.value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
        missed += not found.low <= truth <= found.high
    assert missed <= 22


def test_what_lies_between_groups_is_not_within_them():
    rng = np.random.default_rng(3)
    group = np.repeat([0, 1, 2], 200)
    x = rng.normal(size=600) + 3 * group
    y = -0.5 * x + 5 * group + rng.normal(size=600)
    own = np.arange(600)
    assert rank_correlation(x, y, own).sign == 1
    assert rank_correlation_within(x, y, group, own).sign == -1


def test_reliability_finds_planted_components_and_what_a_group_needs():
    rng = np.random.default_rng(4)
    sizes = rng.integers(10, 60, 200)
    groups = [m + rng.normal(0, 2.0, n) for m, n in zip(rng.normal(0, 0.8, 200), sizes, strict=True)]
    found = reliability(groups)
    icc = 0.64 / (0.64 + 4.0)
    assert found.icc.low < icc < found.icc.high
    assert found.between == pytest.approx(0.64, rel=0.3)
    assert found.needed[0.7] == pytest.approx(0.7 / 0.3 * (1 - icc) / icc, rel=0.3)
    assert found.needed_range[0.7][0] < found.needed[0.7] < found.needed_range[0.7][1]
    assert found.needed[0.8] > found.needed[0.7]


def test_groups_that_are_alike_need_more_answers_than_there_are():
    rng = np.random.default_rng(6)
    false_alarms = 0
    for _ in range(200):
        found = reliability([rng.normal(size=12) for _ in range(15)])
        false_alarms += found.p_value < 0.05
        assert found.icc.value > 0 or found.needed[0.7] is None
    assert false_alarms <= 20
    assert reliability([np.ones(3), np.ones(4)]).icc.reason == "answers do not vary within groups"
    assert reliability([np.ones(3)]) is None
