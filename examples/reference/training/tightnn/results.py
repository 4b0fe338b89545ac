"""What the TightNN networks can do, on muons of events that nothing was fitted on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from training import records
from training.curves import Measured, Scored, ratios
from training.tightnn import figures, points, runs, weights
from training.tightnn.compared import BINNED, FLAT, TIGHT, Compared, compare, runs_of
from training.tightnn.export import GIVES, TAKES
from training.tightnn.inputs import load
from training.tightnn.runs import FILE, RUN3, SEEDS, SHIPPED, Run
from training.tightnn.weights import REWEIGHTINGS

from lepid.files_out import atomic
from lepid.taggers import catalogue

Floats = npt.NDArray[np.float64]
WORDS = {
    TIGHT: "cuts", BINNED: "TightNN, per bin", FLAT: "TightNN, one cut",
    "gbdt": "GBDT, one cut", "lstm": "LSTM, one cut", "transformer": "transformer, one cut",
    "none": "none", "flat": "both flat", "signal": "signal to background",
    "background": "background to signal", "run3": "Run 3", "run2": "Run 2",
}  # fmt: skip
PT_EDGES = (4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)
ABSETA_EDGES = (0.0, 0.6, 1.05, 1.7, 2.5)
AXES = {"pt": PT_EDGES, "abseta": ABSETA_EDGES}
REPEATS = 5
EFFICIENCIES = (0.8, 0.9, 0.95)


def write(gathered: Path, output: Path) -> None:
    """Tables (results.md, results.json) and pictures in `output`; cards beside the networks."""
    muons = load(gathered)
    tested = {run.name: compare(run, runs_of(run), muons, output) for run in SHIPPED}
    tables: dict[str, Any] = {
        "all": {name: _overall(name, found) for name, found in tested.items()},
        "bins": {name: _bins(found) for name, found in tested.items()},
        "reweighting": _reweighting(tested[RUN3.name]),
        "rivals": _rivals(tested[RUN3.name], output),
        "ranking": {run.name: _ranking(run, tested[run.name], output) for run in SHIPPED},
    }
    text = [
        overall_table(tables), bin_table(tables), reweighting_table(tables), rival_table(tables),
        ranking_table(tables),
    ]  # fmt: skip
    (output / "results.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    records.dump(tables, output / "results.json")
    figures.write(tested, tables, output)
    for run in SHIPPED:
        _complete(run, tables, tested[run.name], output)
    _closure(output)


def _overall(name: str, found: Compared) -> dict[str, Any]:
    words = list(WORDS)
    others = [key for key in found.passed if key.split("-")[-1] in WORDS]
    others.sort(key=lambda key: words.index(key.split("-")[-1]))
    signal = found.muons.signal
    counts = {"signal": int(signal.sum()), "background": int((~signal).sum())}
    weight = found.weight[~signal]
    counts["effective"] = int(weight.sum() ** 2 / (weight**2).sum())
    rows = {}
    for key in others:
        kept, left = found.fractions(key)
        rows[key] = {"signal": kept, "background": left}
        if key != TIGHT:
            rows[key]["gain"] = found.gain(key)
            rows[key]["area"] = found.area(key if key in found.scores else name)
    return {"muons": counts, "points": rows}


def _bins(found: Compared) -> dict[str, Any]:
    """Signal and background that pass, and what is gained, in bins of pt and |eta|."""
    values = {"pt": found.muons.columns["pt"], "abseta": np.abs(found.muons.columns["eta"])}
    tables: dict[str, Any] = {}
    for axis, edges in AXES.items():
        tables[axis] = []
        for low, high in pairwise(edges):
            inside = (values[axis] >= low) & (values[axis] < high)
            row: dict[str, Any] = {"low": low, "high": high}
            for key in (TIGHT, BINNED, FLAT):
                row[key] = found.fractions(key, inside)
            row["gain"] = {key: found.gain(key, inside) for key in (BINNED, FLAT)}
            tables[axis].append(row)
    return tables


def _reweighting(found: Compared) -> dict[str, Any]:
    """Of each reweighting and seed, all with one cut at the efficiency of Tight."""
    pt = found.muons.columns["pt"]
    softest = pt < PT_EDGES[1]
    bins = [(pt >= low) & (pt < high) for low, high in pairwise(PT_EDGES)]
    tables: dict[str, Any] = {}
    for name in REWEIGHTINGS:
        for seed in SEEDS:
            shipped = (name, seed) == ("none", RUN3.seed)
            key = FLAT if shipped else f"run3-{name}-seed{seed}"
            signal, background = found.fractions(key, softest)
            tables[f"{name}-{seed}"] = {
                "area": found.area(RUN3.name if shipped else key),
                "background": found.fractions(key)[1],
                "soft signal": signal,
                "soft background": background,
                "spread": _spread([found.fractions(key, some)[0] for some in bins]),
            }
    return tables


def _spread(parts: list[Measured]) -> Measured:
    """Largest less smallest."""
    least, most = min(parts), max(parts)
    return Measured(most.value - least.value, float(np.hypot(most.error, least.error)))


def _rivals(found: Compared, output: Path) -> dict[str, Any]:
    """What trainings and answers take, and give."""
    tables = {}
    for name in (RUN3.name, "run3-gbdt", "run3-lstm", "run3-transformer"):
        facts = json.loads((output / f"{name}.json").read_text("utf-8"))
        key = FLAT if name == RUN3.name else name
        tables[name] = {
            "size": facts.get("parameters", facts.get("trees")),
            "epochs": len(facts.get("history", ())),
            "seconds": facts["seconds"],
            "microseconds": facts["microseconds"],
            "area": found.area(name),
            "background": found.fractions(key)[1],
        }
        if name != RUN3.name:
            both = {tagger: found.scores[tagger] for tagger in (RUN3.name, name)}
            scored = Scored(both, found.muons.signal, found.weight)
            tables[name]["ratio"] = ratios(scored, EFFICIENCIES, RUN3.name, name)
    return tables


def _ranking(run: Run, found: Compared, output: Path) -> dict[str, Measured]:
    """Accuracy that is lost if the values of an input are dealt out anew, largest first.

    Both classes weigh the same; the mean of several permutations.
    """
    folder = output / "networks" / run.network.replace("@", "/")
    session = onnxruntime.InferenceSession(str(folder / FILE))
    given, signal = runs.rows(found.muons, run), found.muons.signal
    weight = weights.training(found.muons, found.weight, "none")

    def right(rows: npt.NDArray[np.float32]) -> Floats:
        answers = session.run([GIVES], {TAKES: rows})[0][:, 0]
        return np.asarray((answers > 0.5) == signal, np.float64)

    before = right(given)
    rng = np.random.default_rng(1)
    lost = {}
    for place, name in enumerate(runs.inputs_of(run)):
        total = np.zeros(len(signal))
        for _ in range(REPEATS):
            mixed = given.copy()
            mixed[:, place] = rng.permutation(mixed[:, place])
            total += (before - right(mixed)) / REPEATS
        mean = float(np.average(total, weights=weight))
        error = np.sqrt((weight**2 * (total - mean) ** 2).sum()) / weight.sum()
        lost[name] = Measured(mean, float(error))
    return dict(sorted(lost.items(), key=lambda entry: -entry[1].value))


# --- tables -------------------------------------------------------------------------------------


def percent(value: Measured) -> str:
    """A part and its error, in percent."""
    places = max(0, -int(np.floor(np.log10(max(100 * value.error, 1e-3)))))
    return f"{100 * value.value:.{places}f} ± {100 * value.error:.{places}f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([_row(*head), _row(*["---"] * len(head)), *(_row(*row) for row in rows)])


def overall_table(tables: dict[str, Any]) -> str:
    """All points of both runs."""
    rows = []
    for name, found in tables["all"].items():
        counts = found["muons"]
        numbers = f"{counts['signal']:,} / {counts['background']:,} ({counts['effective']:,})"
        first = [WORDS[name], numbers]
        for key, point in found["points"].items():
            more = ["", ""]
            if key != TIGHT:
                more = [point["gain"].text(), f"{point['area'].value:.4f}"]
            word = WORDS[key.split("-")[-1]]
            rows.append(
                [*first, word, percent(point["signal"]), percent(point["background"]), *more]
            )
            first = ["", ""]
    head = ("muons", "signal / background (effective)", "point", "signal passes [%]",
            "background passes [%]", "cuts to it", "area")  # fmt: skip
    return _table(head, rows)


def bin_table(tables: dict[str, Any]) -> str:
    """Run 3 in bins of pt and |eta|."""
    rows = []
    for axis, label in (("pt", "pt {} to {} GeV"), ("abseta", "abs(eta) {} to {}")):
        for row in tables["bins"][RUN3.name][axis]:
            cells = [percent(part) for key in (TIGHT, BINNED) for part in row[key]]
            where = label.format(*(f"{row[end]:g}" for end in ("low", "high")))
            rows.append([where, cells[0], cells[2], cells[1], cells[3], row["gain"][BINNED].text()])
    head = ("Run 3", "signal, cuts [%]", "signal, TightNN [%]", "background, cuts [%]",
            "background, TightNN [%]", "cuts to TightNN")  # fmt: skip
    return _table(head, rows)


def reweighting_table(tables: dict[str, Any]) -> str:
    """Reweightings in pt."""
    keys = ("background", "soft signal", "soft background", "spread")
    rows = []
    for name, row in tables["reweighting"].items():
        kind, seed = name.split("-")
        area = f"{row['area'].value:.4f} ± {row['area'].error:.4f}"
        rows.append([WORDS[kind], seed, area, *(percent(row[key]) for key in keys)])
    head = ("reweighting", "seed", "area", "background passes [%]", "signal below 5 GeV [%]",
            "background below 5 GeV [%]", "signal, most less least in pt [%]")  # fmt: skip
    return _table(head, rows)


def rival_table(tables: dict[str, Any]) -> str:
    """What each kind of network takes."""
    rows = [
        [
            WORDS[name.split("-")[-1]].split(",")[0] if "-" in name else "TightNN",
            f"{row['size']:,}", str(row["epochs"] or ""), f"{row['seconds']:.0f}",
            f"{row['microseconds']:.1f}",
            f"{row['area'].value:.4f} ± {row['area'].error:.4f}", percent(row["background"]),
            *([ratio.text() for ratio in row.get("ratio", ())] or [""] * len(EFFICIENCIES)),
        ]
        for name, row in tables["rivals"].items()
    ]  # fmt: skip
    head = ("Run 3", "parameters (trees)", "epochs", "training [s]", "answer [µs per muon]", "area",
            "background passes [%]", "TightNN to it at 80 %", "at 90 %", "at 95 %")  # fmt: skip
    return _table(head, rows)


def ranking_table(tables: dict[str, Any]) -> str:
    """The inputs that matter most, of both runs side by side."""
    ranks = [list(found.items())[:8] for found in tables["ranking"].values()]
    rows = [
        [str(place + 1), *(cell for name, lost in row for cell in (name, percent(lost)))]
        for place, row in enumerate(zip(*ranks, strict=True))
    ]
    names = [WORDS[name] for name in tables["ranking"]]
    return _table(("", *(cell for n in names for cell in (n, "accuracy lost [%]"))), rows)


# --- what is shipped ----------------------------------------------------------------------------


def _complete(run: Run, tables: dict[str, Any], found: Compared, output: Path) -> None:
    """Card with the hash of the network, metrics beside it, and working points."""
    tagger, network = run.network.split("@")
    folder = output / "networks" / tagger / network
    shipped = catalogue.folder(catalogue.load(tagger, network)) / "card.toml"
    digest = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    entry = rf'(file = "{FILE}"\nsha256 = )"[0-9a-f]*"'
    card = re.sub(entry, rf'\1"{digest}"', shipped.read_text("utf-8"))
    (folder / "card.toml").write_text(card, "utf-8")
    metrics = {
        "training": json.loads((output / f"{run.name}.json").read_text("utf-8")),
        **{key: tables[key][run.name] for key in ("all", "bins", "ranking")},
    }
    records.dump(metrics, folder / "metrics.json")
    table = output / "wp_tables" / tagger / f"{network}.json"
    points.write(folder / "card.toml", found.cuts, found.maps, table)


def _closure(output: Path) -> None:
    """Inputs and answers of torch for the shipped networks, in one file."""
    found = {}
    for run in SHIPPED:
        with np.load(output / f"{run.name}-closure.npz") as file:
            found |= {f"{run.network}/{name}": file[name] for name in file.files}
    with atomic(output / "closure.npz") as partial:
        np.savez_compressed(partial, **found)
