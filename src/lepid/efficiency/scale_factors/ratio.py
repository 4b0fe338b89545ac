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
    ways : source -> the efficiency measured in other ways, whose largest distance from `value`
        counts to both sides
    """

    edges: tuple[Array, Array]
    value: Array
    low: Array
    high: Array
    sources: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    ways: Mapping[str, tuple[Array, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Factors:
    """Scale factors of one working point.

    Attributes
    ----------
    edges : pT in GeV [n_pt + 1], |eta| [n_abseta + 1]
    values : variation -> [n_pt, n_abseta], ``nominal`` first; NaN where not measured
    efficiency : [n_pt, n_abseta], in simulation
    data, simulation : the two measurements
    said : what a reader has to know: merged bins, bins without a number
    """

    edges: tuple[Array, Array]
    values: Mapping[str, Array]
    efficiency: Array
    data: Measured
    simulation: Measured
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

    A source of both varies both together, one of either that alone. ``syst`` is all in
    quadrature, the statistical uncertainty among them; no scale factor goes below 0. Where a
    source was measured in other ways, the first of data goes with the first of simulation; if
    the numbers of ways differ, they are two sources, ``<source>_data`` and ``_simulation``.
    Where one of the ways gave no number, neither has that source nor ``syst`` one.

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
    check_sources([*data.sources, *simulation.sources])
    check_sources(ways := _ways(data, simulation), (*data.sources, *simulation.sources))
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
    varied: dict[str, Sequence[Array]]
    varied = {n: _ends(data, simulation, n, nominal) for n in (*data.sources, *simulation.sources)}
    varied |= {name: _envelope(*each, nominal) for name, each in ways.items()}
    for name, ends in varied.items():
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
    bins = Bins(*(tuple(edge.tolist()) for edge in data.edges))
    empty = _lost(bins, measured, "not measured")
    for name in ways:
        known = np.isfinite(varied[name][0])
        empty += _lost(bins, known | ~measured, f"not measured in every way of {name!r}")
    efficiency = np.where(measured, simulation.value, np.nan)
    everything = {NOMINAL: nominal, **values}
    return Factors(data.edges, everything, efficiency, data, simulation, (*said, *empty))


def _lost(bins: Bins, measured: npt.NDArray[np.bool_], what: str) -> list[str]:
    """Bins without a number, those beside each other in pT together, in words."""
    said = []
    for column, known in enumerate(measured.T):
        turns = np.flatnonzero(np.diff([True, *known.tolist(), True]))
        for first, end in turns.reshape(-1, 2).tolist():
            said.append(f"{what}: {bins.range_text(first, end, column)}")
    return said


def _ends(data: Measured, simulation: Measured, source: str, nominal: Array) -> Sequence[Array]:
    """Scale factors with a source up and down."""
    ends = []
    for place in (0, 1):
        above, below = (
            each.sources[source][place] if source in each.sources else each.value
            for each in (data, simulation)
        )
        ends.append(above / np.where(below > 0.0, below, np.nan))
    _check_measured(nominal, source, ends)
    return ends


def _ways(
    data: Measured, simulation: Measured
) -> dict[str, tuple[tuple[Array, ...], tuple[Array, ...]]]:
    """Source -> the efficiencies in data and simulation that belong together."""
    found = {}
    for name in dict.fromkeys([*data.ways, *simulation.ways]):
        mine, its = data.ways.get(name, ()), simulation.ways.get(name, ())
        if mine and its and len(mine) != len(its):
            found[f"{name}_data"] = mine, (simulation.value,) * len(mine)
            found[f"{name}_simulation"] = (data.value,) * len(its), its
        else:
            found[name] = mine or (data.value,) * len(its), its or (simulation.value,) * len(mine)
    return found


def _envelope(
    data: Sequence[Array], simulation: Sequence[Array], nominal: Array
) -> tuple[Array, Array]:
    """Scale factors up and down by the largest distance; NaN where one is not known."""
    found = [
        above / np.where(below > 0.0, below, np.nan)
        for above, below in zip(data, simulation, strict=True)
    ]
    half = np.abs(np.stack(found) - nominal).max(axis=0)
    return nominal + half, nominal - half


def _check_measured(nominal: Array, source: str, ends: Sequence[Array]) -> None:
    known = np.isfinite(nominal)
    lost = sum(np.count_nonzero(known & ~np.isfinite(end)) for end in ends)
    if lost:
        wrong = f"source {source!r} is not measured in {lost} bins, up and down, that data has"
        raise BadInput("scale factors", wrong, (), "vary it in the same bins")


def check_sources(names: Iterable[str], taken: Iterable[str] = ()) -> None:
    """Raise `BadInput` where a source has a name that means something else, or one of `taken`."""
    own = {NOMINAL, COMBINED, STATISTICAL, *taken}
    for name in names:
        if not name or name in own:
            wrong = f"a source cannot be called {name!r}"
            do = f"not {', '.join(sorted(own))}"
            raise BadInput("scale factors", wrong, (), do)
