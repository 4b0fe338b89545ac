"""The same events eager, virtual, as dask collections, traced and plain: the same results."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import cloudpickle
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory, PHYSLITESchema
from coffea.nanoevents.trace import trace_with_typetracer
from coffea.processor import FuturesExecutor, ProcessorABC, Runner

import lepid
from lepid import errors

MODES = ("eager", "virtual", "dask")
TAGGERS = ["cms_electron_mva_iso", "cms_muon_mva_id"]
PHYSLITE = "coffea_PHYSLITE_example.root"
# coffea warns about every branch that it cannot read.
quiet = pytest.mark.filterwarnings("ignore:Skipping:UserWarning")
needs_dask = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def value(array: Any) -> Any:
    return array.compute() if hasattr(array, "compute") else array


def plain(path: Path) -> Any:
    """The columns of `nano_file` as plain awkward records, read with uproot alone."""
    with uproot.open(path) as file:
        tree = file["Events"]
        collections = {
            name: ak.zip(
                {
                    key.partition("_")[2]: tree[key].array()
                    for key in tree.keys(filter_name=f"{name}_*")
                }
            )
            for name in ("Electron", "Muon")
        }
        return ak.zip({**collections, "genWeight": tree["genWeight"].array()}, depth_limit=1)


def results(events: Any) -> str:
    decorated = lepid.decorate(events, TAGGERS, truth=True)
    where = (("Electron", "cms_electron_mva_iso"), ("Muon", "cms_muon_mva_id"))
    records = [value(decorated[collection][tagger]).to_list() for collection, tagger in where]
    truth = [value(decorated[collection]["truth_cms"]).to_list() for collection, _ in where]
    return str([*records, *truth])


@needs_dask
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_what_plain_records_give(
    nano: Callable[[str], Any], nano_file: Path, mode: str
) -> None:
    expected = results(plain(nano_file))
    assert expected.count("True") > 50
    assert results(nano(mode)) == expected


@pytest.mark.parametrize("kind", ["lepid.open", "parquet"])
def test_files_give_what_plain_records_give(nano_file: Path, tmp_path: Path, kind: str) -> None:
    expected = results(plain(nano_file))
    path = nano_file
    if kind == "parquet":
        path = tmp_path / "nano.parquet"
        ak.to_parquet(plain(nano_file), path)
    assert results(lepid.open(path)) == expected


@needs_dask
@pytest.mark.parametrize("mode", MODES)
def test_input_is_left_as_it_was(nano: Callable[[str], Any], mode: str) -> None:
    events = nano(mode)
    fields, attrs = list(events["Electron"].fields), sorted(events.attrs)
    lepid.decorate(events, truth=True)
    assert list(events["Electron"].fields) == fields
    assert sorted(events.attrs) == attrs


@needs_dask
@pytest.mark.parametrize("mode", MODES)
def test_behaviours_and_metadata_survive(nano: Callable[[str], Any], mode: str) -> None:
    events = nano(mode)
    decorated = lepid.decorate(events, TAGGERS)
    assert type(value(decorated)).__name__ == "NanoEventsArray"
    electrons = value(decorated["Electron"])
    assert type(electrons).__name__ == "ElectronArray"
    assert ak.all(electrons.delta_r(electrons) == 0)
    tight = electrons[electrons["cms_electron_mva_iso", "WP80"]]
    assert type(tight).__name__ == "ElectronArray"
    assert 0 < ak.count(tight["pt"]) < ak.count(electrons["pt"])


@pytest.mark.parametrize("mode", ["eager", "virtual"])
def test_inplace(nano: Callable[[str], Any], mode: str) -> None:
    events = nano(mode)
    expected = results(nano(mode))
    assert lepid.decorate(events, TAGGERS, truth=True, inplace=True) is events
    assert set(events.attrs["lepid"]) == set(TAGGERS)
    found = [events["Electron", TAGGERS[0]].to_list(), events["Muon", TAGGERS[1]].to_list()]
    found += [events[name, "truth_cms"].to_list() for name in ("Electron", "Muon")]
    assert str(found) == expected


@needs_dask
def test_dask_events_cannot_be_changed_in_place(nano: Callable[[str], Any]) -> None:
    events = nano("dask")
    with pytest.raises(errors.BadInput, match="dask events cannot be changed in place"):
        lepid.decorate(events, TAGGERS, inplace=True)
    assert TAGGERS[0] not in events["Electron"].fields


@needs_dask
def test_dask_events_are_measured_after_compute(nano: Callable[[str], Any]) -> None:
    decorated = lepid.decorate(nano("dask"), TAGGERS)
    with pytest.raises(errors.BadInput) as caught:
        lepid.measure(decorated, TAGGERS[0])
    assert "compute()" in caught.value.do
    expected = lepid.measure(lepid.decorate(nano("eager"), TAGGERS), TAGGERS[0])
    found = lepid.measure(decorated.compute(), TAGGERS[0])
    assert found.histogram == expected.histogram
    assert found.populated


@needs_dask
@pytest.mark.parametrize("mode", MODES)
def test_a_mask_in_every_mode(nano: Callable[[str], Any], mode: str) -> None:
    events = nano(mode)
    mask = events["Electron"]["pt"] > 20
    record = value(
        lepid.decorate(events, TAGGERS, where={"Electron": mask})["Electron"][TAGGERS[0]]
    )
    inside = value(mask)
    assert record["scored"].to_list() == inside.to_list()
    assert 0 < ak.sum(inside) < ak.count(inside)
    assert ak.all(np.isnan(record["score"]) == ~inside)
    assert not ak.any(record["WP90"][~inside])


@needs_dask
@pytest.mark.parametrize("mode", MODES)
def test_decide_in_every_mode(nano: Callable[[str], Any], mode: str) -> None:
    decorated = lepid.decorate(nano(mode), TAGGERS)
    pt = decorated["Electron"]["pt"] * 1.3
    found = value(lepid.decide(decorated, TAGGERS[0], pt=pt))
    eager = lepid.decorate(nano("eager"), TAGGERS)
    expected = lepid.decide(eager, TAGGERS[0], pt=eager["Electron", "pt"] * 1.3)
    assert str(found.to_list()) == str(expected.to_list())
    assert ak.any(found["WP80"] != eager["Electron", TAGGERS[0], "WP80"])


# --- columns ------------------------------------------------------------------------------------

NEEDED = {"nElectron", "Electron_pt", "Electron_eta", "Electron_deltaEtaSC", "Electron_mvaIso"}


def test_tracing_finds_exactly_the_needed_columns(nano: Callable[[str], Any]) -> None:
    def process(events: Any) -> Any:
        return lepid.decorate(events, "cms_electron_mva_iso")["Electron"]["cms_electron_mva_iso"]

    assert set(trace_with_typetracer(process, nano("virtual"))) == NEEDED


def test_tracing_a_mask_and_a_measurement(nano: Callable[[str], Any]) -> None:
    def process(events: Any) -> Any:
        mask = {"Electron": events["Electron"]["phi"] > 0}
        decorated = lepid.decorate(events, "cms_electron_mva_iso", where=mask)
        return lepid.measure(decorated, "cms_electron_mva_iso")

    found = set(trace_with_typetracer(process, nano("virtual")))
    assert found == NEEDED | {"Electron_phi", "Electron_genPartFlav"}


@needs_dask
def test_dask_reads_exactly_the_needed_columns(nano: Callable[[str], Any]) -> None:
    dask_awkward = pytest.importorskip("dask_awkward")
    decorated = lepid.decorate(nano("dask"), "cms_electron_mva_iso")
    passed = decorated["Electron"]["cms_electron_mva_iso"]["WP80"]
    (columns,) = dask_awkward.necessary_columns(passed).values()
    assert set(columns) == NEEDED


def test_virtual_events_read_exactly_the_needed_columns(nano_file: Path) -> None:
    accessed: list[Any] = []
    decorated = lepid.decorate(lepid.open(nano_file, accessed=accessed), "cms_electron_mva_iso")
    ak.materialize(decorated["Electron"]["cms_electron_mva_iso"])
    names = {str(getattr(entry, "branch", entry)).rpartition("/")[2] for entry in accessed}
    assert {"Electron_pt", "Electron_mvaIso"} <= names <= NEEDED


# --- attrs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["eager", "virtual"])
def test_notes_survive_slicing_masking_and_joining(nano: Callable[[str], Any], mode: str) -> None:
    decorated = lepid.decorate(nano(mode), TAGGERS)
    keep = ak.num(decorated["Electron"]) > 0
    changed = {
        "slice": decorated[5:20],
        "step": decorated[::2],
        "mask": decorated[keep],
        "option": ak.mask(decorated, keep),
        "collection": decorated["Electron"],
        "leptons": decorated["Electron"][decorated["Electron", "pt"] > 20],
        "field": ak.with_field(decorated, keep, "keep"),
        "joined": ak.concatenate([decorated[:5], decorated[5:]]),
    }
    for name, array in changed.items():
        assert set(array.attrs["lepid"]) == set(TAGGERS), name


def test_notes_survive_dask(nano: Callable[[str], Any]) -> None:
    decorated = lepid.decorate(nano("dask"), TAGGERS)
    assert set(decorated.attrs["lepid"]) == set(TAGGERS)
    assert set(decorated[::2].compute().attrs["lepid"]) == set(TAGGERS)


def test_notes_survive_pickling(nano: Callable[[str], Any], events: Any) -> None:
    own = lepid.decorate(events, "muon_plit")
    assert pickle.loads(pickle.dumps(own)).attrs["lepid"] == own.attrs["lepid"]
    decorated = lepid.decorate(nano("eager"), TAGGERS)
    back = cloudpickle.loads(cloudpickle.dumps(decorated))
    assert back.attrs["lepid"] == decorated.attrs["lepid"]
    assert str(back["Electron", TAGGERS[0]].to_list()) == str(
        decorated["Electron", TAGGERS[0]].to_list()
    )


def test_decorated_slices_can_be_measured_and_decided(nano: Callable[[str], Any]) -> None:
    decorated = lepid.decorate(nano("virtual"), TAGGERS)
    part = decorated[ak.num(decorated["Electron"]) > 1]
    whole = lepid.measure(decorated, TAGGERS[0])
    less = lepid.measure(part, TAGGERS[0])
    totals = [t.efficiency("WP80", list(t.classes), by=()).total for t in (less, whole)]
    assert totals == [ak.count(part["Electron", "pt"]), ak.count(decorated["Electron", "pt"])]
    assert lepid.decide(part, TAGGERS[0])["WP80"].to_list() == (
        part["Electron", TAGGERS[0], "WP80"].to_list()
    )


# --- coffea's processor -------------------------------------------------------------------------


class Processor(ProcessorABC):  # type: ignore[misc]
    """Measures one tagger; what a user of coffea writes."""

    def process(self, events: Any) -> dict[str, Any]:
        decorated = lepid.decorate(events, "cms_electron_mva_iso")
        table = lepid.measure(decorated, "cms_electron_mva_iso", weight="genWeight")
        return {"counts": table.histogram, "n": len(events)}

    def postprocess(self, accumulator: Any) -> Any:
        return accumulator


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_processor_under_the_futures_executor(
    nano: Callable[[str], Any], nano_file: Path
) -> None:
    runner = Runner(
        executor=FuturesExecutor(workers=1, status=False),
        schema=NanoAODSchema,
        chunksize=25,
        savemetrics=False,
    )
    fileset = {"sample": {"files": {str(nano_file): "Events"}}}
    found = runner(fileset, processor_instance=Processor())
    expected = Processor().process(nano("eager"))
    assert found["n"] == expected["n"]
    np.testing.assert_allclose(
        found["counts"].values(flow=True), expected["counts"].values(flow=True)
    )


# --- PHYSLITE of ATLAS --------------------------------------------------------------------------


def physlite(real_data: Path, mode: str) -> Any:
    path = real_data / "root" / PHYSLITE
    factory = NanoEventsFactory.from_root(
        {str(path): "CollectionTree"}, schemaclass=PHYSLITESchema, mode=mode
    )
    return factory.events()


@quiet
@needs_dask
@pytest.mark.real
@pytest.mark.parametrize("mode", ["eager", "virtual", pytest.param("dask", marks=pytest.mark.slow)])
def test_links_of_decorated_physlite_still_work(real_data: Path, mode: str) -> None:
    events = physlite(real_data, mode)
    expected = value(events.Electrons.trackParticles.pt).to_list()
    decorated = lepid.decorate(events, "electron_lh", truth=True)
    gc.collect()
    electrons = value(decorated.Electrons)
    assert type(electrons).__name__ == "ElectronArray"
    assert value(decorated.Electrons.trackParticles.pt).to_list() == expected
    loose = value(decorated.Electrons.electron_lh.Loose)
    plain_loose = value(events.Electrons["DFCommonElectronsLHLoose"])
    assert loose.to_list() == ak.values_astype(plain_loose, bool).to_list()
    tight = decorated.Electrons[decorated.Electrons["electron_lh", "Tight"]]
    n_tight = value(ak.count(tight.trackParticles.pt[:, :, :1], axis=None))
    assert n_tight == ak.sum(value(decorated.Electrons["electron_lh", "Tight"]))


@quiet
@pytest.mark.real
def test_tracing_physlite_finds_exactly_the_needed_columns(real_data: Path) -> None:
    def process(events: Any) -> Any:
        return lepid.decorate(events, "electron_ecids")["Electrons"]["electron_ecids"]

    def only(events: Any) -> Any:
        # What coffea itself touches for these columns: they and the offsets of the collection.
        electrons = events["Electrons"]
        names = ["pt", "DFCommonElectronsECIDS", "DFCommonElectronsECIDSResult"]
        return [ak.typetracer.touch_data(electrons[name]) for name in names]

    found = trace_with_typetracer(process, physlite(real_data, "virtual"))
    assert set(found) == set(trace_with_typetracer(only, physlite(real_data, "virtual")))
    assert any(name.endswith("ECIDSResult") for name in found)
