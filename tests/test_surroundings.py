"""Events with tracks to PLIT scores, beside a twin that goes lepton by lepton, track by track."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid import surroundings
from lepid.errors import BadInput
from lepid.events.objects.tables import offsets_of
from lepid.features.kernels.association import Directions, associate
from lepid.features.kernels.isolation import ptvarcone
from lepid.taggers import catalogue
from lepid.taggers.card import Card
from lepid.taggers.card_network import Node

pytestmark = pytest.mark.usefixtures("no_search_paths")

COLLECTION = {"muon": "Muons", "electron": "Electrons"}
SCORE = {"muon": "pmuxpromp", "electron": "pelxpromp"}
HITS = (
    "numberOfPixelHits",
    "numberOfPixelDeadSensors",
    "numberOfSCTHits",
    "numberOfSCTDeadSensors",
)
FLAVOURS = pytest.mark.parametrize("flavour", ["muon", "electron"])


def decorate(events: Any, flavour: str, network: str = "small") -> Any:
    return lepid.decorate(events, f"{flavour}_plit@{network}")[
        COLLECTION[flavour], f"{flavour}_plit"
    ]


def score(events: Any, flavour: str) -> Any:
    return decorate(events, flavour)[SCORE[flavour]]


# --- the twin -----------------------------------------------------------------------------------


def direction(track: dict[str, Any]) -> tuple[float, float, float]:
    """pt, eta and phi."""
    theta = track["theta"]
    return math.sin(theta) / abs(track["qOverP"]), -math.log(math.tan(theta / 2)), track["phi"]


def turn(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi


def ratio(value: float, divisor: float) -> float:
    return value / divisor if abs(divisor) > 0 else -99.0


def linked(event: Any, lepton: dict[str, Any], link: str, to: str) -> dict[str, Any] | None:
    """What the link leads to, the first of several."""
    links = lepton[link] if isinstance(lepton[link], list) else [lepton[link]]
    return event[to][links[0]["m_persIndex"]] if links and links[0]["m_persKey"] else None


def own_tracks(event: Any, lepton: dict[str, Any], flavour: str) -> set[int]:
    """Places of the lepton's own ID tracks."""
    if flavour == "muon":
        links = [lepton["inDetTrackParticleLink"]] if lepton["muonType"] == 0 else []
    else:
        links = lepton["trackParticleLinks"]
        links = links if isinstance(links, list) else [links]
        found = [event["GSFTrackParticles"][x["m_persIndex"]] for x in links if x["m_persKey"]]
        links = [track["originalTrackParticle"] for track in found]
    return {x["m_persIndex"] for x in links if x["m_persKey"] == 490246363}


def impact(event: Any, track: dict[str, Any]) -> dict[str, float]:
    """Stored impact parameters, or those of the beam spot and the primary vertex."""
    if "btagIp_d0" in track:
        return {}
    vertices = event["PrimaryVertices"]
    vertex = next((v for v in vertices if v["vertexType"] == 1), vertices[0])
    diagonal, off = (
        track["definingParametersCovMatrixDiag"],
        track["definingParametersCovMatrixOffDiag"],
    )
    sine, along = math.sin(track["theta"]), track["z0"] * math.cos(track["theta"])
    shared = off[4] * math.sqrt(diagonal[1] * diagonal[3])
    longitudinal = sine**2 * (diagonal[1] + vertex["covariance"][5])
    longitudinal += 2 * sine * along * shared + along**2 * diagonal[3]
    x, y, xy = (event["EventInfo"][f"beamPosSigma{axis}"] for axis in ("X", "Y", "XY"))
    across, up = math.sin(track["phi"]), math.cos(track["phi"])
    spot = (across * x) ** 2 + (up * y) ** 2 - 2 * across * up * xy
    return {
        "btagIp_d0": track["d0"],
        "btagIp_z0SinTheta": (track["z0"] + track["vz"] - vertex["z"]) * sine,
        "btagIp_d0Uncertainty": math.sqrt(diagonal[0] + spot),
        "btagIp_z0SinThetaUncertainty": math.sqrt(longitudinal),
    }


