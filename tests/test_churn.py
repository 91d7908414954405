"""Churn curves: textbook data, `lifelines` as oracle, simulated customers, and what cannot be said."""

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

from sentiment.errors import FitError, InputError
from sentiment.metrics.churn import churn_curves, tenure_table

# Remission times of leukaemia patients (E. Freireich et al., Blood 21, 1963), the textbooks' worked example.
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
TREATED_LOST = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def freireich():
    group = ["treated"] * 21 + ["placebo"] * 21
    return churn_curves(TREATED + PLACEBO, TREATED_LOST + [1] * 21, group=group)


def test_the_textbook_curve():
    """J. Klein and M. Moeschberger, *Survival analysis*, 2003, tables 4.1, 4.4; example 7.2."""
    churn = freireich()
    treated, placebo = churn.groups
    assert treated.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert treated.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    np.testing.assert_allclose(treated.survival, [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=5e-4)
    assert treated.time_until(0.5).value == 23
    assert placebo.time_until(0.5).value == 8
    assert churn.log_rank.chi2 == pytest.approx(16.79, abs=0.005)
    assert churn.log_rank.df == 1


def test_what_lies_between_and_beyond():
    treated = freireich().groups[0]
    assert treated.at(9.9) == treated.at(7)
    assert treated.at(5).value == 1.0
    assert treated.at(5).low == pytest.approx(0.025 ** (1 / 21))
    assert treated.at(36).value is None
    assert "longer than 35" in treated.at(36).reason
    assert treated.time_until(0.3).value is None
    assert "44.8% are still there" in treated.time_until(0.3).reason


@pytest.mark.filterwarnings("ignore")  # of lifelines and what it imports
@pytest.mark.parametrize("late", [False, True])
def test_lifelines_agrees(late):
    lifelines = pytest.importorskip("lifelines")
    rng = np.random.default_rng(3)
    n = 1_500
    group = rng.choice(["a", "b", "c"], n)
    leave, end = rng.exponential(12 + 6 * (group == "b"), n).round(1), rng.uniform(3, 40, n).round(1)
    entered = rng.uniform(0, 8, n).round(1) if late else None
    tenure, lost = np.minimum(leave, end), leave <= end
    if late:
        seen = entered < tenure
        group, tenure, lost, entered = (v[seen] for v in (group, tenure, lost, entered))
    churn = churn_curves(tenure, lost, group=group, entered=entered)
    for curve in (churn.overall, *churn.groups):
        mine = slice(None) if curve.group is None else group == curve.group
        km = lifelines.KaplanMeierFitter()
        km.fit(tenure[mine], lost[mine], entry=None if entered is None else entered[mine])
        np.testing.assert_allclose(curve.survival, km.predict(curve.times), atol=1e-9)
        theirs = km.confidence_interval_.loc[curve.times].to_numpy()
        some = curve.survival > 0  # where nobody is left theirs is from 0 to 0
        np.testing.assert_allclose(np.column_stack([curve.low, curve.high])[some], theirs[some], atol=1e-9)
    if not late:
        test = lifelines.statistics.multivariate_logrank_test(tenure, group, lost)
        assert churn.log_rank.chi2 == pytest.approx(test.test_statistic)
        assert churn.log_rank.p_value == pytest.approx(test.p_value)
        whole = lifelines.KaplanMeierFitter().fit(tenure, lost)
        mean = lifelines.utils.restricted_mean_survival_time(whole, 20)
        assert churn.overall.mean_time(20).value == pytest.approx(mean)


def test_intervals_hold_what_they_promise():
    """In 400 samples of 80 customers the truth lies in 95 % of the intervals."""
    rng = np.random.default_rng(7)
    survives, lasts, median = 0, 0, 0
    for _ in range(400):
        leave, end = rng.exponential(10, 80), rng.uniform(5, 30, 80)
        curve = churn_curves(np.minimum(leave, end), leave <= end).overall
        at, mean, half = curve.at(8), curve.mean_time(12), curve.time_until(0.5)
        survives += at.low <= math.exp(-0.8) <= at.high
        lasts += mean.low <= 10 * (1 - math.exp(-1.2)) <= mean.high
        median += half.low <= 10 * math.log(2) <= (math.inf if half.high is None else half.high)
    for covered in (survives, lasts, median):
        assert 0.92 * 400 <= covered <= 0.985 * 400


def test_equal_groups_differ_in_one_sample_of_twenty():
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(200):
        leave, end = rng.exponential(10, 120), rng.uniform(5, 30, 120)
        churn = churn_curves(np.minimum(leave, end), leave <= end, group=rng.integers(0, 3, 120))
        found += churn.log_rank.p_value < 0.05
    assert found <= 20


def test_old_customers_come_in_late():
    """Customers who left before the records began are not in them; only ``entered`` makes up for that."""
    rng = np.random.default_rng(9)
    leave, first_seen = rng.exponential(10, 6_000), rng.uniform(0, 15, 6_000)
    there = leave > first_seen
    lost = np.ones(there.sum())
    naive = churn_curves(leave[there], lost).overall.at(10)
    right = churn_curves(leave[there], lost, entered=first_seen[there]).overall.at(10)
    assert right.low <= math.exp(-1) <= right.high
    assert naive.low > 0.5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60))
