"""The electron likelihood of the reference sample: densities, scores, points beside the network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.electron.inputs import FEATURES, PROCESSES, VARIABLES, Electrons

from lepid.analysis.building import build_likelihood
from lepid.analysis.recipe import ATLAS, FILE, Recipe
from lepid.convert.electron_dnn import INPUTS
from lepid.efficiency.truth_codes import DNN
from lepid.tables import Node, correction
from lepid.taggers import card_file, catalogue, likelihood
from lepid.taggers.card_likelihood import BINS
from lepid.taggers.card_likelihood import VARIABLES as NODE
from lepid.working_points import table
from lepid.working_points.bins import Bins
from lepid.working_points.cuts import binned
from lepid.working_points.derive import derive
from lepid.working_points.points import Sample, Wanted
from lepid.working_points.table import SENSES, Binding, Requirement, Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NAME = "electron_lh@reference"
SCORE = "D_LH"
# What the names of the network's discriminants begin with.
SCORES = ("D_el", "D_CF")
HEAD = "# Not a likelihood of an experiment: densities of lepid's own simulation (ORIGIN.md).\n"
TEXT = "as many prompt electrons as electron_dnn@reference on lepid's own simulation, not of data"
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
CUTS = Bins((0.0, 7.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, np.inf), RECIPE.abseta_edges)
PROMPT = "prompt electrons"
# On each side of a cut: what is compared in bins is to have a cut in each.
FEWEST = 1.0
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


def ship(folder: Path, electrons: Electrons, beside: Table, path: Path) -> None:
    """Write working points beside those of the network, and the card that names them.

    A point has all cuts of the network's point of that name but those on its discriminants, and
    in each bin of E_T and |eta| a cut on the likelihood that leaves as many prompt electrons.

    Parameters
    ----------
    folder : of `build`
    electrons : of the validation events, with what the network's discriminants are in `columns`
    beside : table of the network
    path : of the new table
    """
    text = (folder / "card.toml").read_text("utf-8")
    if not text.startswith(HEAD):
        line = f'working_points = ["{NAME.replace("@", "/")}.json"]\n'
        text = HEAD + text.replace("reference = true\n", f"reference = true\n{line}", 1)
        (folder / "card.toml").write_text(text, "utf-8")
    card = card_file.load(folder / "card.toml")
    value = scores(folder, electrons)
    prompt = electrons.columns["truth"] == DNN.El
    nodes = {node["name"]: node for node in json.loads(beside.tables.text)["corrections"]}
    passed, shared = decisions(beside, electrons), decisions(beside, electrons, without=SCORES)
    points, corrections = {}, []
    for name in beside.points:
        kept = [r for r in beside.requirements(name) if not r.quantity.startswith(SCORES)]
        corrections += [nodes[requirement.correction] for requirement in kept]
        cut = cuts(electrons.of(prompt), value[prompt], passed[name][prompt], shared[name][prompt])
        corrections.append(_correction(f"{name}_passLH", cut))
        mine = Requirement(correction=f"{name}_passLH", quantity=SCORE, sense=">=")
        points[name] = (*kept, mine)
    digest = catalogue.sha256(folder / FILE)
    changed = {"tagger": card.tagger, "points": points, "bound_to": Binding(sha256=(digest,))}
    rules = beside.rules.model_copy(update=changed)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, f"{card.name}: {TEXT}", rules, corrections)


def decisions(points: Table, electrons: Electrons, without: Sequence[str] = ()) -> dict[str, Bools]:
    """Working point -> which electrons pass its cuts but those on quantities named `without`.

    Parameters
    ----------
    electrons : what the cuts are on is in `columns`
    without : beginnings of names
    """
    columns = electrons.columns
    values = {feature: columns[name] for name, (feature, _) in FEATURES.items()} | columns
    axes = {name: columns[name] for name in ("et", "abseta")}
    found = {}
    for point in points.points:
        passed = np.ones(len(electrons.inputs), bool)
        for r in points.requirements(point):
            if not r.quantity.startswith(tuple(without)):
                passed &= SENSES[r.sense](values[r.quantity], points.cuts(r, axes))
        found[point] = passed
    return found


def cuts(electrons: Electrons, value: Floats, wanted: Bools, shared: Bools) -> Floats:
    """Cut on `value` in each bin that leaves as much weight as is `wanted`, [n_et, n_eta].

    Parameters
    ----------
    value : [n], larger is more prompt
    wanted : [n], which electrons pass in the end what the others are to equal
    shared : [n], which pass all other cuts; those that are wanted are among them
    """
    columns = electrons.columns
    sample = Sample(
        {SCORE: value}, {PROMPT: shared}, columns["et"], columns["abseta"], columns["weight"]
    )  # fmt: skip
    like = Wanted("point", PROMPT, wanted.astype(np.float64), "efficiency of the network's point")
    (point,) = derive(sample, [like], CUTS, sense=">=", minimum=FEWEST).points
    return point.cuts[0]


def places(electrons: Electrons) -> npt.NDArray[np.int64]:
    """Bin of E_T and |eta| of each electron in `CUTS`, [n]."""
    return CUTS.places(electrons.columns["et"], electrons.columns["abseta"])


def _correction(name: str, cut: Floats) -> Node:
    node = binned(CUTS.pt_edges, CUTS.abseta_edges, cut)
    return correction(name, f"cut on {SCORE}", INPUTS, ("cut", SCORE), node)
