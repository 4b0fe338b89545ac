"""Which PLIT networks are trained; one training: network, rivals, scores of the test leptons."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from training import leptons, rivals, trees
from training.leptons import JET_VARIABLES, Leptons
from training.plit import export, fit
from training.splits import TEST, TRAIN, VALIDATION

import lepid
from lepid.files_out import atomic
from lepid.taggers import catalogue
from lepid.taggers.card import Card

Floats = npt.NDArray[np.float64]

PROCESSES = ("ttbar_nonallhad", "ttbar_allhad")
BARREL, ENDCAP = (0.0, 1.37), (1.37, np.inf)
# The detector is the same on both sides, and for both charges seen in a mirror beside the beam.
MIRRORS = (
    ("eta", "track_eta", "deta_lepton", "btagIp_z0SinTheta", "z0SinTheta_significance"),
    ("phi", "track_phi", "dphi_lepton", "qOverP", "btagIp_d0", "d0_significance"),
)
# Mean of the sample, of the run whose pile-up the weights imitate, and the width of both.
PILEUP, PILEUP_RUN2, PILEUP_WIDTH = 46.0, 34.0, 12.0
LIGHT = 10
HEAVY = (8, 9)


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    name : of its files
    network : ``tagger@network``, which has the inputs
    file : of the network that is shipped, empty for one that is only compared
    abseta : |eta| of the leptons
    run2 : leptons weighted to the pile-up of Run 2
    jets : with the variables of the nearest track jet
    auxiliary : with the origins and vertices of tracks
    """

    name: str
    network: str
    file: str = ""
    abseta: tuple[float, float] = (0.0, np.inf)
    run2: bool = False
    jets: bool = False
    auxiliary: bool = True
    seed: int = 1

    @property
    def flavour(self) -> str:
        """Of the leptons."""
        return self.network.split("_")[0]


MUON = Run("muon-run3", "muon_plit@reference-run3", "network.onnx")
TRACKS = "muon_plit@reference-run3-tracks"
_ELECTRON = "electron_plit@reference-run"
SHIPPED = (
    MUON,
    Run("muon-run2", "muon_plit@reference-run2", "network.onnx", run2=True),
    *(
        Run(f"electron-run{n}-{part}", f"{_ELECTRON}{n}", f"{part}.onnx", abseta, run2=n == 2)
        for n in (3, 2)
        for part, abseta in (("barrel", BARREL), ("endcap", ENDCAP))
    ),
)
# Of each variant as many as tell a difference from that between seeds.
SEEDS = (1, 2)
COMPARED = tuple(
    replace(MUON, name=f"{name}-seed{seed}", file="", seed=seed, **change)
    for seed in SEEDS
    for name, change in (
        ("muon", {}),
        ("muon-jets", {"jets": True}),
        ("muon-alone", {"auxiliary": False}),
    )
    if (name, seed) != ("muon", MUON.seed)
)


def gather(source: Path, network: str, path: Path) -> None:
    """Write the leptons of one file of the sample."""
    leptons.save(leptons.gather(lepid.open(source), network), path)


def train(run: Run, gathered: Path, output: Path) -> None:
    """Fit the network and its rivals, and write what they say of the test leptons.

    Writes ``<name>.npz`` (scores), ``<name>.json`` (how it went) and, for a network that is
    shipped, its file in ``networks/<tagger>/<network>``.
    """
    torch.set_num_threads(1)
    card = catalogue.load(*run.network.split("@"))
    whole = of_run(run, gathered)
    weight = weights(whole, run)
    parts = [whole.columns["split"] == part for part in (TRAIN, VALIDATION, TEST)]
    sets = [examples(whole.of(part), weight[part], jets=run.jets) for part in parts]
    settings = fit.Settings(seed=run.seed)
    if not run.auxiliary:
        settings = settings._replace(origin_weight=0.0, vertex_weight=0.0)
    network, history = fit.fit(sets[0], sets[1], settings, mirrors(card, run))
    scores = fit.predict(network, sets[2])
    found = {"plit": np.log(scores[:, 0] / scores[:, 1]), "test": np.flatnonzero(parts[TEST])}
    found |= _rivals(run, card, whole, weight, parts)
    if run.file:
        _ship(run, card, network, sets[2], output)
    facts = {"run": asdict(run), "history": history, "leptons": [s.n_lepton for s in sets]}
    output.mkdir(parents=True, exist_ok=True)
    with atomic(output / f"{run.name}.npz") as partial:
        np.savez(partial, **found)
    with atomic(output / f"{run.name}.json") as partial:
        partial.write_text(json.dumps(facts, indent=1) + "\n")


