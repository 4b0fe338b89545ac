"""Scored and labelled leptons: what ROC curves of any choice are made of, exact when added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from lepid.efficiency.intervals import Efficiency
from lepid.efficiency.roc import spectra
from lepid.efficiency.roc.bins import Binned, binned
from lepid.efficiency.roc.curves import Bools, Floats, Roc, roc
from lepid.efficiency.roc.reweighting import reweighted
from lepid.efficiency.roc.spectra import Distribution
from lepid.errors import BadInput, UnknownName

VARIABLES = ("pt", "abseta", "pileup")
SCORE, CLASS, WEIGHT = "score", "class", "weight"
# What may differ between samples that add up; of the metadata each entry is compared.
ADDED = ("columns", "unscored", "left_out", "sources", "metadata")


@dataclass(frozen=True)
class RocSample:
    """Leptons with a score and a true class, and what they come from.

    It keeps the leptons, 34 bytes for each and 8 more with pile-up: no binned form of the scores
    would give the cuts of all leptons exactly.

    Attributes
    ----------
    tagger, network, quantity, collection, scheme : what was scored; `scheme` names the classes
    experiment : ``"atlas"``, ``"cms"`` or empty: the style of pictures
    classes : truth classes of the scheme
    signal, background : those that are told apart
    columns : score, class (place in `classes`), weight, pt (GeV), abseta and maybe pileup,
        [n_lepton] each; leptons of other classes are not kept
    unscored : class -> number of leptons without a score, which are not in the columns
    spectrum : what the weights were changed to, else empty
    left_out : number of leptons that this gave the weight 0
    sources : input files
    metadata : what else must agree for two to be added, such as hashes
    """

    tagger: str
    network: str
    quantity: str
    collection: str
    scheme: str
    experiment: str
    classes: tuple[str, ...]
    signal: tuple[str, ...]
    background: tuple[str, ...]
    columns: Mapping[str, npt.NDArray[np.generic]]
    unscored: Mapping[str, int]
    spectrum: str = ""
    left_out: int = 0
    sources: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Tagger, network and quantity."""
        return f"{self.tagger}@{self.network} {self.quantity}"

    @property
    def populated(self) -> tuple[str, ...]:
        """Backgrounds with leptons, in the order of the scheme."""
        found = set(np.unique(self.columns[CLASS]).tolist())
        return tuple(
            name for i, name in enumerate(self.classes) if name in self.background and i in found
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables to measure against: pt, abseta, and pileup where it was read."""
        return tuple(name for name in VARIABLES if name in self.columns)

    def column(self, name: str) -> Floats:
        """A column in double precision, [n_lepton].

        Raises
        ------
        UnknownName : there is none
        """
        if name not in self.columns:
            raise UnknownName.of(self.name, "column", name, self.columns)
        return self.columns[name].astype(np.float64)

    def of_classes(self, names: str | Sequence[str]) -> Bools:
        """Whether each lepton is of one of these classes, [n_lepton].

        Raises
        ------
        UnknownName : none of the classes that are told apart has this name
        """
        known = (*self.signal, *self.background)
        chosen = (names,) if isinstance(names, str) else tuple(names)
        for name in chosen:
            if name not in known:
                raise UnknownName.of(self.name, "class", name, known)
        return np.isin(self.columns[CLASS], [self.classes.index(name) for name in chosen])

    def curve(self, background: str | Sequence[str] | None = None) -> Roc:
        """ROC curve of the signal against all background, or some of it.

        Raises
        ------
        BadInput : as `roc.roc`
        UnknownName : as `of_classes`
        """
        keep, signal = self._told_apart(background)
        return roc(self.column(SCORE)[keep], signal, self.column(WEIGHT)[keep])

    def against(
        self,
        variable: str,
        edges: Sequence[float],
        efficiency: float,
        *,
        background: str | Sequence[str] | None = None,
        per_bin: bool = False,
    ) -> Binned:
        """Efficiencies and rejection in bins of a variable, at an efficiency of the signal.

        Parameters
        ----------
        variable : one of `variables`
        edges, efficiency, per_bin : as in `bins.binned`

        Raises
        ------
        BadInput : as `bins.binned`
        UnknownName : no such variable or class
        """
        keep, signal = self._told_apart(background)
        return binned(
            self.column(SCORE)[keep],
            signal,
            self.column(variable)[keep],
            edges,
            efficiency=efficiency,
            weight=self.column(WEIGHT)[keep],
            per_bin=per_bin,
        )

    def distribution(self, classes: str | Sequence[str], edges: npt.ArrayLike) -> Distribution:
        """Distribution of the score of some classes together.

        Raises
        ------
        BadInput : as `spectra.distribution`
        UnknownName : as `of_classes`
        """
        keep = self.of_classes(classes)
        return spectra.distribution(self.column(SCORE)[keep], edges, self.column(WEIGHT)[keep])

    def composition(self, cut: float) -> dict[str, tuple[float, float, float]]:
        """Part that each background is of all background with ``score >= cut``, with its interval.

        Returns
        -------
        Class -> part and ends of the interval; NaN where no background is left
        """
        keep, _ = self._told_apart(None)
        keep &= ~self.of_classes(self.signal)
        found: Efficiency = spectra.composition(
            self.columns[CLASS][keep].astype(np.int64),
            len(self.classes),
            self.column(SCORE)[keep] >= cut,
            self.column(WEIGHT)[keep],
        )
        rows = zip(found.value.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
        parts = dict(zip(self.classes, rows, strict=True))
        return {name: parts[name] for name in self.populated}

    def correlations(self, classes: str | Sequence[str], *, ranks: bool = False) -> Floats:
        """Correlations of the score and the `variables` of some classes, in this order.

        Raises
        ------
        BadInput : as `spectra.correlations`
        UnknownName : as `of_classes`
        """
        keep = self.of_classes(classes)
        columns = {name: self.column(name)[keep] for name in (SCORE, *self.variables)}
        return spectra.correlations(columns, self.column(WEIGHT)[keep], ranks=ranks)

    def reweighted(
        self, spectrum: str, pt_edges: Sequence[float], abseta_edges: Sequence[float]
    ) -> RocSample:
        """The same leptons with weights that make the spectra in pT and |eta| alike.

        Parameters
        ----------
        spectrum : ``"flat"``, ``"signal"`` or ``"background"``
        pt_edges, abseta_edges : GeV; the bins of the spectra

        Raises
        ------
        UnknownName, BadInput : as `reweighting.reweighted`; or this was done before
        """
        if self.spectrum:
            wrong = f"the spectra are those of {self.spectrum} already"
            raise BadInput(self.name, wrong, (), "start from the leptons as they were read")
        found = reweighted(
            self.of_classes(self.signal),
            (self.column("pt"), self.column("abseta")),
            (pt_edges, abseta_edges),
            spectrum,
            self.column(WEIGHT),
        )
        columns = {**self.columns, WEIGHT: found.weight}
        return replace(self, columns=columns, spectrum=spectrum, left_out=found.left_out)

    def __add__(self, other: RocSample) -> RocSample:
        """The leptons of both; what is measured then is the same to the last bit in any order.

        Raises
        ------
        BadInput : they are not about the same thing, or were reweighted, which adds up only before
        """
        if not isinstance(other, RocSample):
            return NotImplemented
        differences = _differences(self, other)
        if differences:
            do = "add leptons with one score, truth scheme, signal and background"
            raise BadInput("roc", "; ".join(differences), (), do)
        if self.spectrum:
            do = "add first, reweight then"
            raise BadInput("roc", "reweighted leptons do not add up", (), do)
        columns = {k: np.concatenate([v, other.columns[k]]) for k, v in self.columns.items()}
        unscored = {name: n + other.unscored[name] for name, n in self.unscored.items()}
        sources = tuple(dict.fromkeys(self.sources + other.sources))
        return replace(self, columns=columns, unscored=unscored, sources=sources)

    def _told_apart(self, background: str | Sequence[str] | None) -> tuple[Bools, Bools]:
        """Leptons of signal and background that have weight, and which of them are signal."""
        signal = self.of_classes(self.signal)
        other = self.of_classes(self.background if background is None else background)
        keep = signal | other
        if self.spectrum:
            # Those that reweighting left out are no leptons with a weight of 0.
            keep &= self.column(WEIGHT) != 0.0
        return keep, signal[keep]


def _differences(one: RocSample, other: RocSample) -> list[str]:
    names = [entry.name for entry in fields(RocSample)]
    names = [name for name in names if name not in ADDED]
    names.append("variables")
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in names]
    for key in sorted({*one.metadata, *other.metadata}):
        pairs.append((f"metadata {key}", one.metadata.get(key), other.metadata.get(key)))
    return [f"{name}: {a!r} and {b!r}" for name, a, b in pairs if a != b]
