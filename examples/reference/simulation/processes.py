"""The processes that Pythia generates, and the settings that make each of them."""

from __future__ import annotations

from dataclasses import dataclass

from simulation import constants as c


@dataclass(frozen=True)
class Process:
    """Settings of one process.

    Parameters
    ----------
    settings : lines of Pythia
    leptonic : keep hard processes with a charged lepton only
    soft : multiparton interactions are part of the process, not an option
    """

    settings: tuple[str, ...]
    leptonic: bool = False
    soft: bool = False


def _only(boson: int, *daughters: int) -> tuple[str, str]:
    listed = " ".join(str(daughter) for daughter in daughters)
    return f"{boson}:onMode = off", f"{boson}:onIfAny = {listed}"


def _biased(least: float, power: float, reference: float) -> tuple[str, ...]:
    """Hard processes from `least` on, thrown (pT / reference)^power too often and weighted."""
    return (
        f"PhaseSpace:pTHatMin = {least}",
        "PhaseSpace:bias2Selection = on",
        f"PhaseSpace:bias2SelectionPow = {power}",
        f"PhaseSpace:bias2SelectionRef = {reference}",
    )


_TOP = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
_Z = ("WeakSingleBoson:ffbar2gmZ = on", f"PhaseSpace:mHatMin = {c.DRELL_YAN_MASS_MIN}")
# The first of the two 3S1 states is J/psi, the second psi(2S).
_JPSI = (
    *(
        f"Charmonium:{incoming}2ccbar(3S1)[{state}]{outgoing} = on,off"
        for state in ("3S1(8)", "1S0(8)", "3PJ(8)")
        for incoming, outgoing in (("gg", "g"), ("qg", "q"), ("qqbar", "g"))
    ),
    "Charmonium:gg2ccbar(3S1)[3S1(1)]g = on,off",
    *_biased(c.JPSI_PT_MIN, c.JPSI_BIAS_POWER, c.JPSI_PT_MIN),
)
_W = (
    "WeakBosonAndParton:qqbar2Wg = on",
    "WeakBosonAndParton:qg2Wq = on",
    f"PhaseSpace:pTHatMin = {c.W_PT_MIN}",
)
_PHOTON = ("PromptPhoton:qg2qgamma = on", "PromptPhoton:qqbar2ggamma = on")
_JET_BIAS = _biased(c.JET_PT_MIN, c.JET_BIAS_POWER, c.JET_PT_MIN)

PROCESSES: dict[str, Process] = {
    "ttbar_nonallhad": Process(_TOP, leptonic=True),
    "ttbar_allhad": Process((*_TOP, *_only(24, 1, 2, 3, 4, 5))),
    "Zee": Process((*_Z, *_only(23, 11))),
    "Zmumu": Process((*_Z, *_only(23, 13))),
    "Jpsi_ee": Process((*_JPSI, *_only(443, 11))),
    "Jpsi_mumu": Process((*_JPSI, *_only(443, 13))),
    "Wjets": Process((*_W, *_only(24, 11, 13))),
    "photon_jet": Process((*_PHOTON, *_JET_BIAS)),
    "dijet": Process(("HardQCD:all = on", "PromptPhoton:all = on", *_JET_BIAS)),
    "minbias": Process(("SoftQCD:inelastic = on",), soft=True),
}


def process_code(name: str) -> int:
    """Position of a process in `PROCESSES`, the code of `Particles.process`.

    Raises
    ------
    ValueError : there is no such process
    """
    if name not in PROCESSES:
        message = f"there is no process {name!r}; use one of {', '.join(PROCESSES)}"
        raise ValueError(message)
    return list(PROCESSES).index(name)
