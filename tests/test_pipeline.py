"""The conductor: what it passes on, in which order, and what it never makes up."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from factories import agent, call, customer
from fakes import FakeScorer, FakeTranscriber, fake_analyser, quiet_recording

import sentiment
from sentiment.call import Channel, Word
from sentiment.errors import ChannelMapError
from sentiment.formats.sidecar import Sidecar
from sentiment.pipeline import _not_understood, _once
from sentiment.rules.reader import rules_of
from sentiment.speech.speakers import Voice
from sentiment.timeline import Span

TALK = {
    0: [("Thank you for calling Acme how can I help you", 0), ("I am sorry about that", 7000)],
    1: [("this is bad really bad", 4000), ("oh good that is so good", 10_000)],
}


def test_a_stereo_recording_becomes_a_scored_call():
    analyser = fake_analyser(FakeTranscriber(TALK))
    with quiet_recording() as recording:
        found = analyser.score(analyser.transcribe(recording, roles={0: "agent", 1: "customer"}))
    assert [(u.role, u.start_ms) for u in found.utterances] == [
        ("agent", 0),
        ("customer", 4000),
        ("agent", 7000),
        ("customer", 10_000),
    ]
    assert [u.score.polarity for u in found.said_by("customer")] == [-0.8, 0.8]
    assert [(c.role, c.source, c.confidence) for c in found.channels] == [
        ("agent", "given", 1.0),
        ("customer", "given", 1.0),
    ]
    assert (found.id, found.duration_ms, found.audio.n_channels) == ("call", 20_000, 2)


def test_provenance_names_models_and_settings():
    analyser = fake_analyser(FakeTranscriber(TALK))
    with quiet_recording() as recording:
        found = analyser.score(analyser.transcribe(recording, roles={0: "agent"}))
    assert [m.task for m in found.provenance.models] == ["transcribe", "activity", "roles", "score"]
    assert [m.name for m in found.provenance.models if m.name.startswith("fake")] == [
        "fake-whisper",
        "fake-affect",
    ]
    assert found.provenance.version == sentiment.__version__
    assert {"activity", "turns", "shifts", "rules"} <= found.provenance.settings.keys()
    assert sentiment.from_json(sentiment.to_json(found)) == found


def test_scoring_a_stored_call_keeps_what_made_its_transcript():
    with quiet_recording() as recording:
        stored = replace(
            fake_analyser(FakeTranscriber(TALK)), settings={"transcription": {"model": "large"}}
        ).transcribe(recording)
    again = replace(fake_analyser(), settings={"transcription": {"model": "base"}}).score(stored)
    assert again.provenance.settings["transcription"] == {"model": "large"}
    assert fake_analyser().score(call(customer("bad"))).provenance.settings.keys() == {
        "characteristics",
        "shifts",
        "shape",
        "rules",
    }


def test_a_scored_call_has_characteristics_and_a_shape_or_the_reason_for_none():
    found = fake_analyser().score(call(customer("bad bad"), agent("sorry"), customer("good good")))
    assert found.characteristics.talk_time.total_time_ms == 2000
    assert found.uncharacterised is None
    assert found.shape.by_participant.keys() == {"customer", "agent"}
    written = fake_analyser().score(call(customer("bad"), timed=False))
    assert written.characteristics is None
    assert "text conversation" in written.uncharacterised


def test_moments_are_found_by_the_rules_the_analyser_holds():
    rules = rules_of(
        '[[rule]]\nname = "bad"\ndescription = "It."\nseverity = 0.5\nexplanation = "{quote}"\n'
        '[[rule.all]]\nfilter = "polarity"\nat_most = -0.5\n',
        "my.toml",
    )
    found = replace(fake_analyser(), rules=rules).score(call(customer("bad")))
    assert [m.rule for m in found.moments] == ["bad"]
    assert found.provenance.settings["rules"] == {"source": "my.toml", "sha256": rules.sha256}
    assert sentiment.from_json(sentiment.to_json(found)) == found
    assert sentiment.load(rules=rules).rules is rules
    assert sentiment.load().rules.source == "default"


def test_a_map_that_does_not_fit_costs_no_transcription():
    transcriber = FakeTranscriber(TALK)
    with quiet_recording() as recording, pytest.raises(ChannelMapError):
        fake_analyser(transcriber).transcribe(recording, roles={0: "agent", 5: "customer"})
    assert transcriber.n_asked == 0


def test_a_model_is_made_once_however_many_threads_ask():
    made = []

    def make():
        made.append(1)
        time.sleep(0.05)
        return object()

    get = _once(make)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: id(get()), range(8)))) == 1
    assert made == [1]


def test_the_sidecar_is_used_and_the_command_goes_before_it():
    analyser = fake_analyser(FakeTranscriber(TALK))
    about = Sidecar(
        call_id="4711", agent_id="a", queue="q", roles={0: "customer", 1: "agent"}, metadata={"x": 1}
    )
    with quiet_recording() as recording:
        by_file = analyser.transcribe(recording, about=about)
        by_command = analyser.transcribe(recording, about=about, roles={0: "agent", 1: "customer"})
    assert (by_file.id, by_file.agent_id, by_file.queue, by_file.metadata) == ("4711", "a", "q", {"x": 1})
    assert [(c.role, c.source) for c in by_file.channels] == [("customer", "sidecar"), ("agent", "sidecar")]
    assert [(c.role, c.source) for c in by_command.channels] == [("agent", "given"), ("customer", "given")]


def test_a_map_that_does_not_fit_is_refused():
    with quiet_recording() as recording, pytest.raises(ChannelMapError, match="channel 5"):
        fake_analyser(FakeTranscriber(TALK)).transcribe(recording, roles={5: "agent"})


def test_silence_gives_a_call_without_utterances():
    analyser = fake_analyser()
    with quiet_recording() as recording:
        found = analyser.score(analyser.transcribe(recording))
    assert (found.utterances, found.shifts) == ((), ())
    assert [c.role for c in found.channels] == ["unknown", "unknown"]


def test_a_foreign_language_is_unscored_and_said_to_be():
    analyser = fake_analyser(FakeTranscriber({0: [("das ist bad", 0)]}, language="de"))
    with quiet_recording(1) as recording:
        found = analyser.score(analyser.transcribe(recording))
    (utterance,) = found.utterances
    assert utterance.score is None
    assert "'de'" in utterance.unscored
    assert any("de" in warning and "en" in warning for warning in found.warnings)
    assert analyser.score(found).warnings == found.warnings


def test_text_without_words_is_unscored_while_the_rest_is_scored():
    found = fake_analyser().score(call(customer("...", None), customer("bad", None), agent("", None)))
    assert [(u.score and u.score.polarity, u.unscored) for u in found.utterances] == [
        (None, "no words in it"),
        (-0.8, None),
        (None, "no words in it"),
    ]


def test_scoring_again_gives_the_same_call():
    analyser = fake_analyser()
    once = analyser.score(call(customer("bad bad"), agent("sorry"), customer("good good")))
    assert analyser.score(once) == once


def test_models_are_asked_for_once_per_channel_and_call():
    transcriber, scorer = FakeTranscriber(TALK), FakeScorer()
    analyser = fake_analyser(transcriber, scorer)
    with quiet_recording() as recording:
        analyser.score(analyser.transcribe(recording))
    assert (transcriber.n_asked, scorer.n_asked) == (2, 1)


def test_progress_only_goes_forward():
    seen = []
    analyser = fake_analyser(FakeTranscriber(TALK))
    with quiet_recording() as recording:
        analyser.score(
            analyser.transcribe(recording, progress=lambda s, f: seen.append((s, f))),
            progress=lambda s, f: seen.append((s, f)),
        )
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_importing_loads_no_heavy_library_and_load_no_model():
    script = (
        "import sys, sentiment\n"
        "heavy = {'torch', 'transformers', 'faster_whisper', 'onnxruntime', 'scipy', 'av', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "sentiment.load(); heavy.discard('numpy')\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert all(getattr(sentiment, name) is not None for name in sentiment.__all__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_face_is_all_of_it():
    assert set(sentiment.__all__) <= set(dir(sentiment))
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = sentiment.nothing_here


def test_speech_without_a_word_is_told_of():
    voice = Voice(
        channel=Channel(index=0, role="agent", source="given", confidence=1.0),
        words=(Word(text="hi", start_ms=500, end_ms=800, probability=1.0),),
    )
    speech = [(Span(0, 2000), Span(5000, 6000), Span(65_000, 67_000)), (Span(0, 3000),)]
    silent = replace(voice, channel=replace(voice.channel, index=1), words=())
    first, second = _not_understood(speech, [voice, silent])
    assert first == "Channel 0: speech, or a sound like it, but no recognised word at 1:05."
    assert second.endswith("at 0:00.")
    assert _not_understood([speech[0][:2]], [voice]) == []
