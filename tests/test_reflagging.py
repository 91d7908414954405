"""Stored calls flagged anew: what changes, what is written, and what is left alone."""

import json
from dataclasses import replace

import pytest
from factories import agent, call, customer
from report_calls import make_call

from sentiment.call import Provenance, from_json, to_json
from sentiment.errors import InputError, OutputError
from sentiment.files import write_atomically
from sentiment.formats.html import call_page
from sentiment.moments import flag_moments, reflag
from sentiment.rules.reader import default_rules, rules_of
from service.reflagging import Change, _rewritten, changes, find_calls, reflag_file, reflag_files

RULES = default_rules()
NONE = rules_of(
    '[[rule]]\nname = "never"\ndescription = "It."\nseverity = 0\nexplanation = "{quote}"\n'
    '[[rule.all]]\nfilter = "phrase"\nwords = ["never said"]\n',
    "none.toml",
)


def stored(folder, name="one", text="I want to cancel my contract.", **more):
    made = call(agent("How can I help?"), customer(text, -0.4), id=name, **more)
    path = folder / f"{name}.json"
    path.write_text(to_json(made), "utf-8")
    return path


def test_a_call_is_flagged_and_written_with_the_rules_it_was_flagged_by(tmp_path):
    path = stored(
        tmp_path, provenance=Provenance(version="0.0.9", settings={"moments": {"merge_s": 1}, "x": 2})
    )
    outcome = reflag_file(path, RULES)
    assert outcome.error is None
    assert outcome.changes == (Change(rule="threat_to_leave", what="added"),)
    after = from_json(path.read_bytes())
    assert after.moments == flag_moments(after)
    assert [each.moment for each in outcome.found] == list(after.moments)
    assert after.provenance.settings == {"x": 2, "rules": RULES.provenance()}
    assert after.provenance.version == "0.0.9", "what transcribed and scored it"
    again = path.stat().st_mtime_ns
    assert reflag_file(path, RULES).changes == (Change(rule="threat_to_leave", what="kept"),)
    assert path.stat().st_mtime_ns == again, "nothing changed, nothing is written"
    assert reflag_file(path, NONE).changes == (Change(rule="threat_to_leave", what="gone"),)
    assert from_json(path.read_bytes()).moments == ()


def test_a_dry_run_writes_nothing(tmp_path):
    path = stored(tmp_path)
    before = path.read_bytes()
    assert reflag_file(path, RULES, dry_run=True).changed
    assert path.read_bytes() == before


def test_moments_are_the_same_if_rule_and_place_are():
    (old,) = call(customer("I want to cancel my contract."), moments=()).moments or flag_moments(
        call(customer("I want to cancel my contract."))
    )
    other = replace(old, start_ms=7)
    assert changes([old], [old])[0].what == "kept"
    assert changes([old], [replace(old, severity=0.1)])[0].what == "reworded"
    assert [change.what for change in changes([old], [other])] == ["added", "gone"]


@pytest.mark.parametrize("indent", [1, None, 2])
def test_a_rewritten_file_is_as_if_the_call_were_written_anew(indent):
    before = make_call()
    after = replace(
        before,
        moments=before.moments[:1],
        provenance=Provenance(version="x", settings={"rules": {"a": "\n"}}),
    )
    assert from_json(_rewritten(to_json(before, indent=indent), after)) == after
    assert _rewritten(to_json(before), after) == to_json(after)
    bare = replace(before, moments=(), provenance=None)
    assert _rewritten(to_json(bare), after) == to_json(after)
    assert _rewritten(to_json(after), bare) == to_json(bare)


def test_a_file_laid_out_by_others_is_written_whole():
    before = make_call()
    after = replace(before, moments=())
    odd = to_json(before).replace("\n  ", "\n ")
    assert from_json(_rewritten(odd, after)) == after


def test_a_page_is_made_anew_with_its_recording(tmp_path):
    path = stored(tmp_path)
    page = path.with_suffix(".html")
    page.write_text(call_page(from_json(path.read_bytes()), playback=b"sound", peaks=((0.5,),)), "utf-8")
    outcome = reflag_file(path, RULES)
    assert outcome.stale is None
    assert outcome.row.n_moments == 1
    after = from_json(path.read_bytes())
    assert page.read_text("utf-8") == call_page(after, playback=b"sound", peaks=((0.5,),))
    page.write_text("something else", "utf-8")
    outcome = reflag_file(path, NONE)
    assert "one.html: is older than its call: not a page" in outcome.stale
    assert page.read_text("utf-8") == "something else"


def test_a_page_that_lost_its_recording_is_left_alone(tmp_path):
    path = stored(tmp_path, audio=make_call().audio)
    page = path.with_suffix(".html")
    page.write_text(call_page(from_json(path.read_bytes()), playback=None), "utf-8")
    before = page.read_bytes()
    outcome = reflag_file(path, RULES)
    assert "its recording is missing; score the recording again" in outcome.stale
    assert page.read_bytes() == before
    assert from_json(path.read_bytes()).moments, "the call itself is flagged"


