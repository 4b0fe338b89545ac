"""TMVA's XML against a walk in plain Python, and what is refused."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from lepid.convert import tmva_xml
from lepid.errors import BadFile

SCORE = runpy.run_path(str(Path(__file__).resolve().parent.parent / "slow_tmva.py"))["score"]
LEAF = (
    '<Node pos="{pos}" NCoef="0" IVar="-1" Cut="0" cType="1" res="{res}" purity="{purity}"'
    ' nType="{kind}"/>'
)
SPLIT = (
    '<Node pos="{pos}" NCoef="0" IVar="{feature}" Cut="{cut!r}" cType="{way}" res="0" purity="0.5"'
    ' nType="0">{left}{right}</Node>'
)
FILE = """<?xml version="1.0"?>
<MethodSetup Method="BDT::BDT">
  <GeneralInfo><Info name="AnalysisType" value="Classification"/></GeneralInfo>
  <Options>
    <Option name="BoostType" modified="Yes">{boost}</Option>
    <Option name="UseYesNoLeaf" modified="No">{yes_no}</Option>
    <Option name="VarTransform" modified="No">None</Option>
    <Option name="DoPreselection" modified="No">False</Option>
  </Options>
  <Variables NVar="2">
    <Variable VarIndex="1" Expression="eta" Label="eta"/>
    <Variable VarIndex="0" Expression="log(pt)" Label="pt"/>
  </Variables>
  <Transformations NTransformations="0"/>
  <Weights NTrees="6" AnalysisType="{kind}">{trees}</Weights>
</MethodSetup>"""


def node(rng: np.random.Generator, depth: int, pos: str, grad: bool) -> str:
    if depth == 0:
        kind = -99 if grad else int(rng.choice([-1, 1]))
        return LEAF.format(pos=pos, res=rng.normal(), purity=rng.random(), kind=kind)
    sides = {name: node(rng, depth - 1, name[0], grad) for name in ("left", "right")}
    cut, way, feature = (float(rng.choice([-0.5, 0.1, 0.5])), *rng.integers(0, 2, 2))
    return SPLIT.format(pos=pos, feature=feature, cut=cut, way=way, **sides)


def text(boost: str = "Grad", yes_no: str = "True") -> str:
    rng, grad = np.random.default_rng(5), boost == "Grad"
    trees = "".join(
        f'<BinaryTree type="DecisionTree" boostWeight="{rng.random()!r}" itree="{i}">'
        f"{node(rng, 3, 's', grad)}</BinaryTree>"
        for i in range(6)
    )
    return FILE.format(boost=boost, yes_no=yes_no, kind=int(grad), trees=trees)


def rows() -> np.ndarray:
    rng = np.random.default_rng(6)
    found = rng.normal(size=(80, 2)).astype(np.float32)
    found[:30] = rng.choice(np.float32([-0.5, 0.1, 0.5]), (30, 2))
    found[30:40, 0] = np.nan
    return found


@pytest.mark.parametrize(
    ("boost", "yes_no"),
    [("Grad", "True"), ("AdaBoost", "True"), ("AdaBoost", "False"), ("Bagging", "True")],
)
def test_every_boost_and_leaf(boost: str, yes_no: str, tmp_path: Path) -> None:
    path = tmp_path / "bdt.xml"
    path.write_text(text(boost, yes_no))
    forest = tmva_xml.read(path)
    assert forest.inputs == ("pt", "eta")
    found = forest.evaluate(rows())[:, 0]
    np.testing.assert_allclose(found, [SCORE(path, row) for row in rows()], rtol=0, atol=1e-15)
    assert np.std(found) > 0.05


def test_old_files_without_weights_of_trees(tmp_path: Path) -> None:
    path = tmp_path / "bdt.xml"
    content = text("AdaBoost")
    option = '<Option name="UseWeightedTrees">False</Option></Options>'
    path.write_text(content.replace("</Options>", option))
    found = tmva_xml.read(path).evaluate(rows())
    other = tmp_path / "same.xml"
    other.write_text(re.sub('boostWeight="[^"]*"', 'boostWeight="1"', content))
    np.testing.assert_allclose(found, tmva_xml.read(other).evaluate(rows()), rtol=0, atol=1e-15)


def test_expressions_where_labels_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "bdt.xml"
    path.write_text(text().replace('Label="eta"', 'Label="pt"'))
    assert tmva_xml.read(path).inputs == ("log(pt)", "eta")
    path.write_text(text().replace('Label="eta"', 'Label="pt"').replace("log(pt)", "eta"))
    with pytest.raises(BadFile, match="two of one name"):
        tmva_xml.read(path)


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        (">Grad<", ">RealAdaBoost<", ["BoostType 'RealAdaBoost'", "AdaBoost, Bagging"]),
        ('"Classification"', '"Regression"', ["AnalysisType 'Regression'"]),
        ('NTransformations="0"', 'NTransformations="1"', ["transformed", "VarTransform=None"]),
        (">None<", ">N,D<", ["transformed (N,D)"]),
        ('"DoPreselection" modified="No">False', '"DoPreselection">True', ["DoPreselection"]),
        ("BDT::BDT", "MLP::MLP", ["MLP::MLP", "not a BDT"]),
        ("MethodSetup", "Other", ["holds Other, not a BDT"]),
        ('NCoef="0"', 'NCoef="3"', ["tree 0, node 0", "Fisher"]),
        ('IVar="1"', 'IVar="2"', ["tree 0, node", "splits feature 2, there are 2"]),
        ("Cut=\"0.5\"", "Cut=\"nan\"", ["tree 0, node", "the cut is nan"]),
        ('pos="l"', 'pos="x"', ["tree 0, node", "without a left and a right"]),
        ("<BinaryTree", "<Other", ["as XML"]),
    ],
)  # fmt: skip
def test_what_is_refused(old: str, new: str, facts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "bdt.xml"
    assert old in text()
    path.write_text(text().replace(old, new))
    with pytest.raises(BadFile) as error:
        tmva_xml.read(path)
    assert "bdt.xml" in error.value.where
    assert all(fact in str(error.value) for fact in facts), error.value


def test_no_trees_no_weights_and_missing_keys(tmp_path: Path) -> None:
    path = tmp_path / "bdt.xml"
    with pytest.raises(BadFile, match="cannot be read"):
        tmva_xml.read(path)
    start, _ = text("AdaBoost").split("<BinaryTree", 1)
    path.write_text(start + "</Weights></MethodSetup>")
    with pytest.raises(BadFile, match="no trees"):
        tmva_xml.read(path)
    path.write_text(text().replace("purity=", "p=").replace("res=", "r="))
    with pytest.raises(BadFile, match="not a BDT of TMVA"):
        tmva_xml.read(path)
    leaf = LEAF.format(pos="s", res=0, purity=1, kind=1)
    path.write_text(
        f'{start}<BinaryTree boostWeight="0">{leaf}</BinaryTree></Weights></MethodSetup>'
    )
    with pytest.raises(BadFile, match="add up to 0"):
        tmva_xml.read(path)
    path.write_text(start + "<BinaryTree/></Weights></MethodSetup>")
    with pytest.raises(BadFile, match="tree 0 has no node"):
        tmva_xml.read(path)
