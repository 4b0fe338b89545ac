"""Electron likelihoods: files of densities, read once and evaluated by a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lepid.errors import BadTable, NetworkMismatch, near_misses
from lepid.features.kernels import likelihood as kernels
from lepid.features.kernels.likelihood import Bins, Histograms, Leptons, Rule
from lepid.tables import Tables, read
from lepid.taggers.card_likelihood import (
    BINS,
    PILEUP,
    VARIABLES,
    Likelihood,
    PileUp,
    Plateaus,
    Skip,
)
from lepid.taggers.card_network import Network
from lepid.taggers.card_network import Node as InputNode
from lepid.taggers.densities import CLASSES, REFERENCES, Grid, grid

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Densities:
    """Densities of a file, ready to be evaluated as the card says.

    Attributes
    ----------
    options : of the card
    bins, histograms, rule : as the kernel takes them
    references : bins and [4, n_et, n_eta], if pile-up is corrected for
    """

    options: Likelihood
    bins: Bins
    histograms: Histograms
    rule: Rule
    references: tuple[Bins, Floats] | None = None

    def evaluate(self, rows: Mapping[str, Floats]) -> Floats:
        """Discriminant of each lepton, [n]; NaN where a number is not finite that is used.

        Parameters
        ----------
        rows : input node -> [n, n_input], as the card lists them

        Source
        ------
        Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx
        """
        et, abseta = (np.ascontiguousarray(column) for column in rows[BINS].T)
        leptons = Leptons(et, abseta, self.bins)
        found, state = kernels.products(leptons, rows[VARIABLES], self.histograms, self.rule)
        values = kernels.discriminant(*found)
        if self.options.pileup and self.references:
            bins, references = self.references
            limits = self.options.pileup.largest, self.options.pileup.most
            number = np.ascontiguousarray(rows[PILEUP][:, 0])
            leptons = leptons._replace(bins=bins)
            values = kernels.without_pileup(leptons, values, number, references, limits)
        if self.options.empty is not None and not self.options.plateaus:
            values[state == kernels.EMPTY] = self.options.empty
        return values


@cache
def get(path: Path, digest: str, network: Network) -> Densities:
    """The densities in the file at `path`; read once for each file and card.

    Raises
    ------
    BadTable : not a file of densities
    NetworkMismatch : the file does not fit the card
    """
    options = network.likelihood or Likelihood()
    nodes = {node.name: node for node in network.nodes}
    content = read(path)
    grids = _of_variables(content, nodes[VARIABLES], nodes[BINS])
    skip = {entry.feature: entry for entry in options.skip}
    limits = [skip.get(entry.feature, Skip(feature="")) for entry in nodes[VARIABLES].inputs]
    return Densities(
        options,
        _bins(content, grids[0][0], options.plateaus),
        _histograms(grids),
        Rule(
            np.array([limit.from_abseta for limit in limits]),
            np.array([limit.above_et for limit in limits]),
            options.neighbour == "index",
        ),
        _references(content, options.pileup) if options.pileup else None,
    )


def _of_variables(content: Tables, variables: InputNode, bins: InputNode) -> list[list[Grid]]:
    """Grids of signal and of background, one per variable.

    Raises
    ------
    NetworkMismatch : a density is missing, or a unit is not that of the card
    """
    names = {entry.feature: entry.unit for entry in variables.inputs}
    missing = [
        f"{name}_{c}" for name in names for c in CLASSES if f"{name}_{c}" not in content.names
    ]
    if missing:
        near = [match for name in missing for match in near_misses(name, content.names)]
        wrong = f"has no densities {', '.join(missing)}, which the card needs"
        raise NetworkMismatch(content.path, wrong, list(dict.fromkeys(near))[:3])
    for name, unit in names.items():
        wanted = {"et": bins.inputs[0].unit, "abseta": bins.inputs[1].unit, "x": unit}
        for kind in CLASSES:
            found = content.inputs(f"{name}_{kind}")
            if found != wanted:
                wrong = f"{name}_{kind} takes {_units(found)}, the card feeds {_units(wanted)}"
                raise NetworkMismatch(content.path, wrong)
    grids = [[grid(content, f"{name}_{kind}") for name in names] for kind in CLASSES]
    for other, (kind, name) in zip(chain(*grids), product(CLASSES, names), strict=True):
        if other[:2] != grids[0][0][:2]:
            raise BadTable(content.path, f"{name}_{kind} has other bins than the first density")
    return grids


def _units(inputs: Mapping[str, str]) -> str:
    return ", ".join(f"{name} [{unit}]" for name, unit in inputs.items())


def _bins(content: Tables, like: Grid, plateaus: Plateaus) -> Bins:
    edges, abseta = np.array(like.et_edges), np.array(like.abseta_edges)
    # Without plateaus there is nothing between one bin and the next.
    flat = np.array(plateaus) if plateaus else np.stack([edges[:-1], edges[1:]], axis=1)
    inner = edges[1:-1]
    fits = flat.shape == (len(edges) - 1, 2)
    if not (fits and (flat[1:, 0] >= inner).all() and (flat[:-1, 1] <= inner).all()):
        wrong = f"the card has {len(plateaus)} plateaus, the file bins of E_T with the edges "
        wrong += ", ".join(f"{edge:g}" for edge in edges)
        raise NetworkMismatch(content.path, wrong, (), "give each bin a plateau inside of it")
    return Bins(inner, abseta[1:-1], edges, flat)


def _histograms(grids: Sequence[Sequence[Grid]]) -> Histograms:
    shape = (2, len(grids[0][0].content), len(grids[0][0].content[0]), len(grids[0]))
    start, size = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    low, width = np.zeros(shape), np.zeros(shape)
    parts: list[Floats] = []
    n = 0
    for place in np.ndindex(shape):
        kind, et, eta, variable = place
        density = grids[kind][variable].content[et][eta]
        values = density.content
        start[place], size[place], low[place] = n, len(values), density.low
        width[place] = (density.high - density.low) / len(values)
        # As in Athena, where the content is divided by the sum of all.
        parts.append(values if values.any() else np.full(len(values), np.nan))
        n += len(values)
    return Histograms(start, size, low, width, np.concatenate(parts))


def _references(content: Tables, options: PileUp) -> tuple[Bins, Floats]:
    missing = [name for name in REFERENCES[:3] if name not in content.names]
    if missing:
        wrong = f"has no {', '.join(missing)}, which the correction for pile-up needs"
        raise NetworkMismatch(content.path, wrong)
    grids = {name: grid(content, name) for name in REFERENCES if name in content.names}
    first = grids[REFERENCES[0]]
    for name, other in grids.items():
        if other[:2] != first[:2]:
            raise BadTable(content.path, f"{name} has other bins than {REFERENCES[0]}")
    zeros = np.zeros((len(first.content), len(first.content[0])))
    values = [np.array(grids[n].content) if n in grids else zeros for n in REFERENCES]
    return _bins(content, first, options.plateaus), np.stack(values)
