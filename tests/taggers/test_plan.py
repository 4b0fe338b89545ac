"""What a tagger will be evaluated from, and every reason why it cannot be."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lepid.errors import (
    BadInput,
    BadTable,
    MissingColumns,
    MissingNetwork,
    NetworkMismatch,
    UnboundTable,
    UnknownName,
    UnknownTagger,
)
from lepid.events import schema
from lepid.events.columns import Columns
from lepid.events.schema import Collection
from lepid.tables import binning, correction
from lepid.taggers import plan
from lepid.taggers.plan import Plan
from lepid.working_points import table as working_points
from lepid.working_points.table import Binding, Requirement, Rules

pytestmark = pytest.mark.usefixtures("no_search_paths")

PLIT = ["PLIT_TPLTmu_pmuxpromp", "PLIT_TPLTmu_pnpxall"]
DNN = [f"DFCommonElectronsDNN_{name}" for name in ("pel", "pcf", "ppc", "phf", "ple", "plh")]
KINEMATICS = ["pt", "eta", "phi"]
ATHENA = dict.fromkeys(("f_CF", "f_PC", "f_HF", "f_LFEg", "f_LFH"), 0.2)


def make(name: str, columns: Iterable[str], source: Any = "auto", fractions: Any = None) -> Plan:
    where = Columns(schema.load("physlite"), "Muons", {"Muons": list(columns)})
    return plan.make(name, source, where, fractions=fractions or {})


@pytest.fixture
def own(tmp_path: Path, tiny_network: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Writes a network of a tagger `mine` with its card, below LEPID_MODELS."""
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))

    def write(network: str = "one", more: str = "", *, there: bool = True, width: int = 2) -> Any:
        folder = tmp_path / "mine" / network
        net = tiny_network(folder / "net.onnx", width=width)
        (folder / "card.toml").write_text(
            f'tagger = "mine"\nnetwork = "{network}"\nflavour = "muon"\ndescription = "d"\n'
            f'source = "ours"\n{more}\n'
            '[[outputs]]\nname = "p"\nnode = "y"\nindex = 0\nstored = ["my_p"]\n'
            '[[outputs]]\nname = "q"\nnode = "y"\nindex = 1\nstored = ["my_q"]\n'
            '[discriminants.D]\nkind = "ratio"\n'
            'numerator = { p = "1" }\ndenominator = { q = "1" }\n'
            f'[[networks]]\nfile = "net.onnx"\nsha256 = "{net.sha256}"\n'
            '[[networks.nodes]]\nname = "x"\n'
            'inputs = [{ feature = "pt", unit = "GeV" }, "abseta"]\n'
        )
        if not there:
            net.path.unlink()
        return net

    return write


def put_table(folder: Path, name: str = "t.json", **changes: Any) -> None:
    point = Requirement(correction="cut", quantity="D", sense=">")
    content = {
        "tagger": "mine", "points": {"Loose": (point,)}, "inputs": {"pt": "pt"},
        "bound_to": Binding(columns=("my_p", "my_q")),
    }  # fmt: skip
    cut = correction("cut", "", {"pt": "[GeV]"}, ("cut", ""), binning("pt", [0, 100], [1.0]))
    working_points.write(folder / name, "d", Rules(**(content | changes)), [cut])


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parts"),
    [("muon_plit", ("muon_plit", None)), ("muon_plit@stored", ("muon_plit", "stored"))],
)
def test_split(name: str, parts: tuple[str, str | None]) -> None:
    assert plan.split(name) == parts


@pytest.mark.parametrize("name", ["muon_plit@", "@stored", "@"])
def test_half_a_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="is not <tagger> or <tagger>@<network>"):
        plan.split(name)


def test_an_unknown_tagger_or_network() -> None:
    with pytest.raises(UnknownTagger, match="no tagger 'muon_pilt'"):
        make("muon_pilt", KINEMATICS)
    with pytest.raises(UnknownTagger, match="muon_plit: no network 'run3'") as caught:
        make("muon_plit@run3", KINEMATICS)
    assert "atlas-2025-04-25-run3" in caught.value.do


# --- stored scores ------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["auto", "stored"])
def test_stored_scores_with_all_that_follows(source: str) -> None:
    found = make("muon_plit", [*PLIT, *KINEMATICS], source)
    assert found.source == "stored"
    assert found.card.name == "muon_plit@stored"
    assert found.stored == {"pmuxpromp": PLIT[0], "pnpxall": PLIT[1]}
    assert list(found.forms) == ["discriminant"]
    points = [point for table in found.tables for point in table.points]
    assert len(points) == 10
    # only what is needed is read
    assert set(found.columns) == {*PLIT, "pt"}
    assert (found.networks, found.provider, found.reasons) == ((), "", ())