def near(
    event: Any, lepton: dict[str, Any], own: set[int]
) -> list[tuple[float, int, dict[str, Any]]]:
    """dR, place and features of the selected tracks around a lepton, the nearest first."""
    found = []
    for place, track in enumerate(event["InDetTrackParticles"]):
        pt, eta, phi = direction(track)
        deta, dphi = eta - lepton["eta"], turn(phi - lepton["phi"])
        dr = math.hypot(deta, dphi)
        if np.float32(dr) > np.float32(0.4):
            continue
        full = {**track, **impact(event, track)}
        shared = track["numberOfPixelSharedHits"] + track["numberOfSCTSharedHits"] // 2
        holes = track["numberOfPixelHoles"] + track["numberOfSCTHoles"]
        if (
            pt > 500 and abs(eta) <= 2.5 and shared <= 1 and holes <= 2
            and sum(track[name] for name in HITS) >= 8 and track["numberOfPixelHoles"] <= 1
            and abs(full["btagIp_d0"]) < 3.5 and abs(full["btagIp_z0SinTheta"]) < 5
        ):  # fmt: skip
            full |= {
                "dr_lepton": dr, "deta_lepton": deta, "dphi_lepton": dphi,
                "muon_track": place in own, "electron_track": place in own,
                "d0_significance": ratio(full["btagIp_d0"], full["btagIp_d0Uncertainty"]),
                "z0SinTheta_significance":
                    ratio(full["btagIp_z0SinTheta"], full["btagIp_z0SinThetaUncertainty"]),
            }  # fmt: skip
            found.append((dr, place, full))
    return sorted(found, key=lambda one: one[:2])


def features(event: Any, lepton: dict[str, Any], flavour: str) -> dict[str, float]:
    """Lepton features of Athena's DecoratePLIT."""
    if flavour == "muon":
        cluster = linked(event, lepton, "clusterLink", "MuonClusters")
        loss = lepton["MeasEnergyLoss"]
        cone = lepton["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"]
        return lepton | {
            "ptvarcone30TTVARel": cone / lepton["pt"],
            "topoetcone30Rel": lepton["topoetcone30"] / lepton["pt"],
            "caloClusterERel": -99.0 if cluster is None else ratio(cluster["calE"], loss),
        }
    gsf = linked(event, lepton, "trackParticleLinks", "GSFTrackParticles")
    track = gsf and linked(event, gsf, "originalTrackParticle", "InDetTrackParticles")
    pt, eta, phi = direction(track) if track else (-99.0, -99.0, -99.0)
    own, total = linked(event, lepton, "caloClusterLinks", "egammaClusters"), 0.0
    for other in event["egammaClusters"] if own else ():
        apart = other["calEta"] - own["calEta"], turn(other["calPhi"] - own["calPhi"])
        if math.hypot(*apart) < 0.15:
            total += other["calE"] / math.cosh(other["calEta"])
    return {
        "track_pt": pt, "track_eta": eta, "track_phi": phi,
        "ptvarcone30Rel": lepton["ptvarcone30"] / lepton["pt"],
        "topoetcone30Rel": lepton["topoetcone30"] / lepton["pt"],
        "caloClusterSumEtRel": total / lepton["pt"],
    }  # fmt: skip


def rows(node: Node, lines: list[dict[str, Any]]) -> Any:
    values = [[float(line[entry.feature]) for entry in node.inputs] for line in lines]
    return np.array(values, np.float32).reshape(len(lines), len(node.inputs))


