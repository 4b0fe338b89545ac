"""weights(): scale factors on leptons and events, beside plain Python."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import dask_awkward as dak
import numpy as np
import pytest

import lepid
from lepid.efficiency.scale_factors.ratio import Measured, ScaleFactors, ratio
from lepid.errors import (
    BadInput,
    MissingColumns,
    UnboundTable,
    UnknownName,
    UnknownWorkingPoint,
)
from lepid.tables import read, save

POINT = "R3PLITVeryLoose"
EDGES = np.array([10.0, 20.0, 60.0]), np.array([0.0, 1.0, 2.0])
VALUES = np.array([[0.7, 0.72], [0.8, math.nan]])
RATES = np.array([[0.9, 0.91], [0.92, 0.93]])
SCORES = ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")


@pytest.fixture(scope="module")
def events() -> Any:
    """Muons in MeV with PLIT scores, some outside the bins and some without a score."""
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 4, 300)
    n = int(counts.sum())
    columns = {
        "pt": (5e3 + rng.exponential(2.5e4, n)).astype("float32"),
        "eta": rng.uniform(-2.3, 2.3, n).astype("float32"),
        SCORES[0]: rng.uniform(0.1, 0.99, n),
        SCORES[1]: np.where(rng.random(n) < 0.1, np.nan, 10 ** rng.uniform(-4, 0, n)),
    }
    muons = ak.unflatten(ak.zip(columns), counts)
    return lepid.decorate(ak.zip({"Muons": muons}, depth_limit=1), "muon_plit")


def made(**changes: Any) -> ScaleFactors:
    data = Measured(EDGES, VALUES, VALUES - 0.02, VALUES + 0.01, {"fit": (VALUES + 0.03, VALUES)})
    simulation = Measured(EDGES, RATES, RATES - 0.01, RATES + 0.01)
    whole = {
        "tagger": "muon_plit",
        "collection": "Muons",
        "points": {POINT: ratio(data, simulation)},
    }
    return ScaleFactors(**{**whole, **changes})


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sf") / "sf.json"
    lepid.write_scale_factors(made(), path)
    return path


def by_hand(muon: dict[str, Any], variation: str, outside: float = math.nan) -> float:
    """Weight of one muon, from the arrays that were written."""
    pt, abseta = muon["pt"] / 1e3, abs(muon["eta"])
    if not muon["muon_plit"]["scored"] or not (10 <= pt < 60 and abseta < 2):
        return outside
    place = int(pt >= 20), int(abseta >= 1)
    factor = round(float(made().points[POINT].values[variation][place]), 6)
    if muon["muon_plit"][POINT]:
        return factor
    rate = RATES[place]
    return (1 - factor * rate) / (1 - rate)


def test_each_lepton_beside_plain_python(events: Any, table: Path) -> None:
    found = lepid.weights(events, table, POINT)
    assert found.fields == [
        "nominal", "systup", "systdown", "statup", "statdown", "fitup", "fitdown"
    ]  # fmt: skip
    kinds: set[tuple[bool, bool]] = set()
    for event, weights in zip(events.to_list(), found.to_list(), strict=True):
        assert len(event["Muons"]) == len(weights)
        for muon, weight in zip(event["Muons"], weights, strict=True):
            for name, value in weight.items():
                expected = by_hand(muon, name)
                assert value == pytest.approx(expected, rel=1e-12, nan_ok=True)
            kinds.add((muon["muon_plit"][POINT], math.isnan(weight["nominal"])))
    assert len(kinds) == 4
    assert 1.0 not in ak.flatten(found["nominal"]).to_list()


def test_an_event_is_the_product_of_its_leptons(events: Any, table: Path) -> None:
    inside = ~np.isnan(lepid.weights(events, table, POINT)["nominal"])
    found = lepid.weights(events, table, POINT, where=inside, per="event")
    every = lepid.weights(events, table, POINT, per="event")
    number = 0
    for event, good, product, whole in zip(
        events.to_list(), inside.to_list(), found.to_list(), every.to_list(), strict=True
    ):
        for name, value in product.items():
            expected = math.prod(
                by_hand(muon, name) for muon, ok in zip(event["Muons"], good, strict=True) if ok
            )
            assert value == pytest.approx(expected, rel=1e-12)
            # One lepton without a weight leaves the event without one.
            assert math.isnan(whole[name]) == (not all(good))
        number += sum(good) > 1
    assert number > 20


def test_weights_keep_the_number_of_leptons(events: Any, table: Path) -> None:
    """Passing and failing leptons of a bin together weigh as much as without weights."""
    point = made().points[POINT]
    for name in point.values:
        factor, rate = point.values[name], point.efficiency
        whole = rate * factor + (1 - rate) * (1 - factor * rate) / (1 - rate)
        assert whole[np.isfinite(whole)] == pytest.approx(1.0)


def test_leptons_left_out_are_nan_and_count_for_nothing(events: Any, table: Path) -> None:
    nothing = events["Muons", "pt"] < 0
    found = lepid.weights(events, table, POINT, where=nothing)
    assert all(math.isnan(value) for value in ak.flatten(found["nominal"]))
    product = lepid.weights(events, table, POINT, where=nothing, per="event")
    assert ak.all(product["nominal"] == 1.0)


def test_a_mask_in_the_place_of_a_tagger(events: Any, table: Path) -> None:
    masked = ak.with_field(
        events, ak.with_field(events["Muons"], events["Muons", "muon_plit", POINT], "ok"), "Muons"
    )
    expected = lepid.weights(events, table, POINT)
    for passed in ("ok", masked["Muons", "ok"]):
        found = lepid.weights(masked, table, POINT, passed=passed)
        scored = events["Muons", "muon_plit", "scored"]
        for name in found.fields:
            same = (found[name] == expected[name]) | np.isnan(expected[name])
            assert ak.all(same[scored])


def test_only_the_variations_asked_for(events: Any, table: Path) -> None:
    found = lepid.weights(events, table, POINT, variations=["fitup", "nominal"])
    assert found.fields == ["fitup", "nominal"]


def test_no_events_and_one_lepton_per_event(events: Any, table: Path) -> None:
    assert len(lepid.weights(events[:0], table, POINT, per="event")) == 0
    first = ak.firsts(events["Muons"][ak.num(events["Muons"]) > 0])
    flat = ak.zip({"Muons": first}, depth_limit=1)
    flat = lepid.decorate(flat, "muon_plit")
    one, product = (lepid.weights(flat, table, POINT, per=per) for per in ("lepton", "event"))
    assert one["nominal"].ndim == 1
    assert ak.array_equal(one, product, equal_nan=True)


@pytest.mark.parametrize("per", ["lepton", "event"])
def test_dask_events(events: Any, table: Path, per: Any) -> None:
    expected = lepid.weights(events, table, POINT, per=per)
    lazy = lepid.decorate(dak.from_awkward(events[["Muons"]], 2), "muon_plit")
    found = lepid.weights(lazy, table, POINT, per=per).compute()
    for name in expected.fields:
        assert ak.array_equal(found[name], expected[name], equal_nan=True)


def test_virtual_events(phys_sample: Path, table: Path) -> None:
    events = lepid.decorate(lepid.open(phys_sample, entry_stop=200), "muon_plit")
    found = lepid.weights(events, table, POINT, per="lepton")
    known = 0
    for muons, weights in zip(events["Muons"].to_list(), found.to_list(), strict=True):
        for muon, weight in zip(muons, weights, strict=True):
            expected = by_hand(muon, "nominal")
            assert weight["nominal"] == pytest.approx(expected, rel=1e-12, nan_ok=True)
            known += not math.isnan(expected)
    assert known > 50


def test_scale_factors_of_another_network(events: Any, tmp_path: Path) -> None:
    path = tmp_path / "sf.json"
    lepid.write_scale_factors(made(sha256=("ab12",)), path)
    with pytest.raises(UnboundTable, match="bound to ab12, but were used with stored scores"):
        lepid.weights(events, path, POINT)


def test_what_is_refused(events: Any, table: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no per 'events'"):
        lepid.weights(events, table, POINT, per="events")  # type: ignore[arg-type]
    with pytest.raises(UnknownWorkingPoint, match="near: R3PLITVeryLoose"):
        lepid.weights(events, table, "R3PLITVeryLose")
    with pytest.raises(BadInput, match="not decorated with it"):
        lepid.weights(events, table, POINT, tagger="muon_isolation")
    other = tmp_path / "other.json"
    lepid.write_scale_factors(made(tagger="muon_plv"), other)
    with pytest.raises(BadInput, match="for muon_plv, not for muon_plit"):
        lepid.weights(events, other, POINT, tagger="muon_plit")
    unnamed = tmp_path / "unnamed.json"
    points = {"Nothing": made().points[POINT]}
    lepid.write_scale_factors(made(points=points), unnamed)
    with pytest.raises(UnknownWorkingPoint, match="tagger muon_plit: no working point 'Nothing'"):
        lepid.weights(events, unnamed, "Nothing")
    with pytest.raises(BadInput, match="expected true or false"):
        lepid.weights(events, table, POINT, where=events["Muons", "pt"])
    with pytest.raises(BadInput, match="no column 'okk'"):
        lepid.weights(events, table, POINT, passed="okk")
    with pytest.raises(MissingColumns, match="ptt"):
        lepid.weights(events, table, POINT, inputs={"pt": "ptt"})
    with pytest.raises(UnknownName, match="no lepton collection 'Muon'"):
        lepid.weights(events, table, POINT, passed="ok", collection="Muon")


def foreign(folder: Path) -> Path:
    content = {
        "schema_version": 2,
        "corrections": [
            {
                "name": "ID",
                "version": 1,
                "inputs": [{"name": "pt", "type": "real"}],
                "output": {"name": "sf", "type": "real"},
                "data": 0.9,
            }
        ],
    }
    path = folder / "foreign.json"
    path.write_text(json.dumps(content))
    return path


def test_files_of_others_say_neither_tagger_nor_efficiency(events: Any, tmp_path: Path) -> None:
    path = foreign(tmp_path)
    with pytest.raises(BadInput, match="does not say whose decisions"):
        lepid.weights(events, path, POINT, correction="ID")
    with pytest.raises(BadInput, match="whose leptons passed is not said"):
        lepid.weights(events, path, "ID", passed=events["Muons", "muon_plit", POINT])
    found = lepid.weights(events, path, POINT, correction="ID", tagger="muon_plit")["nominal"]
    record = events["Muons", "muon_plit"]
    assert ak.all(found[record[POINT]] == 0.9)
    assert ak.all(np.isnan(found[~record[POINT]]))


@pytest.mark.real
def test_published_scale_factors_equal_correctionlib(real_data: Path) -> None:
    """All leptons of all published files, all variations, to the last digit."""
    rng = np.random.default_rng(1)
    files = sorted((real_data / "working_points" / "sf").glob("*.json.gz"))
    assert len(files) == 8
    for path in files:
        content = correctionlib.CorrectionSet.from_file(str(path))
        (name,) = content
        counts = rng.integers(0, 4, 2000)
        n = int(counts.sum())
        # On edges too, which the bins below do not hold.
        pt = np.where(
            rng.random(n) < 0.2, rng.choice([15.0, 25, 45, 100], n), rng.uniform(15, 500, n)
        )
        columns = {"pt": pt, "eta": rng.uniform(-2.39, 2.39, n), "ok": rng.random(n) < 0.7}
        collection = "Electron" if path.name.startswith("electron") else "Muon"
        leptons = ak.unflatten(ak.zip(columns), counts)
        events = ak.zip({collection: leptons}, depth_limit=1)
        options: dict[str, Any] = {"passed": "ok", "collection": collection, "schema": "nanoaod"}
        found = lepid.weights(events, path, name, **options)
        product = lepid.weights(events, path, name, where="ok", per="event", **options)
        assert found.fields == ["nominal", "systup", "systdown"]
        for variation in found.fields:
            expected = content[name].evaluate(columns["eta"], columns["pt"], variation)
            own = ak.to_numpy(ak.flatten(found[variation]))
            assert np.array_equal(own[columns["ok"]], expected[columns["ok"]])
            assert np.isnan(own[~columns["ok"]]).all()
            passing = ak.unflatten(np.where(columns["ok"], expected, 1.0), counts)
            assert product[variation].to_list() == ak.prod(passing, axis=1).to_list()


@pytest.mark.real
def test_published_scale_factors_go_through_lepid_unchanged(
    real_data: Path, tmp_path: Path
) -> None:
    for path in sorted((real_data / "working_points" / "sf").glob("*.json.gz")):
        save(tmp_path / "again.json", read(path))
        assert json.loads((tmp_path / "again.json").read_text()) == json.loads(
            gzip.decompress(path.read_bytes())
        )
