"""Soft-lepton trees as a card with its forest and working points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from training.points import SAMPLE, named
from training.soft.inputs import INPUTS, Leptons, draft, tagger

from lepid.convert import trees, xgboost_json
from lepid.taggers import card_file
from lepid.taggers.card import Card
from lepid.working_points import written
from lepid.working_points.bins import Bins
from lepid.working_points.derive import derive
from lepid.working_points.points import Sample, Wanted

POINTS = {"HF90": 0.90, "HF80": 0.80, "HF70": 0.70}
HEAVY = f"leptons of b and c hadrons {SAMPLE}"
BINS = Bins((0.0, 5.0, 7.0, 10.0, 15.0, 25.0, np.inf), (0.0, 1.05, np.inf))


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
    name = f"{tagger(flavour)}/reference"
    derived = derive(
        Sample(
            {"p_HF": scores.astype(np.float64)},
            {HEAVY: np.ones(len(scores), np.bool_)},
            heavy.columns["pt"],
            np.abs(heavy.columns["eta"]),
            np.ones(len(scores)),
        ),
        [Wanted(point, HEAVY, part, f"efficiency {part:g}") for point, part in POINTS.items()],
        BINS,
    )
    card = card_file.load(output / "networks" / name / "card.toml")
    path = output / "wp_tables" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    written.write(named(card, derived), path)