def slow(events: Any, flavour: str, folder: Path) -> list[list[dict[str, Any]]]:
    """One call of the file for each lepton."""
    card: Card = catalogue.load(f"{flavour}_plit", "small")
    sessions = [onnxruntime.InferenceSession(folder / part.file) for part in card.networks]
    found = []
    for event in events.to_list():
        found.append([])
        for lepton in event[COLLECTION[flavour]]:
            part = 1 if len(sessions) > 1 and abs(lepton["eta"]) >= 1.37 else 0
            jets, tracks = card.networks[part].nodes
            around = near(event, lepton, own_tracks(event, lepton, flavour))
            fed = {
                "jet_features": rows(jets, [features(event, lepton, flavour)]),
                "track_features": rows(tracks, [track for *_, track in around]),
            }
            answers = sessions[part].run([o.node for o in card.outputs], fed)
            answer = dict(zip((o.name for o in card.outputs), answers, strict=True))
            answer["track_index"] = [place for _, place, _ in around]
            found[-1].append(answer)
    return found


def check(events: Any, flavour: str, folder: Path) -> Any:
    """Compare with the twin; the record of the leptons."""
    record, right = decorate(events, flavour), slow(events, flavour, folder)
    assert ak.all(record["scored"])
    for name in (SCORE[flavour], "pnpxall"):
        expected = [float(lepton[name]) for event in right for lepton in event]
        np.testing.assert_allclose(ak.flatten(record[name]), expected, rtol=0, atol=1e-6)
    for event, leptons in zip(record.to_list(), right, strict=True):
        for lepton, answer in zip(event, leptons, strict=True):
            assert lepton["track_index"] == answer["track_index"]
            if answer["track_index"]:
                assert lepton["TrackOrigin"] == answer["TrackOrigin"].tolist()
            else:
                assert lepton["TrackOrigin"] == []
    return record


@FLAVOURS
def test_the_slow_twin(
    reference_events: Any, plit_network: Callable[..., Path], flavour: str
) -> None:
    record = check(reference_events, flavour, plit_network(flavour))
    values = ak.to_numpy(ak.flatten(record[SCORE[flavour]]))
    assert len(values) > 40
    assert np.ptp(values) > 0.05
    lengths = ak.num(ak.flatten(record["track_index"]))
    assert ak.max(lengths) > 10


def nested(events: Any) -> Any:
    """The events as a real file has them: vectors of links and of covariances, no stored impact
    parameters; electrons with a null link and a second track in front of or behind the best."""
    tracks = events["InDetTrackParticles"]
    prefix = "definingParametersCovMatrix"
    names = ("d0", "z0", "phi", "theta", "qOverP")
    pairs = [f"{names[j]}_{names[i]}" for i in range(1, 5) for j in range(i)]
    vectors = {
        "Diag": [tracks[f"{prefix}Diag_{name}_{name}"] for name in names],
        "OffDiag": [tracks[f"{prefix}OffDiag_{pair}"] for pair in pairs],
    }
    bare = tracks[[f for f in tracks.fields if "btagIp" not in f and prefix not in f]]
    for part, columns in vectors.items():
        bare = ak.with_field(bare, joined(columns), f"{prefix}{part}")
    electrons, gsf = events["Electrons"], events["GSFTrackParticles"]
    best = electrons["trackParticleLinks"][:, :, 0]
    second = ak.zip({
        "m_persKey": best["m_persKey"],
        "m_persIndex": (best["m_persIndex"] + 1) % ak.num(gsf["d0"]),
    })  # fmt: skip
    null = ak.zip({"m_persKey": best["m_persKey"] * 0, "m_persIndex": best["m_persIndex"] * 0})
    links = ak.concatenate([links_of(x) for x in (best, null, second)], axis=2)
    electrons = ak.with_field(electrons, links, "trackParticleLinks")
    vertices = events["PrimaryVertices"]
    axes = ("xx", "xy", "yy", "xz", "yz", "zz")
    covariance = joined([vertices[f"covariance_{axis}"] for axis in axes])
    info = events["EventInfo"]
    for axis, value in (("X", 0.01), ("Y", 0.02), ("XY", 1e-4)):
        info = ak.with_field(info, np.full(len(events), value, np.float32), f"beamPosSigma{axis}")
    changed = {
        "InDetTrackParticles": bare, "Electrons": electrons, "EventInfo": info,
        "PrimaryVertices": ak.with_field(vertices, covariance, "covariance"),
    }  # fmt: skip
    for name, collection in changed.items():
        events = ak.with_field(events, collection, name)
    return events


