"""Card and columns to the float32 arrays that a network takes. The only cast to float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.features import definitions
from lepid.taggers.card import Network, Node

Columns = Mapping[str, npt.NDArray[Any]]


def needs(network: Network) -> dict[str, str]:
    """Column -> the feature that needs it, for all lepton inputs of `network`."""
    found: dict[str, str] = {}
    for node in network.nodes:
        for entry in node.inputs if node.per == "lepton" else ():
            for column in definitions.needs(entry.feature):
                found.setdefault(column, entry.feature)
    if network.abseta or network.training:
        found.setdefault("eta", "the range of |eta|")
    return found


def values(node: Node, columns: Columns, unit_of: Callable[[str], str]) -> npt.NDArray[np.float64]:
    """Rows of one input node in card order, [n_lepton, n_input], ``(x - mean) / std``, clipped."""
    lines = []
    for entry in node.inputs:
        value = definitions.evaluate(entry.feature, entry.unit, columns, unit_of)
        if entry.default is not None:
            value = definitions.completed(value, entry.default)
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
        where the card says that the network knows what to do with it
    """
    # Unused slots of some files hold 1e32 and more: what overflows is not finite, no warning.
    with np.errstate(over="ignore"):
        rows = values(node, columns, unit_of).astype(np.float32)
    good = np.isfinite(rows)
    taken = [place for place, entry in enumerate(node.inputs) if entry.nan]
    good[:, taken] |= np.isnan(rows[:, taken])
    return rows, np.logical_and.reduce(good, axis=1, dtype=np.bool_)
