"""Passed and all leptons per class, working point, pT and |eta|. The only home of hist."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

import hist
import numpy as np
import numpy.typing as npt
from uhi.io import from_sparse, to_sparse

from lepid.efficiency import columns, intervals
from lepid.efficiency.intervals import Efficiency
from lepid.errors import BadInput, UnknownName, UnknownWorkingPoint

Array: TypeAlias = npt.NDArray[np.float64]

# 1.05: end of the ATLAS muon barrel; 1.37 to 1.52: crack of the ATLAS calorimeter, which also
# holds the barrel edge of CMS; 0.1: muon services; 2.7: forward muons. The last pT bin is open.
DEFAULT_PT_EDGES: tuple[float, ...] = (
    *(0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0, 120.0, 200.0),
    math.inf,
)
DEFAULT_ABSETA_EDGES = (0.0, 0.1, 0.8, 1.05, 1.37, 1.52, 2.0, 2.5, 2.7)
BINNED = ("pt", "abseta")


@dataclass(frozen=True)
class EfficiencyTable:
    """Leptons that passed and failed each working point, and what they were measured with.

    Attributes
    ----------
    tagger, network, collection, scheme : what was measured; `scheme` names the truth classes
    experiment : ``"atlas"``, ``"cms"`` or empty: the style of pictures
    histogram : axes truth_class, working_point, passed, pt (GeV) and abseta; weighted storage
    unscored : number of leptons of each class that have no score and are not in the histogram
    weighted : whether any weight differed from 1
    negative_weights : whether any weight was negative
    sources : input files
    metadata : what else must agree for two tables to be added, such as hashes
    """

    tagger: str
    network: str
    collection: str
    scheme: str
    experiment: str
    histogram: hist.Hist[Any]
    unscored: Mapping[str, int]
    weighted: bool = False
    negative_weights: bool = False
    sources: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Truth classes, also those without leptons."""
        return tuple(self.histogram.axes["truth_class"])

    @property
    def working_points(self) -> tuple[str, ...]:
        """Names of the working points."""
        return tuple(self.histogram.axes["working_point"])

    @property
    def pt_edges(self) -> tuple[float, ...]:
        """Bin edges in GeV; the last may be infinite."""
        return tuple(self.histogram.axes["pt"].edges.tolist())

    @property
    def abseta_edges(self) -> tuple[float, ...]:
        """Bin edges in |eta|; the last may be infinite."""
        return tuple(self.histogram.axes["abseta"].edges.tolist())

    @property
    def populated(self) -> tuple[str, ...]:
        """Truth classes with at least one scored lepton."""
        # Squared weights, because weights can add up to 0.
        squares = self._cells()[:, 0]["variance"].sum(axis=(1, 2, 3))
        return tuple(name for name, sum_ in zip(self.classes, squares, strict=True) if sum_ > 0)

    @property
    def outside(self) -> dict[str, float]:
        """Sum of weights per class of the scored leptons outside the bins in pT or |eta|.

        They are part of every efficiency that is not binned in that variable.
        """
        values = self._cells()[:, 0]["value"].sum(axis=1)
        values[:, 1:-1, 1:-1] = 0.0
        return dict(zip(self.classes, values.sum(axis=(1, 2)).tolist(), strict=True))

    def efficiency(
        self,
        working_point: str,
        truth_class: str | Sequence[str],
        by: tuple[str, ...] = BINNED,
        interval: str | None = None,
        coverage: float = intervals.ONE_SIGMA,
    ) -> Efficiency:
        """Efficiency of `working_point` for one class or for several added together.

        Parameters
        ----------
        by : variables it is binned in, out of pt and abseta; () is the inclusive efficiency
        interval : one of `intervals.ASKABLE`; None is Clopper-Pearson, on effective counts if
            there are weights, or the normal one if some are negative
        coverage : of the interval, between 0 and 1

        Raises
        ------
        UnknownWorkingPoint, UnknownName : a working point, class, variable or interval is unknown
        BadInput : the interval is not defined for these weights
        """
        name = intervals.choose(interval, weighted=self.weighted, negative=self.negative_weights)
        counts = self.counts(working_point, truth_class)
        values, squares = (_projected(counts[part], by) for part in ("value", "variance"))
        sums = intervals.Sums(values[1, ...], values[0, ...], squares[1, ...], squares[0, ...])
        low, high = intervals.evaluate(sums, name, coverage)
        edges = tuple(self.histogram.axes[variable].edges for variable in by)
        return Efficiency(sums.value, low, high, sums.passed, sums.total, edges, name)

    def counts(self, working_point: str, truth_class: str | Sequence[str]) -> Any:
        """Sums ``value`` and ``variance``: [n_class, failed or passed, n_pt + 2, n_abseta + 2].

        The first and last bins in pT and |eta| are those below and above the edges.

        Raises
        ------
        UnknownWorkingPoint, UnknownName : the table does not have the point or a class
        """
        where = f"efficiency table of {self.tagger}"
        chosen = [truth_class] if isinstance(truth_class, str) else dict.fromkeys(truth_class)
        for name in chosen:
            if name not in self.classes:
                raise UnknownName.of(where, "truth class", name, self.classes)
        if working_point not in self.working_points:
            raise UnknownWorkingPoint.of(where, "working point", working_point, self.working_points)
        rows = [self.classes.index(name) for name in chosen]
        return self._cells()[rows, self.working_points.index(working_point)]

    def __add__(self, other: EfficiencyTable) -> EfficiencyTable:
        """Table of the leptons of both.

        Raises
        ------
        BadInput : they do not measure the same thing in the same bins; lists every difference
        """
        if not isinstance(other, EfficiencyTable):
            return NotImplemented
        differences = _differences(self, other)
        if differences:
            do = "add tables of one tagger, network, truth scheme and binning"
            raise BadInput("efficiency tables", "; ".join(differences), (), do)
        return replace(
            self,
            histogram=self.histogram + other.histogram,
            unscored={k: self.unscored[k] + other.unscored[k] for k in self.classes},
            weighted=self.weighted or other.weighted,
            negative_weights=self.negative_weights or other.negative_weights,
            sources=tuple(dict.fromkeys(self.sources + other.sources)),
        )

    def _cells(self) -> Any:
        return np.asarray(self.histogram.view(flow=True))


