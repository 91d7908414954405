"""Sounds of the telephone that are not speech: float32 ``(n,)`` at 16 kHz, seeded, in [-1, 1].

``SOUNDS`` maps a name to a function of the length in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Samples = NDArray[np.float32]
RATE_HZ = 16_000
SEED = 2
"""With this one the voice activity model takes two of the sung tones for speech."""


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def white_noise(seconds: float) -> Samples:
    """White noise at about -26 dBFS."""
    return _scaled(_random().standard_normal(round(seconds * RATE_HZ)), 0.05)


def pink_noise(seconds: float) -> Samples:
    """Noise whose power falls with frequency, as of a room or a fan."""
    spectrum = np.fft.rfft(_random().standard_normal(round(seconds * RATE_HZ)))
    return _scaled(np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1))), 0.08)


def babble_noise(seconds: float) -> Samples:
    """Noise with the long-term spectrum of speech that swells and fades like a room full of people."""
    n = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(_random().standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    speechlike = (hz / 500) / (1 + (hz / 500) ** 2.5)
    knots = np.arange(0, seconds + 0.15, 0.15)
    swell = np.interp(_times(seconds), knots, _random().uniform(0.5, 1.5, len(knots)))
    return _scaled(np.fft.irfft(spectrum * speechlike, n) * swell, 0.08)


def ringing(seconds: float) -> Samples:
    """North American ringback: 440 + 480 Hz, 2 s on, 4 s off."""
    return _cadence(seconds, (440, 480), 2, 4)


def european_ringing(seconds: float) -> Samples:
    """European ringback: 425 Hz, 1 s on, 4 s off."""
    return _cadence(seconds, (425,), 1, 4)


def busy_tone(seconds: float) -> Samples:
    """480 + 620 Hz, half a second on, half a second off."""
    return _cadence(seconds, (480, 620), 0.5, 0.5)


def dtmf(seconds: float) -> Samples:
    """Keys pressed at random, 100 ms on, 150 ms off."""
    keys = _random().integers(0, 4, (round(seconds / 0.25) + 1, 2))
    rows, columns = np.array([697, 770, 852, 941]), np.array([1209, 1336, 1477, 1633])
    t = _times(seconds)
    key = keys[(t / 0.25).astype(int)]
    tone = np.sin(2 * np.pi * rows[key[:, 0]] * t) + np.sin(2 * np.pi * columns[key[:, 1]] * t)
    return _scaled(tone * (t % 0.25 < 0.1), 0.2)


def clicks(seconds: float) -> Samples:
    """A click of a few samples about three times a second."""
    samples, random = silence(seconds), _random()
    for at in random.integers(0, len(samples) - 8, round(3 * seconds)):
        samples[at : at + 8] += random.uniform(-0.8, 0.8, 8).astype(np.float32)
    return samples


def hold_music(seconds: float) -> Samples:
    """Chords, an arpeggio and a melody with drums, 100 beats a minute."""
    t, beat = _times(seconds), 0.6
    chords = np.array([(48, 55, 64), (45, 52, 60), (41, 48, 57), (43, 50, 59)])
    chord = chords[(t / (4 * beat)).astype(int) % 4]
    mix = sum(0.3 * _note(chord[:, k], t, t % (4 * beat), 1.5) for k in range(3))
    arpeggio = np.take_along_axis(chord, (t / (beat / 2)).astype(int)[:, None] % 3, 1)[:, 0] + 12
    mix = mix + 0.4 * _note(arpeggio, t, t % (beat / 2), 0.2)
    melody = _random().choice([60, 62, 64, 67, 69, 72], round(seconds / beat) + 1)
    mix = mix + 0.6 * _note(melody[(t / beat).astype(int)], t, t % beat, 0.5)
    drums = _random().standard_normal(len(t)) * np.exp(-(t % beat) / 0.03)
    kick = np.sin(2 * np.pi * 60 * t) * np.exp(-(t % (2 * beat)) / 0.1)
    return _scaled(mix + 0.3 * drums + 0.6 * kick, 0.12)


def sung_tones(seconds: float) -> Samples:
    """A melody with vibrato and the formants of sung vowels: the nearest music comes to a voice."""
    t, length = _times(seconds), 0.8
    notes = _random().choice([57, 60, 62, 64, 67], round(seconds / length) + 1)
    midi = notes[(t / length).astype(int)] + 0.3 * np.sin(2 * np.pi * 5.5 * t)
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((midi - 69) / 12)) / RATE_HZ
    hz = 440 * 2 ** ((midi - 69) / 12)
    vowel = np.array([(700, 1200), (400, 2000), (350, 800)])[(t / length).astype(int) % 3]
    voice = sum(
        np.sin(k * phase) * sum(1 / (1 + ((k * hz - vowel[:, f]) / 120) ** 2) for f in range(2))
        for k in range(1, 16)
    )
    within = t % length
    return _scaled(voice * np.minimum(1, within / 0.05) * np.minimum(1, (length - within) / 0.1), 0.12)


SOUNDS: Mapping[str, Callable[[float], Samples]] = {
    make.__name__: make
    for make in (
        silence,
        white_noise,
        pink_noise,
        babble_noise,
        ringing,
        european_ringing,
        busy_tone,
        dtmf,
        clicks,
        hold_music,
        sung_tones,
    )
}


def _random() -> np.random.Generator:
    return np.random.default_rng(SEED)


def _times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _scaled(samples: NDArray[np.float64], rms: float) -> Samples:
    return np.clip(samples * (rms / np.sqrt(np.mean(samples**2))), -1, 1).astype(np.float32)


def _cadence(seconds: float, tones_hz: tuple[int, ...], on_s: float, off_s: float) -> Samples:
    t = _times(seconds)
    tone = sum(np.sin(2 * np.pi * hz * t) for hz in tones_hz)
    return _scaled(tone * (t % (on_s + off_s) < on_s), 0.1)


def _note(
    midi: NDArray[np.int64], t: NDArray[np.float64], since: NDArray[np.float64], decay_s: float
) -> NDArray[np.float64]:
    """A plucked note with four harmonics; ``since`` is the time since it was struck."""
    hz = 440 * 2 ** ((midi - 69) / 12)
    tone = sum(np.sin(2 * np.pi * k * hz * t) / k**1.5 for k in range(1, 5))
    return np.minimum(1, since / 0.005) * np.exp(-since / decay_s) * tone
