"""The shipped electron networks: answers of torch, and the three forms that are read alike."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid.cli.main import main
from lepid.convert import electron_dnn
from lepid.errors import NetworkMismatch
from lepid.events import schema as schemas
from lepid.taggers import catalogue

pytestmark = pytest.mark.usefixtures("no_search_paths")

NAMES = ("electron_dnn@reference", "electron_dnn@reference-binary")
POINTS = ("Loose", "Medium", "Tight")
CLOSURE = Path(__file__).resolve().parents[1] / "data" / "electron_dnn.npz"
MOST_BYTES = 2_000_000
OUTPUTS = {NAMES[0]: ("pel", "pcf", "ppc", "phf", "ple", "plh"), NAMES[1]: ("score",)}


def shipped(name: str) -> Path:
    return catalogue.folder(catalogue.load(*name.split("@")))


@pytest.fixture
def one_layer(tmp_path: Path) -> Path:
    """A schema that finds the eta of the second layer, which Athena means, in the whole cluster."""
    text = (Path(schemas.__file__).parent / "schemas" / "physlite.toml").read_text("utf-8")
    kind = "[constituents.cluster]\n"
    path = tmp_path / "one_layer.toml"
    path.write_text(text.replace(kind, f'{kind}columns = {{ etaBE2 = ["calEta"] }}\n'))
    return path


@pytest.fixture
def anew(one_layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Decorates with what is made anew of the JSON, quantiles and confs that are shipped."""

    def decorate(events: Any, name: str) -> Any:
        confs = {point: shipped(name) / f"{point}.conf" for point in POINTS}
        electron_dnn.convert(confs, "anew", tmp_path / "models")
        monkeypatch.setenv("LEPID_MODELS", str(tmp_path / "models"))
        return lepid.decorate(events, "electron_dnn@anew", schema=one_layer, source="network")

    return decorate


@pytest.mark.parametrize("name", NAMES)
def test_three_forms_give_the_same_scores_and_decisions(
    reference_sample: Path, anew: Any, name: str
) -> None:
    events = lepid.open(reference_sample)
    found = {
        "network": lepid.decorate(events, name, source="network"),
        "stored": lepid.decorate(events, name, source="stored"),
        "confs": anew(events, name),
    }
    records = {form: ak.flatten(made.Electrons.electron_dnn) for form, made in found.items()}
    network = records.pop("network")
    assert ak.sum(network.scored) > 400
    for record in records.values():
        np.testing.assert_array_equal(record.scored, network.scored)
        for output in OUTPUTS[name]:
            np.testing.assert_allclose(record[output], network[output], rtol=0, atol=1e-6)
        for point in POINTS:
            np.testing.assert_array_equal(record[point], network[point])
    passed = [int(ak.sum(network[point])) for point in POINTS]
    assert passed == sorted(passed, reverse=True)
    assert len({0, *passed, int(ak.sum(network.scored))}) == 5


MENU = "atlas-mc20-20240509"


