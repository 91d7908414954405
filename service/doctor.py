"""What ``sentiment doctor`` tells: versions, the processor, and every model with its checksum."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from sentiment import __version__
from sentiment.speech.transcriber import TranscriberOptions
from sentiment.weights import known_models

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["examine"]

_PACKAGES = (
    "torch",
    "faster-whisper",
    "ctranslate2",
    "onnxruntime",
    "openai-whisper",
    "av",
    "soxr",
    "numpy",
)
_OPTIONAL = {"openai-whisper"}


def examine(console: Console) -> bool:
    """Print the findings; whether everything that scoring a call needs is there and intact."""
    console.print(
        f"conversation-sentiment {__version__}, Python {platform.python_version()}", highlight=False
    )
    console.print(f"{platform.platform()}, {TranscriberOptions().n_threads} processors\n", highlight=False)
    packages_fine = _show_packages(console)
    models_fine = _show_models(console)
    fine = packages_fine and models_fine
    console.print("\nReady." if fine else "\nNot ready: see the lines above.", highlight=False)
    return fine


def _show_packages(console: Console) -> bool:
    fine = True
    for name in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed" + (" (optional second engine)" if name in _OPTIONAL else "")
            fine = fine and name in _OPTIONAL
        console.print(f"  {name:<16} {found}", highlight=False)
    return fine


def _show_models(console: Console) -> bool:
    """A line or two for each model; only ``tiny.en`` may be missing."""
    fine = True
    for model in known_models():
        state = "ok" if model.problem is None else "PROBLEM"
        found = "not found" if model.path is None else str(model.path)
        console.print(f"\n  {model.name} ({model.task}): {state}", highlight=False, markup=False)
        console.print(f"    {found}", highlight=False, markup=False, soft_wrap=True)
        if model.actual:
            pinned = (
                ""
                if model.expected is None
                else " as pinned"
                if model.actual == model.expected
                else " NOT as pinned"
            )
            console.print(f"    sha256 {model.actual}{pinned}", highlight=False, markup=False, soft_wrap=True)
        if model.problem:
            console.print(f"    {model.problem}", highlight=False, markup=False, soft_wrap=True)
            fine = fine and model.name == "whisper tiny.en" and model.path is None
    return fine
