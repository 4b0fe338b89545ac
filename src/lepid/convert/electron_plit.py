"""Cuts of the electron PLIT, which Athena keeps as graphs, to a card with working points."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from lepid.convert import folder
from lepid.convert.athena_files import Floats, GraphCuts, read_graph_cuts
from lepid.errors import BadFile, BadInput, near_misses
from lepid.tables import Node, binning, correction, line
from lepid.taggers.card import Card
from lepid.working_points.table import Binding, Range, Requirement, Rules

Sense = Literal[">", ">=", "<", "<="]
QUANTITY = "discriminant"


def convert(points: Mapping[str, Path], card: Card, sense: Sense, root: Path) -> Path:
    """Write `card` once more below `root`, with working points from graphs; the folder's path.

    Parameters
    ----------
    points : name of a working point -> ROOT file with `binning` and a graph per bin of |eta|
    card : of the network that the graphs belong to
    sense : ``discriminant <sense> cut`` passes; Athena's code says "<=" and physics ">"

    Raises
    ------
    BadFile : a file is missing or wrong, or the points differ in their range of |eta|
    BadInput : the card has no discriminant, or a field with the name of a point
    """
    if QUANTITY not in card.discriminants:
        near = near_misses(QUANTITY, card.discriminants)
        raise BadInput(f"card {card.name}", f"it has no {QUANTITY}", near)
    taken = [name for name in points if name in card.fields]
    if taken:
        raise BadInput(f"card {card.name}", f"it has a field {taken[0]}", (), "rename the point")
    found = {name: read_graph_cuts(path) for name, path in points.items()}
    edges = {cuts.path: (cuts.abseta_edges[0], cuts.abseta_edges[-1]) for cuts in found.values()}
    if len(set(edges.values())) > 1:
        text = "; ".join(f"{path} {low:g} to {high:g}" for path, (low, high) in edges.items())
        raise BadFile("electron-plit-graphs", f"the ranges of |eta| differ: {text}")
    low, high = next(iter(edges.values()))
    rules = Rules(
        tagger=card.tagger,
        points={
            name: (Requirement(correction=name, quantity=QUANTITY, sense=sense),) for name in found
        },
        inputs={"pt": "pt", "abseta": "abseta"},
        # Athena has no cut on the last edge and beyond.
        range=(Range(feature="abseta", low=float(low), high=float(np.nextafter(high, low))),),
        bound_to=Binding(
            sha256=tuple(part.sha256 for part in card.networks if part.sha256),
            path=tuple(part.path for part in card.networks if part.path),
            columns=card.stored_columns,
        ),
    )
    inputs = {"pt": "transverse momentum [GeV]", "abseta": "|eta|"}
    corrections = [
        correction(name, f"cut on {QUANTITY}", inputs, ("cut", QUANTITY), _node(cuts))
        for name, cuts in found.items()
    ]
    again = card.model_copy(update={"working_points": (*card.working_points, folder.POINTS)})
    return folder.write(root, again, points=(rules, corrections))


def _node(cuts: GraphCuts) -> Node:
    columns = [_graph(pt, cut) for pt, cut in cuts.graphs]
    return binning("abseta", cuts.abseta_edges.tolist(), columns)


def _graph(pt: Floats, cut: Floats) -> Node | float:
    """Linear between the points of a graph and, as ROOT's TGraph, also beyond them."""
    ends = list(pairwise(zip(pt.tolist(), cut.tolist(), strict=True)))
    if not ends:
        return float(cut[0])
    lines = [line("pt", *each) for each in ends]
    return binning("pt", ["-inf", *pt[1:-1].tolist(), "inf"], lines)
