"""The voice: pitch of known tones, louder and higher is more aroused, and whose voice is never measured."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from factories import agent, call, customer, score, utterance
from fakes import SHARED_DATA, FakeTranscriber, fake_analyser
from hypothesis import given
from hypothesis import strategies as st

import sentiment
from sentiment.affect.pitch import STEP_MS, track
from sentiment.affect.prosody import (
    AGENT_WARNING,
    CUES,
    VoiceOptions,
    arousal,
    compare,
    hear,
    joined_intensity,
    measure,
    recall,
)
from sentiment.audio import SAMPLE_RATE_HZ, Recording
from sentiment.call import Channel, Prosody, Word
from sentiment.formats import display
from sentiment.formats.html import call_page
from service.cli import _analyser

unit = st.floats(0, 1)


def voice(seconds=1.5, hz=120.0, gain=0.1, *, tilt=1.0, wobble_st=1.0, syllables_hz=4.0):
    """Something like a voice: harmonics falling with ``tilt`` through a formant, in syllables."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    moving = hz * 2 ** (wobble_st / 12 * np.sin(2 * np.pi * 2 * t))
    phase = 2 * np.pi * np.cumsum(moving) / SAMPLE_RATE_HZ
    sound = sum(
        np.sin(k * phase) / k**tilt / (1 + ((k * hz - 600) / 800) ** 2) for k in range(1, int(3800 / hz))
    )
    swell = 0.15 + 0.85 * np.sin(np.pi * syllables_hz * t) ** 2
    return (gain * sound * swell).astype(np.float32)


def telephone(samples):
    """300 to 3400 Hz only."""
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    spectrum = np.where((hz >= 300) & (hz <= 3400), np.fft.rfft(samples), 0)
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def noise(seconds, level):
    samples = np.random.default_rng(0).normal(0, level, round(seconds * SAMPLE_RATE_HZ))
    return samples.astype(np.float32)


# -- pitch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [75, 110, 200, 330, 590])
@pytest.mark.parametrize("through", [lambda x: x, telephone, lambda x: telephone(x) + noise(1, 0.01)])
def test_the_pitch_of_a_known_tone_is_found_through_a_telephone_too(hz, through):
    t = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = 0.1 * sum(np.sin(2 * np.pi * k * hz * t + k) / k for k in range(1, int(7500 / hz)))
    found = track([through(tone.astype(np.float32))])
    assert len(found.pitch_st) == pytest.approx(1000 / STEP_MS, abs=5)
    assert np.abs(found.pitch_st - 12 * np.log2(hz)).max() < 0.3


def test_a_gliding_pitch_is_followed():
    t = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(100 * 2**t) / SAMPLE_RATE_HZ
    found = track([(0.1 * sum(np.sin(k * phase) / k for k in range(1, 20))).astype(np.float32)])
    at_s = (np.arange(len(found.pitch_st)) * STEP_MS + 20) / 1000
    assert np.abs(found.pitch_st - 12 * np.log2(100 * 2**at_s)).max() < 0.5


def test_level_is_in_decibels_of_full_scale():
    t = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    levels = [
        np.median(track([(gain * np.sin(2 * np.pi * 1500 * t)).astype(np.float32)]).level_db)
        for gain in (1, 0.1)
    ]
    assert levels == pytest.approx([-3.01, -23.01], abs=0.05)


@pytest.mark.parametrize("sound", [np.zeros(32_000, np.float32), noise(2, 0.1)])
def test_silence_and_noise_have_no_pitch(sound):
    assert np.isnan(track([sound]).pitch_st).all()


def test_pieces_are_followed_as_if_they_adjoined():
    sound = voice(1.2)
    whole, parted = track([sound]), track([sound[:8000], sound[8000:], sound[:100]])
    assert len(parted.pitch_st) == pytest.approx(len(whole.pitch_st), abs=5)
    assert np.nanmedian(parted.pitch_st) == pytest.approx(np.nanmedian(whole.pitch_st), abs=0.1)