@pytest.fixture
def area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A calibration area with the reference network under the names of a menu of ATLAS."""
    folder = tmp_path / "area" / "ElectronPhotonSelectorTools" / "offline" / "mc20_20240509"
    shutil.copytree(shipped(NAMES[0]), folder)
    for point in ("VeryLoose", *POINTS):
        conf = folder / ("Loose.conf" if point == "VeryLoose" else f"{point}.conf")
        shutil.copy(conf, folder / f"ElectronDNNMulticlass{point}.conf")
    monkeypatch.setenv("LEPID_CALIBRATION", str(tmp_path / "area"))
    return tmp_path / "area"


def test_the_card_of_the_confs_says_how_to_convert_them_and_that_gives_a_network(
    reference_sample: Path,
    area: Path,
    one_layer: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = lepid.open(reference_sample)
    for name in ("electron_dnn", f"electron_dnn@{MENU}"):
        with pytest.raises(NetworkMismatch, match=r"Tight\.conf: is a configuration") as caught:
            lepid.decorate(events, name, schema=one_layer, source="network")
    command = caught.value.do.partition("lepid ")[2].partition(",")[0].split()
    assert command == ["convert", "athena-conf", "--menu", MENU, "-o", "FOLDER"]
    assert main(["taggers"]) == 0
    listed = capsys.readouterr().out
    assert f"electron_dnn@{MENU} conf to convert" in " ".join(listed.split())
    assert caught.value.do in " ".join(listed.split())
    models = tmp_path / "models"
    assert main([*command[:-1], str(models)]) == 0
    monkeypatch.setenv("LEPID_MODELS", str(models))
    # The confs of the other menus are in the area too, and stand back behind what can be run.
    other = area / catalogue.load("electron_dnn", "atlas-mc16-20210430").networks[0].path
    other.parent.mkdir()
    other.write_text("CutSelector: 0\n", encoding="utf-8")
    found = lepid.decorate(events, "electron_dnn", schema=one_layer, source="network")
    shown = lepid.decorate(events, NAMES[0], source="network")["Electrons", "electron_dnn"]
    made = found["Electrons", "electron_dnn"]
    assert main(["taggers"]) == 0
    assert f"electron_dnn@{MENU} network " in " ".join(capsys.readouterr().out.split())
    np.testing.assert_allclose(ak.flatten(made.D_el), ak.flatten(shown.D_el), atol=1e-5)
    for point, same in zip(("VeryLoose", *POINTS), ("Loose", *POINTS), strict=True):
        assert made[point].to_list() == shown[same].to_list()


def test_an_unknown_uncertainty_of_d0_is_the_largest_significance(reference_events: Any) -> None:
    tracks = reference_events["GSFTrackParticles"]
    column = "definingParametersCovMatrixDiag_d0_d0"
    variance = tracks[column]
    records = {}
    # A significance of 1e9 is beyond all quantiles, as infinity is.
    for kind, value in (("zero", 0.0), ("negative", -1.0), ("tiny", (tracks["d0"] / 1e9) ** 2)):
        changed = ak.with_field(tracks, ak.ones_like(variance) * value, column)
        events = ak.with_field(reference_events, changed, "GSFTrackParticles")
        records[kind] = lepid.decorate(events, NAMES[0], source="network")["Electrons"].electron_dnn
    before = lepid.decorate(reference_events, NAMES[0], source="network")["Electrons"].electron_dnn
    assert ak.sum(before.scored) > 30
    for kind in ("zero", "negative"):
        assert records[kind].scored.to_list() == before.scored.to_list()
        assert ak.flatten(records[kind].pel).to_list() == ak.flatten(records["tiny"].pel).to_list()
    scored = ak.to_numpy(ak.flatten(before.scored))
    apart = np.abs(ak.to_numpy(ak.flatten(records["zero"].pel - before.pel)))[scored]
    assert np.median(apart) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_the_network_gives_what_torch_gives(name: str) -> None:
    with np.load(CLOSURE) as file:
        inputs, scores = (file[f"{name}/{kind}"] for kind in ("inputs", "scores"))
    card = catalogue.load(*name.split("@"))
    path, _ = catalogue.locate(card, card.networks[0])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run([output.node for output in card.outputs], {"node_0": inputs})
    np.testing.assert_allclose(np.stack(found, axis=1), scores, rtol=0, atol=1e-5)
    assert len(scores) == 60
    assert np.ptp(scores[:, 0]) > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_small_and_say_what_they_are(name: str) -> None:
    sizes = {path.name: path.stat().st_size for path in shipped(name).iterdir()}
    assert {"network.json", "network.onnx", "quantiles.root", "ORIGIN.md"} < set(sizes)
    assert max(sizes.values()) < MOST_BYTES
    card = (shipped(name) / "card.toml").read_text("utf-8")
    for text in (card, (shipped(name) / "ORIGIN.md").read_text("utf-8")):
        assert "Not a network of an experiment" in text
    assert "Not a network of an experiment" in card.splitlines()[0]


def test_prompt_electrons_score_higher(reference_sample: Path) -> None:
    events = lepid.open(reference_sample)
    for name in NAMES:
        record = ak.flatten(lepid.decorate(events, name).Electrons.electron_dnn)
        truth = ak.flatten(lepid.truth(events, "Electrons", "dnn"))
        value = ak.to_numpy(record.D_el)
        median = {c: np.median(value[(truth == c) & record.scored]) for c in (0, 3, 4, 5)}
        assert min(median[0] - median[c] for c in (3, 4, 5)) > 0.2, median
        loose = [ak.mean(record.Loose[(truth == c) & record.scored]) for c in (0, 5)]
        assert loose[0] > 0.8 > 0.4 > loose[1], loose
