"""Events with tracks to PLIV scores, beside a twin that goes lepton by lepton, track by track."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid.errors import MissingColumns
from lepid.features.kernels.track_jets import VARIABLE, cluster, momenta
from lepid.taggers import catalogue

pytestmark = pytest.mark.usefixtures("no_search_paths")

INSTALL = runpy.run_path(str(Path(__file__).with_name("small_pliv.py")))["install"]
COLLECTION = {"muon": "Muons", "electron": "Electrons"}
FLAVOURS = pytest.mark.parametrize("flavour", ["muon", "electron"])
JETS = "AntiKtVR30Rmax4Rmin02PV0TrackJets"
PREFIX = "PromptLeptonImprovedInput_"
BEST = f"{PREFIX}CandVertex_normDistToPriVtxLongitudinalBest"
Jet = tuple[float, float, float, int]


@pytest.fixture
def pliv_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Function that puts small PLIV networks into LEPID_MODELS."""
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))

    def put(flavour: str) -> Path:
        folder: Path = INSTALL(tmp_path, flavour)
        return folder

    return put


@pytest.fixture
def events(reference_events: Any) -> Any:
    """As many as a twin in plain Python gets through."""
    return reference_events[:40]


def decorate(events: Any, flavour: str) -> Any:
    name = f"{flavour}_pliv"
    return lepid.decorate(events, f"{name}@small")[COLLECTION[flavour], name]


# --- the twin -----------------------------------------------------------------------------------


def direction(track: dict[str, Any]) -> tuple[float, float, float]:
    """pt in MeV, eta and phi."""
    theta = track["theta"]
    return math.sin(theta) / abs(track["qOverP"]), -math.log(math.tan(theta / 2)), track["phi"]


