"""The tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from simulation.processes import PROCESSES

from lepid.efficiency.truth_codes import IFF
from validation.counts import TABLES, Counts
from validation.separation import Separation
from validation.source import STEPS, Part

RATE_HEADING = (
    "process",
    "events",
    "events/s",
    *(f"{step} [ms]" for step in STEPS),
    "written",
    "kB/event",
    "e/event",
    "\u03bc/event",
)
RATE_NOTE = (
    "Times are per generated event, on one core of the machine that made the sample; events per "
    "second follow from their sum. Written is the part of the events with at least one electron or "
    "muon candidate; bytes are per written event, leptons per generated one."
)
LEPTON_NOTE = (
    "Muons: Medium, above 10 GeV, |d0| below 3 standard deviations. Electrons: above 10 GeV, "
    "outside the crack, |d0| below 5 standard deviations, no identification. Both: "
    "|z0 sin(theta)| < 0.5 mm. Numbers of leptons, without weights; the last column is the sum of "
    "weights."
)
SEPARATION_NOTE = (
    "Area under the ROC curve of gradient boosting, trained for each pair of classes on every "
    "other electron above 10 GeV and measured on the rest. It sees shapes, the match of track and "
    "cluster and the track, neither pt nor eta. A simulation in which two classes are told apart "
    "without a mistake would teach a network nothing: no area may exceed 0.99."
)


def rate_table(found: Iterable[Part]) -> str:
    """Events, times, sizes and leptons of each process, from the records of the files."""
    groups: dict[str, list[Part]] = {}
    for part in found:
        name = part.process if part.kind == "sample" else f"{part.process} ({part.kind})"
        groups.setdefault(name, []).append(part)
    rows = [(name, *_rates(group)) for name, group in groups.items()]
    return _note(RATE_NOTE) + _table(RATE_HEADING, rows)


def _rates(group: Sequence[Part]) -> list[str]:
    def total(name: str) -> float:
        return float(sum(part.record[name] for part in group))

    events, written = max(total("events"), 1.0), max(total("written"), 1.0)
    seconds = [sum(part.record["seconds"][step] for part in group) for step in STEPS]
    return [
        f"{events:,.0f}",
        f"{events / sum(seconds):.0f}" if sum(seconds) > 0.0 else "",
        *(f"{1000.0 * value / events:.2f}" for value in seconds),
        f"{100.0 * written / events:.0f} %",
        f"{total('bytes') / written / 1000.0:.1f}",
        f"{total('electrons') / events:.2f}",
        f"{total('muons') / events:.2f}",
    ]


def lepton_table(counts: Counts) -> str:
    """Preselected leptons of each IFF class and process."""
    processes = [name for name in PROCESSES if any(key[2] == name for key in counts.leptons)]
    parts = [_note(LEPTON_NOTE)]
    for table in TABLES:
        codes = sorted({key[1] for key in counts.leptons if key[0] == table})
        rows = []
        for code in codes:
            numbers = [counts.leptons[table, code, name] for name in processes]
            weight = sum(counts.weights[table, code, name] for name in processes)
            cells = [f"{n:,}" if n else "" for n in (*numbers, sum(numbers))]
            rows.append((IFF(code).name, *cells, f"{weight:,.1f}"))
        everything = sum(n for key, n in counts.leptons.items() if key[0] == table)
        heading = (table, *processes, "all", "weights")
        rows.append(("all classes", *[""] * len(processes), f"{everything:,}", ""))
        parts.append(_table(heading, rows))
    return "\n".join(parts)


def separation_table(separation: Separation) -> str:
    """How well each pair of electron classes can be told apart."""
    numbers, areas = separation.numbers(), separation.areas()
    names = list(numbers)
    rows = []
    for one in names:
        cells = (areas.get((one, other)) for other in names[1:])
        rows.append((one, f"{numbers[one]:,}", *("" if a is None else f"{a:.3f}" for a in cells)))
    return _note(SEPARATION_NOTE) + _table(("class", "electrons", *names[1:]), rows)


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>\n'


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heading)
    body = "\n".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
