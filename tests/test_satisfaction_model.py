"""The learner: scikit-learn's own checks, what it recovers, and how it goes on from what is known."""

import warnings

import numpy as np
import pytest
from scipy.stats import spearmanr

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from sentiment.satisfaction.learned import Answers, Curve, Learned  # noqa: E402
from sentiment.satisfaction.model import SatisfactionModel  # noqa: E402


def data(n, seed=0, noise=0.8):
    """Answers from 1 to 5 that rise with two of five features, one of them not along a line."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    x[rng.random(n) < 0.1, 3] = np.nan
    latent = 3 + x[:, 0] + 1.2 * (x[:, 1] > 0.5) - 0.4 + noise * rng.normal(size=n)
    return x, np.clip(np.rint(latent), 1, 5)


def test_it_passes_the_checks_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(SatisfactionModel(n_bags=1, n_folds=2))


def test_it_recovers_what_was_planted_and_says_how_sure_it_is():
    x, y = data(800)
    model = SatisfactionModel(scale=(1, 5), n_bags=2).fit(x, y)
    fresh, answered = data(800, seed=1)
    assert spearmanr(model.predict(fresh), answered).statistic > 0.7
    p = model.predict_proba(fresh)
    assert p.shape == (800, 5)
    assert p.sum(1) == pytest.approx(1)
    low, high = model.predict_interval(fresh)
    assert 0.85 < np.mean((low <= answered) & (answered <= high)) < 0.98
    used = {c.feature for c in model.learned_.curves}
    assert {"x0", "x1"} <= used


def test_nothing_is_learned_from_noise():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(300, 8)), rng.integers(1, 6, 300).astype(float)
    model = SatisfactionModel(scale=(1, 5), n_bags=1).fit(x, y)
    assert np.ptp(model.predict(x)) < 0.8
    assert abs(model.predict(x).mean() - y.mean()) < 0.1


def base():
    steps = tuple(np.linspace(-0.3, 0.3, 7))
    rising = Curve(feature="x0", edges=(-1.5, -1, -0.5, 0.5, 1, 1.5), steps=steps, missing=0.0, typical=0.0)
    return Learned(0.5, (rising,)), Answers(1, 5, 8.0, (0.125, 0.375, 0.625, 0.875), 1.6)


def test_thirty_answers_stay_near_the_base_and_many_go_beyond_it():
    fresh, answered = data(600, seed=9)
    start = base()
    known = spearmanr(start[0].scores(fresh, [f"x{i}" for i in range(5)]), answered).statistic
    few = SatisfactionModel(scale=(1, 5), base=start, n_bags=1).fit(*data(30, seed=4))
    many = SatisfactionModel(scale=(1, 5), base=start, n_bags=1).fit(*data(1_000, seed=5))
    assert spearmanr(few.predict(fresh), answered).statistic == pytest.approx(known, abs=0.03)
    assert spearmanr(many.predict(fresh), answered).statistic > known + 0.03
    assert (
        np.abs(few.predict(fresh) - answered).mean() < np.abs(y_mean(data(30, seed=4)[1]) - answered).mean()
    )


def y_mean(y):
    return np.full(600, y.mean())


def test_a_base_that_misleads_is_given_up_as_answers_come_in():
    x, y = data(1_000, seed=6)
    learned, answers = base()
    wrong = learned.on_line(1.0, -1.0)
    model = SatisfactionModel(scale=(1, 5), base=(wrong, answers), n_bags=1).fit(x, y)
    fresh, answered = data(400, seed=7)
    assert spearmanr(model.predict(fresh), answered).statistic > 0.6


def test_answers_off_the_scale_and_single_calls_are_refused():
    x, y = data(50)
    with pytest.raises(ValueError, match="lie outside of the scale 1 to 5"):
        SatisfactionModel(scale=(1, 5)).fit(x, y + 3)
    with pytest.raises(ValueError, match="minimum of 2"):
        SatisfactionModel(scale=(1, 5)).fit(x[:1], y[:1])
    assert not hasattr(SatisfactionModel(), "predict_proba"), "without a scale there are no answers"


def test_calls_of_one_customer_are_never_on_both_sides():
    x, _ = data(400, seed=8)
    rng = np.random.default_rng(8)
    customer = np.repeat(np.arange(40), 10)
    liking = rng.normal(size=40)[customer]
    x[:, 2] = customer + 0.0  # tells the customer, and so the answer, but nothing of new customers
    y = np.clip(np.rint(3 + 1.2 * liking + 0.3 * rng.normal(size=400)), 1, 5)
    alone = SatisfactionModel(scale=(1, 5), n_bags=1).fit(x, y).held_out_
    grouped = SatisfactionModel(scale=(1, 5), n_bags=1).fit(x, y, groups=customer).held_out_
    assert spearmanr(alone, y).statistic > spearmanr(grouped, y).statistic + 0.2
