"""Who spoke, in mono: error against the channels of the stereo original.

    python -m tests.benchmarks.bench_diarization [--model tiny.en] [--only TEXT]

Stereo calls are mixed to mono, transcribed and parted again, by the voice alone, by the wording alone
and by both. The truth for time is the speech found on each original channel (200 ms of padding and
all); for a word, the channel with more energy while it is said. Scored:

    right     words given their right role (voice alone: the better of the two ways to name the voices)
    DER       diarization error rate, overlapped speech counted, no collar: every moment at which speech
              is detected on the mix belongs to the nearest word's voice
    DER .25   the same with 0.25 s on either side of the reference's boundaries not scored
    known     DER if it is known when anyone speaks (the reference's own spans): who spoke, and no more

Calls: the real one in ``../shared/data/calls``; the stereo sample calls (synthetic); and, if ``flite``
and ``espeak-ng`` are installed, ``two_party_scripts.txt`` spoken by two different voices, and by one
voice at two pitches a few hertz apart, which no ear could tell apart: there the words must do it.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sentiment.audio import Recording, open_recording
from sentiment.evaluation import diarization_error
from sentiment.speech.activity import speech_spans
from sentiment.speech.diarization import DiarizationOptions, decide, gather
from sentiment.speech.embedding import listen, load_voice_encoder
from sentiment.speech.roles import load_role_model
from sentiment.speech.transcriber import TranscriberOptions, load_transcriber
from sentiment.timeline import Span, union

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentiment.call import Word

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RATE_HZ = 16_000
Samples = NDArray[np.float32]

VOICES: dict[str, tuple[list[str], list[str]]] = {
    "two voices: rms, slt": (["flite", "-voice", "rms"], ["flite", "-voice", "slt"]),
    "two voices: awb, kal": (["flite", "-voice", "awb"], ["flite", "-voice", "kal16"]),
    "one voice: rms": (
        ["flite", "-voice", "rms"],
        ["flite", "-voice", "rms", "--setf", "int_f0_target_mean=105"],
    ),
    "one voice: slt": (
        ["flite", "-voice", "slt"],
        ["flite", "-voice", "slt", "--setf", "int_f0_target_mean=180"],
    ),
    "one voice: espeak": (["espeak-ng", "-v", "en-us", "-p", "45"], ["espeak-ng", "-v", "en-us", "-p", "55"]),
}


class Stereo(NamedTuple):
    """A call with the agent on the first channel: its name, group and samples (2, n) at 16 kHz."""

    name: str
    group: str
    samples: Samples


def calls() -> Iterator[Stereo]:
    """Every call that can be had here."""
    real = ROOT.parent / "shared" / "data" / "calls" / "auto_repairs_40.stereo.flac"
    if real.is_file():
        yield Stereo(real.stem, "real call", read(real))
    for path in sorted((ROOT / "sentiment" / "samples").glob("*.*")):
        if path.suffix in {".ogg", ".mp3", ".wav", ".flac"}:
            samples = read(path)
            if len(samples) == 2:
                yield Stereo(path.stem, "samples (synthetic)", samples)
    if shutil.which("flite") and shutil.which("espeak-ng"):
        for seed, (group, (agent, customer)) in enumerate(VOICES.items()):
            for name, turns in scripts().items():
                yield Stereo(name, group, spoken(turns, agent, customer, seed))


def read(path: Path) -> Samples:
    """The channels of a file at 16 kHz, the agent's first (as in the sidecars and the real call)."""
    with open_recording(path) as recording:
        return np.stack([recording.read(c) for c in range(recording.n_channels)])


def scripts() -> dict[str, list[tuple[str, str]]]:
    """Name to turns, each who (``A``, ``C``) and what."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in (HERE / "two_party_scripts.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            found[line[3:]] = []
        elif line[:3] in ("A: ", "C: "):
            list(found.values())[-1].append((line[0], line[3:]))
    return found


def spoken(turns: list[tuple[str, str]], agent: list[str], customer: list[str], seed: int) -> Samples:
    """The script on two channels, through an 8 kHz line with a little noise."""
    draw = random.Random(seed)
    at, pieces = 0.5, []
    for who, text in turns:
        sound = say(agent if who == "A" else customer, text)
        at += draw.choice([-0.1, 0.1, 0.2, 0.3, 0.5, 0.7])
        pieces.append((int(who == "C"), int(at * RATE_HZ), sound))
        at += len(sound) / RATE_HZ
    both = np.random.default_rng(seed).normal(0, 0.0008, (2, int((at + 0.5) * RATE_HZ))).astype(np.float32)
    for channel, start, sound in pieces:
        both[channel, start : start + len(sound)] += sound
    return np.stack([soxr.resample(soxr.resample(c, RATE_HZ, 8000), 8000, RATE_HZ) for c in both])


def say(command: list[str], text: str) -> Samples:
    """One turn, silence trimmed, at an even level."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.wav"
        how = ["-t", text, "-o", str(path)] if command[0] == "flite" else ["-s", "165", "-w", str(path), text]
        subprocess.run([*command, *how], check=True, capture_output=True)
        sound, rate_hz = soundfile.read(path, dtype="float32")
    sound = soxr.resample(sound, rate_hz, RATE_HZ).astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[max(0, loud[0] - 300) : loud[-1] + 300]
    return np.asarray(sound * 0.1 / np.sqrt((sound**2).mean()), np.float32)


