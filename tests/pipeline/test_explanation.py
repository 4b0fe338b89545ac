"""What requirements are called; the rest is in pipeline/test_electron_inputs.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward as dak
import numpy as np
import pytest

import lepid
from lepid.analysis.explanation import names
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.working_points.table import Requirement


def requirement(quantity: str, sense: Any, correction: str) -> Requirement:
    return Requirement(correction=correction, quantity=quantity, sense=sense)


def test_a_quantity_that_is_compared_twice_has_sense_and_correction() -> None:
    several = [requirement("D", ">", "a"), requirement("pt", ">", "b"), requirement("D", "<", "c")]
    assert names(several) == ["D > a", "pt", "D < c"]
    assert names(several[:2]) == ["D", "pt"]


def test_stored_scores(events: Any) -> None:
    decorated = lepid.decorate(events, "muon_plit")
    record = decorated["Muons", "muon_plit"]
    for point in ("R3PLITVeryLoose", "R2PLITasPLIVefficiencyTight"):
        why = lepid.explain(decorated, "muon_plit", point)
        assert why["discriminant"].to_list() == record[point].to_list()
        assert (why["failed"] == "discriminant").to_list() == (~record[point]).to_list()
        failed = ~record[point]
        assert why["value"][failed].to_list() == record["discriminant"][failed].to_list()
        # A point is strict: a muon at the cut fails.
        assert ak.all(why["cut"][failed] >= why["value"][failed])
        assert ak.all(np.isnan(why["cut"][~failed]))


def test_a_mask(events: Any) -> None:
    mask = events["Muons", "pt"] > 20e3
    decorated = lepid.decorate(events, "muon_plit", where={"Muons": mask})
    why = lepid.explain(decorated, "muon_plit", "R3PLITVeryLoose")
    assert (why["failed"] == "not scored").to_list() == (~mask).to_list()


def test_no_leptons(events: Any) -> None:
    decorated = lepid.decorate(events[:0], "muon_plit")
    assert lepid.explain(decorated, "muon_plit", "R3PLITVeryLoose").to_list() == []


def test_a_decision_of_the_card_that_was_not_taken(
    events: Any, own_network: Callable[..., Path]
) -> None:
    folder = own_network()
    card = folder / "card.toml"
    decision = '[[decisions]]\nname = "Stored"\nstored = ["stored_bit"]\n\n[[networks]]'
    card.write_text(card.read_text().replace("[[networks]]", decision))
    decorated = lepid.decorate(events, "muon_own", source="network")
    with pytest.raises(UnknownWorkingPoint, match="no working point 'Stored'"):
        lepid.explain(decorated, "muon_own", "Stored")


# --- masks beside stored decisions --------------------------------------------------------------

BITS = ["kinematic", "NSCT", "NPixel", "NBlayer", "ambiguity", "passMVA"]
LH_BITS = [
    "kinematic", "NSilicon", "NPixel", "NBlayer", "ambiguity", "passLH", "TrackA0",
    "TrackMatchEta", "TrackMatchPhiRes", "WstotAtHighET", "EoverPAtHighET",
]  # fmt: skip
TAGGERS = {"electron_dnn": ("DFCommonElectronsDNNLoose", BITS),
           "electron_lh": ("DFCommonElectronsLHLoose", LH_BITS)}  # fmt: skip


def with_masks(events: Any, tagger: str, seed: int = 3, **columns: Any) -> Any:
    """Electrons with a mask for each, zero for every third, and the decision that it means."""
    column, names = TAGGERS[tagger]
    electrons = events["Electrons"]
    rng = np.random.default_rng(seed)
    n = int(ak.count(electrons["pt"]))
    masks = rng.integers(0, 1 << len(names), n).astype(np.uint32)
    masks[::3] = 0
    made = {f"{column}IsEMValue": masks, column: (masks == 0).astype(np.int8), **columns}
    for name, values in made.items():
        jagged = ak.unflatten(np.resize(values, n), ak.num(electrons["pt"]))
        electrons = ak.with_field(electrons, jagged, name)
    return ak.with_field(events, electrons, "Electrons")


def slow(mask: int, names: list[str]) -> dict[str, Any]:
    passed = {name: f"{mask:032b}"[31 - bit] == "0" for bit, name in enumerate(names)}
    return {**passed, "failed": next((name for name in names if not passed[name]), "")}


@pytest.mark.parametrize("mode", ["eager", "dask", "file"])
@pytest.mark.parametrize("tagger", TAGGERS)
def test_the_bits_of_a_mask(events: Any, tagger: str, mode: str, tmp_path: Path) -> None:
    column, names = TAGGERS[tagger]
    given = with_masks(events, tagger)
    masks = ak.flatten(given["Electrons", f"{column}IsEMValue"]).to_list()
    if mode == "dask":
        given = dak.from_awkward(given, 3)
    elif mode == "file":
        ak.to_parquet(given, tmp_path / "events.parquet")
        given = lepid.open(tmp_path / "events.parquet")
    decorated = lepid.decorate(given, tagger, source="stored")
    why = lepid.explain(decorated, tagger, "Loose")
    found = ak.flatten(why.compute() if mode == "dask" else why)
    assert found.fields == [*names, "failed", "value", "cut"]
    for k, mask in enumerate(masks):
        record = {name: found[k, name] for name in (*names, "failed")}
        assert record == slow(mask, names)
    assert set(found["failed"].to_list()) > {"", "kinematic", "NPixel"}
    assert np.isnan(ak.to_numpy(found["value"])).all()
    assert np.isnan(ak.to_numpy(found["cut"])).all()


def test_release_21_has_a_bit_for_conversions(events: Any) -> None:
    given = with_masks(events, "electron_lh")
    isolation = given["Electrons", "pt"]
    old = ak.with_field(given["Electrons"], isolation, "ptvarcone30_TightTTVA_pt1000")
    decorated = lepid.decorate(ak.with_field(given, old, "Electrons"), "electron_lh")
    why = lepid.explain(decorated, "electron_lh", "Loose")
    names = [*LH_BITS[:4], "conversion", *LH_BITS[4:]]
    assert why.fields[: len(names)] == names
    masks = ak.flatten(given["Electrons", "DFCommonElectronsLHLooseIsEMValue"]).to_list()
    failed = ak.flatten(why["failed"]).to_list()
    assert failed == [slow(mask, names)["failed"] for mask in masks]


def test_an_electron_without_a_decision_is_not_explained_by_its_mask(events: Any) -> None:
    given = with_masks(events, "electron_dnn")
    where = given["Electrons", "pt"] > 20e3
    decorated = lepid.decorate(given, "electron_dnn", where={"Electrons": where})
    why = lepid.explain(decorated, "electron_dnn", "Loose")
    assert (why["failed"] == "not scored").to_list() == (~where).to_list()
    assert not ak.any(why["kinematic"][~where])
    mask = ak.mask(given["Electrons", "DFCommonElectronsDNNLooseIsEMValue"], where)
    electrons = ak.with_field(given["Electrons"], mask, "DFCommonElectronsDNNLooseIsEMValue")
    decorated = lepid.decorate(ak.with_field(given, electrons, "Electrons"), "electron_dnn")
    why = lepid.explain(decorated, "electron_dnn", "Loose")
    assert (why["failed"] == "not scored").to_list() == (~where).to_list()


@pytest.mark.parametrize(
    ("column", "value", "facts"),
    [
        ("DFCommonElectronsDNNLoose", 1, ["contradicts Loose, which is True"]),
        ("DFCommonElectronsDNNLoose", 0, ["0b0 contradicts Loose, which is False"]),
        ("DFCommonElectronsDNNLooseIsEMValue", 64, ["0b1000000 has more bits than the 6"]),
        ("DFCommonElectronsDNNLooseIsEMValue", 2**31, ["more bits"]),
    ],
)
def test_a_mask_that_cannot_be(events: Any, column: str, value: int, facts: list[str]) -> None:
    given = with_masks(events, "electron_dnn", **{column: np.array([value], np.uint32)})
    decorated = lepid.decorate(given, "electron_dnn")
    with pytest.raises(BadInput) as caught:
        lepid.explain(decorated, "electron_dnn", "Loose")
    assert "events.Electrons['DFCommonElectronsDNNLooseIsEMValue']" in str(caught.value)
    assert all(fact in str(caught.value) for fact in facts), str(caught.value)
    n = int(ak.count(given["Electrons", "pt"]))
    assert f"of {n} leptons" in str(caught.value)
