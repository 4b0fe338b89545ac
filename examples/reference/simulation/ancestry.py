"""What a particle is and where it comes from, as the files of ATLAS say it.

The codes are those of MCTruthClassifier. As there, the *direct* parent decides about a lepton of a
hadron decay: a muon of b -> c -> mu is a muon of a charmed meson. Tracks follow the whole line.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt
from simulation.constants import VERTEX_MERGING

from lepid.efficiency.truth_codes import Origin, Type

Codes = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]

# Numba wants plain integers.
DALITZ, CONVERSION, MUON_DECAY, TAU, FSR = (
    int(Origin[name]) for name in ("DalitzDec", "PhotonConv", "Mu", "TauLep", "FSRPhot")
)
TOP, W_BOSON, Z_BOSON, HIGGS = (int(Origin[n]) for n in ("top", "WBoson", "ZBoson", "Higgs"))
PION_DECAY, KAON_DECAY, PI_ZERO = (int(Origin[n]) for n in ("PionDecay", "KaonDecay", "PiZero"))
PROMPT_PHOTON, UNDERLYING_PHOTON = int(Origin.PromptPhot), int(Origin.UndrPhot)
LIGHT_MESON, STRANGE_MESON = int(Origin.LightMeson), int(Origin.StrangeMeson)
CHARMED_MESON, BOTTOM_MESON = int(Origin.CharmedMeson), int(Origin.BottomMeson)
CHARMONIUM, BOTTOMONIUM = int(Origin.CCbarMeson), int(Origin.BBbarMeson)
LIGHT_BARYON, STRANGE_BARYON = int(Origin.LightBaryon), int(Origin.StrangeBaryon)
CHARMED_BARYON, BOTTOM_BARYON = int(Origin.CharmedBaryon), int(Origin.BottomBaryon)
UNKNOWN_PHOTON, HADRON, NEUTRINO, GENERATOR_PARTICLE = int(Type.UnknownPhoton), 17, 18, 21
BOSONS = (TOP, W_BOSON, Z_BOSON, HIGGS)
# Origins by the quark digits of a hadron, and by the PDG id of a parent that is none.
BARYONS = np.array([0, LIGHT_BARYON, LIGHT_BARYON, STRANGE_BARYON, CHARMED_BARYON, BOTTOM_BARYON])
OPEN_MESONS = np.array([0, LIGHT_MESON, LIGHT_MESON, STRANGE_MESON, CHARMED_MESON, BOTTOM_MESON])
HIDDEN_MESONS = np.array([0, LIGHT_MESON, LIGHT_MESON, LIGHT_MESON, CHARMONIUM, BOTTOMONIUM])
LEPTON_PARENTS = np.zeros(26, np.int64)
LEPTON_PARENTS[[6, 13, 15, 22, 23, 24, 25]] = (
    TOP,
    MUON_DECAY,
    TAU,
    CONVERSION,
    Z_BOSON,
    W_BOSON,
    HIGGS,
)
PHOTON_PARENTS = np.full(26, UNDERLYING_PHOTON)
PHOTON_PARENTS[[11, 13, 15, 23, 24, 25]] = FSR, FSR, FSR, Z_BOSON, FSR, HIGGS
PRIMARY, FROM_B, FROM_BC, FROM_C, FROM_TAU, OTHER_SECONDARY = range(2, 8)


@nb.njit
def is_hadron(pdg: int) -> bool:
    """Whether a PDG id is one of an ordinary hadron: no diquark, no state of Pythia's own."""
    code = abs(pdg)
    if code <= 100 or code >= 9900000 or code in (110, 990):
        return False
    return (code // 10) % 10 != 0


@nb.njit
def hadron_origin(pdg: int) -> int:
    """Origin code of what decays from a hadron."""
    code = abs(pdg)
    q1, q2, q3 = (code // 1000) % 10, (code // 100) % 10, (code // 10) % 10
    if code == 130:  # K_L is numbered unlike the other mesons
        return STRANGE_MESON
    if q1 > 0:
        return BARYONS[q1]
    return HIDDEN_MESONS[q2] if q2 == q3 else OPEN_MESONS[q2]


@nb.njit
def is_bottom(pdg: int) -> bool:
    """Whether a hadron holds one b quark, so that it decays weakly."""
    return is_hadron(pdg) and hadron_origin(pdg) in (BOTTOM_MESON, BOTTOM_BARYON)


@nb.njit
def is_charmed(pdg: int) -> bool:
    """Whether a hadron holds a c quark and no b, so that it decays weakly."""
    return is_hadron(pdg) and hadron_origin(pdg) in (CHARMED_MESON, CHARMED_BARYON)


@nb.njit
def has_bottom_ancestor(pdg: Integers, mother: Integers, i: int) -> bool:
    """Whether a particle of an event (positions inside it) comes from a b hadron."""
    up = mother[i]
    while up >= 0:
        if is_bottom(pdg[up]):
            return True
        up = mother[up]
    return False


@nb.njit
def lepton_origin(pdg: Integers, mother: Integers, i: int) -> int:
    """Origin of a charged lepton; leptons of a tau from W, Z, H or top count as theirs."""
    up = mother[i]
    if up < 0:
        return 0
    while abs(pdg[up]) in (15, 24):
        above = mother[up]
        if above < 0 or abs(pdg[above]) not in (6, 15, 23, 24, 25):
            break
        up = above
    code, flavour = abs(pdg[up]), abs(pdg[i])
    if code < len(LEPTON_PARENTS):
        return LEPTON_PARENTS[code]
    if flavour == 11 and code == 111:
        return DALITZ
    if flavour == 13 and code in (211, 321):
        return PION_DECAY if code == 211 else KAON_DECAY
    return hadron_origin(code) if is_hadron(code) else 0


@nb.njit
def lepton_type(flavour: int, origin: int, prompt: bool) -> int:
    """Type of a charged lepton: 1 to 4 electron, 5 to 8 muon, 9 to 12 tau."""
    unknown = 1 + 4 * ((flavour - 11) // 2)
    if origin == 0:
        return unknown
    if prompt or origin in BOSONS:
        return unknown + 1
    open_flavour = origin in (BOTTOM_MESON, BOTTOM_BARYON, CHARMED_MESON, CHARMED_BARYON)
    if open_flavour or origin in (TAU, MUON_DECAY):
        return unknown + 2
    return unknown + 3


@nb.njit
def photon_origin(pdg: Integers, mother: Integers, i: int, hard: bool) -> int:
    """Origin of a photon; without a kept mother it is of the hard process or of the shower."""
    up = mother[i]
    if up < 0:
        return PROMPT_PHOTON if hard else UNDERLYING_PHOTON
    code = abs(pdg[up])
    if code == 15 and lepton_origin(pdg, mother, up) not in BOSONS:
        return TAU
    if code < len(PHOTON_PARENTS):
        return PHOTON_PARENTS[code]
    if code == 111:
        return PI_ZERO
    return hadron_origin(code) if is_hadron(code) else UNDERLYING_PHOTON


@nb.njit
def photon_type(origin: int) -> int:
    """Type of a photon, 13 to 16."""
    if origin in (PROMPT_PHOTON, W_BOSON, Z_BOSON, HIGGS):
        return UNKNOWN_PHOTON + 1
    if origin in (FSR, TAU):
        return UNKNOWN_PHOTON + 2
    return UNKNOWN_PHOTON + 3


@nb.njit
def particle_codes(pdg: Integers, mother: Integers, i: int, hard: bool) -> tuple[int, int]:
    """Type and origin of one particle of an event."""
    code = abs(pdg[i])
    if code in (11, 13, 15):
        origin = lepton_origin(pdg, mother, i)
        onium = origin in (CHARMONIUM, BOTTOMONIUM)
        prompt = onium and not has_bottom_ancestor(pdg, mother, i)
        return lepton_type(code, origin, prompt), origin
    if code == 22:
        origin = photon_origin(pdg, mother, i, hard)
        return photon_type(origin), origin
    if code in (12, 14, 16):
        return NEUTRINO, 0
    return (HADRON, 0) if is_hadron(code) else (GENERATOR_PARTICLE, 0)


@nb.njit
def track_origin(pdg: Integers, mother: Integers, lifetime: npt.NDArray[np.bool_], i: int) -> int:
    """Class of the track of a particle, by the whole line of its ancestors."""
    bottom = charm = tau = secondary = False
    up = mother[i]
    while up >= 0:
        bottom |= is_bottom(pdg[up])
        charm |= is_charmed(pdg[up])
        tau |= abs(pdg[up]) == 15
        secondary |= lifetime[up]
        up = mother[up]
    if bottom:
        return FROM_BC if charm else FROM_B
    if charm:
        return FROM_C
    if tau:
        return FROM_TAU
    return OTHER_SECONDARY if secondary else PRIMARY


@nb.njit
def label(
    offsets: Integers,
    pdg: Integers,
    mother: Integers,
    hard: npt.NDArray[np.bool_],
    lifetime: npt.NDArray[np.bool_],
) -> tuple[Codes, Codes, npt.NDArray[np.int8]]:
    """Type, origin and class of the track of each particle.

    Parameters
    ----------
    offsets : [n_event + 1]
    pdg, mother : [n_particle]
    hard : [n_particle]
        A photon of the hard process.
    lifetime : [n_particle]
        Lives long enough for its daughters to be secondary tracks.

    Source
    ------
    MCTruthClassifier (types, origins); InDetTrackTruthOriginTool (tracks).
    """
    kind = np.zeros(len(pdg), np.int16)
    origin = np.zeros(len(pdg), np.int16)
    track = np.zeros(len(pdg), np.int8)
    for event in range(len(offsets) - 1):
        start, stop = offsets[event], offsets[event + 1]
        ids, up, lives = pdg[start:stop], mother[start:stop], lifetime[start:stop]
        for i in range(stop - start):
            kind[start + i], origin[start + i] = particle_codes(ids, up, i, hard[start + i])
            track[start + i] = track_origin(ids, up, lives, i)
    return kind, origin, track


@nb.njit
def vertex_labels(
    offsets: Integers, points: npt.NDArray[np.float64], primary: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    """Label of the production vertex of each particle: 0 at the primary vertex, then 1, 2, ...

    Parameters
    ----------
    offsets : [n_event + 1]
    points : [n_particle, 3], mm
    primary : [n_event, 3], mm
    """
    labels = np.zeros(len(points), np.int32)
    seen = np.empty((len(points) + 1, 3))
    for event in range(len(offsets) - 1):
        seen[0, 0], seen[0, 1], seen[0, 2] = primary[event]
        count = 1
        for i in range(offsets[event], offsets[event + 1]):
            found = -1
            x, y, z = points[i]
            for known in range(count):
                at = seen[known]
                if (x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2 < VERTEX_MERGING**2:
                    found = known
                    break
            if found < 0:
                found = count
                seen[count, 0], seen[count, 1], seen[count, 2] = x, y, z
                count += 1
            labels[i] = found
    return labels
