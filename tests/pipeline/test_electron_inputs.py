"""Raw columns to decisions and their reasons, beside a twin of Athena's selector per electron."""

from __future__ import annotations

import json
import math
import runpy
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward as dak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema
from coffea.nanoevents.trace import trace_with_typetracer

import lepid
from lepid.convert import electron_dnn
from lepid.errors import BadInput, MissingColumns, UnknownWorkingPoint
from lepid.events.objects.tables import apply
from lepid.events.recognise import recognise
from lepid.features import definitions
from lepid.features.electrons import VARIABLES
from lepid.tables import binning, correction
from lepid.taggers import plan
from lepid.working_points import table
from lepid.working_points.table import Binding, Requirement, Rules

pytestmark = pytest.mark.usefixtures("no_search_paths")

SMALL = runpy.run_path(str(Path(__file__).resolve().parent.parent / "small_dnn.py"))
TAGGER = "electron_dnn@small"
REQUIREMENTS = [
    "abseta_cluster", "nSiHitsPlusDeadSensors", "nPixHitsPlusDeadSensors", "passesBLayer",
    "ambiguityType", "D_CF", "D_el",
]  # fmt: skip
KEY = 776133387  # of GSFTrackParticles
N_EVENT = 250
quiet = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Skipping:UserWarning"
)


