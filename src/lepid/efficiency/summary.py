"""An efficiency table as rows of numbers and of text: the one source of every printed table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lepid.efficiency import intervals
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.intervals import Efficiency

WHOLE_RANGE = (-math.inf, math.inf)
BIN_SYMBOLS = {"pt": "pT", "abseta": "|eta|"}


@dataclass(frozen=True)
class Row:
    """One efficiency with its bin and its counts.

    Attributes
    ----------
    truth_class, working_point : str
    by : variables it is binned in, out of pt and abseta; () is inclusive
    pt, abseta : lower and upper edge of the bin (pt in GeV); infinite both ways if not binned in it
    passed, total : sums of weights; counts if there are no weights
    efficiency, low, high : with the ends of the interval; NaN without leptons
    interval : its name
    """

    truth_class: str
    working_point: str
    by: tuple[str, ...]
    pt: tuple[float, float]
    abseta: tuple[float, float]
    passed: float
    total: float
    efficiency: float
    low: float
    high: float
    interval: str


def rows(
    table: EfficiencyTable,
    by: tuple[str, ...] = (),
    interval: str | None = None,
    coverage: float = intervals.ONE_SIGMA,
) -> list[Row]:
    """Rows of all classes that have leptons: class by class, point by point, bin by bin.

    Parameters
    ----------
    by, interval, coverage : as in `EfficiencyTable.efficiency`
    """
    return [
        row
        for truth_class in table.populated
        for working_point in table.working_points
        for row in _rows_of(
            truth_class,
            working_point,
            by,
            table.efficiency(working_point, truth_class, by, interval, coverage),
        )
    ]


def _rows_of(
    truth_class: str, working_point: str, by: tuple[str, ...], result: Efficiency
) -> Iterator[Row]:
    columns = (result.passed, result.total, result.value, result.low, result.high)
    flat = [column.ravel().tolist() for column in columns]
    bins = _bins(by, [edges.tolist() for edges in result.edges])
    for place, (passed, total, value, low, high) in zip(bins, zip(*flat, strict=True), strict=True):
        ranges = (place.get("pt", WHOLE_RANGE), place.get("abseta", WHOLE_RANGE))
        numbers = (passed, total, value, low, high)
        yield Row(truth_class, working_point, by, *ranges, *numbers, result.interval)


def _bins(by: tuple[str, ...], edges: list[list[float]]) -> list[dict[str, tuple[float, float]]]:
    bins: list[dict[str, tuple[float, float]]] = [{}]
    for name, line in zip(by, edges, strict=True):
        pairs = list(itertools.pairwise(line))
        bins = [{**start, name: pair} for start in bins for pair in pairs]
    return bins


def decimals(row: Row) -> int:
    """Number of decimals that shows two digits of the smaller uncertainty: 3 to 5."""
    return digits((row.efficiency - row.low, row.high - row.efficiency))


def digits(uncertainties: Iterable[float]) -> int:
    """Number of decimals that shows two digits of the smallest uncertainty above 0: 3 to 5."""
    errors = [e for e in uncertainties if e > 0.0]
    return min(5, max(3, 1 - math.floor(math.log10(min(errors))))) if errors else 3


def parts(row: Row) -> tuple[str, str, str] | None:
    """Efficiency, upward and downward uncertainty as text without signs; None without leptons."""
    if not math.isfinite(row.efficiency):
        return None
    places = decimals(row)
    up, down = row.high - row.efficiency, row.efficiency - row.low
    return (
        f"{row.efficiency:.{places}f}",
        f"{max(up, 0.0):.{places}f}",
        f"{max(down, 0.0):.{places}f}",
    )


def value_text(row: Row) -> str:
    """``0.912 +0.011 -0.012``, or ``-`` without leptons."""
    found = parts(row)
    return "-" if found is None else f"{found[0]} +{found[1]} -{found[2]}"


def count_text(value: float) -> str:
    """A count in full, or a sum of weights with six digits."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def bin_text(edges: tuple[float, float], separator: str = " to ") -> str:
    """``20 to 25``, ``> 200`` for an open last bin, ``< 5`` for an open first one, else ``all``."""
    low, high = edges
    if math.isinf(low):
        return "all" if math.isinf(high) else f"< {high:g}"
    return f"> {low:g}" if math.isinf(high) else f"{low:g}{separator}{high:g}"


def interval_text(table: EfficiencyTable, coverage: float = intervals.ONE_SIGMA) -> str:
    """Name and coverage of the default interval of the table: ``clopper-pearson, 68.3 %``."""
    name = intervals.choose(None, weighted=table.weighted, negative=table.negative_weights)
    return f"{name}, {100.0 * coverage:.1f} %"


def left_out(table: EfficiencyTable) -> list[tuple[str, int, float]]:
    """Class, unscored leptons and scored ones outside the bins, for classes that have either."""
    outside = table.outside
    lines = [(name, table.unscored[name], outside[name]) for name in table.classes]
    return [line for line in lines if line[1] or line[2]]


def identity(table: EfficiencyTable) -> dict[str, str]:
    """What was measured, by what and on what, as label and text; empty entries are left out."""
    lines = {
        "tagger": table.tagger,
        "network": table.network,
        "collection": table.collection,
        "truth classes": table.scheme,
        "uncertainties": interval_text(table),
        "counts": "sums of weights" if table.weighted else "leptons",
        "files": ", ".join(table.sources),
        **table.metadata,
    }
    return {name: text for name, text in lines.items() if text}
