"""Confs and histograms of Athena's likelihood to a model folder, beside twins in plain Python."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from lepid.cli.main import main
from lepid.convert import athena_files, electron_lh, electron_lh_points
from lepid.errors import BadFile, BadInput
from lepid.features.definitions import FEATURES
from lepid.taggers import card_file, catalogue, likelihood
from lepid.taggers.card import Card
from lepid.taggers.densities import Density
from lepid.working_points import table
from lepid.working_points.table import SENSES, Table

TOY = runpy.run_path(str(Path(__file__).resolve().parent.parent / "likelihoods.py"))
# Of the conf -> what the twin calls them.
NAMES = {"el_f1": "f1", "el_f3": "f3", "el_reta": "Reta", "el_TRT_PID": "trt"}
PDF = "ElectronPhotonSelectorTools/v1/pdfs.root"
LH = (10, 10)


class Area:
    """A calibration area with densities and confs."""

    def __init__(self, root: Path, densities: Path) -> None:
        self.root = root
        self.rng = np.random.default_rng(5)
        self.made = TOY["make"](5)
        self.references = TOY["references"](5)
        (root / PDF).parent.mkdir(parents=True)
        shutil.copy(densities, root / PDF)

    def keys(self, pileup: str = "transform") -> dict[str, Any]:
        """Of a conf with everything; arrays are [n_et, 10] or [10]."""
        rng = np.random.default_rng(6)
        keys: dict[str, Any] = {
            "inputPDFFileName": PDF, "VariableNames": ",".join(NAMES),
            "doSmoothBinInterpolation": "true", "doRemoveF3AtHighEt": "true",
            "doRemoveTRTPIDAtHighEt": "true",
            "CutSi": rng.integers(5, 9, 10), "CutPi": rng.integers(0, 3, 10),
            "CutBL": rng.integers(0, 2, 10), "CutAmbiguity": rng.integers(1, 128, 10),
            "CutA0": rng.uniform(0.1, 2, (9, 10)), "CutDeltaEta": rng.uniform(0, 0.01, (9, 10)),
            "CutDeltaPhiRes": rng.uniform(0, 0.02, (9, 10)),
            "CutWstotAtHighET": rng.uniform(2, 4, 10), "CutEoverPAtHighET": rng.uniform(4, 9, 10),
        }  # fmt: skip
        hard, slope, loose = (
            np.array(self.references[f"pileup_{k}"].content) for k in ("hard", "slope", "loose")
        )
        pairs = {"CutLikelihood": hard}
        if pileup == "transform":
            keys["doPileupTransform"] = "true"
            pairs |= {
                f"Disc{key}ForPileupTransform": value
                for key, value in (("HardCut", hard), ("HardCutSlope", slope), ("Loose", loose))
            }
        elif pileup == "shift":
            pairs["CutLikelihoodPileupCorrection"] = slope
        for key, value in pairs.items():
            keys |= {f"{key}4GeV": value[0], key: value[1:]}
        return keys

    def conf(self, name: str, keys: dict[str, Any], **changes: Any) -> Path:
        path = self.root / f"{name}.conf"
        keys = {k: v for k, v in {**keys, **changes}.items() if v is not None}
        lines = [
            f"{k}: {v if isinstance(v, str) else '; '.join(map(repr, np.ravel(v).tolist()))}"
            for k, v in keys.items()
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def write(file: Any, name: str, made: Any) -> None:
    """The histograms of one variable."""
    for kind, short in (("signal", "sig"), ("background", "bkg")):
        for t, et in enumerate(electron_lh.ET_LABELS):
            for a, abseta in enumerate(electron_lh.ABSETA_LABELS):
                d: Density = made[1][kind].content[t][a]
                edges = np.linspace(d.low, d.high, len(d.content) + 1)
                place = f"{name}/{short}/{name}_{short}_smoothed_hist_from_KDE_et{et:g}eta"
                # Not normalised.
                file[f"{place}{abseta:.2f}"] = (17.0 * d.content, edges)


@pytest.fixture(scope="module")
def pdfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Densities, written once: uproot takes seconds."""
    path = tmp_path_factory.mktemp("pdfs") / "pdfs.root"
    made = TOY["make"](5)
    with uproot.recreate(path) as file:
        for name, twin in NAMES.items():
            write(file, name, made[twin])
    return path


