"""lepid scale-factors: efficiencies in data over those in simulation."""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lepid.cli import terminal
from lepid.cli.arguments import names
from lepid.cli.outputs import check
from lepid.efficiency import results
from lepid.efficiency.intervals import Array
from lepid.efficiency.scale_factors import export
from lepid.efficiency.scale_factors.of_measurements import scale_factors
from lepid.efficiency.scale_factors.ratio import (
    COMBINED,
    DOWN,
    NOMINAL,
    STATISTICAL,
    UP,
    Factors,
    ScaleFactors,
)
from lepid.efficiency.summary import bin_text, digits
from lepid.errors import BadInput
from lepid.files_out import write_text
from lepid.html_report.scale_factors import factors_html
from lepid.plotting.binned import factor_figure
from lepid.plotting.figure import SUFFIXES as IMAGES
from lepid.plotting.figure import png, save

OUTPUTS = (*export.WRITERS, ".html", *IMAGES)


def run(arguments: argparse.Namespace) -> int:
    """Divide the tables of the command line, show the factors and write them."""
    sources = dict(_source(text) for text in arguments.source)
    files = [arguments.data, arguments.simulation, *(f for each in sources.values() for f in each)]
    outputs = [Path(path) for path in arguments.output]
    check(outputs, OUTPUTS, files)
    factors = scale_factors(
        results.read(Path(arguments.data)),
        results.read(Path(arguments.simulation)),
        working_points=arguments.working_point,
        truth_class=arguments.truth_class,
        data_class=arguments.data_class,
        sources={k: [results.read(Path(f)) for f in each] for k, each in sources.items()},
        minimum=arguments.minimum,
    )
    # Every picture is drawn before anything is written.
    pages = [_page(factors, path, arguments.style) for path in outputs]
    for path, page in zip(outputs, pages, strict=True):
        _write(factors, path, page)
    if arguments.json:
        terminal.say_json({name: _facts(point) for name, point in factors.points.items()})
        return 0
    for name, point in factors.points.items():
        named = " ".join(dict.fromkeys((factors.tagger, name)))
        title = f"{named} on {factors.collection}"
        terminal.say_table(title, ("pT [GeV]", *_heads(point)), _rows(point))
    terminal.say("scale factors, errors: statistical, then all others")
    terminal.say_wrapped(factors.about)
    for line in dict.fromkeys(line for point in factors.points.values() for line in point.said):
        terminal.say(line)
    for path in outputs:
        terminal.say(f"written: {path}")
    return 0


def _page(factors: ScaleFactors, path: Path, style: str | None) -> Any:
    """Figure of a picture, text of a page, or nothing for other files."""
    if path.suffix.lower() in IMAGES:
        return factor_figure(factors, style=style)
    if path.suffix.lower() != ".html":
        return None
    images = {
        name: png(factor_figure(factors, working_points=[name], style=style))
        for name in factors.points
    }
    return factors_html(factors, images)


def _write(factors: ScaleFactors, path: Path, page: Any) -> None:
    if page is None:
        export.write(factors, path)
    elif isinstance(page, str):
        write_text(page, path)
    else:
        save(page, path)


def _source(text: str) -> tuple[str, list[str]]:
    name, equals, files = text.partition("=")
    if not equals or not names(files):
        raise BadInput(f"--source {text}", "expected NAME=DATA or NAME=UP,DOWN, two .json tables")
    return name.strip(), names(files)


def _facts(point: Factors) -> dict[str, Any]:
    edges = dict(zip(("pt_edges", "abseta_edges"), point.edges, strict=True))
    numbers = {**edges, **point.values, "efficiency": point.efficiency}
    return {**{name: _listed(value) for name, value in numbers.items()}, "said": list(point.said)}


def _listed(values: Array) -> list[Any]:
    """JSON has neither NaN nor infinity: null."""
    known = np.isfinite(values).ravel().tolist()
    flat = [v if finite else None for v, finite in zip(values.ravel().tolist(), known, strict=True)]
    return flat if values.ndim == 1 else np.reshape(np.array(flat, object), values.shape).tolist()


def _heads(point: Factors) -> list[str]:
    return [f"|eta| {bin_text(each)}" for each in pairwise(point.edges[1].tolist())]


def _rows(point: Factors) -> list[list[str]]:
    return [
        [bin_text(each), *(_cell(point, i, j) for j in range(len(point.edges[1]) - 1))]
        for i, each in enumerate(pairwise(point.edges[0].tolist()))
    ]


def _cell(point: Factors, i: int, j: int) -> str:
    """A scale factor with its statistical and its other uncertainties."""
    values = {name: float(each[i, j]) for name, each in point.values.items()}
    nominal = values[NOMINAL]
    if not np.isfinite(nominal):
        return "-"
    size = {
        (kind, end): abs(values[f"{kind}{end}"] - nominal)
        for kind in (STATISTICAL, COMBINED)
        for end in (UP, DOWN)
    }
    stat = size[STATISTICAL, UP], size[STATISTICAL, DOWN]
    places = digits(stat)
    text = f"{nominal:.{places}f} +{stat[0]:.{places}f} -{stat[1]:.{places}f}"
    squares = [size[COMBINED, end] ** 2 - size[STATISTICAL, end] ** 2 for end in (UP, DOWN)]
    if not np.isfinite(squares).all():
        return f"{text} +? -?"
    if all(square <= 1e-18 for square in squares):
        return text
    others = [np.sqrt(max(square, 0.0)) for square in squares]
    return f"{text} +{others[0]:.{places}f} -{others[1]:.{places}f}"
