"""The page: what the sample is, its rates and numbers of leptons, and all figures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from simulation.processes import PROCESSES

from lepid.files_out import atomic
from lepid.html_report.page import PAGE_STYLE
from lepid.plotting import figure as plotting
from validation import electron_figures, event_figures, muon_figures
from validation.counts import Counts
from validation.draw import Picture, picture
from validation.figure import Figure
from validation.fill import columns_of, empty, fill
from validation.separation import Separation
from validation.source import SAMPLE, Part, parts
from validation.tables import lepton_table, rate_table, separation_table

FIGURES: tuple[Figure, ...] = (
    *electron_figures.FIGURES,
    *muon_figures.FIGURES,
    *event_figures.FIGURES,
)
TITLE = "The reference simulation"
TABLES = {
    "rates": "Rates",
    "leptons": "Leptons after the PLIT preselection",
    "separation": "Separation of the electron classes",
}
SUMMARY = """
<p>This sample belongs to nobody's experiment. Pythia 8 makes the events and a parametric detector
of our own makes tracks, clusters, electrons and muons of them, with names, units and truth codes of
ATLAS files, so that taggers can be trained and measured on leptons whose origin is known. Numbers
measured on it are numbers of this simulation: compare taggers with each other, never with those of
an experiment. What is invented is said below each figure, number by number in
<code>simulation/constants.py</code>.</p>
<p>Curves are normalised to one, with what lies beyond the axis. Every lepton counts with the weight
of its event, and muons of forced decays with theirs as well. Bars are statistical errors.</p>
"""
PIXELS_PER_INCH = 82
STYLE = """
nav ol { columns: 2; column-gap: 2.5rem; margin: .4rem 0; } nav li { break-inside: avoid; }
figcaption { margin-top: .5rem; max-width: 52rem; } figcaption b { font-weight: 600; }
a { color: #0b5394; text-decoration: none; } a:hover { text-decoration: underline; }
"""


def write(folder: Path, output: Path) -> None:
    """Write the validation page of the sample in `folder`.

    Parameters
    ----------
    folder : with `sample/<process>/*.root` and a record `.json` beside each file; `mpi/` and
        `overlay/` with the two samples to compare may be missing
    output : the html file, self-contained

    Raises
    ------
    FileNotFoundError : no sample is there
    ValueError : a file has no record
    """
    found = parts(folder)
    filled, counts, separation = empty(FIGURES), Counts(), Separation()
    for part in found:
        for columns in columns_of(part):
            fill(FIGURES, filled, part, columns)
            if part.kind == SAMPLE:
                counts.add(part.process, columns)
                separation.add(columns)
    made_tables = rate_table(found), lepton_table(counts), separation_table(separation)
    sections = [_section(figure, found, picture(figure, filled[figure.name])) for figure in FIGURES]
    body = "\n".join(
        [
            f"<h1>{TITLE}</h1>",
            SUMMARY,
            _missing(found),
            _contents(),
            *(
                f'<h2 id="{name}">{title}</h2>\n{made}'
                for (name, title), made in zip(TABLES.items(), made_tables, strict=True)
            ),
            *sections,
        ]
    )
    with atomic(output) as partial:
        partial.write_text(_document(body), encoding="utf-8")


def _document(body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n{body}\n"
        "</body>\n</html>\n"
    )


def _contents() -> str:
    entries = [*TABLES.items(), *((figure.name, figure.title) for figure in FIGURES)]
    lines = "\n".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in entries)
    return f"<nav><ol>\n{lines}\n</ol></nav>"


def _missing(found: Sequence[Part]) -> str:
    there = {part.process for part in found if part.kind == SAMPLE}
    absent = [name for name in PROCESSES if name not in there and name != "minbias"]
    return _note(f"Not in this sample: {', '.join(absent)}.") if absent else ""


def _plain(name: str) -> str:
    return name.replace("$", "").replace("\\", "")


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _section(figure: Figure, found: Iterable[Part], drawn: Picture | None) -> str:
    there = {(part.kind, part.process) for part in found}
    wanted = {(kind, name) for kind in figure.kinds for name in figure.processes}
    absent = sorted(f"{kind}/{name}" for kind, name in wanted - there)
    absent += [kind for kind in figure.kinds if kind not in {part[0] for part in there}]
    notes = [f"Without {', '.join(absent)}, which this folder does not have."] if absent else []
    if drawn is None:
        notes.append("Nothing to draw: no entries.")
        image = ""
    else:
        if drawn.left_out:
            few = ", ".join(f"{_plain(name)} ({n:.0f})" for name, n in drawn.left_out.items())
            notes.append(f"Too few to draw in every panel (effective number): {few}.")
        data = base64.b64encode(plotting.png(drawn.figure)).decode("ascii")
        width = round(PIXELS_PER_INCH * drawn.figure.get_size_inches()[0])
        source = f"data:image/png;base64,{data}"
        image = f'<img width="{width}" src="{source}" alt="{escape(figure.title)}">'
    caption = (
        f"{escape(figure.shows)} <b>To expect:</b> {escape(figure.expect)} "
        f"<b>Invented:</b> {escape(figure.invented)}"
    )
    said = "".join(map(_note, notes))
    return (
        f'<h2 id="{figure.name}">{escape(figure.title)}</h2>\n'
        f"<figure>{image}<figcaption>{caption}</figcaption>{said}</figure>"
    )
