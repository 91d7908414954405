"""The estimate in the pipeline: who makes it, what it may be used for, and what the shipped one says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import agent, customer
from fakes import fake_analyser
from test_satisfaction import SAD, FakeEncoder, curve, spoken, stored
from typer.testing import CliRunner

import sentiment
from sentiment import samples
from sentiment.call import from_json, to_json
from sentiment.errors import UnknownModelError
from sentiment.formats.chat import read_chats
from sentiment.rules.reader import rules_of
from sentiment.satisfaction.estimate import Satisfaction
from sentiment.satisfaction.features import FEATURES
from sentiment.satisfaction.files import write_model
from service.cli import app

SAMPLES = Path(samples.__file__).parent
LOW = (
    '[[rule]]\nname = "low"\ndescription = "It."\nseverity = 0.4\nexplanation = "It is low."\n'
    '[[rule.all]]\nfilter = "estimate"\ninstrument = "csat"\nat_most = 2.5\n'
)


def test_the_pipeline_estimates_before_it_flags_and_says_by_which_model():
    model = Satisfaction(stored(curve("customer_polarity_end"), revision="r1"), FakeEncoder())
    analyser = replace(fake_analyser(), estimator=lambda: model, rules=rules_of(LOW, "low.toml"))
    scored = analyser.score(replace(SAD, utterances=tuple(replace(u, score=None) for u in SAD.utterances)))
    assert scored.estimates == model.estimate(scored)
    assert [m.rule for m in scored.moments] == ["low"]
    assert [(m.task, m.revision) for m in scored.provenance.models] == [
        ("score", "1"),
        ("satisfaction", "r1"),
    ]
    assert from_json(to_json(scored)) == scored


def test_score_takes_the_model_of_the_folder_named(tmp_path, monkeypatch):
    class Scorer:
        class model:  # noqa: N801
            revision = "1"

        def dialogue_encoder(self):
            return FakeEncoder()

    monkeypatch.setattr("sentiment.affect.text.load_text_scorer", lambda threads=None: Scorer())
    revision = write_model(stored(curve("turns")), tmp_path / "mine")
    assert sentiment.load(satisfaction=tmp_path / "mine").estimator().model.revision == revision
    with pytest.raises(UnknownModelError, match="no satisfaction model there"):
        sentiment.load(satisfaction=tmp_path / "none").estimator()

    given = {}

    def load(*_args, **options):
        given.update(options)
        return fake_analyser()

    monkeypatch.setattr("sentiment.pipeline.load", load)
    done = CliRunner().invoke(
        app,
        [
            "score",
            str(SAMPLES / "chat.jsonl"),
            "--out",
            str(tmp_path / "out"),
            "--satisfaction",
            str(tmp_path / "mine"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert given["satisfaction"] == tmp_path / "mine"


@pytest.mark.model
def test_the_shipped_estimate_of_the_sample_chats_is_sound_and_points_at_what_was_said():
    analyser = sentiment.load(threads=1)
    names = {f.name for f in FEATURES} | {"wording"}
    for chat in read_chats(SAMPLES / "chat.jsonl").calls:
        scored = analyser.score(chat)
        assert [e.instrument for e in scored.estimates] == ["csat", "nps"]
        for each in scored.estimates:
            assert each.scale_min <= each.low <= each.expected <= each.high <= each.scale_max
            points = np.arange(each.scale_min, each.scale_max + 1)
            assert sum(each.distribution) == pytest.approx(1, abs=1e-3)
            assert np.dot(points, each.distribution) == pytest.approx(each.expected, abs=0.01)
            assert each.interval_of == "mean"
            assert 1 <= len(each.reasons) <= 3
            for reason in each.reasons:
                assert reason.feature in names
                assert set(reason.utterances) <= {u.index for u in scored.utterances}
        assert from_json(to_json(scored)) == scored


@pytest.mark.model
def test_the_shipped_estimate_tells_a_call_that_ended_well_from_one_that_did_not():
    analyser = sentiment.load(threads=1)
    opening = (
        customer("My router has not worked for three days and I am losing business.", None),
        agent("I am sorry about that, let me have a look at your line.", None),
    )
    well = spoken(
        *opening,
        agent("I have reset the line, it should be back, and the three days are refunded.", None),
        customer("Oh wonderful, it works again! Thank you so much, you have been a great help.", None),
    )
    badly = spoken(
        *opening,
        agent("There is nothing I can do, you will have to call another number.", None),
        customer("This is ridiculous, nobody helps me. I am really fed up with you people.", None),
    )
    glad, cross = (analyser.score(c).estimates[0] for c in (well, badly))
    assert cross.expected + 0.5 < glad.expected
    assert cross.p_detractor > glad.p_detractor
    assert all(r.effect < 0 for r in cross.reasons[:1])
    assert 3 in cross.reasons[0].utterances
