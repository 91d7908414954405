"""Estimates stored calls anew, one file at a time, and flags them by rules that may use the estimates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sentiment import __version__
from sentiment.call import Provenance
from sentiment.errors import InputError
from sentiment.moments import reflag
from sentiment.satisfaction.estimate import other_scorers
from service.reflagging import revise_file

if TYPE_CHECKING:
    from pathlib import Path

    from sentiment.call import Call
    from sentiment.rules.values import Rules
    from sentiment.satisfaction.estimate import Satisfaction
    from service.reflagging import Outcome

__all__ = ["estimate_file"]


def estimate_file(path: Path, model: Satisfaction, rules: Rules, *, named: bool = True) -> Outcome:
    """Estimate the call in a file and flag it, as :func:`service.reflagging.reflag_file` does."""
    return revise_file(path, lambda call: reflag(_estimated(call, model), rules), named=named)


def _estimated(call: Call, model: Satisfaction) -> Call:
    """The call with these estimates, and the model among those that made it.

    Raises:
        InputError: it was scored by another scorer than the model knows: its scores do not mean the same.
    """
    if others := other_scorers(call, model.reads):
        raise InputError(
            f"it was scored by scorer {', '.join(others)}, but the estimate knows the scores of "
            f"{model.reads}; score it again with sentiment score"
        )
    made = call.provenance or Provenance(version=__version__)
    before = (m for m in made.models if m.task != model.model.task)
    provenance = replace(made, models=(*before, model.model))
    return replace(call, estimates=model.estimate(call), provenance=provenance)
