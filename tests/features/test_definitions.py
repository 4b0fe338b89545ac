"""Each feature beside a plain twin; needs and units."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.events import schema
from lepid.features import definitions
from lepid.features.definitions import DERIVED, FEATURES

MEV = schema.load("physlite").unit
GEV = {"MeV": "GeV", "GeV": "GeV", "1/MeV": "1/GeV", "": "", "mm": "cm", "rad": "rad"}.__getitem__
HITS = FEATURES["passesBLayer"].needs


def evaluate(name: str, columns: dict[str, Any], unit: str = "", unit_of: Any = MEV) -> list[float]:
    flat = {key: np.atleast_1d(np.asarray(value)) for key, value in columns.items()}
    found = definitions.evaluate(name, unit, flat, unit_of)
    assert found.dtype == np.float64
    return found.tolist()


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_needs_columns_and_says_where_it_is_from(name: str) -> None:
    feature = FEATURES[name]
    assert definitions.needs(name) == tuple(feature.needs)
    assert not set(feature.needs) & set(FEATURES)
    assert all(
        set(way.needs).isdisjoint(FEATURES) for n in feature.needs for way in DERIVED.get(n, ())
    )
    assert feature.source
    zeros = {column: np.zeros(0) for column in feature.needs}
    assert definitions.evaluate(name, feature.unit, zeros, MEV).shape == (0,)


def test_what_is_no_feature_is_a_column() -> None:
    assert definitions.needs("topoetcone20") == ("topoetcone20",)
    assert evaluate("pt", {"pt": np.array([27300.0], np.float32)}, "GeV", MEV) == [27.3]
    assert evaluate("pt", {"pt": [27.0]}, "MeV", GEV) == [27000.0]
    assert evaluate("n", {"n": np.array([3], np.uint8)}) == [3.0]
    assert evaluate("flag", {"flag": np.array([True, False])}) == [1.0, 0.0]


@given(st.floats(-5, 5, width=32), st.floats(-1, 1, width=32))
def test_eta(eta: float, delta: float) -> None:
    columns = {"eta": np.float32(eta), "deltaEtaSC": np.float32(delta)}
    assert evaluate("abseta", {"eta": np.float32(eta)}) == [abs(eta)]
    assert evaluate("abseta_supercluster", columns) == [abs(eta + delta)]


@pytest.mark.parametrize(
    ("name", "cone"),
    [
        ("pflow_isolation_muon", "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"),
        ("pflow_isolation_muon_fixed", "ptcone20_Nonprompt_All_MaxWeightTTVA_pt500"),
        ("pflow_isolation_electron", "ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt500"),
        ("pflow_isolation_electron_fixed", "ptcone20_Nonprompt_All_MaxWeightTTVALooseCone_pt500"),
    ],
)
@given(track=st.floats(-1e5, 1e5), neutral=st.floats(-1e5, 1e5))
def test_pflow_isolation(name: str, cone: str, track: float, neutral: float) -> None:
    columns = {cone: track, "neflowisol20": neutral}
    expected = abs(track) + 0.4 * max(neutral, 0)
    assert evaluate(name, columns, "MeV") == [expected]
    in_gev = {cone: track / 1000, "neflowisol20": neutral / 1000}
    assert evaluate(name, in_gev, "MeV", GEV)[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("bad", ["cone", "neutral"])
def test_pflow_isolation_of_nan_is_nan(bad: str) -> None:
    cone = "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"
    columns = {
        cone: np.nan if bad == "cone" else 1.0,
        "neflowisol20": np.nan if bad == "neutral" else 1.0,
    }
    assert math.isnan(evaluate("pflow_isolation_muon", columns, "MeV")[0])


def test_hits_of_one_byte_do_not_overflow() -> None:
    counts = {
        "trackParticleLinks.numberOfPixelHits": np.array([200, 3], np.uint8),
        "trackParticleLinks.numberOfPixelDeadSensors": np.array([100, 1], np.uint8),
        "trackParticleLinks.numberOfSCTHits": np.array([100, 8], np.uint8),
        "trackParticleLinks.numberOfSCTDeadSensors": np.array([100, 2], np.uint8),
    }
    assert evaluate("nPixHitsPlusDeadSensors", counts) == [300.0, 4.0]
    assert evaluate("nSCTHitsPlusDeadSensors", counts) == [200.0, 10.0]
    assert evaluate("nSiHitsPlusDeadSensors", counts) == [500.0, 14.0]


def slow_b_layer(h: dict[str, int]) -> bool:
    h = {name.removeprefix("trackParticleLinks."): count for name, count in h.items()}
    if h["expectInnermostPixelLayerHit"]:
        layer = "InnermostPixelLayer"
    elif h["expectNextToInnermostPixelLayerHit"]:
        layer = "NextToInnermostPixelLayer"
    else:
        return True
    return h[f"numberOf{layer}Hits"] + h[f"numberOf{layer}Outliers"] > 0


def test_b_layer_for_every_combination() -> None:
    combinations = [
        dict(zip(HITS, (bits >> i & 1 for i in range(6)), strict=True)) for bits in range(64)
    ]
    columns = {name: np.array([c[name] for c in combinations], np.uint8) for name in HITS}
    expected = [float(slow_b_layer(c)) for c in combinations]
    assert evaluate("passesBLayer", columns) == expected
    assert {0.0, 1.0} == set(expected)


@pytest.mark.parametrize("name", HITS)
def test_b_layer_is_not_known_where_a_count_is_missing(name: str) -> None:
    columns = {column: [1.0, 1.0] for column in HITS} | {name: [np.nan, 1.0]}
    found = evaluate("passesBLayer", columns)
    assert math.isnan(found[0])
    assert found[1] == 1.0


RELATIVE = {
    "ptvarcone30TTVARel": "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500",
    "ptvarcone30Rel": "ptvarcone30",
    "topoetcone30Rel": "topoetcone30",
    "caloClusterSumEtRel": "caloClusterSumEt",
}


@pytest.mark.parametrize(("name", "column"), RELATIVE.items())
@given(value=st.floats(-1e5, 1e6, width=32), pt=st.floats(500, 1e6, width=32))
def test_relative_to_the_lepton(name: str, column: str, value: float, pt: float) -> None:
    columns = {column: np.float32(value), "pt": np.float32(pt)}
    assert evaluate(name, columns) == [value / pt]
    # What is rounded once has to be what Athena gets in float32.
    assert np.float32(evaluate(name, columns)[0]) == np.float32(value) / np.float32(pt)
    in_gev = {key: np.float64(v) / 1000 for key, v in columns.items()}
    assert evaluate(name, in_gev, "", GEV)[0] == pytest.approx(value / pt, rel=1e-12)


@pytest.mark.parametrize(
    ("energy", "loss", "expected"),
    [
        (1500.0, 3000.0, 0.5),
        (1500.0, -3000.0, -0.5),
        (1500.0, 0.0, -99.0),
        (1500.0, math.nan, -99.0),
        (math.nan, 3000.0, -99.0),
        (0.0, 3000.0, 0.0),
    ],
)
def test_the_energy_of_the_cluster_of_a_muon(energy: float, loss: float, expected: float) -> None:
    columns = {"clusterLink.calE": energy, "MeasEnergyLoss": loss}
    assert evaluate("caloClusterERel", columns) == [expected]


@pytest.mark.parametrize("name", ["d0", "z0SinTheta"])
@pytest.mark.parametrize(
    ("value", "sigma", "expected"),
    [
        (0.3, 0.1, 0.3 / 0.1),
        (-0.3, 0.1, -0.3 / 0.1),
        (0.3, 0.0, -99.0),
        (0.3, math.nan, -99.0),
        (math.nan, 0.1, math.nan),
    ],
)
def test_significances(name: str, value: float, sigma: float, expected: float) -> None:
    columns = {f"btagIp_{name}": value, f"btagIp_{name}Uncertainty": sigma}
    found = evaluate(f"{name}_significance", columns)
    assert found == pytest.approx([expected], rel=1e-15, nan_ok=True)


@given(st.floats(0.01, 3.13), st.floats(-3.14, 3.14), st.floats(1e-7, 1e-2))
def test_the_original_track_of_an_electron(theta: float, phi: float, q_over_p: float) -> None:
    link = "trackParticleLinks.originalTrackParticle"
    columns = {f"{link}.qOverP": [-q_over_p, np.nan], f"{link}.theta": [theta, np.nan]}
    assert evaluate("track_pt", columns, "MeV") == pytest.approx(
        [math.sin(theta) / q_over_p, -99.0], rel=1e-12
    )
    eta = -math.log(math.tan(theta / 2))
    angle = {f"{link}.theta": [theta, np.nan]}
    assert evaluate("track_eta", angle) == pytest.approx([eta, -99.0], abs=1e-12)
    assert evaluate("track_phi", {f"{link}.phi": [phi, np.nan]}) == [phi, -99.0]


def test_a_column_that_a_format_cannot_make_stands_for_itself() -> None:
    wanted = {"reducedChi2_ID": "why"}
    link = "inDetTrackParticleLink"
    parts = dict.fromkeys((f"{link}.chiSquared", f"{link}.numberDoF"), "why")
    for there in ((), tuple(parts)):
        assert definitions.resolve(wanted, there.__contains__) == parts
        no_links = definitions.resolve(wanted, there.__contains__, lambda name: "." not in name)
        assert no_links == wanted
    assert definitions.can("reducedChi2_ID", parts.__contains__)
    assert definitions.can("reducedChi2_ID", wanted.__contains__)
    assert not definitions.can("reducedChi2_ID", list(parts)[:1].__contains__)
    assert definitions.can("abseta", {"eta"}.__contains__)


def test_tracks_of_soft_leptons() -> None:
    inner, outer = "inDetTrackParticleLink", "extrapolatedMuonSpectrometerTrackParticleLink"
    columns = {
        f"{inner}.qOverP": [2e-4, -2e-4, 1e-4, np.nan],
        f"{outer}.qOverP": [1e-4, 4e-4, 0.0, 1e-4],
    }
    np.testing.assert_array_equal(
        evaluate("muon_qOverPratio", columns), [2.0, -0.5, np.nan, np.nan]
    )
    balance = {"momentumBalanceSignificance": [0.0, -0.1, 2.0, np.nan]}
    np.testing.assert_array_equal(evaluate("has_momentum_balance", balance), [0, 1, 1, np.nan])
    for name, track in (("muon", "combinedTrackParticleLink"), ("electron", "trackParticleLinks")):
        columns = {f"{track}.z0": [10.0, -4.0], f"{track}.theta": [math.pi / 2, math.pi / 6]}
        assert evaluate(f"{name}_z0SinTheta", columns, "mm") == pytest.approx([10.0, -2.0])


@pytest.mark.parametrize(
    ("name", "track"),
    [
        ("muon_d0_signed_significance", "inDetTrackParticleLink"),
        ("electron_d0_signed_significance", "trackParticleLinks"),
    ],
)
@given(st.floats(-5, 5), st.floats(0.001, 1), st.floats(-9, 9), st.floats(-9, 9))
def test_signed_significance(
    name: str, track: str, d0: float, variance: float, phi: float, jet: float
) -> None:
    """Positive where the point of closest approach lies on the side of the jet."""
    point = (-d0 * math.sin(phi), d0 * math.cos(phi))
    ahead = point[0] * math.cos(jet) + point[1] * math.sin(jet)
    columns = {
        f"{track}.d0": d0,
        f"{track}.definingParametersCovMatrixDiag_d0_d0": variance,
        f"{track}.phi": phi,
        "jet_phi": jet,
    }
    (found,) = evaluate(name, columns)
    assert abs(found) == pytest.approx(abs(d0) / math.sqrt(variance))
    if abs(ahead) > 1e-12:
        assert (found > 0) == (ahead > 0)
    for column, bad in ((0, np.nan), (1, np.nan), (1, 0.0), (1, -1.0), (2, np.nan), (3, np.nan)):
        assert math.isnan(evaluate(name, columns | {list(columns)[column]: bad})[0])
