"""Truth particles: links, ancestors, what stays out."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import overlay
from simulation.collection import collect
from simulation.reconstruction import reconstruct
from simulation.truth import truth_particles

from lepid.efficiency.truth_codes import Origin

LINKED = ("tracks", "electrons", "muons")


@pytest.fixture(scope="module")
def piled_up(generated):
    """Events with pile-up, and what the detector makes of them."""
    pool = generated("Zmumu", 60)
    hard = generated("ttbar_nonallhad", 40)
    particles = overlay.overlay(hard, pool, np.random.default_rng(4), mean=20.0, spread=0.0)
    return particles, reconstruct(particles, 1)


def particle_rows(particles, truth):
    return truth["uid"] - 1 + particles.offsets[truth.event]


def test_truth_particles_are_the_particles(piled_up):
    particles, found = piled_up
    truth = found.truth_particles
    row = particle_rows(particles, truth)
    assert (truth["pdgId"] == particles.pdg[row]).all()
    for name in ("px", "py", "pz", "e"):
        assert truth[name] == pytest.approx(getattr(particles, name)[row], rel=3e-4)
    for axis in "xyz":
        assert truth[f"prodVtx_{axis}"] == pytest.approx(getattr(particles, axis)[row], rel=3e-4)
    for pdg, mass in ((11, 0.00051), (13, 0.10566), (211, 0.13957), (22, 0.0)):
        kind = np.abs(truth["pdgId"]) == pdg
        assert truth["m"][kind] == pytest.approx(np.full(kind.sum(), mass), rel=3e-4, abs=2e-5)


def test_every_link_leads_to_a_charged_particle_of_the_right_kind(piled_up):
    _, found = piled_up
    truth = found.truth_particles
    for name in LINKED:
        objects = getattr(found, name)
        row = truth.rows(objects["truthParticleLink"], objects.event)
        there = row >= 0
        assert 0.2 < there.mean() <= 1.0, name
        assert (truth.event[row[there]] == objects.event[there]).all()
        code = np.abs(truth["pdgId"][row[there]])
        if name == "tracks":
            assert not np.isin(code, (22, 12, 14, 16, 130, 2112)).any()
        else:
            assert (code == np.abs(objects["truthPdgId"][there])).all()


def test_pileup_and_fakes_have_no_link_and_all_others_have_one(piled_up):
    _, found = piled_up
    tracks = found.tracks
    label = tracks["ftagTruthOriginLabel"]
    assert ((tracks["truthParticleLink"] < 0) == (label < 2)).all()
    assert (label == 0).sum() > 100
    assert (label == 1).any()


def test_the_line_above_a_track_explains_its_label(piled_up):
    _, found = piled_up
    truth, tracks = found.truth_particles, found.tracks
    parent = truth.rows(truth["parentLinks"], truth.event)
    assert (parent < np.arange(len(truth))).all()
    row = truth.rows(tracks["truthParticleLink"], tracks.event)
    bottom, charm, tau = 0, 0, 0
    for i in np.flatnonzero(row >= 0):
        line, at = [], parent[row[i]]
        while at >= 0:
            line.append(abs(int(truth["pdgId"][at])))
            at = parent[at]
        b, c, t = (
            any(is_kind(code) for code in line) for is_kind in (has_bottom, has_charm, is_tau)
        )
        label = tracks["ftagTruthOriginLabel"][i]
        assert (label in (3, 4)) == b, line
        assert (label == 4) == (b and c), line
        assert (label == 5) == (c and not b), line
        assert (label == 6) == (t and not b and not c), line
        bottom, charm, tau = bottom + b, charm + c, tau + t
    assert bottom > 50
    assert charm > 20
    assert tau > 0


def has_bottom(code):
    """Open bottom: a hadron with exactly one b digit among its quarks."""
    digits = [code // 1000 % 10, code // 100 % 10, code // 10 % 10]
    return 100 < code < 9900000 and digits[-1] > 0 and digits.count(5) == 1 and max(digits) == 5


def has_charm(code):
    digits = [code // 1000 % 10, code // 100 % 10, code // 10 % 10]
    hidden = digits[0] == 0 and digits[1] == digits[2]
    return 100 < code < 9900000 and digits[-1] > 0 and max(digits) == 4 and not hidden


def is_tau(code):
    return code == 15


def test_leptons_of_bosons_have_them_above(piled_up):
    _, found = piled_up
    truth = found.truth_particles
    parent = truth.rows(truth["parentLinks"], truth.event)
    muons = found.muons
    from_w = np.flatnonzero(
        (muons["truthOrigin"] == int(Origin.WBoson)) | (muons["truthOrigin"] == int(Origin.top))
    )
    assert len(from_w) >= 3
    for i in from_w:
        at, line = truth.rows(muons["truthParticleLink"][i], muons.event[i]), []
        while at >= 0:
            line.append(abs(int(truth["pdgId"][at])))
            at = parent[at]
        assert 24 in line, line
        assert 6 in line, line


def test_only_what_links_need_is_kept(gun):
    pion = {"pdg": 211, "pt": 3.0, "eta": 0.2}
    chain = [{"pdg": 5, "pt": 30.0, "eta": 0.0, "final": False}]
    chain += [{"pdg": 511, "pt": 20.0, "eta": 0.0, "final": False, "mother": 0}]
    chain += [pion | {"mother": 1}, pion, pion | {"interaction": 2}]
    particles = gun([chain, [pion]])
    objects = collect([0, 0, 1], 2, {"truthParticleLink": np.array([2, 4, -1], np.int32)})
    truth, linked = truth_particles(particles, [objects])
    assert truth["pdgId"].tolist() == [5, 511, 211]
    assert truth["parentLinks"].tolist() == [-1, 0, 1]
    assert truth["status"].tolist() == [1, 1, 1]
    assert truth.offsets.tolist() == [0, 3, 3]
    assert linked[0]["truthParticleLink"].tolist() == [2, -1, -1]
