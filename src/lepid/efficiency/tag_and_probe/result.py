"""Efficiencies of probes in bins of pT and |eta|, with the envelopes of variations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lepid.efficiency.tag_and_probe.bins import (
    MINIMUM,
    Bin,
    Measured,
    Method,
    Task,
    fitted_range,
    measured,
)
from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.efficiency.tag_and_probe.resonances import (
    CRYSTAL_BALL,
    FIT,
    FORMULAS,
    SIGNALS,
    resonance,
)
from lepid.errors import BadInput, UnknownName

Floats: TypeAlias = npt.NDArray[np.float64]
STANDARD = "standard"


@dataclass(frozen=True)
class ProbeEfficiency:
    """Efficiency of one working point in bins of the probes.

    Attributes
    ----------
    working_point : str
    method : Method
    edges : of pT (GeV) and |eta|; empty if all probes are one bin
    bins : [n_pt * n_abseta], row by row
    variations : name of the source -> its variations, each like `bins`
    identity : tagger, network, collection, experiment, sources of the table
    """

    working_point: str
    method: Method
    edges: tuple[tuple[float, ...], ...]
    bins: tuple[Measured, ...]
    variations: Mapping[str, tuple[tuple[Measured, ...], ...]] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins in pT and |eta|; () if all probes are one bin."""
        return tuple(len(edges) - 1 for edges in self.edges)

    @property
    def value(self) -> Floats:
        """Efficiency, [n_pt, n_abseta]; NaN where it could not be measured."""
        return self._grid(lambda one: one.ends.value)

    @property
    def low(self) -> Floats:
        """Lower end of the statistical interval, [n_pt, n_abseta]."""
        return self._grid(lambda one: one.ends.low)

    @property
    def high(self) -> Floats:
        """Upper end of the statistical interval, [n_pt, n_abseta]."""
        return self._grid(lambda one: one.ends.high)

    @property
    def systematics(self) -> dict[str, Floats]:
        """Source -> half-width of its envelope, [n_pt, n_abseta].

        The largest distance of a variation from the nominal value; NaN where one of them could
        not be measured.
        """
        found = {}
        for source, variations in self.variations.items():
            values = [[one.ends.value for one in variation] for variation in variations]
            nominal = np.array([one.ends.value for one in self.bins])
            found[source] = np.abs(np.array(values) - nominal).max(axis=0).reshape(self.shape)
        return found

    @property
    def systematic(self) -> Floats:
        """All envelopes in quadrature, [n_pt, n_abseta]."""
        squares = [half**2 for half in self.systematics.values()]
        return np.sqrt(np.sum(squares, axis=0)) if squares else np.zeros(self.shape)

    def content(self) -> dict[str, Any]:
        """What was measured as plain values, one entry per bin.

        None stands for what could not be measured, and for the end of an open bin.
        """
        envelopes = {name: half.ravel() for name, half in self.systematics.items()}
        total = self.systematic.ravel()
        bins = []
        for place, one in enumerate(self.bins):
            entry: dict[str, Any] = {**one.ends._asdict(), "systematic": float(total[place])}
            entry["systematics"] = {n: _plain(float(half[place])) for n, half in envelopes.items()}
            entry = {name: _plain(value) for name, value in entry.items()}
            if one.fit:
                entry |= {"chi2": float(one.fit.chi2), "ndof": one.fit.ndof}
                entry |= {"p_value": _plain(one.fit.p_value), "interval": one.fit.interval}
            if self.edges:
                i, j = divmod(place, self.shape[1])
                pt, abseta = self.edges
                entry["pt"] = [_plain(end) for end in pt[i : i + 2]]
                entry["abseta"] = [_plain(end) for end in abseta[j : j + 2]]
            bins.append(entry | one.yields._asdict() | {"how": one.how, "notes": list(one.notes)})
        what = {"working_point": self.working_point, "method": self.method.text()}
        return {**self.identity, **what, "bins": bins}

    def _grid(self, of: Callable[[Measured], float]) -> Floats:
        return np.array([of(one) for one in self.bins]).reshape(self.shape)


