"""Prompt leptons with scores, in two splits, with weights of three kinds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.taggers.card import Card
from lepid.working_points.bins import Bins
from lepid.working_points.points import Sample

Floats = npt.NDArray[np.float64]

# Part of the leptons whose weight is turned: as in a sample at next-to-leading order.
NEGATIVE = 0.15
WEIGHTS = ("one", "positive", "mixed")


class Signal(NamedTuple):
    """Prompt leptons of the validation and the test events.

    Attributes
    ----------
    card : Card
    quantity : what is cut on
    score : [n_lepton]
    pt : [n_lepton], GeV; of electrons E_T
    abseta : [n_lepton]
    weight : [n_lepton], with the pile-up of Run 2
    split : [n_lepton]
    bins : Bins
    """

    card: Card
    quantity: str
    score: Floats
    pt: Floats
    abseta: Floats
    weight: Floats
    split: npt.NDArray[np.int8]
    bins: Bins

    @property
    def name(self) -> str:
        """``tagger@network``."""
        return f"{self.card.tagger}@{self.card.network}"

    def weights(self, kind: str) -> Floats:
        """One for each; those with the pile-up of Run 2; these with the sign of some turned."""
        if kind == "one":
            return np.ones(len(self.score))
        if kind == "positive":
            return self.weight
        turned = np.random.default_rng(1).random(len(self.score)) < NEGATIVE
        return np.where(turned, -self.weight, self.weight)

    def part(self, split: int, kind: str) -> Sample:
        """The leptons of validation or of test, with one kind of weights."""
        here = self.split == split
        return Sample(
            {self.quantity: self.score[here]},
            {"prompt": np.ones(int(here.sum()), np.bool_)},
            self.pt[here],
            self.abseta[here],
            self.weights(kind)[here],
        )
