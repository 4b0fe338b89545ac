"""Tests of the events that Pythia makes: conservation, order, the same seed."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="pythia8mc makes the events (lepid[reference])")

from simulation import constants as c
from simulation.ancestry import is_hadron
from simulation.generate import batches
from simulation.particles import Particles, columns, concatenate
from simulation.processes import PROCESSES, process_code

SAMPLES = ("ttbar_nonallhad", "Zmumu", "Wjets", "dijet")


def digest(particles: Particles) -> str:
    made = hashlib.sha256()
    for array in columns(particles).values():
        made.update(np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


def in_event(particles: Particles) -> np.ndarray:
    return np.arange(particles.n_particle) - particles.offsets[particles.event]


@pytest.mark.parametrize("process", SAMPLES)
def test_mothers_stand_before_their_daughters(generated: Any, process: str) -> None:
    particles = generated(process)
    assert (particles.mother < in_event(particles)).all()
    assert particles.mother.min() == -1


@pytest.mark.parametrize("process", SAMPLES)
def test_decays_make_no_energy_and_whole_ones_keep_the_charge(generated: Any, process: str) -> None:
    particles = generated(process)
    has = particles.mother >= 0
    mothers = (particles.offsets[particles.event] + particles.mother)[has]
    sums = {}
    for name in ("px", "py", "pz", "e", "charge"):
        total = np.zeros(particles.n_particle)
        np.add.at(total, mothers, getattr(particles, name)[has].astype(float))
        sums[name] = total
    decayed = np.zeros(particles.n_particle, bool)
    decayed[mothers] = True
    # Soft daughters are not kept: what is missing may not be negative.
    hadrons = decayed & np.array([is_hadron(int(code)) for code in particles.pdg])
    missing = (particles.e - sums["e"])[hadrons]
    assert missing.min() > -1e-6 * particles.e[hadrons].max()
    whole = hadrons & (abs(particles.e - sums["e"]) < 1e-7 * particles.e)
    # A bent hadron decays in another direction than it was born with.
    straight = whole & (particles.charge == 0)
    assert straight.sum() > 10
    np.testing.assert_array_equal(sums["charge"][whole], particles.charge[whole])
    for name in ("px", "py", "pz"):
        np.testing.assert_allclose(
            sums[name][straight], getattr(particles, name)[straight], atol=1e-3
        )


@pytest.mark.parametrize("process", SAMPLES)
def test_acceptance(generated: Any, process: str) -> None:
    particles = generated(process)
    pythia_made = particles.final & (particles.track_origin != 7)
    born = pythia_made & (particles.truth_origin != 5)
    assert particles.pt[born].min() >= c.PARTICLE_PT_MIN * 0.3
    assert abs(particles.eta[born]).max() < c.PARTICLE_ETA_MAX
    assert not particles.final[np.isin(abs(particles.pdg), (12, 14, 16))].any()
    assert not particles.final[np.isfinite(particles.decay_radius)].any()
    assert (abs(particles.charge[particles.final]) <= 1).all()


def test_primary_vertices_fill_the_beam_spot(generated: Any) -> None:
    particles = generated("Zmumu")
    size = particles.primary_vertex.std(axis=0)
    np.testing.assert_allclose(size, c.BEAM_SPOT_SIZE, rtol=0.3)
    prompt = (abs(particles.pdg) == 13) & (particles.truth_type == 6)
    z = particles.primary_vertex[particles.event[prompt], 2]
    np.testing.assert_allclose(particles.z[prompt], z, atol=1e-6)
    assert (particles.vertex[prompt] == 0).all()


def test_z_mass(generated: Any) -> None:
    particles = generated("Zmumu")
    z = particles.pdg == 23
    assert z.sum() == particles.n_event
    mass = np.sqrt(
        particles.e[z] ** 2 - particles.px[z] ** 2 - particles.py[z] ** 2 - particles.pz[z] ** 2
    )
    assert abs(np.median(mass) - 91.2) < 0.6


def test_every_ttbar_event_has_a_lepton_or_none(generated: Any) -> None:
    for process, least, most in (("ttbar_nonallhad", 1, 2), ("ttbar_allhad", 0, 0)):
        particles = generated(process)
        mothers = particles.offsets[particles.event] + particles.mother
        from_w = (particles.mother >= 0) & (abs(particles.pdg[mothers]) == 24)
        leptons = from_w & np.isin(abs(particles.pdg), (11, 13, 15))
        counts = np.bincount(particles.event[leptons], minlength=particles.n_event)
        # Leptons outside the acceptance are not in the list.
        assert counts.max() <= most
        assert (counts >= least).mean() > 0.9


def test_event_weights(generated: Any) -> None:
    assert (generated("Zmumu").event_weight == 1.0).all()
    weights = generated("dijet").event_weight
    assert ((weights > 0) & (weights <= 1)).all()


def test_same_seed_same_events_and_another_seed_others() -> None:
    first = concatenate(list(batches("Zmumu", 30, 5, batch=20)))
    assert digest(first) == digest(concatenate(list(batches("Zmumu", 30, 5, batch=20))))
    assert digest(first) != digest(concatenate(list(batches("Zmumu", 30, 6, batch=20))))
    assert len(np.unique(first.event_number)) == first.n_event == 30
    assert set(first.process) == {process_code("Zmumu")}


def test_multiparton_interactions_are_an_option(generated: Any) -> None:
    without = generated("Zmumu")
    with_them = next(batches("Zmumu", 50, 1, mpi=True))
    assert with_them.n_particle / 50 > 2 * without.n_particle / without.n_event


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="no process 'Zxx'; use one of ttbar_nonallhad"):
        next(batches("Zxx", 1, 1))
    for wrong in ({"n_event": 0}, {"batch": 0}, {"seed": -1}, {"forced_decays": 2.0}):
        with pytest.raises(ValueError, match="take 1 to"):
            next(batches("Zee", **({"n_event": 1, "seed": 1} | wrong)))


def test_processes_have_names_and_codes() -> None:
    assert [process_code(name) for name in PROCESSES] == list(range(len(PROCESSES)))
