"""Estimates against surveys of known truth: what is planted is found, and nothing where there is nothing."""

import numpy as np
import pyarrow as pa
import pytest

from sentiment.correlation import CorrelationOptions, Resampling, correlate
from sentiment.synthetic.surveyed import Surveyed, make_surveyed_calls

QUICK = CorrelationOptions(resampling=Resampling(resamples=200))


def found_of(made, by=("agent",), **more):
    more = {"calls": made.calls, "surveys": made.surveys, "options": QUICK, "threads": 1, "by": by} | more
    return correlate(**more)


@pytest.fixture(scope="module")
def usual():
    """Agreement .5, agents that differ, nothing else."""
    return make_surveyed_calls(Surveyed(agent=0.2, n_agents=20, tilt=0.0, p_answer=0.3))


@pytest.fixture(scope="module")
def usual_found(usual):
    return found_of(usual, by=("agent", "queue", "week"), contacts=usual.contacts, customers=usual.customers)


def names(cautions):
    return {c.name for c in cautions}


def test_planted_agreement_is_found_with_its_n_and_interval(usual_found):
    csat = usual_found.instrument("csat")
    figures = csat.main.figures
    assert csat.main.predictor == "predicted_csat"
    assert figures["polyserial"].low < 0.5 < figures["polyserial"].high + 0.05
    assert 0.4 < figures["spearman"].low < figures["spearman"].value < figures["spearman"].high < 0.6
    assert figures["coverage"].low >= 0.9
    assert figures["bias"].low < 0 < figures["bias"].high
    assert csat.calibration.slope.low < 1 < csat.calibration.slope.high
    assert all(f.n > 1_000 and 700 < f.n_customers < f.n for f in figures.values())
    assert csat.verdict.startswith("Predicted CSAT agrees with surveyed CSAT call by call")
    assert [a.predictor for a in csat.agreements[1:]] == ["customer_polarity_q4", "customer_polarity"]
    order = [a.figures["spearman"].value for a in csat.agreements]
    assert order == sorted(order, reverse=True)
    assert set(csat.agreements[1].figures) == {"spearman", "kendall", "pearson", "polyserial", "auc_top_box"}
    assert not [c for c in csat.cautions if c.serious]


def test_bands_and_calibration_count_every_answered_call(usual_found):
    csat, nps = usual_found.instrument("csat"), usual_found.instrument("nps")
    n = csat.main.figures["spearman"].n
    assert sum(map(sum, csat.confusion.counts)) == sum(b.answered.n for b in csat.calibration.bins) == n
    assert csat.confusion.bands == ("bottom", "middle", "top")
    assert nps.confusion.bands == ("detractor", "passive", "promoter")
    assert sum(p.n for p in csat.drift.periods) == n


def test_groups_have_bands_and_say_how_many_answers_they_need(usual, usual_found):
    agents, queues, weeks = usual_found.instrument("csat").groups
    assert (agents.by, agents.n_compared, queues.n_compared) == ("agent", 20, 4)
    assert agents.figures["spearman"].low > 0.3
    assert agents.reliability.p_value < 0.001
    assert 5 <= agents.reliability.needed[0.7] < agents.reliability.needed[0.8] < 60
    assert weeks.reliability.p_value > 0.01
    big, small = max(agents.groups, key=lambda g: g.n_answers), min(agents.groups, key=lambda g: g.n_answers)
    assert big.answered.high - big.answered.low < small.answered.high - small.answered.low + 0.3
    assert big.reliability > small.reliability
    assert sum(g.n_calls for g in agents.groups) == usual.calls.num_rows
    assert queues.figures["spearman"].reason == "no interval: fewer than 10 groups"


def test_planted_operations_are_found_and_what_goes_with_nothing_is_not(usual_found):
    links = {(link.figure, link.operation): link for link in usual_found.operations.links}
    assert links["csat", "wait_ms"].overall.sign == -1
    assert links["csat", "resolved_first"].overall.sign == 1
    assert links["predicted_csat", "left_in_90_days"].overall.sign == -1
    nothing = [link for link in links.values() if link.operation in ("hold_ms", "transfers")]
    assert len(nothing) == 12
    assert sum(link.q_value < 0.05 for link in nothing) <= 1
    drivers = {d.name: d for d in usual_found.operations.drivers["csat"].drivers}
    assert drivers["wait_ms"].effect.sign == -1
    assert drivers["hold_ms"].q_value > 0.01
    assert usual_found.operations.left_out["abandoned_that_day"] == "it is the same for every call"


