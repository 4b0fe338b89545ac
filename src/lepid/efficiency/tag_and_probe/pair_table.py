"""Masses of pairs of a tag and a probe, by what the probe passed, its pT and |eta|."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint
from lepid.features.kernels.pairs import ordered_pairs

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

OPPOSITE, SAME = 0, 1
IDENTITY = ("tagger", "network", "collection", "experiment", "resonance", "tags")
BINNING = ("working_points", "mass_edges", "pt_edges", "abseta_edges")


class Histogram(NamedTuple):
    """Pairs per bin of mass, [n_mass] each: sums of weights and their variances."""

    values: Floats
    variances: Floats


class PassFail(NamedTuple):
    """Masses of the pairs of one bin of probes, whose probe passed and failed."""

    edges: Floats
    passed: Histogram
    failed: Histogram

    def within(self, low: float, high: float) -> PassFail:
        """The bins of mass between two edges.

        Raises
        ------
        BadInput : `low` or `high` is no edge, or nothing lies between them
        """
        first, last = (int(np.argmin(np.abs(self.edges - end))) for end in (low, high))
        close = np.isclose(self.edges[[first, last]], (low, high), rtol=1e-9, atol=0.0)
        if not close.all() or last <= first:
            wrong = f"{low:g} to {high:g} GeV is not a range between two edges"
            near = [f"{self.edges[place]:g}" for place in (first, last)]
            do = f"give two of the edges between {self.edges[0]:g} and {self.edges[-1]:g} GeV"
            raise BadInput("mass window", wrong, near, do)
        parts = (Histogram(*(part[first:last] for part in one)) for one in self[1:])
        return PassFail(self.edges[first : last + 1], *parts)


@dataclass(frozen=True)
class PairTable:
    """Pairs of a tag and a probe.

    Every probe is paired with every tag of its event: two leptons that are both tag and probe
    give two pairs of one mass. The variances know that: pairs of one event in one bin count as
    one observation of their total weight.

    Attributes
    ----------
    tagger, network, collection, experiment : what was measured
    resonance : name in `resonances.RESONANCES`
    tags : names of the tag selections, the nominal one first -> what they ask for
    working_points : names
    mass_edges, pt_edges : GeV; the last of pt may be infinite
    abseta_edges : ascending
    values, variances : [n_tag, n_point, failed or passed, opposite or same charge, n_pt,
        n_abseta, n_mass]
    outside : number of pairs of the nominal tag with the probe or the mass outside the bins
    sources : input files
    metadata : what else must agree for two tables to be added
    """

    tagger: str
    network: str
    collection: str
    experiment: str
    resonance: str
    tags: Mapping[str, str]
    working_points: tuple[str, ...]
    mass_edges: tuple[float, ...]
    pt_edges: tuple[float, ...]
    abseta_edges: tuple[float, ...]
    values: Floats
    variances: Floats
    outside: int = 0
    sources: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins in pT and in |eta|."""
        return len(self.pt_edges) - 1, len(self.abseta_edges) - 1

    def masses(
        self,
        working_point: str,
        bins: tuple[int, int] | None = None,
        tag: str | None = None,
        sign: int = OPPOSITE,
    ) -> PassFail:
        """Masses of the pairs of one bin of probes.

        Parameters
        ----------
        bins : places of the bin in pT and |eta|; None takes all bins together
        tag : selection of tags; None is the nominal one
        sign : `OPPOSITE` or `SAME` charge

        Raises
        ------
        UnknownWorkingPoint, UnknownName : no such point or tag
        """
        where = f"pairs of {self.tagger}"
        if working_point not in self.working_points:
            raise UnknownWorkingPoint.of(where, "working point", working_point, self.working_points)
        if tag is not None and tag not in self.tags:
            raise UnknownName.of(where, "tag", tag, self.tags)
        place = 0 if tag is None else list(self.tags).index(tag)
        index = (place, self.working_points.index(working_point), slice(None), sign)
        parts = []
        for sums in (self.values, self.variances):
            part = sums[index]
            parts.append(part.sum(axis=(1, 2)) if bins is None else part[:, bins[0], bins[1]])
        (failed, passed), (failed_variance, passed_variance) = parts
        edges = np.asarray(self.mass_edges)
        return PassFail(
            edges, Histogram(passed, passed_variance), Histogram(failed, failed_variance)
        )

    def __add__(self, other: PairTable) -> PairTable:
        """Table of the pairs of both.

        Raises
        ------
        BadInput : they do not measure the same thing in the same bins; lists every difference
        """
        if not isinstance(other, PairTable):
            return NotImplemented
        names = (*IDENTITY, *BINNING, "metadata")
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        differences = [f"{name}: {a!r} and {b!r}" for name, a, b in pairs if a != b]
        if differences:
            do = "add tables of one tagger, selection and binning"
            raise BadInput("tables of pairs", "; ".join(differences), (), do)
        return replace(
            self,
            values=self.values + other.values,
            variances=self.variances + other.variances,
            outside=self.outside + other.outside,
            sources=tuple(dict.fromkeys(self.sources + other.sources)),
        )

    def content(self) -> dict[str, Any]:
        """Fields by name, as plain values; the sums as lists."""
        content = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return content | {"values": self.values.tolist(), "variances": self.variances.tolist()}

    @classmethod
    def restored(cls, content: Mapping[str, Any]) -> PairTable:
        """Table of the fields that `content` gave.

        Raises
        ------
        KeyError, TypeError, ValueError : it is not complete
        """
        known = {entry.name: content[entry.name] for entry in fields(cls)}
        for name in ("working_points", "mass_edges", "pt_edges", "abseta_edges", "sources"):
            known[name] = tuple(known[name])
        blank = empty(**{k: known[k] for k in (*IDENTITY, *BINNING)})
        for name in ("values", "variances"):
            known[name] = np.asarray(known[name], np.float64).reshape(blank.values.shape)
        return cls(**known)


