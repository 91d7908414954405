"""``sentiment fit`` as it is typed: what it prints, what it writes, and when it writes no model."""

import csv
import json
from dataclasses import replace

import pytest
from factories import customer
from test_satisfaction import FakeEncoder, curve, spoken, stored
from typer.testing import CliRunner

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from test_fitting import Scorer, made

from sentiment.call import to_json
from sentiment.satisfaction.estimate import Satisfaction
from sentiment.satisfaction.files import read_model, write_model
from service.cli import app, main

ENDING = curve("customer_polarity_end", edges=(-0.5, 0.0, 0.5), steps=(-0.3, -0.1, 0.1, 0.3))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, a made-up scorer and a made-up shipped model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_model(stored(ENDING), tmp_path / "shipped")
    monkeypatch.setattr("sentiment.affect.text.load_text_scorer", lambda threads=None: Scorer())
    monkeypatch.setattr("sentiment.fitting.run.weights_dir", lambda name: tmp_path / "shipped")
    return tmp_path


def laid_out(folder, calls, rows, name="surveys.csv"):
    (folder / "out").mkdir(exist_ok=True)
    for each in calls:
        (folder / "out" / f"{each.id}.json").write_text(to_json(each), "utf-8")
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({**r, "answered_at": r["answered_at"].isoformat()} for r in rows)


def run(*args):
    return CliRunner().invoke(app, ["fit", "--calls", "out", "--surveys", "surveys.csv", *map(str, args)])


def warmth(n=220):
    return made(n, 1, lambda feels, warm: 3 + 0.6 * feels + 3.0 * warm, noise=0.8)


def test_a_better_fit_is_reported_written_and_estimates(here):
    calls, rows = warmth()
    laid_out(here, calls, rows)
    (here / "out" / "index.json").write_text("[]")
    (here / "out" / "broken.json").write_text("")
    (here / "out" / "old.json").write_text('{"schema": "conversation-sentiment/call/1"}')
    done = run("--out", "mine")
    assert done.exit_code == 0, done.output
    assert "**Use the fit.** It is better than the mean" in done.stdout
    assert "220 calls, 220 survey rows; 220 calls have an answer" in done.stdout
    assert "Warning: left out: out/broken.json: empty or not JSON" in done.stderr
    assert "Warning: left out: out/old.json: call JSON: call lacks the field" in done.stderr
    assert "index.json" not in done.stderr
    assert (here / "mine" / "report.md").read_text("utf-8").strip() in done.stdout
    report = json.loads((here / "mine" / "report.json").read_text("utf-8"))
    assert report["instruments"]["csat"]["use"] is True
    assert report["read"]["n_calls_answered"] == 220
    written = read_model(here / "mine")
    assert f"revision {written.revision}" in done.stdout
    assert written.about["answers"] == {"csat": 220}
    cold, warm = (
        Satisfaction(written, FakeEncoder()).estimate(call)[0].expected
        for call in sorted(calls, key=lambda c: c.utterances[0].score.polarity)[:: len(calls) - 1]
    )
    assert cold + 1 < warm


def test_a_fit_to_nothing_writes_a_report_and_no_model_unless_told_to(here):
    laid_out(here, *made(60, 3, lambda *_: 3.0, noise=1.5))
    done = run("--out", "mine")
    assert done.exit_code == 0, done.output
    assert "**These calls do not tell these answers**" in done.stdout
    assert "No model was written" in done.stdout
    assert sorted(p.name for p in (here / "mine").iterdir()) == ["report.json", "report.md"]
    assert run("--out", "mine", "--anyway").exit_code == 0
    assert read_model(here / "mine").about["fitted"] == ["csat"]
    assert "mine still holds the model of an earlier run" in run("--out", "mine").stdout


def test_other_names_of_columns_go_through_a_map(here):
    calls, rows = made(40, 4, lambda feels, _: 3 + 2 * feels)
    laid_out(here, calls, rows)
    text = (here / "surveys.csv").read_text("utf-8").replace("value", "stars", 1)
    (here / "surveys.csv").write_text(text, "utf-8")
    (here / "map.toml").write_text('table = "surveys"\n\n[columns]\nvalue = "stars"\n')
    done = run("--map", "map.toml")
    assert done.exit_code == 0, done.output
    assert "40 answers of 40 customers" in done.stdout


def outcome_of_main(monkeypatch, capsys, *args):
    monkeypatch.setattr("sys.argv", ["sentiment", "fit", "--surveys", "surveys.csv", *map(str, args)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code, capsys.readouterr().err


def test_what_cannot_be_fitted_is_said_in_a_line(here, monkeypatch, capsys):
    calls, rows = made(12, 5, lambda feels, _: 3 + 2 * feels)
    laid_out(here, calls, rows[:5])
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "out")
    assert code == 1
    assert "there is no survey to learn from: csat: 5 answers" in told
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "nowhere")
    assert (code, "nowhere: no such file or folder" in told) == (1, True)
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "out", "--surveys", "none.csv")
    assert (code, "no such file" in told) == (1, True)
    (here / "none").mkdir()
    (here / "none" / "a.json").write_text("[]")
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "none")
    assert (code, "none: holds no scored calls" in told) == (1, True)
    (here / "out" / "copy.json").write_text(to_json(calls[0]))
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "out")
    assert code == 1
    assert "has the call id 'call-0', as out/call-0.json does" in told


def test_calls_in_which_nobody_is_heard_are_refused_with_the_number(here, monkeypatch, capsys):
    _, rows = made(12, 6, lambda feels, _: 3 + 2 * feels)
    short = [spoken(customer("Yes.", 0.1)) for _ in range(12)]
    laid_out(here, [replace(c, id=f"call-{i}") for i, c in enumerate(short)], rows)
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "out")
    assert code == 1
    assert "csat: 0 answers to calls that can be estimated; 10 are needed" in told


def test_without_its_packages_it_says_which_to_install(here, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, told = outcome_of_main(monkeypatch, capsys, "--calls", "out")
    assert code == 2
    assert "pip install 'conversation-sentiment[surveys]'" in told
