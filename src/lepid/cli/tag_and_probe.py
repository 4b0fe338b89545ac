"""lepid tag-and-probe: efficiencies of probes of a resonance, measured without truth."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lepid.analysis.pairing import NOMINAL, tag_and_probe
from lepid.analysis.selection import parse
from lepid.cli import terminal
from lepid.cli.arguments import two_ends
from lepid.cli.gathering import Checkpoint, added, gathered
from lepid.cli.outputs import check
from lepid.efficiency.results import write as write_table
from lepid.efficiency.tag_and_probe import export, pair_file
from lepid.efficiency.tag_and_probe.bins import Method
from lepid.efficiency.tag_and_probe.pair_file import read, write
from lepid.efficiency.tag_and_probe.pair_table import PairTable
from lepid.efficiency.tag_and_probe.resonances import CRYSTAL_BALL, TEMPLATE
from lepid.efficiency.tag_and_probe.result import (
    ProbeEfficiency,
    probe_efficiency,
    standard_variations,
)
from lepid.errors import BadInput, UnknownWorkingPoint
from lepid.files_out import write_text
from lepid.html_report.tag_and_probe import probes_html
from lepid.plotting.binned import probe_figure
from lepid.plotting.figure import SUFFIXES as IMAGES
from lepid.plotting.figure import png, save_pages
from lepid.plotting.masses import bin_title, mass_figure, result_text

PAIRS = pair_file.SUFFIXES
OUTPUTS = (".html", *IMAGES, *export.WRITERS, *PAIRS)


def run(arguments: argparse.Namespace) -> int:
    """Pair the leptons of the files, measure, show and write."""
    outputs = [Path(path) for path in arguments.output]
    check(outputs, OUTPUTS, arguments.files)
    ends = [two_ends(arguments, name) for name in ("window", "peak")]
    simulation = read(Path(arguments.simulation)) if arguments.simulation else None
    table = _pairs(arguments)
    points = arguments.working_point or table.working_points
    for name in points:
        if name not in table.working_points:
            where = f"pairs of {table.tagger}"
            raise UnknownWorkingPoint.of(where, "working point", name, table.working_points)
    # Pairs are worth keeping even where a fit then fails.
    for path in outputs:
        if path.name.lower().endswith(PAIRS):
            write(table, path)
    results = _measure(arguments, table, points, simulation, ends)
    others = [path for path in outputs if not path.name.lower().endswith(PAIRS)]
    # Every picture is drawn before anything of the results is written.
    pages = [_page(results, path, arguments) for path in others]
    for path, page in zip(others, pages, strict=True):
        _write(results, path, page)
    if arguments.json:
        terminal.say_json([result.content() for result in results])
        return 0
    for result in results:
        _show(result)
    for path in outputs:
        terminal.say(f"written: {path}")
    return 0


def _pairs(arguments: argparse.Namespace) -> PairTable:
    stored = [path for path in arguments.files if path.lower().endswith(PAIRS)]
    if stored and len(stored) < len(arguments.files):
        raise BadInput("files", "pairs and events cannot be added", (), "give one kind of them")
    if stored:
        if arguments.checkpoint:
            wrong = "pairs that were counted need none"
            raise BadInput("--checkpoint", wrong, (), "leave it out")
        return added([(path, read(Path(path))) for path in stored])
    if not arguments.tagger or not arguments.tag:
        do = "give --tagger NAME and --tag 'pt > 30 and ...', or files of pairs"
        raise BadInput("tag-and-probe", "events need a tagger and a selection of tags", (), do)
    tags = _tags(arguments.tag)
    names = [c.name for text in (*tags.values(), arguments.probe) for c in parse(text)]
    own = arguments.tagger.partition("@")[0]
    others = [name.rpartition(".")[0] for name in names if "." in name]
    taggers = [arguments.tagger, *dict.fromkeys(other for other in others if other != own)]
    options = {
        k: v for k in ("pt_edges", "abseta_edges", "mass_edges") if (v := getattr(arguments, k))
    }

    def part(events: Any, path: str) -> PairTable:
        return tag_and_probe(
            events, arguments.tagger, tag=tags, probe=arguments.probe,
            resonance=arguments.resonance, weight=arguments.weight, origin=path,
            schema=arguments.schema, **options,
        )  # fmt: skip

    kept = Checkpoint(PAIRS, read, write, partial(_facts, arguments))
    return gathered(arguments, taggers, part, kept, [arguments.weight])


def _facts(arguments: argparse.Namespace, table: PairTable) -> dict[str, Sequence[Any]]:
    """What the arguments are for pairs that were kept."""
    facts: dict[str, Sequence[Any]] = {
        "tagger": (table.tagger, f"{table.tagger}@{table.network}"),
        "tag": (arguments.tag,) if table.tags == _tags(arguments.tag) else (),
        "probe": (table.metadata["probe"],),
        "resonance": (table.resonance,),
        "weight": (table.metadata.get("weight"),),
    }
    edges = ("pt_edges", "abseta_edges", "mass_edges")
    return facts | {name: (None, list(getattr(table, name))) for name in edges}


def _tags(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, text in enumerate(texts):
        name, colon, rest = text.partition(":")
        name, rest = (name.strip(), rest) if colon else (f"tag{place}" if place else NOMINAL, text)
        if name in found:
            raise BadInput("--tag", f"two selections have the name {name!r}")
        found[name] = rest.strip()
    return found


def _measure(
    arguments: argparse.Namespace,
    table: PairTable,
    points: Sequence[str],
    simulation: PairTable | None,
    ends: Sequence[tuple[float, float] | None],
) -> list[ProbeEfficiency]:
    signal = arguments.signal or (TEMPLATE if simulation else CRYSTAL_BALL)
    method = Method(arguments.method, signal, arguments.background, ends[0], ends[1])
    variations: Mapping[str, Sequence[Method]] = {}
    if arguments.vary:
        variations = standard_variations(table, method, templates=simulation is not None)
    n_bin = 1 if arguments.inclusive else table.shape[0] * table.shape[1]
    total = len(points) * n_bin * (1 + sum(map(len, variations.values())))
    with terminal.progress(total, "bins", quiet=arguments.quiet) as advance:
        return [
            probe_efficiency(
                table,
                point,
                method=method,
                variations=variations,
                simulation=simulation,
                inclusive=arguments.inclusive,
                advance=advance,
            )
            for point in points
        ]


def _page(
    results: Sequence[ProbeEfficiency], path: Path, arguments: argparse.Namespace
) -> list[Any] | str | None:
    """Figures of a picture, text of a page, or nothing for other files."""
    style = arguments.style
    if path.suffix.lower() in IMAGES:
        if arguments.picture == "efficiency":
            return [probe_figure(results, style=style)]
        return [mass_figure(one, i, style) for one in results for i in range(len(one.bins))]
    if path.suffix.lower() != ".html":
        return None
    fits = [
        {bin_title(one, i): png(mass_figure(one, i, style)) for i in range(len(one.bins))}
        for one in results
    ]
    pictures = {}
    if results[0].edges and any(np.isfinite(one.value).any() for one in results):
        pictures["efficiency against pT"] = png(probe_figure(results, style=style))
    return probes_html([one.content() for one in results], fits, pictures)


def _write(results: Sequence[ProbeEfficiency], path: Path, page: list[Any] | str | None) -> None:
    if page is None:
        write_table(results, path)
    elif isinstance(page, str):
        write_text(page, path)
    else:
        save_pages(page, path)


def _show(result: ProbeEfficiency) -> None:
    title = f"{result.identity['tagger']} {result.working_point}: {result.method.text()}"
    columns = ["probes", "efficiency", "passed", "failed", "background", "chi2/ndof (p)", "how"]
    if result.variations:
        columns.insert(2, "systematic")
    rows = []
    for place, one in enumerate(result.bins):
        y = one.yields
        fit = ""
        if one.fit:
            found = f"{one.fit.chi2:.1f}/{one.fit.ndof} ({one.fit.p_value:.2g})"
            fit = found if one.fit.ndof > 0 else "too few pairs"
        row = [bin_title(result, place), result_text(one), f"{y.passed:.1f}", f"{y.failed:.1f}"]
        row += [f"{y.background_passed + y.background_failed:.1f}", fit]
        row.append("; ".join((one.how, *one.notes)))
        if result.variations:
            row.insert(2, f"{result.systematic.ravel()[place]:.4f}")
        rows.append(row)
    terminal.say_table(title, columns, rows)
