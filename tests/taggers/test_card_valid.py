"""Conditions on leptons: what they are, and who fulfils them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.taggers.card_valid import Valid

ends = st.one_of(st.none(), st.floats(-100, 100))


@given(low=ends, high=ends, value=st.floats(-200, 200))
def test_a_condition_is_a_closed_range(low: float | None, high: float | None, value: float) -> None:
    keys: dict[str, Any] = {"feature": "x", "doc": "d", "low": low, "high": high}
    if (low, high) == (None, None) or (None not in (low, high) and low > high):
        with pytest.raises(ValueError, match="the condition on x needs low or high, low <= high"):
            Valid(**keys)
        return
    inside = (low is None or value >= low) and (high is None or value <= high)
    found = Valid(**keys).holds(np.array([value, math.nan]))
    assert found.tolist() == [inside, False]


def test_edges_are_inside_and_words_are_needed() -> None:
    both = Valid(feature="pt", unit="GeV", low=4, high=5, doc="4 to 5 GeV")
    values = np.array([4, 5, np.nextafter(4, 0), np.nextafter(5, 6), np.inf])
    assert both.holds(values).tolist() == [True, True, False, False, False]
    with pytest.raises(ValueError, match="doc"):
        Valid(feature="pt", low=4)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="finite"):
        Valid(feature="pt", low=math.nan, doc="d")
    with pytest.raises(ValueError, match="unknown unit 'gev'"):
        Valid(feature="pt", unit="gev", low=4, doc="d")
