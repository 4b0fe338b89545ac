"""`lepid.associate` beside a twin that goes lepton by lepton, jet by jet."""

from __future__ import annotations

import math
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lepid
from lepid.errors import BadInput, MissingColumns, UnknownName
from lepid.features.kernels.relative import Momenta, relative

SCHEMA = """
name = "bare"
experiment = ""
[units]
energy = "GeV"
[collections.muon]
names = ["mine"]
"""


def made(rng: np.random.Generator, counts: Any, pt: float, **more: Any) -> Any:
    n = int(np.sum(counts))
    columns = {
        "pt": rng.exponential(pt, n) + 2, "eta": rng.normal(1.9, 0.5, n),
        "phi": np.remainder(rng.normal(2 * np.pi, 0.5, n), 2 * np.pi) - np.pi,
        **{name: rng.uniform(0, top, n) for name, top in more.items()},
    }  # fmt: skip
    return ak.unflatten(ak.zip(columns), counts)


def sample(seed: int, n_event: int = 15) -> Any:
    """Muons and jets in GeV."""
    rng = np.random.default_rng(seed)
    muons = made(rng, rng.poisson(1.5, n_event), 6, EnergyLoss=4)
    jets = made(rng, rng.poisson(4, n_event), 30)
    return ak.zip({"muons": muons, "jets": jets}, depth_limit=1)


def associate(events: Any, **choice: Any) -> Any:
    return lepid.associate(events, "muons", schema="plain", **choice)


def one(muon: tuple[float, ...], *jets: tuple[float, ...]) -> Any:
    """One event with one muon; pt, eta, phi of each object."""
    names = ("pt", "eta", "phi")
    columns = {"muons": [muon], "jets": list(jets)}
    return ak.Array(
        [{name: [dict(zip(names, o, strict=True)) for o in of] for name, of in columns.items()}]
        if jets
        else {"muons": ak.Array([[dict(zip(names, muon, strict=True))]]), "jets": ak.Array([[]])}
    )


def distance(left: dict[str, float], right: dict[str, float]) -> float:
    turn = abs(left["phi"] - right["phi"]) % (2 * math.pi)
    return math.hypot(left["eta"] - right["eta"], min(turn, 2 * math.pi - turn))


def observables(muon: dict[str, float], jet: dict[str, float], choice: str) -> dict[str, float]:
    """Those of the kernel, which has a twin of its own."""
    offsets = np.array([0, 1])
    lepton, axis = (
        Momenta(offsets, *(np.array([o[name]]) for name in ("pt", "eta", "phi")))
        for o in (muon, jet)
    )
    loss = np.array([muon["EnergyLoss"] if choice != "none" else 0.0])
    rows = np.array([0]), np.array([0])
    found = relative(lepton, axis, rows, loss=loss, loss_at_jet=choice == "at jet")
    return {name: float(column[0]) for name, column in found.items()}


def near(event: Any, dr: float) -> list[tuple[float, int, int]]:
    """Distance, muon and jet of all pairs that count."""
    return [
        (distance(muon, jet), i, j)
        for i, muon in enumerate(event["muons"])
        for j, jet in enumerate(event["jets"])
        if jet["pt"] > 25 and abs(jet["eta"]) < 2.5 and distance(muon, jet) < dr
    ]


@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["lepton", "jet"]),
    st.sampled_from(["none", "at muon", "at jet"]),
    st.sampled_from([0.4, 0.8]),
)
def test_all_and_nearest_have_a_slow_twin(seed: int, per: str, choice: str, dr: float) -> None:
    events = sample(seed)
    every = associate(events, per=per, which="all", energy_loss=choice, dr=dr).to_list()
    nearest = associate(events, per=per, which="nearest", energy_loss=choice, dr=dr).to_list()
    for event, lists, firsts in zip(events.to_list(), every, nearest, strict=True):
        pairs = near(event, dr)
        centres = event["muons" if per == "lepton" else "jets"]
        for place in range(len(centres)):
            mine = sorted(
                (d, j if per == "lepton" else i, i, j)
                for d, i, j in pairs
                if (i if per == "lepton" else j) == place
            )
            assert [pair[1] for pair in mine] == lists[place]["index"]
            assert firsts[place]["index"] == (mine[0][1] if mine else -1)
            for k, (_, _, i, j) in enumerate(mine):
                expected = observables(event["muons"][i], event["jets"][j], choice)
                for name, value in expected.items():
                    assert lists[place][name][k] == pytest.approx(value, rel=1e-12)
                    assert k or firsts[place][name] == pytest.approx(value, rel=1e-12)
            if not mine:
                assert all(math.isnan(v) for n, v in firsts[place].items() if n != "index")


