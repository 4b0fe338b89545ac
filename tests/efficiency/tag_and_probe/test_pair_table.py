"""Tables of pairs: what is counted, that parts add up, and their files."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lepid.efficiency.tag_and_probe import pair_file, pair_table
from lepid.efficiency.tag_and_probe.pair_table import Leptons, invariant_mass
from lepid.errors import BadFile, BadInput


def test_mass_against_four_vectors() -> None:
    rng = np.random.default_rng(1)
    pt, eta, phi = rng.uniform(5, 60, 40), rng.uniform(-2.5, 2.5, 40), rng.uniform(-3, 3, 40)
    one, other = np.arange(0, 40, 2), np.arange(1, 40, 2)
    found = invariant_mass(
        Leptons(np.array([0, 40]), pt, eta, phi, np.ones(40), np.ones(40)), one, other, 0.105
    )
    for place in range(20):
        total = np.zeros(4)
        for row in (one[place], other[place]):
            px, py = pt[row] * math.cos(phi[row]), pt[row] * math.sin(phi[row])
            pz = pt[row] * math.sinh(eta[row])
            total += [math.sqrt(px**2 + py**2 + pz**2 + 0.105**2), px, py, pz]
        slow = math.sqrt(total[0] ** 2 - (total[1:] ** 2).sum())
        assert found[place] == pytest.approx(slow, rel=1e-9)


def test_parts_add_up_exactly_and_come_back(toys: SimpleNamespace, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    one, other = toys.table(rng, 400, 100), toys.table(rng, 300, 80)
    for table, name in ((one, "one.pairs.json"), (other, "other.pairs.json.gz")):
        pair_file.write(table, tmp_path / name)
    back = [pair_file.read(tmp_path / name) for name in ("one.pairs.json", "other.pairs.json.gz")]
    both = back[0] + back[1]
    assert np.array_equal(both.values, one.values + other.values)
    assert np.array_equal(both.variances, one.variances + other.variances)
    assert both.outside == one.outside + other.outside


def test_an_open_bin_comes_back(toys: SimpleNamespace, tmp_path: Path) -> None:
    table = toys.empty(pt_edges=(20.0, math.inf))
    pair_file.write(table, tmp_path / "t.pairs.json")
    assert pair_file.read(tmp_path / "t.pairs.json").pt_edges == (20.0, math.inf)


def test_one_event_in_one_bin_is_one_observation(toys: SimpleNamespace) -> None:
    """Two leptons that are both tag and probe: two pairs of one mass, with variance 4."""
    leptons = Leptons(
        np.array([0, 2]), np.full(2, 45.0), np.zeros(2), np.array([0.0, np.pi]),
        np.array([1.0, -1.0]), np.ones(2),
    )  # fmt: skip
    yes = np.ones(2, bool)
    for tags, number, variance in ((yes, 2.0, 4.0), (np.array([True, False]), 1.0, 1.0)):
        table = pair_table.count(
            toys.empty(), leptons, tags={"nominal": tags}, probe=yes,
            decisions={"Tight": yes}, mass=0.0,
        )  # fmt: skip
        found = table.masses("Tight")
        assert found.passed.values.sum() == number
        assert found.passed.variances.sum() == variance
        assert found.failed.values.sum() == 0.0
        assert found.edges[np.argmax(found.passed.values)] == 90.0


def test_errors(toys: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="pt edges must increase"):
        toys.empty(pt_edges=(30.0, 20.0))
    with pytest.raises(BadInput, match="mass edges must be finite"):
        toys.empty(mass_edges=(60.0, math.inf))
    with pytest.raises(BadInput, match="no tags"):
        toys.empty(tags={})
    with pytest.raises(BadInput, match="pt_edges"):
        toys.empty() + toys.empty(pt_edges=(20.0, 30.0))
    path = tmp_path / "bad.pairs.json"
    for text, wrong in (
        ("{", "cannot be read"),
        ("{}", "not a table of pairs"),
        ('{"format": "lepid pairs of tags and probes", "version": 2}', "version 2"),
        ('{"format": "lepid pairs of tags and probes", "version": 1}', "not a complete"),
    ):
        path.write_text(text)
        with pytest.raises(BadFile, match=wrong):
            pair_file.read(path)
    leptons = toys.draw(np.random.default_rng(3), 5, 0)[0]
    nan = leptons._replace(weight=np.full(10, np.nan))
    yes = np.ones(10, bool)
    with pytest.raises(BadInput, match="weight is not finite"):
        pair_table.count(
            toys.empty(), nan, tags={"nominal": yes}, probe=yes, decisions={"Tight": yes}, mass=0.0
        )
