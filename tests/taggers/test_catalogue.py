"""Where cards, tables and network files are looked for, and in which order."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lepid.errors import (
    BadCard,
    BadTable,
    ChangedNetwork,
    MissingNetwork,
    NetworkMismatch,
    UnknownTagger,
)
from lepid.taggers import catalogue

pytestmark = pytest.mark.usefixtures("no_search_paths")

TAGGERS = [
    "cms_electron_mva_iso", "cms_electron_mva_noiso", "cms_electron_pfid_dnn", "cms_muon_mva_id",
    "cms_muon_pnet", "electron_dnn", "electron_ecids", "electron_isolation", "electron_lh",
    "electron_plit", "electron_pliv", "electron_plv", "electron_softbdt", "muon_isolation",
    "muon_plit", "muon_pliv", "muon_plv", "muon_softbdt", "muon_tightnn",
]  # fmt: skip


def card_text(tagger: str, network: str, where: str = "", more: str = "") -> str:
    text = (
        f'tagger = "{tagger}"\nnetwork = "{network}"\nflavour = "muon"\n'
        f'description = "a test"\nsource = "ours"\n{more}\n'
        '[[outputs]]\nname = "p"\nnode = "y"\nindex = 0\nstored = ["my_p"]\n'
    )
    if where:
        text += f'[[networks]]\n{where}\n[[networks.nodes]]\nname = "x"\ninputs = ["pt"]\n'
    return text


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Writes a card below a folder of `tmp_path` and gives the folder of the card."""

    def write(root: str, tagger: str, network: str, where: str = "", more: str = "") -> Path:
        folder = tmp_path / root / tagger / network
        folder.mkdir(parents=True)
        (folder / "card.toml").write_text(card_text(tagger, network, where, more))
        return folder

    return write


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a search path to folders of `tmp_path`."""

    def use(variable: str, *folders: str) -> None:
        paths = [str(tmp_path / folder) for folder in folders]
        monkeypatch.setenv(variable, os.pathsep.join(paths))

    return use


def test_what_ships() -> None:
    assert catalogue.taggers() == TAGGERS
    assert catalogue.broken() == {}
    assert len(catalogue.cards()) == len(catalogue.paths())


def test_networks_of_a_tagger_the_stored_ones_first() -> None:
    names = [card.network for card in catalogue.networks("muon_plit")]
    assert names[:3] == ["stored", "atlas-2025-04-25-run2", "atlas-2025-04-25-run3"]
    assert {"reference-run2", "reference-run3"} <= set(names[3:])


def test_unknown_names_have_near_ones() -> None:
    with pytest.raises(UnknownTagger, match="taggers: no tagger 'muon_pilt'") as caught:
        catalogue.networks("muon_pilt")
    assert "muon_plit" in caught.value.near
    with pytest.raises(UnknownTagger, match="no tagger 'electrn_dnn'") as caught:
        catalogue.load("electrn_dnn", "stored")
    assert "electron_dnn" in caught.value.near
    with pytest.raises(UnknownTagger, match="muon_plit: no network 'stord'") as caught:
        catalogue.load("muon_plit", "stord")
    assert caught.value.near == ("stored",)


def test_folders_of_lepid_models_come_first_and_in_order(put: Any, search: Any) -> None:
    first = put("a", "muon_plit", "stored")
    put("b", "muon_plit", "stored")
    other = put("b", "mine", "one")
    search("LEPID_MODELS", "a", "absent", "b")
    assert catalogue.folder(catalogue.load("muon_plit", "stored")) == first
    assert catalogue.load("muon_plit", "stored").description == "a test"
    assert catalogue.folder(catalogue.load("mine", "one")) == other
    assert "mine" in catalogue.taggers()
    assert catalogue.model_folders()[:3] == [first.parents[1], first.parents[2] / "absent",
                                             other.parents[1]]  # fmt: skip
    search("LEPID_MODELS", "b", "a")
    assert catalogue.folder(catalogue.load("muon_plit", "stored")) != first


def test_empty_entries_and_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("LEPID_MODELS", f"{os.pathsep}~/models{os.pathsep}")
    assert catalogue.model_folders()[0] == tmp_path / "models"
    assert len(catalogue.model_folders()) == 2


def test_a_changed_card_is_read_anew(put: Any, search: Any) -> None:
    path = put("a", "mine", "one") / "card.toml"
    search("LEPID_MODELS", "a")
    assert catalogue.load("mine", "one").notes == ()
    stat = path.stat()
    path.write_text('notes = ["new"]\n' + path.read_text())
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    assert catalogue.load("mine", "one").notes == ("new",)


def test_a_broken_card_does_not_hide_the_others(put: Any, search: Any) -> None:
    path = put("a", "mine", "one", more="colour = 3") / "card.toml"
    search("LEPID_MODELS", "a")
    assert list(catalogue.broken()) == [str(path)]
    assert "unknown key 'colour'" in catalogue.broken()[str(path)].wrong
    assert [card for card in catalogue.cards() if card.tagger == "mine"] == []
    assert len(catalogue.cards()) == len(catalogue.paths()) - 1
    assert "mine" in catalogue.taggers()
    with pytest.raises(BadCard):
        catalogue.networks("mine")


def test_in_a_checkout_its_folders_count_and_not_stale_copies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "src" / "lepid"
    for folder in (package / "_models", tmp_path / "models"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(catalogue, "PACKAGE", package)
    assert catalogue.model_folders() == [tmp_path / "models"]


def test_in_a_wheel_the_copies_beside_the_package_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "site-packages" / "lepid"
    # a folder of this name beside site-packages is somebody else's
    for folder in (package / "_models" / "mine" / "one", tmp_path / "models"):
        folder.mkdir(parents=True)
    (package / "_models" / "mine" / "one" / "card.toml").write_text(card_text("mine", "one"))
    (package / "_wp_tables").mkdir()
    (package / "_wp_tables" / "t.json").write_text("{}")
    monkeypatch.setattr(catalogue, "PACKAGE", package)
    assert catalogue.model_folders() == [package / "_models"]
    assert catalogue.taggers() == ["mine"]
    card = catalogue.load("mine", "one")
    assert catalogue.table_path(card, "t.json") == package / "_wp_tables" / "t.json"


def test_a_table_beside_the_card_comes_before_one_of_lepid(put: Any, search: Any) -> None:
    folder = put("a", "mine", "one")
    search("LEPID_MODELS", "a")
    card = catalogue.load("mine", "one")
    name = "muon_plit/atlas-2025-04-25-run3.json"
    assert catalogue.table_path(card, name).parent.name == "muon_plit"
    (folder / "muon_plit").mkdir()
    (folder / name).write_text("{}")
    assert catalogue.table_path(card, name) == folder / name


def test_a_table_that_is_nowhere_says_where_it_was_looked_for(put: Any, search: Any) -> None:
    folder = put("a", "mine", "one")
    search("LEPID_MODELS", "a")
    with pytest.raises(
        BadTable, match=r"card mine@one: working points t\.json not found"
    ) as caught:
        catalogue.table_path(catalogue.load("mine", "one"), "t.json")
    assert str(folder / "t.json") in caught.value.wrong
    assert "wp_tables" in caught.value.wrong
    assert "beside the card" in caught.value.do


# --- network files ------------------------------------------------------------------------------


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_card(content: bytes = b"weights") -> str:
    return f'file = "net.onnx"\nsha256 = "{digest(content)}"'


def test_a_network_file_is_beside_the_card_or_below_lepid_models(
    put: Any, search: Any, tmp_path: Path
) -> None:
    folder = put("a", "mine", "one", file_card())
    # the folder of the card is not the first: what lies beside a card comes first all the same
    search("LEPID_MODELS", "b", "a", "c")
    card = catalogue.load("mine", "one")
    part = card.networks[0]
    assert catalogue.find(card, part) is None
    # the last place first: each new file comes before those that were found until now
    places = [tmp_path / "c" / "mine", tmp_path / "b" / "mine",
              tmp_path / "c" / "mine" / "one", tmp_path / "b" / "mine" / "one", folder]  # fmt: skip
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        (place / "net.onnx").write_bytes(b"weights")
        assert catalogue.locate(card, part) == (place / "net.onnx", digest(b"weights"))


def test_a_calibration_path_is_below_lepid_calibration_only(
    put: Any, search: Any, tmp_path: Path
) -> None:
    put("a", "mine", "one", 'path = "Area/2025/net.onnx"')
    search("LEPID_MODELS", "a")
    card = catalogue.load("mine", "one")
    with pytest.raises(MissingNetwork, match="no folder is set") as caught:
        catalogue.locate(card, card.networks[0])
    assert caught.value.do == ("set LEPID_CALIBRATION to the folder that holds Area/2025/net.onnx")
    search("LEPID_CALIBRATION", "x", "y")
    with pytest.raises(MissingNetwork) as caught:
        catalogue.locate(card, card.networks[0])
    for root in ("x", "y"):
        assert str(tmp_path / root / "Area/2025/net.onnx") in caught.value.wrong
    file = tmp_path / "y" / "Area" / "2025" / "net.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"any")
    assert catalogue.locate(card, card.networks[0]) == (file, digest(b"any"))


def test_a_missing_file_says_what_to_set(put: Any, search: Any) -> None:
    folder = put("a", "mine", "one", file_card())
    search("LEPID_MODELS", "a")
    card = catalogue.load("mine", "one")
    with pytest.raises(
        MissingNetwork, match=r"card mine@one: network file net\.onnx not"
    ) as caught:
        catalogue.locate(card, card.networks[0])
    assert str(folder / "net.onnx") in caught.value.wrong
    assert caught.value.do == "set LEPID_MODELS to the folder that holds net.onnx"


def test_a_changed_file_is_refused_also_after_it_was_good(put: Any, search: Any) -> None:
    folder = put("a", "mine", "one", file_card(b"old weights"))
    search("LEPID_MODELS", "a")
    card = catalogue.load("mine", "one")
    file = folder / "net.onnx"
    file.write_bytes(b"old weights")
    assert catalogue.locate(card, card.networks[0])[1] == digest(b"old weights")
    file.write_bytes(b"changed weights")
    with pytest.raises(ChangedNetwork) as caught:
        catalogue.locate(card, card.networks[0])
    assert caught.value.where == str(file)
    assert digest(b"changed weights")[:16] in caught.value.wrong
    assert digest(b"old weights")[:16] in caught.value.wrong


# --- confs of Athena ----------------------------------------------------------------------------


CONF = 'path = "dir/Tight.conf"'


def test_a_conf_is_to_be_converted(
    put: Callable[..., Path], search: Callable[..., None], tmp_path: Path
) -> None:
    put("models", "muon_mine", "menu-a", CONF)
    search("LEPID_MODELS", "models")
    search("LEPID_CALIBRATION", "area")
    card = catalogue.load("muon_mine", "menu-a")
    with pytest.raises(MissingNetwork, match=r"dir/Tight\.conf"):
        catalogue.locate(card, card.networks[0])
    (tmp_path / "area" / "dir").mkdir(parents=True)
    (tmp_path / "area" / "dir" / "Tight.conf").write_text("x: 1\n", encoding="utf-8")
    with pytest.raises(NetworkMismatch, match="is a configuration of Athena") as caught:
        catalogue.locate(card, card.networks[0])
    assert caught.value.where == str(tmp_path / "area" / "dir" / "Tight.conf")
    assert "lepid convert athena-conf --menu menu-a -o FOLDER" in caught.value.do
    assert "LEPID_MODELS" in caught.value.do


def test_a_conf_stands_back_behind_a_network(
    put: Callable[..., Path], search: Callable[..., None], tmp_path: Path
) -> None:
    content = b"network"
    put("models", "muon_mine", "menu-a", CONF)
    put("models", "muon_mine", "menu-b", CONF)
    folder = put(
        "models",
        "muon_mine",
        "real",
        f'file = "net.onnx"\nsha256 = "{hashlib.sha256(content).hexdigest()}"',
    )
    search("LEPID_MODELS", "models")
    search("LEPID_CALIBRATION", "area")
    cards = catalogue.networks("muon_mine")
    assert catalogue.here(cards) == []
    (tmp_path / "area" / "dir").mkdir(parents=True)
    (tmp_path / "area" / "dir" / "Tight.conf").write_text("x: 1\n", encoding="utf-8")
    assert [card.network for card in catalogue.here(cards)] == ["menu-a", "menu-b"]
    (folder / "net.onnx").write_bytes(content)
    assert [card.network for card in catalogue.here(cards)] == ["real"]
