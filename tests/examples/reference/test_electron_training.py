"""Training of the electron networks: inputs, fractions, cuts, confs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest
from training.electron import inputs, points
from training.electron.inputs import Electrons

import lepid
from lepid.convert import athena_conf
from lepid.taggers import catalogue

NAME = "electron_dnn@reference"


@pytest.fixture(scope="module")
def gathered(reference_sample: Path) -> Electrons:
    return inputs.of_events(lepid.open(reference_sample))


def test_the_inputs_are_those_that_the_network_is_fed(
    gathered: Electrons, reference_sample: Path
) -> None:
    events = lepid.decorate(lepid.open(reference_sample), NAME, source="network")
    electrons = ak.flatten(events.Electrons)
    record = electrons.electron_dnn
    truth = ak.to_numpy(ak.flatten(lepid.truth(events, "Electrons", "dnn")))
    clusters = events.egammaClusters
    place = ak.firsts(events.Electrons.caloClusterLinks.m_persIndex, axis=2)
    abseta = ak.to_numpy(ak.flatten(np.abs(clusters.calEta[ak.values_astype(place, int)])))
    energy = ak.to_numpy(ak.flatten(clusters.calE[ak.values_astype(place, int)]))
    # E_T is that of the cluster along the track, which is about that of the cluster alone.
    kept = (truth >= 0) & (truth <= 5) & (abseta < 2.47) & ak.to_numpy(record.scored)
    surely = kept & (energy / np.cosh(abseta) > 5000)
    assert surely.sum() - 5 < len(gathered.inputs) <= kept.sum()
    card = catalogue.load(*NAME.split("@"))
    session = onnxruntime.InferenceSession(str(catalogue.locate(card, card.networks[0])[0]))
    found = session.run([card.outputs[0].node], {"node_0": gathered.inputs})[0]
    pt = ak.to_numpy(electrons.pt).astype(np.float64) / 1000
    for i, score in enumerate(found):
        row = int(np.argmin(np.abs(pt - gathered.columns["pt"][i])))
        assert score == pytest.approx(record.pel[row], abs=1e-6)
        assert gathered.columns["truth"][i] == truth[row]


def test_electrons_survive_a_file_and_a_split(
    reference_sample: Path, gathered: Electrons, tmp_path: Path
) -> None:
    source = tmp_path / "sample" / "Zee" / "000.root"
    source.parent.mkdir(parents=True)
    source.symlink_to(reference_sample)
    inputs.gather(source, tmp_path / "gathered" / "Zee" / "000.npz")
    again = inputs.load(tmp_path / "gathered")
    np.testing.assert_array_equal(again.inputs, gathered.inputs)
    assert set(again.columns["process"]) == {inputs.PROCESSES.index("Zee")}
    part = gathered.columns["split"] == 0
    assert 0 < part.sum() < len(part)
    both = inputs.joined([gathered.of(part), gathered.of(~part)])
    order = np.argsort(np.concatenate([np.flatnonzero(part), np.flatnonzero(~part)]))
    np.testing.assert_array_equal(both.of(order).columns["et"], gathered.columns["et"])


def drawn(n: int) -> tuple[Electrons, Any]:
    """Electrons of all classes, and scores that know the class a little."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 6, n)
    scores = rng.dirichlet(np.ones(6), n) + 0.5 * np.eye(6)[truth]
    columns = {
        "truth": truth,
        "et": rng.uniform(5, 60, n),
        "abseta": rng.uniform(0, 2.47, n),
        "process": rng.integers(0, 9, n),
    }
    return Electrons(np.zeros((n, 21), np.float32), columns), scores / 1.5


def test_the_cut_of_a_bin_keeps_its_part_of_the_bin() -> None:
    some, scores = drawn(40_000)
    some = some.of(some.columns["abseta"] < 2.37)
    value = scores[: len(some.inputs), 0]
    cuts = points.cuts(some, value, 0.9)
    in_et, in_eta = points.bins(some)
    whole = np.concatenate([[0], athena_conf.ET_EDGES])
    for i in range(10):
        row = (some.columns["et"] >= whole[i]) & (some.columns["et"] < whole[i + 1])
        np.testing.assert_array_equal(in_et == i, row)
        for j in range(10):
            cell = row & (in_eta == j)
            # Nobody is in the last bin of |eta|, and few in the narrow ones.
            mine = cell if cell.sum() >= points.FEWEST else row
            passed = np.mean(value[mine] >= cuts[i, j])
            assert passed == pytest.approx(0.9, abs=2 / mine.sum() + 1e-3)


def test_confs_are_read_as_they_were_meant(tmp_path: Path) -> None:
    some, scores = drawn(20_000)
    for p in (scores, scores[:, :1]):
        confs = points.confs(some, p)
        for name, text in confs.items():
            path = tmp_path / f"{name}.conf"
            path.write_text(text)
            conf, point = athena_conf.read_dnn(path), points.POINTS[name]
            assert conf.variables == inputs.VARIABLES
            assert conf.multiclass == (p.shape[1] == 6)
            assert (conf.fractions is None) == (conf.cuts_cf is None) == (not conf.multiclass)
            assert conf.smooth
            assert set(conf.pixel) == {point.pixel}
            assert set(conf.ambiguity) == {point.ambiguity}
    loose, tight = (athena_conf.read_dnn(tmp_path / f"{n}.conf").cuts for n in ("Loose", "Tight"))
    assert np.all(loose < tight)


def test_fractions_are_the_shares_of_what_is_left() -> None:
    some, scores = drawn(20_000)
    found = points.fractions(some, scores)
    columns = some.columns
    for barrel, place in ((True, 0), (False, 9)):
        here = (columns["abseta"] < 1.37) == barrel
        prompt = [np.sum(columns["truth"][here] == code) for code in (0, 1)]
        assert found[place, 0] == pytest.approx(prompt[1] / sum(prompt), abs=1e-4)
        assert found[place, 1:].sum() == pytest.approx(1.0, abs=3e-4)
    assert np.all(found[:5] == found[0])
    assert np.all(found[5:] == found[9])
    assert not np.array_equal(found[0], found[9])
    # What looks more like prompt electrons has a larger share.
    easy = scores.copy()
    easy[columns["truth"] == 5, 0] *= 1e-3
    assert np.all(points.fractions(some, easy)[:, 4] < found[:, 4])
