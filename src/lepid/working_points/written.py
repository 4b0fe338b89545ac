"""Derived points -> correctionlib file: cuts, their uncertainties and the efficiencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lepid.tables import Node, binning, correction, piecewise_linear, save
from lepid.working_points import cuts, table
from lepid.working_points.curve import DECIMALS
from lepid.working_points.points import Derived, Floats, Point
from lepid.working_points.smooth import Line
from lepid.working_points.table import Binding, Requirement, Rules, Table

# Beside the corrections of the points stand those that say how well they are known.
UNCERTAINTY, EFFICIENCY, TARGET = "_uncertainty", "_efficiency", "_target"
EFFICIENCY_UNCERTAINTY = EFFICIENCY + UNCERTAINTY


@dataclass(frozen=True)
class Named:
    """Derived points, and what a table says beside their cuts.

    Attributes
    ----------
    tagger, network : whose scores they cut on
    derived : the points
    axes : "pt" or "et" and "abseta", the inputs of the table -> features
    bound_to : the scores that they may be used with
    units : quantity -> unit of its cuts, where it has one
    fractions : of the discriminants, name -> one number, or one per bin in |eta|
    """

    tagger: str
    network: str
    derived: Derived
    axes: Mapping[str, str]
    bound_to: Binding
    units: Mapping[str, str]
    fractions: Mapping[str, Sequence[float]]

    @property
    def description(self) -> str:
        """What the points are, and which bins share their cuts."""
        of = ", ".join(f"{n} {name}" for name, n in self.derived.leptons.items())
        lines = [f"{self.tagger}@{self.network}: derived by lepid from {of}"]
        shown = [f"{k}={','.join(f'{x:g}' for x in v)}" for k, v in self.fractions.items()]
        if shown:
            lines.append(f"the discriminants have the fractions {' '.join(shown)}")
        if self.derived.smoothing:
            lines.append(f"cuts go without steps in pT: {self.derived.smoothing}")
        lines += [
            f"one cut of {', '.join(points)} for all of {merged}"
            for merged, points in self.derived.merged.items()
        ]
        return "\n".join(lines)

    @property
    def rules(self) -> Rules:
        """The points as requirements."""
        return Rules(
            tagger=self.tagger,
            points={
                point.name: tuple(
                    Requirement(correction=name, quantity=quantity, sense=self.derived.sense)
                    for quantity, name in _names(self.derived, point).items()
                )
                for point in self.derived.points
            },
            inputs=dict(self.axes),
            bound_to=self.bound_to,
        )


def _names(derived: Derived, point: Point) -> dict[str, str]:
    """Quantity -> correction that gives its cut."""
    if len(derived.quantities) == 1:
        return {derived.quantities[0]: point.name}
    return {quantity: f"{point.name}_{quantity}" for quantity in derived.quantities}


def write(named: Named, path: str | Path) -> None:
    """Write derived points as a table of working points.

    Raises
    ------
    BadTable : a number is not finite; nothing is written
    BadFile : the file cannot be written
    """
    save(Path(path), table_of(named, path).tables)


def table_of(named: Named, path: str | Path) -> Table:
    """The table that `write` would write at `path`.

    Raises
    ------
    BadTable : a number is not finite
    """
    corrections = [node for point in named.derived.points for node in _corrections(named, point)]
    return table.made(Path(path), named.description, named.rules, corrections)


def _corrections(named: Named, point: Point) -> list[Node]:
    derived = named.derived
    axes = {axis: f"{feature} of the lepton" for axis, feature in named.axes.items()}
    energy, _ = axes
    axes[energy] += " [GeV]"
    found = []
    for i, (quantity, name) in enumerate(_names(derived, point).items()):
        unit = named.units.get(quantity, "")
        ends = f" [{unit}]" if unit else ""
        node = _lines(named, point.lines[i]) if point.lines else _steps(named, point.cuts[i])
        text = f"{point.population}: {point.text}"
        found += [
            correction(name, text, axes, ("cut", f"on {quantity}{ends}"), node),
            correction(
                name + UNCERTAINTY, f"statistical uncertainty of the cut {name}", axes,
                ("uncertainty", f"of the cut{ends}"), _steps(named, point.spreads[i]),
            ),
        ]  # fmt: skip
    for suffix, what, values in (
        (EFFICIENCY, "efficiency of the cut on the leptons it was derived from", point.reached),
        (EFFICIENCY_UNCERTAINTY, "statistical uncertainty of that efficiency", point.sigma),
        (TARGET, "efficiency that was asked for", point.target),
    ):
        text = f"{what}, {point.population}"
        found.append(
            correction(
                point.name + suffix, text, axes, ("efficiency", what), _steps(named, values)
            )
        )  # fmt: skip
    return found


def _steps(named: Named, values: Floats) -> Node:
    bins = named.derived.bins
    energy, abseta = named.axes
    return cuts.binned(
        bins.pt_edges, bins.abseta_edges, np.round(values, DECIMALS), (energy, abseta)
    )


def _lines(named: Named, lines: Sequence[Line]) -> Node:
    energy, abseta = named.axes
    columns = [piecewise_linear(energy, line.pt.tolist(), line.cuts.tolist()) for line in lines]
    return binning(abseta, named.derived.bins.abseta_edges, columns)
