"""decorate() against what a user writes today, in one run; and what reading one tagger takes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
import pytest
from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema

import lepid

TABLES = Path(__file__).resolve().parents[2] / "wp_tables" / "muon_plit"
PLIT = ("PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall")
N_EVENT = 500_000
READ_FILE = "coffea_PHYSLITE_example.root"
READ = ("DFCommonElectronsLHLoose", "DFCommonElectronsLHMedium", "DFCommonElectronsLHTight")


@pytest.fixture(scope="module")
def events() -> Any:
    """About a million muons in MeV with stored PLIT scores."""
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 5, N_EVENT)
    n = int(counts.sum())
    flat = {
        "pt": (4e3 + rng.exponential(3e4, n)).astype("float32"),
        "eta": rng.uniform(-2.5, 2.5, n).astype("float32"),
        "phi": rng.uniform(-3, 3, n).astype("float32"),
        PLIT[0]: rng.uniform(0.1, 0.99, n).astype("float32"),
        PLIT[1]: (10 ** rng.uniform(-4, 0, n)).astype("float32"),
    }
    return ak.zip({"Muons": ak.unflatten(ak.zip(flat), counts)}, depth_limit=1)


def by_hand(events: Any, cuts: dict[str, Any]) -> Any:
    """The log-ratio, one `evaluate` and one `with_field` for each point."""
    muons = events["Muons"]
    value = np.log(ak.values_astype(muons[PLIT[0]], "float64") / muons[PLIT[1]])
    muons = ak.with_field(muons, value, "discriminant")
    pt = ak.values_astype(muons["pt"], "float64")
    for name, cut in cuts.items():
        muons = ak.with_field(muons, value > cut.evaluate(pt), name)
    return ak.with_field(events, muons, "Muons")


def test_a_million_muons(
    events: Any, benchmark: Any, compare: Callable[..., None], seconds: Callable[..., float]
) -> None:
    cuts: dict[str, Any] = {}
    for path in sorted(TABLES.glob("*.json")):
        cuts |= dict(correctionlib.CorrectionSet.from_file(str(path)).items())
    own = benchmark.pedantic(lepid.decorate, (events, "muon_plit"), rounds=3, warmup_rounds=1)
    found = own["Muons", "muon_plit"]
    expected = by_hand(events, cuts)["Muons"]
    assert len(cuts) == 10
    for name in cuts:
        assert ak.all(found[name] == expected[name]), name
    compare("awkward + correctionlib by hand", seconds(lambda: by_hand(events, cuts)))


@pytest.mark.real
def test_one_tagger_out_of_a_file(
    real_data: Path, benchmark: Any, compare: Callable[..., None], seconds: Callable[..., float]
) -> None:
    path = real_data / "root" / READ_FILE
    accessed: list[Any] = []

    def own() -> Any:
        accessed.clear()
        decorated = lepid.decorate(lepid.open(path, accessed=accessed), "electron_lh")
        return ak.materialize(decorated["Electrons"]["electron_lh"])

    def coffea() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            factory = NanoEventsFactory.from_root(
                {str(path): "CollectionTree"}, schemaclass=PHYSLITESchema, mode="virtual"
            )
            electrons = factory.events()["Electrons"]
            return [ak.materialize(electrons[name]) for name in READ]

    record = benchmark.pedantic(own, rounds=3, warmup_rounds=1)
    for name, flags in zip(READ, coffea(), strict=True):
        point = name.removeprefix("DFCommonElectronsLH")
        assert ak.all(record[point] == ak.values_astype(flags, bool))
    sys.stdout.write(f"\n  lepid read {len(set(map(str, accessed)))} columns")
    compare("coffea's PHYSLITESchema", seconds(coffea))
