"""Rejections and areas as one html page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from lepid.efficiency.roc.tables import Told, area_text, identity, rejection_text
from lepid.html_report.page import facts, page, pictures_html, table_html


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
        parts += [f"<h2>{escape(one.sample.name)}</h2>", facts(identity(one))]
        parts.append(table_html([escape(text) for text in head], "\n".join(body)))
        parts.append(_composition(one))
    names = ", ".join(dict.fromkeys(one.sample.tagger for one in told))
    return page(f"ROC curves of {escape(names)}", "\n".join([*parts, pictures_html(names, images)]))


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
    return f"{title}\n{table_html(['class', 'part', 'interval'], body)}"
