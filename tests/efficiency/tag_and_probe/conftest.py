"""The toys with pairs of a resonance."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def toys() -> SimpleNamespace:
    """What `pair_toys.py` has."""
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pair_toys.py"))))
