"""What is asked of a derivation and what it gives: samples, targets, cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lepid.working_points.bins import Bins
from lepid.working_points.smooth import Line

Floats = npt.NDArray[np.float64]
Sense = Literal[">", ">=", "<", "<="]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Wanted:
    """A working point to derive.

    Attributes
    ----------
    name : of the working point
    population : the leptons whose efficiency is meant
    target : efficiency: one number, or one per lepton [n_lepton] whose mean counts in each bin,
        such as a function of pT or the decisions of another working point
    text : the target in words
    against : population of which two cuts should leave least
    """

    name: str
    population: str
    target: float | Floats
    text: str
    against: str = ""


@dataclass(frozen=True)
class Sample:
    """Labelled leptons.

    Attributes
    ----------
    quantities : name -> [n_lepton]; one, or two to be cut on together
    populations : name -> whether each lepton belongs to it [n_lepton]
    pt, abseta, weight : [n_lepton], pt in GeV
    """

    quantities: Mapping[str, Floats]
    populations: Mapping[str, Bools]
    pt: Floats
    abseta: Floats
    weight: Floats


@dataclass(frozen=True)
class Point:
    """A derived working point.

    Attributes
    ----------
    name, population, text : as they were asked for
    groups : [n_pt, n_abseta], bins of equal number share their cuts
    merged : these bins in words
    cuts, spreads : [n_quantity, n_pt, n_abseta], the cuts and their uncertainties
    target, reached : [n_pt, n_abseta], efficiency that was asked for and that of the cuts
    sigma : [n_pt, n_abseta], uncertainty of the efficiency
    lines : [n_quantity][n_abseta], cut against pT; empty: one cut per bin
    """

    name: str
    population: str
    text: str
    groups: npt.NDArray[np.int64]
    merged: tuple[str, ...]
    cuts: Floats
    spreads: Floats
    target: Floats
    reached: Floats
    sigma: Floats
    lines: tuple[tuple[Line, ...], ...] = ()


@dataclass(frozen=True)
class Derived:
    """Working points of one sample.

    Attributes
    ----------
    quantities, sense : what is compared with the cuts, and how
    bins : edges in pT and |eta|
    points : in the order in which they were asked for
    smoothing : "", "linear" or "pchip"
    leptons : population -> number inside the bins
    """

    quantities: tuple[str, ...]
    sense: Sense
    bins: Bins
    points: tuple[Point, ...]
    smoothing: str
    leptons: Mapping[str, int]

    @property
    def merged(self) -> dict[str, list[str]]:
        """Bins that share their cuts, in words -> the points for which they do."""
        found: dict[str, list[str]] = {}
        for point in self.points:
            for text in point.merged:
                found.setdefault(text, []).append(point.name)
        return found
