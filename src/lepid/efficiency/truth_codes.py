"""Codes of truth particles and classes, as the experiments define them."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

NO_TRUTH = -99999  # release 21 writes this where no truth particle was found
NOT_STORED = -1  # Athena's stand-in for a mother that the file does not keep


class Type(IntEnum):
    """Particle types of MCTruthClassifier that the rules name."""

    Unknown, UnknownElectron, IsoElectron, NonIsoElectron, BkgElectron = range(5)
    UnknownMuon, IsoMuon, NonIsoMuon, BkgMuon = range(5, 9)
    UnknownPhoton, IsoPhoton, NonIsoPhoton, BkgPhoton, Hadron = range(13, 18)
    GenParticle = 21


class Origin(IntEnum):
    """Particle origins of MCTruthClassifier that the rules name."""

    NonDefined, SingleMuon = 0, 2
    PhotonConv, DalitzDec, ElMagProc, Mu, TauLep, top = range(5, 11)
    WBoson, ZBoson, Higgs, HiggsMSSM, HeavyBoson = range(12, 17)
    SUSY, LightMeson, StrangeMeson, CharmedMeson, BottomMeson, CCbarMeson = range(22, 28)
    BBbarMeson, LightBaryon, StrangeBaryon, CharmedBaryon, BottomBaryon = range(29, 34)
    PionDecay, KaonDecay = range(34, 36)
    PromptPhot, UndrPhot = range(37, 39)
    FSRPhot, PiZero, DiBoson = 40, 42, 43


class Pdg(IntEnum):
    """PDG ids that the rules name."""

    charm, bottom, top = range(4, 7)
    electron, muon, tau, photon, Z, W, Higgs = 11, 13, 15, 22, 23, 24, 25


class IFF(IntEnum):
    """Classes of the ATLAS Isolation and Fake Forum."""

    Unknown, KnownUnknown, IsoElectron, ChargeFlipIsoElectron, PromptMuon = range(5)
    PromptPhotonConversion, ElectronFromMuon, TauDecay, BHadronDecay = range(5, 9)
    CHadronDecay, LightFlavorDecay, ChargeFlipMuon, NonMuonlike = range(9, 13)
    PromptMuonLike, TauDecayLike, BHadronDecayLike, CHadronDecayLike = 40, 70, 80, 90


class DNN(IntEnum):
    """Classes of the ATLAS electron DNN; the codes are the indices of its outputs."""

    other, El, CF, PC, HF, LFEg, LFH = range(-1, 6)


class CMS(IntEnum):
    """Codes of `genPartFlav`."""

    unmatched, prompt, light_or_unknown, charm, bottom = 0, 1, 3, 4, 5
    prompt_tau, prompt_photon_conversion = 15, 22


def _origins(names: str) -> frozenset[int]:
    return frozenset(Origin[name] for name in names.split())


LIGHT = _origins("PiZero LightMeson StrangeMeson LightBaryon StrangeBaryon PionDecay KaonDecay")
BOTTOM = _origins("BottomMeson BBbarMeson BottomBaryon")
CHARM = _origins("CharmedMeson CCbarMeson CharmedBaryon")
PROMPT_MUON = _origins(
    "SingleMuon top WBoson ZBoson Higgs HiggsMSSM SUSY DiBoson CCbarMeson BBbarMeson HeavyBoson"
)
ANY_MUON = frozenset({Type.UnknownMuon, Type.IsoMuon, Type.NonIsoMuon, Type.BkgMuon})
ANY_ELECTRON = frozenset({Type.IsoElectron, Type.NonIsoElectron, Type.BkgElectron})
NON_ISO = frozenset({Type.NonIsoElectron, Type.NonIsoPhoton})

FALLBACK_DR = 0.05  # a farther fallback truth particle is not believed
FLIP_DR = 0.025  # a farther truth muon says nothing about the charge
STABLE = 1
STATUS_THRESHOLD = 20000  # simulation adds multiples of this to the generator's status

# What stands for an optional column that is not there; the same as in Athena where it has one.
ABSENT: dict[str, float] = {
    "lastEgMotherTruthType": NOT_STORED,
    "lastEgMotherTruthOrigin": NOT_STORED,
    "lastEgMotherPdgId": NOT_STORED,
    "fallbackTruthType": NOT_STORED,
    "fallbackDR": np.inf,
    "truthStatus": 0,
    "truthParentCount": 0,
    "truthParentPdgId": 0,
    "charge": 0,
    "truthPdgId": 0,
    "truthDR": np.inf,
}
DISTANCES = frozenset({"fallbackDR", "truthDR"})

KINDS = ("TruthType", "TruthOrigin", "PdgId")
FIRST_MOTHER = tuple(f"firstEgMother{kind}" for kind in KINDS)
LAST_MOTHER = tuple(f"lastEgMother{kind}" for kind in KINDS)