@pytest.fixture(params=[True, False], ids=["interpolated", "binned"])
def smooth(request: pytest.FixtureRequest) -> bool:
    """Whether cuts are interpolated in E_T."""
    return bool(request.param)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Function that puts the small network into LEPID_MODELS."""
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))

    def put(*, smooth: bool = True) -> Path:
        folder: Path = SMALL["install"](tmp_path / "models", smooth=smooth)
        return folder

    return put


# --- events with all that a real AOD has --------------------------------------------------------


def nested(values: list[Any], counts: list[int]) -> Any:
    return ak.unflatten(ak.Array(values), counts)


def around(x: float) -> list[float]:
    one = np.float32(x)
    return [float(one), *(float(np.nextafter(one, np.float32(s))) for s in (0, 9))]


def track(rng: np.random.Generator) -> dict[str, Any]:
    positions = [p for p in (0, 1, 2, 3) if p == 2 or rng.random() < 0.5]
    positions = [] if rng.random() < 0.03 else positions
    vector = {f"parameterP{a}": rng.normal(0, 2e4, len(positions)).tolist() for a in "XYZ"}
    hits = {
        "numberOfPixelHits": (1, 5), "numberOfPixelDeadSensors": (0, 2), "numberOfSCTHits": (3, 11),
        "numberOfSCTDeadSensors": (0, 2), "expectInnermostPixelLayerHit": (0, 2),
        "numberOfInnermostPixelLayerHits": (0, 3), "numberOfInnermostPixelLayerOutliers": (0, 2),
        "expectNextToInnermostPixelLayerHit": (0, 2),
        "numberOfNextToInnermostPixelLayerHits": (0, 3),
        "numberOfNextToInnermostPixelLayerOutliers": (0, 2),
    }  # fmt: skip
    return {
        "d0": rng.normal(0, 0.1), "qOverP": rng.choice([-1, 1]) / rng.uniform(4e3, 9e4),
        "theta": math.pi / 2 if rng.random() < 0.6 else rng.uniform(0.2, 2.9),
        "definingParametersCovMatrixDiag": [rng.uniform(1e-4, 1e-2), 1.0, 1.0, 1.0, 1.0],
        "eProbabilityHT": rng.choice([0.5, rng.random()]),
        "parameterPosition": positions, **vector,
        **{name: int(rng.integers(*ends)) for name, ends in hits.items()},
    }  # fmt: skip


def cluster(rng: np.random.Generator) -> dict[str, Any]:
    edges = [x for edge in (0.1, 0.8, 1.37, 1.52, 2.01, 2.37, 2.47) for x in around(edge)]
    eta = float(rng.choice(edges) if rng.random() < 0.6 else rng.uniform(0, 2.6))
    eta *= float(rng.choice([-1, 1]))
    there = [n for n in range(8) if rng.random() < 0.7]
    drop, keep = ((6, 2), (2, 6), (None, None))[rng.integers(0, 3)]
    there = sorted({*there, *([keep] if keep else [2, 6])} - {drop})
    there = [n for n in there if n not in (2, 6)] if rng.random() < 0.04 else there
    et = [1e3 * x for x in (*SMALL["ET_NODES"], *SMALL["ET_UPPER"][:-1], 5, 48)]
    return {
        "calE": float(rng.choice(et) if rng.random() < 0.6 else rng.uniform(5e3, 6e4)),
        "calEta": eta + 0.01, "calPhi": rng.uniform(-3, 3),
        "samplingPattern": sum(1 << n for n in there),
        "e_sampl": [rng.choice([30.0, 2e4]) for _ in there],
        "eta_sampl": [eta if n == 2 else eta + 0.003 if keep is None else eta for n in there],
    }  # fmt: skip


def electron(rng: np.random.Generator, n_track: int, n_cluster: int) -> dict[str, Any]:
    several = int(rng.integers(1, 4))
    rows = [int(rng.integers(0, n_track)) for _ in range(several)] if rng.random() > 0.03 else []
    own = {"m_persKey": 0, "m_persIndex": 0}
    if rng.random() > 0.03:
        own = {"m_persKey": 5, "m_persIndex": int(rng.integers(0, n_cluster))}
    shapes = [v for v in VARIABLES if VARIABLES[v] == v and SMALL["SCALES"][v][0] < 3]
    shapes = [v for v in (*shapes, "f3") if v not in ("qd0", "d0significance", "dPOverP", "EoverP",
              "trans_TRTPID", "SCTWeightedCharge")]  # fmt: skip
    return {
        "pt": rng.uniform(5e3, 6e4), "eta": rng.uniform(-2.4, 2.4), "phi": rng.uniform(-3, 3),
        "charge": rng.choice([-1.0, 1.0]), "author": 8 if rng.random() < 0.03 else 1,
        "ambiguityType": int(rng.integers(0, 9)) if rng.random() < 0.3 else 0,
        "trackParticleLinks": [
            {"m_persKey": KEY, "m_persIndex": row}
            if rng.random() < 0.95 else {"m_persKey": 0, "m_persIndex": 0} for row in rows
        ],
        "caloClusterLinks": [own],
        **{v: rng.normal(*SMALL["SCALES"][v]) for v in shapes},
    }  # fmt: skip


@pytest.fixture(scope="module")
def aod() -> Any:
    """Plain events with layers of clusters, parameters along tracks, several tracks each."""
    rng = np.random.default_rng(5)
    events = []
    for _ in range(N_EVENT):
        sizes = rng.integers(1, 6, 2)
        number = int(rng.integers(0, 5))
        events.append(
            {
                "Electrons": [electron(rng, *map(int, sizes)) for _ in range(number)],
                "GSFTrackParticles": [track(rng) for _ in range(sizes[0])],
                "egammaClusters": [cluster(rng) for _ in range(sizes[1])],
            }
        )
    return ak.from_iter(events)


# --- the twin -----------------------------------------------------------------------------------


def slow_eta(c: dict[str, Any]) -> float:
    """CaloCluster::etaBE(2), in single precision."""
    order = [n for n in range(32) if c["samplingPattern"] >> n & 1]
    parts = [(c["e_sampl"][i], np.float32(c["eta_sampl"][i])) for i, n in enumerate(order)
             if n in (2, 6)]  # fmt: skip
    if len(parts) == 2:
        (e, eta), (f, other) = [(np.float32(e), eta) for e, eta in parts]
        if e + f > 100:
            return float((e * eta + f * other) / (e + f))
        return float(np.float32(0.5) * (eta + other))
    return float(parts[0][1]) if parts else math.nan


def slow_inputs(event: Any, e: dict[str, Any]) -> dict[str, float] | None:
    """Variables of an electron; None where Athena's selector gives no score."""
    own = e["caloClusterLinks"][0]
    links = e["trackParticleLinks"]
    if not own["m_persKey"] or not links or not links[0]["m_persKey"]:
        return None
    c = event["egammaClusters"][own["m_persIndex"]]
    tracks = [event["GSFTrackParticles"][x["m_persIndex"]] for x in links if x["m_persKey"]]
    t, eta = tracks[0], slow_eta(c)
    if eta != eta or e["author"] == 8 or 2 not in t["parameterPosition"]:
        return None
    place = t["parameterPosition"].index(2)
    last = math.sqrt(sum(t[f"parameterP{a}"][place] ** 2 for a in "XYZ"))
    trt = -math.log(1 / t["eProbabilityHT"] - 1) / 15
    hits = sum(x["numberOfSCTHits"] for x in tracks)
    signed = sum(x["numberOfSCTHits"] * (1 if x["qOverP"] > 0 else -1) for x in tracks)
    found = {
        "eta": abs(eta),
        "et": c["calE"] / math.cosh(-math.log(math.tan(t["theta"] / 2))),
        "f3": 0.05 if abs(eta) > 2.01 else e["f3"],
        "d0": t["d0"],
        "qd0": e["charge"] * t["d0"],
        "d0significance": abs(t["d0"]) / math.sqrt(t["definingParametersCovMatrixDiag"][0]),
        "dPOverP": 1 - t["qOverP"] / ((1 if t["qOverP"] > 0 else -1) / last),
        "trans_TRTPID": 0.15 if abs(trt) < 1e-6 and abs(eta) > 2.01 else trt,
        "EoverP": c["calE"] * abs(t["qOverP"]),
        "nPixHitsPlusDeadSensors": t["numberOfPixelHits"] + t["numberOfPixelDeadSensors"],
        "nSCTHitsPlusDeadSensors": t["numberOfSCTHits"] + t["numberOfSCTDeadSensors"],
        "SCTWeightedCharge": e["charge"] * signed / hits if hits else 0.0,
    }
    return {v: float(found[v] if v in found else e[v]) for v in VARIABLES}


