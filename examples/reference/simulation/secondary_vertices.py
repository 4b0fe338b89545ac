"""Secondary vertices of a lepton and tracks around it, for the distance that PLIV uses.

Tracks are straight lines at their perigee, and each measures a vertex in the two directions
across: the fit is a linear system.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.stats import chi2 as chi2_distribution
from simulation import constants as c
from simulation.collection import Collection, collect
from simulation.cones import pairs
from simulation.particles import Floats, Integers, offsets_of
from simulation.tracks import momentum

Array = npt.NDArray[Any]
MAX_TRACKS, MAX_VERTICES = 12, 6
CHI2_LIMITS = chi2_distribution.isf(
    c.SECONDARY_FIT_PROBABILITY, np.maximum(2 * np.arange(MAX_TRACKS + 1) - 3, 1)
)


class Vertices(NamedTuple):
    """Vertices of each lepton: how many [n_lepton], their tracks [n_lepton, MAX_VERTICES].

    `value` [n_lepton, MAX_VERTICES, 10]: x, y, z, the covariance xx, xy, yy, xz, yz, zz, chi2.
    """

    number: Integers
    size: Integers
    value: Floats


def lines(tracks: Collection, used: Integers) -> Floats:
    """Tracks of the rows `used` as measurements of a vertex, [n, 10]; those of a vertex add up.

    The first six elements are xx, xy, yy, xz, yz, zz of the sum of e e^T / sigma^2 over the two
    directions e across a track, then that matrix times the perigee, and the perigee's own square.
    """
    phi, theta, d0, z0 = (tracks[name][used] for name in ("phi", "theta", "d0", "z0"))
    sine, cosine = np.sin(phi), np.cos(phi)
    point = np.stack([-d0 * sine, d0 * cosine, z0], axis=1)
    across = np.stack([-sine, cosine, np.zeros_like(sine)], axis=1)
    upward = np.stack([-cosine * np.cos(theta), -sine * np.cos(theta), np.sin(theta)], axis=1)
    variance = tracks["definingParametersCovMatrixDiag"][used]
    weight, weight_z = 1.0 / variance[:, 0], 1.0 / (variance[:, 1] * np.sin(theta) ** 2)
    matrix = np.einsum("i,ij,ik->ijk", weight, across, across)
    matrix += np.einsum("i,ij,ik->ijk", weight_z, upward, upward)
    vector = np.einsum("ijk,ik->ij", matrix, point)
    constant = np.einsum("ij,ij->i", vector, point)
    rows, columns = (0, 0, 1, 0, 1, 2), (0, 1, 1, 2, 2, 2)
    return np.concatenate([matrix[:, rows, columns], vector, constant[:, None]], axis=1)


@nb.njit
def fit(line: Floats) -> Floats:
    """Position, covariance (xx, xy, yy, xz, yz, zz) and chi2 of a vertex of summed lines, [10]."""
    xx, xy, yy, xz, yz, zz, x, y, z, constant = line
    a, b, d = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    e, f, g = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    scale = 1.0 / (xx * a + xy * b + xz * d)
    px, py, pz = a * x + b * y + d * z, b * x + e * y + f * z, d * x + f * y + g * z
    chi2 = constant - scale * (px * x + py * y + pz * z)
    result = scale * np.array([px, py, pz, a, b, e, d, f, g, 0.0])
    result[9] = chi2
    return result


@nb.njit
def find_vertices(
    own: Integers,
    near: tuple[Integers, Integers],
    lines: Floats,
    found: tuple[Integers, Integers, Floats],
) -> None:
    """Grow vertices from the lepton's track, row `own` [n_lepton], filled in place into `found`.

    `near` are offsets and rows of the tracks around.
    """
    offsets, nearby = near
    count, size, value = found
    for lepton in range(len(own)):
        around = nearby[offsets[lepton] : offsets[lepton + 1]]
        free = np.ones(len(around), np.bool_)
        for vertex in range(MAX_VERTICES):
            summed, used = lines[own[lepton]].copy(), 1
            while used < MAX_TRACKS:
                best, chosen = CHI2_LIMITS[used + 1], -1
                for k in range(len(around)):
                    if free[k]:
                        chi2 = fit(summed + lines[around[k]])[9]
                        if chi2 < best:
                            best, chosen = chi2, k
                if chosen < 0:
                    break
                free[chosen] = False
                summed += lines[around[chosen]]
                used += 1
            if used == 1:
                break
            value[lepton, vertex] = fit(summed)
            size[lepton, vertex] = used
            count[lepton] += 1


def find(
    tracks: Collection, own: Integers, event: Integers, around: tuple[Floats, Floats]
) -> Vertices:
    """Vertices that hold the lepton's own track: it seeds each, the best tracks are added.

    A track is added while the fit stays probable, and is in one vertex at most.

    Parameters
    ----------
    own : [n_lepton]
        Row of the lepton's own track.
    event : [n_lepton]
    around : eta and phi of the leptons, [n_lepton] each
    """
    pt, eta = momentum(tracks["theta"], tracks["qOverP"])
    close = np.abs(tracks["btagIp_z0SinTheta"]) < c.SECONDARY_MAX_Z0
    good = close & (pt > c.TRACK_MIN_PT) & (np.abs(eta) < c.TRACK_MAX_ABSETA)
    near = pairs(tracks.offsets, (eta, tracks["phi"]), event, around, c.SECONDARY_CONE)
    kept = good[near.row] & (near.row != own[near.lepton])
    offsets = offsets_of(np.bincount(near.lepton[kept], minlength=len(own)))
    count = np.zeros(len(own), np.int64)
    size = np.zeros((len(own), MAX_VERTICES), np.int64)
    value = np.zeros((len(own), MAX_VERTICES, 10))
    used, place = np.unique(np.concatenate([own, near.row[kept]]), return_inverse=True)
    seeds, around_them = place[: len(own)], place[len(own) :]
    measured = lines(tracks, used)
    find_vertices(seeds, (offsets, around_them), measured, (count, size, value))
    return Vertices(count, size, value)


def distances(
    found: Vertices, primary: tuple[Floats, Floats], direction: Floats, min_angle: Floats
) -> Floats:
    """Signed distance to the primary vertex along the lepton in standard deviations.

    Parameters
    ----------
    primary : positions [n_lepton, 3] and covariances [n_lepton, 6], mm
    direction : [n_lepton, 3]
        Unit vectors of the leptons.
    min_angle : [n_lepton], rad
        A vertex closer to the direction of the lepton than this gives -inf.

    Returns
    -------
    [n_lepton, MAX_VERTICES], -inf where there is no vertex
    """
    apart = found.value[:, :, :3] - primary[0][:, None, :]
    elements = found.value[:, :, 3:9] + primary[1][:, None, :]
    square = elements[:, :, [0, 1, 3, 1, 2, 4, 3, 4, 5]].reshape(*elements.shape[:2], 3, 3)
    there = np.arange(MAX_VERTICES) < found.number[:, None]
    square = np.where(there[:, :, None, None], square, np.eye(3))
    norm = np.sqrt(
        np.einsum("lvi,lvi->lv", apart, np.linalg.solve(square, apart[..., None])[..., 0])
    )
    length = np.maximum(np.linalg.norm(apart, axis=2), 1e-9)
    cosine = np.clip(np.einsum("lvi,li->lv", apart, direction) / length, -1.0, 1.0)
    far = there & (np.arccos(cosine) >= min_angle[:, None])
    return np.where(far, norm * cosine, -np.inf)


def secondary_vertices(n_event: int, sources: list[tuple[str, Collection, Vertices]]) -> Collection:
    """Vertices of all leptons with a link to their lepton, as one collection.

    Parameters
    ----------
    sources : (name of the link, leptons, vertices of those leptons)
    """
    events, values, sizes, links = [], [], [], []
    for _, leptons, found in sources:
        there = np.arange(MAX_VERTICES) < found.number[:, None]
        owner = np.nonzero(there)[0]
        events.append(leptons.event[owner])
        values.append(found.value[there])
        sizes.append(found.size[there])
        links.append(leptons.links(owner, leptons.event[owner]))
    event, value, size = np.concatenate(events), np.concatenate(values), np.concatenate(sizes)
    order = np.argsort(event, kind="stable")
    columns: dict[str, Array] = dict(zip("xyz", value[order, :3].T, strict=True)) | {
        "covariance": value[order, 3:9],
        "chiSquared": value[order, 9],
        "numberDoF": (2 * size[order] - 3).astype(np.int32),
        "nTracks": size[order].astype(np.int32),
    }
    source = np.repeat(np.arange(len(sources)), [len(part) for part in events])
    link = np.concatenate(links)
    for number, (name, _, _) in enumerate(sources):
        columns[name] = np.where(source == number, link, -1)[order].astype(np.int32)
    return collect(event[order], n_event, columns)
