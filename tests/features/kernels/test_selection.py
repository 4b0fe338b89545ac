"""The selection of tracks beside a twin, and at the edge of every cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features.kernels.selection import HITS, R22_DEFAULT, TrackCuts, selected

GOOD: dict[str, float] = {
    "theta": math.pi / 2, "qOverP": 1e-4, "d0": 0.0, "z0": 0.0,
    "numberOfPixelHits": 4, "numberOfPixelDeadSensors": 0, "numberOfSCTHits": 8,
    "numberOfSCTDeadSensors": 0, "numberOfPixelHoles": 0, "numberOfSCTHoles": 0,
    "numberOfPixelSharedHits": 0, "numberOfSCTSharedHits": 0,
}  # fmt: skip


def mev(unit: str) -> str:
    return unit


def slow(track: dict[str, float]) -> bool:
    """Cut by cut as Athena writes them."""
    if track["numberOfPixelSharedHits"] + int(track["numberOfSCTSharedHits"]) // 2 > 1:
        return False
    eta = -math.log(math.tan(track["theta"] / 2))
    if abs(eta) > 2.5:
        return False
    if math.sin(track["theta"]) / abs(track["qOverP"]) <= 500:
        return False
    if abs(track["d0"]) >= 3.5 or abs(track["z0"]) >= 5.0:
        return False
    dead = track["numberOfPixelDeadSensors"] + track["numberOfSCTDeadSensors"]
    if track["numberOfPixelHits"] + track["numberOfSCTHits"] + dead < 8:
        return False
    holes = track["numberOfPixelHoles"]
    return holes + track["numberOfSCTHoles"] <= 2 and holes <= 1


def decide(
    tracks: list[dict[str, float]], cuts: TrackCuts = R22_DEFAULT, kind: Any = np.uint8,
    unit_of: Callable[[str], str] = mev,
) -> list[bool]:  # fmt: skip
    columns: dict[str, Any] = {
        name: np.array([t[name] for t in tracks], kind if name in HITS else np.float64)
        for name in GOOD
    }
    rows = np.arange(len(tracks))
    return selected(cuts, rows, columns, (columns["d0"], columns["z0"], rows), unit_of).tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_slow_twin(make: Callable[..., Any], seed: int) -> None:
    columns = make(seed, n_event=8).tracks.columns
    rows = np.random.default_rng(seed).permutation(len(columns["theta"]))
    place = columns["btagIp_d0"], columns["btagIp_z0SinTheta"], rows
    named = columns | {"d0": place[0], "z0": place[1]}
    expected = [slow({name: float(named[name][row]) for name in GOOD}) for row in rows]
    assert selected(R22_DEFAULT, rows, columns, place, mev).tolist() == expected


def test_the_twin_takes_some_and_leaves_some(make: Callable[..., Any]) -> None:
    columns = make(3, n_event=30).tracks.columns
    named = columns | {"d0": columns["btagIp_d0"], "z0": columns["btagIp_z0SinTheta"]}
    n = len(columns["theta"])
    passed = [slow({name: float(named[name][row]) for name in GOOD}) for row in range(n)]
    assert 0.05 < np.mean(passed) < 0.6


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, True),
        ({"qOverP": 1 / 500}, False),
        ({"qOverP": -1 / 500}, False),
        ({"qOverP": np.nextafter(1 / 500, 0)}, True),
        ({"qOverP": 0.0}, True),
        ({"theta": 2 * math.atan(math.exp(-2.5 + 1e-12))}, True),
        ({"theta": 2 * math.atan(math.exp(-2.5 - 1e-12))}, False),
        ({"theta": math.pi - 2 * math.atan(math.exp(-2.5 + 1e-12))}, True),
        ({"theta": math.pi - 2 * math.atan(math.exp(-2.5 - 1e-12))}, False),
        ({"d0": 3.5}, False),
        ({"d0": -3.5}, False),
        ({"d0": np.nextafter(3.5, 0)}, True),
        ({"d0": math.nan}, True),
        ({"z0": 5.0}, False),
        ({"z0": -5.0}, False),
        ({"z0": -np.nextafter(5.0, 0)}, True),
        ({"z0": math.nan}, True),
        ({"numberOfPixelHits": 0, "numberOfSCTHits": 7}, False),
        ({"numberOfPixelHits": 0, "numberOfSCTHits": 8}, True),
        ({"numberOfPixelHits": 0, "numberOfSCTHits": 7, "numberOfPixelDeadSensors": 1}, True),
        ({"numberOfPixelHits": 1, "numberOfSCTHits": 6, "numberOfSCTDeadSensors": 1}, True),
        # Their sum does not fit into the byte that each of them is.
        ({"numberOfPixelHits": 200, "numberOfSCTHits": 60}, True),
        ({"numberOfPixelHits": 200, "numberOfPixelDeadSensors": 60, "numberOfSCTHits": 0}, True),
        ({"numberOfPixelHoles": 1, "numberOfSCTHoles": 255}, False),
        ({"numberOfSCTHoles": 2}, True),
        ({"numberOfSCTHoles": 3}, False),
        ({"numberOfPixelHoles": 1, "numberOfSCTHoles": 1}, True),
        ({"numberOfPixelHoles": 1, "numberOfSCTHoles": 2}, False),
        ({"numberOfPixelHoles": 2}, False),
        ({"numberOfPixelSharedHits": 1}, True),
        ({"numberOfPixelSharedHits": 2}, False),
        # Half of three is one, rounded down.
        ({"numberOfSCTSharedHits": 3}, True),
        ({"numberOfSCTSharedHits": 4}, False),
        ({"numberOfPixelSharedHits": 1, "numberOfSCTSharedHits": 1}, True),
        ({"numberOfPixelSharedHits": 1, "numberOfSCTSharedHits": 2}, False),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32])
def test_the_edge_of_each_cut(change: dict[str, float], passes: bool, kind: Any) -> None:
    assert decide([GOOD | change], kind=kind) == [passes]


@pytest.mark.parametrize(
    ("cuts", "change"),
    [
        ({"above_pt": 9000.0}, {"qOverP": 1 / 9000}),
        ({"max_abseta": 1.0}, {"theta": 2 * math.atan(math.exp(-1.01))}),
        ({"below_d0": 1.0}, {"d0": 1.0}),
        ({"below_z0": 1.0}, {"z0": -1.0}),
        ({"min_silicon_hits": 13}, {}),
        ({"max_silicon_holes": 0}, {"numberOfSCTHoles": 1}),
        ({"max_pixel_holes": 0}, {"numberOfPixelHoles": 1}),
        ({"max_shared_modules": 0}, {"numberOfPixelSharedHits": 1}),
    ],
)
def test_every_cut_can_be_set(cuts: dict[str, float], change: dict[str, float]) -> None:
    assert decide([GOOD | change]) == [True]
    assert decide([GOOD | change], TrackCuts(**cuts)) == [False]  # type: ignore[arg-type]


def test_units_of_another_format() -> None:
    gev = {"MeV": "GeV", "mm": "cm"}.__getitem__
    near = {"qOverP": 1 / 0.501, "d0": 0.34, "z0": 0.49}
    assert decide([GOOD | near], unit_of=gev) == [True]
    for change in ({"qOverP": 1 / 0.5}, {"d0": 0.35}, {"z0": 0.5}):
        assert decide([GOOD | near | change], unit_of=gev) == [False]


def test_no_tracks() -> None:
    assert decide([]) == []


def test_a_number_of_hits_that_is_not_known_is_an_error() -> None:
    with pytest.raises(BadInput, match=r"numberOfSCTHoles.*is not known for 1 tracks"):
        decide([GOOD, GOOD | {"numberOfSCTHoles": math.nan}], kind=np.float32)
