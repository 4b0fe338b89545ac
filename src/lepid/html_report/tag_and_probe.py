"""Efficiencies measured with pairs as one html page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lepid.html_report.page import facts, figure, page, table_html


def probes_html(
    results: Sequence[Mapping[str, Any]],
    images: Sequence[Mapping[str, bytes]],
    pictures: Mapping[str, bytes],
) -> str:
    """One page of efficiencies measured with pairs, and the pictures of all fits.

    Parameters
    ----------
    results : `ProbeEfficiency.content` of each working point
    images : for each of them, title of a bin -> content of a png file
    pictures : of all of them together, title -> content of a png file
    """
    first = results[0]
    told = {k: v for k, v in first.items() if isinstance(v, str) and v and k != "working_point"}
    parts = [facts(told), *(figure(title, content) for title, content in pictures.items())]
    heading = ["probes", "efficiency", "systematic", "passed", "failed", "chi2/ndof, p", "how"]
    for result, fits in zip(results, images, strict=True):
        rows = [_probes(title, one) for title, one in zip(fits, result["bins"], strict=True)]
        parts.append(f"<h2>{escape(result['working_point'])}</h2>")
        parts.append(table_html(heading, "\n".join(rows)))
        parts += [figure(title, content) for title, content in fits.items()]
    return page(f"Tag and probe: {escape(first['tagger'])}", "\n".join(parts))


def _probes(title: str, one: Mapping[str, Any]) -> str:
    value = "&ndash;"
    if one["value"] is not None:
        up, down = one["high"] - one["value"], one["value"] - one["low"]
        error = f'<span class="error"><i>+{up:.4f}</i><i>&minus;{down:.4f}</i></span>'
        value = f"{one['value']:.4f}{error}"
    other = "&ndash;" if one["systematic"] is None else f"{one['systematic']:.4f}"
    p_value = "" if one.get("p_value") is None else f", {one['p_value']:.3g}"
    fit = ""
    if "chi2" in one:
        fit = f"{one['chi2']:.1f}/{one['ndof']}{p_value}" if one["ndof"] > 0 else "too few pairs"
    cells = (value, other, f"{one['passed']:.1f}", f"{one['failed']:.1f}", fit)
    how = escape("; ".join((one["how"], *one["notes"])))
    row = "".join(f"<td>{cell}</td>" for cell in (*cells, how))
    return f'<tr><th scope="row">{escape(title)}</th>{row}</tr>'
