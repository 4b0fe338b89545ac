"""Unit names and their factors to the canonical GeV, mm and rad."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import UnknownName

FACTORS: dict[str, tuple[str, float]] = {
    "GeV": ("energy", 1.0),
    "MeV": ("energy", 1e-3),
    "TeV": ("energy", 1e3),
    "1/GeV": ("inverse energy", 1.0),
    "1/MeV": ("inverse energy", 1e3),
    "mm": ("length", 1.0),
    "cm": ("length", 10.0),
    "um": ("length", 1e-3),
    "rad": ("angle", 1.0),
    "": ("number", 1.0),
}


def dimension(unit: str) -> str:
    """Name of what `unit` measures.

    Raises
    ------
    UnknownName : `unit` is not in `FACTORS`
    """
    return _entry(unit)[0]


def convert(values: npt.NDArray[Any], unit: str, to: str) -> npt.NDArray[np.float64]:
    """`values`, which are in `unit`, as float64 in `to`.

    Raises
    ------
    UnknownName : one of the units is unknown, or they measure different things
    """
    kind, size = _entry(unit)
    target, scale = _entry(to)
    if kind != target:
        same = [name for name, (other, _) in FACTORS.items() if other == kind and name]
        raise UnknownName.of(f"unit {unit!r}", "conversion to", to, same)
    exact = np.asarray(values, dtype=np.float64)
    if size == scale:
        return exact
    # 1e-3 is not exact in binary: dividing by 1000 rounds once, multiplying by 0.001 twice.
    return exact * (size / scale) if size > scale else exact / (scale / size)


def _entry(unit: str) -> tuple[str, float]:
    if unit not in FACTORS:
        raise UnknownName.of("units", "unit", unit, [name for name in FACTORS if name])
    return FACTORS[unit]