class Figures(NamedTuple):
    """One way to part one call."""

    right: int
    words: int
    wrong_ms: int
    total_ms: int
    wrong_collar_ms: int
    total_collar_ms: int
    wrong_known_ms: int
    one_voice: int


def spread(words: list[Word], agent: NDArray[np.bool_], speech: tuple[Span, ...]) -> dict[str, list[Span]]:
    """Every moment of ``speech`` given to the voice of the nearest word."""
    found: dict[str, list[Span]] = {"agent": [], "customer": []}
    for i, (word, is_agent) in enumerate(zip(words, agent, strict=True)):
        start = 0 if i == 0 else (words[i - 1].end_ms + word.start_ms) // 2
        end = 10**9 if i + 1 == len(words) else (word.end_ms + words[i + 1].start_ms) // 2
        cut = [Span(max(start, s.start_ms), min(end, s.end_ms)) for s in speech]
        found["agent" if is_agent else "customer"] += [s for s in cut if s.end_ms > s.start_ms]
    return {who: list(union(spans)) for who, spans in found.items()}


def score(
    agent: NDArray[np.bool_],
    words: list[Word],
    truth: NDArray[np.bool_],
    who: dict[str, tuple[Span, ...]],
    speech: tuple[Span, ...],
    *,
    named: bool,
    one_voice: bool,
) -> Figures:
    """Against the truth; ``named``: the roles count, not only who is who."""
    right = int((agent == truth).sum())
    if not named:
        right = max(right, len(words) - right)
    found = spread(words, agent, speech)
    mapping = {"agent": "agent", "customer": "customer"} if named else None
    plain = diarization_error(who, found, mapping=mapping)
    collar = diarization_error(who, found, mapping=mapping, collar_ms=250)
    speaking = union(s for spans in who.values() for s in spans)
    known = diarization_error(who, spread(words, agent, speaking), mapping=mapping)
    wrong = [e.missed_ms + e.false_alarm_ms + e.confused_ms for e in (plain, collar, known)]
    return Figures(
        right, len(words), wrong[0], plain.total_ms, wrong[1], collar.total_ms, wrong[2], int(one_voice)
    )


def measure(call: Stereo, transcriber: object) -> tuple[dict[str, Figures], float]:
    """Figures of each way, and the seconds the fused way took."""
    channels = [Recording.from_samples(c[None], RATE_HZ, call.name) for c in call.samples]
    mix = Recording.from_samples(call.samples.mean(axis=0)[None], RATE_HZ, call.name)
    try:
        who = dict(zip(("agent", "customer"), (speech_spans(c, 0) for c in channels), strict=True))
        speech = speech_spans(mix, 0)
        words = list(transcriber.transcribe(mix, 0, speech, language="en").words)  # type: ignore[attr-defined]
        began = time.perf_counter()
        spans = union([*speech, *(Span(w.start_ms, w.end_ms) for w in words)])
        prints = listen(mix, 0, spans, load_voice_encoder())
        options = DiarizationOptions()
        evidence = gather(words, prints, load_role_model(), options)
        split = decide(evidence, options)
        seconds = time.perf_counter() - began
    finally:
        for recording in (*channels, mix):
            recording.close()
    energy = [(call.samples[:, w.start_ms * 16 : w.end_ms * 16] ** 2).sum(axis=1) for w in words]
    truth = np.array([first >= second for first, second in energy])
    ways = {
        "voice": decide(evidence._replace(wording=np.zeros(len(words))), options),
        "wording": decide(evidence._replace(weight=evidence.weight * 1e-6), options),
        "both": split,
    }
    return {
        way: score(
            s.agent, words, truth, who, speech, named=way != "voice", one_voice=not s.two_speakers(options)
        )
        for way, s in ways.items()
    }, seconds


def main() -> None:
    """Print a table: a row per group of calls and way."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--model", default="base")
    arguments.add_argument("--only", default="", help="part of a call's or group's name")
    options = arguments.parse_args()
    transcriber = load_transcriber(TranscriberOptions(model=options.model, threads=1))
    figures: dict[tuple[str, str], list[Figures]] = {}
    seconds = minutes = 0.0
    for call in calls():
        if options.only not in f"{call.group} {call.name}":
            continue
        ways, took = measure(call, transcriber)
        seconds, minutes = seconds + took, minutes + call.samples.shape[1] / RATE_HZ / 60
        for way, found in ways.items():
            figures.setdefault((call.group, way), []).append(found)
        both = ways["both"]
        print(f"{call.group}: {call.name}: {both.right}/{both.words}", flush=True)
    columns = f"{'right':>7} {'DER':>6} {'DER .25':>8} {'known':>6} {'one voice':>10}"
    print(f"\n{'calls':24}{'n':>3} {'by':8} {columns}")
    for (group, way), parted in figures.items():
        f = Figures(*(sum(column) for column in zip(*parted, strict=True)))
        rates = f"{f.right / f.words:7.3f} {f.wrong_ms / f.total_ms:6.3f}"
        rates += f" {f.wrong_collar_ms / f.total_collar_ms:8.3f} {f.wrong_known_ms / f.total_ms:6.3f}"
        print(f"{group:24}{len(parted):3} {way:8} {rates} {f.one_voice:10}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\ntold apart in {seconds / minutes:.2f} s per minute of call; peak {peak_mb} MB with Whisper")


if __name__ == "__main__":
    main()
