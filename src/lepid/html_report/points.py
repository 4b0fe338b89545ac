"""Working points as one html page."""

from __future__ import annotations

from html import escape

from lepid.description import MARK
from lepid.html_report.page import facts, page, table_html
from lepid.point_tables import columns, efficiencies, rows
from lepid.point_tables import title as point_title
from lepid.working_points.grid import grids
from lepid.working_points.table import Table


def points_html(table: Table) -> str:
    """One page of the cuts of a table of working points.

    Raises
    ------
    BadTable : a cut depends on more than two inputs
    """
    said = [line for line in table.tables.description.splitlines() if not line.startswith(MARK)]
    lines = {"points": ", ".join(table.points), "bound to": table.binding_text()}
    parts = [facts(lines), *(f'<p class="note">{escape(line)}</p>' for line in said)]
    for grid in grids(table):
        body = "\n".join(
            f'<tr><th scope="row">{escape(first)}</th>'
            + "".join(f"<td>{escape(text)}</td>" for text in cells)
            + "</tr>"
            for first, *cells in rows(grid)
        )
        head = [escape(text) for text in columns(grid)]
        parts.append(f"<h2>{escape(point_title(grid))}</h2>\n{table_html(head, body)}")
        parts.append(f'<p class="note">{escape(efficiencies(grid))}</p>')
    return page(f"Working points of {escape(table.rules.tagger)}", "\n".join(parts))
