"""What networks, rivals and cuts say of the same test muons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from training.curves import Measured, Scored, area, fraction, measured
from training.splits import TEST, TRAIN, VALIDATION
from training.tightnn import cuts, points, runs, weights
from training.tightnn.cuts import Maps
from training.tightnn.inputs import Muons
from training.tightnn.points import Cuts
from training.tightnn.runs import Run

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
TIGHT, BINNED, FLAT = "CutBasedTight", "TightNN", "TightNNFlat"
REPLICAS = 200


class Compared(NamedTuple):
    """Test muons of one run of the LHC.

    Attributes
    ----------
    weight : physical, [n]
    scores : name of a run of the training -> [n]
    passed : point, or name of another run at the efficiency of Tight -> [n]
    cuts, maps : of the shipped network, and those of Tight
    """

    muons: Muons
    weight: Floats
    scores: Mapping[str, Floats]
    passed: Mapping[str, Bools]
    cuts: Cuts
    maps: Maps

    def fractions(self, name: str, chosen: Bools | None = None) -> tuple[Measured, Measured]:
        """Signal and background that pass, of all or the chosen muons."""
        inside = np.ones(len(self.weight), np.bool_) if chosen is None else chosen
        classes = (inside & self.muons.signal, inside & ~self.muons.signal)
        signal, background = (fraction(self.passed[name][c], self.weight[c]) for c in classes)
        return signal, background

    def gain(self, name: str, chosen: Bools | None = None) -> Measured:
        """Background that passes Tight over that which passes `name`: both are of the same muons.

        The error is that of 200 samples in which each muon comes a Poisson number of times.
        """
        inside = ~self.muons.signal if chosen is None else chosen & ~self.muons.signal
        weight = self.weight[inside]
        both = np.stack([weight * self.passed[n][inside] for n in (TIGHT, name)])
        rng = np.random.default_rng(1)
        counts = np.concatenate(
            [np.ones((1, len(weight))), rng.poisson(1.0, (REPLICAS, len(weight)))]
        )
        tight, other = both @ counts.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return measured(tight / other)

    def area(self, name: str) -> Measured:
        """Area below the curve of signal against background."""
        scored = Scored({name: self.scores[name]}, self.muons.signal, self.weight)
        return area(scored, name)


def compare(shipped: Run, others: list[Run], muons: Muons, folder: Path) -> Compared:
    """The test muons, with cuts that were found on others.

    Parameters
    ----------
    others : at the efficiency of Tight in all
    muons : of all splits
    folder : with what the runs said of them
    """
    weight = weights.physical(muons, run2=shipped.run2)
    parts = [muons.columns["split"] == part for part in (TRAIN, VALIDATION, TEST)]
    train, validation, test = (muons.of(part) for part in parts)
    maps = cuts.fit(train, weight[parts[0]])
    said = {run.name: _scores(run, muons, folder) for run in (shipped, *others)}
    scores = {name: score[parts[2]] for name, score in said.items()}
    tight = cuts.passes(maps, validation)
    passed = {TIGHT: cuts.passes(maps, test)}
    found = {
        name: points.find(validation, weight[parts[1]], score[parts[1]], tight)
        for name, score in said.items()
    }
    passed |= found[shipped.name].passes(test, scores[shipped.name])
    passed |= {run.name: scores[run.name] > found[run.name].flat for run in others}
    return Compared(test, weight[parts[2]], scores, passed, found[shipped.name], maps)


def _scores(run: Run, muons: Muons, folder: Path) -> Floats:
    with np.load(folder / f"{run.name}.npz") as file:
        scores = file["scores"].astype(np.float64)
    if len(scores) != len(muons.inputs):
        message = f"{run.name}.npz is of other muons; remove it to train anew"
        raise ValueError(message)
    return scores


def runs_of(shipped: Run) -> list[Run]:
    """Rivals and variants of a shipped network."""
    return [run for run in runs.ALL if run != shipped and run.run2 == shipped.run2]
