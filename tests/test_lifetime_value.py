"""Lifetime value: the published fits on CDNOW, `lifetimes` as oracle, and simulated customers."""

from __future__ import annotations

import math
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from fakes import SHARED_DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import hyp2f1

from sentiment.errors import FitError, InputError
from sentiment.metrics.lifetime_value import (
    BgNbd,
    GammaGamma,
    fit_bg_nbd,
    fit_gamma_gamma,
    lifetime_value,
)
from sentiment.metrics.purchases import PurchaseHistory, purchase_history

CDNOW = SHARED_DATA / "cdnow"
MODEL = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=math.nan, n_customers=0)
"""The paper's fit to CDNOW, in weeks."""


def history(frequency, recency, age, value=None) -> PurchaseHistory:
    columns = {"frequency": frequency, "recency": recency, "age": age, "value": value}
    return PurchaseHistory(
        **{k: None if v is None else np.atleast_1d(np.asarray(v, float)) for k, v in columns.items()}
    )


def simulated(n, *, r, alpha, a, b, p=6.0, q=4.0, v=15.0, seed=0) -> PurchaseHistory:
    """Customers who buy and leave as BG/NBD says and spend as Gamma-Gamma says."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(150, 400, n)
    rate, leaving, scale = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), rng.gamma(q, 1 / v, n)
    frequency, recency = np.zeros(n), np.zeros(n)
    for i in range(n):
        t = 0.0
        while (t := t + rng.exponential(1 / rate[i])) < age[i]:
            frequency[i] += 1
            recency[i] = t
            if rng.random() < leaving[i]:
                break
    value = np.full(n, np.nan)
    again = frequency > 0
    value[again] = rng.gamma(p * frequency[again], 1 / scale[again]) / frequency[again]
    return PurchaseHistory(frequency=frequency, recency=recency, age=age, value=value)


# -- CDNOW -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    if not CDNOW.is_dir():
        pytest.skip("CDNOW of ../shared/data is not here")
    names = ["master_id", "customer_id", "ordered_at", "n", "value"]
    frame = pd.read_csv(CDNOW / "CDNOW_sample.txt", sep=r"\s+", names=names)
    return frame.assign(ordered_at=pd.to_datetime(frame.ordered_at, format="%Y%m%d"))


@pytest.fixture(scope="module")
def calibration(cdnow) -> PurchaseHistory:
    return purchase_history(ibis.memtable(cdnow), observed_until=date(1997, 9, 30), value="value")


@pytest.mark.shared
def test_the_published_fits_of_cdnow(calibration):
    """Fader, Hardie and Lee 2005, table 2 (weeks); Fader and Hardie 2013, section 5."""
    if not CDNOW.is_dir():
        pytest.skip("CDNOW of ../shared/data is not here")
    weeks = pd.read_csv(CDNOW / "cdnow_customers_summary.csv")
    model = fit_bg_nbd(history(weeks.frequency, weeks.recency, weeks["T"]))
    assert [round(v, 3) for v in (model.r, model.alpha, model.a, model.b)] == [0.243, 4.414, 0.793, 2.426]
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    money = fit_gamma_gamma(calibration)
    assert [round(v, 2) for v in (money.p, money.q, money.v)] == [6.25, 3.74, 15.44]
    assert money.n_customers == 946


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")  # lifetimes is old; only what it computes matters here
def test_lifetimes_agrees_to_three_decimals(cdnow, calibration):
    lifetimes = pytest.importorskip("lifetimes")
    theirs = lifetimes.utils.summary_data_from_transaction_data(
        cdnow, "customer_id", "ordered_at", "value", observation_period_end="1997-09-30"
    )
    x, t_x, age, m = (theirs[c] for c in ("frequency", "recency", "T", "monetary_value"))
    for ours, column in ((calibration.frequency, x), (calibration.recency, t_x), (calibration.age, age)):
        np.testing.assert_array_equal(ours, column)
    np.testing.assert_allclose(np.nan_to_num(calibration.value), m)
    bg, gg = lifetimes.BetaGeoFitter().fit(x, t_x, age), lifetimes.GammaGammaFitter()
    gg.fit(x[x > 0], m[x > 0])
    ours, money = fit_bg_nbd(calibration), fit_gamma_gamma(calibration)
    three = {"atol": 5e-4, "rtol": 0}
    np.testing.assert_allclose((ours.r, ours.alpha, ours.a, ours.b), bg.params_, **three)
    np.testing.assert_allclose((money.p, money.q, money.v), gg.params_, **three)
    np.testing.assert_allclose(
        ours.p_alive(calibration), bg.conditional_probability_alive(x, t_x, age), **three
    )
    np.testing.assert_allclose(ours.expected_purchases(calibration, 90), bg.predict(90, x, t_x, age), **three)
    new = bg.expected_number_of_purchases_up_to_time(365)
    assert ours.expected_purchases_of_new(365) == pytest.approx(new, abs=5e-4)
    np.testing.assert_allclose(
        money.expected_value(calibration), gg.conditional_expected_average_profit(x, m), **three
    )
    clv = gg.customer_lifetime_value(bg, x, t_x, age, m, time=12, discount_rate=0.01, freq="D")
    np.testing.assert_allclose(lifetime_value(calibration, ours, money), clv, **three)


@pytest.mark.shared
def test_the_39_weeks_kept_aside_are_foretold(cdnow, calibration):
    later = cdnow[cdnow.ordered_at > "1997-09-30"]
    bought = len(later.drop_duplicates(["customer_id", "ordered_at"]))
    foretold = fit_bg_nbd(calibration).expected_purchases(calibration, 273)
    assert foretold.sum() == pytest.approx(bought, rel=0.15)
    ids = calibration.customer_id
    actual = pd.Series(1, index=later.customer_id).groupby(level=0).sum().reindex(ids, fill_value=0)
    assert np.corrcoef(foretold, actual)[0, 1] > 0.55


# -- simulated customers ---------------------------------------------------------------------------


def test_planted_parameters_come_back():
    true = {"r": 0.8, "alpha": 60.0, "a": 1.2, "b": 4.0}
    seen = simulated(6_000, **true)
    model, money = fit_bg_nbd(seen), fit_gamma_gamma(seen)
    assert model.r == pytest.approx(0.8, rel=0.12)
    assert model.alpha == pytest.approx(60.0, rel=0.15)
    assert model.a / (model.a + model.b) == pytest.approx(1.2 / 5.2, rel=0.15)
    assert money.p * money.v / (money.q - 1) == pytest.approx(6.0 * 15.0 / 3.0, rel=0.03)
    assert abs(money.frequency_value_r) < 0.06


def test_expected_purchases_are_the_mean_of_simulated_ones():
    """A new customer's expectation against eq. 9's process itself."""
    rng = np.random.default_rng(4)
    n = 40_000
    seen = np.zeros(n)
    rate, leaving = rng.gamma(0.8, 1 / 5.0, n), rng.beta(1.0, 3.0, n)
    for i in range(n):
        t = 0.0
        while (t := t + rng.exponential(1 / rate[i])) < 40:
            seen[i] += 1
            if rng.random() < leaving[i]:
                break
    model = BgNbd(r=0.8, alpha=5.0, a=1.0, b=3.0, log_likelihood=0.0, n_customers=0)  # a = 1: the 0/0
    assert model.expected_purchases_of_new(40) == pytest.approx(seen.mean(), abs=4 * seen.std() / n**0.5)


@settings(deadline=None)
@given(
    x=st.integers(0, 3_000),
    share=st.floats(0.01, 1),
    age=st.floats(1, 2_000),
    days=st.floats(0, 5_000),
    a=st.floats(0.005, 8),
)
def test_expectations_stay_in_bounds(x, share, age, days, a):
    model = BgNbd(r=0.3, alpha=10.0, a=a, b=2.0, log_likelihood=0.0, n_customers=0)
    h = history(x, age * share if x else 0, age)
    alive = model.p_alive(h)[0]
    assert 0 <= alive <= 1
    bought = model.expected_purchases(h, days)[0]
    # no more than a customer who is surely active and never leaves
    assert -1e-9 <= bought <= (0.3 + x) / (10.0 + age) * days * alive * (1 + 1e-6) + 1e-9
    assert bought <= model.expected_purchases(h, days + 1)[0] + 1e-9


@pytest.mark.parametrize(("r", "alpha", "a", "b"), [(0.243, 4.414, 0.793, 2.426), (2.0, 30.0, 3.3, 0.4)])
def test_the_closed_form_of_the_paper(r, alpha, a, b):
    """Equation 10, where scipy's 2F1 can be relied on."""
    model = BgNbd(r=r, alpha=alpha, a=a, b=b, log_likelihood=0.0, n_customers=0)
    x, t_x, age, t = np.array([0.0, 1, 2, 7, 20]), np.array([0.0, 5, 20, 30, 38]), np.full(5, 39.0), 26.0
    z = t / (alpha + age + t)
    shrink = ((alpha + age) / (alpha + age + t)) ** (r + x)
    c = a + b + x - 1
    above = c / (a - 1) * (1 - shrink * hyp2f1(r + x, b + x, c, z))
    gone = a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x)
    expected = above / (1 + (x > 0) * gone)
    np.testing.assert_allclose(model.expected_purchases(history(x, t_x, age), t), expected, rtol=1e-9)