class Leptons(NamedTuple):
    """Flat columns of leptons, [n_lepton] each.

    Attributes
    ----------
    offsets : [n_event + 1]
    pt, eta, phi : GeV, rad
    charge : its sign is the charge; 0 is in no pair
    weight : of the event
    """

    offsets: Integers
    pt: Floats
    eta: Floats
    phi: Floats
    charge: Floats
    weight: Floats


def empty(**identity: Any) -> PairTable:
    """Table without pairs, of the fields in `IDENTITY` and `BINNING`, sources and metadata.

    Raises
    ------
    BadInput : no tag or working point, or edges that do not increase
    """
    for kind in ("tags", "working_points"):
        if not identity[kind]:
            raise BadInput("tag and probe", f"no {kind.replace('_', ' ')}")
    shape = [len(identity["tags"]), len(identity["working_points"]), 2, 2]
    for kind in ("pt_edges", "abseta_edges", "mass_edges"):
        edges = identity[kind] = tuple(map(float, identity[kind]))
        check_edges(kind, edges)
        shape.append(len(edges) - 1)
    return PairTable(**identity, values=np.zeros(shape), variances=np.zeros(shape))


def check_edges(kind: str, edges: Sequence[float]) -> None:
    """Raise `BadInput` unless the edges increase and only the last may be infinite."""
    line = np.asarray(edges, np.float64)
    if len(line) < 2 or not np.all(np.diff(line) > 0) or not np.isfinite(line[:-1]).all():
        name = kind.replace("_", " ")
        wrong = f"{name} must increase, and only the last may be infinite: {list(edges)}"
        raise BadInput("tag and probe", wrong)
    if kind == "mass_edges" and math.isinf(line[-1]):
        raise BadInput("tag and probe", f"mass edges must be finite: {list(edges)}")


