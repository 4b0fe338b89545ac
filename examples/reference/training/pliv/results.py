"""What PLIV can do beside PLIT, on the same leptons of events that nothing was fitted on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from training import records
from training.curves import Measured, Scored, area, fraction, ratios, rejections
from training.leptons import Leptons
from training.plit import results as plit_results
from training.plit import runs as plit
from training.pliv import figures, points
from training.pliv.points import Rival
from training.pliv.runs import SHIPPED, Run, within
from training.splits import TEST

from lepid.files_out import atomic
from lepid.taggers import catalogue
from lepid.working_points.table import Table

EFFICIENCIES = (0.8, 0.9, 0.95)
TAGGERS = {"pliv": "PLIV", "plit": "PLIT", "rnn": "RNN alone", "ptvarcone30": "ptvarcone30"}
FEWEST = plit_results.FEWEST


class Tested(NamedTuple):
    """Test leptons of one of the trees, and what the taggers say: larger is more prompt."""

    label: str
    leptons: Leptons
    scored: Scored


def write(rival: Rival, output: Path) -> None:
    """Tables (results.md, results.json) and pictures in `output`; cards, points and metrics."""
    tested = {}
    decided: dict[str, Any] = {}
    for run in SHIPPED:
        _card(run, output)
        made = points.write(run, rival, output)
        for name, some in test(run, rival, output):
            tested[name] = some
            decided[name] = efficiencies(some, made, points.table_of_plit(run, rival))
    tables = {name: _measured(some) | {"points": decided[name]} for name, some in tested.items()}
    text = "\n\n".join([overall_table(tables), class_table(tables), bin_table(tables),
                        point_table(tables)])  # fmt: skip
    (output / "results.md").write_text(text + "\n", encoding="utf-8")
    records.dump(tables, output / "results.json")
    figures.write({name: (some.label, some.leptons, some.scored) for name, some in tested.items()},
                  output / "figures")  # fmt: skip
    for run in SHIPPED:
        folder = output / "networks" / run.network.replace("@", "/")
        training = json.loads((output / f"{run.flavour}.json").read_text("utf-8"))
        metrics = {"training": training} | {name: tables[key(run, name)] for name in run.parts}
        records.dump(metrics, folder / "metrics.json")
    _closure(output)


def key(run: Run, part: str) -> str:
    """Name of the test leptons of some trees."""
    return run.flavour if len(run.parts) == 1 else f"{run.flavour} {part}"


def test(run: Run, rival: Rival, output: Path) -> Iterator[tuple[str, Tested]]:
    """The test leptons of each of the trees."""
    whole = plit.of_run(run.leptons(), output / "gathered")
    with np.load(output / f"{run.flavour}.npz") as file:
        score, rnn = file["score"].astype(np.float64), file["rnn"][:, 0].astype(np.float64)
    tracks = np.diff(whole.offsets) > 0
    for part, (abseta, name) in run.parts.items():
        network = next(shipped for shipped in plit.SHIPPED if shipped.name == name)
        theirs, scored = plit_results.test(network, rival.gathered, rival.output)
        chosen = within(whole, abseta) & (whole.columns["split"] == TEST)
        mine = whole.of(chosen)
        points.check_same(mine, theirs)
        own = {
            "pliv": -score[chosen],
            "rnn": np.where(tracks, rnn, -1.0)[chosen],
            **{n: scored.scores[n] for n in ("plit", "ptvarcone30")},
        }
        label = key(run, part)
        yield label, Tested(label, theirs, Scored(own, scored.prompt, scored.weight))


def _measured(some: Tested) -> dict[str, Any]:
    leptons, scored = some.leptons, some.scored
    found = rejections(scored, EFFICIENCIES)
    classes = {}
    for name, code in plit_results.CLASSES.items():
        other = leptons.columns["iff"] == code
        if other.sum() >= FEWEST:
            classes[name] = {"n": int(other.sum())} | _pair(scored.of(leptons.prompt | other))
    columns = leptons.columns
    values = {
        "pt": (figures.PT, columns["pt"]), "|eta|": (figures.ABSETA, np.abs(columns["eta"])),
    }  # fmt: skip
    rows = {}
    for variable, (edges, column) in values.items():
        for low, high in pairwise(edges):
            inside = (column >= low) & (column < (np.inf if high == edges[-1] else high))
            if min((inside & scored.prompt).sum(), (inside & ~scored.prompt).sum()) >= FEWEST:
                rows[f"{variable} {low:g} to {high:g}"] = _pair(scored.of(inside))
    return {
        "prompt": int(scored.prompt.sum()), "other": int((~scored.prompt).sum()),
        "area": {name: area(scored, name) for name in TAGGERS},
        "rejection": {name: found[name] for name in TAGGERS},
        "pliv_to_plit": ratios(scored, EFFICIENCIES, "pliv", "plit"),
        "classes": classes,
        "bins": rows,
    }  # fmt: skip


def _pair(scored: Scored) -> dict[str, Measured]:
    """Rejection of both at 90 % of these prompt leptons, and their ratio."""
    found = rejections(scored, (0.9,))
    pair = {name: found[name][0] for name in ("pliv", "plit")}
    return pair | {"ratio": ratios(scored, (0.9,), "pliv", "plit")[0]}


def efficiencies(some: Tested, own: Table, theirs: Table) -> dict[str, Any]:
    """Of each point and that of PLIT: the part of prompt and of other test leptons that pass."""
    scored, columns = some.scored, some.leptons.columns
    axes = {"pt": columns["pt"], "abseta": np.abs(columns["eta"])}
    # As lepid gives them: in float32.
    passed = own.decide({"score": (-scored.scores["pliv"]).astype(np.float32)}, axes)
    rival = theirs.decide({"discriminant": scored.scores["plit"]}, axes)
    groups = {"prompt": scored.prompt, "other": ~scored.prompt}
    return {
        name: {
            f"{tagger} {kind}": fraction(decided[group], scored.weight[group])
            for kind, group in groups.items()
            for tagger, decided in (("pliv", passed[name]), ("plit", rival[points.POINTS[name]]))
        }
        for name in own.points
    }


def overall_table(tables: dict[str, Any]) -> str:
    """Rejection of all that is not prompt."""
    rows = [
        "| leptons | prompt | other | tagger | area | at 80 % | at 90 % | at 95 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in tables.items():
        first = f"{name} | {found['prompt']:,} | {found['other']:,}"
        for tagger, label in TAGGERS.items():
            values = " | ".join(value.text() for value in found["rejection"][tagger])
            rows.append(f"| {first} | {label} | {found['area'][tagger].text()} | {values} |")
            first = "| |"
        values = " | ".join(value.text() for value in found["pliv_to_plit"])
        rows.append(f"| | | | PLIV to PLIT | | {values} |")
    return "\n".join(rows)


def class_table(tables: dict[str, Any]) -> str:
    """Rejection of each class at 90 % of all prompt leptons."""
    rows = [
        "| leptons | of | number | PLIV | PLIT | PLIV to PLIT |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in tables.items():
        for label, mine in found["classes"].items():
            values = " | ".join(mine[n].text() for n in ("pliv", "plit", "ratio"))
            rows.append(f"| {name} | {label} | {mine['n']:,} | {values} |")
    return "\n".join(rows)


def bin_table(tables: dict[str, Any]) -> str:
    """PLIV to PLIT in bins, each cut at 90 % of the prompt leptons of its bin."""
    names = dict.fromkeys(bin_ for found in tables.values() for bin_ in found["bins"])
    rows = [
        f"| PLIV to PLIT at 90 % | {' | '.join(tables)} |",
        "| --- |" + " --- |" * len(tables),
    ]
    for bin_ in names:
        values = [found["bins"][bin_]["ratio"].text() if bin_ in found["bins"] else "-"
                  for found in tables.values()]  # fmt: skip
        # A stroke would end the cell.
        label = bin_.replace("|eta|", r"\|eta\|").replace("pt", "pT")
        rows.append(f"| {label} | {' | '.join(values)} |")
    return "\n".join(rows)


def point_table(tables: dict[str, Any]) -> str:
    """Part of test leptons that pass the points."""
    kinds = [f"{tagger} {kind}" for kind in ("prompt", "other") for tagger in ("pliv", "plit")]
    heads = [f"{kind[:4].upper()}{kind[4:]}" for kind in kinds]
    rows = [f"| leptons | point | {' | '.join(heads)} |", "| --- | --- |" + " --- |" * len(kinds)]
    for name, found in tables.items():
        for point, mine in found["points"].items():
            rows.append(f"| {name} | {point} | {' | '.join(_percent(mine[k]) for k in kinds)} |")
    return "\n".join(rows)


def _percent(part: Measured) -> str:
    return f"{Measured(100 * part.value, 100 * part.error).text()} %"


def _card(run: Run, output: Path) -> None:
    """The card of the repository with the hashes of these networks."""
    folder = output / "networks" / run.network.replace("@", "/")
    shipped = catalogue.folder(catalogue.load(*run.network.split("@"))) / "card.toml"
    text = shipped.read_text("utf-8")
    for file in ("rnn.onnx", *(f"{part}.npz" for part in run.parts)):
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        text = re.sub(rf'(file = "{file}"\nsha256 = )"[0-9a-f]*"', rf'\1"{digest}"', text)
    (folder / "card.toml").write_text(text, "utf-8")


def _closure(output: Path) -> None:
    """Inputs and answers of both runs, in one file."""
    found = {}
    for run in SHIPPED:
        with np.load(output / f"{run.flavour}-closure.npz") as file:
            found |= {f"{run.network}/{name}": file[name] for name in file.files}
    with atomic(output / "closure.npz") as partial:
        np.savez_compressed(partial, **found)
