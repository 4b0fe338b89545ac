"""The rules of the IFF classes and of the six classes of the electron DNN.

Each classifier is an ordered table of (class, condition); the first condition that holds wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.efficiency.truth_codes import (
    ANY_ELECTRON,
    ANY_MUON,
    BOTTOM,
    CHARM,
    DNN,
    FALLBACK_DR,
    FIRST_MOTHER,
    FLIP_DR,
    IFF,
    LAST_MOTHER,
    LIGHT,
    NO_TRUTH,
    NON_ISO,
    NOT_STORED,
    PROMPT_MUON,
    STABLE,
    STATUS_THRESHOLD,
    Origin,
    Pdg,
    Type,
)

Codes = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Columns = Mapping[str, Codes]
Rules = list[tuple[int, Mask]]


def first_match(rules: Rules, rest: int) -> Codes:
    """The class of the first rule that holds for each lepton, else `rest`."""
    return np.select([mask for _, mask in rules], [np.int64(code) for code, _ in rules], int(rest))


def _among(values: Codes, codes: Iterable[int]) -> Mask:
    # A table of the few small codes; what is below or above them is read at its ends, which are
    # False. np.isin takes four times as long.
    chosen = [int(code) + 1 for code in codes]
    table = np.zeros(max(chosen) + 2, np.bool_)
    table[chosen] = True
    return table.take(values + 1, mode="clip")


def _mother(c: Columns) -> Callable[[int, int], Mask]:
    mt, mo = c["firstEgMotherTruthType"], c["firstEgMotherTruthOrigin"]
    return lambda kind, origin: (mt == kind) & (mo == origin)


def _either(c: Columns) -> Callable[[Iterable[int]], Mask]:
    o, mo = c["truthOrigin"], c["firstEgMotherTruthOrigin"]
    return lambda origins: _among(o, origins) | _among(mo, origins)


def _fallback_hadron(c: Columns) -> Mask:
    near: Mask = c["fallbackDR"] < FALLBACK_DR
    hadron: Mask = c["fallbackTruthType"] == Type.Hadron
    return near & hadron


def _stable(c: Columns) -> Mask:
    # Older releases ask for status 1, newer ones for 1 modulo the threshold: the newer are
    # followed. fmod keeps the sign as C++ does; -99999 % 20000 would be 1.
    stable: Mask = np.fmod(c["truthStatus"], STATUS_THRESHOLD) == STABLE
    return stable


def _known(pdg: Codes) -> Codes:
    return np.where(pdg == NO_TRUTH, 0, pdg)


def electron_rules(c: Columns, flips: bool) -> Rules:
    """Electron classes and their conditions, in order; the rest is Unknown."""
    return _conversions(c) + _decays(c) + _prompt_electrons(c, flips) + _unknown_electrons(c)


def _conversions(c: Columns) -> Rules:
    t, o, pdg, mp = (c[n] for n in ("truthType", "truthOrigin", "truthPdgId", "firstEgMotherPdgId"))
    mother, lt, lp = _mother(c), c["lastEgMotherTruthType"], c["lastEgMotherPdgId"]
    conv = (t == Type.BkgElectron) & (o == Origin.PhotonConv)
    process = (t == Type.BkgElectron) & (o == Origin.ElMagProc)
    electrons = (abs(pdg) == Pdg.electron) & (abs(mp) == Pdg.electron)
    from_generator = (lt == Type.GenParticle) & ((lp == Pdg.photon) | (abs(lp) == Pdg.electron))
    internal = electrons & ((lt == NOT_STORED) | from_generator)
    masks = (
        (conv | process) & mother(Type.IsoPhoton, Origin.PromptPhot),  # 1
        conv & mother(Type.IsoPhoton, Origin.Higgs),  # 2
        conv & mother(Type.UnknownPhoton, Origin.NonDefined),  # 3
        (conv | process) & mother(Type.BkgPhoton, Origin.UndrPhot),  # 4
        (t == Type.BkgPhoton) & (o == Origin.UndrPhot),  # 5
        (t == Type.IsoPhoton) & (pdg == Pdg.photon),  # 6
        process & mother(Type.UnknownPhoton, Origin.NonDefined),  # 7
        process & mother(Type.NonIsoPhoton, Origin.FSRPhot),  # 7
        conv & mother(Type.Unknown, Origin.ZBoson),  # 8
        conv & mother(Type.BkgElectron, Origin.PhotonConv) & internal,  # 9
    )
    return [(IFF.PromptPhotonConversion, mask) for mask in masks]


def _decays(c: Columns) -> Rules:
    t, o, either = c["truthType"], c["truthOrigin"], _either(c)
    mt, mo = c["firstEgMotherTruthType"], c["firstEgMotherTruthOrigin"]
    bkg, non_iso, light = t == Type.BkgElectron, _among(t, NON_ISO), either(LIGHT)
    pair = _among(o, {Origin.DalitzDec, Origin.ElMagProc})
    return [
        (IFF.ElectronFromMuon, non_iso & either({Origin.Mu})),  # 10
        (IFF.ElectronFromMuon, bkg & (mo == Origin.Mu)),  # 11
        (IFF.ElectronFromMuon, _among(t, ANY_MUON)),  # 12
        (IFF.TauDecay, non_iso & (o == Origin.TauLep)),  # 13
        (IFF.TauDecay, _among(mt, NON_ISO) & (mo == Origin.TauLep)),  # 14
        (IFF.LightFlavorDecay, (t == Type.Hadron) | _fallback_hadron(c)),  # 15
        (IFF.LightFlavorDecay, (mt == Type.BkgElectron) & pair & light),  # 16
        (IFF.LightFlavorDecay, bkg & (either({Origin.DalitzDec}) | light)),  # 17
        (IFF.LightFlavorDecay, (t == Type.BkgPhoton) & light),  # 18
        (IFF.BHadronDecay, either(BOTTOM)),  # 19
        (IFF.CHadronDecay, (t != Type.IsoElectron) & either(CHARM)),  # 20
    ]


def _prompt_electrons(c: Columns, flips: bool) -> Rules:
    t, o, pdg, mp = (c[n] for n in ("truthType", "truthOrigin", "truthPdgId", "firstEgMotherPdgId"))
    mt, conv = c["firstEgMotherTruthType"], (t == Type.BkgElectron) & (o == Origin.PhotonConv)
    radiated = (t == Type.NonIsoPhoton) & (o == Origin.FSRPhot)
    converted = conv & _mother(c)(Type.NonIsoPhoton, Origin.FSRPhot)
    fsr = (abs(pdg) == Pdg.electron) & (radiated | converted)
    daughter = (mt == Type.IsoElectron) & (abs(mp) == Pdg.electron)
    prompt = (t == Type.IsoElectron) | daughter | fsr
    # Athena lets -99999 decide the sign like a PDG id; here it decides nothing. The conversion of
    # a background electron, which Athena exempts beside FSR, is never prompt.
    charge = np.where(c["charge"] != 0, c["charge"], -_known(pdg))
    flipped = ~fsr & (_known(mp) * charge > 0) & flips
    return [
        (IFF.ChargeFlipIsoElectron, prompt & flipped),  # 21
        (IFF.IsoElectron, prompt),  # 21
    ]


def _unknown_electrons(c: Columns) -> Rules:
    t, o, mt, mo = c["truthType"], c["truthOrigin"], c[FIRST_MOTHER[0]], c[FIRST_MOTHER[1]]
    stable, photon = _stable(c), t == Type.UnknownPhoton
    undefined = (o == Origin.NonDefined) & (mo == Origin.NonDefined)
    blank = (t == Type.Unknown) & (mt == Type.Unknown)
    alike = (t == Type.UnknownElectron) & (mt == Type.UnknownElectron)
    unstable = blank | photon & (mt == Type.Unknown)
    fsr = (t == Type.NonIsoPhoton) & (o == Origin.FSRPhot) & (c["truthPdgId"] == Pdg.photon)
    no_last = (c[LAST_MOTHER[0]] == NOT_STORED) | _all_zero(c, LAST_MOTHER)
    return [
        (IFF.KnownUnknown, undefined & ~stable & unstable),  # 22
        (IFF.KnownUnknown, undefined & stable & (blank | alike | photon)),  # 22
        (IFF.KnownUnknown, fsr & _all_zero(c, FIRST_MOTHER) & no_last),  # 22
    ]


def _all_zero(c: Columns, names: Iterable[str]) -> Mask:
    return reduce(np.logical_and, [c[name] == 0 for name in names])


def muon_rules(c: Columns, flips: bool) -> Rules:
    """Muon classes and their conditions, in order; the rest is Unknown."""
    t, o, light = c["truthType"], c["truthOrigin"], _among(c["truthOrigin"], LIGHT)
    prompt = (t == Type.IsoMuon) & _among(o, PROMPT_MUON)
    # Athena multiplies the two charges: of a muon the PDG id has the opposite sign.
    opposite = (abs(c["truthPdgId"]) == Pdg.muon) & (c["truthPdgId"] * c["charge"] > 0)
    blank = (t == Type.Unknown) & (o == Origin.NonDefined)
    no_truth = (t == NO_TRUTH) & (o == NO_TRUTH)
    return [
        (IFF.TauDecay, (t == Type.NonIsoMuon) & (o == Origin.TauLep)),  # 1
        (IFF.LightFlavorDecay, (t == Type.BkgMuon) & light),  # 2
        (IFF.LightFlavorDecay, (t == Type.Hadron) | _fallback_hadron(c)),  # 2
        (IFF.BHadronDecay, _among(o, BOTTOM)),  # 3, also of prompt Upsilon (6, 29): before 5
        (IFF.CHadronDecay, (t != Type.IsoMuon) & _among(o, CHARM)),  # 4
        (IFF.ChargeFlipMuon, prompt & (c["truthDR"] < FLIP_DR) & opposite & flips),  # 5
        (IFF.PromptMuon, prompt),  # 5
        (IFF.KnownUnknown, (t == Type.UnknownMuon) & (o == Origin.NonDefined)),  # 6
        (IFF.KnownUnknown, ~_stable(c) & (blank | no_truth)),  # 6
        (IFF.NonMuonlike, _among(t, ANY_ELECTRON)),  # 7
        *((code, blank & mask) for code, mask in _parents(c)),  # 8
    ]


def _parents(c: Columns) -> Rules:
    pdg, single = abs(c["truthParentPdgId"]), c["truthParentCount"] == 1
    # Not every release has PromptMuonLike; where it has, it comes first.
    return [
        (IFF.PromptMuonLike, single & _among(pdg, (Pdg.top, Pdg.W, Pdg.Z, Pdg.Higgs))),
        (IFF.TauDecayLike, single & (pdg == Pdg.tau)),
        (IFF.BHadronDecayLike, single & _has_quark(pdg, Pdg.bottom)),
        (IFF.CHadronDecayLike, single & _has_quark(pdg, Pdg.charm) & ~_is_charmonium(pdg)),
    ]


def _has_quark(pdg: Codes, quark: int) -> Mask:
    # Athena counts the quark itself too. Diquarks and nuclei have a zero among the digits.
    q3, q2, q1 = (pdg // place % 10 for place in (10, 100, 1000))
    in_hadron = (q3 > 0) & (q2 > 0) & ((q3 == quark) | (q2 == quark) | (q1 == quark))
    has: Mask = (pdg == quark) | in_hadron
    return has


def _is_charmonium(pdg: Codes) -> Mask:
    charmonium: Mask = pdg // 10 % 1000 == 10 * Pdg.charm + Pdg.charm
    return charmonium


def dnn_rules(iff: Codes, t: Codes) -> Rules:
    """Classes of the electron DNN, from IFF class and truthType; the rest is other."""
    return [
        (DNN.El, iff == IFF.IsoElectron),
        (DNN.CF, iff == IFF.ChargeFlipIsoElectron),
        (DNN.PC, iff == IFF.PromptPhotonConversion),
        (DNN.HF, _among(iff, (IFF.BHadronDecay, IFF.CHadronDecay))),
        (DNN.LFEg, (iff == IFF.LightFlavorDecay) & _among(t, (Type.BkgElectron, Type.BkgPhoton))),
        (DNN.LFH, (iff == IFF.LightFlavorDecay) & (t == Type.Hadron)),
    ]
