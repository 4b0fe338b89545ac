"""Tests of decays in flight, conversions and bremsstrahlung, and of the way to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from simulation import constants as c
from simulation import decays
from simulation.decay_kernels import pair_fraction
from simulation.material import PHOTONS, SOFT, crossings, radiated_fraction, radiation
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


def sampled(photons: Particles, chosen: np.ndarray) -> np.ndarray:
    """z and eta of at most 400 of the chosen."""
    return np.stack([photons.z, photons.eta], axis=1)[chosen][:400]


def slow_material(z: float, eta: float) -> float:
    """Radiation lengths on a straight line from the beam line, without a kernel."""
    slope, total = np.sinh(abs(eta)), 0.0
    start = z * np.sign(eta) if eta else z
    for radius, least, most, thickness in c.MATERIAL_CYLINDERS:
        if least <= abs(start + radius * slope) < most:
            total += thickness * np.cosh(eta)
    for place, inner, outer, thickness in c.MATERIAL_RINGS:
        if slope and inner <= (place - start) / slope < outer:
            total += thickness / np.tanh(abs(eta))
    return total


def stepped(point: tuple[float, ...], momentum: tuple[float, ...], charge: int) -> float:
    """Radiation lengths by walking along the helix in steps of half a millimetre."""
    pt, total = np.hypot(momentum[0], momentum[1]), 0.0
    slant, side = np.hypot(1.0, momentum[2] / pt), np.sign(momentum[2])
    ends = [transport(point, momentum, charge, path)[0] for path in np.arange(0, 1050, 0.5)]
    x, y, z = np.array(ends).T
    radius = np.hypot(x, y)
    for size, least, most, thickness in c.MATERIAL_CYLINDERS:
        at = np.flatnonzero((radius[:-1] < size) & (radius[1:] >= size))[:1]
        total += sum(thickness * slant for i in at if least <= abs(z[i]) < most)
    for place, inner, outer, thickness in c.MATERIAL_RINGS:
        at = np.flatnonzero((side * z[:-1] < place) & (side * z[1:] >= place))
        along = thickness * slant * pt / abs(momentum[2])
        total += sum(along for i in at if inner <= radius[i] < outer)
    return float(total)


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
        radius, z = np.hypot(after.x, after.y)[made], abs(after.z[made])
        radii, least, most = np.array(c.MATERIAL_CYLINDERS).T[:3]
        barrel = abs(radius[:, None] - radii) < 1e-6
        barrel &= (z[:, None] >= least) & (z[:, None] < most)
        places, inner, outer = np.array(c.MATERIAL_RINGS).T[:3]
        ring = abs(z[:, None] - places) < 1e-6
        ring &= (radius[:, None] >= inner) & (radius[:, None] < outer)
        assert (barrel.any(axis=1) | ring.any(axis=1)).all()
        assert barrel.any(axis=0).sum() > 10
        assert ring.any(axis=0).sum() > 10
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
        for least, most in ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0), (2.0, 2.5)):
            there = (abs(photons.eta) >= least) & (abs(photons.eta) < most) & inside
            crossed = np.array([slow_material(z, eta) for z, eta in sampled(photons, there)])
            expected = np.mean(1 - np.exp(-7 / 9 * crossed))
            error = np.sqrt(expected * (1 - expected) / there.sum())
            error += np.std(np.exp(-7 / 9 * crossed)) / np.sqrt(len(crossed))
            assert abs(converted[there].mean() - expected) < 4 * error

    def test_the_sum_of_the_material_rises_as_it_should(self) -> None:
        sums = {eta: slow_material(0.0, eta) for eta in (0.0, 1.0, 1.75, 2.2)}
        assert 0.3 < sums[0.0] < 0.5 < sums[1.0] < sums[1.75]
        assert 1.2 < sums[1.75] < 2.2
        assert 1.0 < sums[2.2] < 1.8

    @pytest.mark.parametrize("charge", [-1, 0, 1])
    def test_crossings_are_those_of_small_steps(self, charge: int) -> None:
        rng = np.random.default_rng(8)
        for _ in range(12):
            pt, eta, phi = rng.uniform(1, 20), rng.uniform(-2.5, 2.5), rng.uniform(-3, 3)
            momentum = (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta))
            point = (0.1, -0.2, rng.normal(0, 30))
            paths, thicknesses = crossings(point, momentum, charge)
            assert (np.diff(paths) >= 0).all()
            assert sum(thicknesses) == pytest.approx(stepped(point, momentum, charge), rel=1e-9)

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
    def test_pairs_are_traced_to_their_electron_and_conserve_energy_and_charge(self) -> None:
        electrons = particles_of(11, mass=c.ELECTRON_MASS, charge=-1)
        after = decays.radiate(electrons, np.random.default_rng(2))
        photon = np.flatnonzero(after.pdg == 22)
        assert 0.2 < len(photon) / electrons.n_event < 2.0
        assert not after.final[photon].any()
        start = after.offsets[after.event]
        mother = start + after.mother
        assert (mother[photon] == start[photon]).all()
        assert after.final[mother[photon]].all()
        first, second = photon + 1, photon + 2
        for one, code in ((first, 11), (second, -11)):
            assert (mother[one] == photon).all()
            assert set(after.pdg[one]) == {code}
            assert set(after.eg_mother_pdg[one]) == {11}
        np.testing.assert_allclose(after.e[first] + after.e[second], after.e[photon])
        np.testing.assert_array_equal(after.charge[first] + after.charge[second], 0)
        end = np.hypot(after.x, after.y)
        np.testing.assert_allclose(after.decay_radius[photon], end[first])
        assert (end[first] > end[photon]).all()

    def test_what_pairs_carry_is_part_of_what_the_electron_lost(self) -> None:
        electrons = particles_of(11, mass=c.ELECTRON_MASS, charge=-1)
        after = decays.radiate(electrons, np.random.default_rng(2))
        photon = after.pdg == 22
        carried = np.bincount(after.event[photon], after.e[photon], after.n_event)
        lost = (after.e * (1 - after.retained))[after.offsets[:-1]]
        assert (carried <= lost + 1e-9).all()
        assert (carried > 0).mean() > 0.1
        assert (lost > carried + 1.0).mean() > 0.2

    def test_the_mean_loss_is_that_of_bethe_and_heitler(self) -> None:
        rng = np.random.default_rng(4)
        assert PHOTONS * mean_hard_share() + SOFT == pytest.approx(1.0, abs=0.01)
        central = ((0.0, 0.0, 0.0), (40.0, 0.0, 4.0, np.hypot(40.0, 4.0)), -1)
        layers = sum(t for r, _, _, t in c.MATERIAL_CYLINDERS if r < 760 and r <= 514)
        slant = np.hypot(40.0, 4.0) / 40.0
        layers -= 0.05  # services that begin behind the barrels
        left = np.mean([radiation(*central, rng)[2] for _ in range(20_000)])
        assert left == pytest.approx(np.exp(-layers * slant), abs=0.01)

    def test_photons_radiate_nothing(self) -> None:
        photons = particles_of(22, 50)
        after = decays.radiate(photons, np.random.default_rng(2))
        assert after.n_particle == 50
        assert (after.retained == 1).all()


def mean_hard_share() -> float:
    y = np.linspace(c.BREMSSTRAHLUNG_FRACTION_MIN, 1, 20_001)
    return float(np.average(y, weights=(4 / 3 * (1 - y) + y**2) / y))


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
        # Of an event with many soft kaons a weight may be above 1.
        assert (particles.weight[rows] > 0).all()
        assert np.median(particles.weight[rows]) < 0.5


def test_weights_equal_decays_that_are_left_to_chance() -> None:
    """Muons of hadrons that decay by the law, counted, against the weights of forced decays."""
    hadrons = particles_of(321, 60, mass=0.49368, charge=1)
    forced = decays.decay_in_flight(hadrons, np.random.default_rng(1), 1.0)
    weights = forced.weight[abs(forced.pdg) == 13]
    assert len(weights) == 60
    rng, n, inside = np.random.default_rng(2), 4000, 0
    for i in range(60):
        point = (hadrons.x[i], hadrons.y[i], hadrons.z[i])
        momentum = (hadrons.px[i], hadrons.py[i], hadrons.pz[i], hadrons.e[i])
        length = hadrons.pt[i] / 0.49368 * c.KAON_DECAY_LENGTH
        for flown in rng.exponential(length, n):
            if flown < 2000.0:
                (x, y, z), _ = transport(point, momentum, 1, flown)
                inside += np.hypot(x, y) < c.DECAY_RADIUS_MAX and abs(z) < c.DECAY_Z_MAX
    counted = c.KAON_TO_MUON * inside / n
    assert weights.sum() == pytest.approx(counted, abs=4 * np.sqrt(counted / n))
