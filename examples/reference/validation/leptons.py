"""Flat columns that the figures are made of: leptons, tracks around them, pairs, events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
from simulation import constants as c
from simulation.collection import Array
from simulation.cones import pairs
from simulation.particles import offsets_of
from simulation.processes import PROCESSES

import lepid
from lepid.efficiency.truth_codes import IFF, Origin, Type
from lepid.events import schema
from lepid.events.objects.links import linked_rows
from lepid.features.kernels import selection
from lepid.features.kernels.selection import R22_DEFAULT
from validation.masses import pair_columns

Columns = dict[str, Array]
MEV_PER_GEV = 1000.0
CONE = 0.4
UNIT_OF = schema.load("phys").unit
# What non-prompt leptons come from.
SOURCES = (
    "b hadron",
    "c hadron",
    "tau",
    "muon",
    "prompt photon",
    "photon of a hadron",
    "hadron",
    "pion in flight",
    "kaon in flight",
    "other",
)
B, C, TAU, MUON, PROMPT_PHOTON, PHOTON, HADRON, PION, KAON, OTHER = range(len(SOURCES))
PROMPT = (IFF.IsoElectron, IFF.ChargeFlipIsoElectron, IFF.PromptMuon, IFF.ChargeFlipMuon)
SHAPES = ("Reta", "Rphi", "weta2", "wtots1", "Eratio", "f1", "f3", "Rhad1", "Rhad")
SCATTERING = ("scatteringCurvatureSignificance", "scatteringNeighbourSignificance")
MUON_COLUMNS = (*SCATTERING, "momentumBalanceSignificance", "spectrometerFieldIntegral")
HITS = ("numberOfPixelHits", "numberOfSCTHits", "numberOfInnermostPixelLayerHits")
TRACK_HITS = (
    *HITS,
    "numberOfNextToInnermostPixelLayerHits",
    "numberOfInnermostPixelLayerSharedHits",
    "numberOfInnermostPixelLayerSplitHits",
    "numberOfPixelSharedHits",
    "numberOfPixelSplitHits",
    "numberOfSCTSharedHits",
)


@dataclass(frozen=True)
class Objects:
    """One collection of a chunk of events: flat columns by name, and where events begin."""

    records: Any
    offsets: npt.NDArray[np.int64]

    def __getitem__(self, name: str) -> Array:
        """Column [n_object] in float64 or whole numbers; energies in MeV."""
        return self.at(name, slice(None))

    def at(self, name: str, rows: Any) -> Array:
        """The column of some objects."""
        values = ak.to_numpy(ak.flatten(self.records[name]))[rows]
        return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)

    @cached_property
    def place(self) -> tuple[Array, Array]:
        """Pseudorapidity and azimuth of tracks, [n_object] each."""
        return _eta(self["theta"]), self["phi"]

    @cached_property
    def event(self) -> npt.NDArray[np.int64]:
        """Event of each object, [n_object]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def linked(self, name: str, target: Objects) -> npt.NDArray[np.int64]:
        """Row in `target` of the link of each object, of the first where it has several."""
        index = ak.to_numpy(ak.flatten(linked_rows(self.records, name)))
        return index + target.offsets[:-1][self.event]


def objects(events: Any, collection: str, column: str) -> Objects:
    """A collection of events, counted by one of its columns."""
    records = events[collection]
    return Objects(records, offsets_of(ak.to_numpy(ak.num(records[column]))))


def tables(events: Any, process: int) -> dict[str, Columns]:
    """All columns of a chunk of events: electrons, muons, their tracks, pairs, events.

    Parameters
    ----------
    process : position in `PROCESSES`
    """
    tracks = objects(events, "InDetTrackParticles", "phi")
    electrons, around_electrons = _electrons(events, tracks)
    muons, around_muons = _muons(events, tracks)
    info = _events(events, tracks)
    weight = info["weight"]
    for table in (electrons, muons, around_electrons, around_muons):
        table["pileup"] = info["pileup"][table["event"]]
    found = {
        "electrons": electrons,
        "muons": muons,
        "electron tracks": around_electrons,
        "muon tracks": around_muons,
        "electron pairs": pair_columns(electrons, weight, c.ELECTRON_MASS),
        "muon pairs": pair_columns(muons, weight, c.MUON_MASS),
        "events": info,
    }
    for table in found.values():
        table["process"] = np.full(len(table["weight"]), process)
    info |= {name: info["process"] == code for code, name in enumerate(PROCESSES)}
    return found


