"""What the electron network and its rivals can do, on electrons of events that nothing saw."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from simulation.constants import ELECTRON_MASS
from training.curves import (
    Measured,
    Scored,
    area,
    curve,
    fraction,
    ratios,
    rejections,
)
from training.electron import likelihood
from training.electron.compared import (
    BACKGROUND,
    CLASSES,
    ECIDS,
    LIKELIHOOD,
    NETWORK,
    TREES,
    Compared,
    d_el,
    flattened,
    log_ratio,
)
from training.electron.inputs import PROCESSES
from training.splits import TEST
from validation.masses import pair_mass

from lepid.taggers.card import Card
from lepid.working_points.table import Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
EFFICIENCIES, CHARGE_EFFICIENCIES = (0.8, 0.9, 0.95), (0.8, 0.9, 0.95, 0.98)
AT = 0.9
ET_EDGES = (4.5, 10.0, 15.0, 20.0, 30.0, 45.0, 100.0)
# Fewer electrons of a class say nothing.
FEWEST = 20
# The fraction of one class, the others sharing the rest.
ONE = 0.97
FRACTIONS = dict(zip(BACKGROUND, ("f_PC", "f_HF", "f_LFEg", "f_LFH"), strict=True))
# What same-sign pairs of electrons are cut at: efficiency of the right charge.
CHARGE_CUT, LEAST_PT = 0.95, 15.0
WINDOW = (80.0, 100.0)


def measure(said: Compared, card: Card, tables: Mapping[str, Table]) -> dict[str, Any]:
    """All numbers.

    Parameters
    ----------
    said : of the electrons of validation and test
    tables : working points of the network and of the likelihood
    """
    test = of_test(said)
    return {
        "number": {name: int(test.truth(name).sum()) for name in CLASSES},
        "pairs": {pair: area_of_pair(test, *pair) for pair in combinations(CLASSES, 2)},
        "classes": {
            name: of_background(test, names)
            for name, names in {"all": BACKGROUND, **{n: (n,) for n in BACKGROUND}}.items()
        },
        "et": {name: in_bins(test, name) for name in BACKGROUND},
        "fractions": of_fractions(said, card),
        "charge": of_charge(test),
        "points": of_points(test, tables),
        "pairs_of_z": same_sign(said),
    }


def of_test(said: Compared) -> Compared:
    """The electrons of the test events."""
    return said.of(said.electrons.columns["split"] == TEST)


def area_of_pair(test: Compared, one: str, other: str) -> dict[str, Measured]:
    """Area below the curve of two classes, by the ratio of their probabilities."""
    chosen = test.of(test.truth(one, other))
    scores = {name: log_ratio(p, one, other) for name, p in chosen.classes.items()}
    weight = chosen.electrons.columns["weight"]
    scored = Scored(scores, chosen.truth(one), weight)
    return {name: area(scored, name) for name in scores}


def area_of(chosen: Compared, score: Floats, one: str) -> float:
    """Area below the curve of one class against the others of `chosen`."""
    weight = chosen.electrons.columns["weight"]
    return area(Scored({"score": score}, chosen.truth(one), weight), "score").value


def of_background(test: Compared, names: tuple[str, ...]) -> dict[str, Any]:
    """Rejections at efficiencies that are equal in all bins, and their ratios."""
    scored = test.scored(test.flat, *names)
    found: dict[str, Any] = {"rejection": rejections(scored, EFFICIENCIES)}
    for rival in (LIKELIHOOD, TREES):
        found[f"to {rival}"] = ratios(scored, EFFICIENCIES, NETWORK, rival)
    return found


def in_bins(test: Compared, name: str) -> list[dict[str, Any]]:
    """The same at one efficiency in bins of E_T."""
    et = test.electrons.columns["et"]
    found = []
    for low, high in pairwise(ET_EDGES):
        part = test.of((et >= low) & (et < high))
        number = int(part.truth(name).sum())
        entry: dict[str, Any] = {"low": low, "high": high, "n": number}
        if number >= FEWEST:
            scored = part.scored(part.flat, name)
            entry |= {tagger: value[0] for tagger, value in rejections(scored, (AT,)).items()}
            entry["ratio"] = ratios(scored, (AT,), NETWORK, LIKELIHOOD)[0]
        found.append(entry)
    return found


def of_fractions(said: Compared, card: Card) -> dict[str, dict[str, Measured]]:
    """Rejection of each class by D_el with the fractions of the card, equal ones, and extremes."""
    chosen: dict[str, dict[str, float]] = {"those of the card": {}, "all equal": shared("", 0.25)}
    chosen |= {f"{f} = {ONE}": shared(name, ONE) for name, f in FRACTIONS.items()}
    return {label: with_fractions(said, card, values) for label, values in chosen.items()}


def shared(name: str, value: float) -> dict[str, float]:
    """Fractions of the background: `value` for the class `name`, the others share the rest."""
    rest = (1.0 - value) / 3.0
    return {f: value if name in ("", other) else rest for other, f in FRACTIONS.items()}


def with_fractions(
    said: Compared, card: Card, fractions: Mapping[str, float]
) -> dict[str, Measured]:
    """Rejection of each class at one efficiency in all bins."""
    test = _with_fractions(said, card, fractions)
    return {
        name: rejections(test.scored(test.flat, name), (AT,))[NETWORK][0] for name in BACKGROUND
    }


def curve_of_fractions(said: Compared, card: Card, varied: str, value: float) -> dict[str, float]:
    """The same without errors, for one value of the fraction of the class `varied`."""
    test = _with_fractions(said, card, shared(varied, value))
    return {
        name: float(curve(test.scored(test.flat, name), NETWORK, np.array([AT]))[0])
        for name in BACKGROUND
    }


def _with_fractions(said: Compared, card: Card, fractions: Mapping[str, float]) -> Compared:
    """The test electrons, with the D_el of these fractions alone."""
    value = d_el(card, said.classes[NETWORK], said.electrons.columns["abseta"], fractions)
    return of_test(said._replace(flat={NETWORK: flattened(value, said.electrons)}))


def of_charge(test: Compared) -> dict[str, Any]:
    """Rejection of electrons with the wrong charge."""
    scored = test.scored(test.charge, "CF")
    found: dict[str, Any] = {"rejection": rejections(scored, CHARGE_EFFICIENCIES)}
    for rival in (TREES, ECIDS):
        found[f"to {rival}"] = ratios(scored, CHARGE_EFFICIENCIES, NETWORK, rival)
    found["area"] = {name: area(scored, name) for name in scored.scores}
    return found


def of_points(test: Compared, tables: Mapping[str, Table]) -> dict[str, Any]:
    """Part of each class that passes each shipped point."""
    known = test.with_scores()
    passed = {name: likelihood.decisions(table, known) for name, table in tables.items()}
    weight = known.columns["weight"]
    return {
        point: {
            tagger: {
                name: fraction(passed[tagger][point][test.truth(name)], weight[test.truth(name)])
                for name in CLASSES
            }
            for tagger in tables
        }
        for point in tables[NETWORK].points
    }


# --- pairs of electrons ---------------------------------------------------------------------


def pairs_of_z(said: Compared) -> tuple[npt.NDArray[np.int64], Floats, Bools]:
    """Pairs of electrons of test events of Zee, without an identification.

    Returns
    -------
    places [n, 2], mass in GeV [n], whether both have the same charge [n]
    """
    columns = said.electrons.columns
    kept = (columns["process"] == PROCESSES.index("Zee")) & (columns["split"] == TEST)
    kept &= columns["pt"] > LEAST_PT
    place = np.flatnonzero(kept)
    place = place[np.argsort(columns["event"][place], kind="stable")]
    event = columns["event"][place]
    _, first, count = np.unique(event, return_index=True, return_counts=True)
    two = first[count == 2]
    pairs = np.stack([place[two], place[two + 1]], axis=1)
    charge = columns["charge"][pairs]
    masses = pair_mass(*(columns[n][pairs] for n in ("pt", "eta", "phi")), ELECTRON_MASS)
    return pairs, masses, charge.prod(axis=1) > 0


def pairs_passed(said: Compared) -> dict[str, Bools]:
    """Tagger -> whether an electron passes its cut, [n].

    LH is cut on as an identification, the others on the charge; a cut keeps `CHARGE_CUT` of the
    prompt electrons of validation in each bin.
    """
    charge = {name: flattened(value, said.electrons) for name, value in said.charge.items()}
    values = {LIKELIHOOD: said.flat[LIKELIHOOD], **charge}
    return {name: value > 1.0 - CHARGE_CUT for name, value in values.items()}


def same_sign(said: Compared) -> dict[str, Any]:
    """Pairs near the mass of the Z, [same, opposite] charge, before and after a cut on both."""
    pairs, masses, same = pairs_of_z(said)
    near = (masses > WINDOW[0]) & (masses < WINDOW[1])
    found: dict[str, Any] = {"before": [int((near & same).sum()), int((near & ~same).sum())]}
    for name, passed in pairs_passed(said).items():
        both = near & passed[pairs].all(axis=1)
        found[name] = [int((both & same).sum()), int((both & ~same).sum())]
    return found


# --- inputs -----------------------------------------------------------------------------------


def rank_correlation(inputs: npt.NDArray[np.float32]) -> Floats:
    """Spearman's correlations, [n_input, n_input]; 0 for an input that does not vary."""
    ranks = np.stack([_ranks(column) for column in inputs.T])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1))
    unit = centred / np.where(size > 0, size, 1.0)[:, None]
    return np.asarray(unit @ unit.T)


def _ranks(column: npt.NDArray[np.float32]) -> Floats:
    """Equal values share their mean rank."""
    _, place, count = np.unique(column, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - 0.5 * (count - 1))[place])
