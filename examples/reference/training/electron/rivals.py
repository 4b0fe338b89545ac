"""What the electron network is compared with: boosted trees on its inputs, and one for charges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from training import trees
from training.electron import fit
from training.electron.inputs import VARIABLES, Electrons, load
from training.splits import TRAIN, VALIDATION

from lepid.efficiency.truth_codes import DNN
from lepid.files_out import atomic

Floats = npt.NDArray[np.float64]

N_CLASS = 6
DEPTH, RATE, ROUNDS, PATIENCE = 6, 0.2, 200, 15
# Few electrons have the wrong charge: smaller trees, and more of them.
CHARGE_DEPTH, CHARGE_RATE, CHARGE_ROUNDS = 3, 0.1, 400
# As far as the sample has what ECIDS takes.
CHARGE_INPUTS = (
    "pt", "eta", "d0", "d0significance", "qd0", "EoverP", "deltaPhiRescaled2", "SCTWeightedCharge",
)  # fmt: skip
SEED = 1


def train(gathered: Path, path: Path) -> None:
    """Fit both on training electrons that were `gathered`; write what they say of all electrons.

    Writes an npz file: ``gbdt`` [n, 6] probabilities of the classes, ``ecids`` [n] logit of the
    right charge.
    """
    electrons = load(gathered)
    truth = electrons.columns["truth"].astype(np.int64)
    parts = [np.flatnonzero(electrons.columns["split"] == p) for p in (TRAIN, VALIDATION)]
    parts = [part[fit.sample(truth[part], fit.Settings())] for part in parts]
    weights = [fit.weights(electrons.of(part), truth[part]) for part in parts]
    settings = {
        "objective": "multi:softprob", "num_class": N_CLASS, "eval_metric": "mlogloss",
        "max_depth": DEPTH, "eta": RATE,
    }  # fmt: skip
    classes = _fit(electrons.inputs, truth, parts, weights, settings, rounds=ROUNDS)
    values = charge_inputs(electrons)
    of_boson = [part[np.isin(truth[part], (DNN.El, DNN.CF))] for part in parts]
    balanced = [_balanced(truth[part] == DNN.El) for part in of_boson]
    settings = {
        "objective": "binary:logistic", "eval_metric": "logloss",
        "max_depth": CHARGE_DEPTH, "eta": CHARGE_RATE,
    }  # fmt: skip
    charge = _fit(values, truth == DNN.El, of_boson, balanced, settings, rounds=CHARGE_ROUNDS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        np.savez(
            partial,
            gbdt=trees.say(classes, electrons.inputs, margin=False),
            ecids=trees.say(charge, values, margin=True),
        )


def charge_inputs(electrons: Electrons) -> Floats:
    """`CHARGE_INPUTS` of each electron, [n, 8]."""
    columns = [
        electrons.columns[name]
        if name in electrons.columns
        else electrons.inputs[:, VARIABLES.index(name)]
        for name in CHARGE_INPUTS
    ]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _balanced(right: npt.NDArray[np.bool_]) -> Floats:
    """Weights that make both charges weigh the same."""
    return np.where(right, 0.5 / right.mean(), 0.5 / (~right).mean())


def _fit(
    values: Any, target: Any, parts: Any, weights: Any, settings: Mapping[str, Any], *, rounds: int
) -> Any:
    """Boosted trees; `parts` are places of those to train and to validate on."""
    given = (
        trees.Part(values[part], target[part], weight)
        for part, weight in zip(parts, weights, strict=True)
    )
    seeded = {**settings, "seed": SEED}
    return trees.fit(*given, seeded, rounds=rounds, patience=PATIENCE)
