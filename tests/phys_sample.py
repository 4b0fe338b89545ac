"""A file with stored scores in the format of DAOD_PHYS: an invented toy, not a simulation.

It has the names, types and units of an ATLAS DAOD_PHYS (tree `CollectionTree`, branches
`ElectronsAuxDyn.pt`, ...; MeV) and the scores that no other file at hand has. Its numbers are drawn
from formulas: prompt leptons are harder and more isolated than the others, and everything gets
better with pT. Nothing measured with it says anything about a detector or a tagger.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

Array = NDArray[Any]
Columns = dict[str, Array]

SEED = 20_260_101
N_EVENT = 4000
TITLE = "invented toy in the format of DAOD_PHYS, made by the tests of lepid"


class Kind(NamedTuple):
    """What a lepton truly is: MCTruthClassifier codes, how common, how hard, how isolated."""

    share: float
    truth_type: int
    truth_origin: int
    mother_type: int
    mother_origin: int
    mother_pdg: int
    mean_pt: float  # GeV, above the threshold
    activity: float  # mean of the momentum around the lepton over its pT
    score: int  # index of its class among the electron scores, or quality of a muon
    flipped: bool = False


# Scores: 0 prompt, 1 charge flip, 2 prompt photon conversion, 3 heavy flavour,
# 4 light hadron with an electron, 5 hadron without one.
ELECTRONS = (
    Kind(0.500, 2, 13, 2, 13, 11, 32.0, 0.015, 0),
    Kind(0.020, 2, 13, 2, 13, 11, 32.0, 0.020, 1, flipped=True),
    Kind(0.040, 4, 5, 2, 13, 11, 32.0, 0.020, 1, flipped=True),  # the wrong leg of a trident
    Kind(0.070, 4, 5, 14, 37, 22, 22.0, 0.030, 2),
    Kind(0.030, 4, 5, 16, 38, 22, 18.0, 0.060, 2),
    Kind(0.100, 3, 26, 3, 26, 11, 13.0, 0.350, 3),
    Kind(0.050, 3, 25, 3, 25, 11, 11.0, 0.350, 3),
    Kind(0.060, 4, 5, 16, 42, 22, 10.0, 0.300, 4),
    Kind(0.020, 4, 6, 16, 42, 111, 10.0, 0.300, 4),
    Kind(0.100, 17, 0, 0, 0, 0, 11.0, 0.400, 5),
    Kind(0.010, 0, 0, 0, 0, 0, 11.0, 0.400, 5),
)
# Score 0: close to prompt, 1: b hadrons, 2: c hadrons, 3: light hadrons.
MUONS = (
    Kind(0.600, 6, 13, 0, 0, 0, 32.0, 0.015, 0),
    Kind(0.030, 7, 9, 0, 0, 0, 18.0, 0.030, 0),
    Kind(0.200, 7, 26, 0, 0, 0, 13.0, 0.350, 1),
    Kind(0.090, 7, 25, 0, 0, 0, 11.0, 0.300, 2),
    Kind(0.070, 8, 34, 0, 0, 0, 8.0, 0.250, 3),
    Kind(0.010, 5, 0, 0, 0, 0, 8.0, 0.250, 3),
)
ELECTRON_SCORES = ("pel", "pcf", "ppc", "phf", "ple", "plh")
# Mean of each score's logit (columns) for each true class (rows): likely confusions stand out.
ELECTRON_LOGITS = np.array(
    [
        [5.0, 1.6, 1.0, 0.8, 0.4, -0.6],
        [2.8, 3.6, 1.6, 1.0, 0.8, -0.4],
        [1.6, 1.6, 4.0, 1.0, 2.2, 0.2],
        [1.0, 0.6, 0.8, 4.0, 1.4, 1.4],
        [0.4, 0.4, 2.2, 1.4, 4.0, 1.4],
        [-0.8, -0.8, 0.4, 1.4, 1.6, 4.4],
    ]
)
# Efficiency that each point aims at for prompt electrons: at the threshold, and at high pT.
DNN_TARGETS = {
    "VeryLooseNoCF97": (0.95, 0.98),
    "Loose": (0.88, 0.96),
    "Medium": (0.76, 0.92),
    "Tight": (0.62, 0.86),
}
LH_TARGETS = {
    "VeryLoose": (0.95, 0.98),
    "Loose": (0.87, 0.95),
    "Medium": (0.74, 0.91),
    "Tight": (0.60, 0.85),
}
MUON_PLIT_MEAN = (3.6, 2.4, 2.6, 2.9)
ELECTRON_PLIT_MEAN = (3.4, 2.8, 2.4, 1.2, 1.4, 1.0)


def rise(pt: Array, scale: float) -> Array:
    """Smooth turn-on from 0 to 1 in pT [GeV] with its scale [GeV]."""
    return 1.0 - np.exp(-pt / scale)


def draw_kinds(rng: np.random.Generator, kinds: tuple[Kind, ...], n_lepton: int) -> Array:
    """Index of the kind of each lepton [n_lepton]."""
    shares = np.array([kind.share for kind in kinds])
    return rng.choice(len(kinds), size=n_lepton, p=shares / shares.sum())


def per_kind(kinds: tuple[Kind, ...], kind: Array, field: str) -> Array:
    """One property of each lepton's kind [n_lepton]."""
    return np.array([getattr(one, field) for one in kinds])[kind]


