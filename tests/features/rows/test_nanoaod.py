"""What CMSSW's networks take, against CMSSW's own words for it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lepid.features import definitions
from lepid.features.definitions import FEATURES
from lepid.features.rows import nanoaod

GEV = {"cm": "cm", "GeV": "GeV", "": ""}.__getitem__
NAN = math.nan


def evaluate(name: str, *columns: float) -> float:
    flat = {
        column: np.atleast_1d(np.asarray(value))
        for column, value in zip(FEATURES[name].needs, columns, strict=True)
    }
    return float(definitions.evaluate(name, "", flat, GEV)[0])


@pytest.mark.parametrize("name", nanoaod.FEATURES)
def test_no_other_feature_has_the_name(name: str) -> None:
    assert FEATURES[name] is nanoaod.FEATURES[name]


@pytest.mark.parametrize("pdg_id", [11, -11, 13, -13, 22, 130, 211, -211, 1, 2])
def test_kinds_of_candidates(pdg_id: int) -> None:
    names = {11: "electron", 13: "muon", 22: "photon", 130: "neutral_hadron", 211: "charged_hadron"}
    for code, name in names.items():
        assert evaluate(f"pf_{name}", pdg_id) == (abs(pdg_id) == code)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [(0.3, 0.1, 0.3 / 0.1), (-0.3, 0.1, -0.3 / 0.1), (0.5, 0.0, 0.5 / 1e-6), (-1.0, -1.0, 0.0),
     (NAN, 1.0, NAN), (1.0, NAN, NAN)],
)  # fmt: skip
def test_significances(value: float, error: float, expected: float) -> None:
    for name in ("pf_d0_significance", "pf_dz_significance"):
        assert evaluate(name, value, error) == pytest.approx(expected, rel=1e-15, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("eta_of_lepton_relative", [0.25], -0.25),
        ("phi_of_lepton_relative", [-0.25], 0.25),
        ("chi2_of_vertex", [1.5, 4.0], 6.0),
        ("cos_pointing_angle", [math.pi], -1.0),
        ("log_abs_dxy", [-0.01], math.log(0.01)),
        ("log_abs_dz", [0.02], math.log(0.02)),
        ("log_abs_dz", [0.0], -math.inf),
        ("jet_pt_ratio", [0.25, 9.0], 0.8),
        ("jet_pt_ratio", [-0.5, 9.0], 1.5),
        ("jet_pt_ratio", [-1.0, 0.25], 0.8),
        ("jet_pt_ratio", [NAN, 0.25], NAN),
        ("miniPFRelIso_neutral", [0.5, 0.125], 0.375),
    ],
)
def test_formulas(name: str, columns: list[Any], expected: float) -> None:
    assert evaluate(name, *columns) == pytest.approx(expected, rel=1e-15, nan_ok=True)
