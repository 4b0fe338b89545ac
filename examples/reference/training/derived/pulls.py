"""Points derived on the validation events, measured on the test events."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from training.derived.signal import Signal
from training.points import named
from training.splits import TEST, VALIDATION

from lepid.analysis.derivation import evaluated
from lepid.working_points.derive import derive
from lepid.working_points.points import Derived, Point, Sample, Wanted
from lepid.working_points.smooth import KINDS
from lepid.working_points.table import Table
from lepid.working_points.written import table_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SMOOTHING = ("", *KINDS)
# Each looser than the next; one rises with pT, from 0.73 at 10 GeV to 0.90.
TARGETS: dict[str, float | str] = {
    "Loose": 0.95, "Rising": "0.9 - 0.35 * exp(-pt / 14)", "Tight": 0.6,
}  # fmt: skip


class Closure(NamedTuple):
    """How the points do on events that they were not derived from.

    Attributes
    ----------
    leptons : number that they were derived from
    n_bin : number of cuts of a point, after thin bins were merged
    pulls : [n_point, n_bin], efficiency less target over the uncertainties of both samples
    chi2 : of all of them, with the correlations of points in one bin
    p : chance of a larger one
    astray : number of leptons, of both samples, that pass a tighter point and fail a looser one
    """

    leptons: int
    n_bin: int
    pulls: Floats
    chi2: float
    p: float
    astray: int

    @property
    def largest(self) -> float:
        """Of the pulls, without its sign."""
        return float(np.abs(self.pulls).max())


def closure(signal: Signal, kind: str, smoothing: str) -> Closure:
    """Derive all points on validation, and measure them on test.

    The decisions are those of the table that lepid writes.

    Parameters
    ----------
    kind : of weights, one of `signal.WEIGHTS`
    """
    own, other = (signal.part(split, kind) for split in (VALIDATION, TEST))
    derived = derive(own, _wanted(own), signal.bins, nested=True, smoothing=smoothing)
    table = table_of(named(signal.card, derived), Path("points.json"))
    passed = [decided(table, some) for some in (own, other)]
    misses = [Misses.of(*each, derived) for each in zip((own, other), passed, strict=True)]
    stated = np.array([_each(point, point.sigma) for point in derived.points])
    pulls, total, chance = measured(misses[0], misses[1], stated)
    return Closure(
        len(own.pt), pulls.shape[1], pulls, total, chance, sum(map(astray, passed))
    )  # fmt: skip


def _wanted(some: Sample) -> list[Wanted]:
    targets = [_target(name, some) for name in TARGETS]
    return [
        Wanted(name, "prompt", target, str(TARGETS[name]))
        for name, target in zip(TARGETS, targets, strict=True)
    ]


def _target(name: str, some: Sample) -> float | Floats:
    asked = TARGETS[name]
    return evaluated(name, asked, some.pt, some.abseta) if isinstance(asked, str) else asked


def decided(table: Table, some: Sample) -> Bools:
    """Whether each lepton passes each of `TARGETS`, [n_point, n_lepton]."""
    passed = table.decide(some.quantities, {"pt": some.pt, "abseta": some.abseta})
    return np.stack([passed[name] for name in TARGETS])


def astray(passed: Bools) -> int:
    """Number of leptons that pass a tighter point and fail a looser one."""
    return int((passed[1:] & ~passed[:-1]).any(axis=0).sum())


def _each(point: Point, values: Floats) -> Floats:
    """One value for each group of bins, [n_bin]."""
    _, first = np.unique(point.groups, return_index=True)
    return np.asarray(values.ravel()[first])


class Misses(NamedTuple):
    """By how much points miss their targets on some leptons.

    Attributes
    ----------
    mean : [n_bin, n_point], efficiency less target
    covariance : [n_bin, n_point, n_point]
    """

    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, some: Sample, passed: Bools, derived: Derived) -> Misses:
        """Of leptons that pass, [n_point, n_lepton], in the bins of the derived points."""
        places = derived.bins.places(some.pt, some.abseta)
        inside = places >= 0
        group = derived.points[0].groups.ravel()[places[inside]]
        targets = [np.broadcast_to(_target(name, some), some.pt.shape) for name in TARGETS]
        missed = (some.weight * (passed - np.stack(targets)))[:, inside]
        total = np.bincount(group, some.weight[inside])
        n_bin = len(total)
        mean = [np.bincount(group, row, minlength=n_bin) / total for row in missed]
        covariance = [
            [np.bincount(group, row * column, minlength=n_bin) / total**2 for column in missed]
            for row in missed
        ]
        return cls(np.transpose(mean), np.transpose(covariance, (2, 0, 1)))


def measured(own: Misses, other: Misses, stated: Floats) -> tuple[Floats, float, float]:
    """Pulls [n_point, n_bin], chi2 and its p-value of the points on other leptons.

    Parameters
    ----------
    own, other : of the leptons they were derived from, and of the others
    stated : [n_point, n_bin], uncertainties of the efficiencies that the derivation gave
    """
    # Those that were stated; of the leptons comes only how the points of a bin go together.
    scale = stated.T / np.sqrt(np.diagonal(own.covariance, axis1=1, axis2=2))
    covariance = own.covariance * scale[:, :, None] * scale[:, None, :] + other.covariance
    pulls = other.mean / np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    solved = np.linalg.solve(covariance, other.mean[:, :, None])[:, :, 0]
    total = float((other.mean * solved).sum())
    return pulls.T, total, float(chi2.sf(total, pulls.size))
