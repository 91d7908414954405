"""The systems that are measured side by side, each behind the same small face.

Ours      the utterance scorer; it alone reads roles and the turns before
Vader     the rules and lexicon of ``vaderSentiment`` (Hutto & Gilbert 2014)
Linear    TF-IDF of words and word pairs with logistic regression (classes, emotions) or ridge
          regression (valence, arousal), fitted on the public sets our model is trained on
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from corpus import public_sets
from numpy.typing import NDArray

from evaluation.sets import label_of
from sentiment.call import Utterance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from corpus.public_sets import Example

    from sentiment.affect.text import Reading as Heads
    from sentiment.affect.text import TextScorer

__all__ = ["Linear", "Ours", "Reading", "System", "Vader", "fit_linear", "utterances"]

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a system makes of ``n`` texts.

    ``classes`` 0, 1, 2 and ``valence`` in [-1, 1], ``(n,)`` both; ``strength`` ``(n,)`` is how strong or
    aroused a text is, on any scale. ``probabilities`` ``(n, 3)`` and ``emotions`` ``(n, 28)`` are ``None``
    where a system has none; ``raw_valence`` is the valence without the classes' part in it, ``raw_arousal``
    the strength without the valence's.
    """

    classes: Array
    valence: Array
    strength: Array
    probabilities: Array | None = None
    emotions: Array | None = None
    raw_valence: Array | None = None
    raw_arousal: Array | None = None


class System(Protocol):
    """Anything that reads texts."""

    def read(self, examples: Sequence[Example]) -> Reading:
        """Read the texts, each by itself."""


def utterances(example: Example) -> list[Utterance]:
    """The turns before and, last, the text, as a text conversation; who has no role is a customer."""
    turns = (*(example.context or ()), (example.role or "customer", example.text))
    return [
        Utterance(index=i, channel=0, role=role, start_ms=None, end_ms=None, text=text)
        for i, (role, text) in enumerate(turns)
    ]


class Ours:
    """Our scorer; ``emotions`` are the names in the order of the columns. No text is scored twice."""

    def __init__(self, scorer: TextScorer, emotions: Sequence[str]) -> None:
        self._scorer, self._emotions = scorer, emotions
        self._known: dict[tuple[object, ...], Heads] = {}

    def read(self, examples: Sequence[Example]) -> Reading:
        """Polarity is the valence, intensity the strength."""
        heads = self._read(examples)
        scores = [self._scorer.as_score(h) for h in heads]
        return Reading(
            classes=np.array([("negative", "neutral", "positive").index(s.label) for s in scores]),
            valence=np.array([s.polarity for s in scores]),
            strength=np.array([s.intensity for s in scores]),
            probabilities=np.array([(s.p_negative, s.p_neutral, s.p_positive) for s in scores]),
            emotions=np.array([[s.emotions[name] for name in self._emotions] for s in scores]),
            raw_valence=np.array([h.valence for h in heads]),
            raw_arousal=np.array([h.arousal for h in heads]),
        )

    def _read(self, examples: Sequence[Example]) -> list[Heads]:
        keys = [(e.role, e.context or (), e.text) for e in examples]
        new = {k: utterances(e) for k, e in zip(keys, examples, strict=True) if k not in self._known}
        for key, call in zip(new, self._scorer.read_calls(list(new.values())), strict=True):
            self._known[key] = call[-1]
        return [self._known[key] for key in keys]


class Vader:
    """VADER with its authors' thresholds: neutral strictly between -0.05 and 0.05."""

    def __init__(self) -> None:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self._lexicon = SentimentIntensityAnalyzer()

    def read(self, examples: Sequence[Example]) -> Reading:
        """The compound score is the valence, its size the strength."""
        value = np.array([self._lexicon.polarity_scores(e.text)["compound"] for e in examples])
        classes = np.where(value >= 0.05, 2, np.where(value <= -0.05, 0, 1))
        return Reading(classes=classes, valence=value, strength=np.abs(value))


@dataclass(frozen=True, kw_only=True)
class Linear:
    """TF-IDF and four linear models, all of scikit-learn."""

    words: Any
    classifier: Any
    marker: Any
    valence: Any
    arousal: Any

    def read(self, examples: Sequence[Example]) -> Reading:
        """Strength is the arousal that the ridge regression on EmoBank foretells."""
        x = self.words.transform([e.text for e in examples])
        return Reading(
            classes=np.asarray(self.classifier.predict(x)),
            valence=np.asarray(self.valence.predict(x)),
            strength=np.asarray(self.arousal.predict(x)),
            probabilities=np.asarray(self.classifier.predict_proba(x)),
            emotions=np.asarray(self.marker.predict_proba(x)),
        )


def fit_linear(data: Path, names: Sequence[str]) -> Linear:
    """Fit on GoEmotions train, EmoBank train and four fifths of the vader sets; half a minute."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    train = public_sets.goemotions(data, "train")
    sentences = public_sets.emobank(data, "train")
    rated = [*(e for group in public_sets.vader(data, held=False).values() for e in group), *sentences]
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    x = words.fit_transform([e.text for e in train])
    single = [i for i, e in enumerate(train) if len(e.emotions or ()) == 1]
    marks = np.array([[name in (e.emotions or ()) for name in names] for e in train]).astype(int)
    return Linear(
        words=words,
        classifier=LogisticRegression(C=3, max_iter=300, class_weight="balanced").fit(
            x[single], [label_of(train[i]) for i in single]
        ),
        marker=OneVsRestClassifier(LogisticRegression(C=10, solver="liblinear")).fit(x, marks),
        valence=Ridge(alpha=2).fit(words.transform([e.text for e in rated]), [e.valence for e in rated]),
        arousal=Ridge(alpha=2).fit(
            words.transform([e.text for e in sentences]), [e.arousal for e in sentences]
        ),
    )