def test_simpsons_paradox_is_shown():
    made = make_surveyed_calls(Surveyed(paradox=True))
    operations = found_of(made, by=(), contacts=made.contacts).operations
    link = next(k for k in operations.links if (k.figure, k.operation) == ("csat", "wait_ms"))
    assert (link.overall.sign, link.within.sign, link.turns) == (1, -1, True)
    wait = next(d for d in operations.drivers["csat"].drivers if d.name == "wait_ms")
    assert wait.sign_turns == "within groups"
    assert not any(k.turns for k in operations.links if k.operation == "hold_ms")


def test_planted_response_bias_is_found_and_weighting_recovers_the_truth():
    made = make_surveyed_calls(Surveyed(tilt_seen=0.8, n_calls=6_000))
    response = found_of(made, by=()).instrument("csat").response
    truth = made.truth.to_pandas()
    assert response.p_bias < 1e-6
    assert response.mean.raw.low > truth["csat"].mean()
    assert response.mean.weighted.low < truth["csat"].mean() < response.mean.weighted.high
    rest = truth.loc[~truth["answers"], "csat"].mean()
    assert response.mean.others_weighted.low < rest < response.mean.others_weighted.high
    assert response.mean.others_estimated.low < rest < response.mean.others_estimated.high
    assert response.mean.shift.high < 0
    assert response.share.weighted.low < 100 * (truth["csat"] >= 4).mean() < response.share.weighted.high
    rates = [b.rate.value for b in response.by_band[:5]]
    assert rates == sorted(rates)
    assert response.effective_n < response.overall.n_answers