def apart(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    turned = (left[1] - right[1] + math.pi) % (2 * math.pi) - math.pi
    return math.hypot(left[0] - right[0], turned)


def linked(event: Any, lepton: dict[str, Any], link: str, to: str) -> dict[str, Any] | None:
    links = lepton[link] if isinstance(lepton[link], list) else [lepton[link]]
    return event[to][links[0]["m_persIndex"]] if links and links[0]["m_persKey"] else None


def own_place(event: Any, lepton: dict[str, Any], flavour: str) -> int | None:
    """Place of the lepton's own ID track."""
    if flavour == "muon":
        link = lepton["inDetTrackParticleLink"] if lepton["muonType"] == 0 else None
    else:
        gsf = linked(event, lepton, "trackParticleLinks", "GSFTrackParticles")
        link = gsf and gsf["originalTrackParticle"]
    return link["m_persIndex"] if link and link["m_persKey"] == 490246363 else None


def jets_of(event: Any) -> list[Jet]:
    """pt (GeV), eta, phi and number of tracks of the jets of tracks of the primary vertex."""
    good = []
    for track in event["InDetTrackParticles"]:
        pt, eta, phi = direction(track)
        hits = sum(track[f"numberOf{name}"] for name in
                   ("PixelHits", "PixelDeadSensors", "SCTHits", "SCTDeadSensors"))  # fmt: skip
        if (
            pt > 500 and abs(eta) <= 2.5 and hits >= 8 and track["numberOfPixelHoles"] <= 1
            and track["numberOfPixelHoles"] + track["numberOfSCTHoles"] <= 2
            and track["numberOfPixelSharedHits"] + track["numberOfSCTSharedHits"] // 2 <= 1
            and abs(track["btagIp_d0"]) < 3.5 and abs(track["btagIp_z0SinTheta"]) < 1
        ):  # fmt: skip
            good.append((pt / 1000, eta, phi))
    four = momenta(*np.array(good).reshape(-1, 3).T)
    jets = cluster(np.array([0, len(good)]), four, VARIABLE, 4.0)
    return list(zip(*(getattr(jets, n).tolist() for n in ("pt", "eta", "phi", "n_track")),
                    strict=True))  # fmt: skip


def nearest(place: tuple[float, ...], jets: list[Jet]) -> tuple[float, Jet | None]:
    near = [(apart(place, jet[1:3]), jet) for jet in jets]
    dr, jet = min(near, default=(math.inf, None))
    return (dr, jet) if dr < 0.4 else (math.inf, None)


def rnn_rows(event: Any, lepton: Any, flavour: str, jets: list[Jet]) -> list[list[float]]:
    """Tracks in the order of Athena's DecoratePromptLeptonRNN."""
    place = own_place(event, lepton, flavour)
    if place is None:
        return []
    centre = direction(event["InDetTrackParticles"][place])[1:]
    _, jet = nearest(centre, jets)
    if jet is None:
        return []
    found = []
    for k, track in enumerate(event["InDetTrackParticles"]):
        pt, *where = direction(track)
        dr = apart(tuple(where), centre)
        passes = (
            1e-6 <= dr <= 0.4 and pt >= 500 and abs(where[0]) <= 2.5
            and abs(track["btagIp_z0SinTheta"]) <= 1.0
            and track["numberOfPixelHits"] + track["numberOfSCTHits"] >= 6
            and track["numberOfPixelSharedHits"] + track["numberOfSCTSharedHits"] / 2 <= 1.5
            and track["numberOfPixelHoles"] + track["numberOfSCTHoles"] <= 2
            and track["numberOfPixelHoles"] <= 1
        )  # fmt: skip
        if k == place or passes:
            width = track["btagIp_d0Uncertainty"]
            row = [
                track["numberOfPixelHits"], track["numberOfSCTHits"], track["btagIp_z0SinTheta"],
                track["btagIp_d0"] / width if width > 0 else -99.0,
                apart(tuple(where), jet[1:3]), pt / 1000 / jet[0],
            ]  # fmt: skip
            found.append((0.0 if k == place else dr, k, row))
    return [row for *_, row in sorted(found)][:5]


def inputs(event: Any, lepton: Any, flavour: str, jets: list[Jet], rnn: float) -> dict[str, float]:
    """Inputs of Athena's DecoratePromptLeptonImproved, with the stored vertices."""
    dr, jet = nearest((lepton["eta"], lepton["phi"]), jets)
    best = BEST if flavour == "muon" else f"{BEST}_ThetaCutVtx"
    names = ("MVAXBin", "TrackJetNTrack", "Topoetcone30rel", "Ptvarcone30rel",
             "Ptvarcone30_TightTTVA_pt500rel", "PromptLeptonRNN_prompt", "PtFrac", "DRlj",
             "CaloClusterERel", "CaloClusterSumEtRel", "PtRel")  # fmt: skip
    if jet is None:
        return {PREFIX + name: -99.0 for name in names} | {best: lepton[best]}
    pt = lepton["pt"]
    vectors = [
        np.array([math.cos(p), math.sin(p), math.sinh(e)]) / math.cosh(e)
        for e, p in ((lepton["eta"], lepton["phi"]), jet[1:3])
    ]
    found = {
        "MVAXBin": sum(pt / 1000 >= edge for edge in (15, 20, 25, 32, 43)) + 1,
        "TrackJetNTrack": jet[3],
        "DRlj": dr,
        "PtRel": pt * float(np.linalg.norm(np.cross(*vectors))),
        "PromptLeptonRNN_prompt": rnn,
        "Topoetcone30rel": lepton["topoetcone30"] / pt,
    }
    if flavour == "muon":
        own = linked(event, lepton, "combinedTrackParticleLink", "CombinedMuonTrackParticles")
        if own is None or lepton["muonType"] != 0:
            own = linked(event, lepton, "inDetTrackParticleLink", "InDetTrackParticles")
        cone = lepton["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"]
        energy = linked(event, lepton, "clusterLink", "MuonClusters")
        loss = lepton["ParamEnergyLoss"]
        found["Ptvarcone30_TightTTVA_pt500rel"] = cone / pt
        found["CaloClusterERel"] = energy["calE"] / loss if energy and loss else -99.0
    else:
        own = linked(event, lepton, "trackParticleLinks", "GSFTrackParticles")
        found["Ptvarcone30rel"] = lepton["ptvarcone30"] / pt
        cluster_of, total = linked(event, lepton, "caloClusterLinks", "egammaClusters"), 0.0
        for other in event["egammaClusters"] if cluster_of else ():
            place = other["calEta"], other["calPhi"]
            if apart(place, (cluster_of["calEta"], cluster_of["calPhi"])) < 0.15:
                total += other["calE"] / math.cosh(other["calEta"])
        found["CaloClusterSumEtRel"] = total / pt
    found["PtFrac"] = direction(own)[0] / 1000 / jet[0] if own else -99.0
    return {PREFIX + name: value for name, value in found.items()} | {best: lepton[best]}


def slow(events: Any, flavour: str, folder: Path, jets: list[list[Jet]]) -> list[float]:
    """Scores, one call of each file for each lepton."""
    card = catalogue.load(f"{flavour}_pliv", "small")
    rnn, *trees = [onnxruntime.InferenceSession(folder / part.file) for part in card.networks]
    found = []
    for event, mine in zip(events.to_list(), jets, strict=True):
        for lepton in event[COLLECTION[flavour]]:
            rows = rnn_rows(event, lepton, flavour, mine)
            fed = {"Trk_inputs": np.array([rows], np.float32)}
            prompt = float(rnn.run(None, fed)[0][0, 0]) if rows else -1.0
            values = inputs(event, lepton, flavour, mine, prompt)
            part = int(len(trees) > 1 and abs(lepton["eta"]) >= 1.37)
            line = [values[i.feature] for i in card.parts[part].nodes[0].inputs]
            found.append(
                float(trees[part].run(None, {"inputs": np.array([line], np.float32)})[0][0, 0])
            )
    return found


def with_jets(events: Any, jets: list[list[Jet]]) -> Any:
    """The events with these jets stored, their tracks by number only."""
    columns = {
        name: ak.Array([[jet[i] * unit for jet in mine] for mine in jets])
        for i, (name, unit) in enumerate((("pt", 1000.0), ("eta", 1.0), ("phi", 1.0)))
    }
    counts = ak.Array([[jet[3] for jet in mine] for mine in jets])
    n = int(ak.sum(counts))
    links = ak.zip({"m_persKey": np.full(n, 490246363, np.uint32),
                    "m_persIndex": np.zeros(n, np.uint32)})  # fmt: skip
    links = ak.unflatten(ak.unflatten(links, ak.flatten(counts)), ak.num(counts))
    columns = {name: ak.values_astype(column, np.float32) for name, column in columns.items()}
    return ak.with_field(
        events, ak.zip({**columns, "constituentLinks": links}, depth_limit=2), JETS
    )


@FLAVOURS
def test_the_slow_twin(events: Any, pliv_network: Callable[..., Path], flavour: str) -> None:
    folder = pliv_network(flavour)
    record = decorate(events, flavour)
    assert ak.all(record["scored"])
    jets = [jets_of(event) for event in events.to_list()]
    expected = slow(events, flavour, folder, jets)
    assert len(expected) > 20
    assert np.std(expected) > 0.05
    np.testing.assert_allclose(ak.flatten(record["score"]), expected, rtol=0, atol=2e-6)
    assert ak.all(record["discriminant"] == record["score"])


@FLAVOURS
def test_jets_of_the_file_come_first(
    events: Any, pliv_network: Callable[..., Path], flavour: str
) -> None:
    folder = pliv_network(flavour)
    made = [jets_of(event) for event in events.to_list()]
    whole = decorate(events, flavour)["score"]
    stored = decorate(with_jets(events, made), flavour)["score"]
    np.testing.assert_allclose(ak.flatten(stored), ak.flatten(whole), rtol=0, atol=2e-5)
    moved = [[(2 * jet[0], jet[1] + 0.1, jet[2], jet[3] + 1) for jet in mine] for mine in made]
    record = decorate(with_jets(events, moved), flavour)["score"]
    expected = slow(events, flavour, folder, moved)
    np.testing.assert_allclose(ak.flatten(record), expected, rtol=0, atol=2e-5)
    assert ak.max(abs(record - whole)) > 0.01


@FLAVOURS
def test_without_a_jet_every_input_is_absent(
    events: Any, pliv_network: Callable[..., Path], flavour: str
) -> None:
    folder = pliv_network(flavour)
    none: list[list[Jet]] = [[(50.0, 9.0, 0.0, 3)] for _ in range(len(events))]
    record = decorate(with_jets(events, none), flavour)
    assert ak.all(record["scored"])
    expected = slow(events, flavour, folder, none)
    np.testing.assert_allclose(ak.flatten(record["score"]), expected, rtol=0, atol=1e-6)
    assert set(np.round(expected, 3)) == {-1.0}


def test_muons_without_an_own_track(events: Any, pliv_network: Callable[..., Path]) -> None:
    folder = pliv_network("muon")
    muons = events["Muons"]
    # Those that are not combined, of which the inner track counts, and no track for the RNN.
    kinds = ak.values_astype(ak.local_index(muons["pt"]) % 2, np.uint16)
    changed = ak.with_field(events, ak.with_field(muons, kinds, "muonType"), "Muons")
    jets = [jets_of(event) for event in changed.to_list()]
    record = decorate(changed, "muon")["score"]
    expected = slow(changed, "muon", folder, jets)
    np.testing.assert_allclose(ak.flatten(record), expected, rtol=0, atol=2e-6)
    tagged = kinds == 1
    assert ak.all(record[tagged] != decorate(events, "muon")["score"][tagged])
    assert ak.sum(tagged) > 2


@FLAVOURS
def test_inputs_that_a_file_holds_are_used(
    events: Any, pliv_network: Callable[..., Path], flavour: str
) -> None:
    pliv_network(flavour)
    leptons = events[COLLECTION[flavour]]
    # Release 21 writes isolation small.
    for name, value in (("PtFrac", 0.25), ("DRlj", 0.1), ("topoetcone30rel", 0.5)):
        column = ak.full_like(leptons["pt"], value)
        leptons = ak.with_field(leptons, column, f"{PREFIX}{name}")
    changed = ak.with_field(events, leptons, COLLECTION[flavour])
    first, second = (decorate(e, flavour)["score"] for e in (events, changed))
    assert ak.mean(first != second) > 0.8
    # What they are made of is then not needed.
    lost = [name for name in leptons.fields if name != "topoetcone30"]
    bare = ak.with_field(events, leptons[lost], COLLECTION[flavour])
    assert ak.all(decorate(bare, flavour)["score"] == second)


def secondary(events: Any, flavour: str) -> Any:
    """The events with links to the vertices instead of the stored significance.

    The sample counts the covariance of the primary vertex too, Athena does not: it is added here.
    """
    name = COLLECTION[flavour]
    vertices, primary = events["SecondaryVertices"], events["PrimaryVertices"]
    owner = vertices[f"{flavour}Link"]
    mine = vertices[owner["m_persKey"] != 0]
    for pair in ("xx", "xy", "yy", "xz", "yz", "zz"):
        column = f"covariance_{pair}"
        mine = ak.with_field(mine, mine[column] + primary[column][:, 0], column)
    place = mine[f"{flavour}Link"]["m_persIndex"]
    index = [
        [[k for k, at in enumerate(event) if at == lepton] for lepton in range(n_lepton)]
        for event, n_lepton in zip(place.to_list(), ak.num(events[name]["pt"]), strict=True)
    ]
    index = ak.values_astype(ak.Array(index), np.uint32)
    links = ak.zip({"m_persKey": index * 0 + 7, "m_persIndex": index})
    column = BEST if flavour == "muon" else f"{BEST}_ThetaCutVtx"
    kept = [f for f in events[name].fields if f != column]
    leptons = ak.with_field(events[name][kept], links, "DeepMergedSecVtxLinks")
    return ak.with_field(ak.with_field(events, mine, f"SecVtxContainer_{name}"), leptons, name)


@FLAVOURS
def test_linked_vertices_give_the_significance_that_the_sample_stores(
    events: Any, pliv_network: Callable[..., Path], flavour: str
) -> None:
    pliv_network(flavour)
    stored = decorate(events, flavour)["score"]
    made = decorate(secondary(events, flavour), flavour)["score"]
    np.testing.assert_allclose(ak.flatten(made), ak.flatten(stored), rtol=0, atol=1e-5)
    column = BEST if flavour == "muon" else f"{BEST}_ThetaCutVtx"
    assert ak.sum(events[COLLECTION[flavour], column] != 0) > 10


@FLAVOURS
def test_a_lepton_whose_direction_is_not_known_has_no_score(
    events: Any, pliv_network: Callable[..., Path], flavour: str
) -> None:
    pliv_network(flavour)
    leptons = events[COLLECTION[flavour]]
    first = ak.local_index(leptons["phi"]) == 0
    phi = ak.values_astype(ak.where(first, np.nan, leptons["phi"]), np.float32)
    moved = ak.with_field(events, ak.with_field(leptons, phi, "phi"), COLLECTION[flavour])
    record, whole = decorate(moved, flavour), decorate(events, flavour)
    assert ak.all(record["scored"] == ~first)
    assert ak.all(record["score"][~first] == whole["score"][~first])


@FLAVOURS
def test_what_is_missing_is_named(
    events: Any, pliv_network: Callable[..., Path], flavour: str
) -> None:
    pliv_network(flavour)
    drop = {"Muons": ("ParamEnergyLoss", BEST), "Electrons": (f"{BEST}_ThetaCutVtx",)}
    name = COLLECTION[flavour]
    kept = [f for f in events[name].fields if f not in drop[name]]
    bare = ak.with_field(events, events[name][kept], name)
    with pytest.raises(MissingColumns) as missing:
        decorate(bare, flavour)
    text = str(missing.value)
    assert "DeepMergedSecVtxLinks" in text
    assert f"SecVtxContainer_{name}" in text
    assert ("ParamEnergyLoss" in text) == (flavour == "muon")
    assert "topoetcone30" not in text
