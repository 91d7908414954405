"""Metrics counted from contact records and agents' time."""

from __future__ import annotations

from ibis import _

from sentiment.metrics.definition import Definition, Example, Variant, times
from sentiment.metrics.statistics import Mean

__all__ = ["DEFINITIONS"]

MINUTE_MS = 60_000.0

AHT = Definition(
    name="aht",
    title="Average handle time (AHT)",
    family="contacts",
    table="contacts",
    aliases=("average_handle_time",),
    variants=(
        Variant(
            name="all",
            says="(talk + hold + after-call work) / contacts handled, transferred ones too",
            statistic=Mean(of=_.handle_ms, among=_.answered, scale=1 / MINUTE_MS),
            unit="min",
            examples=(
                Example(
                    says="300 + 50 + 100 minutes for 100 contacts: 4.5 min",
                    rows=(times(100, talk_ms=180_000, hold_ms=30_000, after_call_work_ms=60_000),),
                    value=4.5,
                ),
            ),
        ),
        Variant(
            name="without_transfers",
            says="the same for contacts that were not passed on",
            statistic=Mean(of=_.handle_ms, among=_.answered & ~_.transferred, scale=1 / MINUTE_MS),
            unit="min",
        ),
    ),
    moves="The mix of matters, the agent's experience, slow tools, hold and after-call habits.",
    misleads="Shorter is not better: cutting it often costs first-contact resolution and brings repeat contacts. "
    "It is skewed: a few long contacts carry the mean.",
)

DEFINITIONS = (AHT,)
"""The metrics of this family, in the order of the documentation."""