def of_run(run: Run, gathered: Path) -> Leptons:
    """All leptons that a network is for, in the order of files."""
    folders = [gathered / run.flavour / process for process in PROCESSES]
    paths = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
    whole = leptons.joined(map(leptons.load, paths))
    abseta = np.abs(whole.columns["eta"])
    return whole.of((abseta >= run.abseta[0]) & (abseta < run.abseta[1]))


def weights(whole: Leptons, run: Run) -> npt.NDArray[np.float64]:
    """Weight of each lepton: prompt ones and others weigh the same in all.

    Electrons have no identification: hadrons weigh as much as those of b and c hadrons together.
    """
    weight = whole.columns["weight"].copy()
    if run.run2:
        pileup = whole.columns["pileup"]
        weight *= np.exp(
            (_distance(pileup, PILEUP) - _distance(pileup, PILEUP_RUN2)) / PILEUP_WIDTH**2
        )
    if run.flavour == "electron":
        weight *= light_weight(whole, weight)
    for group in (whole.prompt, ~whole.prompt):
        weight[group] /= weight[group].mean()
    return weight


def light_weight(whole: Leptons, weight: Floats) -> Floats:
    """Factor for each lepton that makes light flavour weigh as much as b and c together."""
    iff = whole.columns["iff"]
    heavy, light = (weight[np.isin(iff, codes)].sum() for codes in (HEAVY, LIGHT))
    return np.where(iff == LIGHT, heavy / light, 1.0)


def _distance(values: Floats, mean: float) -> Floats:
    return 0.5 * (values - mean) ** 2


def mirrors(card: Card, run: Run) -> list[fit.Mirror]:
    """Which inputs change their sign."""
    lepton, track = ([entry.feature for entry in node.inputs] for node in card.networks[0].nodes)
    lepton += JET_VARIABLES if run.jets else ()
    return [
        fit.Mirror(
            *(np.where(np.isin(names, odd), -1, 1).astype(np.float32) for names in (lepton, track))
        )
        for odd in MIRRORS
    ]


def examples(some: Leptons, weight: Floats, *, jets: bool) -> fit.Examples:
    """What a network is fitted on."""
    lepton = np.hstack([some.inputs, some.jet]) if jets else some.inputs
    target = (~some.prompt).astype(np.int64)
    return fit.Examples(
        lepton, some.tracks, some.offsets, target, weight.astype(np.float32), some.origin,
        some.vertex,
    )  # fmt: skip


def _rivals(
    run: Run, card: Card, whole: Leptons, weight: Floats, parts: list[npt.NDArray[np.bool_]]
) -> dict[str, Floats]:
    """What the rivals say of the test leptons: more prompt is larger."""
    names = [entry.feature for entry in card.networks[0].nodes[1].inputs]
    values = np.hstack([whole.inputs, rivals.aggregates(whole, names)])
    tables = {"bdt": values, "bdt_jets": np.hstack([values, whole.jet])}
    found = {"ptvarcone30": -whole.inputs[parts[TEST], rivals.PTVARCONE].astype(np.float64)}
    for name, table in tables.items():
        given = (trees.Part(table[part], whole.prompt[part], weight[part]) for part in parts[:2])
        fitted = trees.fit(
            *given, rivals.SETTINGS | {"seed": run.seed}, rounds=rivals.ROUNDS,
            patience=rivals.PATIENCE,
        )  # fmt: skip
        found[name] = trees.say(fitted, table[parts[TEST]], margin=True).astype(np.float64)
    return found


def _ship(run: Run, card: Card, network: Any, test: fit.Examples, output: Path) -> None:
    lepton, track = ([entry.feature for entry in node.inputs] for node in card.networks[0].nodes)
    prompt, other = (o.node for o in card.outputs)
    model, first = prompt.split("_", 1)
    for name in (run.network, *([TRACKS] if run == MUON else [])):
        folder = output / "networks" / name.replace("@", "/")
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / run.file) as partial:
            export.export(
                network, partial, model=model, classes=(first, other.split("_", 1)[1]),
                lepton=lepton, track=track, per_track=name == TRACKS,
            )  # fmt: skip
    with atomic(output / f"{run.name}-closure.npz") as partial:
        np.savez(partial, **export.closure(network, test))