def kinematics(
    rng: np.random.Generator, kinds: tuple[Kind, ...], kind: Array, max_eta: float
) -> Columns:
    """pT [MeV], eta, phi and charge [n_lepton]."""
    n = len(kind)
    pt = 5.0 + rng.gamma(1.6, per_kind(kinds, kind, "mean_pt") / 1.6)
    eta = np.clip(rng.normal(0.0, 1.25, n), -max_eta, max_eta)
    # Leptons on the edge would pile up there.
    eta = np.where(np.abs(eta) < max_eta, eta, rng.uniform(-max_eta, max_eta, n))
    return {
        "pt": pt * 1000.0,
        "eta": eta,
        "phi": rng.uniform(-np.pi, np.pi, n),
        "charge": rng.choice([-1.0, 1.0], n),
    }


def electron_truth(kind: Array, charge: Array) -> Columns:
    """Truth columns [n_lepton]; a flipped electron has the charge of its mother's antiparticle."""
    mother = per_kind(ELECTRONS, kind, "mother_pdg")
    flipped = np.where(per_kind(ELECTRONS, kind, "flipped"), -1, 1)
    charged = np.abs(mother) == 11
    trident = (per_kind(ELECTRONS, kind, "truth_type") == 4) & charged
    truth_pdg = np.where(per_kind(ELECTRONS, kind, "truth_type") == 17, 211, -11) * charge
    truth_pdg = np.where(trident, truth_pdg, truth_pdg * flipped)
    unknown = per_kind(ELECTRONS, kind, "truth_type") == 0
    return {
        "truthType": per_kind(ELECTRONS, kind, "truth_type"),
        "truthOrigin": per_kind(ELECTRONS, kind, "truth_origin"),
        "truthPdgId": np.where(unknown, 0, truth_pdg),
        "firstEgMotherTruthType": per_kind(ELECTRONS, kind, "mother_type"),
        "firstEgMotherTruthOrigin": per_kind(ELECTRONS, kind, "mother_origin"),
        "firstEgMotherPdgId": np.where(charged, mother * -charge * flipped, mother),
    }


def isolation(
    rng: np.random.Generator, pt: Array, activity: Array, cone: str, tracks: str
) -> Columns:
    """Isolation columns [n_lepton], MeV, from the activity around each lepton (over its pT)."""
    n = len(pt)
    charged = np.where(rng.random(n) < 0.6 + 0.4 * (activity > 0.05), activity * 0.65 * pt, 0.0)
    soft = np.where(rng.random(n) < 0.5, rng.exponential(350.0, n) + 500.0, 0.0)
    hard = np.where(charged > 1000.0, charged, 0.0)
    shrink = np.clip(10_000.0 / pt / 0.3, 0.3, 1.0)
    neutral = activity * 0.35 * pt
    columns = {}
    for threshold, sum_pt in (("1000", hard), ("500", hard + soft)):
        suffix = f"Nonprompt_All_MaxWeightTTVA{tracks}_pt{threshold}"
        columns[f"ptcone20_{suffix}"] = sum_pt * rng.uniform(0.6, 0.9, n)
        columns[f"{cone}_{suffix}"] = sum_pt * shrink
    columns["topoetcone20"] = neutral + 0.4 * charged + rng.normal(200.0, 900.0, n)
    columns["neflowisol20"] = neutral + rng.normal(100.0, 700.0, n)
    return columns


def draw_activity(rng: np.random.Generator, mean: Array, pt: Array) -> Array:
    """Momentum around each lepton over its pT [n_lepton]; it falls with the pT in GeV."""
    return rng.gamma(1.1, mean / 1.1) * (0.35 + 1.3 * np.exp(-pt / 30.0))