def slow_scores(variables: dict[str, float]) -> list[float]:
    scaled = [(variables[v] - SMALL["SCALES"][v][0]) / SMALL["SCALES"][v][1] for v in VARIABLES]
    sums = [sum(x * float(w) for x, w in zip(scaled, column, strict=True))
            for column in SMALL["WEIGHTS"].T]  # fmt: skip
    powers = [math.exp(z - max(sums)) for z in sums]
    return [power / sum(powers) for power in powers]


def slow_cut(cuts: Any, et: float, i_eta: int, smooth: bool) -> float:
    """A cut at E_T in GeV."""
    nodes, upper = SMALL["ET_NODES"], SMALL["ET_UPPER"]
    if not smooth:
        return float(cuts[next((i for i, u in enumerate(upper) if et < u), 9), i_eta])
    if et <= nodes[0] or et >= nodes[-1]:
        return float(cuts[0 if et <= nodes[0] else 9, i_eta])
    low = max(i for i in range(9) if nodes[i] <= et)
    left, right = cuts[low, i_eta], cuts[low + 1, i_eta]
    return float(left + (right - left) * (et - nodes[low]) / (nodes[low + 1] - nodes[low]))


def slow_requirements(
    event: Any, e: dict[str, Any], smooth: bool
) -> dict[str, tuple[bool, float, float]] | None:
    """Whether each requirement of Tight holds, the value and the cut."""
    variables = slow_inputs(event, e)
    if variables is None:
        return None
    eta, et = variables["eta"], variables["et"] / 1000
    i_eta = next((i for i, upper in enumerate(SMALL["ETA_UPPER"]) if eta < upper), 9)
    t = event["GSFTrackParticles"][e["trackParticleLinks"][0]["m_persIndex"]]
    pixel, strips = (variables[f"n{k}HitsPlusDeadSensors"] for k in ("Pix", "SCT"))
    if t["expectInnermostPixelLayerHit"]:
        layer = "InnermostPixelLayer"
    elif t["expectNextToInnermostPixelLayerHit"]:
        layer = "NextToInnermostPixelLayer"
    else:
        layer = ""
    b_layer = not layer or t[f"numberOf{layer}Hits"] + t[f"numberOf{layer}Outliers"] > 0
    p = slow_scores(variables)
    f = SMALL["F"][:, i_eta]
    below = sum(x * w for x, w in zip(p[2:], f[1:], strict=True))
    d_el, d_cf = math.log((p[0] * (1 - f[0]) + p[1] * f[0]) / below), math.log(p[0] / p[1])
    cuts = {
        "abseta_cluster": 2.47, "nSiHitsPlusDeadSensors": SMALL["SILICON"][i_eta],
        "nPixHitsPlusDeadSensors": SMALL["PIXELS"][i_eta], "passesBLayer": SMALL["BLAYER"][i_eta],
        "ambiguityType": SMALL["MASKS"][i_eta],
        "D_CF": slow_cut(SMALL["CUTS_CF"], et, i_eta, smooth),
        "D_el": slow_cut(SMALL["CUTS"], et, i_eta, smooth),
    }  # fmt: skip
    values = {
        "abseta_cluster": eta, "nSiHitsPlusDeadSensors": pixel + strips,
        "nPixHitsPlusDeadSensors": pixel, "passesBLayer": float(b_layer),
        "ambiguityType": float(e["ambiguityType"]), "D_CF": d_cf, "D_el": d_el,
    }  # fmt: skip
    held = {name: not values[name] < cuts[name] for name in cuts}
    held["abseta_cluster"] = not eta > 2.47
    held["ambiguityType"] = bool(int(cuts["ambiguityType"]) & (1 << e["ambiguityType"]))
    return {name: (held[name], values[name], float(cuts[name])) for name in REQUIREMENTS}


