"""Estimates stored calls anew, one file at a time, and flags them by rules that may use the estimates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sentiment import __version__
from sentiment.call import Provenance, from_json, to_json
from sentiment.errors import OutputError, SentimentError
from sentiment.files import write_atomically
from sentiment.moments import reflag
from sentiment.review import candidates
from sentiment.summary import summarise
from service.reflagging import REMEDY, Outcome, changes, is_call, render_again

if TYPE_CHECKING:
    from pathlib import Path

    from sentiment.call import Call
    from sentiment.pipeline import Estimator
    from sentiment.rules.values import Rules

__all__ = ["estimate_file"]


def estimate_file(path: Path, model: Estimator, rules: Rules, *, named: bool = True) -> Outcome:
    """Estimate the call in a file; write it, and its page, if that changes it.

    A file that is JSON but no call is skipped, unless it was ``named`` itself. Whatever fails is the
    outcome's ``error``, so that it costs no other call.
    """
    try:
        text = path.read_bytes()
        if not named and not is_call(text):
            return Outcome(source=path, skipped=True)
        before = from_json(text)
        after = reflag(estimated(before, model), rules)
        page = path.with_suffix(".html")
        has_page, stale = page.is_file(), None
        if after != before:
            write_atomically(path, to_json(after), remedy=REMEDY)
            stale = render_again(page, after) if has_page else None
    except OSError as error:
        return Outcome(source=path, error=f"{path}: cannot be read ({error.strerror}); check its permissions")
    except OutputError as error:
        return Outcome(source=path, error=str(error), unwritten=True)
    except SentimentError as error:
        return Outcome(source=path, error=f"{path}: {error}")
    return Outcome(
        source=path,
        changes=changes(before.moments, after.moments),
        found=candidates(after),
        row=summarise(after) if has_page else None,
        stale=stale,
        mended=after != before,
    )


def estimated(call: Call, model: Estimator) -> Call:
    """The call with these estimates, and the model among those that made it."""
    made = call.provenance or Provenance(version=__version__)
    others = tuple(m for m in made.models if m.task != model.model.task)
    provenance = replace(made, models=(*others, model.model))
    return replace(call, estimates=model.estimate(call), provenance=provenance)
