"""Parts of the data that are held out in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["folds_of"]


def folds_of(groups: NDArray[Any], n_folds: int) -> NDArray[np.int64]:
    """The fold of each row, ``(n,)``: rows of one group share one; the largest groups are dealt out first.

    It depends on the groups and not on their order, and there are no more folds than groups.
    """
    names, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n_folds = min(n_folds, len(names))
    fold_of, filled = np.zeros(len(names), np.int64), np.zeros(n_folds, np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += sizes[group]
    found: NDArray[np.int64] = fold_of[of_row]
    return found
