"""lepid taggers, lepid show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lepid
from lepid.cli.main import main
from lepid.taggers import catalogue

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES = sorted((REPOSITORY / "wp_tables").glob("*/*.json"))
CARDS = [card.name for card in catalogue.cards()]


def test_taggers_are_listed_with_what_they_run_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEPID_CALIBRATION", raising=False)
    monkeypatch.delenv("LEPID_MODELS", raising=False)
    assert main(["taggers"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = {line.split()[0]: line for line in out.splitlines() if "@" in line.split("  ")[0]}
    assert set(CARDS) <= set(lines)
    assert "  stored  " in lines["electron_dnn@stored"]
    assert "  no file  " in lines["muon_plit@atlas-2025-04-25-run3"]
    (advice,) = [line for line in out.splitlines() if "set LEPID_CALIBRATION for" in line]
    assert "muon_plit@atlas-2025-04-25-run3" in advice
    assert "cms_electron_pfid_dnn" not in advice


def test_taggers_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["taggers", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in found["taggers"]] == CARDS
    assert all(entry["state"] and entry["description"] for entry in found["taggers"])
    assert found["broken"] == {}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_card_that_does_not_load_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: list[str],
) -> None:
    folder = tmp_path / "muon_mine" / "one"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text('tagger = "muon_mine"\nnetwrk = "one"\n', encoding="utf-8")
    monkeypatch.setenv("LEPID_MODELS", str(tmp_path))
    assert main(["taggers", *form]) == 1
    out = capsys.readouterr().out
    assert str(folder / "card.toml").replace("\\", "\\\\" if form else "\\") in out
    assert "netwrk" in out
    assert "muon_plit" in out


@pytest.mark.parametrize("name", [*CARDS, *lepid.list_taggers()])
def test_show_every_card_and_tagger(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    tagger, _, network = name.partition("@")
    cards = [catalogue.load(tagger, network)] if network else catalogue.networks(tagger)
    for card in cards:
        assert f"{card.name}: {card.description}" in out
        for entry in (*card.outputs, *card.decisions):
            assert f" {entry.name}" in out
            assert all(column in out for column in entry.stored)
        assert all(f"{form} =" in out for form in card.discriminants)
        assert all(note in out for note in card.notes)
        assert all(", ".join(bits.names) in out for bits in card.bits)
        for part in card.networks:
            assert all(entry.feature in out for node in part.nodes for entry in node.inputs)
    assert main(["show", name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [f"{entry['tagger']}@{entry['network']}" for entry in found] == [c.name for c in cards]


def test_a_table_of_several_networks_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "muon_plit"]) == 0
    out = capsys.readouterr().out
    tables = {name for card in catalogue.networks("muon_plit") for name in card.working_points}
    assert out.count("working points of ") == len(tables)
    assert out.count("discriminant > R3PLITVeryLoose(") == 1
    assert out.count("-0.3040909+(0.0002809)*pt") == 1
    assert "discriminant > R3PLITVeryLoose(pt)" in out
    assert "binned in pt = pt [MeV]" in out


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_show_every_table(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert main(["show", str(path), "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)
    assert rules["tagger"] == path.parent.name
    assert rules["points"]
    text, _, cuts = text.partition("\ncuts\n")
    shown = {line.split("  ")[0] for line in cuts.splitlines()}
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    for point, requirements in rules["points"].items():
        for requirement in requirements:
            fact = f"{requirement['quantity']} {requirement['sense']} {requirement['correction']}("
            assert fact in lines[point]
            assert requirement["correction"] in shown
    assert "bound to " in text


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("muon_pli", ["no tagger 'muon_pli'", "near: muon_pliv, muon_plit"]),
        ("muon_plit@atlas-2025-04-25-run4", ["no network", "atlas-2025-04-25-run3"]),
        ("muon_plit@", ["<tagger>@<network>"]),
        ("absent.json", ["absent.json", "cannot be read"]),
    ],
)
def test_show_what_is_not_there(
    name: str, facts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    for fact in facts:
        assert fact in err


def test_show_a_file_that_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"schema_version": 2, "corrections": []}', encoding="utf-8")
    assert main(["show", str(path)]) == 1
    assert "lepid:" in capsys.readouterr().err


def test_show_says_who_is_scored_and_which_switches_are_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "muon_tightnn@atlas-2025-06-18-run2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "scored are: a combined muon, an ID track" in said
    assert "pt >= 4 GeV" in said
    assert "DisablePtCuts is true" in said
    assert "jets" not in said


def test_show_says_which_jets_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "muon_softbdt@reference"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "jets the nearest with dR < 0.4, pt > 25 GeV, |eta| < 2.5" in said
    assert "energy loss taken out: none" in said
