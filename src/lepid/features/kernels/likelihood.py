"""Products of densities in bins of E_T and |eta|, and the discriminant that they give."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lepid.features.kernels.compiled import kernel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GOOD, UNKNOWN, EMPTY = 0, 1, 2


class Bins(NamedTuple):
    """Bins of E_T and |eta|; a lepton outside of them is in the nearest.

    Attributes
    ----------
    et : [n_et - 1] GeV, where one bin ends and the next begins
    abseta : [n_eta - 1], the same
    et_edges : [n_et + 1] GeV
    plateaus : [n_et, 2] GeV; between the two E_T the value is that of the bin, from there to the
        edge it goes in a straight line to half the way to the neighbour
    """

    et: Floats
    abseta: Floats
    et_edges: Floats
    plateaus: Floats


class Leptons(NamedTuple):
    """Where leptons are.

    Attributes
    ----------
    et : [n] GeV
    abseta : [n]
    bins : of both
    """

    et: Floats
    abseta: Floats
    bins: Bins


class Rule(NamedTuple):
    """How densities are combined.

    Attributes
    ----------
    from_abseta, above_et : [n_variable], |eta| from which and E_T [GeV] above which a variable is
        left out
    by_index : whether the neighbour in E_T is read in the bin of the same number, the first if it
        has another number of bins, or in the bin in which the value lies
    """

    from_abseta: Floats
    above_et: Floats
    by_index: bool


class Histograms(NamedTuple):
    """Densities of all variables, [2, n_et, n_eta, n_variable]; first the signal.

    Attributes
    ----------
    start, size : where the bins of each density lie in `content`, and how many there are
    low, width : where the first bin begins, and how wide each is
    content : [n] probability of each bin; NaN in a density that is empty
    """

    start: Integers
    size: Integers
    low: Floats
    width: Floats
    content: Floats


def products(
    leptons: Leptons, variables: Floats, densities: Histograms, rule: Rule
) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Products of the probabilities of all variables.

    Parameters
    ----------
    variables : [n, n_variable]

    Returns
    -------
    [2, n], signal and background, and for each lepton `GOOD`, `UNKNOWN` where a number is not
    finite that is used (both are then NaN), or `EMPTY` where a density is
    """
    result = np.empty((2, len(leptons.et)))
    state = np.empty(len(leptons.et), np.int8)
    _products(leptons, np.ascontiguousarray(variables), densities, rule, (result, state))
    return result, state


@kernel
def _place(value: float, between: Floats) -> int:
    k = 0
    while k < len(between) and value >= between[k]:
        k += 1
    return k


@kernel
def _neighbour(et: float, k: int, bins: Any) -> tuple[int, float]:
    """The bin towards which the value goes, and how far."""
    low, high = bins.plateaus[k]
    if et < low and k > 0:
        return k - 1, (low - et) / (2.0 * (low - bins.et_edges[k]))
    if et > high and k + 1 < len(bins.plateaus):
        return k + 1, (et - high) / (2.0 * (bins.et_edges[k + 1] - high))
    return k, 0.0


@kernel
def _index(value: float, low: float, width: float, size: int) -> int:
    # As in Athena: values outside are in the first and the last bin.
    if value < low:
        return 0
    if value >= low + width * (size - 1):
        return size - 1
    return min(int((value - low) / width), size - 1)


