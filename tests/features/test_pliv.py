"""Track jets, sequences of tracks and vertices of PLIV beside twins, and their edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features import definitions, impact, pliv
from lepid.features.definitions import DERIVED
from lepid.features.feature import PLIV_INPUT
from lepid.features.kernels.association import Directions
from lepid.features.kernels.selection import HITS
from lepid.features.tracks import Tracks

SEEDS = st.integers(0, 2**32 - 1)
UNITS = {"GeV": "MeV", "MeV": "MeV"}
GOOD = dict(zip(HITS, (4, 0, 8, 0, 0, 0, 0, 0), strict=True))
PAIRS = ("xx", "xy", "yy", "xz", "yz", "zz")


def unit_of(unit: str) -> str:
    return UNITS.get(unit, unit)


def tracks_of(lines: list[dict[str, float]], offsets: Any = None, **units: str) -> Tracks:
    """Tracks of one event, or of several, pt in MeV and eta given."""
    usual = {"pt": 5000.0, "eta": 0.0, "phi": 0.0, "d0": 0.0, "z0": 0.0, **GOOD}
    full = [usual | line for line in lines]
    named = {name: np.array([line[name] for line in full], float) for name in usual}
    theta = 2 * np.arctan(np.exp(-named["eta"]))
    hits = {name: named[name].astype(np.uint8) for name in HITS}
    columns = {
        "theta": theta, "phi": named["phi"], "qOverP": np.sin(theta) / named["pt"],
        "btagIp_d0": named["d0"], "btagIp_z0SinTheta": named["z0"],
        "btagIp_d0Uncertainty": np.ones(len(full)),
        "btagIp_z0SinThetaUncertainty": np.ones(len(full)), **hits,
    }  # fmt: skip
    return Tracks(np.array(offsets or [0, len(full)]), columns, unit_of)


def rows_of(lines: list[dict[str, float]], own: int = 0) -> list[int]:
    """Tracks that the RNN takes of a lepton with the own track `own`."""
    tracks = tracks_of(lines)
    jets = pliv.track_jets(tracks)
    found = pliv.sequences(np.array([0, 1]), np.array([own]), tracks, jets)
    rows: list[int] = found.neighbours.pairs.rows.tolist()
    return rows


# --- sequences ----------------------------------------------------------------------------------


def test_the_own_track_comes_first_whatever_it_is_like() -> None:
    lines = [{"eta": 0.2}, {"eta": 0.05, "phi": 0.1}, {"eta": 0.1, "numberOfPixelHoles": 9}]
    assert rows_of(lines, own=2) == [2, 0, 1]
    assert rows_of(lines, own=0) == [0, 1]
    assert rows_of(lines, own=-1) == []


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ({"z0": 1.0}, True), ({"z0": -1.0}, True), ({"z0": math.nextafter(1, 2)}, False),
        ({"d0": 30.0}, True),
        ({"pt": 499.0}, False), ({"pt": 501.0}, True),
        ({"numberOfPixelHits": 0, "numberOfSCTHits": 6}, True),
        ({"numberOfPixelHits": 0, "numberOfSCTHits": 5, "numberOfSCTDeadSensors": 4}, False),
        ({"numberOfPixelSharedHits": 1, "numberOfSCTSharedHits": 1}, True),
        ({"numberOfPixelSharedHits": 1, "numberOfSCTSharedHits": 2}, False),
        ({"numberOfSCTSharedHits": 3}, True), ({"numberOfSCTSharedHits": 4}, False),
        ({"numberOfPixelHoles": 1, "numberOfSCTHoles": 1}, True),
        ({"numberOfPixelHoles": 2}, False), ({"numberOfSCTHoles": 3}, False),
        ({"eta": 0.399}, True), ({"eta": 0.4001}, False),
        ({"eta": 1e-8}, False), ({"eta": 2e-6}, True),
    ],
)  # fmt: skip
def test_which_tracks_are_taken(line: dict[str, float], taken: bool) -> None:
    assert rows_of([{}, {"eta": 0.1, **line}]) == ([0, 1] if taken else [0])


def test_a_pt_at_the_limit_is_taken() -> None:
    # 1 / 500 times 500 is 1 without rounding, straight up.
    assert rows_of([{}, {"eta": 0.0, "phi": 0.1, "pt": 500.0}]) == [0, 1]
    assert rows_of([{}, {"phi": 0.1, "pt": math.nextafter(500, 0) - 1e-9}]) == [0]


def test_without_a_jet_near_the_own_track_there_is_nothing() -> None:
    # The own track is not of the primary vertex, and nothing else is hard enough for a jet.
    assert rows_of([{"z0": 3.0}, {"eta": 0.1, "pt": 3900.0}]) == []
    assert rows_of([{"z0": 3.0}, {"eta": 0.1, "pt": 4100.0}]) == [0, 1]
    # dR of lepton and jet is below 0.4.
    assert rows_of([{"z0": 3.0}, {"eta": 0.45}]) == []


def slow(tracks: Tracks, jets: Any, own: int, event: int) -> list[tuple[float, int, float, float]]:
    """dr to the own track, row, dr to the jet, share of its pt; the nearest first."""
    theta, phi = tracks.columns["theta"], tracks.columns["phi"]

    def eta(row: int) -> float:
        return -math.log(math.tan(theta[row] / 2))

    def apart(a: tuple[float, float], b: tuple[float, float]) -> float:
        turn = abs(a[1] - b[1]) % (2 * math.pi)
        return math.hypot(a[0] - b[0], min(turn, 2 * math.pi - turn))

    centre = eta(own), phi[own]
    near = [(apart(centre, (jets.eta[j], jets.phi[j])), j)
            for j in range(jets.offsets[event], jets.offsets[event + 1])]  # fmt: skip
    if not near or min(near)[0] >= 0.4:
        return []
    jet = min(near)[1]
    found = []
    for row in range(tracks.offsets[event], tracks.offsets[event + 1]):
        dr = apart(centre, (eta(row), phi[row]))
        if row == own or (1e-6 <= dr <= 0.4 and abs(tracks.columns["btagIp_z0SinTheta"][row]) <= 1):
            pt = math.sin(theta[row]) / abs(tracks.columns["qOverP"][row]) / 1000
            to_jet = apart((eta(row), phi[row]), (jets.eta[jet], jets.phi[jet]))
            found.append((0.0 if row == own else dr, row, to_jet, pt / jets.pt[jet]))
    return sorted(found, key=lambda one: (one[0], one[1] != own, one[1]))


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_sequences_of_many_events(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(7, 5)
    offsets = [0, *np.cumsum(counts).tolist()]
    lines = [
        {"eta": rng.normal(0, 0.2), "phi": rng.normal(3.1, 0.2), "pt": 500 + rng.exponential(5e3),
         "z0": rng.normal(0, 0.7), "d0": rng.normal()}
        for _ in range(offsets[-1])
    ]  # fmt: skip
    tracks = tracks_of(lines, offsets)
    jets = pliv.track_jets(tracks)
    leptons = np.minimum(counts, 2)
    own = np.concatenate([offsets[e] + np.arange(n) for e, n in enumerate(leptons)]).astype(int)
    found = pliv.sequences(np.concatenate([[0], np.cumsum(leptons)]), own, tracks, jets).neighbours
    pairs, columns = found.pairs, found.columns
    for i, event in enumerate(np.repeat(np.arange(5), leptons)):
        mine = slice(*pairs.offsets[i : i + 2])
        expected = slow(tracks, jets, own[i], event)
        assert pairs.rows[mine].tolist() == [row for _, row, _, _ in expected]
        names = ("dr_lepton", "dr_track_jet", "pt_over_track_jet")
        for name, k in zip(names, (0, 2, 3), strict=True):
            assert columns[name][mine].tolist() == pytest.approx(
                [one[k] for one in expected], abs=1e-9
            )


def test_a_direction_that_is_not_known_is_near_nothing() -> None:
    lines = [{}, {"eta": 0.1}, {"phi": float("nan"), "eta": 0.05}]
    assert rows_of(lines) == [0, 1]
    assert rows_of(lines, own=2) == []


def test_impact_parameters_that_are_computed() -> None:
    tracks = tracks_of([{}, {"eta": 0.1}])
    stored = {k: v for k, v in tracks.columns.items() if k not in impact.STORED}
    more = dict.fromkeys(impact.COMPUTED_FROM, np.full(2, 0.01))
    bare = Tracks(tracks.offsets, more | stored, unit_of)
    with pytest.raises(BadInput, match="no primary vertex"):
        pliv.track_jets(bare)
    ones = np.ones(1)
    beam = impact.Beam(0 * ones, 0 * ones, 0.1 * ones, 0.2 * ones, 0 * ones)
    jets = pliv.track_jets(bare, beam)
    found = pliv.sequences(np.array([0, 1]), np.array([0]), bare, jets, beam).neighbours
    assert found.pairs.rows.tolist() == [0, 1]
    expected = [math.sqrt(0.01 + (math.cos(0) * 0.2) ** 2)] * 2
    assert found.columns["btagIp_d0Uncertainty"].tolist() == pytest.approx(expected)
    # Without a variance the significance is not there, and -99 stands for it.
    lost = bare.columns | {"definingParametersCovMatrixDiag_d0_d0": np.array([0.01, np.nan])}
    found = pliv.sequences(
        np.array([0, 1]), np.array([0]), Tracks(tracks.offsets, lost, unit_of), jets, beam
    ).neighbours
    value = definitions.evaluate("d0_significance", "", found.columns, unit_of)
    assert value[1] == -99.0
    assert value[0] == pytest.approx(0.01 / expected[0])


def test_track_jets_are_of_the_primary_vertex() -> None:
    jets = pliv.track_jets(tracks_of([{}, {"phi": 0.01, "z0": 1.5}, {"phi": 0.02, "z0": 0.9}]))
    assert jets.n_track.tolist() == [2]
    assert jets.pt[0] == pytest.approx(10.0, rel=1e-3)
    soft = tracks_of([{"pt": 3000.0}])
    assert len(pliv.track_jets(soft).pt) == 0
    assert len(pliv.track_jets(soft, least_pt=0.0).pt) == 1


# --- vertices -----------------------------------------------------------------------------------


def vertices_of(lines: list[dict[str, Any]]) -> dict[str, Any]:
    usual = {"x": 0.0, "y": 0.0, "z": 0.0, "chiSquared": 1.0, "numberDoF": 1.0}
    usual |= dict(zip((f"covariance_{p}" for p in PAIRS), (1.0, 0, 1.0, 0, 0, 1.0), strict=True))
    return {name: np.array([(usual | line)[name] for line in lines], float) for name in usual}


def best(*lines: dict[str, Any], electron: bool = False, eta: float = 0.0) -> float:
    """Of one lepton along x (at eta 0), the primary vertex at the origin."""
    where = Directions(np.array([0, 1]), np.zeros(1), eta=np.array([eta]))
    links = np.array([0, len(lines)]), np.arange(len(lines))
    found = pliv.longitudinal(
        where, links, vertices_of(list(lines)), np.zeros((1, 3)), electron=electron
    )
    return float(found[0])


def test_probability_is_that_of_chi2() -> None:
    # Closed forms for one, two and three degrees of freedom.
    chi2 = np.array([0.5, 2.0, 7.0])
    one = [math.erfc(math.sqrt(x / 2)) for x in chi2]
    three = [p + math.sqrt(2 * x / math.pi) * math.exp(-x / 2)
             for p, x in zip(one, chi2, strict=True)]  # fmt: skip
    expected = (one, [math.exp(-x / 2) for x in chi2], three)
    for n_free, right in zip((1, 2, 3), expected, strict=True):
        assert pliv.probability(chi2, np.full(3, n_free)).tolist() == pytest.approx(right)
    given = np.array([0.0, -1.0, 2.0, 2.0, np.nan]), np.array([1, 1, 0, -1, 1])
    assert pliv.probability(*given).tolist() == [-1.0] * 5


def test_the_significance_of_a_vertex() -> None:
    assert best({"x": 3.0}) == 3.0
    assert best({"x": 3.0, "covariance_xx": 4.0}) == 1.5
    assert best({"x": -3.0}) == -3.0
    assert best({"x": -3.0}, {"x": -2.0}) == -2.0
    assert best({"y": 3.0}) == pytest.approx(0.0)
    assert best({"x": 3.0, "y": 4.0}) == pytest.approx(5 * 0.6)
    assert best() == 0.0
    assert best({}) == 0.0


@pytest.mark.parametrize("line", [{"chiSquared": 0.0}, {"numberDoF": 0.0}, {"chiSquared": 9.0}])
@pytest.mark.parametrize("electron", [False, True])
def test_a_bad_fit_does_not_count(line: dict[str, float], electron: bool) -> None:
    assert best({"x": 3.0, "y": 1.0, **line}, electron=electron) == 0.0
    assert best({"x": 3.0, "y": 1.0}, electron=electron) == pytest.approx(3.0)


def test_a_probability_at_the_cut_counts_for_electrons_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = float(pliv.probability(np.ones(1), np.ones(1))[0])
    monkeypatch.setattr(pliv, "LEAST_PROBABILITY", chance)
    assert best({"x": 3.0, "y": 1.0}) == 0.0
    assert best({"x": 3.0, "y": 1.0}, electron=True) == pytest.approx(3.0)


def test_vertices_along_an_electron_are_of_material() -> None:
    for eta, least in ((1.37, 0.002), (1.371, 0.001)):
        slope = math.sinh(eta)
        for angle, kept in ((0.9 * least, False), (1.1 * least, True)):
            along = np.array([1.0, 0.0, slope]) / math.hypot(1, slope)
            turned = math.cos(angle) * along + math.sin(angle) * np.array([0.0, 1.0, 0.0])
            place = dict(zip("xyz", 5 * turned, strict=True))
            assert (best(place, electron=True, eta=eta) > 0) == kept
            assert best(place, eta=eta) > 0


def test_a_covariance_that_cannot_be_inverted() -> None:
    assert best({"x": 3.0, "covariance_xx": 0.0}) == -10.0
    assert best({"x": 3.0, "covariance_xx": np.nan}) == -10.0


def test_a_primary_vertex_that_is_not_there() -> None:
    where = Directions(np.array([0, 2]), np.zeros(2), eta=np.zeros(2))
    links = np.array([0, 1, 1]), np.array([0])
    nowhere = np.full((2, 3), np.nan)
    found = pliv.longitudinal(where, links, vertices_of([{"x": 1.0}]), nowhere, electron=False)
    assert math.isnan(found[0])
    assert found[1] == 0.0


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.booleans())
def test_the_best_of_many_vertices(seed: int, electron: bool) -> None:
    rng = np.random.default_rng(seed)
    n_lepton, n = 6, 15
    counts = rng.multinomial(n, np.full(n_lepton, 1 / n_lepton))
    lines = []
    for _ in range(n):
        half = rng.normal(size=(3, 3))
        square = half @ half.T + 0.1 * np.eye(3)
        elements = square[(0, 0, 1, 0, 1, 2), (0, 1, 1, 2, 2, 2)]
        lines.append(
            dict(zip("xyz", rng.normal(size=3), strict=True))
            | dict(zip((f"covariance_{p}" for p in PAIRS), elements, strict=True))
            | {"chiSquared": rng.exponential(3), "numberDoF": rng.integers(0, 4)}
        )
    rows = rng.permutation(n)
    rows[0] = -1
    eta, phi = rng.normal(size=n_lepton), rng.uniform(-3, 3, n_lepton)
    primary = rng.normal(size=(n_lepton, 3)) * 0.1
    offsets = np.concatenate([[0], np.cumsum(counts)])
    where = Directions(np.array([0, n_lepton]), phi, eta=eta)
    found = pliv.longitudinal(
        where, (offsets, rows), vertices_of(lines), primary, electron=electron
    )
    for i in range(n_lepton):
        values = []
        for row in rows[offsets[i] : offsets[i + 1]]:
            if row < 0:
                continue
            line = lines[row]
            chance = float(pliv.probability(line["chiSquared"], line["numberDoF"]))
            d = np.array([line[a] for a in "xyz"]) - primary[i]
            xx, xy, yy, xz, yz, zz = (line[f"covariance_{p}"] for p in PAIRS)
            square = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
            unit = np.array([math.cos(phi[i]), math.sin(phi[i]), math.sinh(eta[i])])
            cosine = float(d @ unit) / float(np.linalg.norm(d)) / math.cosh(eta[i])
            least = 0.002 if abs(eta[i]) <= 1.37 else 0.001
            if chance >= 0.03 and not (electron and math.acos(cosine) < least):
                values.append(math.sqrt(d @ np.linalg.inv(square) @ d) * cosine)
        assert found[i] == pytest.approx(max(values, default=0.0), rel=1e-9)


# --- inputs of the trees ------------------------------------------------------------------------


def evaluated(name: str, unit: str = "", **columns: list[float]) -> list[float]:
    given = {k: np.array(v, float) for k, v in columns.items()}
    if f"{PLIV_INPUT}DRlj" not in given:
        n = len(next(iter(given.values())))
        given[f"{PLIV_INPUT}DRlj"] = np.full(n, 0.1)
    found: list[float] = definitions.evaluate(PLIV_INPUT + name, unit, given, unit_of).tolist()
    return found


def test_the_bin_in_pt() -> None:
    pt = [3e3, 10e3, 14.999e3, 15e3, 20e3, 25e3, 32e3, 42.9e3, 43e3, 99e3, 100e3, 9e5]
    assert evaluated("MVAXBin", pt=pt) == [1, 1, 1, 2, 3, 4, 5, 5, 6, 6, 6, 6]
    assert math.isnan(evaluated("MVAXBin", pt=[math.nan])[0])


@pytest.mark.parametrize(
    "name", [n.removeprefix(PLIV_INPUT) for n in DERIVED if n.startswith(PLIV_INPUT)]
)
def test_without_a_track_jet_an_input_is_absent(name: str) -> None:
    needs = {n: np.ones(3) for way in DERIVED[PLIV_INPUT + name] for n in way.needs}
    needs[f"{PLIV_INPUT}DRlj"] = np.array([0.1, -99.0, np.nan])
    feature = DERIVED[PLIV_INPUT + name][0]
    found = definitions.evaluate(PLIV_INPUT + name, feature.unit, needs, unit_of)
    assert found[0] > 0
    assert found[1] == -99.0
    assert math.isnan(found[2])


def test_isolation_that_is_not_there_is_divided_too() -> None:
    found = evaluated("Topoetcone30rel", pt=[1e4, 2e4, 0.0], topoetcone30=[500.0, math.nan, 1.0])
    assert found == [0.05, -99 / 2e4, -99.0]


def test_energy_of_a_cluster() -> None:
    columns = {"clusterLink.calE": [2e3, math.nan, 2e3], "ParamEnergyLoss": [4e3, 4e3, 0.0]}
    assert evaluated("CaloClusterERel", **columns) == [0.5, -99.0, -99.0]


def test_pt_relative_to_the_jet_is_in_its_own_unit() -> None:
    columns = {"pt": [2e4, 2e4], "track_jet_sine": [0.1, 0.1],
               f"{PLIV_INPUT}DRlj": [0.1, -99.0]}  # fmt: skip
    assert evaluated("PtRel", "MeV", **columns) == [2e3, -99.0]


def test_the_decoration_of_a_file_comes_first() -> None:
    assert evaluated("MVAXBin", pt=[1e4], **{f"{PLIV_INPUT}MVAXBin": [5.0]}) == [5.0]
