"""Densities of a likelihood out of labelled electrons: `build_likelihood`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.analysis.labels import classify
from lepid.analysis.recipe import FILE, Recipe, unit
from lepid.errors import BadFile, BadInput
from lepid.events import files
from lepid.events.objects.flat import column, per_lepton
from lepid.events.objects.tables import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.files_out import atomic
from lepid.surroundings import Surroundings
from lepid.taggers import around, card_file, catalogue, densities, inputs
from lepid.taggers.card import Card
from lepid.taggers.card_likelihood import BINS, VARIABLES
from lepid.taggers.densities import CLASSES, Density, Grid
from lepid.taggers.plan import Plan
from lepid.taggers.smoothing import smoothed

Floats = npt.NDArray[np.float64]

TRUTH, WEIGHT, ONLY = "<truth>", "<weight>", "<only>"
# What no truth scheme has as a class.
NO_CLASS = -99
# Values beyond these quantiles share the first and the last bin.
QUANTILES = (0.001, 0.999)


@dataclass(frozen=True)
class _Electrons:
    """Electrons of one class: `variables` [n, n_variable], `bins` [n, 2], `weights` [n]."""

    variables: Floats
    bins: Floats
    weights: Floats


def build_likelihood(
    paths: files.Paths,
    folder: Path,
    recipe: Recipe | None = None,
    *,
    schema: str | Path | Schema | None = None,
    tree: str | None = None,
    step: int = 50_000,
    advance: Callable[[int], object] = int,
) -> Card:
    """Write smoothed densities of labelled electrons and the card that uses them.

    Parameters
    ----------
    paths : files and glob patterns
    folder : ``<folder of LEPID_MODELS>/<tagger>/<network>``, made if it is not there
    step : events at a time
    advance : is told how many events have been read

    Raises
    ------
    UnknownName : a class that the truth scheme does not have
    MissingColumns : lists all columns that the variables need and a file lacks
    BadInput : too few electrons in a bin, a variable that does not vary, a negative weight
    BadFile : the folder holds a card already
    """
    recipe = recipe or Recipe()
    recipe.check()
    codes = recipe.codes()
    card = recipe.card(folder, "0" * 64)
    if (folder / "card.toml").exists():
        raise BadFile(str(folder / "card.toml"), "is there already", (), "name another folder")
    parts: dict[str, list[_Electrons]] = {kind: [] for kind in CLASSES}
    for events, path, number in files.chunks(paths, step, tree, schema, around=True):
        rows = _read(recognise(events, schema), card, recipe, str(path))
        for kind, wanted in codes.items():
            parts[kind].append(_chosen(rows, wanted))
        advance(number)
    electrons = {kind: _joined(mine) for kind, mine in parts.items()}
    _check(electrons, recipe)
    made = _densities(electrons, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    counts = ", ".join(f"{len(e.weights)} of {kind}" for kind, e in electrons.items())
    densities.write(folder / FILE, f"densities of {card.name}, electrons: {counts}", made)
    card = recipe.card(folder, catalogue.sha256(folder / FILE))
    with atomic(folder / "card.toml") as partial:
        partial.write_text(card_file.dump(card), encoding="utf-8")
    return card


# --- electrons ----------------------------------------------------------------------------------


def _read(known: Recognised, card: Card, recipe: Recipe, path: str) -> dict[str, Any]:
    """What the card feeds, the truth class and the weight of each electron."""
    if "electron" not in known.leptons:
        raise BadInput(path, "these events have no electrons")
    collection = known.leptons["electron"]
    own, beside = around.reads(card, known.finder("electron"))
    truth = classify(known, collection, recipe.scheme)
    arrays: dict[str, Any] = {**own, TRUTH: truth}
    if recipe.weight:
        arrays[WEIGHT] = per_lepton(column(known.events, recipe.weight), truth)
    only, wanted = recipe.chosen()
    if only:
        arrays[ONLY] = per_lepton(column(known.events, only), truth)
    plan = Plan(card, "network", own, {}, {}, around=beside)
    rows: dict[str, Any] = {}

    def compute(columns: Any, tables: Any) -> Any:
        made = Surroundings(plan, known.schema, collection, columns, tables).aggregates()
        for node in card.networks[0].nodes:
            rows[node.name] = inputs.values(node, {**columns, **made}, known.schema.unit)
        used = columns[ONLY] == wanted if only else True
        rows[TRUTH] = np.where(used, columns[TRUTH], NO_CLASS)
        rows[WEIGHT] = np.asarray(columns.get(WEIGHT, np.ones(len(columns[TRUTH]))), np.float64)
        return {TRUTH: columns[TRUTH]}

    apply(known, collection, arrays, compute, beside.tables)
    if not (np.isfinite(rows[WEIGHT]).all() and (rows[WEIGHT] >= 0).all()):
        wrong = "is negative or not finite for some electrons, and densities are not"
        raise BadInput(f"weight {recipe.weight!r} in {path}", wrong, (), "take another weight")
    return rows


def _chosen(rows: Mapping[str, Any], codes: list[int]) -> _Electrons:
    mine = np.isin(rows[TRUTH], codes) & np.isfinite(rows[BINS]).all(axis=1)
    return _Electrons(rows[VARIABLES][mine], rows[BINS][mine], rows[WEIGHT][mine])


def _joined(parts: Sequence[_Electrons]) -> _Electrons:
    return _Electrons(
        np.concatenate([part.variables for part in parts]),
        np.concatenate([part.bins for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def _places(electrons: _Electrons, recipe: Recipe) -> npt.NDArray[np.int64]:
    """Bin of each electron, [2, n]; outside the edges the nearest."""
    edges = (recipe.et_edges, recipe.abseta_edges)
    return np.stack([
        np.searchsorted(np.asarray(axis[1:-1]), electrons.bins[:, k], side="right")
        for k, axis in enumerate(edges)
    ])  # fmt: skip


def _check(electrons: Mapping[str, _Electrons], recipe: Recipe) -> None:
    """Raise `BadInput` where a bin of E_T and |eta| has too few electrons; lists all of them."""
    shape = (len(recipe.et_edges) - 1, len(recipe.abseta_edges) - 1)
    few = []
    for kind, mine in electrons.items():
        counts = np.zeros(shape, np.int64)
        np.add.at(counts, tuple(_places(mine, recipe)), 1)
        for et, eta in np.argwhere(counts < recipe.minimum):
            bounds = (recipe.et_edges[et : et + 2], recipe.abseta_edges[eta : eta + 2])
            where = f"E_T {bounds[0][0]:g} to {bounds[0][1]:g} GeV, "
            where += f"|eta| {bounds[1][0]:g} to {bounds[1][1]:g}"
            few.append(f"{counts[et, eta]} of {kind} in {where}")
    if few:
        listed = "; ".join(few[:6]) + (f"; and {len(few) - 6} more bins" if len(few) > 6 else "")
        wrong = f"fewer than {recipe.minimum} electrons: {listed}"
        raise BadInput("densities", wrong, (), "take more files or wider bins, or a lower minimum")


# --- densities ----------------------------------------------------------------------------------


def _densities(
    electrons: Mapping[str, _Electrons], recipe: Recipe
) -> dict[str, tuple[str, dict[str, Grid]]]:
    places = {kind: _places(mine, recipe) for kind, mine in electrons.items()}
    made = {}
    for v, name in enumerate(recipe.variables):
        pooled = np.concatenate([mine.variables[:, v] for mine in electrons.values()])
        pooled = pooled[np.isfinite(pooled)]
        low, high = np.quantile(pooled, QUANTILES) if len(pooled) else (0.0, 0.0)
        if not low < high:
            wrong = "is not known or the same for nearly all electrons"
            raise BadInput(f"variable {name}", wrong, (), "leave it out")
        make = partial(_grid, recipe=recipe, ends=(float(low), float(high)))
        grids = {kind: make(mine.variables[:, v], mine.weights, places[kind])
                 for kind, mine in electrons.items()}  # fmt: skip
        made[name] = (unit(name), grids)
    return made


def _grid(
    values: Floats,
    weights: Floats,
    places: npt.NDArray[np.int64],
    *,
    recipe: Recipe,
    ends: tuple[float, float],
) -> Grid:
    known = np.isfinite(values)

    def one(et: int, eta: int) -> Density:
        here = known & (places[0] == et) & (places[1] == eta)
        content = smoothed(values[here], weights[here], *ends, recipe.n_bin)
        # Seven digits: the file is half as large.
        return Density(*ends, np.array([float(f"{value:.7g}") for value in content]))

    shape = (len(recipe.et_edges) - 1, len(recipe.abseta_edges) - 1)
    rows = [[one(et, eta) for eta in range(shape[1])] for et in range(shape[0])]
    return Grid(recipe.et_edges, recipe.abseta_edges, rows)
