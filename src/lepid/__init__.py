"""Lepton taggers on columnar events: scores, discriminants, working points, efficiencies."""

from __future__ import annotations

from lepid.analysis.association import associate
from lepid.analysis.correction import correct
from lepid.analysis.derivation import derive
from lepid.analysis.discrimination import roc
from lepid.analysis.explanation import explain
from lepid.analysis.fractions import optimise_fractions
from lepid.analysis.importance import importance
from lepid.analysis.labels import truth
from lepid.analysis.measurement import measure
from lepid.analysis.pairing import charge_pairs, tag_and_probe
from lepid.analysis.weighting import weights
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.results import read as read_table
from lepid.efficiency.results import write as write_table
from lepid.efficiency.scale_factors.file import write as write_scale_factors
from lepid.efficiency.scale_factors.of_measurements import scale_factors
from lepid.efficiency.tag_and_probe.charge_flips import charge_flip_rates
from lepid.efficiency.tag_and_probe.result import probe_efficiency
from lepid.errors import LepidError
from lepid.events.files import open_events as open
from lepid.pipeline import add_working_points, decide, decorate, iterate
from lepid.provenance import report
from lepid.taggers.catalogue import taggers as list_taggers
from lepid.taggers.session import settings
from lepid.working_points.written import write as write_working_points

__version__ = "0.1.0"

__all__ = [
    "EfficiencyTable",
    "LepidError",
    "__version__",
    "add_working_points",
    "associate",
    "charge_flip_rates",
    "charge_pairs",
    "correct",
    "decide",
    "decorate",
    "derive",
    "explain",
    "importance",
    "iterate",
    "list_taggers",
    "measure",
    "open",
    "optimise_fractions",
    "probe_efficiency",
    "read_table",
    "report",
    "roc",
    "scale_factors",
    "settings",
    "tag_and_probe",
    "truth",
    "weights",
    "write_scale_factors",
    "write_table",
    "write_working_points",
]


def __dir__() -> list[str]:
    return __all__
