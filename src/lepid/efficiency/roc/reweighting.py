"""Weights that make the spectra of signal and background in pT and |eta| alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lepid.efficiency.roc.curves import Floats, checked
from lepid.errors import BadInput, UnknownName

SPECTRA = ("flat", "signal", "background")


@dataclass(frozen=True)
class Reweighted:
    """New weights, and what has none.

    Attributes
    ----------
    weight : [n_lepton]; signal and background keep the sum of what is left of them
    left_out : number of leptons with weight 0 now: outside the bins, or in one without signal or
        without background
    """

    weight: Floats
    left_out: int


def reweighted(
    is_signal: npt.ArrayLike,
    columns: Sequence[npt.ArrayLike],
    edges: Sequence[npt.ArrayLike],
    spectrum: str,
    weight: npt.ArrayLike | None = None,
) -> Reweighted:
    """Weights with which signal and background have the same spectrum in some variables.

    Parameters
    ----------
    is_signal : [n_lepton] bool
    columns : variables, [n_lepton] each, such as pT and |eta|
    edges : of each variable, [n_bin + 1], increasing
    spectrum : ``"flat"``: every bin holds the same sum of weights; ``"signal"``: background gets
        the spectrum of the signal; ``"background"``: signal that of the background
    weight : [n_lepton]; None is 1 for each lepton

    Returns
    -------
    Reweighted. The factors count as exact in the intervals of what is measured with the weights.

    Raises
    ------
    UnknownName : no such spectrum
    BadInput : as `roc.roc`; columns and edges do not fit, or no bin has signal and background
    """
    if spectrum not in SPECTRA:
        raise UnknownName.of("reweighting", "spectrum", spectrum, SPECTRA)
    signal = np.asarray(is_signal)
    _, signal, weights = checked(np.zeros(signal.shape), signal, weight)
    place, n_bin = _places(columns, edges, len(signal))
    inside = place >= 0
    kinds = [signal & inside, ~signal & inside]
    sums = [np.bincount(place[kind], weights[kind], minlength=n_bin) for kind in kinds]
    # Sums of mixed signs can end below 0, and then have no spectrum either.
    both = (sums[0] > 0.0) & (sums[1] > 0.0)
    if not both.any():
        raise BadInput("reweighting", "no bin has signal and background", (), "use wider bins")
    goal = {"flat": both.astype(np.float64), "signal": sums[0], "background": sums[1]}[spectrum]
    goal = np.where(both, goal, 0.0)
    result = np.zeros(len(weights))
    for kind, sum_ in zip(kinds, sums, strict=True):
        shape = goal * (sum_[both].sum() / goal.sum())
        factor = np.divide(shape, sum_, out=np.zeros(n_bin), where=both)
        result[kind] = weights[kind] * factor[place[kind]]
    kept = inside & both[np.maximum(place, 0)]
    return Reweighted(result, int(np.count_nonzero(~kept)))


def _places(
    columns: Sequence[npt.ArrayLike], edges: Sequence[npt.ArrayLike], length: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Bin of each lepton in all variables, -1 outside; and how many bins there are."""
    if not columns or len(columns) != len(edges):
        wrong = f"{len(columns)} variables and {len(edges)} sets of edges"
        raise BadInput("reweighting", wrong, (), "give edges for each variable")
    place, n_bin = np.zeros(length, np.int64), 1
    inside = np.ones(length, np.bool_)
    for column, line in zip(columns, edges, strict=True):
        values, ends = np.asarray(column, np.float64), np.asarray(line, np.float64)
        if values.shape != (length,):
            raise BadInput("reweighting", f"a variable has shape {values.shape}, not ({length},)")
        if ends.ndim != 1 or len(ends) < 2 or not (np.diff(ends) > 0.0).all():
            raise BadInput("reweighting", f"edges must increase: {ends.tolist()}")
        found = np.searchsorted(ends, values, side="right") - 1
        # NaN is sorted behind all numbers, and infinity is in no bin.
        inside &= (found >= 0) & (found < len(ends) - 1) & np.isfinite(values)
        place = place * (len(ends) - 1) + np.clip(found, 0, len(ends) - 2)
        n_bin *= len(ends) - 1
    return np.where(inside, place, -1), n_bin
