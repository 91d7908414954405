"""A satisfaction model as a folder: ``model.json``, the readings in ``model.safetensors``, ``SHA256SUMS``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.errors import CorruptModelError, UnknownModelError
from sentiment.files import write_atomically
from sentiment.satisfaction.learned import Answers, Curve, Learned, Reading
from sentiment.weights import SUMS_FILE, verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sentiment.call import Instrument

__all__ = ["Stored", "read_model", "write_model"]

MODEL_FILE, READINGS_FILE = "model.json", "model.safetensors"
FORM = "conversation-sentiment/satisfaction/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What a folder holds: for each instrument a score and its answers.

    ``features`` are the names of the features in their order when it was made, ``reads`` which scorer's
    weights the dialogue was read by (their revision), ``about`` what it was made from, for people.
    """

    name: str
    features: tuple[str, ...]
    reads: str
    instruments: Mapping[Instrument, tuple[Learned, Answers]]
    about: Mapping[str, Any]
    revision: str = ""


def write_model(stored: Stored, directory: Path) -> str:
    """Write a folder; returns its revision.

    Raises:
        OutputError: it cannot be written.
    """
    from safetensors.numpy import save

    directory.mkdir(parents=True, exist_ok=True)
    scores: list[Learned] = []
    answers = {}
    for instrument, (learned, of_answers) in stored.instruments.items():
        if not any(learned is known for known in scores):
            scores.append(learned)
        at = next(i for i, known in enumerate(scores) if known is learned)
        answers[instrument] = {"score": at, **asdict(of_answers)}
    body = {
        "form": FORM,
        "name": stored.name,
        "about": dict(stored.about),
        "reads": stored.reads,
        "features": list(stored.features),
        "answers": answers,
        "scores": [
            {"level": s.level, "readings": len(s.readings), "curves": [asdict(c) for c in s.curves]}
            for s in scores
        ],
    }
    tensors = {}
    for i, score in enumerate(scores):
        for j, reading in enumerate(score.readings):
            tensors[f"{i}.{j}.weights"] = np.ascontiguousarray(reading.weights)
            tensors[f"{i}.{j}.offsets"] = np.ascontiguousarray(reading.offsets)
    files = {
        MODEL_FILE: (json.dumps(_rounded(body), indent=1, allow_nan=False) + "\n").encode(),
        READINGS_FILE: save(tensors),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    for name, data in (*files.items(), (SUMS_FILE, sums.encode())):
        write_atomically(directory / name, data)
    return _revision(directory)


def read_model(directory: Path) -> Stored:
    """Read a folder, after checking its files against their sums.

    Raises:
        UnknownModelError: the folder holds none.
        CorruptModelError: a file is missing, does not match its sum or is not of this form.
    """
    from safetensors.numpy import load

    if not (directory / MODEL_FILE).is_file():
        raise UnknownModelError(
            f"{directory}: no satisfaction model there ({MODEL_FILE} is missing); "
            "give a folder that sentiment fit wrote a model to"
        )
    revision = _revision(directory)
    try:
        body = json.loads((directory / MODEL_FILE).read_text("utf-8"))
        if body["form"] != FORM:
            raise ValueError(f"its form is {body['form']}, not {FORM}")
        tensors = load((directory / READINGS_FILE).read_bytes())
        scores = [
            Learned(
                float(s["level"]),
                tuple(_curve(c) for c in s["curves"]),
                tuple(
                    Reading(tensors[f"{i}.{j}.weights"], tensors[f"{i}.{j}.offsets"])
                    for j in range(s["readings"])
                ),
            )
            for i, s in enumerate(body["scores"])
        ]
        instruments = {
            name: (scores[a.pop("score")], Answers(**{**a, "thresholds": tuple(a["thresholds"])}))
            for name, a in body["answers"].items()
        }
        return Stored(
            name=body["name"],
            features=tuple(body["features"]),
            reads=body["reads"],
            instruments=instruments,
            about=body["about"],
            revision=revision,
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CorruptModelError(
            f"model {directory}: {MODEL_FILE} is not a satisfaction model of this version ({error}); "
            "make it again with sentiment fit, or reinstall conversation-sentiment"
        ) from None


def _revision(directory: Path) -> str:
    """Of all files: the sum of their sums."""
    verify(directory)
    return hashlib.sha256((directory / SUMS_FILE).read_bytes()).hexdigest()[:12]


def _curve(body: dict[str, Any]) -> Curve:
    return Curve(**{**body, "edges": tuple(body["edges"]), "steps": tuple(body["steps"])})


def _rounded(value: Any) -> Any:
    """Numbers to six significant digits: finer than any of them is known."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return [_rounded(v) for v in value] if isinstance(value, list | tuple) else value