# --- the same -----------------------------------------------------------------------------------


def flat(record: Any) -> list[dict[str, Any]]:
    record = record.compute() if hasattr(record, "compute") else record
    found: list[dict[str, Any]] = ak.flatten(record).to_list()
    return found


def test_inputs_scores_and_decisions_of_the_twin(
    aod: Any, small: Callable[..., Path], smooth: bool
) -> None:
    small(smooth=smooth)
    decorated = lepid.decorate(aod, TAGGER)
    found = flat(decorated["Electrons", "electron_dnn"])
    why = flat(lepid.explain(decorated, "electron_dnn", "Tight"))
    failures: dict[str, int] = {}
    pairs = [(event, e) for event in aod.to_list() for e in event["Electrons"]]
    assert len(found) == len(why) == len(pairs)
    for record, reason, (event, e) in zip(found, why, pairs, strict=True):
        expected = slow_requirements(event, e, smooth)
        assert record["scored"] is (expected is not None)
        if expected is None:
            assert reason["failed"] == "not scored"
            assert not any(reason[name] for name in REQUIREMENTS)
            assert not record["Tight"]
            assert math.isnan(record["pel"])
            failures["not scored"] = failures.get("not scored", 0) + 1
            continue
        variables = slow_inputs(event, e)
        assert [record[n] for n in SMALL["CLASSES"]] == pytest.approx(
            slow_scores(variables), rel=1e-4, abs=1e-7
        )
        assert record["Tight"] is all(held for held, _, _ in expected.values())
        assert list(reason) == [*REQUIREMENTS, "failed", "value", "cut"]
        assert [reason[name] for name in REQUIREMENTS] == [expected[n][0] for n in REQUIREMENTS]
        first = next((name for name in REQUIREMENTS if not expected[name][0]), "")
        assert reason["failed"] == first
        if first:
            assert [reason["value"], reason["cut"]] == pytest.approx(
                expected[first][1:], rel=1e-4, abs=1e-5
            )
        else:
            assert math.isnan(reason["value"])
            assert math.isnan(reason["cut"])
        failures[first] = failures.get(first, 0) + 1
    assert set(failures) == {*REQUIREMENTS, "", "not scored"}


