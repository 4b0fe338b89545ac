"""Soft-lepton trees as a card with its forest and working points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.soft.inputs import INPUTS, Leptons, draft, tagger

from lepid.convert import trees, xgboost_json
from lepid.tables import correction
from lepid.taggers import card_file, catalogue
from lepid.taggers.card import Card
from lepid.working_points import table
from lepid.working_points.cuts import binned
from lepid.working_points.table import Binding, Requirement, Rules

POINTS = {"HF90": 0.90, "HF80": 0.80, "HF70": 0.70}
PT_EDGES = (2.0, 5.0, 7.0, 10.0, 15.0, 25.0, 500.0)
ABSETA_EDGES = (0.0, 1.05, 2.5)


def write(flavour: str, model: Path, n_tree: int, output: Path) -> None:
    """Convert the XGBoost file `model` to ``networks/<tagger>/reference``.

    Parameters
    ----------
    n_tree : how many of its trees are used
    """
    name = tagger(flavour)
    features = {f"f{i}": entry for i, entry in enumerate(INPUTS[flavour].items())}
    folder = trees.convert(
        xgboost_json.read(model, n_tree), model.name, output / "networks",
        tagger=name, network="reference", flavour=flavour, features=features, outputs=["p_HF"],
    )  # fmt: skip
    path = folder / "card.toml"
    made, wanted = card_file.load(path), Card.model_validate(draft(flavour))
    network = made.networks[0].model_copy(update={"valid": wanted.networks[0].valid})
    outputs = (made.outputs[0].model_copy(update={"doc": wanted.outputs[0].doc}),)
    update = {
        "networks": (network,), "outputs": outputs, "working_points": (f"{name}/reference.json",),
    }  # fmt: skip
    path.write_text(card_file.dump(wanted.model_copy(update=update)), "utf-8")


def points(flavour: str, heavy: Leptons, scores: npt.NDArray[np.float32], output: Path) -> None:
    """Write the cuts that keep fractions of `heavy` leptons in each bin of pt and |eta|."""
    name = tagger(flavour)
    folder = output / "networks" / name / "reference"
    card = card_file.load(folder / "card.toml")
    inputs = {"pt": f"pt of the {flavour} [GeV]", "abseta": "|eta|"}
    corrections = [
        correction(
            f"{point}_cut",
            f"cut that keeps {part:.0%} of the {flavour}s of b and c hadrons",
            inputs,
            ("cut", "on p_HF"),
            binned(PT_EDGES, ABSETA_EDGES, cuts(heavy, scores, part), ("pt", "abseta")),
        )
        for point, part in POINTS.items()
    ]
    rules = Rules(
        tagger=name,
        points={
            point: (Requirement(correction=f"{point}_cut", quantity="p_HF", sense=">"),)
            for point in POINTS
        },
        inputs={"pt": "pt", "abseta": "abseta"},
        bound_to=Binding(sha256=(catalogue.sha256(folder / card.networks[0].file),)),
    )
    text = f"{card.name}: fractions of leptons of b and c hadrons on lepid's own simulation"
    path = output / "wp_tables" / name / "reference.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, text, rules, corrections)


def cuts(heavy: Leptons, scores: npt.NDArray[np.float32], part: float) -> npt.NDArray[np.float64]:
    """Largest cut that keeps at least `part` of the leptons of each bin, [n_pt, n_eta]."""
    place = [
        np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(edges) - 2)
        for edges, values in (
            (PT_EDGES, heavy.columns["pt"]),
            (ABSETA_EDGES, np.abs(heavy.columns["eta"])),
        )
    ]
    found = np.zeros((len(PT_EDGES) - 1, len(ABSETA_EDGES) - 1))
    for i, j in np.ndindex(found.shape):
        here = scores[(place[0] == i) & (place[1] == j)].astype(np.float64)
        # With six decimals and below, so that the lepton on the cut stays.
        last = np.quantile(here, 1.0 - part, method="lower")
        found[i, j] = (np.ceil(1e6 * last) - 1.0) / 1e6
    return found
