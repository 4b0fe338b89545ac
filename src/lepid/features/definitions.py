"""FEATURES: all derived inputs. What is not here is a column of the file itself.

DERIVED: columns that some files hold, and the ways to compute them for the others.
SWITCHES: what stands in for features where a card turns a switch of Athena on.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features.feature import Feature
from lepid.features.rows import electrons, muons, nanoaod, plit, pliv, selection, soft
from lepid.units import convert

Array = npt.NDArray[Any]

# A dotted name is a column of what a link points to, NaN where it points to nothing.
FEATURES: dict[str, Feature] = {
    **selection.FEATURES,
    **electrons.FEATURES,
    **muons.FEATURES,
    **plit.FEATURES,
    **soft.FEATURES,
    **nanoaod.FEATURES,
}

# Column -> the ways to compute it for files that do not hold it; the first that can be gone counts.
DERIVED: dict[str, tuple[Feature, ...]] = {**electrons.DERIVED, **muons.DERIVED, **pliv.DERIVED}

# Property of Athena's tool -> feature -> the one that stands in for it where the property is true;
# the first that is true counts.
SWITCHES: dict[str, dict[str, str]] = {
    "DisablePtCuts": dict.fromkeys(("rhoPrime", "qOverPSignificance"), "zero"),
    "TurnOffMomCorr": {name: f"{name}_tracks" for name in ("rhoPrime", "qOverPSignificance")},
}


def completed(values: Array, default: float) -> Array:
    """`values` with `default` where they are not finite, or beyond 1e32 as in unused memory.

    Source
    ------
    CMSSW RecoBTag/FeatureTools/src/deep_helpers.cc (catch_infs)
    """
    return np.where(np.abs(values) <= 1e32, values, default)


def needs(name: str) -> tuple[str, ...]:
    """Columns that the feature or column `name` is made of."""
    return tuple(FEATURES[name].needs) if name in FEATURES else (name,)


def resolve(
    wanted: Mapping[str, str],
    there: Callable[[str], object],
    follows: Callable[[str], bool] = bool,
) -> dict[str, str]:
    """`wanted`, column -> why, with columns that are not `there` replaced by what makes them up.

    If no way to compute a column can be gone, what the first needs stands for it.

    Parameters
    ----------
    follows : whether events of this format can have a column ``a.b``; if they can have none of
        the ways, the column stands for itself
    """
    found: dict[str, str] = {}
    for column, why in wanted.items():
        for part in _parts(column, there, follows):
            found.setdefault(part, why)
    return found


def _parts(
    column: str, there: Callable[[str], object], follows: Callable[[str], bool] = bool
) -> list[str]:
    if column not in DERIVED or there(column):
        return [column]
    ways = [[p for n in way.needs for p in _parts(n, there, follows)] for way in DERIVED[column]]
    ways = [parts for parts in ways if all(map(follows, parts))] or [[column]]
    return next((parts for parts in ways if all(map(there, parts))), ways[0])


def can(name: str, there: Callable[[str], object]) -> bool:
    """Whether all is `there` that the feature or column `name` is made of."""
    return all(map(there, resolve(dict.fromkeys(needs(name), ""), there)))


def switched(name: str, switches: Container[str]) -> str:
    """The feature that stands in for `name` where these `SWITCHES` are true."""
    on = (SWITCHES[switch] for switch in SWITCHES if switch in switches)
    return next((instead[name] for instead in on if name in instead), name)


def evaluate(
    name: str, unit: str, columns: Mapping[str, Array], unit_of: Callable[[str], str]
) -> npt.NDArray[np.float64]:
    """The feature or column `name` in `unit`, [n_lepton] float64.

    Parameters
    ----------
    columns : [n_lepton] each, in the units of the format; those that `resolve` named
    unit_of : unit -> the unit of the format for what it measures
    """
    if name in FEATURES:
        feature = FEATURES[name]
    elif name in columns or name not in DERIVED:
        return convert(columns[name], unit_of(unit), unit)
    else:
        feature = next(
            way
            for way in DERIVED[name]
            if all(part in columns for n in way.needs for part in _parts(n, columns.__contains__))
        )
    wanted = [evaluate(c, u, columns, unit_of) for c, u in feature.needs.items()]
    return convert(feature.compute(*wanted), feature.unit, unit)
