"""Texts spoken by synthetic voices, carried by a telephone, and written down again by Whisper.

Our scorer reads what a recogniser heard, not what somebody typed. :func:`round_trip` does to any text
what a call does to it: one of several voices says it (flite and espeak-ng, chosen by the text's hash),
8 kHz and 8-bit mu-law carry it, and our own transcriber with tiny.en writes it down. The one difference
to a call: Whisper hears three seconds of silence after each text, not silence up to thirty. That is nearly
five times as fast, and the word error rate of 75 texts was the same to half a point (see :func:`load_ears`).

What was heard is kept in a JSON file, if one is given, so that a second run costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import wave
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sentiment.speech.transcriber import Transcriber
    from sentiment.weights import WhisperFiles

    Samples = NDArray[np.float32]

__all__ = ["VOICES", "Spoken", "Voice", "carried", "require_programs", "round_trip", "say", "voice_of"]

TELEPHONE_HZ = 8_000
SILENCE_S = 0.25
SAVE_EVERY = 25


@dataclass(frozen=True, slots=True)
class Voice:
    """A synthetic voice: the program that speaks, and what it calls the voice."""

    program: str
    name: str

    @property
    def label(self) -> str:
        """For reports."""
        return f"{self.program} {self.name}"

    def command(self, text: str, out: Path) -> list[str]:
        """What writes ``text`` as a WAV file; espeak-ng reads the text from its input."""
        if self.program == "flite":
            return ["flite", "-voice", self.name, "-t", text, "-o", str(out)]
        return ["espeak-ng", "-v", self.name, "-s", "140", "--stdin", "-w", str(out)]


VOICES = (
    *2 * (Voice("flite", "slt"), Voice("flite", "rms"), Voice("flite", "awb")),
    Voice("espeak-ng", "en-us"),
    Voice("espeak-ng", "en-gb+f3"),
)
"""Each is as likely as it stands here. tiny.en gets half of espeak-ng's words wrong over the telephone, so
those voices, which are the far end of what calls hold, stand but once."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text, the voice that said it, and what was heard (empty if nothing was)."""

    text: str
    voice: str
    heard: str


def require_programs() -> None:
    """Check that the voices can speak here.

    Raises:
        InputError: flite or espeak-ng is not installed.
    """
    missing = sorted({v.program for v in VOICES if shutil.which(v.program) is None})
    if missing:
        raise InputError(
            f"speech round trip: {' and '.join(missing)} not found; run: apt-get install flite espeak-ng"
        )


def voice_of(text: str) -> Voice:
    """The voice that says ``text``: always the same one."""
    return VOICES[hashlib.sha256(text.encode()).digest()[2] % len(VOICES)]


def sayable(text: str) -> str:
    """``text`` without addresses, markup and emoji, of which programs say "asterisk" and people nothing."""
    text = re.sub(r"https?://\S+|www\.\S+", " ", text.replace("’", "'"))
    return " ".join(re.sub(r"[^\w\s.,;:!?'\"$€£%&@+=-]|_", " ", text).split())