# -- one utterance, and the speaker's usual ------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        ([], "no sound"),
        ([np.zeros(16_000, np.float32)], "no sound"),
        ([noise(1, 0.05)], "voice"),
        ([voice(0.15)], "voice"),
    ],
)
def test_what_has_no_voice_is_refused_with_the_reason(sound, reason):
    assert reason in measure(sound)


def test_syllables_are_counted_and_pauses_left_out():
    slow, fast = (measure([voice(3, syllables_hz=hz)])["rate"] for hz in (3, 5))
    assert (slow, fast) == (pytest.approx(3, abs=0.4), pytest.approx(5, abs=0.4))
    paused = measure(
        [np.concatenate([voice(1.5, syllables_hz=5), noise(2, 1e-4), voice(1.5, syllables_hz=5)])]
    )
    assert paused["rate"] == pytest.approx(5, abs=0.5)
    assert "rate" not in measure([voice(0.6)])


@pytest.mark.parametrize(
    ("cue", "more"),
    [
        ("loudness", {"gain": 0.2}),
        ("pitch", {"hz": 150.0}),
        ("pitch_range", {"wobble_st": 4.0}),
        ("balance", {"tilt": 0.4}),
        ("rate", {"syllables_hz": 5.5}),
    ],
)
@pytest.mark.parametrize("through", [lambda x: x, telephone])
def test_each_cue_rises_with_what_it_measures_and_raises_arousal(cue, more, through):
    measured = [measure([through(voice(**change))]) for change in (*[{}] * 5, more)]
    *usual, odd = compare(measured)
    assert odd[cue] > 1
    assert max(abs(z[cue]) for z in usual) < 0.3
    assert arousal({cue: odd[cue]}) > 0.8


def test_louder_and_higher_is_more_aroused_and_softer_and_lower_less():
    changes = ({}, {}, {}, {}, {"gain": 0.25, "hz": 160.0}, {"gain": 0.04, "hz": 100.0})
    found = [arousal(z) for z in compare([measure([voice(**change)]) for change in changes])]
    assert found[4] > 0.85
    assert found[5] < 0.3
    assert all(0.4 < a < 0.6 for a in found[:4])


def test_arousal_does_not_depend_on_the_gain_of_the_line():
    changes = [{"gain": g, "hz": h} for g, h in ((0.05, 100), (0.1, 120), (0.08, 110), (0.2, 150))]
    near, far = (
        [arousal(z) for z in compare([measure([gain * voice(**change)]) for change in changes])]
        for gain in (1.0, 0.1)
    )
    assert near == pytest.approx(far, abs=0.02)


@given(st.lists(st.floats(-60, 0), min_size=3, max_size=12), st.floats(-20, 20))
def test_deviations_are_bounded_and_keep_the_order_and_forget_the_level(levels, shift):
    def deviations(values):
        return [z["loudness"] for z in compare([{"loudness": v, "voiced_s": 1.0} for v in values])]

    found = deviations(levels)
    assert all(-3 <= z <= 3 for z in found)
    assert [found[i] for i in np.argsort(levels, kind="stable")] == sorted(found)
    assert deviations([v + shift for v in levels]) == pytest.approx(found, abs=1e-6)


def test_a_little_voice_is_believed_less_and_too_few_utterances_not_at_all():
    rest = [{"loudness": -20.0, "voiced_s": 2.0}] * 4
    long, short = (compare([*rest, {"loudness": -14.0, "voiced_s": s}])[-1]["loudness"] for s in (3.0, 0.3))
    assert long > 1.3 * short > 0
    assert "fewer than 3" in compare(rest[:2])


# -- joining -------------------------------------------------------------------------------------


@given(unit, unit, unit)
def test_joined_intensity_is_in_range_rises_with_both_and_keeps_the_usual(text, a, b):
    low, high = sorted((a, b))
    assert 0 <= joined_intensity(text, low) <= joined_intensity(text, high) + 1e-12 <= 1 + 1e-9
    assert joined_intensity(low, text) <= joined_intensity(high, text) + 1e-12
    assert joined_intensity(text, 0.5) == text


# -- a call --------------------------------------------------------------------------------------

LOUD = {"gain": 0.3, "hz": 170.0, "tilt": 0.5}


