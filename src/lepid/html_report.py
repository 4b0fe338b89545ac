"""Efficiency tables, working points and finished pictures as one self-contained html page."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from lepid.description import MARK
from lepid.efficiency import summary
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.roc_tables import Told, area_text, lost_text, rejection_text
from lepid.efficiency.roc_tables import identity as roc_identity
from lepid.efficiency.summary import Row
from lepid.point_tables import columns, efficiencies, rows
from lepid.point_tables import title as point_title
from lepid.working_points.grid import grids
from lepid.working_points.table import Table

VARIABLES = {
    "pt": ("in bins of p<sub>T</sub>", "p<sub>T</sub> [GeV]"),
    "abseta": ("in bins of |&eta;|", "|&eta;|"),
}
PAGE_STYLE = """
:root { color-scheme: light; --rule: #d4d9df; --soft: #5b6672; --ink: #1b2128; }
body { font: 15px/1.45 "Helvetica Neue", Helvetica, Arial, sans-serif; color: var(--ink);
  background: #fff; max-width: 68rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--rule);
  padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.3rem 0 .35rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem .28rem 0; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; } thead th { border-bottom: 1.5px solid var(--ink); }
tbody th { font-weight: 400; } tbody tr + tr > * { border-top: 1px solid var(--rule); }
.error { display: inline-block; vertical-align: middle; font-size: .72em; line-height: 1.15;
  margin-left: .3em; text-align: left; color: var(--soft); }
.error i { display: block; font-style: normal; }
.count { display: block; font-size: .8em; color: var(--soft); }
.note { color: var(--soft); margin: .4rem 0; }
figure { margin: .8rem 0 1.6rem; } img { max-width: 100%; height: auto; }
@media print { body { margin: 0; max-width: none; font-size: 11px; }
  .wide { overflow: visible; } table, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; } }
