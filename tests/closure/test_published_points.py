"""Tables of the repository against the published numbers, and against stored decisions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

import lepid
from lepid.working_points import table as working_points

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_search_paths")]

TABLES = Path(__file__).resolve().parent.parent.parent / "wp_tables"


@pytest.fixture(scope="module")
def published(real_data: Path) -> dict[str, Any]:
    file = real_data / "working_points" / "published_wps.json"
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def slow_cut(point: dict[str, Any], pt: float) -> float:
    region = next((i for i, b in enumerate(point["boundaries_MeV"]) if pt < b), -1)
    return sum(p * pt**power for power, p in enumerate(point["parameters"][region]))


def test_plit_at_full_precision(published: dict[str, Any]) -> None:
    points = published["atlas_muon_PLIT"]["wps"]
    assert len(points) == 10
    for name, point in points.items():
        table = working_points.read(TABLES / f"muon_plit/atlas-2025-04-25-run{name[1]}.json")
        (requirement,) = table.requirements(name)
        assert (requirement.quantity, requirement.sense) == ("discriminant", ">")
        edges = np.array(point["boundaries_MeV"])
        pt = np.concatenate(
            [edges, np.nextafter(edges, 0), np.nextafter(edges, 1e9), np.geomspace(1e3, 1e6, 500),
             np.random.default_rng(1).uniform(3e3, 2e5, 500).astype(np.float32)]
        )  # fmt: skip
        found = table.cuts(requirement, {"pt": pt})
        assert found.tolist() == [slow_cut(point, value) for value in pt.tolist()]


def test_cms_electron_cuts(published: dict[str, Any]) -> None:
    numbers = published["cms_electron_mva_winter22"]
    for kind, tagger in (("iso", "cms_electron_mva_iso"), ("noIso", "cms_electron_mva_noiso")):
        table = working_points.read(TABLES / tagger / "winter22.json")
        for name, cuts in numbers[kind].items():
            (requirement,) = table.requirements(name.upper())
            axes = {"pt": np.repeat([5.0, 20.0], 3), "abseta": np.tile([0.1, 1.0, 2.0], 2)}
            assert table.cuts(requirement, axes).tolist() == cuts


def test_cms_muon_cuts(published: dict[str, Any]) -> None:
    table = working_points.read(TABLES / "cms_muon_mva_id" / "nanoaod-v15.json")
    for name in ("medium", "tight"):
        (requirement,) = table.requirements(name.capitalize())
        found = table.cuts(requirement, {"pt": np.array([3.0, 300.0])})
        assert found.tolist() == [published["cms_muon_mvaMuID"][name]] * 2


def test_every_published_plit_point_through_decorate(published: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    n = 5000
    pt = rng.uniform(3e3, 2e5, n).astype(np.float32)
    prompt = rng.beta(8, 0.2, n).astype(np.float32)
    scores = {"PLIT_TPLTmu_pmuxpromp": prompt, "PLIT_TPLTmu_pnpxall": np.float32(1) - prompt}
    flat = ak.Array({"pt": pt, "eta": np.zeros(n, np.float32), **scores})
    events = ak.Array({"Muons": ak.unflatten(flat, np.tile([0, 1, 4], 1000))})
    found = ak.flatten(lepid.decorate(events, "muon_plit")["Muons"]["muon_plit"])
    for name, point in published["atlas_muon_PLIT"]["wps"].items():
        expected = []
        for value, p, q in zip(pt.tolist(), *(s.tolist() for s in scores.values()), strict=True):
            discriminant = math.inf if q == 0 else math.log(p / q)
            expected.append(discriminant > slow_cut(point, value))
        assert found[name].tolist() == expected
        assert 200 < sum(expected) < n - 200


@pytest.mark.parametrize(
    ("file", "n"), [("egammatnp_DYto2E.root", 2000), ("coffea_nano_tt_v12.root", 310)]
)
def test_cms_electron_points_are_the_stored_flags(real_data: Path, file: str, n: int) -> None:
    columns = ["pt", "eta", "deltaEtaSC", "mvaIso", "mvaNoIso"]
    flags = ["mvaIso_WP80", "mvaIso_WP90", "mvaNoIso_WP80", "mvaNoIso_WP90"]
    with uproot.open(real_data / "root" / file) as opened:
        read = opened["Events"].arrays([f"Electron_{c}" for c in columns + flags])
    electrons = ak.zip({c: read[f"Electron_{c}"] for c in columns + flags})
    events = ak.Array({"Electron": electrons})
    taggers = {"mvaIso": "cms_electron_mva_iso", "mvaNoIso": "cms_electron_mva_noiso"}
    found = lepid.decorate(events, list(taggers.values()))
    for flag in flags:
        score, point = flag.split("_")
        decided = ak.flatten(found["Electron"][taggers[score]][point])
        stored = ak.flatten(electrons[flag])
        assert len(decided) == n
        assert ak.sum(decided == stored) == n
        assert 0 < ak.sum(stored) < n
