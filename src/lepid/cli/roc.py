"""lepid roc: how well taggers tell signal from background."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lepid.cli import terminal
from lepid.cli.outputs import check
from lepid.cli.roc_arguments import OUTPUTS
from lepid.discrimination import roc
from lepid.efficiency.roc import export
from lepid.efficiency.roc.sample import RocSample
from lepid.efficiency.roc.tables import (
    EDGES,
    EFFICIENCIES,
    FIXED,
    Choice,
    Told,
    area_text,
    identity,
    rejection_text,
    tell,
)
from lepid.errors import BadInput
from lepid.events import files
from lepid.files_out import atomic
from lepid.html_report.roc import roc_html
from lepid.pipeline import decorate_new
from lepid.plotting.figure import SUFFIXES, png, save
from lepid.plotting.roc import KINDS, figure
from lepid.taggers import plan as plans
from lepid.taggers import session

TITLES = {
    "curves": "rejection of all background",
    "classes": "rejection of each background",
    "distributions": "distributions",
    "bins": "rejection in bins",
}


def run(arguments: argparse.Namespace) -> int:
    """Measure the files of the command line, show the rejections and write them."""
    outputs = [Path(path) for path in arguments.output]
    check(outputs, OUTPUTS, arguments.files)
    choice = _choice(arguments)
    told = [tell(sample, choice) for sample in _samples(arguments, choice)]
    # Every picture is drawn before anything is written.
    pages = [_page(told, path, arguments) for path in outputs]
    for path, page in zip(outputs, pages, strict=True):
        _write(told, path, page)
    if arguments.json:
        terminal.say_json(export.as_json(told)["taggers"])
        return 0
    for one in told:
        _show(one)
    for path in outputs:
        terminal.say(f"written: {path}")
    return 0


def _choice(arguments: argparse.Namespace) -> Choice:
    edges = {name: getattr(arguments, f"{name}_edges") or EDGES[name] for name in EDGES}
    efficiencies = tuple(arguments.efficiencies or EFFICIENCIES)
    fixed = FIXED if arguments.fixed is None else arguments.fixed
    for value in (*efficiencies, fixed):
        if not 0.0 < value <= 1.0:
            raise BadInput("efficiency", f"{value:g} is not above 0 and at most 1")
    return Choice(efficiencies, fixed, edges, arguments.per_bin)


def _samples(arguments: argparse.Namespace, choice: Choice) -> list[RocSample]:
    asked = [text.partition(":")[::2] for text in arguments.tagger]
    taggers = list(dict.fromkeys(name for name, _ in asked))
    if len({plans.split(name)[0] for name in taggers}) < len(taggers):
        do = "call lepid roc once for each network"
        raise BadInput("--tagger", "two networks of one tagger", (), do)
    found: list[RocSample | None] = [None] * len(asked)
    needs = [c.partition(".")[0] for c in (arguments.weight, arguments.pileup) if c]
    total = files.count(arguments.files, arguments.tree)
    around = plans.takes_surroundings(taggers)
    with (
        session.settings(arguments.provider, arguments.threads),
        terminal.progress(total, "events", quiet=arguments.quiet) as advance,
    ):
        for events, path, number in files.chunks(
            arguments.files, arguments.step, arguments.tree, arguments.schema, needs, around=around
        ):
            tagged = decorate_new(events, taggers, schema=arguments.schema, tables=arguments.table)
            for place, (name, quantity) in enumerate(asked):
                part = roc(
                    tagged, name, signal=arguments.signal, background=arguments.background,
                    quantity=quantity, scheme=arguments.scheme, weight=arguments.weight,
                    pileup=arguments.pileup, origin=path, schema=arguments.schema,
                )  # fmt: skip
                before = found[place]
                found[place] = part if before is None else before + part
            advance(number)
    samples = [sample for sample in found if sample is not None]
    if not samples:
        raise BadInput("files", "there are no events")
    if arguments.reweight:
        bins = choice.edges["pt"], choice.edges["abseta"]
        samples = [sample.reweighted(arguments.reweight, *bins) for sample in samples]
    return samples


def _page(told: Sequence[Told], path: Path, arguments: argparse.Namespace) -> object:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return figure(told, arguments.picture, style=arguments.style)
    if suffix != ".html":
        return None
    shown = [kind for kind in KINDS if kind != "curves" or len(told) > 1]
    images = {TITLES[kind]: png(figure(told, kind, style=arguments.style)) for kind in shown}
    return roc_html(told, images)


def _write(told: Sequence[Told], path: Path, page: object) -> None:
    if isinstance(page, str):
        with atomic(path) as partial:
            partial.write_text(page, encoding="utf-8")
    elif page is not None:
        save(page, path)  # type: ignore[arg-type]
    else:
        export.write(told, path)


def _show(told: Told) -> None:
    lines = []
    for name, points in told.points.items():
        numbers = zip(points.rejection, points.rejection_low, points.rejection_high, strict=True)
        texts = [rejection_text(*map(float, each)) for each in numbers]
        lines.append((name, str(told.counts[name]), area_text(told.areas[name]), *texts))
    facts = identity(told)
    title = f"{told.sample.name} on {told.sample.collection}: rejection at efficiencies of "
    title += f"{told.signal} ({told.counts['signal']} leptons)"
    columns = ("background", "leptons", "area", *(f"{e:g}" for e in told.choice.efficiencies))
    terminal.say_table(title, columns, lines)
    for name in ("intervals", "spectra in pT and |eta|", "without a score"):
        if name in facts:
            terminal.say_wrapped(f"{name}: {facts[name]}")
