"""Confs of Athena's electron selectors, the network's and the likelihood's, to plain data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lepid.convert import tenv
from lepid.convert.tenv import Env
from lepid.errors import BadFile

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Athena ElectronPhotonSelectorTools/Root/AsgElectronSelectorTool.cxx; GeV, upper edges.
ET_EDGES = (7.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 6000.0)
ABSETA_EDGES = (0.1, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37, 2.47)
ET_NODES = (5.5, 8.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5, 47.5)
N_ETA, N_BIN = 10, 100
FRACTIONS = ("f_CF", "f_PC", "f_HF", "f_LFEg", "f_LFH")
DEFAULT_MODEL = "ElectronPhotonSelectorTools/offline/mc16_20210204/ElectronDNNNetwork.json"
DEFAULT_QUANTILES = (
    "ElectronPhotonSelectorTools/offline/mc16_20210204/ElectronDNNQuantileTransformer.root"
)
DNN_KEYS = (
    "inputModelFileName",
    "inputQuantileFileName",
    "Variables",
    "multiClass",
    "cfSignal",
    "Fractions",
    "CutSelector",
    "CutSelectorCF",
    "CutAmbiguity",
    "CutBL",
    "CutPi",
    "CutSCT",
    "doSmoothBinInterpolation",
)


@dataclass(frozen=True, eq=False)
class DnnConf:
    """One working point of the electron network.

    Attributes
    ----------
    path : str
    model, quantiles : paths below a calibration area
    variables : names of the inputs, empty where the conf leaves them to Athena's code
    multiclass, cf_signal, smooth : bool, keys multiClass, cfSignal, doSmoothBinInterpolation
    fractions : [10, 5] per bin of |eta|, None for a binary network
    cuts, cuts_cf : [10, 10] per bin of E_T and |eta|; the latter None without CutSelectorCF
    pixel, silicon, b_layer, ambiguity : [10] per bin of |eta|, None without the key
    """

    path: str
    model: str
    quantiles: str
    variables: tuple[str, ...]
    multiclass: bool
    cf_signal: bool
    smooth: bool
    fractions: Floats | None
    cuts: Floats
    cuts_cf: Floats | None
    pixel: Integers | None
    silicon: Integers | None
    b_layer: Integers | None
    ambiguity: Integers | None


def read_dnn(path: Path, ignored: Iterable[str] = ()) -> DnnConf:
    """The conf of one working point of the electron network.

    Parameters
    ----------
    ignored : keys that the file may have and lepid does not know

    Raises
    ------
    BadFile : unknown keys, missing keys, wrong lengths, cuts that contradict each other

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/AsgElectronSelectorTool.cxx
    """
    env = tenv.read(path)
    env.check(DNN_KEYS, ignored, "CutLikelihood", "the likelihood, not of the network")
    multiclass = env.flag("multiClass")
    fractions = env.numbers("Fractions", 5 * N_ETA)
    cuts_cf = env.numbers("CutSelectorCF", N_BIN)
    if multiclass != bool(fractions):
        wrong = "multiClass is true and there are no Fractions"
        if not multiclass:
            wrong = "there are Fractions and multiClass is not true"
        raise BadFile(str(path), wrong)
    if cuts_cf and not multiclass:
        raise BadFile(str(path), "there is a CutSelectorCF and multiClass is not true")
    env.text("CutSelector")
    return DnnConf(
        path=str(path),
        model=env.values.get("inputModelFileName") or DEFAULT_MODEL,
        quantiles=env.values.get("inputQuantileFileName") or DEFAULT_QUANTILES,
        variables=env.words("Variables") if "Variables" in env else (),
        multiclass=multiclass,
        cf_signal=env.flag("cfSignal", default=True),
        smooth=env.flag("doSmoothBinInterpolation"),
        fractions=np.array(fractions).reshape(N_ETA, 5) if fractions else None,
        cuts=np.array(env.numbers("CutSelector", N_BIN)).reshape(N_ETA, N_ETA),
        cuts_cf=np.array(cuts_cf).reshape(N_ETA, N_ETA) if cuts_cf else None,
        pixel=_integers(env, "CutPi"),
        silicon=_integers(env, "CutSCT"),
        b_layer=_integers(env, "CutBL"),
        ambiguity=_integers(env, "CutAmbiguity"),
    )


def _integers(env: Env, key: str) -> Integers | None:
    """One integer per bin of |eta|, if the file has the key."""
    found = np.array(env.integers(key, N_ETA), np.int64)
    if not len(found):
        return None
    if key == "CutBL" and not set(found.tolist()) <= {0, 1}:
        raise BadFile(env.path, f"CutBL holds {found.max()}, expected 0 or 1")
    if key == "CutAmbiguity" and found.min() < 0:
        raise BadFile(env.path, f"CutAmbiguity holds {found.min()}, expected masks")
    return found


# Athena ElectronPhotonSelectorTools/Root/AsgElectronLikelihoodTool.cxx: key -> lengths, one number
# per bin of |eta|, or of E_T and |eta| (9 bins of E_T, 10 with an extra one).
LH_FLAGS = (
    "doSmoothBinInterpolation",
    "doPileupTransform",
    "doCentralityTransform",
    "doRemoveF3AtHighEt",
    "doRemoveTRTPIDAtHighEt",
    "useOneExtraHighETLHBin",
    "doCorrectDeltaEta",
    "caloOnly",
)
LH_NUMBERS = {
    "HighETBinThreshold": 125.0,
    "DiscMaxForPileupTransform": 2.0,
    "PileupMaxForPileupTransform": 50.0,
}
_PER_ETA, _PER_BIN, _PER_LH_BIN = (10,), (90,), (90, 100)
_DISC = ("HardCut", "HardCutSlope", "HardCutQuad", "Loose")
LH_ARRAYS: dict[str, tuple[int, ...]] = {
    "CutLikelihood": _PER_LH_BIN,
    "CutLikelihoodPileupCorrection": _PER_LH_BIN,
    "CutLikelihood4GeV": _PER_ETA,
    "CutLikelihoodPileupCorrection4GeV": _PER_ETA,
    **{f"Disc{name}ForPileupTransform": _PER_LH_BIN for name in _DISC},
    **{f"Disc{name}ForPileupTransform4GeV": _PER_ETA for name in _DISC},
    "CutA0": _PER_BIN,
    "CutDeltaEta": _PER_BIN,
    "CutDeltaPhiRes": _PER_BIN,
    "CutWstotAtHighET": _PER_ETA,
    "CutEoverPAtHighET": _PER_ETA,
}
LH_INTEGERS = ("CutAmbiguity", "CutBL", "CutPi", "CutSi")
LH_KEYS = (
    "inputPDFFileName", "VariableNames", *LH_FLAGS, *LH_NUMBERS, *LH_ARRAYS, *LH_INTEGERS,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class LikelihoodConf:
    """One working point of the electron likelihood, under the names of the conf.

    Attributes
    ----------
    path : str
    densities : key inputPDFFileName, a path below a calibration area
    variables : key VariableNames
    flags : key -> bool, all of `LH_FLAGS`
    numbers : key -> number, all of `LH_NUMBERS`
    arrays : key -> [10] per bin of |eta| or [n_et, 10] with 9 or 10 bins of E_T, those of
        `LH_ARRAYS` and `LH_INTEGERS` that the file has
    """

    path: str
    densities: str
    variables: tuple[str, ...]
    flags: dict[str, bool]
    numbers: dict[str, float]
    arrays: dict[str, Floats]


def read_likelihood(path: Path, ignored: Iterable[str] = ()) -> LikelihoodConf:
    """The conf of one working point of the electron likelihood.

    Raises
    ------
    BadFile : unknown keys, missing keys, wrong lengths, cuts that are none

    Source
    ------
    Athena ElectronPhotonSelectorTools/Root/AsgElectronLikelihoodTool.cxx
    """
    env = tenv.read(path)
    env.check(LH_KEYS, ignored, "CutSelector", "the network, not of the likelihood")
    flags = {key: env.flag(key) for key in LH_FLAGS}
    arrays = {}
    per_lh_bin = (100,) if flags["useOneExtraHighETLHBin"] else (90,)
    for key, lengths in LH_ARRAYS.items():
        expected = per_lh_bin if lengths == _PER_LH_BIN else lengths
        found = np.array(env.numbers(key, *expected), np.float64)
        if len(found):
            arrays[key] = found if len(found) == N_ETA else found.reshape(-1, N_ETA)
    integers = {key: _integers(env, key) for key in LH_INTEGERS}
    arrays |= {key: row.astype(np.float64) for key, row in integers.items() if row is not None}
    return LikelihoodConf(
        path=str(path),
        densities=env.text("inputPDFFileName"),
        variables=env.words("VariableNames"),
        flags=flags,
        numbers={key: env.number(key, value) for key, value in LH_NUMBERS.items()},
        arrays=arrays,
    )


def calibration(name: str, conf: Path | None = None) -> Path:
    """Path of a file of a calibration area.

    It is looked for as it stands, below the folders above `conf`, and below the roots of
    `LEPID_CALIBRATION`.

    Raises
    ------
    BadFile : it is nowhere
    """
    roots = [Path(p) for p in os.environ.get("LEPID_CALIBRATION", "").split(os.pathsep) if p]
    above = list(conf.resolve().parents) if conf else []
    for place in (Path(name), *(root / name for root in (*above, *roots))):
        if place.is_file():
            return place
    looked = [f"below {root}" for root in roots]
    looked += [f"below the folders above {conf}"] * (conf is not None)
    where = str(conf) if conf else "athena-conf"
    do = "set LEPID_CALIBRATION to the root of a calibration area"
    wrong = f"there is no file {name} (looked {' and '.join(looked) or 'nowhere else'})"
    raise BadFile(where, wrong, (), do)