def _events(events: Any, tracks: Objects) -> Columns:
    info = events["EventInfo"]
    number = np.diff(tracks.offsets).astype(float)
    return {
        "weight": ak.to_numpy(info["mcEventWeight"]).astype(float),
        "pileup": ak.to_numpy(info["averageInteractionsPerCrossing"]).astype(float),
        "tracks": number,
    }


def _track_columns(tracks: Objects, rows: npt.NDArray[np.int64]) -> Columns:
    """Momentum (GeV), significances, origin and quality of some tracks, [n_row] each."""
    theta = tracks.at("theta", rows)
    d0, z0 = tracks.at("btagIp_d0", rows), tracks.at("btagIp_z0SinTheta", rows)
    pt = np.sin(theta) / np.abs(tracks.at("qOverP", rows)) / MEV_PER_GEV
    hits = {name: tracks.at(name, rows) for name in TRACK_HITS}
    cut_on = {name: tracks.at(name, rows) for name in ("theta", "qOverP", *selection.HITS)}
    every = np.arange(len(rows))
    good = selection.selected(R22_DEFAULT, every, cut_on, (d0, z0, every), UNIT_OF)
    return hits | {
        "pt": pt,
        "d0": d0,
        "z0SinTheta": z0,
        "d0 significance": d0 / tracks.at("btagIp_d0Uncertainty", rows),
        "z0 significance": z0 / tracks.at("btagIp_z0SinThetaUncertainty", rows),
        "origin": tracks.at("ftagTruthOriginLabel", rows),
        "good": good,
    }


def _eta(theta: Array) -> Array:
    return -np.log(np.tan(0.5 * theta))


def _electrons(events: Any, tracks: Objects) -> tuple[Columns, Columns]:
    electrons = objects(events, "Electrons", "pt")
    gsf = objects(events, "GSFTrackParticles", "phi")
    best = electrons.linked("trackParticleLinks", gsf)
    row = gsf.linked("originalTrackParticle", tracks)[best]
    columns = _common(electrons, tracks, row)
    q_over_p, last = np.abs(gsf["qOverP"][best]), np.abs(gsf["QoverPLM"][best])
    chance = np.clip(gsf["eProbabilityHT"][best], 1e-6, 1.0 - 1e-6)
    columns |= {name: electrons[name] for name in (*SHAPES, "deltaEta1", "deltaPhiRescaled2")}
    columns |= {
        "EoverP": electrons["pt"] * np.cosh(columns["eta"]) * q_over_p,
        "dPOverP": 1.0 - q_over_p / last,
        "trans_TRTPID": np.log(chance / (1.0 - chance)) / 15.0,
        "SCTWeightedCharge": electrons["SCTWeightedCharge"],
        "qd0": columns["charge"] * columns["d0"],
        "ptvarcone30": electrons["ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000"],
    }
    iff = lepid.truth(events, "Electrons", "iff", charge_flips=True)
    columns["iff"] = ak.to_numpy(ak.flatten(iff)).astype(np.int64)
    dnn = lepid.truth(events, "Electrons", "dnn")
    columns["dnn"] = ak.to_numpy(ak.flatten(dnn)).astype(np.int64)
    columns["true electron"] = np.isin(columns["iff"], PROMPT)
    columns["flipped"] = columns["iff"] == IFF.ChargeFlipIsoElectron
    abseta, d0 = columns["abseta"], np.abs(columns["d0 significance"])
    columns["region"] = (abseta < 1.37) | ((abseta > 1.52) & (abseta < 2.47))
    columns["preselected"] = columns["above 10 GeV"] & columns["region"] & (d0 < 5.0)
    return _finished(electrons, columns, tracks)


def _muons(events: Any, tracks: Objects) -> tuple[Columns, Columns]:
    muons = objects(events, "Muons", "pt")
    outer = objects(events, "ExtrapolatedMuonTrackParticles", "phi")
    row = muons.linked("inDetTrackParticleLink", tracks)
    behind = muons.linked("extrapolatedMuonSpectrometerTrackParticleLink", outer)
    columns = _common(muons, tracks, row)
    inner_pt, outer_pt = muons["InnerDetectorPt"], muons["MuonSpectrometerPt"]
    name = "definingParametersCovMatrixDiag_qOverP_qOverP"
    width = np.sqrt(tracks.at(name, row) + outer[name][behind])
    q_over_p = tracks.at("qOverP", row), outer["qOverP"][behind]
    columns |= {name: muons[name] for name in MUON_COLUMNS}
    columns |= {
        "rhoPrime": np.abs(inner_pt - outer_pt) / muons["pt"],
        "qOverPSignificance": np.abs(q_over_p[1] - q_over_p[0]) / width,
        "ptvarcone30": muons["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000"],
        "precisionHits": sum(
            muons[f"{station}{size}Hits"].astype(np.int64)
            for station in ("inner", "middle", "outer")
            for size in ("Large", "Small")
        ),
        "medium": (muons["quality"] & 7) <= 1,
    }
    iff = lepid.truth(events, "Muons", "iff")
    columns["iff"] = ak.to_numpy(ak.flatten(iff)).astype(np.int64)
    near = np.abs(columns["d0 significance"]) < 3.0
    columns["preselected"] = columns["above 10 GeV"] & columns["medium"] & near
    return _finished(muons, columns, tracks)