def plit(rng: np.random.Generator, mean: Array, prompt: Array, pt: Array, activity: Array) -> Array:
    """Log-ratio of prompt to non-prompt [n_lepton]: better with pT [GeV], worse with activity."""
    better = np.where(prompt, 4.6, 0.8) * rise(pt, 12.0)
    worse = np.where(prompt, 2.5, 4.0) * np.sqrt(activity)
    return mean + better - worse + rng.normal(0.0, np.where(prompt, 1.5, 1.9))


def two_scores(log_ratio: Array, prompt_name: str, other_name: str) -> Columns:
    """The pair of probabilities whose logarithmic ratio is `log_ratio` [n_lepton]."""
    return {
        prompt_name: 1.0 / (1.0 + np.exp(-log_ratio)),
        other_name: 1.0 / (1.0 + np.exp(log_ratio)),
    }


def electron_scores(rng: np.random.Generator, true: Array, pt: Array) -> Array:
    """Six probabilities [n_lepton, 6] that get sharper with pT [GeV]."""
    sharpness = 0.55 + 0.6 * rise(pt, 25.0)
    logits = ELECTRON_LOGITS[true] * sharpness[:, None]
    logits += rng.normal(0.0, 1.7, logits.shape)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def nested(
    value: Array, pt: Array, prompt: Array, targets: dict[str, tuple[float, float]]
) -> Columns:
    """Decisions of points that aim at prompt efficiencies [n_lepton]; a tighter one is a subset.

    Ours: the cut is the quantile of the prompt leptons in bins of pT, joined by straight lines.
    """
    edges = np.quantile(pt[prompt], np.linspace(0.0, 1.0, 9))
    centres = (edges[:-1] + edges[1:]) / 2.0
    decisions: Columns = {}
    floor = np.full(len(pt), -np.inf)
    for name, (low, high) in targets.items():
        aims = low + (high - low) * rise(centres, 25.0)
        inside = [prompt & (pt >= a) & (pt <= b) for a, b in pairwise(edges)]
        cuts = [np.quantile(value[i], 1.0 - aim) for i, aim in zip(inside, aims, strict=True)]
        floor = np.maximum(floor, np.interp(pt, centres, cuts))
        decisions[name] = value > floor
    return decisions


def dnn_decisions(scores: Array, pt: Array, prompt: Array) -> Columns:
    """The seven decisions of the electron DNN [n_lepton], nested."""
    background = scores[:, 2:] @ np.array([0.1, 0.2, 0.3, 0.4])
    value = np.log((0.9 * scores[:, 0] + 0.1 * scores[:, 1]) / background)
    points = nested(value, pt, prompt, DNN_TARGETS)
    keeps_charge = np.log(scores[:, 0] / scores[:, 1]) > 0.2
    points |= {f"{name}NoCF": points[name] & keeps_charge for name in ("Loose", "Medium", "Tight")}
    return {f"DFCommonElectronsDNN{name}": passed for name, passed in points.items()}


def lh_decisions(rng: np.random.Generator, scores: Array, pt: Array, prompt: Array) -> Columns:
    """The five decisions of the electron likelihood [n_lepton], nested: a blunter discriminant."""
    blunt = np.log(scores[:, 0] / scores[:, 2:].sum(axis=1)) + rng.normal(0.0, 1.8, len(pt))
    points = nested(blunt, pt, prompt, LH_TARGETS)
    innermost_hit = rng.random(len(pt)) < np.where(prompt, 0.99, 0.8)
    for name, after in (("Loose", "LooseBL"), ("Medium", "Medium"), ("Tight", "Tight")):
        points[after] = points[name] & innermost_hit
    return {f"DFCommonElectronsLH{name}": passed for name, passed in points.items()}


def electrons(rng: np.random.Generator, n_lepton: int) -> Columns:
    """All electron columns [n_lepton]."""
    kind = draw_kinds(rng, ELECTRONS, n_lepton)
    columns = kinematics(rng, ELECTRONS, kind, max_eta=2.47)
    pt = columns["pt"] / 1000.0
    true = per_kind(ELECTRONS, kind, "score")
    prompt = true == 0
    activity = draw_activity(rng, per_kind(ELECTRONS, kind, "activity"), pt)
    scores = electron_scores(rng, true, pt)
    charge_quality = np.tanh(
        0.5 * np.log(scores[:, 0] / scores[:, 1]) + rng.normal(0.3, 0.4, n_lepton)
    )
    log_ratio = plit(rng, np.array(ELECTRON_PLIT_MEAN)[true], true <= 2, pt, activity)
    columns |= {
        "m": np.full(n_lepton, 0.511),
        "author": np.where(rng.random(n_lepton) < 0.95, 1, 16),
    }
    columns |= electron_truth(kind, columns["charge"])
    columns |= {
        f"DFCommonElectronsDNN_{name}": scores[:, i] for i, name in enumerate(ELECTRON_SCORES)
    }
    columns |= dnn_decisions(scores, pt, prompt)
    columns |= lh_decisions(rng, scores, pt, prompt)
    columns |= {
        "DFCommonElectronsECIDS": charge_quality > 0.0,
        "DFCommonElectronsECIDSResult": charge_quality,
    }
    columns |= isolation(rng, columns["pt"], activity, "ptvarcone30", "LooseCone")
    columns |= two_scores(log_ratio, "PLIT_PLITel_pelxpromp", "PLIT_PLITel_pnpxall")
    return columns


