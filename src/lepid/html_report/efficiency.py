"""An efficiency table as one html page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from lepid.efficiency import summary
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.summary import Row
from lepid.html_report.page import facts, page, pictures_html, table_html

VARIABLES = {
    "pt": ("in bins of p<sub>T</sub>", "p<sub>T</sub> [GeV]"),
    "abseta": ("in bins of |&eta;|", "|&eta;|"),
}


def efficiency_html(table: EfficiencyTable, images: Mapping[str, bytes]) -> str:
    """One page without outside files: what was measured, all efficiencies, and the pictures.

    Parameters
    ----------
    images : title -> content of a png file
    """
    title = f"Efficiency of {escape(table.tagger)}"
    sections = [_inclusive(table), pictures_html(table.tagger, images)]
    sections += [_binned(table, variable) for variable in VARIABLES]
    body = "\n".join([facts(summary.identity(table)), *sections, _left_out(table)])
    return page(title, body)


def _inclusive(table: EfficiencyTable) -> str:
    rows = summary.rows(table)
    if not rows:
        return "<h2>Inclusive</h2>\n<p>No scored leptons.</p>"
    lines = {name: [row for row in rows if row.truth_class == name] for name in table.populated}
    body = _rows(lines, lambda row: _value(row) + _passed_of_all(row))
    heading = [escape(name) for name in ("truth class", _counted(table), *table.working_points)]
    return f"<h2>Inclusive</h2>\n{table_html(heading, body)}"


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
            parts.append(f"<h3>{escape(name)}</h3>\n{table_html(heading, _rows(lines, _value))}")
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
    return f'<h2>Left out</h2>\n<p class="note">{note}</p>\n{table_html(heading, body)}'