def test_the_other_point_has_its_own_reasons(aod: Any, small: Callable[..., Path]) -> None:
    small()
    decorated = lepid.decorate(aod, TAGGER)
    why = lepid.explain(decorated, TAGGER, "TightNoCF")
    assert why.fields == [*(n for n in REQUIREMENTS if n != "D_CF"), "failed", "value", "cut"]
    passed = decorated["Electrons", "electron_dnn", "TightNoCF"]
    assert (why["failed"] == "").to_list() == passed.to_list()
    assert ak.any(passed & ~decorated["Electrons", "electron_dnn", "Tight"])


# --- kinds of events ----------------------------------------------------------------------------


def both(events: Any, **options: Any) -> list[list[dict[str, Any]]]:
    decorated = lepid.decorate(events, TAGGER, **options)
    why = lepid.explain(decorated, "electron_dnn", "Tight", **options)
    return [flat(decorated["Electrons", "electron_dnn"]), flat(why)]


def same(one: list[list[dict[str, Any]]], other: list[list[dict[str, Any]]]) -> None:
    for left, right in zip(one, other, strict=True):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert list(a) == list(b)
            for name, value in a.items():
                if isinstance(value, float):
                    assert b[name] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True)
                else:
                    assert b[name] == value


@pytest.mark.parametrize("mode", ["dask", "parquet", "chunks"])
def test_every_kind_of_events(
    aod: Any, small: Callable[..., Path], tmp_path: Path, mode: str
) -> None:
    small()
    expected = both(aod)
    if mode == "dask":
        same(both(dak.from_awkward(aod, 3)), expected)
        return
    path = tmp_path / "events.parquet"
    ak.to_parquet(aod, path)
    if mode == "parquet":
        same(both(lepid.open(path)), expected)
        return
    chunks = list(lepid.iterate(path, TAGGER, step=60))
    assert len(chunks) == 5
    found = [flat(chunk["Electrons", "electron_dnn"]) for chunk in chunks]
    whys = [flat(lepid.explain(chunk, "electron_dnn", "Tight")) for chunk in chunks]
    same([list(chain(*found)), list(chain(*whys))], expected)


HITS_CARD = """
tagger = "electron_hits"
network = "stored"
flavour = "electron"
description = "points of the tests without a network"
source = "ours"
working_points = ["points.json"]

[[outputs]]
name = "score"
stored = ["Reta"]
"""