def muons(rng: np.random.Generator, n_lepton: int) -> Columns:
    """All muon columns [n_lepton]."""
    kind = draw_kinds(rng, MUONS, n_lepton)
    columns = kinematics(rng, MUONS, kind, max_eta=2.7)
    pt = columns["pt"] / 1000.0
    true = per_kind(MUONS, kind, "score")
    activity = draw_activity(rng, per_kind(MUONS, kind, "activity"), pt)
    log_ratio = plit(rng, np.array(MUON_PLIT_MEAN)[true], true == 0, pt, activity)
    grade = np.where(
        true == 0, rng.choice(4, n_lepton, p=[0.9, 0.06, 0.03, 0.01]), rng.choice(4, n_lepton)
    )
    # The low three bits are the quality; bit 3 is a flag (passes the inner-detector cuts).
    columns |= {
        "quality": grade + 8 * (rng.random(n_lepton) < 0.97),
        "muonType": np.where(rng.random(n_lepton) < 0.95, 0, 2),
        "author": np.where(rng.random(n_lepton) < 0.95, 1, 6),
        "truthType": per_kind(MUONS, kind, "truth_type"),
        "truthOrigin": per_kind(MUONS, kind, "truth_origin"),
        "truthPdgId": -13 * columns["charge"],
    }
    columns |= isolation(rng, columns["pt"], activity, "ptvarcone30", "")
    columns |= two_scores(log_ratio, "PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
    return columns


def stored_type(name: str) -> str:
    """Type in which a DAOD_PHYS stores a column."""
    if name.startswith("DFCommonElectrons") and "_" not in name and not name.endswith("Result"):
        return "int8"
    if name.startswith(("truth", "firstEgMother")):
        return "int32"
    return {"quality": "uint8", "author": "uint16", "muonType": "uint16"}.get(name, "float32")


def as_events(columns: Columns, counts: Array) -> ak.Array:
    """Records of leptons per event, hardest first."""
    typed = {name: values.astype(stored_type(name)) for name, values in columns.items()}
    leptons = ak.unflatten(ak.zip(typed), counts)
    order = ak.argsort(leptons["pt"], ascending=False)
    return ak.to_packed(leptons[order])


def make(n_event: int = N_EVENT, seed: int = SEED) -> dict[str, ak.Array | Array]:
    """Branches of the toy, one entry per event; some events have no lepton."""
    rng = np.random.default_rng(seed)
    n_electron, n_muon = rng.poisson(1.6, n_event), rng.poisson(1.4, n_event)
    weights = rng.lognormal(0.0, 0.2, n_event).astype(np.float32)
    return {
        "EventInfoAuxDyn.runNumber": np.full(n_event, 450_000, np.uint32),
        "EventInfoAuxDyn.eventNumber": np.arange(1, n_event + 1, dtype=np.uint64),
        "EventInfoAuxDyn.mcEventWeights": ak.unflatten(weights, np.ones(n_event, np.int64)),
        "ElectronsAuxDyn": as_events(electrons(rng, int(n_electron.sum())), n_electron),
        "MuonsAuxDyn": as_events(muons(rng, int(n_muon.sum())), n_muon),
    }


def write(path: Path, branches: dict[str, ak.Array | Array]) -> None:
    """Write the branches as a TTree `CollectionTree`."""
    types = {
        name: ak.type(values).content if isinstance(values, ak.Array) else values.dtype
        for name, values in branches.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path, compression=uproot.ZSTD(9)) as file:
        file.mktree(
            "CollectionTree",
            types,
            title=TITLE,
            counter_name=lambda counted: f"n{counted}",
            field_name=lambda outer, inner: f"{outer}.{inner}" if outer else inner,
        )
        file["CollectionTree"].extend(branches)
