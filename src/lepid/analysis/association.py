"""`associate`: leptons and the jets around them, as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, UnknownName
from lepid.events.columns import Columns, required
from lepid.events.objects.flat import Ragged
from lepid.events.objects.tables import Table, apply
from lepid.events.recognise import recognise
from lepid.events.schema import Schema
from lepid.features import jets
from lepid.features.jets import ENERGY_LOSS, KINEMATICS, RELATIVE, EnergyLoss, Rules
from lepid.features.kernels.relative import Momenta, nearest
from lepid.units import convert

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]
Per = Literal["lepton", "jet"]
Which = Literal["nearest", "all"]


@dataclass(frozen=True)
class _Task:
    schema: Schema
    leptons: str
    jets: str
    per: Per
    which: Which
    rules: Rules


def associate(
    events: Any,
    collection: str,
    *,
    per: Per = "lepton",
    which: Which = "nearest",
    dr: float = Rules.dr,
    pt: float = Rules.pt,
    abseta: float = Rules.abseta,
    energy_loss: EnergyLoss = Rules.energy_loss,
    schema: str | Path | Schema | None = None,
) -> Any:
    """What leptons are relative to the jets around them: soft-lepton observables.

    Parameters
    ----------
    collection : "Muons", "Electrons", or what these events call them
    per : "lepton": the jets of each lepton; "jet": the leptons of each jet
    which : "nearest" of them, or "all" of them in order of distance
    dr : lepton and jet are nearer to each other than this
    pt : GeV; the pt of the jet is above
    abseta : the |eta| of the jet is below
    energy_loss : where the muon's `EnergyLoss` is taken out of the jet when the muon is added:
        "at muon", "at jet" (in phi, as Athena has it), or "none"
    schema : format of the events, if the names do not tell

    Returns
    -------
    Record array, jagged like the leptons or, with ``per="jet"``, like the jets; one level deeper
    with ``which="all"``. `index` is the place of the jet (or lepton) in its event, -1 where there
    is none, and all else is then NaN. With the jet as axis: `dr`; `ptfrac`, the ratio of pt;
    `ptrel`, the momentum of the lepton perpendicular to it, in the unit of the events; `z`, the
    fraction of its momentum along it. With ``_added`` at their end, the axis is the jet with the
    lepton added; with ``_removed``, the jet without it.

    Raises
    ------
    UnknownName : no such lepton collection, or a word that is none of those above
    BadInput : a cut that is none, or a format without jets
    MissingColumns : lists all columns that the events lack

    Source
    ------
    Athena FlavorTagDiscriminants/Root/BTagMuonAugmenter.cxx for `ptrel_added`; see
    `lepid.features.kernels.relative`
    """
    known = recognise(events, schema)
    leptons = known.finder(known.flavour(collection))
    _check(per, which, energy_loss, {"dr": dr, "pt": pt, "abseta": abseta})
    place = leptons.constituents("jet")
    if place is None:
        wrong = f"the format {known.schema.name!r} has no jets"
        raise BadInput("events", wrong, (), "give the schema= that names them")
    named = _named(leptons, place, energy_loss)
    rules = Rules(dr, pt, abseta, energy_loss)
    task = _Task(known.schema, collection, place.collection, per, which, rules)
    own, other = named if per == "lepton" else named[::-1]
    centre, around = (collection, place.collection)[:: 1 if per == "lepton" else -1]
    return apply(known, centre, own, partial(_associated, task), {around: other})


def _check(per: str, which: str, energy_loss: str, cuts: Mapping[str, float]) -> None:
    words = {"per": (per, Per), "which": (which, Which), "energy_loss": (energy_loss, EnergyLoss)}
    for name, (word, known) in words.items():
        if word not in get_args(known):
            raise UnknownName.of("associate", f"choice of {name}", word, get_args(known))
    for name, value in cuts.items():
        most = math.pi if name == "dr" else math.inf
        if not 0.0 <= value < most or (name == "dr" and value == 0.0):
            between = "between 0 and pi" if name == "dr" else "a number, 0 or more"
            raise BadInput(f"associate, {name}", f"{value!r} is not {between}")


def _named(leptons: Columns, place: Columns, energy_loss: str) -> list[dict[str, str]]:
    """Columns of leptons and jets -> their names in the events."""
    needs = dict.fromkeys(KINEMATICS, "the association of leptons and jets")
    lost = {} if energy_loss == "none" else {ENERGY_LOSS: "the energy loss of muons"}
    return required([(leptons, needs | lost), (place, needs)])


def _associated(
    task: _Task, columns: Mapping[str, Array], tables: Mapping[str, Table]
) -> dict[str, Any]:
    """Fields of the result, [n_centre] or ragged."""
    per_lepton = task.per == "lepton"
    here, there = (task.leptons, task.jets)[:: 1 if per_lepton else -1]
    flat = {here: columns, there: tables[there].columns}
    lepton, jet = (jets.momenta(tables[n].offsets, flat[n]) for n in (task.leptons, task.jets))
    loss = flat[task.leptons].get(ENERGY_LOSS)
    good = task.rules.accepted(convert(jet.pt, task.schema.unit("GeV"), "GeV"), jet.eta)
    if task.which == "nearest":
        offsets, (centre, other) = None, _nearest(task, lepton, jet, good)
    else:
        near = jets.near_leptons if per_lepton else jets.near_jets
        every = near(lepton, jet, good, task.rules.dr)
        offsets, centre, other = every.offsets, every.leptons, every.rows
    pairs = (centre, other) if per_lepton else (other, centre)
    event = tables[here].event[centre]
    index = np.where(other < 0, -1, other - tables[there].offsets[event])
    found: dict[str, Array] = {"index": index}
    found |= jets.observed(lepton, jet, pairs, RELATIVE, task.rules, loss=loss)
    if offsets is None:
        return found
    return {name: Ragged(offsets, values) for name, values in found.items()}


def _nearest(
    task: _Task, lepton: Momenta, jet: Momenta, good: npt.NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Row of each centre, and of what is nearest to it, -1 for none."""
    if task.per == "lepton":
        rows = nearest(lepton, jet, good, task.rules.dr)
    else:
        rows = nearest(jet, lepton, np.ones(len(lepton.pt), np.bool_), task.rules.dr)
        rows = np.where(good, rows, -1)
    return np.arange(len(rows)), rows
