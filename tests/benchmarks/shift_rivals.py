"""Other ways to find where a level changed, each with the settings it is tried with on the dev calls."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import ruptures

from sentiment.evaluation import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Rival(NamedTuple):
    """A function from polarities ``(n,)`` and a setting to where they shift, and all its settings."""

    name: str
    find: Callable[[Any, Any], list[Place]]
    settings: Sequence[Any]


def kernel(name: str) -> Callable[[Any, Any], list[Place]]:
    """``ruptures.KernelCPD`` with a kernel; the setting is the penalty and the least length."""

    def find(y: Any, setting: Any) -> list[Place]:
        penalty, least = setting
        if len(y) < 2 * least or (name == "rbf" and np.ptp(y) == 0):
            return []
        fitted = ruptures.KernelCPD(kernel=name, min_size=least).fit(y[:, None])
        return between(y, fitted.predict(pen=penalty)[:-1])

    return find


def pelt(y: Any, setting: Any) -> list[Place]:
    """``ruptures.Pelt`` with absolute deviations (l1), which odd utterances move less than squares."""
    penalty, least = setting
    if len(y) < 2 * least:
        return []
    fitted = ruptures.Pelt(model="l1", min_size=least, jump=1).fit(y[:, None])
    return between(y, fitted.predict(pen=penalty)[:-1])


def differences(y: Any, setting: Any) -> list[Place]:
    """Where the mean of so many utterances and that of as many before differ most, and by a threshold."""
    width, threshold = setting
    steps = np.zeros(len(y))
    for j in range(1, len(y)):
        steps[j] = y[j : j + width].mean() - y[max(0, j - width) : j].mean()
    found: list[Place] = []
    left = np.abs(steps)
    while len(left) and left.max() >= threshold:
        j = int(left.argmax())
        found.append(Place(j, j, "better" if steps[j] > 0 else "worse"))
        left[max(0, j - width + 1) : j + width] = 0.0
    return sorted(found)


def quarters(y: Any, dead_band: Any) -> list[Place]:
    """Last quarter minus first beyond a dead band; placed where cutting the call in two fits best.

    The products that judge so give no place at all: it is a present.
    """
    quarter = max(1, len(y) // 4)
    if len(y) < 4 or abs(y[-quarter:].mean() - y[:quarter].mean()) <= dead_band:
        return []
    better = y[-quarter:].mean() > y[:quarter].mean()
    cuts = range(1, len(y))
    error = [((y[:j] - y[:j].mean()) ** 2).sum() + ((y[j:] - y[j:].mean()) ** 2).sum() for j in cuts]
    at = int(np.argmin(error)) + 1
    return [Place(at, at, "better" if better else "worse")]


def between(y: Any, starts: Sequence[int]) -> list[Place]:
    """The changes between segments, by their means."""
    edges = [0, *starts, len(y)]
    means = [float(y[a:b].mean()) for a, b in itertools.pairwise(edges)]
    return [
        Place(start, start, "better" if means[k + 1] > means[k] else "worse")
        for k, start in enumerate(starts)
    ]


PENALTIES = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
LEAST = (1, 2, 3, 4)
RIVALS = (
    Rival("ruptures KernelCPD, linear", kernel("linear"), [(p, m) for p in PENALTIES for m in LEAST]),
    Rival("ruptures KernelCPD, rbf", kernel("rbf"), [(p, m) for p in (*PENALTIES, 5.0, 6.0) for m in LEAST]),
    Rival("ruptures Pelt, l1", pelt, [(p, m) for p in PENALTIES[4::2] for m in (2, 3)]),
    Rival("last quarter minus first, 0.4", quarters, [0.4]),
    Rival("last quarter minus first, tuned", quarters, [0.2, 0.3, 0.5, 0.6, 0.7]),
    Rival("neighbours' difference", differences, [(1, t) for t in np.arange(0.3, 1.6, 0.1).round(1)]),
    Rival(
        "difference of means",
        differences,
        [(w, t) for w in (2, 3, 4, 5, 6) for t in np.arange(0.2, 1.2, 0.05).round(2)],
    ),
)
