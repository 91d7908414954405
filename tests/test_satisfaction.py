"""Satisfaction: sums of curves, the answers that follow, what is learned, and when nothing is said."""

from dataclasses import replace

import numpy as np
import pytest
from factories import agent, call, customer
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.affect.dialogue import PARTS, Dialogue
from sentiment.call import Channel, from_json, to_json
from sentiment.errors import CorruptModelError, ModelError, UnknownModelError
from sentiment.satisfaction.answers import even_answers, fit_answers, fit_spread
from sentiment.satisfaction.estimate import Satisfaction, abstains, boxes, load_satisfaction
from sentiment.satisfaction.features import FEATURES, heard, measure
from sentiment.satisfaction.files import Stored, read_model, write_model
from sentiment.satisfaction.folds import folds_of
from sentiment.satisfaction.learned import Answers, Curve, Learned, Reading

SIZE = 4
NAMES = [f.name for f in FEATURES]


class FakeEncoder:
    """Gives each word a vector that tells good from bad, so that readings can be checked by hand."""

    size = SIZE

    def read(self, utterances):
        said = [u for u in utterances if u.role in ("customer", "agent")]
        rows = [(u, [("good" in w) - ("bad" in w), 1.0, 0.0, 0.0]) for u in said for w in u.text.split()]
        if not rows:
            return None
        is_customer = np.array([u.role == "customer" for u, _ in rows])
        member = np.array([np.ones(len(rows), bool), is_customer, ~is_customer, *[is_customer] * 4])
        return Dialogue(
            vectors=np.array([v for _, v in rows], np.float32),
            utterance=np.array([u.index for u, _ in rows]),
            member=member,
        )


def curve(feature, edges=(0.0,), steps=(-0.2, 0.2), missing=0.0, typical=0.0):
    return Curve(feature=feature, edges=edges, steps=steps, missing=missing, typical=typical)


def stored(*curves, readings=(), **more):
    learned = Learned(0.5, curves, readings)
    csat = Answers(1, 5, 8.0, (0.125, 0.375, 0.625, 0.875), 1.0, "mean")
    return Stored(
        name="made-up",
        features=tuple(NAMES),
        reads="1",
        instruments={"csat": (learned, csat), "nps": (learned, csat.on(0, 10))},
        about={},
        **more,
    )


def spoken(*utterances):
    made = call(*utterances)
    channels = tuple(
        Channel(index=i, role=role, source="given", confidence=1.0)
        for i, role in enumerate(dict.fromkeys(u.role for u in made.utterances))
    )
    at = {c.role: c.index for c in channels}
    return replace(
        made, channels=channels, utterances=tuple(replace(u, channel=at[u.role]) for u in made.utterances)
    )


SAD = spoken(agent(), customer("my whole order is bad and nobody helps me here", -0.7), agent())
GLAD = spoken(agent(), customer("that is so good and you were such a great help", 0.8), agent())


# -- sums of curves --------------------------------------------------------------------------------

finite = st.floats(-2, 2)
edges = st.lists(finite, min_size=1, max_size=5, unique=True).map(sorted).map(tuple)


@st.composite
def curves(draw, feature="x"):
    e = draw(edges)
    return curve(
        feature,
        edges=e,
        steps=tuple(draw(finite) for _ in range(len(e) + 1)),
        missing=draw(finite),
        typical=draw(finite),
    )


@given(curves(), curves(), finite, finite, st.lists(st.floats(-3, 3), min_size=1, max_size=9))
def test_scores_add_up_and_lie_on_a_line_exactly(a, b, level, slope, x):
    values = np.array([*x, np.nan])[:, None]
    first, second = Learned(level, (a,)), Learned(0.25, (b,))
    total = first.plus(second).scores(values, ["x"])
    assert total == pytest.approx(first.scores(values, ["x"]) + second.scores(values, ["x"]))
    assert first.on_line(0.1, slope).scores(values, ["x"]) == pytest.approx(
        0.1 + slope * first.scores(values, ["x"])
    )
    assert first.effects(values, ["x"]).sum(1) + level == pytest.approx(first.scores(values, ["x"]))


def test_readings_of_a_sum_keep_their_own_curves():
    weights = np.ones((2, 3), np.float32)
    low = Learned(0.0, (curve("reading_0", steps=(-1.0, 1.0)),), (Reading(weights, np.zeros(2, np.float32)),))
    other = Learned(
        0.0, (curve("reading_0", steps=(-0.1, 0.1)),), (Reading(-weights, np.zeros(2, np.float32)),)
    )
    both = low.plus(other)
    parts = np.array([[[1, 1, 1], [np.nan] * 3]], np.float32)
    values = both.values(np.zeros((1, 0)), parts)
    assert values.tolist() == [[3.0, -3.0]]
    assert both.scores(values, []).tolist() == pytest.approx([1.0 - 0.1])