def joined(columns: list[Any]) -> Any:
    """A vector of these numbers for each object."""
    flat = np.stack([ak.to_numpy(ak.flatten(column)) for column in columns], axis=1)
    return ak.unflatten(ak.from_regular(ak.from_numpy(flat)), ak.num(columns[0]))


def links_of(links: Any) -> Any:
    """A vector of one link for each object."""
    return ak.unflatten(ak.flatten(links)[:, np.newaxis], ak.num(links))


@FLAVOURS
def test_vectors_of_real_files_and_computed_impact_parameters(
    reference_events: Any, plit_network: Callable[..., Path], flavour: str
) -> None:
    folder = plit_network(flavour)
    events = nested(reference_events[:40])
    record = check(events, flavour, folder)
    stored = decorate(reference_events[:40], flavour)
    apart = ak.flatten(abs(record[SCORE[flavour]] - stored[SCORE[flavour]]))
    assert ak.max(apart) > 1e-4
    noted = lepid.decorate(events, f"{flavour}_plit@small").attrs["lepid"][f"{flavour}_plit"]
    assert noted["impact_parameters"] == "computed"


# --- invariances --------------------------------------------------------------------------------


@FLAVOURS
def test_the_order_of_events(
    reference_events: Any, plit_network: Callable[..., Path], flavour: str
) -> None:
    plit_network(flavour)
    whole = score(reference_events, flavour)
    order = np.random.default_rng(1).permutation(len(reference_events))
    moved = score(reference_events[order], flavour)
    np.testing.assert_allclose(ak.flatten(moved), ak.flatten(whole[order]), rtol=0, atol=1e-6)


@FLAVOURS
def test_the_order_of_leptons(
    reference_events: Any, plit_network: Callable[..., Path], flavour: str
) -> None:
    plit_network(flavour)
    whole = decorate(reference_events, flavour)
    leptons = reference_events[COLLECTION[flavour]]
    turned = ak.with_field(reference_events, leptons[:, ::-1], COLLECTION[flavour])
    moved = decorate(turned, flavour)[:, ::-1]
    name = SCORE[flavour]
    np.testing.assert_allclose(ak.flatten(moved[name]), ak.flatten(whole[name]), rtol=0, atol=1e-6)
    assert moved["track_index"].to_list() == whole["track_index"].to_list()


@FLAVOURS
def test_the_order_of_tracks(
    reference_events: Any, plit_network: Callable[..., Path], flavour: str
) -> None:
    plit_network(flavour)
    whole = decorate(reference_events, flavour)
    n_track = ak.num(reference_events["InDetTrackParticles"]["d0"])
    tracks = reference_events["InDetTrackParticles"][:, ::-1]
    events = ak.with_field(reference_events, tracks, "InDetTrackParticles")
    for collection, link in (
        ("Muons", "inDetTrackParticleLink"),
        ("GSFTrackParticles", "originalTrackParticle"),
    ):
        links = events[collection][link]
        there = links["m_persKey"] != 0
        place = ak.where(there, n_track - 1 - links["m_persIndex"], 0)
        back = ak.zip({"m_persKey": links["m_persKey"], "m_persIndex": place})
        events = ak.with_field(events, ak.with_field(events[collection], back, link), collection)
    moved = decorate(events, flavour)
    name = SCORE[flavour]
    np.testing.assert_allclose(ak.flatten(moved[name]), ak.flatten(whole[name]), rtol=0, atol=1e-6)
    back = n_track - 1 - moved["track_index"]
    same = ak.sort(ak.flatten(back), axis=1) == ak.sort(ak.flatten(whole["track_index"]), axis=1)
    assert ak.all(same)


# --- what a card says ---------------------------------------------------------------------------


