"""Measure the voice's part of intensity on RAVDESS, into ``PROSODY.md``; nothing is fitted on it.

    python models/evaluation/prosody_ravdess.py --data ../shared/data [--out models/evaluation/PROSODY.md]

RAVDESS (Livingstone & Russo 2018) is speech by actors who say two sentences in eight emotions, each but
neutral with normal and with strong intensity. Each actor's recordings are taken as one call: what
is usual for him is the median of them all. AUC is the probability that a strong recording gets a
higher value than a normal one, ties counting half, over all pairs of the same actor and sentence:

    same emotion    both of the same emotion too: only the intensity differs
    any emotion     strong ones of all emotions against normal ones of all: a strong calm one against a
                    normal angry one is a pair, so no measure of arousal can be near 1 here

Both are also measured on a telephone's version of the files: 300 to 3400 Hz, 8 kHz, mu-law (G.711).

Cues and weights were set from the literature beforehand. Strong calm is calmer than normal calm, so a
measure of arousal is right to be below 0.5 there. Actors draw strong sentences out, so rate is below 0.5
too. The files are not normalised in level; a line with automatic gain control would take loudness away.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from sentiment.affect.prosody import CUES, Measures, arousal, compare, measure
from sentiment.audio import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
COMBINED = "arousal (all cues)"


@dataclass(frozen=True, slots=True)
class Acted:
    """One recording: who says which sentence how, and its ``cues`` beside the actor's usual."""

    actor: str
    sentence: str
    emotion: str
    strong: bool
    cues: dict[str, float]

    def value(self, cue: str) -> float:
        """The cue in standard deviations, or the arousal from all of them."""
        return arousal(self.cues) if cue == COMBINED else self.cues.get(cue, float("nan"))


def telephone(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speech at 16 kHz as a telephone passes it on, at 16 kHz again: 300 to 3400 Hz, mu-law at 8 kHz."""
    n = len(samples)
    hz = np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ)
    spectrum = np.where((hz >= 300) & (hz <= 3400), np.fft.rfft(samples), 0)
    narrow = soxr.resample(np.fft.irfft(spectrum, n), SAMPLE_RATE_HZ, 8000)
    curve = np.sign(narrow) * np.log1p(255 * np.minimum(np.abs(narrow), 1)) / np.log(256)
    coded = np.rint(curve * 127) / 127
    heard = np.sign(coded) * (256 ** np.abs(coded) - 1) / 255
    return np.asarray(soxr.resample(heard, 8000, SAMPLE_RATE_HZ), dtype=np.float32)


def acted(
    folder: Path,
    through: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
    actors: Sequence[str] | None = None,
) -> list[Acted]:
    """Every recording that could be measured.

    Args:
        folder: holds a folder ``Actor_NN`` of ``.flac`` files for each actor.
        through: what the sound goes through first.
        actors: the folders to read; all if ``None``.
    """
    found = []
    for home in sorted(folder.glob("Actor_*")):
        if actors is not None and home.name not in actors:
            continue
        paths = sorted(home.glob("*.flac"))
        measured: list[tuple[Path, Measures]] = []
        for path in paths:
            samples, rate_hz = soundfile.read(path, dtype="float32")
            if rate_hz != SAMPLE_RATE_HZ:
                raise ValueError(f"{path}: {rate_hz} Hz; make it {SAMPLE_RATE_HZ}")
            m = measure([samples if through is None else through(samples)])
            if isinstance(m, dict):
                measured.append((path, m))
        cues = compare([m for _, m in measured])
        if isinstance(cues, str):
            raise SystemExit(f"{home}: {cues}")
        for (path, _), z in zip(measured, cues, strict=True):
            field = path.stem.split("-")
            emotion = EMOTIONS[int(field[2]) - 1]
            found.append(Acted(home.name, field[4], emotion, field[3] == "02", z))
    return found


def auc(items: Sequence[Acted], cue: str, *, same_emotion: bool) -> tuple[float, int]:
    """AUC of strong against normal over pairs of the same actor and sentence, and the number of pairs.

    Neutral recordings, of which there are no strong ones, are left out.
    """
    wins = [
        float(np.sign(strong.value(cue) - normal.value(cue)) + 1) / 2
        for strong, normal in _pairs(items, same_emotion=same_emotion)
        if np.isfinite(strong.value(cue)) and np.isfinite(normal.value(cue))
    ]
    return float(np.mean(wins)), len(wins)


def _pairs(items: Sequence[Acted], *, same_emotion: bool) -> Iterator[tuple[Acted, Acted]]:
    for a, b in product(items, items):
        comparable = (a.actor, a.sentence, a.strong, b.strong) == (b.actor, b.sentence, True, False)
        if comparable and b.emotion != "neutral" and (a.emotion == b.emotion or not same_emotion):
            yield a, b


def tables(wide: Sequence[Acted], narrow: Sequence[Acted]) -> str:
    """The figures as Markdown."""
    rows = [
        "| cue | same emotion | any emotion | telephone, same emotion | telephone, any emotion |",
        "|---|---|---|---|---|",
    ]
    for cue in (*CUES, COMBINED):
        cells = [
            f"{auc(items, cue, same_emotion=same)[0]:.3f}"
            for items in (wide, narrow)
            for same in (True, False)
        ]
        rows.append(f"| {cue.replace('_', ' ')} | {' | '.join(cells)} |")
    pairs = [str(auc(i, COMBINED, same_emotion=s)[1]) for i in (wide, narrow) for s in (True, False)]
    rows += [f"| pairs | {' | '.join(pairs)} |", "", "| emotion | arousal | telephone |", "|---|---|---|"]
    for emotion in EMOTIONS[1:]:
        cells = [
            f"{auc([a for a in items if a.emotion == emotion], COMBINED, same_emotion=True)[0]:.3f}"
            for items in (wide, narrow)
        ]
        rows.append(f"| {emotion} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="Folder that holds prosody_ravdess.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "PROSODY.md")
    args = parser.parse_args()
    folder = args.data / "prosody_ravdess"
    wide = acted(folder)
    began = time.process_time()
    narrow = acted(folder, telephone)
    figures = tables(wide, narrow)
    n_files = len(list(folder.glob("Actor_*/*.flac")))
    seconds = sum(soundfile.info(path).duration for path in folder.glob("Actor_*/*.flac"))
    share = 100 * (time.process_time() - began) / seconds
    machine = f"{platform.machine()} with {os.cpu_count()} cores, Python {platform.python_version()}"
    text = f"""# Figures of the voice's part of intensity

{datetime.now(UTC):%Y-%m-%d}, {machine}:

    python models/evaluation/prosody_ravdess.py --data ../shared/data

RAVDESS, {len({a.actor for a in wide})} actors, {len(wide)} of {n_files} recordings measured,
{len(narrow)} through the telephone; in the others less than 0.2 s of voice was found.
AUC of strong against normal intensity, same actor and sentence; chance is 0.5.
Reading, the telephone and the measures took {share:.1f} % of the recordings' length in processor time.

{figures}

{NOTES}"""
    args.out.write_text(text, "utf-8")
    print(text)


NOTES = (__doc__ or "").split("\n\n", 2)[2]


if __name__ == "__main__":
    main()