"""


def html(table: EfficiencyTable, images: Mapping[str, bytes]) -> str:
    """One page without outside files: what was measured, all efficiencies, and the pictures.

    Parameters
    ----------
    images : title -> content of a png file
    """
    title = f"Efficiency of {escape(table.tagger)}"
    sections = [_inclusive(table), _pictures(table, images)]
    sections += [_binned(table, variable) for variable in VARIABLES]
    body = "\n".join([_identity(table), *sections, _left_out(table)])
    return _page(title, body)


def _page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def points_html(table: Table, images: Mapping[str, bytes]) -> str:
    """One page of the cuts of a table of working points, and the pictures.

    Parameters
    ----------
    images : title -> content of a png file

    Raises
    ------
    BadTable : a cut depends on more than two inputs
    """
    said = [line for line in table.tables.description.splitlines() if not line.startswith(MARK)]
    lines = {"points": ", ".join(table.points), "bound to": table.binding_text()}
    facts = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in lines.items())
    parts = [f"<dl>{facts}</dl>", *(f'<p class="note">{escape(line)}</p>' for line in said)]
    parts.append(_images(table.rules.tagger, images))
    for grid in grids(table):
        body = "\n".join(
            f'<tr><th scope="row">{escape(first)}</th>'
            + "".join(f"<td>{escape(text)}</td>" for text in cells)
            + "</tr>"
            for first, *cells in rows(grid)
        )
        head = [escape(text) for text in columns(grid)]
        parts.append(f"<h2>{escape(point_title(grid))}</h2>\n{_table(head, body)}")
        parts.append(f'<p class="note">{escape(efficiencies(grid))}</p>')
    return _page(f"Working points of {escape(table.rules.tagger)}", "\n".join(parts))


def roc_html(told: Sequence[Told], images: Mapping[str, bytes]) -> str:
    """One page without outside files: rejections and areas of some taggers, and the pictures.

    Parameters
    ----------
    images : title -> content of a png file
    """
    parts = []
    for one in told:
        head = ["background", "leptons", "area"]
        head += [f"rejection at {100 * e:g} %" for e in one.choice.efficiencies]
        body = []
        for name, points in one.points.items():
            numbers = zip(
                points.rejection, points.rejection_low, points.rejection_high, strict=True
            )
            cells = [str(one.counts[name]), area_text(one.areas[name]).replace("+-", "±")]
            cells += [rejection_text(*map(float, each)) for each in numbers]
            body.append(
                f'<tr><th scope="row">{escape(name)}</th>'
                + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
                + "</tr>"
            )
        parts += [f"<h2>{escape(one.sample.name)}</h2>", _facts(roc_identity(one))]
        parts.append(_table([escape(text) for text in head], "\n".join(body)))
        parts += [_composition(one), _importance(one)]
    names = ", ".join(dict.fromkeys(one.sample.tagger for one in told))
    return _page(f"ROC curves of {escape(names)}", "\n".join([*parts, _images(names, images)]))


def _composition(told: Told) -> str:
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{100 * part:.1f} %</td>'
        f"<td>{100 * low:.1f} to {100 * high:.1f} %</td></tr>"
        for name, (part, low, high) in told.composition.items()
        if not math.isnan(part)
    )
    title = f"<h3>Background that is left at {100 * told.choice.fixed:g} % efficiency</h3>"
    if not body:
        return f'{title}\n<p class="note">none</p>'
    return f"{title}\n{_table(['class', 'part', 'interval'], body)}"


def _importance(told: Told) -> str:
    if not told.importance:
        return ""
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f"<td>{lost_text(worth).replace('+-', '±')}</td></tr>"
        for name, worth in told.importance.items()
    )
    head = ["input", "area lost when it is dealt out anew"]
    return f"<h3>What the inputs are worth</h3>\n{_table(head, body)}"


def probes_html(results: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, bytes]]) -> str:
    """One page of efficiencies measured with pairs, and the pictures of all fits.

    Parameters
    ----------
    results : `ProbeEfficiency.content` of each working point
    images : for each of them, title of a bin -> content of a png file
    """
    first = results[0]
    facts = {k: v for k, v in first.items() if isinstance(v, str) and k != "working_point"}
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items() if v)
    parts = [f"<dl>{lines}</dl>"]
    heading = ["probes", "efficiency", "systematic", "passed", "failed", "chi2/ndof, p", "how"]
    for result, pictures in zip(results, images, strict=True):
        rows = [_probes(title, one) for title, one in zip(pictures, result["bins"], strict=True)]
        parts.append(f"<h2>{escape(result['working_point'])}</h2>")
        parts.append(_table(heading, "\n".join(rows)))
        parts += [_figure(title, content) for title, content in pictures.items()]
    return _page(f"Tag and probe: {escape(first['tagger'])}", "\n".join(parts))


def _probes(title: str, one: Mapping[str, Any]) -> str:
    value = "&ndash;"
    if one["value"] is not None:
        up, down = one["high"] - one["value"], one["value"] - one["low"]
        error = f'<span class="error"><i>+{up:.4f}</i><i>&minus;{down:.4f}</i></span>'
        value = f"{one['value']:.4f}{error}"
    other = "&ndash;" if one["systematic"] is None else f"{one['systematic']:.4f}"
    p_value = "" if one.get("p_value") is None else f", {one['p_value']:.3g}"
    fit = f"{one['chi2']:.1f}/{one['ndof']}{p_value}" if "chi2" in one else ""
    cells = (value, other, f"{one['passed']:.1f}", f"{one['failed']:.1f}", fit)
    how = escape("; ".join((one["how"], *one["notes"])))
    row = "".join(f"<td>{cell}</td>" for cell in (*cells, how))
    return f'<tr><th scope="row">{escape(title)}</th>{row}</tr>'


def _figure(text: str, content: bytes) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(text)}"></figure>'


def _identity(table: EfficiencyTable) -> str:
    return _facts(summary.identity(table))


def _facts(lines: Mapping[str, str]) -> str:
    entries = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in lines.items())
    return f"<dl>{entries}</dl>"


def _inclusive(table: EfficiencyTable) -> str:
    rows = summary.rows(table)
    if not rows:
        return "<h2>Inclusive</h2>\n<p>No scored leptons.</p>"
    lines = {name: [row for row in rows if row.truth_class == name] for name in table.populated}
    body = _rows(lines, lambda row: _value(row) + _passed_of_all(row))
    heading = [escape(name) for name in ("truth class", _counted(table), *table.working_points)]
    return f"<h2>Inclusive</h2>\n{_table(heading, body)}"


def _binned(table: EfficiencyTable, variable: str) -> str:
    title, symbol = VARIABLES[variable]
    rows = summary.rows(table, (variable,))
    heading = [symbol, _counted(table), *map(escape, table.working_points)]
    parts = []
    for name in table.populated:
        lines: dict[str, list[Row]] = {}
        for row in rows:
            if row.truth_class == name and row.total:
                lines.setdefault(summary.bin_text(getattr(row, variable)), []).append(row)
        if lines:
            parts.append(f"<h3>{escape(name)}</h3>\n{_table(heading, _rows(lines, _value))}")
    return "\n".join([f"<h2>Efficiency {title}</h2>", *parts]) if parts else ""


def _counted(table: EfficiencyTable) -> str:
    return "sum of weights" if table.weighted else "leptons"


def _rows(lines: Mapping[str, Sequence[Row]], cell: Callable[[Row], str]) -> str:
    return "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{summary.count_text(rows[0].total)}</td>'
        + "".join(f"<td>{cell(row)}</td>" for row in rows)
        + "</tr>"
        for name, rows in lines.items()
    )


def _table(heading: Sequence[str], body: str) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in heading)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _value(row: Row) -> str:
    found = summary.parts(row)
    if found is None:
        return "&ndash;"
    value, up, down = found
    return f'{value}<span class="error"><i>+{up}</i><i>&minus;{down}</i></span>'


def _passed_of_all(row: Row) -> str:
    return f'<span class="count">{summary.count_text(row.passed)} passed</span>'


def _left_out(table: EfficiencyTable) -> str:
    lines = summary.left_out(table)
    if not lines:
        return ""
    body = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{unscored}</td>'
        f"<td>{summary.count_text(outside)}</td></tr>"
        for name, unscored, outside in lines
    )
    note = (
        "Leptons without a score are in no efficiency. Scored leptons outside the bins are in "
        "the inclusive efficiency, and in the bins of one variable if only the other is outside."
    )
    outside = "outside the bins" + (" (sum of weights)" if table.weighted else "")
    heading = ["truth class", "unscored", outside]
    return f'<h2>Left out</h2>\n<p class="note">{note}</p>\n{_table(heading, body)}'


def _pictures(table: EfficiencyTable, images: Mapping[str, bytes]) -> str:
    return _images(table.tagger, images)


def _images(what: str, images: Mapping[str, bytes]) -> str:
    figures = []
    for title, content in images.items():
        figures.append(_figure(f"{what}: {title}", content))
    return "\n".join(["<h2>Pictures</h2>", *figures]) if figures else ""