def test_p_alive_falls_with_silence():
    h = history([4, 4, 4], [38, 20, 5], [39, 39, 39])
    alive = MODEL.p_alive(h)
    assert alive[0] > alive[1] > alive[2]
    assert MODEL.p_alive(history(0, 0, 39))[0] == 1.0


def test_value_is_pulled_towards_everyones_mean():
    money = GammaGamma(p=6.25, q=3.74, v=15.44, log_likelihood=0, n_customers=0, frequency_value_r=0)
    mean = 6.25 * 15.44 / 2.74
    rare, often, none = money.expected_value(history([1, 50, 0], [9, 9, 0], [9, 9, 9], [100, 100, np.nan]))
    assert mean < rare < often < 100
    assert none == pytest.approx(mean)


def test_discount_margin_and_periods():
    money = GammaGamma(p=6.25, q=3.74, v=15.44, log_likelihood=0, n_customers=0, frequency_value_r=0)
    h = history([2, 0], [30, 0], [38, 38], [40, np.nan])
    whole = lifetime_value(h, MODEL, money, periods=10, period_days=7, discount=0.0)
    np.testing.assert_allclose(whole, MODEL.expected_purchases(h, 70) * money.expected_value(h))
    assert np.all(lifetime_value(h, MODEL, money, periods=10, period_days=7, discount=0.01) < whole)
    np.testing.assert_allclose(
        lifetime_value(h, MODEL, money, periods=10, period_days=7, discount=0.0, margin=0.2), 0.2 * whole
    )


