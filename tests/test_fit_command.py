"""``sentiment fit`` and ``sentiment estimate``: what they write, refuse and say."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from test_fitting import made
from test_satisfaction import FakeEncoder, curve, stored

from sentiment.call import Model, from_json, to_json
from sentiment.formats.html import call_page
from sentiment.rules.reader import default_rules
from sentiment.satisfaction.estimate import Satisfaction
from sentiment.satisfaction.files import read_model
from service.cli import app
from service.estimating import estimate_file


class Scorer:
    model = Model(task="score", name="fake", revision="1")

    def dialogue_encoder(self):
        return FakeEncoder()


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A small shipped model, and a scorer that needs no weights."""
    import sentiment.affect.text
    import sentiment.fitting.run
    from sentiment.satisfaction.files import write_model

    base = stored(curve("customer_polarity_end", edges=(-0.5, 0.0, 0.5), steps=(-0.3, -0.1, 0.1, 0.3)))
    write_model(base, tmp_path / "shipped")
    monkeypatch.setattr(sentiment.affect.text, "load_text_scorer", lambda **_: Scorer())
    monkeypatch.setattr(sentiment.fitting.run, "weights_dir", lambda _: tmp_path / "shipped")
    return tmp_path / "shipped"


@pytest.fixture
def folder(tmp_path):
    """Scored calls in a folder, with answers that depend on what the shipped model does not know."""
    calls, rows = made(120, 1, lambda feels, warm: 3 + 0.6 * feels + 3.0 * warm)
    out = tmp_path / "out"
    out.mkdir()
    for call in calls:
        (out / f"{call.id}.json").write_text(to_json(call))
    lines = ["call_id,instrument,value,scale_min,scale_max,answered_at"]
    lines += [f"{r['call_id']},csat,{r['value']:g},1,5,{r['answered_at'].isoformat()}" for r in rows]
    (tmp_path / "s.csv").write_text("\n".join(lines) + "\n")
    return out


def test_a_fit_that_helps_is_written_with_its_report(shipped, folder, tmp_path):
    out = tmp_path / "own"
    done = CliRunner().invoke(
        app, ["fit", "--calls", str(folder), "--surveys", str(tmp_path / "s.csv"), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "**Use the fit.**" in done.output
    assert "Model: " in done.output
    body = json.loads((out / "report.json").read_text())
    assert body["better"] is True
    assert body["instruments"]["csat"]["n_answers"] == 120
    assert (out / "report.md").read_text().startswith("# Satisfaction, fitted to your surveys")
    assert read_model(out).instruments["csat"][1].interval_of == "answer"


def test_a_fit_that_does_not_help_is_not_written_unless_asked_for(shipped, folder, tmp_path):
    head, *lines = (tmp_path / "s.csv").read_text().splitlines()
    ids = [line.split(",")[0] for line in lines]
    rest = [line.split(",", 1)[1] for line in lines]
    mixed = [f"{ids[(37 * i + 11) % len(ids)]},{answer}" for i, answer in enumerate(rest)]
    surveys = tmp_path / "m.csv"
    surveys.write_text("\n".join([head, *mixed]))
    args = ["fit", "--calls", str(folder), "--surveys", str(surveys), "--out", str(tmp_path / "own")]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert "No model was written" in done.output
    assert not (tmp_path / "own" / "model.json").exists()
    assert (tmp_path / "own" / "report.md").exists()
    assert CliRunner().invoke(app, [*args, "--anyway"]).exit_code == 0
    assert (tmp_path / "own" / "model.json").exists()


def test_stored_calls_are_estimated_anew_with_their_pages(folder):
    model = Satisfaction(stored(curve("customer_polarity_end")), FakeEncoder())
    path = folder / "call-3.json"
    before = from_json(path.read_text())
    path.with_suffix(".html").write_text(call_page(before, playback=None))
    outcome = estimate_file(path, model, default_rules())
    after = from_json(path.read_text())
    assert outcome.error is None
    assert [e.instrument for e in after.estimates] == ["csat", "nps"]
    assert after.utterances == before.utterances
    assert "Estimated answers" in path.with_suffix(".html").read_text()
    written = path.stat().st_mtime_ns
    assert not estimate_file(path, model, default_rules()).mended
    assert path.stat().st_mtime_ns == written, "what does not change is not written"


def test_other_json_is_passed_over_and_broken_calls_are_told(folder, tmp_path):
    model = Satisfaction(stored(curve("customer_polarity_end")), FakeEncoder())
    (tmp_path / "note.json").write_text('{"a": 1}')
    assert estimate_file(tmp_path / "note.json", model, default_rules(), named=False).skipped
    (tmp_path / "half.json").write_text(to_json(from_json((folder / "call-1.json").read_text()))[:200])
    outcome = estimate_file(tmp_path / "half.json", model, default_rules())
    assert "not valid JSON" in outcome.error
    assert estimate_file(tmp_path / "none.json", model, default_rules()).error


def test_rules_may_use_the_new_estimates(folder, tmp_path):
    from sentiment.rules.reader import read_rules

    (tmp_path / "r.toml").write_text(
        '[[rule]]\nname = "low"\ndescription = "x"\nseverity = 0.5\nexplanation = "Low: {expected}."\n'
        '[[rule.all]]\nfilter = "estimate"\ninstrument = "csat"\nat_most = 5\n'
    )
    rules = read_rules(tmp_path / "r.toml")
    model = Satisfaction(stored(curve("customer_polarity_end")), FakeEncoder())
    estimate_file(folder / "call-2.json", model, rules)
    moments = from_json((folder / "call-2.json").read_text()).moments
    assert [m.rule for m in moments] == ["low"]


def test_what_is_missing_is_named(shipped, folder, tmp_path):
    def failed(*args):
        done = CliRunner().invoke(app, list(args))
        assert done.exit_code
        return str(done.exception)

    base = ("fit", "--out", str(tmp_path / "o"))
    surveys = ("--surveys", str(tmp_path / "s.csv"))
    assert "no such file" in failed(*base, "--calls", str(tmp_path / "nowhere"), *surveys)
    assert "no such file" in failed(*base, "--calls", str(folder), "--surveys", str(tmp_path / "none.csv"))
    assert "no satisfaction model there" in failed("estimate", str(folder), "--satisfaction", str(tmp_path))
