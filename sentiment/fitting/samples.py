"""Calls with their answers, measured: what is learned from, and what became of every answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from sentiment.affect.dialogue import PARTS
from sentiment.call import Instrument
from sentiment.errors import FitError
from sentiment.satisfaction.estimate import abstains
from sentiment.satisfaction.features import heard, measure
from sentiment.satisfaction.survey_talk import without_survey_talk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sentiment.affect.dialogue import DialogueEncoder
    from sentiment.call import Call
    from sentiment.correlation.values import Read
    from sentiment.metrics import ColumnMap

__all__ = ["Progress", "Sample", "Samples", "take_samples"]

Floats = NDArray[np.float64]

_OF_ESTIMATES = ("no estimates", "abstained")
"""Cautions about the estimates that calls carry already, which are not learned from."""

Progress = Callable[[str, float], None]
"""Told the stage and how far it is, in [0, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The answered calls of one instrument.

    ``x`` is ``(n, n_features + n_parts * size)``; the others are ``(n,)``: ``y`` the answers on ``scale``,
    ``last_quarter`` the customer's polarity at the end, NaN where unknown, ``customer`` numbers customers,
    ``at`` is when the call began, or was answered, in seconds, NaN where neither is known.
    """

    instrument: str
    scale: tuple[int, int]
    ids: tuple[str, ...]
    x: Floats
    y: Floats
    last_quarter: Floats
    customer: NDArray[np.int64]
    at: Floats
    n_rescaled: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """All instruments, and what was left out: ``abstained`` counts calls by why nothing is estimated of them;
    ``survey_talk`` are the ids of calls in which the survey is spoken, with the words; ``unusable`` says why
    an instrument is not learned from; ``cautions`` are what to know before believing anything."""

    by_instrument: Mapping[str, Sample]
    read: Read
    abstained: Mapping[str, int]
    survey_talk: Mapping[str, str]
    unusable: Mapping[str, str]
    cautions: tuple[str, ...]


def take_samples(
    calls: Sequence[Call],
    surveys: Any,
    encoder: DialogueEncoder,
    *,
    maps: Mapping[str, ColumnMap | str | Path] | None = None,
    least: int,
    set_aside: Path | None = None,
    tell: Progress,
) -> Samples:
    """Measure every call that was answered.

    Raises:
        FitError: no instrument that can be estimated has ``least`` answers to calls that can.
    """
    from sentiment.correlation.answers import COUNTS, on_one_scale
    from sentiment.correlation.bootstrap import clusters
    from sentiment.correlation.cautions import of_reading
    from sentiment.correlation.tables import opened, read_tables
    from sentiment.metrics import Calendar

    with opened(calls=list(calls), surveys=surveys, maps=maps, set_aside=set_aside) as inputs:
        tables = read_tables(inputs, by=(), calendar=Calendar(), late_days=14.0)
    counting = tables.answers[tables.answers["status"] == COUNTS]
    answered = set(counting["call_id"])
    of_call = tables.calls.drop_duplicates("call_id").set_index("call_id")
    rows, abstained, talk = _measured([c for c in calls if c.id in answered], encoder, tell)
    found, unusable = {}, {}
    for instrument, given in counting.groupby("instrument", sort=True):
        moved, scale, n_rescaled = on_one_scale(given)
        moved = moved[moved["call_id"].isin(rows)]
        if why := _unusable(str(instrument), scale, len(moved), least):
            unusable[str(instrument)] = why
            continue
        ids = [str(i) for i in moved["call_id"]]
        who = np.array([of_call["customer_id"].get(i) for i in ids], dtype=object)
        found[str(instrument)] = Sample(
            instrument=str(instrument),
            scale=(round(scale[0]), round(scale[1])),
            ids=tuple(ids),
            x=np.array([rows[i][0] for i in ids]),
            y=moved["answer"].to_numpy(np.float64),
            last_quarter=np.array([rows[i][1] for i in ids]),
            customer=clusters(_known(who)),
            at=_seconds(of_call.loc[ids, "started_at"], moved["answered_at"]),
            n_rescaled=n_rescaled,
        )
    if not found:
        raise FitError(
            "there is no survey to learn from: "
            + (
                "; ".join(f"{k}: {why}" for k, why in unusable.items())
                or "no answer belongs to one of the calls"
            )
        )
    known = of_reading(tables.read, has_customers=bool(tables.calls["customer_id"].notna().any()))
    return Samples(
        by_instrument=found,
        read=tables.read,
        abstained=abstained,
        survey_talk=talk,
        unusable=unusable,
        cautions=(
            *(f"{text[0].upper()}{text[1:]}." for text in tables.read.assumed),
            *(caution.says for caution in known if caution.name not in _OF_ESTIMATES),
        ),
    )


def _unusable(instrument: str, scale: tuple[float, float], n: int, least: int) -> str | None:
    if instrument not in get_args(Instrument):
        return (
            f"calls carry estimates of {', '.join(get_args(Instrument))} only; call it one of these if it "
            "asks the same"
        )
    if any(end % 1 for end in scale):
        return f"its scale {scale[0]:g} to {scale[1]:g} does not go from one whole number to another"
    if n < least:
        return f"{n} answers to calls that can be estimated; {least} are needed"
    return None


def _measured(
    calls: Sequence[Call], encoder: DialogueEncoder, tell: Progress
) -> tuple[dict[str, tuple[Floats, float]], dict[str, int], dict[str, str]]:
    """Of each call that can be estimated, its row and the customer's polarity at the end."""
    rows: dict[str, tuple[Floats, float]] = {}
    abstained: dict[str, int] = {}
    talk: dict[str, str] = {}
    for n, whole in enumerate(calls):
        tell("reading the calls", n / len(calls))
        call, asked = without_survey_talk(whole)
        if asked is not None:
            talk[call.id] = asked
        if why := abstains(call):
            kind = why.split(":")[0]
            abstained[kind] = abstained.get(kind, 0) + 1
            continue
        dialogue = encoder.read(call.utterances)
        parts = np.full((len(PARTS), encoder.size), np.nan) if dialogue is None else dialogue.parts()
        rows[call.id] = (np.concatenate([measure(heard(call)), parts.ravel()]), _last_quarter(call))
    return rows, abstained, talk


def _last_quarter(call: Call) -> float:
    said = [u.score.polarity for u in call.said_by("customer") if u.score is not None]
    return float(np.mean(said[-math.ceil(len(said) / 4) :])) if said else math.nan


def _known(who: NDArray[np.object_]) -> NDArray[np.object_]:
    """``None`` for what names no customer."""
    return np.array([w if isinstance(w, str) and w else None for w in who], dtype=object)


def _seconds(started: Any, answered: Any) -> Floats:
    import pandas as pd

    first = pd.to_datetime(pd.Series(list(started)), utc=True, errors="coerce")
    second = pd.to_datetime(pd.Series(list(answered)), utc=True, errors="coerce")
    at = first.where(first.notna(), second)
    seconds: Floats = np.array([t.timestamp() if not pd.isna(t) else np.nan for t in at])
    return seconds
