"""What the tests of the reference simulation share: its modules, and events of Pythia."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).resolve().parents[3] / "examples" / "reference"
if str(REFERENCE) not in sys.path:
    sys.path.insert(0, str(REFERENCE))


@cache
def _generated(process: str, n_event: int, forced_decays: float) -> Any:
    # Not at the top of this file: generate needs Pythia, which may not be there.
    generate = import_module("simulation.generate")
    made = list(generate.batches(process, n_event, 1, forced_decays=forced_decays))
    return import_module("simulation.particles").concatenate(made)


@pytest.fixture(scope="session")
def generated() -> Callable[..., Any]:
    """Events of a process, made once: `generated("Zee", 50)`."""
    pytest.importorskip("pythia8mc", reason="pythia8mc makes the events (lepid[reference])")

    def make(process: str, n_event: int = 100, forced_decays: float = 1.0) -> Any:
        return _generated(process, n_event, forced_decays)

    return make


@pytest.fixture(scope="session")
def reconstructed(generated: Callable[..., Any]) -> Callable[..., Any]:
    """Particles and what the detector makes of them: `reconstructed("Zee", 50)`."""
    reconstruct = import_module("simulation.reconstruction").reconstruct

    @cache
    def make(process: str, n_event: int) -> Any:
        particles = generated(process, n_event)
        return particles, reconstruct(particles, 1)

    return make


def _columns(particle: dict[str, Any]) -> dict[str, Any]:
    kept = dict(particle)
    pt, eta, phi = kept.pop("pt"), kept.pop("eta"), kept.pop("phi", 0.0)
    energy = math.hypot(pt * math.cosh(eta), kept.pop("mass", 0.0))
    charge = {11: -1, 13: -1, 22: 0, 130: 0}.get(abs(kept["pdg"]), 1)
    return {
        "charge": charge if kept["pdg"] > 0 else -charge,
        "mother": -1,
        "final": True,
        "weight": 1.0,
        "retained": 1.0,
        "decay_radius": math.inf,
        "px": pt * math.cos(phi),
        "py": pt * math.sin(phi),
        "pz": pt * math.sinh(eta),
        "e": energy,
    } | kept


@pytest.fixture(scope="session")
def gun() -> Callable[..., Any]:
    """Events of given particles: `gun([[{"pdg": 13, "pt": 20.0, "eta": 0.5}], ...])`.

    Other keys are columns of `Particles`; phi and the mass are 0 where they are not given.
    """
    build = import_module("simulation.particles").build

    def shoot(events: list[list[dict[str, Any]]], **per_event: Any) -> Any:
        rows = [_columns(particle) for event in events for particle in event]
        names = {name for row in rows for name in row}
        columns = {name: [row.get(name, 0) for row in rows] for name in names}
        offsets = [0]
        for event in events:
            offsets.append(offsets[-1] + len(event))
        return build(offsets, **columns, **per_event)

    return shoot
