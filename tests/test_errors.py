"""The text of every error, the builtin that catches it, and its way through a process pool."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable

import pytest

from lepid import errors
from lepid.errors import LepidError, near_misses

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, LepidError)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_text_is_where_wrong_near_do_in_every_kind(kind: type[LepidError]) -> None:
    error = kind("events.Muons", "no column 'ptt'", ("pt", "pt2"), "add it")
    assert str(error) == "events.Muons: no column 'ptt'\n  near: pt, pt2\n  do:   add it"
    assert str(kind("a", "b")) == "a: b"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "way", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy], ids=["pickle", "copy"]
)
def test_survives_the_way_home_from_a_worker(
    kind: type[LepidError], way: Callable[[LepidError], LepidError]
) -> None:
    error = kind("here", "it broke", ["near"], "mend it")
    home = way(error)
    assert type(home) is kind
    assert str(home) == str(error)
    assert (home.where, home.wrong, home.near, home.do) == (
        "here",
        "it broke",
        ("near",),
        "mend it",
    )


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("MissingColumns", KeyError),
        ("UnknownName", KeyError),
        ("UnknownTagger", KeyError),
        ("UnknownWorkingPoint", KeyError),
        ("UnknownSchema", ValueError),
        ("AmbiguousSchema", ValueError),
        ("WrongUnits", ValueError),
        ("BadCard", ValueError),
        ("BadTable", ValueError),
        ("UnboundTable", ValueError),
        ("MissingNetwork", FileNotFoundError),
        ("ChangedNetwork", ValueError),
        ("NetworkMismatch", ValueError),
        ("BadInput", ValueError),
        ("BadFile", OSError),
        ("NoLeptons", ValueError),
        ("ProviderUnavailable", RuntimeError),
        ("MissingPackage", ImportError),
    ],
)
def test_is_caught_as_the_builtin_and_as_lepid_error(kind: str, builtin: type[Exception]) -> None:
    with pytest.raises(builtin, match="wrong"):
        raise getattr(errors, kind)("where", "wrong")
    assert issubclass(getattr(errors, kind), LepidError)


def test_every_kind_has_a_builtin() -> None:
    listed = {kind.__name__ for kind in KINDS}
    without = {kind.__name__ for kind in KINDS if kind.__bases__ == (LepidError,)}
    assert len(listed) == 19
    assert without == set()


@pytest.mark.parametrize("kind", [errors.BadFile, errors.MissingNetwork])
def test_an_os_error_claims_no_errno_and_no_filename(kind: type[OSError]) -> None:
    error = kind("path", "wrong", ("near",), "do")
    assert (error.errno, error.strerror, error.filename) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("muon_pilt", ["muon_plit", "electron_dnn"], ["muon_plit"]),
        ("PT", ["pt", "eta"], ["pt"]),
        # a shared beginning counts, if it is long enough to mean something
        ("ptvarcone30_other", ["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"],
         ["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500"]),
        ("el_x", ["el_very_long_name_of_a_column"], []),
        ("zzz", ["pt", "eta"], []),
        ("a", [], []),
    ],
)  # fmt: skip
def test_near_misses(name: str, candidates: list[str], expected: list[str]) -> None:
    assert near_misses(name, candidates) == expected


def test_near_misses_are_at_most_three_and_close_spellings_come_first() -> None:
    names = [f"score_{letter}" for letter in "abcdef"]
    found = near_misses("score_b", names)
    assert len(found) == 3
    assert found[0] == "score_b"


def test_missing_columns_lists_all_under_what_needs_them() -> None:
    error = errors.MissingColumns.of(
        "events.Muons", {"eta": "cuts", "phi": "inputs", "pt": "cuts"}, ["Eta", "PT", "Phi", "q"]
    )
    assert error.wrong == ("no column eta, pt (needed by cuts); no column phi (needed by inputs)")
    assert error.near == ("Eta", "Phi", "PT")
    assert "schema=" in error.do
    assert errors.MissingColumns.of("e", {"a": "b"}, [], "mend").do == "mend"


def test_missing_columns_together_keeps_every_fact_once() -> None:
    parts = [
        errors.MissingColumns("events.Muons", "no column a (needed by x)", ["A"], "do this"),
        errors.MissingColumns(
            "events.Electrons", "no column b (needed by y)", ["A", "B"], "do this"
        ),
        errors.MissingColumns("events.Muons", "no column c (needed by z)", [], "do that"),
    ]
    error = errors.MissingColumns.together(parts)
    assert error.where == "events.Muons, events.Electrons"
    assert error.wrong.split("; ") == [part.wrong for part in parts]
    assert error.near == ("A", "B")
    assert error.do == "do this; do that"


def test_unknown_name_says_what_exists() -> None:
    error = errors.UnknownName.of("taggers", "tagger", "muon_pilt", ["muon_plit", "electron_dnn"])
    assert str(error) == (
        "taggers: no tagger 'muon_pilt'\n"
        "  near: muon_plit\n"
        "  do:   use one of: electron_dnn, muon_plit"
    )
    assert errors.UnknownName.of("t", "tagger", "x", []).do == "use one of: none"


def test_schema_errors_name_the_fields_and_the_formats() -> None:
    fields = [f"field{i}" for i in range(20)]
    unknown = errors.UnknownSchema.of(fields, {"physlite": ["Electrons"], "nanoaod": ["Electron"]})
    assert "field0" in unknown.wrong
    assert "field12" not in unknown.wrong
    assert ", ..." in unknown.wrong
    assert "physlite: Electrons; nanoaod: Electron" in unknown.do
    near = errors.UnknownSchema.of(["electrons"], {"physlite": ["Electrons"]})
    assert near.near == ("electrons",)
    ambiguous = errors.AmbiguousSchema.of({"physlite": ["Muons"], "nanoaod": ["Muon"]})
    assert "physlite (Muons); nanoaod (Muon)" in ambiguous.wrong
    assert "physlite, nanoaod" in ambiguous.do


def test_other_messages_hold_their_facts() -> None:
    units = errors.WrongUnits.of("events.Muons['pt']", "MeV", 5.0, 90.25, "physlite")
    for fact in ("MeV", "'physlite'", "from 5 to 90.25"):
        assert fact in units.wrong
    card = errors.BadCard.of("card.toml", ["a: b", "c: d"], ["near"])
    assert (card.wrong, card.near) == ("a: b; c: d", ("near",))
    unbound = errors.UnboundTable.of("t.json", "network A", "network B")
    assert "bound to network A" in unbound.wrong
    assert "used with network B" in unbound.wrong
    missing = errors.MissingNetwork.of("card x", "n.onnx", ["/a", "/b"], "set LEPID_MODELS")
    assert "n.onnx not found (looked in: /a, /b)" in missing.wrong
    assert "no folder is set" in errors.MissingNetwork.of("c", "n", [], "do").wrong
    changed = errors.ChangedNetwork.of("n.onnx", "a" * 64, "b" * 64)
    assert "b" * 16 in changed.wrong
    assert "states " + "a" * 16 in changed.wrong
    package = errors.MissingPackage.of("dask", "for dask events", "dask")
    assert package.do == "pip install 'lepid[dask]'"
