"""TightNN from events: inputs muon by muon, which muons are scored, what is said of the others."""

from __future__ import annotations

import math
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

import lepid
from lepid.errors import MissingColumns, UnboundTable
from lepid.taggers import catalogue
from lepid.working_points import table

pytestmark = pytest.mark.usefixtures("no_search_paths")

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = runpy.run_path(str(REPOSITORY / "tests" / "small_tightnn.py"))
RUN2, RUN3 = "atlas-2025-06-18-run2", "atlas-2025-06-18-run3"
LINKS = {
    "ID": ("inDetTrackParticleLink", "InDetTrackParticles"),
    "ME": ("extrapolatedMuonSpectrometerTrackParticleLink", "ExtrapolatedMuonTrackParticles"),
    "CB": ("combinedTrackParticleLink", "CombinedMuonTrackParticles"),
}
KEYS = {"inDetTrackParticleLink": 490246363, "combinedTrackParticleLink": 873304470}
PLAIN = (
    "author", "scatteringCurvatureSignificance", "scatteringNeighbourSignificance",
    "momentumBalanceSignificance", "spectrometerFieldIntegral", "segmentDeltaEta",
    "innerLargeHits", "innerSmallHits", "middleLargeHits", "middleSmallHits", "outerLargeHits",
    "outerSmallHits", "phiLayer1STGCHits", "phiLayer2STGCHits", "etaLayer1STGCHits",
    "etaLayer2STGCHits", "MMHits",
)  # fmt: skip
# What TopCPToolkit-like ntuples have no other way to hold than under these names.
STORED = (
    *PLAIN, "rhoPrime", "qOverPSignificance", "reducedChi2", "reducedChi2_ID", "reducedChi2_ME",
    "numberOfPixelHits", "numberOfPixelDeadSensors", "has_ID_track", "has_ME_track",
    "muonType", "quality", "eta",
)  # fmt: skip


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A calibration area with small networks for both runs."""
    monkeypatch.setenv("LEPID_CALIBRATION", str(tmp_path / "area"))
    for network in (RUN2, RUN3):
        SMALL["install"](tmp_path / "area", network)
    return tmp_path / "area"


def names(network: str) -> list[str]:
    (part,) = catalogue.load("muon_tightnn", network).networks
    return [entry.feature for entry in part.nodes[0].inputs]


def slow(events: Any, switches: tuple[str, ...] = ()) -> list[dict[str, float]]:
    """Each muon's inputs, and whether it may be scored, as MuonSelectionTool says."""
    found = []
    wanted = ["Muons", *(collection for _, collection in LINKS.values())]
    for event in events[wanted].to_list():
        for muon in event["Muons"]:
            track = {}
            for kind, (link, collection) in LINKS.items():
                there = muon[link]["m_persKey"] != 0
                track[kind] = event[collection][muon[link]["m_persIndex"]] if there else None
            found.append({"valid": _valid(muon, track)} | _inputs(muon, track, switches))
    return found


def _valid(muon: Any, track: dict[str, Any]) -> bool:
    return bool(
        muon["muonType"] == 0
        and track["ID"] is not None
        and track["ME"] is not None
        and (int(muon["quality"]) & 7) <= 1
        and abs(muon["eta"]) <= 2.5
        and muon["pt"] >= 4000
    )


def _inputs(muon: Any, track: dict[str, Any], switches: tuple[str, ...]) -> dict[str, float]:
    values = {name: float(muon[name]) for name in PLAIN}
    for name, kind in (("reducedChi2", "CB"), ("reducedChi2_ID", "ID"), ("reducedChi2_ME", "ME")):
        t = track[kind]
        values[name] = math.nan if t is None else float(t["chiSquared"]) / float(t["numberDoF"])
    for name in ("numberOfPixelHits", "numberOfPixelDeadSensors"):
        values[name] = math.nan if track["CB"] is None else float(track["CB"][name])
    both = [track["ID"], track["ME"]]
    if "DisablePtCuts" in switches:
        return values | {"rhoPrime": 0.0, "qOverPSignificance": 0.0}
    if None in both:
        return values | {"rhoPrime": math.nan, "qOverPSignificance": math.nan}
    pts = [float(muon[name]) for name in ("InnerDetectorPt", "MuonSpectrometerPt")]
    if "TurnOffMomCorr" in switches:
        pts = [math.sin(t["theta"]) / abs(float(t["qOverP"])) for t in both]
    signed = [math.copysign(math.sin(t["theta"]) / pt, t["qOverP"])
              for t, pt in zip(both, pts, strict=True)]  # fmt: skip
    cov = sum(float(t["definingParametersCovMatrixDiag_qOverP_qOverP"]) for t in both)
    values["rhoPrime"] = abs(pts[0] - pts[1]) / float(muon["pt"])
    values["qOverPSignificance"] = abs(signed[1] - signed[0]) / math.sqrt(cov)
    return values


