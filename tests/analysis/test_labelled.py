"""Flat columns of labelled leptons against the columns of the events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.analysis.labelled import Asked, read

COLUMNS = ("<discriminant>", "<pt>", "<abseta>", "<truth>", "<scored>", "<weight>")


def asked(**changes: Any) -> Asked:
    options: dict[str, Any] = {
        "tagger": "muon_plit", "quantities": ("discriminant",), "scheme": None, "weight": None,
        "like": {}, "axes": ("pt", "abseta"), "schema": None,
    }  # fmt: skip
    return Asked(**(options | changes))


@pytest.fixture(scope="module")
def decorated(phys_sample: Path) -> Any:
    return lepid.decorate(lepid.open(phys_sample), ["muon_plit", "muon_isolation"])


def test_columns_are_those_of_the_events(decorated: Any) -> None:
    found = read(decorated, asked(like={"I": ("muon_isolation", "Tight_VarRad")}))
    muons = ak.flatten(decorated["Muons"])
    np.testing.assert_array_equal(
        found.column("<discriminant>"), ak.to_numpy(muons["muon_plit", "discriminant"])
    )
    np.testing.assert_allclose(found.column("<pt>"), ak.to_numpy(muons["pt"]) / 1e3, rtol=1e-6)
    np.testing.assert_array_equal(found.column("<abseta>"), np.abs(ak.to_numpy(muons["eta"])))
    np.testing.assert_array_equal(
        found.column("<truth>"), ak.to_numpy(ak.flatten(lepid.truth(decorated, "Muons")))
    )
    np.testing.assert_array_equal(
        found.column("<muon_isolation.Tight_VarRad>"),
        ak.to_numpy(muons["muon_isolation", "Tight_VarRad"]),
    )
    assert (found.column("<weight>") == 1).all()
    assert found.scheme == "iff"


def test_chunks_are_one_after_the_other(decorated: Any) -> None:
    whole = read(decorated, asked())
    parts = read([decorated[:700], decorated[700:700], decorated[700:]], asked())
    for name in COLUMNS:
        np.testing.assert_array_equal(whole.column(name), parts.column(name))


def test_quantities_with_a_unit_are_in_that_of_the_card(decorated: Any) -> None:
    some = asked(tagger="muon_isolation", quantities=("topoetcone20",))
    found = read(decorated, some).column("<topoetcone20>")
    raw = ak.to_numpy(ak.flatten(decorated["Muons", "muon_isolation", "topoetcone20"]))
    np.testing.assert_array_equal(found, raw)


def test_dask_events_are_refused() -> None:
    class Fake:
        fields = ("Muons",)

    Fake.__module__ = "dask_awkward.lib"
    with pytest.raises(lepid.LepidError, match="dask events hold no values yet"):
        read(Fake(), asked())


def test_bins_in_another_feature(decorated: Any) -> None:
    found = read(decorated, asked(axes=("pt", "eta")))
    np.testing.assert_array_equal(
        found.column("<abseta>"), ak.to_numpy(ak.flatten(decorated["Muons", "eta"]))
    )
