"""An efficiency table as one correction in the JSON of correctionlib."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lepid.efficiency import summary
from lepid.efficiency.counting import BINNED, EfficiencyTable
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
        truth_class: _category(
            "working_point",
            {point: _by_value(table, point, truth_class) for point in table.working_points},
        )
        for truth_class in table.populated
    }
    if not by_class:
        raise BadInput(f"efficiency table of {table.tagger}", "no scored leptons to write")
    return {
        "name": table.tagger,
        "description": description(table),
        "version": 1,
        "inputs": [{"name": k, "type": t, "description": d} for k, (t, d) in inputs.items()],
        "output": {"name": "efficiency", "type": "real", "description": "NaN where not measured"},
        "data": _category("truth_class", by_class),
    }


def _category(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    items = [{"key": key, "value": value} for key, value in content.items()]
    return {"nodetype": "category", "input": name, "content": items}


def _by_value(table: EfficiencyTable, working_point: str, truth_class: str) -> dict[str, Any]:
    result = table.efficiency(working_point, truth_class)
    ends = {"nominal": result.value, "up": result.high, "down": result.low}
    measured = np.isfinite(result.value).ravel().tolist()
    grids = {
        name: [
            round(value, ROUNDING) if known else NOT_MEASURED
            for value, known in zip(values.ravel().tolist(), measured, strict=True)
        ]
        for name, values in ends.items()
    }
    edges = [[_edge(value) for value in line.tolist()] for line in result.edges]
    return _category(
        "value",
        {
            name: {
                "nodetype": "multibinning",
                "inputs": list(BINNED),
                "edges": edges,
                "content": grid,
                "flow": NOT_MEASURED,
            }
            for name, grid in grids.items()
        },
    )


def _edge(value: float) -> float | str:
    return value if math.isfinite(value) else ("inf" if value > 0.0 else "-inf")
