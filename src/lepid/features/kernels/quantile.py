"""Values to their quantiles, uniform between the first and the last level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput
from lepid.features.kernels.compiled import kernel

Floats = npt.NDArray[np.float64]


def transform(values: npt.ArrayLike, quantiles: npt.ArrayLike, levels: npt.ArrayLike) -> Floats:
    """Level of each value among the quantiles of a variable, [n].

    Between two quantiles it is linear. Where several quantiles are equal it is the middle of their
    levels; below the first and above the last it is the first and the last level. NaN stays NaN.

    Parameters
    ----------
    values : [n]
    quantiles : [n_quantile], ascending
    levels : [n_quantile], which part of the training sample lies below each quantile

    Raises
    ------
    BadInput : not as many levels as quantiles, fewer than two, not finite, or not ascending

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/ElectronDNNCalculator.cxx, transformInput; as
    QuantileTransformer of scikit-learn
    """
    known, reached = (np.ascontiguousarray(x, np.float64) for x in (quantiles, levels))
    if known.shape != reached.shape or known.ndim != 1 or len(known) < 2:
        wrong = f"{known.shape} quantiles and {reached.shape} levels"
        raise BadInput("quantile transform", f"{wrong}, expected as many of both, two or more")
    for name, numbers in (("quantiles", known), ("levels", reached)):
        falling = np.flatnonzero(~(np.diff(numbers) >= 0))
        if len(falling) or not np.isfinite(numbers[[0, -1]]).all():
            where = f"number {falling[0] + 1}" if len(falling) else "an end"
            raise BadInput("quantile transform", f"the {name} do not ascend at {where}")
    given = np.ascontiguousarray(values, np.float64)
    found = np.empty(given.shape)
    _transform(given.ravel(), known, reached, found.ravel())
    return found


@kernel
def _transform(values: Floats, quantiles: Floats, levels: Floats, found: Floats) -> None:
    last = len(quantiles) - 1
    for k in range(len(values)):
        x = values[k]
        if np.isnan(x):
            found[k] = np.nan
        elif x <= quantiles[0]:
            found[k] = levels[0]
        elif x >= quantiles[last]:
            found[k] = levels[last]
        else:
            # The first quantile that is not below x, and the first that is above.
            up = np.searchsorted(quantiles, x)
            down = np.searchsorted(quantiles, x, side="right")
            left = up - 1
            slope = (levels[up] - levels[left]) / (quantiles[up] - quantiles[left])
            rising = levels[left] + slope * (x - quantiles[left])
            left = down - 1
            slope = (levels[down] - levels[left]) / (quantiles[down] - quantiles[left])
            found[k] = 0.5 * (rising + levels[left] + slope * (x - quantiles[left]))