def _common(leptons: Objects, tracks: Objects, row: npt.NDArray[np.int64]) -> Columns:
    """What electrons and muons have alike; `row` [n_lepton] are those of their tracks."""
    pt, eta = leptons["pt"] / MEV_PER_GEV, leptons["eta"]
    own = ("d0", "z0SinTheta", "d0 significance", "z0 significance", *HITS)
    measured = _track_columns(tracks, row)
    columns = {name: measured[name] for name in own}
    return columns | {
        "event": leptons.event,
        "pt": pt,
        "eta": eta,
        "abseta": np.abs(eta),
        "phi": leptons["phi"],
        "charge": leptons["charge"],
        "log weight": np.log10(np.maximum(leptons["decayWeight"], 1e-9)),
        "one": np.ones(len(pt)),
        "weight": leptons["weight"],
        "forced": leptons["decayWeight"] != 1.0,
        "above 10 GeV": pt > 10.0,
        "truthType": leptons["truthType"],
        "truthOrigin": leptons["truthOrigin"],
        "topoetcone20": leptons["topoetcone20"] / MEV_PER_GEV,
        "topoetcone20Rel": leptons["topoetcone20"] / leptons["pt"],
    }


def _finished(leptons: Objects, columns: Columns, tracks: Objects) -> tuple[Columns, Columns]:
    """The columns with what several of them make up, and those of the tracks in the cones."""
    near_vertex = np.abs(columns["z0SinTheta"]) < 0.5
    columns["preselected"] = columns["preselected"] & near_vertex
    columns["prompt"] = np.isin(columns["iff"], PROMPT)
    columns["non-prompt"] = ~columns["prompt"]
    columns["source"] = _source(columns)
    columns["ptvarcone30"] = columns["ptvarcone30"] / MEV_PER_GEV
    columns["ptvarcone30Rel"] = columns["ptvarcone30"] / columns["pt"]
    columns["isolated"] = (columns["ptvarcone30Rel"] < 0.15) & (columns["topoetcone20Rel"] < 0.3)
    around = (columns["eta"], columns["phi"])
    near = pairs(tracks.offsets, tracks.place, leptons.event, around, CONE)
    cone = _track_columns(tracks, near.row) | {"distance": near.distance}
    cone |= {name: columns[name][near.lepton] for name in ("event", "weight", "above 10 GeV")}
    n, good = len(columns["pt"]), cone["good"].astype(float)
    columns["tracks"] = near.total(good, n)
    columns["pile-up tracks"] = near.total(good * (cone["origin"] == 0), n)
    columns["hard tracks"] = columns["tracks"] - columns["pile-up tracks"]
    return columns, cone


def _source(columns: Columns) -> Array:
    """Position in `SOURCES` of each lepton; what prompt ones get means nothing."""
    iff, kind, origin = columns["iff"], columns["truthType"], columns["truthOrigin"]
    light = iff == IFF.LightFlavorDecay
    photon = (origin == Origin.PhotonConv) | (origin == Origin.DalitzDec)
    photon |= np.isin(kind, (Type.UnknownPhoton, Type.NonIsoPhoton, Type.BkgPhoton))
    return np.select(
        [
            iff == IFF.BHadronDecay,
            iff == IFF.CHadronDecay,
            iff == IFF.TauDecay,
            iff == IFF.ElectronFromMuon,
            iff == IFF.PromptPhotonConversion,
            kind == Type.Hadron,
            light & (origin == Origin.PionDecay),
            light & (origin == Origin.KaonDecay),
            light & photon,
            # A photon of the hard process or of the shower that became a pair of muons.
            (kind == Type.BkgMuon) & photon,
        ],
        [B, C, TAU, MUON, PROMPT_PHOTON, HADRON, PION, KAON, PHOTON, PROMPT_PHOTON],
        OTHER,
    )
