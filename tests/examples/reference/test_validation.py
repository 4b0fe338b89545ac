"""Columns, histograms, fits and curves of the validation page."""

from __future__ import annotations

import math

import hist
import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="pythia8mc makes the events (lepid[reference])")

from simulation import files
from validation import masses, peaks
from validation.curves import curves
from validation.figure import FRACTION, MEAN, SHAPE, Figure, Panel, Series, regular, whole
from validation.fill import empty, fill
from validation.leptons import OTHER, PHOTON, SOURCES, tables
from validation.page import FIGURES
from validation.source import SAMPLE, Part

import lepid


@pytest.fixture(scope="module")
def events(reconstructed, tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "ttbar.root"
    files.write(path, [reconstructed("ttbar_nonallhad", 40)])
    return lepid.open(path)


@pytest.fixture(scope="module")
def found(events):
    return tables(events, 0)


def test_every_column_that_a_figure_names_is_there(found) -> None:
    for figure in FIGURES:
        there = {*found[figure.table], "made"}
        for panel in figure.panels:
            needed = {figure.series.column, panel.column, panel.weight, *figure.select}
            needed |= {*panel.select, *([panel.y] if panel.y else [])}
            assert needed <= there, figure.name


def test_names_of_figures_are_different() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize("flavour", ["Muons", "Electrons"])
def test_tracks_in_the_cone(events, found, flavour) -> None:
    counts, k = [], 0
    table = found[flavour.lower()]
    for event in range(len(events.Muons)):
        tracks = {name: events.InDetTrackParticles[name][event].to_numpy() for name in TRACK_NAMES}
        for _ in range(len(events[flavour][event])):
            counts.append(in_cone(tracks, table["eta"][k], table["phi"][k]))
            k += 1
    assert k > 20
    np.testing.assert_array_equal(table["tracks"], counts)


TRACK_NAMES = (
    "theta",
    "phi",
    "qOverP",
    "btagIp_d0",
    "btagIp_z0SinTheta",
    "numberOfPixelHits",
    "numberOfPixelDeadSensors",
    "numberOfSCTHits",
    "numberOfSCTDeadSensors",
    "numberOfPixelHoles",
    "numberOfSCTHoles",
    "numberOfPixelSharedHits",
    "numberOfSCTSharedHits",
)


def in_cone(tracks, eta, phi) -> int:
    """Slow twin: one track and one condition at a time."""
    count = 0
    for i in range(len(tracks["phi"])):
        t = {name: float(values[i]) for name, values in tracks.items()}
        track_eta = -math.log(math.tan(t["theta"] / 2))
        apart = math.hypot(track_eta - eta, math.remainder(t["phi"] - phi, 2 * math.pi))
        if apart > 0.4 or math.sin(t["theta"]) / abs(t["qOverP"]) <= 500 or abs(track_eta) > 2.5:
            continue
        if abs(t["btagIp_d0"]) >= 3.5 or abs(t["btagIp_z0SinTheta"]) >= 5:
            continue
        silicon = t["numberOfPixelHits"] + t["numberOfPixelDeadSensors"]
        silicon += t["numberOfSCTHits"] + t["numberOfSCTDeadSensors"]
        if silicon < 8 or t["numberOfPixelHoles"] > 1:
            continue
        if t["numberOfPixelHoles"] + t["numberOfSCTHoles"] > 2:
            continue
        if t["numberOfPixelSharedHits"] + int(t["numberOfSCTSharedHits"]) // 2 <= 1:
            count += 1
    return count


def test_columns_of_leptons_agree_with_the_simulation(reconstructed, found) -> None:
    particles, made = reconstructed("ttbar_nonallhad", 40)
    muons, table = made.muons, found["muons"]
    np.testing.assert_allclose(table["pt"], muons["pt"], rtol=1e-6)
    inner = made.tracks.rows(muons["inDetTrackParticleLink"], muons.event)
    pull = made.tracks["btagIp_d0"] / made.tracks["btagIp_d0Uncertainty"]
    np.testing.assert_allclose(table["d0 significance"], pull[inner], rtol=1e-5)
    flipped = found["electrons"]["flipped"]
    true = made.electrons["truthPdgId"] * made.electrons["charge"] > 0
    np.testing.assert_array_equal(flipped, flipped & true)
    assert np.all(found["events"]["tracks"] == np.diff(made.tracks.offsets))
    assert np.all(found["events"]["weight"] == particles.event_weight)
    for name in ("electrons", "muons"):
        non_prompt = found[name]["source"][found[name]["non-prompt"]]
        assert (non_prompt != OTHER).mean() > 0.5
        assert {*np.unique(non_prompt)} <= {*range(len(SOURCES))}
    light = found["electrons"]["source"] == PHOTON
    assert np.all(np.isin(made.electrons["truthPdgId"][light], (-11, 11, 22)))


def test_masses_of_the_two_hardest_prompt_leptons() -> None:
    pairs = masses.pair_columns(
        {
            "event": np.array([0, 0, 0, 1, 1, 2, 3, 3]),
            "pt": np.array([5.0, 40.0, 30.0, 50.0, 60.0, 9.0, 20.0, 20.0]),
            "eta": np.array([0.0, 0.5, -0.3, 0.1, 0.2, 0.0, 1.0, 1.0]),
            "phi": np.array([0.0, 3.0, 0.2, 1.0, 2.0, 0.0, 0.0, np.pi]),
            "charge": np.array([-1, 1, -1, 1, 1, 1, 1, -1]),
            "prompt": np.array([True] * 6 + [True, False]),
        },
        event_weight=np.array([2.0, 1.0, 1.0, 1.0]),
        lepton_mass=0.1,
    )
    expected = math.sqrt(2 * 40 * 30 * (math.cosh(0.8) - math.cos(2.8)))
    np.testing.assert_allclose(pairs["mass"], [expected], rtol=1e-3)
    np.testing.assert_array_equal(pairs["weight"], [2.0])


def test_core_of_a_peak_with_a_tail() -> None:
    rng = np.random.default_rng(1)
    drawn = np.concatenate([rng.normal(91.0, 2.0, 20_000), 91.0 - rng.exponential(10.0, 3000)])
    values, edges = np.histogram(drawn, np.linspace(60.0, 120.0, 121))
    found = peaks.core(0.5 * (edges[1:] + edges[:-1]), values.astype(float), values.astype(float))
    assert found is not None
    assert abs(found.position - 91.0) < 0.15
    assert abs(found.width - 2.0) < 0.15
    assert 0.0 < found.position_error < 0.05


def test_no_core_in_few_pairs_or_nowhere() -> None:
    centres = np.linspace(0.0, 10.0, 21)
    few = np.where(np.arange(21) == 10, 20.0, 0.0)
    assert peaks.core(centres, few, few) is None
    assert peaks.core(centres, 100.0 * few, 100.0 * few) is None  # all in one bin
    assert peaks.core(centres, 0.0 * few, 0.0 * few) is None


def figure(kind: str, panel: Panel, **more: object) -> Figure:
    series = Series("kind", {0: "zero", 1: "one"})
    text = {"shows": "a", "expect": "b", "invented": "c"}
    return Figure("f", "F", kind, "t", series, (panel,), **text, **more)


def filled(made: Figure, table: dict[str, np.ndarray], process: str = "Zee") -> hist.Hist:
    histograms = empty([made])
    fill([made], histograms, Part(SAMPLE, process, None, {}), {"t": table})
    return histograms["f"][0]


def test_shapes_are_normalised_with_what_is_beyond_the_axis() -> None:
    made = figure(SHAPE, Panel("x", regular(2, 0.0, 2.0), "x"), select=("good",))
    table = {
        "kind": np.repeat([0, 1, 0], [40, 5, 10]),
        "x": np.concatenate([np.full(30, 0.5), np.full(15, 1.5), np.full(10, 7.0)]),
        "weight": np.full(55, 0.5),
        "good": np.arange(55) != 0,
    }
    drawn, left_out = curves(made, filled(made, table))
    assert [curve.name for curve in drawn] == ["zero"]
    assert left_out == pytest.approx({"one": 5.0})
    np.testing.assert_allclose(drawn[0].values, [29 / 49, 10 / 49])
    np.testing.assert_allclose(drawn[0].high - drawn[0].low, 2 * np.sqrt([29, 10]) / 49)


def test_fractions_have_clopper_pearson_intervals() -> None:
    made = figure(FRACTION, Panel("x", regular(2, 0.0, 2.0), "x", y="passed"))
    table = {
        "kind": np.zeros(30, int),
        "x": np.repeat([0.5, 1.5], [20, 10]),
        "weight": np.ones(30),
        "passed": np.arange(30) < 5,
    }
    (curve,), _ = curves(made, filled(made, table))
    np.testing.assert_allclose(curve.values, [0.25, 0.0])
    tail = (1.0 - 0.6826894921370859) / 2.0
    assert curve.low[1] == 0.0
    assert (1.0 - curve.high[1]) ** 10 == pytest.approx(tail)  # closed form where none passed


def test_means_have_the_error_of_the_mean() -> None:
    made = figure(MEAN, Panel("x", whole(1), "x", y="value"))
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    zeros = np.zeros(400)
    table = {"kind": zeros.astype(int), "x": zeros, "weight": zeros + 1.0, "value": values}
    (curve,), _ = curves(made, filled(made, table))
    assert curve.values[0] == pytest.approx(values.mean())
    assert curve.high[0] - curve.values[0] == pytest.approx(values.std(ddof=1) / 20.0, rel=0.02)
    assert np.isnan(curve.values[1])


def test_figures_are_made_of_their_processes_and_folders_only() -> None:
    made = figure(SHAPE, Panel("x", regular(1, 0.0, 1.0), "x"), processes=("Zmumu",))
    table = {"kind": np.zeros(20, int), "x": np.full(20, 0.5), "weight": np.ones(20)}
    assert filled(made, table, "Zee").sum(flow=True).value == 0.0
    assert filled(made, table, "Zmumu").sum(flow=True).value == 20.0
