"""The page of scale factors holds every number, and says what is not measured."""

from __future__ import annotations

import math
import re

import numpy as np

from lepid.efficiency.scale_factors.ratio import Measured, ScaleFactors, ratio
from lepid.html_report.scale_factors import factors_html

EDGES = np.array([10.0, 30.0, math.inf]), np.array([0.0, 1.5, 2.5])
VALUES = np.array([[0.8, 0.7], [0.9, math.nan]])


def test_every_number_is_there() -> None:
    data = Measured(EDGES, VALUES, VALUES - 0.02, VALUES + 0.01, ways={"fit<": (VALUES + 0.03,)})
    rates = np.full((2, 2), 0.9)
    simulation = Measured(EDGES, rates, rates - 0.01, rates + 0.01)
    points = {"Tight": ratio(data, simulation)}
    factors = ScaleFactors("toy", "Muons", points, about="data: pairs; simulation: counted")
    text = factors_html(factors, {"Tight": b"\x89PNG"})
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in text.split("<tr>")[1:]]
    assert len(rows) == 5
    assert rows[0][2:6] == ["data", "simulation", "scale factor", "stat."]
    assert rows[0][6] == "fit&lt;"
    assert rows[1][:5] == ["10 to 30", "0 to 1.5", "0.8000", "0.9000", "0.8889"]
    assert "+0.0333" in rows[1][6]
    assert rows[4][0] == "&gt; 30"
    assert rows[4][2] == "&ndash;"
    assert rows[4][4:] == ["&ndash;"] * 4
    assert "not measured: pT 30 to inf GeV, |eta| 1.5 to 2.5" in text
    assert "<dd>counted</dd>" in text
    assert text.count("data:image/png") == 1
    assert "http" not in text