def test_a_named_network_takes_the_stored_scores_with_its_own_points() -> None:
    found = make("muon_plit@atlas-2025-04-25-run3", [*PLIT, *KINEMATICS])
    assert found.source == "stored"
    assert [point[:2] for table in found.tables for point in table.points] == ["R3"] * 5


def test_columns_are_read_under_the_names_of_the_events() -> None:
    names = {PLIT[0]: "a", PLIT[1]: "b", "pt": "pt_NOSYS"}
    muons = Collection("muon", ("mu",), {name: (own,) for name, own in names.items()})
    own = replace(schema.load("plain"), collections={"muon": muons})
    where = Columns(own, "mu", {"mu": list(names.values())})
    assert plan.make("muon_plit", "auto", where, fractions={}).columns == names


def test_missing_scores_are_listed_with_near_names_and_what_else_could_run() -> None:
    with pytest.raises(MissingColumns) as caught:
        make("muon_plit", ["pt", "PLIT_TPLTmu_pmuxprompt"])
    error = caught.value
    assert error.where == "events.Muons"
    assert all(column in error.wrong for column in PLIT)
    assert "needed by muon_plit@stored" in error.wrong
    assert "PLIT_TPLTmu_pmuxprompt" in error.near
    assert "muon_plit@atlas-2025-04-25-run3" in error.do


def test_one_score_of_two_is_none() -> None:
    with pytest.raises(MissingColumns):
        make("muon_plit", [PLIT[0], *KINEMATICS])


def test_decisions_without_scores_are_taken_with_their_reason() -> None:
    found = make("electron_dnn", ["DFCommonElectronsDNNTight", *DNN[:3], "pt"])
    assert found.decisions == {"Tight": "DFCommonElectronsDNNTight"}
    assert (found.stored, found.forms) == ({}, {})
    assert set(found.columns) == {"DFCommonElectronsDNNTight", "pt"}
    scores, decisions = found.reasons
    assert scores == f"no scores: the file has no {', '.join(DNN[3:])}"
    assert decisions.startswith("decisions not stored: Loose, Medium, LooseNoCF")


def test_scores_without_fractions_have_no_d_el_and_say_so() -> None:
    found = make("electron_dnn", [*DNN, "pt"])
    assert list(found.forms) == ["D_CF", "D_CF_ratio"]
    assert any(reason.startswith("D_el needs the fractions") for reason in found.reasons)
    assert "eta" not in found.columns


def test_fractions_choose_the_form_and_bins_need_eta() -> None:
    found = make("electron_dnn", [*DNN, "pt"], fractions=ATHENA)
    assert {"D_el", "D_el_cf_background"} <= set(found.forms)
    assert "eta" not in found.columns
    binned = make("electron_dnn", [*DNN, *KINEMATICS], fractions=ATHENA | {"f_CF": [0.1] * 10})
    assert binned.columns["eta"] == "eta"
    with pytest.raises(MissingColumns, match=r"no column eta \(needed by the fractions"):
        make("electron_dnn", [*DNN, "pt"], fractions=ATHENA | {"f_CF": [0.1] * 10})
    # bins of a fraction that no discriminant at hand uses need nothing
    assert "eta" not in make("electron_dnn", [*DNN, "pt"], fractions={"f_CF": [0.1] * 10}).columns


def test_a_misspelt_fraction() -> None:
    with pytest.raises(UnknownName, match="no fraction 'f_cf'") as caught:
        make("electron_dnn", [*DNN, "pt"], fractions={"f_cf": 0.1})
    assert "f_CF" in caught.value.near


def test_pt_is_always_needed() -> None:
    with pytest.raises(MissingColumns, match="no column pt"):
        make("electron_lh", ["DFCommonElectronsLHLoose"])


def test_a_stored_tagger_has_no_network_to_run() -> None:
    # The columns are there: an error about columns would mislead.
    with pytest.raises(BadInput, match="tagger electron_ecids: it has no network to run") as caught:
        make("electron_ecids", ["DFCommonElectronsECIDS", "pt"], "network")
    assert caught.value.do == 'use stored scores, source="stored"'


def test_a_network_tagger_has_no_stored_scores() -> None:
    name = "cms_electron_pfid_dnn"
    for asked in (name, f"{name}@run3winter22-exteta1"):
        with pytest.raises(BadInput, match="files do not store its scores") as caught:
            make(asked, KINEMATICS, "stored")
        assert "run3winter22-exteta1" in caught.value.do


# --- networks -----------------------------------------------------------------------------------


def test_resolution_order(own: Any) -> None:
    net = own()
    stored = make("mine", ["my_p", "my_q", *KINEMATICS])
    assert (stored.source, stored.provider) == ("stored", "")
    network = make("mine", ["my_p", "my_q", *KINEMATICS], "network")
    assert network.source == "network"
    assert network.provider in {"cpu", "cuda"}
    assert [(path, digest) for _, path, digest in network.networks] == [(str(net.path), net.sha256)]
    assert set(network.columns) == {"pt", "eta"}
    assert make("mine", KINEMATICS).source == "network"
    with pytest.raises(MissingColumns, match="no column my_p, my_q"):
        make("mine", KINEMATICS, "stored")


