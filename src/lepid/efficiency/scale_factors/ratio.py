"""Scale factors: efficiencies in data over those in simulation, with all that makes them vary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lepid.efficiency.intervals import Array
from lepid.errors import BadInput
from lepid.working_points.bins import Bins

NOMINAL, COMBINED, STATISTICAL = "nominal", "syst", "stat"
UP, DOWN = "up", "down"


@dataclass(frozen=True)
class Measured:
    """Efficiency of one working point in bins, however it was measured.

    Attributes
    ----------
    edges : pT in GeV [n_pt + 1], |eta| [n_abseta + 1]
    value : [n_pt, n_abseta]; NaN where it was not measured
    low, high : [n_pt, n_abseta], ends of the statistical interval
    sources : source of a systematic uncertainty -> the efficiency with it up, and down
    """

    edges: tuple[Array, Array]
    value: Array
    low: Array
    high: Array
    sources: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)


@dataclass(frozen=True)
class Factors:
    """Scale factors of one working point.

    Attributes
    ----------
    edges : pT in GeV [n_pt + 1], |eta| [n_abseta + 1]
    values : variation -> [n_pt, n_abseta], ``nominal`` first; NaN where not measured
    efficiency : [n_pt, n_abseta], in simulation
    said : what a reader has to know: merged bins, bins without a number
    """

    edges: tuple[Array, Array]
    values: Mapping[str, Array]
    efficiency: Array
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScaleFactors:
    """Scale factors of the working points of a tagger.

    Attributes
    ----------
    tagger, collection : whose leptons
    points : working point -> Factors
    axes : features of the bins
    sha256 : of the networks that were measured; empty for scores that files hold
    about : what was measured with what, in words
    """

    tagger: str
    collection: str
    points: Mapping[str, Factors]
    axes: tuple[str, str] = ("pt", "abseta")
    sha256: tuple[str, ...] = ()
    about: str = ""


def ratio(data: Measured, simulation: Measured, said: Sequence[str] = ()) -> Factors:
    """Scale factors of two measurements in the same bins, errors propagated linearly.

    A source of both varies both together. ``syst`` is all in quadrature, the statistical
    uncertainty among them; no scale factor goes below 0.

    Raises
    ------
    BadInput : other bins, no bin that both measured, or a source has a name of lepid's own

    Source
    ------
    Ours
    """
    for one, other in zip(data.edges, simulation.edges, strict=True):
        if not np.array_equal(one, other):
            wrong = f"data and simulation have other edges: {one.tolist()} and {other.tolist()}"
            raise BadInput("scale factors", wrong, (), "measure both in the same bins")
    names = dict.fromkeys([*data.sources, *simulation.sources])
    check_sources(names)
    below = np.where(simulation.value > 0.0, simulation.value, np.nan)
    nominal = data.value / below
    if not np.isfinite(nominal).any():
        wrong = "no bin has an efficiency in data, and one above 0 in simulation"
        raise BadInput("scale factors", wrong, (), "take wider bins, or more leptons")
    # A lower efficiency in simulation is a higher scale factor.
    spread = {
        UP: (data.high - data.value, simulation.value - simulation.low),
        DOWN: (data.value - data.low, simulation.high - simulation.value),
    }
    squares = {
        end: (mine / below) ** 2 + (nominal * its / below) ** 2
        for end, (mine, its) in spread.items()
    }
    moved = {
        f"{STATISTICAL}{UP}": nominal + np.sqrt(squares[UP]),
        f"{STATISTICAL}{DOWN}": nominal - np.sqrt(squares[DOWN]),
    }
    for name in names:
        pairs = [(_varied(data, name, i), _varied(simulation, name, i)) for i in (0, 1)]
        ends = [above / np.where(its > 0.0, its, np.nan) for above, its in pairs]
        _check_measured(nominal, name, ends)
        moved |= {f"{name}{UP}": ends[0], f"{name}{DOWN}": ends[1]}
        away = np.stack([end - nominal for end in ends])
        squares[UP] = squares[UP] + np.maximum(away.max(axis=0), 0.0) ** 2
        squares[DOWN] = squares[DOWN] + np.minimum(away.min(axis=0), 0.0) ** 2
    whole = {
        f"{COMBINED}{UP}": nominal + np.sqrt(squares[UP]),
        f"{COMBINED}{DOWN}": nominal - np.sqrt(squares[DOWN]),
    }
    values = {name: np.maximum(value, 0.0) for name, value in {**whole, **moved}.items()}
    measured = np.isfinite(nominal)
    empty = _lost(Bins(*(tuple(edge.tolist()) for edge in data.edges)), measured)
    efficiency = np.where(measured, simulation.value, np.nan)
    return Factors(data.edges, {NOMINAL: nominal, **values}, efficiency, (*said, *empty))


def _lost(bins: Bins, measured: npt.NDArray[np.bool_]) -> list[str]:
    """Bins without a number, those beside each other in pT together, in words."""
    said = []
    for column, known in enumerate(measured.T):
        turns = np.flatnonzero(np.diff([True, *known.tolist(), True]))
        for first, end in turns.reshape(-1, 2).tolist():
            said.append(f"not measured: {bins.range_text(first, end, column)}")
    return said


def _varied(measured: Measured, source: str, end: int) -> Array:
    return measured.sources[source][end] if source in measured.sources else measured.value


def _check_measured(nominal: Array, source: str, ends: Sequence[Array]) -> None:
    known = np.isfinite(nominal)
    lost = sum(np.count_nonzero(known & ~np.isfinite(end)) for end in ends)
    if lost:
        wrong = f"source {source!r} is not measured in {lost} bins, up and down, that data has"
        raise BadInput("scale factors", wrong, (), "vary it in the same bins")


def check_sources(names: Iterable[str]) -> None:
    """Raise `BadInput` where a source has a name that means something else."""
    own = {NOMINAL, COMBINED, STATISTICAL}
    for name in names:
        if not name or name in own or name.endswith((UP, DOWN)):
            wrong = f"a source cannot be called {name!r}"
            do = f"not {', '.join(sorted(own))}, nor a name that ends in {UP} or {DOWN}"
            raise BadInput("scale factors", wrong, (), do)
