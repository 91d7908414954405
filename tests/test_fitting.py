"""Fitting to one's own surveys: planted truths are found, nothing in nothing, and leaks are told of."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from factories import agent, customer
from metric_tables import table
from test_satisfaction import FakeEncoder, curve, spoken, stored

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sentiment.call import from_json, to_json
from sentiment.correlation.bootstrap import Resampling
from sentiment.errors import FitError
from sentiment.fitting import FitOptions, fit
from sentiment.fitting.comparison import IN_LINE, MEAN, OWN, SHIPPED
from sentiment.satisfaction.estimate import Satisfaction
from sentiment.satisfaction.files import read_model, write_model

QUICK = FitOptions(n_bags=1, n_folds=3, resampling=Resampling(resamples=200))
START = datetime(2026, 3, 2, tzinfo=UTC)


class Scorer:
    class model:  # noqa: N801
        task, revision = "score", "1"

    def dialogue_encoder(self):
        return FakeEncoder()


def made(n, seed, truth, *, per_customer=1, noise=0.6):
    """Calls whose customers end as they feel, and what they answer by ``truth(feeling, agent's warmth)``."""
    rng = np.random.default_rng(seed)
    calls, rows = [], []
    for i in range(n):
        feels, warm = rng.uniform(-0.9, 0.9), rng.uniform(-0.4, 0.6)
        said = spoken(
            agent(polarity=warm),
            customer("I am calling about the order that I placed last week", feels / 2),
            agent(polarity=warm),
            customer("well then that is what I wanted to know from you", feels),
        )
        said = replace(
            said, id=f"call-{i}", customer_id=f"c{i // per_customer}", started_at=START + timedelta(hours=i)
        )
        calls.append(said)
        answer = float(np.clip(np.rint(truth(feels, warm) + noise * rng.normal()), 1, 5))
        rows.append(row(i, answer))
    return calls, rows


def row(i, value, **more):
    base = {"call_id": f"call-{i}", "instrument": "csat", "value": value, "scale_min": 1.0, "scale_max": 5.0}
    return base | {"answered_at": START + timedelta(hours=i, minutes=30)} | more


def run(calls, rows, options=QUICK, base=None):
    known = base or stored(
        curve("customer_polarity_end", edges=(-0.5, 0.0, 0.5), steps=(-0.3, -0.1, 0.1, 0.3))
    )
    return fit(calls, table("surveys", rows), scorer=Scorer(), base=known, options=options)


@pytest.fixture(scope="module")
def warmth():
    """Answers that depend on the agent's wording, of which the shipped model knows nothing."""
    return run(*made(400, 1, lambda feels, warm: 3 + 0.6 * feels + 3.0 * warm, noise=0.8))


def test_many_answers_find_what_the_default_does_not_know(warmth, tmp_path):
    csat = warmth.instruments["csat"]
    assert csat.better
    assert warmth.better
    assert csat.by_customer.gains[MEAN].low > 0.1
    assert csat.by_customer.gains[SHIPPED].low > 0.1
    assert csat.by_time.ways[OWN]["spearman"].value > csat.by_time.ways[SHIPPED]["spearman"].value + 0.1
    assert 0.85 <= csat.by_customer.ways[OWN]["coverage"].value <= 0.97
    assert csat.by_customer.ways[SHIPPED]["coverage"].value < csat.by_customer.ways[OWN]["coverage"].value
    text = warmth.report()
    assert "**Use the fit.**" in text
    assert "The shipped default's interval is for the mean of many answers" in text
    assert "It is better than the shipped default as it is: a mean error smaller by" in text
    json.dumps(warmth.body(), allow_nan=False)
    write_model(warmth.stored, tmp_path / "m")
    learned, answers = read_model(tmp_path / "m").instruments["csat"]
    assert any(c.feature.startswith("agent_polarity") for c in learned.curves)
    assert (answers.scale_min, answers.scale_max, answers.interval_of) == (1, 5, "answer")


def test_thirty_answers_stay_near_the_default():
    few = run(*made(30, 2, lambda feels, _: 3 + 2 * feels)).instruments["csat"]
    ways = few.by_customer.ways
    assert not few.rounds_beyond_base
    assert ways[OWN]["mae"].value == pytest.approx(ways[IN_LINE]["mae"].value)
    assert ways[OWN]["mae"].value < ways[MEAN]["mae"].value


def test_where_there_is_nothing_it_says_so():
    found = run(*made(200, 3, lambda *_: 3.0, noise=1.5))
    csat = found.instruments["csat"]
    assert not csat.better
    assert "**These calls do not tell these answers**" in found.report()
    assert not any("leak" in w for w in csat.warnings)


def test_what_is_too_good_is_called_a_leak_and_not_recommended():
    found = run(*made(200, 4, lambda feels, _: 3 + 2.2 * feels, noise=0.0))
    csat = found.instruments["csat"]
    assert csat.leak
    assert not csat.use
    assert not found.better
    assert any("looks like a leak" in w for w in csat.warnings)
    text = found.report()
    assert "looks like a leak" in text
    assert "Do not use the fit" in text
    assert "**Use the fit.**" not in text
    assert found.recommended.instruments["csat"] == found.base.instruments["csat"]


def test_the_survey_spoken_in_the_call_is_left_out_and_gives_nothing_away():
    calls, rows = made(120, 5, lambda *_: 3.0, noise=1.2)
    told = []
    for each, given in zip(calls, rows, strict=True):
        answer = customer(f"{given['value']:.0f}", (given["value"] - 3) / 2.5)
        whole = spoken(*each.utterances, agent("How satisfied are you with our service today?"), answer)
        told.append(replace(each, utterances=whole.utterances, channels=whole.channels))
    found = run(told, rows)
    assert len(found.samples.survey_talk) == 120
    assert "The survey is spoken in 120 of the recordings" in found.report()
    assert "How satisfied are you with our service today?" in found.report()
    without = run(calls, rows)
    assert found.instruments["csat"].by_customer == without.instruments["csat"].by_customer
    assert not found.better


def test_what_is_no_better_is_not_written_beside_what_is():
    calls, rows = made(200, 10, lambda feels, warm: 3 + 0.6 * feels + 3.0 * warm)
    rng = np.random.default_rng(10)
    on_ten = {"instrument": "nps", "scale_min": 0.0, "scale_max": 10.0}
    nps = [row(i, float(rng.integers(0, 11)), **on_ten) for i in range(200)]
    found = run(calls, [*rows, *nps])
    assert {name: each.use for name, each in found.instruments.items()} == {"csat": True, "nps": False}
    assert found.better
    wanted = found.recommended
    assert wanted.instruments["csat"] == found.stored.instruments["csat"]
    assert wanted.instruments["nps"] == found.base.instruments["nps"] != found.stored.instruments["nps"]
    assert wanted.about["fitted"] == ["csat"]


def test_calls_without_customers_and_times_are_measured_and_that_is_told():
    calls, rows = made(60, 11, lambda feels, _: 3 + 2 * feels)
    calls = [replace(c, customer_id=None, started_at=None) for c in calls]
    rows = [{k: v for k, v in r.items() if k != "answered_at"} for r in rows]
    found = run(calls, rows)
    csat = found.instruments["csat"]
    assert csat.by_customer.n_customers == 60
    assert "No customer ids are given" in found.report()
    assert csat.by_time.reason == "fewer than half of the calls have a time, or all have the same"
    assert f"Not measured: {csat.by_time.reason}" in found.report()


def test_a_customer_who_answers_often_is_on_one_side_and_told():
    calls, rows = made(60, 12, lambda feels, _: 3 + 2 * feels)
    calls = [replace(c, customer_id="often") if i < 20 else c for i, c in enumerate(calls)]
    csat = run(calls, rows).instruments["csat"]
    assert csat.n_customers == csat.by_customer.n_customers == 41
    assert any("One customer gave 20 of the 60 answers" in w for w in csat.warnings)


def test_answers_to_calls_that_are_not_there_are_a_caution():
    calls, rows = made(30, 13, lambda feels, _: 3 + 2 * feels)
    text = run(calls[:20], rows).report()
    assert "10 of 30 answers belong to no call that was given" in text
    assert "10 belong to no call here" in text


def test_every_row_is_accounted_for_and_every_instrument_has_its_own_scale():
    calls, rows = made(60, 6, lambda feels, _: 3 + 2 * feels, per_customer=3)
    on_ten = {"instrument": "nps", "scale_min": 0.0, "scale_max": 10.0}
    nps = [row(i, float(round(5 + r["value"])), **on_ten) for i, r in enumerate(rows)]
    again = row(0, 5.0, answered_at=START + timedelta(days=30))
    stray = row(999, 4.0)
    ces = [row(i, 6.0, instrument="ces", scale_max=7.0) for i in range(4)]
    mixed = [row(i, 7.0, scale_max=7.0, answered_at=START + timedelta(days=40)) for i in (1, 2)]
    found = run(calls, [*rows, *nps, again, stray, *ces, *mixed])
    assert set(found.instruments) == {"csat", "nps"}
    assert found.instruments["nps"].scale == (0, 10)
    assert found.instruments["csat"].n_rescaled == 2
    assert found.instruments["csat"].n_customers == 20
    read = found.samples.read
    assert (read.n_superseded, read.n_without_call) == (3, 1)
    text = found.report()
    assert "CES was not fitted: 4 answers" in text
    assert "2 of them moved from another scale" in text
    assert found.stored.instruments["nps"][1].scale_max == 10


def test_what_calls_cannot_carry_an_estimate_of_is_not_learned():
    calls, rows = made(40, 14, lambda feels, _: 3 + 2 * feels)
    stars = [r | {"instrument": "stars"} for r in rows]
    halves = [r | {"instrument": "ces", "scale_min": 0.5} for r in rows]
    found = run(calls, [*rows, *stars, *halves])
    assert set(found.instruments) == {"csat"}
    estimates = Satisfaction(found.stored, FakeEncoder()).estimate(calls[0])
    assert from_json(to_json(replace(calls[0], estimates=estimates))).estimates == estimates
    text = found.report()
    assert "STARS was not fitted: calls carry estimates of csat, nps, ces only" in text
    assert "CES was not fitted: its scale 0.5 to 5 does not go from one whole number to another" in text
    with pytest.raises(FitError, match="there is no survey to learn from: stars"):
        run(calls, stars)


def test_one_customer_and_constant_answers_are_told_and_not_hidden():
    calls, rows = made(40, 7, lambda feels, _: 3 + 2 * feels, per_customer=100)
    one = run(calls, rows).instruments["csat"]
    assert one.by_customer.reason == "all answers are one customer's"
    assert not one.better
    calls, _ = made(40, 8, lambda *_: 3.0)
    same = run(calls, [row(i, 5.0) for i in range(40)]).instruments["csat"]
    assert same.by_customer.ways[MEAN]["mae"].value == 0
    assert not same.better
    assert any("Every answer is 5" in w for w in same.warnings)


def test_too_few_answers_and_other_scorers_are_refused():
    calls, rows = made(5, 9, lambda *_: 3.0)
    with pytest.raises(FitError, match="csat: 5 answers to calls that can be estimated; 10 are needed"):
        run(calls, rows)
    silent = [replace(c, utterances=tuple(u for u in c.utterances if u.role == "agent")) for c in calls]
    silent = [
        replace(c, utterances=tuple(replace(u, index=i) for i, u in enumerate(c.utterances))) for c in silent
    ]
    with pytest.raises(FitError, match="0 answers"):
        run(silent, rows)