def test_a_page_that_cannot_be_written_is_tried_again_by_the_next_run(tmp_path, monkeypatch):
    path = stored(tmp_path)
    path.with_suffix(".html").write_text(call_page(from_json(path.read_bytes()), playback=None), "utf-8")
    with monkeypatch.context() as patched:
        patched.setattr("service.reflagging.write_atomically", full_disk_for_pages)
        assert "one.html: no room" in reflag_file(path, RULES).error
    assert not reflag_file(path, RULES, dry_run=True).error
    assert "spoke of cancelling" not in path.with_suffix(".html").read_text("utf-8")
    outcome = reflag_file(path, RULES)
    assert (outcome.changed, outcome.mended) == (False, True)
    assert "spoke of cancelling" in path.with_suffix(".html").read_text("utf-8")
    assert not reflag_file(path, RULES).mended, "once"


def full_disk_for_pages(path, content, *, remedy):
    assert "--out" not in remedy
    if path.suffix == ".html":
        raise OutputError(f"{path}: no room")
    write_atomically(path, content, remedy=remedy)


def test_a_page_older_than_its_call_is_made_anew_until_that_succeeds(tmp_path):
    path, page = stored(tmp_path), tmp_path / "one.html"
    page.write_text("not ours", "utf-8")
    assert reflag_file(path, RULES).stale
    assert reflag_file(path, RULES).stale, "the call does not change any more, and the page is still wrong"
    page.write_text(call_page(from_json(stored(tmp_path, text="Fine.").read_bytes()), playback=None), "utf-8")
    reflag_file(path, RULES)
    stored(tmp_path, text="All of it is new.")  # as a run of sentiment score that could not write the page
    assert reflag_file(path, RULES).mended
    assert "All of it is new." in page.read_text("utf-8")


def test_a_page_that_other_rules_leave_as_it_is_is_not_older_than_its_call(tmp_path):
    path, page = stored(tmp_path, text="Fine."), tmp_path / "one.html"
    page.write_text(call_page(from_json(path.read_bytes()), playback=None), "utf-8")
    before = page.read_bytes()
    reflag_file(path, NONE)
    assert not reflag_file(path, NONE).mended
    assert page.read_bytes() == before


def test_other_json_in_a_folder_is_left_alone_and_a_broken_call_is_an_error(tmp_path):
    stored(tmp_path)
    for name, text in (("index", "[]"), ("tca", '{"JobStatus": "COMPLETED"}'), ("broken", "{")):
        (tmp_path / f"{name}.json").write_text(text)
    later = to_json(from_json((tmp_path / "one.json").read_bytes())).replace("call/1", "call/9")
    (tmp_path / "later.json").write_text(later)
    outcomes = {o.source.stem: o for o in reflag_files(find_calls([tmp_path]), RULES, jobs=1, dry_run=False)}
    assert {name for name, o in outcomes.items() if o.skipped} == {"index", "tca", "broken"}
    assert "later.json: call JSON: expected schema" in outcomes["later"].error
    assert {name for name, o in outcomes.items() if o.damaged} == {"broken"}
    assert outcomes["one"].changed
    assert "not valid JSON" in reflag_file(tmp_path / "broken.json", RULES).error, "it was named itself"


def test_files_are_found_once_and_what_is_not_there_is_told(tmp_path):
    path = stored(tmp_path)
    (tmp_path / ".one.json.part.json").write_text("{}")
    assert find_calls([tmp_path, path]) == [(path, True)]
    with pytest.raises(InputError, match="no such file"):
        find_calls([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no JSON files in it"):
        find_calls([tmp_path / "empty"])


def test_the_results_do_not_depend_on_the_number_of_processes(tmp_path):
    folders = [tmp_path / "alone", tmp_path / "together"]
    for folder in folders:
        folder.mkdir()
        for i in range(120):
            stored(folder, f"call-{i:03}", text=("I want to cancel my contract.", "Fine.")[i % 2])
        (folder / "call-050.json").write_text('{"schema": "conversation-sentiment/call/1"}')
    alone, together = (
        list(reflag_files(find_calls([folder]), RULES, jobs=jobs, dry_run=False))
        for folder, jobs in zip(folders, (1, 2), strict=True)
    )
    assert [(o.source.name, o.changes, o.found) for o in alone] == [
        (o.source.name, o.changes, o.found) for o in together
    ]
    assert [o.source.name for o in together if o.error] == ["call-050.json"]
    for path in folders[0].iterdir():
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()
    assert json.loads((folders[1] / "call-000.json").read_text("utf-8"))["moments"]


def test_a_fault_that_nobody_foresaw_costs_one_call(tmp_path, monkeypatch):
    stored(tmp_path, "bad")
    stored(tmp_path, "good")

    def faulty(made, rules):
        if made.id == "bad":
            raise IndexError("list index out of range")
        return reflag(made, rules)

    monkeypatch.setattr("service.reflagging.reflag", faulty)
    bad, good = reflag_files(find_calls([tmp_path]), RULES, jobs=1, dry_run=False)
    assert "bad.json: failed by a fault of this software (IndexError: list index out of range)" in bad.error
    assert good.changed
