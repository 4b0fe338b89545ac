"""Networks that take one lepton per call: their batched twin, its proof and its cache."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest

from lepid.errors import BadFile, NetworkMismatch
from lepid.files_out import cache_folder
from lepid.taggers import inference, session, twin
from lepid.taggers.batching import Sequence
from lepid.taggers.card import Card
from lepid.taggers.graph import rules, trial, vectorise
from lepid.taggers.inference import Network
from lepid.taggers.session import Settings

pytestmark = pytest.mark.usefixtures("no_search_paths", "no_networks")

CPU = Settings("cpu", 1)
LENGTHS = [0, 1, 2, 5, 17, 40, 5, 0, 3, 5]
CONSTANT = ("classes = Softmax <axis = -1> (logits)",
            "none = Sub (logits, logits)\n classes = Softmax <axis = -1> (none)")  # fmt: skip
BOTH = ("N_pprompt", "N_pnpx", "N_TrackOrigin")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, which does not exist yet."""
    monkeypatch.setenv("LEPID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "batched"


def get(single: Any, options: Settings = CPU) -> Network:
    return twin.get(single.path, single.sha256, single.card, single.card.networks[0], options)


def leptons(
    card: Card, path: Path, lengths: list[int] | None = None, seed: int = 5
) -> tuple[dict[str, Any], dict[str, Sequence]]:
    """Random leptons as the network expects them."""
    lengths = LENGTHS if lengths is None else lengths
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    expected = trial.scales(path.read_bytes())
    rows, sequences = {}, {}
    for node in card.networks[0].nodes:
        mean, std = expected[node.name]
        size = (len(lengths) if node.per == "lepton" else offsets[-1], len(node.inputs))
        values = (mean + std * rng.normal(size=size)).astype(np.float32)
        if node.per == "lepton":
            rows[node.name] = values
        else:
            sequences[node.name] = Sequence(offsets, np.arange(offsets[-1]), values)
    return rows, sequences


def evaluate(network: Network, card: Card, inputs: Any, **options: Any) -> dict[str, Any]:
    return inference.run(network, card.outputs, card.networks[0].nodes, *inputs, **options)


def one_by_one(path: Path, card: Card, inputs: Any) -> dict[str, Any]:
    """What the file itself says, one call per lepton, without lepid."""
    loaded = session.load(path.read_bytes(), "x", "cpu", 1)
    rows, sequences = inputs
    ((lepton, values),) = rows.items()
    ((track, sequence),) = sequences.items()
    found: dict[str, list[Any]] = {output.name: [] for output in card.outputs}
    for i, (low, high) in enumerate(zip(sequence.offsets, sequence.offsets[1:], strict=False)):
        fed = {lepton: values[i : i + 1], track: sequence.values[low:high]}
        for output in card.outputs:
            (answer,) = loaded.run([output.node], fed)
            if output.per == "lepton":
                found[output.name].append(answer)
            else:
                # The order of empty axes is onnxruntime's own.
                found[output.name] += answer.tolist() if high > low else []
    return {name: np.array(numbers) for name, numbers in found.items()}


def test_a_batched_twin_gives_what_the_file_gives(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    single = salt_like(tmp_path / "net.onnx", BOTH)
    network = get(single)
    assert (network.takes, network.slow) == ("objects", "")
    inputs = leptons(single.card, single.path)
    right = one_by_one(single.path, single.card, inputs)
    assert np.ptp(right["N_pprompt"]) > 0.1
    assert len(set(right["N_TrackOrigin"])) > 2
    for tokens in (1, 10, 1000):
        for at_once in (1, 3):
            found = evaluate(network, single.card, inputs, tokens=tokens, at_once=at_once)
            for name in ("N_pprompt", "N_pnpx"):
                np.testing.assert_allclose(found[name], right[name], rtol=0, atol=1e-6)
            np.testing.assert_array_equal(found["N_TrackOrigin"], right["N_TrackOrigin"])


def test_only_what_the_card_reads_is_in_the_batched_graph(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    for outputs in (BOTH, ("N_pprompt",)):
        single = salt_like(tmp_path / "net.onnx", outputs)
        found = get(single).session.get_outputs()
        assert [output.name for output in found] == list(outputs)
    assert len(list(cache.iterdir())) == 2


def test_permuting_leptons_and_tracks_permutes_what_comes_out(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    single = salt_like(tmp_path / "net.onnx", BOTH)
    network, rng = get(single), np.random.default_rng(3)
    rows, sequences = leptons(single.card, single.path)
    (sequence,) = sequences.values()
    whole = evaluate(network, single.card, (rows, sequences))
    order = rng.permutation(len(LENGTHS))
    places = np.concatenate(
        [sequence.offsets[i] + rng.permutation(sequence.lengths[i]) for i in order]
    ).astype(int)
    offsets = np.concatenate([[0], np.cumsum(sequence.lengths[order])])
    moved = Sequence(offsets, sequence.rows[places], sequence.values[places])
    mixed = {name: values[order] for name, values in rows.items()}
    found = evaluate(network, single.card, (mixed, {"track_features": moved}))
    for name in ("N_pprompt", "N_pnpx"):
        np.testing.assert_allclose(found[name], whole[name][order], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found["N_TrackOrigin"], whole["N_TrackOrigin"][places])


# --- where the proof fails ----------------------------------------------------------------------


def check_slow(single: Any, reason: str) -> None:
    network = get(single)
    assert network.takes == "one"
    assert network.slow.startswith(f"{single.path.name} takes one lepton per call: ")
    assert reason in network.slow
    inputs = leptons(single.card, single.path)
    right = one_by_one(single.path, single.card, inputs)
    found = evaluate(network, single.card, inputs)
    for name, values in right.items():
        np.testing.assert_array_equal(found[name], values)


def test_an_operator_that_takes_one_lepton(tmp_path: Path, cache: Path, salt_like: Any) -> None:
    # It looks like a union-find over edges, and is none.
    check_slow(salt_like(tmp_path / "n.onnx", (*BOTH, "N_Loop")), "pairs of")
    assert not cache.exists()


def test_a_value_that_is_cut_twice(tmp_path: Path, cache: Path, salt_like: Any) -> None:
    own = "o = ArgMax <axis = -1, keepdims = 0> (origins)\n z = Squeeze (o, front)\n"
    change = ("y = Add (x, x)", f"{own} y = Add (x, z)")
    single = salt_like(tmp_path / "n.onnx", ("N_pprompt", "N_Loop"), change)
    check_slow(single, "N_Loop: Loop works on one object at a time")


def test_a_rule_that_is_wrong_is_noticed(
    tmp_path: Path, cache: Path, salt_like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {**rules.RULES, "ReduceSum": rules.RULES["Relu"]}
    monkeypatch.setattr(vectorise, "RULES", wrong)
    check_slow(salt_like(tmp_path / "n.onnx"), "onnxruntime cannot run the network")

    def mixed(tape: Any, node: Any) -> None:
        # The mean over the batch in place of each object's own value.
        front = tape.integers([0])
        tape.copy(node, output=f"{node.output[0]}/own")
        mean = tape.emit("ReduceMean", [f"{node.output[0]}/own", front])
        shape = tape.emit("Shape", [f"{node.output[0]}/own"])
        tape.emit("Expand", [mean, shape], node.output[0])

    monkeypatch.setattr(vectorise, "RULES", {**rules.RULES, "Div": mixed})
    twin._MADE.clear()
    check_slow(salt_like(tmp_path / "n.onnx"), "with a batch axis N_pprompt differs by")
    assert not cache.exists()


def test_a_network_that_always_says_the_same_proves_nothing(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    single = salt_like(tmp_path / "n.onnx", change=CONSTANT)
    check_slow(single, "N_pprompt, N_pnpx hardly varies on random leptons")


def test_outputs_that_hardly_vary_are_proven_with_other_weights(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    single = salt_like(tmp_path / "n.onnx", BOTH, scale=1e-6)
    rows, sequences = leptons(single.card, single.path)
    assert np.ptp(one_by_one(single.path, single.card, (rows, sequences))["N_pprompt"]) < 1e-4
    assert get(single).takes == "objects"


def test_a_network_that_does_not_take_every_number_of_tracks(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    fixed = ("value_ints = [1, -1, 2, 4]", "value_ints = [1, 6, 2, 4]")
    single = salt_like(tmp_path / "n.onnx", change=fixed)
    with pytest.raises(NetworkMismatch, match=r"on 0 to 40 tracks") as caught:
        get(single)
    assert "minimum" in caught.value.do


def test_a_minimum_of_the_card_is_part_of_the_proof(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    single = salt_like(tmp_path / "n.onnx", minimum=3)
    network = get(single)
    assert network.takes == "objects"
    rows, sequences = leptons(single.card, single.path, [1, 3])
    (sequence,) = sequences.values()
    found = evaluate(network, single.card, (rows, sequences))
    longer = np.concatenate([sequence.values[:1], np.zeros((2, 4), np.float32)])
    loaded = session.load(single.path.read_bytes(), "x", "cpu", 1)
    fed = {"jet_features": rows["jet_features"][:1], "track_features": longer}
    np.testing.assert_allclose(found["N_pprompt"][0], loaded.run(["N_pprompt"], fed)[0], atol=1e-6)


def test_a_file_that_does_not_fit_its_card(tmp_path: Path, cache: Path, salt_like: Any) -> None:
    single = salt_like(tmp_path / "n.onnx", ("N_pprompt",))
    other = single.card.model_dump()
    other["networks"][0]["nodes"][1]["inputs"] = ["a", "b"]
    with pytest.raises(NetworkMismatch, match="card lists 2 inputs for 'track_features'"):
        get(single._replace(card=Card.model_validate(other)))


# --- the cache ----------------------------------------------------------------------------------


def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the graphs that are proven from here on."""
    count: list[int] = []
    original = twin.prove

    def prove(network: bytes, *others: Any) -> str:
        count.append(len(network))
        return original(network, *others)

    monkeypatch.setattr(twin, "prove", prove)
    return count


def test_a_proven_graph_is_kept_by_the_hash_of_the_file(
    tmp_path: Path, cache: Path, salt_like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = made(monkeypatch)
    single = salt_like(tmp_path / "n.onnx")
    first = get(single)
    assert get(single) is first
    assert len(count) == 1
    (kept,) = cache.iterdir()
    assert kept.name.startswith(f"{single.sha256}-{vectorise.VERSION}-")
    twin._MADE.clear()
    second = get(single)
    assert second is not first
    assert len(count) == 1
    inputs = leptons(single.card, single.path)
    for name, values in evaluate(first, single.card, inputs).items():
        np.testing.assert_array_equal(evaluate(second, single.card, inputs)[name], values)
    get(salt_like(tmp_path / "other.onnx", scale=2.0))
    assert len(count) == 2
    monkeypatch.setattr(vectorise, "VERSION", vectorise.VERSION + 1)
    twin._MADE.clear()
    get(single)
    assert len(count) == 3
    assert len(list(cache.iterdir())) == 3


def test_a_damaged_graph_is_made_again(
    tmp_path: Path, cache: Path, salt_like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = salt_like(tmp_path / "n.onnx")
    get(single)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    count = made(monkeypatch)
    for damaged in (b"", b"nothing", whole[: len(whole) // 2], single.path.read_bytes()):
        kept.write_bytes(damaged)
        twin._MADE.clear()
        assert get(single).takes == "objects"
        assert kept.read_bytes() == whole
    assert len(count) == 4


def test_without_a_folder_to_write_to_it_works_all_the_same(
    tmp_path: Path, salt_like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = salt_like(tmp_path / "n.onnx")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LEPID_CACHE", str(tmp_path / "file"))
    assert get(single).takes == "objects"
    monkeypatch.delenv("LEPID_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("no home directory")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None
    twin._MADE.clear()
    assert get(single).takes == "objects"


def test_threads_that_ask_at_once_make_one(
    tmp_path: Path, cache: Path, salt_like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = made(monkeypatch)
    single = salt_like(tmp_path / "n.onnx")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: id(get(single)), range(8)))
    assert len(set(found)) == len(count) == 1


WORKER = """
import json, sys
from pathlib import Path
from lepid.taggers import twin
from lepid.taggers.card import Card
from lepid.taggers.session import Settings
path, sha256, card = sys.argv[1:]
card = Card.model_validate_json(card)
found = twin.get(Path(path), sha256, card, card.networks[0], Settings("cpu", 1))
print(found.takes)
"""


def test_jobs_that_start_at_once_leave_one_whole_graph(
    tmp_path: Path, cache: Path, salt_like: Any
) -> None:
    single = salt_like(tmp_path / "n.onnx")
    command = [sys.executable, "-c", WORKER, str(single.path), single.sha256]
    jobs = [
        subprocess.Popen(
            [*command, single.card.model_dump_json()], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [job.communicate(timeout=120)[0].strip() for job in jobs] == ["objects"] * 2
    (kept,) = cache.iterdir()
    assert vectorise.read(kept.read_bytes()).outputs == ("N_pprompt", "N_pnpx")


def test_the_folder_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEPID_CACHE", "~/mine")
    assert cache_folder() == Path.home() / "mine"
    monkeypatch.delenv("LEPID_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "lepid"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "lepid"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "lepid"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "lepid" / "cache"


# --- what is read from graphs -------------------------------------------------------------------


def test_what_a_network_expects_stands_at_its_start(tmp_path: Path, salt_like: Any) -> None:
    found = trial.scales(salt_like(tmp_path / "n.onnx").path.read_bytes())
    mean, std = found["jet_features"]
    np.testing.assert_allclose(mean, [3e4, 0, 0.1], rtol=1e-6)
    np.testing.assert_allclose(std, [2e4, 1.3, 0.05], rtol=1e-6)
    assert found["track_features"][1][0] == pytest.approx(1e-5)


def test_a_batched_graph_says_what_it_gives(tmp_path: Path, salt_like: Any) -> None:
    network = salt_like(tmp_path / "n.onnx").path.read_bytes()
    found = vectorise.vectorise(network, [*BOTH, "N_Loop"])
    again = vectorise.read(found.model)
    assert (again.outputs, again.partial, again.left) == (BOTH, found.partial, found.left)
    assert found.partial == {"N_Loop": "origin_of"}
    onnx.checker.check_model(onnx.load_from_string(found.model), full_check=True)
    for other in (network, b"no graph", b""):
        with pytest.raises(BadFile, match="batched graph: cannot be read"):
            vectorise.read(other)
    assert vectorise.vectorise(b"no graph", ["y"]).left == {"y": "it is not an ONNX file"}
    assert found.left["N_Loop"].startswith("Loop works on one object")


def test_the_part_behind_a_value(tmp_path: Path, salt_like: Any) -> None:
    network = salt_like(tmp_path / "n.onnx").path.read_bytes()
    part = session.load(vectorise.behind(network, "origin_of", "N_Loop"), "x", "cpu", 1)
    assert [value.name for value in part.get_inputs()] == ["origin_of"]
    (found,) = part.run(["N_Loop"], {"origin_of": np.array([1, 2, 5])})
    assert found.tolist() == [4, 8, 20]


NOT_VERTICES = """
<ir_version: 9, opset_import: ["": 20]>
net (float[1,3] jet_features, float[n,4] track_features) => (int64[n] y) {
  one = Constant <value_ints = [1]> ()
  edges = ReduceSum <keepdims = 1> (track_features, one)
  size = Size (track_features)
  four = Constant <value_int = 4> ()
  zero = Constant <value_int = 0> ()
  step = Constant <value_int = 1> ()
  length = Div (size, four)
  isolated = Range (zero, length, step)
  sum = ReduceSum <keepdims = 0> (edges)
  none = Mul (sum, sum)
  nothing = Cast <to = 7> (none)
  y = ADDED
}
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("Sub (isolated, nothing)", "y is not the lowest of the tracks that its edges connect"),
        # Isolated tracks are right only as long as no edge connects two.
        ("Max (isolated, isolated)", "y is not the lowest"),
    ],
)
def test_a_kernel_that_finishes_something_else(
    body: str, reason: str, salt_like: Any, tmp_path: Path
) -> None:
    model = onnx.parser.parse_model(NOT_VERTICES.replace("ADDED", body)).SerializeToString()
    nodes = salt_like(tmp_path / "n.onnx").card.networks[0].nodes
    assert reason in twin._finishes(model, "edges", "y", nodes)