def say(text: str, voice: Voice) -> tuple[Samples, int]:
    """``text`` in that voice: float32 ``(n,)`` in [-1, 1] and the rate in Hz.

    Raises:
        InputError: the program fails or makes no sound.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, text = Path(folder) / "said.wav", sayable(text)
        done = subprocess.run(voice.command(text, out), input=text.encode(), capture_output=True, check=False)
        if done.returncode or not out.exists():
            why = " ".join(done.stderr.decode(errors="replace").split())[:120]
            raise InputError(f"{voice.label}: could not say {text[:40]!r} ({why}); leave that text out")
        with wave.open(str(out), "rb") as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return (pcm / 32768).astype(np.float32), file.getframerate()


def carried(sound: Samples, rate_hz: int) -> Samples:
    """``sound`` as a telephone carries it: 8 kHz, 8-bit mu-law (ITU-T G.711), level -23 dBFS.

    Returns:
        float32 ``(n,)`` at 8 kHz, a quarter of a second of silence on either side.
    """
    import soxr  # type: ignore[import-untyped,unused-ignore]

    narrow = np.asarray(soxr.resample(sound, rate_hz, TELEPHONE_HZ), np.float64)
    level = float(np.sqrt(np.mean(narrow**2))) if len(narrow) else 0.0
    narrow = np.clip(narrow * (0.07 / level if level else 1.0), -1, 1)
    companded = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = np.round(companded * 127) / 127
    back = np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255
    quiet = np.zeros(round(SILENCE_S * TELEPHONE_HZ))
    return np.concatenate([quiet, back, quiet]).astype(np.float32)


def load_ears(model: str, threads: int) -> Transcriber:
    """Our transcriber, but for the silence after what it hears.

    With 3 s of it instead of silence up to 30 s, 75 texts took 0.13 s of a core each and
    not 0.6 s, at word error rates of 20.0 % and not 20.3 % (flite), 49.5 % and not 50.2 % (espeak-ng).

    Raises:
        ModelError: the model cannot be had.
    """
    from ctranslate2 import StorageView
    from faster_whisper.audio import pad_or_trim

    from sentiment.call import Model
    from sentiment.speech.faster_whisper_engine import FasterWhisperEngine
    from sentiment.speech.transcriber import TranscriberOptions, WindowTranscriber
    from sentiment.weights import find_whisper

    class Brief(FasterWhisperEngine):
        def encode(self, sounds: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
            (sound,) = sounds
            frames = min(3000, len(sound) // 160 + 300) // 2 * 2
            features = pad_or_trim(self._whisper.feature_extractor(sound)[..., :-1], frames)
            view = StorageView.from_array(np.ascontiguousarray(features[np.newaxis]))
            return np.array(self._whisper.model.encode(view, to_cpu=True))

    files: WhisperFiles = find_whisper(model)
    engine = Brief(files, TranscriberOptions(model=model, threads=threads))
    return WindowTranscriber(
        engine, Model(task="transcribe", name=files.name, revision=files.revision), batch_size=1
    )


def hear(transcriber: Transcriber, sound: Samples) -> str:
    """What the transcriber writes for ``sound``, float32 ``(n,)`` at 8 kHz."""
    from sentiment.audio import Recording
    from sentiment.timeline import Span

    with Recording.from_samples(sound[None], TELEPHONE_HZ) as recording:
        found = transcriber.transcribe(recording, 0, [Span(0, recording.duration_ms)], language="en")
    return " ".join(word.text for word in found.words)


def round_trip(
    texts: Sequence[str], *, cache: Path | None = None, model: str = "tiny.en", threads: int = 1
) -> list[Spoken]:
    """Each text with what was heard of it, in order; 0.15 s of a core for each new one.

    Args:
        texts: what is said.
        cache: a JSON file of what was heard before; read if it is there, and written.
        model: a name as :func:`sentiment.weights.find_whisper` takes it.
        threads: of the transcriber.

    Raises:
        InputError: flite or espeak-ng is not installed, or fails.
        ModelError: the model cannot be had.
    """
    known: dict[str, str] = {}
    if cache is not None and cache.exists():
        known = json.loads(cache.read_text("utf-8"))
    new = [text for text in dict.fromkeys(texts) if _key(model, text) not in known]
    if new:
        require_programs()
        transcriber = load_ears(model, threads)
        for done, text in enumerate(new, 1):
            known[_key(model, text)] = hear(transcriber, carried(*say(text, voice_of(text))))
            if cache is not None and (done % SAVE_EVERY == 0 or done == len(new)):
                _write(cache, known)
    return [Spoken(text, voice_of(text).label, known[_key(model, text)]) for text in texts]


def _key(model: str, text: str) -> str:
    return f"{model} | {voice_of(text).label} | {text}"


def _write(path: Path, known: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(known, indent=0, ensure_ascii=False), "utf-8")
    partial.replace(path)


def word_errors_by_voice(spoken: Sequence[Spoken]) -> dict[str, tuple[float, int]]:
    """For each voice its word error rate and how many texts it said; see :func:`words`."""
    import jiwer

    said = Counter(each.voice for each in spoken)
    found = {}
    for voice in sorted(said):
        pairs = [(words(s.text), words(s.heard)) for s in spoken if s.voice == voice]
        pairs = [(a, b) for a, b in pairs if a]
        truth, heard = [" ".join(a) for a, _ in pairs], [" ".join(b) for _, b in pairs]
        found[voice] = (float(jiwer.wer(truth, heard)), said[voice])
    return found


def words(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes straight, without punctuation."""
    text = text.lower().replace("’", "'")
    kept = "".join(c if c.isalnum() or c in "'$%" else " " for c in text)
    return [word for raw in kept.split() if (word := raw.strip("'"))]
