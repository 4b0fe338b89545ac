"""Impact parameters of tracks: those that the file stores, or computed from what it stores."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.rows import taken

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# d0, z0 sin(theta) and their uncertainties.
STORED = (
    "btagIp_d0",
    "btagIp_z0SinTheta",
    "btagIp_d0Uncertainty",
    "btagIp_z0SinThetaUncertainty",
)
# What they are computed from: variances, and the correlation of z0 and theta.
COMPUTED_FROM = (
    "d0",
    "z0",
    "vz",
    "phi",
    "theta",
    "definingParametersCovMatrixDiag_d0_d0",
    "definingParametersCovMatrixDiag_z0_z0",
    "definingParametersCovMatrixDiag_theta_theta",
    "definingParametersCovMatrixOffDiag_z0_theta",
)
PRIMARY = 1

Source = Literal["stored", "computed"]


class Beam(NamedTuple):
    """Where an event happened, [n_event] each, in the length unit of the tracks.

    Attributes
    ----------
    vertex_z, vertex_z_variance : of the primary vertex; NaN where there is none
    sigma_x, sigma_y : width of the beam spot
    sigma_xy : its covariance, a length squared
    """

    vertex_z: Floats
    vertex_z_variance: Floats
    sigma_x: Floats
    sigma_y: Floats
    sigma_xy: Floats


def source(available: Container[str]) -> Source:
    """Whether tracks with these columns have stored impact parameters."""
    return "stored" if all(name in available for name in STORED) else "computed"


def primary(offsets: Integers, vertex_type: Array) -> Integers:
    """Row of the primary vertex of each event, [n_event]; the first vertex where none is primary.

    Parameters
    ----------
    offsets : [n_event + 1]
    vertex_type : [n_vertex], 1 for a primary vertex

    Returns
    -------
    rows; -1 where there is no vertex

    Source
    ------
    Athena FlavorTagDiscriminants/src/PoorMansIpAugmenterAlg.cxx
    """
    rows = np.where(np.diff(offsets) > 0, offsets[:-1], -1)
    found = np.flatnonzero(np.asarray(vertex_type) == PRIMARY)
    event = np.searchsorted(offsets, found, side="right") - 1
    # The last assignment wins: from the back, so that it is the first of an event.
    rows[event[::-1]] = found[::-1]
    return rows


def place(
    columns: Mapping[str, Array], rows: Integers, event: Integers, beam: Beam | None
) -> tuple[Array, Array, Integers]:
    """d0 and z0 sin theta, stored or computed, and where in them the given tracks are, [n].

    Parameters and errors are those of `computed`.
    """
    if source(columns) == "stored":
        return columns["btagIp_d0"], columns["btagIp_z0SinTheta"], rows
    vertex = _given(beam).vertex_z[event]
    z0, vz, theta = (taken(np.asarray(columns[name]), rows) for name in ("z0", "vz", "theta"))
    return columns["d0"][rows], (z0 + vz - vertex) * np.sin(theta), np.arange(len(rows))


def computed(
    columns: Mapping[str, Array], rows: Integers, event: Integers, beam: Beam | None
) -> dict[str, Floats]:
    """`STORED` of the given tracks, [n] each, in the length unit of the tracks.

    d0 is taken with respect to the beam spot, z0 to the primary vertex, whose variance counts; so
    does the width of the beam spot. Without a primary vertex z0 and its uncertainty are NaN.

    Parameters
    ----------
    columns : `COMPUTED_FROM`, [n_track] each
    rows, event : [n], of the tracks that are wanted

    Raises
    ------
    BadInput : `beam` is None

    Source
    ------
    Athena FlavorTagDiscriminants/src/PoorMansIpAugmenterAlg.cxx, whose jacobian takes z0 as it is
    stored, not with respect to the vertex; xAODTracking TrackingHelpers (beam spot).
    """
    own = [taken(np.asarray(columns[name]), rows) for name in COMPUTED_FROM]
    d0, z0, vz, phi, theta, d0_variance, z0_variance, theta_variance, correlation = own
    vertex_z, vertex_variance, sigma_x, sigma_y, sigma_xy = (a[event] for a in _given(beam))
    sine, along = np.sin(theta), z0 * np.cos(theta)
    covariance = correlation * np.sqrt(z0_variance * theta_variance)
    variance = sine**2 * (z0_variance + vertex_variance)
    variance += 2.0 * sine * along * covariance + along**2 * theta_variance
    across, up = np.sin(phi), np.cos(phi)
    spot = (across * sigma_x) ** 2 + (up * sigma_y) ** 2 - 2.0 * across * up * sigma_xy
    with np.errstate(invalid="ignore"):
        sigma = np.sqrt(d0_variance + spot), np.sqrt(variance)
    return dict(zip(STORED, (d0, (z0 + vz - vertex_z) * sine, *sigma), strict=True))


def _given(beam: Beam | None) -> Beam:
    if beam is None:
        wrong = f"no {', '.join(STORED)}, and no primary vertex and beam spot to compute them from"
        raise BadInput("tracks", wrong, (), "give a Beam")
    return beam
