"""A likelihood through decorate: pile-up, points, all kinds of events, what is missing."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import awkward as ak
import dask_awkward
import numpy as np
import pytest

import lepid
from lepid.errors import MissingColumns, NetworkMismatch
from lepid.tables import correction
from lepid.taggers import catalogue
from lepid.working_points import cuts
from lepid.working_points import table as working_points
from lepid.working_points.table import Rules

TOY = runpy.run_path(str(Path(__file__).resolve().parent.parent / "likelihoods.py"))
NAMES = {"trt": "Rphi"}
CONF = (
    "ElectronPhotonSelectorTools/offline/mc20_20210514/"
    "ElectronLikelihoodTightOfflineConfig2017_Smooth.conf"
)


def toml(digest: str, plateaus: str, cut_plateaus: str) -> str:
    return f'''tagger = "toy_lh"
network = "toy"
flavour = "electron"
description = "d"
source = "ours"
working_points = ["points.json"]
[[outputs]]
name = "lh"
node = "discriminant"
[discriminants.D_LH]
kind = "score"
output = "lh"
[[networks]]
file = "densities.json"
sha256 = "{digest}"
[networks.likelihood]
plateaus = {plateaus}
neighbour = "index"
skip = [{{ feature = "Rphi", from_abseta = 2.01, above_et = 80.0 }},
        {{ feature = "f3", from_abseta = 2.37, above_et = 80.0 }}]
[networks.likelihood.pileup]
plateaus = {cut_plateaus}
[[networks.nodes]]
name = "variables"
inputs = ["f1", "f3", "Reta", "Rphi"]
[[networks.nodes]]
name = "bins"
inputs = [{{ feature = "et", unit = "GeV" }}, "abseta_calo"]
[[networks.nodes]]
name = "pileup"
inputs = ["n_vertices"]
'''


class Toy:
    """A likelihood in LEPID_MODELS, and what it is made of."""

    def __init__(self, models: Path) -> None:
        made = TOY["make"](11)
        self.made = {NAMES.get(name, name): grids for name, grids in made.items()}
        self.references = TOY["references"](11)
        folder = models / "toy_lh" / "toy"
        folder.mkdir(parents=True)
        path = TOY["write"](folder / "densities.json", self.made, references=self.references)
        digest = catalogue.sha256(path)
        text = toml(digest, str(TOY["PLATEAUS"]), str(TOY["CUT_PLATEAUS"]))
        (folder / "card.toml").write_text(text, encoding="utf-8")
        self._points(folder / "points.json", digest)

    def _points(self, path: Path, digest: str) -> None:
        """A point whose cut moves with pile-up: that of the hard reference."""
        names = {"et": "E_T [GeV]", "abseta": "|eta|", "pileup": "vertices"}
        plateaus = [tuple(plateau) for plateau in TOY["CUT_PLATEAUS"]]
        node = cuts.smoothed(
            TOY["CUT_EDGES"], plateaus, TOY["CUT_ABSETA"], self.references["pileup_hard"].content,
            slopes=self.references["pileup_slope"].content,
        )  # fmt: skip
        rules = Rules.model_validate(
            {"tagger": "toy_lh", "bound_to": {"sha256": [digest]},
             "points": {"Hard": [{"correction": "c", "quantity": "D_LH", "sense": ">="}]},
             "inputs": {"et": "et", "abseta": "abseta_calo", "pileup": "n_vertices"}}
        )  # fmt: skip
        working_points.write(path, "d", rules, [correction("c", "d", names, ("cut", "d"), node)])


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_search_paths: None) -> Toy:
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    return Toy(tmp_path)


def slow(events: Any, toy: Toy) -> tuple[list[list[float]], list[list[bool]]]:
    """Discriminants and decisions, electron by electron."""
    values, passed = [], []
    for event in events:
        number = sum(1 for n in event["PrimaryVertices"]["nTracks"].tolist() if n >= 2)
        mine = []
        decided = []
        for electron in event["Electrons"].tolist():
            cluster = event["egammaClusters"][electron["caloClusterLinks"][0]["m_persIndex"]]
            track = event["GSFTrackParticles"][electron["trackParticleLinks"][0]["m_persIndex"]]
            et = float(cluster["calE"]) * math.sin(float(track["theta"])) / 1000
            row = {
                "variables": [electron[name] for name in toy.made],
                "bins": (et, abs(float(cluster["calEta"]))), "pileup": [number],
            }  # fmt: skip
            # The twin knows the skipped variable as trt.
            named = {"trt" if name == "Rphi" else name: g for name, g in toy.made.items()}
            mine.append(TOY["discriminant"](named, row, pileup=toy.references))
            hard, slope = (
                TOY["cut"](toy.references[f"pileup_{k}"], *row["bins"]) for k in ("hard", "slope")
            )
            decided.append(mine[-1] >= hard + slope * number)
        values.append(mine)
        passed.append(decided)
    return values, passed


def test_the_slow_twin(toy: Toy, reference_events: Any) -> None:
    vertices = reference_events["PrimaryVertices"]
    # In the sample each vertex has two tracks or more.
    number = ak.where(ak.local_index(vertices["nTracks"]) % 3 == 1, 1, vertices["nTracks"])
    vertices = ak.with_field(vertices, number, "nTracks")
    events = ak.with_field(reference_events, vertices, "PrimaryVertices")
    values, passed = slow(events, toy)
    found = lepid.decorate(events, "toy_lh")["Electrons"]["toy_lh"]
    expected = ak.flatten(ak.Array(values)).to_numpy()
    assert len(expected) > 60
    assert 0 < ak.sum(found["Hard"]) < len(expected)
    np.testing.assert_allclose(ak.flatten(found["D_LH"]).to_numpy(), expected, rtol=1e-7, atol=1e-9)
    assert found["Hard"].tolist() == passed
    assert ak.all(found["scored"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_all_kinds_of_events_agree(toy: Toy, reference_events: Any, reference_sample: Path) -> None:
    plain = lepid.decorate(reference_events, "toy_lh")["Electrons"]["toy_lh"]
    opened = lepid.open(reference_sample, entry_stop=80)
    virtual = lepid.decorate(opened, "toy_lh")["Electrons"]["toy_lh"]
    collection = dask_awkward.from_awkward(reference_events, npartitions=3)
    lazy = lepid.decorate(collection, "toy_lh")["Electrons"]["toy_lh"].compute()
    for other in (virtual, lazy):
        for field in plain.fields:
            assert other[field].tolist() == plain[field].tolist(), field


def test_the_order_of_the_electrons_and_of_the_events_does_not_matter(
    toy: Toy, reference_events: Any
) -> None:
    whole = lepid.decorate(reference_events, "toy_lh")["Electrons"]["toy_lh"]["D_LH"]
    turned = lepid.decorate(reference_events[::-1], "toy_lh")["Electrons"]["toy_lh"]["D_LH"]
    assert turned.tolist() == whole[::-1].tolist()


def test_an_electron_whose_input_is_not_known_is_not_scored(
    toy: Toy, reference_events: Any
) -> None:
    electrons = reference_events["Electrons"]
    first = ak.local_index(electrons["f1"]) == 0
    bad = ak.where(first, np.float32(np.nan), electrons["f1"])
    events = ak.with_field(reference_events, ak.with_field(electrons, bad, "f1"), "Electrons")
    found = lepid.decorate(events, "toy_lh")["Electrons"]["toy_lh"]
    assert ak.all(found["scored"] == ~first)
    assert ak.all(np.isnan(found["D_LH"][first]))
    assert not ak.any(found["Hard"][first])


def test_all_that_is_missing_is_one_error(toy: Toy, reference_events: Any) -> None:
    electrons = reference_events["Electrons"]
    vertices = reference_events["PrimaryVertices"]
    events = ak.with_field(reference_events, ak.without_field(electrons, ["Reta"]), "Electrons")
    events = ak.with_field(events, ak.without_field(vertices, ["nTracks"]), "PrimaryVertices")
    with pytest.raises(MissingColumns, match=r"Electrons.Reta(.|\n)*PrimaryVertices.nTracks"):
        lepid.decorate(events, "toy_lh")


def test_the_conf_of_the_atlas_card_is_to_be_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_search_paths: None, reference_events: Any
) -> None:
    electrons = reference_events["Electrons"]
    clusters = reference_events["egammaClusters"]
    clusters = ak.with_field(clusters, clusters["calEta"], "etaBE2")
    events = ak.with_field(reference_events, clusters, "egammaClusters")
    assert "el_rhad" not in electrons.fields
    conf = tmp_path / CONF
    conf.parent.mkdir(parents=True)
    conf.write_text("VariableNames: el_f3\n", encoding="utf-8")
    monkeypatch.setenv("LEPID_CALIBRATION", str(tmp_path))
    with pytest.raises(NetworkMismatch, match=r"Tight.*conf: is a conf(.|\n)*athena-conf"):
        lepid.decorate(events, "electron_lh@atlas-mc20-20210514")


def test_the_report_says_which_densities(
    toy: Toy, reference_events: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lepid.report(lepid.decorate(reference_events, "toy_lh"))
    out = capsys.readouterr().out
    assert "toy_lh@toy, source network" in out
    assert "densities.json" in out
    assert "provider" not in out
