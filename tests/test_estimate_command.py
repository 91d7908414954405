"""``sentiment estimate``: a stored call is written and flagged, its page made anew, and no other is lost."""

import json
import os
from dataclasses import replace

import pytest
from factories import agent, customer
from test_satisfaction import FakeEncoder, curve, spoken, stored
from typer.testing import CliRunner

from sentiment.call import Model, Provenance, from_json, to_json
from sentiment.errors import OutputError
from sentiment.formats.html import call_page, index_page
from sentiment.rules.reader import rules_of
from sentiment.satisfaction.estimate import Satisfaction, load_satisfaction
from service.cli import app, main
from service.estimating import estimate_file

LOW = (
    '[[rule]]\nname = "low"\ndescription = "It."\nseverity = 0.4\nexplanation = "It is low."\n'
    '[[rule.all]]\nfilter = "estimate"\ninstrument = "csat"\nat_most = 2.5\n'
)
RULES = rules_of(LOW, "low.toml")
SAD = spoken(agent(), customer("my whole order is bad and nobody helps me here", -0.7), agent())
GLAD = spoken(agent(), customer("that is so good and you were such a great help", 0.8), agent())
SILENT = spoken(agent(), customer("Yes.", 0.0))


def model(step=0.2, revision="r1"):
    made = stored(curve("customer_polarity_end", steps=(-step, step)), revision=revision)
    return Satisfaction(made, FakeEncoder())


def kept(folder, name, made, **more):
    made = replace(made, id=name, provenance=Provenance(version="0.0.9"), **more)
    path = folder / f"{name}.json"
    path.write_text(to_json(made), "utf-8")
    return path


def test_a_stored_call_has_estimates_is_flagged_by_them_and_says_what_made_them(tmp_path):
    path = kept(tmp_path, "one", SAD)
    outcome = estimate_file(path, model(), RULES)
    assert (outcome.error, [c.rule for c in outcome.changes]) == (None, ["low"])
    after = from_json(path.read_bytes())
    assert after.estimates == model().estimate(SAD)
    assert [m.rule for m in after.moments] == ["low"]
    assert after.provenance.models == (Model(task="satisfaction", name="made-up", revision="r1"),)
    assert json.loads(path.read_text("utf-8")) == json.loads(to_json(after)), "as if written anew"
    written = path.stat().st_mtime_ns
    estimate_file(path, model(), RULES)
    assert path.stat().st_mtime_ns == written, "nothing changed, nothing is written"
    estimate_file(path, model(0.0, "r2"), RULES)
    again = from_json(path.read_bytes())
    assert again.moments == ()
    assert [m.revision for m in again.provenance.models] == ["r2"]


def test_a_page_shows_the_new_estimate_even_after_a_run_that_could_not_write_it(tmp_path, monkeypatch):
    path = kept(tmp_path, "one", SAD)
    page = path.with_suffix(".html")
    page.write_text(call_page(from_json(path.read_bytes()), playback=None), "utf-8")
    assert "Estimated answers" not in page.read_text("utf-8")

    def no_room(*_args):
        raise OutputError("one.html: no room")

    with monkeypatch.context() as patched:
        patched.setattr("service.reflagging.render_again", no_room)
        assert estimate_file(path, model(), RULES).unwritten
    os.utime(page, (1, 1))
    assert estimate_file(path, model(), RULES).mended
    assert "Estimated answers" in page.read_text("utf-8")


def test_a_page_shows_another_estimate_though_no_moment_changes(tmp_path):
    path = kept(tmp_path, "one", GLAD)
    estimate_file(path, model(0.0), RULES)
    page = path.with_suffix(".html")
    page.write_text(call_page(from_json(path.read_bytes()), playback=None), "utf-8")
    before = page.read_text("utf-8")
    outcome = estimate_file(path, model(0.2, "r2"), RULES)
    assert not outcome.changed
    assert page.read_text("utf-8") != before
    expected = from_json(path.read_bytes()).estimates[0].expected
    assert f'CSAT <span class="num">{expected:.1f}' in page.read_text("utf-8")


