"""From a table of contacts to the numbers that the model of drivers is fitted to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiment.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["Design", "build_design", "spanning", "usable_drivers"]

Floats = npt.NDArray[np.float64]

_MAX_LEVELS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """Complete rows as numbers: outcome ``y (n,)``, drivers ``x (n, p)`` in standard deviations.

    ``inner (n, p)`` is ``x`` less its group means (``x`` itself without groups); ``rest (n, k)`` holds
    the group means and the controls, centred; ``cluster (n,)`` numbers the customers, or is None.
    """

    names: tuple[str, ...]
    y: Floats
    x: Floats
    inner: Floats
    rest: Floats
    sd: Floats
    means: Floats | None
    cluster: npt.NDArray[np.int64] | None


def usable_drivers(
    known: pd.DataFrame, drivers: Sequence[str], max_missing: float
) -> tuple[list[str], dict[str, str]]:
    """Drivers with values enough, and the others with the reason."""
    left_out = {}
    for name in drivers:
        numbers(known, name)
        gone = int(known[name].isna().sum())
        if gone > max_missing * len(known):
            left_out[name] = f"it is missing in {gone} of {len(known)} rows"
    return [n for n in drivers if n not in left_out], left_out


def numbers(table: pd.DataFrame, name: str) -> Floats:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if not (is_numeric_dtype(table[name]) or is_bool_dtype(table[name])):
        raise InputError(
            f"column {name!r} is not of numbers: make it a control, or a yes/no column for each value"
        )
    values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.any(np.isinf(values)):
        raise InputError(f"column {name!r} has infinite values: leave them out or cap them")
    return np.asarray(values)


def build_design(
    used: pd.DataFrame,
    outcome: str,
    names: list[str],
    customer: str | None,
    group: str | None,
    controls: Sequence[str],
) -> tuple[Design, list[str]]:
    """The design, and the drivers left out of it because they vary between groups only."""
    import pandas as pd

    n = len(used)
    raw = np.column_stack([np.empty((n, 0)), *(numbers(used, name) for name in names)])
    sd = raw.std(axis=0, ddof=1) if n > 1 else np.ones(raw.shape[1])
    x = (raw - raw.mean(axis=0)) / sd if n else raw
    inner, means, flat = x, None, []
    if group is not None:
        code = pd.factorize(used[group])[0]
        means = _group_means(x, code)
        inner = x - means
        vary = inner.std(axis=0) > 1e-9
        flat = [name for name, varies in zip(names, vary, strict=True) if not varies]
        names = [name for name, varies in zip(names, vary, strict=True) if varies]
        x, inner, means, sd = x[:, vary], inner[:, vary], means[:, vary], sd[vary]
    rest = [_control(used, name) for name in controls] + ([] if means is None else [spanning(means)])
    cluster = None
    if customer is not None:
        code = pd.factorize(used[customer])[0]
        alone = code < 0
        code[alone] = code.max(initial=-1) + 1 + np.arange(alone.sum())
        cluster = code.astype(np.int64)
    return Design(
        names=tuple(names),
        y=numbers(used, outcome),
        x=x,
        inner=inner,
        rest=np.column_stack([np.empty((n, 0)), *rest]),
        sd=sd,
        means=means,
        cluster=cluster,
    ), flat


def _group_means(x: Floats, code: npt.NDArray[Any]) -> Floats:
    """The mean ``(n, p)`` of each row's group."""
    sums = np.zeros((code.max(initial=-1) + 1, x.shape[1]))
    np.add.at(sums, code, x)
    return np.asarray((sums / np.bincount(code)[:, None])[code])


def spanning(columns: Floats) -> Floats:
    """Orthogonal columns with the span of these: fewer groups than drivers leave some of them redundant."""
    u, s, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(u[:, s > 1e-9 * max(s.max(initial=0.0), 1e-300)] * math.sqrt(len(columns)))


def _control(used: pd.DataFrame, name: str) -> Floats:
    """A control as centred columns ``(n, k)``: numbers as they are, text as yes/no columns."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(used[name]):
        columns = numbers(used, name)[:, None]
    else:
        if used[name].nunique() > _MAX_LEVELS:
            raise InputError(
                f"control {name!r} has over {_MAX_LEVELS} values: name it as the group, or leave it out"
            )
        columns = pd.get_dummies(used[name].astype(str), drop_first=True).to_numpy(dtype=np.float64)
    centred = columns - columns.mean(axis=0)
    return np.asarray(centred[:, centred.std(axis=0) > 1e-12])
