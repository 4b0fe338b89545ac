"""What soft-lepton trees can do, on leptons of events that nothing was fitted on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from training import records
from training.curves import Measured, Scored, area, fraction, ratios, rejections
from training.soft import export, figures, runs
from training.soft.inputs import FLAVOURS, HEAVY, INPUTS, LIGHT, PROMPT, Leptons, load, tagger
from training.splits import TEST

from lepid.convert.trees import FILE
from lepid.efficiency.truth_codes import IFF
from lepid.files_out import atomic
from lepid.taggers import forest
from lepid.working_points import table

Floats = npt.NDArray[np.float64]
EFFICIENCIES = (0.9, 0.8, 0.7)
TAGGERS = {
    "soft": "BDT", "lepton": "BDT without jets", "jets": "BDT of jets alone", "ptrel": "pT^rel",
}  # fmt: skip
CLASSES = {
    "b hadron": (IFF.BHadronDecay,),
    "c hadron": (IFF.CHadronDecay,),
    "light": (IFF.LightFlavorDecay, IFF.NonMuonlike),
    "conversion": (IFF.PromptPhotonConversion,),
    "tau": (IFF.TauDecay,),
    "muon": (IFF.ElectronFromMuon,),
    "prompt": PROMPT,
}
PT_EDGES = (2.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0)
FEWEST, N_PART = 30, 10


def write(gathered: Path, output: Path) -> None:
    """Tables (results.md, results.json), metrics beside the cards, pictures, in `output`."""
    tests = {flavour: test(flavour, gathered, output) for flavour in FLAVOURS}
    found = {flavour: measure(flavour, *tests[flavour], output) for flavour in FLAVOURS}
    makers = (overall_table, pt_table, class_table, importance_table)
    with atomic(output / "results.md") as partial:
        partial.write_text("\n\n".join(make(found) for make in makers) + "\n", "utf-8")
    records.dump(found, output / "results.json")
    for flavour in FLAVOURS:
        path = output / "networks" / tagger(flavour) / "reference" / "metrics.json"
        records.dump(found[flavour], path)
    figures.write(tests, found, output / "figures")
    runs.complete(output)


def test(flavour: str, gathered: Path, output: Path) -> tuple[Leptons, dict[str, Floats]]:
    """Test leptons, and what the taggers say of them."""
    whole = load(gathered, flavour)
    with np.load(output / f"{flavour}.npz") as file:
        scores = {name: file[name].astype(np.float64) for name in file.files}
    return whole.of(whole.columns["split"] == TEST), scores


def scored(leptons: Leptons, scores: dict[str, Floats], heavy: tuple[int, ...] = HEAVY) -> Scored:
    """The leptons of `heavy` hadrons and light ones alone."""
    kept = leptons.among(*heavy, *LIGHT)
    whole = Scored(scores, leptons.among(*heavy), leptons.columns["weight"])
    return whole.of(kept)


def measure(
    flavour: str, leptons: Leptons, scores: dict[str, Floats], output: Path
) -> dict[str, Any]:
    """All numbers of one tagger."""
    both = scored(leptons, scores)
    return {
        "number": {name: int(leptons.among(*codes).sum()) for name, codes in CLASSES.items()},
        "area": {name: area(both, name) for name in TAGGERS},
        "rejection": rejections(both, EFFICIENCIES),
        "to pT^rel": ratios(both, EFFICIENCIES, "soft", "ptrel"),
        "pt": _against_pt(leptons, scores),
        "classes": _classes(flavour, leptons, scores, output),
        "b and c": {
            name: area(scored(leptons, scores, CLASSES[name]), "soft")
            for name in ("b hadron", "c hadron")
        },
        "importance": importance(flavour, leptons, output),
    }


def _against_pt(leptons: Leptons, scores: dict[str, Floats]) -> list[dict[str, Any]]:
    """Rejection at 80 % of the heavy leptons of each bin."""
    found = []
    for low, high in pairwise(PT_EDGES):
        pt = leptons.columns["pt"]
        here = (pt >= low) & (pt < high)
        some = scored(leptons.of(here), {name: score[here] for name, score in scores.items()})
        entry: dict[str, Any] = {"low": low, "high": high, "n": len(some.prompt)}
        if min(some.prompt.sum(), (~some.prompt).sum()) >= FEWEST:
            entry["rejection"] = {n: v[0] for n, v in rejections(some, (0.8,)).items()}
        found.append(entry)
    return found


def _classes(
    flavour: str, leptons: Leptons, scores: dict[str, Floats], output: Path
) -> dict[str, dict[str, Measured]]:
    """Point -> class -> part of its leptons that pass."""
    path = output / "wp_tables" / tagger(flavour) / "reference.json"
    columns = {"pt": leptons.columns["pt"], "abseta": np.abs(leptons.columns["eta"])}
    said = table.read(path).decide({"p_HF": scores["soft"]}, columns)
    found: dict[str, dict[str, Measured]] = {}
    for point in export.POINTS:
        found[point] = {}
        for name, codes in CLASSES.items():
            here = leptons.among(*codes)
            if here.sum() >= FEWEST:
                found[point][name] = fraction(said[point][here], leptons.columns["weight"][here])
    return found


def importance(flavour: str, leptons: Leptons, output: Path) -> dict[str, Measured]:
    """Area that is lost where an input is that of another lepton, the largest first.

    Value and error are of ten parts of the leptons, each shuffled for itself.
    """
    some = leptons.of(leptons.among(*HEAVY, *LIGHT))
    folder = output / "networks" / tagger(flavour) / "reference"
    trees = forest.read(folder / FILE)
    rng = np.random.default_rng(1)
    part = rng.integers(0, N_PART, len(some.inputs))
    heavy, weight = some.among(*HEAVY), some.columns["weight"]
    names = list(INPUTS[flavour])
    lost = np.zeros((len(names), N_PART))
    for k in range(N_PART):
        here = part == k
        rows = some.inputs[here]
        before = _area(trees.evaluate(rows)[:, 0], heavy[here], weight[here])
        for i in range(len(names)):
            shuffled = rows.copy()
            shuffled[:, i] = rng.permutation(rows[:, i])
            lost[i, k] = before - _area(trees.evaluate(shuffled)[:, 0], heavy[here], weight[here])
    order = np.argsort(-lost.mean(axis=1))
    error = lost.std(axis=1, ddof=1) / np.sqrt(N_PART)
    return {names[i]: Measured(float(lost[i].mean()), float(error[i])) for i in order}


def _area(score: Any, heavy: Any, weight: Floats) -> float:
    scored = Scored({"score": np.asarray(score, np.float64)}, heavy, weight)
    return area(scored, "score").value


# --- tables -----------------------------------------------------------------------------------


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def overall_table(found: dict[str, Any]) -> str:
    """Rejection of all light leptons."""
    head = ["soft", "of b and c", "light", "tagger", "area", *(f"at {e:.0%}" for e in EFFICIENCIES)]
    rows = []
    for flavour, facts in found.items():
        n = facts["number"]
        begins = [f"{flavour}s", f"{n['b hadron'] + n['c hadron']:,}"]
        begins.append(f"{n['light'] + n['conversion']:,}")
        for name, label in TAGGERS.items():
            values = [value.text() for value in facts["rejection"][name]]
            rows.append([*begins, label, facts["area"][name].text(), *values])
            begins = ["", "", ""]
        rows.append([*begins, "BDT to pT^rel", "", *(v.text() for v in facts["to pT^rel"])])
    return _table(head, rows)


def pt_table(found: dict[str, Any]) -> str:
    """Rejection at 80 % in bins of pt."""
    bins = next(iter(found.values()))["pt"]
    head = ["at 80 %, pt in GeV", "tagger", *(f"{b['low']:g} to {b['high']:g}" for b in bins)]
    rows = []
    for flavour, facts in found.items():
        for name in ("soft", "ptrel"):
            values = [
                b["rejection"][name].text() if "rejection" in b else f"{b['n']} leptons"
                for b in facts["pt"]
            ]
            rows.append([f"{flavour}s" if name == "soft" else "", TAGGERS[name], *values])
    return _table(head, rows)


def class_table(found: dict[str, Any]) -> str:
    """Part of each class that passes the points; area of b and of c hadrons alone."""
    head = ["soft", "", *CLASSES]
    rows = []
    for flavour, facts in found.items():
        rows.append([f"{flavour}s", "number", *(f"{facts['number'][n]:,}" for n in CLASSES)])
        for point, values in facts["classes"].items():
            texts = (_percent(values[n]) if n in values else "-" for n in CLASSES)
            rows.append(["", point, *texts])
        areas = (facts["b and c"][n].text() if n in facts["b and c"] else "" for n in CLASSES)
        rows.append(["", "area against light", *areas])
    return _table(head, rows)


def importance_table(found: dict[str, Any]) -> str:
    """Inputs that matter most."""
    head = ["area lost without", *(f"{flavour}s" for flavour in found)]
    columns = [
        [
            f"`{name}` {value.value:.4f} ± {value.error:.4f}"
            for name, value in list(facts["importance"].items())[:8]
        ]
        for facts in found.values()
    ]
    rows = [[str(i + 1), *row] for i, row in enumerate(zip(*columns, strict=True))]
    return _table(head, rows)


def _percent(value: Measured) -> str:
    return Measured(100.0 * value.value, 100.0 * value.error).text() + " %"
