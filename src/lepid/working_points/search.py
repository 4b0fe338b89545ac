"""The cuts of one working point after the other, out of leptons sorted into bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.working_points import bins as binning
from lepid.working_points.bins import Bins, Demand, Places
from lepid.working_points.curve import DECIMALS, Curve
from lepid.working_points.plane import Plane, best
from lepid.working_points.points import Floats, Point, Sample, Wanted
from lepid.working_points.smooth import Cell, Line, fit

Rows = npt.NDArray[np.intp]
# A cut that misses its target by more than this many uncertainties has met equal values.
FAR = 4.0


class _Slice(NamedTuple):
    """Leptons of one population in one group of bins."""

    rows: Rows
    text: str


class Search:
    """A sample in which larger values pass, sorted into bins as it is needed."""

    def __init__(
        self, sample: Sample, wanted: Sequence[Wanted], bins: Bins, *, strict: bool, minimum: float
    ) -> None:
        self.sample, self.wanted, self.bins = sample, wanted, bins
        self.strict, self.minimum = strict, minimum
        self.values = np.stack(list(sample.quantities.values()))
        self.places = bins.places(sample.pt, sample.abseta)
        self._groups: dict[str, tuple[Places, list[str]]] = {}
        self._slices: dict[tuple[str, str], list[_Slice]] = {}
        self._curves: dict[str, list[Curve]] = {}
        self._inside: dict[str, tuple[Rows, Places]] = {}
        self._known_sums: dict[str, tuple[Floats, Floats, Floats]] = {}

    def groups(self, population: str) -> tuple[Places, list[str]]:
        """Group of each bin, so that none is too thin for a point of the population; in words."""
        if population not in self._groups:
            own = [w for w in self.wanted if w.population == population]
            asked = {_key(w.target): w.target for w in own}
            demands = [self._demand(population, target) for target in asked.values()]
            binning.check_filled(self.bins, demands)
            against = dict.fromkeys(w.against for w in own if w.against)
            demands += [self._demand(name, 0.5) for name in against]
            self._groups[population] = binning.merged(self.bins, demands, self.minimum)
        return self._groups[population]

    def _demand(self, population: str, target: float | Floats) -> Demand:
        rows, place = self.inside(population)
        number, total, squares = self._sums(population)
        passing = total * target if not isinstance(target, np.ndarray) else self._summed(
            place, self.sample.weight[rows] * target[rows]
        )  # fmt: skip
        return Demand(f"leptons of {population}", number, total, squares, passing)

    def _sums(self, population: str) -> tuple[Floats, Floats, Floats]:
        if population not in self._known_sums:
            rows, place = self.inside(population)
            weight = self.sample.weight[rows]
            sums = (self._summed(place, each) for each in (None, weight, weight * weight))
            self._known_sums[population] = (next(sums), next(sums), next(sums))
        return self._known_sums[population]

    def _summed(self, place: Places, each: Floats | None) -> Floats:
        size = self.bins.shape[0] * self.bins.shape[1]
        sums = np.bincount(place, each, minlength=size).reshape(self.bins.shape)
        return sums.astype(np.float64)

    def inside(self, population: str) -> tuple[Rows, Places]:
        """Leptons of a population inside the edges, and their bins."""
        if population not in self._inside:
            rows = np.flatnonzero(self.sample.populations[population] & (self.places >= 0))
            self._inside[population] = rows, self.places.take(rows)
        return self._inside[population]

    def slices(self, population: str, grouped_as: str = "") -> list[_Slice]:
        """Leptons of a population in each group, of its own or those of another one."""
        key = (population, grouped_as or population)
        if key not in self._slices:
            groups, _ = self.groups(key[1])
            rows, place = self.inside(population)
            # Small integers are sorted by their digits, in one pass.
            group = groups.ravel().astype(np.uint16).take(place)
            rows = rows.take(np.argsort(group, kind="stable"))
            ends = np.cumsum(np.bincount(group, minlength=int(groups.max()) + 1))
            texts = [_group_text(self.bins, groups, g) for g in range(len(ends))]
            parts = zip(np.split(rows, ends[:-1]), texts, strict=True)
            self._slices[key] = [_Slice(*both) for both in parts]
        return self._slices[key]

    def curves(self, population: str) -> list[Curve]:
        """Leptons of a population in each group, in the order of the first quantity."""
        if population not in self._curves:
            self._curves[population] = [
                Curve.of(rows, self.values[0].take(rows), self.sample.weight.take(rows))
                for rows, _ in self.slices(population)
            ]
        return self._curves[population]

    def plane(self, rows: Rows) -> Plane:
        """Some leptons with both quantities."""
        return Plane(self.values[:, rows], self.sample.weight[rows])

    def target(self, wanted: Wanted, rows: Rows) -> float:
        """Efficiency that is asked for in a group."""
        if not isinstance(wanted.target, np.ndarray):
            return wanted.target
        weight = self.sample.weight[rows]
        return float(weight @ wanted.target[rows] / weight.sum())

    def point(self, wanted: Wanted, floor: Point | None = None) -> Point:
        """Cuts of one working point; those of two quantities not below the `floor`."""
        groups, merged = self.groups(wanted.population)
        slices = self.slices(wanted.population)
        targets = np.array([self.target(wanted, rows) for rows, _ in slices])
        if wanted.against:
            found = self._pairs(wanted, targets, floor)
        else:
            curves = self.curves(wanted.population)
            found = np.array([
                self._cut(curve, wanted, float(target), text)
                for curve, target, (_, text) in zip(curves, targets, slices, strict=True)
            ])  # fmt: skip
        *cuts, reached, sigma = (column[groups] for column in found.T)
        half = len(cuts) // 2
        return Point(
            wanted.name, wanted.population, wanted.text, groups, tuple(merged),
            np.stack(cuts[:half]), np.stack(cuts[half:]), targets[groups], reached, sigma,
        )  # fmt: skip

    def _cut(self, curve: Curve, wanted: Wanted, target: float, text: str) -> list[float]:
        cut = round(curve.cut(target), DECIMALS)
        k = curve.at(cut, strict=self.strict)
        reached, sigma = curve.efficiency(k), curve.uncertainty(k, wanted.target)
        off = abs(reached - target)
        if off > FAR * sigma:
            _refuse(wanted, target, reached, text)
        return [cut, round(curve.spread(target, sigma), DECIMALS), reached, sigma]

    def _pairs(self, wanted: Wanted, targets: Floats, floor: Point | None) -> Floats:
        groups, _ = self.groups(wanted.population)
        found = []
        both = (
            self.slices(name, wanted.population) for name in (wanted.population, wanted.against)
        )
        for g, (signal, against) in enumerate(zip(*both, strict=True)):
            low = (-np.inf, -np.inf)
            if floor is not None:
                low = (float(floor.cuts[0][groups == g].max()),
                       float(floor.cuts[1][groups == g].max()))  # fmt: skip
            pair = best(
                self.plane(signal.rows), self.plane(against.rows), float(targets[g]),
                strict=self.strict, floor=low,
            )  # fmt: skip
            if abs(pair.efficiency - targets[g]) > FAR * pair.sigma:
                _refuse(wanted, float(targets[g]), pair.efficiency, signal.text)
            spreads = (round(spread, DECIMALS) for spread in pair.spreads)
            found.append([*pair.cuts, *spreads, pair.efficiency, pair.sigma])
        return np.array(found)

    def smoothed(self, point: Point, kind: str) -> Point:
        """The point with cuts that go without steps over pT."""
        columns = [self._lines(point, column, kind) for column in range(self.bins.shape[1])]
        return self._again(replace(point, lines=tuple(zip(*columns, strict=True))))

    def _lines(self, point: Point, column: int, kind: str) -> list[Line]:
        """Line of each quantity in one bin of |eta|.

        Of two quantities the second keeps the efficiency that its own cuts have, and the first
        makes those of the point among the leptons that pass it.
        """
        slices = self.slices(point.population)
        ids, first = np.unique(point.groups[:, column], return_index=True)
        rows = [slices[g].rows for g in ids]
        # The same for all points of a population: lines through the same nodes do not cross.
        nodes = np.array([round(float(self.sample.pt[own].mean()), 3) for own in rows])
        lines: list[Line] = []
        for axis in reversed(range(len(self.values))):
            cuts = point.cuts[axis][first, column]
            cells = []
            for i, cut, own in zip(first, cuts, rows, strict=True):
                asked = float(point.target[i, column])
                if axis:
                    asked = self._share(own, self._passing(axis, own, float(cut)))
                among = own
                if lines:
                    among = own[self._passing(1, own, lines[0].at(self.sample.pt[own]))]
                    asked = min(asked / self._share(own, np.isin(own, among)), 1.0)
                cells.append(
                    Cell(self.values[axis][among], self.sample.weight[among],
                         self.sample.pt[among], asked, float(point.sigma[i, column]))
                )  # fmt: skip
            lines.insert(0, fit(cells, nodes, cuts, kind))
        return lines

    def _passing(self, axis: int, rows: Rows, cut: Floats | float) -> npt.NDArray[np.bool_]:
        compare = np.greater if self.strict else np.greater_equal
        passed: npt.NDArray[np.bool_] = compare(self.values[axis][rows], cut)
        return passed

    def _share(self, rows: Rows, among: npt.NDArray[np.bool_]) -> float:
        weight = self.sample.weight[rows]
        return float(weight[among].sum() / weight.sum())

    def above(self, point: Point, floor: Point) -> Point:
        """The point with no cut below those of a looser one."""
        if not point.lines:
            return self._again(replace(point, cuts=np.maximum(point.cuts, floor.cuts)))
        pairs = zip(point.lines, floor.lines, strict=True)
        lines = tuple(
            tuple(own.above(other) for own, other in zip(*both, strict=True)) for both in pairs
        )
        return self._again(replace(point, lines=lines))

    def _again(self, point: Point) -> Point:
        """The point with the efficiencies that its cuts have; of lines, the cuts at mean pT."""
        reached, cuts = point.reached.copy(), point.cuts.copy()
        for g, (rows, _) in enumerate(self.slices(point.population)):
            here = point.groups == g
            pt = self.sample.pt[rows]
            if point.lines:
                column = int(np.argwhere(here)[0, 1])
                own = [each[column] for each in point.lines]
                for cut, line in zip(cuts, own, strict=True):
                    cut[here] = np.round(line.at(np.array([pt.mean()])), DECIMALS)
                limits = [line.at(pt) for line in own]
            else:
                limits = [cut.ravel()[self.places[rows]] for cut in point.cuts]
            passed = np.logical_and.reduce([
                self._passing(axis, rows, limit) for axis, limit in enumerate(limits)
            ])  # fmt: skip
            reached[here] = self._share(rows, passed)
        return replace(point, cuts=cuts, reached=reached)


def _key(target: float | Floats) -> object:
    return id(target) if isinstance(target, np.ndarray) else target


def _group_text(bins: Bins, groups: Places, group: int) -> str:
    rows, columns = np.nonzero(groups == group)
    return bins.range_text(int(rows.min()), int(rows.max()) + 1, int(columns[0]))


def _refuse(wanted: Wanted, target: float, reached: float, text: str) -> None:
    wrong = (
        f"efficiency {target:.4g} cannot be reached in {text}: the nearest is {reached:.4g}, "
        f"because many leptons share one value, or differ only beyond {DECIMALS} decimals"
    )
    do = "cut on a quantity that is spread wider, such as a log-ratio in place of a probability"
    raise BadInput(f"working point {wanted.name}", wrong, (), do)
