"""An efficiency table as LaTeX tables with booktabs rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from lepid.efficiency import summary
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.summary import Row

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
HEADINGS = {"pt": r"$p_\mathrm{T}$ [GeV]", "abseta": r"$|\eta|$"}


def escaped(text: str) -> str:
    """Text in which every character that LaTeX reads as a command stands for itself."""
    return "".join(ESCAPES.get(character, character) for character in text)


def document(table: EfficiencyTable) -> str:
    r"""Tables to ``\input`` into a document that loads booktabs: inclusive, by pT, by |eta|."""
    lines = ["% needs \\usepackage{booktabs}", *_comment(table), _inclusive(table)]
    lines += [
        _binned(table, variable, truth_class)
        for variable in HEADINGS
        for truth_class in table.populated
    ]
    return "\n".join(lines) + "\n"


def _comment(table: EfficiencyTable) -> list[str]:
    lines = [f"% {name}: {text}" for name, text in summary.identity(table).items()]
    for name, unscored, outside in summary.left_out(table):
        count = summary.count_text(outside)
        lines.append(f"% {name}: {unscored} unscored (left out), {count} outside the bins")
    return lines


def _inclusive(table: EfficiencyTable) -> str:
    rows = summary.rows(table)
    body = [
        [escaped(name), _count(of_class[0]), *map(_value, of_class)]
        for name in table.populated
        if (of_class := [row for row in rows if row.truth_class == name])
    ]
    heading = ["Truth class", "Weights" if table.weighted else "Leptons"]
    return _table(table, heading, body, "per truth class", "inclusive")


def _binned(table: EfficiencyTable, variable: str, truth_class: str) -> str:
    rows = [row for row in summary.rows(table, (variable,)) if row.truth_class == truth_class]
    bins = dict.fromkeys(getattr(row, variable) for row in rows)
    body = [
        [bin_of(edges), _count(in_bin[0]), *map(_value, in_bin)]
        for edges in bins
        if (in_bin := [row for row in rows if getattr(row, variable) == edges])[0].total
    ]
    heading = [HEADINGS[variable], "Weights" if table.weighted else "Leptons"]
    what = f"of {escaped(truth_class)} in bins of {HEADINGS[variable]}"
    return _table(table, heading, body, what, f"{truth_class}:{variable}")


def _table(
    table: EfficiencyTable, heading: list[str], body: list[list[str]], what: str, label: str
) -> str:
    columns = heading + [escaped(name) for name in table.working_points]
    caption = f"Efficiency of {escaped(table.tagger)} ({escaped(table.network)}) {what}"
    caption += f"; uncertainties: {escaped(summary.interval_text(table))}."
    return booktabs(columns, body, caption, f"{table.tagger}:{label}")


def booktabs(
    columns: Sequence[str], body: Sequence[Sequence[str]], caption: str, label: str
) -> str:
    """A table with booktabs rules; columns, cells and caption are LaTeX, the label is text."""
    *lines, end = tabular(columns, body)
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"  \centering",
            f"  \\caption{{{caption}}}",
            f"  \\label{{tab:{_label(label)}}}",
            r"  \footnotesize\setlength{\tabcolsep}{4pt}%",
            # A table wider than the text sticks out on both sides alike.
            r"  \makebox[\linewidth][c]{%",
            *lines,
            f"{end}}}",
            r"\end{table}",
        ]
    )


def tabular(columns: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Lines of the columns and rows alone, with booktabs rules."""
    return [
        f"  \\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
        r"    \toprule",
        f"    {' & '.join(columns)} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(cells)} \\\\" for cells in body),
        r"    \bottomrule",
        r"  \end{tabular}",
    ]


def in_bins(
    pt: Sequence[float],
    abseta: Sequence[float],
    cell: Callable[[int, int], str],
    caption: str,
    label: str,
) -> str:
    """A `booktabs` table with a row for each bin of pT and a column for each of |eta|.

    Parameters
    ----------
    pt, abseta : edges
    cell : places of both -> LaTeX
    """
    columns = [HEADINGS["pt"]]
    columns += [f"{HEADINGS['abseta']} {bin_of(pair)}" for pair in pairwise(abseta)]
    body = [
        [bin_of(pair), *(cell(i, j) for j in range(len(abseta) - 1))]
        for i, pair in enumerate(pairwise(pt))
    ]
    return booktabs(columns, body, caption, label)


def _label(text: str) -> str:
    # LaTeX writes a label to its .aux file as it stands: letters, digits and colons are safe.
    return "".join(character for character in text if character.isalnum() or character == ":")


def _value(row: Row) -> str:
    found = summary.parts(row)
    return "--" if found is None else f"${found[0]}^{{+{found[1]}}}_{{-{found[2]}}}$"


def _count(row: Row) -> str:
    return summary.count_text(row.total)


def measured(ends: Sequence[float], systematic: float | None = None) -> str:
    """A value, and the ends of its interval, with another uncertainty if there is one."""
    value, low, high = ends
    if not math.isfinite(value):
        return "--"
    digits = summary.digits((value - low, high - value))
    number, up, down = (f"{x:.{digits}f}" for x in (value, high - value, value - low))
    text = f"{number}^{{+{up}}}_{{-{down}}}"
    if systematic is None:
        return f"${text}$"
    known = f"{systematic:.{digits}f}" if math.isfinite(systematic) else r"\mathrm{?}"
    return f"${text} \\pm {known}$"


def bin_of(edges: tuple[float, float]) -> str:
    """A bin as LaTeX: ``20--25``, or with a sign for an open end."""
    return (
        f"${text}$" if (text := summary.bin_text(edges))[0] in "<>" else text.replace(" to ", "--")
    )
