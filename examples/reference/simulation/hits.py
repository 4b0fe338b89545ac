"""Hits per layer of the inner detector: found, missing, dead, shared, split.

Cylinders stand for the discs of the endcaps too. Clusters merge where another trajectory
crosses the layer nearby; particles whose track is not found leave clusters as well.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.helix import Parameters, cross_layers
from simulation.particles import Bools, Floats, Integers

Array = npt.NDArray[np.uint8]
N_PIXEL, N_STRIP = len(c.PIXEL_RADII), len(c.STRIP_RADII)
RADII = np.array(c.PIXEL_RADII + c.STRIP_RADII)


@nb.njit
def nearest_in_layer(
    offsets: Integers,
    order: Integers,
    crossing: tuple[Floats, Floats],
    layer: tuple[float, float, float],
    found: tuple[Floats, Integers],
) -> None:
    """Distance of each crossing to the next one of its event, in units of two lengths.

    `crossing` are azimuth [n], infinite where there is none, and z; `order` [n] sorts each event
    by azimuth; `layer` are its radius and the lengths in azimuth and z. `found` are filled in
    place where something is nearer than before: the distance [n], and the flat row of that other.
    """
    azimuth, z = crossing
    distance, near = found
    radius, length_azimuth, length_z = layer
    turn = 2.0 * np.pi
    window = c.MERGE_REACH * length_azimuth / radius
    for event in range(len(offsets) - 1):
        first = offsets[event]
        count = offsets[event + 1] - first
        while count > 0 and np.isinf(azimuth[order[first + count - 1]]):
            count -= 1
        for a in range(count):
            i = order[first + a]
            for step in range(1, count):
                j = order[first + (a + step) % count]
                gap = (azimuth[j] - azimuth[i]) % turn
                if gap > window:
                    break
                d = np.hypot(gap * radius / length_azimuth, (z[j] - z[i]) / length_z)
                if d < distance[i]:
                    distance[i], near[i] = d, j
                if d < distance[j]:
                    distance[j], near[j] = d, i


def neighbours(offsets: Integers, crossings: tuple[Floats, Floats]) -> tuple[Floats, Integers]:
    """Distance to the nearest crossing in each layer and its row, [n, n_layer].

    Parameters
    ----------
    offsets : [n_event + 1]
    crossings : azimuth and z [mm], each [n_layer, n]
        NaN where the trajectory leaves no hit.
    """
    n = crossings[0].shape[1]
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    distance = np.full((len(RADII), n), c.MERGE_REACH)
    near = np.full((len(RADII), n), -1)
    for layer, radius in enumerate(RADII):
        lengths = c.PIXEL_MERGE if layer < N_PIXEL else c.STRIP_MERGE
        z = crossings[1][layer]
        azimuth = np.where(np.isnan(z), np.inf, crossings[0][layer])
        order = np.argsort(np.minimum(azimuth, 4.0) + 10.0 * event)
        found = (distance[layer], near[layer])
        nearest_in_layer(offsets, order, (azimuth, z), (radius, *lengths), found)
    return distance.T, near.T


def crossings(parameters: Parameters, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Azimuth and z where trajectories cross the silicon layers, [n_layer, n] each.

    Parameters
    ----------
    parameters : d0, z0, phi, theta, q_over_p, each [n], mm, rad, 1/GeV
        At the perigee.
    start, end : [n], mm
        Radii between which there are hits; elsewhere the result is NaN.
    """
    azimuth, z = np.empty((2, len(RADII), len(start)))
    cross_layers(parameters, RADII, (start, end), azimuth, z)
    return azimuth, z


def merged(distance: Floats, near: Integers, rng: np.random.Generator) -> tuple[Bools, Bools]:
    """Shared and split clusters, [n, n_layer] each; the two trajectories decide alike."""
    draws = rng.random((2, *distance.shape), dtype=np.float32)
    # Few clusters have a neighbour at all.
    row, layer = np.nonzero(near >= 0)
    other = near[row, layer]
    one_of_both = np.minimum(other, row)
    joined, kind = draws[:, one_of_both, layer]
    one = joined < np.exp(-0.5 * distance[row, layer] ** 2)
    pixel = layer < N_PIXEL
    is_split = one & pixel & (kind < c.PIXEL_SPLIT)
    shared, split = np.zeros((2, *distance.shape), dtype=bool)
    split[row, layer] = is_split
    shared[row, layer] = one & np.where(pixel, ~is_split, kind < c.STRIP_SHARE)
    return shared, split


