"""Fitting the satisfaction estimate to surveys of one's own, and saying honestly whether that helps.

from sentiment.fitting import fit

fitted = fit(calls, surveys="surveys.csv", scorer=load_text_scorer())
print(fitted.report())
fitted.instruments["csat"].verdict

samples       calls with their answers, measured
comparison    each way to estimate, on calls that it was not learned from
wording       the report
"""

from __future__ import annotations

from sentiment.fitting.comparison import FitOptions
from sentiment.fitting.run import Fitted, FittedInstrument, fit

__all__ = ["FitOptions", "Fitted", "FittedInstrument", "fit"]
