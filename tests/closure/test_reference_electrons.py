"""The shipped electron networks: answers of torch, and the three forms that are read alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import onnxruntime
import pytest

import lepid
from lepid.convert import electron_dnn
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
def anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Decorates with what is made anew of the JSON, quantiles and confs that are shipped.

    Athena's names mean the eta of the second layer, which a schema finds in the whole cluster.
    """
    text = (Path(schemas.__file__).parent / "schemas" / "physlite.toml").read_text("utf-8")
    kind = "[constituents.cluster]\n"
    one_layer = tmp_path / "one_layer.toml"
    one_layer.write_text(text.replace(kind, f'{kind}columns = {{ etaBE2 = ["calEta"] }}\n'))

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
