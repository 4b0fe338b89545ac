"""Tables of several collections, and the rows that links lead to, beside plain Python."""

from __future__ import annotations

from typing import Any

import awkward as ak
import dask_awkward as dak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepid.errors import BadInput
from lepid.events.objects import tables
from lepid.events.objects.flat import Ragged
from lepid.events.objects.tables import Table, apply, field, first, follow, table_of
from lepid.events.recognise import Recognised, recognise
from lepid.events.schema import Schema, load

SCHEMA = load("physlite")
GSF, INDET, FORWARD = 776133387, 490246363, 339503174
Links = list[tuple[int, int]]


@st.composite
def linked_events(draw: Any) -> list[dict[str, Any]]:
    """Electrons with any number of links to GSF tracks, and these with one to an ID track."""

    def link(key: int, n: int) -> tuple[int, int]:
        kinds = [(0, 0), (FORWARD, 99)] + ([(key, draw(st.integers(0, n - 1)))] * 3 if n else [])
        return draw(st.sampled_from(kinds))

    events = []
    for _ in range(draw(st.integers(0, 4))):
        n_electron, n_gsf, n_track = (draw(st.integers(0, 3)) for _ in range(3))
        events.append({
            "d0": [draw(st.floats(-9, 9, width=32)) for _ in range(n_track)],
            "original": [link(INDET, n_track) for _ in range(n_gsf)],
            "links": [
                [link(GSF, n_gsf) for _ in range(draw(st.integers(0, 3)))]
                for _ in range(n_electron)
            ],
        })  # fmt: skip
    # One of each, so that no type is unknown.
    return [*events, {"d0": [0.5], "original": [(INDET, 0)], "links": [[(GSF, 0)], []]}]


def records(events: list[dict[str, Any]], name: str) -> Any:
    """Records of key and index."""
    array = ak.Array([event[name] for event in events])
    keys, places = array["0"], array["1"]
    parts = {"m_persKey": keys, "m_persIndex": places}
    return ak.zip({n: ak.values_astype(part, np.uint32) for n, part in parts.items()})


def tables_from(events: list[dict[str, Any]]) -> dict[str, Table]:
    d0 = ak.values_astype(ak.Array([event["d0"] for event in events]), np.float32)
    columns = {
        "Electrons": {"trackParticleLinks": records(events, "links")},
        "GSFTrackParticles": {"originalTrackParticle": records(events, "original")},
        "InDetTrackParticles": {"d0": d0},
    }
    return {name: table_of(mine, name) for name, mine in columns.items()}


def slow(events: list[dict[str, Any]]) -> list[list[int]]:
    """Rows among all ID tracks, of each electron."""
    found, before = [], 0
    for event in events:
        for links in event["links"]:
            found.append([])
            for key, place in links:
                to, row = event["original"][place] if key == GSF else (0, 0)
                found[-1].append(before + row if to == INDET else -1)
        before += len(event["d0"])
    return found


@given(linked_events())
def test_links_of_links_beside_plain_python(events: list[dict[str, Any]]) -> None:
    made = tables_from(events)
    path = "trackParticleLinks.originalTrackParticle"
    offsets, rows = follow(made, "Electrons", path, SCHEMA)
    expected = slow(events)
    assert ak.unflatten(rows, np.diff(offsets)).to_list() == expected
    best = [rows[0] if rows else -1 for rows in expected]
    assert first(offsets, rows).tolist() == best
    d0 = [value for event in events for value in event["d0"]]
    values = tables.linked(made, "Electrons", {"it": f"{path}.d0"}, SCHEMA)["it"]
    np.testing.assert_array_equal(values, [d0[row] if row >= 0 else np.nan for row in best])


def test_one_link_per_object_is_like_a_vector_of_one() -> None:
    events = [{"links": [[(GSF, 1)], [(0, 0)]], "original": [(0, 0), (INDET, 0)], "d0": [1.0]}]
    made = tables_from(events)
    single = {"trackParticleLinks": records(events, "links")[:, :, 0]}
    flat = {**made, "Electrons": table_of(single, "Electrons")}
    for where in (made, flat):
        assert first(*follow(where, "Electrons", "trackParticleLinks", SCHEMA)).tolist() == [1, -1]
        path = {"d0": "trackParticleLinks.originalTrackParticle.d0"}
        values = tables.linked(where, "Electrons", path, SCHEMA)
        np.testing.assert_array_equal(values["d0"], [1.0, np.nan])


