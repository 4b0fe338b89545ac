"""Densities of a likelihood out of labelled electrons: `build_likelihood`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from lepid.errors import BadFile, BadInput, UnknownName, first_line
from lepid.events import files
from lepid.events.objects.flat import column, per_lepton
from lepid.events.objects.tables import apply
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema
from lepid.features.definitions import FEATURES
from lepid.files_out import atomic
from lepid.labels import classify, scheme_named
from lepid.surroundings import Surroundings
from lepid.taggers import around, card_file, catalogue, densities, inputs
from lepid.taggers.card import Card
from lepid.taggers.card_likelihood import BINS, VARIABLES
from lepid.taggers.densities import CLASSES, Density, Grid
from lepid.taggers.plan import Plan
from lepid.taggers.smoothing import smoothed

Floats = npt.NDArray[np.float64]

FILE = "densities.json.gz"
TRUTH, WEIGHT, ONLY = "<truth>", "<weight>", "<only>"
# What no truth scheme has as a class.
NO_CLASS = -99
# Those of the ATLAS likelihood, and where it leaves two of them out.
ATLAS = (
    "el_d0significance", "Eratio", "deltaEta1", "f1", "f3", "Reta", "el_rhad", "Rphi",
    "trackParticleLinks.d0", "weta2", "dPOverP", "deltaPhiRescaled2",
    "transformed_e_probability_ht",
)  # fmt: skip
UNITS = {"trackParticleLinks.d0": "mm"}
SKIP = {
    "transformed_e_probability_ht": {"from_abseta": 2.01},
    "f3": {"from_abseta": 2.37, "above_et": 80.0},
}
# Values beyond these quantiles share the first and the last bin.
QUANTILES = (0.001, 0.999)


@dataclass(frozen=True)
class Recipe:
    """What a likelihood is made of.

    Attributes
    ----------
    variables : features, or columns of the electrons
    et, abseta : features that the densities are binned in
    et_edges : GeV, ascending; electrons outside are in the first and the last bin
    abseta_edges : ascending, the same
    signal, background : classes of the truth scheme
    scheme : truth scheme
    weight : column of events or electrons, ``"Electrons.weight"``; empty for none
    only : column and the value that it has for what is used, ``"EventInfo.split=0"``; empty for all
    n_bin : bins of each density
    minimum : electrons that each bin of E_T and |eta| needs at least
    reference : whether the likelihood runs only when it is named, as those of lepid's simulation
    """

    variables: tuple[str, ...] = ATLAS
    et: str = "et"
    abseta: str = "abseta_cluster"
    et_edges: tuple[float, ...] = (0.0, 10.0, 15.0, 20.0, 30.0, 40.0, float("inf"))
    abseta_edges: tuple[float, ...] = (0.0, 0.8, 1.37, 1.52, 2.01, float("inf"))
    signal: tuple[str, ...] = ("El",)
    background: tuple[str, ...] = ("PC", "HF", "LFEg", "LFH")
    scheme: str = "dnn"
    weight: str = ""
    only: str = ""
    n_bin: int = 100
    minimum: int = 50
    reference: bool = False


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
    _check_recipe(recipe)
    codes = _codes(recipe)
    card = _card(folder, recipe, "0" * 64)
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
    card = _card(folder, recipe, catalogue.sha256(folder / FILE))
    with atomic(folder / "card.toml") as partial:
        partial.write_text(card_file.dump(card), encoding="utf-8")
    return card


def _check_recipe(recipe: Recipe) -> None:
    for name in ("et_edges", "abseta_edges"):
        edges = getattr(recipe, name)
        if len(edges) < 2 or not all(low < high for low, high in pairwise(edges)):
            raise BadInput(name, f"do not ascend, or are fewer than two: {list(edges)}")
    if not recipe.variables:
        raise BadInput("variables", "none is given")
    if recipe.n_bin < 2:
        raise BadInput("n_bin", f"{recipe.n_bin}, expected two or more")
    _only(recipe)


def _only(recipe: Recipe) -> tuple[str, float]:
    """Column and value of `only`."""
    if not recipe.only:
        return "", 0.0
    name, _, value = recipe.only.partition("=")
    try:
        return name, float(value)
    except ValueError:
        do = "write COLUMN=NUMBER, as EventInfo.split=0"
        raise BadInput("only", f"{recipe.only!r} names no column and number", (), do) from None


def _codes(recipe: Recipe) -> dict[str, list[int]]:
    classes = {name: code for code, name in scheme_named(recipe.scheme).classes.items()}
    for name in (*recipe.signal, *recipe.background):
        if name not in classes:
            raise UnknownName.of(f"truth scheme {recipe.scheme}", "class", name, classes)
    both = set(recipe.signal) & set(recipe.background)
    if both or not (recipe.signal and recipe.background):
        wrong = f"{min(both)} is in both" if both else "one of them has no class"
        raise BadInput("signal and background", wrong)
    return {
        "signal": [classes[name] for name in recipe.signal],
        "background": [classes[name] for name in recipe.background],
    }


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
    only, wanted = _only(recipe)
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
        made[name] = (_unit(name), grids)
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


# --- the card -----------------------------------------------------------------------------------


def plateaus(et_edges: Sequence[float]) -> list[list[float]]:
    """The centre of each bin of E_T, and all of what lies before the first and behind the last."""
    centres = [(low + high) / 2 for low, high in pairwise(et_edges)]
    if len(centres) > 1 and not np.isfinite(et_edges[-1]):
        centres[-1] = et_edges[-2] + (et_edges[-2] - et_edges[-3]) / 2
    flat = [[centre, centre] for centre in centres]
    flat[0][0], flat[-1][1] = float(et_edges[0]), float("inf")
    return flat


def _unit(variable: str) -> str:
    feature = FEATURES.get(variable)
    return feature.unit if feature else UNITS.get(variable, "")


def _card(folder: Path, recipe: Recipe, sha256: str) -> Card:
    names = [{"feature": name, "unit": _unit(name)} for name in recipe.variables]
    bins = [{"feature": recipe.et, "unit": "GeV"}, {"feature": recipe.abseta}]
    skip = [{"feature": name, **SKIP[name]} for name in recipe.variables if name in SKIP]
    truth = f"{', '.join(recipe.signal)} against {', '.join(recipe.background)}"
    keys = {
        "tagger": folder.resolve().parent.name,
        "network": folder.resolve().name,
        "flavour": "electron",
        "reference": recipe.reference,
        "description": f"electron likelihood, {truth}",
        "source": "ours: lepid likelihood build",
        "outputs": [{"name": "lh", "doc": "transformed likelihood ratio", "node": "discriminant"}],
        "discriminants": {"D_LH": {"kind": "score", "output": "lh"}},
        "networks": [{
            "file": FILE,
            "sha256": sha256,
            "likelihood": {"plateaus": plateaus(recipe.et_edges), "skip": skip},
            "nodes": [{"name": VARIABLES, "inputs": names}, {"name": BINS, "inputs": bins}],
        }],
    }  # fmt: skip
    try:
        return Card.model_validate(keys)
    except ValidationError as error:
        do = "name it MODELS/TAGGER/NETWORK, the tagger in small letters, digits and _"
        wrong = f"no card can lie there: {first_line(error)}"
        raise BadInput(str(folder), wrong, (), do) from error