def test_own_tracks_by_either_definition(
    reference_events: Any, plit_network: Callable[..., Path]
) -> None:
    plit_network("muon")
    plit_network("muon", "never", own_track="never")
    link, never = (decorate(reference_events, "muon", n) for n in ("small", "never"))
    assert link["track_index"].to_list() == never["track_index"].to_list()
    own = reference_events["Muons"]["inDetTrackParticleLink"]["m_persIndex"]
    has = ak.any(link["track_index"] == own, axis=2)
    apart = abs(link["pmuxpromp"] - never["pmuxpromp"])
    assert ak.any(has)
    assert ak.all(apart[has] > 0)
    assert ak.all(apart[~has] == 0)
    other = ak.with_field(reference_events, ak.full_like(own, 1), ("Muons", "muonType"))
    np.testing.assert_array_equal(
        ak.flatten(decorate(other, "muon")["pmuxpromp"]), ak.flatten(never["pmuxpromp"])
    )


def test_a_link_into_another_collection_is_no_own_track(
    reference_events: Any, plit_network: Callable[..., Path]
) -> None:
    plit_network("muon")
    plit_network("muon", "never", own_track="never")
    links = reference_events["Muons"]["inDetTrackParticleLink"]
    forward = ak.with_field(links, ak.full_like(links["m_persKey"], 339503174), "m_persKey")
    events = ak.with_field(reference_events, forward, ("Muons", "inDetTrackParticleLink"))
    assert score(events, "muon").to_list() == (
        decorate(reference_events, "muon", "never")["pmuxpromp"].to_list()
    )


def test_leptons_outside_the_training_are_evaluated_and_flagged(
    reference_events: Any, plit_network: Callable[..., Path]
) -> None:
    plit_network("electron")
    electrons = reference_events["Electrons"]
    abseta, pt = abs(electrons["eta"]), electrons["pt"] / 1000
    record = decorate(reference_events, "electron")
    inside = (pt >= 10) & ((abseta < 1.37) | ((abseta >= 1.52) & (abseta < 2.5)))
    assert record["in_training"].to_list() == inside.to_list()
    assert ak.all(record["scored"])
    crack = (abseta >= 1.37) & (abseta < 1.52)
    assert ak.any(crack)
    assert ak.any(inside)
    assert ak.any(~inside & ~crack)


def test_a_lepton_in_the_training_of_the_other_network_is_outside(
    reference_events: Any, plit_network: Callable[..., Path]
) -> None:
    card = plit_network("electron") / "card.toml"
    text = card.read_text("utf-8")
    assert "abseta = [0.0, 1.37], source" in text
    card.write_text(text.replace("abseta = [0.0, 1.37], source", "abseta = [0.0, 2.5], source"))
    abseta = abs(reference_events["Electrons"]["eta"])
    crack = (abseta >= 1.37) & (abseta < 1.52)
    assert ak.any(crack)
    assert not ak.any(decorate(reference_events, "electron")["in_training"][crack])


