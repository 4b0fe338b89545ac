"""Figures of muons."""

from __future__ import annotations

from validation.figure import (
    COMPOSITION,
    IMPACT,
    ISOLATION,
    LEPTON_SOURCES,
    MUON_CLASSES,
    PEAK,
    PROCESS_AXIS,
    SHAPE,
    Figure,
    Panel,
    Series,
    logarithmic,
    regular,
    whole,
)
from validation.leptons import KAON, PION

PT = r"$p_{\mathrm{T}}$ [GeV]"
IN_FLIGHT = Series("source", {PION: "pions", KAON: "kaons"})
ABOVE = ("above 10 GeV",)

FIGURES = (
    Figure(
        name="muon-kinematics",
        title="Muons: momentum and pseudorapidity",
        kind=SHAPE,
        table="muons",
        series=MUON_CLASSES,
        panels=(
            Panel("pt", logarithmic(28, 2.5, 200.0), PT, log=True),
            Panel("eta", regular(50, -2.5, 2.5), r"$\eta$"),
        ),
        shows="Transverse momentum and pseudorapidity of combined muons, by IFF class, all"
        " processes together.",
        expect="Prompt muons peak near 40 GeV; below 3 GeV muons do not come through the"
        " calorimeter. There is a gap at |eta| < 0.1, where ATLAS has few chambers.",
        invented="The mixture of processes, which follows no cross section; the turn-on above the"
        " energy loss.",
    ),
    Figure(
        name="muon-impact",
        title="Muons: impact parameters",
        kind=SHAPE,
        table="muons",
        series=MUON_CLASSES,
        panels=IMPACT,
        select=ABOVE,
        shows="Significance of the impact parameters of the muon's inner track to the beam spot and"
        " to the primary vertex, above 10 GeV; dotted: a Gaussian of unit width.",
        expect="Prompt muons follow the Gaussian at the core; muons of b hadrons, which fly half a"
        " millimetre and more, have the widest tails.",
        invented="Resolutions follow simulated ATLAS files; the tails, 4 % of the tracks with"
        " errors 2.5 times the stored ones, are invented.",
    ),
    Figure(
        name="muon-hits",
        title="Muons: hits and tracks in the cone",
        kind=SHAPE,
        table="muons",
        series=MUON_CLASSES,
        panels=(
            Panel("numberOfPixelHits", whole(8), "pixel hits"),
            Panel("numberOfSCTHits", whole(12), "SCT hits"),
            Panel("precisionHits", whole(50), "precision hits in the spectrometer"),
            Panel("tracks", whole(24), r"tracks in $\Delta R$ < 0.4 (PLIT)", log=True),
        ),
        select=ABOVE,
        shows="Hits of the inner track and of the spectrometer, and the number of tracks within"
        " 0.4 that pass the selection of PLIT, its own included.",
        expect="4 pixel and 8 strip hits, one or two more where modules overlap; prompt muons stand"
        " alone, muons of hadrons in jets.",
        invented="The hits of the spectrometer follow simulated ATLAS files on average, but know"
        " nothing of chambers and sectors beyond large and small.",
    ),
    Figure(
        name="muon-isolation",
        title="Muons: isolation",
        kind=SHAPE,
        table="muons",
        series=MUON_CLASSES,
        panels=ISOLATION,
        select=ABOVE,
        shows="Momentum of tracks (above 1 GeV, in the cone that shrinks with momentum) and energy"
        " of clusters around muons above 10 GeV.",
        expect="Six of seven prompt muons have no track in the cone, as in simulated ATLAS top"
        " events, and calorimeter sums around zero; muons of b and c hadrons carry a good part of"
        " their jet.",
        invented="Noise and pile-up of the calorimeter, as for electrons. What lies within 0.06 of"
        " a muon counts as its own, such that calorimeter and track sums of non-prompt muons are"
        " in the proportion of simulated ATLAS files.",
    ),
    Figure(
        name="muon-agreement",
        title="Muons: agreement of the two tracks",
        kind=SHAPE,
        table="muons",
        series=MUON_CLASSES,
        panels=(
            Panel("rhoPrime", regular(30, 0.0, 0.6), r"$\rho'$", log=True),
            Panel("qOverPSignificance", regular(30, 0.0, 10.0), r"$q/p$ significance", log=True),
            Panel(
                "momentumBalanceSignificance",
                regular(30, -5.0, 10.0),
                "momentum balance significance",
                log=True,
            ),
            Panel(
                "scatteringCurvatureSignificance",
                regular(30, -6.0, 6.0),
                "scattering curvature significance",
                log=True,
            ),
            Panel(
                "scatteringNeighbourSignificance",
                regular(30, -6.0, 6.0),
                "scattering neighbour significance",
                log=True,
            ),
            Panel("spectrometerFieldIntegral", regular(30, 0.0, 10.0), "field integral [T m]"),
        ),
        select=ABOVE,
        shows="What tells decays in flight from other muons above 10 GeV: how the momenta in inner"
        " detector and spectrometer compare, and kinks of the inner track.",
        expect="All but the decays in flight look alike. The scattering significances are the"
        " largest of several sums with their sign, so that zero is rare. A muon of a pion keeps"
        " 57 % or more of its momentum, one of a kaon as little as 5 %: the inner track measures a"
        " mixture and the spectrometer the muon, so that rho' and the balance have positive tails.",
        invented="How the fit of one helix shares a kink between its parameters; the angles at"
        " nine scatterers instead of the real ones.",
    ),
    Figure(
        name="muon-peaks",
        title="Z and J/psi to muons",
        kind=PEAK,
        table="muon pairs",
        series=Series("opposite", {1: "pairs"}),
        panels=(
            Panel("mass", regular(60, 60.0, 120.0), r"$m(\mu\mu)$ [GeV]", select=("z",)),
            Panel("mass", regular(50, 2.7, 3.5), r"$m(\mu\mu)$ [GeV]", select=("jpsi",)),
        ),
        processes=("Zmumu", "Jpsi_mumu"),
        shows="Mass of the two hardest prompt muons of opposite charge, with a Gaussian fitted"
        " within 1.5 standard deviations of the core.",
        expect="The Z at 91.19 GeV and the J/psi at 3.097 GeV (PDG). ATLAS gives the momentum"
        " resolution as 1.7 % (central, 10 GeV) to 4 % (forward, 100 GeV; Eur. Phys. J. C 74 (2014)"
        " 3130): for the pair that is 1.2 % and more, 0.04 GeV of the J/psi and, with the width of"
        " the Z itself, about 2 GeV.",
        invented="Nothing beyond the resolutions, which are tuned to simulated ATLAS files.",
    ),
    Figure(
        name="muon-fakes",
        title="What non-prompt muons are made of",
        kind=COMPOSITION,
        table="muons",
        series=LEPTON_SOURCES,
        panels=(Panel("process", PROCESS_AXIS, "Fraction of non-prompt muons"),),
        select=("non-prompt", "above 10 GeV"),
        shows="Sources of the muons above 10 GeV that are not prompt, for each process, with the"
        " weights of forced decays; the effective number of muons stands behind each bar, pale"
        " below ten.",
        expect="b and c hadrons lead where there are b quarks; decays of pions and kaons matter"
        " where there are none, and in photon + jet muon pairs of the photon itself. Hadrons that"
        " punch through the calorimeter do not exist here.",
        invented="The chance that a kinked track is found.",
    ),
    Figure(
        name="forced-decays",
        title="Weights of forced decays",
        kind=SHAPE,
        table="muons",
        series=IN_FLIGHT,
        panels=(
            Panel(
                "log weight", regular(30, -4.0, 1.0), "log10 of the weight", log=True, weight="one"
            ),
            Panel("pt", logarithmic(20, 2.5, 100.0), PT, log=True),
        ),
        select=("forced",),
        shows="Weights of the muons whose decay in flight was forced (every muon counts once), and"
        " their momentum (weighted).",
        expect="Weights below one: a pion of 10 GeV decays within a metre once in some five hundred"
        " times, and an event offers a few or, in top pairs, many. Where the weight is above one,"
        " forcing has cost statistics instead of winning it.",
        invented="The part of the events, one in four, in which a decay is forced.",
    ),
)
