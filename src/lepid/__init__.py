"""Lepton taggers on columnar events: scores, discriminants, working points, efficiencies."""

from __future__ import annotations

from lepid.association import associate
from lepid.correction import correct
from lepid.derivation import derive
from lepid.discrimination import roc
from lepid.efficiency.counting import EfficiencyTable
from lepid.efficiency.export import read as read_table
from lepid.efficiency.export import write as write_table
from lepid.efficiency.scale_factors.file import write as write_scale_factors
from lepid.efficiency.scale_factors.of_tables import scale_factors
from lepid.efficiency.tag_and_probe.charge_flips import charge_flip_rates
from lepid.efficiency.tag_and_probe.result import probe_efficiency
from lepid.errors import LepidError
from lepid.events.files import open_events as open
from lepid.explanation import explain
from lepid.fractions import optimise_fractions
from lepid.labels import truth
from lepid.measurement import measure
from lepid.pairing import charge_pairs, tag_and_probe
from lepid.pipeline import decide, decorate, iterate
from lepid.provenance import report
from lepid.taggers.catalogue import taggers as list_taggers
from lepid.taggers.session import settings
from lepid.weighting import weights
from lepid.working_points.written import write as write_working_points

__version__ = "0.1.0"

__all__ = [
    "EfficiencyTable",
    "LepidError",
    "__version__",
    "associate",
    "charge_flip_rates",
    "charge_pairs",
    "correct",
    "decide",
    "decorate",
    "derive",
    "explain",
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