def test_networks_share_the_association_but_not_another_flag(
    reference_events: Any, plit_network: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = surroundings.tracks.neighbours

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(surroundings.tracks, "neighbours", counted)
    plit_network("electron")
    plit_network("electron", "never", own_track="never")
    text = (plit_network("electron", "mixed") / "card.toml").read_text("utf-8")
    barrel, found, endcap = text.rpartition('own_track = "link"')
    assert found
    mixed = catalogue.folder(catalogue.load("electron_plit", "mixed")) / "card.toml"
    mixed.write_text(f'{barrel}own_track = "never"{endcap}', encoding="utf-8")
    link, never = (decorate(reference_events, "electron", n) for n in ("small", "never"))
    assert len(calls) == 2
    both = decorate(reference_events, "electron", "mixed")["pelxpromp"]
    assert len(calls) == 4
    inner = abs(reference_events["Electrons"]["eta"]) < 1.37
    for where, right, other in ((inner, link, never), (~inner, never, link)):
        assert both[where].to_list() == right["pelxpromp"][where].to_list()
        assert both[where].to_list() != other["pelxpromp"][where].to_list()


def test_a_stored_sum_of_clusters_is_taken(
    reference_events: Any, plit_network: Callable[..., Path]
) -> None:
    plit_network("electron")
    plain = score(reference_events, "electron")
    energy = reference_events["Electrons"]["pt"] * 9
    events = ak.with_field(reference_events, energy, ("Electrons", "caloClusterSumEt"))
    bare = events[[name for name in events.fields if name != "egammaClusters"]]
    stored = score(bare, "electron")
    assert stored.to_list() == score(events, "electron").to_list()
    assert ak.mean(stored != plain) > 0.9


# --- leptons and tracks without each other ------------------------------------------------------


@FLAVOURS
def test_events_without_leptons_and_leptons_without_tracks(
    reference_events: Any, plit_network: Callable[..., Path], flavour: str
) -> None:
    folder = plit_network(flavour)
    collection = COLLECTION[flavour]
    events = reference_events[:10]
    empty = ak.with_field(events, events[collection][:, :0], collection)
    assert decorate(empty, flavour).to_list() == [[]] * 10
    assert decorate(events[:0], flavour).to_list() == []
    tracks = events["InDetTrackParticles"]
    far = ak.with_field(events, ak.full_like(tracks["z0"], 900.0), ("InDetTrackParticles", "z0"))
    far = ak.with_field(far, tracks["z0"] * 0 + 900, ("InDetTrackParticles", "btagIp_z0SinTheta"))
    record = check(far, flavour, folder)
    assert ak.count(record["scored"]) > 5
    assert ak.all(ak.num(record["track_index"], axis=2) == 0)


def test_links_beyond_the_tracks_of_their_event_are_an_error(
    reference_events: Any, plit_network: Callable[..., Path]
) -> None:
    plit_network("muon")
    few = reference_events["InDetTrackParticles"][:, :5]
    events = ak.with_field(reference_events, few, "InDetTrackParticles")
    with pytest.raises(BadInput, match="lead beyond the objects of InDetTrackParticles") as caught:
        decorate(events, "muon")
    assert caught.value.where == "events.Muons['inDetTrackParticleLink']"
    assert "keep InDetTrackParticles as the file has it" in caught.value.do


# --- isolation ----------------------------------------------------------------------------------


def test_ptvarcone30_of_tracks_is_the_stored_one(reference_events: Any) -> None:
    muons, tracks = reference_events["Muons"], reference_events["InDetTrackParticles"]
    of_track, of_muon = (offsets_of(ak.to_numpy(ak.num(t["phi"]))) for t in (tracks, muons))
    near = (abs(tracks["d0"]) < 2) & (abs(tracks["btagIp_z0SinTheta"]) < 3)
    link = tracks["vertexLink"]
    vertex = (link["m_persKey"] != 0) & (link["m_persIndex"] == 0)
    flat = {name: ak.to_numpy(ak.flatten(tracks[name])) for name in ("theta", "phi", "qOverP")}
    pt = np.sin(flat["theta"]) / abs(flat["qOverP"])
    eta = -np.log(np.tan(flat["theta"].astype(float) / 2))
    counted = ak.to_numpy(ak.flatten(vertex | (near & (link["m_persKey"] == 0))))
    counted &= (abs(eta) < 2.5) & (pt > 500)
    event = np.repeat(np.arange(len(muons)), np.diff(of_muon))
    own = of_track[event] + ak.to_numpy(ak.flatten(muons["inDetTrackParticleLink"]["m_persIndex"]))
    phi, muon_eta, muon_pt = (ak.to_numpy(ak.flatten(muons[n])) for n in ("phi", "eta", "pt"))
    pairs = associate(
        Directions(of_muon, phi, eta=muon_eta),
        Directions(of_track, flat["phi"], theta=flat["theta"]),
        0.3,
        lambda lepton, row: counted[row] & (row != own[lepton]),
    )
    found = ptvarcone(pairs, pt, muon_pt / 1000, 0.3)
    stored = ak.to_numpy(ak.flatten(muons["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"]))
    assert (stored > 0).sum() > 5
    np.testing.assert_allclose(found, stored, rtol=1e-5)
