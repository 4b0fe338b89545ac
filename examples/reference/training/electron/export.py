"""What is shipped of an electron network: the files of Athena's selector, and lepid's own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import uproot
from training.electron.fit import Quantiles
from training.electron.inputs import (
    FEATURES,
    LEAST_ET,
    MOST_ABSETA,
    VARIABLES,
    WITHOUT_LAYERS,
    Electrons,
)
from training.electron.network import Dnn, lwtnn
from training.electron.points import MODEL, QUANTILES

from lepid.convert import electron_dnn
from lepid.files_out import atomic
from lepid.taggers import card_file, discriminants
from lepid.taggers.card import Card
from lepid.taggers.card_network import Training
from lepid.taggers.card_outputs import Fractions
from lepid.working_points import table

TAGGER = "electron_dnn"
HEAD = (
    "# Not a network of an experiment: trained on lepid's own simulation (ORIGIN.md), in the call "
    "convention of Athena.\n"
)
TEXT = "fractions of prompt electrons on lepid's own simulation, not of data"


def write(
    name: str, network: Dnn, quantiles: Quantiles, confs: Mapping[str, str], output: Path
) -> None:
    """Write the network as JSON, the quantiles, the confs, and what lepid makes of them.

    Parameters
    ----------
    network : rounded
    confs : working point -> text
    """
    folder = output / "networks" / TAGGER / name
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / MODEL) as partial:
        partial.write_text(json.dumps(lwtnn(network, VARIABLES), separators=(",", ":")), "utf-8")
    with atomic(folder / QUANTILES) as partial, uproot.recreate(partial) as file:
        file["tree"] = {
            "references": quantiles.levels,
            **dict(zip(VARIABLES, quantiles.values, strict=True)),
        }
    for point, text in confs.items():
        with atomic(folder / f"{point}.conf") as partial:
            partial.write_text(text, "utf-8")
    convert(name, list(confs), output)


def convert(name: str, points: Sequence[str], output: Path) -> None:
    """Write what lepid's converter makes of JSON, quantiles and confs, as a reference network."""
    folder = output / "networks" / TAGGER / name
    paths = {point: folder / f"{point}.conf" for point in points}
    with tempfile.TemporaryDirectory() as scratch:
        made = electron_dnn.convert(paths, name, Path(scratch))
        card = _card(card_file.load(made / "card.toml"))
        shutil.copy(made / card.networks[0].file, folder)
        _table(made / "points.json", card, output / "wp_tables" / f"{TAGGER}/{name}.json")
    with atomic(folder / "card.toml") as partial:
        partial.write_text(HEAD + card_file.dump(card), "utf-8")


def _card(card: Card) -> Card:
    """The card of the conf as that of a reference network on a calorimeter without layers."""
    (network,) = card.networks
    (node,) = network.nodes
    inputs = tuple(
        entry.model_copy(update={"feature": WITHOUT_LAYERS.get(entry.feature, entry.feature)})
        for entry in node.inputs
    )
    training = Training(
        pt=(LEAST_ET, np.inf), abseta=(0.0, MOST_ABSETA), source="ours: examples/reference/training"
    )
    column = f"{TAGGER}_{card.network.replace('-', '_')}"
    outputs = [
        output.model_copy(update={"stored": (f"{column}_{output.name}",)})
        for output in card.outputs
    ]
    kind = "six classes" if len(outputs) > 1 else "one output"
    changed = {
        "experiment": "",
        "description": f"lepid's own electron identification network with {kind}",
        "source": f"ours; in the convention of {card.source}",
        "reference": True,
        "outputs": tuple(outputs),
        "working_points": (f"{TAGGER}/{card.network}.json",),
        "notes": ("|eta| is that of the whole cluster: its calorimeter has no layers.",),
        "networks": (
            network.model_copy(
                update={
                    "nodes": (node.model_copy(update={"inputs": inputs}),),
                    "training": training,
                }
            ),
        ),
    }
    if card.fractions.values:
        eta = WITHOUT_LAYERS[card.fractions.abseta]
        changed["fractions"] = Fractions(
            **card.fractions.model_dump(exclude={"abseta"}), abseta=eta
        )
    return card.model_copy(update=changed)


def _table(source: Path, card: Card, path: Path) -> None:
    """The table of the confs, for this |eta| and also for stored scores."""
    found = json.loads(source.read_text("utf-8"))
    rules = table.read(source).rules
    text = rules.model_dump_json()
    for layered, whole in WITHOUT_LAYERS.items():
        text = text.replace(f'"{layered}"', f'"{whole}"')
    changed = rules.model_validate_json(text)
    bound = changed.bound_to.model_copy(update={"columns": card.stored_columns})
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = changed.model_copy(update={"bound_to": bound})
    table.write(path, f"{card.name}: {TEXT}", changed, found["corrections"])


def decisions(
    name: str, output: Path, some: Electrons, scores: npt.NDArray[np.float32]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Working point -> which electrons pass, as lepid decides."""
    card = card_file.load(output / "networks" / TAGGER / name / "card.toml")
    points = table.read(output / "wp_tables" / f"{TAGGER}/{name}.json")
    columns = some.columns
    values = {o.name: scores[:, i].astype(np.float64) for i, o in enumerate(card.outputs)}
    given = {name: np.array(value) for name, value in card.fractions.values.items()}
    each = discriminants.per_lepton(card.fractions, given, columns["abseta"]) if given else {}
    values |= {
        name: discriminants.evaluate(forms[0], values, each)
        for name, forms in card.discriminants.items()
    }
    values |= {feature: columns[name] for name, (feature, _) in FEATURES.items()}
    return points.decide(values, {"et": columns["et"], "abseta": columns["abseta"]})
