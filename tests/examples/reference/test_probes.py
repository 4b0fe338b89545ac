"""Tag and probe on the reference sample: what is mixed, counted and compared."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from probes import flips, inputs, mixed
from probes.inputs import Probes

import lepid

SAMPLE = Path(__file__).parents[2] / "data" / "reference.root"


@pytest.fixture(scope="module")
def electrons() -> Probes:
    return inputs.read(lepid.open(str(SAMPLE)), "electron")


def test_leptons_are_those_of_the_sample(electrons: Probes) -> None:
    events = lepid.open(str(SAMPLE))
    assert electrons.n_event == len(events)
    assert np.diff(electrons.offsets).tolist() == ak.num(events["Electrons"]["pt"]).tolist()
    flat = ak.flatten(lepid.truth(events, "Electrons", scheme="iff", charge_flips=True))
    assert electrons.columns["iff"].tolist() == flat.tolist()
    assert (
        electrons.columns["electron_dnn.Loose"].sum()
        > electrons.columns["electron_dnn.Tight"].sum()
        > 0
    )


def test_events_are_taken_whole(electrons: Probes) -> None:
    events = np.array([5, 0, 5, 17])
    found = flips.repeated(electrons, events)
    slow = np.concatenate(
        [electrons.columns["pt"][electrons.offsets[i] : electrons.offsets[i + 1]] for i in events]
    )
    assert found.columns["pt"].tolist() == slow.tolist()
    chosen = np.zeros(electrons.n_event, bool)
    chosen[[0, 5]] = True
    both = inputs.joined([electrons.of(chosen), electrons.of(~chosen)])
    assert both.n_lepton == electrons.n_lepton
    assert sorted(both.columns["pt"]) == sorted(electrons.columns["pt"])


def test_files_come_back(electrons: Probes, tmp_path: Path) -> None:
    inputs.gather(SAMPLE, "electron", tmp_path / "e" / "000.npz")
    back = inputs.load(tmp_path / "e")
    assert back.offsets.tolist() == electrons.offsets.tolist()
    for name, column in electrons.columns.items():
        assert np.array_equal(back.columns[name], column), name


def test_true_pairs_are_a_part_of_all(electrons: Probes) -> None:
    channel = mixed.CHANNELS["electron_dnn"]
    whole, true = (mixed.counted(channel, electrons, true=true) for true in (False, True))
    assert true.values.sum() > 0
    assert (true.values <= whole.values).all()
    assert true.values.sum() < whole.values.sum()


def test_leptons_of_forced_decays_are_there_as_often(electrons: Probes) -> None:
    columns = {**electrons.columns, "weight": np.full(electrons.n_lepton, 0.25)}
    rng = np.random.default_rng(1)
    kept = mixed.thinned(Probes(electrons.offsets, columns), rng).columns["good"].sum()
    assert kept == pytest.approx(0.25 * electrons.columns["good"].sum(), rel=0.2)