def check(record: Any, twins: list[dict[str, float]], order: list[str]) -> None:
    """Scores, decisions and which muons have them."""
    flat = ak.flatten(record)
    assert flat["scored"].to_list() == [bool(t["valid"]) for t in twins]
    rows = np.array([[t[name] for name in order] for t in twins if t["valid"]])
    right = SMALL["answer"](rows, order)
    scores = flat["score"].to_numpy()
    assert np.isnan(scores[~flat["scored"].to_numpy()]).all()
    np.testing.assert_allclose(scores[flat["scored"].to_numpy()], right, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("network", [RUN2, RUN3])
def test_scores_follow_from_the_tracks(
    reference_events: Any, calibration: Path, network: str
) -> None:
    decorated = lepid.decorate(reference_events, f"muon_tightnn@{network}")
    twins = slow(reference_events, ("DisablePtCuts",))
    assert {bool(t["valid"]) for t in twins} == {True, False}
    record = decorated["Muons"]["muon_tightnn"]
    check(record, twins, names(network))
    flat = ak.flatten(record)
    passed = (flat["score"] > np.float64(0.8)).to_list()
    assert flat["TightNN"].to_list() == passed
    assert calibration.is_dir()


@pytest.mark.parametrize("switches", [(), ("TurnOffMomCorr",), ("DisablePtCuts",)])
def test_switches_of_a_card(reference_events: Any, own: Any, switches: tuple[str, ...]) -> None:
    name = own(RUN3, {r"switches = .*": f"switches = {list(switches)}"})
    decorated = lepid.decorate(reference_events, name)
    check(decorated["Muons"]["muon_tightnn"], slow(reference_events, switches), names(RUN3))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Function: network, changes -> name of a network of one's own with a changed card."""
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))

    def make(network: str, changes: dict[str, str]) -> str:
        source = REPOSITORY / "models" / "muon_tightnn" / network / "card.toml"
        text = source.read_text("utf-8")
        model = SMALL["model"](names(network))
        folder = tmp_path / "models" / "muon_tightnn" / "own"
        folder.mkdir(parents=True)
        (folder / "own.onnx").write_bytes(model)
        digest = catalogue.sha256(folder / "own.onnx")
        changes |= {
            r"network = .*": 'network = "own"', r"working_points = .*\n": "",
            r"path = .*": f'file = "own.onnx"\nsha256 = "{digest}"',
        }  # fmt: skip
        for old, new in changes.items():
            text, n = re.subn(rf"(?m)^(\s*){old}", rf"\g<1>{new}", text)
            assert n == 1, old
        (folder / "card.toml").write_text(text, "utf-8")
        return "muon_tightnn@own"

    return make


# --- muons at the edges -------------------------------------------------------------------------


def edge_muons() -> tuple[Any, list[str]]:
    """Events of one muon each, and why the muon is not scored; empty if it is."""
    after = np.nextafter
    f = np.float32
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"pt": f(4000)}, ""),
        ({"pt": after(f(4000), f(0))}, "pt >= 4 GeV"),
        ({"eta": f(-2.5)}, ""),
        ({"eta": after(f(2.5), f(3))}, "|eta| <= 2.5"),
        ({"eta": f(np.nan)}, "|eta| <= 2.5"),
        ({"quality": 8}, ""),
        ({"quality": 10}, "Medium or Tight"),
        ({"muonType": 2}, "a combined muon"),
        ({"muonType": 2, "quality": 3, "pt": f(1000)}, "a combined muon"),
        ({"inDetTrackParticleLink": 0}, "an ID track"),
        (
            {"extrapolatedMuonSpectrometerTrackParticleLink": 0},
            "an extrapolated spectrometer track",
        ),
        # Inputs that are no numbers: without the combined track, and without degrees of freedom.
        ({"combinedTrackParticleLink": 0}, "?"),
        ({"numberDoF": f(0)}, "?"),
        ({"momentumBalanceSignificance": f(np.inf)}, "?"),
        ({"pt": f(np.nan)}, "pt >= 4 GeV"),
    ]
    base = dict.fromkeys(PLAIN, f(1)) | {
        "pt": f(2e4), "eta": f(0.3), "phi": f(0.1), "muonType": 0, "quality": 9,
        "InnerDetectorPt": f(2.1e4), "MuonSpectrometerPt": f(1.9e4),
    }  # fmt: skip
    muons, tracks = [], []
    for change, _ in cases:
        mine = {k: v for k, v in change.items() if k not in ("numberDoF",) and "Link" not in k}
        muon = base | mine
        for link, _ in LINKS.values():
            muon[link] = {"m_persKey": change.get(link, KEYS.get(link, 1)), "m_persIndex": 0}
        muons.append([muon])
        dof = change.get("numberDoF", f(20))
        tracks.append([{
            "theta": f(1.2), "qOverP": f(5e-5), "chiSquared": f(18), "numberDoF": dof,
            "definingParametersCovMatrixDiag_qOverP_qOverP": f(1e-12),
            "numberOfPixelHits": 4, "numberOfPixelDeadSensors": 0,
        }])  # fmt: skip
    collections = {"Muons": muons} | {name: tracks for _, name in LINKS.values()}
    events = ak.zip({k: ak.Array(v) for k, v in collections.items()}, depth_limit=1)
    return events, [why for _, why in cases]


