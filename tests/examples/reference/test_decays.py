"""Tests of decays in flight, conversions and bremsstrahlung, and of the way to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from simulation import constants as c
from simulation import decays
from simulation.decay_kernels import pair_fraction, radiated_fraction
from simulation.particles import Particles, build
from simulation.transport import boosted, path_to_radius, transport

PION_MASS = 0.13957


def particles_of(code: int, n: int = 2000, mass: float = 0.0, charge: int = 0) -> Particles:
    """Events of one particle each, from the beam line, 5 to 60 GeV, inside the tracker."""
    rng = np.random.default_rng(3)
    pt, eta, phi = rng.uniform(5, 60, n), rng.uniform(-2.5, 2.5, n), rng.uniform(-3.1, 3.1, n)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return build(
        np.arange(n + 1),
        pdg=np.full(n, code),
        charge=np.full(n, charge),
        px=px,
        py=py,
        pz=pz,
        e=np.sqrt(px**2 + py**2 + pz**2 + mass**2),
        x=rng.normal(0, 0.01, n),
        z=rng.normal(0, 35, n),
        truth_type=np.full(n, 16),
        truth_origin=np.full(n, 42),
        eg_mother_type=np.full(n, 16),
        eg_mother_origin=np.full(n, 42),
        eg_mother_pdg=np.full(n, code),
        track_origin=np.full(n, 2),
    )


def momenta(particles: Particles) -> np.ndarray:
    return np.stack([particles.px, particles.py, particles.pz, particles.e], axis=1)


class TestTransport:
    @pytest.mark.parametrize("charge", [-1, 0, 1])
    def test_there_and_back_closes(self, charge: int) -> None:
        rng = np.random.default_rng(1)
        for _ in range(200):
            px, py, pz = rng.normal(0, 8, 3)
            point = tuple(rng.normal(0, 20, 3))
            end, at = transport(point, (px, py, pz, 30.0), charge, rng.uniform(1, 900))
            path = np.hypot(end[0] - point[0], end[1] - point[1])
            back = path_or_zero(point, (px, py, pz, 30.0), charge, end)
            again, _ = transport(end, (-at[0], -at[1], -at[2], 30.0), -charge, back)
            assert path <= back + 1e-9
            np.testing.assert_allclose(again, point, atol=1e-9)
            assert np.isclose(np.hypot(at[0], at[1]), np.hypot(px, py), rtol=1e-13)

    def test_path_ends_on_the_cylinder(self) -> None:
        rng = np.random.default_rng(2)
        for _ in range(300):
            px, py, pz = rng.normal(0, 8, 3)
            radius, charge = rng.uniform(30, 1150), int(rng.integers(-1, 2))
            point, momentum = tuple(rng.normal(0, 5, 3)), (px, py, pz, 30.0)
            path = path_to_radius(point, momentum, charge, radius)
            curl = np.hypot(px, py) / (c.CURVATURE * c.MAGNETIC_FIELD)
            if path == np.inf:
                assert 2 * curl < radius + 30
                continue
            end, _ = transport(point, momentum, charge, path)
            assert np.isclose(np.hypot(end[0], end[1]), radius, atol=1e-3)
            before, _ = transport(point, momentum, charge, 0.99 * path)
            assert np.hypot(before[0], before[1]) < radius

    def test_positive_particles_turn_clockwise(self) -> None:
        (_, y, _), _ = transport((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0), 1, 100.0)
        assert y < 0.0

    def test_nothing_comes_from_outside(self) -> None:
        assert path_to_radius((50.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0), 0, 30.0) == np.inf

    def test_boost_keeps_the_mass_and_gives_the_frame_at_rest(self) -> None:
        frame = (3.0, -1.0, 7.0, np.sqrt(9 + 1 + 49 + 0.25))
        np.testing.assert_allclose(boosted((0.0, 0.0, 0.0, 0.5), frame, 0.5), frame)
        px, py, pz, e = boosted((0.1, 0.2, -0.1, 0.4), frame, 0.5)
        assert np.isclose(e**2 - px**2 - py**2 - pz**2, 0.16 - 0.06)


def path_or_zero(
    point: tuple[float, ...], momentum: tuple[float, ...], charge: int, end: tuple[float, ...]
) -> float:
    """Transverse path from point to end by their distance in z, which grows evenly with it."""
    return float((end[2] - point[2]) / momentum[2] * np.hypot(momentum[0], momentum[1]))


class TestConversions:
    def test_energy_and_charge_are_conserved_and_the_direction_kept(self) -> None:
        photons = particles_of(22)
        after = decays.convert(photons, np.random.default_rng(1))
        pairs = np.flatnonzero(np.diff(after.offsets) == 3)
        first = after.offsets[pairs]
        four = momenta(after)
        total = four[first + 1] + four[first + 2]
        assert 0.2 < len(pairs) / photons.n_event < 0.7
        np.testing.assert_allclose(total[:, 3], four[first, 3], rtol=1e-14)
        np.testing.assert_allclose(total[:, :3], four[first, :3], atol=1e-3)
        np.testing.assert_array_equal(after.charge[first + 1] + after.charge[first + 2], 0)
        assert set(after.pdg[first + 1]) == {11}
        assert set(after.pdg[first + 2]) == {-11}

    def test_pairs_stand_on_the_material_and_end_their_photon(self) -> None:
        after = decays.convert(particles_of(22), np.random.default_rng(1))
        made = abs(after.pdg) == 11
        radius = np.hypot(after.x, after.y)[made]
        radii = np.array([r for r, _ in c.MATERIAL])
        assert np.abs(radius[:, None] - radii).min(axis=1).max() < 1e-6
        mothers = (after.offsets[after.event] + after.mother)[made]
        assert not after.final[mothers].any()
        np.testing.assert_allclose(after.decay_radius[mothers], radius)
        assert after.final[made].all()
        assert np.isfinite(after.decay_radius).sum() == len(np.unique(mothers))

    def test_truth_of_a_pair_is_that_of_its_photon(self) -> None:
        after = decays.convert(particles_of(22), np.random.default_rng(1))
        made = abs(after.pdg) == 11
        assert set(after.truth_type[made]) == {4}
        assert set(after.truth_origin[made]) == {5}
        assert set(after.eg_mother_type[made]) == {16}
        assert set(after.eg_mother_origin[made]) == {42}
        assert set(after.eg_mother_pdg[made]) == {22}
        assert set(after.track_origin[made]) == {7}

    def test_rate_follows_the_material(self) -> None:
        photons = particles_of(22, 20_000)
        after = decays.convert(photons, np.random.default_rng(5))
        converted = np.diff(after.offsets) == 3
        inside = abs(photons.z) < 100
        slant = np.minimum(np.cosh(photons.eta), c.SLANT_MAX)
        for least, most in ((0.0, 0.5), (0.5, 1.0), (1.0, 1.3)):
            central = (abs(photons.eta) >= least) & (abs(photons.eta) < most) & inside
            material = sum(t for _, t in c.MATERIAL) * slant[central]
            expected = np.mean(1 - np.exp(-7 / 9 * material))
            error = np.sqrt(expected * (1 - expected) / central.sum())
            assert abs(converted[central].mean() - expected) < 4 * error

    def test_shares_follow_their_densities(self) -> None:
        rng = np.random.default_rng(1)
        pair = np.array([pair_fraction(50.0, rng) for _ in range(20_000)])
        assert abs(pair.mean() - 0.5) < 0.01
        # int (x - 1/2)^2 (1 - 4/3 x (1 - x)) dx / int (1 - 4/3 x (1 - x)) dx
        assert abs(pair.var() - (1 / 12 - 4 / 3 / 120) / (7 / 9)) < 0.002
        hard = np.array([radiated_fraction(rng) for _ in range(20_000)])
        y = np.linspace(c.BREMSSTRAHLUNG_FRACTION_MIN, 1, 20_001)
        density = (4 / 3 * (1 - y) + y**2) / y
        assert abs(hard.mean() - np.average(y, weights=density)) < 0.01


class TestBremsstrahlung:
    def test_electron_stays_and_its_pair_is_traced_to_it(self) -> None:
        electrons = particles_of(11, mass=c.ELECTRON_MASS, charge=-1)
        after = decays.radiate(electrons, np.random.default_rng(2))
        pairs = np.flatnonzero(np.diff(after.offsets) == 4)
        first = after.offsets[pairs]
        assert 0.05 < len(pairs) / electrons.n_event < 0.6
        assert after.final[first].all()
        np.testing.assert_array_equal(after.mother[first + 1], 0)
        np.testing.assert_array_equal(after.mother[first + 2], 1)
        np.testing.assert_array_equal(after.mother[first + 3], 1)
        assert set(after.eg_mother_pdg[first + 3]) == {11}
        assert not after.final[first + 1].any()
        share = after.e[first + 1] / after.e[first]
        assert share.min() > 0.0
        assert share.max() < 1.0
        np.testing.assert_allclose(after.e[first + 2] + after.e[first + 3], after.e[first + 1])
        end = np.hypot(after.x, after.y)
        np.testing.assert_allclose(after.decay_radius[first + 1], end[first + 2])
        assert (end[first + 2] > end[first + 1]).all()


@pytest.fixture(scope="module")
def decayed() -> Particles:
    pions = particles_of(211, mass=PION_MASS, charge=1)
    return decays.decay_in_flight(pions, np.random.default_rng(3), 1.0)


class TestDecaysInFlight:
    def test_energy_and_transverse_momentum_are_conserved(self, decayed: Particles) -> None:
        four, first = momenta(decayed), decayed.offsets[:-1]
        assert (np.diff(decayed.offsets) == 3).all()
        total = four[first + 1] + four[first + 2]
        np.testing.assert_allclose(total[:, 2:], four[first, 2:], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(
            np.hypot(total[:, 0], total[:, 1]), decayed.pt[first], rtol=1e-10
        )
        mass = four[:, 3] ** 2 - (four[:, :3] ** 2).sum(axis=1)
        np.testing.assert_allclose(mass[first + 1], c.MUON_MASS**2, atol=1e-8)
        np.testing.assert_allclose(mass[first + 2], 0.0, atol=1e-8)

    def test_hadron_ends_where_muon_and_neutrino_begin(self, decayed: Particles) -> None:
        first = decayed.offsets[:-1]
        radius = np.hypot(decayed.x, decayed.y)[first + 1]
        np.testing.assert_allclose(decayed.decay_radius[first], radius)
        assert radius.max() < c.DECAY_RADIUS_MAX
        assert abs(decayed.z[first + 1]).max() < c.DECAY_Z_MAX
        assert decayed.final[first + 1].all()
        assert not decayed.final[first].any()
        assert not decayed.final[first + 2].any()
        assert set(decayed.pdg[first + 1]) == {-13}
        assert set(decayed.pdg[first + 2]) == {14}
        assert set(decayed.charge[first + 1]) == {1}
        assert set(decayed.truth_type[first + 1]) == {8}
        assert set(decayed.truth_origin[first + 1]) == {34}

    def test_weight_is_the_chance_to_decay_before_the_edge(self, decayed: Particles) -> None:
        first = decayed.offsets[:-1]
        # A stiff central particle flies straight, so its way is the radius of the cavity.
        stiff = (decayed.pt[first] > 40) & (abs(decayed.eta[first]) < 1.0)
        length = decayed.pt[first] / PION_MASS * c.PION_DECAY_LENGTH
        chance = 1 - np.exp(-c.DECAY_RADIUS_MAX / length)
        np.testing.assert_allclose(decayed.weight[first + 1][stiff], chance[stiff], rtol=2e-3)
        np.testing.assert_array_equal(decayed.weight[first], 1.0)

    def test_weights_add_up_whatever_the_fraction_and_the_number_of_candidates(self) -> None:
        one = particles_of(321, 1000, mass=0.49368, charge=1)
        alone = decays.decay_in_flight(one, np.random.default_rng(1), 1.0)
        expected = alone.weight[abs(alone.pdg) == 13].sum()
        grouped = build(
            np.arange(0, 1001, 5),
            **{name: getattr(one, name) for name in ("pdg", "charge", "px", "py", "pz", "e")},
            z=one.z,
        )
        for fraction in (1.0, 0.3):
            sums = []
            for seed in range(60):
                made = decays.decay_in_flight(grouped, np.random.default_rng(seed), fraction)
                sums.append(made.weight[abs(made.pdg) == 13].sum())
            error = np.std(sums) / np.sqrt(len(sums))
            assert abs(np.mean(sums) - expected) < 4 * error

    def test_fraction_zero_changes_nothing(self) -> None:
        pions = particles_of(211, 10, mass=PION_MASS, charge=1)
        assert decays.decay_in_flight(pions, np.random.default_rng(1), 0.0) is pions

    def test_pions_and_kaons_of_real_events_have_muons_of_their_charge(
        self, generated: Any
    ) -> None:
        particles = generated("ttbar_allhad")
        rows = np.flatnonzero(np.isin(particles.truth_origin, (34, 35)))
        mothers = particles.offsets[particles.event[rows]] + particles.mother[rows]
        assert len(rows) > 50
        np.testing.assert_array_equal(particles.charge[rows], particles.charge[mothers])
        assert set(abs(particles.pdg[mothers])) == {211, 321}
        assert (particles.weight[rows] < 1).all()