def test_missing_inputs_are_listed_all_with_what_needs_them(own: Any) -> None:
    own()
    with pytest.raises(MissingColumns) as caught:
        make("mine", ["Eta", "px"], "network")
    assert "no column pt (needed by input pt of mine@one)" in caught.value.wrong
    assert "no column eta (needed by input abseta of mine@one)" in caught.value.wrong
    assert "Eta" in caught.value.near


def test_several_networks_on_a_machine_must_be_named(own: Any) -> None:
    own("one")
    own("two")
    with pytest.raises(BadInput, match="several networks of mine are on this machine") as caught:
        make("mine", KINEMATICS)
    assert caught.value.do == "name one of: mine@one, mine@two"
    assert make("mine@two", KINEMATICS).card.network == "two"


def test_of_several_cards_the_one_whose_file_is_there_runs(own: Any) -> None:
    own("one", there=False)
    own("two")
    assert make("mine", KINEMATICS).card.network == "two"


@pytest.mark.parametrize(("name", "source"), [("mine@one", "auto"), ("mine", "network")])
def test_a_network_that_is_not_there(own: Any, name: str, source: str) -> None:
    own(there=False)
    with pytest.raises(MissingNetwork, match=r"card mine@one: network file net\.onnx not found"):
        make(name, KINEMATICS, source)


def test_a_tagger_that_files_may_store_asks_for_the_columns_first(own: Any) -> None:
    own(there=False)
    with pytest.raises(MissingColumns, match="no column my_p, my_q") as caught:
        make("mine", KINEMATICS)
    assert "or run a network: mine@one" in caught.value.do


def test_a_reference_network_runs_only_by_name(own: Any) -> None:
    own("reference-1", "reference = true")
    with pytest.raises(BadInput, match="its networks run only by name") as caught:
        make("mine", KINEMATICS, "network")
    assert caught.value.do == "name one of: mine@reference-1"
    with pytest.raises(MissingColumns):
        make("mine", KINEMATICS)
    assert make("mine@reference-1", KINEMATICS).source == "network"


def test_a_reference_network_never_stands_in_for_another(own: Any) -> None:
    own("reference-1", "reference = true")
    own("other", there=False)
    for source, kind in (("auto", MissingColumns), ("network", MissingNetwork)):
        with pytest.raises(kind):
            make("mine", KINEMATICS, source)


def test_columns_of_a_reference_network_are_taken_only_by_name(own: Any) -> None:
    own("a-reference", "reference = true")
    own("other")
    columns = ["my_p", "my_q", "pt"]
    assert make("mine", columns).card.network == "other"
    assert make("mine@a-reference", columns).card.network == "a-reference"


def test_a_network_that_does_not_fit_its_card(own: Any) -> None:
    net = own(width=5)
    with pytest.raises(
        NetworkMismatch, match="lists 2 inputs for 'x', the network takes 5"
    ) as caught:
        make("mine", KINEMATICS)
    assert caught.value.where == str(net.path)


