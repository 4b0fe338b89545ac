"""Cards: what loads, and every way in which one does not."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from lepid.errors import BadCard
from lepid.taggers import card_file
from lepid.taggers.card import Card

CARD = """
tagger = "my_tagger"
network = "one"
flavour = "muon"
description = "a tagger of a test"
source = "ours"

[[outputs]]
name = "p"
node = "y"
index = 0
stored = ["my_p"]

[[outputs]]
name = "q"
node = "y"
index = 1

[fractions]
abseta_edges = [1.0, 2.5]
values = { f_q = [0.25, 0.5] }

[discriminants.D]
kind = "log_ratio"
numerator = { p = "1 - f_q" }
denominator = { q = "f_q" }

[[decisions]]
name = "Tight"
stored = ["my_tight"]

[[networks]]
file = "net.onnx"
sha256 = "%s"
abseta = [0.0, 1.5]

[[networks.nodes]]
name = "x"
inputs = ["eta", { feature = "pt", unit = "GeV", mean = 30, std = 20.5 }]
""" % ("a" * 64)


def write(folder: Path, text: str, place: str = "my_tagger/one") -> Path:
    path = folder / place / "card.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, place: str = "my_tagger/one") -> BadCard:
    path = write(folder, text, place)
    with pytest.raises(BadCard) as caught:
        card_file.load(path)
    assert caught.value.where == str(path)
    return caught.value


def test_a_card_that_loads(tmp_path: Path) -> None:
    card = card_file.load(write(tmp_path, CARD))
    assert card.name == "my_tagger@one"
    assert card.stored_columns == ("my_p",)
    assert card.fields == ("p", "q", "D", "Tight", "scored")
    assert card.known_fractions == {"f_q"}
    (form,) = card.discriminants["D"]
    assert form.outputs == {"p", "q"}
    eta, pt = card.networks[0].nodes[0].inputs
    assert (eta.feature, eta.mean, eta.std, eta.default) == ("eta", 0.0, 1.0, None)
    assert (pt.feature, pt.unit, pt.mean, pt.std) == ("pt", "GeV", 30.0, 20.5)


def test_a_card_is_frozen_and_goes_through_pickle(tmp_path: Path) -> None:
    card = card_file.load(write(tmp_path, CARD))
    assert pickle.loads(pickle.dumps(card)) == card
    with pytest.raises(ValueError, match="frozen"):
        card.tagger = "other"  # type: ignore[misc]


def test_a_card_is_read_as_utf8(tmp_path: Path) -> None:
    text = CARD.replace("a tagger of a test", "η and µ")
    assert card_file.load(write(tmp_path, text)).description == "η and µ"


@pytest.mark.parametrize(
    ("old", "new", "message", "near"),
    [
        # misspelt keys, at every depth
        ('flavour = "muon"', 'flavor = "muon"', "flavor: unknown key 'flavor'", "flavour"),
        ('stored = ["my_p"]', 'store = ["my_p"]',
         "outputs[0].store: unknown key 'store'", "stored"),
        ('kind = "log', 'knd = "log', "discriminants.D[0].knd: unknown key 'knd'", "kind"),
        ("abseta_edges", "abs_eta_edges", "fractions.abs_eta_edges: unknown key", "abseta_edges"),
        ('sha256 = "', 'sha265 = "', "networks[0].sha265: unknown key 'sha265'", "sha256"),
        ("std = 20.5", "sdt = 20.5", "networks[0].nodes[0].inputs[1].sdt: unknown key", "std"),
        ('stored = ["my_tight"]', 'stord = ["my_tight"]',
         "decisions[0].stord: unknown key", "stored"),
        # missing keys
        ('source = "ours"', "", "source: required key is missing", None),
        ('name = "q"', "", "outputs[1].name: required key is missing", None),
        ('kind = "log_ratio"', "", "discriminants.D[0].kind: required key is missing", None),
        # wrong types and values
        ('flavour = "muon"', "flavour = 3",
         "flavour: Input should be 'electron', 'muon' or 'jet'", None),
        ('stored = ["my_p"]', 'stored = "my_p"',
         "outputs[0].stored: Input should be a valid tuple", None),
        ("index = 0", "index = -1",
         "outputs[0].index: Input should be greater than or equal to 0", None),
        ("std = 20.5", "std = 0.0", "inputs[1].std: Input should be greater than 0", None),
        ("std = 20.5", "std = inf", "inputs[1].std: Input should be a finite number", None),
        ("mean = 30", "mean = nan", "inputs[1].mean: Input should be a finite number", None),
        ("mean = 30", 'mean = "much"', "inputs[1].mean: Input should be a valid number", None),
        ('unit = "GeV"', 'unit = "Gev"',
         "inputs[1].unit: unknown unit 'Gev', known: GeV, MeV", None),
        ('kind = "log_ratio"', 'kind = "log"',
         "discriminants.D[0].kind: Input should be 'log_ratio'", None),
        ('tagger = "my_tagger"', 'tagger = "My Tagger"', "tagger: String should match", None),
        ('network = "one"', 'network = "../one"', "network: String should match", None),
        ("a" * 64, "xyz", "networks[0].sha256: String should match", None),
        # weights that mean something else than they look
        ('p = "1 - f_q"', 'p = "2f_q"', "'2f_q' is not a sum of numbers and fractions", None),
        ('p = "1 - f_q"', 'p = "1e-3"', "'1e-3' is not a sum", None),
        ('p = "1 - f_q"', 'p = "1 f_q"', "'1 f_q' is not a sum", None),
        ('p = "1 - f_q"', 'p = "1 * f_q"', "is not a sum", None),
        ('p = "1 - f_q"', 'p = ""', "is not a sum", None),
        ('p = "1 - f_q"', 'p = "1 -"', "is not a sum", None),
        # parts that contradict each other
        ("numerator = {", "output = 'p'\nnumerator = {",
         "a log_ratio takes numerator and denominator", None),
        ('kind = "log_ratio"', 'kind = "logit"', "a logit takes output and nothing else", None),
        ("numerator = { p", "numerator = { pp", "discriminant D uses unknown output 'pp'", None),
        ('name = "q"', 'name = "p"', "the same field twice: p", None),
        ('name = "Tight"', 'name = "D"', "the same field twice: D", None),
        ('name = "Tight"', 'name = "scored"', "the same field twice: scored", None),
        ("index = 1", "index = 0", "two outputs read the same number: y[0]", None),
        ('name = "q"\nnode = "y"', 'name = "q"',
         "a network has outputs, and each names its node", None),
        ('file = "net.onnx"', "", "a network has either `file` or `path`", None),
        ('file = "net.onnx"', 'file = "net.onnx"\npath = "a/b"', "either `file` or `path`", None),
        ("sha256", "# sha256", "a network with `file` states its sha256", None),
        ("abseta = [0.0, 1.5]", "abseta = [1.5, 0.0]", "not [low, high] with low < high", None),
        ("abseta_edges = [1.0, 2.5]", "abseta_edges = [2.5, 1.0]",
         "abseta_edges do not ascend", None),
        ("[0.25, 0.5]", "[0.25, 0.5, 0.1]", "f_q has 3 values for 2 bins of |eta|", None),
        ("values = { f_q", "values = { f_r",
         "no discriminant uses the fraction 'f_r' (near: f_q)", None),
        ("inputs = [", "inputs = []\nothers = [",
         "inputs: Tuple should have at least 1 item", None),
        ("std = 20.5", "std = 20.5, default = 0.0", "the default of pt needs default_source", None),
    ],
)  # fmt: skip
def test_a_card_that_breaks_a_rule_says_where(
    tmp_path: Path, old: str, new: str, message: str, near: str | None
) -> None:
    assert old in CARD
    error = refused(tmp_path, CARD.replace(old, new, 1))
    assert message in error.wrong
    assert error.near[:1] == (() if near is None else (near,))
    assert "lepid show" in error.do
    assert "http" not in str(error)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    text = CARD.replace('source = "ours"', "").replace("index = 0", "indx = 0")
    error = refused(tmp_path, text)
    assert "source: required key is missing" in error.wrong
    assert "outputs[0].indx: unknown key 'indx'" in error.wrong
    assert error.near == ("index",)


def test_toml_mistakes_have_their_line(tmp_path: Path) -> None:
    error = refused(tmp_path, CARD.replace('network = "one"', "network = one"))
    assert "line 3" in error.wrong
    path = write(tmp_path, "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadCard, match="utf-8"):
        card_file.load(path)


def test_a_card_lies_where_its_names_say(tmp_path: Path) -> None:
    for place in ("my_tagger/two", "other/one"):
        error = refused(tmp_path, CARD, place)
        assert error.wrong == f"the card of my_tagger@one lies in the folder {place}"


def test_a_card_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadCard, match="No such file"):
        card_file.load(tmp_path / "my_tagger" / "one" / "card.toml")


def content(**changes: Any) -> dict[str, Any]:
    base = {
        "tagger": "t", "network": "n", "flavour": "muon", "description": "d", "source": "s",
        "outputs": [{"name": "p", "stored": ["p"]}],
    }  # fmt: skip
    return base | changes


NODES = [{"name": "x", "inputs": ["pt"]}]
TRACKS = {"name": "t", "per": "track", "inputs": ["d0"]}


def part(low: float, high: float) -> dict[str, Any]:
    return {"path": f"area/{low}.onnx", "nodes": NODES, "abseta": [low, high]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": []}, "a card has outputs or decisions"),
        ({"outputs": [{"name": "p"}]}, "output p has no stored column, and the card no network"),
        ({"discriminants": {"D": []}}, "discriminant D has no form"),
        ({"discriminants": {"D": [{"kind": "score", "output": "p"}] * 2}},
         "forms of discriminant D do not differ in their fractions"),
        ({"outputs": [], "decisions": [{"name": "a", "stored": ["a"]}], "networks": [part(0, 1)]},
         "a network has outputs"),
        ({"outputs": [{"name": "p", "node": "y"}],
          "networks": [{"path": "a", "nodes": NODES}, part(0, 1)]},
         "several networks in a card each need a range of abseta"),
        ({"outputs": [{"name": "p", "node": "y"}], "networks": [part(1, 3), part(0, 1.5)]},
         "the ranges of abseta of the networks overlap"),
        ({"outputs": [{"name": "p", "node": "y"}],
          "networks": [{"path": "a", "nodes": NODES * 2}]}, "the input node twice: x"),
        ({"decisions": [{"name": "a", "stored": []}]}, "at least 1 item"),
        ({"decisions": [{"name": "a", "stored": ["a"], "mask": ["m"]}]}, "neither is without"),
        ({"bits": [{"names": ["x"], "source": "s"}]}, "neither is without"),
        *(({"decisions": [{"name": "a", "stored": ["a"], "mask": ["m"]}], "bits": bits}, message)
          for bits, message in (
              ([{"names": ["x", "x"], "source": "s"}], "name the requirement twice: x"),
              ([{"names": ["x"], "beside": ["c"], "source": "s"}], "the last of the bits"),
              ([{"names": ["x"], "source": "s"}] * 2, "the last of the bits"),
          )),
        ({"outputs": [{"name": "p", "node": "y", "per": "track"}], "networks": [part(0, 1)]},
         "output p is one number per track, and a network does not take exactly one list"),
        ({"outputs": [{"name": "p", "node": "y", "per": "track"}],
          "networks": [{"path": "a", "nodes": [TRACKS, {**TRACKS, "name": "u"}]}]},
         "output p is one number per track"),
        ({"outputs": [{"name": "p", "node": "y", "per": "track"}],
          "networks": [{"path": "a", "nodes": [TRACKS]}],
          "discriminants": {"D": {"kind": "score", "output": "p"}}}, "uses unknown output 'p'"),
        ({"networks": [{"path": "a", "nodes": [{**NODES[0], "minimum": 1}]}]},
         "minimum, maximum, mask, own_track and tracks are for nodes that take one row per track"),
        ({"networks": [{"path": "a", "nodes": [{**NODES[0], "own_track": "never"}]}]},
         "minimum, maximum, mask, own_track and tracks are for nodes that take one row per track"),
        *(({"networks": [{"path": "a", "nodes": [
              {**TRACKS, "inputs": [{"feature": "qOverP", key: True}]}]}]},
           "nan, infinite and optional are for inputs of leptons")
          for key in ("nan", "infinite")),
        ({"networks": [{"path": "a", "nodes": [
            {"name": "x", "inputs": [{"feature": "f3", "optional": True}]}]}]},
         "f3 is optional, which needs a default and its source"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "inputs": [
            {"feature": "d0", "optional": True, "default": 1.0, "default_source": "s"}]}]}]},
         "nan, infinite and optional are for inputs of leptons"),
        *(({"networks": [{"path": "a", "nodes": [{**NODES[0], "inputs": [
              {"feature": "f3", key: True, "default": 1.0, "default_source": "s"}]}]}]},
           f"f3 has a default, so that {key} cannot occur") for key in ("nan", "infinite")),
        ({"networks": [{"path": "a", "nodes": [{**NODES[0], "maximum": 3}]}]},
         "minimum, maximum, mask, own_track and tracks are for nodes that take one row per track"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "cone": 0.3}]}]},
         "cone and order are for candidates and secondary vertices"),
        ({"networks": [{"path": "a", "nodes": [{**NODES[0], "order": "pt"}]}]},
         "cone and order are for candidates and secondary vertices"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "minimum": 4, "maximum": 3}]}]},
         "maximum 3 is below minimum 4"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "pad": [0.0, 1.0]}]}]},
         "pad has 2 values for 1 inputs"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "pad": "mirror"}]}]}, "wrap"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "transposed": True}],
                        "batched": False}]}, "transposed is for networks with a batch axis"),
        ({"networks": [{"path": "a", "nodes": [{"name": "x", "inputs": [
            {"feature": "pt", "lower": 2.0, "upper": 2.0}]}]}]}, "pt: lower is not below upper"),
        ({"outputs": [{"name": "p", "node": "y", "per": "track"}],
          "networks": [{"path": "a", "nodes": [{**TRACKS, "per": "candidate"}]}]},
         "output p is one number per track"),
        ({"networks": [{"path": "a", "nodes": [{**TRACKS, "mask": "t"}]}]},
         "the input node twice: t"),
        ({"networks": [{"path": "a", "nodes": NODES, "training": {"source": "s", "pt": [9, 9]}}]},
         r"a range is not \[low, high\]"),
        ({"networks": [{"path": "a", "nodes": NODES, "training": {"pt": [1, 9]}}]}, "source"),
        ({"outputs": [{"name": "p", "node": "y"}],
          "networks": [part(0, 1), {**part(1, 2), "training": {"source": "s"}}]},
         "all networks of a card state their training, or none"),
        ({"networks": [{"path": "a", "nodes": [{**NODES[0], "switches": ["DisablePtCut"]}]}]},
         r"unknown switch 'DisablePtCut' \(near: DisablePtCuts\)"),
        ({"networks": [{"path": "a", "nodes": [{**NODES[0], "switches": ["DisablePtCuts"]}]}]},
         "DisablePtCuts changes rhoPrime, qOverPSignificance, which the node does not take"),
        ({"networks": [{"path": "a", "nodes": [
            {**TRACKS, "inputs": ["rhoPrime"], "switches": ["DisablePtCuts"]}]}]},
         "DisablePtCuts changes rhoPrime, qOverPSignificance, which the node does not take"),
        ({"networks": [{"path": "a", "nodes": NODES, "valid": [{"feature": "pt", "doc": "d"}]}]},
         "the condition on pt needs low or high, low <= high"),
        ({"networks": [{"path": "a", "nodes": NODES,
                        "valid": [{"feature": "pt", "low": 2, "high": 1, "doc": "d"}]}]},
         "the condition on pt needs low or high, low <= high"),
        ({"networks": [{"path": "a", "nodes": NODES, "valid": [{"feature": "pt", "low": 2}]}]},
         "doc"),
    ],
)  # fmt: skip
def test_contradictions(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Card.model_validate(content(**changes))


def test_a_card_survives_json() -> None:
    nodes = [{"name": "x", "inputs": ["pt", {"feature": "eta", "upper": 2.0}]}]
    network = {"path": "a", "nodes": nodes}
    card = Card.model_validate(content(outputs=[{"name": "p", "node": "y"}], networks=[network]))
    assert Card.model_validate_json(card.model_dump_json()) == card


def test_neighbouring_ranges_and_one_form_without_a_list_are_fine() -> None:
    card = Card.model_validate(
        content(
            outputs=[{"name": "p", "node": "y"}],
            networks=[part(1.37, float("inf")), part(0, 1.37)],
            discriminants={"D": {"kind": "score", "output": "p"}},
        )
    )
    assert [network.abseta for network in card.networks] == [(1.37, float("inf")), (0, 1.37)]
    assert len(card.discriminants["D"]) == 1


GIVEN = {"name": "first", "node": "y"}
FIRST = {"path": "a", "nodes": [TRACKS], "gives": [{**GIVEN, "absent": -1.0}]}
SECOND = {"path": "b", "nodes": [{"name": "x", "inputs": ["first", "pt"]}]}


def chained(*networks: dict[str, Any]) -> Card:
    return Card.model_validate(
        content(outputs=[{"name": "p", "node": "y"}], networks=list(networks))
    )


def test_a_network_may_give_columns_to_those_after_it(tmp_path: Path) -> None:
    barrel, endcap = ({**SECOND, "abseta": edges} for edges in ([0, 1.4], [1.4, 2.5]))
    card = chained(FIRST, barrel, endcap)
    assert card.parts == card.networks[1:]
    assert card.networks[0].given == ("first",)
    assert [o.name for o in card.read_from(card.networks[0])] == ["first"]
    assert card.read_from(card.networks[1]) == card.outputs
    path = write(tmp_path, card_file.dump(card), f"{card.tagger}/{card.network}")
    assert card_file.load(path) == card


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ([SECOND, FIRST], "what gives columns to other networks stands in front of them"),
        ([FIRST], "what gives columns to other networks stands in front of them"),
        ([FIRST, FIRST, SECOND], "two networks give first"),
        ([{**FIRST, "gives": [GIVEN, GIVEN]}, SECOND], "gives the same twice: first"),
        ([{**FIRST, "gives": [{**GIVEN, "per": "track"}]}, SECOND], "is one number per lepton"),
        ([{**FIRST, "gives": [{**GIVEN, "stored": ["a"]}]}, SECOND], "is one number per lepton"),
        ([{**FIRST, "gives": [{"name": "first"}]}, SECOND], "is one number per lepton"),
        ([{"path": "a", "nodes": NODES, "gives": [{**GIVEN, "absent": 0.0}]}, SECOND],
         "first has absent, and the network takes no tracks"),
        ([FIRST, SECOND, SECOND], "several networks in a card each need a range of abseta"),
        ([{**FIRST, "nodes": [{**TRACKS, "tracks": "pliv", "own_track": "never"}]}, SECOND],
         "the tracks of PLIV begin with the lepton's own, which is never"),
        ([{**FIRST, "nodes": [{**TRACKS, "inputs": ["dr_track_jet"]}]}, SECOND],
         "dr_track_jet is not known for the tracks of plit"),
        ([{**FIRST, "nodes": [{**TRACKS, "tracks": "pliv", "inputs": ["muon_track"]}]}, SECOND],
         "muon_track is not known for the tracks of pliv"),
        ([FIRST, {"path": "b", "nodes": [{**SECOND["nodes"][0], "maximum": 3}]}],
         "maximum, mask, own_track and tracks are for nodes that take one row per track"),
    ],
)  # fmt: skip
def test_chains_that_contradict_themselves(networks: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chained(*networks)


def test_jets_have_scores_that_files_hold(tmp_path: Path) -> None:
    with pytest.raises(BadCard, match="jets have scores that files hold"):
        card_file.load(write(tmp_path, CARD.replace('"muon"', '"jet"')))
