"""Measure the utterance scorer beside VADER and TF-IDF with linear models, into ``RESULTS.md``.

    python models/evaluate.py --data ../shared/data [--model models/affect] [--out models/RESULTS.md]

``--split test`` measures the test parts of the sets instead, where the folder has them; ``--train`` is
then the folder that TF-IDF is fitted on. ``--cache`` keeps what was heard in the round trip through speech,
so that a second run is quick. ``--without`` leaves parts out: speech (needs flite and espeak-ng), voice,
behaviour, speed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import public_sets
from evaluation.rivals import Linear, Ours, Vader, fit_linear
from evaluation.rows import (
    EMOTION_THRESHOLD,
    SYSTEM_NAMES,
    after_speech,
    by_class,
    calibration,
    emotions,
    head,
    line,
    measured,
    otherwise,
    strength,
    tasks,
)
from evaluation.sets import missing
from evaluation.speech_round_trip import require_programs

from sentiment.affect.text import load_text_scorer
from sentiment.errors import InputError, SentimentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.rivals import System
    from evaluation.rows import Task

    from sentiment.affect.text import TextScorer
HERE = Path(__file__).resolve().parent
PARTS = ("speech", "voice", "behaviour", "speed")

HOW = """\
The same texts go through all three in one run. VADER is the rule-based `vaderSentiment` with its
authors' thresholds; TF-IDF is of words and word pairs, with logistic regression (classes, emotions) or
ridge regression (valence, arousal), trained on the public sets our model is trained on. Only ours reads
who speaks and the turns before. Nothing measured here was trained on: GoEmotions {split}, EmoBank {split},
the held-out fifth of the vader sets; and MAIA and MELD, which are never trained on at all. Intervals are
95 %, by a seeded bootstrap over items."""

HOW_EMOTIONS = """\
An emotion is found where its probability reaches a threshold: {fixed} for all, or one for each emotion,
fitted for best F1 on one half of the items and measured on the other, both ways round."""

HOW_SPEECH = """\
A seeded sample of each set is spoken by five synthetic voices (flite, espeak-ng), carried by 8 kHz mu-law and
written down by our own transcriber with Whisper tiny.en; the scorer then reads what was heard. Both sides are
without the turns before. Of some texts nothing is heard; they are counted, and left out on both sides. In
brackets: by how much the others are lower."""


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", type=Path, help="what TF-IDF is fitted on, if not --data")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--model", type=Path, default=HERE / "affect")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--spoken", type=int, default=150, help="texts of each set that are spoken")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was heard")
    parser.add_argument("--without", nargs="+", choices=PARTS, default=[])
    return parser.parse_args()


def scores_section(systems: Sequence[System], found: Sequence[Task], args: argparse.Namespace) -> list[str]:
    """The main table, then what lies behind it."""
    names = public_sets.emotion_names(args.data)
    main_rows = [measured(systems, task) for task in found]
    emotion_rows, emotion_table = emotions(systems, names, args.data, args.split)
    ece, bins = calibration(systems, found[0])
    more = [r for task in found for r in otherwise(systems, task, args.data)]
    columns = ("measured on", "n", "to reach", "ours", "95 %", *SYSTEM_NAMES[1:])
    return [
        *head(*columns),
        *(r.cells() for r in (*main_rows, *emotion_rows, ece)),
        "",
        HOW.format(split=args.split),
        "",
        "## Looked at otherwise",
        "",
        *head(*columns),
        *(r.cells() for r in more),
        "",
        "MAIA's annotators marked many plain questions as confusion, hence the second convention.",
        "",
        "## By class",
        "",
        *(
            text
            for task in found
            if any(e.context for e in task.examples)
            for text in (*by_class(systems, task), "")
        ),
        "## Emotions",
        "",
        HOW_EMOTIONS.format(fixed=EMOTION_THRESHOLD),
        "",
        *emotion_table,
        "",
        "## Calibration",
        "",
        *bins,
        "",
    ]


def speech_section(systems: Sequence[System], found: Sequence[Task], args: argparse.Namespace) -> list[str]:
    """The same sets as they were heard."""
    columns = ("sample of", "n", "word error rate", "ours, typed", "ours, heard", "lower by", "95 %")
    with tempfile.TemporaryDirectory() as temporary:
        cache = args.cache or Path(temporary)
        spoken = [task for task in found if task.of is not strength]
        lines = [after_speech(systems, task, args.spoken, cache, args.threads) for task in spoken]
    return [
        "## After a round trip through speech",
        "",
        "To reach: lower by at most 0.03.",
        "",
        *head(*columns, *(f"{s}, heard" for s in SYSTEM_NAMES[1:])),
        *lines,
        "",
        HOW_SPEECH,
        "",
    ]


def voice_section(data: Path) -> list[str]:
    """Strong against normal acted speech, by the voice alone."""
    from evaluation.prosody_ravdess import COMBINED, acted, auc, telephone

    lines = head("RAVDESS: AUC of strong against normal intensity, by the voice", "pairs", "to reach", "ours")
    for name, through in (("as recorded", None), ("through a telephone", telephone)):
        items = acted(data / "prosody_ravdess", through)
        for same, what in ((True, "same emotion"), (False, "any emotion")):
            value, n = auc(items, COMBINED, same_emotion=same)
            lines.append(line(f"{name}, {what}", n, "0.80" if same else "", f"**{value:.3f}**"))
    return [
        "## The voice",
        "",
        *lines,
        "",
        "Nothing is fitted on RAVDESS; more in evaluation/PROSODY.md.",
        "",
    ]


def behaviour_section(scorer: TextScorer) -> list[str]:
    """Pass rates of our own behavioural test."""
    from evaluation import behaviour

    cases = behaviour.read_cases()
    ours = behaviour.check(cases, behaviour.readings(scorer, cases))
    vader = behaviour.check(cases, behaviour.vader_readings(cases))
    note = (
        "Our own test of what an analyst expects (evaluation/BEHAVIOUR.md), "
        "22 short phrases of it trained on."
    )
    return ["## Behaviour", "", *behaviour.table(ours, vader), "", note, ""]


def speed_section(model: Path, threads: int, linear: Linear) -> list[str]:
    """Time and memory, each system in a process of its own."""
    from evaluation.speed import measure_apart

    lines = head(
        "one call of 100 utterances", "seconds (to reach: 1.5)", "to load, s", "peak memory, MB (1000)"
    )
    for name, system in zip(SYSTEM_NAMES, ("ours", "vader", "linear"), strict=True):
        speed = measure_apart(
            system, model=model, threads=threads, linear=linear if system == "linear" else None
        )
        lines.append(line(name, f"{speed.seconds:.3f}", f"{speed.load_seconds:.2f}", f"{speed.peak_mb:.0f}"))
    note = f"Wall time with {threads} thread(s), the median of five; ours with the turns before."
    return ["## Time and memory", "", *lines, "", f"{note} Memory is the whole process's.", ""]


def check(args: argparse.Namespace) -> None:
    """Find out before the measuring, not an hour into it, what is not there.

    Raises:
        InputError: data or programs are missing.
    """
    lost = missing(args.data, args.split)
    if "voice" not in args.without and not any((args.data / "prosody_ravdess").glob("Actor_*")):
        lost.append("prosody_ravdess/Actor_* (or add --without voice)")
    if lost:
        raise InputError(
            f"{args.data}: {', '.join(lost)} not there; give a folder of the form of shared/data"
        )
    train = args.train or args.data
    if not (train / "goemotions" / "train.tsv").is_file():
        raise InputError(f"{train}: no goemotions/train.tsv to fit TF-IDF on; name its folder with --train")
    if "speech" not in args.without and args.cache is None:
        require_programs()


def report(args: argparse.Namespace) -> str:
    """Measure everything.

    Raises:
        SentimentError: files are missing or malformed, or the model cannot be loaded.
    """
    check(args)
    began = time.monotonic()
    scorer = load_text_scorer(args.model, threads=args.threads)
    linear = fit_linear(args.train or args.data, public_sets.emotion_names(args.data))
    systems = (Ours(scorer, public_sets.emotion_names(args.data)), Vader(), linear)
    found = tasks(args.data, args.split)
    lines = scores_section(systems, found, args)
    if "speech" not in args.without:
        lines += speech_section(systems, found, args)
    if "voice" not in args.without:
        lines += voice_section(args.data)
    if "behaviour" not in args.without:
        lines += behaviour_section(scorer)
    if "speed" not in args.without:
        lines += speed_section(args.model, args.threads, linear)
    command = "python models/evaluate.py --data ../shared/data"
    command += "".join(f" --without {' '.join(args.without)}" for _ in args.without[:1])
    command += f" --split {args.split}" if args.split != "dev" else ""
    facts = [
        f"{scorer.model.name}, weights {scorer.model.revision}, {datetime.now(UTC):%Y-%m-%d}, ",
        f"{platform.machine()} with {os.cpu_count()} cores, Python {platform.python_version()}, ",
        f"{args.threads} thread(s), {(time.monotonic() - began) / 60:.0f} minutes:",
    ]
    return "\n".join(
        ["# Figures of the utterance scorer", "", "".join(facts), "", f"    {command}", "", *lines]
    )


def main() -> None:
    """Measure everything, write the report."""
    args = parse()
    try:
        text = report(args)
    except SentimentError as error:
        sys.exit(str(error))
    args.out.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