@settings(max_examples=50)
@given(
    st.floats(1, 30),
    st.lists(st.floats(0.01, 0.99), min_size=4, max_size=4, unique=True),
    st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=6),
)
def test_answers_are_a_distribution_whose_mean_rises_with_the_score(slope, thresholds, scores):
    answers = Answers(1, 5, slope, tuple(sorted(thresholds)), 1.6)
    p = answers.distribution(np.array(scores))
    assert p.sum(1) == pytest.approx(1)
    assert (p >= 0).all()
    expected = answers.expected(np.sort(scores))
    assert (np.diff(expected) >= -1e-9).all()
    low, high = answers.interval(np.array(scores))
    mean = answers.expected(np.array(scores))
    assert ((low >= 1) & (low <= mean) & (mean <= high) & (high <= 5)).all()
    assert answers.on(1, 5).thresholds == pytest.approx(answers.thresholds)


def test_another_scale_tells_the_same_satisfaction():
    answers = even_answers(1, 5)
    for score in (0.1, 0.5, 0.9):
        csat = answers.expected(np.array([score]))[0]
        nps = answers.on(0, 10).expected(np.array([score]))[0]
        assert (csat - 1) / 4 == pytest.approx(nps / 10, abs=0.06)


def test_thresholds_are_recovered_and_few_answers_stay_near_the_prior():
    rng = np.random.default_rng(1)
    true = Answers(1, 5, 9.0, (0.15, 0.3, 0.6, 0.7), 1.6)

    def drawn(n):
        scores = rng.uniform(0, 1, n)
        p = true.distribution(scores)
        given_ = np.array([rng.choice(5, p=row) for row in p])
        return scores, np.eye(5)[given_], given_ + 1.0

    scores, counts, _ = drawn(4_000)
    found = fit_answers(scores, counts, even_answers(1, 5))
    assert found.thresholds == pytest.approx(true.thresholds, abs=0.03)
    assert found.slope == pytest.approx(9.0, rel=0.1)
    scores, counts, _ = drawn(8)
    few = fit_answers(scores, counts, even_answers(1, 5))
    assert few.thresholds == pytest.approx(even_answers(1, 5).thresholds, abs=0.15)
    scores, counts, given_ = drawn(3_000)
    wide = fit_spread(found, scores, given_)
    fresh, _, answered = drawn(3_000)
    low, high = wide.interval(fresh)
    assert 0.88 < np.mean((low <= answered) & (answered <= high)) < 0.94


def test_a_fine_scale_is_fitted_in_tenths():
    rng = np.random.default_rng(2)
    scores = rng.uniform(0, 1, 500)
    given_ = np.clip(np.rint(100 * scores + rng.normal(0, 8, 500)), 0, 100).astype(int)
    found = fit_answers(scores, np.eye(101)[given_], even_answers(0, 100))
    assert len(found.thresholds) == 100
    assert found.expected(np.array([0.2, 0.8])) == pytest.approx([20, 80], abs=6)


def test_folds_keep_groups_together_and_are_of_like_size():
    groups = np.array([*"aaaabbbccdefghij"])
    folds = folds_of(groups, 3)
    assert all(len({f for f, g in zip(folds, groups, strict=True) if g == name}) == 1 for name in groups)
    assert np.bincount(folds).max() - np.bincount(folds).min() <= 2
    assert len(set(folds_of(np.array(["x", "y"]), 5))) == 2


# -- features --------------------------------------------------------------------------------------


def test_features_are_means_and_shares_and_missing_where_nobody_spoke():
    x = dict(zip(NAMES, measure(heard(SAD)), strict=True))
    assert x["customer_polarity_all"] == -0.7
    assert x["customer_share"] == pytest.approx(10 / 28)
    assert x["customer_last_word"] == 0.0
    assert np.isnan(x["dead_air"]), "there are no times to measure it by unless it was characterised"
    alone = dict(zip(NAMES, measure(heard(spoken(customer(polarity=0.5)))), strict=True))
    assert np.isnan(alone["agent_polarity_all"])
    assert alone["customer_polarity_last"] == 0.5


def test_long_calls_are_on_the_scale_of_short_ones():
    short = [agent(polarity=0.1), customer(polarity=-0.4)] * 2
    x, y = (measure(heard(spoken(*short * n))) for n in (1, 30))
    for name, a, b in zip(NAMES, x, y, strict=True):
        if "polarity" in name or "intensity" in name or name == "customer_share":
            assert a == pytest.approx(b, abs=1e-9, nan_ok=True), name


# -- estimates -------------------------------------------------------------------------------------


