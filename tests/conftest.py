"""What every test shares; the fakes are in ``fakes.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes import SHARED_DATA
from hypothesis import settings

if TYPE_CHECKING:
    from pathlib import Path

settings.register_profile("any machine", deadline=None)  # a busy machine makes any single example slow
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def shared_calls() -> Path:
    """The folder of real calls; the test is skipped where it is not there."""
    folder = SHARED_DATA / "calls"
    if not folder.is_dir():
        pytest.skip("the real calls of ../shared/data are not here")
    return folder
