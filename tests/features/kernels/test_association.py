"""Pairs of leptons and constituents beside a twin that looks at every pair."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features.kernels import association
from lepid.features.kernels.association import Directions, Pairs, associate, members

SEEDS = st.integers(0, 2**32 - 1)
TURN = 2 * math.pi
EDGE = float(np.float32(0.4))


def eta_of(directions: Directions, row: int) -> float:
    if directions.eta is not None:
        return float(directions.eta[row])
    return -math.log(math.tan(0.5 * float(directions.theta[row])))


def slow(leptons: Directions, others: Directions, cone: float) -> list[list[tuple[float, ...]]]:
    """For each lepton: (dr, row, deta, dphi) of each constituent inside, sorted."""
    found = []
    for event in range(len(leptons.offsets) - 1):
        for lepton in range(leptons.offsets[event], leptons.offsets[event + 1]):
            inside = []
            for row in range(others.offsets[event], others.offsets[event + 1]):
                deta = eta_of(others, row) - eta_of(leptons, lepton)
                dphi = float(others.phi[row]) - float(leptons.phi[lepton])
                while dphi >= math.pi:
                    dphi -= TURN
                while dphi < -math.pi:
                    dphi += TURN
                dr = math.sqrt(deta**2 + dphi**2)
                if np.float32(dr) <= np.float32(cone):
                    inside.append((dr, row, deta, dphi))
            found.append(sorted(inside))
    return found


def listed(pairs: Pairs) -> list[list[tuple[float, ...]]]:
    columns = list(zip(pairs.dr, pairs.rows, pairs.deta, pairs.dphi, strict=True))
    ends = pairs.offsets
    return [columns[ends[i] : ends[i + 1]] for i in range(len(ends) - 1)]


def same(found: Pairs, expected: list[list[tuple[float, ...]]]) -> None:
    own = listed(found)
    assert [[p[1] for p in pairs] for pairs in own] == [[p[1] for p in pairs] for pairs in expected]
    flat = [value for pairs in own for p in pairs for value in p]
    assert flat == pytest.approx([v for ps in expected for p in ps for v in p], abs=1e-12)


def at(eta: Any, phi: Any, offsets: Any = None, kind: Any = np.float64) -> Directions:
    eta, phi = np.atleast_1d(np.asarray(eta, kind)), np.atleast_1d(np.asarray(phi, kind))
    ends = np.array([0, len(eta)]) if offsets is None else np.asarray(offsets)
    return Directions(ends, phi, eta=eta)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from([0.05, 0.4, 1.0, 3.0]), st.sampled_from([np.float32, np.float64]))
def test_the_slow_twin(make: Callable[..., Any], seed: int, cone: float, kind: Any) -> None:
    event = make(seed)
    theta = event.tracks.columns["theta"].astype(kind)
    phi = event.tracks.columns["phi"].astype(kind)
    by_theta = Directions(event.tracks.offsets, phi, theta=theta)
    same(associate(event.leptons, by_theta, cone), slow(event.leptons, by_theta, cone))
    by_eta = Directions(event.tracks.offsets, phi, eta=association.eta(by_theta).astype(kind))
    same(associate(event.leptons, by_eta, cone), slow(event.leptons, by_eta, cone))


def test_the_twin_finds_something(make: Callable[..., Any]) -> None:
    event = make(1, n_event=20)
    found = slow(event.leptons, event.tracks.directions, 0.4)
    assert sum(map(len, found)) > 30
    assert any(len(pairs) == 0 for pairs in found)


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.integers(-3, 3), st.integers(-3, 3))
def test_a_turn_changes_nothing(make: Callable[..., Any], seed: int, left: int, right: int) -> None:
    event = make(seed)
    leptons, tracks = event.leptons, event.tracks.directions
    turned = leptons._replace(phi=leptons.phi.astype(np.float64) + left * TURN)
    moved = tracks._replace(phi=tracks.phi.astype(np.float64) + right * TURN)
    plain, found = associate(leptons, tracks, 0.4), associate(turned, moved, 0.4)
    np.testing.assert_array_equal(found.rows, plain.rows)
    np.testing.assert_array_equal(found.offsets, plain.offsets)
    np.testing.assert_allclose(found.dphi, plain.dphi, atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_the_order_of_constituents_changes_only_their_rows(
    make: Callable[..., Any], seed: int
) -> None:
    event = make(seed)
    tracks = event.tracks.directions
    rng = np.random.default_rng(seed)
    ends = tracks.offsets
    order = np.concatenate(
        [rng.permutation(np.arange(*ends[i : i + 2])) for i in range(len(ends) - 1)]
    ).astype(int)
    shuffled = tracks._replace(phi=tracks.phi[order], theta=tracks.theta[order])
    plain, found = associate(event.leptons, tracks, 0.4), associate(event.leptons, shuffled, 0.4)
    np.testing.assert_array_equal(order[found.rows], plain.rows)
    for left, right in zip(found[2:], plain[2:], strict=True):
        np.testing.assert_array_equal(left, right)


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.integers(1, 11))
def test_events_do_not_know_each_other(make: Callable[..., Any], seed: int, cut: int) -> None:
    event = make(seed)
    leptons, tracks = event.leptons, event.tracks.directions
    whole = associate(leptons, tracks, 0.4)
    rows, dr, shift = [], [], 0
    for first, stop in ((0, cut), (cut, len(tracks.offsets) - 1)):
        parts = []
        for one in (leptons, tracks):
            ends = one.offsets[first : stop + 1]
            inside = slice(ends[0], ends[-1])
            polar = {n: a[inside] for n in ("eta", "theta") if (a := getattr(one, n)) is not None}
            parts.append(Directions(ends - ends[0], one.phi[inside], **polar))
        found = associate(*parts, 0.4)
        rows.append(found.rows + shift)
        dr.append(found.dr)
        shift = tracks.offsets[cut]
    np.testing.assert_array_equal(np.concatenate(rows), whole.rows)
    np.testing.assert_array_equal(np.concatenate(dr), whole.dr)


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.integers(-8, 8))
def test_a_boost_along_the_beam_changes_nothing(
    make: Callable[..., Any], seed: int, boost: int
) -> None:
    event = make(seed)
    # Multiples of 1/1024 stay exact under a shift.
    grid = [np.round(association.eta(d) * 1024) / 1024 for d in event[:1]]
    others = event.tracks.directions
    eta = np.round(association.eta(others) * 1024) / 1024
    leptons, tracks = event.leptons._replace(eta=grid[0]), others._replace(eta=eta, theta=None)
    moved = leptons._replace(eta=grid[0] + boost), tracks._replace(eta=eta + boost)
    plain, found = associate(leptons, tracks, 0.4), associate(*moved, 0.4)
    for left, right in zip(found, plain, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("n", [1, 7, 31, 32, 33, 200])
def test_equal_distances_keep_their_order(n: int) -> None:
    rng = np.random.default_rng(n)
    steps = rng.integers(0, 4, n) / 16
    found = associate(at(0.0, 1.0), at(steps, np.full(n, 1.0)), 0.4)
    expected = np.argsort(steps, kind="stable")
    np.testing.assert_array_equal(found.rows, expected)
    np.testing.assert_array_equal(found.deta, steps[expected])


@pytest.mark.parametrize(
    ("deta", "inside"),
    [
        (EDGE, True),
        (0.4, True),
        # Rounded to float32 it is the cone itself.
        (EDGE + 1e-8, True),
        (float(np.nextafter(np.float32(0.4), np.float32(1))), False),
        (-EDGE, True),
        (EDGE + 1e-7, False),
    ],
)
def test_the_edge_of_the_cone_is_that_of_float32(deta: float, inside: bool) -> None:
    assert len(associate(at(0.0, 0.0), at(deta, 0.0), 0.4).rows) == inside
    assert len(associate(at(0.0, 0.0), at(0.0, deta), 0.4).rows) == inside
    assert len(associate(at(-1.25, 3.0), at(-1.25, 3.0 + deta - TURN), 0.4).rows) == inside


def test_phi_wraps() -> None:
    found = associate(at(0.0, 3.1), at([0.0, 0.0], [-3.1, 3.0]), 0.4)
    assert found.rows.tolist() == [0, 1]
    assert found.dphi.tolist() == pytest.approx([TURN - 6.2, -0.1])


def test_so_many_turns_that_float32_is_too_coarse() -> None:
    # There float32 knows quarters only.
    far = np.float32(4e6)
    found = associate(at(0.0, 4e6 + 0.39), at([0.0, 0.0], [far, far + 8], kind=np.float32), 0.4)
    assert found.rows.tolist() == [0]
    assert found.dphi == pytest.approx([-0.39], abs=1e-8)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_points_nowhere_is_near_nothing(bad: float) -> None:
    good = [0.0, 1.0]
    assert associate(at(good, good), at([0.0, bad, 0.1], [0.0, 0.0, bad]), 0.4).rows.tolist() == [0]
    lost = at([bad, 0.0, bad, 0.1], [0.0, bad, bad, 0.0])
    found = associate(lost, at([0.1, bad], [0.1, 0.0]), 0.4)
    assert np.diff(found.offsets).tolist() == [0, 0, 0, 1]


def test_far_forward() -> None:
    far = [4.9, -4.9, 12.0, -12.0, 300.0]
    theta = 2 * np.arctan(np.exp(-np.array(far)))
    offsets, n = np.arange(6), np.zeros(5)
    along = Directions(offsets, n, theta=theta)
    assert associate(at(far, n, offsets), at(far, n, offsets), 0.1).rows.tolist() == [0, 1, 2, 3, 4]
    # At eta -12 theta is pi minus 1e-5, of which double precision keeps eleven digits.
    found = associate(at(far, n, offsets), along, 0.1)
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    assert found.dr == pytest.approx(np.zeros(5), abs=1e-9)


def test_leptons_and_constituents_without_each_other() -> None:
    leptons = at([0.0, 1.0], [0.0, 0.0], [0, 0, 1, 1, 2])
    others = at([0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0, 2, 2, 2, 3])
    found = associate(leptons, others, 0.4)
    assert found.offsets.tolist() == [0, 0, 1]
    assert found.rows.tolist() == [2]
    nothing = at([], [], [0, 0, 0, 0, 0])
    assert associate(nothing, others, 0.4).offsets.tolist() == [0]
    assert associate(leptons, nothing, 0.4).offsets.tolist() == [0, 0, 0]
    empty = at([], [], [0])
    assert associate(empty, empty, 0.4).rows.tolist() == []


def test_many_constituents_need_more_room_than_was_guessed() -> None:
    n = 3000
    found = associate(at(np.zeros(5), np.zeros(5)), at(np.linspace(0, 0.3, n), np.zeros(n)), 0.4)
    assert np.diff(found.offsets).tolist() == [n] * 5
    np.testing.assert_array_equal(found.rows, np.tile(np.arange(n), 5))


@pytest.mark.parametrize("kind", [np.float16, np.int64])
def test_other_types_go_through_float64(kind: Any) -> None:
    others = at([0, 1, 2], [0, 0, 0], kind=kind)
    assert associate(at(1.0, 0.1), others, 0.4).rows.tolist() == [1]
    strided = Directions(
        np.array([0, 2]), np.zeros(4)[::2], eta=np.array([0.0, 9.0, 0.1, 9.0])[::2]
    )
    assert associate(at(0.0, 0.0), strided, 0.4).rows.tolist() == [0, 1]


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_accept_is_a_mask_made_early(make: Callable[..., Any], seed: int) -> None:
    event = make(seed)
    tracks = event.tracks.directions
    good = np.random.default_rng(seed).random(len(tracks.phi)) < 0.5
    plain = associate(event.leptons, tracks, 0.4)

    def accept(leptons: Any, rows: Any) -> Any:
        event_of = [
            np.searchsorted(d.offsets, r, "right")
            for d, r in ((event.leptons, leptons), (tracks, rows))
        ]
        np.testing.assert_array_equal(*event_of)
        return good[rows]

    found = associate(event.leptons, tracks, 0.4, accept)
    for left, right in zip(found, plain.where(good[plain.rows]), strict=True):
        np.testing.assert_array_equal(left, right)


def test_where_keeps_offsets_and_leptons() -> None:
    pairs = associate(at([0.0, 0.0], [0.0, 0.2]), at([0.0, 0.1, 0.2], np.zeros(3)), 0.4)
    assert pairs.leptons.tolist() == [0, 0, 0, 1, 1, 1]
    kept = pairs.where(np.array([True, False, False, False, True, True]))
    assert kept.leptons.tolist() == [0, 1, 1]
    assert kept.offsets.tolist() == [0, 1, 3]
    assert kept.rows.tolist() == [0, 1, 2]


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_members(make: Callable[..., Any], seed: int) -> None:
    event = make(seed)
    pairs = associate(event.leptons, event.tracks.directions, 0.4)
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, len(pairs.offsets) - 1)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = rng.integers(-1, max(len(event.tracks.columns["phi"]), 1), offsets[-1])
    expected = [
        row in rows[offsets[lepton] : offsets[lepton + 1]]
        for lepton, row in zip(pairs.leptons, pairs.rows, strict=True)
    ]
    assert members(pairs, offsets, rows).tolist() == expected


def test_a_lepton_may_have_several_own_tracks_or_none() -> None:
    pairs = associate(at([0.0, 0.0], [0.0, 0.0]), at([0.0, 0.1, 0.2], np.zeros(3)), 0.4)
    flags = members(pairs, np.array([0, 2, 3]), np.array([2, 0, -1]))
    assert flags.tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize(
    ("leptons", "others", "cone", "what"),
    [
        (at(0.0, 0.0), at(0.0, 0.0), 0.0, "cone: 0.0 is not between"),
        (at(0.0, 0.0), at(0.0, 0.0), 3.2, "cone: 3.2 is not between"),
        (at(0.0, 0.0), at(0.0, 0.0), math.nan, "cone: nan is not between"),
        (at(0.0, 0.0), at([], [], [0, 0, 0]), 0.4, "leptons of 1 events and constituents of 2"),
        (at(0.0, 0.0, [0, 2]), at(0.0, 0.0), 0.4, "leptons: offsets do not run from 0"),
        (at(0.0, 0.0), at([0.0, 0.0], [0, 0], [0, 3, 2]), 0.4, "constituents: offsets"),
        (at(0.0, 0.0), at(0.0, 0.0)._replace(theta=np.ones(1)), 0.4, "eta or theta, and not both"),
        (at(0.0, 0.0), at(0.0, 0.0)._replace(eta=None), 0.4, "eta or theta, and not both"),
        (at(0.0, 0.0), at([0.0, 1.0], [0.0], [0, 2]), 0.4, "constituents: offsets"),
    ],
)
def test_errors(leptons: Directions, others: Directions, cone: float, what: str) -> None:
    with pytest.raises(BadInput, match=what.replace("(", r"\(")):
        associate(leptons, others, cone)
