"""What the PLIT networks can do, on leptons of events that nothing was fitted on."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from training import records
from training.curves import Scored, area, ratios, rejections
from training.leptons import Leptons
from training.plit import figures, points, runs
from training.plit.runs import COMPARED, MUON, SHIPPED, TRACKS, Run
from training.splits import TEST

from lepid.files_out import atomic
from lepid.taggers import catalogue

EFFICIENCIES = (0.8, 0.9, 0.95)
CLASSES = {"b": 8, "c": 9, "light": 10, "tau": 7, "conversion": 5}
TAGGERS = {"plit": "PLIT", "bdt": "BDT", "ptvarcone30": "ptvarcone30"}
WORDS = {
    "run3": "Run 3", "run2": "Run 2", "bdt": "BDT", "bdt_jets": "BDT with track jets",
    "jets": "with track jets", "alone": "without auxiliary tasks", "seed1": "seed 1",
    "seed2": "seed 2", "muon": "muons", "electron": "electrons",
}  # fmt: skip
# Fewer leptons of a class say nothing.
FEWEST = 20


def write(gathered: Path, output: Path) -> None:
    """Tables (results.md, results.json) and pictures in `output`; cards beside the networks."""
    tests = {run.name: test(run, gathered, output) for run in SHIPPED}
    tables = {
        "all": {run.name: _overall(tests[run.name]) for run in SHIPPED},
        "classes": {run.name: _classes(tests[run.name]) for run in SHIPPED},
        "variants": _variants(gathered, output),
    }
    text = "\n\n".join([overall_table(tables), class_table(tables), variant_table(tables)])
    (output / "results.md").write_text(text + "\n", encoding="utf-8")
    records.dump(tables, output / "results.json")
    figures.write({run.name: (run, *tests[run.name]) for run in SHIPPED}, output / "figures")
    _complete(tables, gathered, output)
    _closure(output)


def test(run: Run, gathered: Path, output: Path) -> tuple[Leptons, Scored]:
    """The test leptons of a run, and what the taggers say of them."""
    whole = runs.of_run(run, gathered)
    weight = runs.weights(whole, run)
    chosen = whole.columns["split"] == TEST
    with np.load(output / f"{run.name}.npz") as file:
        scores = {name: file[name].astype(np.float64) for name in file.files if name != "test"}
        if not np.array_equal(file["test"], np.flatnonzero(chosen)):
            message = f"{run.name}.npz is of other leptons; remove it to train anew"
            raise ValueError(message)
    found = whole.of(chosen)
    return found, Scored(scores, found.prompt, weight[chosen])


def _overall(tested: tuple[Leptons, Scored]) -> dict[str, Any]:
    leptons, scored = tested
    found = rejections(scored, EFFICIENCIES)
    ratio = ratios(scored, EFFICIENCIES, "plit", "bdt")
    return {
        "prompt": int(leptons.prompt.sum()),
        "other": int((~leptons.prompt).sum()),
        "area": {name: area(scored, name) for name in TAGGERS},
        "rejection": {name: found[name] for name in TAGGERS},
        "plit_to_bdt": ratio,
    }


def _classes(tested: tuple[Leptons, Scored]) -> dict[str, Any]:
    """Rejection of each class at 90 % of all prompt leptons."""
    leptons, scored = tested
    found = {}
    for name, code in CLASSES.items():
        other = leptons.columns["iff"] == code
        if other.sum() < FEWEST:
            continue
        values = rejections(scored.of(leptons.prompt | other), (0.9,))
        found[name] = {"n": int(other.sum())} | {key: values[key][0] for key in TAGGERS}
    return found


def _variants(gathered: Path, output: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for run in (MUON, *COMPARED):
        _, scored = test(run, gathered, output)
        kept = ("plit", "bdt", "bdt_jets") if run == MUON else ("plit",)
        values = rejections(scored, EFFICIENCIES)
        name = "muon-seed1" if run == MUON else run.name
        for key in kept:
            label = name if key == "plit" else key
            found[label] = {"area": area(scored, key), "rejection": values[key]}
    return found


def labelled(name: str) -> str:
    """Name of a run or a rival, in words."""
    words = [WORDS.get(word, word) for word in name.split("-")]
    return ", ".join(words)


def overall_table(tables: dict[str, Any]) -> str:
    """Rejection of all that is not prompt."""
    rows = [
        "| leptons | prompt | other | tagger | area | at 80 % | at 90 % | at 95 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in tables["all"].items():
        for key, label in TAGGERS.items():
            first = (
                f"{labelled(name)} | {found['prompt']:,} | {found['other']:,}"
                if key == "plit"
                else "| |"
            )
            values = " | ".join(value.text() for value in found["rejection"][key])
            rows.append(f"| {first} | {label} | {found['area'][key].text()} | {values} |")
        values = " | ".join(value.text() for value in found["plit_to_bdt"])
        rows.append(f"| | | | PLIT to BDT | | {values} |")
    return "\n".join(rows)


def class_table(tables: dict[str, Any]) -> str:
    """Rejection of each class."""
    rows = [
        "| leptons | of | number | PLIT | BDT | ptvarcone30 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, classes in tables["classes"].items():
        for label, found in classes.items():
            values = " | ".join(found[key].text() for key in TAGGERS)
            rows.append(f"| {labelled(name)} | {label} | {found['n']:,} | {values} |")
    return "\n".join(rows)


def variant_table(tables: dict[str, Any]) -> str:
    """Muons of Run 3, with other inputs or without the auxiliary tasks."""
    rows = [
        "| muons of Run 3 | area | at 80 % | at 90 % | at 95 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, found in tables["variants"].items():
        values = " | ".join(value.text() for value in found["rejection"])
        rows.append(f"| {labelled(name)} | {found['area'].text()} | {values} |")
    return "\n".join(rows)


def _complete(tables: dict[str, Any], gathered: Path, output: Path) -> None:
    """Cards with the hashes of the networks, metrics beside them, and working points."""
    for name in dict.fromkeys((*(run.network for run in SHIPPED), TRACKS)):
        folder = output / "networks" / name.replace("@", "/")
        shipped = catalogue.folder(catalogue.load(*name.split("@"))) / "card.toml"
        card, metrics = shipped.read_text("utf-8"), {}
        members = [run for run in SHIPPED if run.network == name] or [MUON]
        for run in members:
            digest = hashlib.sha256((folder / run.file).read_bytes()).hexdigest()
            entry = rf'(file = "{run.file}"\nsha256 = )"[0-9a-f]*"'
            card = re.sub(entry, rf'\1"{digest}"', card)
            metrics[run.file] = {
                "training": json.loads((output / f"{run.name}.json").read_text("utf-8")),
                "test": tables["all"][run.name],
                "classes": tables["classes"][run.name],
            }
        (folder / "card.toml").write_text(card, "utf-8")
        records.dump(metrics, folder / "metrics.json")
        table = output / "wp_tables" / f"{name.replace('@', '/')}.json"
        points.write(folder / "card.toml", members, gathered, table)


def _closure(output: Path) -> None:
    """Inputs and answers of torch for all shipped networks, in one file."""
    found = {}
    for run in SHIPPED:
        with np.load(output / f"{run.name}-closure.npz") as file:
            found |= {f"{run.network}/{run.file}/{name}": file[name] for name in file.files}
    with atomic(output / "closure.npz") as partial:
        np.savez_compressed(partial, **found)
