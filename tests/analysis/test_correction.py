"""correct(): values beside plain Python, every kind of events, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward as dak
import numpy as np
import pytest

import lepid
from lepid.errors import BadInput, BadTable, MissingColumns, UnknownName
from lepid.features import column_corrections
from lepid.features.column_corrections import Correction, Rules
from lepid.tables import binning, correction

EDGES, SHIFTS, STRETCHES = [0.0, 1.37, 2.47], [0.01, -0.02], [1.1, 0.9]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Shift and stretch of Reta in |eta| of the cluster, shift of f1 in E_T."""
    path = tmp_path / "fudge.json"
    axis = {"abseta": "|eta|"}
    entries = [
        correction("shift", "", axis, ("s", ""), binning("abseta", EDGES, SHIFTS)),
        correction("stretch", "", axis, ("s", ""), binning("abseta", EDGES, STRETCHES)),
        correction("f1", "", {"et": "E_T [GeV]"}, ("s", ""), binning("et", [0, 20, 99], [0.5, 2])),
    ]
    rules = Rules(
        corrected={
            "Reta": Correction(shift="shift", stretch="stretch"),
            "f1": Correction(shift="f1"),
        },
        inputs={"abseta": "abseta_calo", "et": "et"},
    )
    column_corrections.write(path, "d", rules, entries)
    return path


def test_values_beside_plain_python(reference_events: Any, table: Path) -> None:
    found = lepid.correct(reference_events, "Electrons", table)
    electrons = found["Electrons"]
    assert (
        electrons["Reta_uncorrected"].to_list() == reference_events["Electrons", "Reta"].to_list()
    )
    assert electrons["Reta"].type == reference_events["Electrons", "Reta"].type
    number = 0
    for before, after in zip(reference_events.to_list(), found.to_list(), strict=True):
        for e, corrected in zip(before["Electrons"], after["Electrons"], strict=True):
            links = (e["caloClusterLinks"], e["trackParticleLinks"])
            cluster, track = ((x[0] if isinstance(x, list) else x)["m_persIndex"] for x in links)
            eta = abs(before["egammaClusters"][cluster]["calEta"])
            theta = before["GSFTrackParticles"][track]["theta"]
            et = before["egammaClusters"][cluster]["calE"] * np.sin(theta) / 1000
            place = 0 if eta < 1.37 else 1
            expected = STRETCHES[place] * e["Reta"] + SHIFTS[place]
            assert corrected["Reta"] == pytest.approx(expected, rel=1e-6)
            shift = 0.5 if et < 20 else 2
            assert corrected["f1"] == pytest.approx(e["f1"] + shift, rel=1e-6)
            assert corrected["Rphi"] == e["Rphi"]
            number += 1
    assert number > 50
    assert "Reta_uncorrected" not in reference_events["Electrons"].fields


@pytest.mark.parametrize("mode", ["dask", "virtual"])
def test_other_kinds_of_events(
    reference_events: Any, reference_sample: Path, table: Path, mode: str
) -> None:
    expected = lepid.correct(reference_events, "Electrons", table)["Electrons"]
    if mode == "dask":
        events = lepid.correct(dak.from_awkward(reference_events, 2), "Electrons", str(table))
        found = events["Electrons"].compute()
    else:
        opened = lepid.open(reference_sample, entry_stop=80)
        found = lepid.correct(opened, "Electrons", table)["Electrons"]
    for name in ("Reta", "Reta_uncorrected", "f1", "pt"):
        assert found[name].to_list() == expected[name].to_list()


def test_an_electron_without_a_cluster_has_no_corrected_value(
    reference_events: Any, table: Path
) -> None:
    electrons = reference_events["Electrons"]
    links = electrons["caloClusterLinks"]
    lost = ak.zip({name: links[name] * 0 for name in links.fields})
    events = ak.with_field(
        reference_events, ak.with_field(electrons, lost, "caloClusterLinks"), "Electrons"
    )
    found = lepid.correct(events, "Electrons", table)["Electrons"]
    assert ak.all(np.isnan(found["Reta"]))
    assert not ak.any(np.isnan(found["Reta_uncorrected"]))


