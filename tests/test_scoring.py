"""What the command does with files: every one accounted for, every result whole."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fakes import FakeTranscriber, fake_analyser

from sentiment.audio.decode import _HEADERLESS
from sentiment.call import from_json
from sentiment.errors import InputError, UnknownModelError
from service.scoring import AUDIO_SUFFIXES, earlier_rows, find_inputs, score_file

TALK = {0: [("Thank you for calling", 0)], 1: [("this is bad", 2000)]}


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "calls" / "one.wav"
    path.parent.mkdir()
    noise = np.random.default_rng(1).normal(0, 1e-3, (16_000, 2))
    soundfile.write(path, noise, 8000)
    return path


def run(path, out, formats=("json",), **more):
    return list(
        score_file(fake_analyser(FakeTranscriber(TALK)), path, out=out, formats=formats, taken={}, **more)
    )


def test_every_format_is_written_and_the_json_reads_back(wav, tmp_path):
    (outcome,) = run(wav, tmp_path / "out", ("json", "html", "vtt", "srt", "txt"))
    assert outcome.error is None
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        f"one.{s}" for s in ("html", "json", "srt", "txt", "vtt")
    ]
    call = from_json((tmp_path / "out" / "one.json").read_text("utf-8"))
    assert outcome.row.id == call.id == "one"
    assert call.audio.name == "one.wav"
    assert "data:audio/mpeg;base64," in (tmp_path / "out" / "one.html").read_text("utf-8")


def test_a_sidecar_beside_the_recording_is_used(wav, tmp_path):
    Path(f"{wav}.json").write_text(json.dumps({"call_id": "x/7", "channels": {"agent": 0, "customer": 1}}))
    (outcome,) = run(wav, tmp_path / "out")
    assert outcome.row.id == "x/7"
    call = from_json((tmp_path / "out" / "x%2F7.json").read_text("utf-8"))
    assert [c.source for c in call.channels] == ["sidecar", "sidecar"]


def test_one_file_that_fails_is_an_outcome_with_its_error(tmp_path):
    (tmp_path / "fake.wav").write_text("this is no sound")
    (outcome,) = run(tmp_path / "fake.wav", tmp_path / "out")
    assert outcome.row is None
    assert "fake.wav" in outcome.error
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_call_id_do_not_overwrite_each_other(wav, tmp_path):
    other = tmp_path / "calls" / "deeper" / "ONE.wav"
    other.parent.mkdir()
    other.write_bytes(wav.read_bytes())
    taken = {}
    analyser = fake_analyser(FakeTranscriber(TALK))
    options = {"out": tmp_path / "out", "formats": ["json"], "taken": taken}
    (first,) = score_file(analyser, wav, **options)
    (second,) = score_file(analyser, other, **options)
    assert first.error is None
    assert "call id 'ONE'" in second.error
    assert str(wav) in second.error


def test_a_chat_file_gives_a_call_for_each_conversation(tmp_path):
    lines = [{"call_id": c, "role": "customer", "text": "bad"} for c in "ab"]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [o.row.id for o in run(tmp_path / "c.jsonl", tmp_path / "out", ("json", "html"))] == ["a", "b"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.html", "a.json", "b.html", "b.json"]


def test_a_bad_line_of_a_chat_file_fails_its_call_and_the_others_are_scored(tmp_path):
    said = (("a", "agent"), ("b", "boss"), ("c", "agent"))
    lines = [{"call_id": call_id, "role": role, "text": "bad"} for call_id, role in said]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{oops")
    outcomes = run(tmp_path / "c.jsonl", tmp_path / "out", ("json",))
    assert [o.row.id for o in outcomes if o.row] == ["a", "c"]
    told = [o.error for o in outcomes if o.row is None]
    assert [re.search(r"c\.jsonl:\d", each)[0] for each in told] == ["c.jsonl:2", "c.jsonl:4"]
    stored = from_json((tmp_path / "out" / "a.json").read_text("utf-8"))
    assert "c.jsonl:4: cannot be read" in stored.warnings[0], "it may have been a turn of this one"
    assert not (tmp_path / "out" / "b.json").exists()


def test_subtitles_of_a_chat_without_times_and_transcribing_text_are_refused(tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"call_id": "a", "role": "agent", "text": "Hi"}))
    assert "has no times" in run(tmp_path / "c.jsonl", tmp_path / "out", ("vtt", "srt"))[0].error
    assert "is text already" in run(tmp_path / "c.jsonl", tmp_path / "out", transcribe_only=True)[0].error


def test_transcribing_only_scores_nothing(wav, tmp_path):
    (outcome,) = run(wav, tmp_path / "out", transcribe_only=True)
    call = from_json((tmp_path / "out" / "one.json").read_text("utf-8"))
    assert all(u.score is None for u in call.utterances)
    assert outcome.row.start is None


def test_folders_are_searched_for_recordings(wav, tmp_path):
    for name in ("notes.txt", "surveys.csv", "b.MP3", ".hidden.wav"):
        (wav.parent / name).write_text("")
    (wav.parent / ".cache").mkdir()
    (wav.parent / ".cache" / "c.wav").write_text("")
    assert [p.name for p in find_inputs(wav.parent)] == ["b.MP3", "one.wav"]
    assert find_inputs(wav) == (wav,)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no recordings in it"):
        find_inputs(tmp_path / "empty")


def test_an_unknown_model_ends_the_run(wav, tmp_path):
    def missing():
        raise UnknownModelError("Whisper model 'gigantic': no such name or path")

    analyser = replace(fake_analyser(), transcriber=missing)
    with pytest.raises(UnknownModelError):
        list(score_file(analyser, wav, out=tmp_path, formats=["json"], taken={}))


def test_one_bad_conversation_costs_none_of_the_others(tmp_path):
    lines = [{"call_id": c, "role": "customer", "text": "bad"} for c in ("C1", "c1", "c3")]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    first, second, third = run(tmp_path / "c.jsonl", tmp_path / "out")
    assert (first.row.id, third.row.id) == ("C1", "c3")
    assert "other call ids" in second.error


@pytest.mark.parametrize("form", ["vtt", "srt", "tca"])
def test_a_format_that_cannot_hold_the_call_is_left_out_with_a_warning(tmp_path, form):
    (tmp_path / "c.jsonl").write_text(json.dumps({"call_id": "a", "role": "customer", "text": "bad"}))
    (outcome,) = run(tmp_path / "c.jsonl", tmp_path / "out", (form, "json"))
    assert outcome.error is None
    assert outcome.row.id == "a"
    (told,) = [line for line in outcome.warnings if line.startswith(f"no {form} was written: a: ")]
    assert "cannot be written as" in told
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.json"]
    (alone,) = run(tmp_path / "c.jsonl", tmp_path / "alone", (form,))
    assert "cannot be written as" in alone.error, "nothing of what was asked for came"
    assert alone.row is None


def test_a_fault_nobody_foresaw_is_an_outcome(wav, tmp_path):
    def broken():
        raise ZeroDivisionError("by zero")

    analyser = replace(fake_analyser(), transcriber=broken)
    (outcome,) = score_file(analyser, wav, out=tmp_path, formats=["json"], taken={})
    assert "ZeroDivisionError: by zero" in outcome.error


def test_a_wrong_call_id_is_found_before_the_work(wav, tmp_path):
    transcriber = FakeTranscriber(TALK)
    outcomes = score_file(
        fake_analyser(transcriber), wav, out=tmp_path, formats=["json"], taken={"one": Path("other.wav")}
    )
    assert "other.wav" in next(outcomes).error
    assert transcriber.n_asked == 0


def test_every_headerless_form_is_found_in_a_folder():
    assert set(_HEADERLESS) <= AUDIO_SUFFIXES


def test_the_overview_keeps_the_calls_of_earlier_runs(wav, tmp_path):
    out = tmp_path / "out"
    run(wav, out, ("json", "html"))
    (out / "notes.json").write_text("{}")
    run(wav, out, ("tca",))
    assert "ConversationCharacteristics" in (out / "one.tca").read_text("utf-8")
    assert [row.id for row in earlier_rows(out, but=set())] == ["one"]
    assert earlier_rows(out, but={"one"}) == []
    (out / "one.html").unlink()
    assert earlier_rows(out, but=set()) == []


def test_a_legal_name_too_long_for_a_sidecar_is_scored(wav, tmp_path):
    long = wav.rename(wav.with_name("a" * 250 + ".wav"))
    (outcome,) = run(long, tmp_path / "out")
    assert outcome.error is None
    assert len(list((tmp_path / "out").iterdir())) == 1
