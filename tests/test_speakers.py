"""Whose words they are: channels and their roles, and two voices on one channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sentiment.audio import Recording
from sentiment.call import Word
from sentiment.errors import ChannelMapError
from sentiment.evaluation import diarization_error
from sentiment.speech import diarization
from sentiment.speech.diarization import Party
from sentiment.speech.speakers import Voice, identify
from sentiment.timeline import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

AGENT = "Thank you for calling Acme, this is Dana. How can I help you today? Can I get your name please?"
CUSTOMER = "Hi, I'm having a problem with my order. It never came and I want my money back."
A, C = (Span(0, 8000),), (Span(9000, 14_000),)


@dataclass(frozen=True)
class FakeTranscript:
    """What the recogniser heard."""

    words: tuple[Word, ...] = ()
    language: str | None = "en"
    language_probability: float | None = 0.99


def heard(text: str, start_ms: int = 0, language: str | None = "en") -> FakeTranscript:
    words = tuple(
        Word(text=t, start_ms=start_ms + 300 * i, end_ms=start_ms + 300 * i + 250, probability=0.9)
        for i, t in enumerate(text.split())
    )
    return FakeTranscript(words, language, 0.99)


def recording(n_channels: int) -> Recording:
    samples = np.random.default_rng(0).normal(0, 0.05, (n_channels, 16_000)).astype(np.float32)
    return Recording.from_samples(samples, 16_000, "call.wav")


def voices(*transcripts: FakeTranscript, **options: Any) -> tuple[Voice, ...]:
    speech: Sequence[Sequence[Any]] = tuple(() for _ in transcripts)
    with recording(len(transcripts)) as sound:
        return identify(sound, transcripts, speech, **options)  # type: ignore[arg-type]


def roles(found: tuple[Voice, ...]) -> list[str]:
    return [v.channel.role for v in found]


# -- a channel per party -------------------------------------------------------------------------


def test_given_roles_are_taken_as_given() -> None:
    found = voices(heard(AGENT), heard(CUSTOMER, 9000), roles={0: "customer", 1: "agent"}, source="sidecar")
    assert roles(found) == ["customer", "agent"]
    assert [v.channel.source for v in found] == ["sidecar", "sidecar"]
    assert [v.channel.confidence for v in found] == [1.0, 1.0]
    assert [v.channel.index for v in found] == [0, 1]
    assert found[0].words == heard(AGENT).words
    assert (found[0].channel.language, found[0].channel.language_probability) == ("en", 0.99)


def test_roles_are_worked_out_from_what_is_said() -> None:
    found = voices(heard(CUSTOMER, 9000), heard(AGENT))
    assert roles(found) == ["customer", "agent"]
    assert {v.channel.source for v in found} == {"inferred"}
    assert found[0].channel.confidence == found[1].channel.confidence > 0.9


def test_a_customer_may_speak_first() -> None:
    assert roles(voices(heard(CUSTOMER), heard(AGENT, 9000))) == ["customer", "agent"]


def test_little_said_is_little_known() -> None:
    sure = voices(heard(AGENT), heard(CUSTOMER, 9000))[0].channel.confidence
    unsure = voices(heard("Hello?"), heard("Hello.", 500))[0].channel.confidence
    assert 0.5 <= unsure < 0.9 < sure < 1


def test_a_silent_channel_leaves_it_to_the_other() -> None:
    assert roles(voices(FakeTranscript(language=None), heard(CUSTOMER))) == ["agent", "customer"]
    assert roles(voices(heard(CUSTOMER), FakeTranscript(language=None))) == ["customer", "agent"]


def test_if_nobody_says_anything_roles_are_unknown() -> None:
    found = voices(FakeTranscript(), FakeTranscript())
    assert roles(found) == ["unknown", "unknown"]
    assert [v.channel.confidence for v in found] == [0.0, 0.0]


def test_the_second_role_follows_from_the_first() -> None:
    found = voices(heard(CUSTOMER), heard(AGENT, 9000), roles={1: "customer"})
    assert roles(found) == ["agent", "customer"]
    assert [v.channel.source for v in found] == ["inferred", "given"]
    beside_ivr = voices(heard("Please hold."), heard(CUSTOMER, 3000), roles={0: "ivr"})
    assert roles(beside_ivr) == ["ivr", "customer"]


def test_in_another_language_only_the_first_word_counts() -> None:
    found = voices(heard("merci de votre appel", 2000, "fr"), heard("allo bonjour", 0, "fr"))
    assert roles(found) == ["customer", "agent"]
    assert found[0].channel.confidence < 0.8


def test_several_agents_are_taken_at_their_word() -> None:
    found = voices(*[heard("hello")] * 3, roles={0: "agent", 1: "agent", 2: "customer"})
    assert roles(found) == ["agent", "agent", "customer"]


@pytest.mark.parametrize(
    ("n_channels", "given", "message"),
    [
        (2, {2: "agent"}, "channel 2, but its channels are 0, 1"),
        (2, {-1: "agent"}, "channel -1"),
        (1, {0: "agent", 1: "customer"}, "channel 1"),
        (2, {0: "boss"}, "cannot be 'boss'"),
        (3, None, "no role for 0, 1, 2.*--channels"),
        (3, {0: "agent", 1: "customer"}, "no role for 2"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(n_channels: int, given: Any, message: str) -> None:
    with pytest.raises(ChannelMapError, match=message):
        voices(*[heard("hello")] * n_channels, roles=given)


# -- one channel ---------------------------------------------------------------------------------


def test_one_channel_with_a_given_role_is_one_voice() -> None:
    (only,) = voices(heard(CUSTOMER), roles={0: "customer"})
    assert (only.channel.role, only.channel.confidence) == ("customer", 1.0)


def test_a_map_for_two_channels_of_the_same_sound_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diarization, "tell_apart", lambda _r, words, *_, **__: (Party(tuple(words), ()),))
    samples = np.random.default_rng(0).normal(0, 0.05, 16_000).astype(np.float32)
    with Recording.from_samples(np.stack([samples, samples]), 16_000, "copy.wav") as copy:
        assert copy.n_channels == 1
        (only,) = identify(copy, (heard(CUSTOMER),), ((),), roles={0: "agent", 1: "customer"})  # type: ignore[arg-type]
    assert (only.channel.role, only.channel.source) == ("customer", "inferred")


def test_two_voices_on_one_channel_are_two_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, customer = heard(AGENT), heard(CUSTOMER, 9000)
    monkeypatch.setattr(
        diarization, "tell_apart", lambda *_, **__: (Party(agent.words, A), Party(customer.words, C))
    )
    both = FakeTranscript(agent.words + customer.words)
    found = voices(both)
    assert roles(found) == ["agent", "customer"]
    assert [v.channel.index for v in found] == [0, 1]
    assert found[0].channel.confidence == found[1].channel.confidence > 0.9
    assert {w for v in found for w in v.words} == set(both.words)
    assert [v.speech for v in found] == [A, C]


def test_the_agent_comes_first_even_if_the_voices_came_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, customer = heard(AGENT), heard(CUSTOMER, 9000)
    monkeypatch.setattr(
        diarization, "tell_apart", lambda *_, **__: (Party(customer.words, C), Party(agent.words, A))
    )
    found = voices(FakeTranscript(agent.words + customer.words))
    assert [(v.channel.index, v.channel.role) for v in found] == [(0, "agent"), (1, "customer")]
    assert found[0].words == agent.words
    assert [v.speech for v in found] == [A, C]


def test_a_silent_recording_has_one_voice_of_unknown_role() -> None:
    (only,) = voices(FakeTranscript(language=None))
    assert (only.channel.role, only.channel.confidence, only.words) == ("unknown", 0.0, ())


# -- real sound ----------------------------------------------------------------------------------


def voice_like(words: Sequence[Word], pitch_hz: float, formants_hz: Sequence[float], n: int) -> np.ndarray:
    """A buzz through resonances during each word: crude, but one vocal tract is not another."""
    from scipy.signal import lfilter

    draw = np.random.default_rng(int(pitch_hz))
    out = np.zeros(n, np.float32)
    for w in words:
        length = (w.end_ms - w.start_ms) * 16
        drift = pitch_hz * (1 + 0.08 * draw.standard_normal()) * np.linspace(1.1, 0.9, length)
        sound: np.ndarray = np.diff(np.floor(np.cumsum(drift) / 16_000), prepend=0.0)
        for centre in formants_hz:
            hz = centre * (1 + 0.1 * draw.standard_normal())
            r = np.exp(-np.pi * 90 / 16_000)
            sound = lfilter([1], [1, -2 * r * np.cos(2 * np.pi * hz / 16_000), r * r], sound)
        sound *= np.hanning(length) / (np.abs(sound).max() + 1e-9)
        out[w.start_ms * 16 : w.start_ms * 16 + length] += (0.3 * sound).astype(np.float32)
    return out


TURNS = [
    (0, "Thank you for calling Acme, this is Dana. How can I help you today?"),
    (1, "Hi, I'm having a problem with my order. It never came."),
    (0, "I'm sorry to hear that. Can I get your order number please?"),
    (1, "It's four four seven one. I ordered it two weeks ago and I need it."),
    (0, "Thank you. Let me check on that for you. It looks like it was lost on the way."),
    (1, "Well, I want my money back then. I'm really frustrated."),
    (0, "I understand. I can refund that for you today. Is there anything else I can help with?"),
    (1, "No, that's it. Thanks for your help."),
]


def mono_call(turns: Sequence[tuple[int, str]]) -> tuple[Recording, FakeTranscript, list[int]]:
    words: list[Word] = []
    speakers: list[int] = []
    at = 300
    for who, text in turns:
        turn = heard(text, at).words
        words += turn
        speakers += [who] * len(turn)
        at = turn[-1].end_ms + 400
    n = (at + 300) * 16
    tracts = [(110.0, (600.0, 1000.0, 2300.0)), (230.0, (850.0, 1900.0, 3100.0))]
    sound = np.random.default_rng(1).normal(0, 0.001, n).astype(np.float32)
    for who, (pitch_hz, formants_hz) in enumerate(tracts):
        mine = [w for w, s in zip(words, speakers, strict=True) if s == who]
        sound += voice_like(mine, pitch_hz, formants_hz, n)
    return Recording.from_samples(sound[None], 16_000, "mono.wav"), FakeTranscript(tuple(words)), speakers


@pytest.mark.model
def test_a_mono_call_is_parted_between_agent_and_customer() -> None:
    sound, transcript, speakers = mono_call(TURNS)
    with sound:
        found = identify(sound, (transcript,), ((),))  # type: ignore[arg-type]
    assert roles(found) == ["agent", "customer"]
    who = {w: i for i, v in enumerate(found) for w in v.words}
    right = [who[w] == s for w, s in zip(transcript.words, speakers, strict=True)]
    assert sum(right) / len(right) > 0.95


@pytest.mark.model
def test_a_voicemail_is_one_voice() -> None:
    message = [
        (1, "Hi, this is Karen Walsh, and I'm calling about my appointment on Tuesday."),
        (1, "I'm not going to be able to make it, something came up at work."),
        (1, "Could somebody call me back so we can find another time?"),
        (1, "My number is five five five, oh one three three. Thanks, bye."),
    ]
    sound, transcript, _ = mono_call(message)
    with sound:
        (only,) = identify(sound, (transcript,), ((),))  # type: ignore[arg-type]
    assert only.channel.role == "customer"
    assert only.words == transcript.words


@pytest.mark.model
@pytest.mark.shared
def test_a_real_call_mixed_to_mono_is_parted_as_its_channels_are() -> None:
    from sentiment.audio import open_recording
    from sentiment.speech.activity import speech_spans
    from sentiment.speech.transcriber import TranscriberOptions, load_transcriber

    path = Path(__file__).resolve().parents[2] / "shared" / "data" / "calls" / "auto_repairs_40.stereo.flac"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    with open_recording(path) as stereo:
        channels = np.stack([stereo.read(0), stereo.read(1)])
    with Recording.from_samples(channels.mean(axis=0)[None], 16_000, "mix.wav") as mix:
        speech = speech_spans(mix, 0)
        transcriber = load_transcriber(TranscriberOptions(model="tiny.en", threads=1))
        transcript = transcriber.transcribe(mix, 0, speech)
        found = identify(mix, (transcript,), (speech,))
    assert roles(found) == ["agent", "customer"]
    right = []
    for who, voice in enumerate(found):
        for w in voice.words:
            agent, customer = (channels[:, w.start_ms * 16 : w.end_ms * 16] ** 2).sum(axis=1)
            right.append((agent < customer) == (who == 1))
    assert sum(right) / len(right) > 0.97
    error = diarization_error(
        who_spoke(channels), {v.channel.role: v.speech for v in found}, mapping=AS_NAMED
    )
    assert error.rate is not None
    assert error.rate < 0.09  # silence and speech; next to none of it is confusion
    assert error.confused_ms < 0.01 * error.total_ms


AS_NAMED = {"agent": "agent", "customer": "customer"}


def who_spoke(channels: np.ndarray) -> dict[str, tuple[Span, ...]]:
    """The speech on each of the original channels."""
    from sentiment.speech.activity import speech_spans

    found = {}
    for role, channel in zip(AS_NAMED, channels, strict=True):
        with Recording.from_samples(channel[None], 16_000, "channel.wav") as alone:
            found[role] = speech_spans(alone, 0)
    return found