def test_chunks_keep_what_points_without_a_network_cut_on(
    aod: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "models" / "electron_hits" / "stored"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(HITS_CARD, encoding="utf-8")
    pixel = Requirement(correction="c", quantity="nPixHitsPlusDeadSensors", sense=">=")
    rules = Rules(
        tagger="electron_hits", points={"Hits": (pixel,)}, inputs={"et": "et"},
        bound_to=Binding(inputs=True),
    )  # fmt: skip
    steps = binning("et", [0, 15, 9999], [2.0, 4.0])
    cut = correction("c", "", {"et": "[GeV]"}, ("cut", ""), steps)
    table.write(folder / "points.json", "d", rules, [cut])
    path = tmp_path / "events.parquet"
    ak.to_parquet(aod, path)
    chunks = list(lepid.iterate(path, "electron_hits", step=100))
    found = list(chain(*(flat(chunk["Electrons", "electron_hits"]) for chunk in chunks)))
    whole = flat(lepid.decorate(aod, "electron_hits")["Electrons", "electron_hits"])
    # NaN is not equal to itself.
    assert str(found) == str(whole)
    assert 50 < sum(record["Hits"] for record in found) < len(found) - 50


@pytest.fixture
def one_layer(tmp_path: Path) -> Path:
    """Schema for the reference simulation, whose calorimeter has one layer."""
    shipped = Path(lepid.__file__).parent / "events" / "schemas" / "physlite.toml"
    clusters = '[constituents.cluster]\ncolumns = { etaBE2 = ["calEta"] }\n'
    path = tmp_path / "one_layer.toml"
    text = shipped.read_text("utf-8").replace("[constituents.cluster]\n", clusters)
    path.write_text(text, encoding="utf-8")
    return path


@quiet
def test_files_in_every_mode_of_coffea(
    reference_sample: Path, reference_events: Any, small: Callable[..., Path], one_layer: Path
) -> None:
    small()
    expected = both(reference_events, schema=one_layer)
    assert 20 < sum(record["Tight"] for record in expected[0]) < len(expected[0]) - 20
    assert all(record["scored"] for record in expected[0])
    for mode in ("eager", "virtual", "dask"):
        factory = NanoEventsFactory.from_root(
            {str(reference_sample): "CollectionTree"}, schemaclass=PHYSLITESchema, mode=mode,
            entry_stop=80,
        )  # fmt: skip
        found = both(factory.events(), schema=one_layer)
        # dask takes whole files
        same([records[: len(expected[0])] for records in found], expected)
    same(both(lepid.open(reference_sample, entry_stop=80), schema=one_layer), expected)


@quiet
def test_tracing_sees_what_is_needed(
    reference_sample: Path, small: Callable[..., Path], one_layer: Path
) -> None:
    small()

    def process(events: Any) -> Any:
        decorated = lepid.decorate(events, TAGGER, schema=one_layer)
        return lepid.explain(decorated, "electron_dnn", "Tight", schema=one_layer)

    factory = NanoEventsFactory.from_root(
        {str(reference_sample): "CollectionTree"}, schemaclass=PHYSLITESchema, mode="virtual"
    )
    found = {n.replace("AuxDyn", "") for n in trace_with_typetracer(process, factory.events())}
    assert {"egammaClusters.calE", "egammaClusters.calEta", "Electrons.author", "Electrons.Reta",
            "GSFTrackParticles.QoverPLM", "GSFTrackParticles.theta"} <= found  # fmt: skip
    unused = {"chiSquared", "parameterPX", "truthType", "topoetcone20", "z0", "btagIp_d0"}
    assert not {n for n in found if n.partition(".")[2] in unused}


# --- what is missing ----------------------------------------------------------------------------


def test_every_missing_column_is_listed(aod: Any, small: Callable[..., Path]) -> None:
    small()
    electrons = aod["Electrons"][[f for f in aod["Electrons"].fields if f != "Rphi"]]
    tracks = aod["GSFTrackParticles"]
    tracks = tracks[[f for f in tracks.fields if f not in ("parameterPosition", "d0")]]
    events = ak.with_field(ak.with_field(aod, electrons, "Electrons"), tracks, "GSFTrackParticles")
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(events, TAGGER)
    text = str(caught.value).splitlines()[0]
    assert "no column Electrons.Rphi (needed by input Rphi of electron_dnn@small)" in text
    lost = "GSFTrackParticles.d0, GSFTrackParticles.parameterPosition"
    assert all(name in text for name in lost.split(", "))
    assert text.count("GSFTrackParticles.") == 2


REAL = {
    "coffea_PHYSLITE_example.root": {"egammaClusters.samplingPattern"},
    "skhep_uproot-physlite-rntuple_v1-0-0-0.root": set(),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_a_real_physlite_lacks_exactly_this(
    real_data: Path, small: Callable[..., Path], name: str
) -> None:
    small()
    events = lepid.open(real_data / "root" / name)
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(events, TAGGER)
    text = str(caught.value).splitlines()[0]
    there = {c: set(events[c].fields) for c in ("Electrons", "GSFTrackParticles", "egammaClusters")}
    shapes = {"Reta", "Rphi", "Rhad", "Rhad1", "weta2", "wtots1", "Eratio", "f3", "deltaEta1",
              "deltaPhiRescaled2"}  # fmt: skip
    of_tracks = {"parameterPX", "parameterPY", "parameterPZ", "parameterPosition",
                 "eProbabilityHT", "numberOfPixelDeadSensors",
                 "numberOfSCTDeadSensors"}  # fmt: skip
    expected = {f"Electrons.{n}" for n in shapes - there["Electrons"]}
    expected |= {f"GSFTrackParticles.{n}" for n in of_tracks - there["GSFTrackParticles"]}
    words = text.replace(",", " ").split()
    found = {w for w in words if w.startswith(("Electrons.", "GSFTrackP", "egammaC"))}
    assert found == expected | REAL[name]
    assert len(expected) == 17


def feature(events: Any, name: str, unit: str = "") -> Any:
    """A feature of the electrons of events."""
    known = recognise(events)
    needs = dict.fromkeys(definitions.needs(name), "a test")
    columns = {"pt": "pt", **plan.require(known.finder("electron"), needs)}

    def compute(flat: Any, _: Any) -> Any:
        return {"it": definitions.evaluate(name, unit, flat, known.schema.unit)}

    return apply(known, "Electrons", columns, compute)["it"]


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_the_energy_of_real_electrons_is_about_their_momentum(real_data: Path, name: str) -> None:
    events = lepid.open(real_data / "root" / name)
    et, pt = (ak.flatten(x) for x in (feature(events, "et", "MeV"), events["Electrons"]["pt"]))
    # Athena makes the momentum of the same two quantities; PHYSLITE calibrates it once more.
    assert ak.sum(abs(et / pt - 1) < 0.08) >= 0.95 * len(et) > 50


@pytest.mark.real
def test_the_second_layer_of_real_clusters(real_data: Path) -> None:
    events = lepid.open(real_data / "root" / "skhep_uproot-physlite-rntuple_v1-0-0-0.root")
    found = feature(events, "abseta_cluster")
    names = ("samplingPattern", "e_sampl", "eta_sampl")
    clusters = ak.zip({n: events["egammaClusters"][n] for n in names}, depth_limit=2).to_list()
    links = events["Electrons"]["caloClusterLinks"]["m_persIndex"].to_list()
    expected = [
        [abs(slow_eta(here[place[0] if isinstance(place, list) else place])) for place in rows]
        for here, rows in zip(clusters, links, strict=True)
    ]
    flat_found, flat_expected = ak.flatten(found).to_list(), list(chain(*expected))
    assert flat_found == pytest.approx(flat_expected, rel=1e-6)
    assert len(flat_found) > 50


def test_reasons_that_cannot_be_given(
    aod: Any, small: Callable[..., Path], make_events: Callable[..., Any]
) -> None:
    small()
    decorated = lepid.decorate(aod, TAGGER)
    with pytest.raises(UnknownWorkingPoint) as caught:
        lepid.explain(decorated, "electron_dnn", "Tigth")
    assert "tagger electron_dnn: no working point 'Tigth'" in str(caught.value)
    assert caught.value.near[0] == "Tight"
    assert "use one of: Tight, TightNoCF" in str(caught.value)
    with pytest.raises(BadInput, match="not decorated with it"):
        lepid.explain(aod, "electron_dnn", "Tight")
    stored = lepid.decorate(make_events(20), "electron_dnn")
    with pytest.raises(BadInput, match=r"not what it was made of, and have no .*LooseIsEMValue"):
        lepid.explain(stored, "electron_dnn", "Loose")
    with pytest.raises(UnknownWorkingPoint, match="use one of: Loose"):
        lepid.explain(stored, "electron_dnn", "Tight")


# --- Athena's own files -------------------------------------------------------------------------


def athena_files(folder: Path, *, smooth: bool) -> dict[str, Path]:
    """The small network and its points as lwtnn's JSON, quantiles and confs."""
    weights = SMALL["WEIGHTS"].astype(float)
    # Two quantiles far away on both sides are a linear map: that of mean and width.
    variables = [{"name": v, "offset": 0.0, "scale": 1.0} for v in VARIABLES]
    layer = {"architecture": "dense", "weights": weights.T.ravel().tolist(), "bias": [0.0] * 6,
             "activation": "softmax"}  # fmt: skip
    network = {
        "inputs": [{"name": "node_0", "variables": variables}], "input_sequences": [],
        "nodes": [{"type": "input", "sources": [0], "size": len(variables)},
                  {"type": "feed_forward", "sources": [0], "layer_index": 0}],
        "layers": [layer],
        "outputs": {"c": {"labels": [f"out_{i}" for i in range(6)], "node_index": 1}},
    }  # fmt: skip
    (folder / "net.json").write_text(json.dumps(network))
    ends = np.array([-1e4, 1e4])
    quantiles = {v: mean + width * ends for v, (mean, width) in SMALL["SCALES"].items()}
    with uproot.recreate(folder / "quantiles.root") as file:
        file["tree"] = {"references": ends, **quantiles}
    keys = {
        "inputModelFileName": "net.json", "inputQuantileFileName": "quantiles.root",
        "Variables": ",".join(VARIABLES), "multiClass": "true",
        "doSmoothBinInterpolation": str(smooth).lower(), "Fractions": SMALL["F"].T,
        "CutSelector": SMALL["CUTS"], "CutPi": SMALL["PIXELS"], "CutSCT": SMALL["SILICON"],
        "CutBL": SMALL["BLAYER"], "CutAmbiguity": SMALL["MASKS"],
    }  # fmt: skip
    lines = [
        f"{k}: {v if isinstance(v, str) else '; '.join(map(str, np.ravel(v)))}"
        for k, v in keys.items()
    ]
    flips = "; ".join(map(str, SMALL["CUTS_CF"].ravel()))
    (folder / "no_cf.conf").write_text("\n".join(lines))
    (folder / "tight.conf").write_text("\n".join([*lines, f"CutSelectorCF: {flips}"]))
    return {"Tight": folder / "tight.conf", "TightNoCF": folder / "no_cf.conf"}


def test_converted_files_of_athena_give_the_same(
    aod: Any, small: Callable[..., Path], smooth: bool, tmp_path: Path
) -> None:
    small(smooth=smooth)
    electron_dnn.convert(athena_files(tmp_path, smooth=smooth), "converted", tmp_path / "models")
    decorated = lepid.decorate(aod, "electron_dnn@converted")
    mine = decorated["Electrons"]["electron_dnn"]
    other = lepid.decorate(aod, TAGGER)["Electrons"]["electron_dnn"]
    scored = ak.to_numpy(ak.flatten(other["scored"]))
    assert 0.5 < scored.mean() < 0.95
    for name in ak.fields(other):
        found, expected = (ak.to_numpy(ak.flatten(x[name])) for x in (mine, other))
        if expected.dtype == bool:
            np.testing.assert_array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert 10 < ak.sum(mine["Tight"]) < ak.sum(mine["TightNoCF"])
    report = lepid.explain(decorated, "electron_dnn@converted", "Tight")
    assert [name for name in ak.fields(report) if name in REQUIREMENTS][-2:] == ["D_CF", "D_el"]
