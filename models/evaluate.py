"""Measure the utterance scorer beside VADER and TF-IDF with linear models, into ``RESULTS.md``.

    python models/evaluate.py --data ../shared/data [--model models/affect] [--out models/RESULTS.md]

The same texts go through all three in one run. VADER is the rule-based ``vaderSentiment``; TF-IDF is
of words and word pairs, with logistic regression (classes, emotions) or ridge regression (valence,
arousal), trained on the same public sets as our model (all of them). Neither reads roles or the turns before.
Nothing measured here was trained on: GoEmotions dev, EmoBank dev, the held-out fifth of the vader sets and
of the templates; and MAIA and MELD, which are never trained on at all.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

sys.path.insert(0, str(Path(__file__).resolve().parent))
import train_affect as recipe

from sentiment.affect.text import TextScorer, load_text_scorer, scorable
from sentiment.call import Score, Utterance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment.call import Role

EMOTION_THRESHOLD = 0.3
"""An emotion counts as found from this probability on; the same for every emotion and system."""

MAIA_CLASSES = (2, 2, 1, 0, 0, 0, 0, 0)
"""Empathy, happiness; neutral; disappointment, confusion, frustration, anger, anxiety."""

Row = tuple[str, str, str, str, str]
"""What was measured; n; ours; VADER; TF-IDF."""


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """The two others: ``classes`` gives labels 0, 1, 2; the linear models are sklearn's."""

    lexicon: Any
    words: Any
    classifier: Any
    emotions: Any
    valence: Any
    arousal: Any

    def vader(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """VADER's compound score in [-1, 1]."""
        return np.array([self.lexicon.polarity_scores(t)["compound"] for t in texts])

    def vader_classes(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """Its authors' thresholds: neutral strictly between -0.05 and 0.05."""
        value = self.vader(texts)
        return np.where(value >= 0.05, 2, np.where(value <= -0.05, 0, 1))

    def tfidf(self, model: Any, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """What a linear model predicts."""
        return np.asarray(model.predict(self.words.transform(texts)))


def class_of(example: recipe.Example) -> int:
    """The class of a GoEmotions item with one label."""
    return int(np.argmax(example.sentiment or (0, 1, 0)))


def fit_baselines(data: Path, names: Sequence[str]) -> Baselines:
    """Fit TF-IDF and the linear models on the training sets."""
    train = recipe.goemotions(data, "train")
    rated = [e for g in recipe.vader(data, held=False).values() for e in g]
    sentences = recipe.emobank(data, "train")
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    x = words.fit_transform([e.text for e in train])
    single = [i for i, e in enumerate(train) if len(e.emotions or ()) == 1]
    marks = np.array([[name in (e.emotions or ()) for name in names] for e in train]).astype(int)
    affective = [*rated, *sentences]
    return Baselines(
        lexicon=SentimentIntensityAnalyzer(),
        words=words,
        classifier=LogisticRegression(C=3, max_iter=300, class_weight="balanced").fit(
            x[single], [class_of(train[i]) for i in single]
        ),
        emotions=OneVsRestClassifier(LogisticRegression(C=10, solver="liblinear")).fit(x, marks),
        valence=Ridge(alpha=2).fit(
            words.transform([e.text for e in affective]), [e.valence for e in affective]
        ),
        arousal=Ridge(alpha=2).fit(
            words.transform([e.text for e in sentences]), [e.arousal for e in sentences]
        ),
    )


def utterance(index: int, role: Role, text: str) -> Utterance:
    """A turn of a text conversation."""
    return Utterance(index=index, channel=0, role=role, start_ms=None, end_ms=None, text=text)


def alone(scorer: TextScorer, texts: Sequence[str]) -> list[Score]:
    """Scores of unrelated texts, said by a customer."""
    return [s for (s,) in scorer.score_calls([[utterance(0, "customer", t)] for t in texts])]


def classes(scores: Sequence[Score]) -> list[int]:
    """The most probable class of each."""
    return [("negative", "neutral", "positive").index(s.label) for s in scores]


def calibration_error(probabilities: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    """Expected calibration error of the top class over 15 equal bins (Guo et al., 2017)."""
    top, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((top * 15).astype(int), 14)
    gaps = [abs(top[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    return float(sum(gaps))


def correlation(a: Any, b: Any) -> str:
    """Pearson's r."""
    return f"{np.corrcoef(a, b)[0, 1]:.3f}"


def f1(truth: Any, predicted: Any, average: str = "macro") -> str:
    """F1, macro or weighted by class."""
    return f"{f1_score(truth, predicted, average=average, zero_division=0):.3f}"


def on_goemotions(data: Path, scorer: TextScorer, base: Baselines, names: Sequence[str]) -> list[Row]:
    """GoEmotions dev: three classes on items with one label, 28 emotions on all, calibration."""
    dev = recipe.goemotions(data, "dev")
    scores = alone(scorer, [e.text for e in dev])
    single = [i for i, e in enumerate(dev) if len(e.emotions or ()) == 1]
    certain = [i for i in single if not (dev[i].emotions or set()) & recipe.AMBIGUOUS]
    rows: list[Row] = []
    for title, chosen in (("", single), (", without the ambiguous group", certain)):
        truth, texts = [class_of(dev[i]) for i in chosen], [dev[i].text for i in chosen]
        ours = classes([scores[i] for i in chosen])
        others = base.vader_classes(texts), base.tfidf(base.classifier, texts)
        rows.append(
            (
                f"GoEmotions dev, one label{title}: 3-class macro-F1",
                str(len(truth)),
                f1(truth, ours),
                f1(truth, others[0]),
                f1(truth, others[1]),
            )
        )
    other_half = [i for i in single if not recipe.calibration_half(dev[i].id)]
    ours_p = np.array([(s.p_negative, s.p_neutral, s.p_positive) for s in (scores[i] for i in other_half)])
    linear_p = base.classifier.predict_proba(base.words.transform([dev[i].text for i in other_half]))
    truth_half = np.array([class_of(dev[i]) for i in other_half])
    errors = [f"{calibration_error(p, truth_half):.3f}" for p in (ours_p, linear_p)]
    title = "GoEmotions dev, the half not calibrated on: ECE of the top class, 15 bins (lower is better)"
    rows.append((title, str(len(other_half)), errors[0], "-", errors[1]))
    marks = np.array([[n in (e.emotions or ()) for n in names] for e in dev])
    found = np.array([[s.emotions[n] >= EMOTION_THRESHOLD for n in names] for s in scores])
    linear = base.emotions.predict_proba(base.words.transform([e.text for e in dev])) >= EMOTION_THRESHOLD
    title = f"GoEmotions dev: 28-emotion macro-F1 at probability {EMOTION_THRESHOLD}"
    rows.append((title, str(len(dev)), f1(marks, found), "-", f1(marks, linear)))
    return rows


def on_ratings(data: Path, scorer: TextScorer, base: Baselines) -> list[Row]:
    """EmoBank dev and the held-out vader snippets: correlation with the raters' means."""
    dev = recipe.emobank(data, "dev")
    texts = [e.text for e in dev]
    scores = alone(scorer, texts)
    truth, aroused = [e.valence for e in dev], [e.arousal for e in dev]
    rows: list[Row] = [
        (
            "EmoBank dev: valence r (polarity)",
            str(len(dev)),
            correlation([s.polarity for s in scores], truth),
            correlation(base.vader(texts), truth),
            correlation(base.tfidf(base.valence, texts), truth),
        ),
        (
            "EmoBank dev: arousal r (intensity; absolute compound; arousal ridge)",
            str(len(dev)),
            correlation([s.intensity for s in scores], aroused),
            correlation(np.abs(base.vader(texts)), aroused),
            correlation(base.tfidf(base.arousal, texts), aroused),
        ),
    ]
    for genre, examples in recipe.vader(data, held=True).items():
        texts, truth = [e.text for e in examples], [e.valence for e in examples]
        scores = alone(scorer, texts)
        compound, linear = base.vader(texts), base.tfidf(base.valence, texts)
        size, strength = str(len(texts)), np.abs(np.array(truth, float))
        ours = correlation([s.polarity for s in scores], truth)
        both = (correlation(compound, truth), correlation(linear, truth))
        rows.append((f"vader {genre}, held-out fifth: valence r", size, ours, *both))
        ours = correlation([s.intensity for s in scores], strength)
        both = (correlation(np.abs(compound), strength), correlation(np.abs(linear), strength))
        rows.append((f"vader {genre}, held-out fifth: strength r", size, ours, *both))
    return rows


def maia(data: Path) -> list[list[tuple[Role, str, int | None]]]:
    """The English side of each chat: role, sentence and class (``None`` where labels do not line up)."""
    chats = []
    for path in sorted((data / "maia_dqe").glob("*.json")):
        for chat in json.loads(path.read_text("utf-8")):
            said: list[tuple[Role, str, int | None]] = []
            for turn in chat["turns"]:
                inbound = turn["floor"] == "inbound"
                sentences = turn["text_mt"] if inbound else turn["text_src"]
                labels = turn["Emotion"] or []
                fit = len(labels) == len(sentences)
                for i, sentence in enumerate(sentences):
                    text = re.sub(r"#(?:PRS_)?([A-Z]+)#", lambda m: m[1].lower(), sentence)
                    label = MAIA_CLASSES[labels[i]] if fit and labels[i] is not None else None
                    said.append(("customer" if inbound else "agent", text, label))
            chats.append(said)
    return chats


def meld(data: Path) -> list[list[tuple[Role, str, int | None]]]:
    """The scenes of MELD dev; who speaks is unknown to the model."""
    scenes: dict[str, list[tuple[Role, str, int | None]]] = {}
    with (data / "meld" / "dev_sent_emo.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            label = ("negative", "neutral", "positive").index(row["Sentiment"])
            scenes.setdefault(row["Dialogue_ID"], []).append(("unknown", row["Utterance"], label))
    return list(scenes.values())


def on_dialogues(
    title: str, dialogues: Any, scorer: TextScorer, base: Baselines, *, role: Role, average: str
) -> list[Row]:
    """F1 over the labelled turns of one role, ours with the turns before and, for comparison, without."""
    kept = [[x for x in said if scorable(x[1]) is None] for said in dialogues]
    calls = [[utterance(i, r, t) for i, (r, t, _) in enumerate(said)] for said in kept]
    scored = [s for call in scorer.score_calls(calls) for s in call]
    turns = [x for said in kept for x in said]
    mine = [i for i, (r, _, label) in enumerate(turns) if r == role and label is not None]
    texts, truth = [turns[i][1] for i in mine], [turns[i][2] for i in mine]
    without = [s for (s,) in scorer.score_calls([[utterance(0, role, t)] for t in texts])]
    others = (
        f1(truth, base.vader_classes(texts), average),
        f1(truth, base.tfidf(base.classifier, texts), average),
    )
    n = str(len(mine))
    return [
        (
            f"{title}: 3-class {average} F1",
            n,
            f1(truth, classes([scored[i] for i in mine]), average),
            *others,
        ),
        (f"{title}, without the turns before", n, f1(truth, classes(without), average), *others),
    ]


def on_templates(scorer: TextScorer, base: Baselines) -> list[Row]:
    """The held-out fifth of the written service utterances, where one class is clearly meant."""
    import random

    examples = recipe.Templates().examples(random.Random(1), held=True, copies=3)
    clear = [e for e in examples if max(e.sentiment or (0,)) >= 0.6]
    calls = [
        [utterance(i, r, t) for i, (r, t) in enumerate((*(e.context or ()), (e.role or "unknown", e.text)))]
        for e in clear
    ]
    ours = classes([call[-1] for call in scorer.score_calls(calls)])
    truth, texts = [class_of(e) for e in clear], [e.text for e in clear]
    others = f1(truth, base.vader_classes(texts)), f1(truth, base.tfidf(base.classifier, texts))
    title = "Held-out fifth of our own written service utterances: 3-class macro-F1 (same author: optimistic)"
    return [(title, str(len(clear)), f1(truth, ours), *others)]


def speed(scorer: TextScorer) -> str:
    """Processor seconds for 100 utterances of a call, the best of three."""
    text = "I called you last week about my order and nobody has come back to me since then"
    call = [utterance(i, ("agent", "customer")[i % 2], text) for i in range(100)]
    taken = []
    for _ in range(3):
        began = time.process_time()
        scorer.score(call)
        taken.append(time.process_time() - began)
    return f"{min(taken):.2f}"


def main() -> None:
    """Measure everything, write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=recipe.HERE / "affect")
    parser.add_argument("--out", type=Path, default=recipe.HERE / "RESULTS.md")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    names = recipe.emotion_names(args.data)
    scorer = load_text_scorer(args.model, threads=args.threads)
    seconds = speed(scorer)
    base = fit_baselines(args.data, names)
    rows = [
        *on_goemotions(args.data, scorer, base, names),
        *on_ratings(args.data, scorer, base),
        *on_dialogues(
            "MAIA, customers' sentences", maia(args.data), scorer, base, role="customer", average="macro"
        ),
        *on_dialogues("MELD dev", meld(args.data), scorer, base, role="unknown", average="weighted"),
        *on_templates(scorer, base),
    ]
    lines = [
        "# Figures of the utterance scorer",
        "",
        f"{scorer.model.name}, weights {scorer.model.revision}, "
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()} with {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {args.threads} thread(s):",
        "",
        "    python models/evaluate.py --data ../shared/data",
        "",
        "| measured on | n | ours | VADER | TF-IDF + linear |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"100 utterances of 17 words, with the turns before, take {seconds} s of processor time.",
        "",
        *(__doc__ or "").split("\n\n")[2].splitlines(),
        "",
    ]
    args.out.write_text("\n".join(lines), "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