def invariant_mass(leptons: Leptons, one: Integers, other: Integers, mass: float) -> Floats:
    """Invariant mass of pairs of leptons, [n_pair] GeV.

    Parameters
    ----------
    one, other : [n_pair], rows
    mass : of each lepton, GeV
    """
    pt, eta, phi = (np.asarray(x, np.float64) for x in (leptons.pt, leptons.eta, leptons.phi))
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    along = np.cos(phi[one] - phi[other]) + np.sinh(eta[one]) * np.sinh(eta[other])
    square = 2.0 * (mass**2 + energy[one] * energy[other] - pt[one] * pt[other] * along)
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def count(
    table: PairTable,
    leptons: Leptons,
    *,
    tags: Mapping[str, Bools],
    probe: Bools,
    decisions: Mapping[str, Bools],
    mass: float,
) -> PairTable:
    """Table with the pairs of these leptons added; `table` stays as it is.

    Parameters
    ----------
    tags : selection -> [n_lepton]
    probe : [n_lepton]
    decisions : working point -> [n_lepton]
    mass : of a lepton, GeV

    Raises
    ------
    BadInput : a weight of a lepton that takes part is not finite
    """
    numbers = (leptons.pt, leptons.eta, leptons.phi, leptons.charge)
    good = np.logical_and.reduce([np.isfinite(x) for x in numbers]) & (leptons.charge != 0)
    if not np.isfinite(leptons.weight[good]).all():
        raise BadInput("tag and probe", "a weight is not finite", (), "mend the weights")
    values, variances = table.values.copy(), table.variances.copy()
    outside = table.outside
    for place, name in enumerate(table.tags):
        one, other = ordered_pairs(leptons.offsets, tags[name] & good, probe & good)
        bins, inside = _bins(table, leptons, one, other, mass)
        outside += 0 if place else int(np.count_nonzero(~inside))
        event = np.searchsorted(leptons.offsets, other[inside], side="right")
        weight = leptons.weight[other[inside]]
        for point, decided in enumerate(table.working_points):
            passed = decisions[decided][other[inside]].astype(np.int64)
            shape = values.shape[2:]
            cells = np.ravel_multi_index((passed, *bins), shape)
            found = _sums(cells, event, weight, math.prod(shape))
            values[place, point] += found[0].reshape(shape)
            variances[place, point] += found[1].reshape(shape)
    return replace(table, values=values, variances=variances, outside=outside)


def _bins(
    table: PairTable, leptons: Leptons, one: Integers, other: Integers, mass: float
) -> tuple[tuple[Integers, ...], Bools]:
    """Places in charge, pT, |eta| and mass of the pairs in the bins, and which are, [n_pair]."""
    variables = (
        (leptons.pt[other], table.pt_edges),
        (np.abs(leptons.eta[other]), table.abseta_edges),
        (invariant_mass(leptons, one, other, mass), table.mass_edges),
    )
    inside = np.ones(len(one), np.bool_)
    places = []
    for values, edges in variables:
        place = np.searchsorted(np.asarray(edges), values, side="right") - 1
        inside &= (place >= 0) & (place < len(edges) - 1)
        places.append(place)
    sign = np.where(leptons.charge[one] * leptons.charge[other] > 0, SAME, OPPOSITE)
    return tuple(place[inside] for place in (sign, *places)), inside


def _sums(cells: Integers, event: Integers, weight: Floats, n_cell: int) -> tuple[Floats, Floats]:
    """Sum of weights in each cell and its variance, [n_cell] each."""
    # Pairs of one event are no independent observations: their weights add before the square.
    key, place = np.unique(event * n_cell + cells, return_inverse=True)
    total = np.bincount(place, weight, minlength=len(key))
    sums = (np.bincount(key % n_cell, x, minlength=n_cell) for x in (total, total**2))
    values, variances = (np.asarray(x, np.float64) for x in sums)
    return values, variances