@kernel
def _products(
    leptons: Any,
    variables: Floats,
    densities: Any,
    rule: Any,
    results: tuple[Floats, npt.NDArray[np.int8]],
) -> None:
    et, abseta, bins = leptons
    start, size, low, width, content = densities
    result, state = results
    for i in range(len(et)):
        result[0, i] = result[1, i] = np.nan
        state[i] = UNKNOWN
        if not (np.isfinite(et[i]) and np.isfinite(abseta[i])):
            continue
        here, eta = _place(et[i], bins.et), _place(abseta[i], bins.abseta)
        there, share = _neighbour(et[i], here, bins)
        known, empty = True, False
        for c in range(2):
            product = 1.0
            for v in range(variables.shape[1]):
                if abseta[i] >= rule.from_abseta[v] or et[i] > rule.above_et[v]:
                    continue
                value = variables[i, v]
                known &= np.isfinite(value)
                if not known:
                    break
                n = size[c, here, eta, v]
                k = _index(value, low[c, here, eta, v], width[c, here, eta, v], n)
                probability = content[start[c, here, eta, v] + k]
                if share > 0.0:
                    other = size[c, there, eta, v]
                    if not rule.by_index:
                        k = _index(value, low[c, there, eta, v], width[c, there, eta, v], other)
                    elif other != n:
                        k = 0
                    beyond = content[start[c, there, eta, v] + k]
                    probability += (beyond - probability) * share
                empty |= np.isnan(probability)
                product *= probability
            if known:
                result[c, i] = product
                state[i] = EMPTY if empty else GOOD


def discriminant(signal: Floats, background: Floats) -> Floats:
    """``-ln(1/d - 1) / 15`` of ``d = S / (S + B)``, [n]; NaN where one of them is.

    A product of the signal below 1e-99 counts as 0, one of the background as 1e-99.

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx (TransformLikelihoodOutput)
    """
    result = np.empty(len(signal))
    _discriminant(signal, background, result)
    return result


@kernel
def _discriminant(signal: Floats, background: Floats, result: Floats) -> None:
    for i in range(len(result)):
        s, b = signal[i], background[i]
        if s < 1e-99:
            s = 0.0
        b = max(b, 1e-99)
        d = s / (s + b)
        if d >= 1.0:
            d = 1.0 - 1e-15
        elif d <= 0.0:
            d = 1e-99
        result[i] = -math.log(1.0 / d - 1.0) * (1.0 / 15.0)


def without_pileup(
    leptons: Leptons,
    values: Floats,
    pileup: Floats,
    references: Floats,
    limits: tuple[float, float],
) -> Floats:
    """Discriminants moved to where they would be without pile-up, [n]; NaN where one input is.

    Between the references `loose` and ``hard + slope n + quad n^2``, and between the latter and a
    largest value, the discriminant is stretched linearly so that the moving reference comes to
    `hard`; values outside stay.

    Parameters
    ----------
    pileup : [n], n; more than a largest number counts as that
    references : [4, n_et, n_eta], loose, hard, slope, quad
    limits : largest discriminant, largest pile-up

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx (TransformLikelihoodOutput)
    """
    result = np.empty(len(values))
    _without_pileup(leptons, values, pileup, (references, limits), result)
    return result


@kernel
def _between(value: float, beyond: float, share: float) -> float:
    return value + (beyond - value) * share


@kernel
def _without_pileup(
    leptons: Any,
    values: Floats,
    pileup: Floats,
    how: tuple[Floats, tuple[float, float]],
    result: Floats,
) -> None:
    et, abseta, bins = leptons
    references, (largest, most) = how
    for i in range(len(values)):
        result[i] = np.nan
        if not (np.isfinite(pileup[i]) and np.isfinite(et[i]) and np.isfinite(abseta[i])):
            continue
        here, eta = _place(et[i], bins.et), _place(abseta[i], bins.abseta)
        there, share = _neighbour(et[i], here, bins)
        loose = _between(references[0, here, eta], references[0, there, eta], share)
        hard = _between(references[1, here, eta], references[1, there, eta], share)
        slope = _between(references[2, here, eta], references[2, there, eta], share)
        quad = _between(references[3, here, eta], references[3, there, eta], share)
        n = min(pileup[i], most)
        moved = hard + slope * n + quad * n * n
        value = values[i]
        if value <= loose:
            pass
        elif value <= moved:
            value = loose + (value - loose) * (hard - loose) / max(moved - loose, 0.001)
        elif value <= largest:
            value = hard + (value - moved) * (largest - hard) / max(largest - moved, 0.001)
        result[i] = value
