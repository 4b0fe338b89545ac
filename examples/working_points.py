"""Working points of one's own: derived on half of the events, measured on the other half.

The workflow as verbs: decorate, derive, write, decorate with the new points, measure.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lepid

SAMPLE = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference.root"
TAGGER = "muon_plit@reference-run3"


def main() -> None:
    """Derive two points and print what they keep of each class of muons."""
    events = lepid.open(SAMPLE)
    first = lepid.decorate(events[::2], TAGGER)
    points = lepid.derive(
        first,
        "muon_plit",
        signal="PromptMuon",
        efficiency={"Flat75": 0.75, "Rising": "0.8 - 0.2 * exp(-pt / 20)"},
        pt_edges=(4, 200),
        abseta_edges=(0, 2.5),
    )
    path = Path(tempfile.mkdtemp(prefix="lepid-")) / "points.json"
    lepid.write_working_points(points, path)

    second = lepid.decorate(events[1::2], TAGGER, tables=path)
    table = lepid.measure(second, "muon_plit")
    for point in ("Flat75", "Rising"):
        for truth in ("PromptMuon", "BHadronDecay"):
            found = table.efficiency(point, truth, by=())
            span = f"{found.low:.3f} to {found.high:.3f}"
            print(f"{point:8s} of {truth:12s} {found.value:.3f} ({span})")
    print(f"the points are in {path}")


if __name__ == "__main__":
    main()
