"""Scale factors from pairs: efficiencies of probes in two samples, their ratio, weights of events.

The workflow as verbs: decorate, pair, measure, divide, write, weigh. Two halves of the committed
sample stand in for data and simulation, so the scale factors are 1 within their uncertainties.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import awkward as ak
import numpy as np

import lepid

SAMPLE = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference.root"
TAGGER, POINT = "electron_dnn@reference", "Tight"


def main() -> None:
    """Measure, divide, and weigh the events of the second half."""
    events = lepid.decorate(lepid.open(SAMPLE), TAGGER)
    halves = {"data": events[::2], "simulation": events[1::2]}
    measured = {}
    for name, half in halves.items():
        pairs = lepid.tag_and_probe(
            half,
            "electron_dnn",
            tag="pt > 20 and electron_dnn.Loose",
            probe="pt > 10",
            pt_edges=(10, 200),
            abseta_edges=(0, 2.47),
        )
        # With more pairs the default fits their masses.
        measured[name] = lepid.probe_efficiency(
            pairs, POINT, method="sidebands", variations="standard"
        )
        value = ", ".join(f"{x:.3f}" for x in measured[name].value.ravel())
        print(f"{POINT} in {name}: {value}")

    factors = lepid.scale_factors(measured["data"], measured["simulation"])
    path = Path(tempfile.mkdtemp(prefix="lepid-")) / "sf.json"
    lepid.write_scale_factors(factors, path)

    pt = halves["simulation"]["Electrons"]["pt"]
    weights = lepid.weights(
        halves["simulation"], path, POINT, where=(pt > 10e3) & (pt < 200e3), per="event"
    )
    nominal = ak.to_numpy(weights["nominal"])
    known = np.isfinite(nominal)
    print(f"mean weight of {known.sum()} events: {np.mean(nominal[known]):.3f}")
    print(f"scale factors are in {path}")


if __name__ == "__main__":
    main()
