"""Cuts in the confs of Athena's electron likelihood to corrections and requirements."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from lepid.convert import athena_conf
from lepid.convert.athena_conf import LikelihoodConf
from lepid.errors import BadFile
from lepid.tables import Node, binning, constant, correction
from lepid.working_points import cuts
from lepid.working_points.table import Requirement

INF = float("inf")
# Edges and centres of the cuts; GeV.
ABSETA = (0.0, *athena_conf.ABSETA_EDGES)
CENTRES = (12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 42.5)
OTHER_ET = (0.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, INF)
AXES = {"et": "E_T of the cluster along the track [GeV]", "abseta": "|eta| of the cluster",
        "pileup": "vertices with two tracks or more"}  # fmt: skip


def bins(conf: LikelihoodConf, *, low: bool) -> tuple[list[float], list[tuple[float, float]]]:
    """Edges in E_T and plateaus of arrays of the conf, `low` with one more below 7 GeV."""
    threshold = conf.numbers["HighETBinThreshold"]
    extra = [threshold] if conf.flags["useOneExtraHighETLHBin"] else []
    edges = [0.0, *([7.0] if low else []), *OTHER_ET[1:-1], *extra, INF]
    first = [(0.0, 7.0), (8.5, 8.5)] if low else [(0.0, 8.5)]
    last = [(47.5, threshold), (threshold, INF)] if extra else [(47.5, INF)]
    return edges, [*first, *((centre, centre) for centre in CENTRES), *last]


def with_low(conf: LikelihoodConf, key: str, *, low: bool) -> list[list[float]]:
    """[n_et, n_eta], the array below 7 GeV in front."""
    rows: list[list[float]] = conf.arrays[key].tolist()
    below = conf.arrays.get(f"{key}4GeV")
    if low:
        return [below.tolist() if below is not None else [0.0] * len(rows[0]), *rows]
    return rows


def requirements(point: str, conf: LikelihoodConf) -> Iterator[tuple[Node, Requirement]]:
    """Corrections and what they are compared with, in the order of Athena's accept bits."""
    arrays, threshold = conf.arrays, conf.numbers["HighETBinThreshold"]

    def per_abseta(values: Any) -> Node:
        return binning("abseta", ABSETA, [constant(float(v), "abseta") for v in values])

    def one(name: str, quantity: str, sense: Any, node: Node, *axes: str) -> Any:
        unit = " [mm]" if quantity == "abs_d0" else ""
        inputs = {axis: AXES[axis] for axis in axes}
        output = ("cut", f"{quantity}{unit}")
        made = correction(f"{point}_{name}", f"cut on {quantity}", inputs, output, node)
        return made, Requirement(correction=f"{point}_{name}", quantity=quantity, sense=sense)

    largest = per_abseta([athena_conf.ABSETA_EDGES[-1]] * athena_conf.N_ETA)
    yield one("kinematic", "abseta_cluster", "<=", largest, "abseta")
    for name, quantity, sense, key in (
        ("NSilicon", "nSiHitsPlusDeadSensors", ">=", "CutSi"),
        ("NPixel", "nPixHitsPlusDeadSensors", ">=", "CutPi"),
        ("NBlayer", "passesBLayer", ">=", "CutBL"),
        ("ambiguity", "ambiguityType", "bit", "CutAmbiguity"),
    ):
        # A file need not hold what no bin asks for.
        if key in arrays and (key != "CutBL" or arrays[key].any()):
            yield one(name, quantity, sense, per_abseta(arrays[key]), "abseta")
    if "CutLikelihood" in arrays:
        node, axes = _cut(conf)
        yield one("LH", "D_LH", ">=", node, *axes)
    matched = "abs_el_deltaeta1" if conf.flags["doCorrectDeltaEta"] else "abs_deltaEta1"
    for name, quantity, key in (
        ("TrackA0", "abs_d0", "CutA0"),
        ("TrackMatchEta", matched, "CutDeltaEta"),
        ("TrackMatchPhiRes", "abs_deltaPhiRescaled2", "CutDeltaPhiRes"),
    ):
        if key in arrays:
            grid = cuts.binned(OTHER_ET, ABSETA, arrays[key])
            yield one(name, quantity, "<=", grid, "et", "abseta")
    for name, quantity, key in (
        ("WstotAtHighET", "abs_wtots1", "CutWstotAtHighET"),
        ("EoverPAtHighET", "EoverP", "CutEoverPAtHighET"),
    ):
        if key in arrays:
            node = cuts.above(threshold, ABSETA, arrays[key])
            yield one(name, quantity, "<=", node, "et", "abseta")


def _cut(conf: LikelihoodConf) -> tuple[Node, tuple[str, ...]]:
    """The cut on the discriminant, and its inputs."""
    low, smooth = "CutLikelihood4GeV" in conf.arrays, conf.flags["doSmoothBinInterpolation"]
    edges, plateaus = bins(conf, low=low)
    shift = "CutLikelihoodPileupCorrection"
    there = [key in conf.arrays for key in (shift, f"{shift}4GeV")]
    if there[1] and not (low and there[0]):
        lost = shift if low else "CutLikelihood4GeV"
        raise BadFile(conf.path, f"there is a {shift}4GeV and no {lost}")
    # As in Athena: with interpolation both arrays are needed, without it the first.
    moves = not conf.flags["doPileupTransform"] and (all(there) if smooth else there[0])
    rows = with_low(conf, "CutLikelihood", low=low)
    slopes = with_low(conf, shift, low=low) if moves else None
    if not smooth:
        plateaus = list(pairwise(edges))
    node = cuts.smoothed(edges, plateaus, ABSETA, rows, slopes=slopes)
    return node, ("et", "abseta", "pileup") if moves else ("et", "abseta")