def test_who_is_scored_and_what_is_said_of_the_others(calibration: Path) -> None:
    events, why = edge_muons()
    decorated = lepid.decorate(events, f"muon_tightnn@{RUN2}")
    record = ak.flatten(decorated["Muons"]["muon_tightnn"])
    assert record["scored"].to_list() == [not reason for reason in why]
    told = ak.flatten(lepid.explain(decorated, "muon_tightnn", "TightNN"))["failed"].to_list()
    expected = {"?": "not scored"} | {w: f"not scored: {w}" for w in why if w not in ("", "?")}
    for reason, said, score in zip(why, told, record["score"], strict=True):
        assert said == (expected[reason] if reason else "" if score > 0.8 else "score")
    assert calibration.is_dir()


def test_without_its_columns_a_condition_is_left_out_of_the_explanation(calibration: Path) -> None:
    events, why = edge_muons()
    decorated = lepid.decorate(events, f"muon_tightnn@{RUN2}")
    muons = decorated["Muons"]
    del muons["quality"]
    decorated["Muons"] = muons
    told = ak.flatten(lepid.explain(decorated, "muon_tightnn", "TightNN"))["failed"].to_list()
    assert told[why.index("Medium or Tight")] == "not scored"
    assert told[why.index("a combined muon")] == "not scored: a combined muon"
    assert calibration.is_dir()


