"""The electron likelihood of the reference sample: densities, scores, points beside the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.electron.inputs import PROCESSES, VARIABLES, Electrons

from lepid.building import ATLAS, FILE, Recipe, build_likelihood
from lepid.efficiency.truth_codes import DNN
from lepid.taggers import card_file, catalogue, likelihood
from lepid.taggers.card import Card
from lepid.taggers.card_likelihood import BINS
from lepid.taggers.card_likelihood import VARIABLES as NODE
from lepid.working_points import table
from lepid.working_points.cuts import binned
from lepid.working_points.table import Binding, Range, Requirement, Rules, Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NAME = "electron_lh@reference"
SCORE, CHARGE_FLIP = "D_LH", "D_CF"
RECIPE = Recipe(
    # The calorimeter of the sample has no layers: eta is that of the whole cluster.
    variables=tuple("el_rhad_calo" if name == "el_rhad" else name for name in ATLAS),
    abseta="abseta_calo",
    et_edges=(0.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, np.inf),
    weight="Electrons.weight",
    only="EventInfo.split=0",
    reference=True,
)
# Of the cuts, which have more electrons per bin than the densities need.
ET_EDGES = (0.0, 7.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, np.inf)
ABSETA_EDGES = RECIPE.abseta_edges
# Variables of the likelihood under the names of those of the network.
SAME = {"el_d0significance": "d0significance"}
COLUMNS = {"f3": "f3", "transformed_e_probability_ht": "TRT", "trackParticleLinks.d0": "d0"}


def build(sample: Path, folder: Path) -> None:
    """Densities and card in `folder`, of the training events of all processes."""
    build_likelihood([str(sample / name / "*.root") for name in PROCESSES], folder, RECIPE)


def scores(folder: Path, electrons: Electrons) -> Floats:
    """Discriminant of the densities in `folder`, [n]."""
    card = card_file.load(folder / "card.toml")
    network = card.networks[0]
    path = folder / network.file
    ready = likelihood.get(path, catalogue.sha256(path), network)
    columns = electrons.columns
    return ready.evaluate({
        NODE: np.stack([_variable(name, electrons) for name in RECIPE.variables], axis=1),
        BINS: np.stack([columns["et"], columns["abseta"]], axis=1),
    })  # fmt: skip


def _variable(name: str, electrons: Electrons) -> Floats:
    if name in COLUMNS:
        return np.asarray(electrons.columns[COLUMNS[name]], np.float64)
    if name == "el_rhad_calo":
        all_layers, first = (electrons.inputs[:, VARIABLES.index(n)] for n in ("Rhad", "Rhad1"))
        abseta = electrons.columns["abseta"]
        return np.where((abseta >= 0.8) & (abseta < 1.37), all_layers, first).astype(np.float64)
    return electrons.inputs[:, VARIABLES.index(SAME.get(name, name))].astype(np.float64)


