"""Every card and table of the repository: loads, matches what it names, and can be evaluated."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from pathlib import Path

import correctionlib.cli
import correctionlib.schemav2
import numpy as np
import pytest

from lepid.convert import electron_dnn
from lepid.features import definitions
from lepid.features.electrons import feature_of
from lepid.taggers import card_file, catalogue
from lepid.taggers.card import Card
from lepid.working_points import table as working_points
from lepid.working_points.table import Table
from lepid.working_points.written import EFFICIENCY, TARGET, UNCERTAINTY

pytestmark = pytest.mark.usefixtures("no_search_paths")

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CARDS = sorted((REPOSITORY / "models").glob("*/*/card.toml"))
TABLES = sorted((REPOSITORY / "wp_tables").glob("*/*.json"))


def name(path: Path) -> str:
    return f"{path.parent.parent.name}-{path.parent.name}-{path.stem}"


@pytest.fixture(params=CARDS, ids=name)
def card(request: pytest.FixtureRequest) -> Card:
    return card_file.load(request.param)


@pytest.fixture(params=TABLES, ids=name)
def table(request: pytest.FixtureRequest) -> Table:
    return working_points.read(request.param)


def test_there_is_something_to_check() -> None:
    assert len(CARDS) >= 16
    assert len(TABLES) >= 7
    assert {path.parent.name for path in TABLES} <= {path.parent.parent.name for path in CARDS}


# What else the trees of PLIV are written as.
TREES = (".json", ".onnx")


# --- cards --------------------------------------------------------------------------------------


def test_a_card_says_what_it_is(card: Card) -> None:
    assert card.description
    assert card.source
    assert card.tagger.startswith(f"{card.experiment}_" if card.experiment == "cms" else "")
    assert card.flavour in card.tagger
    assert all(form.source or form.kind == "score"
               for forms in card.discriminants.values() for form in forms)  # fmt: skip


def test_no_card_of_the_repository_is_one_of_a_reference_network_without_saying_so(
    card: Card,
) -> None:
    assert card.reference == card.network.startswith("reference")


def test_a_network_file_beside_a_card_has_its_hash_and_origin(card: Card) -> None:
    folder = REPOSITORY / "models" / card.tagger / card.network
    for network in card.networks:
        file = folder / network.file if network.file else None
        if file and file.exists():
            assert hashlib.sha256(file.read_bytes()).hexdigest() == network.sha256
            assert (folder / "ORIGIN.md").is_file()
            assert (folder / "metrics.json").is_file() == card.reference
    known = {network.file for network in card.networks}
    known |= {"card.toml", "ORIGIN.md", "metrics.json"}
    if card.tagger == "electron_dnn" and card.reference:
        known |= {"network.json", "quantiles.root", "Loose.conf", "Medium.conf", "Tight.conf"}
    if card.tagger.endswith("_pliv") and card.reference:
        known |= {"rnn.json", *(f"{Path(p.file).stem}{end}" for p in card.parts for end in TREES)}
    assert {path.name for path in folder.iterdir()} <= known


def test_tables_of_a_card_belong_to_it(card: Card) -> None:
    for file in card.working_points:
        table = working_points.read(REPOSITORY / "wp_tables" / file)
        assert table.rules.tagger == card.tagger
        assert not set(table.points) & set(card.fields)
        columns = [column for output in card.outputs for column in output.stored]
        paths = [network.path for network in card.networks] or [""]
        for path in paths:
            if path:
                assert table.check_binding("", path, ()) is None
        if columns:
            assert table.check_binding("", "", columns) is None


def test_plit_inputs_are_those_of_athena_in_order() -> None:
    tracks = {
        "muon": (
            "deta_lepton dphi_lepton qOverP btagIp_d0 btagIp_z0SinTheta btagIp_d0Uncertainty "
            "btagIp_z0SinThetaUncertainty d0_significance z0SinTheta_significance "
            "numberOfPixelHits numberOfInnermostPixelLayerHits "
            "numberOfNextToInnermostPixelLayerHits numberOfInnermostPixelLayerSharedHits "
            "numberOfInnermostPixelLayerSplitHits numberOfPixelSharedHits numberOfPixelSplitHits "
            "numberOfSCTHits numberOfSCTSharedHits muon_track"
        ),
        "electron": (
            "dr_lepton deta_lepton dphi_lepton qOverP btagIp_d0 btagIp_z0SinTheta "
            "d0_significance z0SinTheta_significance numberOfInnermostPixelLayerHits "
            "numberOfNextToInnermostPixelLayerHits numberOfInnermostPixelLayerSharedHits "
            "numberOfInnermostPixelLayerSplitHits numberOfPixelHits numberOfPixelSharedHits "
            "numberOfPixelSplitHits numberOfSCTHits numberOfSCTSharedHits electron_track"
        ),
    }
    leptons = {
        "muon": "pt eta phi ptvarcone30TTVARel topoetcone30Rel caloClusterERel",
        "electron": (
            "track_pt track_eta track_phi ptvarcone30Rel topoetcone30Rel caloClusterSumEtRel"
        ),
    }  # fmt: skip
    files = {
        ("muon", "run2"): ["network_run2_muons"],
        ("muon", "run3"): ["network_run3_muons"],
        ("electron", "run2"): ["network_run2_electrons_barrel", "network_run2_electrons_endcap"],
        ("electron", "run3"): ["network_run3_electrons_barrel", "network_run3_electrons_endcap"],
    }
    for (flavour, run), names in files.items():
        card = catalogue.load(f"{flavour}_plit", f"atlas-2025-04-25-{run}")
        area = "IsolationSelection/PLIT/2025-04-25"
        assert [n.path for n in card.networks] == [f"{area}/{file}.onnx" for file in names]
        for network in card.networks:
            lepton, track = network.nodes
            assert (lepton.name, lepton.per) == ("jet_features", "lepton")
            assert (track.name, track.per) == ("track_features", "track")
            assert [i.feature for i in lepton.inputs] == leptons[flavour].split()
            assert [i.feature for i in track.inputs] == tracks[flavour].split()
            assert not network.batched
    assert [n.abseta for n in card.networks] == [(0.0, 1.37), (1.37, np.inf)]


def test_a_card_of_confs_has_the_name_of_a_menu_that_holds_its_conf(card: Card) -> None:
    menus = tomllib.loads(electron_dnn.MENUS.read_text(encoding="utf-8"))
    for network in card.networks:
        if network.conf:
            assert network.path in menus[card.network].values()
            folder = network.path.rpartition("/")[0]
            assert {path.rpartition("/")[0] for path in menus[card.network].values()} == {folder}


def test_every_menu_has_a_card() -> None:
    menus = tomllib.loads(electron_dnn.MENUS.read_text(encoding="utf-8"))
    confs = {
        card.network
        for card in map(card_file.load, CARDS)
        if card.networks[:1] and card.networks[0].conf
    }
    assert confs == set(menus)


def test_electron_inputs_are_those_of_athena_in_order() -> None:
    # In the words of the key Variables.
    both = (
        "dPOverP deltaEta1 deltaPhiRescaled2 trans_TRTPID nPixHitsPlusDeadSensors "
        "nSCTHitsPlusDeadSensors EoverP eta et Rhad1 Rhad f3 f1 weta2 Rphi Reta Eratio wtots1"
    )
    for menu, variables in (
        ("atlas-mc16-20210430", f"d0 d0significance {both}"),
        ("atlas-mc20-20240509", f"d0significance {both} SCTWeightedCharge qd0"),
    ):
        (node,) = catalogue.load("electron_dnn", menu).networks[0].nodes
        wanted = [feature_of(name, menu) for name in variables.split()]
        assert [(entry.feature, entry.unit) for entry in node.inputs] == wanted
        assert [e.feature for e in node.inputs if e.infinite] == ["d0significance"]


@pytest.mark.parametrize(
    ("tagger", "fields"),
    [
        (
            "electron_dnn",
            (
                "pel pcf ppc phf ple plh D_el D_el_cf_background D_CF D_CF_ratio Loose Medium "
                "Tight LooseNoCF MediumNoCF TightNoCF VeryLooseNoCF97"
            ),
        ),
        ("electron_lh", "VeryLoose Loose LooseBL Medium Tight"),
        ("electron_ecids", "score discriminant ECIDS"),
        ("muon_plit", "pmuxpromp pnpxall discriminant"),
        ("electron_plit", "pelxpromp pnpxall discriminant"),
        ("muon_pliv", "score discriminant"),
        ("electron_pliv", "barrel endcap"),
        ("muon_plv", "PromptLeptonVeto LowPtPLV"),
        ("electron_plv", "PromptLeptonVeto LowPtPLV"),
        ("cms_electron_mva_iso", "score discriminant"),
        ("cms_electron_mva_noiso", "score discriminant"),
        ("cms_muon_mva_id", "score discriminant"),
    ],
)  # fmt: skip
def test_fields_that_users_see(tagger: str, fields: str) -> None:
    assert catalogue.load(tagger, "stored").fields == (*fields.split(), "scored")


# --- tables -------------------------------------------------------------------------------------


def test_the_own_validator_of_correctionlib_accepts_it(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    correctionlib.schemav2.CorrectionSet.model_validate_json(table.tables.text)
    monkeypatch.setattr("sys.argv", ["correction", "validate", "--version", "2", table.path])
    assert correctionlib.cli.main() == 0, capsys.readouterr().out


def test_every_correction_is_used_and_every_point_is_decided(table: Table) -> None:
    used = {r.correction for point in table.points for r in table.requirements(point)}
    # Of derived points the file also says how well they are known.
    beside = {f"{name}{suffix}" for name in used for suffix in (UNCERTAINTY, EFFICIENCY, TARGET)}
    assert used <= set(table.tables.names) <= used | beside
    unit = table.axes().get("pt", ("pt", "GeV"))[1]
    pt = np.array([4e3, 9e3, 2e4, 5e4, 1e5, 1e6]) / (1000 if unit == "GeV" else 1)
    axes = {n: pt if n in ("pt", "et") else np.linspace(0, 2.5, 6) for n in table.axes()}
    senses = {r.quantity: r.sense for point in table.points for r in table.requirements(point)}
    # Bit 0 is an electron that is surely one, and no mask has bit 62.
    easy = {">": np.inf, ">=": np.inf, "<": -np.inf, "<=": -np.inf, "bit": 0.0}
    hard = {">": -np.inf, ">=": -np.inf, "<": np.inf, "<=": np.inf, "bit": 62.0}
    for given, expected in ((easy, True), (hard, False)):
        values = {q: np.full(6, given[sense]) for q, sense in senses.items()}
        if "_plv/atlas-r21" in table.path and "fixed-cut" not in table.path:
            # Between its two cuts, and above both.
            values["PromptLeptonVeto"] = np.full(6, -0.9 if expected else 2.5)
        decided = table.decide(values, axes)
        assert list(decided) == table.points
        assert all(passed.tolist() == [expected] * 6 for passed in decided.values())


def test_a_table_has_a_source_and_features_that_exist(table: Table) -> None:
    own = Path(table.path).stem.startswith("reference")
    assert ("lepid's own simulation" if own else "published in") in table.tables.description
    for feature, _ in table.axes().values():
        assert feature in definitions.FEATURES or feature in {"pt", "eta"}
    cards = catalogue.networks(table.rules.tagger)
    fields = {name for card in cards for name in (*card.fields, *card.stored_columns)}
    features = {*definitions.FEATURES, *definitions.DERIVED}
    known = {*fields, *features, "ambiguityType", *PLV_ISOLATION}
    assert set(table.quantities()) <= known
    bound = table.rules.bound_to
    assert bound.inputs or bound.sha256 or bound.path or bound.columns


# Columns of files that the points of PLV cut on beside its scores.
PLV_ISOLATION = {
    "ptvarcone30_TightTTVA_pt1000", "ptvarcone30_TightTTVALooseCone_pt1000", "ptvarcone30",
    "ptvarcone20", "topoetcone20",
}  # fmt: skip

# Tighter points pass a subset: published so for these, for all pt.
NESTED = {
    "muon_plit/atlas-2025-04-25-run3": [
        ("R3PLITasPLIVefficiencyTight", "R3PLITasPLIVefficiencyVeryTight"),
        ("R3PLITasPLIVrejectionTight", "R3PLITasPLIVrejectionVeryTight"),
    ],
    "muon_plit/atlas-2025-04-25-run2": [
        ("R2PLITasPLIVefficiencyTight", "R2PLITasPLIVefficiencyVeryTight"),
        ("R2PLITasPLIVrejectionTight", "R2PLITasPLIVrejectionVeryTight"),
    ],
    **{
        f"{name}/reference-{network}": [("Prompt95", "Prompt90"), ("Prompt90", "Prompt80")]
        for name in ("muon_plit", "electron_plit")
        for network in ("run2", "run3", "run3-tracks")[: 3 if name == "muon_plit" else 2]
    },
    **{
        name: [("Loose", "Medium"), ("Medium", "Tight")]
        for name in (
            "electron_dnn/reference",
            "electron_dnn/reference-binary",
            "electron_lh/reference",
        )
    },
    **{
        f"{flavour}_pliv/reference": [
            ("PLITPrompt95", "PLITPrompt90"),
            ("PLITPrompt90", "PLITPrompt80"),
        ]
        for flavour in ("muon", "electron")
    },
    **{
        f"{flavour}_softbdt/reference": [("HF90", "HF80"), ("HF80", "HF70")]
        for flavour in ("muon", "electron")
    },
    "muon_plv/atlas-r21": [("PLVLoose", "PLVTight")],
    "electron_plv/atlas-r21": [("PLVLoose", "PLVTight")],
    "electron_plv/atlas-r21-no-loose-cone": [("PLVLoose_noLooseCone", "PLVTight_noLooseCone")],
    "muon_plv/atlas-r21-fixed-cut": [],
    "electron_plv/atlas-r21-fixed-cut": [],
    "cms_electron_mva_iso/winter22": [("WP90", "WP80")],
    "cms_electron_mva_noiso/winter22": [("WP90", "WP80")],
    "cms_muon_mva_id/nanoaod-v15": [("Medium", "Tight")],
    "muon_isolation/atlas": [
        ("Loose_VarRad", "Tight_VarRad"),
        ("Loose_FixedRad", "Tight_FixedRad"),
        ("TightTrackOnly_VarRad", "Tight_VarRad"),
        ("TightTrackOnly_FixedRad", "Tight_FixedRad"),
        ("PflowLoose_VarRad", "PflowTight_VarRad"),
        ("PflowLoose_FixedRad", "PflowTight_FixedRad"),
    ],
    "electron_isolation/atlas": [
        ("Loose_VarRad", "Tight_VarRad"),
        ("TightTrackOnly_VarRad", "Tight_VarRad"),
        ("PflowLoose", "PflowTight"),
        ("PflowLoose_FixedRad", "PflowTight_FixedRad"),
    ],
}


# Ranges of what the points of the electron network compare: integers, and numbers.
ELECTRON = {
    "D_el": (-0.5, 2.0), "D_CF": (-2.0, 9.0), "D_LH": (-1.0, 1.0), "abseta_calo": (0.0, 2.6),
    "passesBLayer": (0, 2),
    "nPixHitsPlusDeadSensors": (0, 6), "nSiHitsPlusDeadSensors": (6, 16), "ambiguityType": (0, 8),
}  # fmt: skip


# A single point is tighter than none; those of the reference networks keep as much as each other.
SINGLE = {
    f"muon_tightnn/{name}-run{run}" for name in ("atlas-2025-06-18", "reference") for run in (2, 3)
}


def test_every_table_is_among_the_nested_ones() -> None:
    assert {*NESTED, *SINGLE} == {f"{path.parent.name}/{path.stem}" for path in TABLES}


@pytest.mark.parametrize(
    ("file", "loose", "tight"), [(f, *pair) for f, pairs in NESTED.items() for pair in pairs]
)
def test_a_tighter_point_passes_a_subset(file: str, loose: str, tight: str) -> None:
    table = working_points.read(REPOSITORY / "wp_tables" / f"{file}.json")
    rng = np.random.default_rng(5)
    n = 20_000
    scale = 1000 if table.axes().get("pt", ("pt", "GeV"))[1] == "MeV" else 1
    pt = scale * np.exp(rng.uniform(np.log(3), np.log(500), n))
    axes = {name: pt if name in ("pt", "et") else rng.uniform(0, 3, n) for name in table.axes()}
    values = {}
    for quantity in table.quantities():
        if file.startswith(("electron_dnn", "electron_lh")):
            low, high = ELECTRON[quantity]
            draw = rng.integers if isinstance(low, int) else rng.uniform
            values[quantity] = draw(low, high, n).astype(float)
        elif file.endswith("isolation/atlas") or quantity in PLV_ISOLATION:
            values[quantity] = pt * rng.exponential(0.1, n)
        elif "_plv" in file or "_pliv" in file:
            values[quantity] = rng.uniform(-1.2, 1.2, n)
        else:
            low, high = (-2, 9) if "plit" in file else (0.3, 1)
            values[quantity] = (
                rng.uniform(low, high, n) if "muon_mva" not in file else rng.random(n)
            )
    decided = table.decide(values, axes)
    assert (decided[tight] <= decided[loose]).all()
    assert decided[tight].any()
    assert (decided[tight] < decided[loose]).any()


def test_names_of_points_are_published_ones_and_never_shared() -> None:
    for tagger in catalogue.taggers():
        for card in catalogue.networks(tagger):
            tables = [
                working_points.read(catalogue.table_path(card, t)) for t in card.working_points
            ]
            points = list(itertools.chain.from_iterable(table.points for table in tables))
            assert len(points) == len(set(points))


def test_a_card_is_the_same_when_written_and_read_again(card: Card, tmp_path: Path) -> None:
    path = tmp_path / card.tagger / card.network / "card.toml"
    path.parent.mkdir(parents=True)
    path.write_text(card_file.dump(card), encoding="utf-8")
    assert card_file.load(path) == card
