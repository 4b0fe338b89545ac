"""Densities out of values: a Gaussian around each, folded back at the ends of the range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def smoothed(
    values: Floats, weights: Floats, low: float, high: float, n_bin: int
) -> npt.NDArray[np.float64]:
    """Probabilities of the bins between `low` and `high`, [n_bin]; what is outside is in the ends.

    The width of a Gaussian is Silverman's, times the root of how much rarer its place is than the
    usual one. What of it lies beyond an end is folded back, so that a density that ends in a step
    keeps it. One electron more is spread evenly over all bins: no value is impossible.

    Parameters
    ----------
    values, weights : [n], the weights not negative; without values all bins are equal

    Source
    ------
    B. W. Silverman, Density Estimation for Statistics and Data Analysis, 3.4.2 and 5.3; the
    spread electron is ours
    """
    total = float(weights.sum())
    even = np.full(n_bin, 1.0 / n_bin)
    if total <= 0:
        return even
    inside = (values >= low) & (values < high)
    place = (values[inside] - low) / (high - low)
    counts, _ = np.histogram(place, n_bin, (0.0, 1.0), weights=weights[inside])
    effective = total**2 / float((weights**2).sum())
    spread = _spread(counts) * effective**-0.2
    if spread > 0:
        pilot = _fold(counts, np.full(n_bin, spread))
        there = counts > 0
        usual = np.exp(np.average(np.log(pilot[there]), weights=counts[there]))
        widths = np.full(n_bin, spread)
        widths[there] *= np.sqrt(usual / pilot[there])
        counts = _fold(counts, widths)
    counts[0] += weights[values < low].sum()
    counts[-1] += weights[values >= high].sum()
    probabilities: Floats = (effective * counts / total + even) / (effective + 1.0)
    return probabilities


def _spread(counts: Floats) -> float:
    """0.9 times the smaller of standard deviation and quartile distance / 1.34."""
    total = counts.sum()
    if not total:
        return 0.0
    centres = _centres(len(counts))
    mean = np.average(centres, weights=counts)
    deviation = float(np.sqrt(np.average((centres - mean) ** 2, weights=counts)))
    lower, upper = np.searchsorted(np.cumsum(counts), [0.25 * total, 0.75 * total])
    quartiles = float(centres[upper] - centres[lower]) / 1.34
    return 0.9 * (min(deviation, quartiles) if quartiles else deviation)


def _centres(n_bin: int) -> Floats:
    return (np.arange(n_bin) + 0.5) / n_bin


def _fold(counts: Floats, widths: Floats) -> Floats:
    """Each count spread by a Gaussian of its width, which ends of the range reflect."""
    to, of = _centres(len(counts))[:, None], _centres(len(counts))[None, :]
    images = np.stack([to - of, -to - of, 2.0 - to - of])
    shares = np.exp(-0.5 * (images / widths) ** 2).sum(axis=0)
    spread: Floats = (shares / shares.sum(axis=0)) @ counts
    return spread