def test_the_intervals_of_weighted_means_hold():
    """95 % intervals miss 3 of 60 on average, more than 8 once in 300."""
    from sentiment.correlation.bootstrap import clusters
    from sentiment.correlation.response_model import fit_response, to_figure, weighted_mean

    missed = {False: 0, True: 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        who = rng.integers(400, size=900)
        x = rng.normal(size=900) + 0.5 * rng.normal(size=400)[who]
        y = 2 + x + 0.7 * rng.normal(size=900) + 0.7 * rng.normal(size=400)[who]
        answered = rng.random(900) < 1 / (1 + np.exp(0.8 - 0.7 * x))
        cluster = clusters(np.array([f"c{i}" for i in who], dtype=object))
        model = fit_response(np.column_stack([np.ones(900), x - x.mean()]), answered, cluster)
        for others in (False, True):
            truth = 2.0 if not others else 2 + _mean_of_others()
            value, influence = weighted_mean(model, np.where(answered, y, np.nan), others=others, most=10.0)
            figure = to_figure(value, influence, cluster, int(answered.sum()))
            missed[others] += not figure.low <= truth <= figure.high
    assert max(missed.values()) <= 8


def _mean_of_others():
    """Mean of x ~ N(0, 1.25) among those who do not answer."""
    at = np.linspace(-8, 8, 4_001)
    density = np.exp(-at * at / 2.5) * (1 - 1 / (1 + np.exp(0.8 - 0.7 * at)))
    return (at * density).sum() / density.sum()


def test_where_feeling_itself_decides_who_answers_weighting_falls_short_but_the_bias_is_seen():
    made = make_surveyed_calls(Surveyed(tilt=0.8, n_calls=6_000))
    response = found_of(made, by=()).instrument("csat").response
    truth = made.truth.to_pandas()["csat"].mean()
    assert response.p_bias < 1e-6
    assert truth < response.mean.weighted.value < response.mean.raw.value
    assert response.mean.weighted.low > truth


def test_nothing_is_found_where_nothing_is_planted():
    """Over 20 seeds, of what is tested at 5 % (1 % for the bias) few come out by chance."""
    agrees = biased = drifts = differs = 0
    for seed in range(20):
        made = make_surveyed_calls(
            Surveyed(seed=seed, n_calls=800, n_agents=10, agreement=0.0, claimed=0.5, agent=0, p_answer=0.3)
        )
        (csat, _) = found_of(
            made, options=CorrelationOptions(resampling=Resampling(resamples=100, seed=seed))
        ).instruments
        agrees += csat.main.figures["spearman"].sign != 0
        biased += csat.response.p_bias < 0.01
        drifts += any(c.name.startswith("drift") for c in csat.cautions)
        differs += csat.groups[0].reliability.p_value < 0.05
        assert not names(csat.cautions) & {"leak", "one customer"}
        assert not any("Choose calls" in text for text in csat.may) or csat.main.figures["spearman"].sign > 0
    assert max(agrees, drifts, differs) <= 4  # of 20 at .05: more has a chance of 1 in 400
    assert biased <= 2


def test_planted_drift_is_found():
    made = make_surveyed_calls(Surveyed(drift=1.0, n_calls=5_000))
    csat = found_of(made, by=()).instrument("csat")
    gap = next(t for t in csat.drift.trends if t.name == "gap")
    assert gap.change.low > 0.5
    assert gap.p_adjusted < 0.001
    assert "drift of the gap" in names(csat.cautions)


def test_a_leak_is_called_one():
    made = make_surveyed_calls(Surveyed(agreement=0.999, claimed=0.99))
    csat = found_of(made, by=()).instrument("csat")
    assert csat.main.figures["spearman"].value > 0.9
    assert "leak" in names(csat.cautions)
    assert "too good to be true" in csat.verdict
    assert csat.may == ()


def test_estimates_that_claim_too_much_are_told():
    made = make_surveyed_calls(Surveyed(agreement=0.3, claimed=0.95))
    csat = found_of(made, by=()).instrument("csat")
    assert {"narrow intervals", "too extreme"} <= names(csat.cautions)


def test_without_estimates_sentiment_is_held_against_the_surveys():
    made = make_surveyed_calls(Surveyed(p_abstain=1.0))
    found = found_of(made)
    csat = found.instrument("csat")
    assert csat.main.predictor == "customer_polarity_q4"
    assert csat.main.figures["spearman"].low > 0.2
    assert "mae" not in csat.main.figures
    assert csat.confusion is None
    assert found.read.abstentions == {"too little customer speech": 4_000}
    assert (
        "all estimates abstained" in next(c for c in found.cautions if c.name == "no estimates").says.lower()
    )
    assert "sentiment in the last quarter" in csat.verdict
    plain = made.calls.drop_columns([n for n in made.calls.column_names if n.startswith("predicted")])
    again = found_of(made, calls=plain)
    assert again.instrument("csat").main.figures["spearman"] == csat.main.figures["spearman"]
    assert "No call has an estimate" in next(c for c in again.cautions if c.name == "no estimates").says


def test_one_customer_who_answers_often_is_told():
    made = make_surveyed_calls(Surveyed(n_calls=600, p_answer=0.5))
    who = pa.array(["c1" if i % 5 == 0 else f"d{i}" for i in range(600)])
    place = made.calls.column_names.index("customer_id")
    calls = made.calls.set_column(place, "customer_id", who)
    csat = found_of(made, calls=calls, by=()).instrument("csat")
    assert "one customer" in names(csat.cautions)


def test_calls_of_a_single_customer_have_figures_without_intervals():
    made = make_surveyed_calls(Surveyed(n_calls=300, n_customers=1, p_answer=0.5))
    csat = found_of(made, by=()).instrument("csat")
    assert csat.main.figures["spearman"].reason == "no interval: fewer than 10 customers"
    assert "10 customers" in csat.response.reason
    assert csat.response.mean.raw.reason == "no interval: it rests on one customer"
    assert "cannot be told" in csat.verdict
    assert csat.may == ()


def test_an_estimate_of_two_values_is_modelled():
    made = make_surveyed_calls(Surveyed(n_calls=1_000))
    place = made.calls.column_names.index("predicted_csat")
    two = pa.array([2.0 if v is None or v < 3.8 else 4.5 for v in made.calls["predicted_csat"].to_pylist()])
    csat = found_of(made, calls=made.calls.set_column(place, "predicted_csat", two), by=()).instrument("csat")
    assert 0 < csat.response.p_bias <= 1
    assert csat.main.figures["spearman"].low > 0.2


def test_a_low_response_rate_is_told():
    made = make_surveyed_calls(Surveyed(p_answer=0.03))
    assert "low response" in names(found_of(made, by=()).instrument("csat").cautions)


def test_the_same_input_gives_the_same_result(usual):
    one, two = found_of(usual), found_of(usual)
    assert one.instruments == two.instruments
