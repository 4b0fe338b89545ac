"""The toy PHYS file is fit for the tests that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

DNN = "ElectronsAuxDyn.DFCommonElectronsDNN"
LH = "ElectronsAuxDyn.DFCommonElectronsLH"
SCORES = ("pel", "pcf", "ppc", "phf", "ple", "plh")
LOOSER_AND_TIGHTER = [
    (f"{DNN}VeryLooseNoCF97", f"{DNN}Loose"),
    (f"{DNN}Loose", f"{DNN}Medium"),
    (f"{DNN}Medium", f"{DNN}Tight"),
    (f"{DNN}Loose", f"{DNN}LooseNoCF"),
    (f"{DNN}LooseNoCF", f"{DNN}MediumNoCF"),
    (f"{DNN}MediumNoCF", f"{DNN}TightNoCF"),
    (f"{LH}VeryLoose", f"{LH}Loose"),
    (f"{LH}Loose", f"{LH}LooseBL"),
    (f"{LH}LooseBL", f"{LH}Medium"),
    (f"{LH}Medium", f"{LH}Tight"),
]


@pytest.fixture(scope="module")
def sample(phys_sample: Path) -> uproot.TTree:
    """Tree of the file."""
    return uproot.open(phys_sample)["CollectionTree"]


def flat(tree: uproot.TTree, branch: str) -> NDArray[Any]:
    """All leptons of one branch [n_lepton]."""
    return np.asarray(ak.flatten(tree[branch].array()))


def test_file_says_that_it_is_invented(sample: uproot.TTree) -> None:
    assert "invented toy" in sample.title


def test_events_are_ragged_and_some_are_empty(sample: uproot.TTree) -> None:
    counts = ak.to_numpy(ak.num(sample["ElectronsAuxDyn.pt"].array()))
    assert set(range(4)) <= set(counts.tolist())
    pt = sample["MuonsAuxDyn.pt"].array()
    assert ak.all(pt[:, :-1] >= pt[:, 1:])
    assert float(ak.min(pt)) > 5000.0


def test_electron_scores_are_probabilities(sample: uproot.TTree) -> None:
    scores = np.stack([flat(sample, f"{DNN}_{name}") for name in SCORES], axis=1)
    assert np.all(scores > 0.0)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize(("looser", "tighter"), LOOSER_AND_TIGHTER)
def test_a_tighter_point_passes_a_subset(sample: uproot.TTree, looser: str, tighter: str) -> None:
    loose, tight = flat(sample, looser), flat(sample, tighter)
    assert np.all(loose >= tight)
    assert loose.sum() > tight.sum()


def test_every_class_is_there_and_prompt_passes_most(sample: uproot.TTree) -> None:
    truth_type = flat(sample, "ElectronsAuxDyn.truthType")
    assert {2, 3, 4, 17} <= set(truth_type.tolist())
    tight = flat(sample, f"{DNN}Tight").astype(float)
    assert tight[truth_type == 2].mean() > 0.7
    assert tight[truth_type == 3].mean() < 0.1
    product = flat(sample, "ElectronsAuxDyn.firstEgMotherPdgId") * flat(
        sample, "ElectronsAuxDyn.charge"
    )
    flips = (product > 0) & (flat(sample, "ElectronsAuxDyn.firstEgMotherTruthType") == 2)
    assert 0.03 < flips.mean() < 0.1


def test_muon_log_ratio_fits_the_published_cuts(sample: uproot.TTree) -> None:
    prompt, other = (
        flat(sample, f"MuonsAuxDyn.PLIT_TPLTmu_{name}") for name in ("pmuxpromp", "pnpxall")
    )
    value = np.log(prompt / other)
    truth_type = flat(sample, "MuonsAuxDyn.truthType")
    pt = flat(sample, "MuonsAuxDyn.pt")
    # R3PLITasPLIVefficiencyTight is constant there: 3.75 below 5.5 GeV, 4.425 above 60 GeV.
    hard = (truth_type == 6) & (pt > 60_000.0)
    assert np.all(np.isfinite(value))
    assert (value[hard] > 4.425).mean() > 0.9
    heavy = np.isin(flat(sample, "MuonsAuxDyn.truthOrigin"), [25, 26])
    assert 0.0 < (value[heavy] > 4.425).mean() < 0.1
