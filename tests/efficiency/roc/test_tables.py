"""What is told of a sample: texts, and backgrounds that have no curve of their own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lepid.efficiency.roc.curves import Area
from lepid.efficiency.roc.sample import RocSample
from lepid.efficiency.roc.tables import TOTAL, area_text, identity, rejection_text, rows, tell
from lepid.errors import BadInput


def sample(**changes: Any) -> RocSample:
    rng = np.random.default_rng(1)
    n = 2_000
    place = rng.integers(0, 3, n).astype(np.int16)
    columns = {
        "score": rng.normal(1.5 * (place == 0), 1.0),
        "class": place,
        "weight": np.ones(n),
        "pt": rng.exponential(30.0, n),
        "abseta": rng.uniform(0.0, 2.5, n),
    }
    return RocSample(
        tagger="t", network="n", quantity="q", collection="Muons", scheme="iff", experiment="",
        classes=("S", "B", "C"), signal=("S",), background=("B", "C"),
        columns=columns | changes, unscored={"S": 3, "B": 0, "C": 0},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((12.34, 12.0, 12.8), "12.34 +0.46 -0.34"),
        ((120.0, 90.0, 170.0), "120 +50 -30"),
        ((10.0, 4.0, math.inf), "10.0 +inf -6.0"),
        ((933.0, 71.0, 25e6), "933 +2.5e+07 -862"),
        ((math.inf, 35.2, math.inf), "> 35.2"),
        ((math.nan, 0.0, 0.0), "-"),
        ((1.0, 1.0, 1.0), "1.00 +0.00 -0.00"),
    ],
)
def test_rejections_as_text(numbers: tuple[float, float, float], text: str) -> None:
    assert rejection_text(*numbers) == text


def test_areas_as_text() -> None:
    assert area_text(Area(0.91234, 0.0012)) == "0.9123 +- 0.0012"
    assert area_text(Area(0.9, math.nan)) == "0.9000"


def test_rows_are_those_of_the_curves() -> None:
    some = sample()
    told = tell(some)
    assert list(told.points) == [TOTAL, "B", "C"]
    assert told.counts["signal"] + told.counts[TOTAL] == 2_000
    found = rows(told)
    assert len(found) == 3 * 4
    assert found[4]["background"] == "B"
    assert found[4]["area"] == some.curve("B").area.value
    assert found[6]["rejection"] == some.curve("B").at([0.9]).rejection[0]
    assert identity(told)["without a score"] == "3 S"


def test_a_background_without_weight_has_no_curve_of_its_own() -> None:
    place = sample().columns["class"]
    told = tell(sample(weight=np.where(place == 2, -1e-9, 1.0)))
    assert list(told.points) == [TOTAL, "B"]
    assert set(told.distributions) == {"S", "B"}


def test_equal_scores_draw_nothing() -> None:
    with pytest.raises(BadInput, match="all scores are equal"):
        tell(sample(score=np.zeros(2_000)))