def test_links_that_lead_beyond() -> None:
    events = [
        {"links": [[(GSF, 0)]], "original": [(INDET, 0)], "d0": [1.0]},
        {"links": [[(GSF, 1)]], "original": [(INDET, 0)], "d0": [1.0]},
    ]
    with pytest.raises(BadInput, match="1 of 2 lead beyond the objects of GSFTrackParticles"):
        follow(tables_from(events), "Electrons", "trackParticleLinks", SCHEMA)


def test_the_number_at_a_place_of_a_vector() -> None:
    vectors = ak.Array([[[1.0, 2.0, 3.0], [4.0]], []])
    collection = ak.zip({"v": vectors}, depth_limit=2)
    assert field(collection, "v[0]").to_list() == [[1.0, 4.0], []]
    assert field(collection, "v[2]").to_list() == [[3.0, None], []]
    found = table_of({"z": field(collection, "v[1]")}, "Tracks")
    np.testing.assert_array_equal(found.columns["z"], [2.0, np.nan])


def test_one_object_per_event() -> None:
    found = table_of({"sigma": ak.Array([0.1, 0.2])}, "EventInfo")
    assert found.offsets.tolist() == [0, 1, 2]
    assert found.event.tolist() == [0, 1]


def test_columns_that_disagree() -> None:
    links = ak.zip({"m_persKey": [[GSF], []], "m_persIndex": [[0], []]})
    with pytest.raises(BadInput, match="different numbers of objects") as caught:
        table_of({"pt": ak.Array([[1.0], [2.0]]), "x": links}, "Electrons")
    assert caught.value.where == "events.Electrons"


# --- apply --------------------------------------------------------------------------------------


def muons_of() -> Any:
    """Two events with muons, their clusters and tracks."""
    links = ak.zip({"m_persKey": [[7, 0], [7]], "m_persIndex": [[1, 0], [0]]})
    muons = ak.zip({"pt": [[30.0, 20.0], [10.0]], "eta": [[0.0, 0.1], [0.2]], "clusterLink": links})
    clusters = ak.zip({"calE": [[5.0, 6.0], [7.0]], "calEta": [[0.0, 0.0], [0.0]]})
    tracks = ak.zip({"d0": [[1.0, 2.0, 3.0], []], "z0": [[1.0, 2.0, 3.0], []]})
    columns = {"Muons": muons, "MuonClusters": clusters, "InDetTrackParticles": tracks}
    return ak.zip(columns, depth_limit=1)


def run(events: Any) -> Any:
    known: Recognised = recognise(events)
    columns = {"p": "pt", "calE": "clusterLink.calE"}
    return apply(known, "Muons", columns, counted, {"InDetTrackParticles": {"x": "d0"}})


def counted(columns: Any, found: Any) -> dict[str, Any]:
    """pt, energy of the cluster, and the d0 of all tracks of the event for each muon."""
    track, muon = found["InDetTrackParticles"], found["Muons"]
    counts = np.diff(track.offsets)[muon.event]
    offsets = tables.offsets_of(counts)
    places = np.arange(offsets[-1]) + np.repeat(track.offsets[muon.event] - offsets[:-1], counts)
    return {**columns, "d0": Ragged(offsets, track.columns["x"][places])}


EXPECTED = [
    [{"p": 30.0, "calE": 6.0, "d0": [1.0, 2.0, 3.0]}, {"p": 20.0, "calE": None, "d0": [1, 2, 3]}],
    [{"p": 10.0, "calE": 7.0, "d0": []}],
]


def test_apply_with_tables() -> None:
    assert ak.nan_to_none(run(muons_of())).to_list() == EXPECTED
    assert str(run(muons_of()[:0]).type) == str(run(muons_of()).type).replace("2 *", "0 *")


def test_a_column_with_a_dot_in_its_name() -> None:
    events = muons_of()
    muons = ak.with_field(events["Muons"], events["Muons"]["pt"] * 2, "gsf.chi2")
    known = recognise(ak.with_field(events, muons, "Muons"))
    columns = {"pt": "pt", "chi2": "gsf.chi2"}
    found = apply(known, "Muons", columns, lambda flat, _: flat)
    assert found["chi2"].to_list() == [[60.0, 40.0], [20.0]]