def test_a_sad_call_is_estimated_below_a_glad_one_and_the_reasons_say_where():
    weights = np.zeros((len(PARTS), SIZE), np.float32)
    weights[PARTS.index("customer"), 0] = 1.0
    model = Satisfaction(
        stored(
            curve("customer_polarity_end", steps=(-0.2, 0.2)),
            curve("reading_0", steps=(-0.1, 0.1)),
            curve("agent_polarity_all", edges=(0.5,), steps=(0.0, 0.3)),
            readings=(Reading(weights, np.zeros(len(PARTS), np.float32)),),
        ),
        FakeEncoder(),
    )
    sad, glad = (model.estimate(c)[0] for c in (SAD, GLAD))
    assert sad.expected < 2.5 < 3.5 < glad.expected
    assert sum(sad.distribution) == pytest.approx(1, abs=1e-3)
    assert sad.p_detractor > 0.5 > sad.p_top_box
    assert [r.feature for r in sad.reasons] == ["customer_polarity_end", "wording"]
    assert all(r.effect < 0 and r.utterances == (1,) for r in sad.reasons)
    assert "ended in a worse mood" in sad.reasons[0].explanation
    assert sad.interval_of == "mean"
    kept = replace(SAD, estimates=model.estimate(SAD))
    assert from_json(to_json(kept)) == kept


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (spoken(agent(), agent()), "no voice is known to be the customer's"),
        (spoken(agent(), customer("Yes.", 0.1)), "says too little: 1 word"),
        (spoken(agent(), customer(polarity=None)), "not scored"),
    ],
)
def test_it_abstains_and_says_why(made, why):
    found = Satisfaction(stored(curve("customer_polarity_end")), FakeEncoder()).estimate(made)
    assert [e.instrument for e in found] == ["csat", "nps"]
    for e in found:
        assert e.expected is e.low is e.high is e.p_top_box is None
        assert e.distribution == e.reasons == ()
        assert why in e.abstained


def test_it_abstains_where_the_customer_is_only_guessed():
    unsure = replace(SAD, channels=tuple(replace(c, confidence=0.6) for c in SAD.channels))
    assert abstains(unsure) == "it is only 60% sure who the customer is"
    assert abstains(SAD) is None


def test_boxes_are_those_of_the_instruments():
    nps, csat = Answers(0, 10, 8.0, tuple(np.linspace(0, 1, 10)), 1.0), even_answers(1, 5)
    top, low = boxes("nps", nps)
    assert (list(nps.scale[top]), list(nps.scale[low])) == ([9, 10], list(range(7)))
    top, low = boxes("csat", csat)
    assert (list(csat.scale[top]), list(csat.scale[low])) == ([4, 5], [1, 2])
    top, _ = boxes("csat", even_answers(1, 7))
    assert list(even_answers(1, 7).scale[top]) == [6, 7]


# -- files -----------------------------------------------------------------------------------------


def test_a_model_comes_back_from_its_folder_as_it_was(tmp_path):
    weights = np.arange(len(PARTS) * SIZE, dtype=np.float32).reshape(len(PARTS), SIZE)
    before = stored(curve("turns"), curve("reading_0"), readings=(Reading(weights, weights[:, 0]),))
    revision = write_model(before, tmp_path / "m")
    after = read_model(tmp_path / "m")
    assert after.revision == revision
    assert after.instruments["csat"][0].curves == before.instruments["csat"][0].curves
    assert (after.instruments["nps"][0].readings[0].weights == weights).all()
    assert after.instruments["nps"][1].thresholds == pytest.approx(before.instruments["nps"][1].thresholds)
    assert not list((tmp_path / "m").glob("*.pkl"))


def test_a_damaged_or_foreign_model_is_refused(tmp_path):
    write_model(stored(curve("turns")), tmp_path / "m")
    body = (tmp_path / "m" / "model.json").read_text()
    (tmp_path / "m" / "model.json").write_text(body.replace("0.5", "0.6"))
    with pytest.raises(CorruptModelError, match=r"model\.json has sha256"):
        read_model(tmp_path / "m")

    class OtherScorer:
        class model:  # noqa: N801
            revision = "2"

        def dialogue_encoder(self):
            return FakeEncoder()

    write_model(stored(curve("turns")), tmp_path / "n")
    with pytest.raises(ModelError, match="was made with scorer 1, but this is 2"):
        load_satisfaction(OtherScorer(), tmp_path / "n")
    with pytest.raises(UnknownModelError, match="no satisfaction model there"):
        read_model(tmp_path)
    other = replace(stored(curve("turns")), reads="2", features=("a",))
    write_model(other, tmp_path / "o")
    with pytest.raises(ModelError, match="other features"):
        load_satisfaction(OtherScorer(), tmp_path / "o")
