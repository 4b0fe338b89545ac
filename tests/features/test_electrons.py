"""The inputs of Athena's electron network beside a twin that goes electron by electron."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepid.errors import UnknownName
from lepid.events import schema
from lepid.features import definitions, electrons
from lepid.features.electrons import VARIABLES, feature_of, weighted_charge

MEV = schema.load("physlite").unit
TRACK, CLUSTER = "trackParticleLinks", "caloClusterLinks"
LAYER = {n: [f"{CLUSTER}.{v}_sampl[samplingPattern={n}]" for v in ("e", "eta")] for n in (2, 6)}
LAST = [f"{TRACK}.parameterP{axis}[parameterPosition=2]" for axis in "XYZ"]
SHAPES = ("Reta", "Rphi", "Rhad", "Rhad1", "weta2", "wtots1", "Eratio", "f1", "f3")
MATCHES = ("deltaEta1", "deltaPhiRescaled2")
HITS = (
    "numberOfPixelHits",
    "numberOfPixelDeadSensors",
    "numberOfSCTHits",
    "numberOfSCTDeadSensors",
)
NAN = math.nan


def slow_eta(e: Mapping[str, float]) -> float:
    """CaloCluster::etaBE(2)."""
    parts = [(e[LAYER[n][0]], e[LAYER[n][1]]) for n in (2, 6)]
    there = [part for part in parts if part[1] == part[1]]
    if len(there) == 2:
        total = sum(energy for energy, _ in there)
        if total > 100:
            return sum(energy * eta for energy, eta in there) / total
        return 0.5 * (there[0][1] + there[1][1])
    return there[0][1] if there else NAN


def slow(e: Mapping[str, float]) -> dict[str, float]:
    """All variables as AsgElectronSelectorTool::calculateMultipleOutputs has them."""
    track = {name.removeprefix(f"{TRACK}."): value for name, value in e.items()}
    eta, energy = slow_eta(e), e[f"{CLUSTER}.calE"]
    probability = track["eProbabilityHT"]
    if probability >= 1:
        probability = 1 - 1e-15
    elif probability <= 1e-30:
        probability = 1e-30
    trt = -math.log(1 / probability - 1) * (1 / 15)
    if abs(trt) < 1e-6 and abs(eta) > 2.01:
        trt = 0.15
    momentum = math.sqrt(sum(e[name] ** 2 for name in LAST))
    last = (1 if track["qOverP"] > 0 else -1) / momentum
    variance = track["definingParametersCovMatrixDiag_d0_d0"]
    pixel, dead, strips, dead_strips = (track[name] for name in HITS)
    track_eta = -math.log(math.tan(track["theta"] / 2))
    return {
        "eta": abs(eta),
        "et": energy / math.cosh(track_eta),
        "d0": track["d0"],
        "qd0": e["charge"] * track["d0"],
        "d0significance": abs(track["d0"] / math.sqrt(variance)) if variance > 0 else math.inf,
        "EoverP": energy * abs(track["qOverP"]),
        "dPOverP": 1 - track["qOverP"] / last,
        "trans_TRTPID": trt,
        "nPixHitsPlusDeadSensors": pixel + dead,
        "nSCTHitsPlusDeadSensors": strips + dead_strips,
        **{name: e[name] for name in (*SHAPES, *MATCHES)},
        "f3": 0.05 if abs(eta) > 2.01 else e["f3"],
    }


def drawn(seed: int) -> dict[str, float]:
    """A random electron; every value may be on an edge."""
    rng = np.random.default_rng(seed)
    edges = [0.0, 1.37, 1.52, 2.01, 2.47, 2.5]
    edges += [float(np.nextafter(np.float32(x), np.float32(s))) for x in edges for s in (0, 9)]
    eta = float(np.float32(rng.choice(edges) if rng.random() < 0.5 else rng.uniform(0, 2.5)))
    eta *= float(rng.choice([-1, 1]))
    kind = rng.integers(0, 4)
    layers = {
        LAYER[2][0]: rng.choice([20.0, 3e4]), LAYER[2][1]: eta,
        LAYER[6][0]: rng.choice([-10.0, 60.0, 80.0, 1e4]), LAYER[6][1]: eta + 0.01,
    }  # fmt: skip
    for lost in {0: (), 1: (2,), 2: (6,), 3: (6,)}[int(kind)]:
        layers |= dict.fromkeys(LAYER[lost], NAN)
    probability = rng.choice([0.0, 0.5, 1.0, 0.5 + 1e-5, 0.5 + 2e-6, rng.random()])
    flat = {name: float(rng.normal(0.5, 0.3)) for name in (*SHAPES, *MATCHES)}
    return {
        **{name: float(value) for name, value in layers.items()}, **flat,
        "charge": float(rng.choice([-1, 1])),
        f"{CLUSTER}.calE": float(rng.choice([7e3, 15e3, 47.5e3, 6e6, rng.uniform(4e3, 2e5)])),
        f"{TRACK}.theta": float(rng.choice([math.pi / 2, rng.uniform(0.1, 3.0)])),
        f"{TRACK}.qOverP": float(rng.choice([-1, 1]) / rng.uniform(4e3, 2e5)),
        f"{TRACK}.d0": float(rng.normal(0, 0.05)),
        f"{TRACK}.definingParametersCovMatrixDiag_d0_d0": float(rng.choice([1e-4, 0.0, -1e-9])),
        f"{TRACK}.eProbabilityHT": float(probability),
        **{f"{TRACK}.{name}": float(rng.integers(0, 9)) for name in HITS},
        **{name: float(rng.normal(0, 2e4)) for name in LAST},
    }  # fmt: skip


def evaluated(sample: list[dict[str, float]]) -> dict[str, Any]:
    columns = {name: np.array([e[name] for e in sample]) for name in sample[0]}
    found = {}
    for variable in VARIABLES:
        if variable != "SCTWeightedCharge":
            feature, unit = feature_of(variable, "test")
            found[variable] = definitions.evaluate(feature, unit, columns, MEV)
    return found


def test_every_variable_as_the_slow_twin() -> None:
    sample = [drawn(seed) for seed in range(800)]
    found = evaluated(sample)
    for place, e in enumerate(sample):
        for variable, expected in slow(e).items():
            value = found[variable][place]
            # Athena's eta is a float.
            tolerance = 3e-7 if variable == "eta" else 1e-11
            assert value == pytest.approx(expected, rel=tolerance, abs=1e-13), (variable, e)
    assert {"eta", *slow(sample[0])} | {"SCTWeightedCharge"} == set(VARIABLES)
    # Both sides of each rule were there.
    assert 50 < np.sum(found["f3"] == 0.05) < 750
    assert 5 < np.sum(found["trans_TRTPID"] == 0.15) < 750
    assert np.isinf(found["d0significance"]).sum() > 40


@pytest.mark.parametrize(
    ("eta", "f3", "trt"),
    [(2.01, 0.7, 0.0), (-2.01, 0.7, 0.0), (np.nextafter(2.01, 3), 0.05, 0.15), (-2.2, 0.05, 0.15)],
)
@pytest.mark.parametrize(
    ("place", "names"),
    [("etaBE2", ("f3_central", "trans_TRTPID")), ("calEta", ("f3_calo", "trans_TRTPID_calo"))],
)
def test_the_rules_begin_beyond_2_01(
    eta: float, f3: float, trt: float, place: str, names: tuple[str, str]
) -> None:
    columns = {f"{CLUSTER}.{place}": np.array([eta]), "f3": np.array([0.7])}
    columns["transformed_e_probability_ht"] = np.array([0.0])
    assert [definitions.evaluate(n, "", columns, MEV).item() for n in names] == [f3, trt]


def test_the_default_of_the_trt_is_for_what_is_nearly_zero() -> None:
    values = np.array([1e-6, 0.999e-6, -0.999e-6, -1e-6])
    found = electrons.trt(values, np.full(4, 2.2))
    assert found.tolist() == [1e-6, 0.15, 0.15, -1e-6]


@pytest.mark.parametrize("lost", ["eta", "value"])
def test_what_is_not_known_has_no_default(lost: str) -> None:
    value, eta = np.array([NAN if lost == "value" else 0.3]), np.array([2.2])
    eta = eta * NAN if lost == "eta" else eta
    assert np.isnan(electrons.f3(value, eta))
    assert np.isnan(electrons.trt(value, eta))


def test_stored_columns_are_preferred_to_what_makes_them_up() -> None:
    e = drawn(1)
    columns = {name: np.array([value]) for name, value in e.items()}
    stored = {"transformed_e_probability_ht": np.array([0.07]), f"{CLUSTER}.etaBE2": np.array([-1])}
    found = {n: definitions.evaluate(n, "", columns | stored, MEV) for n in
             ("trans_TRTPID", "abseta_cluster")}  # fmt: skip
    assert found == {"trans_TRTPID": 0.07, "abseta_cluster": 1.0}


def test_the_decoration_of_the_last_measurement() -> None:
    columns = {f"{TRACK}.qOverP": np.array([2e-5, 2e-5, 2e-5]),
               f"{TRACK}.QoverPLM": np.array([4e-5, -999.0, NAN])}  # fmt: skip
    found = definitions.evaluate("dPOverP", "", columns, MEV)
    assert found[0] == pytest.approx(0.5, rel=1e-14)
    assert np.isnan(found[1:]).all()


def test_which_columns_are_read_depends_on_those_that_are_there() -> None:
    wanted = dict.fromkeys(definitions.needs("dPOverP"), "why")
    vectors = {f"{TRACK}.qOverP", *LAST}
    for there, expected in (
        ({f"{TRACK}.qOverP", f"{TRACK}.QoverPLM"}, {f"{TRACK}.qOverP", f"{TRACK}.QoverPLM"}),
        (vectors, vectors),
        (vectors | {f"{TRACK}.QoverPLM"}, vectors),
        # Nothing is complete: the message is about the first way.
        ({LAST[0]}, vectors),
    ):
        assert set(definitions.resolve(wanted, there.__contains__)) == expected
    forward = definitions.resolve({"isForward": "w"}, {*LAYER[2], *LAYER[6]}.__contains__)
    assert forward == dict.fromkeys((*LAYER[2], *LAYER[6]), "w")
    assert definitions.resolve({"isForward": "w"}, {"author"}.__contains__) == {"author": "w"}


def test_forward_electrons() -> None:
    author = {"author": np.array([1, 8, 9], np.uint16)}
    assert definitions.evaluate("isForward", "", author, MEV).tolist() == [0, 1, 0]
    eta = {f"{CLUSTER}.etaBE2": np.array([2.5, -2.5, np.nextafter(2.5, 3), -2.6, NAN])}
    found = definitions.evaluate("isForward", "", eta, MEV)
    assert found[:4].tolist() == [0, 0, 1, 1]
    assert np.isnan(found[4])


def test_a_cluster_without_a_second_layer_has_no_eta() -> None:
    columns = {name: np.array([NAN]) for name in (*LAYER[2], *LAYER[6])}
    assert np.isnan(definitions.evaluate("abseta_cluster", "", columns, MEV))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 250), st.booleans()), max_size=30))
def test_the_weighted_charge(tracks: list[tuple[int, int, bool]]) -> None:
    charge = [1.0, -1.0, 1.0, -1.0]
    expected = []
    for lepton, own in enumerate(charge):
        mine = [(hits, 1 if plus else -1) for place, hits, plus in tracks if place == lepton]
        total = sum(hits for hits, _ in mine)
        expected.append(own * sum(hits * sign for hits, sign in mine) / total if total else 0.0)
    lepton, hits, plus = (np.array([t[i] for t in tracks], np.int64) for i in range(3))
    q_over_p = np.where(plus, 1e-5, -1e-5)
    found = weighted_charge(np.array(charge), lepton, hits.astype(np.uint8), q_over_p)
    assert found.tolist() == pytest.approx(expected, abs=1e-14)


def test_an_unknown_variable_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName) as caught:
        feature_of("trans_TRTPId", "my.conf, Variables")
    text = str(caught.value)
    assert text.startswith("my.conf, Variables: no variable 'trans_TRTPId'")
    assert caught.value.near[0] == "trans_TRTPID"
    assert all(name in text for name in VARIABLES)


@given(st.integers(0, 2**20), st.sampled_from([-1.0, 1.0]))
def test_mirrored_electrons_have_the_same_inputs(seed: int, side: float) -> None:
    """|eta|, E_T and what is measured along the track do not know the side of the detector."""
    e = drawn(seed)
    mirror = {LAYER[n][1]: side * e[LAYER[n][1]] for n in LAYER}
    theta = e[f"{TRACK}.theta"]
    mirror[f"{TRACK}.theta"] = theta if side > 0 else math.pi - theta
    mirror[LAST[2]] = side * e[LAST[2]]
    one, other = evaluated([e]), evaluated([e | mirror])
    for variable in one:
        np.testing.assert_allclose(other[variable], one[variable], rtol=1e-11)


@pytest.mark.parametrize(
    ("d0", "variance", "expected"),
    [(-0.3, 0.01, 3.0), (0.3, 0.0, 0.0), (0.0, 0.0, 0.0), (0.3, -1.0, 0.0), (math.nan, 0.01, None),
     (0.3, math.nan, None)],
)  # fmt: skip
def test_the_significance_of_the_likelihood(
    d0: float, variance: float, expected: float | None
) -> None:
    track = "trackParticleLinks"
    columns = {
        f"{track}.d0": np.array([d0]),
        f"{track}.definingParametersCovMatrixDiag_d0_d0": np.array([variance]),
    }
    (found,) = definitions.evaluate("el_d0significance", "", columns, MEV)
    assert math.isnan(found) if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["el_rhad", "el_rhad_calo"])
def test_the_leakage_of_the_likelihood_is_that_of_all_layers_between(name: str) -> None:
    eta = np.array([0.79, 0.8, -0.8, 1.36, 1.37, -2.0])
    place = {"el_rhad": "caloClusterLinks.etaBE2", "el_rhad_calo": "caloClusterLinks.calEta"}
    columns = {"Rhad": np.full(6, 2.0), "Rhad1": np.full(6, 1.0), place[name]: eta}
    assert definitions.evaluate(name, "", columns, MEV).tolist() == [1, 2, 2, 2, 1, 1]
