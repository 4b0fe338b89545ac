"""Impact parameters: the stored ones, and computed ones beside a twin with matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features import impact

DIAGONAL, CORRELATION = "definingParametersCovMatrixDiag", "definingParametersCovMatrixOffDiag"


def slow(track: dict[str, float], beam: dict[str, float]) -> list[float]:
    """As Athena does it, matrix by matrix."""
    theta, phi = track["theta"], track["phi"]
    variances = [track[f"{DIAGONAL}_{name}_{name}"] for name in ("z0", "theta")]
    mixed = track[f"{CORRELATION}_z0_theta"] * math.sqrt(variances[0] * variances[1])
    covariance = np.array([[variances[0], mixed], [mixed, variances[1]]])
    jacobian = np.array([math.sin(theta), track["z0"] * math.cos(theta)])
    along = jacobian @ covariance @ jacobian
    along += math.sin(theta) * beam["vertex_z_variance"] * math.sin(theta)
    spot = np.array(
        [[beam["sigma_x"] ** 2, beam["sigma_xy"]], [beam["sigma_xy"], beam["sigma_y"] ** 2]]
    )
    across = np.array([-math.sin(phi), math.cos(phi)])
    return [
        track["d0"],
        (track["z0"] + track["vz"] - beam["vertex_z"]) * math.sin(theta),
        math.sqrt(track[f"{DIAGONAL}_d0_d0"] + across @ spot @ across),
        math.sqrt(along),
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_slow_twin(
    make: Callable[..., Any], without_stored: Callable[..., Any], seed: int
) -> None:
    tracks, beam = without_stored(seed, make(seed, n_event=5).tracks)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(tracks.columns["phi"]))[:20]
    event = np.searchsorted(tracks.offsets, rows, side="right") - 1
    found = impact.computed(tracks.columns, rows, event, beam)
    assert tuple(found) == impact.STORED
    expected = [
        slow(
            {name: float(tracks.columns[name][row]) for name in impact.COMPUTED_FROM},
            {name: float(values[e]) for name, values in beam._asdict().items()},
        )
        for row, e in zip(rows, event, strict=True)
    ]
    own = np.stack(list(found.values()), axis=1) if len(rows) else []
    np.testing.assert_allclose(own, expected, rtol=1e-9)
    d0, z0, at = impact.place(tracks.columns, rows, event, beam)
    np.testing.assert_array_equal(d0[at], found["btagIp_d0"])
    np.testing.assert_array_equal(z0[at], found["btagIp_z0SinTheta"])


def test_stored_ones_are_taken_as_they_are(make: Callable[..., Any]) -> None:
    columns = make(2).tracks.columns
    rows = np.array([3, 1, 3])
    assert impact.source(columns) == "stored"
    d0, z0, at = impact.place(columns, rows, rows * 0, None)
    assert d0 is columns["btagIp_d0"]
    assert z0 is columns["btagIp_z0SinTheta"]
    assert at is rows


@pytest.mark.parametrize("name", impact.STORED)
def test_all_four_have_to_be_stored(make: Callable[..., Any], name: str) -> None:
    assert impact.source(set(make(2).tracks.columns) - {name}) == "computed"


def test_without_a_vertex_they_are_not_known(
    make: Callable[..., Any], without_stored: Callable[..., Any]
) -> None:
    tracks, beam = without_stored(3, make(3).tracks)
    rows, event = np.array([0, 1]), np.array([0, 1])
    nowhere = np.array([np.nan, 0.0])
    lost = beam._replace(vertex_z=nowhere, vertex_z_variance=nowhere)
    found = impact.computed(tracks.columns, rows, event, lost)
    nans = {name: np.isnan(values).tolist() for name, values in found.items()}
    assert nans == dict(zip(impact.STORED, ([False] * 2, [True, False]) * 2, strict=True))


def test_without_a_beam_there_is_nothing_to_compute_from(
    make: Callable[..., Any], without_stored: Callable[..., Any]
) -> None:
    tracks, _ = without_stored(3, make(3).tracks)
    rows = np.array([0])
    for function in (impact.computed, impact.place):
        with pytest.raises(BadInput, match=r"no btagIp_d0, .* and no primary vertex"):
            function(tracks.columns, rows, rows, None)


def test_the_primary_vertex() -> None:
    offsets = np.array([0, 3, 3, 5, 6])
    kinds = np.array([3, 1, 1, 3, 3, 1], np.int16)
    # The first of type 1; without any, the first; without vertices, none.
    assert impact.primary(offsets, kinds).tolist() == [1, -1, 3, 5]
    assert impact.primary(np.array([0]), np.zeros(0)).tolist() == []
