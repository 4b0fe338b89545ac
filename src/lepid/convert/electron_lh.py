"""Athena's electron likelihood with its working points to a model folder."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lepid.convert import athena_conf, athena_files, folder, tenv
from lepid.convert import electron_lh_points as points_of
from lepid.convert.athena_conf import LikelihoodConf
from lepid.convert.athena_files import Density as Place
from lepid.errors import BadFile, near_misses
from lepid.root_files import Histogram
from lepid.taggers import densities
from lepid.taggers.densities import Density, Grid
from lepid.working_points.table import Binding, Range, Rules

SOURCE = "Athena ElectronPhotonSelectorTools/Root/TElectronLikelihoodTool.cxx"
FILE = "densities.json.gz"
INF = float("inf")

# Name in VariableNames -> feature or column, and its unit.
VARIABLES = {
    "el_d0significance": ("el_d0significance", ""),
    "el_eratio": ("Eratio", ""),
    "el_deltaeta1": ("deltaEta1", ""),
    "el_f1": ("f1", ""),
    "el_f3": ("f3", ""),
    "el_reta": ("Reta", ""),
    "el_rhad": ("el_rhad", ""),
    "el_rphi": ("Rphi", ""),
    "el_trackd0pvunbiased": ("trackParticleLinks.d0", "mm"),
    "el_weta2": ("weta2", ""),
    "el_DeltaPoverP": ("dPOverP", ""),
    "el_deltaphiRescaled": ("deltaPhiRescaled2", ""),
    "el_TRT_PID": ("transformed_e_probability_ht", ""),
}
# Of the densities: lower edges in GeV as in their names, and where each stays as it is.
ET_LABELS = (4.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0)
ET_EDGES = (0.0, *ET_LABELS[1:], INF)
PLATEAUS = (
    (0.0, 6.0), (8.5, 8.5), (12.5, 12.5), (17.5, 17.5), (22.5, 27.5), (32.5, 37.5), (42.5, INF),
)  # fmt: skip
ABSETA_LABELS = (0.0, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.37)
FEATURES = {"et": "et", "abseta": "abseta_cluster", "pileup": "n_vertices"}
# What lepid does not have the inputs for.
UNKNOWN = ("caloOnly", "doCentralityTransform")


def is_likelihood(conf: Path) -> bool:
    """Whether the conf is one of the likelihood."""
    return "VariableNames" in tenv.read(conf)


def convert(
    points: Mapping[str, Path], network: str, root: Path, ignored: Iterable[str] = ()
) -> Path:
    """Write `<root>/electron_lh/<network>/` from one conf per working point; its path.

    Parameters
    ----------
    points : name of a working point -> its conf; all share one likelihood
    ignored : keys that the confs may have and lepid does not know

    Raises
    ------
    BadFile : a file is missing or wrong, or the confs do not belong together; nothing is written
    BadInput : a working point has the name of a field
    """
    confs = {name: athena_conf.read_likelihood(path, ignored) for name, path in points.items()}
    first = _shared(list(confs.values()))
    names = _variables(first)
    found = athena_files.read_densities(athena_conf.calibration(first.densities, Path(first.path)))
    grids = {feature: (unit, _grids(first, name, found)) for name, (feature, unit) in names.items()}
    references = _references(first) if first.flags["doPileupTransform"] else {}
    made = densities.made(
        Path(first.densities), f"densities of {first.densities}", grids, references
    )  # fmt: skip
    content = gzip.compress(made.text.encode(), mtime=0)
    card = folder.card_of(_card(first, network, names, folder.sha256(content), bool(references)))
    cuts_of = {name: points_of.requirements(name, conf) for name, conf in confs.items()}
    corrections, required = folder.requirements(card, cuts_of)
    bound = Binding(sha256=(card.networks[0].sha256,))
    rules = Rules(
        tagger=card.tagger,
        points=required,
        inputs=FEATURES,
        # As in Athena, which has no likelihood of forward electrons.
        range=(Range(feature="isForward", high=0.0),),
        bound_to=bound,
    )
    return folder.write(root, card, content, (rules, corrections))


# --- what the confs share -----------------------------------------------------------------------


def _shared(confs: Sequence[LikelihoodConf]) -> LikelihoodConf:
    """The first conf, if the others have the same discriminant."""
    first = confs[0]
    for conf in confs:
        on = [flag for flag in UNKNOWN if conf.flags[flag]]
        if on:
            raise BadFile(conf.path, f"{on[0]} is on, and lepid has no such likelihood")
        mine, its = _discriminant(first), _discriminant(conf)
        other = [key for key in mine if mine[key] != its[key]]
        if other:
            wrong = f"its {other[0]} differs from that of {first.path}"
            raise BadFile(conf.path, wrong, (), "convert points of different likelihoods apart")
    return first


def _discriminant(conf: LikelihoodConf) -> dict[str, Any]:
    """All that decides the discriminant of a conf."""
    arrays = {
        key: conf.arrays[key].tolist() if key in conf.arrays else None
        for key in athena_conf.LH_ARRAYS
        if key.startswith("Disc") and conf.flags["doPileupTransform"]
    }
    numbers = {**conf.numbers, "inputPDFFileName": conf.densities}
    return {"VariableNames": sorted(conf.variables), **conf.flags, **numbers, **arrays}


def _variables(conf: LikelihoodConf) -> dict[str, tuple[str, str]]:
    """Names of the likelihood that the conf has, as Athena finds them: anywhere in the key."""
    text = ",".join(conf.variables)
    found = {name: target for name, target in VARIABLES.items() if name in text}
    odd = [word for word in conf.variables if not any(name in word for name in VARIABLES)]
    if odd or not found:
        wrong = f"VariableNames has {odd[0] if odd else 'no variable'}, which is none"
        raise BadFile(conf.path, wrong, near_misses(odd[0], VARIABLES) if odd else ())
    if conf.flags["doCorrectDeltaEta"] and "el_deltaeta1" in found:
        found["el_deltaeta1"] = ("el_deltaeta1", "")
    return found


def _grids(conf: LikelihoodConf, name: str, found: Mapping[Place, Histogram]) -> dict[str, Grid]:
    """Densities of a variable for both classes."""

    def one(kind: Any, et: float, abseta: float) -> Density:
        place = Place(name, kind, et, abseta)
        # As in Athena: a file without a bin from 4 GeV has the one from 7 GeV there.
        if et == ET_LABELS[0] and place not in found:
            place = place._replace(et=ET_LABELS[1])
        if place not in found:
            near = sorted({p.variable for p in found})
            wrong = f"{conf.densities} has no histogram of {name}, {kind}, E_T {et:g}, |eta| "
            raise BadFile(conf.path, f"{wrong}{abseta:g}", near_misses(name, near))
        return _density(conf, place, found[place])

    edges = (*ABSETA_LABELS, INF)
    return {
        kind: Grid(ET_EDGES, edges,
                   [[one(short, et, eta) for eta in ABSETA_LABELS] for et in ET_LABELS])
        for kind, short in zip(densities.CLASSES, ("sig", "bkg"), strict=True)
    }  # fmt: skip


def _density(conf: LikelihoodConf, place: Place, histogram: Histogram) -> Density:
    widths = np.diff(histogram.edges)
    # Athena does not use what lies outside of the edges.
    content = histogram.contents[1:-1]
    if not np.allclose(widths, widths[0], rtol=1e-5) or (content < 0).any():
        wrong = f"{place.variable}, {place.kind}, E_T {place.et:g}, |eta| {place.abseta:g}"
        raise BadFile(conf.densities, f"{wrong}: bins of different widths, or below zero")
    total = content.sum()
    probabilities = content / total if total else np.zeros(len(content))
    return Density(float(histogram.edges[0]), float(histogram.edges[-1]), probabilities)


def _references(conf: LikelihoodConf) -> dict[str, Grid]:
    keys = dict(zip(densities.REFERENCES, ("Loose", "HardCut", "HardCutSlope"), strict=False))
    names = {name: f"Disc{key}ForPileupTransform" for name, key in keys.items()}
    there = {key: f"{key}4GeV" in conf.arrays for key in names.values()}
    missing = [key for key in names.values() if key not in conf.arrays]
    if missing or len(set(there.values())) > 1:
        lost = missing or [f"{key}4GeV" for key, known in there.items() if not known]
        raise BadFile(conf.path, f"doPileupTransform is on and there is no {', '.join(lost)}")
    low = all(there.values())
    edges, _ = points_of.bins(conf, low=low)
    return {
        name: Grid(edges, points_of.ABSETA, points_of.with_low(conf, key, low=low))
        for name, key in names.items()
    }


# --- the card -----------------------------------------------------------------------------------


def _card(
    conf: LikelihoodConf,
    network: str,
    names: Mapping[str, tuple[str, str]],
    digest: str,
    pileup: bool,
) -> dict[str, Any]:
    smooth = conf.flags["doSmoothBinInterpolation"]
    likelihood: dict[str, Any] = {
        "plateaus": PLATEAUS if smooth else (), "neighbour": "index", "empty": -1.35,
        "skip": _skips(conf, names),
    }  # fmt: skip
    nodes = [
        {"name": "variables", "inputs": [{"feature": f, "unit": u} for f, u in names.values()]},
        {"name": "bins", "inputs": [{"feature": "et", "unit": "GeV"}, "abseta_cluster"]},
    ]
    if pileup:
        low = "DiscLooseForPileupTransform4GeV" in conf.arrays
        likelihood["pileup"] = {
            "plateaus": points_of.bins(conf, low=low)[1] if smooth else (),
            "most": conf.numbers["PileupMaxForPileupTransform"],
            "largest": conf.numbers["DiscMaxForPileupTransform"],
        }
        nodes.append({"name": "pileup", "inputs": [FEATURES["pileup"]]})
    return {
        "tagger": "electron_lh", "network": network, "flavour": "electron", "experiment": "atlas",
        "description": f"ATLAS electron likelihood of {conf.densities}", "source": SOURCE,
        "working_points": [folder.POINTS], "notes": ["Made by lepid convert athena-conf."],
        "outputs": [
            {"name": "lh", "doc": "transformed likelihood ratio", "node": "discriminant"}],
        "discriminants": {"D_LH": {"kind": "score", "output": "lh", "source": SOURCE}},
        "networks": [{"file": FILE, "sha256": digest, "likelihood": likelihood, "nodes": nodes}],
    }  # fmt: skip


def _skips(conf: LikelihoodConf, names: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    found = []
    for name, begin, flag in (
        ("el_TRT_PID", 2.01, "doRemoveTRTPIDAtHighEt"),
        ("el_f3", 2.37, "doRemoveF3AtHighEt"),
    ):
        if name in names:
            high = 80.0 if conf.flags[flag] else INF
            found.append({"feature": names[name][0], "from_abseta": begin, "above_et": high})
    return found
