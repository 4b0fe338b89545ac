"""decorate() on plain events: what it gives, and what it says when it cannot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
import pytest

import lepid
from lepid import errors
from lepid.taggers import session

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES = REPOSITORY / "wp_tables" / "muon_plit"
PLIT = ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
POINTS = ("asPLIVefficiencyTight", "asPLIVefficiencyVeryTight", "asPLIVrejectionTight",
          "asPLIVrejectionVeryTight", "VeryLoose")  # fmt: skip
FRACTIONS = {"f_CF": 0.05, "f_PC": 0.1, "f_HF": 0.2, "f_LFEg": 0.3, "f_LFH": 0.4}


def with_column(events: Any, collection: str, name: str, values: Any) -> Any:
    return ak.with_field(events, ak.with_field(events[collection], values, name), collection)


def replaced(events: Any, collection: str, name: str, values: dict[int, float]) -> Any:
    """Events with other values at some flat places of a column."""
    column = events[collection, name]
    flat = ak.to_numpy(ak.flatten(column)).copy()
    for place, value in values.items():
        flat[place] = value
    return with_column(events, collection, name, ak.unflatten(flat, ak.num(column)))


def without(events: Any, collection: str, names: list[str]) -> Any:
    kept = events[collection]
    for name in names:
        kept = ak.without_field(kept, name)
    return ak.with_field(events, kept, collection)


def flat(record: Any, field: str) -> np.ndarray:
    return ak.to_numpy(ak.flatten(record[field]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_muon_plit_equals_its_slow_twin(make_events: Callable[..., Any], dtype: str) -> None:
    events = make_events(dtype=dtype)
    record = lepid.decorate(events, "muon_plit")["Muons", "muon_plit"]
    cuts = {
        f"R{run}PLIT{point}": correctionlib.CorrectionSet.from_file(
            str(TABLES / f"atlas-2025-04-25-run{run}.json")
        )[f"R{run}PLIT{point}"]
        for run in (2, 3)
        for point in POINTS
    }
    n_passed = 0
    for muons, results in zip(events["Muons"].to_list(), record.to_list(), strict=True):
        for muon, result in zip(muons, results, strict=True):
            value = math.log(muon[PLIT[0]] / muon[PLIT[1]])
            assert result["discriminant"] == pytest.approx(value, abs=1e-12)
            assert result["scored"] is True
            for name, cut in cuts.items():
                assert result[name] is (value > cut.evaluate(muon["pt"])), name
                n_passed += result[name]
    assert 20 < n_passed < 10 * ak.count(events["Muons", "pt"]) - 20


def test_result_has_the_names_of_the_card_and_the_dtype_of_the_file(events: Any) -> None:
    record = lepid.decorate(events, "muon_plit")["Muons", "muon_plit"]
    points = [f"R{run}PLIT{point}" for run in (2, 3) for point in POINTS]
    assert record.fields == ["pmuxpromp", "pnpxall", "discriminant", *points, "scored"]
    assert flat(record, "pmuxpromp").dtype == np.float32
    assert flat(record, "discriminant").dtype == np.float64
    assert flat(record, "scored").dtype == np.bool_
    np.testing.assert_array_equal(
        flat(record, "pmuxpromp"), ak.to_numpy(ak.flatten(events["Muons", PLIT[0]]))
    )


def test_electron_dnn_has_its_own_outputs_and_stored_decisions(events: Any) -> None:
    record = lepid.decorate(events, "electron_dnn")["Electrons", "electron_dnn"]
    assert record.fields == [
        *("pel", "pcf", "ppc", "phf", "ple", "plh", "D_CF", "D_CF_ratio", "Loose", "scored")
    ]
    ratio = flat(record, "pel").astype(float) / flat(record, "pcf")
    np.testing.assert_allclose(flat(record, "D_CF_ratio"), ratio, rtol=1e-12)
    np.testing.assert_allclose(flat(record, "D_CF"), np.log(ratio), rtol=1e-12)
    stored = ak.flatten(events["Electrons", "DFCommonElectronsDNNLoose"])
    assert flat(record, "Loose").tolist() == stored.to_list()


def test_input_is_left_as_it_was(events: Any) -> None:
    fields = {name: list(events[name].fields) for name in events.fields}
    before, attrs = events.to_list(), dict(events.attrs)
    decorated = lepid.decorate(events, truth=True)
    assert decorated is not events
    assert {name: list(events[name].fields) for name in events.fields} == fields
    assert events.to_list() == before
    assert dict(events.attrs) == attrs == {}


def test_inplace_changes_the_events_that_were_given(events: Any) -> None:
    apart = lepid.decorate(events, "muon_plit", truth=True)
    assert lepid.decorate(events, "muon_plit", truth=True, inplace=True) is events
    assert events["Muons"].to_list() == apart["Muons"].to_list()
    assert events.attrs["lepid"] == apart.attrs["lepid"]


def ntuple(events: Any) -> Any:
    """The muons as flat columns of a TopCPToolkit ntuple."""
    muons = events["Muons"]
    columns = {f"mu_{name}": muons[name] for name in muons.fields if name != "pt"}
    return ak.zip({"mu_pt_NOSYS": muons["pt"], **columns}, depth_limit=1)


def test_flat_columns_of_an_ntuple_become_a_collection(events: Any) -> None:
    flat_events = ntuple(events)
    decorated = lepid.decorate(flat_events, "muon_plit")
    expected = lepid.decorate(events, "muon_plit")["Muons", "muon_plit"]
    assert decorated["mu", "muon_plit"].to_list() == expected.to_list()
    assert "mu" not in flat_events.fields
    assert lepid.decorate(flat_events, "muon_plit", inplace=True) is flat_events
    assert flat_events["mu", "muon_plit"].to_list() == expected.to_list()


def test_an_error_leaves_the_events_of_inplace_alone(events: Any) -> None:
    bare = without(events, "Muons", ["truthType"])
    fields = {name: list(bare[name].fields) for name in bare.fields}
    with pytest.raises(errors.MissingColumns, match="truthType"):
        lepid.decorate(bare, ["electron_dnn", "muon_plit"], truth=True, inplace=True)
    assert {name: list(bare[name].fields) for name in bare.fields} == fields
    wrong = with_column(events, "Muons", "pt", events["Muons", "pt"] / 1e3)
    fields = {name: list(wrong[name].fields) for name in wrong.fields}
    with pytest.raises(errors.WrongUnits):
        lepid.decorate(wrong, ["electron_dnn", "muon_plit"], inplace=True)
    assert {name: list(wrong[name].fields) for name in wrong.fields} == fields


# --- where --------------------------------------------------------------------------------------


def test_masked_leptons_are_not_scored(events: Any) -> None:
    mask = events["Muons", "pt"] > 20e3
    whole = lepid.decorate(events, "muon_plit")["Muons", "muon_plit"]
    record = lepid.decorate(events, "muon_plit", where={"Muons": mask})["Muons", "muon_plit"]
    inside = ak.to_numpy(ak.flatten(mask))
    assert 10 < inside.sum() < len(inside) - 10
    np.testing.assert_array_equal(flat(record, "scored"), inside)
    for name in ("pmuxpromp", "pnpxall", "discriminant"):
        assert np.isnan(flat(record, name)[~inside]).all()
        np.testing.assert_array_equal(flat(record, name)[inside], flat(whole, name)[inside])
    for name in (field for field in record.fields if "PLIT" in field):
        assert not flat(record, name)[~inside].any()
        np.testing.assert_array_equal(flat(record, name)[inside], flat(whole, name)[inside])


def test_where_touches_only_its_collection(events: Any) -> None:
    mask = {"Muons": events["Muons", "pt"] > 1e9}
    decorated = lepid.decorate(events, ["muon_plit", "electron_dnn"], where=mask)
    assert not ak.any(decorated["Muons", "muon_plit", "scored"])
    assert ak.all(decorated["Electrons", "electron_dnn", "scored"])


def test_masked_leptons_stay_out_of_the_denominators(events: Any) -> None:
    mask = events["Muons", "pt"] > 20e3
    decorated = lepid.decorate(events, "muon_plit", where={"Muons": mask})
    table = lepid.measure(decorated, "muon_plit")
    assert sum(table.unscored.values()) == ak.sum(~mask)
    totals = [table.efficiency("R3PLITVeryLoose", name, by=()).total for name in table.classes]
    assert float(np.sum(totals)) == ak.sum(mask)


def test_none_in_a_mask_is_no(events: Any) -> None:
    pt = events["Muons", "pt"]
    holes = ak.mask(pt > 0, pt > 20e3)
    record = lepid.decorate(events, "muon_plit", where={"Muons": holes})["Muons", "muon_plit"]
    assert record["scored"].to_list() == (pt > 20e3).to_list()


@pytest.mark.parametrize(
    ("mask", "facts"),
    [
        (lambda e: ak.local_index(e["Muons", "pt"]), ["where['Muons']", "int64", "not indices"]),
        (lambda e: e["Muons", "eta"], ["where['Muons']", "float32", "true or false"]),
        (lambda e: np.ones(len(e), bool), ["where['Muons']", "ndarray", "awkward array"]),
        (lambda e: e["Electrons", "pt"] > 0, ["Muons", "different numbers of objects"]),
        (lambda e: ak.num(e["Muons"]) > 0, ["Muons", "different numbers of objects"]),
    ],
)
def test_a_mask_that_is_none_is_an_error(
    events: Any, mask: Callable[[Any], Any], facts: list[str]
) -> None:
    with pytest.raises(errors.BadInput) as caught:
        lepid.decorate(events, "muon_plit", where={"Muons": mask(events)})
    for fact in facts:
        assert fact in str(caught.value)


def test_where_for_an_unknown_collection_names_the_near_one(events: Any) -> None:
    with pytest.raises(errors.UnknownName) as caught:
        lepid.decorate(events, "muon_plit", where={"Muon": events["Muons", "pt"] > 0})
    assert caught.value.where == "where"
    assert "lepton collection 'Muon'" in caught.value.wrong
    assert caught.value.near == ("Muons",)


# --- fractions ----------------------------------------------------------------------------------


def d_el(electron: dict[str, Any], f: dict[str, float]) -> float:
    """Slow twin of D_el with five fractions, charge flips as signal."""
    score = {name: electron[f"DFCommonElectronsDNN_{name}"] for name in
             ("pel", "pcf", "ppc", "phf", "ple", "plh")}  # fmt: skip
    above = (1 - f["f_CF"]) * score["pel"] + f["f_CF"] * score["pcf"]
    below = f["f_PC"] * score["ppc"] + f["f_HF"] * score["phf"]
    below += f["f_LFEg"] * score["ple"] + f["f_LFH"] * score["plh"]
    return math.log(above / below)


def test_fractions_give_d_el(events: Any) -> None:
    given = {"electron_dnn": FRACTIONS}
    record = lepid.decorate(events, fractions=given)["Electrons", "electron_dnn"]
    expected = [d_el(electron, FRACTIONS) for electron in ak.flatten(events["Electrons"]).to_list()]
    np.testing.assert_allclose(flat(record, "D_el"), expected, rtol=1e-12)
    assert "D_el_cf_background" in record.fields


def test_fractions_per_eta_bin(events: Any) -> None:
    edges = [0.1, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, 2.47]
    steps = [0.01 * k for k in range(1, 11)]
    given = {"electron_dnn": {**FRACTIONS, "f_HF": steps}}
    record = lepid.decorate(events, "electron_dnn", fractions=given)["Electrons", "electron_dnn"]
    electrons = ak.flatten(events["Electrons"]).to_list()
    bins = [min(sum(abs(e["eta"]) >= edge for edge in edges), 9) for e in electrons]
    assert len(set(bins)) > 5
    expected = [
        d_el(e, {**FRACTIONS, "f_HF": steps[b]}) for e, b in zip(electrons, bins, strict=True)
    ]
    np.testing.assert_allclose(flat(record, "D_el"), expected, rtol=1e-12)


def test_without_fractions_the_report_says_why_d_el_is_absent(events: Any) -> None:
    decorated = lepid.decorate(events, "electron_dnn")
    assert "D_el" not in decorated["Electrons", "electron_dnn"].fields
    reasons = " ".join(decorated.attrs["lepid"]["electron_dnn"]["reasons"])
    assert "D_el" in reasons
    assert "f_LFH" in reasons


@pytest.mark.parametrize("taggers", [None, "electron_dnn"])
@pytest.mark.parametrize(
    ("fractions", "facts"),
    [
        ({"electron_dn": FRACTIONS}, ["no tagger 'electron_dn'", "near: electron_dnn"]),
        ({"electron_dnn": {"f_HFF": 0.1}}, ["no fraction 'f_HFF'", "f_HF"]),
        ({"electron_dnn": {"f_HF": [0.1, 0.2]}}, ["f_HF", "10 numbers", "[0.1, 0.2]"]),
        ({"electron_dnn": {"f_HF": math.nan}}, ["f_HF", "nan"]),
    ],
)
def test_wrong_fractions(
    events: Any, taggers: str | None, fractions: dict[str, Any], facts: list[str]
) -> None:
    with pytest.raises(lepid.LepidError) as caught:
        lepid.decorate(events, taggers, fractions=fractions)
    for fact in facts:
        assert fact in str(caught.value)


# --- which taggers, from which source -----------------------------------------------------------


def test_no_names_takes_what_the_events_can_feed_and_says_why_not_the_others(events: Any) -> None:
    notes = lepid.decorate(events).attrs["lepid"]
    done = [name for name, facts in notes.items() if "card" in facts]
    assert done == ["electron_dnn", "muon_plit"]
    assert set(notes) == set(lepid.list_taggers())
    assert "DFCommonElectronsLHLoose" in notes["electron_lh"]["left_out"]
    assert "ptvarcone30" in notes["muon_isolation"]["left_out"]
    assert "cms" in notes["cms_muon_mva_id"]["left_out"]


def test_names_with_missing_columns_are_one_error(events: Any) -> None:
    bare = without(events, "Muons", list(PLIT))
    bare = with_column(bare, "Muons", "PLIT_TPLTmu_pmuxprompt", bare["Muons", "pt"])
    with pytest.raises(errors.MissingColumns) as caught:
        lepid.decorate(bare, ["muon_plit", "electron_dnn", "electron_plit", "electron_lh"])
    text = str(caught.value)
    for fact in (*PLIT, "PLIT_PLITel_pelxpromp", "DFCommonElectronsLHVeryLoose", "muon_plit@stored",
                 "electron_plit@stored", "electron_lh@stored"):  # fmt: skip
        assert fact in text
    assert "PLIT_TPLTmu_pmuxprompt" in caught.value.near
    assert "DFCommonElectronsDNNLoose" in caught.value.near
    assert "events.Muons" in caught.value.where
    assert "events.Electrons" in caught.value.where


def test_a_name_that_does_not_exist_is_told_first(events: Any) -> None:
    with pytest.raises(errors.UnknownTagger) as caught:
        lepid.decorate(events, ["electron_lh", "muon_pli"])
    assert "no tagger 'muon_pli'" in str(caught.value)
    assert caught.value.near[:2] == ("muon_pliv", "muon_plit")


def test_an_unknown_network_names_those_of_the_tagger(events: Any) -> None:
    with pytest.raises(errors.UnknownTagger) as caught:
        lepid.decorate(events, "muon_plit@atlas-2025-04-25")
    assert "no network 'atlas-2025-04-25'" in str(caught.value)
    assert "atlas-2025-04-25-run3" in caught.value.near


@pytest.mark.parametrize("name", ["@stored", "muon_plit@"])
def test_half_a_name(events: Any, name: str) -> None:
    with pytest.raises(errors.BadInput, match="<tagger>@<network>"):
        lepid.decorate(events, name)


def test_two_networks_of_a_tagger_would_be_one_field(events: Any) -> None:
    with pytest.raises(errors.BadInput) as caught:
        lepid.decorate(events, ["muon_plit@stored", "muon_plit"])
    assert "muon_plit@stored, muon_plit would be the same field" in str(caught.value)


def test_the_same_name_twice_is_one(events: Any) -> None:
    decorated = lepid.decorate(events, ["muon_plit", "muon_plit"])
    assert list(decorated.attrs["lepid"]) == ["muon_plit"]


def test_a_tagger_of_a_missing_flavour(events: Any) -> None:
    muons = events[["Muons"]]
    with pytest.raises(errors.BadInput, match="no electron collection"):
        lepid.decorate(muons, "electron_dnn")
    notes = lepid.decorate(muons).attrs["lepid"]
    assert "no electron collection" in notes["electron_dnn"]["left_out"]
    assert "card" in notes["muon_plit"]


def test_unknown_source(events: Any) -> None:
    with pytest.raises(errors.UnknownName) as caught:
        lepid.decorate(events, "muon_plit", source="stord")  # type: ignore[arg-type]
    assert caught.value.near == ("stored",)


def own_scores(muon: dict[str, float]) -> list[float]:
    """Slow twin of the network of the tests."""
    x = [(muon["pt"] / 1e3 - 30) / 20, muon["eta"]]
    weights = [[0.7, -0.2], [0.3, 0.5]]
    z = [sum(x[i] * weights[i][k] for i in range(2)) for k in range(2)]
    return [math.exp(value) / sum(math.exp(other) for other in z) for value in z]


def test_a_network_of_ones_own_equals_its_slow_twin(
    events: Any, own_network: Callable[..., Path]
) -> None:
    own_network()
    decorated = lepid.decorate(events, "muon_own")
    facts = decorated.attrs["lepid"]["muon_own"]
    assert (facts["source"], facts["provider"], facts["card"]) == (
        "network",
        "cpu",
        "muon_own@mine",
    )
    n_passed = 0
    for muon in ak.flatten(decorated["Muons"]).to_list():
        result, inside = muon["muon_own"], 10e3 <= muon["pt"] <= 60e3
        assert result["scored"] is inside
        if not inside:
            assert math.isnan(result["signal"])
            assert math.isnan(result["discriminant"])
            assert result["Half"] is False
            continue
        signal, background = own_scores(muon)
        assert result["signal"] == pytest.approx(signal, abs=1e-6)
        value = math.log(signal / background)
        assert result["discriminant"] == pytest.approx(value, abs=1e-5)
        assert result["Half"] is (value > (0.5 if muon["pt"] >= 25e3 else 0.0))
        n_passed += result["Half"]
    assert n_passed > 5


def test_auto_prefers_stored_scores_and_network_does_not(
    events: Any, own_network: Callable[..., Path]
) -> None:
    folder = own_network()
    stored = folder.parent / "stored"
    stored.mkdir()
    text = (folder / "card.toml").read_text(encoding="utf-8").partition("[[networks]]")[0]
    text = text.replace('"mine"', '"stored"').replace('working_points = ["points.json"]', "")
    text = text.replace('node = "p"\nindex = 0', 'stored = ["own_signal"]')
    text = text.replace('node = "p"\nindex = 1', 'stored = ["own_background"]')
    (stored / "card.toml").write_text(text, encoding="utf-8")
    events = with_column(events, "Muons", "own_signal", events["Muons", "eta"] * 0 + 0.25)
    events = with_column(events, "Muons", "own_background", events["Muons", "eta"] * 0 + 0.75)
    for source in ("auto", "stored"):
        decorated = lepid.decorate(events, "muon_own", source=source)
        assert decorated.attrs["lepid"]["muon_own"]["source"] == "stored"
        assert ak.all(decorated["Muons", "muon_own", "signal"] == 0.25)
    decorated = lepid.decorate(events, "muon_own", source="network")
    assert decorated.attrs["lepid"]["muon_own"]["card"] == "muon_own@mine"
    assert not ak.any(decorated["Muons", "muon_own", "signal"] == 0.25)
    bare = without(events, "Muons", ["own_signal", "own_background"])
    assert lepid.decorate(bare, "muon_own").attrs["lepid"]["muon_own"]["source"] == "network"
    with pytest.raises(errors.MissingColumns, match="own_signal, own_background"):
        lepid.decorate(bare, "muon_own", source="stored")


def test_a_reference_network_runs_only_when_named(
    events: Any, own_network: Callable[..., Path]
) -> None:
    own_network("reference-x", reference=True)
    for taggers in (None, "muon_plit"):
        assert "muon_own" not in lepid.decorate(events, taggers)["Muons"].fields
    with pytest.raises(errors.BadInput, match="muon_own@reference-x"):
        lepid.decorate(events, "muon_own")
    decorated = lepid.decorate(events, "muon_own@reference-x")
    assert ak.any(decorated["Muons", "muon_own", "scored"])


def test_two_networks_that_could_run_have_to_be_named(
    events: Any, own_network: Callable[..., Path]
) -> None:
    own_network("one")
    own_network("two")
    with pytest.raises(errors.BadInput) as caught:
        lepid.decorate(events, "muon_own")
    assert "muon_own@one, muon_own@two" in str(caught.value)
    assert ak.any(lepid.decorate(events, "muon_own@two")["Muons", "muon_own", "scored"])


@pytest.mark.parametrize("taggers", [None, "muon_own"])
def test_cuda_that_was_asked_for_and_not_had_is_an_error(
    events: Any,
    own_network: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    taggers: str | None,
) -> None:
    own_network()
    monkeypatch.setattr(session, "has_device", lambda: False)
    with lepid.settings(provider="cuda"), pytest.raises(errors.ProviderUnavailable, match="cuda"):
        lepid.decorate(events, taggers)


def test_a_network_is_left_out_when_its_input_is_missing(
    events: Any, own_network: Callable[..., Path]
) -> None:
    own_network()
    bare = without(events, "Muons", ["eta"])
    assert "no column eta" in lepid.decorate(bare).attrs["lepid"]["muon_own"]["left_out"]
    with pytest.raises(errors.MissingColumns, match="no column eta"):
        lepid.decorate(bare, "muon_own")


# --- values that are none -----------------------------------------------------------------------


def test_a_lepton_without_a_stored_score_is_not_scored(events: Any) -> None:
    electrons = dict.fromkeys((0, 3), -999.0)
    broken = replaced(events, "Electrons", "DFCommonElectronsDNN_pel", electrons)
    given = {"electron_dnn": FRACTIONS}
    record = lepid.decorate(broken, "electron_dnn", fractions=given)["Electrons", "electron_dnn"]
    scored = flat(record, "scored")
    assert np.flatnonzero(~scored).tolist() == [0, 3]
    for name in ("pel", "plh", "D_el", "D_CF", "D_CF_ratio"):
        assert np.isnan(flat(record, name)[[0, 3]]).all(), name
        assert np.isfinite(np.delete(flat(record, name), [0, 3])).all(), name
    assert not flat(record, "Loose")[[0, 3]].any()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [PLIT[0], PLIT[1], "pt"])
def test_a_value_that_is_not_finite(events: Any, column: str, value: float) -> None:
    broken = replaced(events, "Muons", column, {2: value})
    decorated = lepid.decorate(broken, "muon_plit")
    record = decorated["Muons", "muon_plit"]
    assert np.flatnonzero(~flat(record, "scored")).tolist() == [2]
    assert math.isnan(flat(record, "discriminant")[2])
    assert not any(flat(record, name)[2] for name in record.fields if "PLIT" in name)
    assert sum(lepid.measure(decorated, "muon_plit").unscored.values()) == 1


def test_a_network_input_that_is_not_finite(events: Any, own_network: Callable[..., Path]) -> None:
    own_network()
    column = flat(events["Muons"], "pt")
    place = int(np.flatnonzero((column > 20e3) & (column < 50e3))[0])
    broken = replaced(events, "Muons", "eta", {place: math.nan})
    before = lepid.decorate(events, "muon_own")["Muons", "muon_own"]
    after = lepid.decorate(broken, "muon_own")["Muons", "muon_own"]
    assert flat(before, "scored")[place]
    assert not flat(after, "scored")[place]
    assert math.isnan(flat(after, "signal")[place])
    others = np.arange(len(column)) != place
    np.testing.assert_array_equal(flat(after, "signal")[others], flat(before, "signal")[others])


def test_zero_in_a_denominator_is_the_limit(events: Any) -> None:
    low = replaced(events, "Muons", PLIT[1], {0: 0.0})
    low = replaced(low, "Muons", PLIT[0], {1: 0.0})
    low = replaced(low, "Muons", PLIT[0], {2: 0.0})
    low = replaced(low, "Muons", PLIT[1], {2: 0.0})
    record = lepid.decorate(low, "muon_plit")["Muons", "muon_plit"]
    assert flat(record, "discriminant")[0] == math.inf
    assert flat(record, "discriminant")[1] == -math.inf
    assert math.isnan(flat(record, "discriminant")[2])
    assert flat(record, "R3PLITVeryLoose")[:3].tolist() == [True, False, False]


def test_stored_decisions_are_kept_without_scores(events: Any) -> None:
    names = [f"DFCommonElectronsDNN_{k}" for k in ("pel", "pcf", "ppc", "phf", "ple", "plh")]
    decorated = lepid.decorate(without(events, "Electrons", names), "electron_dnn")
    record = decorated["Electrons", "electron_dnn"]
    assert record.fields == ["Loose", "scored"]
    stored = events["Electrons", "DFCommonElectronsDNNLoose"]
    assert record["Loose"].to_list() == stored.to_list()
    assert ak.all(record["scored"])
    reasons = decorated.attrs["lepid"]["electron_dnn"]["reasons"]
    assert any("no scores" in reason and "DFCommonElectronsDNN_pel" in reason for reason in reasons)
    assert any("decisions not stored" in reason and "Medium" in reason for reason in reasons)


def test_a_decision_that_the_file_leaves_open_is_not_scored(events: Any) -> None:
    # ATLAS files store decisions as char.
    stored = ak.values_astype(events["Electrons", "DFCommonElectronsDNNLoose"], "int8")
    holes = ak.mask(stored, events["Electrons", "pt"] > 20e3)
    broken = with_column(events, "Electrons", "DFCommonElectronsDNNLoose", holes)
    record = lepid.decorate(broken, "electron_dnn")["Electrons", "electron_dnn"]
    assert record["scored"].to_list() == (events["Electrons", "pt"] > 20e3).to_list()
    assert ak.all(record["Loose"] == ak.fill_none(holes, 0))


def test_decorating_again_replaces(events: Any) -> None:
    mask = {"Muons": events["Muons", "pt"] > 20e3}
    twice = lepid.decorate(lepid.decorate(events, "muon_plit"), "muon_plit", where=mask)
    once = lepid.decorate(events, "muon_plit", where=mask)
    # NaN is not equal to itself; its text is.
    assert str(twice["Muons"].to_list()) == str(once["Muons"].to_list())
    assert list(twice.attrs["lepid"]) == ["muon_plit"]


def test_decorating_further_keeps_the_first(events: Any) -> None:
    both = lepid.decorate(lepid.decorate(events, "muon_plit"), "electron_dnn")
    assert list(both.attrs["lepid"]) == ["muon_plit", "electron_dnn"]
    assert "muon_plit" in both["Muons"].fields
    assert "electron_dnn" in both["Electrons"].fields


# --- events that are none -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zero events", "events without leptons"])
def test_empty_events(events: Any, kind: str, own_network: Callable[..., Path]) -> None:
    own_network()
    if kind == "zero events":
        empty = events[:0]
    else:
        none = {name: events[name][events[name, "pt"] < 0] for name in ("Electrons", "Muons")}
        empty = ak.zip({**none, "weight": events["weight"]}, depth_limit=1)
    fractions = {"electron_dnn": FRACTIONS}
    full = lepid.decorate(events, fractions=fractions, truth=True)
    decorated = lepid.decorate(empty, fractions=fractions, truth=True)
    assert len(decorated) == len(empty)
    for collection in ("Electrons", "Muons"):
        assert decorated[collection].fields == full[collection].fields
        for name in decorated[collection].fields:
            found, expected = (str(e[collection, name].type.content) for e in (decorated, full))
            assert found == expected
    assert lepid.measure(decorated, "muon_plit", weight="weight").populated == ()


def test_events_in_gev_are_not_taken_for_mev(events: Any) -> None:
    wrong = with_column(events, "Muons", "pt", events["Muons", "pt"] / 1e3)
    with pytest.raises(errors.WrongUnits) as caught:
        lepid.decorate(wrong, "muon_plit")
    text = str(caught.value)
    assert "events.Muons['pt']" in text
    assert "read in MeV, the unit of schema 'physlite'" in text
    low, high = ak.min(wrong["Muons", "pt"]), ak.max(wrong["Muons", "pt"])
    assert f"from {low:.6g} to {high:.6g}" in text
    assert "do:" in text


def test_events_in_mev_are_not_taken_for_gev(events: Any) -> None:
    muons = events["Muons"]
    wrong = ak.zip({"Muon": ak.with_field(muons, muons["eta"] * 0 + 0.9, "mvaMuID")}, depth_limit=1)
    with pytest.raises(errors.WrongUnits) as caught:
        lepid.decorate(with_column(wrong, "Muon", "pt", muons["pt"] * 10), "cms_muon_mva_id")
    assert "read in GeV, the unit of schema 'nanoaod'" in str(caught.value)


def test_schema_overrules_the_names(events: Any) -> None:
    gev = with_column(events, "Muons", "pt", events["Muons", "pt"] / 1e3)
    assert ak.any(lepid.decorate(gev, "muon_plit", schema="plain")["Muons", "muon_plit", "scored"])
    with pytest.raises(errors.UnknownName, match="no schema 'plian'") as caught:
        lepid.decorate(gev, "muon_plit", schema="plian")
    assert caught.value.near == ("plain",)


def test_ambiguous_events_need_a_schema(events: Any) -> None:
    both = ak.with_field(events, events["Muons"], "Muon")
    with pytest.raises(errors.AmbiguousSchema) as caught:
        lepid.decorate(both, "muon_plit")
    assert "physlite (Electrons, Muons)" in str(caught.value)
    assert "nanoaod (Muon)" in str(caught.value)
    decorated = lepid.decorate(both, "muon_plit", schema="physlite")
    assert "muon_plit" in decorated["Muons"].fields
    assert "muon_plit" not in decorated["Muon"].fields


def test_events_without_leptons_collections(events: Any) -> None:
    jets = ak.zip({"Jets": events["Muons"]}, depth_limit=1)
    with pytest.raises(errors.UnknownSchema, match="Jets"):
        lepid.decorate(jets)


@pytest.mark.parametrize("what", [[1, 2], {"Muons": 1}, ak.Array([1.0, 2.0]), None])
def test_what_is_no_array_of_records(what: Any) -> None:
    with pytest.raises(errors.BadInput, match="expected an array of records"):
        lepid.decorate(what)


# --- truth and notes ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", [True, "iff", "dnn"])
def test_truth_is_attached(events: Any, scheme: bool | str) -> None:
    decorated = lepid.decorate(events, "muon_plit", truth=scheme)
    name = "iff" if scheme is True else str(scheme)
    expected = lepid.truth(events, "Electrons", name)
    assert decorated["Electrons", f"truth_{name}"].to_list() == expected.to_list()
    assert (f"truth_{name}" in decorated["Muons"].fields) is (name == "iff")


def test_truth_that_no_lepton_can_have(events: Any) -> None:
    with pytest.raises(errors.BadInput, match="'dnn' has classes for electrons"):
        lepid.decorate(events[["Muons"]], "muon_plit", truth="dnn")
    with pytest.raises(errors.UnknownName, match="no truth scheme 'ifff'") as caught:
        lepid.decorate(events, "muon_plit", truth="ifff")
    assert caught.value.near == ("iff",)


def test_notes_are_plain_values(events: Any, own_network: Callable[..., Path]) -> None:
    own_network()
    notes = lepid.decorate(events, fractions={"electron_dnn": FRACTIONS}).attrs["lepid"]
    assert json.loads(json.dumps(notes)) == notes
    facts = notes["electron_dnn"]
    assert facts["card"] == "electron_dnn@stored"
    assert facts["collection"] == "Electrons"
    assert facts["schema"] == "physlite"
    assert facts["working_points"] == ["Loose"]
    assert facts["fractions"]["f_HF"] == [0.2]
    assert len(notes["muon_own"]["sha256"][0]) == 64