def recorded(*changes, n_channels=2, at_ms=2000):
    """A recording with the same voices on every channel, an utterance every ``at_ms``."""
    sound = np.concatenate([np.pad(voice(**change), (0, 8 * SAMPLE_RATE_HZ // 16)) for change in changes])
    both = np.stack([sound, 0.5 * np.roll(sound, 40)])[:n_channels]
    return Recording.from_samples(both, SAMPLE_RATE_HZ, name="call.wav")


def spoken(role, at, *, channel):
    said = utterance(role, "so this is it", 0.0, start_ms=2000 * at, end_ms=2000 * at + 1500, intensity=0.2)
    words = tuple(
        Word(text=w, start_ms=2000 * at + 350 * i, end_ms=2000 * at + 350 * i + 340, probability=1.0)
        for i, w in enumerate(("so", "this", "is", "it"))
    )
    return replace(said, channel=channel, words=words)


def conversation(*roles, confidence=1.0):
    """Both voices say six things, at the same times, on a channel each."""
    channels = tuple(
        Channel(index=i, role=role, source="inferred", confidence=confidence) for i, role in enumerate(roles)
    )
    said = [spoken(role, at, channel=i) for at in range(6) for i, role in enumerate(roles)]
    return call(*said, channels=channels, utterances=tuple(replace(u, index=i) for i, u in enumerate(said)))


def voices(found, role):
    return [u.score.voice for u in found.said_by(role)]


def test_the_customers_voice_joins_the_intensity_and_what_it_rests_on_is_kept():
    with recorded({}, {}, {}, {}, {}, LOUD) as recording:
        found = hear(recording, conversation("agent", "customer"))
    *usual, loud = found.said_by("customer")
    assert loud.score.voice.arousal > 0.8
    assert loud.score.voice.cues.keys() == CUES.keys()
    assert min(loud.score.voice.cues[c] for c in ("loudness", "pitch", "balance")) > 1
    assert loud.score.intensity > 0.3
    assert (loud.score.voice.text_intensity, loud.score.voice.unmeasured) == (0.2, None)
    assert all(u.score.intensity == pytest.approx(0.2, abs=0.02) for u in usual)
    assert sentiment.from_json(sentiment.to_json(found)) == found


def test_an_agent_a_recorded_voice_and_who_is_not_known_are_never_listened_to(caplog):
    with recorded(*[{}] * 5, LOUD) as recording:
        for role in ("agent", "ivr", "unknown"):
            before = conversation(role, "customer")
            found = hear(recording, before)
            assert found.said_by(role) == before.said_by(role)
            assert None not in voices(found, "customer")
        unsure = conversation("agent", "customer", confidence=0.7)
        assert hear(recording, unsure) == unsure
        assert not caplog.records
        everyone = hear(recording, conversation("agent", "ivr"), VoiceOptions(score_agent_voice=True))
    assert voices(everyone, "agent")[-1].arousal > 0.8
    assert voices(everyone, "ivr") == [None] * 6
    assert AGENT_WARNING in everyone.warnings
    assert [(r.levelno, "AI Act" in r.getMessage()) for r in caplog.records] == [(logging.WARNING, True)]


def test_too_few_utterances_or_none_audible_leave_the_words_intensity_with_the_reason():
    with recorded({}, {}, {}, {}, {}, {}) as recording:
        whole = conversation("agent", "customer")
        few = hear(recording, replace(whole, utterances=whole.utterances[:4]))
    with Recording.from_samples(np.zeros((2, 200_000), np.float32), SAMPLE_RATE_HZ) as silence:
        quiet = hear(silence, whole)
    for found, reason in ((few, "fewer than 3"), (quiet, "no sound")):
        for said in found.said_by("customer"):
            assert said.score.intensity == 0.2
            assert said.score.voice.arousal is None
            assert reason in said.score.voice.unmeasured


def test_where_another_has_words_in_a_mono_recording_the_voice_is_not_measured():
    """The agent speaks at the same times as the customer, but for the customer's last three utterances."""
    with recorded(*[{}] * 6, n_channels=1) as recording:
        whole = conversation("agent", "customer")
        apart = [u for u in whole.utterances if u.role == "customer" or u.start_ms < 6000]
        found = hear(
            recording, replace(whole, utterances=tuple(replace(u, index=i) for i, u in enumerate(apart)))
        )
    assert [v.unmeasured for v in voices(found, "customer")] == ["no sound in it"] * 3 + [None] * 3


TALK = {
    0: [("how can I help you", 0), *[("I am sorry", 2000 * i) for i in (1, 3, 4)]],
    1: [("really very bad", 2000 * i) for i in (1, 2, 3, 4, 5)],
}


def test_the_analyser_listens_to_the_customer_alone_and_says_by_which_settings():
    analyser = fake_analyser(FakeTranscriber(TALK))
    loud = replace(analyser, voice=VoiceOptions(score_agent_voice=True))
    with recorded(*[{}] * 5, LOUD) as recording:
        heard = analyser.transcribe(recording, roles={0: "agent", 1: "customer"})
        found = analyser.score(heard, recording=recording)
        everyone = loud.score(heard, recording=recording)
    assert voices(found, "agent") == [None] * len(found.said_by("agent"))
    assert voices(found, "customer")[-1].arousal > 0.8
    assert found.provenance.settings["voice"]["score_agent_voice"] is False
    assert not found.warnings
    assert None not in voices(everyone, "agent")
    assert everyone.provenance.settings["voice"]["score_agent_voice"] is True
    again = analyser.score(everyone)
    assert again == found
    assert analyser.score(found) == found


def test_the_command_lets_an_agents_voice_be_measured_only_if_told_to():
    options = {"engine": "faster-whisper", "threads": None}
    assert not sentiment.load().voice.score_agent_voice
    assert not _analyser(**options).voice.score_agent_voice
    assert _analyser(**options, score_agent_voice=True).voice.score_agent_voice


def test_a_stored_voice_is_joined_again_to_new_words():
    with recorded({}, {}, {}, {}, {}, LOUD) as recording:
        earlier = hear(recording, conversation("agent", "customer"))
    anew = replace(
        earlier,
        utterances=tuple(replace(u, score=score(-0.5, intensity=0.5)) for u in earlier.utterances),
    )
    found = recall(earlier, anew).said_by("customer")[-1].score
    assert found.intensity > 0.5 == found.voice.text_intensity
    assert found.voice.arousal == earlier.said_by("customer")[-1].score.voice.arousal


def test_text_has_no_voice():
    found = fake_analyser().score(call(agent("hello"), customer("bad"), timed=False))
    assert [u.score.voice for u in found.utterances] == [None, None]
    assert "voice" not in json.loads(sentiment.to_json(found))["provenance"]["settings"]


def test_the_report_says_how_the_voice_differed():
    with recorded({}, {}, {}, {}, {}, LOUD) as recording:
        found = hear(recording, conversation("agent", "customer"))
    *_, usual, loud = (display.sounded(v) for v in voices(found, "customer"))
    assert usual == "voice about as usual"
    assert {"louder", "higher", "sharper"} <= set(loud.removeprefix("voice ").replace(",", "").split())
    low = Prosody(arousal=0.2, cues={"pitch": -1.5, "rate": 1.2}, text_intensity=0.1)
    assert display.sounded(low) == "voice lower than usual"
    assert display.sounded(replace(low, cues={"pitch": -0.9})) == "voice a little calmer than usual"
    page = call_page(found, playback=None)
    assert page.count('<p class="voice">') == 6
    assert loud in page
    unmeasured = Prosody(arousal=None, cues={}, text_intensity=0.1, unmeasured="no sound in it")
    assert display.sounded(unmeasured) == "voice not measured: no sound in it"


@pytest.mark.shared
def test_acted_strong_speech_is_told_from_normal_speech():
    folder = SHARED_DATA / "prosody_ravdess"
    if not folder.is_dir():
        pytest.skip("the acted speech of ../shared/data is not here")
    from evaluation import prosody_ravdess

    items = prosody_ravdess.acted(folder, prosody_ravdess.telephone, actors=("Actor_01", "Actor_02"))
    found, n_pairs = prosody_ravdess.auc(items, prosody_ravdess.COMBINED, same_emotion=True)
    assert n_pairs > 80
    assert found > 0.75