def test_plit_networks_of_a_calibration_area_need_tracks(
    tmp_path: Path, tiny_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = tmp_path / "IsolationSelection" / "PLIT" / "2025-04-25"
    monkeypatch.setenv("LEPID_CALIBRATION", str(tmp_path))
    with pytest.raises(MissingNetwork, match="network_run3_muons"):
        make("muon_plit@atlas-2025-04-25-run3", KINEMATICS)
    tiny_network(area / "network_run3_muons.onnx")
    for name in ("muon_plit", "muon_plit@atlas-2025-04-25-run3"):
        with pytest.raises(MissingColumns, match="no collection InDetTrackParticles"):
            make(name, KINEMATICS)
        where = Columns(schema.load("nanoaod"), "Muon", {"Muon": KINEMATICS})
        with pytest.raises(BadInput, match=r"takes one row per track \(track_features\)") as caught:
            plan.make(name, "auto", where, fractions={})
        assert "the format 'nanoaod' has none" in str(caught.value)
        assert 'source="stored"' in caught.value.do
    # stored scores come first all the same
    assert make("muon_plit", [*PLIT, *KINEMATICS]).source == "stored"
    tiny_network(area / "network_run2_muons.onnx")
    with pytest.raises(BadInput, match="several networks of muon_plit"):
        make("muon_plit", KINEMATICS)


def test_an_electron_network_needs_both_of_its_parts(
    tmp_path: Path, tiny_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPID_CALIBRATION", str(tmp_path))
    area = tmp_path / "IsolationSelection" / "PLIT" / "2025-04-25"
    tiny_network(area / "network_run3_electrons_barrel.onnx")
    with pytest.raises(MissingNetwork, match="network_run3_electrons_endcap"):
        make("electron_plit@atlas-2025-04-25-run3", KINEMATICS)


# --- working points -----------------------------------------------------------------------------


def test_a_table_of_ones_own_is_bound_to_its_network(own: Any) -> None:
    net = own(more='working_points = ["t.json"]')
    put_table(net.path.parent, bound_to=Binding(sha256=(net.sha256,)))
    found = make("mine", KINEMATICS)
    assert [table.points for table in found.tables] == [["Loose"]]
    put_table(net.path.parent, "t.json", bound_to=Binding(sha256=("b" * 64,)))
    working_points._read.cache_clear()
    with pytest.raises(UnboundTable) as caught:
        make("mine", KINEMATICS)
    assert "b" * 16 in caught.value.wrong
    assert net.sha256[:16] in caught.value.wrong


def test_a_table_of_stored_scores_is_not_for_a_network_nor_the_reverse(own: Any) -> None:
    net = own(more='working_points = ["t.json"]')
    put_table(net.path.parent)
    assert make("mine", ["my_p", "my_q", *KINEMATICS]).tables
    with pytest.raises(UnboundTable, match="bound to the columns my_p, my_q, but were used with"):
        make("mine", KINEMATICS)


def test_a_table_of_another_tagger(own: Any) -> None:
    net = own(more='working_points = ["t.json"]')
    put_table(net.path.parent, tagger="yours")
    with pytest.raises(BadTable, match="working points of 'yours', the card is mine@one"):
        make("mine", ["my_p", "my_q", "pt"])


@pytest.mark.parametrize("name", ["p", "D", "scored"])
def test_a_point_must_not_replace_another_field(own: Any, name: str) -> None:
    net = own(more='working_points = ["t.json"]')
    point = Requirement(correction="cut", quantity="D", sense=">")
    put_table(net.path.parent, points={name: (point,)})
    with pytest.raises(
        BadTable, match=f"working point '{name}' has the name of a field of mine@one"
    ):
        make("mine", ["my_p", "my_q", "pt"])


def test_two_tables_must_not_share_a_point(own: Any) -> None:
    net = own(more='working_points = ["t.json", "u.json"]')
    put_table(net.path.parent)
    put_table(net.path.parent, "u.json")
    with pytest.raises(
        BadTable, match=r"working point 'Loose' has the name of a field of .*t\.json"
    ):
        make("mine", ["my_p", "my_q", "pt"])


def test_columns_of_a_table_are_needed_too(own: Any) -> None:
    net = own(more='working_points = ["t.json"]')
    cone = Requirement(correction="cut", quantity="pflow_isolation_muon", sense=">=")
    put_table(net.path.parent, points={"Loose": (cone,)})
    columns = ["my_p", "my_q", "pt"]
    needs = ["ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500", "neflowisol20"]
    with pytest.raises(MissingColumns, match=", ".join(needs)):
        make("mine", columns)
    columns += needs
    assert set(make("mine", columns).columns) == set(columns)


def test_points_on_a_discriminant_without_fractions_are_absent_with_a_reason(own: Any) -> None:
    net = own(more='working_points = ["t.json"]')
    card = net.path.parent / "card.toml"
    card.write_text(card.read_text().replace('q = "1"', 'q = "f_q"'))
    put_table(net.path.parent)
    found = make("mine", ["my_p", "my_q", "pt"])
    assert found.tables == ()
    assert "no working points of t.json: D not there" in found.reasons
    given = make("mine", ["my_p", "my_q", "pt"], fractions={"f_q": 0.5})
    assert [table.points for table in given.tables] == [["Loose"]]


def test_tables_named_are_found_again_by_path() -> None:
    found = make("muon_plit", [*PLIT, "pt"])
    paths = [table.path for table in found.tables]
    read = plan.tables_named([*paths[1:], "of/another/machine.json"])
    assert [table.path for table in read] == paths[1:]
    assert plan.tables_named([]) == ()


def test_a_plan_goes_through_pickle(own: Any) -> None:
    own()
    stored = make("electron_dnn", [*DNN, *KINEMATICS], fractions=ATHENA | {"f_CF": [0.1] * 10})
    for made in (stored, make("muon_plit", [*PLIT, "pt"]), make("mine", KINEMATICS)):
        again = pickle.loads(pickle.dumps(made))
        assert again.card == made.card
        assert again.columns == made.columns
        assert again.networks == made.networks
        assert [table.rules for table in again.tables] == [table.rules for table in made.tables]
        assert {k: v.tolist() for k, v in again.fractions.items()} == {
            k: v.tolist() for k, v in made.fractions.items()
        }
