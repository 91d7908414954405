"""What the satisfaction estimate is held against: five simpler ways, each learned from the same dialogues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sentiment.call import Call, Utterance

__all__ = ["RIVALS", "Rival", "mean_polarity", "published_features"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A way to estimate: learns from calls and answers ``(n,)``, then gives an answer for each of others."""

    name: str
    run: Callable[[Sequence[Call], Floats, Sequence[Call]], Floats]


def _customer(call: Call) -> list[Utterance]:
    return list(call.said_by("customer")) or list(call.utterances)


def _polarity(said: Sequence[Utterance]) -> float:
    values = [u.score.polarity for u in said if u.score is not None]
    return float(np.mean(values)) if values else 0.0


def mean_polarity(call: Call) -> float:
    """The customer's mean polarity, 0 if nothing is scored."""
    return _polarity(_customer(call))


def _last_quarter(call: Call) -> float:
    said = _customer(call)
    return _polarity(said[-max(1, -(-len(said) // 4)) :])


def _vader(text: str) -> float:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    global _analyser
    _analyser = _analyser or SentimentIntensityAnalyzer()
    return float(_analyser.polarity_scores(text)["compound"])


_analyser = None


def _last_turn(call: Call) -> str:
    """All that the customer says in their last turn."""
    said: list[str] = []
    for u in reversed(call.utterances):
        if u.role == "customer":
            said.insert(0, u.text)
        elif said:
            break
    return " ".join(said)


def _on_line(of: Callable[[Call], float]) -> Callable[[Sequence[Call], Floats, Sequence[Call]], Floats]:
    """One number of a call, brought to the scale by the line of least squares."""

    def run(train: Sequence[Call], y: Floats, test: Sequence[Call]) -> Floats:
        slope, intercept = np.polyfit([of(c) for c in train], y, 1)
        return np.array([intercept + slope * of(c) for c in test])

    return run


def _tfidf(train: Sequence[Call], y: Floats, test: Sequence[Call]) -> Floats:
    """Words and word pairs of each party, ridge regression; its strength by cross-validation."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeCV

    columns = []
    for role in ("customer", "agent"):
        texts = [
            [" ".join(u.text for u in c.utterances if u.role == role) for c in part] for part in (train, test)
        ]
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        columns.append((words.fit_transform(texts[0]), words.transform(texts[1])))
    x, z = (hstack([pair[i] for pair in columns]).tocsr() for i in (0, 1))
    found: Floats = RidgeCV((0.3, 1.0, 3.0, 10.0), cv=5).fit(x, y).predict(z)
    return found


def published_features(call: Call) -> Floats:
    """Five functions of an utterance x three speakers x four aggregates x five ranges: ``(300,)``.

    Polarity, probability of negative and of positive, intensity, words; of the customer, the agent, both;
    mean, least, largest, deviation; over the whole call and each quarter. NaN where nobody speaks.
    """
    of: list[Callable[[Utterance], float]] = [
        lambda u: u.score.polarity if u.score else np.nan,
        lambda u: u.score.p_negative if u.score else np.nan,
        lambda u: u.score.p_positive if u.score else np.nan,
        lambda u: u.score.intensity if u.score else np.nan,
        lambda u: float(len(u.text.split())),
    ]
    found: list[float] = []
    n = len(call.utterances)
    ranges = [(0, n), *((n * k // 4, n * (k + 1) // 4) for k in range(4))]
    for roles in (("customer",), ("agent",), ("customer", "agent")):
        for start, end in ranges:
            said = [u for u in call.utterances[start:end] if u.role in roles and u.score is not None]
            for function in of:
                values = [function(u) for u in said]
                found += (
                    [float(np.mean(values)), min(values), max(values), float(np.std(values))]
                    if values
                    else [np.nan] * 4
                )
    return np.array(found)


def _published(train: Sequence[Call], y: Floats, test: Sequence[Call]) -> Floats:
    from sklearn.ensemble import HistGradientBoostingRegressor

    x, z = (np.array([published_features(c) for c in part]) for part in (train, test))
    learner = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.05, max_leaf_nodes=8, l2_regularization=5.0, max_bins=64, random_state=0
    )
    found: Floats = learner.fit(x, y).predict(z)
    return found


RIVALS = (
    Rival(name="mean polarity of the customer", run=_on_line(mean_polarity)),
    Rival(name="last-quarter polarity of the customer", run=_on_line(_last_quarter)),
    Rival(name="VADER on the customer's last turn", run=_on_line(lambda c: _vader(_last_turn(c)))),
    Rival(name="TF-IDF + ridge", run=_tfidf),
    Rival(name="published features (300) + boosting", run=_published),
)
