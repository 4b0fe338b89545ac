"""lepid charge-flips: how often a charge is measured wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lepid.analysis.pairing import charge_pairs
from lepid.analysis.selection import parse
from lepid.cli import terminal
from lepid.cli.arguments import two_ends
from lepid.cli.gathering import Checkpoint, added, gathered, refuse_others
from lepid.cli.outputs import check
from lepid.efficiency.json_files import strict
from lepid.efficiency.results import write as write_result
from lepid.efficiency.summary import bin_text
from lepid.efficiency.tag_and_probe import flip_export
from lepid.efficiency.tag_and_probe.charge_flips import ChargeTable, FlipRates, charge_flip_rates
from lepid.errors import BadInput

PAIRS = flip_export.SUFFIXES
COUNTING = ("collection", "select", "resonance", "pt_edges", "abseta_edges", "mass_edges",
            "checkpoint")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Pair the leptons of the files, find the rates, show and write them."""
    outputs = [Path(path) for path in arguments.output]
    check(outputs, (*flip_export.WRITERS, *PAIRS), arguments.files)
    ends = {name: two_ends(arguments, name) for name in ("window", "peak")}
    table = _pairs(arguments)
    # Pairs are worth keeping even where the likelihood then fails.
    kept = [path for path in outputs if path.name.lower().endswith(PAIRS)]
    for path in kept:
        write_result(table, path)
    rates = charge_flip_rates(table, **ends)
    for path in outputs:
        if path not in kept:
            write_result(rates, path)
    if arguments.json:
        terminal.say_json(strict(flip_export.rows(rates)))
        return 0
    _show(rates)
    for path in outputs:
        terminal.say(f"written: {path}")
    return 0


def _pairs(arguments: argparse.Namespace) -> ChargeTable:
    stored = [path for path in arguments.files if path.lower().endswith(PAIRS)]
    if stored:
        do = "count the events first, then add"
        refuse_others(arguments, stored, "pairs", COUNTING, do)
        return added([(path, flip_export.read_pairs(Path(path))) for path in stored])
    if not arguments.collection:
        do = "give --collection NAME, or files of pairs"
        raise BadInput("charge-flips", "events need the name of the leptons", (), do)
    select = arguments.select or ""
    names = [condition.name for condition in parse(select) if "." in condition.name]
    options = {
        k: v for k in ("pt_edges", "abseta_edges", "mass_edges") if (v := getattr(arguments, k))
    }

    def part(events: Any, path: str) -> ChargeTable:
        return charge_pairs(
            events, arguments.collection, select=select, origin=path, schema=arguments.schema,
            resonance=arguments.resonance or "Z", **options,
        )  # fmt: skip

    kept = Checkpoint(PAIRS, flip_export.read_pairs, flip_export.write_pairs, _facts)
    taggers = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    return gathered(arguments, taggers, part, kept)


def _facts(table: ChargeTable) -> dict[str, Sequence[Any]]:
    """What the arguments are for pairs that were kept."""
    edges = ("pt_edges", "abseta_edges", "mass_edges")
    return {
        "collection": (table.collection,),
        "select": (table.select,) if table.select else (None, ""),
        "resonance": (table.resonance, None) if table.resonance == "Z" else (table.resonance,),
        **{name: (None, list(getattr(table, name))) for name in edges},
    }


def _show(rates: FlipRates) -> None:
    heads = [f"|eta| {bin_text(each)}" for each in pairwise(rates.abseta_edges)]
    lines = []
    for i, each in enumerate(pairwise(rates.pt_edges)):
        cells = [
            f"{100 * value:.3f} +-{100 * error:.3f}" if np.isfinite(value) else "-"
            for value, error in zip(rates.value[i], rates.error[i], strict=True)
        ]
        lines.append([bin_text(each), *cells])
    title = f"charge flips of {rates.identity['collection']}, per cent"
    terminal.say_table(title, ("pT [GeV]", *heads), lines)
    terminal.say(f"chi2/ndof of the pairs of the same charge: {rates.chi2:.1f}/{rates.ndof}")
