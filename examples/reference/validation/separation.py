"""How well two classes of electrons can be told apart by their shapes and tracks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from lepid.efficiency.truth_codes import DNN
from validation.leptons import HITS, SHAPES, Columns

VARIABLES = (
    *SHAPES,
    *HITS,
    "deltaEta1",
    "deltaPhiRescaled2",
    "EoverP",
    "dPOverP",
    "trans_TRTPID",
    "SCTWeightedCharge",
    "qd0",
    "d0 significance",
)
CLASSES = [code for code in DNN if code != DNN.other]
MOST = 10_000
FEWEST = 100
SEED = 1


class Separation:
    """Collects electrons above 10 GeV of each class of the DNN, at most `MOST` of one."""

    def __init__(self) -> None:
        self._rows: dict[int, list[npt.NDArray[np.float64]]] = {code: [] for code in CLASSES}

    def add(self, found: Mapping[str, Columns]) -> None:
        """Take the electrons of a chunk of events."""
        table = found["electrons"]
        for code, rows in self._rows.items():
            left = MOST - sum(map(len, rows))
            chosen = np.flatnonzero((table["dnn"] == code) & table["above 10 GeV"])[: max(left, 0)]
            columns = [table[name][chosen].astype(float) for name in VARIABLES]
            rows.append(np.stack(columns, axis=1))

    def numbers(self) -> dict[str, int]:
        """Electrons of each class."""
        return {DNN(code).name: sum(map(len, rows)) for code, rows in self._rows.items()}

    def areas(self) -> dict[tuple[str, str], float]:
        """Area under the ROC curve for each pair of classes with enough electrons.

        Gradient boosting learns on every other electron and is measured on the rest.
        """
        samples = {code: np.concatenate(rows) for code, rows in self._rows.items() if rows}
        known = {code: rows for code, rows in samples.items() if len(rows) >= FEWEST}
        return {
            (DNN(one).name, DNN(other).name): _area(known[one], known[other])
            for one, other in combinations(known, 2)
        }


def _area(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    rows = np.concatenate([one, other])
    truth = np.repeat([0, 1], [len(one), len(other)])
    learn = np.arange(len(rows)) % 2 == 0
    # The rarer class counts as much as the other.
    weight = np.where(truth == 1, len(one) / len(other), 1.0)
    model = HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=15, random_state=SEED)
    model.fit(rows[learn], truth[learn], weight[learn])
    score = model.predict_proba(rows[~learn])[:, 1]
    return float(roc_auc_score(truth[~learn], score))