def empty(
    tagger: str,
    network: str,
    *,
    classes: Sequence[str],
    working_points: Sequence[str],
    collection: str = "",
    scheme: str = "",
    experiment: str = "",
    pt_edges: Sequence[float] = DEFAULT_PT_EDGES,
    abseta_edges: Sequence[float] = DEFAULT_ABSETA_EDGES,
    sources: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
) -> EfficiencyTable:
    """Table without leptons.

    Parameters
    ----------
    pt_edges : [n_pt + 1], GeV; the last may be infinite
    abseta_edges : [n_abseta + 1]

    Raises
    ------
    BadInput : no class or working point, one named twice, or edges that do not increase
    """
    where = f"efficiency table of {tagger}"
    for kind, names in (("truth class", classes), ("working point", working_points)):
        if not names or len(set(names)) < len(names):
            wrong = f"every {kind} needs a name of its own and there must be one: {list(names)}"
            raise BadInput(where, wrong)
    for kind, edges in (("pt", pt_edges), ("abseta", abseta_edges)):
        line = np.asarray(edges, np.float64)
        if len(line) < 2 or not np.all(np.diff(line) > 0) or not np.isfinite(line[:-1]).all():
            wrong = f"{kind} edges must increase, and only the last may be infinite: {list(edges)}"
            raise BadInput(where, wrong)
    histogram = hist.Hist(
        hist.axis.StrCategory(classes, name="truth_class", label="truth class", overflow=False),
        hist.axis.StrCategory(
            working_points, name="working_point", label="working point", overflow=False
        ),
        hist.axis.Boolean(name="passed", label="passed"),
        hist.axis.Variable(pt_edges, name="pt", label="pT [GeV]"),
        hist.axis.Variable(abseta_edges, name="abseta", label="|eta|"),
        storage=hist.storage.Weight(),
    )
    return EfficiencyTable(
        tagger=tagger,
        network=network,
        collection=collection,
        scheme=scheme,
        experiment=experiment,
        histogram=histogram,
        unscored=dict.fromkeys(classes, 0),
        sources=tuple(sources),
        metadata=dict(metadata or {}),
    )


def count(
    table: EfficiencyTable,
    *,
    decisions: Mapping[str, npt.ArrayLike],
    scored: npt.ArrayLike,
    truth_class: npt.ArrayLike,
    pt: npt.ArrayLike,
    abseta: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
) -> EfficiencyTable:
    """Table with these leptons added; `table` stays as it is.

    Parameters
    ----------
    decisions : working point -> [n_lepton] bool; every working point of the table
    scored : [n_lepton] bool; leptons without a score are only counted
    truth_class : [n_lepton], names of classes or their places in `table.classes`
    pt : [n_lepton], GeV
    abseta : [n_lepton]
    weight : [n_lepton]; None is 1 for each lepton

    Raises
    ------
    UnknownWorkingPoint, UnknownName : a working point or class is not in the table
    BadInput : lengths differ, a working point is missing, or a scored lepton has a pt, |eta| or
        weight that is not finite, or a negative |eta|
    """
    leptons = columns.checked(
        f"efficiency table of {table.tagger}",
        classes=table.classes,
        working_points=table.working_points,
        decisions=decisions,
        scored=scored,
        truth_class=truth_class,
        pt=pt,
        abseta=abseta,
        weight=weight,
    )
    histogram = table.histogram.copy()
    _fill(histogram, leptons)
    lost = zip(table.classes, leptons.unscored.tolist(), strict=True)
    return replace(
        table,
        histogram=histogram,
        unscored={name: table.unscored[name] + number for name, number in lost},
        weighted=table.weighted or bool(np.any(leptons.weight != 1.0)),
        negative_weights=table.negative_weights or bool(np.any(leptons.weight < 0.0)),
    )


