"""Truth classes of leptons: codes that a file stores turned into what the lepton really is.

Each classifier is an ordered table of (class, condition); the first condition that holds wins.
Codes and classes keep the spelling of the experiments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.errors import BadInput, MissingColumns, UnknownName

Codes = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Columns = Mapping[str, Codes]
Rules = list[tuple[int, Mask]]

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


@dataclass(frozen=True)
class Scheme:
    """One way to name what leptons really are, and the columns that it takes.

    `flip_needs` come on top of `needs` where charge flips are separated; `flips` says whether
    they are when nobody asks. Each maps a flavour to names of columns.
    """

    name: str
    classes: Mapping[int, str]
    needs: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]]
    source: str
    flip_needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flips: bool = False

    def required(self, flavour: str, charge_flips: bool | None = None) -> tuple[str, ...]:
        """Columns without which leptons of `flavour` cannot be classified.

        Raises
        ------
        BadInput : the scheme has no classes for this flavour, or cannot separate charge flips
        """
        if flavour not in self.needs:
            wrong = f"scheme {self.name!r} has no classes for flavour {flavour!r}"
            raise BadInput("truth", wrong, (), f"use one of: {', '.join(self.needs)}")
        if not (self.flips if charge_flips is None else charge_flips):
            return self.needs[flavour]
        if flavour not in self.flip_needs:
            wrong = f"scheme {self.name!r} does not separate charge flips"
            raise BadInput("truth", wrong, (), "leave charge_flips out")
        return self.needs[flavour] + self.flip_needs[flavour]


_KINDS = ("TruthType", "TruthOrigin", "PdgId")
_FIRST = tuple(f"firstEgMother{kind}" for kind in _KINDS)
_LAST = tuple(f"lastEgMother{kind}" for kind in _KINDS)
_FALLBACK = ("fallbackTruthType", "fallbackDR")
_PARENTS = ("truthParentCount", "truthParentPdgId")
_ELECTRON = ("truthType", "truthOrigin", "truthPdgId", *_FIRST)
_ELECTRON_MORE = (*_LAST, *_FALLBACK, "truthStatus", "charge")
_MUON = ("truthType", "truthOrigin")
_MUON_FLIP = ("charge", "truthPdgId", "truthDR")
_MUON_MORE = (*_FALLBACK, "truthStatus", *_PARENTS, *_MUON_FLIP)

SCHEMES: dict[str, Scheme] = {
    "iff": Scheme(
        name="iff",
        classes={code.value: code.name for code in IFF},
        needs={"electron": _ELECTRON, "muon": _MUON},
        optional={"electron": _ELECTRON_MORE, "muon": _MUON_MORE},
        flip_needs={"electron": ("charge",), "muon": _MUON_FLIP},
        source="Athena TruthClassification/Root/TruthClassificationTool.cxx",
    ),
    "dnn": Scheme(
        name="dnn",
        classes={code.value: code.name for code in DNN},
        needs={"electron": _ELECTRON},
        optional={"electron": _ELECTRON_MORE},
        flip_needs={"electron": ("charge",)},
        flips=True,
        source="ATLAS electron DNN: IFF classes and truthType of its six outputs",
    ),
    "cms": Scheme(
        name="cms",
        classes={code.value: code.name for code in CMS},
        needs={"electron": ("genPartFlav",), "muon": ("genPartFlav",)},
        optional={"electron": (), "muon": ()},
        source="CMS NanoAOD, genPartFlav of Electron and Muon",
    ),
}

# Names of atlas-ftag-tools (its "isolation" labels) where it has one. Electrons and muons share
# one table: no electron is ever PromptMuon and no muon IsoElectron.
GROUPS: dict[str, dict[str, frozenset[int]]] = {
    "iff": {
        "prompt": frozenset({2, 3, 4, 11}),
        "elxprompt": frozenset({2, 3}),
        "elxnoflip": frozenset({2}),
        "elxflip": frozenset({3}),
        "elxphconv": frozenset({5}),
        "muxprompt": frozenset({4, 11}),
        "npxall": frozenset(IFF) - {0, 1, 2, 3, 4, 11},
        "npxtau": frozenset({7}),
        "npxbjets": frozenset({8}),
        "npxcjets": frozenset({9}),
        "npxujets": frozenset({10}),
    },
    "dnn": {"prompt": frozenset({0, 1})},
    "cms": {"prompt": frozenset({1}), "prompt_or_tau": frozenset({1, 15})},
}


def classify(
    scheme: str,
    flavour: str,
    columns: Mapping[str, npt.ArrayLike],
    *,
    charge_flips: bool | None = None,
) -> npt.NDArray[np.int8]:
    """Truth class of each lepton, a code of `SCHEMES[scheme].classes`.

    Parameters
    ----------
    scheme : `"iff"`, `"dnn"` or `"cms"`
    flavour : `"electron"` or `"muon"`
    columns : name to [n_lepton]
        The columns that `Scheme.required` names, and those of `Scheme.optional` that are there.
        Without `lastEgMother*`, Athena's value for "not stored" stands in. Without
        `fallbackTruthType` and `fallbackDR`, no lepton is a hadron by its fallback match.
        Without `truthStatus` (of the linked truth particle), none counts as stable, so that
        muons of type and origin 0 are KnownUnknown. Without `truthParentCount` and
        `truthParentPdgId` (of the linked truth particle), stable ones are Unknown and none of
        the "Like" classes is given.
    charge_flips : separate charge flips; None means off for `iff`, on for `dnn`
        Electrons take `charge`, muons also `truthPdgId` and `truthDR` (distance to the linked
        truth particle, any value that is not close where there is none).

    Returns
    -------
    [n_lepton] int8

    Raises
    ------
    UnknownName : there is no such scheme
    BadInput : the scheme does not cover the flavour, or a column is not one code per lepton
    MissingColumns : needed columns are not there

    Source
    ------
    `Scheme.source` of each scheme.
    """
    if scheme not in SCHEMES:
        raise UnknownName.of("truth", "scheme", scheme, SCHEMES)
    chosen = SCHEMES[scheme]
    flips = chosen.flips if charge_flips is None else charge_flips
    required = chosen.required(flavour, flips)
    missing = {name: f"scheme {scheme}" for name in required if name not in columns}
    if missing:
        raise MissingColumns.of(f"truth of {flavour}s", missing, columns)
    codes = _read(dict.fromkeys(required + chosen.optional[flavour]), columns)
    if scheme == "cms":
        return _documented(codes["genPartFlav"]).astype(np.int8)
    rules = _electron_rules(codes, flips) if flavour == "electron" else _muon_rules(codes, flips)
    classes = _first_match(rules, IFF.Unknown)
    if scheme == "dnn":
        classes = _first_match(_dnn_rules(classes, codes["truthType"]), DNN.other)
    return classes.astype(np.int8)


def _first_match(rules: Rules, rest: int) -> Codes:
    return np.select([mask for _, mask in rules], [np.int64(code) for code, _ in rules], int(rest))


def _read(names: Collection[str], columns: Mapping[str, npt.ArrayLike]) -> Columns:
    """The named columns in 64 bits, with `ABSENT` for those that are not there."""
    present = {name: np.asarray(columns[name]) for name in names if name in columns}
    shapes = {array.shape for array in present.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in present.items())
        raise BadInput("truth", f"the columns are not flat and equally long: {found}")
    absent = {name: np.full(shape, ABSENT[name]) for name in names if name not in present}
    return absent | {name: _whole(name, array) for name, array in present.items()}


def _whole(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if name in DISTANCES:
        return array.astype(np.float64)
    # Charges are whole numbers in float32; codes in 8 bits would wrap where a rule negates them.
    is_whole = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and bool(np.all(np.isfinite(array) & (array == np.rint(array))))
    )
    if not is_whole:
        wrong = f"column {name} ({array.dtype}) holds other than whole numbers"
        raise BadInput("truth", wrong, (), "pass the codes as integers")
    return array.astype(np.int64)


def _documented(codes: Codes) -> Codes:
    strange = sorted(set(np.unique(codes).tolist()) - set(CMS))
    if strange:
        wrong = f"genPartFlav holds codes that NanoAOD gives no lepton: {strange[:8]}"
        known = ", ".join(f"{code.value} {code.name}" for code in CMS)
        raise BadInput("truth", wrong, (), f"known codes: {known}")
    return codes


def _among(values: Codes, codes: Iterable[int]) -> Mask:
    return np.isin(values, [int(code) for code in codes])


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


def _electron_rules(c: Columns, flips: bool) -> Rules:
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
    t, o, mt, mo = c["truthType"], c["truthOrigin"], c[_FIRST[0]], c[_FIRST[1]]
    stable, photon = _stable(c), t == Type.UnknownPhoton
    undefined = (o == Origin.NonDefined) & (mo == Origin.NonDefined)
    blank = (t == Type.Unknown) & (mt == Type.Unknown)
    alike = (t == Type.UnknownElectron) & (mt == Type.UnknownElectron)
    unstable = blank | photon & (mt == Type.Unknown)
    fsr = (t == Type.NonIsoPhoton) & (o == Origin.FSRPhot) & (c["truthPdgId"] == Pdg.photon)
    no_last = (c[_LAST[0]] == NOT_STORED) | _all_zero(c, _LAST)
    return [
        (IFF.KnownUnknown, undefined & ~stable & unstable),  # 22
        (IFF.KnownUnknown, undefined & stable & (blank | alike | photon)),  # 22
        (IFF.KnownUnknown, fsr & _all_zero(c, _FIRST) & no_last),  # 22
    ]


def _all_zero(c: Columns, names: Iterable[str]) -> Mask:
    zero: Mask = np.logical_and.reduce([c[name] == 0 for name in names])
    return zero


def _muon_rules(c: Columns, flips: bool) -> Rules:
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


def _dnn_rules(iff: Codes, t: Codes) -> Rules:
    return [
        (DNN.El, iff == IFF.IsoElectron),
        (DNN.CF, iff == IFF.ChargeFlipIsoElectron),
        (DNN.PC, iff == IFF.PromptPhotonConversion),
        (DNN.HF, _among(iff, (IFF.BHadronDecay, IFF.CHadronDecay))),
        (DNN.LFEg, (iff == IFF.LightFlavorDecay) & _among(t, (Type.BkgElectron, Type.BkgPhoton))),
        (DNN.LFH, (iff == IFF.LightFlavorDecay) & (t == Type.Hadron)),
    ]
