"""Taggers that take tracks: every kind of events, files, chunks and commands gives one answer."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward as dak
import numpy as np
import pytest
from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema
from coffea.nanoevents.trace import trace_with_typetracer

import lepid
from lepid import errors
from lepid.cli.main import main
from lepid.tables import binning, correction
from lepid.working_points import table
from lepid.working_points.table import Binding, Requirement, Rules

pytestmark = pytest.mark.usefixtures("no_search_paths")

TAGGERS = ["muon_plit@small", "electron_plit@small"]
RECORDS = (("Muons", "muon_plit"), ("Electrons", "electron_plit"))
N_EVENT = 80
# coffea's way to dask warns about itself.
quiet = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:Skipping:UserWarning"
)
SELECTION = {
    "phi", "theta", "qOverP", "numberOfPixelHits", "numberOfPixelDeadSensors", "numberOfSCTHits",
    "numberOfSCTDeadSensors", "numberOfPixelHoles", "numberOfSCTHoles", "numberOfPixelSharedHits",
    "numberOfSCTSharedHits",
}  # fmt: skip
IMPACT = {"btagIp_d0", "btagIp_z0SinTheta", "btagIp_d0Uncertainty", "btagIp_z0SinThetaUncertainty"}
INPUTS = {
    f"numberOf{name}"
    for name in (
        "InnermostPixelLayerHits", "NextToInnermostPixelLayerHits", "InnermostPixelLayerSharedHits",
        "InnermostPixelLayerSplitHits", "PixelSplitHits",
    )
}  # fmt: skip


@pytest.fixture
def both(plit_network: Callable[..., Path]) -> None:
    """Networks for muons and electrons."""
    plit_network("muon")
    plit_network("electron")


def events_of(path: Path, mode: str) -> Any:
    factory = NanoEventsFactory.from_root(
        {str(path): "CollectionTree"}, schemaclass=PHYSLITESchema, mode=mode, entry_stop=N_EVENT
    )
    return factory.events()


def records(events: Any) -> list[Any]:
    found = [events[collection, name] for collection, name in RECORDS]
    return [array.compute() if hasattr(array, "compute") else array for array in found]


def same(left: list[Any], right: list[Any], tolerance: float = 0.0) -> None:
    for one, other in zip(left, right, strict=True):
        assert set(one.fields) == set(other.fields)
        for field in one.fields:
            assert ak.num(one[field]).to_list() == ak.num(other[field]).to_list()
            values = [ak.to_numpy(ak.flatten(x[field], axis=None)) for x in (one, other)]
            # A logarithm of scores close to 0 multiplies what they differ by.
            relative = 10 * tolerance if field == "discriminant" else 0.0
            np.testing.assert_allclose(*values, rtol=relative, atol=tolerance, err_msg=field)


# --- kinds of events ----------------------------------------------------------------------------


@quiet
@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("mode", ["eager", "virtual", "dask", "lepid.open", "parquet"])
def test_every_mode_gives_what_plain_records_give(
    reference_sample: Path, reference_events: Any, tmp_path: Path, mode: str
) -> None:
    expected = records(lepid.decorate(reference_events, TAGGERS))
    assert ak.count(expected[0]["scored"]) > 40
    if mode == "parquet":
        path = tmp_path / "events.parquet"
        ak.to_parquet(reference_events, path)
        events = lepid.open(path)
    else:
        own = lepid.open(reference_sample, entry_stop=N_EVENT)
        events = own if mode == "lepid.open" else events_of(reference_sample, mode)
    found = records(lepid.decorate(events, TAGGERS))
    # dask takes whole files: other leptons are in a batch, and the last bit may differ.
    tolerance = 1e-6 if mode == "dask" else 0.0
    same([record[:N_EVENT] for record in found], expected, tolerance)


@pytest.mark.usefixtures("both")
def test_a_mask(reference_events: Any) -> None:
    whole = records(lepid.decorate(reference_events, TAGGERS))[0]
    mask = reference_events["Muons"]["pt"] > 20e3
    where = {"Muons": mask}
    decorated = lepid.decorate(reference_events, TAGGERS[0], where=where)
    found = decorated["Muons", "muon_plit"]
    assert found["scored"].to_list() == mask.to_list()
    assert 0 < ak.sum(mask) < ak.count(mask)
    np.testing.assert_allclose(
        ak.flatten(found["pmuxpromp"][mask]), ak.flatten(whole["pmuxpromp"][mask]), atol=1e-6
    )
    assert found["track_index"][mask].to_list() == whole["track_index"][mask].to_list()
    assert ak.all(ak.num(found["track_index"], axis=2)[~mask] == 0)


@pytest.mark.parametrize("dask", [False, True])
def test_shifted_momenta_keep_what_tracks_have(
    reference_events: Any, plit_network: Callable[..., Path], dask: bool
) -> None:
    folder = plit_network("muon")
    digest = hashlib.sha256((folder / "part1.onnx").read_bytes()).hexdigest()
    point = Requirement(correction="cut", quantity="discriminant", sense=">")
    rules = Rules(
        tagger="muon_plit", points={"Loose": (point,)}, inputs={"pt": "pt"},
        bound_to=Binding(sha256=(digest,)),
    )  # fmt: skip
    steps = binning("pt", [0, 25, 9999], [0.0, 99.0])
    cut = correction("cut", "", {"pt": "[GeV]"}, ("cut", ""), steps)
    table.write(folder / "points.json", "d", rules, [cut])
    card = folder / "card.toml"
    points = 'working_points = ["points.json"]'
    card.write_text(card.read_text("utf-8").replace("[[outputs]]", f"{points}\n[[outputs]]", 1))
    events = dak.from_awkward(reference_events, 2) if dask else reference_events
    decorated = lepid.decorate(events, TAGGERS[0])
    pt = decorated["Muons"]["pt"]
    before = decorated["Muons", "muon_plit"]
    after = lepid.decide(decorated, "muon_plit", pt=pt + 20e3)
    if dask:
        pt, before, after = pt.compute(), before.compute(), after.compute()
    assert set(after.fields) == set(before.fields)
    for field in ("track_index", "TrackOrigin", "pmuxpromp", "in_training"):
        assert after[field].to_list() == before[field].to_list()
    assert ak.any(before["Loose"])
    assert after["Loose"].to_list() == (before["Loose"] & (pt + 20e3 < 25e3)).to_list()


@quiet
@pytest.mark.parametrize("flavour", ["muon", "electron"])
def test_tracing_finds_exactly_the_needed_columns(
    reference_sample: Path, plit_network: Callable[..., Path], flavour: str
) -> None:
    plit_network(flavour)
    collection, tagger = RECORDS[["muon", "electron"].index(flavour)]

    def process(events: Any) -> Any:
        return lepid.decorate(events, f"{tagger}@small")[collection][tagger]

    found = set(trace_with_typetracer(process, events_of(reference_sample, "virtual")))
    # What coffea takes the offsets of a collection from.
    offsets = {"InDetTrackParticles.d0", "GSFTrackParticles.d0"}
    names = {n.replace("AuxDyn", "") for n in found if not n.startswith("n")} - offsets
    tracks = {f"InDetTrackParticles.{name}" for name in SELECTION | IMPACT | INPUTS}
    assert names == tracks | {
        "muon": {
            "Muons.pt", "Muons.eta", "Muons.phi", "Muons.topoetcone30", "Muons.MeasEnergyLoss",
            "Muons.ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500", "Muons.muonType",
            "Muons.clusterLink.m_persKey", "Muons.clusterLink.m_persIndex", "MuonClusters.calE",
            "Muons.inDetTrackParticleLink.m_persKey", "Muons.inDetTrackParticleLink.m_persIndex",
        },
        "electron": {
            "Electrons.pt", "Electrons.eta", "Electrons.phi", "Electrons.topoetcone30",
            "Electrons.ptvarcone30", "Electrons.trackParticleLinks.m_persKey",
            "Electrons.trackParticleLinks.m_persIndex", "Electrons.caloClusterLinks.m_persKey",
            "Electrons.caloClusterLinks.m_persIndex", "egammaClusters.calE",
            "egammaClusters.calEta", "egammaClusters.calPhi",
            "GSFTrackParticles.originalTrackParticle.m_persKey",
            "GSFTrackParticles.originalTrackParticle.m_persIndex",
        },
    }[flavour]  # fmt: skip


@pytest.mark.usefixtures("both")
def test_virtual_events_read_no_more_than_the_tracer_says(reference_sample: Path) -> None:
    accessed: list[str] = []
    lepid.decorate(lepid.open(reference_sample, accessed=accessed), TAGGERS[0])
    assert "InDetTrackParticlesAuxDyn.numberOfPixelSplitHits" in accessed
    others = ("chiSquared", "truthOrigin", "Electrons", "GSF", "PrimaryVertices", "EventInfo")
    assert not [name for name in accessed if any(other in name for other in others)]


# --- chunks, batches, files ---------------------------------------------------------------------


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("step", [60, 377])
def test_chunks_are_the_whole(reference_sample: Path, step: int) -> None:
    whole = records(lepid.decorate(lepid.open(reference_sample), TAGGERS))
    chunks = list(lepid.iterate(reference_sample, TAGGERS, step=step))
    parts = [records(chunk) for chunk in chunks]
    same([ak.concatenate(list(part)) for part in zip(*parts, strict=True)], whole, 1e-6)
    assert "InDetTrackParticles" in chunks[0].fields
    assert "TruthParticles" not in chunks[0].fields


@pytest.mark.usefixtures("both")
def test_batches_of_another_size(reference_sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = records(lepid.decorate(lepid.open(reference_sample), TAGGERS))
    monkeypatch.setattr("lepid.taggers.inference.run.__kwdefaults__", {"at_once": 1, "tokens": 9})
    same(records(lepid.decorate(lepid.open(reference_sample), TAGGERS)), whole, 1e-6)


def test_chunks_without_a_tagger_that_takes_tracks_have_none(
    reference_sample: Path, plit_network: Callable[..., Path]
) -> None:
    plit_network("muon")
    events = next(lepid.iterate(reference_sample, "muon_isolation"))
    assert "InDetTrackParticles" not in events.fields
    events = next(lepid.iterate(reference_sample))
    assert "muon_plit" not in events["Muons"].fields
    assert "InDetTrackParticles" not in events.fields


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_lepid_decorate(
    reference_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    words = [word for name in TAGGERS for word in ("--tagger", name)]
    assert main(["decorate", str(reference_sample), "-o", str(path), "--step", "150", *words]) == 0
    out = capsys.readouterr().out
    assert "impact parameters: stored" in out
    whole = records(lepid.decorate(lepid.open(reference_sample), TAGGERS))
    back = records(lepid.open(path))
    each = {"TrackOrigin", "track_index"}
    if suffix == ".root":
        whole = [record[[f for f in record.fields if f not in each]] for record in whole]
        assert "Muons.muon_plit.track_index" in " ".join(out.split())
    else:
        assert "left out" not in out
        assert each <= set(back[0].fields)
    same(back, whole, 1e-6)


@pytest.mark.usefixtures("both")
def test_events_of_several_files(reference_sample: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.root"
    shutil.copy(reference_sample, other)
    whole = records(lepid.decorate(lepid.open(reference_sample), TAGGERS))
    found = records(lepid.decorate(lepid.open([reference_sample, other]), TAGGERS))
    same(found, [ak.concatenate([record, record]) for record in whole], 1e-6)


# --- what is missing ----------------------------------------------------------------------------


@pytest.mark.usefixtures("both")
def test_what_is_not_there_is_named(reference_events: Any) -> None:
    tracks = reference_events["InDetTrackParticles"]
    bare = tracks[[name for name in tracks.fields if name not in ("qOverP", "numberOfSCTHoles")]]
    events = ak.with_field(reference_events, bare, "InDetTrackParticles")
    with pytest.raises(errors.MissingColumns) as caught:
        lepid.decorate(events, TAGGERS[0])
    assert caught.value.where == "events.InDetTrackParticles"
    for name in ("qOverP", "numberOfSCTHoles"):
        assert name in caught.value.wrong
    gone = reference_events[[n for n in reference_events.fields if n != "MuonClusters"]]
    with pytest.raises(errors.MissingColumns, match="no collection MuonClusters") as caught:
        lepid.decorate(gone, TAGGERS[0])
    assert "input caloClusterERel of muon_plit@small" in caught.value.wrong


@pytest.mark.usefixtures("both")
def test_a_reference_network_runs_only_by_name(reference_events: Any) -> None:
    decorated = lepid.decorate(reference_events)
    assert "muon_plit" not in decorated["Muons"].fields
