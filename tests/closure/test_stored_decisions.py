"""Decisions that real files store, kept and recomputed: the numbers of the files themselves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

import lepid
from lepid.cli.main import main
from lepid.errors import BadInput

pytestmark = pytest.mark.real

RNTUPLE = "skhep_uproot-physlite-rntuple_v1-0-0-0.root"
# (tagger, point) -> passing among 22 electrons of truthType 2, among the 35 others
NOT_BITS = ("failed", "value", "cut")
PASSING = {
    ("electron_lh", "Loose"): (22, 23),
    ("electron_lh", "Medium"): (19, 9),
    ("electron_lh", "Tight"): (15, 6),
    ("electron_dnn", "Loose"): (18, 9),
    ("electron_dnn", "Medium"): (15, 5),
    ("electron_dnn", "Tight"): (14, 3),
}
MVA = {  # tagger -> point -> stored flag
    "cms_electron_mva_iso": {"WP80": "mvaIso_WP80", "WP90": "mvaIso_WP90"},
    "cms_electron_mva_noiso": {"WP80": "mvaNoIso_WP80", "WP90": "mvaNoIso_WP90"},
}


@pytest.fixture(scope="module")
def decorated(real_data: Path) -> Any:
    return lepid.decorate(lepid.open(real_data / "root" / RNTUPLE), ["electron_lh", "electron_dnn"])


@pytest.mark.parametrize("case", PASSING)
def test_stored_decisions_through_decorate(decorated: Any, case: tuple[str, str]) -> None:
    electrons = decorated["Electrons"]
    prompt = electrons["truthType"] == 2
    passed = electrons[case[0], case[1]]
    assert (ak.sum(prompt), ak.sum(~prompt)) == (22, 35)
    assert (ak.sum(passed & prompt), ak.sum(passed & ~prompt)) == PASSING[case]
    assert ak.all(electrons[case[0], "scored"])


# file, branch separator -> point -> first requirement that was failed -> electrons
FAILED = {
    ("skhep_uproot-physlite-rntuple_v1-0-0-0.root", ":"): {
        "Loose": {"passLH": 11, "ambiguity": 1},
        "LooseBL": {"NBlayer": 5, "passLH": 11, "ambiguity": 1},
        "Medium": {"NBlayer": 5, "passLH": 23, "ambiguity": 1},
        "Tight": {"NBlayer": 5, "passLH": 26, "ambiguity": 5},
    },
    ("coffea_PHYSLITE_example.root", "."): {
        "Loose": {},
        "Tight": {"NBlayer": 1, "ambiguity": 6, "passLH": 21},
    },
    # Release 21, whose bits are others.
    ("skhep_uproot-issue-123a.root", "."): {
        "LooseBL": {"NBlayer": 4},
        "Medium": {"NBlayer": 4, "passLH": 4},
    },
}


@pytest.mark.parametrize("case", FAILED, ids=lambda case: case[0])
def test_what_the_masks_of_files_say(real_data: Path, case: tuple[str, str]) -> None:
    file, separator = case
    path = real_data / "root" / file
    decorated = lepid.decorate(lepid.open(path), "electron_lh")
    electrons = f"AnalysisElectronsAuxDyn{separator}DFCommonElectronsLH"
    with uproot.open(path) as source:
        tree = source["EventData" if separator == ":" else "CollectionTree"]
        for point, expected in FAILED[case].items():
            why = ak.flatten(lepid.explain(decorated, "electron_lh", point))
            # Read beside lepid, so that a mix-up of columns shows.
            masks = ak.flatten(tree[f"{electrons}{point}IsEMValue"].array())
            bits = sum(
                (~why[name]) * 2**bit for bit, name in enumerate(why.fields[: -len(NOT_BITS)])
            )
            assert bits.to_list() == masks.to_list()
            counts = Counter(why["failed"].to_list())
            assert counts.pop("") == ak.sum(decorated["Electrons", "electron_lh", point])
            assert counts == expected


def test_points_without_a_mask_in_the_file(decorated: Any) -> None:
    with pytest.raises(BadInput, match="have no DFCommonElectronsDNNTightIsEMValue"):
        lepid.explain(decorated, "electron_dnn", "Tight")


@pytest.mark.parametrize("tagger", ["electron_lh", "electron_dnn"])
def test_stored_decisions_through_the_efficiency_command(
    real_data: Path, tagger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(real_data / "root" / RNTUPLE)
    assert main(["efficiency", path, "--tagger", tagger, "--json", "--quiet"]) == 0
    rows = json.loads(capsys.readouterr().out)
    for (name, point), (prompt, others) in PASSING.items():
        if name != tagger:
            continue
        of_point = [row for row in rows if row["working_point"] == point]
        iso = [row for row in of_point if row["truth_class"] == "IsoElectron"]
        rest = [row for row in of_point if row["truth_class"] != "IsoElectron"]
        assert [(row["passed"], row["total"]) for row in iso] == [(prompt, 22)]
        assert sum(row["passed"] for row in rest) == others
        assert sum(row["total"] for row in rest) == 35


@pytest.mark.parametrize(
    ("file", "n_electron"), [("egammatnp_DYto2E.root", 2000), ("coffea_nano_tt_v12.root", 310)]
)
@pytest.mark.parametrize("tagger", MVA)
def test_mva_points_equal_the_stored_flags(
    real_data: Path, file: str, n_electron: int, tagger: str
) -> None:
    path = real_data / "root" / file
    record = ak.flatten(lepid.decorate(lepid.open(path), tagger)["Electron", tagger])
    with uproot.open(path) as source:
        for point, flag in MVA[tagger].items():
            # Read beside lepid, so that a mix-up of columns shows.
            stored = ak.to_numpy(ak.flatten(source["Events"][f"Electron_{flag}"].array()))
            found = ak.to_numpy(record[point])
            assert len(found) == n_electron
            assert int(np.count_nonzero(found == stored)) == n_electron
            assert 0 < np.count_nonzero(found) < n_electron


@pytest.mark.parametrize(
    ("file", "counts"),
    [("egammatnp_DYto2E.root", (175, 76, 69)), ("coffea_nano_tt_v12.root", (210, 170, 163))],
)
def test_muon_mva_of_nanoaod_v12_is_not_that_of_v15(
    real_data: Path, file: str, counts: tuple[int, int, int]
) -> None:
    events = lepid.decorate(lepid.open(real_data / "root" / file), "cms_muon_mva_id")
    muons = events["Muon"]
    record = muons["cms_muon_mva_id"]
    scored = ak.flatten(record["scored"])
    assert ak.all(scored == (ak.flatten(muons["mvaMuID"]) != -99.0))
    level = ak.values_astype(record["Medium"], int) + ak.values_astype(record["Tight"], int)
    agree = ak.flatten(level) == ak.flatten(muons["mvaMuID_WP"])
    assert (len(scored), ak.sum(scored), ak.sum(agree & scored)) == counts
