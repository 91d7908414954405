"""Who spoke, in mono: error against the channels of the stereo original.

    python -m tests.benchmarks.bench_diarization [--model tiny.en] [--only TEXT] [--transcripts FOLDER]

Stereo calls are mixed to mono, transcribed and parted again, by the voice alone, by the wording alone
and by both, as :func:`sentiment.speech.diarization.tell_apart` does. A word's true speaker is the channel
with more energy while it is said. Two references say who speaks when: the speech that silero finds on
each original channel with the settings calls are analysed with (200 ms of padding), and the channels'
own energy, which needs no detector where a silent channel is silent. Scored:

    right     words given their right role (voice alone: the better of the two ways to name the voices)
    DER       diarization error rate of each voice's spans of speech: no collar, overlapped speech counted
    .25       the same with 0.25 s on either side of the reference's boundaries not scored
    single    no collar, overlapped speech of the reference not scored
    known     DER if it is known when anyone speaks (the reference's own spans): who spoke, and no more
    spoken    DER of the utterances' own times, first word to last, as they stand in a call

Calls: the real one in ``../shared/data/calls``, and the same with its voices' embeddings moved
together; the stereo sample calls (synthetic); and, if ``flite`` and ``espeak-ng`` are installed,
``two_party_scripts.txt`` spoken by two voices, by two men's voices that are alike, and by one voice at
two pitches a few hertz apart, which no ear could tell apart: there the words must do it.
``--transcripts`` keeps what was recognised in a folder for the next run. Results replace ``DIARIZATION.md``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import random
import resource
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sentiment.audio import Recording, open_recording
from sentiment.call import Channel, Role, Word
from sentiment.evaluation import DiarizationError, diarization_error
from sentiment.speech.activity import speech_spans
from sentiment.speech.diarization import DiarizationOptions, Split, decide, gather, speaking, tell_apart
from sentiment.speech.embedding import Voiceprints, listen, load_voice_encoder
from sentiment.speech.roles import load_role_model
from sentiment.speech.speakers import Voice
from sentiment.speech.spoken import STEP_MS, spoken
from sentiment.speech.transcriber import TranscriberOptions, load_transcriber
from sentiment.speech.turn_taking import load_turn_model
from sentiment.speech.turns import utterances
from sentiment.timeline import Span, gaps, intersection, union

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sentiment.speech.transcriber import Transcriber

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
    "like voices: rms, awb": (["flite", "-voice", "rms"], ["flite", "-voice", "awb"]),
    "like voices: espeak m1, m3": (
        ["espeak-ng", "-v", "en-us+m1"],
        ["espeak-ng", "-v", "en-us+m3"],
    ),
}


class Stereo(NamedTuple):
    """A call with the agent on the first channel: its name, group and samples (2, n) at 16 kHz."""

    name: str
    group: str
    samples: Samples


PARTIES: tuple[Role, Role] = ("agent", "customer")
Who = dict[str, tuple[Span, ...]]
AS_NAMED: dict[str, str] = {party: party for party in PARTIES}


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
                yield Stereo(name, group, synthesised(turns, agent, customer, seed))


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


def synthesised(turns: list[tuple[str, str]], agent: list[str], customer: list[str], seed: int) -> Samples:
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


class Heard(NamedTuple):
    """A mixed call: what was recognised, how it sounds, and the truth."""

    mix: Recording
    words: list[Word]
    speech: tuple[Span, ...]
    prints: Voiceprints
    truth: NDArray[np.bool_]
    reference: Who


class Figures(NamedTuple):
    """One way to part one call; ``errors`` by the name of their column."""

    right: int
    words: int
    one_voice: int
    errors: Mapping[str, DiarizationError]


def hear(call: Stereo, transcriber: Transcriber, transcripts: Path | None) -> Heard:
    """Mix the call and listen to it."""
    mix = Recording.from_samples(call.samples.mean(axis=0)[None], RATE_HZ, call.name)
    speech = speech_spans(mix, 0)
    kept = transcripts and transcripts / f"{call.group}-{call.name}.json".replace(" ", "_")
    if kept and kept.is_file():
        words = [Word(**w) for w in json.loads(kept.read_text("utf-8"))]
    else:
        words = list(transcriber.transcribe(mix, 0, speech, language="en").words)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps([dataclasses.asdict(w) for w in words]), "utf-8")
    spans = union([*speech, *(Span(w.start_ms, w.end_ms) for w in words)])
    energy = [(call.samples[:, w.start_ms * 16 : w.end_ms * 16] ** 2).sum(axis=1) for w in words]
    return Heard(
        mix=mix,
        words=words,
        speech=speech,
        prints=listen(mix, 0, spans, load_voice_encoder()),
        truth=np.array([first >= second for first, second in energy]),
        reference=by_detector(call),
    )


def by_detector(call: Stereo) -> Who:
    """Who speaks when, as silero finds it on each channel."""
    found: Who = {}
    for party, channel in zip(PARTIES, call.samples, strict=True):
        with Recording.from_samples(channel[None], RATE_HZ, call.name) as recording:
            found[party] = speech_spans(recording, 0)
    return found


def by_energy(call: Stereo, above_db: float = -45, join_ms: int = 400, pad_ms: int = 200) -> Who:
    """Who speaks when, as the channels' energy per 10 ms has it; joined and padded as speech spans are."""
    found: Who = {}
    for party, channel in zip(PARTIES, call.samples, strict=True):
        frames = channel[: len(channel) // 160 * 160].reshape(-1, 160)
        loud = 10 * np.log10((frames**2).mean(axis=1) + 1e-12) > above_db
        at = (np.flatnonzero(loud) * 10).tolist()
        spans = union((Span(ms, ms + 10) for ms in at), join_ms=join_ms)
        kept = (s for s in spans if s.duration_ms >= 60)
        found[party] = union(Span(max(0, s.start_ms - pad_ms), s.end_ms + pad_ms) for s in kept)
    return found


def alike(prints: Voiceprints, heard: Heard, keep: float) -> Voiceprints:
    """Embeddings of which the two voices' means are moved together: ``keep`` of their distance is left."""
    nearest = np.searchsorted([w.end_ms for w in heard.words], prints.at_ms).clip(0, len(heard.words) - 1)
    agent = heard.truth[nearest]
    vectors = prints.vectors.astype(np.float64)
    apart = vectors[agent].mean(axis=0) - vectors[~agent].mean(axis=0)
    vectors -= np.where(agent, 0.5, -0.5)[:, None] * (1 - keep) * apart
    return Voiceprints(prints.at_ms, vectors.astype(np.float16))


def spans_of(heard: Heard, split: Split) -> tuple[Who, Who, Who]:
    """When each party speaks; what of the time that is known to be speech is theirs; their utterances."""
    agent = split.agent
    steps = speaking(
        heard.mix.duration_ms, heard.words, heard.speech, heard.prints, split, DiarizationOptions()
    )
    when: Who = dict(zip(PARTIES, spoken(heard.mix, heard.words, agent, steps), strict=True))
    anyone = union(s for spans in heard.reference.values() for s in spans)
    at = np.arange(len(steps)) * STEP_MS
    known: Who = {}
    voices: list[Voice] = []
    for i, (party, mine) in enumerate(zip(PARTIES, (steps, ~steps), strict=True)):
        known[party] = intersection((Span(t, t + STEP_MS) for t in at[mine].tolist()), anyone)
        channel = Channel(index=i, role=party, source="inferred", confidence=1.0)
        said = tuple(w for w, a in zip(heard.words, agent, strict=True) if a == (i == 0))
        voices.append(Voice(channel=channel, words=said))
    turns = utterances(voices)
    times: Who = {
        p: tuple(Span(u.start_ms or 0, u.end_ms or 0) for u in turns if u.role == p) for p in PARTIES
    }
    return when, known, times


def score(heard: Heard, split: Split, *, named: bool) -> Figures:
    """Against the truth; ``named``: the roles count, not only who is who."""
    right = int((split.agent == heard.truth).sum())
    right = right if named else max(right, len(heard.words) - right)
    when, known, times = spans_of(heard, split)
    mapping = AS_NAMED if named else None
    both = intersection(*heard.reference.values())
    single = gaps(both, Span(0, heard.mix.duration_ms))
    errors = {
        "DER": diarization_error(heard.reference, when, mapping=mapping),
        ".25": diarization_error(heard.reference, when, mapping=mapping, collar_ms=250),
        "single": diarization_error(
            *({p: intersection(s, single) for p, s in who.items()} for who in (heard.reference, when)),
            mapping=mapping,
        ),
        "known": diarization_error(heard.reference, known, mapping=mapping),
        "spoken": diarization_error(heard.reference, times, mapping=mapping),
    }
    return Figures(right, len(heard.words), int(not split.two_speakers(DiarizationOptions())), errors)


def part(heard: Heard) -> dict[str, Split]:
    """The call parted in each way."""
    options = DiarizationOptions()
    evidence = gather(heard.words, heard.prints, load_role_model(), load_turn_model(), options)
    mute = gather(heard.words, heard.prints, None, None, options)
    return {
        "voice": decide(mute, options),
        "wording": decide(evidence._replace(weight=evidence.weight * 1e-6), options),
        "both": decide(evidence, options),
    }


def references(call: Stereo, heard: Heard, split: Split) -> list[str]:
    """A table of the real call: missed, false alarm and confused, for each reference and output."""
    lines = [
        "| reference | scored | collar | DER | missed | false alarm | confused |",
        "|---|---|---|---|---|---|---|",
    ]
    when, _, times = spans_of(heard, split)
    for name, reference in (("silero", heard.reference), ("energy", by_energy(call))):
        for what, found in (("spans of speech", when), ("utterances", times)):
            for collar_ms in (0, 250):
                e = diarization_error(reference, found, mapping=AS_NAMED, collar_ms=collar_ms)
                kinds = (e.missed_ms, e.false_alarm_ms, e.confused_ms)
                rates = " | ".join(f"{ms / e.total_ms:.3f}" for ms in (sum(kinds), *kinds))
                lines.append(f"| {name} | {what} | {collar_ms} ms | {rates} |")
    return lines


def table(figures: Mapping[tuple[str, str], Sequence[Figures]]) -> list[str]:
    """A row per group of calls and way; rates of the summed counts."""
    columns = ("DER", ".25", "single", "known", "spoken")
    lines = [
        f"| calls | n | by | words right | {' | '.join(columns)} | taken for one voice |",
        "|---|---|---|---|" + "---|" * (len(columns) + 1),
    ]
    for (group, way), found in figures.items():
        right = sum(f.right for f in found) / sum(f.words for f in found)
        rates = []
        for column in columns:
            errors = [f.errors[column] for f in found]
            wrong_ms = sum(e.missed_ms + e.false_alarm_ms + e.confused_ms for e in errors)
            rates.append(f"{wrong_ms / sum(e.total_ms for e in errors):.3f}")
        one = sum(f.one_voice for f in found)
        lines.append(f"| {group} | {len(found)} | {way} | {right:.3f} | {' | '.join(rates)} | {one} |")
    return lines


def machine() -> str:
    """The interpreter and the processor, in words."""
    try:
        about = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        about = []
    names = [line.partition(":")[2].strip() for line in about if line.startswith("model name")]
    return f"Python {platform.python_version()}, {names[0] if names else platform.machine()}"


def main() -> None:
    """Write the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--model", default="base")
    arguments.add_argument("--only", default="", help="part of a call's or group's name")
    arguments.add_argument("--transcripts", type=Path, help="folder that keeps what was recognised")
    arguments.add_argument("--out", type=Path, default=HERE / "DIARIZATION.md")
    options = arguments.parse_args()
    transcriber = load_transcriber(TranscriberOptions(model=options.model, threads=1))
    figures: dict[tuple[str, str], list[Figures]] = {}
    real: list[str] = []
    speed = 0.0
    for call in calls():
        if options.only not in f"{call.group} {call.name}":
            continue
        heard = hear(call, transcriber, options.transcripts)
        with heard.mix:
            ways = part(heard)
            for way, split in ways.items():
                figures.setdefault((call.group, way), []).append(score(heard, split, named=way != "voice"))
            if call.group == "real call":
                real = references(call, heard, ways["both"])
                began = time.process_time()
                tell_apart(heard.mix, heard.words, heard.speech, load_role_model(), load_turn_model())
                speed = (time.process_time() - began) / (heard.mix.duration_ms / 60_000)
                for keep in (0.3, 0.2, 0.1, 0.0):
                    near = heard._replace(prints=alike(heard.prints, heard, keep))
                    found = score(near, part(near)["both"], named=True)
                    figures[f"real call, {keep:.0%} of the distance between its voices", "both"] = [found]
        both = figures[call.group, "both"][-1]
        print(f"{call.group}: {call.name}: {both.right}/{both.words}", flush=True)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    only = f' --only "{options.only}"' if options.only else ""
    lines = [
        "# Who spoke, in mono",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, "
        f"`python -m tests.benchmarks.bench_diarization --model {options.model}{only}`, {machine()}. "
        "What the columns mean, and what the calls are, stands at the head of that file. All calls but the "
        "real one are synthetic; the reference of this table is silero on each original channel.",
        "",
        *table(figures),
        "",
        "## The real call, all standard ways to score it",
        "",
        *real,
        "",
        "Against `silero`, what counts as false alarm is mostly speech that it overlooks on the channel: "
        "against `energy` there is next to none. That one counts breaths and laughs, too.",
        "",
        f"`tell_apart` took {speed:.2f} s of processor time per minute of this call; "
        f"peak memory {peak_mb} MB with Whisper.",
        "",
    ]
    options.out.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
