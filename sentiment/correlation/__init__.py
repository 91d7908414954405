"""Do estimates agree with the surveys that came back, how surely, and what about those who did not answer?

from sentiment.correlation import correlate

found = correlate(calls="out/", surveys="surveys.csv", by=["agent", "queue", "week"])
found.verdict
found.instrument("csat").main.figures["spearman"]     # value, low, high, n, n_customers

tables answers      what was read, and what became of every answer
agreement           coefficients (coefficients, polyserial), with intervals (bootstrap), calibration, bands
groups drift        means of groups and how many answers they need; changes over time
response            who answers (response_model), weighted means, the calls nobody answered
operations          with handle time, waits, resolution ... (rank_links)
verdict cautions    in words; report, plots, export and pdf write it down
"""

from __future__ import annotations

from sentiment.correlation.bootstrap import Resampling
from sentiment.correlation.options import CorrelationOptions
from sentiment.correlation.run import correlate
from sentiment.correlation.values import Correlation, Figure, Instrument

__all__ = ["Correlation", "CorrelationOptions", "Figure", "Instrument", "Resampling", "correlate"]
