"""Card and columns to the float32 arrays that a network takes. The only cast to float32."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features import definitions
from lepid.taggers.card_network import Network, Node

Columns = Mapping[str, npt.NDArray[Any]]


def needs(network: Network, without: Container[str] = ()) -> dict[str, str]:
    """Column -> the feature that needs it, for all lepton inputs of `network`.

    Parameters
    ----------
    without : optional features that are the default for every lepton
    """
    found: dict[str, str] = {}
    for node in network.nodes:
        for entry in node.inputs if node.per == "lepton" else ():
            feature = definitions.switched(entry.feature, node.switches)
            for column in definitions.needs(feature) if feature not in without else ():
                found.setdefault(column, entry.feature)
    for condition in network.valid:
        for column in definitions.needs(condition.feature):
            found.setdefault(column, condition.feature)
    if network.abseta or network.training:
        found.setdefault("eta", "the range of |eta|")
    return found


def absent(network: Network, there: Callable[[str], object]) -> dict[str, str]:
    """Optional feature whose columns are not `there` -> that, in words."""
    return {
        feature: f"input {entry.feature} is {entry.default:g} for all: the file has not what it is "
        f"made of ({entry.default_source})"
        for node in network.nodes
        for entry in (node.inputs if node.per == "lepton" else ())
        if entry.optional
        and not definitions.can(
            feature := definitions.switched(entry.feature, node.switches), there
        )
    }


def values(node: Node, columns: Columns, unit_of: Callable[[str], str]) -> npt.NDArray[np.float64]:
    """Rows of one input node in card order, [n_lepton, n_input], ``(x - mean) / std``, clipped."""
    lines = []
    n_lepton = len(next(iter(columns.values())))
    for entry in node.inputs:
        feature = definitions.switched(entry.feature, node.switches)
        if entry.optional and not definitions.can(feature, columns.__contains__):
            value = np.full(n_lepton, np.nan)
        else:
            value = definitions.evaluate(feature, entry.unit, columns, unit_of)
        if entry.default is not None:
            value = definitions.completed(value, entry.default)
        # What overflows is not finite, no warning.
        with np.errstate(over="ignore"):
            value = (value - entry.mean) / entry.std
        if entry.clipped:
            value = np.clip(value, entry.lower, entry.upper)
        lines.append(value)
    return np.stack(lines, axis=1)


def build(
    node: Node, columns: Columns, unit_of: Callable[[str], str]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Rows of one input node, in card order, and which of them are finite.

    Returns
    -------
    rows : [n_lepton, n_input] float32, ``(x - mean) / std`` in float64 first
    finite : [n_lepton]; an input without a default that is not finite makes it false, but for NaN
        or infinity where the card says that the network knows what to do with it
    """
    exact = values(node, columns, unit_of)
    # Unused slots of some files hold 1e32 and more.
    with np.errstate(over="ignore"):
        rows = exact.astype(np.float32)
    good = np.isfinite(rows)
    for place, entry in enumerate(node.inputs):
        if entry.nan:
            good[:, place] |= np.isnan(exact[:, place])
        if entry.infinite:
            good[:, place] |= np.isinf(exact[:, place])
    return rows, np.logical_and.reduce(good, axis=1, dtype=np.bool_)


def valid(
    network: Network, columns: Columns, unit_of: Callable[[str], str]
) -> npt.NDArray[np.bool_]:
    """Which leptons `network` is for, [n_lepton]; what is not a number is not."""
    inside = np.ones(len(next(iter(columns.values()))), np.bool_)
    for condition in network.valid:
        value = definitions.evaluate(condition.feature, condition.unit, columns, unit_of)
        inside &= condition.holds(value)
    return inside