def test_a_curve_falls_within_its_interval(rows):
    curve = churn_curves([t for t, _ in rows], [lost for _, lost in rows]).overall
    assert np.all(np.diff(curve.survival) < 0)
    assert np.all((curve.low >= 0) & (curve.low <= curve.survival + 1e-12))
    assert np.all((curve.survival <= curve.high + 1e-12) & (curve.high <= 1))
    assert curve.n_lost == curve.lost.sum() == sum(lost for _, lost in rows)
    if curve.longest > 0:
        mean = curve.mean_time(curve.longest)
        assert 0 <= mean.low <= mean.value <= mean.high <= curve.longest


@pytest.mark.shared
def test_telecom_customers_leave_by_contract_and_complaint():
    """1,869 of IBM's 7,043 telco customers left; half of those paying by the month within 35 months."""
    if not (SHARED_DATA / "telco_churn").is_dir():
        pytest.skip("the churn sets of ../shared/data are not here")
    telco = pd.read_csv(SHARED_DATA / "telco_churn" / "Telco-Customer-Churn.csv")
    churn = churn_curves(telco.tenure, telco.Churn == "Yes", group=telco.Contract)
    assert (churn.overall.n_lost, churn.overall.n_customers) == (1_869, 7_043)
    assert [c.group for c in churn.groups] == ["Month-to-month", "Two year", "One year"]
    assert churn.groups[0].time_until(0.5).value == 35
    assert churn.groups[1].at(60).low > 0.95
    assert churn.log_rank.p_value < 1e-100
    iran = pd.read_csv(SHARED_DATA / "iranian_churn" / "Customer_Churn.csv")
    churn = churn_curves(iran["Subscription  Length"], iran.Churn == 1, group=iran.Complains)
    quiet, complained = churn.groups
    assert complained.at(36).high < quiet.at(36).low


# -- the table -------------------------------------------------------------------------------------


def test_tenures_of_a_table():
    customers = ibis.memtable(
        pd.DataFrame(
            {
                "joined": [date(2026, 1, 1), date(2026, 1, 11), date(2025, 12, 1), date(2025, 1, 1), None],
                "left": [date(2026, 1, 31), None, date(2026, 3, 1), date(2025, 6, 1), None],
                "plan": ["x", "y", "x", "y", "x"],
            }
        ).astype({"joined": "datetime64[ns]", "left": "datetime64[ns]"})
    )
    columns = {"joined_at": "joined", "left_at": "left", "group": "plan"}
    until = date(2026, 2, 10)
    rows = tenure_table(customers, observed_until=until, **columns).to_pandas()
    assert sorted(zip(rows.tenure, rows.lost, rows.entered, rows.group, strict=True)) == [
        (30, False, 0, "y"),
        (30, True, 0, "x"),
        (71, False, 0, "x"),  # left after the last day observed
        (151, True, 0, "y"),
    ]
    rows = tenure_table(
        customers, observed_until=until, observed_from=date(2025, 12, 31), **columns
    ).to_pandas()
    assert sorted(zip(rows.tenure, rows.entered, strict=True)) == [(30, 0), (30, 0), (71, 30)]
    curves = churn_curves(rows.tenure, rows.lost, group=rows.group, entered=rows.entered)
    assert curves.overall.n_customers == 3


# -- what cannot be said ---------------------------------------------------------------------------


def test_no_test_without_groups_or_losses():
    assert churn_curves([1, 2], [1, 0]).reason == "no groups were given"
    one = churn_curves([1, 2], [1, 0], group=["a", None])
    assert (one.log_rank, one.reason, len(one.groups)) == (None, "fewer than two groups", 1)
    nobody = churn_curves([1, 2], [0, 0], group=["a", "b"])
    assert (nobody.log_rank, nobody.reason) == (None, "no customer of any group was lost")
    assert nobody.overall.at(2).value == 1.0
    assert nobody.overall.time_until(0.5).value is None


def test_everybody_gone_has_an_interval_still():
    end = churn_curves([1, 2, 3], [1, 1, 1]).overall.at(3)
    assert (end.value, end.low) == (0.0, 0.0)
    assert 0 < end.high < 1


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (([], []), InputError, "no tenures"),
        (([1, math.nan], [1, 0]), InputError, "missing or negative"),
        (([-1], [0]), InputError, "missing or negative"),
        (([1, 2], [1]), InputError, "one length"),
    ],
)
def test_what_cannot_be_used_says_so(arguments, error, says):
    with pytest.raises(error, match=says):
        churn_curves(*arguments)


def test_a_gap_between_early_and_late_customers_is_an_error():
    with pytest.raises(FitError, match="everybody seen by 2 had left"):
        churn_curves([1, 2, 10, 12], [1, 1, 1, 1], entered=[0, 0, 5, 5])
    with pytest.raises(InputError, match="entered"):
        churn_curves([1], [1], entered=[2])