@pytest.mark.parametrize(
    ("jet", "found"),
    [
        ((25.0, 0.0, 0.0), False),
        ((np.nextafter(25.0, 26), 0.0, 0.0), True),
        ((50.0, 0.4, 0.0), False),
        ((50.0, np.nextafter(0.4, 0), 0.0), True),
        ((np.nan, 0.0, 0.0), False),
        ((50.0, np.nan, 0.0), False),
    ],
)
@pytest.mark.parametrize("which", ["nearest", "all"])
def test_edges_of_jets(jet: tuple[float, ...], found: bool, which: str) -> None:
    index = associate(one((5.0, 0.0, 0.0), jet), which=which).index
    assert ak.flatten(index, axis=None).to_list() == ([0] if found else [-1] * (which != "all"))


@pytest.mark.parametrize(("eta", "found"), [(2.5, False), (np.nextafter(2.5, 0), True)])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_edge_in_eta(eta: float, found: bool, side: int) -> None:
    events = one((5.0, side * 2.4, 0.0), (50.0, side * eta, 0.0))
    assert associate(events).index.to_list() == [[0 if found else -1]]


def test_what_counts_can_be_said() -> None:
    events = one((5.0, 0.0, 0.0), (20.0, 0.5, 0.0))
    assert associate(events).index.to_list() == [[-1]]
    assert associate(events, dr=0.6).index.to_list() == [[-1]]
    assert associate(events, dr=0.6, pt=15).index.to_list() == [[0]]
    assert associate(events, dr=0.6, pt=15, abseta=0.5).index.to_list() == [[-1]]


def test_no_jets_and_no_muons() -> None:
    none = one((5.0, 0.0, 0.0))
    none["jets"] = ak.Array([[{"pt": 1.0, "eta": 1.0, "phi": 1.0}]])[:, :0]
    assert associate(none).index.to_list() == [[-1]]
    assert associate(none, which="all").index.to_list() == [[[]]]
    assert associate(none, per="jet").index.to_list() == [[]]
    events = one((5.0, 0.0, 0.0), (50.0, 0.1, 0.0))
    events["muons"] = events["muons"][:, :0]
    assert associate(events).index.to_list() == [[]]
    assert associate(events, per="jet").index.to_list() == [[-1]]
    assert associate(events[:0]).index.to_list() == []


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_muons_and_jets_and_the_chunks_change_nothing(seed: int) -> None:
    events = sample(seed)
    rng = np.random.default_rng(seed)
    before = associate(events, energy_loss="at jet")
    shuffled = ak.copy(events)
    for name in ("muons", "jets"):
        counts = ak.num(events[name])
        order = ak.argsort(ak.unflatten(rng.random(ak.sum(counts)), counts))
        shuffled[name] = events[name][order]
        if name == "muons":
            before = before[order]
    after = associate(shuffled, energy_loss="at jet")
    for name in set(before.fields) - {"index"}:
        assert ak.array_equal(before[name], after[name], equal_nan=True)
    parts = ak.concatenate([associate(events[:6]), associate(events[6:])])
    assert ak.array_equal(parts, associate(events), equal_nan=True)


