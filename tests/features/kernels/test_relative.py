"""Nearest jets and momenta relative to their axes, beside plain Python and vector."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import vector
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.features.kernels.relative import AXES, OBSERVABLES, Momenta, nearest, relative

SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=25, deadline=None)


def objects(rng: np.random.Generator, counts: Any, pt: float, kind: Any = np.float64) -> Momenta:
    """Objects that lie around two directions, on both sides of phi = pi."""
    n = int(np.sum(counts))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    eta, phi = rng.normal(1.0, 0.4, n), np.pi + rng.normal(0, 0.4, n)
    phi = np.where(rng.random(n) < 0.5, phi - 2 * np.pi, phi)
    return Momenta(offsets, *(a.astype(kind) for a in (rng.exponential(pt, n) + 1, eta, phi)))


def one(pt: float, eta: float, phi: float) -> Momenta:
    return Momenta(np.array([0, 1]), *(np.array([value]) for value in (pt, eta, phi)))


def several(*momenta: tuple[float, float, float]) -> Momenta:
    return Momenta(np.array([0, len(momenta)]), *np.array(momenta, float).reshape(-1, 3).T)


def distance(left: Momenta, i: int, right: Momenta, j: int) -> float:
    turn = abs(float(left.phi[i]) - float(right.phi[j])) % (2 * math.pi)
    return math.hypot(left.eta[i] - right.eta[j], min(turn, 2 * math.pi - turn))


def events(offsets: Any) -> list[range]:
    return [range(a, b) for a, b in pairwise(offsets)]


@MANY
@given(SEEDS, st.sampled_from([np.float32, np.float64]), st.sampled_from([0.2, 0.4, 1.5]))
def test_nearest_has_a_slow_twin(seed: int, kind: Any, dr: float) -> None:
    rng = np.random.default_rng(seed)
    leptons = objects(rng, rng.poisson(1.5, 12), 5, kind)
    jets = objects(rng, rng.poisson(4, 12), 40, kind)
    accepted = rng.random(len(jets.pt)) < 0.7
    expected = []
    for mine, theirs in zip(events(leptons.offsets), events(jets.offsets), strict=True):
        for i in mine:
            near = [(distance(leptons, i, jets, j), j) for j in theirs if accepted[j]]
            near = [pair for pair in near if pair[0] < dr]
            expected.append(min(near)[1] if near else -1)
    assert nearest(leptons, jets, accepted, dr).tolist() == expected


@pytest.mark.parametrize(
    ("jets", "row"),
    [
        pytest.param([], -1, id="no jets"),
        pytest.param([(30, 0.4, 0)], -1, id="at the edge"),
        pytest.param([(30, np.nextafter(0.4, 0), 0)], 0, id="inside"),
        pytest.param([(30, 0.1, 0), (50, -0.1, 0)], 0, id="tie: the first"),
        pytest.param([(50, -0.1, 0), (30, 0.1, 0)], 0, id="tie: turned round"),
        pytest.param([(30, 0.2, 0), (30, 0, 0.1), (30, 0, -0.3)], 1, id="the nearest"),
        pytest.param([(30, 0.3, 0.3)], -1, id="in the box, not in the cone"),
        pytest.param([(30, 0.0, 2 * np.pi)], 0, id="a turn away"),
        pytest.param([(30, np.nan, 0), (30, 0.2, np.nan), (30, 0.3, 0)], 2, id="nowhere"),
    ],
)
def test_edges_of_nearest(jets: list[tuple[float, float, float]], row: int) -> None:
    there = several(*jets)
    assert nearest(one(5, 0, 0), there, np.ones(len(jets), bool), 0.4).tolist() == [row]


def test_jets_that_do_not_count() -> None:
    jets = several((30, 0, 0), (30, 0.1, 0))
    assert nearest(one(5, 0, 0), jets, np.array([False, True]), 0.4).tolist() == [1]
    assert nearest(one(5, 0, 0), jets, np.zeros(2, bool), 0.4).tolist() == [-1]


def test_a_lepton_without_direction_is_near_nothing() -> None:
    assert nearest(one(5, np.nan, 0), one(30, 0, 0), np.ones(1, bool), 0.4).tolist() == [-1]


def test_no_events() -> None:
    none = several()._replace(offsets=np.array([0]))
    assert nearest(none, none, np.zeros(0, bool), 0.4).tolist() == []
    empty = np.zeros(0, int)
    assert relative(none, none, (empty, empty))["ptrel"].tolist() == []


# --- observables --------------------------------------------------------------------------------


def twin(
    lepton: tuple[float, ...], jet: tuple[float, ...], loss: float, *, at_jet: bool
) -> dict[str, float]:
    """The formulas with three-vectors, one pair at a time."""
    muon, axis_of_jet = (vector.obj(pt=pt, eta=eta, phi=phi) for pt, eta, phi in (lepton, jet))
    sine = math.sin(2 * math.atan(math.exp(-lepton[1])))
    lost = vector.obj(pt=loss * sine, eta=lepton[1], phi=(jet if at_jet else lepton)[2])
    axes = {"": axis_of_jet, "_added": axis_of_jet - lost + muon, "_removed": axis_of_jet - muon}
    found = {}
    for name, axis in axes.items():
        found[f"dr{name}"] = muon.deltaR(axis)
        found[f"ptfrac{name}"] = muon.pt / axis.pt
        found[f"ptrel{name}"] = muon.cross(axis).mag / axis.mag
        found[f"z{name}"] = muon.dot(axis) / axis.mag2
    return found


def values(of: Momenta, row: int) -> tuple[float, ...]:
    return tuple(float(column[row]) for column in of[1:])


@MANY
@given(SEEDS, st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_observables_have_a_slow_twin(seed: int, at_jet: bool, kind: Any) -> None:
    rng = np.random.default_rng(seed)
    leptons, jets = objects(rng, [40], 5, kind), objects(rng, [30], 40, kind)
    loss = rng.uniform(0, 4, 40).astype(kind)
    rows = rng.integers(0, 40, 60), rng.integers(0, 30, 60)
    found = relative(leptons, jets, rows, loss=loss, loss_at_jet=at_jet)
    assert list(found) == [f"{name}{axis}" for axis in AXES for name in OBSERVABLES]
    for k, (i, j) in enumerate(zip(*rows, strict=True)):
        expected = twin(values(leptons, i), values(jets, j), float(loss[i]), at_jet=at_jet)
        for name, value in expected.items():
            assert found[name][k] == pytest.approx(value, rel=1e-7, abs=1e-9), name


def test_by_hand() -> None:
    """A muon of 3 GeV across a jet of 4 GeV, all in the transverse plane."""
    found = relative(one(3, 0, np.pi / 2), one(4, 0, 0), (np.array([0]), np.array([0])))
    expected = {
        "dr": np.pi / 2, "ptfrac": 0.75, "ptrel": 3.0, "z": 0.0,
        "dr_added": math.atan(4 / 3), "ptfrac_added": 0.6, "ptrel_added": 2.4, "z_added": 0.36,
        "dr_removed": np.pi / 2 + math.atan(3 / 4), "ptfrac_removed": 0.6,
        "ptrel_removed": 2.4, "z_removed": -0.36,
    }  # fmt: skip
    assert {name: column[0] for name, column in found.items()} == pytest.approx(expected)


def test_where_the_energy_is_taken_out() -> None:
    lepton, jet, rows = one(10, 0, 0.3), one(40, 0, 0), (np.array([0]), np.array([0]))
    given_ = {"loss": np.array([4.0])}
    at_muon = relative(lepton, jet, rows, **given_)
    at_jet = relative(lepton, jet, rows, **given_, loss_at_jet=True)
    nothing = relative(lepton, jet, rows)
    # Axes: 40 at 0 with 6 at 0.3, with 36 at 0 and 10 at 0.3, with 40 at 0 and 10 at 0.3.
    for found, (low, high) in ((at_muon, (40, 6)), (at_jet, (36, 10)), (nothing, (40, 10))):
        phi = math.atan2(high * math.sin(0.3), low + high * math.cos(0.3))
        assert found["dr_added"][0] == pytest.approx(0.3 - phi)
        assert found["ptrel_added"][0] == pytest.approx(10 * math.sin(0.3 - phi))
    assert at_jet["ptrel"] == nothing["ptrel"]
    assert at_jet["ptrel_removed"] == nothing["ptrel_removed"]


def test_a_muon_on_the_axis() -> None:
    found = relative(one(10, 0.7, 3.0), one(40, 0.7, 3.0), (np.array([0]), np.array([0])))
    for axis, rest in (("", 40), ("_added", 50), ("_removed", 30)):
        assert found[f"dr{axis}"][0] == pytest.approx(0.0, abs=1e-12)
        assert found[f"ptrel{axis}"][0] == pytest.approx(0.0, abs=1e-12)
        assert found[f"ptfrac{axis}"][0] == pytest.approx(10 / rest)
        assert found[f"z{axis}"][0] == pytest.approx(10 / rest)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shift", [1.0, 1.0 + 2e-7])
def test_a_jet_that_is_the_muon_has_no_axis_without_it(kind: Any, shift: float) -> None:
    """Also where rounding leaves something of it."""
    lepton = Momenta(np.array([0, 1]), *(np.array([v], kind) for v in (31_415.9, 1.3, 2.2)))
    jet = Momenta(np.array([0, 1]), *(np.array([v * shift], kind) for v in (31_415.9, 1.3, 2.2)))
    found = relative(lepton, jet, (np.array([0]), np.array([0])))
    gone = {name for name, value in found.items() if np.isnan(value[0])}
    assert gone == {f"{name}_removed" for name in OBSERVABLES}
    assert found["z"][0] == pytest.approx(1.0, rel=1e-6)


def test_a_little_that_is_left_has_an_axis() -> None:
    found = relative(one(10, 0, 0), one(10.001, 0, 0), (np.array([0]), np.array([0])))
    assert found["ptfrac_removed"][0] == pytest.approx(1e4, rel=1e-6)


def test_a_jet_without_momentum_has_no_axis() -> None:
    found = relative(one(10, 0, 0), one(0, 0, 0.1), (np.array([0]), np.array([0])))
    assert all(np.isnan(found[name][0]) for name in OBSERVABLES)


@pytest.mark.parametrize("rows", [(-1, 0), (0, -1)])
def test_without_a_partner_there_is_no_number(rows: tuple[int, int]) -> None:
    found = relative(one(10, 0, 0), one(40, 0, 0), (np.array([rows[0]]), np.array([rows[1]])))
    assert all(np.isnan(column[0]) for column in found.values())


def test_only_the_axes_that_are_asked_for() -> None:
    rows = np.array([0]), np.array([0])
    lepton, jet = one(10, 0.1, 0), one(40, 0, 0.2)
    some = relative(lepton, jet, rows, ("_removed",))
    assert list(some) == [f"{name}_removed" for name in OBSERVABLES]
    every = relative(lepton, jet, rows)
    assert all(some[name] == every[name] for name in some)


@MANY
@given(SEEDS, st.floats(-np.pi, np.pi), st.sampled_from([-1.0, 1.0]))
def test_turning_and_mirroring_change_nothing(seed: int, angle: float, side: float) -> None:
    rng = np.random.default_rng(seed)
    leptons, jets = objects(rng, [20], 5), objects(rng, [20], 40)
    rows = np.arange(20), np.arange(20)
    turned = [m._replace(eta=side * m.eta, phi=m.phi + angle) for m in (leptons, jets)]
    loss = rng.uniform(0, 4, 20)
    before = relative(leptons, jets, rows, loss=loss, loss_at_jet=True)
    after = relative(*turned, rows, loss=loss, loss_at_jet=True)
    for name, column in before.items():
        np.testing.assert_allclose(after[name], column, rtol=1e-7, atol=1e-9)


def test_a_unit_is_a_factor() -> None:
    rng = np.random.default_rng(3)
    leptons, jets = objects(rng, [20], 5), objects(rng, [20], 40)
    rows = np.arange(20), np.arange(20)
    larger = [m._replace(pt=1000 * m.pt) for m in (leptons, jets)]
    before, after = relative(leptons, jets, rows), relative(*larger, rows)
    for name, column in before.items():
        factor = 1000 if name.startswith("ptrel") else 1
        np.testing.assert_allclose(after[name], factor * column, rtol=1e-12)


def test_other_precisions_are_taken_as_float64() -> None:
    lepton = one(10, 0.1, 0.2)
    mixed = lepton._replace(pt=np.array([10], np.int32), eta=np.array([0.1], np.float32))
    rows = np.array([0]), np.array([0])
    found = relative(mixed, one(40, 0, 0), rows)
    expected = relative(lepton._replace(eta=mixed.eta.astype(float)), one(40, 0, 0), rows)
    assert all(found[name] == expected[name] for name in found)
