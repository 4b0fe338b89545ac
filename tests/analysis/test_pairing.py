"""Pairs of the real electrons of a NanoAOD file, and the errors of selections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.analysis.selection import Condition, parse
from lepid.efficiency.tag_and_probe.bins import Method
from lepid.errors import BadInput, MissingColumns

TAGGER, TAG = "cms_electron_mva_iso", "pt > 32 and cutBased == 4"


@pytest.fixture(scope="module")
def events(real_data: Path) -> Any:
    return lepid.decorate(lepid.open(real_data / "root" / "egammatnp_DYto2E.root"), TAGGER)


@pytest.mark.real
def test_pairs_against_loops(events: Any) -> None:
    table = lepid.tag_and_probe(events, TAGGER, tag=TAG, probe="pt > 10")
    slow = {True: 0, False: 0}
    for event in ak.to_list(events["Electron"][["pt", "eta", "phi", "cutBased", "mvaIso_WP80"]]):
        for i, tag in enumerate(event):
            for j, probe in enumerate(event):
                if i == j or not (tag["pt"] > 32 and tag["cutBased"] == 4 and probe["pt"] > 10):
                    continue
                apart = np.cosh(tag["eta"] - probe["eta"]) - np.cos(tag["phi"] - probe["phi"])
                mass = np.sqrt(2 * tag["pt"] * probe["pt"] * apart)
                inside = probe["pt"] < 100 and abs(probe["eta"]) < 2.5
                if 50 <= mass < 130 and inside:
                    slow[probe["mvaIso_WP80"]] += 1
    found = table.values[0, table.working_points.index("WP80")].sum(axis=(1, 2, 3, 4))
    assert found.sum() > 1000
    assert found.tolist() == [slow[False], slow[True]]


@pytest.mark.real
def test_real_electrons_inclusive_and_in_four_bins(events: Any) -> None:
    table = lepid.tag_and_probe(
        events, TAGGER, tag=TAG, probe="pt > 10",
        pt_edges=(10, 40, 200), abseta_edges=(0, 1.479, 2.5),
    )  # fmt: skip
    whole = lepid.probe_efficiency(table, "WP80", inclusive=True)
    # The point is made to pass 80 % of prompt electrons of simulation, before the selection.
    assert 0.85 < whole.low < whole.value < whole.high < 0.95
    counted = lepid.probe_efficiency(table, "WP80", method=Method("sidebands"), inclusive=True)
    assert abs(whole.value - counted.value) < 0.02
    parts = lepid.probe_efficiency(table, "WP80")
    assert parts.shape == (2, 2)
    assert {one.how.partition(":")[0] for one in parts.bins} <= {"fit", "count"}


@pytest.mark.real
def test_errors(events: Any) -> None:
    with pytest.raises(MissingColumns, match="cutBasd"):
        lepid.tag_and_probe(events, TAGGER, tag="cutBasd == 4")
    with pytest.raises(MissingColumns, match="WP85"):
        lepid.tag_and_probe(events, TAGGER, tag=f"{TAGGER}.WP85")
    with pytest.raises(BadInput, match="not decorated"):
        lepid.tag_and_probe(events, "muon_plit", tag="pt > 30")
    with pytest.raises(BadInput, match="not decorated"):
        lepid.tag_and_probe(events, TAGGER, tag="muon_plit.Tight")


def test_selections() -> None:
    assert parse("pt > 30 and not isEB and a.b") == (
        Condition("pt", ">", 30.0),
        Condition("isEB", negated=True),
        Condition("a.b"),
    )
    assert parse(" ") == ()
    for text in ("pt >", "pt > x", "30 < pt", "pt > 3 or eta < 2", "and"):
        with pytest.raises(BadInput, match="is no requirement"):
            parse(text)
