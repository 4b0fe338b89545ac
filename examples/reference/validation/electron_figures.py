"""Figures of electrons."""

from __future__ import annotations

from validation.figure import (
    COMPOSITION,
    DNN_CLASSES,
    ELECTRON_CLASSES,
    FRACTION,
    IMPACT,
    ISOLATION,
    LEPTON_SOURCES,
    PEAK,
    PROCESS_AXIS,
    SHAPE,
    Figure,
    Panel,
    Series,
    logarithmic,
    regular,
    variable,
    whole,
)

ABSETA = (0.0, 0.6, 0.8, 1.15, 1.37, 1.52, 1.81, 2.01, 2.25, 2.47)
PT, ABS_ETA = r"$p_{\mathrm{T}}$ [GeV]", r"$|\eta|$"
ONE = Series("region", {1: "electrons"})
ABOVE = ("above 10 GeV",)

FIGURES = (
    Figure(
        name="electron-kinematics",
        title="Electrons: momentum and pseudorapidity",
        kind=SHAPE,
        table="electrons",
        series=ELECTRON_CLASSES,
        panels=(
            Panel("pt", logarithmic(28, 4.5, 200.0), PT, log=True),
            Panel("eta", regular(25, -2.5, 2.5), r"$\eta$"),
        ),
        shows="Transverse momentum and pseudorapidity of electron candidates, by IFF class, all"
        " processes together.",
        expect="Prompt electrons peak near 40 GeV, half the mass of the Z and of the W; the others"
        " fall steeply. Charge flips and conversions are forward, where there is more material.",
        invented="The mixture of processes is ours and follows no cross section. There is no dip"
        " in the crack, 1.37 < |eta| < 1.52: the calorimeter has no gap there.",
    ),
    Figure(
        name="electron-impact",
        title="Electrons: impact parameters",
        kind=SHAPE,
        table="electrons",
        series=ELECTRON_CLASSES,
        panels=IMPACT,
        select=ABOVE,
        shows="Significance of the impact parameters of the electron's track to the beam spot and"
        " to the primary vertex, above 10 GeV; dotted: a Gaussian of unit width.",
        expect="Prompt electrons follow the Gaussian at the core. Electrons of b and c hadrons and"
        " conversions have tails.",
        invented="Resolutions follow simulated ATLAS files; the tails, 4 % of the tracks with"
        " errors 2.5 times the stored ones, are invented. Bremsstrahlung does not move the d0 of"
        " the stored track, which in ATLAS it does.",
    ),
    Figure(
        name="electron-hits",
        title="Electrons: hits and tracks in the cone",
        kind=SHAPE,
        table="electrons",
        series=DNN_CLASSES,
        panels=(
            Panel("numberOfPixelHits", whole(8), "pixel hits"),
            Panel("numberOfSCTHits", whole(12), "SCT hits"),
            Panel("numberOfInnermostPixelLayerHits", whole(3), "hits in the innermost pixel layer"),
            Panel("tracks", whole(24), r"tracks in $\Delta R$ < 0.4 (PLIT)", log=True),
        ),
        select=ABOVE,
        shows="Hits of the electron's track, and the number of tracks within 0.4 that pass the"
        " selection of PLIT, its own included.",
        expect="Four pixel layers and four double-sided strip layers give 4 and 8 hits, and one or"
        " two more where modules overlap. Conversions often miss the innermost layer. Electrons"
        " of hadrons sit in jets.",
        invented="Cylinders stand for the discs of the endcap; the rates of dead modules and of"
        " overlaps are tuned to the means in a simulated ATLAS file.",
    ),
    Figure(
        name="electron-isolation",
        title="Electrons: isolation",
        kind=SHAPE,
        table="electrons",
        series=DNN_CLASSES,
        panels=ISOLATION,
        select=ABOVE,
        shows="Momentum of tracks (above 1 GeV, in the cone that shrinks with momentum) and energy"
        " of clusters around electrons above 10 GeV.",
        expect="Four of five prompt electrons have no track in the cone; their calorimeter sums lie"
        " around zero, with a width of one to two GeV from noise and pile-up. Charge flips and"
        " conversions of prompt photons are as isolated.",
        invented="Noise and pile-up of the calorimeter are random numbers, as wide as in simulated"
        " ATLAS files; leakage of the electron is a Gaussian.",
    ),
    Figure(
        name="electron-shapes",
        title="Electrons: shower shapes",
        kind=SHAPE,
        table="electrons",
        series=DNN_CLASSES,
        panels=(
            Panel("Reta", regular(30, 0.6, 1.05), r"$R_\eta$"),
            Panel("Rphi", regular(30, 0.6, 1.05), r"$R_\phi$"),
            Panel("weta2", regular(30, 0.006, 0.018), r"$w_{\eta 2}$"),
            Panel("wtots1", regular(30, 0.0, 8.0), r"$w_{\mathrm{stot}}$"),
            Panel("Eratio", regular(30, 0.2, 1.0), r"$E_{\mathrm{ratio}}$"),
            Panel("f1", regular(30, 0.0, 0.7), r"$f_1$"),
            Panel("f3", regular(30, -0.01, 0.08), r"$f_3$"),
            Panel("Rhad1", regular(30, -0.08, 0.2), r"$R_{\mathrm{had1}}$"),
            Panel("Rhad", regular(30, -0.08, 0.2), r"$R_{\mathrm{had}}$"),
        ),
        select=ABOVE,
        shows="The shower shapes that the electron DNN reads, by its six classes.",
        expect="Electrons, charge flips and prompt photons are alike; heavy flavour is like"
        " electrons with something beside them; hadrons are wide and leak. No pair of classes"
        " may be told apart too easily.",
        invented="All of it: a few latent quantities, most of them from the particles around,"
        " drive all shapes together. Only the direction of each shift is physics.",
    ),
    Figure(
        name="electron-matching",
        title="Electrons: track and cluster",
        kind=SHAPE,
        table="electrons",
        series=DNN_CLASSES,
        panels=(
            Panel("deltaEta1", regular(30, -0.012, 0.012), r"$\Delta\eta_1$"),
            Panel("deltaPhiRescaled2", regular(30, -0.03, 0.03), r"$\Delta\phi_2$ rescaled"),
            Panel("EoverP", regular(30, 0.0, 3.0), r"$E/p$"),
            Panel("dPOverP", regular(30, -0.2, 1.0), r"$\Delta p/p$", log=True),
            Panel("trans_TRTPID", regular(30, -0.5, 0.6), "TRT electron probability, transformed"),
            Panel(
                "SCTWeightedCharge",
                regular(21, -1.05, 1.05),
                "charge of all tracks, weighted with SCT hits",
                log=True,
            ),
        ),
        select=ABOVE,
        shows="How well the track points to the cluster, how their energies compare, how much"
        " momentum the track lost, and the charge of the other tracks of the electron.",
        expect="E/p of electrons peaks at 1 with a tail above from bremsstrahlung; candidates of"
        " hadrons spread. Charge flips carry tracks of the other charge. The spike at 0 of the"
        " transition radiation are tracks beyond |eta| = 2, where there is no TRT, as in ATLAS.",
        invented="The angular resolution of clusters, the transition radiation, and the momentum"
        " at the last measurement, which is spread around the true one.",
    ),
    Figure(
        name="electron-peaks",
        title="Z and J/psi to electrons",
        kind=PEAK,
        table="electron pairs",
        series=Series("opposite", {1: "pairs"}),
        panels=(
            Panel("mass", regular(60, 60.0, 120.0), r"$m(ee)$ [GeV]", select=("z",)),
            Panel("mass", regular(50, 1.5, 4.5), r"$m(ee)$ [GeV]", select=("jpsi",)),
        ),
        processes=("Zee", "Jpsi_ee"),
        shows="Mass of the two hardest prompt electrons of opposite charge, with a Gaussian"
        " fitted within 1.5 standard deviations of the core.",
        expect="The Z at 91.19 GeV and the J/psi at 3.097 GeV (PDG); photons that the electrons"
        " radiated make the tails below. The core of the Z is its own width of 2.5 GeV with the"
        " resolution of the calorimeter, 10 % over the root of the energy, added; that resolution"
        " makes the J/psi several times wider than in muons. Energy of the cluster, direction of"
        " the track.",
        invented="The energy scale is one number for all electrons; ATLAS corrects for the material"
        " that each has crossed.",
    ),
    Figure(
        name="charge-flips",
        title="Charge flips",
        kind=FRACTION,
        table="electrons",
        series=ONE,
        panels=(
            Panel("abseta", variable(ABSETA), ABS_ETA, y="flipped", y_label="Charge-flip rate"),
            Panel("pt", logarithmic(8, 10.0, 150.0), PT, y="flipped", y_label="Charge-flip rate"),
        ),
        processes=("Zee", "Wjets", "ttbar_nonallhad"),
        select=("true electron", "above 10 GeV"),
        shows="Prompt electrons above 10 GeV whose measured charge is the wrong one, with"
        " Clopper-Pearson intervals.",
        expect="Less than a percent in the barrel and several percent beyond |eta| = 2, where"
        " there is more material: the shape of what ATLAS measures (Eur. Phys. J. C 79 (2019)"
        " 639).",
        invented="Where exactly the material is, and by which distance the best track is chosen.",
    ),
    Figure(
        name="electron-fakes",
        title="What non-prompt electrons are made of",
        kind=COMPOSITION,
        table="electrons",
        series=LEPTON_SOURCES,
        panels=(Panel("process", PROCESS_AXIS, "Fraction of non-prompt electron candidates"),),
        select=("non-prompt", "above 10 GeV"),
        shows="Sources of the electron candidates above 10 GeV that are not prompt, for each"
        " process; the effective number of candidates stands behind each bar, pale below ten.",
        expect="Hadrons lead, since the candidates pass no identification, then photons of hadrons"
        " that converted; b and c hadrons where there are b quarks; conversions of prompt photons"
        " in photon + jet; in Z to muons, radiated photons beside the track of a muon.",
        invented="How often a hadron looks like an electron (8 %), on which the share of hadrons"
        " depends.",
    ),
)