@pytest.fixture
def area(tmp_path: Path, pdfs: Path, no_search_paths: None) -> Area:
    return Area(tmp_path / "area", pdfs)


def convert(tmp_path: Path, **points: Path) -> tuple[Path, Card, Table]:
    folder = electron_lh.convert(points, "mine", tmp_path / "models")
    return folder, card_file.load(folder / "card.toml"), table.read(folder / "points.json")


def discriminants(folder: Path, card: Card, rows: Any) -> Any:
    path = folder / "densities.json.gz"
    return likelihood.get(path, catalogue.sha256(path), card.networks[0]).evaluate(rows)


def rows_for(card: Card, rows: Any) -> Any:
    """Rows of the toy in the order of the card."""
    twins = {"f1": 0, "f3": 1, "Reta": 2, "transformed_e_probability_ht": 3}
    order = [twins[entry.feature] for entry in card.networks[0].nodes[0].inputs]
    return {**rows, "variables": rows["variables"][:, order]}


@pytest.mark.parametrize("pileup", ["transform", "shift"])
def test_the_discriminant_is_that_of_the_twin(tmp_path: Path, area: Area, pileup: str) -> None:
    folder, card, _ = convert(tmp_path, Tight=area.conf("tight", area.keys(pileup)))
    rows = TOY["electrons"](5, 400, area.made)
    found = discriminants(folder, card, rows_for(card, rows))
    grids = area.references if pileup == "transform" else None
    expected = [
        TOY["discriminant"](area.made, {k: v[i] for k, v in rows.items()}, pileup=grids)
        for i in range(400)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_without_densities_from_4_gev_those_from_7_gev_count(
    tmp_path: Path, area: Area, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, grids in area.made.values():
        for grid in grids.values():
            grid.content[0][:] = grid.content[1]
    known = athena_files.read_densities(area.root / PDF)
    left = {place: histogram for place, histogram in known.items() if place.et > 4}
    monkeypatch.setattr(athena_files, "read_densities", lambda path: left)
    folder, card, _ = convert(tmp_path, Tight=area.conf("tight", area.keys("shift")))
    rows = TOY["electrons"](5, 100, area.made)
    rows["bins"][:, 0] = np.linspace(4, 8, 100)
    expected = [
        TOY["discriminant"](area.made, {k: v[i] for k, v in rows.items()}) for i in range(100)
    ]
    found = discriminants(folder, card, rows_for(card, rows))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


# --- decisions ----------------------------------------------------------------------------------

COLUMNS = {
    "nSiHitsPlusDeadSensors": (5, 10), "nPixHitsPlusDeadSensors": (0, 4), "passesBLayer": (0, 2),
    "ambiguityType": (0, 8), "n_vertices": (0, 60),
}  # fmt: skip
RANGES = {"abs_d0": 2.0, "abs_deltaEta1": 0.01, "abs_deltaPhiRescaled2": 0.02, "abs_wtots1": 4.0,
          "EoverP": 9.0}  # fmt: skip


def electron(seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    e = {name: float(rng.integers(*ends)) for name, ends in COLUMNS.items()}
    e |= {name: float(rng.uniform(0, 0.8 * high)) for name, high in RANGES.items()}
    et = [5.0, 6.5, 8.5, 10.0, 12.5, 47.5, 50.0, 125.0, 130.0]
    e["et"] = float(rng.choice(et) if rng.random() < 0.4 else rng.uniform(4, 200))
    abseta = [0.0, 0.1, 1.37, 2.01, 2.47, np.nextafter(2.47, 3)]
    e["abseta_cluster"] = float(rng.choice(abseta) if rng.random() < 0.4 else rng.uniform(0, 2.5))
    return e | {"D_LH": float(rng.uniform(-0.5, 1.5))}


def slow(keys: dict[str, Any], references: Any, e: dict[str, float]) -> dict[str, bool]:
    """Athena's accept bits in order."""
    et, abseta = e["et"], e["abseta_cluster"]
    a = TOY["_bin"](abseta, TOY["CUT_ABSETA"])
    t = TOY["_bin"](et, electron_lh_points.OTHER_ET)
    cut = TOY["cut"](references["pileup_hard"], et, abseta)
    if "CutLikelihoodPileupCorrection" in keys:
        cut += e["n_vertices"] * TOY["cut"](references["pileup_slope"], et, abseta)
    high = et > 125
    return {
        "kinematic": abseta <= 2.47,
        "NSilicon": e["nSiHitsPlusDeadSensors"] >= keys["CutSi"][a],
        "NPixel": e["nPixHitsPlusDeadSensors"] >= keys["CutPi"][a],
        "NBlayer": not keys["CutBL"][a] or e["passesBLayer"] == 1,
        "ambiguity": bool(keys["CutAmbiguity"][a] >> int(e["ambiguityType"]) & 1),
        "LH": e["D_LH"] >= cut,
        "TrackA0": e["abs_d0"] <= keys["CutA0"][t][a],
        "TrackMatchEta": e["abs_deltaEta1"] <= keys["CutDeltaEta"][t][a],
        "TrackMatchPhiRes": e["abs_deltaPhiRescaled2"] <= keys["CutDeltaPhiRes"][t][a],
        "WstotAtHighET": not high or e["abs_wtots1"] <= keys["CutWstotAtHighET"][a],
        "EoverPAtHighET": not high or e["EoverP"] <= keys["CutEoverPAtHighET"][a],
    }


@pytest.mark.parametrize("pileup", ["transform", "shift"])
def test_the_accept_bits_are_those_of_the_twin(tmp_path: Path, area: Area, pileup: str) -> None:
    keys = area.keys(pileup)
    _, card, points = convert(tmp_path, Tight=area.conf("tight", keys))
    sample = [electron(seed) for seed in range(400)]
    values = {name: np.array([e[name] for e in sample]) for name in sample[0]}
    axes = {name: values[feature] for name, (feature, _) in points.axes().items()}
    expected = [slow(keys, area.references, e) for e in sample]
    bits = points.requirements("Tight")
    assert [bit.correction.removeprefix("Tight_") for bit in bits] == list(expected[0])
    for bit in bits:
        found = SENSES[bit.sense](values[bit.quantity], points.cuts(bit, axes)).tolist()
        mine = [e[bit.correction.removeprefix("Tight_")] for e in expected]
        assert found == mine, bit.correction
        assert 0 < sum(found) < len(found)
    passed = [all(e.values()) for e in expected]
    assert points.decide(values, axes)["Tight"].tolist() == passed
    assert 0 < sum(passed) < len(passed) / 2
    known = {*FEATURES, "n_vertices", "D_LH", "ambiguityType"}
    assert {bit.quantity for bit in bits} <= known
    assert points.quantities()["abs_d0"] == "mm"
    assert card.working_points == ("points.json",)
    assert [(r.feature, r.low, r.high) for r in points.rules.range] == [("isForward", None, 0.0)]


def test_an_extra_bin_at_high_et(tmp_path: Path, area: Area) -> None:
    keys = area.keys("shift") | {"useOneExtraHighETLHBin": "true"}
    for key in ("CutLikelihood", "CutLikelihoodPileupCorrection"):
        keys[key] = np.vstack([keys[key], np.full(10, 0.01)])
    _, _, points = convert(tmp_path, Tight=area.conf("tight", keys))
    (bit,) = [r for r in points.requirements("Tight") if r.correction == "Tight_LH"]
    et, cut = np.array([60.0, 124.9, 125.0, 500.0]), np.array(keys["CutLikelihood"])[8:, 0]
    axes = {"et": et, "abseta": np.zeros(4), "pileup": np.zeros(4)}
    assert points.cuts(bit, axes).tolist() == pytest.approx([cut[0], cut[0], 0.01, 0.01])


def test_points_that_share_a_likelihood(tmp_path: Path, area: Area) -> None:
    keys = area.keys()
    loose = area.conf("loose", keys, CutLikelihood=np.array(keys["CutLikelihood"]) - 1, CutA0=None)
    _, _, points = convert(tmp_path, Tight=area.conf("tight", keys), Loose=loose)
    assert points.points == ["Tight", "Loose"]
    assert len(points.requirements("Loose")) == len(points.requirements("Tight")) - 1


def test_the_corrected_delta_eta(tmp_path: Path, area: Area) -> None:
    keys = area.keys() | {"doCorrectDeltaEta": "true"}
    with uproot.update(area.root / PDF) as file:
        write(file, "el_deltaeta1", area.made["f1"])
    conf = area.conf("t", keys, VariableNames="el_deltaeta1,el_f1")
    _, card, points = convert(tmp_path, Tight=conf)
    names = [entry.feature for entry in card.networks[0].nodes[0].inputs]
    assert names == ["el_deltaeta1", "f1"]
    # The cut is on the corrected one too.
    (bit,) = [r for r in points.requirements("Tight") if r.correction == "Tight_TrackMatchEta"]
    assert bit.quantity == "abs_el_deltaeta1"


# --- what is an error ---------------------------------------------------------------------------

ERRORS = {
    "a variable": ({"VariableNames": "el_f1,el_rehta"}, "el_rehta, .*(.|\n)*near: el_reta"),
    "a histogram": ({"VariableNames": "el_f1,el_eratio"}, "no histogram of el_eratio, sig, E_T 4"),
    "calo only": ({"caloOnly": "true"}, "caloOnly is on"),
    "centrality": ({"doCentralityTransform": "true"}, "doCentralityTransform is on"),
    "no reference": (
        {"DiscLooseForPileupTransform": None}, "there is no DiscLooseForPileupTransform"),
    "no low reference": (
        {"DiscLooseForPileupTransform4GeV": None}, "no DiscLooseForPileupTransform4GeV"),
    "a low shift": (
        {"CutLikelihoodPileupCorrection4GeV": np.zeros(10), "CutLikelihood4GeV": None},
        "a CutLikelihoodPileupCorrection4GeV and no CutLikelihood4GeV"),
    "a low shift alone": (
        {"CutLikelihoodPileupCorrection4GeV": np.zeros(10)},
        "a CutLikelihoodPileupCorrection4GeV and no CutLikelihoodPileupCorrection"),
    "no file": ({"inputPDFFileName": "nowhere.root"}, "no file nowhere.root"),
    "a length": ({"CutSi": np.zeros(9)}, "CutSi"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ERRORS)
def test_a_conf_that_cannot_be_converted(tmp_path: Path, area: Area, kind: str) -> None:
    changes, fact = ERRORS[kind]
    with pytest.raises(BadFile, match=fact):
        convert(tmp_path, Tight=area.conf("tight", area.keys(), **changes))
    assert not (tmp_path / "models").exists()


def test_confs_of_different_likelihoods(tmp_path: Path, area: Area) -> None:
    keys = area.keys()
    for key, value in (("VariableNames", "el_f1"), ("PileupMaxForPileupTransform", "40"),
                       ("DiscLooseForPileupTransform", np.zeros((9, 10)))):  # fmt: skip
        other = area.conf("other", keys, **{key: value})
        with pytest.raises(BadFile, match=f"its {key} differs from .*tight.conf"):
            convert(tmp_path, Tight=area.conf("tight", keys), Other=other)


def test_a_point_called_as_a_field(tmp_path: Path, area: Area) -> None:
    with pytest.raises(BadInput, match="cannot be called D_LH"):
        convert(tmp_path, D_LH=area.conf("tight", area.keys()))


def test_densities_that_are_none(tmp_path: Path, area: Area) -> None:
    conf = area.conf("tight", area.keys())
    place = "el_f1/sig/el_f1_sig_smoothed_hist_from_KDE_et10eta0.80"
    for content, edges in (([1.0, 2.0], [0.0, 0.1, 1.0]), ([1.0, -0.1], [0.0, 0.5, 1.0])):
        with uproot.update(area.root / PDF) as file:
            file[place] = (np.array(content), np.array(edges))
        with pytest.raises(BadFile, match=r"el_f1, sig, E_T 10, \|eta\| 0.8: bins of different"):
            convert(tmp_path, Tight=conf)


def test_the_command(tmp_path: Path, area: Area, capsys: pytest.CaptureFixture[str]) -> None:
    conf = area.conf("tight", area.keys())
    words = ["convert", "athena-conf", f"Tight={conf}", "-o", str(tmp_path / "models")]
    assert main([*words, "--network", "mine"]) == 0
    out = capsys.readouterr().out
    assert f"wrote {tmp_path / 'models' / 'electron_lh' / 'mine'}" in out
    assert "working points  Tight" in out
