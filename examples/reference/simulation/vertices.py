"""Primary vertices, and what tracks measure with respect to them."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.collection import NO_LINK, Collection, collect
from simulation.particles import Floats, Integers, Particles

Array = npt.NDArray[Any]
PRIMARY, PILEUP = 1, 3
XX, YY, ZZ = 0, 2, 5
N_ELEMENT = 6


@nb.njit
def nearest_vertex(
    vertices: tuple[Integers, Floats, Floats],
    tracks: tuple[Integers, Floats, Floats],
    limit: float,
    vertex: Integers,
    pull: Floats,
) -> None:
    """Row of the vertex nearest in standard deviations, filled in place: `vertex`, `pull` [n].

    `vertices` are offsets [n_event + 1], z and its variance; `tracks` event, z0 and its variance.
    """
    vertex_offsets, vertex_z, vertex_variance = vertices
    event, z0, variance = tracks
    for i in range(len(event)):
        best = limit
        for v in range(vertex_offsets[event[i]], vertex_offsets[event[i] + 1]):
            distance = abs(z0[i] - vertex_z[v]) / np.sqrt(variance[i] + vertex_variance[v])
            if distance < best:
                best, vertex[i] = distance, v
        pull[i] = best


def primary_vertices(
    particles: Particles, tracks: Collection, rng: np.random.Generator
) -> Collection:
    """Vertices of the hard scatter, first in each event, and of pile-up; `PrimaryVertices`.

    `covariance` [n, 6] has the elements xx, xy, yy, xz, yz, zz in mm**2, as ATLAS files do.
    """
    n_event = particles.n_event
    event, interaction, count, mean_z = _interactions(particles, tracks)
    hard = interaction == 0
    n_hard = np.bincount(event[hard], weights=count[hard], minlength=n_event)
    far = np.abs(mean_z - particles.primary_vertex[event, 2]) > c.PILEUP_VERTEX_MERGING
    chance = 1.0 - np.exp(-count / c.VERTEX_EFFICIENCY_TRACKS)
    found = ~hard & far & (count >= c.VERTEX_MIN_TRACKS) & (rng.random(len(count)) < chance)
    events = np.concatenate([np.arange(n_event), event[found]])
    order = np.argsort(events, kind="stable")
    n_track = np.concatenate([n_hard, count[found]])[order]
    spot = np.array(c.BEAM_SPOT)
    pileup = np.stack([np.full(found.sum(), spot[0]), np.full(found.sum(), spot[1]), mean_z[found]])
    true = np.concatenate([particles.primary_vertex, pileup.T])[order]
    along = c.VERTEX_RESOLUTION_Z / np.sqrt(np.maximum(n_track, 1.0)) + c.VERTEX_RESOLUTION_FLOOR
    sigma = np.stack([np.full(len(along), c.VERTEX_RESOLUTION_XY)] * 2 + [along], axis=1)
    position = true + sigma * rng.standard_normal(true.shape)
    covariance = np.zeros((len(along), N_ELEMENT))
    covariance[:, [XX, YY, ZZ]] = sigma**2
    kind = np.where(np.arange(len(events)) < n_event, PRIMARY, PILEUP)[order]
    columns = dict(zip("xyz", position.T, strict=True)) | {
        "covariance": covariance,
        "vertexType": kind.astype(np.int16),
        "nTracks": n_track.astype(np.int32),
    }
    return collect(events[order], n_event, columns)


def _interactions(
    particles: Particles, tracks: Collection
) -> tuple[Integers, Integers, Floats, Floats]:
    """Event, interaction, number of tracks and their mean z of all collisions with tracks.

    The underlying event counts as interaction 0; fakes and displaced tracks are left out.
    """
    event = tracks.event
    prompt = (tracks["truthParticleLink"] >= 0) & (np.abs(tracks["d0"]) < c.TTVA_MAX_D0)
    event, rows = event[prompt], tracks["truthParticleLink"][prompt]
    interaction = np.maximum(particles.interaction[rows + particles.offsets[event]], 0)
    z0, weight = tracks["z0"][prompt], 1.0 / tracks["definingParametersCovMatrixDiag"][prompt, 1]
    width = int(interaction.max(initial=0)) + 1
    keys, place, count = np.unique(
        event * width + interaction, return_inverse=True, return_counts=True
    )
    total = np.bincount(place, weights=weight, minlength=len(keys))
    mean = np.bincount(place, weights=weight * z0, minlength=len(keys)) / total
    return keys // width, keys % width, count.astype(float), mean


def with_vertices(tracks: Collection, vertices: Collection) -> Collection:
    """The tracks with `vertexLink`, `btagIp_*` and the weight in the vertex.

    `btagIp_d0` is taken with respect to the beam spot and `btagIp_z0SinTheta` to the primary
    vertex, from which z0 counts in the jacobian too, as in the full estimator of Athena. Its poor
    man's version takes z0 as it is stored there: far from the beam spot the uncertainties differ.
    """
    event = tracks.event
    variance = tracks["definingParametersCovMatrixDiag"]
    first = vertices.offsets[event]
    z0 = tracks["z0"] + tracks["vz"] - vertices["z"][first]
    sine, cosine = np.sin(tracks["theta"]), np.cos(tracks["theta"])
    rho = tracks["definingParametersCovMatrixOffDiag"][:, 4]
    mixed = rho * np.sqrt(variance[:, 1] * variance[:, 3])
    z_variance = sine**2 * (variance[:, 1] + vertices["covariance"][first, ZZ])
    z_variance += 2.0 * sine * cosine * z0 * mixed + (z0 * cosine) ** 2 * variance[:, 3]
    size_x, size_y, _ = c.BEAM_SPOT_SIZE
    spot = (size_x * np.sin(tracks["phi"])) ** 2 + (size_y * np.cos(tracks["phi"])) ** 2
    vertex, weight = _fitted_vertex(tracks, vertices, event)
    return tracks.extended(
        {
            "vertexLink": vertices.links(vertex, event),
            "TTVA_AMVFWeights": weight,
            "btagIp_d0": tracks["d0"],
            "btagIp_z0SinTheta": z0 * sine,
            "btagIp_d0Uncertainty": np.sqrt(variance[:, 0] + spot),
            "btagIp_z0SinThetaUncertainty": np.sqrt(z_variance),
        }
    )


def _fitted_vertex(
    tracks: Collection, vertices: Collection, event: Integers
) -> tuple[Integers, Floats]:
    """Row of the vertex that each track is fitted to, -1 for none, and its weight there."""
    variance = tracks["definingParametersCovMatrixDiag"]
    vertex, pull = np.full(len(tracks), NO_LINK), np.empty(len(tracks))
    limit = c.VERTEX_FIT_SIGMA
    spread = vertices["covariance"][:, ZZ]
    there = (vertices.offsets, vertices["z"], spread)
    nearest_vertex(there, (event, tracks["z0"], variance[:, 1]), limit, vertex, pull)
    across = np.abs(tracks["d0"]) / np.sqrt(variance[:, 0] + c.BEAM_SPOT_SIZE[0] ** 2)
    fitted = (vertex >= 0) & (across < limit)
    square = np.minimum(pull**2 + across**2, 4.0 * limit**2)
    weight = 1.0 / (1.0 + np.exp(0.5 * (square - limit**2)))
    return np.where(fitted, vertex, NO_LINK), np.where(fitted, weight, 0.0)


def associated(tracks: Collection, max_z0: float) -> npt.NDArray[np.bool_]:
    """Tracks that belong to the primary vertex, [n_track].

    Those fitted to it, and those fitted to no vertex that pass near: |d0| < 2 mm and
    |z0 sin theta| < `max_z0` mm. Source: the `Nonprompt_All_MaxWeight` point of Athena.
    """
    near = np.abs(tracks["btagIp_z0SinTheta"]) < max_z0
    near &= np.abs(tracks["d0"]) < c.TTVA_MAX_D0
    link = tracks["vertexLink"]
    return (link == 0) | ((link == NO_LINK) & near)
