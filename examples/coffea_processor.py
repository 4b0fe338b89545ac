"""lepid inside a coffea processor: a network on the tracks around muons, in two processes.

Each chunk gives a table of efficiencies, and coffea adds them.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import awkward as ak
from coffea.nanoevents import PHYSLITESchema
from coffea.processor import FuturesExecutor, ProcessorABC, Runner

import lepid

REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "data" / "reference.root"
TAGGER, POINT = "muon_plit@reference-run3", "Prompt90"


class PromptMuons(ProcessorABC):
    """Counts muons that PLIT accepts and measures its working points."""

    def process(self, events: Any) -> dict[str, Any]:
        """Results of one chunk."""
        events = lepid.decorate(events, TAGGER, source="network")
        passed = events["Muons"]["muon_plit"][POINT]
        return {
            "events": len(events),
            "accepted": int(ak.sum(passed)),
            "efficiency": lepid.measure(events, "muon_plit"),
        }

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Results of all chunks, added by coffea."""
        return accumulator


def main() -> None:
    """Run the processor on the sample, or on the file that is given."""
    sample = sys.argv[1] if len(sys.argv) > 1 else REFERENCE
    # coffea says for each column of a DAOD whether its schema can use it.
    warnings.filterwarnings("ignore", module="coffea")
    run = Runner(
        FuturesExecutor(workers=2, status=False),
        schema=PHYSLITESchema,
        chunksize=100,
        savemetrics=False,
    )
    result = run({"reference": [str(sample)]}, PromptMuons(), treename="CollectionTree")
    print(f"{result['accepted']} muons accepted in {result['events']} events")
    table = result["efficiency"]
    prompt = table.efficiency(POINT, "PromptMuon", by=())
    print(
        f"{POINT}: {prompt.value:.3f} of the prompt muons ({prompt.low:.3f} to {prompt.high:.3f})"
    )


if __name__ == "__main__":
    main()
