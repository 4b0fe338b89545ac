"""Tests of truth: codes of hand-made decays, and of every lepton that Pythia makes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from simulation import ancestry
from simulation.particles import Particles

from lepid.efficiency.truth import classify
from lepid.efficiency.truth_codes import IFF

PROCESSES = ("ttbar_nonallhad", "ttbar_allhad", "Zee", "Jpsi_ee", "Jpsi_mumu", "photon_jet")


def codes_of(*line: int, hard: bool = False) -> tuple[int, int]:
    """Type and origin of the last particle of a line of descent."""
    pdg = np.array(line, np.int32)
    mother = np.arange(-1, len(line) - 1, dtype=np.int32)
    edges, flags = np.array([0, len(line)]), np.zeros(len(line), bool)
    kinds, origins, _ = ancestry.label(edges, pdg, mother, flags | hard, flags)
    return int(kinds[-1]), int(origins[-1])


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ((6, 24, 11), (2, 10)),
        ((6, 24, -13), (6, 10)),
        ((24, 13), (6, 12)),
        ((23, 11), (2, 13)),
        ((25, 13), (6, 14)),
        ((6, 24, 15, 13), (6, 10)),
        ((511, 15, 13), (7, 9)),
        ((511, 411, 13), (7, 25)),
        ((521, 11), (3, 26)),
        ((5122, 13), (7, 33)),
        ((4122, 11), (3, 32)),
        ((443, 13), (6, 27)),
        ((521, 443, 13), (8, 27)),
        ((111, 11), (4, 6)),
        ((221, 11), (4, 23)),
        ((211, -13), (8, 34)),
        ((321, -13), (8, 35)),
        ((130, 13), (8, 24)),
        ((3122, 13), (8, 31)),
        ((22, 13), (8, 5)),
        ((22, 11), (4, 5)),
        ((11,), (1, 0)),
        ((24, 11, 22), (15, 40)),
        ((24, 15, 22), (15, 40)),
        ((431, 15, 22), (15, 9)),
        ((111, 22), (16, 42)),
        ((413, 22), (16, 25)),
        ((22,), (16, 38)),
        ((511, 211), (17, 0)),
        ((24, 12), (18, 0)),
        ((6, 24), (21, 0)),
    ],
)
def test_codes_of_hand_made_lines(line: tuple[int, ...], codes: tuple[int, int]) -> None:
    assert codes_of(*line) == codes


def test_photon_of_the_hard_process() -> None:
    assert codes_of(22, hard=True) == (14, 37)


@pytest.mark.parametrize(
    ("code", "hadron"),
    [(2101, False), (990, False), (21, False), (9940003, False), (111, True), (5122, True)],
)
def test_what_is_a_hadron(code: int, hadron: bool) -> None:
    assert ancestry.is_hadron(code) is hadron


def line_above(particles: Particles, i: int) -> list[int]:
    """PDG ids of the ancestors of a particle, without sign, from its mother on."""
    start = particles.offsets[particles.event[i]]
    line, up = [], particles.mother[i]
    while up >= 0:
        line.append(abs(int(particles.pdg[start + up])))
        up = particles.mother[start + up]
    return line


def quarks(code: int) -> str:
    """Digits of the quarks of a hadron."""
    return f"{code:07d}"[-4:-1]


def class_by_ancestry(flavour: str, line: list[int]) -> str:
    """IFF class by the line of ancestors, with no use of the codes."""
    prompt = {"electron": "IsoElectron", "muon": "PromptMuon"}[flavour]
    rest = list(line)
    while rest and rest[0] in {11, 13, 22}:
        rest.pop(0)
    radiated = len(rest) < len(line)
    while len(rest) > 1 and rest[0] in {15, 24} and rest[1] in {6, 15, 23, 24, 25}:
        rest.pop(0)
    if not rest:
        photon = flavour == "electron" and radiated
        return "PromptPhotonConversion" if photon else "Unknown"
    source = rest[0]
    if source in {6, 23, 24, 25}:
        return prompt
    if source == 15:
        return "TauDecay"
    if "5" in quarks(source):
        return "BHadronDecay"
    if "4" in quarks(source):
        onium = quarks(source)[1:] == "44" and not any("5" in quarks(up) for up in rest)
        # IFF asks for the origin of a mother before it asks whether she is isolated: what an
        # electron of J/psi radiates is charm to it.
        return prompt if onium and not radiated else "CHadronDecay"
    return "LightFlavorDecay"


def iff_classes(particles: Particles, rows: np.ndarray, flavour: str) -> list[str]:
    names = {
        "truthType": "truth_type",
        "truthOrigin": "truth_origin",
        "truthPdgId": "pdg",
        "firstEgMotherTruthType": "eg_mother_type",
        "firstEgMotherTruthOrigin": "eg_mother_origin",
        "firstEgMotherPdgId": "eg_mother_pdg",
    }
    columns = {name: getattr(particles, ours)[rows] for name, ours in names.items()}
    columns["truthStatus"] = np.ones(len(rows), int)
    return [IFF(code).name for code in classify("iff", flavour, columns)]


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(("flavour", "code"), [("electron", 11), ("muon", 13)])
def test_iff_class_of_every_lepton_is_that_of_its_ancestry(
    generated: Any, process: str, flavour: str, code: int
) -> None:
    particles = generated(process)
    rows = np.flatnonzero(particles.final & (abs(particles.pdg) == code))
    assert len(rows)
    given = iff_classes(particles, rows, flavour)
    expected = [class_by_ancestry(flavour, line_above(particles, i)) for i in rows]
    wrong = Counter(pair for pair in zip(given, expected, strict=True) if pair[0] != pair[1])
    assert not wrong


def test_all_classes_that_leptons_of_the_processes_can_have_are_there(generated: Any) -> None:
    found = set()
    for process in PROCESSES:
        particles = generated(process)
        for flavour, code in (("electron", 11), ("muon", 13)):
            rows = np.flatnonzero(particles.final & (abs(particles.pdg) == code))
            found |= set(iff_classes(particles, rows, flavour))
    assert found >= {
        "IsoElectron",
        "PromptMuon",
        "PromptPhotonConversion",
        "TauDecay",
        "BHadronDecay",
        "CHadronDecay",
        "LightFlavorDecay",
    }


def origin_by_ancestry(line: list[int], conversion: bool) -> int:
    """Class of a track by the line of its ancestors."""
    hadrons = [quarks(code) for code in line if ancestry.is_hadron(code)]
    bottom = any("5" in digits and digits != "055" for digits in hadrons)
    charm = any("4" in digits and "5" not in digits and digits != "044" for digits in hadrons)
    if bottom:
        return 4 if charm else 3
    if charm:
        return 5
    if 15 in line:
        return 6
    lasting = {130, 310, 211, 321, 3112, 3122, 3222, 3312, 3322, 3334}
    return 7 if conversion or lasting & set(line) else 2


@pytest.mark.parametrize("process", PROCESSES)
def test_track_origins_follow_the_line(generated: Any, process: str) -> None:
    particles = generated(process)
    for i in np.flatnonzero(particles.final):
        made = abs(particles.pdg[i]) == 11 and particles.truth_origin[i] == 5
        in_material = made and particles.vertex[i] > 0
        assert particles.track_origin[i] == origin_by_ancestry(
            line_above(particles, i), in_material
        )


def test_vertex_labels_are_those_of_a_slow_twin(generated: Any) -> None:
    particles = generated("ttbar_allhad", 100)
    for event in range(20):
        seen = [particles.primary_vertex[event]]
        for i in range(particles.offsets[event], particles.offsets[event + 1]):
            at = np.array([particles.x[i], particles.y[i], particles.z[i]])
            near = [k for k, known in enumerate(seen) if np.linalg.norm(at - known) < 0.1]
            if not near:
                seen.append(at)
            assert particles.vertex[i] == (near[0] if near else len(seen) - 1)
