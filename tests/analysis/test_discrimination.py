"""roc(): decorated events against the flat columns of the same leptons; chunks add up exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.efficiency.roc.curves import roc
from lepid.errors import BadInput, UnknownName

SIGNAL, BACKGROUND = "PromptMuon", ["BHadronDecay", "CHadronDecay", "LightFlavorDecay"]
CODES = {"BHadronDecay": 8, "CHadronDecay": 9, "LightFlavorDecay": 10}


@pytest.fixture(scope="module")
def decorated(phys_sample: Path) -> Any:
    events = lepid.decorate(lepid.open(phys_sample), "muon_plit", truth=True)
    n = len(events)
    events["w"] = np.random.default_rng(1).uniform(0.5, 1.5, n)
    events["mu"] = np.random.default_rng(2).uniform(10.0, 60.0, n)
    return events


def sample(events: Any, **options: Any) -> Any:
    return lepid.roc(
        events, "muon_plit", **({"signal": SIGNAL, "background": BACKGROUND} | options)
    )


def test_the_curve_is_that_of_the_columns(decorated: Any) -> None:
    muons = ak.flatten(decorated["Muons"])
    score = ak.to_numpy(muons["muon_plit", "discriminant"])
    truth = ak.to_numpy(muons["truth_iff"])
    found = sample(decorated)
    for names in (BACKGROUND, ["BHadronDecay"]):
        keep = np.isin(truth, [4, *(CODES[name] for name in names)])
        expected = roc(score[keep], truth[keep] == 4)
        assert found.curve(names).area == expected.area
        np.testing.assert_array_equal(found.curve(names).at([0.8]).low, expected.at([0.8]).low)
    weighted = sample(decorated, weight="w")
    weight = ak.to_numpy(
        ak.flatten(ak.broadcast_arrays(decorated["w"], decorated["Muons"]["pt"])[0])
    )
    keep = np.isin(truth, [4, 8, 9, 10])
    assert weighted.curve().area == roc(score[keep], truth[keep] == 4, weight[keep]).area


def test_what_is_smaller_for_signal_is_turned_round(
    decorated: Any, reference_sample: Path, phys_sample: Path
) -> None:
    plain, turned = sample(decorated), sample(decorated, sense="<")
    assert (plain.quantity, turned.quantity) == ("discriminant", "-discriminant")
    np.testing.assert_array_equal(turned.column("score"), -plain.column("score"))
    assert turned.curve().area.value == pytest.approx(1.0 - plain.curve().area.value)
    # The points of PLIV cut from above, on the output that its discriminant is.
    tagger = "muon_pliv@reference"
    events = lepid.decorate(lepid.open(reference_sample), tagger)
    for quantity in ("score", "discriminant"):
        found = lepid.roc(events, tagger, signal=SIGNAL, quantity=quantity)
        assert found.quantity == f"-{quantity}"
        assert found.curve().area.value > 0.9
        kept = lepid.roc(events, tagger, signal=SIGNAL, quantity=quantity, sense=">")
        assert kept.curve().area.value < 0.1
    with pytest.raises(UnknownName, match=r"no sense '<='"):
        sample(decorated, sense="<=")


def test_chunks_add_up_exactly_in_any_order(decorated: Any) -> None:
    whole = sample(decorated, weight="w", pileup="mu")
    parts = [
        sample(events, weight="w", pileup="mu", origin=name)
        for events, name in (
            (decorated[:900], "a"),
            (decorated[900:2500], "b"),
            (decorated[2500:], "c"),
        )
    ]
    for merged in (parts[0] + parts[1] + parts[2], parts[2] + (parts[0] + parts[1])):
        assert merged.curve().area == whole.curve().area
        one, other = merged.curve().at([0.7, 0.9]), whole.curve().at([0.7, 0.9])
        np.testing.assert_array_equal(one.high, other.high)
        np.testing.assert_array_equal(one.cut, other.cut)
        assert sorted(merged.sources) == ["a", "b", "c"]
        assert merged.unscored == whole.unscored
    several = sample([decorated[:900], decorated[900:]], weight="w", pileup="mu")
    np.testing.assert_array_equal(several.columns["score"], whole.columns["score"])


def test_against_pileup_and_others(decorated: Any) -> None:
    found = sample(decorated, pileup="mu")
    assert found.variables == ("pt", "abseta", "pileup")
    for variable, edges in (("pileup", (10, 30, 60)), ("pt", (0, 20, np.inf))):
        bins = found.against(variable, edges, 0.8)
        assert (bins.signal.total > 100).all()
        per_bin = found.against(variable, edges, 0.8, per_bin=True)
        np.testing.assert_allclose(per_bin.signal.value, 0.8, atol=0.01)
    with pytest.raises(UnknownName, match="no column 'pileup'"):
        sample(decorated).against("pileup", (0, 1), 0.8)


def test_composition_adds_up(decorated: Any) -> None:
    parts = sample(decorated).composition(-np.inf)
    assert set(parts) == set(BACKGROUND)
    assert sum(part for part, _, _ in parts.values()) == pytest.approx(1.0)


def test_reweighted_spectra_are_alike_and_do_not_add_up(decorated: Any) -> None:
    found = sample(decorated).reweighted("signal", (0, 10, 20, 40, 200), (0, 1.2, 2.5))
    signal = found.of_classes(SIGNAL)
    pt, weight = found.column("pt"), found.column("weight")
    shapes = [
        np.histogram(pt[k], (0, 10, 20, 40, 200), weights=weight[k])[0] for k in (signal, ~signal)
    ]
    np.testing.assert_allclose(shapes[0] / shapes[0].sum(), shapes[1] / shapes[1].sum())
    assert found.curve().area.value != sample(decorated).curve().area.value
    with pytest.raises(BadInput, match="reweighted leptons do not add up"):
        found + found
    with pytest.raises(BadInput, match="those of signal already"):
        found.reweighted("flat", (0, 100), (0, 2))


def test_others_are_background_if_none_is_named(decorated: Any) -> None:
    found = sample(decorated, background=None)
    assert SIGNAL not in found.background
    assert {"KnownUnknown", "TauDecay", *BACKGROUND} == set(found.populated)


@pytest.mark.parametrize(
    ("options", "kind", "fact"),
    [
        ({"signal": "PromptMuo"}, UnknownName, "near: PromptMuon"),
        ({"background": "BHadron"}, UnknownName, "no background class 'BHadron'"),
        ({"background": SIGNAL}, BadInput, "PromptMuon is signal and background"),
        ({"quantity": "discrimnant"}, UnknownName, "near: discriminant"),
        ({"weight": "genWeight"}, BadInput, "no column 'genWeight'"),
        ({"pileup": "EventInfo.mu"}, BadInput, "no column 'EventInfo.mu'"),
        ({"pileup": np.full(4000, np.nan)}, BadInput, "pileup: .* have no number"),
        ({"weight": np.full(4000, np.inf)}, BadInput, "weight: .* have no number"),
    ],
)
def test_bad_input(decorated: Any, options: dict[str, Any], kind: Any, fact: str) -> None:
    with pytest.raises(kind, match=fact):
        sample(decorated, **options)


def test_samples_of_other_things_do_not_add_up(decorated: Any) -> None:
    with pytest.raises(BadInput, match=r"background: .* and .*"):
        sample(decorated) + sample(decorated, background="BHadronDecay")
    with pytest.raises(BadInput, match="variables"):
        sample(decorated) + sample(decorated, pileup="mu")


def test_no_leptons_of_a_class(decorated: Any) -> None:
    with pytest.raises(BadInput, match="no signal leptons"):
        sample(decorated, signal="ChargeFlipIsoElectron").curve()