# -- what cannot be said ---------------------------------------------------------------------------


def test_too_few_customers_is_an_error():
    few = history(np.r_[np.ones(29), np.zeros(500)], np.r_[np.full(29, 3), np.zeros(500)], np.full(529, 9))
    for fit in (fit_bg_nbd, fit_gamma_gamma):
        with pytest.raises(FitError, match="29 customers bought again"):
            fit(few)


def test_customers_who_do_not_differ_give_no_numbers():
    rng = np.random.default_rng(0)
    x = rng.poisson(5.0, 400).astype(float)  # one rate for all, and nobody ever leaves
    with pytest.raises(FitError, match="likelihood"):
        fit_bg_nbd(history(x, np.where(x > 0, 99.0, 0.0), np.full(400, 100.0)))


def test_a_mean_that_is_not_finite_is_an_error():
    money = GammaGamma(p=2, q=0.9, v=5, log_likelihood=0, n_customers=0, frequency_value_r=0)
    with pytest.raises(FitError, match="not finite"):
        money.expected_value(history([0, 1], [0, 1], [9, 9], [np.nan, 5]))


def test_arguments_out_of_range_say_so():
    h = history([1], [1], [9])
    with pytest.raises(InputError, match="-1 days"):
        MODEL.expected_purchases(h, -1)
    money = GammaGamma(p=6, q=4, v=15, log_likelihood=0, n_customers=0, frequency_value_r=0)
    with pytest.raises(InputError, match="no values"):
        money.expected_value(h)
    with pytest.raises(InputError, match="margin"):
        lifetime_value(h, MODEL, money, margin=20)
