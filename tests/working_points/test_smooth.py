"""Cuts without steps: flat efficiencies, and lines that stay between their nodes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lepid.working_points.smooth import LINEAR, SPLINE, Cell, Line, fit

NODES = np.array([10.0, 20.0, 35.0, 60.0])


def test_a_line_is_constant_outside_its_nodes() -> None:
    line = Line.through(NODES, np.array([1.0, 2.0, 2.5, 0.0]), LINEAR)
    assert line.at(np.array([0.0, 15.0, 60.0, 900.0])).tolist() == [1.0, 1.5, 0.0, 0.0]


def test_a_spline_is_monotone_between_its_nodes_and_smooth() -> None:
    cuts = np.array([1.0, 1.2, 3.0, 3.1])
    line = Line.through(NODES, cuts, SPLINE)
    assert (np.diff(line.cuts) >= 0).all()
    np.testing.assert_allclose(line.at(NODES), cuts, atol=1e-6)
    slopes = np.diff(line.cuts) / np.diff(line.pt)
    rough = np.diff(cuts) / np.diff(NODES)
    assert np.abs(np.diff(slopes)).max() < 0.6 * np.abs(np.diff(rough)).max()


def test_one_node_is_one_cut() -> None:
    for kind in (LINEAR, SPLINE):
        assert Line.through(np.array([3.0]), np.array([0.5]), kind).at(np.ones(2)).tolist() == [
            0.5,
            0.5,
        ]


@pytest.mark.parametrize("kind", [LINEAR, SPLINE])
def test_the_efficiency_of_every_bin_is_kept(kind: str) -> None:
    rng = np.random.default_rng(3)
    cells, start, nodes = [], [], []
    for low, high in ((5, 10), (10, 20), (20, 40), (40, 80)):
        pt = rng.uniform(low, high, 8000)
        values = 3 * np.log(pt) + rng.normal(size=8000)
        cells.append(Cell(values, np.ones(8000), pt, 0.9, (0.9 * 0.1 / 8000) ** 0.5))
        start.append(float(np.quantile(values, 0.1)))
        nodes.append(float(pt.mean()))
    line = fit(cells, np.array(nodes), np.array(start), kind)
    alone = Line.through(np.array(nodes), np.array(start), kind)
    reached = [np.mean(cell.values > line.at(cell.pt)) for cell in cells]
    np.testing.assert_allclose(reached, 0.9, atol=0.1 * cells[0].sigma)
    # Cuts of the bins joined by lines would miss it.
    missed = [np.mean(cell.values > alone.at(cell.pt)) for cell in cells]
    assert np.abs(np.array(missed) - 0.9).max() > 5 * cells[0].sigma
    # And the line follows the truth better than steps do.
    pt = np.linspace(10, 60, 50)
    truth = 3 * np.log(pt) + norm.ppf(0.1)
    assert np.abs(line.at(pt) - truth).max() < 0.35