def _fill(histogram: hist.Hist[Any], leptons: columns.Leptons) -> None:
    # Older versions of boost-histogram take an empty array for text.
    if leptons.pt.size == 0:
        return
    # One bincount per working point; hist takes categories as text only, one name per lepton.
    cells: Any = histogram.view(flow=True)
    shape = (cells.shape[0], *cells.shape[2:])
    # index() is -1 below the first edge, which is place 0 of the view with flow.
    pt = histogram.axes["pt"].index(leptons.pt) + 1
    abseta = histogram.axes["abseta"].index(leptons.abseta) + 1
    for place, passed in enumerate(leptons.decisions):
        bins = np.ravel_multi_index((leptons.truth_class, passed.astype(int), pt, abseta), shape)
        for part, power in (("value", 1), ("variance", 2)):
            sums = np.bincount(bins, leptons.weight**power, minlength=math.prod(shape))
            cells[part][:, place] += sums.reshape(shape)


def _projected(counts: Array, by: tuple[str, ...]) -> Array:
    """[2, *bins in `by`] from [n_class, 2, n_pt + 2, n_abseta + 2]; the first is failed."""
    for name in by:
        if name not in BINNED:
            raise UnknownName.of("efficiency", "variable", name, BINNED)
    if len(set(by)) < len(by):
        raise BadInput("efficiency", f"a variable is named twice: {', '.join(by)}")
    # Leptons outside the bins of a variable count where it is summed over, not where it is shown.
    bins = tuple(slice(1, -1) if name in by else slice(None) for name in BINNED)
    summed = tuple(axis for axis, name in enumerate(BINNED, 1) if name not in by)
    result: Array = counts.sum(axis=0)[:, *bins].sum(axis=summed)
    kept = [name for name in BINNED if name in by]
    return result.transpose(0, *(1 + kept.index(name) for name in by))


def _differences(one: EfficiencyTable, other: EfficiencyTable) -> list[str]:
    identity = ("tagger", "network", "collection", "scheme", "experiment")
    binning = ("classes", "working_points", "pt_edges", "abseta_edges")
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in identity + binning]
    for key in sorted({*one.metadata, *other.metadata}):
        pairs.append((f"metadata {key}", one.metadata.get(key), other.metadata.get(key)))
    return [f"{name}: {a!r} and {b!r}" for name, a, b in pairs if a != b]


def plane(
    contents: Array, variances: Array, edges: tuple[Sequence[float], Sequence[float]], label: str
) -> hist.Hist[Any]:
    """Histogram in pT (GeV) and |eta| with these contents.

    Parameters
    ----------
    contents, variances : [n_pt + 2, n_abseta + 2], with the bins below and above the edges
    edges : finite edges in pT (GeV) and |eta|
    label : title of the histogram
    """
    histogram = hist.Hist(
        hist.axis.Variable(edges[0], name="pt", label="p_{T} [GeV]"),
        hist.axis.Variable(edges[1], name="abseta", label="|#eta|"),
        storage=hist.storage.Weight(),
    )
    # uproot takes the title of a ROOT histogram from this attribute.
    setattr(histogram, "title", label)  # noqa: B010  (hist has no such field)
    histogram.view(flow=True)[...] = np.stack([contents, variances], axis=-1)
    return histogram


def line(contents: Array, variances: Array, edges: Sequence[float], label: str) -> hist.Hist[Any]:
    """Histogram in the mass of pairs (GeV) with these contents, [n_mass] each."""
    axis = hist.axis.Variable(edges, name="mass", label="m [GeV]")
    histogram = hist.Hist(axis, storage=hist.storage.Weight())
    setattr(histogram, "title", label)  # noqa: B010  (as in `plane`)
    histogram.view()[...] = np.stack([contents, variances], axis=-1)
    return histogram


def serialised(table: EfficiencyTable) -> dict[str, Any]:
    """Fields of the table by name, the histogram in the sparse form of uhi."""
    content = {entry.name: getattr(table, entry.name) for entry in fields(table)}
    content["histogram"] = to_sparse(table.histogram._to_uhi_())
    return content


def restored(content: Mapping[str, Any]) -> EfficiencyTable:
    """Table of the fields that `serialised` gave."""
    known = {entry.name: content[entry.name] for entry in fields(EfficiencyTable)}
    known["histogram"] = hist.Hist(from_sparse(content["histogram"]))
    known["sources"] = tuple(content["sources"])
    return EfficiencyTable(**known)
