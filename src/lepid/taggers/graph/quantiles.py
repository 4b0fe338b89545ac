"""The quantile transform in ONNX operators."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from lepid.taggers.graph.layers import Quantiles
from lepid.taggers.graph.sheet import Sheet

Floats = npt.NDArray[np.float64]


def transform(sheet: Sheet, x: str, quantiles: Quantiles) -> str:
    """Level of each value among the quantiles of its column, [n_lepton, n_input] float32.

    Between quantiles it is linear; on equal quantiles it is the mean of the levels of the first
    and the last of them; NaN stays NaN.

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/ElectronDNNCalculator.cxx; scikit-learn's
    QuantileTransformer with a uniform output does the same.
    """
    # In float64: what the interpolation divides by can be small. Column by column, so that each
    # operator runs along the leptons.
    value = sheet.emit("Transpose", sheet.emit("Cast", x, to=TensorProto.DOUBLE), perm=[1, 0])
    different, first, last = _plateaus(quantiles)
    right = _count(sheet, value, different)
    one = sheet.integers(1)
    left = sheet.emit("Max", sheet.emit("Sub", right, one), sheet.integers(0))
    x0, x1 = _at(sheet, different, left), _at(sheet, different, right)
    y0, y1 = _at(sheet, last, left), _at(sheet, first, right)
    slope = sheet.emit("Div", sheet.emit("Sub", y1, y0), sheet.emit("Sub", x1, x0))
    level = sheet.emit("Add", y0, sheet.emit("Mul", slope, sheet.emit("Sub", value, x0)))
    level = sheet.emit(
        "Where", sheet.emit("Equal", value, x1), _at(sheet, (first + last) / 2, right), level
    )
    lowest, highest = (sheet.constant(quantiles.levels[end], np.float64) for end in (0, -1))
    low, high = (sheet.constant(quantiles.values[:, [end]], np.float64) for end in (0, -1))
    level = sheet.emit("Where", sheet.emit("GreaterOrEqual", value, high), highest, level)
    level = sheet.emit("Where", sheet.emit("LessOrEqual", value, low), lowest, level)
    return sheet.emit("Transpose", sheet.emit("Cast", level, to=TensorProto.FLOAT), perm=[1, 0])


def _plateaus(quantiles: Quantiles) -> tuple[Floats, Floats, Floats]:
    """Different quantiles, and the levels of the first and the last of each, [n_input, 2^k].

    Behind the quantiles of a column stand infinities.
    """
    n_input, n_quantile = quantiles.values.shape
    size = 1 << n_quantile.bit_length()
    different = np.full((n_input, size), np.inf)
    first, last = np.ones((2, n_input, size)) * quantiles.levels[-1]
    for i, values in enumerate(quantiles.values):
        unique, starts, counts = np.unique(values, return_index=True, return_counts=True)
        different[i, : len(unique)] = unique
        first[i, : len(unique)] = quantiles.levels[starts]
        last[i, : len(unique)] = quantiles.levels[starts + counts - 1]
    return different, first, last


def _count(sheet: Sheet, value: str, different: Floats) -> str:
    """Number of quantiles below each value, by halving, [n_input, n_lepton]."""
    found = sheet.emit("Expand", sheet.integers(0), sheet.emit("Shape", value))
    half = different.shape[1] // 2
    while half:
        probe = sheet.emit("Add", found, sheet.integers(half - 1))
        below = sheet.emit("Less", _at(sheet, different, probe), value)
        step = sheet.emit("Where", below, sheet.integers(half), sheet.integers(0))
        found = sheet.emit("Add", found, step)
        half //= 2
    return found


def _at(sheet: Sheet, table: Floats, places: str) -> str:
    return sheet.emit("GatherElements", sheet.constant(table, np.float64), places, axis=1)
