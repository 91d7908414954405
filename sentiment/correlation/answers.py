"""What became of every survey answer: none is lost, each has a status, and one counts for each call and
instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sentiment.metrics.columns import NEWEST
from sentiment.metrics.sources import FILE, ROW

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COUNTS", "SCALES", "judge_answers", "on_one_scale"]

SCALES = {"csat": (1.0, 5.0), "nps": (0.0, 10.0), "ces": (1.0, 7.0)}
"""Scales that are taken where the surveys name none."""

COUNTS = "counts"
"""Status of the answers that count; every other status says why one does not."""


def judge_answers(rows: pd.DataFrame, calls: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Survey rows with ``status`` beside them, and what was assumed.

    The newest answer of a call to an instrument counts: by the map's ``newest`` column where it names one,
    else by ``answered_at``, else the later row of the file.

    Args:
        rows: good rows of the table ``surveys``, copies included.
        calls: the calls, with ``call_id`` and ``started_at``.

    Returns:
        The rows in their order with ``status``, ``answer`` (a CES answer turned so that high is easy),
        ``scale_low``, ``scale_high`` and ``days_after`` the call's start; and sentences.
    """
    import pandas as pd

    found = rows.copy()
    for name in ("value", "scale_min", "scale_max"):
        if name not in found:
            found[name] = np.nan
        found[name] = found[name].astype("float64")
    for name in ("answered_at", "customer_id"):
        if name not in found:
            found[name] = None
    found["instrument"] = found["instrument"].str.strip().str.lower()
    assumed = _scales(found)
    ease = (found["instrument"] == "ces") & ~found["high_is_easy"].fillna(True).astype(bool)
    turned = found["scale_low"] + found["scale_high"] - found["value"]
    found["answer"] = found["value"].where(~ease, turned)
    started = found["call_id"].map(calls.drop_duplicates("call_id").set_index("call_id")["started_at"])
    answered = pd.to_datetime(found["answered_at"], utc=True)
    found["days_after"] = (answered - pd.to_datetime(started, utc=True)).dt.total_seconds() / 86_400.0
    found["status"] = COUNTS
    off = (found["answer"] < found["scale_low"]) | (found["answer"] > found["scale_high"])
    for bad, says in (
        (found["scale_low"].isna(), "its scale is unknown"),
        (off, "not on the scale taken for it"),
        (~found["call_id"].isin(calls["call_id"]), "no such call"),
        (found["call_id"].isna(), "names no call"),
        (found["question"] != "overall", "another question"),
        (found["value"].isna(), "not answered"),
    ):
        found.loc[bad, "status"] = says
    _supersede(found, answered)
    return found, assumed


def _scales(found: pd.DataFrame) -> tuple[str, ...]:
    found["scale_low"], found["scale_high"] = found["scale_min"], found["scale_max"]
    said = []
    for name, (low, high) in SCALES.items():
        silent = (found["instrument"] == name) & (found["scale_min"].isna() | found["scale_max"].isna())
        if silent.any():
            found.loc[silent, "scale_low"], found.loc[silent, "scale_high"] = low, high
            said.append(f"{name}: {int(silent.sum()):,} rows name no scale; taken: {low:g}-{high:g}")
    return tuple(said)


def _supersede(found: pd.DataFrame, answered: pd.Series) -> None:
    """Of several answers that count, mark all but the newest."""
    keys = found.assign(__at=answered, __place=np.arange(len(found)))
    counting = keys[keys["status"] == COUNTS]
    order = ["call_id", "instrument"]
    order += [NEWEST] if NEWEST in found else []
    order += ["__at"] + [c for c in (FILE, ROW) if c in found]
    # rows of a table in memory have no order of their own: of those of one time the higher answer stands last
    ranked = counting.sort_values([*order, "answer"], na_position="first", kind="stable")
    older = ranked.duplicated(["call_id", "instrument"], keep="last")
    found.loc[ranked.index[older], "status"] = "answered again later"


def on_one_scale(found: pd.DataFrame) -> tuple[pd.DataFrame, tuple[float, float], int]:
    """Answers that count of one instrument on the scale that most of them have.

    Returns:
        The rows with ``answer`` moved linearly, the scale, and how many were moved.
    """
    scales = list(zip(found["scale_low"], found["scale_high"], strict=True))
    counted: dict[tuple[float, float], int] = {}
    for scale in scales:
        counted[scale] = counted.get(scale, 0) + 1
    low, high = max(counted, key=lambda s: (counted[s], -s[1], -s[0]))
    share = (found["answer"] - found["scale_low"]) / (found["scale_high"] - found["scale_low"])
    other = (found["scale_low"] != low) | (found["scale_high"] != high)
    moved = found.assign(answer=found["answer"].where(~other, low + share * (high - low)))
    return moved, (float(low), float(high)), int(other.sum())
