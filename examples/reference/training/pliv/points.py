"""Working points of PLIV at the efficiencies that those of PLIT have, bin by bin."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from training.leptons import Leptons
from training.plit import runs as plit
from training.pliv.runs import Run, within
from training.splits import VALIDATION

from lepid.features.rows.pliv import PT_EDGES
from lepid.tables import correction
from lepid.taggers import card_file, inference, twin
from lepid.taggers.batching import Sequence as Tracks
from lepid.taggers.session import Settings
from lepid.working_points import cuts, table
from lepid.working_points.table import Binding, Requirement, Rules, Table

Floats = npt.NDArray[np.float64]
# Point of PLIV -> that of PLIT whose efficiency it has.
POINTS = {"PLITPrompt95": "Prompt95", "PLITPrompt90": "Prompt90", "PLITPrompt80": "Prompt80"}
ABSETA = (0.0, 1.37, 2.5)
# GeV; what is harder than the last edge is in the last bin.
PT = (*PT_EDGES[:-1], np.inf)


class Rival(NamedTuple):
    """Where the leptons of PLIT are, and its networks and points."""

    gathered: Path
    output: Path


def discriminant(name: str, file: str, networks: Path, some: Leptons) -> Floats:
    """That of a network of PLIT, [n_lepton]."""
    folder = networks / name.replace("@", "/")
    card = card_file.load(folder / "card.toml")
    network = next(part for part in card.networks if part.file == file)
    path, digest = folder / file, network.sha256
    ready = twin.get(path, digest, card, network, Settings("cpu", 1))
    lepton, track = (node.name for node in network.nodes)
    tracks = Tracks(some.offsets, np.arange(len(some.tracks)), some.tracks)
    found = inference.run(
        ready, card.outputs, network.nodes, {lepton: some.inputs}, {track: tracks}
    )
    prompt, other = (found[output.name].astype(np.float64) for output in card.outputs[:2])
    return np.asarray(np.log(prompt / other))


def bins(some: Leptons) -> npt.NDArray[np.int64]:
    """Bin in pt and |eta| of each lepton, [n_lepton]."""
    pt, abseta = some.columns["pt"], np.abs(some.columns["eta"])
    places = [
        np.searchsorted(edges, values, side="right").clip(1, len(edges) - 1) - 1
        for edges, values in ((PT, pt), (ABSETA, abseta))
    ]
    return np.asarray(places[0] * (len(ABSETA) - 1) + places[1])


def cuts_at(
    score: Floats, weight: Floats, place: npt.NDArray[Any], kept: npt.NDArray[np.bool_], n: int
) -> Floats:
    """In each of `n` bins the cut that as many prompt leptons are not above as are `kept`, [n].

    Parameters
    ----------
    score, weight, place : of prompt leptons, [n_lepton] each
    """
    found = np.full(n, np.nan)
    for k in range(n):
        mine = np.flatnonzero(place == k)
        order = mine[np.argsort(score[mine], kind="stable")]
        below = np.cumsum(weight[order])
        wanted = weight[mine][kept[mine]].sum()
        last = min(np.searchsorted(below, wanted * (1 - 1e-12)), len(order) - 1)
        found[k] = score[order[last]]
    return found


def validation(run: Run, rival: Rival, output: Path) -> tuple[Any, ...]:
    """Prompt leptons of the validation events: themselves, weights, scores of PLIV and PLIT."""
    whole = plit.of_run(run.leptons(), output / "gathered")
    with np.load(output / f"{run.flavour}.npz") as file:
        score = file["score"]
    chosen = (whole.columns["split"] == VALIDATION) & whole.prompt
    theirs = np.full(len(score), np.nan)
    for abseta, name in run.parts.values():
        network = next(shipped for shipped in plit.SHIPPED if shipped.name == name)
        same = plit.of_run(network, rival.gathered)
        inside = within(whole, abseta)
        check_same(whole.of(inside), same)
        mine = chosen[inside]
        values = np.full(len(mine), np.nan)
        folder = rival.output / "networks"
        values[mine] = discriminant(network.network, network.file, folder, same.of(mine))
        theirs[inside] = values
    weight = plit.weights(whole, run.leptons())
    return whole.of(chosen), weight[chosen], score[chosen], theirs[chosen]


def check_same(left: Leptons, right: Leptons) -> None:
    """Raise `ValueError` unless these are the same leptons."""
    columns = ("pt", "eta", "iff", "split")
    if any(not np.array_equal(left.columns[n], right.columns[n]) for n in columns):
        message = "the leptons of PLIV and of PLIT are not the same; gather both anew"
        raise ValueError(message)


def table_of_plit(run: Run, rival: Rival) -> Table:
    """The points whose efficiencies those of PLIV have."""
    return table.read(rival.output / "wp_tables" / f"{run.flavour}_plit" / "reference-run3.json")


def write(run: Run, rival: Rival, output: Path) -> Table:
    """Write the table of a run whose card is beside its networks."""
    card = card_file.load(output / "networks" / run.network.replace("@", "/") / "card.toml")
    some, weight, score, theirs = validation(run, rival, output)
    place, n = bins(some), (len(PT) - 1) * (len(ABSETA) - 1)
    points = table_of_plit(run, rival)
    abseta = {"abseta": np.abs(some.columns["eta"])}
    decided = points.decide({"discriminant": theirs}, abseta)
    corrections = []
    for name, point in POINTS.items():
        found = np.round(cuts_at(score, weight, place, decided[point], n), 6)
        corrections.append(
            correction(
                f"{name}_cut",
                f"cut that keeps as many prompt leptons of the reference sample as {point} of PLIT",
                {"pt": "transverse momentum of the lepton [GeV]", "abseta": "|eta| of the lepton"},
                ("cut", "on the score"),
                cuts.binned(PT, ABSETA, found.reshape(len(PT) - 1, -1), ("pt", "abseta")),
            )
        )
    digests = tuple(network.sha256 for network in card.networks)
    rules = Rules(
        tagger=card.tagger,
        points={
            name: (Requirement(correction=f"{name}_cut", quantity="score", sense="<="),)
            for name in POINTS
        },
        inputs={"pt": "pt", "abseta": "abseta"},
        bound_to=Binding(sha256=digests, columns=card.stored_columns),
    )
    text = (
        f"{card.name}: efficiencies of {run.flavour}_plit@reference-run3 on lepid's own simulation"
    )
    path = output / "wp_tables" / f"{run.network.replace('@', '/')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, text, rules, corrections)
    return table.read(path)
