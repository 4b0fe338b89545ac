"""Target efficiencies in bins of pT and |eta| -> cuts with uncertainties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lepid.errors import BadInput, UnknownName
from lepid.working_points.bins import Bins
from lepid.working_points.points import Derived, Point, Sample, Sense, Wanted
from lepid.working_points.search import Search
from lepid.working_points.smooth import KINDS, Line

SENSES: tuple[Sense, ...] = (">", ">=", "<", "<=")
MINIMUM = 10.0


def derive(
    sample: Sample,
    wanted: Sequence[Wanted],
    bins: Bins,
    *,
    sense: Sense = ">",
    nested: bool = False,
    smoothing: str = "",
    minimum: float = MINIMUM,
) -> Derived:
    """Cuts that give each working point its efficiency in every bin.

    Parameters
    ----------
    sense : how a lepton passes, ``quantity sense cut``
    nested : whether a tighter point passes none that a looser one fails
    smoothing : "linear" or "pchip": the cut goes without steps from bin to bin in pT
    minimum : effective number of leptons that each side of a cut needs; bins with fewer are
        merged with a neighbour in pT

    Raises
    ------
    BadInput : values that are not finite, weights that are all zero, a target outside 0 to 1, a
        bin without leptons, a bin in |eta| that is too thin, equal values where the cut should be
    UnknownName : no such sense or smoothing
    """
    _check(sample, wanted, sense, smoothing, minimum)
    work = Search(_finite(sample, sense), wanted, bins, strict=sense in (">", "<"), minimum=minimum)
    points = [work.point(one) for one in wanted]
    if nested or smoothing:
        points = _in_order(work, points, wanted, nested=nested, smoothing=smoothing)
    return Derived(
        quantities=tuple(sample.quantities),
        sense=sense,
        bins=bins,
        points=tuple(_flipped(point) if sense in ("<", "<=") else point for point in points),
        smoothing=smoothing,
        leptons={name: len(work.inside(name)[0]) for name in sample.populations},
    )


def _in_order(
    work: Search,
    points: Sequence[Point],
    wanted: Sequence[Wanted],
    *,
    nested: bool,
    smoothing: str,
) -> list[Point]:
    """The points smoothed, and each inside the next looser one; in the order of `points`."""
    if smoothing:
        points = [work.smoothed(point, smoothing) for point in points]
    done = list(points)
    floor: Point | None = None
    for i in sorted(range(len(points)), key=lambda i: _tightness(points[i])) if nested else ():
        if floor is not None:
            point = points[i]
            if wanted[i].against:
                point = work.point(wanted[i], floor)
                point = work.smoothed(point, smoothing) if smoothing else point
            done[i] = work.above(point, floor)
        floor = done[i]
    return done


def _tightness(point: Point) -> float:
    """What is larger for a tighter point."""
    return float(point.cuts.mean()) if len(point.cuts) == 1 else -float(point.reached.mean())


def _flipped(point: Point) -> Point:
    lines = tuple(tuple(Line(line.pt, -line.cuts) for line in each) for each in point.lines)
    return replace(point, cuts=-point.cuts, lines=lines)


def _finite(sample: Sample, sense: str) -> Sample:
    """The sample with values that pass where they are large, and none of them infinite."""
    sign = -1.0 if sense in ("<", "<=") else 1.0
    values = {}
    for name, column in sample.quantities.items():
        own = sign * np.asarray(column, np.float64)
        infinite = np.isinf(own)
        if infinite.any():
            known = own[~infinite]
            ends = (known.min() - 1.0, known.max() + 1.0) if len(known) else (-1.0, 1.0)
            own = np.clip(own, *ends)
        values[name] = own
    return replace(sample, quantities=values)


def _check(
    sample: Sample, wanted: Sequence[Wanted], sense: str, smoothing: str, minimum: float
) -> None:
    if sense not in SENSES:
        raise UnknownName.of("working points", "sense", sense, SENSES)
    if smoothing and smoothing not in KINDS:
        raise UnknownName.of("working points", "smoothing", smoothing, KINDS)
    if not minimum > 0.0:
        raise BadInput("minimum", f"{minimum:g}, expected more than 0")
    names = [one.name for one in wanted]
    if not names or len(set(names)) < len(names):
        raise BadInput("working points", f"each needs a name of its own: {names}")
    columns = {**sample.quantities, "pt": sample.pt, "abseta": sample.abseta}
    for name, values in columns.items():
        bad = int(np.isnan(values).sum())
        if bad:
            wrong = f"{name} of {bad} of {len(values)} leptons is not a number"
            raise BadInput("working points", wrong, (), "leave out leptons without a score")
    if not np.isfinite(sample.weight).all():
        raise BadInput("weight", "is not finite for some leptons")
    for name in dict.fromkeys(n for one in wanted for n in (one.population, one.against) if n):
        _check_population(sample, name)
    for one in wanted:
        _check_one(sample, one)


def _check_one(sample: Sample, one: Wanted) -> None:
    where = f"working point {one.name}"
    if bool(one.against) != (len(sample.quantities) > 1):
        wrong = f"{len(sample.quantities)} quantities" + ("" if one.against else " and no class")
        do = "cut on two quantities against a class, or on one quantity"
        raise BadInput(where, f"{wrong} to reject", (), do)
    if isinstance(one.target, np.ndarray):
        target = one.target[sample.populations[one.population]]
        low, high = float(target.min()), float(target.max())
        good = low >= 0.0 and high <= 1.0
    else:
        low = high = one.target
        good = 0.0 < low < 1.0
    if not good:
        found = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        raise BadInput(where, f"its target is {found}, not between 0 and 1")


def _check_population(sample: Sample, name: str) -> None:
    mask = sample.populations[name]
    if not mask.any():
        wrong = f"there are no leptons of {name}"
        raise BadInput("working points", wrong, (), "add a sample that has them")
    if not (mask & (sample.weight != 0.0)).any():
        raise BadInput("weight", f"all leptons of {name} have weight zero")