def count_hits(
    crossed: Bools,
    shared: Bools,
    split: Bools,
    abseta: Floats,
    rng: np.random.Generator,
) -> dict[str, Array]:
    """Hit counts of tracks under their ATLAS names, [n] each.

    Parameters
    ----------
    crossed, shared, split : [n, n_layer]
    abseta : [n]
        Tells which tracks reach the transition radiation tracker.
    """
    pixel = _pixel(crossed[:, :N_PIXEL], shared[:, :N_PIXEL], split[:, :N_PIXEL], rng)
    strip = _strip(crossed[:, N_PIXEL:], shared[:, N_PIXEL:], rng)
    reaches = abseta < c.TRT_MAX_ABSETA
    trt = np.where(reaches, rng.poisson(c.TRT_HITS, len(abseta)), 0)
    outliers = rng.binomial(trt, c.TRT_OUTLIER)
    straw = {"numberOfTRTHits": trt - outliers, "numberOfTRTOutliers": outliers}
    return {name: count.astype(np.uint8) for name, count in (pixel | strip | straw).items()}


def _pixel(
    crossed: Bools, shared: Bools, split: Bools, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    draws = rng.random((3, *crossed.shape), dtype=np.float32)
    dead = crossed & (draws[0] < c.PIXEL_DEAD)
    hole = crossed & ~dead & (draws[1] < c.PIXEL_HOLE)
    outlier = crossed & ~dead & ~hole & (draws[2] < c.PIXEL_OUTLIER)
    found = crossed & ~dead & ~hole & ~outlier
    hits = found + (found & (draws[2] > 1.0 - c.PIXEL_OVERLAP)).astype(np.int64)
    shared, split = shared & found, split & found
    return {
        "numberOfPixelHits": hits.sum(axis=1),
        "numberOfPixelHoles": hole.sum(axis=1),
        "numberOfPixelDeadSensors": dead.sum(axis=1),
        "numberOfPixelOutliers": outlier.sum(axis=1),
        "numberOfPixelSharedHits": shared.sum(axis=1),
        "numberOfPixelSplitHits": split.sum(axis=1),
        "numberOfInnermostPixelLayerHits": hits[:, 0],
        "numberOfInnermostPixelLayerOutliers": outlier[:, 0],
        "numberOfInnermostPixelLayerSharedHits": shared[:, 0],
        "numberOfInnermostPixelLayerSplitHits": split[:, 0],
        "numberOfNextToInnermostPixelLayerHits": hits[:, 1],
        "numberOfNextToInnermostPixelLayerOutliers": outlier[:, 1],
        # A dead module, wherever the track starts, is one where no hit is expected.
        "expectInnermostPixelLayerHit": draws[0][:, 0] >= c.PIXEL_DEAD,
        "expectNextToInnermostPixelLayerHit": draws[0][:, 1] >= c.PIXEL_DEAD,
    }


def _strip(crossed: Bools, shared: Bools, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
    sides = np.repeat(crossed, 2, axis=1)
    draws = rng.random((2, *sides.shape), dtype=np.float32)
    dead = sides & (draws[0] < c.STRIP_DEAD)
    hole = sides & ~dead & (draws[1] < c.STRIP_HOLE)
    found = sides & ~dead & ~hole
    overlap = found & (draws[1] > 1.0 - c.STRIP_OVERLAP)
    return {
        "numberOfSCTHits": found.sum(axis=1) + overlap.sum(axis=1),
        "numberOfSCTHoles": hole.sum(axis=1),
        "numberOfSCTDeadSensors": dead.sum(axis=1),
        "numberOfSCTSharedHits": (shared & found[:, ::2]).sum(axis=1),
    }