def _plain(value: Any) -> Any:
    """The value, None for a number that is none: JSON has no NaN."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def probe_efficiency(
    table: PairTable,
    working_point: str,
    *,
    method: Method | str = FIT,
    variations: Mapping[str, Sequence[Method]] | str | None = None,
    simulation: PairTable | None = None,
    inclusive: bool = False,
    minimum: float = MINIMUM,
    advance: Callable[[int], None] | None = None,
) -> ProbeEfficiency:
    """Efficiency of a working point for the probes of a table of pairs.

    Parameters
    ----------
    method : how the background is taken away: ``"fit"`` (a double Crystal Ball over an
        exponential), ``"sidebands"``, ``"same-sign"``, ``"count"``, or a `Method` that says more
    variations : ``"standard"``: window, shapes and tags, see `standard_variations`; or source ->
        methods. The largest distance from the nominal value is the uncertainty of the source
    simulation : pairs of simulation, which a fit of a template takes
    inclusive : all bins of the table as one
    minimum : fewer probes than this that fail, or that pass, are counted, not fitted
    advance : called with 1 after each bin of each method

    Raises
    ------
    BadInput : no pair in the window, a window that does not end at edges, weights a fit cannot
        take, or a template without simulation
    UnknownWorkingPoint, UnknownName : no such point or tag
    """
    method = Method(method) if isinstance(method, str) else method
    variations = _variations(variations, table, method, simulation)
    n_pt, n_abseta = table.shape
    bins: list[Bin] = (
        [None] if inclusive else [(i, j) for i in range(n_pt) for j in range(n_abseta)]
    )

    def every(chosen: Method) -> tuple[Measured, ...]:
        task = Task(table, working_point, chosen, simulation, minimum)
        found = []
        for one in bins:
            found.append(measured(task, one))
            if advance:
                advance(1)
        return tuple(found)

    nominal = every(method)
    if not sum(one.masses.passed.values.sum() + one.masses.failed.values.sum() for one in nominal):
        do = "loosen the selections of tags and probes, or look at the wrong range of masses"
        raise BadInput(f"pairs of {table.tagger}", "no pair in the window", (), do)
    return ProbeEfficiency(
        working_point,
        method,
        () if inclusive else (table.pt_edges, table.abseta_edges),
        nominal,
        {name: tuple(every(one) for one in some) for name, some in variations.items()},
        {
            "tagger": f"{table.tagger}@{table.network}" if table.network else table.tagger,
            "collection": table.collection,
            "experiment": table.experiment,
            "resonance": table.resonance,
            "tag": table.tags[method.tag or next(iter(table.tags))],
            **table.metadata,
            **({"files": ", ".join(table.sources)} if table.sources else {}),
        },
    )


def _variations(
    asked: Mapping[str, Sequence[Method]] | str | None,
    table: PairTable,
    method: Method,
    simulation: PairTable | None,
) -> Mapping[str, Sequence[Method]]:
    if asked == STANDARD:
        return standard_variations(table, method, templates=simulation is not None)
    if isinstance(asked, str):
        raise UnknownName.of("tag and probe", "variations", asked, (STANDARD,))
    return asked or {}


def standard_variations(
    table: PairTable, method: Method, *, templates: bool
) -> dict[str, tuple[Method, ...]]:
    """Source -> methods: a narrower and a wider window, other shapes, the other tags.

    Parameters
    ----------
    templates : whether there is simulation for templates
    """
    found = resonance(table.resonance)
    low, high = fitted_range(method, found)
    edges = np.asarray(table.mass_edges)
    # A tenth of the window at each end, in whole bins.
    step = max(round((high - low) / 10.0 / found.edges[2]), 1)
    first, last = np.searchsorted(edges, (low - 1e-9, high - 1e-9))
    places = [(first + step, last - step), (first - step, last + step)]
    windows = [(edges[i], edges[j]) for i, j in places if 0 <= i < j < len(edges)]
    varied = [
        replace(method, window=one) if method.name == FIT else replace(method, peak=one)
        for one in windows
    ]
    sources = {"window": tuple(varied)}
    if method.name == FIT:
        signals = SIGNALS if templates else (CRYSTAL_BALL,)
        sources["signal"] = tuple(replace(method, signal=s) for s in signals if s != method.signal)
        others = [b for b in FORMULAS if b != method.background]
        sources["background"] = tuple(replace(method, background=b) for b in others)
    tags = [name for name in table.tags if name != (method.tag or next(iter(table.tags)))]
    sources["tag"] = tuple(replace(method, tag=name) for name in tags)
    return {name: some for name, some in sources.items() if some}
