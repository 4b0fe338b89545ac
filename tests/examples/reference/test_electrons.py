"""Electron candidates of all six classes, none of which is told from another without errors."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from simulation import constants as c
from simulation.calorimeter import deposits
from simulation.clusters import clusters
from simulation.decays import radiate
from simulation.electrons import electrons
from simulation.tracks import reconstruct
from simulation.trajectories import trajectories

N = 900
CLASSES = ("El", "CF", "PC", "HF", "LFEg", "LFH")
SHAPES = ("Reta", "Rphi", "weta2", "wtots1", "Eratio", "f1", "f3", "Rhad1", "Rhad")
MATCHING = ("deltaEta1", "deltaPhiRescaled2", "SCTWeightedCharge")


def jet(rng, eta, phi, n):
    return [
        {
            "pdg": int(rng.choice([211, -211, 22, 130])),
            "pt": 0.5 + rng.exponential(1.5),
            "eta": eta + rng.normal(0, 0.15),
            "phi": phi + rng.normal(0, 0.15),
        }
        for _ in range(n)
    ]


def pair(photon, mother, rng, radius):
    """Electron and positron of a photon, asymmetric, where it reaches a radius."""
    share = rng.uniform(0.1, 0.9)
    at = {"x": radius * math.cos(photon["phi"]), "y": radius * math.sin(photon["phi"])}
    at |= {"z": radius * math.sinh(photon["eta"]), "eta": photon["eta"], "phi": photon["phi"]}
    truth = {"truth_type": 4, "truth_origin": 5, "mother": mother} | at
    return [
        {"pdg": 11, "pt": share * photon["pt"]} | truth,
        {"pdg": -11, "pt": (1 - share) * photon["pt"]} | truth,
    ]


def event(name, rng):
    eta, phi = rng.uniform(-2.4, 2.4), rng.uniform(-np.pi, np.pi)
    pt = 7.0 + rng.exponential(20.0)
    place = {"eta": eta, "phi": phi}
    radius = float(rng.choice([25.0, 33.5, 50.5, 88.5, 122.5]))
    if name == "El":
        return [{"pdg": 11, "pt": pt, "truth_type": 2} | place]
    if name == "CF":
        electron = {"pdg": 11, "pt": pt, "truth_type": 2, "retained": 0.2} | place
        photon = {"pdg": 22, "pt": 0.8 * pt, "mother": 0, "final": False} | place
        return [electron, photon, *pair(photon, 1, rng, radius)]
    if name == "PC":
        photon = {"pdg": 22, "pt": pt, "final": False, "decay_radius": radius} | place
        return [photon, *pair(photon, 0, rng, radius)]
    if name == "HF":
        flight = rng.exponential(1.5)
        at = {"x": flight * math.cos(phi + 0.1), "y": flight * math.sin(phi + 0.1)}
        return [{"pdg": 11, "pt": pt, "truth_type": 3} | place | at, *jet(rng, eta, phi, 6)]
    if name == "LFEg":
        # A neutral pion: half of them Dalitz decays, one photon carries any part.
        share, close = rng.random(), float(rng.choice([0.0, radius]))
        photon = {"pdg": 22, "pt": share * pt, "final": False, "decay_radius": close} | place
        other = {"pdg": 22, "pt": (1 - share) * pt, "eta": eta + 0.1 / pt, "phi": phi}
        return [photon, *pair(photon, 0, rng, close), other, *jet(rng, eta, phi, 4)]
    return [{"pdg": 211, "pt": 1.2 * pt, "truth_type": 17} | place, *jet(rng, eta, phi, 5)]


def candidates(particles, seed):
    rng = np.random.default_rng(seed)
    particles = radiate(particles, rng)
    tracks = reconstruct(particles, trajectories(particles, rng), rng)
    return (*electrons(particles, tracks, clusters(deposits(particles, rng)), rng), tracks)


@pytest.fixture(scope="module")
def samples(gun):
    rng = np.random.default_rng(17)
    size = {"LFH": 5 * N, "CF": 2 * N, "LFEg": 2 * N}
    events = {name: [event(name, rng) for _ in range(size.get(name, N))] for name in CLASSES}
    return {name: candidates(gun(shots), 3) for name, shots in events.items()}


def inputs(found):
    electron, gsf, _, _ = found
    energy = electron["pt"] * np.cosh(electron["eta"])
    sigma = np.sqrt(gsf["definingParametersCovMatrixDiag"][:, 0])
    others = (
        np.abs(gsf["d0"]) / sigma,
        1 - gsf["qOverP"] / gsf["QoverPLM"],
        energy * np.abs(gsf["qOverP"]),
        gsf["eProbabilityHT"],
        gsf["numberOfPixelHits"].astype(float),
        np.abs(electron["eta"]),
    )
    return np.stack([*(electron[name] for name in SHAPES + MATCHING), *others], axis=1)


def test_electrons_are_found_and_measured(samples):
    electron, gsf, own, tracks = samples["El"]
    assert 0.7 * N < len(electron) <= N
    energy = electron["pt"] * np.cosh(electron["eta"]) * np.abs(gsf["qOverP"])
    assert 1.0 < np.median(energy) < 1.1
    assert (electron["charge"] == -1).mean() > 0.99
    rows = tracks.tracks.rows(gsf["originalTrackParticle"], gsf.event)
    assert (rows == own[:, 0]).all()
    p = np.sqrt(sum(gsf[f"parameterP{axis}"] ** 2 for axis in "XYZ"))
    assert 1 / p == pytest.approx(np.abs(gsf["QoverPLM"]))


def test_every_class_has_candidates_with_its_truth(samples):
    for name, code in (("El", 2), ("PC", 4), ("HF", 3), ("LFEg", 4), ("LFH", 17)):
        electron = samples[name][0]
        assert (electron["truthType"] == code).sum() > 120, name
    flipped = samples["CF"][0]
    assert (flipped["charge"] == 1).sum() > 100


def test_hard_bremsstrahlung_shows_in_the_last_measurement(samples):
    lost = {name: 1 - s[1]["qOverP"] / s[1]["QoverPLM"] for name, s in samples.items()}
    assert np.median(lost["El"]) > np.median(lost["LFH"])
    eta = np.abs(samples["El"][0]["eta"])
    assert np.median(lost["El"][eta > 1.5]) > np.median(lost["El"][eta < 0.8])


def test_charge_flips_come_from_material_and_so_grow_with_eta(gun):
    rng = np.random.default_rng(2)
    rates = {}
    for least, most in ((0.0, 0.6), (2.0, 2.47)):
        shots = [
            [{"pdg": 11, "pt": pt, "eta": eta, "phi": phi, "truth_type": 2}]
            for pt, eta, phi in zip(
                rng.uniform(20, 60, 6000),
                rng.uniform(least, most, 6000),
                rng.uniform(-3.1, 3.1, 6000),
                strict=True,
            )
        ]
        found = candidates(gun(shots), 3)[0]
        assert len(found) > 0.9 * len(shots)
        rates[least] = (found["charge"] == 1).mean()
    assert rates[0.0] < 0.004
    assert 0.01 < rates[2.0] < 0.05


def test_conversions_lack_inner_hits(samples):
    inner = {n: s[1]["numberOfInnermostPixelLayerHits"].mean() for n, s in samples.items()}
    assert inner["PC"] < 0.6 < 0.85 < inner["El"]


def test_one_candidate_per_track(samples):
    for _, gsf, own, _ in samples.values():
        assert len(np.unique(own[:, 0])) == len(own) == len(gsf)


def test_no_pair_of_classes_is_told_apart(samples):
    trees = pytest.importorskip("sklearn.ensemble", reason="boosting is scikit-learn's")
    metrics = pytest.importorskip("sklearn.metrics")
    rows = {}
    for name, found in samples.items():
        wanted = {"El": 2, "HF": 3, "LFH": 17}.get(name, 4)
        electron = found[0]
        true = electron["charge"] == 1 if name == "CF" else electron["truthType"] == wanted
        rows[name] = inputs(found)[true][:500]
    limits = pytest.importorskip("threadpoolctl").threadpool_limits
    for one, other in combinations(CLASSES, 2):
        x = np.concatenate([rows[one], rows[other]])
        y = np.repeat([0, 1], [len(rows[one]), len(rows[other])])
        learn = np.arange(len(x)) % 2 == 0
        model = trees.HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8)
        with limits(1):
            model.fit(x[learn], y[learn])
        score = model.predict_proba(x[~learn])[:, 1]
        area = metrics.roc_auc_score(y[~learn], score)
        assert area < 0.99, f"{one} against {other}: {area:.4f}"


def test_a_second_photon_lowers_eratio(gun):
    electron = {"pdg": 11, "pt": 20.0, "eta": 0.4}
    photon = {"pdg": 22, "pt": 10.0, "eta": 0.42}
    alone, both = (candidates(gun([shot] * 300), 5)[0] for shot in ([electron], [electron, photon]))
    assert both["Eratio"].mean() < alone["Eratio"].mean() - 0.05
    assert both["pt"].mean() == pytest.approx(alone["pt"].mean() + 10.0, rel=0.1)


def test_soft_clusters_are_no_candidates(gun):
    soft = [{"pdg": 11, "pt": 0.7 * c.ELECTRON_MIN_ET, "eta": 0.4}]
    assert len(candidates(gun([soft] * 50), 5)[0]) == 0
