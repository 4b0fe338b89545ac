"""Tracks around leptons as rows of the PLIT networks, beside a twin that goes lepton by lepton."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.features import impact, tracks
from lepid.features.kernels.association import Directions
from lepid.features.kernels.selection import HITS, TrackCuts
from lepid.taggers import card_file
from lepid.taggers.batching import Sequence
from lepid.taggers.card_network import Input

MODELS = Path(__file__).resolve().parents[2] / "models"
SEEDS = st.integers(0, 2**32 - 1)


def inputs(flavour: str) -> tuple[Input, ...]:
    path = MODELS / f"{flavour}_plit" / "atlas-2025-04-25-run3" / "card.toml"
    return card_file.load(path).networks[0].nodes[1].inputs


MUON, ELECTRON = inputs("muon"), inputs("electron")


def ratio(value: float, sigma: float) -> float:
    return value / sigma if abs(sigma) > 0 else -99.0


def slow_row(event: Any, lepton: int, row: int) -> tuple[float, dict[str, float]] | None:
    """dR and all features of one track, None if it does not pass."""
    track = {name: float(values[row]) for name, values in event.tracks.columns.items()}
    eta = -math.log(math.tan(track["theta"] / 2))
    deta = eta - float(event.leptons.eta[lepton])
    dphi = track["phi"] - float(event.leptons.phi[lepton])
    dphi = (dphi + math.pi) % (2 * math.pi) - math.pi
    dr = math.hypot(deta, dphi)
    holes = track["numberOfPixelHoles"] + track["numberOfSCTHoles"]
    shared = track["numberOfPixelSharedHits"] + track["numberOfSCTSharedHits"] // 2
    hits = sum(track[name] for name in HITS[:4])
    passed = (
        np.float32(dr) <= np.float32(0.4) and abs(eta) <= 2.5 and shared <= 1
        and math.sin(track["theta"]) / abs(track["qOverP"]) > 500
        and not abs(track["btagIp_d0"]) >= 3.5 and not abs(track["btagIp_z0SinTheta"]) >= 5
        and hits >= 8 and holes <= 2 and track["numberOfPixelHoles"] <= 1
    )  # fmt: skip
    if not passed:
        return None
    own = float(row in event.own[1][event.own[0][lepton] : event.own[0][lepton + 1]])
    return dr, track | {
        "dr_lepton": dr, "deta_lepton": deta, "dphi_lepton": dphi,
        "muon_track": own, "electron_track": own,
        "d0_significance": ratio(track["btagIp_d0"], track["btagIp_d0Uncertainty"]),
        "z0SinTheta_significance":
            ratio(track["btagIp_z0SinTheta"], track["btagIp_z0SinThetaUncertainty"]),
    }  # fmt: skip


def slow(event: Any, wanted: tuple[Input, ...]) -> tuple[list[int], list[int], list[list[float]]]:
    offsets, rows, values = [0], [], []
    for i in range(len(event.leptons.offsets) - 1):
        for lepton in range(*event.leptons.offsets[i : i + 2]):
            found = []
            for row in range(*event.tracks.offsets[i : i + 2]):
                entry = slow_row(event, lepton, row)
                if entry:
                    found.append((entry[0], row, entry[1]))
            found.sort(key=lambda one: one[:2])
            rows += [row for _, row, _ in found]
            values += [[features[e.feature] for e in wanted] for _, _, features in found]
            offsets.append(len(rows))
    return offsets, rows, values


def build(event: Any, wanted: tuple[Input, ...], beam: impact.Beam | None = None) -> Any:
    found = tracks.neighbours(event.leptons, event.tracks, event.own, beam)
    values = tracks.values(wanted, found, event.tracks)
    return Sequence(found.pairs.offsets, found.pairs.rows, values)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([MUON, ELECTRON]))
def test_the_slow_twin(make: Callable[..., Any], seed: int, wanted: tuple[Input, ...]) -> None:
    event = make(seed, track=20.0)
    found = build(event, wanted)
    offsets, rows, values = slow(event, wanted)
    assert found.offsets.tolist() == offsets
    assert found.rows.tolist() == rows
    assert found.values.dtype == np.float32
    assert found.values.shape == (len(rows), len(wanted))
    expected = np.array(values, np.float32).reshape(found.values.shape)
    np.testing.assert_allclose(found.values, expected, rtol=2e-7, atol=1e-12)


def test_the_twin_has_tracks_and_own_ones(make: Callable[..., Any]) -> None:
    event = make(11, n_event=60, track=40.0)
    offsets, rows, values = slow(event, MUON)
    assert len(rows) > 60
    assert 0 in np.diff(offsets)
    flags = [row[-1] for row in values]
    assert 3 <= sum(flags) < len(flags)
    np.testing.assert_array_equal(build(event, MUON).values[:, -1], flags)


def test_an_uncertainty_of_zero_gives_the_default(make: Callable[..., Any]) -> None:
    event = make(12, n_event=20, track=30.0)
    for name in ("btagIp_d0Uncertainty", "btagIp_z0SinThetaUncertainty"):
        event.tracks.columns[name][::2] = 0.0
        event.tracks.columns[name][1::4] = np.nan
    found = build(event, ELECTRON)
    names = [entry.feature for entry in ELECTRON]
    for name in ("d0_significance", "z0SinTheta_significance"):
        column = found.values[:, names.index(name)]
        absent = (found.rows % 2 == 0) | (found.rows % 4 == 1)
        assert 0 < absent.sum() < len(absent)
        np.testing.assert_array_equal(column == -99.0, absent)


def test_an_impact_parameter_that_is_not_known_passes_and_stays(make: Callable[..., Any]) -> None:
    event = make(13, n_event=20, track=30.0)
    plain = build(event, MUON)
    event.tracks.columns["btagIp_d0"][plain.rows] = np.nan
    found = build(event, MUON)
    assert set(plain.rows) <= set(found.rows)
    column = [entry.feature for entry in MUON].index("btagIp_d0")
    assert np.isnan(found.values[np.isin(found.rows, plain.rows), column]).all()


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_computed_impact_parameters_are_those_of_a_file_that_stores_them(
    make: Callable[..., Any], without_stored: Callable[..., Any], seed: int
) -> None:
    event = make(seed, track=20.0)
    bare, beam = without_stored(seed, event.tracks)
    every = np.arange(int(bare.offsets[-1]))
    of_event = np.searchsorted(bare.offsets, every, side="right") - 1
    stored = impact.computed(bare.columns, every, of_event, beam)
    full = tracks.Tracks(bare.offsets, {**bare.columns, **stored}, bare.unit_of)
    computed = build(event._replace(tracks=bare), MUON, beam)
    taken = build(event._replace(tracks=full), MUON)
    for field in ("offsets", "rows", "values"):
        np.testing.assert_array_equal(getattr(computed, field), getattr(taken, field))


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_order_of_leptons_permutes_the_result(make: Callable[..., Any], seed: int) -> None:
    event = make(seed, track=20.0)
    ends = event.leptons.offsets
    rng = np.random.default_rng(seed)
    order = np.concatenate(
        [rng.permutation(np.arange(*ends[i : i + 2])) for i in range(len(ends) - 1)]
    ).astype(int)
    eta, phi = event.leptons.eta[order], event.leptons.phi[order]
    moved = event._replace(
        leptons=Directions(ends, phi, eta=eta), own=(event.own[0], event.own[1][order])
    )
    plain, found = build(event, MUON), build(moved, MUON)
    for new, old in enumerate(order):
        left, right = (slice(*f.offsets[k : k + 2]) for f, k in ((found, new), (plain, old)))
        np.testing.assert_array_equal(found.rows[left], plain.rows[right])
        np.testing.assert_array_equal(found.values[left], plain.values[right])


def test_units_means_and_defaults_of_the_card(make: Callable[..., Any]) -> None:
    event = make(14, n_event=20, track=30.0)
    event.tracks.columns["btagIp_z0SinTheta"][::3] = np.nan
    default = {"default": 7.0, "default_source": "ours"}
    wanted = (
        Input(feature="qOverP", unit="1/GeV"),
        Input(feature="btagIp_d0", unit="um", mean=100.0, std=50.0),
        Input(feature="numberOfSCTHits", mean=8.0, std=2.0),
        Input(feature="btagIp_z0SinTheta", unit="mm", **default),
        Input(feature="dr_lepton", mean=0.2, std=0.1),
    )
    found = build(event, wanted)
    of = {name: values[found.rows].astype(float) for name, values in event.tracks.columns.items()}
    z0 = of["btagIp_z0SinTheta"]
    plain = build(event, ELECTRON).values[:, 0]
    assert 0 < np.isnan(z0).sum() < len(z0)
    expected = [
        of["qOverP"] * 1000, (of["btagIp_d0"] * 1000 - 100) / 50, (of["numberOfSCTHits"] - 8) / 2,
        np.where(np.isnan(z0), 7.0, z0), (plain - 0.2) / 0.1,
    ]  # fmt: skip
    np.testing.assert_allclose(found.values, np.stack(expected, axis=1), rtol=1e-5, atol=1e-6)


def test_other_cuts_and_cones(make: Callable[..., Any]) -> None:
    event = make(15, n_event=20, track=30.0)
    arguments = (event.leptons, event.tracks, event.own)
    plain = tracks.neighbours(*arguments)
    wide = tracks.neighbours(*arguments, cone=0.8)
    loose = tracks.neighbours(*arguments, cuts=TrackCuts(max_shared_modules=9))
    for other in (wide, loose):
        assert set(zip(plain.pairs.leptons, plain.pairs.rows, strict=True)) < set(
            zip(other.pairs.leptons, other.pairs.rows, strict=True)
        )


def test_no_leptons_and_no_tracks(make: Callable[..., Any]) -> None:
    for event in (make(1, lepton=0.0), make(1, track=0.0), make(1, n_event=0)):
        found = build(event, MUON)
        assert found.values.shape == (0, 19)
        assert found.offsets.tolist() == [0] * (len(event.leptons.phi) + 1)


def test_needs_name_every_column_and_why(
    make: Callable[..., Any], without_stored: Callable[..., Any]
) -> None:
    event = make(1)
    features = [entry.feature for entry in MUON]
    stored = tracks.needs(features, event.tracks.columns)
    assert set(stored) == set(event.tracks.columns)
    assert stored["numberOfPixelSplitHits"] == "input numberOfPixelSplitHits"
    assert stored["numberOfSCTHoles"] == "the selection of tracks"
    assert stored["btagIp_d0"] == "the impact parameters of tracks"
    bare, _ = without_stored(1, event.tracks)
    computed = tracks.needs(features, bare.columns)
    assert set(computed) == set(bare.columns)
    assert computed["definingParametersCovMatrixOffDiag_z0_theta"] == stored["btagIp_d0"]


@pytest.mark.parametrize("change", ["beam", "events"])
def test_errors(make: Callable[..., Any], without_stored: Callable[..., Any], change: str) -> None:
    event = make(1)
    if change == "beam":
        event = event._replace(tracks=without_stored(1, event.tracks)[0])
        what = "no primary vertex and beam spot"
    else:
        event = event._replace(leptons=make(1, n_event=3).leptons)
        what = "leptons of 3 events and constituents of 12"
    with pytest.raises(BadInput, match=what):
        build(event, MUON)
