"""Numbers of leptons after the preselection of PLIT, by class and process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from validation.leptons import Columns

TABLES = ("electrons", "muons")


class Counts:
    """Leptons and sums of weights, by table ("electrons", "muons"), IFF class and process."""

    def __init__(self) -> None:
        self.leptons: Counter[tuple[str, int, str]] = Counter()
        self.weights: Counter[tuple[str, int, str]] = Counter()

    def add(self, process: str, found: Mapping[str, Columns]) -> None:
        """Count the leptons of a chunk of events of a process."""
        for name in TABLES:
            table = found[name]
            chosen = table["preselected"]
            classes, weights = table["iff"][chosen], table["weight"][chosen]
            for code in np.unique(classes):
                same = classes == code
                self.leptons[name, int(code), process] += int(same.sum())
                self.weights[name, int(code), process] += float(weights[same].sum())
