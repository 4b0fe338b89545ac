"""Rates of charge flips as json, csv, tex, root and correctionlib files; their pairs as json."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lepid.efficiency import corrections, csv_files, json_files, latex, planes
from lepid.efficiency.counting import BINNED
from lepid.efficiency.json_files import Format
from lepid.efficiency.tag_and_probe.charge_flips import FLIP, ChargeTable, FlipRates
from lepid.files_out import write_text
from lepid.root_files import write_objects
from lepid.tables import write_corrections

SUFFIXES = (".charges.json", ".charges.json.gz")
PAIRS = Format(
    "lepid pairs by charge", 1, "a table of charges", "lepid charge-flips -o x.charges.json"
)
FORMAT = Format("lepid charge flips", 1, "a table of charge flips", "lepid charge-flips -o x.json")
SAME_SIGN = "same_sign"


def write_pairs(table: ChargeTable, path: Path) -> None:
    """Write pairs by charge, compressed if the name ends in ``.gz``."""
    json_files.write(PAIRS, {"table": json_files.plain(table)}, path)


def restored_pairs(content: Any) -> ChargeTable:
    """Pairs of the content of their JSON file."""
    found: ChargeTable = json_files.restored(ChargeTable, content["table"])
    return found


def read_pairs(path: Path) -> ChargeTable:
    """Pairs that `write_pairs` stored.

    Raises
    ------
    BadFile : missing, not JSON, or not a complete table of charges
    """
    return json_files.parsed(path, PAIRS, json_files.load(path), restored_pairs)


def restored(content: Any) -> FlipRates:
    """Rates of the content of their JSON file."""
    found: FlipRates = json_files.restored(FlipRates, content["rates"])
    return found


def rows(rates: FlipRates) -> list[dict[str, Any]]:
    """One row for each bin: edges, rate and its error."""
    pt, abseta = list(pairwise(rates.pt_edges)), list(pairwise(rates.abseta_edges))
    return [
        {
            "pt_low": pt[i][0],
            "pt_high": pt[i][1],
            "abseta_low": abseta[j][0],
            "abseta_high": abseta[j][1],
            "rate": float(rates.value[i, j]),
            "error": float(rates.error[i, j]),
        }
        for i, j in np.ndindex(rates.value.shape)
    ]


def _write_json(rates: FlipRates, path: Path) -> None:
    content = {"summary": rows(rates), "rates": json_files.plain(rates)}
    json_files.write(FORMAT, content, path)


def _write_csv(rates: FlipRates, path: Path) -> None:
    found = rows(rates)
    csv_files.write(list(found[0]), found, path)


def _write_tex(rates: FlipRates, path: Path) -> None:
    low, high = rates.value - rates.error, rates.value + rates.error
    collection = latex.escaped(rates.identity.get("collection", ""))
    caption = f"Probability in per cent that the charge of {collection} is measured wrong."
    ends = rates.value, low, high
    table = latex.in_bins(
        rates.pt_edges,
        rates.abseta_edges,
        lambda i, j: latex.measured([100.0 * float(part[i, j]) for part in ends]),
        caption,
        f"flips:{collection}",
    )
    write_text(f"% needs \\usepackage{{booktabs}}\n{table}\n", path)


def _write_root(rates: FlipRates, path: Path) -> None:
    ends = rates.value - rates.error, rates.value + rates.error
    grids = planes.of_interval("rate", rates.value, *ends)
    what = f"charge flips of {rates.identity.get('collection', '')}"
    found = planes.planes(grids, (rates.pt_edges, rates.abseta_edges), what)
    write_objects(path, {"lepid": json.dumps(dict(rates.identity)), **found})


def same_sign(rates: FlipRates) -> tuple[Any, Any]:
    """Probability that two leptons of opposite charge are measured with the same, and its error.

    Returns
    -------
    [n_bin, n_bin] each, bins row by row; the errors know how the rates are correlated
    """
    rate = rates.value.ravel()
    value = rate[:, None] + rate - 2.0 * rate[:, None] * rate
    one, other = np.broadcast_arrays(1.0 - 2.0 * rate, (1.0 - 2.0 * rate)[:, None])
    # The derivative by the rate of the first is 1 - 2 e of the second.
    first, second = other.T, one.T
    spread = np.diag(rates.covariance)
    variance = first**2 * spread[:, None] + second**2 * spread
    variance = variance + 2.0 * first * second * rates.covariance
    # Twice the same bin is one rate.
    same = np.arange(len(rate))
    variance[same, same] = (2.0 * (1.0 - 2.0 * rate)) ** 2 * spread
    return value, np.sqrt(np.maximum(variance, 0.0))


def _write_correctionlib(rates: FlipRates, path: Path) -> None:
    about = "; ".join(f"{name}: {text}" for name, text in rates.identity.items() if text)
    choice = {"value": ("string", "nominal, up or down")}
    edges = [np.array(rates.pt_edges), np.array(rates.abseta_edges)]
    n_bin = (len(rates.pt_edges) - 1, len(rates.abseta_edges) - 1)
    pairs, spread = (part.reshape(*n_bin, *n_bin) for part in same_sign(rates))
    both = [f"{name}_{which}" for which in (1, 2) for name in BINNED]
    entries = [
        corrections.entry(
            FLIP,
            f"probability that a charge is measured wrong; {about}",
            {**choice, **{name: ("real", _unit(name)) for name in BINNED}},
            "probability",
            corrections.category("value", _ends(rates.value, rates.error, edges, BINNED)),
        ),
        corrections.entry(
            SAME_SIGN,
            f"probability that leptons of opposite charge have the same; {about}",
            {**choice, **{name: ("real", _unit(name)) for name in both}},
            "probability",
            corrections.category("value", _ends(pairs, spread, [*edges, *edges], both)),
        ),
    ]
    write_corrections(path, "charge flips of leptons", entries)


def _unit(name: str) -> str:
    return "transverse momentum [GeV]" if name.startswith("pt") else "absolute value of eta"


def _ends(value: Any, error: Any, edges: Any, names: Any) -> dict[str, Any]:
    ends = {"nominal": value, "up": value + error, "down": np.maximum(value - error, 0.0)}
    return {name: corrections.grid(each, edges, names) for name, each in ends.items()}


WRITERS: dict[str, Callable[[FlipRates, Path], None]] = {
    ".json": _write_json,
    ".json.gz": _write_json,
    ".csv": _write_csv,
    ".tex": _write_tex,
    ".root": _write_root,
    ".correctionlib.json": _write_correctionlib,
    ".correctionlib.json.gz": _write_correctionlib,
}