def test_apply_with_tables_in_dask() -> None:
    found = run(dak.from_awkward(muons_of(), 2))
    assert ak.nan_to_none(found.compute()).to_list() == EXPECTED


def test_apply_traces_only_what_it_needs() -> None:
    form = ak.to_buffers(muons_of())[0]
    layout, report = ak.typetracer.typetracer_with_report(form)
    assert ak.backend(run(ak.Array(layout))) == "typetracer"

    def touched(collection: str) -> set[str]:
        record = form.content(collection).content
        return {n for n in record.fields if record.content(n).form_key in report.data_touched}

    assert touched("InDetTrackParticles") == {"d0"}
    assert touched("MuonClusters") == {"calE"}
    assert touched("Muons") == {"pt"}
    link = form.content("Muons").content.content("clusterLink")
    assert {link.content(n).form_key for n in link.fields} <= set(report.data_touched)


def test_links_and_columns_of_other_leptons() -> None:
    events = muons_of()
    known = recognise(events)
    columns = {"pt": events["Muons"]["pt"][:, :1], "calE": "clusterLink.calE"}
    with pytest.raises(BadInput, match="the links and the other columns have different numbers"):
        apply(known, "Muons", columns, counted)


def test_the_schema_of_the_tests_has_these_links() -> None:
    assert isinstance(SCHEMA, Schema)
    assert SCHEMA.keys["InDetTrackParticles"] == INDET
    assert SCHEMA.links["trackParticleLinks"] == "GSFTrackParticles"
    assert SCHEMA.around() >= {"InDetTrackParticles", "EventInfo", "MuonClusters"}


@st.composite
def labelled(draw: Any) -> list[dict[str, Any]]:
    """Clusters with a number for each bit of a pattern, tracks with parameters at positions."""
    events = []
    for _ in range(draw(st.integers(1, 4))):
        patterns = draw(st.lists(st.integers(0, 2**8 - 1), max_size=3))
        places = [draw(st.lists(st.integers(0, 4), unique=True, max_size=4)) for _ in patterns]
        numbers = st.floats(-9, 9, width=32)
        events.append({
            "pattern": patterns,
            "sampl": [[draw(numbers) for _ in range(p.bit_count())] for p in patterns],
            "position": places,
            "px": [[draw(numbers) for _ in place] for place in places],
        })  # fmt: skip
    # One of each, so that no type is unknown.
    return [*events, {"pattern": [2], "sampl": [[0.5]], "position": [[2]], "px": [[0.5]]}]


@pytest.mark.parametrize("kind", ["eager", "dask"])
@settings(max_examples=20)
@given(events=labelled(), label=st.integers(0, 7))
def test_a_number_of_a_vector_by_its_label(
    kind: str, events: list[dict[str, Any]], label: int
) -> None:
    table = ak.zip({name: [e[name] for e in events] for name in events[0]}, depth_limit=2)
    table = ak.with_field(table, ak.values_astype(table["pattern"], np.uint32), "pattern")
    table = dak.from_awkward(table, 2) if kind == "dask" else table
    bits: list[list[float | None]] = [[] for _ in events]
    places: list[list[float | None]] = [[] for _ in events]
    for i, e in enumerate(events):
        for pattern, sampl, position, px in zip(*e.values(), strict=True):
            there = [n for n in range(8) if pattern >> n & 1]
            bits[i].append(sampl[there.index(label)] if label in there else None)
            places[i].append(px[position.index(label)] if label in position else None)
    for path, expected in ((f"sampl[pattern={label}]", bits), (f"px[position={label}]", places)):
        found = field(table, path)
        assert (found.compute() if kind == "dask" else found).to_list() == expected


def test_a_vector_that_is_shorter_than_its_pattern() -> None:
    table = ak.zip({"sampl": [[[1.0], []]], "pattern": np.array([[0b101, 0b1]])}, depth_limit=2)
    assert field(table, "sampl[pattern=2]").to_list() == [[None, None]]
    assert field(table, "sampl[pattern=0]").to_list() == [[1.0, None]]
    assert field(dak.from_awkward(table, 1), "sampl[0]").compute().to_list() == [[1.0, None]]