def test_units_are_those_of_the_events() -> None:
    gev = sample(3)
    mev = ak.zip({"Muons": gev.muons, "Jets": gev.jets}, depth_limit=1)
    for name in ("Muons", "Jets"):
        mev[name, "pt"] = 1000 * mev[name].pt
    mev["Muons", "EnergyLoss"] = 1000 * mev.Muons.EnergyLoss
    left = associate(gev, energy_loss="at jet")
    right = lepid.associate(mev, "Muons", energy_loss="at jet")
    assert ak.sum(left.index >= 0) > 5
    for name in left.fields:
        factor = 1000 if name.startswith("ptrel") else 1
        assert ak.all(ak.isclose(factor * left[name], right[name], rtol=1e-9, equal_nan=True))


def test_dask_events() -> None:
    dak = pytest.importorskip("dask_awkward")
    events = sample(4)
    lazy = associate(dak.from_awkward(events, npartitions=3), which="all")
    assert ak.array_equal(lazy.compute(), associate(events, which="all"), equal_nan=True)


def test_electrons_have_jets_too(reference_events: Any) -> None:
    found = lepid.associate(reference_events, "Electrons")
    assert ak.num(found).to_list() == ak.num(reference_events.Electrons).to_list()
    inside = found[found.index >= 0]
    assert ak.all(inside.dr < 0.4)
    jets = reference_events.AntiKt4EMPFlowJets[inside.index]
    assert ak.all(jets.pt > 25_000)
    chosen = reference_events.Electrons[found.index >= 0]
    assert ak.all(ak.isclose(inside.ptfrac, chosen.pt / jets.pt))


def test_the_events_are_untouched() -> None:
    events = sample(5)
    fields = events.fields, events.muons.fields
    associate(events)
    assert (events.fields, events.muons.fields) == fields


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "facts"),
    [
        ({"per": "muon"}, ["choice of per 'muon'", "jet, lepton"]),
        ({"which": "first"}, ["choice of which 'first'", "all, nearest"]),
        ({"energy_loss": "at jets"}, ["choice of energy_loss 'at jets'", "near: at jet"]),
    ],
)
def test_words_that_are_none(choice: dict[str, Any], facts: list[str]) -> None:
    with pytest.raises(UnknownName) as caught:
        associate(sample(1), **choice)
    assert all(fact in str(caught.value) for fact in facts)


@pytest.mark.parametrize(
    ("choice", "fact"),
    [
        ({"dr": 0.0}, "dr: 0.0 is not between 0 and pi"),
        ({"dr": math.pi}, "is not between 0 and pi"),
        ({"dr": math.nan}, "dr: nan is not"),
        ({"pt": -1.0}, "pt: -1.0 is not a number, 0 or more"),
        ({"pt": math.inf}, "pt: inf is not a number"),
        ({"abseta": -0.1}, "abseta: -0.1 is not"),
        ({"abseta": math.nan}, "abseta: nan is not"),
    ],
)
def test_cuts_that_are_none(choice: dict[str, float], fact: str) -> None:
    with pytest.raises(BadInput) as caught:
        associate(sample(1), **choice)
    assert fact in str(caught.value)


def test_another_collection() -> None:
    with pytest.raises(UnknownName, match=r"lepton collection 'jets'"):
        lepid.associate(sample(1), "jets", schema="plain")


def test_all_that_is_missing_is_one_error() -> None:
    events = sample(1)
    del events["muons", "EnergyLoss"]
    del events["jets", "phi"]
    with pytest.raises(MissingColumns) as caught:
        associate(events, energy_loss="at muon")
    assert all(fact in str(caught.value) for fact in ("EnergyLoss", "jets.phi"))


def test_events_without_jets() -> None:
    with pytest.raises(MissingColumns, match="jets"):
        associate(sample(1)[["muons"]])


def test_a_format_without_jets(tmp_path: Any) -> None:
    path = tmp_path / "bare.toml"
    path.write_text(SCHEMA, "utf-8")
    events = ak.zip({"mine": sample(1).muons}, depth_limit=1)
    with pytest.raises(BadInput, match=r"format 'bare' has no jets"):
        lepid.associate(events, "mine", schema=path)