def test_the_report_says_who_is_scored(
    reference_events: Any, calibration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lepid.report(lepid.decorate(reference_events, f"muon_tightnn@{RUN3}"))
    said = capsys.readouterr().out
    assert "scored are: a combined muon, an ID track, an extrapolated spectrometer track" in said
    assert "|eta| <= 2.5, pt >= 4 GeV" in said
    assert str(calibration) in said


# --- other layouts ------------------------------------------------------------------------------


def as_ntuple(events: Any) -> Any:
    """The muons of `events` as the flat columns of an ntuple, made by the slow twin."""
    counts = ak.num(events["Muons"])
    own = ak.flatten(events["Muons"])
    columns = {name: own[name].to_numpy() for name in ("pt", "eta", "muonType", "quality")}
    twins = slow(events)
    columns |= {n: np.array([t[n] for t in twins]) for n in STORED if n in twins[0]}
    columns |= {f"has_{kind}_track": np.ones(len(own)) for kind in ("ID", "ME")}
    suffix = {"pt": "_NOSYS"}
    flat = {f"mu_{k}{suffix.get(k, '')}": ak.unflatten(v, counts) for k, v in columns.items()}
    return ak.zip(flat, depth_limit=1)


def test_an_ntuple_with_the_inputs_gives_the_same(reference_events: Any, own: Any) -> None:
    name = own(RUN3, {r"switches = .*\n": ""})
    right = lepid.decorate(reference_events, name)["Muons"]["muon_tightnn"]
    found = lepid.decorate(as_ntuple(reference_events), name)["mu"]["muon_tightnn"]
    assert found["scored"].to_list() == right["scored"].to_list()
    a, b = (ak.flatten(record["score"]).to_numpy() for record in (found, right))
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_an_ntuple_without_an_input_is_an_error_that_names_it(
    reference_events: Any, own: Any
) -> None:
    some = ak.num(reference_events["Muons"]) > 0
    events = as_ntuple(reference_events[some][:1])
    name = own(RUN3, {r"switches = .*\n": ""})
    for lost in STORED:
        left = events[[field for field in events.fields if field != f"mu_{lost}"]]
        # Its ingredients are columns of muons too.
        named = "InnerDetectorPt, MuonSpectrometerPt" if lost == "rhoPrime" else lost
        with pytest.raises(MissingColumns, match=rf"mu: no column {named} \(needed by input"):
            lepid.decorate(left, name)


def test_a_card_without_a_default_does_not_take_an_absent_input(
    reference_events: Any, own: Any
) -> None:
    tracks = reference_events["ExtrapolatedMuonTrackParticles"]
    kept = [name for name in tracks.fields if name not in ("chiSquared", "numberDoF")]
    thinned = ak.with_field(reference_events, tracks[kept], "ExtrapolatedMuonTrackParticles")
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(thinned, own(RUN3, {}))
    text = str(caught.value)
    assert "ExtrapolatedMuonTrackParticles: no column chiSquared, numberDoF" in text
    assert "reducedChi2_ME" in text


def test_a_default_of_the_card_stands_in_for_it_and_is_reported(
    reference_events: Any, own: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tracks = reference_events["ExtrapolatedMuonTrackParticles"]
    kept = [name for name in tracks.fields if name not in ("chiSquared", "numberDoF")]
    thinned = ak.with_field(reference_events, tracks[kept], "ExtrapolatedMuonTrackParticles")
    default = 'default = 0.9, default_source = "a mean of mine", optional = true'
    entry = f'{{ feature = "reducedChi2_ME", {default} }}'
    name = own(RUN3, {'"reducedChi2_ME"': entry})
    decorated = lepid.decorate(thinned, name)
    twins = [t | {"reducedChi2_ME": 0.9} for t in slow(reference_events, ("DisablePtCuts",))]
    check(decorated["Muons"]["muon_tightnn"], twins, names(RUN3))
    lepid.report(decorated)
    said = capsys.readouterr().out
    assert "input reducedChi2_ME is 0.9 for all" in said
    assert "a mean of mine" in said
    # Where the columns are there the default is only for what is not finite.
    whole = lepid.decorate(reference_events, name)
    check(whole["Muons"]["muon_tightnn"], slow(reference_events, ("DisablePtCuts",)), names(RUN3))


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "network", "lost"),
    [
        ("coffea_PHYSLITE_example.root", RUN2, ()),
        ("coffea_PHYSLITE_example.root", RUN3, PLAIN[-5:]),
        ("skhep_uproot-physlite-rntuple_v1-0-0-0.root", RUN3, ()),
    ],
)
def test_real_physlite_lacks_one_input_and_says_which(
    real_data: Path, calibration: Path, file: str, network: str, lost: tuple[str, ...]
) -> None:
    events = lepid.open(real_data / "root" / file)
    with pytest.raises(MissingColumns) as caught:
        lepid.decorate(events, f"muon_tightnn@{network}")
    missing = re.findall(r"no column ([\w., ]+) \(", caught.value.wrong)
    names_missing = {n.strip().split(".")[-1] for part in missing for n in part.split(",")}
    assert names_missing == {"chiSquared", "numberDoF", *lost}
    assert "ExtrapolatedMuonTrackParticles" in str(caught.value)
    assert f"input reducedChi2_ME of muon_tightnn@{network}" in str(caught.value)
    assert calibration.is_dir()


@pytest.mark.real
def test_real_physlite_with_a_default_is_scored(real_data: Path, own: Any) -> None:
    file = real_data / "root" / "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
    default = 'default = 0.9, default_source = "a mean of mine", optional = true'
    entry = f'{{ feature = "reducedChi2_ME", {default} }}'
    name = own(RUN3, {'"reducedChi2_ME"': entry})
    decorated = lepid.decorate(lepid.open(file), name)
    record = ak.flatten(decorated["Muons"]["muon_tightnn"])
    n = Counter(record["scored"].to_list())
    assert n[True] > 40
    assert n[False] > 5


@pytest.mark.parametrize("network", [RUN2, RUN3])
def test_the_point_belongs_to_its_network(network: str) -> None:
    points = table.read(REPOSITORY / "wp_tables" / "muon_tightnn" / f"{network}.json")
    (part,) = catalogue.load("muon_tightnn", network).networks
    points.check_binding("", part.path, ())
    with pytest.raises(UnboundTable, match=re.escape(part.path)):
        points.check_binding("", "MuonSelectorTools/another.onnx", ())
