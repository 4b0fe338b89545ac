"""lepid convert weaver: from two files to a tagger that is there."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from lepid.cli.main import main
from lepid.taggers import card_file

pytestmark = pytest.mark.usefixtures("no_search_paths")
SMALL = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "small_weaver.py")))


def words(folder: Path, *more: str) -> list[str]:
    model, path = SMALL.write(folder)
    return ["convert", "weaver", str(model), str(path), "-o", str(folder / "models"),
            "--tagger", "muon_mine", "--flavour", "muon", *more]  # fmt: skip


def test_it_writes_a_tagger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--around", "pf=candidate,0.3", "--feature", "pf_pt=pt,GeV", "--wrap", "pf_points"]
    assert main(words(tmp_path, *more, "--order", "pt", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outputs"] == ["label_a", "label_b", "label_c"]
    assert found["inputs"]["pf_features"] == ["pt", "pf_d0"]
    node = card_file.load(Path(found["folder"]) / "card.toml").networks[0].nodes[0]
    assert (node.cone, node.order, node.pad) == (0.3, "pt", "wrap")
    assert main(words(tmp_path, "--around", "pf=candidate", "--network", "two")) == 0
    out = capsys.readouterr().out
    assert "lepid show muon_mine@two" in out
    node = (
        card_file.load(tmp_path / "models" / "muon_mine" / "two" / "card.toml").networks[0].nodes[0]
    )
    assert (node.cone, node.order, node.pad) == (None, "stored", 9.0)


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        ([], ["pf_points takes up to 4 rows", "--around pf=candidate"]),
        (["--around", "pf"], ["'pf' is not LIST=KIND[,CONE]"]),
        (["--around", "pf=candidate,wide"], ["the cone 'wide' is not a number"]),
        (["--around", "pf=candidate,"], ["the cone '' is not a number"]),
        (["--around", "pf=candidate", "--output-name", "a"], ["1 names of outputs"]),
    ],
)
def test_what_is_refused(
    more: list[str], facts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(tmp_path, *more)) == 1
    err = capsys.readouterr().err
    assert all(fact in err for fact in facts), err
    assert not (tmp_path / "models").exists()
