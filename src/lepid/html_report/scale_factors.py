"""Scale factors as one html page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import pairwise

import numpy as np

from lepid.efficiency.scale_factors.ratio import Factors, ScaleFactors
from lepid.efficiency.summary import bin_text
from lepid.html_report.page import facts, figure, page, table_html


def factors_html(factors: ScaleFactors, images: Mapping[str, bytes]) -> str:
    """One page without outside files: all numbers, and the picture of each working point.

    Parameters
    ----------
    images : working point -> content of a png file
    """
    said = dict(part.partition(": ")[::2] for part in factors.about.split("; ") if ": " in part)
    told = {"tagger": factors.tagger, "collection": factors.collection, **said}
    parts = [facts({name: text for name, text in told.items() if text})]
    for point, mine in factors.points.items():
        parts.append(f"<h2>{escape(point)}</h2>")
        if point in images:
            parts.append(figure(f"{factors.tagger} {point}", images[point]))
        parts.append(_table(mine))
        parts += [f'<p class="note">{escape(line)}</p>' for line in mine.said]
    return page(f"Scale factors of {escape(factors.tagger)}", "\n".join(parts))


def _table(mine: Factors) -> str:
    sources = [
        name.removesuffix("up")
        for name in mine.values
        if name.endswith("up") and name not in ("statup", "systup")
    ]
    heading = ["p<sub>T</sub> [GeV]", "|&eta;|", "data", "simulation", "scale factor", "stat."]
    heading += [escape(name) for name in sources] + ["all"]
    pt, abseta = (list(pairwise(edges.tolist())) for edges in mine.edges)
    rows = []
    for i, j in np.ndindex(mine.efficiency.shape):
        nominal = float(mine.values["nominal"][i, j])
        cells = [bin_text(abseta[j])]
        cells += [_number(float(one.value[i, j])) for one in (mine.data, mine.simulation)]
        cells.append(_number(nominal))
        for name in ("stat", *sources, "syst"):
            up, down = (
                float(mine.values[f"{name}{end}"][i, j]) - nominal for end in ("up", "down")
            )
            cells.append(_error(up, down))
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(bin_text(pt[i]))}</th>{row}</tr>')
    return table_html(heading, "\n".join(rows))


def _number(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "&ndash;"


def _error(up: float, down: float) -> str:
    if not np.isfinite([up, down]).all():
        return "&ndash;"
    signs = [f"{'&minus;' if x < 0 else '+'}{abs(x):.4f}" for x in (up, down)]
    return f'<span class="error"><i>{signs[0]}</i><i>{signs[1]}</i></span>'