def test_a_call_that_does_not_say_what_made_it_says_so_from_here_on(tmp_path):
    path = tmp_path / "one.json"
    path.write_text(to_json(SAD), "utf-8")
    assert estimate_file(path, model(), RULES).error is None
    assert [m.name for m in from_json(path.read_bytes()).provenance.models] == ["made-up"]


def test_half_a_call_and_a_missing_one_are_told(tmp_path):
    (tmp_path / "half.json").write_text(to_json(SAD)[:200])
    assert "not valid JSON" in estimate_file(tmp_path / "half.json", model(), RULES).error
    assert "cannot be read" in estimate_file(tmp_path / "none.json", model(), RULES).error


def test_scores_of_another_scorer_are_not_read_as_if_they_were_this_ones(tmp_path):
    other = Provenance(version="0", models=(Model(task="score", name="affect", revision="old"),))
    path = tmp_path / "one.json"
    path.write_text(to_json(replace(SAD, provenance=other)), "utf-8")
    before = path.read_bytes()
    assert "it was scored by scorer old, but the estimate knows the scores of 1" in (
        estimate_file(path, model(), RULES).error
    )
    assert path.read_bytes() == before


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("sentiment.affect.text.load_text_scorer", lambda threads=None: None)
    monkeypatch.setattr("sentiment.satisfaction.estimate.load_satisfaction", lambda scorer, folder: model())
    folder = tmp_path / "out"
    folder.mkdir()
    for name, made in (("sad", SAD), ("glad", GLAD), ("silent", SILENT)):
        kept(folder, name, made)
    return folder


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_the_command_estimates_a_folder_and_says_what_it_could_not(out):
    page = out / "sad.html"
    page.write_text(call_page(from_json((out / "sad.json").read_bytes()), playback=None), "utf-8")
    (out / "index.html").write_text(index_page([], []), "utf-8")
    (out / "tca.json").write_text("{}")
    done = run("estimate", "out")
    assert done.exit_code == 0, done.output
    assert "2 calls estimated by made-up r1; 1 other JSON file left alone" in done.stdout
    assert "1 not estimated: the customer says too little" in done.stdout
    sad, glad, silent = (from_json((out / f"{n}.json").read_bytes()) for n in ("sad", "glad", "silent"))
    assert sad.estimates[0].expected < glad.estimates[0].expected
    assert "too little: 1 word" in silent.estimates[0].abstained
    assert "Estimated answers" in page.read_text("utf-8")
    assert "sad.html" in (out / "index.html").read_text("utf-8")


def test_one_call_that_fails_costs_none_of_the_others_and_damaged_files_are_told(out, monkeypatch):
    (out / "bad.json").write_text('{"schema": "conversation-sentiment/call/1"}')
    (out / "empty.json").write_text("")
    whole = Satisfaction.estimate

    def faulty(self, call):
        if call.id == "glad":
            raise IndexError("list index out of range")
        return whole(self, call)

    monkeypatch.setattr(Satisfaction, "estimate", faulty)
    done = run("estimate", "out")
    assert done.exit_code == 1
    assert "bad.json: call JSON: call lacks the field" in done.stderr
    assert "glad.json: failed by a fault of this software (IndexError" in done.stderr
    assert "empty.json: empty or not JSON" in done.stderr
    assert "1 call estimated" in done.stdout
    assert "2 failed" in done.stdout
    assert from_json((out / "sad.json").read_bytes()).estimates
    assert not json.loads((out / "glad.json").read_text("utf-8"))["estimates"]


def test_a_folder_without_a_model_is_told_before_anything_is_done(out, monkeypatch, capsys):
    monkeypatch.setattr("sentiment.satisfaction.estimate.load_satisfaction", load_satisfaction)
    before = (out / "sad.json").read_bytes()
    monkeypatch.setattr("sys.argv", ["sentiment", "estimate", "out", "--satisfaction", "out"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "out: no satisfaction model there (model.json is missing)" in capsys.readouterr().err
    assert (out / "sad.json").read_bytes() == before
