"""An efficiency table as one correction in the JSON of correctionlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lepid.efficiency import summary
from lepid.efficiency.counting import BINNED, EfficiencyTable
from lepid.efficiency.intervals import Array
from lepid.errors import BadInput

# Not a number in correctionlib's own language; JSON has none.
NOT_MEASURED = {"nodetype": "formula", "expression": "0./0.", "parser": "TFormula", "variables": []}
ROUNDING = 6


def description(table: EfficiencyTable) -> str:
    """What was measured, by what, on what and with which uncertainties, in one line."""
    identity = "; ".join(f"{name}: {text}" for name, text in summary.identity(table).items())
    return f"lepton efficiency per truth class and working point; {identity}"


def correction(table: EfficiencyTable) -> dict[str, Any]:
    """One correction, named as the tagger.

    Bins without leptons and leptons outside the bins give NaN: no number was measured there.

    Raises
    ------
    BadInput : the table has no scored lepton
    """
    # Neither clamp, which gives outside leptons an efficiency that nobody measured, nor error,
    # which stops a whole batch for one of them.
    inputs = {
        "truth_class": ("string", ", ".join(table.populated)),
        "working_point": ("string", ", ".join(table.working_points)),
        "value": ("string", "nominal, up or down (ends of the interval)"),
        "pt": ("real", "transverse momentum [GeV]"),
        "abseta": ("real", "absolute value of eta"),
    }
    by_class = {
        truth_class: category(
            "working_point",
            {point: _by_value(table, point, truth_class) for point in table.working_points},
        )
        for truth_class in table.populated
    }
    if not by_class:
        raise BadInput(f"efficiency table of {table.tagger}", "no scored leptons to write")
    return entry(
        table.tagger, description(table), inputs, "efficiency", category("truth_class", by_class)
    )


def entry(
    name: str, about: str, inputs: Mapping[str, tuple[str, str]], output: str, data: Any
) -> dict[str, Any]:
    """One correction whose output is NaN where nothing was measured.

    Parameters
    ----------
    inputs : name -> type and description
    data : its first node
    """
    return {
        "name": name,
        "description": about,
        "version": 1,
        "inputs": [{"name": k, "type": t, "description": d} for k, (t, d) in inputs.items()],
        "output": {"name": output, "type": "real", "description": "NaN where not measured"},
        "data": data,
    }


def category(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Node that looks up the text of the input `name`."""
    items = [{"key": key, "value": value} for key, value in content.items()]
    return {"nodetype": "category", "input": name, "content": items}


def _by_value(table: EfficiencyTable, working_point: str, truth_class: str) -> dict[str, Any]:
    result = table.efficiency(working_point, truth_class)
    ends = {"nominal": result.value, "up": result.high, "down": result.low}
    ends = {name: np.where(np.isfinite(result.value), ends[name], np.nan) for name in ends}
    return category(
        "value", {name: grid(values, result.edges, BINNED) for name, values in ends.items()}
    )


def grid(values: Array, edges: Sequence[Array], inputs: Sequence[str]) -> dict[str, Any]:
    """Node of `values` in bins, six decimals; NaN in bins without a number and outside them.

    Parameters
    ----------
    values : [*bins], NaN where nothing was measured
    edges : one [n_bin + 1] array for each input
    """
    return {
        "nodetype": "multibinning",
        "inputs": list(inputs),
        "edges": [[_edge(float(value)) for value in line] for line in edges],
        "content": [
            NOT_MEASURED if math.isnan(value) else round(value, ROUNDING)
            for value in values.ravel().tolist()
        ],
        "flow": NOT_MEASURED,
    }


def _edge(value: float) -> float | str:
    return value if math.isfinite(value) else ("inf" if value > 0.0 else "-inf")
