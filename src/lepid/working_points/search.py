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

    def __init__(self, sample: Sample, wanted: Sequence[Wanted], bins: Bins, strict: bool) -> None:
        self.sample, self.wanted, self.bins, self.strict = sample, wanted, bins, strict
        self.values = np.stack(list(sample.quantities.values()))
        self.places = bins.places(sample.pt, sample.abseta)
        self._slices: dict[str, list[_Slice]] = {}
        self._curves: dict[str, list[Curve]] = {}
        self._inside: dict[str, tuple[Rows, Places]] = {}
        self._known_sums: dict[str, tuple[Floats, Floats, Floats]] = {}

    def grouped(self, minimum: float) -> tuple[Places, list[str]]:
        """Groups of bins that are not too thin for any of the points."""
        asked = {(w.population, _key(w.target)): w for w in self.wanted}
        demands = [self._demand(w.population, w.target) for w in asked.values()]
        binning.check_filled(self.bins, demands)
        against = dict.fromkeys(w.against for w in self.wanted if w.against)
        demands += [self._demand(population, 0.5) for population in against]
        return binning.merged(self.bins, demands, minimum)

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

    def slices(self, population: str, groups: Places) -> list[_Slice]:
        """Leptons of a population in each group."""
        if population not in self._slices:
            rows, place = self.inside(population)
            # Small integers are sorted by their digits, in one pass.
            group = groups.ravel().astype(np.uint16).take(place)
            rows = rows.take(np.argsort(group, kind="stable"))
            ends = np.cumsum(np.bincount(group, minlength=int(groups.max()) + 1))
            texts = [_group_text(self.bins, groups, g) for g in range(len(ends))]
            parts = np.split(rows, ends[:-1])
            self._slices[population] = [
                _Slice(*both) for both in zip(parts, texts, strict=True)
            ]  # fmt: skip
        return self._slices[population]

    def curves(self, population: str, groups: Places) -> list[Curve]:
        """Leptons of a population in each group, in the order of the first quantity."""
        if population not in self._curves:
            self._curves[population] = [
                Curve.of(rows, self.values[0].take(rows), self.sample.weight.take(rows))
                for rows, _ in self.slices(population, groups)
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

    def point(self, wanted: Wanted, groups: Places, floor: Point | None = None) -> Point:
        """Cuts of one working point; those of two quantities not below the `floor`."""
        slices = self.slices(wanted.population, groups)
        targets = np.array([self.target(wanted, rows) for rows, _ in slices])
        if wanted.against:
            found = self._pairs(wanted, groups, targets, floor)
        else:
            found = np.array([
                self._cut(curve, wanted, float(target), text)
                for curve, target, (_, text) in zip(
                    self.curves(wanted.population, groups), targets, slices, strict=True
                )
            ])  # fmt: skip
        *cuts, reached, sigma = (column[groups] for column in found.T)
        half = len(cuts) // 2
        return Point(
            wanted.name, wanted.population, wanted.text, np.stack(cuts[:half]),
            np.stack(cuts[half:]), targets[groups], reached, sigma,
        )  # fmt: skip

    def _cut(self, curve: Curve, wanted: Wanted, target: float, text: str) -> list[float]:
        cut = round(curve.cut(target), DECIMALS)
        k = curve.at(cut, strict=self.strict)
        reached, sigma = curve.efficiency(k), curve.uncertainty(k, wanted.target)
        off = abs(reached - target)
        if off > FAR * sigma:
            _refuse(wanted, target, reached, text)
        return [cut, round(curve.spread(target, sigma), DECIMALS), reached, sigma]

    def _pairs(
        self,
        wanted: Wanted,
        groups: Places,
        targets: Floats,
        floor: Point | None,
    ) -> Floats:
        found = []
        both = (self.slices(name, groups) for name in (wanted.population, wanted.against))
        for g, (signal, against) in enumerate(zip(*both, strict=True)):
            low = (-np.inf, -np.inf)
            if floor is not None:
                here = np.argwhere(groups == g)[0]
                low = (float(floor.cuts[0][*here]), float(floor.cuts[1][*here]))
            pair = best(
                self.plane(signal.rows), self.plane(against.rows), float(targets[g]),
                strict=self.strict, floor=low,
            )  # fmt: skip
            if abs(pair.efficiency - targets[g]) > FAR * pair.sigma:
                _refuse(wanted, float(targets[g]), pair.efficiency, signal.text)
            spreads = (round(spread, DECIMALS) for spread in pair.spreads)
            found.append([*pair.cuts, *spreads, pair.efficiency, pair.sigma])
        return np.array(found)

    def smoothed(self, point: Point, wanted: Wanted, groups: Places, kind: str) -> Point:
        """The point with a cut that goes without steps over pT."""
        slices = self.slices(wanted.population, groups)
        lines = []
        for column in range(groups.shape[1]):
            ids = np.unique(groups[:, column])
            where = [tuple(np.argwhere(groups == g)[0]) for g in ids]
            cells = [
                Cell(self.values[0][rows], self.sample.weight[rows], self.sample.pt[rows],
                     float(point.target[place]), float(point.sigma[place]))
                for place, (rows, _) in zip(where, (slices[g] for g in ids), strict=True)
            ]  # fmt: skip
            nodes = np.round([self._node(g, groups) for g in ids], 3)
            start = np.array([point.cuts[0][place] for place in where])
            lines.append(fit(cells, nodes, start, kind))
        return self._again(replace(point, lines=tuple(lines)), wanted, groups)

    def _node(self, group: np.int64, groups: Places) -> float:
        # The same for all points: lines through the same nodes do not cross.
        first = self.slices(self.wanted[0].population, groups)
        return float(self.sample.pt[first[int(group)].rows].mean())

    def above(self, point: Point, floor: Point, wanted: Wanted, groups: Places) -> Point:
        """The point with no cut below those of a looser one."""
        if not point.lines:
            changed = replace(point, cuts=np.maximum(point.cuts, floor.cuts))
        else:
            lines = [
                Line(own.pt, np.maximum(own.cuts, other.at(own.pt)))
                for own, other in zip(point.lines, floor.lines, strict=True)
            ]
            changed = replace(point, lines=tuple(lines))
        return self._again(changed, wanted, groups)

    def _again(self, point: Point, wanted: Wanted, groups: Places) -> Point:
        """The point with the efficiencies that its cuts have; cuts of a line at the nodes."""
        reached, cuts = point.reached.copy(), point.cuts.copy()
        compare = np.greater if self.strict else np.greater_equal
        for g, (rows, _) in enumerate(self.slices(wanted.population, groups)):
            here = groups == g
            first = tuple(np.argwhere(here)[0])
            if point.lines:
                line = point.lines[first[1]]
                cuts[0][here] = np.round(line.at(np.array([self._node(np.int64(g), groups)])), 6)
                limits = [line.at(self.sample.pt[rows])]
            else:
                limits = [cut[first] for cut in point.cuts]
            passed = np.logical_and.reduce([
                compare(values[rows], limit)
                for values, limit in zip(self.values, limits, strict=True)
            ])  # fmt: skip
            weight = self.sample.weight[rows]
            reached[here] = weight[passed].sum() / weight.sum()
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
