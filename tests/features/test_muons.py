"""What the tracks of a muon say, beside twins that go muon by muon."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.events import schema
from lepid.features import definitions, muons

MEV = schema.load("physlite").unit
INNER = "inDetTrackParticleLink"
OUTER = "extrapolatedMuonSpectrometerTrackParticleLink"
COMBINED = "combinedTrackParticleLink"
VARIANCE = "definingParametersCovMatrixDiag_qOverP_qOverP"
NAN = math.nan


def muon(**changes: float) -> dict[str, float]:
    """One muon of 10 GeV, and its tracks."""
    columns = {"pt": 1e4, "InnerDetectorPt": 1.02e4, "MuonSpectrometerPt": 9.5e3, "quality": 9}
    for link, p in ((INNER, 2.03e4), (OUTER, -1.91e4), (COMBINED, 2e4)):
        columns |= {
            f"{link}.theta": 0.5, f"{link}.qOverP": 1 / p, f"{link}.{VARIANCE}": 1e-12,
            f"{link}.chiSquared": 40.5, f"{link}.numberDoF": 31.0,
            f"{link}.numberOfPixelHits": 5, f"{link}.numberOfPixelDeadSensors": 1,
        }  # fmt: skip
    return columns | changes


def slow(e: dict[str, float], calibrated: bool = True) -> dict[str, float]:
    """As MuonSelectionTool has them; NaN where it divides by zero or has no track."""
    pts, signed, variances = [], [], []
    for link, stored in ((INNER, "InnerDetectorPt"), (OUTER, "MuonSpectrometerPt")):
        theta, q_over_p = e[f"{link}.theta"], e[f"{link}.qOverP"]
        pt = e[stored] if calibrated else math.sin(theta) / abs(q_over_p)
        charge = NAN if math.isnan(q_over_p) else math.copysign(1, q_over_p)
        pts.append(pt)
        signed.append(charge / (pt / math.sin(theta)))
        variances.append(e[f"{link}.{VARIANCE}"])
    total = sum(variances)
    width = math.sqrt(total) if total > 0 else NAN
    return {
        "rhoPrime": abs(pts[0] - pts[1]) / e["pt"],
        "qOverPSignificance": abs(signed[1] - signed[0]) / width,
    }


def of(name: str, *some: dict[str, float]) -> Any:
    columns = {key: np.array([e[key] for e in some]) for key in some[0]}
    return definitions.evaluate(name, "", columns, MEV)


momenta = st.floats(1e3, 1e6)
charges = st.sampled_from([-1, 1])


@given(
    pts=st.tuples(momenta, momenta, momenta),
    thetas=st.tuples(st.floats(0.02, 3.1), st.floats(0.02, 3.1)),
    p=st.tuples(momenta, momenta),
    q=st.tuples(charges, charges),
    variances=st.tuples(st.floats(1e-16, 1e-9), st.floats(0, 1e-9)),
)
def test_rho_prime_and_significance(pts: Any, thetas: Any, p: Any, q: Any, variances: Any) -> None:
    e = muon(pt=pts[0], InnerDetectorPt=pts[1], MuonSpectrometerPt=pts[2])
    for i, link in enumerate((INNER, OUTER)):
        e |= {f"{link}.theta": thetas[i], f"{link}.qOverP": q[i] / p[i],
              f"{link}.{VARIANCE}": variances[i]}  # fmt: skip
    for suffix, calibrated in (("", True), ("_tracks", False)):
        for name, expected in slow(e, calibrated).items():
            (found,) = of(name + suffix, e)
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_calibration_changes_pt_and_not_the_charge() -> None:
    plain, wrong = muon(), muon(**{f"{OUTER}.qOverP": 1 / 1.91e4})
    opposite, same = of("qOverPSignificance", plain, wrong)
    assert opposite > 10 * same > 0
    # The momentum of the track itself plays no part where the calibrated pt is there.
    moved = muon(**{f"{OUTER}.qOverP": -1 / 5e4})
    assert of("qOverPSignificance", moved) == opposite
    assert of("qOverPSignificance_tracks", moved) != of("qOverPSignificance_tracks", plain)


def test_a_missing_track_and_an_impossible_variance_are_not_numbers() -> None:
    without = [muon(**{f"{link}.{name}": NAN for name in ("theta", "qOverP", VARIANCE)})
               for link in (INNER, OUTER)]  # fmt: skip
    assert np.isnan(of("qOverPSignificance", *without)).all()
    assert np.isnan(of("rhoPrime_tracks", *without)).all()
    assert of("has_ID_track", *without, muon()).tolist() == [0, 1, 1]
    assert of("has_ME_track", *without, muon()).tolist() == [1, 0, 1]
    below = muon(**{f"{INNER}.{VARIANCE}": -2e-12})
    nothing = muon(**{f"{link}.{VARIANCE}": 0.0 for link in (INNER, OUTER)})
    assert not np.isfinite(of("qOverPSignificance", below, nothing)).any()
    # One of two may be unknown to be small: what counts is the sum.
    half = muon(**{f"{INNER}.{VARIANCE}": 0.0})
    assert of("qOverPSignificance", half) == pytest.approx(
        math.sqrt(2) * of("qOverPSignificance", muon())
    )


def test_a_muon_without_momentum_has_no_ratio() -> None:
    assert not np.isfinite(of("rhoPrime", muon(pt=0.0), muon(pt=NAN))).any()


@pytest.mark.parametrize(
    ("name", "link"),
    [("reducedChi2", COMBINED), ("reducedChi2_ID", INNER), ("reducedChi2_ME", OUTER)],
)
def test_reduced_chi_squared(name: str, link: str) -> None:
    none = muon(**{f"{link}.numberDoF": 0.0})
    empty = muon(**{f"{link}.numberDoF": 0.0, f"{link}.chiSquared": 0.0})
    lost = muon(**{f"{link}.chiSquared": NAN})
    found = of(name, muon(), none, empty, lost, muon(**{f"{link}.numberDoF": 27.0}))
    assert found[0] == 40.5 / 31
    assert not np.isfinite(found[1:4]).any()
    assert found[4] == 1.5


def test_hits_are_those_of_the_combined_track_unless_the_muon_has_them() -> None:
    changed = muon(**{f"{INNER}.numberOfPixelHits": 9, f"{COMBINED}.numberOfPixelHits": 3})
    assert of("numberOfPixelHits", changed) == 3
    assert of("numberOfPixelDeadSensors", muon()) == 1
    assert of("numberOfPixelHits", changed | {"numberOfPixelHits": 7}) == 7
    assert of("rhoPrime", muon() | {"rhoPrime": 0.25}) == 0.25


def test_quality_is_in_the_lowest_three_bits() -> None:
    # xAOD::Muon: 8 passes the ID cuts, 16 those at high pt.
    bits = [0, 1, 2, 3, 8, 9, 16 + 8 + 2, 255]
    found = muons.quality_of(np.array(bits, np.uint8))
    assert found.tolist() == [value & 7 for value in bits]
    assert math.isnan(of("muon_quality", muon(quality=NAN)).item())


def test_switches_name_features_that_there_are() -> None:
    known = {*definitions.FEATURES, *definitions.DERIVED}
    for instead in definitions.SWITCHES.values():
        assert {*instead, *instead.values()} <= known
    assert definitions.switched("rhoPrime", ()) == "rhoPrime"
    assert definitions.switched("rhoPrime", ["TurnOffMomCorr"]) == "rhoPrime_tracks"
    both = ["TurnOffMomCorr", "DisablePtCuts"]
    assert definitions.switched("rhoPrime", both) == "zero"
    assert definitions.switched("author", both) == "author"
    assert of("zero", muon(), muon(pt=NAN)).tolist() == [0, 0]
