"""``sentiment moments`` and ``sentiment rules`` as they are typed."""

import csv
import json
import os
from pathlib import Path

import pytest
from test_reflagging import stored
from typer.testing import CliRunner

from sentiment.call import from_json
from sentiment.errors import OutputError
from sentiment.formats.html import call_page, index_page
from sentiment.rules.reader import default_rules
from service.cli import app, main
from service.folder_lock import sole_run

MINE = (
    '[[rule]]\nname = "wants_out"\ndescription = "It."\nseverity = 0.4\nexplanation = "They said {quote}"\n'
    '[[rule.all]]\nfilter = "phrase"\nrole = "customer"\nwords = ["my contract"]\n'
)


@pytest.fixture
def out(tmp_path, monkeypatch):
    """Three stored calls and a file of rules, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "out"
    folder.mkdir()
    stored(folder, "one", agent_id="x")
    stored(folder, "two")
    stored(folder, "three", text="All is well with me.")
    (folder / "tca.json").write_text("{}")
    (tmp_path / "my.toml").write_text(MINE)
    return folder


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def row(output, name):
    """The numbers of one row of the table of changes."""
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [name]]
    return line.split()[1:]


def test_it_says_what_changed_and_what_to_review_first(out):
    done = run("moments", "out", "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert row(done.stdout, "threat_to_leave") == ["2", "–", "–", "–", "2"]
    assert "1  one  threat_to_leave  0.83" in done.stdout
    assert "the customer spoke of cancelling: “I want to cancel my contract.”" in done.stdout
    assert "3 calls in " in done.stdout
    assert ": 2 changed; 1 other JSON file left alone" in done.stdout
    done = run("moments", "out", "--rules", "my.toml", "--jobs", 1, "--top", 0)
    assert row(done.stdout, "wants_out") == ["2", "–", "–", "–", "2"]
    assert row(done.stdout, "threat_to_leave") == ["–", "2", "–", "–", "2"]
    assert "review" not in done.stdout
    assert [m.rule for m in from_json((out / "two.json").read_bytes()).moments] == ["wants_out"]


def test_what_a_killed_run_left_half_written_is_removed_and_told(out):
    part = out / ".one.html.0123456789abcdef.part"
    part.write_text("half a page")
    assert run("moments", "out", "--dry-run").exit_code == 0
    assert part.exists()
    done = run("moments", "out")
    assert not part.exists()
    assert "out: removed 1 unfinished file of a run that was killed" in done.stderr
    part.write_text("half a page")
    assert "out: removed 1 unfinished file" in run("score", "missing.wav").stderr
    assert not part.exists()


def test_a_dry_run_changes_nothing_and_says_so(out):
    before = (out / "one.json").read_bytes()
    done = run("moments", "out", "--dry-run")
    assert (done.exit_code, (out / "one.json").read_bytes()) == (0, before)
    assert ": 2 would change" in done.stdout


def test_the_whole_queue_is_a_table_or_json(out):
    assert run("moments", "out", "--queue", "queue.csv").exit_code == 0
    with (out.parent / "queue.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["place"], first["call_id"], first["agent_id"], first["novelty"]) == ("1", "one", "x", "1.0")
    assert (second["call_id"], second["novelty"]) == ("two", "0.5")
    assert run("moments", "out", "--queue", "queue.json").exit_code == 0
    rows = json.loads((out.parent / "queue.json").read_text("utf-8"))
    assert [each["call_id"] for each in rows] == ["one", "two"]
    wrong = run("moments", "out", "--queue", "queue.xls")
    assert wrong.exit_code == 2
    assert "end it in .csv or .json" in wrong.output


def test_pages_and_the_overview_are_made_anew(out):
    made = from_json((out / "one.json").read_bytes())
    (out / "one.html").write_text(call_page(made, playback=None), "utf-8")
    (out / "index.html").write_text(index_page([], []), "utf-8")
    assert run("moments", "out").exit_code == 0
    assert "spoke of cancelling" in (out / "one.html").read_text("utf-8")
    assert "one.html" in (index := (out / "index.html").read_text("utf-8"))
    assert "spoke of cancelling" in index
    assert "two.html" not in index, "it has no page"


def test_an_overview_or_a_page_that_a_failed_run_left_behind_is_made_anew(out):
    made = from_json((out / "one.json").read_bytes())
    run("moments", "out")
    (out / "one.html").write_text(call_page(made, playback=None), "utf-8")
    (out / "index.html").write_text(index_page([], []), "utf-8")
    for page in ("one.html", "index.html"):
        os.utime(out / page, (1, 1))
    dry = run("moments", "out", "--dry-run")
    assert "0 would change; 1 page older than the call would be made anew" in dry.stdout
    assert "0 changed; 1 page older than the call made anew" in run("moments", "out").stdout
    assert "spoke of cancelling" in (out / "one.html").read_text("utf-8")
    assert "spoke of cancelling" in (out / "index.html").read_text("utf-8")
    (out / "index.html").write_text(index_page([], []), "utf-8")
    os.utime(out / "index.html", (1, 1))
    assert "0 changed; 1 other" in run("moments", "out").stdout
    assert "spoke of cancelling" in (out / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("held", "asked"), [("out", "out"), (".", "out"), ("out", "."), ("out", "out/one.json")]
)
def test_two_runs_at_once_on_one_folder_are_refused(out, monkeypatch, capsys, held, asked):
    before = (out / "one.json").read_bytes()
    with sole_run([Path(held)]):
        code, told = outcome_of_main(monkeypatch, capsys, "moments", asked)
        assert run("moments", asked, "--dry-run").exit_code == 0, "it only reads"
    assert code == 1
    (line,) = told.splitlines()
    assert "another sentiment moments or estimate is at work on these calls" in line
    assert (out / "one.json").read_bytes() == before
    assert run("moments", asked, "out/one.json").exit_code == 0, "a folder within another is one"


def test_runs_on_folders_apart_do_not_wait_for_each_other(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    with sole_run([tmp_path / "a"]), sole_run([tmp_path / "b"]):
        pass


def test_one_bad_file_costs_none_of_the_others(out):
    (out / "bad.json").write_text('{"schema": "conversation-sentiment/call/1"}')
    done = run("moments", "out")
    assert done.exit_code == 1
    assert "Error: " in done.stderr
    assert "bad.json: call JSON: call lacks the field" in done.stderr
    assert row(done.stdout, "threat_to_leave")[0] == "2"


def test_a_page_that_cannot_be_read_is_told(out):
    (out / "one.html").write_text("not ours")
    done = run("moments", "out")
    assert done.exit_code == 1
    assert "one.html: is older than its call" in done.stderr
    assert from_json((out / "one.json").read_bytes()).moments


def outcome_of_main(monkeypatch, capsys, *args):
    monkeypatch.setattr("sys.argv", ["sentiment", *map(str, args)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code, capsys.readouterr().err


def test_wrong_rules_and_missing_folders_are_told_before_anything_is_done(out, monkeypatch, capsys):
    (out.parent / "bad.toml").write_text(MINE.replace("phrase", "phrases"))
    before = (out / "one.json").read_bytes()
    for command in (("moments", "out"), ("rules",), ("score", "call.wav")):
        code, told = outcome_of_main(monkeypatch, capsys, *command, "--rules", "bad.toml")
        assert code == 2
        assert told.startswith("Error: bad.toml:7: there is no filter 'phrases'")
    assert outcome_of_main(monkeypatch, capsys, "moments", "nowhere")[0] == 1
    assert (out / "one.json").read_bytes() == before


def test_rules_in_force_are_listed(out):
    done = run("rules")
    assert done.exit_code == 0
    assert all(rule.name in done.stdout for rule in default_rules().rules)
    assert default_rules().sha256 in done.stdout
    assert "1 rule of my.toml" in run("rules", "--rules", "my.toml").stdout


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_queue_replaces_no_call_and_no_other_file(out, dry):
    before = (out / "one.json").read_bytes()
    (out.parent / "elsewhere.json").write_text('{"schema": "conversation-sentiment/call/1"}')
    (out.parent / "contacts.csv").write_text("name,phone\n")
    for name in ("out/one.json", "elsewhere.json", "contacts.csv"):
        done = run("moments", "out", "--queue", name, *dry)
        assert done.exit_code == 2, done.output
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"Error: {name}: ")
        assert line.endswith("name another file with --queue")
    assert (out / "one.json").read_bytes() == before
    assert (out.parent / "contacts.csv").read_text() == "name,phone\n"
    (out.parent / "queue.csv").write_text("")
    for name in ("queue.csv", "queue.csv", "queue.json", "queue.json"):
        assert run("moments", "out", "--queue", name).exit_code == 0, "a queue replaces a queue"


def test_files_that_may_have_been_calls_are_named(out):
    (out / "empty.json").write_text("")
    (out / "cut.json").write_text('{\n "sch')
    done = run("moments", "out")
    assert done.exit_code == 0
    (line,) = filter(None, map(str.strip, done.stderr.splitlines()))
    assert line.startswith("Warning: out/cut.json, out/empty.json: empty or not JSON")
    assert "3 other JSON files left alone" in done.stdout


def test_a_folder_that_cannot_be_written_is_told_once_and_counted(out, monkeypatch):
    def read_only(path, _content, *, remedy):
        raise OutputError(f"{path}: cannot be written (Read-only file system); {remedy}")

    monkeypatch.setattr("service.reflagging.write_atomically", read_only)
    done = run("moments", "out", "--jobs", 1)
    assert done.exit_code == 1
    (line,) = filter(None, map(str.strip, done.stderr.splitlines()))
    assert line.startswith("Error: out/one.json: cannot be written")
    assert line.endswith("(2 more in this folder)")
    assert "--out" not in line
    assert "0 calls in " in done.stdout
    assert done.stdout.rstrip().endswith("; 3 failed")


def test_control_characters_never_reach_the_terminal(out):
    stored(out, "odd", text="I want to cancel my contract \x1b]0;mine\x07 now.")
    done = run("moments", "out")
    assert done.exit_code == 0
    assert "cancel my contract" in done.stdout
    assert not {"\x1b", "\x07"} & set(done.stdout)
