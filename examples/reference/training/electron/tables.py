"""What was measured of the electron network, as tables of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.curves import Measured
from training.electron.compared import (
    BACKGROUND,
    CLASSES,
    ECIDS,
    LIKELIHOOD,
    NETWORK,
    TREES,
)
from training.electron.results import CHARGE_EFFICIENCIES, EFFICIENCIES


def text(found: dict[str, Any]) -> str:
    """All tables."""
    makers = (
        background_table, et_table, points_table, area_table, charge_table, pairs_table,
        fraction_table,
    )  # fmt: skip
    return "\n\n".join(make(found) for make in makers)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def background_table(found: dict[str, Any]) -> str:
    """Rejection of each class of background."""
    head = ["background", "number", "tagger", *(f"at {e:.0%}" for e in EFFICIENCIES)]
    rows = []
    number = found["number"]
    for name, values in found["classes"].items():
        of = number[name] if name in number else sum(number[n] for n in BACKGROUND)
        begins = [name, f"{of:,}"]
        for tagger in (NETWORK, TREES, LIKELIHOOD):
            rows.append([*begins, tagger, *_texts(values["rejection"][tagger])])
            begins = ["", ""]
        for rival in (TREES, LIKELIHOOD):
            rows.append([*begins, f"DNN to {rival}", *_texts(values[f"to {rival}"])])
    return table(head, rows)


def et_table(found: dict[str, Any]) -> str:
    """DNN to LH in bins of E_T."""
    bins = next(iter(found["et"].values()))
    head = ["DNN to LH at 90 %, E_T in GeV", *(f"{b['low']:g} to {b['high']:g}" for b in bins)]
    rows = [
        [name, *(b["ratio"].text() if "ratio" in b else f"{b['n']} electrons" for b in values)]
        for name, values in found["et"].items()
    ]
    return table(head, rows)


def points_table(found: dict[str, Any]) -> str:
    """What passes the shipped points."""
    head = ["point", "tagger", *CLASSES]
    rows = [
        [point if tagger == NETWORK else "", tagger, *(_percent(values[n]) for n in CLASSES)]
        for point, taggers in found["points"].items()
        for tagger, values in taggers.items()
    ]
    return table(head, rows)


def area_table(found: dict[str, Any]) -> str:
    """Area below the curve of each pair of classes."""
    head = ["area, class against class", "DNN", "GBDT"]
    rows = [
        [f"{one} against {other}", *(values[tagger].text() for tagger in (NETWORK, TREES))]
        for (one, other), values in found["pairs"].items()
    ]
    return table(head, rows)


def charge_table(found: dict[str, Any]) -> str:
    """Rejection of wrong charges."""
    head = ["wrong charge", "area", *(f"at {e:.0%}" for e in CHARGE_EFFICIENCIES)]
    values = found["charge"]
    rows = [
        [tagger, values["area"][tagger].text(), *_texts(values["rejection"][tagger])]
        for tagger in (NETWORK, TREES, ECIDS)
    ]
    rows += [[f"DNN to {r}", "", *_texts(values[f"to {r}"])] for r in (TREES, ECIDS)]
    return table(head, rows)


def pairs_table(found: dict[str, Any]) -> str:
    """Pairs near the mass of the Z."""
    head = ["pairs of Zee, 80 to 100 GeV", "same charge", "opposite charge"]
    words = {"before": "before", LIKELIHOOD: "after LH"}
    words |= {name: f"after D_CF of {name}" for name in (NETWORK, TREES)}
    words[ECIDS] = f"after {ECIDS}"
    rows = [[label, *map(str, found["pairs_of_z"][name])] for name, label in words.items()]
    return table(head, rows)


def fraction_table(found: dict[str, Any]) -> str:
    """Rejection with other fractions."""
    head = ["fractions in D_el", *(f"{name} at 90 %" for name in BACKGROUND)]
    rows = [
        [label, *(values[name].text() for name in BACKGROUND)]
        for label, values in found["fractions"].items()
    ]
    return table(head, rows)


def _texts(values: Sequence[Measured]) -> list[str]:
    return [value.text() for value in values]


def _percent(value: Measured) -> str:
    return Measured(100.0 * value.value, 100.0 * value.error).text() + " %"
