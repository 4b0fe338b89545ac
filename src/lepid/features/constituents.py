"""Constituents around leptons that take no selection: candidates of particle flow, vertices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from lepid.features import definitions
from lepid.features.kernels.association import Directions, associate
from lepid.features.tracks import DISTANCE, Neighbours, Tracks

Order = Literal["nearest", "stored", "pt"]


def needs(features: Iterable[str], order: Order) -> dict[str, str]:
    """Column of the constituents -> what needs it, for a network that takes `features`."""
    found = dict.fromkeys(("eta", "phi", *["pt"] * (order == "pt")), "their order and distance")
    for feature in features:
        for column in definitions.needs(feature):
            if column not in DISTANCE:
                found.setdefault(column, f"input {feature}")
    return found


def neighbours(leptons: Directions, others: Tracks, cone: float, order: Order) -> Neighbours:
    """Constituents within `cone` of each lepton, the lepton itself among them.

    Parameters
    ----------
    order : nearest first, as the events have them, or largest pt first; equal ones as the events
        have them

    Raises
    ------
    BadInput : as `associate` does

    Source
    ------
    CMSSW PhysicsTools/PatAlgos/plugins/LeptonTagInfoCollectionProducer.cc, there in stored order
    and without the edge of the cone
    """
    columns = others.columns
    there = Directions(others.offsets, columns["phi"], eta=columns["eta"])
    pairs = associate(leptons, there, cone)
    if order != "nearest":
        by = -np.asarray(columns["pt"])[pairs.rows] if order == "pt" else pairs.rows
        place = np.lexsort((pairs.rows, by, pairs.leptons))
        moved = {name: getattr(pairs, name)[place] for name in ("rows", "dr", "deta", "dphi")}
        pairs = pairs._replace(**moved)
    return Neighbours(pairs, dict(zip(DISTANCE, pairs[2:], strict=True)))
