"""Truth classes of leptons: codes that a file stores turned into what the lepton really is.

`truth_codes` has the codes, in the spelling of the experiments, and `truth_rules` the rules.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lepid.efficiency.truth_codes import (
    ABSENT,
    CMS,
    DISTANCES,
    DNN,
    FIRST_MOTHER,
    IFF,
    LAST_MOTHER,
)
from lepid.efficiency.truth_rules import (
    Codes,
    Columns,
    dnn_rules,
    electron_rules,
    first_match,
    muon_rules,
)
from lepid.errors import BadInput, MissingColumns, UnknownName


@dataclass(frozen=True)
class Scheme:
    """One way to name what leptons really are, and the columns that it takes.

    `flip_needs` come on top of `needs` where charge flips are separated; `flips` says whether
    they are when nobody asks. Each maps a flavour to names of columns. `stored` are columns that
    may hold the class itself, for files without the others; `codes` says which class each number
    in such a column is, if they are not the same.
    """

    name: str
    classes: Mapping[int, str]
    needs: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]]
    source: str
    flip_needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flips: bool = False
    stored: tuple[str, ...] = ()
    codes: Mapping[int, int] = field(default_factory=dict)

    def required(self, flavour: str, charge_flips: bool | None = None) -> tuple[str, ...]:
        """Columns without which leptons of `flavour` cannot be classified.

        Raises
        ------
        BadInput : the scheme has no classes for this flavour, or cannot separate charge flips
        """
        if flavour not in self.needs:
            wrong = f"scheme {self.name!r} has no classes for flavour {flavour!r}"
            do = f"use it for: {', '.join(self.needs)}; or pass another scheme="
            raise BadInput("truth", wrong, (), do)
        if not (self.flips if charge_flips is None else charge_flips):
            return self.needs[flavour]
        if flavour not in self.flip_needs:
            wrong = f"scheme {self.name!r} does not separate charge flips"
            raise BadInput("truth", wrong, (), "leave charge_flips out")
        return self.needs[flavour] + self.flip_needs[flavour]


_FALLBACK = ("fallbackTruthType", "fallbackDR")
_PARENTS = ("truthParentCount", "truthParentPdgId")
_ELECTRON = ("truthType", "truthOrigin", "truthPdgId", *FIRST_MOTHER)
_ELECTRON_MORE = (*LAST_MOTHER, *_FALLBACK, "truthStatus", "charge")
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
        stored=("IFFClass", "iffClass"),
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
    rules = electron_rules(codes, flips) if flavour == "electron" else muon_rules(codes, flips)
    classes = first_match(rules, IFF.Unknown)
    if scheme == "dnn":
        classes = first_match(dnn_rules(classes, codes["truthType"]), DNN.other)
    return classes.astype(np.int8)


def _read(names: Collection[str], columns: Mapping[str, npt.ArrayLike]) -> Columns:
    """The named columns in 64 bits, [n_lepton], and `ABSENT` for those not there, one for all."""
    present = {name: np.asarray(columns[name]) for name in names if name in columns}
    shapes = {array.shape for array in present.values()}
    if len(shapes) != 1 or len(shapes.pop()) != 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in present.items())
        raise BadInput("truth", f"the columns are not flat and equally long: {found}")
    absent = {name: np.array([ABSENT[name]]) for name in names if name not in present}
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
