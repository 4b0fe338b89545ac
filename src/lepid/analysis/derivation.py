"""Decorated events into working points at target efficiencies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.analysis.labelled import AXES, Asked, Chunks, Labelled, read
from lepid.analysis.labels import scheme_named
from lepid.analysis.measurement import SCORED, TRUTH, WEIGHT
from lepid.errors import BadInput, UnknownName
from lepid.events.schema import Schema
from lepid.tables import assemble, correction, formula
from lepid.taggers import catalogue
from lepid.taggers import plan as plans
from lepid.working_points import derive as deriving
from lepid.working_points.bins import DEFAULT_ABSETA_EDGES, DEFAULT_PT_EDGES, Bins
from lepid.working_points.points import Derived, Floats, Sample, Sense, Wanted
from lepid.working_points.table import Binding
from lepid.working_points.written import Named

Bools = npt.NDArray[np.bool_]


def derive(
    events: Chunks,
    tagger: str,
    *,
    signal: str | Sequence[str],
    efficiency: Mapping[str, float | str] | None = None,
    like: Mapping[str, str] | None = None,
    rejection: Mapping[str, tuple[str | Sequence[str], float]] | None = None,
    quantity: str | Sequence[str] = (),
    against: str | Sequence[str] = (),
    sense: Sense = ">",
    scheme: str | None = None,
    weight: Any = None,
    pt_edges: Sequence[float] = DEFAULT_PT_EDGES,
    abseta_edges: Sequence[float] = DEFAULT_ABSETA_EDGES,
    axes: tuple[str, str] = ("pt", "abseta"),
    nested: bool = False,
    smoothing: str = "",
    minimum: float = deriving.MINIMUM,
    schema: str | Path | Schema | None = None,
) -> Named:
    """Working points whose cuts have a target efficiency in every bin of pT and |eta|.

    Parameters
    ----------
    events : decorated events, or several chunks of them, as `iterate` gives
    signal : truth class or classes whose efficiency is meant
    efficiency : working point -> efficiency, a number or a formula of ``pt`` (GeV) and ``abseta``
        in the language of TFormula
    like : working point -> ``"tagger.point"`` whose efficiency it takes in each bin, or a point of
        this tagger; the events are decorated with it
    rejection : working point -> class or classes and how many of them fail for one that passes
    quantity : output or discriminant to cut on; needed if there are several. With two of them,
        both cuts together leave least of `against`
    against : class or classes
    sense : how a lepton passes: ``quantity sense cut``
    scheme, weight : as in `measure`
    pt_edges : GeV; the last may be infinite. Leptons outside the edges take no part
    abseta_edges : ascending
    axes : features in which the points are binned, such as ``("et", "abseta_calo")``
    nested : whether a tighter point passes no lepton that a looser one fails
    smoothing : ``"linear"`` or ``"pchip"``: cuts without steps in pT
    minimum : effective number of leptons on each side of a cut; thinner bins are merged in pT
    schema : format of the events, if the names do not tell

    Returns
    -------
    Named, to be written by `write_working_points`. A lepton without a score takes no part.

    Raises
    ------
    BadInput : the events are not decorated with the tagger, a bin has no leptons, a whole bin of
        |eta| too few, weights are all zero, a score is no number, a target is outside 0 to 1 or
        cannot be reached
    UnknownName, UnknownWorkingPoint : no such class, quantity, point, sense or smoothing
    BadTable : a formula that cannot be read
    """
    bins = Bins(tuple(map(float, pt_edges)), tuple(map(float, abseta_edges)))
    others = {name: _other(tagger, text) for name, text in (like or {}).items()}
    asked = Asked(tagger, _several(quantity), scheme, weight, others, axes, schema)
    found = read(events, asked)
    some = _Populations(found)
    wanted = [
        *_efficiencies(found, some(signal), efficiency or {}),
        *_likes(found, some, signal, others),
        *_rejections(some, rejection or {}),
    ]
    if against:
        wanted = [replace(one, against=some(against)) for one in wanted]
    sample, wanted = _sample(found, some.masks, wanted)
    derived = deriving.derive(
        sample, wanted, bins, sense=sense, nested=nested, smoothing=smoothing, minimum=minimum
    )
    return _named(found, derived, axes)


class _Populations:
    """Scored leptons of truth classes, by the names of the classes."""

    def __init__(self, found: Labelled) -> None:
        self.found, self.masks = found, dict[str, Bools]()
        self._classes = {name: code for code, name in scheme_named(found.scheme).classes.items()}

    def __call__(self, names: str | Sequence[str], also: str = "") -> str:
        """Name of the leptons of some classes, `also` scored by another tagger."""
        for name in _several(names):
            if name not in self._classes:
                where = f"truth scheme {self.found.scheme}"
                raise UnknownName.of(where, "class", name, self._classes)
        text = "+".join(_several(names)) + (f" scored by {also}" if also else "")
        if text not in self.masks:
            codes = [self._classes[name] for name in _several(names)]
            mask = self.found.column(SCORED) & np.isin(self.found.column(TRUTH), codes)
            self.masks[text] = mask & self.found.column(f"<{also} scored>") if also else mask
        return text


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _other(tagger: str, text: str) -> tuple[str, str]:
    name, dot, point = text.rpartition(".")
    return (name, point) if dot else (plans.split(tagger)[0], text)


# --- targets ------------------------------------------------------------------------------------


def _efficiencies(
    found: Labelled, population: str, asked: Mapping[str, float | str]
) -> list[Wanted]:
    wanted = []
    for name, value in asked.items():
        target, text = _target(found, value, name)
        wanted.append(Wanted(name, population, target, text))
    return wanted


def _likes(
    found: Labelled,
    some: _Populations,
    signal: str | Sequence[str],
    others: Mapping[str, tuple[str, str]],
) -> list[Wanted]:
    wanted = []
    for name, (tagger, point) in others.items():
        passed = found.column(f"<{tagger}.{point}>").astype(np.float64)
        text = f"efficiency of {tagger}.{point}"
        wanted.append(Wanted(name, some(signal, tagger), passed, text))
    return wanted


def _rejections(
    some: _Populations, asked: Mapping[str, tuple[str | Sequence[str], float]]
) -> list[Wanted]:
    wanted = []
    for name, (names, factor) in asked.items():
        if not factor > 1.0:
            raise BadInput(f"working point {name}", f"its rejection is {factor:g}, not above 1")
        wanted.append(Wanted(name, some(names), 1.0 / factor, f"one in {factor:g} passes"))
    return wanted


def _target(found: Labelled, value: float | str, name: str) -> tuple[float | Floats, str]:
    if not isinstance(value, str):
        return float(value), f"efficiency {value:g}"
    try:
        return float(value), f"efficiency {float(value):g}"
    except ValueError:
        pt, abseta = (found.column(axis) for axis in AXES)
        return evaluated(name, value, pt, abseta), f"efficiency {value}"


def evaluated(name: str, text: str, pt: Floats, abseta: Floats) -> Floats:
    """Values of a formula of ``pt`` and ``abseta``, [n_lepton].

    Raises
    ------
    BadTable : correctionlib cannot read the formula
    """
    expression = re.sub(r"\babseta\b", "y", re.sub(r"\bpt\b", "x", text))
    node = correction(
        name, "", {"pt": "", "abseta": ""}, ("efficiency", ""), formula(expression, "pt", "abseta")
    )
    known = np.isfinite(pt) & np.isfinite(abseta)
    values = assemble(Path(f"formula {text!r}"), "", [node]).look_up(
        name, np.where(known, pt, 0.0), np.where(known, abseta, 0.0)
    )  # fmt: skip
    return np.where(known, values, np.nan)


def _sample(
    found: Labelled, populations: Mapping[str, Bools], wanted: Sequence[Wanted]
) -> tuple[Sample, list[Wanted]]:
    """The leptons that some point is about; the targets of the others may be anything."""
    # Places of leptons are taken in half of the time of a mask.
    keep = np.flatnonzero(np.logical_or.reduce(list(populations.values())))
    sample = Sample(
        quantities={name: found.column(f"<{name}>")[keep] for name in found.quantities},
        populations={name: mask[keep] for name, mask in populations.items()},
        pt=found.column(AXES[0])[keep],
        abseta=found.column(AXES[1])[keep],
        weight=found.column(WEIGHT)[keep].astype(np.float64),
    )
    return sample, [
        replace(one, target=one.target[keep]) if isinstance(one.target, np.ndarray) else one
        for one in wanted
    ]  # fmt: skip


# --- result -------------------------------------------------------------------------------------


def _named(found: Labelled, derived: Derived, axes: tuple[str, str]) -> Named:
    card = catalogue.load(*found.facts["card"].split("@"))
    units = {output.name: output.unit for output in card.outputs if output.unit}
    stored = found.facts["source"] == "stored"
    return Named(
        tagger=card.tagger,
        network=card.network,
        derived=derived,
        axes={"et" if axes[0].startswith("et") else "pt": axes[0], "abseta": axes[1]},
        bound_to=Binding(
            sha256=tuple(found.facts["sha256"]),
            columns=tuple(found.facts["scores"]) if stored else card.stored_columns,
        ),
        units={name: units[name] for name in found.quantities if name in units},
        fractions=found.facts["fractions"],
    )
