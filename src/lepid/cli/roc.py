"""lepid roc: how well taggers tell signal from background."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lepid.analysis.discrimination import roc
from lepid.analysis.importance import importance, runs
from lepid.cli import terminal
from lepid.cli.gathering import Checkpoint, added, gathered, refuse_others
from lepid.cli.outputs import check
from lepid.cli.roc_arguments import OUTPUTS
from lepid.efficiency.roc import export, sample_file
from lepid.efficiency.roc.sample import RocSample
from lepid.efficiency.roc.tables import (
    EDGES,
    EFFICIENCIES,
    FIXED,
    Choice,
    Told,
    area_text,
    identity,
    lost_text,
    rejection_text,
    tell,
)
from lepid.errors import BadInput
from lepid.events import files
from lepid.files_out import write_text
from lepid.html_report.roc import roc_html
from lepid.plotting.figure import SUFFIXES, png, save
from lepid.plotting.roc import KINDS, figure
from lepid.taggers import plan as plans
from lepid.taggers import session

READING = (
    "tagger", "signal", "background", "sense", "scheme", "weight", "pileup", "table", "importance",
    "checkpoint",
)  # fmt: skip
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
    outputs = [path for path in outputs if not path.name.lower().endswith(sample_file.SUFFIX)]
    choice = _choice(arguments)
    told = [tell(sample, choice) for sample in _samples(arguments, choice)]
    if arguments.importance:
        told = _with_importance(told, arguments)
    # Every picture is drawn before anything is written.
    pages = [_page(told, path, arguments) for path in outputs]
    for path, page in zip(outputs, pages, strict=True):
        _write(told, path, page)
    if arguments.json:
        terminal.say_json(export.as_json(told)["taggers"])
        return 0
    for one in told:
        _show(one)
    for path in arguments.output:
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


class _Several(tuple[RocSample, ...]):
    """Samples of the same events, one for each tagger, which add up one by one."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Input files."""
        return self[0].sources

    def __add__(self, other: _Several) -> _Several:  # type: ignore[override]
        """The leptons of both."""
        if len(self) != len(other):
            wrong = f"{len(self)} and {len(other)} taggers"
            raise BadInput("roc", wrong, (), "add leptons of the same taggers")
        return _Several(one + more for one, more in zip(self, other, strict=True))


def _samples(arguments: argparse.Namespace, choice: Choice) -> Sequence[RocSample]:
    stored = [path for path in arguments.files if path.lower().endswith(sample_file.SUFFIX)]
    if stored:
        do = "read the events first, then add"
        refuse_others(arguments, stored, "leptons", READING, do)
        samples = added([(path, _read(Path(path))) for path in stored])
    else:
        samples = _gathered(arguments)
    for path in arguments.output:
        if path.lower().endswith(sample_file.SUFFIX):
            sample_file.write(samples, Path(path))
    if not arguments.reweight:
        return samples
    bins = choice.edges["pt"], choice.edges["abseta"]
    return [sample.reweighted(arguments.reweight, *bins) for sample in samples]


def _read(path: Path) -> _Several:
    return _Several(sample_file.read(path))


def _gathered(arguments: argparse.Namespace) -> _Several:
    if not arguments.tagger or not arguments.signal:
        do = f"give --tagger NAME and --signal A,B, or files {sample_file.SUFFIX}"
        raise BadInput("roc", "events need a tagger and classes of the signal", (), do)
    asked = [text.partition(":")[::2] for text in arguments.tagger]
    taggers = list(dict.fromkeys(name for name, _ in asked))
    if len({plans.split(name)[0] for name in taggers}) < len(taggers):
        do = "call lepid roc once for each network"
        raise BadInput("--tagger", "two networks of one tagger", (), do)

    def part(events: Any, path: str) -> _Several:
        return _Several(
            roc(
                events, name, signal=arguments.signal, background=arguments.background,
                quantity=quantity, sense=arguments.sense, scheme=arguments.scheme,
                weight=arguments.weight, pileup=arguments.pileup, origin=path,
                schema=arguments.schema,
            )
            for name, quantity in asked
        )  # fmt: skip

    kept = Checkpoint((sample_file.SUFFIX,), _read, sample_file.write, partial(_facts, arguments))
    return gathered(arguments, taggers, part, kept, [arguments.weight, arguments.pileup])


def _facts(arguments: argparse.Namespace, samples: _Several) -> dict[str, Sequence[Any]]:
    """What the arguments are for leptons that were kept."""
    first = samples[0]
    asked = [text.partition(":")[::2] for text in arguments.tagger]
    same = len(asked) == len(samples) and all(
        name in (one.tagger, f"{one.tagger}@{one.network}")
        and quantity in ("", one.quantity.removeprefix("-"))
        for one, (name, quantity) in zip(samples, asked, strict=False)
    )
    return {
        "tagger": (arguments.tagger,) if same else (),
        "signal": (list(first.signal),),
        "background": (None, list(first.background)),
        "scheme": (None, first.scheme),
        "weight": (first.metadata.get("weight"),),
        "pileup": (first.metadata.get("pileup"),),
    }


def _with_importance(told: Sequence[Told], arguments: argparse.Namespace) -> list[Told]:
    """The same with what each input of the networks is worth."""
    events = files.open_events(arguments.files, arguments.tree, schema=arguments.schema)
    asked = [text.partition(":")[::2] for text in arguments.tagger]
    total = sum(runs(name) for name, _ in asked)
    found = []
    with (
        session.settings(arguments.provider, arguments.threads),
        terminal.progress(total, "runs of a network", quiet=arguments.quiet) as advance,
    ):
        for one, (name, quantity) in zip(told, asked, strict=True):
            _, worth = importance(
                events, name, signal=arguments.signal, background=arguments.background,
                quantity=quantity, sense=arguments.sense, scheme=arguments.scheme,
                weight=arguments.weight, advance=advance, schema=arguments.schema,
            )  # fmt: skip
            found.append(replace(one, importance=worth))
    return found


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
        write_text(page, path)
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
    if told.importance:
        head = ("input", "area lost when it is dealt out anew")
        title = f"{told.sample.name}: what the inputs are worth"
        terminal.say_table(title, head, [(k, lost_text(v)) for k, v in told.importance.items()])
    for name in ("intervals", "spectra in pT and |eta|", "without a score"):
        if name in facts:
            terminal.say_wrapped(f"{name}: {facts[name]}")