def test_the_report_names_it(
    reference_events: Any, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lepid.correct(reference_events, "Electrons", table)
    lepid.report(found)
    lines = capsys.readouterr().out.splitlines()
    noted = found.attrs["lepid"]["correction of Electrons by fudge.json"]
    assert lines[0] == "correction of Electrons by fudge.json: Reta, f1"
    assert lines[1] == f"  sha256: {noted['sha256'][:16]}"
    assert noted["corrected"] == ["Reta", "f1"]
    decorated = lepid.decorate(found, "electron_isolation")
    assert {*found.attrs["lepid"], "electron_isolation"} == set(decorated.attrs["lepid"])


@pytest.mark.parametrize("dask", [False, True])
def test_nothing_is_corrected_twice(reference_events: Any, table: Path, dask: bool) -> None:
    events = dak.from_awkward(reference_events, 2) if dask else reference_events
    once = lepid.correct(events, "Electrons", table)
    with pytest.raises(BadInput) as caught:
        lepid.correct(once, "Electrons", table)
    assert "Reta, f1 is corrected already: Reta_uncorrected is there" in str(caught.value)


def test_nothing_is_corrected_behind_the_back_of_a_network(
    reference_events: Any, table: Path, plit_network: Any
) -> None:
    plit_network("electron")
    plit_network("muon")
    muons = lepid.decorate(reference_events, "muon_plit@small")
    assert "Reta_uncorrected" in lepid.correct(muons, "Electrons", table)["Electrons"].fields
    decorated = lepid.decorate(reference_events, "electron_plit@small")
    with pytest.raises(BadInput, match="electron_plit ran on the uncorrected columns") as caught:
        lepid.correct(decorated, "Electrons", table)
    assert caught.value.do == "correct first, then decorate"


def test_what_is_missing_is_listed(reference_events: Any, table: Path, tmp_path: Path) -> None:
    electrons = reference_events["Electrons"]
    kept = [name for name in electrons.fields if name not in ("Reta", "trackParticleLinks")]
    events = ak.with_field(reference_events, electrons[kept], "Electrons")
    with pytest.raises(MissingColumns, match="Reta, trackParticleLinks"):
        lepid.correct(events, "Electrons", table)
    with pytest.raises(UnknownName, match="no lepton collection 'Electron'"):
        lepid.correct(reference_events, "Electron", table)
    with pytest.raises(BadTable, match="cannot be read"):
        lepid.correct(reference_events, "Electrons", tmp_path / "none.json")


def test_columns_of_tracks_are_refused(reference_events: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    node = binning("abseta", EDGES, SHIFTS)
    entry = correction("s", "", {"abseta": ""}, ("s", ""), node)
    rules = Rules(
        corrected={"trackParticleLinks.d0": Correction(shift="s")}, inputs={"abseta": "abseta"}
    )
    column_corrections.write(path, "d", rules, [entry])
    with pytest.raises(BadInput, match=r"trackParticleLinks\.d0 belongs to what the leptons link"):
        lepid.correct(reference_events, "Electrons", path)


def test_lengths_in_the_unit_of_the_file(tmp_path: Path) -> None:
    """A shift of 1 mm is 0.1 in NanoAOD, which has centimetres."""
    path = tmp_path / "t.json"
    entry = correction("s", "", {"abseta": ""}, ("s", "[mm]"), binning("abseta", EDGES, [1, 2]))
    rules = Rules(corrected={"dxy": Correction(shift="s")}, inputs={"abseta": "abseta"})
    column_corrections.write(path, "d", rules, [entry])
    leptons = {"pt": [[20.0]], "eta": [[-2.0]], "dxy": [[0.5]]}
    events = ak.zip({"Electron": ak.zip(leptons)}, depth_limit=1)
    found = lepid.correct(events, "Electron", path)
    assert found["Electron", "dxy"].to_list() == [[pytest.approx(0.7, rel=1e-14)]]
